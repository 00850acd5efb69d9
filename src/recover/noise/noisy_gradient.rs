//! How sure x is that a noisy gradient gave.

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::geometry::Model;
use crate::recover::noise::Noise;
use crate::recover::noise::covariance::gradient_spread;
use crate::recover::noise::judged::ratio;
use crate::recover::noise::noisy::{LEVEL, QUANTILE};
use crate::recover::noise::noisy_target::FAR;
use crate::recover::{Infeasibility, Recovery, Status, TRUSTED_GRADIENT, Uncertainty};
use crate::scalar::{Scalar, real, to_f64};

/// Adds intervals to a solution of g(x) = ĉ, and judges them. (N2)
///
/// d equations for d unknowns leave no misfit: that the noise is as stated cannot
/// be tested here.
pub(crate) fn enter<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    noise: &Noise<T>,
    found: &mut Recovery<T>,
) -> Result<(), Error> {
    if found.status == Status::Infeasible {
        return within_noise(target, noise, found);
    }
    let Some(x) = found
        .x
        .as_ref()
        .filter(|_| found.status == Status::Recovered)
    else {
        return Ok(());
    };
    let whitening = noise.whitening(&noise.read_gradient(target)?, false)?;
    let Some(spread) = trial(gradient_spread(model, x, &whitening))? else {
        found.status = Status::TooNoisy;
        found.reason =
            "the Hessian is singular to working precision: no interval can be given".into();
        return Ok(());
    };
    let mut half_widths = spread.half_widths(QUANTILE);
    if let Some(errors) = &found.errors {
        // Rounding is no part of the stated noise.
        half_widths.zip_apply(errors, |w, e| *w = (*w * *w + e * e).sqrt());
    }
    let omega = to_f64(spread.omega);
    if omega <= TRUSTED_GRADIENT {
        found.reason.push_str(&format!(
            "; the noise spreads no slack by more than {omega:.1e} of its size"
        ));
    } else {
        found.status = Status::TooNoisy;
        found.reason = format!(
            "x has this gradient, but the noise spreads the slack of some row by {} times its size, more than {TRUSTED_GRADIENT}: the intervals are not to be trusted",
            ratio(omega)
        );
    }
    found.errors = Some(half_widths.clone());
    found.uncertainty = Some(Uncertainty {
        covariance: spread.covariance,
        level: LEVEL,
        half_widths,
    });
    Ok(())
}

/// That the gradient as given has no x is no proof that the one behind the noise
/// has none, unless cᵀh is positive beyond what the noise explains.
fn within_noise<T: Scalar>(
    target: &DVector<T>,
    noise: &Noise<T>,
    found: &mut Recovery<T>,
) -> Result<(), Error> {
    let h = match &found.infeasibility {
        Some(Infeasibility::Recession(h)) => h.clone(),
        Some(Infeasibility::RecessionSum(parts)) => parts
            .iter()
            .fold(DVector::zeros(target.len()), |sum, h| sum + h),
        _ => return Ok(()),
    };
    let reading = noise.read_gradient(target)?;
    let spread = noise.variance_along(&reading, &h).max(T::zero()).sqrt();
    if target.dot(&h) <= spread * real(FAR) {
        found.status = Status::TooNoisy;
        found.reason = "no x in the cell, which is unbounded along the direction of recession given, has the gradient as given; up to its noise one may have it".into();
    }
    Ok(())
}
