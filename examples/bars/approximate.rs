//! Bars of the sampled Newton methods.

use std::time::Instant;

use levinv::adapter::ArgminProblem;
use levinv::solver::{ApproximateNewton, PreconditionedNewton, SolverState};
use levinv::{DVector, Model, Objective, TiltedBarrier};

use super::sampling::{exponent, sparse};
use super::solvers::summary;
use crate::common::approximate::{self, Loss};
use crate::common::solving::{ROWS, Run};

/// The papers' regime: contraction and straightness.
pub fn ridge_dominated() {
    for loss in [Loss::Scores, Loss::Gradient] {
        for epsilon in [0.5, 0.25, 0.1] {
            let runs: Vec<_> = (0..20)
                .map(|seed| approximate::dominated(loss, epsilon, seed))
                .collect();
            let bound = epsilon / (1.0 - epsilon);
            let all: Vec<f64> = runs.iter().flat_map(|r| r.contractions()).collect();
            let within = all.iter().filter(|c| **c <= bound).count();
            let mean = (all.iter().map(|c| c.ln()).sum::<f64>() / all.len() as f64).exp();
            let most = all.iter().copied().fold(0.0, f64::max);
            let straight = runs.iter().map(|r| r.straightness()).fold(1.0, f64::min);
            let reached = runs
                .iter()
                .filter(|r| r.errors.iter().any(|e| *e <= 1e-12))
                .count();
            let domination = runs.iter().map(|r| r.domination).fold(0.0, f64::max);
            let (m, n) = runs[0].sample;
            println!(
                "{loss:?} ε = {epsilon}: ε₀ ≤ {domination:.3}, {m} of {n} rows; {within}/{} iterations ≤ {bound:.3}, geometric mean {mean:.3}, most {most:.3}; 1e-12 reached {reached}/20, least R² {straight:.4}",
                all.len()
            );
        }
    }
}

/// Outer iterations that the bar allows.
const OUTER: u64 = 20;

/// Gradient inversion from anywhere in the cell.
pub fn general() {
    for rows in ROWS {
        let runs: Vec<Run> = (0..100)
            .map(|seed| approximate::preconditioned(rows, (60, 5000), seed))
            .collect();
        summary(&format!("{rows:?}, preconditioned"), &runs);
        let few = |r: &&Run| r.iterations.is_some_and(|k| k <= OUTER);
        let few = runs.iter().filter(few).count();
        let inner = |r: &Run| r.inner as f64 / r.all.max(1) as f64;
        let most = runs.iter().map(inner).fold(0.0, f64::max);
        let mean = runs.iter().map(inner).sum::<f64>() / runs.len() as f64;
        println!(
            "    {few}/{} in {OUTER} iterations or fewer; inner iterations of each: mean {mean:.1}, largest average of a run {most:.1}",
            runs.len()
        );
        let runs: Vec<Run> = (0..100)
            .map(|seed| approximate::sampled_alone(rows, (60, 5000), seed))
            .collect();
        summary(&format!("{rows:?}, sampled alone"), &runs);
    }
}

/// Time and memory of one iteration on sparse rows.
pub fn iteration_time() {
    const D: usize = 50;
    const NONZEROS: usize = 10;
    println!("d = {D}, {NONZEROS} entries a row; one iteration on φ");
    println!(
        "{:>9} {:>10} {:>13} {:>15} {:>13}",
        "n", "sample", "preconditioned", "peak beyond A", "of A"
    );
    let (mut sizes, mut times) = (Vec::new(), [Vec::new(), Vec::new()]);
    for n in [10_000, 31_623, 100_000, 316_228, 1_000_000] {
        let design = sparse(n, D, NONZEROS);
        let mut rng = crate::common::instances::rng(9);
        let b = DVector::from_fn(n, |_, _| -rand::Rng::random_range(&mut rng, 0.5..1.5));
        let model = Model::new(design, b).expect("full rank");
        let start = DVector::zeros(D);
        let loss = TiltedBarrier::new(&model, DVector::zeros(D)).expect("a target");
        let loss = loss.in_cell_of(&start).expect("a cell");
        let (before, _) = memory();
        let each = [
            iteration(loss.clone(), ApproximateNewton::new(), &start),
            iteration(loss, PreconditionedNewton::new(), &start),
        ];
        let beyond = memory().1.saturating_sub(before);
        let own = n * NONZEROS * 16;
        println!(
            "{n:>9} {:>8.1}ms {:>12.1}ms {:>12.1}MB {:>11.1}MB",
            1e3 * each[0],
            1e3 * each[1],
            beyond as f64 / 1e6,
            own as f64 / 1e6
        );
        sizes.push((n * NONZEROS) as f64);
        times.iter_mut().zip(each).for_each(|(all, t)| all.push(t));
    }
    println!(
        "nnz exponent: sample {:.2}, preconditioned {:.2}",
        exponent(&sizes, &times[0]),
        exponent(&sizes, &times[1])
    );
}

/// Seconds of one iteration, the mean of five.
fn iteration<O, S>(objective: O, solver: S, start: &DVector<f64>) -> f64
where
    O: Objective<f64>,
    S: argmin::core::Solver<ArgminProblem<f64, O>, SolverState<f64>>,
{
    const ITERATIONS: u64 = 5;
    let run = argmin::core::Executor::new(ArgminProblem::new(objective), solver);
    let started = Instant::now();
    let run = run
        .configure(|s| s.param(start.clone()).max_iters(ITERATIONS))
        .run();
    let iterations = run.expect("a start inside").state.iter;
    started.elapsed().as_secs_f64() / iterations as f64
}

/// Resident bytes now and at most since the last call; zero where the system
/// does not say. What the allocator keeps of earlier work counts as resident: a
/// difference is a lower bound of what was allocated, off by some ten MB.
fn memory() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(name));
        let number = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<usize>().ok());
        number.unwrap_or(0) * 1024
    };
    let seen = (field("VmRSS:"), field("VmHWM:"));
    // The peak begins anew.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    seen
}
