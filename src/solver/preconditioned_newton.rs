//! Newton with exact products, preconditioned by a sample of rows.

use nalgebra::DVector;

use super::descend::{BOUNDARY_FRACTION, Direction, Found, QUADRATIC, descend};
use super::method::{Advance, Evaluations, Iterate, Method};
use super::sampled_form::{SampledForm, Sampling, sampling_setters};
use super::settings::Ending;
use crate::error::Error;
use crate::objective::HasHessianProduct;
use crate::scalar::{Scalar, real};

/// Inner iterations end when the residual has fallen to this part, or to the
/// decrement where that is less: Newton's convergence stays quadratic.
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
/// volumetric barrier AᵀDA is within a factor 5 of H (V5), so that the
/// preconditioned condition number is at most 5(1 + ε)/(1 − ε) and each inner
/// iteration cuts the error by 0.6 or better at ε = ½: a handful an iteration,
/// whatever A. The sample's own error costs inner iterations, never accuracy.
/// Directions of negative curvature end the inner iteration, as Steihaug's
/// method does. Steps stay inside the domain.
///
/// # Stops
/// As [`CellNewton`](super::CellNewton), the step's length being measured by the
/// sampled form.
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
    boundary: T,
}

impl<T: Scalar> PreconditionedNewton<T> {
    /// With [`Subsample::default`] and seed 0, down to rounding.
    pub fn new() -> Self {
        PreconditionedNewton {
            ending: Ending::at_rounding(),
            sampling: Sampling::default(),
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
        let form = self.sampling.draw(f, at, iteration)?;
        let length = form.norm(&at.gradient);
        if let Some(stop) = self.ending.reached(at.gradient.norm(), length) {
            return Ok(form.note(Advance::stopped(at, stop), None));
        }
        let forcing = length.min(real(FORCING));
        let (step, inner) = conjugate_gradients(f, at, &form, forcing)?;
        let along = Direction {
            step: &step,
            length,
            boundary: self.boundary,
            rate: QUADRATIC,
        };
        let advance = match descend(f, at, &along, |g| form.norm(g))? {
            Found::Better(next, t) => Advance::to(next, t * length),
            Found::Nothing(stop) => Advance::stopped(at, stop),
        };
        Ok(form.note(advance, Some(inner)))
    }
}

/// H step = −∇f to a relative accuracy in the preconditioner's dual norm.
fn conjugate_gradients<T: Scalar, O: HasHessianProduct<T>>(
    f: &mut impl Evaluations<T, O>,
    at: &Iterate<T>,
    form: &SampledForm<T>,
    accuracy: T,
) -> Result<(DVector<T>, usize), Error> {
    let mut residual = -&at.gradient;
    let mut z = form.solve(&residual);
    let mut rz = residual.dot(&z);
    let goal = rz * accuracy * accuracy;
    let mut direction = z.clone();
    let mut step = DVector::zeros(residual.len());
    for inner in 0..INNER {
        if !(rz > goal) {
            return Ok((step, inner));
        }
        let image = f.product(&at.x, &direction)?;
        let curvature = direction.dot(&image);
        if !(curvature > T::zero()) {
            // Negative curvature: downhill all the way, or as far as it is known.
            let step = if inner == 0 { direction } else { step };
            return Ok((step, inner + 1));
        }
        let t = rz / curvature;
        step.axpy(t, &direction, T::one());
        residual.axpy(-t, &image, T::one());
        z = form.solve(&residual);
        let next = residual.dot(&z);
        direction = &z + &direction * (next / rz);
        rz = next;
    }
    Ok((step, INNER))
}

sampling_setters!(PreconditionedNewton);
super::argmin_solver!(
    PreconditionedNewton,
    "Newton, preconditioned by a sample",
    HasHessianProduct<T>
);
