//! How sure x is that a noisy gradient gave.

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::geometry::Model;
use crate::recover::Recovery;
use crate::recover::Status;
use crate::recover::TRUSTED_GRADIENT;
use crate::recover::Uncertainty;
use crate::recover::noise::Noise;
use crate::recover::noise::covariance::gradient_spread;
use crate::recover::noise::noisy::{LEVEL, QUANTILE};
use crate::scalar::{Scalar, to_f64};

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
            "; the noise spreads x by {omega:.1e} of its distance to a hyperplane"
        ));
    } else {
        found.status = Status::TooNoisy;
        found.reason = format!(
            "x has this gradient, but the noise spreads it by {omega:.2} of its distance to a hyperplane, more than {TRUSTED_GRADIENT}: the intervals are not to be trusted"
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
