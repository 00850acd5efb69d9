//! How far the entries of a target may be off.

pub(crate) mod chi_square;
pub(crate) mod covariance;
pub(crate) mod feasible;
mod judged;
mod lines;
mod loose_rows;
pub(crate) mod misfit;
pub(crate) mod noisy;
pub(crate) mod noisy_gradient;
pub(crate) mod noisy_signs;
pub(crate) mod noisy_target;
pub(crate) mod reading;
mod unsigned;
pub(crate) mod whitening;

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::check_vector;
pub(crate) use crate::recover::noise::reading::Reading;
use crate::scalar::{Scalar, count, epsilon, real, to_f64};

/// Digits after the point at most: past them nothing of a score is left to
/// round, and 10⁻ᵏ stays within the range of f32.
pub const MAX_DECIMALS: u32 = 30;
/// Significant digits at most: f64 has no more.
pub const MAX_SIGNIFICANT: u32 = 17;
/// Rounding of a target known to all digits, in units of ε and of its largest
/// entry: what d products a row leave, as measured on random designs.
const EXACT_UNITS: f64 = 8.0;

/// What is known of the errors in a target of scores, or of a gradient.
///
/// ```text
/// decimals(k)            uniform in ±½·10⁻ᵏ, standard deviation 10⁻ᵏ/√12
/// significant(k)         the same with each entry's own unit
/// standard_deviation(s)  independent, standard deviation s each
/// covariance(C)          any covariance, n×n for scores, d×d for a gradient
/// exact()                none but the rounding of the arithmetic
/// ```
///
/// Errors have mean zero. A score that was rounded to 0 lies in [0, ½·10⁻ᵏ] and
/// one that was rounded to 1 in [1 − ½·10⁻ᵏ, 1]: they enter with the middle of
/// that interval and the standard deviation of a uniform number in it.
///
/// # Errors
/// Digits, deviations and matrices out of range are refused by the
/// constructors; a matrix of the wrong size where target and matrix meet.
///
/// ```
/// use levinv::{DVector, recover::Noise};
///
/// let noise = Noise::<f64>::decimals(3)?;
/// let sd = noise.deviations(&DVector::from_element(2, 0.25))?;
/// assert!((sd[0] - 1e-3 / 12f64.sqrt()).abs() < 1e-18);
///
/// // The last place of 0.25 and of 12.5 at two significant digits: 0.01 and 1.
/// let sd = Noise::significant(2)?.deviations(&nalgebra::dvector![0.25, 12.5])?;
/// assert!((sd[1] / sd[0] - 100.0f64).abs() < 1e-12);
/// assert!(Noise::standard_deviation(-1.0).is_err());
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Noise<T: Scalar> {
    law: Law<T>,
    missing: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Law<T: Scalar> {
    Exact,
    Decimals(u32),
    Significant(u32),
    Deviation(T),
    Covariance(DMatrix<T>),
}

impl<T: Scalar> Noise<T> {
    fn of(law: Law<T>) -> Self {
        let missing = false;
        Noise { law, missing }
    }

    /// Every entry known to all digits: for targets of which only some entries
    /// are [missing](Self::allow_missing).
    pub fn exact() -> Self {
        Self::of(Law::Exact)
    }

    /// Each entry rounded to k digits after the point.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] above [`MAX_DECIMALS`].
    pub fn decimals(k: u32) -> Result<Self, Error> {
        if k > MAX_DECIMALS {
            return Err(out_of_range(
                "digits after the point",
                k.into(),
                "at most 30",
            ));
        }
        Ok(Self::of(Law::Decimals(k)))
    }

    /// Each entry rounded to k significant digits. An entry that is zero says
    /// nothing of its unit and is refused where it is met.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless k is 1 to [`MAX_SIGNIFICANT`].
    pub fn significant(k: u32) -> Result<Self, Error> {
        if !(1..=MAX_SIGNIFICANT).contains(&k) {
            return Err(out_of_range(
                "significant digits",
                k.into(),
                "between 1 and 17",
            ));
        }
        Ok(Self::of(Law::Significant(k)))
    }

    /// Independent errors with one standard deviation.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless it is positive and finite, with its square.
    pub fn standard_deviation(sd: T) -> Result<Self, Error> {
        // `!(v > 0)` also refuses NaN.
        let square = sd * sd;
        if !(sd > T::zero() && square > T::zero() && square.is_finite()) {
            let range = "positive and finite, with its square";
            return Err(out_of_range("noise standard deviation", to_f64(sd), range));
        }
        Ok(Self::of(Law::Deviation(sd)))
    }

    /// Errors with this covariance: n×n for scores, d×d for a gradient. Scores
    /// sum to d, so that theirs may have C·1 = 0; any other direction without
    /// variance is refused where the target is met.
    ///
    /// # Errors
    /// [`Error::Shape`] unless it is square, [`Error::NonFiniteEntry`], and
    /// [`Error::OutOfRange`] unless it is symmetric with a positive diagonal.
    pub fn covariance(c: DMatrix<T>) -> Result<Self, Error> {
        let (n, found) = c.shape();
        if n == 0 || n != found {
            return Err(Error::Shape {
                what: "noise covariance",
                unit: "columns",
                expected: n.max(1),
                found,
            });
        }
        let size = c.amax();
        for column in 0..n {
            for row in 0..n {
                let value = c[(row, column)];
                if !value.is_finite() {
                    return Err(Error::NonFiniteEntry {
                        what: "noise covariance",
                        row,
                        column,
                        value: to_f64(value),
                    });
                }
                let gap = (value - c[(column, row)]).abs();
                if gap > size * epsilon::<T>() * count(n) {
                    let range = "symmetric, 0 between an entry and its mirror image";
                    return Err(out_of_range("noise covariance", to_f64(gap), range));
                }
            }
            if !(c[(column, column)] > T::zero()) {
                let value = to_f64(c[(column, column)]);
                return Err(Error::EntryOutOfRange {
                    what: "the diagonal of the noise covariance",
                    index: column,
                    value,
                    range: "positive",
                });
            }
        }
        Ok(Self::of(Law::Covariance(c)))
    }

    /// Lets entries of a target of scores be NaN, for not known.
    #[must_use]
    pub fn allow_missing(mut self) -> Self {
        self.missing = true;
        self
    }

    /// Whether entries may be missing.
    pub fn allows_missing(&self) -> bool {
        self.missing
    }

    /// Whether the arithmetic's rounding is all there is.
    pub fn is_exact(&self) -> bool {
        self.law == Law::Exact
    }

    /// Whether a squared misfit in units of exact entries is equality by half
    /// their digits, relative to the largest.
    pub(crate) fn is_match(&self, square: T) -> bool {
        square.sqrt() * real(EXACT_UNITS) * epsilon::<T>() <= epsilon::<T>().sqrt()
    }

    /// Whether the errors are those of rounding, bounded by half a unit.
    pub fn is_rounding(&self) -> bool {
        matches!(self.law, Law::Decimals(_) | Law::Significant(_))
    }

    /// The standard deviation of each entry of a target: zero for one that is
    /// missing. O(n).
    ///
    /// # Errors
    /// [`Error::NonFinite`] for an entry that is not finite (a NaN where
    /// [allowed](Self::allow_missing) is none), [`Error::Shape`] for a covariance
    /// of another size, [`Error::EntryOutOfRange`] for a zero where the noise is
    /// relative.
    pub fn deviations(&self, target: &DVector<T>) -> Result<DVector<T>, Error> {
        let known = self.known(target)?;
        if let Law::Covariance(c) = &self.law
            && c.nrows() != target.len()
        {
            return Err(Error::Shape {
                what: "noise covariance",
                unit: "rows",
                expected: target.len(),
                found: c.nrows(),
            });
        }
        let of = |i: usize| match &self.law {
            Law::Exact => Ok(rounding(size_of(target, &known))),
            Law::Decimals(k) => Ok(uniform(power_of_ten(-f64::from(*k)))),
            Law::Significant(k) => last_place(target[i], *k).map(uniform).ok_or_else(|| {
                let value = to_f64(target[i]);
                let range = "no zero, of which significant digits say nothing";
                Error::EntryOutOfRange {
                    what: "target",
                    index: i,
                    value,
                    range,
                }
            }),
            Law::Deviation(sd) => Ok(*sd),
            Law::Covariance(c) => Ok(c[(i, i)].sqrt()),
        };
        let mut out = DVector::zeros(target.len());
        for i in (0..target.len()).filter(|&i| known[i]) {
            out[i] = of(i)?;
        }
        Ok(out)
    }

    /// The noise of some of the entries. What else is known of their errors, from
    /// entries of which no x changes the score, is not used.
    pub(crate) fn of_rows(&self, rows: &[usize]) -> Self {
        let law = match &self.law {
            Law::Covariance(c) => Law::Covariance(c.select_rows(rows).select_columns(rows)),
            other => other.clone(),
        };
        let missing = self.missing;
        Noise { law, missing }
    }

    /// The variance of hᵀ(target).
    pub(crate) fn variance_along(&self, reading: &Reading<T>, h: &DVector<T>) -> T {
        match &self.law {
            Law::Covariance(c) => h.dot(&(c * h)),
            _ => reading.deviations.component_mul(h).norm_squared(),
        }
    }

    /// Which entries are known.
    fn known(&self, target: &DVector<T>) -> Result<Vec<bool>, Error> {
        // NaN is the one number that is not equal to itself.
        let missing = |v: &T| self.missing && v.partial_cmp(v).is_none();
        let filled = target.map(|v| if missing(&v) { T::zero() } else { v });
        check_vector("target", &filled, target.len())?;
        Ok(target.iter().map(|v| !missing(v)).collect())
    }
}

/// The largest known entry.
fn size_of<T: Scalar>(values: &DVector<T>, known: &[bool]) -> T {
    (0..values.len())
        .filter(|&i| known[i])
        .fold(T::zero(), |m, i| m.max(values[i].abs()))
}

/// What the arithmetic leaves of an entry of a target of this size; of zeros,
/// which have no size of their own, that of 1.
fn rounding<T: Scalar>(size: T) -> T {
    let size = if size > T::zero() { size } else { T::one() };
    size * epsilon::<T>() * real(EXACT_UNITS)
}

/// The standard deviation of a uniform number in an interval of this width.
fn uniform<T: Scalar>(width: T) -> T {
    width / real::<T>(12.0).sqrt()
}

fn power_of_ten<T: Scalar>(exponent: f64) -> T {
    // Powers of ten up to 10²² are exact, their inverses rounded once.
    let power = 10f64.powi(exponent.abs() as i32);
    real(if exponent < 0.0 { 1.0 / power } else { power })
}

/// The unit of the k-th significant digit; none of zero.
fn last_place<T: Scalar>(value: T, k: u32) -> Option<T> {
    let size = to_f64(value.abs());
    if !(size > 0.0) {
        return None;
    }
    let exponent = size.log10().floor() + 1.0 - f64::from(k);
    Some(power_of_ten(exponent)).filter(|u: &T| *u > T::zero())
}

/// What a recovery answers that is given both.
pub(crate) fn with_ridge() -> Error {
    Error::Solver {
        what: "the recovery",
        reason: "noise and a ridge cannot be given together: with a ridge the answer is no estimate of x".into(),
    }
}

pub(crate) fn out_of_range(name: &'static str, value: f64, range: &'static str) -> Error {
    Error::OutOfRange { name, value, range }
}
