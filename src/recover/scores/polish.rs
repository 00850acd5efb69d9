//! Gauss–Newton on L_D from a good start, and how sure the result is.

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::geometry::{Model, check_vector};
use crate::recover::scores::flat::terms;
use crate::recover::scores::gauss_newton::Linearised;
use crate::recover::scores::sparse;
use crate::scalar::{Scalar, count, epsilon, real};

/// Steps at most: from a good start two or three reach rounding.
const STEPS: usize = 30;

/// A step that leaves more than this of the residual is not near enough for one
/// linearisation to serve another.
const SLOW: f64 = 0.1;

/// A polished point.
pub(crate) struct Polished<T: Scalar> {
    pub(crate) x: DVector<T>,
    /// ‖σ(x) − τ‖ / ‖τ‖.
    pub(crate) residual: T,
    /// Row norms of J⁺ times (‖σ − τ‖ + rounding): how far each parameter may be off.
    pub(crate) errors: DVector<T>,
    pub(crate) iterations: usize,
    /// Factorisations and n-sized products.
    pub(crate) evaluations: usize,
}

/// Minimises ½‖σ(x) − τ‖² from x. O(nd³) a step.
///
/// The coefficients `held` stay: where scores do not change along as many
/// directions, the others are determined then. Errors of those held are
/// rounding alone.
pub(crate) fn polish<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    mut x: DVector<T>,
    held: &[usize],
    mut on_step: impl FnMut(usize, T),
) -> Result<Polished<T>, Error> {
    let (size, d) = (target.norm(), model.dim());
    let moving: Vec<usize> = (0..d).filter(|j| !held.contains(j)).collect();
    let mut residual = model.at(&x)?.scores()? - target;
    let mut linearised = Linearised::at(model, &x, &moving)?;
    let rounding = scores_rounding::<T>(size, d);
    let (mut iterations, mut last) = (0, None);
    loop {
        let step = linearised.step(&*model.at(&x)?, &residual)?;
        let moved = step.norm() / x.norm().max(epsilon());
        // Where a residual is left it is flat at its minimum long before x is there:
        // steps that go on shrinking still lead to it.
        let shrinks = last.is_some_and(|last| moved <= last * real::<T>(0.5));
        let before = residual.norm();
        let mut improved = None;
        let mut length = T::one();
        while iterations < STEPS && improved.is_none() && length > real(1e-3) {
            let next = &x + &step * length;
            // A slack may hit zero on the way: that point is just not taken.
            if let Some(geometry) = trial(model.at(&next))? {
                let r = geometry.scores()? - target;
                let flat = shrinks && length == T::one() && r.norm() <= before + rounding;
                improved = (r.norm() < before || flat).then_some((next, r));
            }
            length *= real(0.5);
        }
        if let Some((next, r)) = improved {
            (x, residual, last) = (next, r, Some(moved));
            iterations += 1;
            on_step(iterations, residual.norm() / size);
            // Below a hundred roundings each gain is luck.
            if moved > real::<T>(100.0) * epsilon::<T>() {
                let slow = residual.norm() > before * real(SLOW);
                if !linearised.is_approximate() || (slow && moved > epsilon::<T>().sqrt()) {
                    linearised = Linearised::at(model, &x, &moving)?;
                }
                continue;
            }
        }
        let errors = amplified(
            &linearised.factor().amplification(),
            &x,
            residual.norm(),
            size,
        );
        let errors = linearised.spread(&errors, d) + x.abs() * epsilon::<T>();
        return Ok(Polished {
            x,
            residual: residual.norm() / size,
            errors,
            iterations,
            evaluations: (iterations + 1) * (d + 1),
        });
    }
}

/// How far each entry of x may be off, to first order, for the scores at x to
/// differ from the target as they do: row norms of J⁺ times that difference and
/// rounding. O(nd³). Where the Gram matrix is sparse and d is 128 or more, the norms
/// are measured with random vectors, by some hundreds of products on its pattern.
///
/// A small residual alone proves little: where columns nearly depend on one
/// another, scores hardly change along some directions of x.
///
/// # Errors
/// Those of [`Model::at`](crate::Model::at) and [`Error::Shape`] for the target.
pub fn score_errors<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    x: &DVector<T>,
) -> Result<DVector<T>, Error> {
    check_vector("target", target, model.nrows())?;
    if sparse::applies(model)
        && let Some(errors) = sparse::errors(model, target, x)?
    {
        return Ok(errors);
    }
    let residual = (model.at(x)?.scores()? - target).norm();
    let size = target.norm();
    let all: Vec<usize> = (0..model.dim()).collect();
    let linearised = Linearised::at(model, x, &all)?;
    Ok(
        amplified(&linearised.factor().amplification(), x, residual, size)
            + x.abs() * epsilon::<T>(),
    )
}

/// How far σ(x) may be from τ, relative to ‖τ‖, for no other reason than rounding:
/// that of x and of the slacks, to first order, and of σ and τ themselves. O(nd²).
///
/// A relative change δ of the slacks changes σ by −2Λδ, Λ = Σ − P² (D2).
pub(crate) fn rounding<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    x: &DVector<T>,
) -> Result<T, Error> {
    let geometry = model.at(x)?;
    let unit = epsilon::<T>() * count::<T>(x.len() + 1);
    let relative = terms(model, x)?.zip_map(geometry.slack(), |t, s| unit * t / s.abs());
    let moved =
        geometry.scores()?.component_mul(&relative) + geometry.squared_projection(&relative)?;
    Ok(moved.norm() * real(2.0) / target.norm() + unit)
}

/// How far rounding may move ‖σ − τ‖: that of the target and of σ, which d products a
/// row go into.
fn scores_rounding<T: Scalar>(size: T, d: usize) -> T {
    real::<T>(8.0) * epsilon::<T>() * size * count::<T>(d).sqrt()
}

/// What the residual and rounding of the scores make of each coefficient, by the row
/// norms of J⁺; its own rounding is not in it.
pub(super) fn amplified<T: Scalar>(
    rows: &DVector<T>,
    x: &DVector<T>,
    residual: T,
    size: T,
) -> DVector<T> {
    let rounding = scores_rounding::<T>(size, x.len());
    // Twice, for to first order it is exceeded now and then.
    rows * ((residual + rounding) * real(2.0))
}
