//! The line search of the crate's own solvers: it never leaves the domain, and
//! knows where a value is flat to rounding.

use nalgebra::DVector;

use super::method::{Evaluations, Iterate};
use super::stop::Stop;
use crate::error::{Error, trial};
use crate::objective::Objective;
use crate::scalar::{Scalar, epsilon, real};

/// How much of the way to the boundary of the domain a step may go: 0.85,
/// which took the fewest iterations of the fractions from 0.8 to 0.995; none ends
/// where rounding puts it outside.
pub const BOUNDARY_FRACTION: f64 = 0.85;
/// The part of the expected decrease that a step must bring (Armijo).
const SUFFICIENT: f64 = 1e-4;
/// Values this many roundings apart are equal.
const NOISE: f64 = 16.0;
/// A step of this natural length is in the region where Newton's method squares
/// the error, and the gradient says as much as the value.
const SHORT: f64 = 1e-3;
/// The rate of Newton's method near a solution, with much to spare: it squares.
pub(crate) const QUADRATIC: f64 = 0.5;
/// That of a method that a sample makes linear: nine tenths, whatever the sample.
pub(crate) const LINEAR: f64 = 0.9;
/// A step cut to less than this and then not taken is the boundary's doing.
const CUT: f64 = 1e-3;
/// Trials at most.
const TRIALS: usize = 60;
/// A step is doubled while the slope at its end is more than this part of the
/// first: Newton's own steps end where it is near none.
const STEEP: f64 = 0.2;
/// Doublings at most.
const DOUBLINGS: usize = 30;

/// A direction to search along, with what is known of it.
pub(crate) struct Direction<'a, T: Scalar> {
    /// The full step.
    pub(crate) step: &'a DVector<T>,
    /// Its length in natural units; see [`Frame::length`](crate::objective::Frame::length).
    pub(crate) length: T,
    /// How much of the way to the boundary it may go.
    pub(crate) boundary: T,
    /// What must be left of the gradient, at most, where values are flat: a
    /// method's rate, for a smaller gain than that is rounding's.
    pub(crate) rate: f64,
}

/// What a search found.
pub(crate) enum Found<T: Scalar> {
    /// A better point, and the part of the step that led there.
    Better(Iterate<T>, T),
    /// Nothing, and what that means.
    Nothing(Stop),
}

/// The longest of a few shrinking steps that lowers f enough.
///
/// Where f is flat to rounding, the size of the gradient decides, as `gauge`
/// measures it.
pub(crate) fn descend<T: Scalar, O: Objective<T>>(
    f: &mut impl Evaluations<T, O>,
    at: &Iterate<T>,
    along: &Direction<'_, T>,
    gauge: impl Fn(&DVector<T>) -> T,
) -> Result<Found<T>, Error> {
    let slope = at.gradient.dot(along.step);
    let failure = || {
        if slope == T::zero() {
            // The gain to expect has underflowed.
            return Ok(Found::Nothing(Stop::Rounding));
        }
        let flat = slope.abs() <= noise(at.value) * real(2.0);
        Ok(Found::Nothing(Stop::of_nothing_found(along.length, flat)))
    };
    if !(slope < T::zero()) {
        return failure();
    }
    let largest = f.largest_step(&at.x, along.step)?;
    let mut t = largest.map_or(T::one(), |t| (t * along.boundary).min(T::one()));
    if t * along.length.max(T::one()) < epsilon() {
        return Ok(Found::Nothing(Stop::Boundary));
    }
    let cut = t < real(CUT);
    let here = gauge(&at.gradient);
    for _ in 0..TRIALS {
        if !(t * along.length > epsilon()) {
            break;
        }
        let x = &at.x + along.step * t;
        let value = trial(f.value(&x))?.unwrap_or_else(|| T::one() / T::zero());
        if !value.is_finite() && value < T::zero() {
            return Ok(Found::Nothing(Stop::Unbounded));
        }
        // Against +∞ everything would be flat.
        let size = if value.is_finite() {
            at.value.abs().max(value.abs())
        } else {
            at.value.abs()
        };
        let expected = (slope * t).abs();
        // Nor is a value flat that is much larger, though its rounding be.
        let flat = expected <= noise(size) && !(value - at.value > noise(size));
        let lower = value <= at.value - expected * real(SUFFICIENT);
        // What a short step gains may drown in a value's own rounding, which
        // terms that cancel make larger than the value tells.
        let doubtful = flat
            || t * along.length <= real(SHORT) && value <= at.value + size * epsilon::<T>().sqrt();
        if value.is_finite() && (doubtful || lower) {
            // A gradient may be missing where a value is not.
            if let Some(gradient) = trial(f.gradient(&x))?
                && ((lower && !flat) || gauge(&gradient) <= here * real(along.rate))
            {
                let next = Iterate { x, value, gradient };
                let most = largest.map(|largest| largest * along.boundary);
                return lengthen(f, at, along.step, (next, t), most);
            }
        }
        if flat {
            break;
        }
        t *= shrink(at.value, slope * t, value);
    }
    match failure() {
        Ok(Found::Nothing(Stop::NoDescent)) if cut => Ok(Found::Nothing(Stop::Boundary)),
        other => other,
    }
}

/// Doubles a step for as long as f keeps falling nearly as steeply as at first.
///
/// Next to the boundary a Newton step only doubles the distance to it: −log s
/// is no quadratic. Along the same direction the way out is a few values long
/// instead of as many iterations.
fn lengthen<T: Scalar, O: Objective<T>>(
    f: &mut impl Evaluations<T, O>,
    at: &Iterate<T>,
    step: &DVector<T>,
    (mut best, mut t): (Iterate<T>, T),
    most: Option<T>,
) -> Result<Found<T>, Error> {
    let slope = at.gradient.dot(step);
    for _ in 0..DOUBLINGS {
        let steep = best.gradient.dot(step) < slope * real(STEEP);
        let longer = most.map_or(t * real(2.0), |most| (t * real(2.0)).min(most));
        if !steep || t < T::one() || !(longer > t * real(1.1)) {
            break;
        }
        let x = &at.x + step * longer;
        let lower = best.value.min(at.value + slope * longer * real(SUFFICIENT));
        let value = trial(f.value(&x))?.filter(|v| v.is_finite() && *v < lower);
        let (Some(value), Some(gradient)) = (value, trial(f.gradient(&x))?) else {
            break;
        };
        (best, t) = (Iterate { x, value, gradient }, longer);
    }
    Ok(Found::Better(best, t))
}

/// The part of a failed step to try next: where the parabola through both
/// values has its minimum, kept between a tenth and a half.
fn shrink<T: Scalar>(here: T, slope: T, there: T) -> T {
    let part = -slope / ((there - here - slope) * real(2.0));
    if part.is_finite() {
        part.clamp(real(0.1), real(0.5))
    } else {
        real(0.5)
    }
}

/// Values closer than this to one of this size are equal to rounding.
pub(crate) fn noise<T: Scalar>(value: T) -> T {
    real::<T>(NOISE) * epsilon::<T>() * value.abs()
}
