//! The line search of the crate's own solvers: it never leaves the domain, and
//! knows where a value is flat to rounding.

use nalgebra::DVector;

use super::method::{Evaluations, Iterate};
use super::stop::Stop;
use crate::error::{Error, trial};
use crate::objective::Objective;
use crate::scalar::{Scalar, epsilon, real};

/// How much of the way to the boundary of the domain a step may go: all but a
/// twentieth, so that a cell's far side is reached in few steps, and none ends
/// where rounding puts it outside.
pub const BOUNDARY_FRACTION: f64 = 0.95;
/// The part of the expected decrease that a step must bring (Armijo).
const SUFFICIENT: f64 = 1e-4;
/// Values this many roundings apart are equal.
const NOISE: f64 = 16.0;
/// Trials at most.
const TRIALS: usize = 60;

/// A direction to search along, with what is known of it.
pub(crate) struct Direction<'a, T: Scalar> {
    /// The full step.
    pub(crate) step: &'a DVector<T>,
    /// Its length in natural units; see [`Frame::length`](crate::objective::Frame::length).
    pub(crate) length: T,
    /// How much of the way to the boundary it may go.
    pub(crate) boundary: T,
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
        let flat = (slope * t).abs() <= noise(at.value.abs().max(value.abs()));
        let lower = value <= at.value + slope * t * real(SUFFICIENT);
        if (flat && value.is_finite()) || lower {
            // A gradient may be missing where a value is not.
            if let Some(gradient) = trial(f.gradient(&x))?
                && (!flat || gauge(&gradient) < here)
            {
                return Ok(Found::Better(Iterate { x, value, gradient }, t));
            }
        }
        t *= shrink(at.value, slope * t, value);
    }
    failure()
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
