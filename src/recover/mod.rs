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
//! let published = model.at(&secret)?.scores()?.clone();
//!
//! let found = ScoreRecovery::new(&model, published)?.run()?;
//! assert_eq!(found.status, Status::Recovered);
//! let x = found.x.expect("recovered");
//! assert!((x - secret).norm() < 1e-12);
//! # Ok::<(), levinv::Error>(())
//! ```

mod exact;
mod found;
mod gradient;
mod noise;
mod ridge;
mod scores;
mod signs;

pub use found::{Infeasibility, Recovery, Solutions, Status, Uncertainty};
pub use gradient::GradientRecovery;
pub use gradient::start::{Start, largest_slack_start};
pub use noise::covariance::{Spread, gradient_covariance, score_covariance};
pub use noise::noisy::{IMPROBABLE, LEVEL};
pub use noise::noisy_target::FAR;
pub use noise::{MAX_DECIMALS, MAX_SIGNIFICANT, Noise};
pub use ridge::stationary::{relative_gradient, relative_gradient_by_products};
pub use scores::obstacles::SUM_TOLERANCE;
pub use scores::overfull::EXCESS;
pub use scores::polish::score_errors;
pub use scores::{MAX_ITERS, ScoreRecovery, SignKnowledge};
pub use signs::LISTED_LOG2;

use crate::scalar::Scalar;

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

/// ω up to which intervals from scores are trusted. Measured by `bars --
/// intervals-calibration`: those of 95 % cover 92 to 96 % per coefficient in every
/// class of ω up to here, 90 to 96 % from here to 1.
pub const TRUSTED_SCORES: f64 = 0.15;
/// The same for a gradient, which has poles at the hyperplanes and so bends
/// sooner: 95 % up to here, 91 to 92 % from here to 0.2, 86 % above.
pub const TRUSTED_GRADIENT: f64 = 0.05;

/// Residuals below √ε count as equality with the target.
fn matched<T: Scalar>(residual: T) -> bool {
    residual <= crate::scalar::epsilon::<T>().sqrt()
}
