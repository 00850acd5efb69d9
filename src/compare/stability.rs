//! Whether the order hangs on one solver, one problem, one family.

use std::fmt;

use super::grid::Grid;
use super::measure::Measure;
use super::ranking::Standing;
use super::record::Record;
use super::words::list;
use crate::error::Error;

/// Places that are looked at.
const PLACES: usize = 3;

/// What was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum LeftOut {
    /// A solver, by name.
    Solver(String),
    /// A problem, by name.
    Problem(String),
    /// All problems of a family, by name.
    Family(String),
}

/// A change among the first three places. Its text is a warning in words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Flip {
    /// Without what it comes about.
    pub left_out: LeftOut,
    /// The first three before, the solver that is left out not counted.
    pub before: Vec<String>,
    /// The first three then.
    pub after: Vec<String>,
}

impl Flip {
    /// Whether another solver is first.
    pub fn changes_winner(&self) -> bool {
        self.before.first() != self.after.first()
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftOut::Solver(name) => write!(f, "solver «{name}»"),
            LeftOut::Problem(name) => write!(f, "problem «{name}»"),
            LeftOut::Family(name) => write!(f, "family «{name}»"),
        }
    }
}

impl fmt::Display for Flip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "without {}", self.left_out)?;
        let of = match self.left_out {
            LeftOut::Solver(_) => " of the others",
            LeftOut::Problem(_) | LeftOut::Family(_) => "",
        };
        match (&self.before[..], &self.after[..]) {
            ([was, ..], [is, ..]) if was != is => {
                write!(f, ", {was} is no longer first{of}, {is} is")
            }
            (before, after) => {
                let (before, after) = (list(before), list(after));
                write!(f, ", the first{of} are {after} instead of {before}")
            }
        }
    }
}

/// Leaves out each solver, each problem and each family in turn, and tells where
/// the first of the [`Ranking`](super::Ranking), or the order of the first three,
/// is another.
///
/// Leaving a solver out can change the order of the others, since ratios are to
/// the best: of three or more solvers a performance profile compares each with the
/// best, not two with one another. Families of one problem are that problem; what
/// would leave nothing is not tried.
///
/// # Errors
/// [`Error::OutOfRange`] for the accuracy (an index into
/// [`ACCURACIES`](super::ACCURACIES)) or a price.
///
/// # Complexity
/// O(SP(S + P)) for S solvers and P problems.
///
/// # Example
/// ```
/// use levinv::compare::{Measure, Outcome, Record, Task, stability};
/// # use levinv::{DVector, Functions, solver::Counts};
/// # let row = |solver: &str, problem: &str, cost: Option<u64>| -> Result<Record, levinv::Error> {
/// #     let f = Functions::new(1, |x: &DVector<f64>| x.norm_squared(), |x: &DVector<f64>| 2.0 * x);
/// #     let task = Task::first_order(problem, f, DVector::zeros(1))?;
/// #     let mut row = Record::without_run((solver, &task), Outcome::Failed, String::new());
/// #     row.reached[2] = cost.map(|cost| Counts { cost, ..Counts::default() });
/// #     Ok(row)
/// # };
/// let records = [row("a", "p", Some(20))?, row("b", "p", Some(10))?, row("a", "q", Some(50))?, row("b", "q", None)?];
/// let flips = stability(&records, 2, &Measure::default())?;
/// assert_eq!(flips[0].to_string(), "without problem «q», a is no longer first, b is");
/// # Ok::<(), levinv::Error>(())
/// ```
///
/// # Source
/// N. Gould and J. Scott, *A note on performance profiles for benchmarking
/// software*, ACM TOMS 43 (2016).
pub fn stability(
    records: &[Record],
    accuracy: usize,
    measure: &Measure,
) -> Result<Vec<Flip>, Error> {
    measure.check(accuracy)?;
    let grid = Grid::of(records);
    let standing = Standing::new(&grid.solvers, grid.costs(accuracy, measure));
    Ok(flips(&grid, &standing))
}

pub(super) fn flips(grid: &Grid<'_>, standing: &Standing<'_>) -> Vec<Flip> {
    let names = |order: &[usize]| -> Vec<String> {
        let first = order.iter().take(PLACES);
        first.map(|&s| grid.solvers[s].to_string()).collect()
    };
    let n = grid.problems.len();
    let all = vec![1; n];
    let order = standing.order(&all);
    let mut flips = Vec::new();
    let mut compare = |left_out: LeftOut, before: &[usize], after: &[usize]| {
        let (before, after) = (names(before), names(after));
        if before != after {
            flips.push(Flip {
                left_out,
                before,
                after,
            });
        }
    };
    for &s in &order {
        let others: Vec<usize> = order.iter().copied().filter(|&o| o != s).collect();
        let after = standing.among(&others).order(&all);
        let after: Vec<usize> = after.into_iter().map(|k| others[k]).collect();
        compare(
            LeftOut::Solver(grid.solvers[s].to_string()),
            &others,
            &after,
        );
    }
    let without = |left: &[usize]| {
        let mut weights = all.clone();
        left.iter().for_each(|&p| weights[p] = 0);
        standing.order(&weights)
    };
    for (p, problem) in grid.problems.iter().enumerate().filter(|_| n > 1) {
        let left_out = LeftOut::Problem(problem.name.to_string());
        compare(left_out, &order, &without(&[p]));
    }
    for (family, problems) in grid.families() {
        if problems.len() > 1 && problems.len() < n {
            let left_out = LeftOut::Family(family.to_string());
            compare(left_out, &order, &without(&problems));
        }
    }
    flips
}
