//! The crate finitediff as one more, independent, voice.
//!
//! Its step is ∛ε whatever x is. In coordinates z with x = x₀ + diag(lengths) z
//! that is a sound fraction of the length over which the function changes; it is
//! asked twice, with those lengths and one and a half times those, and what
//! changes is its truncation error.

use std::cell::RefCell;

use nalgebra::{ComplexField, DMatrix, DVector, RealField};

use super::estimate::{Estimate, Function, Wide, evaluate};
use super::steps::Steps;
use crate::error::Error;
use crate::scalar::{Extended, Scalar, epsilon, narrow, real, to_f64, widen};

/// Standard deviations of rounding allowed for, as for our own differences.
const DEVIATIONS: f64 = 12.0;
/// The longer step in units of the shorter. Not 2: a linear function rounds alike
/// at both, and what has not changed would look exact.
const LONGER: f64 = 1.5;
/// How the change from one step to the other is multiplied: in the limit four
/// fifths of it is the error of the shorter.
const CAUTION: f64 = 5.0;
/// Halvings of lengths that lead out of the domain.
const TRIES: i32 = 20;

/// dF(x) by finitediff, with a bound; `None` in arithmetics other than f64, and
/// where no step stays in the domain.
///
/// # Complexity
/// 4d evaluations.
pub(crate) fn finitediff<T: Scalar>(
    f: &Function<'_, T>,
    steps: &Steps<T>,
    limit: impl Fn(&DVector<T>) -> Result<Option<T>, Error>,
    noise: &Wide,
) -> Result<Option<Estimate>, Error> {
    if to_f64(epsilon::<T>()) != f64::EPSILON {
        return Ok(None);
    }
    let d = steps.x().len();
    let step = f64::EPSILON.cbrt();
    // No coordinate may leave the domain: the nearest edge decides for all.
    let mut scale = 1.0f64;
    for j in 0..d {
        if let Some(t) = limit(&steps.axis(j))?.map(to_f64) {
            scale = scale.min(0.5 * t / (step * LONGER));
        }
    }
    if !(scale > 0.0) {
        return Ok(None);
    }
    for _ in 0..TRIES {
        let lengths = DVector::from_fn(d, |j, _| steps.axis(j)[j] * real(scale));
        let longer = &lengths * real::<T>(LONGER);
        if let (Some(short), Some(long)) = (with(f, steps, &lengths)?, with(f, steps, &longer)?) {
            let (short, size) = short;
            let change = (&short - long.0).map(|v| v.abs() * Extended::from(CAUTION));
            let bound = DMatrix::from_fn(short.nrows(), d, |i, j| {
                let h = widen(lengths[j]) * Extended::from(step);
                // x + h is rounded too: it lies half a place beside.
                let place = widen(steps.x()[j]).abs() * Extended::from(f64::EPSILON);
                let beside = short[(i, j)].abs() * place / h;
                let rounding = noise[i].max(size[i] * Extended::from(0.25 * f64::EPSILON));
                change[(i, j)] + rounding * Extended::from(DEVIATIONS) / h + beside
            });
            return Ok(Some(Estimate {
                value: short,
                bound,
            }));
        }
        scale *= 0.5;
    }
    Ok(None)
}

/// The Jacobian, and the largest value of each entry of F on the way.
fn with<T: Scalar>(
    f: &Function<'_, T>,
    steps: &Steps<T>,
    lengths: &DVector<T>,
) -> Result<Option<(Wide, Wide)>, Error> {
    let size: RefCell<Option<Wide>> = RefCell::new(None);
    let values = |z: &Vec<f64>| {
        let z = DVector::from_iterator(z.len(), z.iter().map(|&z| real::<T>(z)));
        let x = steps.x() + lengths.component_mul(&z);
        let value = evaluate(f, &x)?.ok_or(Error::Singular { what: "point" })?;
        let mut size = size.borrow_mut();
        let sizes = value.map(|v| v.abs());
        *size = Some(match size.take() {
            Some(old) => old.zip_map(&sizes, |a, b| a.max(b)),
            None => sizes,
        });
        Ok(value.iter().map(|&v| narrow(v)).collect())
    };
    let origin = vec![0.0; steps.x().len()];
    match finitediff::vec::central_jacobian(&values)(&origin) {
        Ok(rows) => {
            let jacobian = DMatrix::from_fn(rows.len(), origin.len(), |i, j| {
                Extended::from(rows[i][j]) / widen(lengths[j])
            });
            let size = size
                .take()
                .filter(|_| jacobian.iter().all(|v| v.is_finite()));
            Ok(size.map(|size| (jacobian, size)))
        }
        Err(error) => match error.downcast::<Error>() {
            Ok(own) if own.is_about_the_point() => Ok(None),
            Ok(own) => Err(own),
            Err(other) => Err(Error::Solver {
                what: "finitediff",
                reason: other.to_string(),
            }),
        },
    }
}
