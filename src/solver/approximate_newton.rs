//! Approximate Newton: the Hessian from a sample of rows.

use nalgebra::DVector;

use super::descend::{BOUNDARY_FRACTION, Direction, Found, LINEAR, descend, noise};
use super::method::{Advance, Evaluations, Iterate, Method};
use super::sampled_form::{SampledForm, Sampling, Yardstick, sampling_setters};
use super::settings::Ending;
use super::stop::Stop;
use crate::error::{Error, trial};
use crate::objective::{Frame, Objective};
use crate::scalar::{Scalar, real};

/// Whether steps are taken as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Damping {
    /// A step that does not lower f enough is shortened. Near the solution full
    /// steps pass, and the method is the paper's.
    #[default]
    LineSearch,
    /// Full steps always, as in the paper; one that leaves the domain, with all
    /// rows too, ends the run with [`Stop::Boundary`]. Where they do not contract
    /// they may go on for ever: limit the iterations.
    Full,
}

/// The approximate Newton method of \[G\].
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
/// - L_D and L_G with a ridge: D = w², the papers' regime, where the ridge
///   dominates: (1 − ε₀)AᵀDA ⪯ ∇²L ⪯ (1 + ε₀)AᵀDA.
/// - [`TiltedBarrier`](crate::TiltedBarrier) and the volumetric barrier:
///   D = (3Σ − 2Σ²)/s², the diagonal of (V3), with ε₀ ≤ ⅔ (V6). This is the
///   general regime of gradient inversion: L_G itself has no such form, since
///   squaring does not preserve ⪯.
/// - Your own f(Ax): say D.
///
/// # Contraction
/// Near a solution x*, to first order, e⁺ = (I − H̃⁻¹H)e for the error e = x − x*
/// with H = ∇²f(x*), H̃ = AᵀD̃A. The eigenvalues of H̃⁻¹H, real for it is symmetric
/// in the inner product of H, lie between (1 − ε₀)/(1 + ε) and (1 + ε₀)/(1 − ε):
///
/// ```text
/// ‖e⁺‖_H ≤ (ε₀ + ε)/(1 − ε) ‖e‖_H   with probability 1 − δ an iteration
/// ```
///
/// Where that is below 1, log(‖x₀ − x*‖/accuracy) iterations are enough. For the
/// barrier it is so for ε < 1/6 only: at the default, ε = ½, an iteration left 0.2
/// to 0.4 of the error as measured, but what is certain is the decrease that the
/// line search sees to. A step that a
/// sample does not find is tried once more with all rows before a run ends: a
/// poor sample is never taken for a solution.
///
/// [`PreconditionedNewton`](super::PreconditionedNewton) takes the same sample as a preconditioner only, and
/// converges quadratically.
///
/// An end that a sample's own error can cause is confirmed with all rows.
///
/// # Stops
/// As [`CellNewton`](super::CellNewton). Where there is no metric, a step is
/// measured by the sampled form, √(∇fᵀ(AᵀD̃A)⁻¹∇f), relative to the first. D is
/// not negative, so that a saddle can pass for a minimum.
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
    yardstick: Yardstick<T>,
    damping: Damping,
    boundary: T,
}

impl<T: Scalar> ApproximateNewton<T> {
    /// With [`Subsample::default`](crate::sample::Subsample::default) and seed 0.
    pub fn new() -> Self {
        ApproximateNewton {
            ending: Ending::at_rounding(),
            sampling: Sampling::default(),
            yardstick: Yardstick::new(),
            damping: Damping::default(),
            boundary: real(BOUNDARY_FRACTION),
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
        let frame = Frame::new(f.metric(&at.x)?);
        let form = self.sampling.draw(f, at, iteration)?;
        let (length, left) = self.yardstick.measure(&frame, &form, at, iteration);
        if let Some(stop) = self.ending.reached(&at.gradient, left) {
            return Ok(form.note(Advance::stopped(at, stop), None));
        }
        let advance = self.attempt(f, at, &form, length)?;
        if advance.stop.is_some()
            && let Some(all) = form.complete()?
        {
            // Nothing to gain, or a poor sample?
            let (length, _) = self.yardstick.measure(&frame, &all, at, iteration);
            let advance = self.attempt(f, at, &all, length)?;
            return Ok(all.note(advance, None));
        }
        Ok(form.note(advance, None))
    }
}

impl<T: Scalar> ApproximateNewton<T> {
    /// The step of one form, of this length.
    fn attempt<O: Objective<T>>(
        &self,
        f: &mut impl Evaluations<T, O>,
        at: &Iterate<T>,
        form: &SampledForm<T>,
        length: T,
    ) -> Result<Advance<T>, Error> {
        let step = -form.solve(&at.gradient);
        match self.damping {
            Damping::Full => full_step(f, at, (&step, length), form),
            Damping::LineSearch => {
                let along = Direction {
                    step: &step,
                    length,
                    boundary: self.boundary,
                    rate: LINEAR,
                };
                Ok(match descend(f, at, &along, |g| form.norm(g))? {
                    Found::Better(next, t) => Advance::to(next, t * length),
                    Found::Nothing(stop) => Advance::stopped(at, stop),
                })
            }
        }
    }
}

/// The whole step, as the paper takes it.
fn full_step<T: Scalar, O: Objective<T>>(
    f: &mut impl Evaluations<T, O>,
    at: &Iterate<T>,
    (step, length): (&DVector<T>, T),
    form: &SampledForm<T>,
) -> Result<Advance<T>, Error> {
    let x = &at.x + step;
    let value = trial(f.value(&x))?;
    if value.is_some_and(|v| !v.is_finite() && v < T::zero()) {
        return Ok(Advance::stopped(at, Stop::Unbounded));
    }
    let value = value.filter(|v| v.is_finite());
    let (Some(value), Some(gradient)) = (value, trial(f.gradient(&x))?) else {
        return Ok(Advance::stopped(at, Stop::Boundary));
    };
    // A linear method that no longer gains, where values are all the same.
    let flat = (value - at.value).abs() <= noise(at.value);
    if flat && !(form.norm(&gradient) < form.norm(&at.gradient)) {
        return Ok(Advance::stopped(at, Stop::of_nothing_found(length, flat)));
    }
    Ok(Advance::to(Iterate { x, value, gradient }, length))
}

sampling_setters!(ApproximateNewton);
super::argmin_solver!(ApproximateNewton, "Approximate Newton", Objective<T>);
