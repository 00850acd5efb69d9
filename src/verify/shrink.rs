//! A failing instance made small.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

use crate::error::Error;

mod instance;
#[cfg(test)]
mod tests;

pub use instance::Instance;

/// How often the predicate is asked unless [`Instance::step_limit`] says
/// otherwise: a hundred times what a failure takes that hangs on few numbers, and
/// one pass over a thousand numbers that all matter. Of verifications that take a
/// millisecond, as those of small instances do, these are ten seconds.
pub const STEP_LIMIT: usize = 10_000;

/// What is left of an instance, and how it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunk {
    instance: Instance,
    steps: usize,
    minimal: bool,
}

impl Shrunk {
    /// The small instance; it fails.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// How often the predicate was asked.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Whether no single change makes it smaller still; false where the limit
    /// came first.
    pub fn is_minimal(&self) -> bool {
        self.minimal
    }
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.instance.fmt(f)
    }
}

/// Makes a failing instance small: few rows, few columns, simple numbers.
///
/// The predicate says whether an instance still fails. An error counts as not
/// failing, since a small instance may well be one that the objective refuses
/// (fewer rows than columns, a point outside the domain); only that of the first
/// instance is passed on. Let it ask for one failure in particular, such as a
/// check whose verdict is `Fail`, lest another one take its place.
///
/// # How
/// Greedily, and the same way every time. Halves of a dimension are dropped, then
/// quarters and so on down to single indices, the largest dimension first; an
/// index goes from all arrays at once. Then numbers become 0, 1, −1, integers or
/// short decimals, first in whole arrays, then one by one; a symmetric matrix, of
/// the same dimension twice, stays so. All this is repeated until nothing changes.
/// The shrinking of proptest takes each generated value for itself, so that rows
/// of A and entries of b would part; here dimensions are linked.
///
/// # Complexity
/// In calls of the predicate, a pass takes at most 2 for each index of each
/// dimension and 12 for each number left, but no more than [`STEP_LIMIT`] in all.
/// Most failures need few numbers: the example takes about twenty.
///
/// # Errors
/// [`Error::NothingFails`] where the instance does not fail to begin with, and
/// the predicate's own error for it.
///
/// # Example
/// ```
/// use levinv::verify::{Check, Instance, Verdict, Verification, shrink};
/// use levinv::{DMatrix, DVector, Error, Functions};
/// use nalgebra::{dmatrix, dvector};
/// use rand::{Rng, SeedableRng, rngs::StdRng};
///
/// /// ¼‖s‖⁴ with s = Ax − b. Its Hessian is ‖s‖²AᵀA + 2(Aᵀs)(Aᵀs)ᵀ, but here
/// /// somebody forgot the 2.
/// fn is_wrong(a: &DMatrix<f64>, b: &DVector<f64>, x: &DVector<f64>) -> Result<bool, Error> {
///     let s = |x: &DVector<f64>| a * x - b;
///     let f = Functions::new(
///         x.len(),
///         |x: &DVector<f64>| s(x).norm_squared().powi(2) / 4.0,
///         |x: &DVector<f64>| a.tr_mul(&s(x)) * s(x).norm_squared(),
///     )
///     .with_hessian(|x: &DVector<f64>| {
///         let g = a.tr_mul(&s(x));
///         a.tr_mul(a) * s(x).norm_squared() + &g * g.transpose()
///     });
///     let report = Verification::of(&f).hessian().at(x).run()?;
///     Ok(report.check(Check::Hessian).is_some_and(|check| check.verdict == Verdict::Fail))
/// }
///
/// let mut rng = StdRng::seed_from_u64(1);
/// let mut random = || rng.random_range(-2.0..2.0);
/// let instance = Instance::new()
///     .with_matrix("a", ("n", "d"), DMatrix::from_fn(8, 3, |_, _| random()))?
///     .with_vector("b", "n", DVector::from_fn(8, |_, _| random()))?
///     .with_vector("x", "d", DVector::from_fn(3, |_, _| random()))?;
/// let small = shrink(instance, |i| is_wrong(i.matrix("a")?, i.vector("b")?, i.vector("x")?))?;
/// assert_eq!(
///     small.to_string(),
///     "let a = dmatrix![1.0];
/// let b = dvector![0.0];
/// let x = dvector![1.0];"
/// );
///
/// // Which can be pasted as it is, and worked out in the head: ¼x⁴ has f″(1) = 3.
/// let a = dmatrix![1.0];
/// let b = dvector![0.0];
/// let x = dvector![1.0];
/// assert!(is_wrong(&a, &b, &x)?);
/// # assert!(small.is_minimal() && (10..30).contains(&small.steps()), "{}", small.steps());
/// # Ok::<(), Error>(())
/// ```
pub fn shrink<F>(instance: Instance, mut fails: F) -> Result<Shrunk, Error>
where
    F: FnMut(&Instance) -> Result<bool, Error>,
{
    if !fails(&instance)? {
        return Err(Error::NothingFails);
    }
    let small = Shrunk {
        instance,
        steps: 1,
        minimal: true,
    };
    let mut search = Search { small, fails };
    while search.sizes() || search.numbers() {}
    Ok(search.small)
}

struct Search<F> {
    small: Shrunk,
    fails: F,
}

impl<F: FnMut(&Instance) -> Result<bool, Error>> Search<F> {
    /// Takes a candidate that fails.
    fn accept(&mut self, candidate: Instance) -> bool {
        if self.small.steps >= self.small.instance.step_limit {
            self.small.minimal = false;
            return false;
        }
        self.small.steps += 1;
        let accepted = matches!((self.fails)(&candidate), Ok(true));
        if accepted {
            self.small.instance = candidate;
        }
        accepted
    }

    /// Whether any index could be dropped.
    fn sizes(&mut self) -> bool {
        let mut changed = false;
        for (dimension, size) in self.small.instance.dimensions() {
            let least = self.small.instance.least(dimension);
            let (mut left, mut chunk) = (size, (size / 2).max(1));
            while chunk > 0 {
                let mut end = left;
                while end > 0 && self.small.minimal {
                    let dropped = end.saturating_sub(chunk)..end;
                    end = dropped.start;
                    if left - dropped.len() >= least && self.drop(dimension, dropped.clone()) {
                        left -= dropped.len();
                        changed = true;
                    }
                }
                chunk /= 2;
            }
        }
        changed
    }

    fn drop(&mut self, dimension: &str, indices: Range<usize>) -> bool {
        let candidate = self.small.instance.without(dimension, indices);
        self.accept(candidate)
    }

    /// Whether any number could be simplified.
    fn numbers(&mut self) -> bool {
        let mut changed = false;
        let arrays = self.small.instance.arrays.len();
        for array in 0..arrays {
            let all: Vec<usize> = (0..self.data(array).numbers().len()).collect();
            changed |= self.simplify(array, &all);
        }
        for array in 0..arrays {
            for group in self.data(array).groups() {
                changed |= self.simplify(array, &group);
            }
        }
        changed
    }

    fn data(&self, array: usize) -> &instance::Data {
        &self.small.instance.arrays[array].data
    }

    /// Tries what is simpler for these numbers of an array, all at once.
    fn simplify(&mut self, array: usize, numbers: &[usize]) -> bool {
        let mut changed = false;
        let mut tried = Vec::new();
        for simpler in SIMPLER {
            // Dividing may do several times.
            while self.small.minimal {
                let old = self.data(array).numbers();
                let new: Vec<(usize, f64)> = numbers
                    .iter()
                    // Adding 0 makes a positive zero of a negative one.
                    .map(|&k| (k, simpler(old[k]) + 0.0))
                    .filter(|&(k, new)| is_simpler(new, old[k]))
                    .collect();
                if new.is_empty() || tried.contains(&new) {
                    break;
                }
                let mut candidate = self.small.instance.clone();
                for &(k, value) in &new {
                    candidate.arrays[array].data.numbers_mut()[k] = value;
                }
                if !self.accept(candidate) {
                    tried.push(new);
                    break;
                }
                tried.clear();
                changed = true;
            }
        }
        changed
    }
}

/// What is tried in place of a number, in order.
const SIMPLER: [fn(f64) -> f64; 12] = [
    |_| 0.0,
    |_| 1.0,
    |_| -1.0,
    f64::round,
    |v| divided(v, 10.0),
    |v| divided(v, 2.0),
    |v| reread(v, &format!("{v:.1}")),
    |v| reread(v, &format!("{v:.2}")),
    |v| reread(v, &format!("{v:.0e}")),
    |v| reread(v, &format!("{v:.1e}")),
    |v| reread(v, &format!("{v:.3e}")),
    f64::abs,
];

/// An integer divided; others are left alone.
fn divided(v: f64, divisor: f64) -> f64 {
    if v.fract() == 0.0 {
        (v / divisor).trunc()
    } else {
        v
    }
}

/// The number that was printed, or the old one where that overflows.
fn reread(old: f64, printed: &str) -> f64 {
    printed
        .parse()
        .ok()
        .filter(|v: &f64| v.is_finite())
        .unwrap_or(old)
}

/// Integers come before others, then fewer digits, smaller ones, and positive
/// ones: a total order, so that simplifying ends.
fn is_simpler(new: f64, old: f64) -> bool {
    let rank = |v: f64| {
        let printed = format!("{:e}", v.abs());
        let digits = printed.find('e').unwrap_or(printed.len());
        (v.fract() != 0.0, digits)
    };
    let order = rank(new).cmp(&rank(old));
    let order = order.then(new.abs().total_cmp(&old.abs()));
    order.then(new.is_sign_negative().cmp(&old.is_sign_negative())) == Ordering::Less
}
