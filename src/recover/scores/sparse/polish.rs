//! Steps on L_D by conjugate gradients, and how sure x is.
//!
//! J = −2ΛA_x (D2) is not made. A step h makes what is left of r vanish along the
//! columns of A_x, A_xᵀ(r + J h) = 0, that is,
//!
//! ```text
//! A_xᵀΛA_x h = ½ A_xᵀ r,
//! ```
//!
//! which is Newton's step where some x has the scores, and solved by a few products
//! with Λ under [`NearNormal`]. Where none has, the steps that are left are those of
//! Gauss–Newton, A_xᵀΛ²A_x h = ½ A_xᵀΛ r, with N⁻¹A_xᵀA_xN⁻¹ for N = A_xᵀΛ̂A_x to
//! precondition them.

use nalgebra::DVector;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::{Error, trial};
use crate::geometry::{Geometry, Model, NearNormal, doubled_pattern};
use crate::linalg::{GramPattern, Solved, conjugate_gradients};
use crate::recover::matched;
use crate::recover::scores::polish::{Polished, amplified};
use crate::recover::scores::structure::Components;
use crate::scalar::{Scalar, count, epsilon, real};

/// Steps of each kind at most.
const STEPS: usize = 30;
/// How exact a step is, and what it may cost.
const ACCURACY: f64 = 1e-3;
const PRODUCTS: usize = 400;
/// A step of Gauss–Newton that takes less than this off the residual is the last.
const LEAST_GAIN: f64 = 1e-6;
/// Random vectors that the size of x's errors is measured with; to a fifth or so.
const PROBES: usize = 16;
/// Their own accuracy.
const PROBE_ACCURACY: f64 = 0.03;

/// What lasts from point to point.
pub(in crate::recover::scores) struct Way<'a, T: Scalar> {
    model: &'a Model<T>,
    target: &'a DVector<T>,
    components: &'a Components,
    doubled: GramPattern,
    /// Components whose b lies in their column space, and a coefficient of each that
    /// moves along its line.
    flat: &'a [(usize, usize)],
}

/// What a step is made from at one point.
struct Linear<'a, T: Scalar> {
    way: &'a Way<'a, T>,
    at: &'a Geometry<T>,
    near: NearNormal<T>,
}

impl<'a, T: Scalar> Way<'a, T> {
    /// `None` where the doubled factor does not fit in memory.
    pub(in crate::recover::scores) fn new(
        model: &'a Model<T>,
        target: &'a DVector<T>,
        components: &'a Components,
        flat: &'a [(usize, usize)],
    ) -> Result<Option<Self>, Error> {
        let doubled = doubled_pattern(model.design())?;
        Ok(doubled.map(|doubled| Way {
            model,
            target,
            components,
            doubled,
            flat,
        }))
    }

    /// `None` where the sparse factor does not bear it.
    fn at(&'a self, at: &'a Geometry<T>) -> Result<Option<Linear<'a, T>>, Error> {
        let held: Vec<usize> = self.flat.iter().map(|&(_, j)| j).collect();
        let near = at.near_normal(&self.doubled, &held)?;
        Ok(near.map(|near| Linear {
            way: self,
            at,
            near,
        }))
    }

    /// How far each entry of x may be off, to first order, and the products it took
    /// to tell.
    pub(super) fn errors(&self, x: &DVector<T>) -> Result<Option<(DVector<T>, usize)>, Error> {
        let at = self.model.at(x)?;
        let Some(linear) = self.at(&at)? else {
            return Ok(None);
        };
        let Some((rows, products)) = linear.amplification()? else {
            return Ok(None);
        };
        let residual = (at.scores()? - self.target).norm();
        let errors = amplified(&rows, x, residual, self.target.norm());
        Ok(Some((errors + x.abs() * epsilon::<T>(), products)))
    }
}

impl<T: Scalar> Linear<'_, T> {
    /// v without what a line's kernel cannot give: its sum over such a component, taken
    /// off in proportion to the scores.
    fn balanced(&self, mut v: DVector<T>) -> Result<DVector<T>, Error> {
        if self.way.flat.is_empty() {
            return Ok(v);
        }
        let (components, scores) = (self.way.components, self.at.scores()?);
        let (sums, totals) = (components.sums(&v), components.sums(scores));
        let is_flat = |k: usize| self.way.flat.iter().any(|&(flat, _)| flat == k);
        for (i, v) in v.iter_mut().enumerate() {
            if let Some(k) = components.of(i).filter(|&k| is_flat(k)) {
                *v -= scores[i] * (sums[k] / totals[k]);
            }
        }
        Ok(v)
    }

    /// A_xᵀΛA_x h = ½ A_xᵀ r.
    fn step(&self, r: &DVector<T>, accuracy: f64) -> Result<Solved<T>, Error> {
        let half = self.balanced(r * real::<T>(0.5))?;
        conjugate_gradients(
            self.at.apply_transposed(&half)?,
            (real(accuracy), PRODUCTS),
            |v| self.near.solve(v),
            |h| {
                let image = self.at.laplacian(&self.at.apply(h)?)?;
                self.at.apply_transposed(&image)
            },
        )
    }

    /// The h, and the products it took, minimising ‖J h + r‖.
    fn least_squares_step(&self, r: &DVector<T>) -> Result<(DVector<T>, usize), Error> {
        let half = self.balanced(r * real::<T>(0.5))?;
        let solved = conjugate_gradients(
            self.at.apply_transposed(&self.at.laplacian(&half)?)?,
            (real(ACCURACY), PRODUCTS / 2),
            |v| {
                let first = self.near.solve(v);
                match self.at.multiply_gram(&first) {
                    Some(image) => self.near.solve(&image),
                    None => first,
                }
            },
            |h| {
                let image = self.at.laplacian(&self.at.apply(h)?)?;
                self.at.apply_transposed(&self.at.laplacian(&image)?)
            },
        )?;
        Ok((solved.x, 2 * solved.products + 1))
    }

    /// Row norms of the map from scores to x that a step is, from random vectors:
    /// their mean squares, and three standard deviations of these more. `None` where
    /// a step fails or takes too many products: half of one would be too small.
    fn amplification(&self) -> Result<Option<(DVector<T>, usize)>, Error> {
        let mut rng = StdRng::seed_from_u64(0);
        let mut squares = DVector::zeros(self.at.x().len());
        let mut products = 0;
        for _ in 0..PROBES {
            let random = DVector::from_fn(self.at.slack().len(), |_, _| {
                let normal: f64 = StandardNormal.sample(&mut rng);
                real::<T>(normal)
            });
            let solved = self.step(&random, PROBE_ACCURACY)?;
            if solved.bent || solved.products >= PRODUCTS {
                return Ok(None);
            }
            squares += solved.x.component_mul(&solved.x);
            products += solved.products;
        }
        let sure = 1.0 + 3.0 / (2.0 * PROBES as f64).sqrt();
        let mean = |sum: T| (sum / count(PROBES)).sqrt() * real(sure);
        Ok(Some((squares.map(mean), products)))
    }
}

/// Minimises ½‖σ(x) − τ‖² from x; components in `flat` keep their scale. `None`
/// where the sparse factor does not bear it.
///
/// Errors are those of the dense way, row norms from random vectors; infinite where
/// these take too long.
pub(in crate::recover::scores) fn polish<T: Scalar>(
    way: &Way<'_, T>,
    mut x: DVector<T>,
    mut on_step: impl FnMut(usize, T),
) -> Result<Option<Polished<T>>, Error> {
    let (model, target) = (way.model, way.target);
    let size = target.norm();
    let floor = epsilon::<T>() * count::<T>(target.len()).sqrt();
    let mut residual = model.at(&x)?.scores()? - target;
    let (mut iterations, mut evaluations) = (0, 1);
    let mut by_least_squares = false;
    loop {
        let at = model.at(&x)?;
        let before = residual.norm();
        let Some(linear) = way.at(&at)? else {
            return Ok(None);
        };
        let (step, products) = match by_least_squares {
            false => {
                let solved = linear.step(&residual, ACCURACY)?;
                (solved.x, solved.products)
            }
            true => linear.least_squares_step(&residual)?,
        };
        drop(linear);
        drop(at);
        evaluations += products;
        let mut improved = None;
        let mut length = T::one();
        while iterations < 2 * STEPS && improved.is_none() && length > real(1e-3) {
            let next = &x + &step * length;
            evaluations += 1;
            // A slack may hit zero on the way: that point is just not taken.
            if let Some(geometry) = trial(model.at(&next))? {
                let r = geometry.scores()? - target;
                improved = (r.norm() < before).then_some((next, r));
            }
            length *= real(0.5);
        }
        let mut goes_on = false;
        if let Some((next, r)) = improved {
            (x, residual) = (next, r);
            iterations += 1;
            let after = residual.norm();
            on_step(iterations, after / size);
            // Near the floor each gain is luck.
            let luck = before <= floor * size * real(1e3) && after > before * real(0.5);
            goes_on = !luck && (!by_least_squares || after < before * real(1.0 - LEAST_GAIN));
        }
        if goes_on && (by_least_squares || iterations < STEPS) {
            continue;
        }
        if !by_least_squares && !matched(residual.norm() / size) {
            by_least_squares = true;
            continue;
        }
        let endless = || DVector::from_element(x.len(), T::one() / T::zero());
        let (errors, products) = way.errors(&x)?.unwrap_or_else(|| (endless(), 0));
        return Ok(Some(Polished {
            residual: residual.norm() / size,
            errors,
            iterations,
            evaluations: evaluations + products,
            x,
        }));
    }
}
