//! Newton's method as the papers analyse it: near the solution, and checked.

use nalgebra::DVector;

use super::cell_newton::Curvature;
use super::method::{Advance, Evaluations, Iterate, Method};
use super::settings::{Ending, ending_setters, open_unit};
use super::stop::Stop;
use crate::error::{Error, trial};
use crate::objective::{Frame, HasHessian};
use crate::scalar::{Scalar, epsilon, real};

/// The factor by which each Newton correction must shrink: what a start with
/// K‖H⁻¹‖‖x₀ − x*‖ ≤ 0.1 gives with room to spare (there it is 0.06 and falls).
pub const SHRINKING: f64 = 0.4;

/// Newton's method of \[D\], undamped, with its condition checked at every step.
///
/// ```text
/// x⁺ = x − H⁻¹∇f(x),   H = ∇²f(x) ≻ 0,   ‖H⁻¹∇f(x⁺)‖ ≤ 0.4 ‖H⁻¹∇f(x)‖
/// ```
///
/// The paper's analysis assumes a start so near that the Hessian is positive
/// definite and the distance to the solution shrinks with every step. Neither is
/// assumed here: the eigenvalues are computed, and the correction at the new
/// point *with the old Hessian* (the natural monotonicity test, which needs no
/// unknown constant and does not depend on units) has to be the stated factor
/// smaller. Where that fails the method stops with [`Stop::Condition`] at the
/// last good point instead of wandering; take
/// [`CellNewton`](super::CellNewton) from there.
///
/// If K bounds the Lipschitz constant of ∇²f and h = K‖H⁻¹‖‖H⁻¹∇f(x)‖, then
/// ‖H⁻¹∇f(x⁺)‖ ≤ ½h‖H⁻¹∇f(x)‖: the test passes wherever h ≤ 0.8. At x⁺ the Hessian
/// has ‖H₊⁻¹H‖ ≤ 1/(1 − h), so that h₊ ≤ h²/2(1 − h)², no more than h where h ≤ ½:
/// from there every later step passes too, and h falls quadratically below ½.
///
/// # Stops
/// [`Stop::Step`] when the step's natural length is below the tolerance,
/// [`Stop::Rounding`] when the corrections are so small that rounding keeps them
/// from shrinking, [`Stop::Condition`] as above.
///
/// # Complexity
/// One Hessian, one gradient and O(d³) a step.
///
/// # Example
/// ```
/// use argmin::core::Executor;
/// use levinv::{Model, ScoreInversion, adapter::ArgminProblem, solver::{LocalNewton, Stop}};
/// use nalgebra::{dmatrix, dvector};
///
/// let a = dmatrix![1.0, 0.0; 0.0, 1.0; 1.0, 1.0; 1.0, -1.0];
/// let model = Model::new(a, dvector![-1.0, -2.0, -3.0, -2.0])?;
/// let target = model.at(&dvector![0.3, -0.2])?.scores()?.clone();
/// let run = |start| -> Result<_, argmin::core::Error> {
///     let loss = ScoreInversion::new(&model, target.clone())?.in_cell_of(&start)?;
///     Executor::new(ArgminProblem::new(loss), LocalNewton::new())
///         .configure(|state| state.param(start))
///         .run()
/// };
/// let near = run(dvector![0.29, -0.19])?;
/// assert!(near.solver.stop().is_some_and(Stop::is_success));
/// let far = run(dvector![-0.9, 1.5])?;
/// assert_eq!(far.solver.stop(), Some(Stop::Condition));
/// # Ok::<(), argmin::core::Error>(())
/// ```
///
/// # Source
/// The second-order method of arXiv 2404.13785 (its abstract was at hand; the
/// factor and the test are ours). P. Deuflhard, *Newton Methods for Nonlinear
/// Problems* (2004), section 2.1, for the natural monotonicity test.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LocalNewton<T> {
    pub(super) ending: Ending<T>,
    shrinking: T,
}

impl<T: Scalar> LocalNewton<T> {
    /// Down to rounding, with [`SHRINKING`].
    pub fn new() -> Self {
        LocalNewton {
            ending: Ending::at_rounding(),
            shrinking: real(SHRINKING),
        }
    }

    /// The factor by which each correction must shrink: between 0 and 1.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn with_shrinking(mut self, factor: T) -> Result<Self, Error> {
        self.shrinking = open_unit("shrinking factor", factor)?;
        Ok(self)
    }
}

impl<T: Scalar> Default for LocalNewton<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, O: HasHessian<T>> Method<T, O> for LocalNewton<T> {
    fn advance(
        &mut self,
        f: &mut impl Evaluations<T, O>,
        at: &Iterate<T>,
        _: u64,
    ) -> Result<Advance<T>, Error> {
        let frame = Frame::new(f.metric(&at.x)?);
        let curvature = Curvature::of(f.hessian(&at.x)?, &frame)?;
        if !curvature.is_positive_definite() {
            return Ok(Advance::stopped(at, Stop::Condition));
        }
        let correction = |g: &DVector<T>| curvature.newton(&frame.gradient(g.clone()));
        let step = correction(&at.gradient);
        let length = step.norm();
        let change = frame.step(&step);
        let natural = frame.length(&at.x, &change);
        if let Some(stop) = self.ending.reached(&at.gradient, natural) {
            return Ok(Advance::stopped(at, stop));
        }
        let x = &at.x + change;
        let value = trial(f.value(&x))?.filter(|v| v.is_finite());
        let next = match (value, trial(f.gradient(&x))?) {
            (Some(value), Some(gradient)) => Iterate { x, value, gradient },
            _ => return Ok(Advance::stopped(at, Stop::Condition)),
        };
        if correction(&next.gradient).norm() <= self.shrinking * length {
            return Ok(Advance::to(next, natural));
        }
        // Corrections of rounding's size do not shrink.
        let stop = if natural <= epsilon::<T>().sqrt() {
            Stop::Rounding
        } else {
            Stop::Condition
        };
        Ok(Advance::stopped(at, stop))
    }
}

ending_setters!(LocalNewton);
super::argmin_solver!(
    LocalNewton,
    "Newton's method near a solution",
    HasHessian<T>
);
