//! Newton with exact products, preconditioned by a sample of rows.

use super::descend::{BOUNDARY_FRACTION, Direction, Found, QUADRATIC, descend};
use super::method::{Advance, Evaluations, Iterate, Method};
use super::sampled_form::{Sampling, Yardstick, sampling_setters};
use super::settings::Ending;
use crate::error::Error;
use crate::linalg::conjugate_gradients;
use crate::objective::{Frame, HasHessianProduct};
use crate::scalar::{Scalar, real};

/// Inner iterations end when the residual has fallen to this part, or to the
/// natural length of the step where that is less: Newton's convergence stays
/// quadratic.
const FORCING: f64 = 0.1;
/// Inner iterations at most.
const INNER: usize = 100;

/// Newton with exact Hessian products, preconditioned by a sample of rows.
///
/// ```text
/// H step = −∇f(x)  by conjugate gradients,  H = ∇²f(x) through products,
/// preconditioned by AᵀD̃A, D̃ = SUBSAMPLE(D, A, ε, δ)
/// ```
///
/// D is the objective's [`row_curvature`](crate::Objective::row_curvature). For the
/// volumetric barrier the eigenvalues of H relative to AᵀDA lie between ⅓ and 5/3
/// (V6), so that the preconditioned condition number κ is at most
/// 5(1 + ε)/(1 − ε), 15 at ε = ½. After k inner iterations the error in the norm of
/// H is at most 2((√κ − 1)/(√κ + 1))ᵏ of the first, 0.59 an iteration: a handful,
/// whatever A. A sample's own error costs inner iterations, never accuracy.
/// Directions of negative curvature end the inner iteration, as in Steihaug's
/// method. Steps stay inside the domain.
///
/// Run it on an [`ArgminProblem`](crate::adapter::ArgminProblem): that asks for
/// products alone, no Hessian.
///
/// # Stops
/// As [`CellNewton`](super::CellNewton), but [`Stop::Step`](super::Stop::Step) goes
/// by the preconditioner's own step −(AᵀD̃A)⁻¹∇f: its natural length, or where there
/// is no metric its length in the sampled form relative to the first. Curvature is
/// known along the inner directions only: a saddle can pass for a minimum.
///
/// # Errors
/// [`Error::NotOffered`] for an objective without row curvature.
///
/// # Complexity
/// As [`ApproximateNewton`](super::ApproximateNewton), and a Hessian product an inner iteration.
///
/// # Example
/// ```
/// use argmin::core::Executor;
/// use levinv::{Model, TiltedBarrier, adapter::ArgminProblem};
/// use levinv::solver::{PreconditionedNewton, Stop};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0, 0.0; 0.0, 1.0; -1.0, -1.0], dvector![0.0, 0.0, -3.0])?;
/// let start = dvector![0.1, 0.1];
/// let tilted = TiltedBarrier::new(&model, dvector![0.0, 0.0])?.in_cell_of(&start)?;
/// let result = Executor::new(ArgminProblem::new(tilted), PreconditionedNewton::new())
///     .configure(|state| state.param(start))
///     .run()?;
/// assert!(result.solver.stop().is_some_and(Stop::is_success));
/// let x = result.state.best_param.expect("a point");
/// assert!((x - dvector![1.0, 1.0]).norm() < 1e-12);
/// # Ok::<(), argmin::core::Error>(())
/// ```
///
/// # Source
/// The general regime of arXiv 2408.11267's problem, beyond the paper. The
/// forcing term: S. Eisenstat and H. Walker, SIAM J. Sci. Comput. 17 (1996).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PreconditionedNewton<T: Scalar> {
    pub(super) ending: Ending<T>,
    sampling: Sampling<T>,
    yardstick: Yardstick<T>,
    boundary: T,
}

impl<T: Scalar> PreconditionedNewton<T> {
    /// With [`Subsample::default`](crate::sample::Subsample::default) and seed 0, down to rounding.
    pub fn new() -> Self {
        PreconditionedNewton {
            ending: Ending::at_rounding(),
            sampling: Sampling::default(),
            yardstick: Yardstick::new(),
            boundary: real(BOUNDARY_FRACTION),
        }
    }
}

impl<T: Scalar, O: HasHessianProduct<T>> Method<T, O> for PreconditionedNewton<T> {
    fn advance(
        &mut self,
        f: &mut impl Evaluations<T, O>,
        at: &Iterate<T>,
        iteration: u64,
    ) -> Result<Advance<T>, Error> {
        let frame = Frame::new(f.metric(&at.x)?);
        let form = self.sampling.draw(f, at, iteration)?;
        let (length, left) = self.yardstick.measure(&frame, &form, at, iteration);
        if let Some(stop) = self.ending.reached(&at.gradient, left) {
            return Ok(form.note(Advance::stopped(at, stop), None));
        }
        let solved = conjugate_gradients(
            -&at.gradient,
            (left.min(real(FORCING)), INNER),
            |r| form.solve(r),
            |direction| f.product(&at.x, direction),
        )?;
        // Negative curvature: as far as it is positive, or downhill.
        let step = match solved.bent && solved.products == 1 {
            true => -form.solve(&at.gradient),
            false => solved.x,
        };
        let along = Direction {
            step: &step,
            length: match frame.is_natural() {
                true => frame.length(&at.x, &step),
                false => length,
            },
            boundary: self.boundary,
            rate: QUADRATIC,
        };
        let advance = match descend(f, at, &along, |g| form.norm(g))? {
            Found::Better(next, t) => Advance::to(next, t * along.length),
            Found::Nothing(stop) => Advance::stopped(at, stop),
        };
        Ok(form.note(advance, Some(solved.products)))
    }
}

sampling_setters!(PreconditionedNewton);
super::argmin_solver!(
    PreconditionedNewton,
    "Newton, preconditioned by a sample",
    HasHessianProduct<T>
);
