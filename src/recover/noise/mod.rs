//! How far the entries of a target may be off.

pub(crate) mod chi_square;
pub(crate) mod covariance;
pub(crate) mod feasible;
pub(crate) mod misfit;
pub(crate) mod noisy;
pub(crate) mod noisy_gradient;
pub(crate) mod noisy_signs;
pub(crate) mod noisy_target;
pub(crate) mod whitening;

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::check_vector;
use crate::recover::noise::whitening::Whitening;
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

    /// The variance of the sum of these entries.
    pub(crate) fn variance_of_sum(&self, reading: &Reading<T>, rows: &[usize]) -> T {
        match &self.law {
            Law::Covariance(c) => rows.iter().fold(T::zero(), |sum, &i| {
                rows.iter().fold(sum, |sum, &j| sum + c[(i, j)])
            }),
            _ => rows.iter().fold(T::zero(), |sum, &i| {
                sum + reading.deviations[i] * reading.deviations[i]
            }),
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

    /// A target of scores as it enters a fit: ends of [0, 1] that rounding has
    /// reached are intervals.
    pub(crate) fn read_scores(&self, target: &DVector<T>) -> Result<Reading<T>, Error> {
        let known = self.known(target)?;
        let mut values = target.clone();
        let mut is_interval = vec![false; target.len()];
        let mut deviations = self.deviations(target)?;
        if let Law::Decimals(k) = &self.law {
            let half = power_of_ten::<T>(-f64::from(*k)) * real(0.5);
            for i in (0..values.len()).filter(|&i| known[i]) {
                // As printed, or as it will be: both lie in the interval.
                let end = if values[i] < half {
                    half * real(0.5)
                } else if values[i] > T::one() - half {
                    T::one() - half * real(0.5)
                } else {
                    continue;
                };
                values[i] = end;
                deviations[i] = uniform(half);
                is_interval[i] = true;
            }
        }
        Ok(Reading {
            deviations: with_rounding(&deviations, &known, size_of(&values, &known)),
            values,
            known,
            is_interval,
        })
    }

    /// A target of a gradient as it enters a fit.
    pub(crate) fn read_gradient(&self, target: &DVector<T>) -> Result<Reading<T>, Error> {
        check_vector("target", target, target.len())?;
        let known = vec![true; target.len()];
        let deviations = self.deviations(target)?;
        Ok(Reading {
            values: target.clone(),
            deviations: with_rounding(&deviations, &known, size_of(target, &known)),
            is_interval: vec![false; target.len()],
            known,
        })
    }

    /// What turns the errors of the known entries into independent ones of
    /// variance 1. `sums` says that the entries have a known sum, so that C may
    /// have no variance along 1. O(n), and O(n³) for a full covariance.
    pub(crate) fn whitening(
        &self,
        reading: &Reading<T>,
        sums: bool,
    ) -> Result<Whitening<T>, Error> {
        let Law::Covariance(c) = &self.law else {
            let inverse = |sd: T| {
                if sd > T::zero() {
                    T::one() / sd
                } else {
                    T::zero()
                }
            };
            return Ok(Whitening::Diagonal(reading.deviations.map(inverse)));
        };
        let known: Vec<usize> = (0..reading.known.len())
            .filter(|&i| reading.known[i])
            .collect();
        Whitening::of_matrix(c, &known, sums)
    }
}

/// A target as it enters a fit.
#[derive(Debug, Clone)]
pub(crate) struct Reading<T: Scalar> {
    /// NaN where nothing is known.
    pub(crate) values: DVector<T>,
    /// Zero where nothing is known.
    pub(crate) deviations: DVector<T>,
    pub(crate) known: Vec<bool>,
    /// Where an end of [0, 1] was given for an interval.
    pub(crate) is_interval: Vec<bool>,
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

/// Noise below the arithmetic's own rounding is not all there is.
fn with_rounding<T: Scalar>(deviations: &DVector<T>, known: &[bool], size: T) -> DVector<T> {
    let own = rounding(size);
    DVector::from_fn(deviations.len(), |i, _| {
        if known[i] {
            (deviations[i] * deviations[i] + own * own).sqrt()
        } else {
            T::zero()
        }
    })
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
