//! Bars of the crate's own solvers.

use crate::common::solving::{self, ROWS, Run, STARTS};

/// Rows of an instance, and instances of each kind.
const SIZES: (usize, usize) = (60, 5000);
const INSTANCES: u64 = 100;

/// Newton in the cell on gradient inversion, from near and from the edge.
pub fn cell_newton() {
    for rows in ROWS {
        for from in STARTS {
            let runs: Vec<Run> = (0..INSTANCES)
                .map(|seed| solving::newton(rows, from, SIZES, seed))
                .collect();
            summary(&format!("{rows:?} {from:?}"), &runs);
        }
    }
}

/// Levenberg–Marquardt in the cell on score inversion.
pub fn levenberg_marquardt() {
    let sizes = (SIZES.0, SIZES.1 / 4);
    for rows in ROWS {
        for from in STARTS {
            let runs: Vec<Run> = (0..INSTANCES)
                .map(|seed| solving::levenberg_marquardt(rows, from, sizes, seed))
                .collect();
            summary(&format!("{rows:?} {from:?}"), &runs);
        }
        let runs: Vec<Run> = (0..INSTANCES)
            .map(|seed| solving::after_recovery(rows, sizes, seed))
            .collect();
        summary(&format!("{rows:?} after global recovery"), &runs);
    }
}

/// How many came within 1e-10, and in how many iterations.
pub fn summary(what: &str, runs: &[Run]) {
    let mut iterations: Vec<u64> = runs.iter().filter_map(|r| r.iterations).collect();
    iterations.sort_unstable();
    let worst = runs.iter().map(|r| r.error).fold(0.0, f64::max);
    let at = |part: f64| {
        let k = (part * iterations.len() as f64) as usize;
        iterations.get(k.min(iterations.len().saturating_sub(1)))
    };
    println!(
        "{what:34} {:>3}/{} within 1e-10, iterations median {:?} most {:?}, worst error {worst:.0e}",
        iterations.len(),
        runs.len(),
        at(0.5).copied().unwrap_or(0),
        iterations.last().copied().unwrap_or(0),
    );
}

/// The default comparison, twice.
pub fn comparison() {
    use levinv::compare::{Comparison, Contender, Suite};
    use levinv::solver::NamedSolver;

    let run = || {
        let started = std::time::Instant::now();
        let tasks = Suite::Default.tasks(0).expect("problems");
        let solvers = NamedSolver::ALL.iter().copied().map(Contender::from);
        let records = Comparison::new(tasks, solvers.collect()).run(|_| {});
        (records, started.elapsed().as_secs_f64())
    };
    let [(first, took), (second, again)] = [(); 2].map(|()| run());
    let equal = first
        .iter()
        .zip(&second)
        .filter(|(a, b)| a.counts == b.counts && a.reached == b.reached)
        .count();
    let problems = first.len() / NamedSolver::ALL.len();
    println!(
        "{} solvers × {problems} problems, {} evaluations allowed: {took:.1} s, again {again:.1} s",
        NamedSolver::ALL.len(),
        levinv::compare::EVALUATIONS,
    );
    println!("counts equal in both: {equal} of {} pairs", first.len());
    for outcome in levinv::compare::Outcome::ALL {
        let rows = first.iter().filter(|r| r.outcome == outcome).count();
        println!("  {:15} {rows}", outcome.name());
    }
}
