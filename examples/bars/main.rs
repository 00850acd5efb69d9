//! Prints the figure behind every claim of the project.
//!
//! ```sh
//! cargo run --release --example bars -- NAME    # or: all
//! ```
//!
//! The measurements are those of `tests/common/measure.rs`, of which the tests
//! run a small part.

#[path = "../../tests/common/mod.rs"]
mod common;

mod approximate;
mod audit;
mod certificates;
mod command;
mod designs;
mod evaluation;
mod few_rows;
mod hessian;
mod intervals;
mod large;
mod ridge;
mod sampling;
mod solvers;
mod sparse_gram;
mod test_functions;
mod unbounded;
mod verify;

use std::time::Instant;

use common::double_double::DoubleDouble;
use common::instances;
use common::measure::{
    Storage, gradient_recovery, model, quantities, relative_error, score_recovery,
    score_recovery_f32, solver_rate,
};
use common::reference::cases;
use levinv::Objective;
use levinv::recover::ScoreRecovery;
use levinv::solver::NamedSolver;

/// A bar by name: what it measures, and how.
type Bar = (&'static str, &'static str, fn());

const BARS: &[Bar] = &[
    (
        "stackloss",
        "the demonstration's recovered coefficients against 60-digit ones",
        command::stackloss,
    ),
    (
        "reference",
        "every quantity of the twelve reference cases, f64, dense and sparse",
        reference,
    ),
    (
        "reference-command",
        "the same through `levinv evaluate --json`",
        command::reference,
    ),
    (
        "double-double",
        "the same formulas in 106 bits against 40 digits",
        double_double,
    ),
    (
        "hard",
        "random hard instances against double-double, dense and sparse",
        hard,
    ),
    (
        "argmin",
        "argmin's solvers: instances of 20 brought below 1e-8",
        argmin,
    ),
    (
        "recovery",
        "100 random instances of each recovery",
        recovery,
    ),
    (
        "intervals",
        "coverage of 95 % intervals at 3, 6 and 9 decimals and three noise levels",
        intervals::intervals,
    ),
    (
        "intervals-calibration",
        "coverage by how far noise spreads x, ω",
        intervals::calibration,
    ),
    (
        "designs",
        "factors, polynomials, replicates, lone rows: recovered, or what is free named",
        designs::designs,
    ),
    (
        "infeasible-scores",
        "scores that no x has, proved, and scores over six decades that some x has",
        designs::infeasible_scores,
    ),
    (
        "few-rows",
        "scores with unknown signs and d + 1 rows up to the lift's limit",
        few_rows::few_rows,
    ),
    (
        "scale",
        "n = 100 000, d = 20: time of an evaluation and of a recovery",
        scale,
    ),
    (
        "evaluation",
        "n = 100 000, d = 50 and 100: cost, gradient, products beside the raw kernels",
        evaluation::evaluation,
    ),
    (
        "sparse",
        "n = 1 000 000, d = 100, 10 a row: the same beside one AᵀDA by row pairs",
        evaluation::sparse,
    ),
    (
        "sparse-gram",
        "grids and splines of up to 100 000 parameters: a sparse factor beside a dense one",
        sparse_gram::sparse_gram,
    ),
    (
        "sparse-recovery",
        "x from the scores of grids of up to 10 000 parameters: times and errors",
        sparse_gram::recovery,
    ),
    (
        "sketched",
        "exact leverage scores beside sketched ones, by the length of rows",
        sparse_gram::sketched,
    ),
    (
        "hessian",
        "n = 10 000, d = 50: full Hessians beside the raw kernel and beside d products",
        hessian::hessian,
    ),
    (
        "cell-newton",
        "gradient inversion by Newton in the cell, from near and from the edge",
        solvers::cell_newton,
    ),
    (
        "levenberg-marquardt",
        "score inversion by Levenberg–Marquardt in the cell",
        solvers::levenberg_marquardt,
    ),
    (
        "ridge",
        "stationary points with ridges from 1e-6 to 1e3, judged in 237 bits",
        ridge::ridge,
    ),
    (
        "unbounded",
        "cells in which no x has the gradient, proved, and cells in which one has",
        unbounded::unbounded,
    ),
    (
        "spectral",
        "sampled Gram matrices that leave 1 ± ε, 1000 draws each",
        sampling::spectral,
    ),
    (
        "sampling-time",
        "time of a sample and its Gram matrix against all rows",
        sampling::time,
    ),
    (
        "ridge-dominated",
        "the approximate Newton of the papers: contraction and rate",
        approximate::ridge_dominated,
    ),
    (
        "general",
        "gradient inversion by sampled and preconditioned Newton, from anywhere",
        approximate::general,
    ),
    (
        "iteration-time",
        "time and memory of one iteration of the sampled methods on sparse rows",
        approximate::iteration_time,
    ),
    (
        "certificates",
        "1000 certificates against solutions in 237 bits",
        certificates::certificates,
    ),
    (
        "compare",
        "the default comparison of all solvers, twice",
        solvers::comparison,
    ),
    (
        "verify-extended",
        "wrong coefficients of closed forms in 237 bits, caught and named",
        verify::extended,
    ),
    (
        "verify-f64",
        "the same for the shipped f64 code",
        verify::double,
    ),
    (
        "verify-blackbox",
        "the same with differences alone",
        verify::blind,
    ),
    (
        "verify-entries",
        "a symmetric pair of entries wrong by a thousandth",
        verify::entries,
    ),
    (
        "verify-large",
        "n = 2000, d = 50: what a verification takes",
        verify::large,
    ),
    (
        "audit",
        "what a publication leaks: predicted against simulated errors, and the time",
        audit::audit,
    ),
    (
        "large",
        "rows in a file, n = 1e7, d = 20 [n] [d]: memory and time to evaluate and recover",
        large::dense,
    ),
    (
        "large-sparse",
        "the same with ten entries a row in memory: memory beyond the data",
        large::sparse,
    ),
    (
        "verify-testfunctions",
        "every derivative that argmin_testfunctions ships",
        test_functions::shipped,
    ),
];

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let chosen: Vec<&Bar> = BARS
        .iter()
        .filter(|bar| name == "all" || bar.0 == name)
        .collect();
    if chosen.is_empty() {
        println!("bars: one of");
        BARS.iter()
            .for_each(|(name, what, _)| println!("  {name:20} {what}"));
        std::process::exit(2);
    }
    for (name, what, run) in chosen {
        println!("== {name}: {what}");
        let started = Instant::now();
        run();
        println!("-- {:.1} s\n", started.elapsed().as_secs_f64());
    }
}

/// Prints the worst error of each case, its bound, and where it was.
fn report(case: &str, bound: f64, errors: impl Iterator<Item = (String, f64)>) {
    let (place, worst) = errors.fold(
        (String::new(), 0.0f64),
        |m, e| if e.1 >= m.1 { e } else { m },
    );
    let verdict = if worst <= bound { "ok" } else { "MISSED" };
    println!("{case:12} worst {worst:8.1e} of {bound:7.0e} {verdict:6} ({place})");
}

fn reference() {
    for case in cases() {
        let mut errors = Vec::new();
        for storage in [Storage::Dense, Storage::Sparse] {
            for (key, found) in quantities::<f64>(&case, storage) {
                errors.push((
                    format!("{key}, {storage:?}"),
                    relative_error(&found, &case.value(key)),
                ));
            }
        }
        report(&case.name, case.tolerance(), errors.into_iter());
    }
}

fn double_double() {
    for case in cases() {
        let errors = quantities::<DoubleDouble>(&case, Storage::Dense)
            .into_iter()
            .map(|(key, found)| {
                let digits = case.digits(key);
                let expected = digits
                    .iter()
                    .map(|s| s.parse::<DoubleDouble>().expect("a decimal"));
                let (mut size, mut off) = (0.0f64, 0.0f64);
                for (f, e) in found.into_iter().zip(expected) {
                    size = size.max(e.to_f64().abs());
                    off = off.max((f - e).to_f64().abs());
                }
                (key.to_string(), off / size)
            });
        let bound = if case.name == "cond1e8" {
            f64::INFINITY
        } else {
            1e-20
        };
        report(&case.name, bound, errors);
    }
}

fn hard() {
    for (kind, bound) in common::hard::KINDS {
        let (quantity, worst) = common::hard::worst(kind, 200);
        let verdict = if worst <= *bound { "ok" } else { "MISSED" };
        println!("{kind:30} worst {worst:8.1e} of {bound:7.0e} {verdict:6} ({quantity})");
    }
}

fn argmin() {
    println!(
        "{:20} {:>7} {:>10} {:>8}   {:>7} {:>10} {:>8}",
        "", "scores", "worst", "evals", "gradient", "worst", "evals"
    );
    for &solver in NamedSolver::ALL {
        // Newton has no line search: it is asked for from nearby only.
        let fraction = if solver == NamedSolver::Newton {
            0.001
        } else {
            0.05
        };
        let (scores, gradient) = (
            solver_rate(solver, true, fraction, 20),
            solver_rate(solver, false, fraction, 20),
        );
        println!(
            "{:20} {:>4}/20 {:>10.0e} {:>8}   {:>5}/20 {:>10.0e} {:>8}",
            solver.name(),
            scores.reached,
            scores.worst,
            scores.evaluations,
            gradient.reached,
            gradient.worst,
            gradient.evaluations
        );
    }
}

fn recovery() {
    let line = |what: &str, bound: f64, errors: common::measure::Errors| {
        let count = errors.0.len();
        println!(
            "{what:42} {:>3}/{count} within {bound:.0e}, worst {:.1e}",
            errors.within(bound),
            errors.worst()
        );
    };
    line("scores, signs known", 1e-11, score_recovery(100, true));
    line("scores, signs unknown", 1e-11, score_recovery(100, false));
    line(
        "gradient, hit-and-run start",
        1e-10,
        gradient_recovery(100, true),
    );
    line("gradient, no start", 1e-10, gradient_recovery(100, false));
    line(
        "scores in f32, signs known",
        1e-4,
        score_recovery_f32(100, true),
    );
    line(
        "scores in f32, signs unknown",
        1e-4,
        score_recovery_f32(100, false),
    );
}

fn scale() {
    let (n, d) = (100_000, 20);
    let mut rng = instances::rng(1);
    let instance = instances::random(&mut rng, n, d, true);
    let model = model(instance.a, instance.b, Storage::Dense);
    let scores = model
        .at(&instance.x)
        .expect("inside")
        .scores()
        .expect("in memory")
        .clone();
    let loss = levinv::ScoreInversion::new(&model, scores.clone()).expect("a target");
    let near = &instance.x * 1.001;
    let started = Instant::now();
    loss.value(&near).expect("inside");
    loss.gradient(&near).expect("inside");
    println!(
        "value and gradient of L_D: {:.3} s",
        started.elapsed().as_secs_f64()
    );
    for seed in 0..3 {
        let started = Instant::now();
        let found = ScoreRecovery::new(&model, scores.clone())
            .expect("scores")
            .seed(seed)
            .run()
            .expect("in memory");
        let seconds = started.elapsed().as_secs_f64();
        let error = found.x.map_or(f64::INFINITY, |x| {
            (x - &instance.x).norm() / instance.x.norm()
        });
        println!(
            "recovery with signs unknown: {seconds:.2} s, error {error:.1e}, {}",
            found.status
        );
    }
}
