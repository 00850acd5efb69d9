//! From the unregularised solution along the ridge.
//!
//! With λρ for the ridge ρ of (R1), the stationary points of L + λρ form curves
//! x(λ), and where the Hessian H = ∇²L + λ∇²ρ is invertible
//!
//! ```text
//! dx/dλ = −H⁻¹ ∇ρ(x)
//! ```
//!
//! The curve that begins in the unregularised solution is followed from λ = 0 to 1:
//! a tangent step, then Newton back onto the curve. Where it folds, which is where
//! H becomes singular, there is no x(λ) nearby for a larger λ, and where it meets
//! the hyperplane of a row the loss is not defined: from there the loss at a larger
//! λ leads downhill to a minimiser further off, whose curve is followed.

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::objective::{ClosedForm, Frame, HasHessian, LeverageObjective, Objective, Ridge};
use crate::scalar::{Scalar, epsilon, real, to_f64};
use crate::solver::{CellNewton, Curvature, Iterate, minimise};

/// Length of a tangent step in the local norm, in which a slack changes sign at 1
/// at the earliest.
const STRIDE: f64 = 0.2;
/// Newton steps back onto the curve: from a good tangent step two or three.
const CORRECTIONS: usize = 6;
/// Newton steps this short in the local norm have arrived: the curve is only to be
/// followed, its end is sharpened.
const ON_CURVE: f64 = 1e-6;
/// A tangent step cut to this part of the first has met a fold; one that is so short
/// beside λ has met a hyperplane, next to which the local norm leaves no room.
const STUCK: f64 = 1e-3;
/// By how much λ grows where descent takes over, relative.
const JUMP: f64 = 0.1;

/// Where the curve led.
pub(crate) struct Path<T: Scalar> {
    pub(crate) x: DVector<T>,
    pub(crate) iterations: usize,
    /// The λ at which a curve ended and another was taken.
    pub(crate) ends: Vec<f64>,
    /// The λ that was reached, 1 unless the iterations ran out.
    pub(crate) reached: T,
}

/// A point of a curve with what leads on.
struct Point<T: Scalar> {
    x: DVector<T>,
    lambda: T,
}

/// Follows the minimiser of L + λρ from λ = 0 to 1, L without a ridge. O(nd³) a step.
pub(crate) fn follow<T: Scalar, F: ClosedForm<T> + Clone>(
    loss: &LeverageObjective<T, F>,
    weights: &DVector<T>,
    start: &DVector<T>,
    max_iters: usize,
    mut on_step: impl FnMut(usize, f64),
) -> Result<Path<T>, Error> {
    let ridge = Ridge::new(loss.model(), weights.clone())?;
    let at_lambda = |lambda: T| loss.clone().with_ridge(weights * lambda.sqrt());
    let mut at = Point {
        x: start.clone(),
        lambda: T::zero(),
    };
    let mut path = Path {
        x: start.clone(),
        iterations: 0,
        ends: Vec::new(),
        reached: T::zero(),
    };
    while at.lambda < T::one() && path.iterations < max_iters {
        let Some((tangent, speed)) = trial(tangent(&at_lambda(at.lambda)?, &ridge, &at.x))? else {
            break;
        };
        let rest = T::one() - at.lambda;
        let first = (real::<T>(STRIDE) / speed).min(rest);
        let mut step = first;
        let mut next = None;
        let room = first == rest || first > at.lambda * real(STUCK);
        while room && next.is_none() && step >= first * real(STUCK) && path.iterations < max_iters {
            let guess = Point {
                x: &at.x + &tangent * step,
                // Not 1 but for a rounding.
                lambda: if step == rest {
                    T::one()
                } else {
                    at.lambda + step
                },
            };
            next = correct(&at_lambda(guess.lambda)?, guess, &mut path.iterations)?;
            step *= real(0.3);
        }
        at = match next {
            Some(next) => next,
            None => {
                let lambda = (at.lambda * real(1.0 + JUMP))
                    .max(at.lambda + first)
                    .min(T::one());
                // Corrections may have gone past the limit.
                let left = max_iters.saturating_sub(path.iterations);
                if left == 0 {
                    break;
                }
                let f = at_lambda(lambda)?;
                let end = trial(minimise(&mut CellNewton::new(), &f, &at.x, left, |_, _| {}))?;
                let Some(end) = end else { break };
                path.ends.push(to_f64(at.lambda));
                path.iterations += end.iterations.max(1);
                Point {
                    x: end.at.x,
                    lambda,
                }
            }
        };
        on_step(path.iterations, to_f64(T::one() - at.lambda));
    }
    (path.x, path.reached) = (at.x, at.lambda);
    Ok(path)
}

/// dx/dλ, and its length in the local norm.
fn tangent<T: Scalar, F: ClosedForm<T>>(
    loss: &LeverageObjective<T, F>,
    ridge: &Ridge<T>,
    x: &DVector<T>,
) -> Result<(DVector<T>, T), Error> {
    let frame = Frame::new(loss.metric(x)?);
    let curvature = Curvature::of(loss.hessian(x)?, &frame)?;
    let force = frame.gradient(ridge.gradient(loss.model(), x)?);
    let tangent = frame.step(&curvature.newton(&force));
    let speed = frame.length(x, &tangent);
    Ok((tangent, speed.max(epsilon())))
}

/// Newton at a fixed λ; `None` where it does not lead to a minimiser nearby.
fn correct<T: Scalar, F: ClosedForm<T>>(
    loss: &LeverageObjective<T, F>,
    guess: Point<T>,
    iterations: &mut usize,
) -> Result<Option<Point<T>>, Error> {
    let mut x = guess.x;
    let mut last = T::one() / T::zero();
    for _ in 0..CORRECTIONS {
        let Some((step, length)) = trial(newton_step(loss, &x))?.flatten() else {
            return Ok(None);
        };
        *iterations += 1;
        // Away from the curve, or not converging to it.
        if !(length < real(STRIDE)) || !(length < last * real(0.7)) {
            return Ok(None);
        }
        x += step;
        if length <= real(ON_CURVE) {
            let lambda = guess.lambda;
            return Ok(Some(Point { x, lambda }));
        }
        last = length;
    }
    Ok(None)
}

/// The Newton step with its length; `None` where the Hessian is not positive
/// definite beyond rounding.
fn newton_step<T: Scalar, F: ClosedForm<T>>(
    loss: &LeverageObjective<T, F>,
    x: &DVector<T>,
) -> Result<Option<(DVector<T>, T)>, Error> {
    let frame = Frame::new(loss.metric(x)?);
    let curvature = Curvature::of(loss.hessian(x)?, &frame)?;
    if !curvature.is_positive_definite() {
        return Ok(None);
    }
    let step = frame.step(&curvature.newton(&frame.gradient(loss.gradient(x)?)));
    let length = frame.length(x, &step);
    Ok(Some((step, length)))
}

/// Newton at the full ridge, for as long as the gradient falls: values are flat
/// there long before.
pub(crate) fn sharpen<T: Scalar, O: HasHessian<T>>(
    loss: &O,
    mut at: Iterate<T>,
) -> Result<(Iterate<T>, usize), Error> {
    let mut steps = 0;
    for _ in 0..CORRECTIONS {
        let frame = Frame::new(loss.metric(&at.x)?);
        let curvature = Curvature::of(loss.hessian(&at.x)?, &frame)?;
        let here = frame.gradient(at.gradient.clone());
        let step = frame.step(&curvature.newton(&here));
        // Anything longer is not for a method without a line search.
        if !curvature.is_positive_definite() || !(frame.length(&at.x, &step) < real(ON_CURVE)) {
            break;
        }
        let x = &at.x + step;
        let (Some(value), Some(gradient)) = (trial(loss.value(&x))?, trial(loss.gradient(&x))?)
        else {
            break;
        };
        let better = curvature.decrement(&frame.gradient(gradient.clone()))
            < curvature.decrement(&here) * real(0.5);
        if !better {
            break;
        }
        at = Iterate { x, value, gradient };
        steps += 1;
    }
    Ok((at, steps))
}
