//! The order of solvers.

use std::cmp::Reverse;

use super::bootstrap::{percentiles, resamples};
use super::grid::{Costs, Grid, ratios};
use super::measure::Measure;
use super::record::{ACCURACIES, Outcome, Record};
use super::words::quantile;
use crate::error::Error;

/// The ratio up to which the area under a performance profile counts. Beyond it,
/// the limit of [`EVALUATIONS`](super::EVALUATIONS) = 1000 cuts profiles off on
/// problems that the best solves in some thirty.
pub const RATIO_MAX: f64 = 32.0;

/// Scores that round to the same multiple of this tie: far above the rounding of a
/// mean over any number of problems that can be run. A power of two, so that
/// simple fractions lie in the middle of what is rounded.
const SCORE_GRID: f64 = 1.0 / (1u64 << 33) as f64;

/// Solvers from best to worst.
///
/// The score is the area under the performance profile on a logarithmic axis,
///
/// ```text
/// 1/log₂R ∫₀^{log₂R} ρ_s(2ᵘ) du = mean over problems of max(0, 1 − log₂ r_ps / log₂R)
/// ```
///
/// with R = [`RATIO_MAX`] and 0 for a problem that s did not solve: 1 for a solver
/// that is best everywhere. Ties go to the higher success rate, then to the name.
/// What counts as solved is as for
/// [`performance_profile`](super::performance_profile()), and the caution there
/// holds: the score depends on who else takes part. See
/// [`stability`](super::stability()).
///
/// # Example
/// ```
/// use levinv::compare::{Measure, Outcome, Ranking, Record, Task};
/// # use levinv::{DVector, Functions, solver::Counts};
/// # let row = |solver: &str, problem: &str, cost: Option<u64>| -> Result<Record, levinv::Error> {
/// #     let f = Functions::new(1, |x: &DVector<f64>| x.norm_squared(), |x: &DVector<f64>| 2.0 * x);
/// #     let task = Task::first_order(problem, f, DVector::zeros(1))?;
/// #     let mut row = Record::without_run((solver, &task), Outcome::Failed, String::new());
/// #     row.reached[2] = cost.map(|cost| Counts { cost, ..Counts::default() });
/// #     Ok(row)
/// # };
/// // `a` needs twice the evaluations, but `b` fails on the second problem.
/// let records = [row("a", "p", Some(20))?, row("b", "p", Some(10))?, row("a", "q", Some(50))?, row("b", "q", None)?];
/// let ranking = Ranking::of(&records, 2, &Measure::default(), 0)?;
/// let [a, b] = &ranking.rows[..] else { panic!() };
/// assert_eq!((&*a.solver, a.score), ("a", 0.9)); // the mean of 1 − 1/5 and 1
/// assert_eq!((&*b.solver, b.success[2]), ("b", 0.5));
/// assert_eq!(b.failures, [(Outcome::Failed, 1)]);
/// assert_eq!(b.interval, (1, 2)); // of other problems, `b` might solve all
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Ranking {
    /// The accuracy that counts as solved, an index into [`ACCURACIES`].
    pub accuracy: usize,
    /// How many problems judged.
    pub problems: usize,
    /// The solvers, best first.
    pub rows: Vec<Ranked>,
}

/// A solver's place.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Ranked {
    /// The solver's name.
    pub solver: String,
    /// Its place, from 1.
    pub rank: usize,
    /// Percentiles 2.5 and 97.5 of its place over other draws of problems. Where
    /// many solvers are about as good, its place itself can lie outside: the best
    /// of them is seldom the best again.
    pub interval: (usize, usize),
    /// The area under its performance profile, from 0 to 1.
    pub score: f64,
    /// The share of problems solved to each of [`ACCURACIES`].
    pub success: [f64; ACCURACIES.len()],
    /// Percentiles 2.5 and 97.5 of the share at the ranking's accuracy.
    pub success_interval: (f64, f64),
    /// The median cost of the problems it solved.
    pub cost: Option<f64>,
    /// The median ratio of its cost to the best on the problem, of those.
    pub ratio: Option<f64>,
    /// How it ended on the problems that it did not solve, in the order of
    /// [`Outcome::ALL`]; a pair without a row was not applicable.
    pub failures: Vec<(Outcome, usize)>,
}

impl Ranking {
    /// Ranks the solvers. O(B·S·P) for S solvers, P problems and B =
    /// [`RESAMPLES`](super::RESAMPLES).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the accuracy (an index into [`ACCURACIES`]) or a
    /// price.
    pub fn of(
        records: &[Record],
        accuracy: usize,
        measure: &Measure,
        seed: u64,
    ) -> Result<Self, Error> {
        measure.check(accuracy)?;
        Ok(Self::of_grid(&Grid::of(records), accuracy, measure, seed))
    }

    pub(super) fn of_grid(grid: &Grid<'_>, accuracy: usize, measure: &Measure, seed: u64) -> Self {
        let standing = Standing::new(&grid.solvers, grid.costs(accuracy, measure));
        let (n, solvers) = (grid.problems.len(), grid.solvers.len());
        let mut ranks = vec![Vec::new(); solvers];
        let mut solved = vec![Vec::new(); solvers];
        for weights in resamples(n, seed) {
            for (place, s) in standing.order(&weights).into_iter().enumerate() {
                ranks[s].push(place + 1);
                solved[s].push(standing.solved(s, &weights));
            }
        }
        let share = |count: u64| count as f64 / n.max(1) as f64;
        let all = vec![1; n];
        let ranked = |(place, s): (usize, usize)| {
            let (fewest, most) = percentiles(std::mem::take(&mut solved[s]));
            let reached = |at: usize| {
                grid.rows(s)
                    .iter()
                    .flatten()
                    .filter(move |r| r.has_reached(at))
            };
            Ranked {
                solver: grid.solvers[s].to_string(),
                rank: place + 1,
                interval: percentiles(std::mem::take(&mut ranks[s])),
                score: standing.score(s, &all),
                success: std::array::from_fn(|at| share(reached(at).count() as u64)),
                success_interval: (share(fewest), share(most)),
                cost: median(&standing.costs[s]),
                ratio: median(&standing.ratios[s]),
                failures: grid.failures(s, accuracy),
            }
        };
        let rows = standing.order(&all).into_iter().enumerate().map(ranked);
        Ranking {
            accuracy,
            problems: n,
            rows: rows.collect(),
        }
    }
}

fn median(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    quantile(&known, 0.5)
}

/// What solvers are ordered by, for any weights of problems.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    names: Vec<&'a str>,
    costs: Costs,
    ratios: Costs,
    /// What each problem adds to the score.
    merits: Vec<Vec<f64>>,
}

/// Higher is better.
type Key = (i64, u64);

impl<'a> Standing<'a> {
    pub(super) fn new(names: &[&'a str], costs: Costs) -> Self {
        let ratios = ratios(&costs);
        let merit = |ratio: &Option<f64>| {
            let dearness = ratio.map_or(1.0, |r| r.log2() / RATIO_MAX.log2());
            (1.0 - dearness).max(0.0)
        };
        let of_solver = |row: &Vec<_>| row.iter().map(merit).collect();
        Standing {
            names: names.to_vec(),
            merits: ratios.iter().map(of_solver).collect(),
            ratios,
            costs,
        }
    }

    /// The same with these solvers alone.
    pub(super) fn among(&self, solvers: &[usize]) -> Self {
        let names: Vec<&str> = solvers.iter().map(|&s| self.names[s]).collect();
        Standing::new(
            &names,
            solvers.iter().map(|&s| self.costs[s].clone()).collect(),
        )
    }

    /// Solvers from best to worst.
    pub(super) fn order(&self, weights: &[u64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_by_cached_key(|&s| (Reverse(self.key(s, weights)), self.names[s]));
        order
    }

    /// The score, then the problems solved.
    pub(super) fn key(&self, solver: usize, weights: &[u64]) -> Key {
        let score = (self.score(solver, weights) / SCORE_GRID).round() as i64;
        (score, self.solved(solver, weights))
    }

    fn score(&self, solver: usize, weights: &[u64]) -> f64 {
        let on = self.merits[solver].iter().zip(weights);
        let sum: f64 = on.map(|(merit, &w)| w as f64 * merit).sum();
        sum / weights.iter().sum::<u64>().max(1) as f64
    }

    pub(super) fn solved(&self, solver: usize, weights: &[u64]) -> u64 {
        let on = self.costs[solver].iter().zip(weights);
        on.filter(|(cost, _)| cost.is_some()).map(|(_, w)| w).sum()
    }
}
