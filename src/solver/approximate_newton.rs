//! Approximate Newton: the Hessian from a sample of rows.

use nalgebra::DVector;

use super::descend::{BOUNDARY_FRACTION, Direction, Found, LINEAR, descend, noise};
use super::method::{Advance, Evaluations, Iterate, Method};
use super::sampled_form::{SampledForm, Sampling, sampling_setters};
use super::settings::Ending;
use super::stop::Stop;
use crate::error::{Error, trial};
use crate::objective::Objective;
use crate::scalar::{Scalar, real};

/// Whether steps are taken as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Damping {
    /// A step that does not lower f enough is shortened. Near the solution full
    /// steps pass, and the method is the paper's.
    #[default]
    LineSearch,
    /// Full steps always, as in the paper; one that leaves the domain ends the
    /// run with [`Stop::Boundary`].
    Full,
}

/// The approximate Newton method of [G].
///
/// ```text
/// D   = the objective's row curvature at x:  ∇²f(x) ≈ AᵀDA
/// D̃   = SUBSAMPLE(D, A, ε, δ):               (1 − ε)AᵀDA ⪯ AᵀD̃A ⪯ (1 + ε)AᵀDA
/// x⁺  = x − (AᵀD̃A)⁻¹ ∇f(x)
/// ```
///
/// A new sample is drawn in every iteration, with probabilities proportional to
/// the leverage scores of D^½A. It works for every objective that states a
/// [`row_curvature`](Objective::row_curvature):
///
/// - L_D and L_G with a ridge: D = w², the papers' regime. Where the ridge
///   dominates, (1 − ε₀)AᵀDA ⪯ ∇²L ⪯ (1 + ε₀)AᵀDA, the error shrinks by
///   (ε₀ + ε)/(1 − ε) an iteration in the norm of ∇²L, so that
///   log(‖x₀ − x*‖/accuracy) iterations are enough.
/// - [`TiltedBarrier`](crate::TiltedBarrier) and the volumetric barrier:
///   D = (3Σ − 2Σ²)/s², the diagonal of (V3), which always contracts, by 2/3 at
///   worst. This is the general regime of gradient inversion: L_G itself has no
///   such form, since squaring does not preserve ⪯.
/// - Your own f(Ax): say D.
///
/// [`PreconditionedNewton`](super::PreconditionedNewton) takes the same sample as a preconditioner only, and
/// converges quadratically.
///
/// # Stops
/// As [`CellNewton`](super::CellNewton), the step's length being measured by the
/// sampled form, √(∇fᵀ(AᵀD̃A)⁻¹∇f), relative to its first.
///
/// # Errors
/// [`Error::NotOffered`] for an objective without row curvature.
///
/// # Complexity
/// One gradient, the leverage scores of D^½A, and O(md² + d³) for the m sampled
/// rows a step: O(nnz(A) polylog + d³) where scores are sketched.
///
/// # Example
/// Logistic regression: D = p(1 − p).
/// ```
/// use argmin::core::Executor;
/// use levinv::{DMatrix, DVector, Design, Error, Objective, RowCurvature};
/// use levinv::{adapter::ArgminProblem, solver::{ApproximateNewton, Stop}};
///
/// struct Logistic { a: Design<f64>, y: DVector<f64> }
///
/// impl Objective<f64> for Logistic {
///     fn dim(&self) -> usize { self.a.ncols() }
///     fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
///         let z = self.a.apply(x)?;
///         let loss = z.zip_map(&self.y, |z, y| z.exp().ln_1p() - y * z);
///         Ok(loss.sum() + 0.5e-2 * x.norm_squared())
///     }
///     fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
///         let z = self.a.apply(x)?;
///         let r = z.zip_map(&self.y, |z, y| 1.0 / (1.0 + (-z).exp()) - y);
///         Ok(self.a.apply_transposed(&r)? + x * 1e-2)
///     }
///     fn row_curvature(&self, x: &DVector<f64>) -> Result<Option<RowCurvature<f64>>, Error> {
///         let diagonal = self.a.apply(x)?.map(|z| 1.0 / (2.0 + 2.0 * z.cosh()));
///         Ok(Some(RowCurvature { design: self.a.clone(), diagonal }))
///     }
/// }
///
/// let a = DMatrix::from_fn(4000, 3, |i, j| ((i * (j + 2) * 37 % 101) as f64 - 50.0) / 50.0);
/// let y = DVector::from_fn(4000, |i, _| f64::from(u8::from(i * 7919 % 13 < 6)));
/// let f = Logistic { a: a.into(), y };
/// let result = Executor::new(ArgminProblem::new(f), ApproximateNewton::new().with_seed(1))
///     .configure(|state| state.param(DVector::zeros(3)))
///     .run()?;
/// assert!(result.solver.stop().is_some_and(Stop::is_success));
/// # Ok::<(), argmin::core::Error>(())
/// ```
///
/// # Source
/// arXiv 2408.11267 (its abstract was at hand; rates, the general regime and the
/// constants are derived here and in [`sample`](crate::sample)).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ApproximateNewton<T: Scalar> {
    pub(super) ending: Ending<T>,
    sampling: Sampling<T>,
    damping: Damping,
    boundary: T,
    /// The decrement at the start.
    first: T,
}

impl<T: Scalar> ApproximateNewton<T> {
    /// With [`Subsample::default`] and seed 0.
    pub fn new() -> Self {
        ApproximateNewton {
            ending: Ending::at_rounding(),
            sampling: Sampling::default(),
            damping: Damping::default(),
            boundary: real(BOUNDARY_FRACTION),
            first: T::zero(),
        }
    }

    /// Whether steps are shortened.
    #[must_use]
    pub fn with_damping(mut self, damping: Damping) -> Self {
        self.damping = damping;
        self
    }
}

impl<T: Scalar, O: Objective<T>> Method<T, O> for ApproximateNewton<T> {
    fn advance(
        &mut self,
        f: &mut impl Evaluations<T, O>,
        at: &Iterate<T>,
        iteration: u64,
    ) -> Result<Advance<T>, Error> {
        let form = self.sampling.draw(f, at, iteration)?;
        let step = -form.solve(&at.gradient);
        let length = form.norm(&at.gradient);
        if iteration == 0 {
            self.first = length;
        }
        if let Some(stop) = self.ending.reached(at.gradient.norm(), length / self.first) {
            return Ok(form.note(Advance::stopped(at, stop), None));
        }
        let advance = match self.damping {
            Damping::Full => full_step(f, at, &step, &form)?,
            Damping::LineSearch => {
                let along = Direction {
                    step: &step,
                    length,
                    boundary: self.boundary,
                    rate: LINEAR,
                };
                match descend(f, at, &along, |g| form.norm(g))? {
                    Found::Better(next, t) => Advance::to(next, t * length),
                    Found::Nothing(stop) => Advance::stopped(at, stop),
                }
            }
        };
        Ok(form.note(advance, None))
    }
}

/// The whole step, as the paper takes it.
fn full_step<T: Scalar, O: Objective<T>>(
    f: &mut impl Evaluations<T, O>,
    at: &Iterate<T>,
    step: &DVector<T>,
    form: &SampledForm<T>,
) -> Result<Advance<T>, Error> {
    let x = &at.x + step;
    let value = trial(f.value(&x))?.filter(|v| v.is_finite());
    let (Some(value), Some(gradient)) = (value, trial(f.gradient(&x))?) else {
        return Ok(Advance::stopped(at, Stop::Boundary));
    };
    let (here, there) = (form.norm(&at.gradient), form.norm(&gradient));
    // A linear method that no longer gains, where values are all the same.
    let flat = (value - at.value).abs() <= noise(at.value);
    if flat && !(there < here) {
        return Ok(Advance::stopped(at, Stop::Rounding));
    }
    Ok(Advance::to(Iterate { x, value, gradient }, here))
}

sampling_setters!(ApproximateNewton);
super::argmin_solver!(ApproximateNewton, "Approximate Newton", Objective<T>);
