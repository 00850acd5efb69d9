//! Bars of the sampling of rows.

use std::time::Instant;

use levinv::sample::{Sampled, Scheme, ScoreMethod, Sketch, Subsample, leverage_scores};
use levinv::{DVector, Design};
use nalgebra_sparse::CsrMatrix;
use rand::Rng;

use crate::common::instances::{normal, rng};
use crate::common::sampling::{
    DATA, Data, SCHEMES, STORAGE, Setting, Tally, methods, spectral as measure,
};

const SETTING: Setting = Setting {
    n: 10_000,
    d: 10,
    epsilon: 0.5,
    delta: 0.1,
    draws: 1000,
};

fn line(what: &str, scheme: Scheme, tally: &Tally, fails: bool) {
    let fraction = tally.outside as f64 / SETTING.draws as f64;
    let small = tally.size <= SETTING.most_rows();
    let ok = small && (fraction <= SETTING.delta) != fails;
    println!(
        "{what:36} {:20} m = {:5} of {:5}: outside {:5.1} % of {:.0} %, worst {:8.2e} {}",
        format!("{scheme:?}"),
        tally.size,
        SETTING.most_rows(),
        100.0 * fraction,
        100.0 * SETTING.delta,
        tally.worst,
        match (ok, fails) {
            (true, true) => "fails, as it should",
            (true, false) => "ok",
            _ => "MISSED",
        }
    );
}

pub fn spectral() {
    let Setting {
        n,
        d,
        epsilon,
        delta,
        draws,
    } = SETTING;
    println!("n = {n}, d = {d}, ε = {epsilon}, δ = {delta}, {draws} draws each");
    for data in DATA {
        for storage in STORAGE {
            for (name, method) in methods() {
                let tallies = measure(&SETTING, data, storage, Some(method));
                for (scheme, tally) in SCHEMES.iter().zip(&tallies) {
                    line(
                        &format!("{data:?}, {storage:?}, {name}"),
                        *scheme,
                        tally,
                        false,
                    );
                }
            }
        }
    }
    for data in [Data::RowScaled, Data::Coherent] {
        for storage in STORAGE {
            let tallies = measure(&SETTING, data, storage, None);
            for (scheme, tally) in SCHEMES.iter().zip(&tallies) {
                line(
                    &format!("{data:?}, {storage:?}, uniform"),
                    *scheme,
                    tally,
                    true,
                );
            }
        }
    }
}

/// `nonzeros` normal entries in each row.
pub fn sparse(n: usize, d: usize, nonzeros: usize) -> Design<f64> {
    let mut rng = rng(5);
    let mut columns = Vec::with_capacity(n * nonzeros);
    for _ in 0..n {
        let mut row = rand::seq::index::sample(&mut rng, d, nonzeros).into_vec();
        row.sort_unstable();
        columns.extend(row);
    }
    let values = (0..n * nonzeros).map(|_| normal(&mut rng)).collect();
    let offsets = (0..=n).map(|i| i * nonzeros).collect();
    CsrMatrix::try_from_csr_data(n, d, offsets, columns, values)
        .expect("sorted")
        .into()
}

/// The best of three, in seconds.
fn seconds(mut work: impl FnMut()) -> f64 {
    let mut once = || {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    };
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// The exponent p of y ~ xᵖ by least squares of logarithms.
pub fn exponent(x: &[f64], y: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().map(|v| v.ln()).sum::<f64>() / v.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let (mut xy, mut xx) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        xy += (x.ln() - mx) * (y.ln() - my);
        xx += (x.ln() - mx).powi(2);
    }
    xy / xx
}

pub fn time() {
    const D: usize = 50;
    const NONZEROS: usize = 10;
    const COLUMNS: [&str; 6] = [
        "AᵀDA",
        "exact, drawn",
        "sparse sign",
        "sign, k = 16",
        "scores given",
        "gram alone",
    ];
    println!("d = {D}, {NONZEROS} entries a row, ε = 0.5, δ = 0.1; seconds of draw and gram");
    print!("{:>9} {:>6}", "n", "m");
    COLUMNS.iter().for_each(|c| print!(" {c:>13}"));
    println!();
    let coarse = Sketch::sparse_sign().columns(16).expect("positive");
    let (mut sizes, mut times) = (Vec::new(), vec![Vec::new(); COLUMNS.len()]);
    for n in [10_000, 31_623, 100_000, 316_228, 1_000_000] {
        let design = sparse(n, D, NONZEROS);
        let mut rng = rng(6);
        let diagonal = DVector::from_fn(n, |_, _| rng.random_range(0.5..2.0));
        let subsample = Subsample::accuracy(0.5, 0.1).expect("in range");
        let scores = leverage_scores(&design, &diagonal.map(f64::sqrt), &ScoreMethod::Exact, 0)
            .expect("full rank");
        let given = || subsample.draw_by(&scores, D, &diagonal, 1).expect("sound");
        let sampled = given();
        let drawn = |method: ScoreMethod| {
            // As many rows each, so that only the scores differ.
            let rows = Subsample::rows(subsample.size(n, D)).expect("positive");
            let sampled = rows.scores(method).draw(&design, &diagonal, 1);
            sampled.and_then(|s| s.gram(&design)).expect("sound");
        };
        let all = Sampled::from_all(&diagonal).expect("sound");
        let row = [
            seconds(|| drop(all.gram(&design))),
            seconds(|| drawn(ScoreMethod::Exact)),
            seconds(|| drawn(ScoreMethod::Sketched(Sketch::sparse_sign()))),
            seconds(|| drawn(ScoreMethod::Sketched(coarse))),
            seconds(|| drop(given().gram(&design))),
            seconds(|| drop(sampled.gram(&design))),
        ];
        print!("{n:>9} {:>6}", sampled.drawn());
        row.iter().for_each(|t| print!(" {t:>13.5}"));
        println!();
        sizes.push((n * NONZEROS) as f64);
        times.iter_mut().zip(row).for_each(|(all, t)| all.push(t));
    }
    print!("{:>16}", "nnz exponent");
    times
        .iter()
        .for_each(|t| print!(" {:>13.2}", exponent(&sizes, t)));
    println!();
}
