//! Rows whose scores sum to more than their rank: no x has such scores.
//!
//! Scores of rows S are the diagonal of a projection, restricted: for every x,
//! Σ_{i∈S} σ_i ≤ rank(A_S). Where some S has more, the log weights y of the
//! search for row weights run to infinity, those of S before the others, so
//! that S is among the first rows in the order of y. Where some S has as much,
//! its slacks must be infinitely smaller than the rest of the component's.
//!
//! Nothing rests on that argument: ranks are exact, and the sum is taken in 237
//! bits, so that what is reported is a proof.

use nalgebra::{DMatrix, DVector};
use num_bigint::BigInt;

use crate::error::Error;
use crate::geometry::Model;
use crate::linalg::Design;
use crate::recover::Infeasibility;
use crate::recover::exact::span::{ExactSpan, integers};
use crate::recover::scores::structure::Components;
use crate::scalar::{Extended, Scalar, epsilon, narrow, to_f64, widen};

/// An excess below this many ε a row is the rounding of scores that some x
/// has: each carries a few, and some tens where columns nearly depend on one
/// another.
pub const EXCESS: f64 = 64.0;
/// Scores that come this close, in ε a row, have reached the rank of their rows.
const FULL: f64 = 4.0;
/// Entries of A up to which it is read as integers: some 50 bytes each, a
/// gigabyte. Beyond, no proof is looked for.
const ENTRIES: usize = 1 << 24;
/// Products of integers that may be spent beyond one pass: a second or so.
const WORK: usize = 10_000_000;

/// Products of integers in a pass that may be spent where the Gram matrix is sparse:
/// ten seconds or so.
const PATTERN_WORK: f64 = 1e8;

/// Rows with their sum and an upper bound of their rank.
#[derive(Debug, Clone)]
pub(crate) struct Overfull<T: Scalar> {
    pub(crate) rows: Vec<usize>,
    pub(crate) sum: T,
    pub(crate) rank: usize,
    /// Whether the sum exceeds the rank; it reaches it otherwise.
    pub(crate) exceeds: bool,
}

impl<T: Scalar> Overfull<T> {
    /// Back from what was reported of it.
    pub(crate) fn of(reported: Infeasibility<T>) -> Option<Self> {
        let (rows, sum, rank, exceeds) = match reported {
            Infeasibility::Overfull { rows, sum, rank } => (rows, sum, rank, true),
            Infeasibility::Full { rows, sum, rank } => (rows, sum, rank, false),
            _ => return None,
        };
        Some(Overfull {
            rows,
            sum,
            rank,
            exceeds,
        })
    }
}

/// Rows of one component as integers, heaviest first.
struct Ordered<'a, T: Scalar> {
    rows: &'a [usize],
    integers: Vec<Vec<BigInt>>,
    target: &'a DVector<T>,
    d: usize,
}

/// Searches the flats spanned by the first rows in the order of `y`, component
/// by component. O(nd²) products of integers, d times that for small designs.
pub(crate) fn find<T: Scalar>(
    model: &Model<T>,
    components: &Components,
    target: &DVector<T>,
    y: &DVector<T>,
) -> Result<Option<Overfull<T>>, Error> {
    let design = model.design();
    if is_too_much(model) {
        return Ok(None);
    }
    let mut reached = None;
    for k in 0..components.count() {
        let mut rows = components.rows(k);
        rows.sort_by(|&i, &j| to_f64(y[j]).total_cmp(&to_f64(y[i])).then(i.cmp(&j)));
        let Some(integers) = read(design, &rows)? else {
            continue;
        };
        let set = Ordered {
            integers,
            rows: &rows,
            target,
            d: design.ncols(),
        };
        match set.search() {
            Some(found) if found.exceeds => return Ok(Some(found)),
            found => reached = reached.or(found),
        }
    }
    Ok(reached)
}

/// The rows given, if they are overfull.
pub(crate) fn check<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    rows: &[usize],
) -> Result<Option<Overfull<T>>, Error> {
    let design = model.design();
    if is_too_much(model) {
        return Ok(None);
    }
    let Some(integers) = read(design, rows)? else {
        return Ok(None);
    };
    let set = Ordered {
        rows,
        integers,
        target,
        d: design.ncols(),
    };
    let all: Vec<usize> = (0..rows.len()).collect();
    Ok(set.exceeds(&all).then(|| set.shrunk(all)))
}

/// Where the Gram matrix is sparse d may be in the thousands, and nd² products of
/// integers take hours: no proof is looked for.
fn is_too_much<T: Scalar>(model: &Model<T>) -> bool {
    let (n, d) = (model.nrows() as f64, model.dim() as f64);
    model.pattern().is_some() && n * d * d > PATTERN_WORK
}

/// `None` where the arithmetic's numbers cannot be told exactly, or are too many.
fn read<T: Scalar>(design: &Design<T>, rows: &[usize]) -> Result<Option<Vec<Vec<BigInt>>>, Error> {
    if rows.len() * design.ncols() > ENTRIES {
        return Ok(None);
    }
    let mut row = DMatrix::zeros(1, design.ncols());
    let one = |&i: &usize| {
        design.read_rows(i, &mut row)?;
        Ok(integers(&row.row(0).into_owned()))
    };
    rows.iter().map(one).collect()
}

impl<T: Scalar> Ordered<'_, T> {
    /// The sum of scores. Nonnegative terms: good to one part in 2²³⁶ each,
    /// far below any excess that counts.
    fn sum(&self, set: &[usize]) -> Extended {
        let term = |&k: &usize| widen(self.target[self.rows[k]]);
        set.iter()
            .map(term)
            .fold(Extended::from_f64(0.0), |sum, t| sum + t)
    }

    fn rank(&self, set: &[usize]) -> usize {
        let mut span = ExactSpan::new(self.d);
        set.iter().for_each(|&k| {
            span.insert(&self.integers[k]);
        });
        span.rank()
    }

    fn tolerance(&self, set: &[usize], units: f64) -> Extended {
        Extended::from_f64(units * to_f64(epsilon::<T>()) * (set.len() + 1) as f64)
    }

    fn over(&self, set: &[usize], rank: usize) -> Extended {
        self.sum(set) - Extended::from_f64(rank as f64)
    }

    fn exceeds(&self, set: &[usize]) -> bool {
        self.over(set, self.rank(set)) > self.tolerance(set, EXCESS)
    }

    fn search(&self) -> Option<Overfull<T>> {
        let n = self.rows.len();
        let flats = n * self.d * self.d * self.d <= WORK;
        let mut span = ExactSpan::new(self.d);
        let (mut prefix, mut reached) = (Vec::new(), None);
        for k in 0..=n {
            // Only a prefix that the next row is not in the span of matters.
            let ends = k == n || !span.contains(&self.integers[k]);
            if ends && !prefix.is_empty() {
                let mut set = prefix.clone();
                if flats {
                    set.extend((k..n).filter(|&i| span.contains(&self.integers[i])));
                }
                let over = self.over(&set, span.rank());
                if over > self.tolerance(&set, EXCESS) {
                    return Some(self.shrunk(set));
                }
                let near = over > -self.tolerance(&set, FULL);
                if reached.is_none() && near && set.len() < n {
                    reached = Some(self.report(&set, span.rank(), false));
                }
            }
            if k < n {
                span.insert(&self.integers[k]);
                prefix.push(k);
            }
        }
        reached
    }

    /// Without the rows that it is overfull without.
    fn shrunk(&self, mut set: Vec<usize>) -> Overfull<T> {
        if set.len() * set.len() * self.d * self.d <= WORK {
            for k in set.clone().into_iter().rev() {
                let rest: Vec<usize> = set.iter().copied().filter(|&i| i != k).collect();
                if self.exceeds(&rest) {
                    set = rest;
                }
            }
        }
        let rank = self.rank(&set);
        self.report(&set, rank, true)
    }

    fn report(&self, set: &[usize], rank: usize, exceeds: bool) -> Overfull<T> {
        let sum = narrow(self.sum(set));
        let mut rows: Vec<usize> = set.iter().map(|&k| self.rows[k]).collect();
        rows.sort_unstable();
        Overfull {
            rows,
            sum,
            rank,
            exceeds,
        }
    }
}
