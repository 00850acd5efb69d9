//! Scores determine the row weights.
//!
//! For weights v > 0 let σ(v) be the leverage scores of diag(√v)A. With v = eʸ,
//! σ is the gradient of the convex log det(Aᵀdiag(eʸ)A): σ(v) = τ is solved by
//! minimising `f(y) = log det(Aᵀ diag(eʸ) A) − τᵀy`, unique up to y + const.
//! The first steps are v ← v∘τ/σ(v), which only ever descend; the rest is
//! Newton with the Hessian Λ(v), solved by conjugate gradients.

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::geometry::Geometry;
use crate::linalg::{Design, Factorisation};
use crate::recover::scores::structure::Components;
use crate::scalar::{Scalar, count, epsilon, real, to_f64};

/// Fixed-point steps before Newton: they bring any start near enough for
/// Newton to need 3–8 steps.
const FIXED_POINT_STEPS: usize = 10;
/// Conjugate gradient steps per Newton step.
const INNER_STEPS: usize = 200;
/// Residuals from which the gradient alone may judge a Newton step.
const NEAR: f64 = 1e-3;
/// Residuals from which Gauss–Newton on x finds the rest of the way: a search
/// that stalls below is no proof that there are no weights.
const ENOUGH: f64 = 1e-6;
/// The spread of log weights at which the minimiser is taken to lie at
/// infinity: slacks would differ by 1/ε.
const SPREAD_DIGITS: f64 = 2.0;

/// How the search for weights ended.
#[derive(Debug, Clone)]
pub(crate) struct Weights<T: Scalar> {
    /// |s| up to a common factor: v^(-1/2), median 1.
    pub(crate) magnitudes: DVector<T>,
    /// ln v: what goes to infinity where no weights have the scores.
    pub(crate) log_weights: DVector<T>,
    /// ‖σ(v) − τ‖ / ‖τ‖.
    pub(crate) residual: T,
    /// Whether the residual is down to rounding.
    pub(crate) converged: bool,
    pub(crate) iterations: usize,
    pub(crate) evaluations: usize,
}

/// One iterate: y with the geometry of diag(e^{y/2})A.
struct Iterate<T: Scalar> {
    y: DVector<T>,
    geometry: Geometry<T>,
    gradient: DVector<T>,
}

impl<T: Scalar> Iterate<T> {
    fn at(
        design: &Design<T>,
        components: &Components,
        target: &DVector<T>,
        mut y: DVector<T>,
    ) -> Result<Self, Error> {
        // A constant on a component changes nothing: keep each centred.
        let (sums, sizes) = (components.sums(&y), components.sizes());
        for (y, k) in y.iter_mut().zip(&components.of_row) {
            *y = k.map_or(T::zero(), |k| *y - sums[k] / count(sizes[k]));
        }
        // A geometry knows rows scaled by 1/s; s = e^{-y/2} scales them by √v.
        let slack = y.map(|y| (y * real(-0.5)).exp());
        let origin = DVector::zeros(design.ncols());
        let geometry = Geometry::new(design, &origin, &slack, Factorisation::Automatic)?;
        let gradient = geometry.scores()? - target;
        Ok(Iterate {
            y,
            geometry,
            gradient,
        })
    }

    /// f(y), for comparing two iterates.
    fn value(&self, target: &DVector<T>) -> T {
        self.geometry.volumetric() * real(2.0) - self.y.dot(target)
    }

    fn residual(&self, target: &DVector<T>) -> T {
        self.gradient.norm() / target.norm()
    }
}

/// Solves σ(v) = τ. Time O(nd²) per step, some tens of steps.
///
/// `on_step` sees the iteration and the residual.
pub(crate) fn solve<T: Scalar>(
    design: &Design<T>,
    components: &Components,
    scores: &DVector<T>,
    max_iters: usize,
    mut on_step: impl FnMut(usize, T),
) -> Result<Weights<T>, Error> {
    // A component's scores sum to its rank; what rounding left over would send
    // y to infinity.
    let sums = components.sums(scores);
    let target = DVector::from_fn(scores.len(), |i, _| match components.of_row[i] {
        Some(k) => scores[i] * (count::<T>(components.ranks[k]) / sums[k]),
        None => T::zero(),
    });
    let mut current = Iterate::at(design, components, &target, DVector::zeros(scores.len()))?;
    let (mut iterations, mut evaluations) = (0, 1);
    for _ in 0..FIXED_POINT_STEPS.min(max_iters) {
        let ratio = target.zip_map(current.geometry.scores()?, |t, s| {
            // A zero row has no score and no weight.
            if t > T::zero() {
                (t / s).ln()
            } else {
                T::zero()
            }
        });
        let Some(next) = trial(Iterate::at(design, components, &target, &current.y + ratio))?
        else {
            break;
        };
        current = next;
        (iterations, evaluations) = (iterations + 1, evaluations + 1);
        on_step(iterations, current.residual(&target));
    }
    let floor = epsilon::<T>() * count::<T>(scores.len()).sqrt();
    while iterations < max_iters {
        let before = current.residual(&target);
        if before <= floor || spread(&current.y) > limit::<T>() {
            break;
        }
        let (step, products) = newton_step(&current, before)?;
        evaluations += products;
        let Some((next, tries)) = descend(design, components, &target, &current, &step)? else {
            break;
        };
        evaluations += tries;
        iterations += 1;
        let after = next.residual(&target);
        // Near the end rounding decides: keep the better one and stop.
        let stalled = before < real::<T>(1e3) * floor && after > before * real(0.5);
        if after < before || !stalled {
            current = next;
        }
        on_step(iterations, current.residual(&target));
        if stalled {
            break;
        }
    }
    let residual = current.residual(&target);
    let magnitudes = current.y.map(|y| (y * real(-0.5)).exp());
    let enough = (real::<T>(1e4) * floor).max(real(ENOUGH));
    let converged = residual <= enough && spread(&current.y) <= limit::<T>();
    Ok(Weights {
        magnitudes,
        log_weights: current.y,
        residual,
        converged,
        iterations,
        evaluations,
    })
}

fn spread<T: Scalar>(y: &DVector<T>) -> T {
    y.max() - y.min()
}

fn limit<T: Scalar>() -> T {
    -epsilon::<T>().ln() * real(SPREAD_DIGITS)
}

/// Λ p = τ − σ by conjugate gradients, preconditioned with the diagonal
/// Σ − Σ² of Λ. Λ is singular along 1 alone, and the right side is orthogonal
/// to it, so the iteration stays in the complement.
fn newton_step<T: Scalar>(at: &Iterate<T>, residual: T) -> Result<(DVector<T>, usize), Error> {
    let tiny = epsilon::<T>();
    let diagonal = at
        .geometry
        .scores()?
        .map(|s| (s * (T::one() - s)).max(tiny * s).max(tiny * tiny));
    let mut r = -&at.gradient;
    let mut p = DVector::zeros(r.len());
    let mut z = r.component_div(&diagonal);
    let mut direction = z.clone();
    let mut rz = r.dot(&z);
    // Superlinear: the closer, the more exact.
    let goal = r.norm() * residual.sqrt().min(real(0.1)).max(real(1e-6));
    let mut products = 0;
    while products < INNER_STEPS && r.norm() > goal {
        let image = at.geometry.laplacian(&direction)?;
        products += 1;
        let curvature = direction.dot(&image);
        if !(curvature > T::zero()) {
            break;
        }
        let alpha = rz / curvature;
        p.axpy(alpha, &direction, T::one());
        r.axpy(-alpha, &image, T::one());
        z = r.component_div(&diagonal);
        let next = r.dot(&z);
        direction = &z + &direction * (next / rz);
        rz = next;
    }
    Ok((p, products))
}

/// A step length that decreases f, or near the solution the residual.
fn descend<T: Scalar>(
    design: &Design<T>,
    components: &Components,
    target: &DVector<T>,
    from: &Iterate<T>,
    step: &DVector<T>,
) -> Result<Option<(Iterate<T>, usize)>, Error> {
    const HALVINGS: usize = 40;
    const SUFFICIENT: f64 = 1e-4;
    let slope = from.gradient.dot(step);
    let start = from.value(target);
    let noise = epsilon::<T>() * (start.abs() + from.y.abs().dot(&target.abs())) * real(8.0);
    let near = from.residual(target) <= real(NEAR);
    // No weight may change by more than e⁴ at once: f is no quadratic there.
    let mut length = (real::<T>(4.0) / step.amax()).min(T::one());
    for tries in 1..=HALVINGS {
        if let Some(next) = trial(Iterate::at(
            design,
            components,
            target,
            &from.y + step * length,
        ))? {
            let change = next.value(target) - start;
            let better = change <= length * slope * real(SUFFICIENT);
            let (after, before) = (next.gradient.norm(), from.gradient.norm());
            // f is flat to rounding long before its gradient is: a Newton step
            // that halves a small gradient is one on the way to its zero.
            let nearer = near && after <= before * real(0.5);
            let as_good = change <= noise && after < before;
            if to_f64(change).is_finite() && (better || nearer || as_good || slope.abs() <= noise) {
                return Ok(Some((next, tries)));
            }
        }
        length *= real(0.5);
    }
    Ok(None)
}
