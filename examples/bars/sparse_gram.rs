//! Designs whose Gram matrix is sparse itself, beside a dense factor where one can
//! be; and where rows are long, sketched scores beside exact ones.

use levinv::sample::{ScoreMethod, Sketch, leverage_scores};
use levinv::{DVector, Design, Factorisation, Model};
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use rand::Rng;

use crate::common::instances::{normal, rng};
use crate::common::sparse::{band, grid};
use crate::evaluation::{objectives, threads, times};

/// Times at one design, and how the dense way compares.
pub fn sparse_gram() {
    let mut rng = rng(3);
    println!("one thread, ms: cost, value + gradient, a further product");
    let designs: [(&str, CsrMatrix<f64>, bool); 6] = [
        ("grid 32×32", grid(32, &mut rng), true),
        ("grid 100×100", grid(100, &mut rng), false),
        ("grid 316×316", grid(316, &mut rng), false),
        ("spline, 4 a row", band(20_000, 250, 4, &mut rng), true),
        ("spline, 4 a row", band(20_000, 1_000, 4, &mut rng), true),
        (
            "spline, 4 a row",
            band(1_000_000, 100_000, 4, &mut rng),
            false,
        ),
    ];
    for (name, a, dense) in designs {
        let (n, d) = (a.nrows(), a.ncols());
        let x = DVector::from_fn(d, |_, _| rng.random_range(-1.0..1.0));
        let b = &a * &x - DVector::from_fn(n, |_, _| rng.random_range(0.5..2.0));
        let model = Model::new(a, b).expect("a sound instance");
        println!(
            "{name}: n = {n}, d = {d}, {:?}",
            model.at(&x).expect("a point").factorisation()
        );
        let dense = dense.then(|| model.with_factorisation(Factorisation::CholeskyTwice));
        let by_dense = dense.as_ref().map(objectives);
        for (k, (name, f)) in objectives(&model).iter().enumerate() {
            let own = threads(1, || times(&**f, &x)).map(|t| 1e3 * t);
            print!("  {name:4} {:9.2} {:9.2} {:9.2}", own[0], own[1], own[2]);
            if let Some(by_dense) = &by_dense {
                let by = threads(1, || times(&*by_dense[k].1, &x)).map(|t| 1e3 * t);
                print!(
                    "   dense {:9.2} {:9.2} {:9.2}, {:.0} times value + gradient",
                    by[0],
                    by[1],
                    by[2],
                    by[1] / own[1]
                );
            }
            println!();
        }
    }
}

/// Exact and sketched leverage scores by the length of rows.
pub fn sketched() {
    let mut rng = rng(4);
    println!("one thread, ms: exact leverage scores, sketched ones, their ratio");
    for (n, d) in [(200_000, 100), (100_000, 300), (50_000, 1_000)] {
        for per_row in [5, 10, 20, 50, d] {
            let mut coo = CooMatrix::new(n, d);
            for i in 0..n {
                for j in rand::seq::index::sample(&mut rng, d, per_row) {
                    coo.push(i, j, normal(&mut rng));
                }
            }
            let design: Design<f64> = CsrMatrix::from(&coo).into();
            let w = DVector::from_element(n, 1.0);
            let time = |method: ScoreMethod| {
                let scores = || drop(leverage_scores(&design, &w, &method, 1).expect("rank d"));
                // Seconds a time where rows are long: the best of three.
                let once = threads(1, || {
                    let time = |_| {
                        let started = std::time::Instant::now();
                        scores();
                        started.elapsed().as_secs_f64()
                    };
                    (0..3).map(time).fold(f64::INFINITY, f64::min)
                });
                1e3 * once
            };
            let exact = time(ScoreMethod::Exact);
            let sketched = time(ScoreMethod::Sketched(Sketch::default()));
            println!(
                "n = {n:6}, d = {d:4}, {per_row:4} a row: {exact:8.1} {sketched:8.1} {:6.2}",
                exact / sketched
            );
        }
    }
}
