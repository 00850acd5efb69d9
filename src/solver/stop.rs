//! Why a solver stopped by itself.

use std::fmt;

use crate::scalar::{Scalar, epsilon};

/// Why one of this crate's solvers stopped by itself.
///
/// argmin knows «converged» and a sentence. This knows which, and
/// [`is_success`](Stop::is_success). A run that ends at argmin's limits
/// (iterations, target cost, time) has no `Stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Stop {
    /// The gradient is exactly zero, or below the tolerance that was set.
    Gradient,
    /// The next step is shorter than the tolerance: below rounding, unless set
    /// otherwise.
    Step,
    /// Neither value nor gradient can be improved any more, and the model
    /// expects no gain above rounding.
    Rounding,
    /// The value is flat to rounding, but the step is long: f does not say where
    /// the minimum is, as at the boundary of a cell where L_D levels off.
    Flat,
    /// No step along a descent direction lowers the value, though the model
    /// expects it to: value and gradient disagree, or there is a kink.
    NoDescent,
    /// The step is cut to nothing by the boundary of the domain.
    Boundary,
    /// A stationary point that is no minimum and from which no descent was
    /// found.
    Saddle,
    /// A condition that was asked to hold does not.
    Condition,
    /// The value falls below all bounds: there is no minimum.
    Unbounded,
}

impl Stop {
    /// What it means that no better point was found along a step of this natural
    /// length, the value being flat to rounding or not.
    pub(super) fn of_nothing_found<T: Scalar>(length: T, flat: bool) -> Self {
        // A flat value of size f hides steps of length √(εf/curvature): of √ε in
        // natural units, and of ε^¼ where curvature is small.
        let half = epsilon::<T>().sqrt();
        match flat {
            _ if length <= half => Stop::Rounding,
            true if length <= half.sqrt() => Stop::Rounding,
            true => Stop::Flat,
            false => Stop::NoDescent,
        }
    }

    /// Whether the point is a solution: stationary to rounding, or to the
    /// tolerance that was set.
    pub fn is_success(self) -> bool {
        matches!(self, Stop::Gradient | Stop::Step | Stop::Rounding)
    }

    /// One sentence.
    pub fn text(self) -> &'static str {
        match self {
            Stop::Gradient => "the gradient is below the tolerance",
            Stop::Step => "the step is below the tolerance",
            Stop::Rounding => "rounding leaves nothing to gain",
            Stop::Flat => "the value is flat to rounding, but the step is long",
            Stop::NoDescent => "no step along a descent direction lowers the value",
            Stop::Boundary => "the boundary of the domain leaves no room for a step",
            Stop::Saddle => "a stationary point that is no minimum",
            Stop::Condition => "a condition of the method does not hold",
            Stop::Unbounded => "the value falls without bound",
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
