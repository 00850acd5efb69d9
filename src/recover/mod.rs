//! From leverage scores, or from their gradient, back to the parameters.
//!
//! No starting point is needed.
//!
//! - [`ScoreRecovery`]: σ → x. The scores determine the row weights, hence |s|
//!   up to a factor, by a convex problem; with signs, x is then one linear
//!   least-squares problem; without them, one in lifted unknowns. Gauss–Newton
//!   takes the result down to rounding.
//! - [`GradientRecovery`]: g → x inside one cell, by damped Newton on the convex
//!   V(x) − cᵀx.
//!
//! ```
//! use levinv::{Model, recover::{ScoreRecovery, Status}};
//! use nalgebra::{DMatrix, DVector, dvector};
//!
//! // Who published the scores of the residual-scaled design published the fit.
//! let a = DMatrix::from_fn(12, 2, |i, j| if j == 0 { 1.0 } else { (i * i % 7) as f64 });
//! let b = DVector::from_fn(12, |i, _| (i * 5 % 11) as f64 - 4.3);
//! let secret = dvector![0.7, -1.9];
//! let model = Model::new(a, b)?;
//! let published = model.at(&secret)?.scores().clone();
//!
//! let found = ScoreRecovery::new(&model, published)?.run()?;
//! assert_eq!(found.status, Status::Recovered);
//! let x = found.x.expect("recovered");
//! assert!((x - secret).norm() < 1e-12);
//! # Ok::<(), levinv::Error>(())
//! ```

mod gradient;
mod iterate;
mod lift;
mod linear;
mod obstacles;
mod polish;
mod scores;
mod start;
mod stationary;
mod structure;
mod weights;

pub use gradient::GradientRecovery;
pub use obstacles::SUM_TOLERANCE;
pub use polish::score_errors;
pub use scores::{MAX_ITERS, ScoreRecovery, SignKnowledge};
pub use start::{Start, largest_slack_start};
pub use stationary::relative_gradient;

use std::fmt;

use nalgebra::DVector;

use crate::scalar::Scalar;

/// How a recovery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// x has the given scores, or gradient, to working precision.
    Recovered,
    /// With a ridge: a stationary point of the regularised loss, reached from
    /// the unregularised solution.
    Stationary,
    /// Several x are as good; more has to be known.
    Ambiguous,
    /// The target does not determine x.
    Undetermined,
    /// No x has these scores, or this gradient.
    Infeasible,
    /// The target is matched only approximately: x is the least-squares fit.
    TooNoisy,
    /// The iteration limit came first.
    NotConverged,
}

impl Status {
    /// Whether x is what was asked for.
    pub fn is_success(self) -> bool {
        matches!(self, Status::Recovered | Status::Stationary)
    }

    /// The name used in machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Status::Recovered => "recovered",
            Status::Stationary => "stationary",
            Status::Ambiguous => "ambiguous",
            Status::Undetermined => "undetermined",
            Status::Infeasible => "infeasible",
            Status::TooNoisy => "too_noisy",
            Status::NotConverged => "not_converged",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a recovery found, and how sure it is.
#[derive(Debug, Clone)]
pub struct Recovery<T: Scalar> {
    /// The parameters, where the method came as far as a point.
    pub x: Option<DVector<T>>,
    /// How it ended.
    pub status: Status,
    /// One sentence on why it ended so.
    pub reason: String,
    /// What was done, in order.
    pub method: String,
    /// Steps of all phases.
    pub iterations: usize,
    /// Factorisations and n-sized products, each O(nd²).
    pub evaluations: usize,
    /// Norm of the recovered minus the given target, relative to the given one
    /// (to the size of its terms where that is zero); none without a point.
    pub residual: Option<T>,
    /// How far each parameter may be off, from the residual and from rounding,
    /// to first order.
    pub errors: Option<DVector<T>>,
    /// Directions along which x may move without changing the target.
    pub directions: Vec<DVector<T>>,
}

impl<T: Scalar> Recovery<T> {
    /// An end before there was a point.
    fn without_x(status: Status, reason: String) -> Self {
        Recovery {
            x: None,
            status,
            reason,
            method: "none".into(),
            iterations: 0,
            evaluations: 0,
            residual: None,
            errors: None,
            directions: Vec::new(),
        }
    }

    /// ‖errors‖ / ‖x‖: the relative error of x to expect.
    pub fn error_estimate(&self) -> Option<T> {
        let (x, errors) = (self.x.as_ref()?, self.errors.as_ref()?);
        // At x = 0 there is no relative error.
        Some(errors.norm() / x.norm()).filter(|e| e.is_finite())
    }
}

/// One step of a recovery, for progress displays and histories.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Which phase: `weights`, `polish`, `newton`, `ridge`.
    pub phase: &'static str,
    /// Steps of this phase so far.
    pub iteration: usize,
    /// How far the phase's own equation is from being solved, relative.
    pub residual: f64,
}

type Observer<'a> = Box<dyn FnMut(&Progress) + 'a>;

fn report(
    observer: &mut Option<Observer<'_>>,
    phase: &'static str,
    iteration: usize,
    residual: f64,
) {
    if let Some(observer) = observer {
        observer(&Progress {
            phase,
            iteration,
            residual,
        });
    }
}

/// Residuals below √ε count as equality with the target.
fn matched<T: Scalar>(residual: T) -> bool {
    residual <= crate::scalar::epsilon::<T>().sqrt()
}
