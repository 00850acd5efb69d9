//! What speaks against relying on a comparison.

use super::grid::Grid;
use super::ranking::Standing;
use super::record::{Outcome, Record};
use super::stability::flips;
use super::words::{count, quoted};

/// Problems below which advice comes with a caution: a share of one half, the least
/// certain, is known to ±1/√P, which is 22 % at 20.
pub const FEW_PROBLEMS: usize = 20;

/// How far the gradient has fallen at what passes for a minimum: near one, f − f*
/// goes with its square, and 1e-6 is the accuracy that is mostly asked for.
const STATIONARY: f64 = 1e-3;

/// How many that change the order of the first three are named.
const NAMED: usize = 5;

pub(super) fn cautions(grid: &Grid<'_>, standing: &Standing<'_>, accuracy: usize) -> Vec<String> {
    let mut cautions = Vec::new();
    let n = grid.problems.len();
    if (1..FEW_PROBLEMS).contains(&n) {
        let problems = count(n, "problem", "problems");
        let share = (100.0 / (n as f64).sqrt()).round();
        cautions.push(format!(
            "only {problems}: a share near one half is known to ±{share} % only"
        ));
    }
    if let Some((solver, problem)) = grid.repeated.first() {
        let rows = count(grid.repeated.len(), "row repeats", "rows repeat");
        cautions.push(format!(
            "{rows} the names of a solver and a problem that were there before ({solver} on \
             «{problem}»): only the last of each counts"
        ));
    }
    cautions.extend(unknown_least(grid));
    cautions.extend(limits(grid, accuracy));
    let doubtful = |p: &usize| {
        let mut rows = (0..grid.solvers.len()).filter_map(|s| grid.rows(s)[*p]);
        rows.any(|row| row.warning.is_some())
    };
    let doubtful: Vec<&str> = (0..n)
        .filter(doubtful)
        .map(|p| grid.problems[p].name)
        .collect();
    if !doubtful.is_empty() {
        cautions.push(format!(
            "verification is in doubt about {}",
            quoted(&doubtful)
        ));
    }
    if !grid.refused.is_empty() {
        let refused = quoted(&grid.refused);
        cautions.push(format!(
            "left out, since their derivatives are wrong: {refused}"
        ));
    }
    let flips = flips(grid, standing);
    let (first, others): (Vec<_>, Vec<_>) = flips.iter().partition(|flip| flip.changes_winner());
    cautions.extend(first.iter().map(ToString::to_string));
    if !others.is_empty() {
        let mut without: Vec<String> = others.iter().map(|f| f.left_out.to_string()).collect();
        if without.len() > NAMED {
            without.truncate(NAMED);
            without.push(format!("{} more", others.len() - NAMED));
        }
        let without = without.join(", ");
        cautions.push(format!(
            "the order of the first three is another without any one of these: {without}"
        ));
    }
    for caution in &mut cautions {
        *caution = format!("Caution: {caution}.");
    }
    cautions
}

/// Problems judged by what runs found, and those of them where that is no minimum.
fn unknown_least(grid: &Grid<'_>) -> Vec<String> {
    let rows = |p: usize| {
        (0..grid.solvers.len())
            .filter_map(move |s| grid.rows(s)[p])
            .filter(|row| row.outcome.was_run())
    };
    let unknown = |p: &usize| rows(*p).any(|row| !row.least_is_known);
    let unknown: Vec<usize> = (0..grid.problems.len()).filter(unknown).collect();
    // NaN and infinite values are no minima either.
    let is_minimum = |p: &usize| {
        let mut best = rows(*p).filter(|row| row.value <= row.least_value);
        best.any(|row| row.gradient_reduction <= STATIONARY)
    };
    let names = |of: &[usize]| {
        let names: Vec<&str> = of.iter().map(|&p| grid.problems[p].name).collect();
        quoted(&names)
    };
    let open: Vec<usize> = unknown.iter().copied().filter(|p| !is_minimum(p)).collect();
    let mut cautions = Vec::new();
    if !unknown.is_empty() {
        let names = names(&unknown);
        cautions.push(format!(
            "the least value is not known for {names}: judged by the best that these runs found"
        ));
    }
    if !open.is_empty() {
        let names = names(&open);
        cautions.push(format!(
            "the best found is no minimum for {names}, which may have none: successes there mean \
             nothing"
        ));
    }
    cautions
}

/// Runs that a larger limit might have let through.
fn limits(grid: &Grid<'_>, accuracy: usize) -> Option<String> {
    let rows = (0..grid.solvers.len()).flat_map(|s| grid.rows(s).iter().flatten());
    let failed: Vec<&Record> = rows.filter(|r| !r.has_reached(accuracy)).copied().collect();
    let stopped = |which: Outcome| failed.iter().filter(|r| r.outcome == which).count();
    let (evaluations, time) = (stopped(Outcome::Evaluations), stopped(Outcome::Time));
    let sum = evaluations + time;
    (sum > 0).then(|| {
        let runs = count(sum, "run that failed was", "runs that failed were");
        format!(
            "{runs} stopped by a limit ({evaluations} of evaluations, {time} of time): larger \
             ones may change this"
        )
    })
}
