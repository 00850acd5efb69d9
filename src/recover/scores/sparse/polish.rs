//! Steps on L_D by conjugate gradients, and how sure x is.
//!
//! With J = −2ΛA_x (D2), J h = −r where Λu = ½r and A_x h = u up to a constant on each
//! component, which is Λ's kernel: one solve with Λ and one least-squares fit. That is
//! Newton's step where some x has the scores. Where none has, the steps that are left
//! are those of Gauss–Newton, JᵀJ h = −Jᵀr, preconditioned by the same two solves:
//!
//! ```text
//! (JᵀJ)⁻¹ ≈ ¼ G Gᵀ,   G = (A_xᵀA_x)⁻¹A_xᵀ Λ̂⁻¹
//! ```

use nalgebra::DVector;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, StandardNormal};

use super::fit::rejected;
use crate::error::{Error, trial};
use crate::geometry::{Geometry, Model, NearLaplacian};
use crate::linalg::conjugate_gradients;
use crate::recover::matched;
use crate::recover::scores::polish::Polished;
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

/// What a step is made from at one point.
pub(super) struct Linear<'a, T: Scalar> {
    at: &'a Geometry<T>,
    near: NearLaplacian<T>,
    components: &'a Components,
    /// (I − P)1, by components; and its squared lengths, zero where b lies in the
    /// column space, and with it what constants come from.
    left: DVector<T>,
    squares: Vec<T>,
}

impl<'a, T: Scalar> Linear<'a, T> {
    /// `None` where the sparse factor does not bear it.
    fn new(
        at: &'a Geometry<T>,
        components: &'a Components,
        flat: &[usize],
    ) -> Result<Option<Self>, Error> {
        let Some(near) = at.near_laplacian()? else {
            return Ok(None);
        };
        let ones = DVector::from_fn(at.slack().len(), |i, _| match components.of(i) {
            Some(_) => T::one(),
            None => T::zero(),
        });
        let left = rejected(at, &ones)?;
        let mut squares = components.sums(&left.component_mul(&left));
        flat.iter().for_each(|&k| squares[k] = T::zero());
        Ok(Some(Linear {
            at,
            near,
            components,
            left,
            squares,
        }))
    }

    /// v without what no Λu can be: its sum over each component, taken off in
    /// proportion to the scores, which leaves small ones their digits.
    fn balanced(&self, mut v: DVector<T>) -> Result<DVector<T>, Error> {
        let scores = self.at.scores()?;
        let (sums, totals) = (self.components.sums(&v), self.components.sums(scores));
        for (i, v) in v.iter_mut().enumerate() {
            *v = match self.components.of(i) {
                Some(k) => *v - scores[i] * (sums[k] / totals[k]),
                None => T::zero(),
            };
        }
        Ok(v)
    }

    /// h with J h = −r, and the products it took.
    fn step(&self, r: &DVector<T>, accuracy: f64) -> Result<(DVector<T>, usize), Error> {
        let half = self.balanced(r * real::<T>(0.5))?;
        let solved = conjugate_gradients(
            half,
            (real(accuracy), PRODUCTS),
            |r| self.near.solve(r),
            |v| self.at.laplacian(v),
        )?;
        let mut u = solved.x;
        let overlaps = self.components.sums(&self.left.component_mul(&u));
        for (i, u) in u.iter_mut().enumerate() {
            if let Some(k) = self.components.of(i)
                && self.squares[k] > T::zero()
            {
                *u -= overlaps[k] / self.squares[k];
            }
        }
        Ok((self.coefficients(&u)?, solved.products))
    }

    /// The least-squares h of A_x h = u.
    fn coefficients(&self, u: &DVector<T>) -> Result<DVector<T>, Error> {
        self.at.solve_gram(&self.at.apply_transposed(u)?)
    }

    /// The same minimising ‖J h + r‖.
    fn least_squares_step(&self, r: &DVector<T>) -> Result<(DVector<T>, usize), Error> {
        let gradient = self.at.apply_transposed(&self.at.laplacian(r)?)?;
        let mut failed = None;
        let mut preconditioned = |g: &DVector<T>| -> Result<DVector<T>, Error> {
            let u = self.at.apply(&self.at.solve_gram(g)?)?;
            self.coefficients(&self.near.solve(&self.near.solve(&u)))
        };
        let cell = std::cell::RefCell::new((&mut preconditioned, &mut failed));
        let solved = conjugate_gradients(
            gradient * real::<T>(0.5),
            (real(ACCURACY), PRODUCTS / 2),
            |g| {
                let (apply, failed) = &mut *cell.borrow_mut();
                apply(g).unwrap_or_else(|error| {
                    **failed = Some(error);
                    DVector::zeros(g.len())
                })
            },
            |h| {
                let image = self.at.laplacian(&self.at.apply(h)?)?;
                self.at.apply_transposed(&self.at.laplacian(&image)?)
            },
        )?;
        match failed {
            Some(error) => Err(error),
            None => Ok((solved.x, 2 * solved.products + 1)),
        }
    }

    /// Row norms of the map from scores to x that a step is, from random vectors:
    /// their mean squares, and three standard deviations of these more.
    fn amplification(&self) -> Result<(DVector<T>, usize), Error> {
        let mut rng = StdRng::seed_from_u64(0);
        let mut squares = DVector::zeros(self.at.x().len());
        let mut products = 0;
        for _ in 0..PROBES {
            let random = DVector::from_fn(self.at.slack().len(), |_, _| {
                let normal: f64 = StandardNormal.sample(&mut rng);
                real::<T>(normal)
            });
            let (h, own) = self.step(&random, PROBE_ACCURACY)?;
            squares += h.component_mul(&h);
            products += own;
        }
        let sure = 1.0 + 3.0 / (2.0 * PROBES as f64).sqrt();
        let mean = |sum: T| (sum / count(PROBES)).sqrt() * real(sure);
        Ok((squares.map(mean), products))
    }
}

/// Minimises ½‖σ(x) − τ‖² from x; components in `flat` keep their scale. `None`
/// where the sparse factor does not bear it.
///
/// Errors are those of the dense way, row norms from random vectors.
pub(in crate::recover::scores) fn polish<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    components: &Components,
    mut x: DVector<T>,
    flat: &[usize],
    mut on_step: impl FnMut(usize, T),
) -> Result<Option<Polished<T>>, Error> {
    let size = target.norm();
    let mut residual = model.at(&x)?.scores()? - target;
    let (mut iterations, mut evaluations) = (0, 1);
    let mut by_least_squares = false;
    loop {
        let at = model.at(&x)?;
        let Some(linear) = Linear::new(&at, components, flat)? else {
            return Ok(None);
        };
        let before = residual.norm();
        let (step, products) = match by_least_squares {
            false => linear.step(&residual, ACCURACY)?,
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
        let moved = step.norm() / x.norm().max(epsilon());
        let mut goes_on = false;
        if let Some((next, r)) = improved {
            (x, residual) = (next, r);
            iterations += 1;
            on_step(iterations, residual.norm() / size);
            // Below a hundred roundings each gain is luck.
            goes_on = moved > real::<T>(100.0) * epsilon::<T>();
            if by_least_squares {
                goes_on &= residual.norm() < before * real(1.0 - LEAST_GAIN);
            }
        }
        if goes_on && (by_least_squares || iterations < STEPS) {
            continue;
        }
        if !by_least_squares && !matched(residual.norm() / size) {
            by_least_squares = true;
            continue;
        }
        let (errors, products) = match errors(model, target, components, &x, flat)? {
            Some(found) => found,
            None => return Ok(None),
        };
        return Ok(Some(Polished {
            residual: residual.norm() / size,
            errors,
            iterations,
            evaluations: evaluations + products,
            x,
        }));
    }
}

/// How far each entry of x may be off, to first order, and the products it took to
/// tell; `None` where the sparse factor does not bear it.
pub(in crate::recover::scores) fn errors<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    components: &Components,
    x: &DVector<T>,
    flat: &[usize],
) -> Result<Option<(DVector<T>, usize)>, Error> {
    let at = model.at(x)?;
    let Some(linear) = Linear::new(&at, components, flat)? else {
        return Ok(None);
    };
    let (rows, products) = linear.amplification()?;
    let residual = (at.scores()? - target).norm();
    let errors = crate::recover::scores::polish::amplified(&rows, x, residual, target.norm());
    Ok(Some((errors + x.abs() * epsilon::<T>(), products)))
}
