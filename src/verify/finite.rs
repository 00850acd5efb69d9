//! The crate finitediff as one more, independent, voice.
//!
//! Its step is ∛ε whatever x is. In coordinates z with x = x₀ + diag(lengths) z
//! that is a sound fraction of the length over which the function changes; it is
//! asked twice, with those lengths and twice those, and what changes is its
//! truncation error.

use nalgebra::{ComplexField, DMatrix, DVector};

use super::estimate::{Estimate, Function, Wide, evaluate};
use super::steps::Steps;
use crate::error::Error;
use crate::scalar::{Extended, Scalar, epsilon, real, to_f64, widen};

/// Standard deviations of rounding allowed for, as for our own differences.
const DEVIATIONS: f64 = 12.0;
/// How the change from one step to its double is multiplied: in the limit a
/// third of it is the error of the shorter.
const CAUTION: f64 = 2.0;
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
    noise: &Wide,
) -> Result<Option<Estimate>, Error> {
    if to_f64(epsilon::<T>()) != f64::EPSILON {
        return Ok(None);
    }
    let d = steps.x().len();
    let mut scale = 1.0;
    for _ in 0..TRIES {
        let lengths = DVector::from_fn(d, |j, _| steps.axis(j)[j] * real(scale));
        let twice = &lengths * real::<T>(2.0);
        if let (Some(short), Some(long)) = (with(f, steps, &lengths)?, with(f, steps, &twice)?) {
            let step = f64::EPSILON.cbrt();
            let change = (&short - long).map(|v| v.abs() * Extended::from(CAUTION));
            let bound = DMatrix::from_fn(short.nrows(), d, |i, j| {
                let h = widen(lengths[j]) * Extended::from(step);
                // x + h is rounded too: it lies half a place beside.
                let place = widen(steps.x()[j]).abs() * Extended::from(f64::EPSILON);
                let beside = short[(i, j)].abs() * place / h;
                change[(i, j)] + noise[i] * Extended::from(DEVIATIONS) / h + beside
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

fn with<T: Scalar>(
    f: &Function<'_, T>,
    steps: &Steps<T>,
    lengths: &DVector<T>,
) -> Result<Option<Wide>, Error> {
    let values = |z: &Vec<f64>| {
        let z = DVector::from_iterator(z.len(), z.iter().map(|&z| real::<T>(z)));
        let x = steps.x() + lengths.component_mul(&z);
        let value = evaluate(f, &x)?.ok_or(Error::Singular { what: "point" })?;
        Ok(value.iter().map(|&v| crate::scalar::narrow(v)).collect())
    };
    let origin = vec![0.0; steps.x().len()];
    match finitediff::vec::central_jacobian(&values)(&origin) {
        Ok(rows) => {
            let jacobian = DMatrix::from_fn(rows.len(), origin.len(), |i, j| {
                Extended::from(rows[i][j]) / widen(lengths[j])
            });
            Ok(Some(jacobian).filter(|m| m.iter().all(|v| v.is_finite())))
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
