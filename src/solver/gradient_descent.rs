//! Gradient descent with a certified step.

use nalgebra::DVector;

use super::descend::noise;
use super::method::{Advance, Evaluations, Iterate, Method};
use super::settings::{Ending, gradient_setters, norm, positive};
use super::stop::Stop;
use crate::error::{Error, trial};
use crate::objective::Objective;
use crate::scalar::{Scalar, epsilon, real};

/// The gradient descends to this part of its start by default: a linear method
/// gains little beyond, and a Newton step gains the rest at once.
pub const GRADIENT_REDUCTION: f64 = 1e-8;
/// The part of the last L that is tried next, so that L can fall where f is
/// smoother: a tenth off costs few failed trials.
const RELAX: f64 = 0.9;
/// What L grows by where it proved too small.
const GROW: f64 = 2.0;
/// Trials for one step.
const TRIALS: usize = 100;

/// Gradient descent of \[D\] with the step 1/L.
///
/// ```text
/// x⁺ = x − ∇f(x)/L,   f(x⁺) ≤ f(x) − ‖∇f(x)‖²/2L
/// ```
///
/// The paper takes L, a Lipschitz constant of ∇f, from its assumptions. Here L
/// is estimated (from a difference of gradients at first) and every step is
/// certified: the decrease that L promises by the descent lemma has happened, or
/// L is doubled. Where f is flat to rounding the gradient has to shrink
/// instead.
///
/// With f bounded below this reaches ‖∇f‖ ≤ ε in O(L/ε²) steps, and linearly
/// near a minimum with ∇²f ⪰ ℓI: f − f* by 1 − ℓ/L a step, so wrap the objective in
/// [`Scaled`](crate::Scaled) where the units of x differ. The step is cut so as
/// to stay inside the domain.
///
/// # Stops
/// [`Stop::Gradient`] where ‖∇f‖ is 1e-8 of its start, or as set. From a start at
/// the edge of a cell, where a barrier's gradient is huge, that is not near the
/// solution yet. A short step proves nothing here, so there is no tolerance for it.
///
/// # Complexity
/// One gradient and one or two values a step.
///
/// # Example
/// ```
/// use argmin::core::Executor;
/// use levinv::{Functions, adapter::ArgminProblem, solver::{GradientDescent, Stop}};
/// use nalgebra::{DVector, dvector};
///
/// // ½(x² + 10 y²)
/// let f = Functions::new(
///     2,
///     |x: &DVector<f64>| 0.5 * (x[0] * x[0] + 10.0 * x[1] * x[1]),
///     |x: &DVector<f64>| dvector![x[0], 10.0 * x[1]],
/// );
/// let result = Executor::new(ArgminProblem::new(f), GradientDescent::new())
///     .configure(|state| state.param(dvector![1.0, 1.0]))
///     .run()?;
/// assert_eq!(result.solver.stop(), Some(Stop::Gradient));
/// assert!(result.state.cost < 1e-14);
/// # Ok::<(), argmin::core::Error>(())
/// ```
///
/// # Source
/// The first-order method of arXiv 2404.13785 (its abstract was at hand); the
/// search for L is Nesterov's, *Gradient methods for minimizing composite
/// functions* (2013).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GradientDescent<T> {
    pub(super) ending: Ending<T>,
    reduction: T,
    /// L to begin with, where it was given.
    first_smoothness: Option<T>,
    /// L, once known.
    smoothness: Option<T>,
    /// ‖∇f‖ at the start.
    first_gradient: T,
}

impl<T: Scalar> GradientDescent<T> {
    /// Down to [`GRADIENT_REDUCTION`].
    pub fn new() -> Self {
        GradientDescent {
            ending: Ending::at_rounding(),
            reduction: real(GRADIENT_REDUCTION),
            first_smoothness: None,
            smoothness: None,
            first_gradient: T::zero(),
        }
    }

    /// Stops where ‖∇f‖ is this part of what it was at the start.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless it is positive.
    pub fn with_reduction(mut self, reduction: T) -> Result<Self, Error> {
        self.reduction = positive("reduction", reduction)?;
        Ok(self)
    }

    /// L to begin with, where it is known.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless it is positive.
    pub fn with_smoothness(mut self, smoothness: T) -> Result<Self, Error> {
        self.first_smoothness = Some(positive("smoothness", smoothness)?);
        Ok(self)
    }

    /// The L that the last step was certified with.
    pub fn smoothness(&self) -> Option<T> {
        self.smoothness
    }
}

impl<T: Scalar> Default for GradientDescent<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, O: Objective<T>> Method<T, O> for GradientDescent<T> {
    fn advance(
        &mut self,
        f: &mut impl Evaluations<T, O>,
        at: &Iterate<T>,
        iteration: u64,
    ) -> Result<Advance<T>, Error> {
        let size = norm(&at.gradient);
        if iteration == 0 {
            self.first_gradient = size;
            self.smoothness = None;
        }
        let small = self
            .ending
            .gradient
            .max(self.reduction * self.first_gradient);
        if size <= self.ending.gradient || (iteration > 0 && size <= small) {
            return Ok(Advance::stopped(at, Stop::Gradient));
        }
        let mut smoothness = match (self.smoothness, self.first_smoothness) {
            (Some(last), _) => last * real(RELAX),
            (None, Some(first)) => first,
            (None, None) => estimate(f, at, epsilon::<T>().sqrt())?,
        };
        let downhill = -&at.gradient;
        if let Some(largest) = f.largest_step(&at.x, &downhill)? {
            // L below this would step outside.
            smoothness = smoothness.max(real::<T>(1.0 / super::BOUNDARY_FRACTION) / largest);
        }
        for _ in 0..TRIALS {
            let x = &at.x + &downhill / smoothness;
            let length = relative(size / smoothness, &at.x);
            // The squares of either may overflow.
            let promised = size * (size / smoothness) * real(0.5);
            let value = trial(f.value(&x))?;
            if value.is_some_and(|v| !v.is_finite() && v < T::zero()) {
                return Ok(Advance::stopped(at, Stop::Unbounded));
            }
            let value = value.filter(|v| v.is_finite());
            let flat = promised <= noise(at.value);
            let certified = value.filter(|v| flat || *v <= at.value - promised);
            if let Some(value) = certified
                && let Some(gradient) = trial(f.gradient(&x))?
                && (!flat || norm(&gradient) < size)
            {
                self.smoothness = Some(smoothness);
                return Ok(Advance::to(Iterate { x, value, gradient }, length));
            }
            if flat || length <= epsilon() {
                break;
            }
            smoothness *= real(GROW);
        }
        // Any step is short once L is large enough, by doubling or for the
        // boundary's sake: what the end means is judged by an L measured here,
        // over two lengths, for a kink looks smooth over either.
        let half = epsilon::<T>().sqrt();
        let measured = estimate(f, at, half)?.min(estimate(f, at, half.sqrt())?);
        let flat = size * (size / measured) * real(0.5) <= noise(at.value);
        let stop = Stop::of_nothing_found(relative(size / measured, &at.x), flat);
        Ok(Advance::stopped(at, stop))
    }
}

/// ‖∇f(x + h) − ∇f(x)‖/‖h‖ for an h downhill of this length, relative to x.
fn estimate<T: Scalar, O: Objective<T>>(
    f: &mut impl Evaluations<T, O>,
    at: &Iterate<T>,
    part: T,
) -> Result<T, Error> {
    let size = norm(&at.gradient);
    let mut length = part * at.x.norm().max(T::one());
    if let Some(largest) = f.largest_step(&at.x, &-&at.gradient)? {
        length = length.min(largest * size * real(0.1));
    }
    let x = &at.x - &at.gradient * (length / size);
    let change = trial(f.gradient(&x))?.map(|g| norm(&(g - &at.gradient)) / length);
    // Where that says nothing, a first step as long as x.
    let fallback = size / at.x.norm().max(T::one());
    Ok(change
        .filter(|l| l.is_finite() && *l > T::zero())
        .unwrap_or(fallback))
}

fn relative<T: Scalar>(length: T, x: &DVector<T>) -> T {
    if x.amax() > T::zero() {
        length / x.norm()
    } else {
        length
    }
}

gradient_setters!(GradientDescent);
super::argmin_solver!(GradientDescent, "Gradient descent", Objective<T>);
