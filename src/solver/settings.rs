//! Settings checked where they are made, and those that all methods share.

use nalgebra::DVector;

use super::stop::Stop;
use crate::error::Error;
use crate::scalar::{Scalar, epsilon, real, to_f64};

/// When a method stops by itself, and whether it has.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Ending<T> {
    /// Natural length of a step that is not worth taking.
    pub(super) step: T,
    /// ‖∇f‖ that is small enough.
    pub(super) gradient: T,
    pub(super) stop: Option<Stop>,
}

impl<T: Scalar> Ending<T> {
    /// At rounding: a step of four of them moves the last digits only.
    pub(super) fn at_rounding() -> Self {
        Ending {
            step: real::<T>(4.0) * epsilon(),
            gradient: T::zero(),
            stop: None,
        }
    }

    /// Whether a point with this gradient, whose next step has this natural
    /// length, is the end.
    pub(super) fn reached(&self, gradient: &DVector<T>, step: T) -> Option<Stop> {
        if norm(gradient) <= self.gradient {
            Some(Stop::Gradient)
        } else if step <= self.step {
            Some(Stop::Step)
        } else {
            None
        }
    }
}

/// ‖v‖, also where the squares underflow or overflow: a gradient of 1e-170 is
/// not zero.
pub(super) fn norm<T: Scalar>(v: &DVector<T>) -> T {
    let plain = v.norm();
    let largest = v.amax();
    if plain > T::zero() && plain.is_finite() || !(largest > T::zero()) {
        return plain;
    }
    (v / largest).norm() * largest
}

/// The setters of methods whose next step says how far the solution is.
macro_rules! ending_setters {
    ($solver:ident) => {
        $crate::solver::settings::gradient_setters!($solver);

        impl<T: $crate::Scalar> $solver<T> {
            /// Stops before a step whose natural length (in the metric, else
            /// relative to ‖x‖, or as said under Stops) is at most this. By default
            /// four roundings.
            ///
            /// # Errors
            /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a negative
            /// number or NaN.
            pub fn with_tolerance(mut self, tolerance: T) -> Result<Self, $crate::Error> {
                self.ending.step = $crate::solver::settings::non_negative("tolerance", tolerance)?;
                Ok(self)
            }
        }
    };
}
pub(super) use ending_setters;

/// The setters that every method has.
macro_rules! gradient_setters {
    ($solver:ident) => {
        impl<T: $crate::Scalar> $solver<T> {
            /// Stops where ‖∇f‖ is at most this. By default 0.
            ///
            /// # Errors
            /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a negative
            /// number or NaN.
            pub fn with_gradient_tolerance(mut self, tolerance: T) -> Result<Self, $crate::Error> {
                self.ending.gradient =
                    $crate::solver::settings::non_negative("gradient tolerance", tolerance)?;
                Ok(self)
            }

            /// Why it stopped, if it did so by itself.
            pub fn stop(&self) -> Option<$crate::solver::Stop> {
                self.ending.stop
            }
        }
    };
}
pub(super) use gradient_setters;

/// A number that is not negative.
pub(super) fn non_negative<T: Scalar>(name: &'static str, value: T) -> Result<T, Error> {
    check(
        name,
        value,
        value >= T::zero() && value.is_finite(),
        "at least 0",
    )
}

/// A number between 0 and 1, neither included.
pub(super) fn open_unit<T: Scalar>(name: &'static str, value: T) -> Result<T, Error> {
    let inside = value > T::zero() && value < T::one();
    check(name, value, inside, "more than 0 and less than 1")
}

/// A positive number.
pub(super) fn positive<T: Scalar>(name: &'static str, value: T) -> Result<T, Error> {
    check(
        name,
        value,
        value > T::zero() && value.is_finite(),
        "more than 0",
    )
}

// Comparisons that NaN fails.
fn check<T: Scalar>(
    name: &'static str,
    value: T,
    holds: bool,
    range: &'static str,
) -> Result<T, Error> {
    if holds {
        return Ok(value);
    }
    Err(Error::OutOfRange {
        name,
        value: to_f64(value),
        range,
    })
}
