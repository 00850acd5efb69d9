//! Scores determine the row weights.
//!
//! For weights v > 0 let σ(v) be the leverage scores of diag(√v)A. With v = eʸ,
//! σ is the gradient of the convex log det(Aᵀdiag(eʸ)A): σ(v) = τ is solved by
//! minimising `f(y) = log det(Aᵀ diag(eʸ) A) − τᵀy`, unique up to y + const.
//! The first steps are v ← v∘τ/σ(v), which only ever descend; the rest is
//! Newton with the Hessian Λ(v), solved by conjugate gradients.

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::geometry::{Geometry, Model};
use crate::linalg::{Design, Factorisation, conjugate_gradients};
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

/// What is solved for. Numbers of n rows are made where they are needed and not
/// kept: at ten million rows each such vector is 80 MB.
struct Task<'a, T: Scalar> {
    space: Space<'a, T>,
    components: &'a Components,
    scores: &'a DVector<T>,
    /// A component's scores sum to its rank; what rounding left over would send
    /// y to infinity.
    factors: Vec<T>,
    /// ‖τ‖.
    size: T,
}

/// What scales a design's rows.
pub(crate) enum Space<'a, T: Scalar> {
    Design(&'a Design<T>),
    /// On the pattern of its Gram matrix, where that is sparse.
    Model(&'a Model<T>),
}

impl<'a, T: Scalar> From<&'a Design<T>> for Space<'a, T> {
    fn from(design: &'a Design<T>) -> Self {
        Space::Design(design)
    }
}

impl<'a, T: Scalar> From<&'a Model<T>> for Space<'a, T> {
    fn from(model: &'a Model<T>) -> Self {
        Space::Model(model)
    }
}

impl<T: Scalar> Space<'_, T> {
    fn at(&self, slack: DVector<T>) -> Result<Geometry<T>, Error> {
        match self {
            Space::Model(model) => model.with_slack(slack),
            Space::Design(design) => {
                let origin = DVector::zeros(design.ncols());
                Geometry::new(design, &origin, slack, Factorisation::Automatic)
            }
        }
    }
}

impl<'a, T: Scalar> Task<'a, T> {
    fn new(space: Space<'a, T>, components: &'a Components, scores: &'a DVector<T>) -> Self {
        let sums = components.sums(scores);
        let ranks = components.ranks.iter();
        let factors = ranks
            .zip(sums)
            .map(|(&r, sum)| count::<T>(r) / sum)
            .collect();
        let mut task = Task {
            space,
            components,
            scores,
            factors,
            size: T::one(),
        };
        task.size = task.sum(|i| task.target(i) * task.target(i)).sqrt();
        task
    }

    /// τ_i.
    fn target(&self, i: usize) -> T {
        let factor = self.components.of(i).map(|k| self.factors[k]);
        factor.map_or(T::zero(), |factor| self.scores[i] * factor)
    }

    /// Σ term(i), of runs first, so that millions of terms lose no digits.
    fn sum(&self, term: impl Fn(usize) -> T) -> T {
        const RUN: usize = 1 << 10;
        let n = self.scores.len();
        let run = |start: usize| {
            let run = start..(start + RUN).min(n);
            run.fold(T::zero(), |sum, i| sum + term(i))
        };
        (0..n)
            .step_by(RUN)
            .fold(T::zero(), |sum, start| sum + run(start))
    }

    fn at(&self, mut y: DVector<T>) -> Result<Iterate<T>, Error> {
        // A constant on a component changes nothing: keep each centred.
        let (sums, sizes) = (self.components.sums(&y), self.components.sizes());
        for (i, y) in y.iter_mut().enumerate() {
            let k = self.components.of(i);
            *y = k.map_or(T::zero(), |k| *y - sums[k] / count(sizes[k]));
        }
        // A geometry knows rows scaled by 1/s; s = e^{-y/2} scales them by √v.
        let slack = y.map(|y| (y * real(-0.5)).exp());
        let geometry = self.space.at(slack)?;
        let scores = geometry.scores()?;
        let square = self.sum(|i| {
            let gap = scores[i] - self.target(i);
            gap * gap
        });
        Ok(Iterate {
            y,
            geometry,
            gradient_norm: square.sqrt(),
        })
    }

    /// f(y), for comparing two iterates.
    fn value(&self, at: &Iterate<T>) -> T {
        at.geometry.volumetric() * real(2.0) - self.sum(|i| at.y[i] * self.target(i))
    }

    /// ‖σ − τ‖ / ‖τ‖.
    fn residual(&self, at: &Iterate<T>) -> T {
        at.gradient_norm / self.size
    }
}

/// One iterate: y with the geometry of diag(e^{y/2})A, and ‖σ − τ‖.
struct Iterate<T: Scalar> {
    y: DVector<T>,
    geometry: Geometry<T>,
    gradient_norm: T,
}

/// Solves σ(v) = τ. Time O(nd²) per step, some tens of steps; memory nine
/// vectors of n numbers beside A and the scores, two of them transient. On the pattern
/// of a sparse Gram matrix a step takes a few factorisations of it, a Newton step
/// twenty or so, and no d×d matrix is made.
///
/// `on_step` sees the iteration and the residual.
pub(crate) fn solve<'a, T: Scalar>(
    space: impl Into<Space<'a, T>>,
    components: &Components,
    scores: &DVector<T>,
    max_iters: usize,
    mut on_step: impl FnMut(usize, T),
) -> Result<Weights<T>, Error> {
    let task = &Task::new(space.into(), components, scores);
    let mut current = task.at(DVector::zeros(scores.len()))?;
    let (mut iterations, mut evaluations) = (0, 1);
    for _ in 0..FIXED_POINT_STEPS.min(max_iters) {
        let Iterate { y, geometry, .. } = current;
        let scores = geometry.scores()?;
        let next = DVector::from_fn(y.len(), |i, _| {
            // A zero row has no score and no weight.
            let target = task.target(i);
            if target > T::zero() {
                y[i] + (target / scores[i]).ln()
            } else {
                y[i]
            }
        });
        // One geometry at a time.
        drop(geometry);
        let Some(next) = trial(task.at(next))? else {
            current = task.at(y)?;
            break;
        };
        current = next;
        (iterations, evaluations) = (iterations + 1, evaluations + 1);
        on_step(iterations, task.residual(&current));
    }
    let floor = epsilon::<T>() * count::<T>(scores.len()).sqrt();
    let (y, residual) = loop {
        let before = task.residual(&current);
        if iterations >= max_iters || before <= floor || spread(&current.y) > limit::<T>() {
            break (current.y, before);
        }
        let (step, products) = newton_step(task, &current)?;
        evaluations += products;
        let from = Origin::new(task, current, step)?;
        let Some((next, tries)) = from.descend(task)? else {
            break (from.y, before);
        };
        evaluations += tries;
        iterations += 1;
        let after = task.residual(&next);
        // Near the end rounding decides: keep the better one and stop.
        let stalled = before < real::<T>(1e3) * floor && after > before * real(0.5);
        let better = after < before || !stalled;
        on_step(iterations, if better { after } else { before });
        if !better {
            break (from.y, before);
        }
        if stalled {
            break (next.y, after);
        }
        current = next;
    };
    let magnitudes = y.map(|y| (y * real(-0.5)).exp());
    let enough = (real::<T>(1e4) * floor).max(real(ENOUGH));
    let converged = residual <= enough && spread(&y) <= limit::<T>();
    Ok(Weights {
        magnitudes,
        log_weights: y,
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
/// Σ − Σ² of Λ, or where the Gram matrix is sparse with all that is near Λ. Λ is
/// singular along 1 alone, and the right side is orthogonal to it, so the iteration
/// stays in the complement.
fn newton_step<T: Scalar>(
    task: &Task<'_, T>,
    at: &Iterate<T>,
) -> Result<(DVector<T>, usize), Error> {
    let (scores, tiny, n) = (at.geometry.scores()?, epsilon::<T>(), at.y.len());
    let diagonal = |i: usize| {
        let s = scores[i];
        (s * (T::one() - s)).max(tiny * s).max(tiny * tiny)
    };
    // Rounding leaves the scores a sum off the rank, a part along 1 that no step
    // makes smaller: taken off in proportion, which leaves small scores their
    // digits.
    let sums = task.components.sums(scores);
    let ranks = task.components.ranks.iter();
    let off: Vec<T> = ranks.zip(sums).map(|(&r, s)| count::<T>(r) / s).collect();
    let mut r = DVector::from_fn(n, |i, _| {
        let factor = task.components.of(i).map_or(T::one(), |k| off[k]);
        task.target(i) - scores[i] * factor
    });
    if let Some(near) = at.geometry.near_laplacian()? {
        // Once more: what is left along 1 is beside r itself no rounding.
        let (left, totals) = (task.components.sums(&r), task.components.sums(scores));
        for (i, r) in r.iter_mut().enumerate() {
            if let Some(k) = task.components.of(i) {
                *r -= scores[i] * (left[k] / totals[k]);
            }
        }
        let accuracy = task.residual(at).sqrt().min(real(0.1)).max(real(1e-6));
        let solved = conjugate_gradients(
            r,
            (accuracy, INNER_STEPS),
            |r| near.solve(r),
            |v| at.geometry.laplacian(v),
        )?;
        return Ok((solved.x, solved.products));
    }
    let mut p = DVector::zeros(n);
    let mut direction = DVector::from_fn(n, |i, _| r[i] / diagonal(i));
    let mut rz = task.sum(|i| r[i] * direction[i]);
    // Superlinear: the closer, the more exact.
    let goal = r.norm() * task.residual(at).sqrt().min(real(0.1)).max(real(1e-6));
    let mut products = 0;
    while products < INNER_STEPS && r.norm() > goal {
        let image = at.geometry.laplacian(&direction)?;
        products += 1;
        let curvature = task.sum(|i| direction[i] * image[i]);
        if !(curvature > T::zero()) {
            break;
        }
        let alpha = rz / curvature;
        p.axpy(alpha, &direction, T::one());
        r.axpy(-alpha, &image, T::one());
        drop(image);
        let next = task.sum(|i| r[i] * r[i] / diagonal(i));
        let beta = next / rz;
        for i in 0..n {
            direction[i] = r[i] / diagonal(i) + direction[i] * beta;
        }
        rz = next;
    }
    Ok((p, products))
}

/// Where a step starts; its geometry is gone.
struct Origin<T: Scalar> {
    y: DVector<T>,
    step: DVector<T>,
    value: T,
    gradient_norm: T,
    /// The slope of f along the step.
    slope: T,
    /// How far rounding may move f.
    noise: T,
}

impl<T: Scalar> Origin<T> {
    fn new(task: &Task<'_, T>, at: Iterate<T>, step: DVector<T>) -> Result<Self, Error> {
        let value = task.value(&at);
        let scores = at.geometry.scores()?;
        let slope = task.sum(|i| (scores[i] - task.target(i)) * step[i]);
        let size = value.abs() + task.sum(|i| at.y[i].abs() * task.target(i).abs());
        Ok(Origin {
            y: at.y,
            step,
            value,
            gradient_norm: at.gradient_norm,
            slope,
            noise: epsilon::<T>() * size * real(8.0),
        })
    }

    /// A step length that decreases f, or near the solution the residual.
    fn descend(&self, task: &Task<'_, T>) -> Result<Option<(Iterate<T>, usize)>, Error> {
        const HALVINGS: usize = 40;
        const SUFFICIENT: f64 = 1e-4;
        let near = self.gradient_norm / task.size <= real(NEAR);
        // No weight may change by more than e⁴ at once: f is no quadratic there.
        let mut length = (real::<T>(4.0) / self.step.amax()).min(T::one());
        for tries in 1..=HALVINGS {
            let next = self.y.zip_map(&self.step, |y, step| y + step * length);
            if let Some(next) = trial(task.at(next))? {
                let change = task.value(&next) - self.value;
                let better = change <= length * self.slope * real(SUFFICIENT);
                let (after, before) = (next.gradient_norm, self.gradient_norm);
                // f is flat to rounding long before its gradient is: a Newton step
                // that halves a small gradient is one on the way to its zero.
                let nearer = near && after <= before * real(0.5);
                let as_good = change <= self.noise && after < before;
                let flat = self.slope.abs() <= self.noise;
                if to_f64(change).is_finite() && (better || nearer || as_good || flat) {
                    return Ok(Some((next, tries)));
                }
            }
            length *= real(0.5);
        }
        Ok(None)
    }
}
