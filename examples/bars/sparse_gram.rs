//! Designs whose Gram matrix is sparse itself, beside a dense factor where one can
//! be; and where rows are long, sketched scores beside exact ones.

use std::time::Instant;

use levinv::recover::{GradientRecovery, Recovery, ScoreRecovery, SignKnowledge};
use levinv::sample::{ScoreMethod, Sketch, leverage_scores};
use levinv::{DVector, Design, Factorisation, Model, Signs};
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use rand::Rng;
use rand::rngs::StdRng;

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

/// Recovery from scores with known signs, and from a gradient with a start.
pub fn recovery() {
    println!("one thread: seconds, products and factorisations, relative error of x, error bars");
    for k in [30, 60, 100] {
        let mut rng = rng(5);
        let a = grid(k, &mut rng);
        let (n, d) = (a.nrows(), a.ncols());
        let x = DVector::from_fn(d, |_, _| normal(&mut rng));
        let slack = |rng: &mut StdRng| {
            let size: f64 = rng.random_range(0.5..2.0);
            if rng.random() { size } else { -size }
        };
        let b = &a * &x - DVector::from_fn(n, |_, _| slack(&mut rng));
        let model = Model::new(a, b).expect("a sound instance");
        let at = model.at(&x).expect("a point");
        let signs = Signs::of(at.slack()).expect("none is zero");
        let (scores, gradient) = (at.scores().expect("in memory").clone(), at.score_gradient());
        let gradient = gradient.expect("in memory");
        println!("grid {k}×{k}: n = {n}, d = {d}");
        let tell = |what: &str, run: &dyn Fn() -> Recovery<f64>| {
            let started = Instant::now();
            let found = run();
            let seconds = started.elapsed().as_secs_f64();
            let error = found.x.as_ref().map(|found| (found - &x).norm() / x.norm());
            let (error, sure) = (error.unwrap_or(f64::NAN), found.error_estimate());
            let sure = sure.unwrap_or(f64::NAN);
            let (status, evaluations) = (found.status, found.evaluations);
            println!("  {what:9} {status} {seconds:8.2} {evaluations:5} {error:9.1e} {sure:9.1e}");
        };
        threads(1, || {
            tell("scores", &|| {
                let run = ScoreRecovery::new(&model, scores.clone()).expect("scores");
                let run = run.signs(SignKnowledge::Known(signs.clone()));
                run.expect("a sign a row").run().expect("in memory")
            });
            tell("gradient", &|| {
                // Towards x from a tenth of what the smallest slack allows.
                let start = x.map(|v| v + 0.02 * v.signum());
                let run = GradientRecovery::new(&model, gradient.clone()).expect("d numbers");
                let run = run.signs(signs.clone()).expect("a sign a row");
                let run = run.start(start).expect("a point");
                run.run().expect("inside the cell")
            });
        });
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
                        let started = Instant::now();
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
