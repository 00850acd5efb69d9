//! What the least misfit is worth.

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::recover::noise::chi_square::upper_tail;
use crate::recover::noise::covariance::{Spread, score_spread};
use crate::recover::noise::misfit::Fit;
use crate::recover::noise::noisy::{IMPROBABLE, LEVEL, QUANTILE, Run};
use crate::recover::scores::SignKnowledge;
use crate::recover::{Recovery, Status, TRUSTED_SCORES, Uncertainty};
use crate::scalar::{Scalar, count, epsilon, real, to_f64};

impl<T: Scalar> Run<'_, T> {
    pub(super) fn spread(&self, x: &DVector<T>) -> Result<Option<Spread<T>>, Error> {
        trial(score_spread(self.problem.model, x, self.whitening))
    }

    /// Of a misfit as large, if the noise is as stated.
    pub(super) fn probability(&self, fit: &Fit<T>) -> f64 {
        if self.problem.noise.is_exact() {
            // Rounding is no noise of known size: matched, or not.
            return if self.problem.noise.is_match(fit.square) {
                1.0
            } else {
                0.0
            };
        }
        upper_tail(to_f64(fit.tested), fit.degrees)
    }

    pub(super) fn method(&self) -> String {
        let signs = match self.problem.signs {
            SignKnowledge::Known(_) => "least squares with the given signs",
            SignKnowledge::Unknown => "signs, least squares",
        };
        let missing = match self.missing {
            0 => String::new(),
            1 => ", one missing score from the sum".to_string(),
            k => format!(", {k} missing scores left out"),
        };
        format!(
            "row weights by Newton, {signs}{missing}, Levenberg–Marquardt weighted by the noise"
        )
    }

    /// Why the least misfit is no match.
    fn unexplained(&self, fit: &Fit<T>, residual: T) -> String {
        if self.problem.noise.is_exact() {
            return format!(
                "no x found has the known scores: the best fit found differs by {:.1e}, relative",
                to_f64(residual)
            );
        }
        let probability = match self.probability(fit) {
            p if p > 0.0 => format!("the probability {p:.1e}"),
            _ => "a probability below 1e-300".to_string(),
        };
        format!(
            "no x found has these scores up to the noise stated: a squared misfit of {:.3e} in its units on {} degrees of freedom has {probability}",
            to_f64(fit.tested),
            fit.degrees
        )
    }

    /// What the least misfit is worth.
    pub(super) fn judge(&self, fit: &Fit<T>) -> Result<Recovery<T>, Error> {
        let at = self.problem.model.at(&fit.x)?;
        let scores = at.scores()?;
        let gap = DVector::from_fn(scores.len(), |i, _| {
            if self.reading.known[i] {
                scores[i] - self.reading.values[i]
            } else {
                T::zero()
            }
        });
        let size = self
            .reading
            .values
            .map(|v| if v.is_finite() { v } else { T::zero() })
            .norm();
        let residual = gap.norm() / size;
        let degrees = fit.degrees;
        let probability = self.probability(fit);
        let spread = self.spread(&fit.x)?;
        let out = |status, reason| Recovery {
            x: Some(fit.x.clone()),
            method: self.method(),
            iterations: self.iterations,
            evaluations: self.evaluations,
            residual: Some(residual).filter(|r| r.is_finite()),
            ..Recovery::new(status, reason)
        };
        let explained = probability >= IMPROBABLE;
        let square = to_f64(fit.tested);
        if !explained {
            // Where a fit is no match, nothing is known of what the scores determine.
            let mut found = out(Status::TooNoisy, self.unexplained(fit, residual));
            let scale = (square / degrees.max(1) as f64).max(1.0).sqrt();
            let widths = spread.map(|s| s.half_widths(QUANTILE) * real::<T>(scale));
            found.errors = widths.filter(|w| w.iter().all(|v| v.is_finite()));
            return Ok(found);
        }
        let Some(spread) = spread else {
            let reason = "to first order the known scores do not determine x";
            return Ok(out(Status::Undetermined, reason.to_string()));
        };
        let rounding = epsilon::<T>() * count::<T>(fit.x.len()).sqrt();
        let half_widths = spread.half_widths(QUANTILE) + fit.x.abs() * rounding;
        let omega = to_f64(spread.omega);
        let trusted = omega <= TRUSTED_SCORES;
        let (status, reason) = if !trusted {
            let reason = format!(
                "the noise spreads the slack of some row by {} times its size, more than {TRUSTED_SCORES}: the intervals are not to be trusted",
                ratio(omega)
            );
            (Status::TooNoisy, reason)
        } else if self.problem.noise.is_exact() {
            let reason = format!(
                "the known scores are matched to {:.1e}, relative",
                to_f64(residual)
            );
            (Status::Recovered, reason)
        } else {
            let reason = format!(
                "the scores are matched to their noise: squared misfit {square:.1} in its units on {degrees} degrees of freedom, probability {probability:.2}"
            );
            (Status::Recovered, reason)
        };
        let mut found = out(status, reason);
        if self.problem.noise.is_exact() {
            // Of rounding only the size is known, from the misfit itself.
            let scale = square / degrees.max(1) as f64;
            found.errors = Some(half_widths * real::<T>(scale.max(1.0).sqrt()));
            return Ok(found);
        }
        found.errors = Some(half_widths.clone());
        found.uncertainty = Some(Uncertainty {
            covariance: spread.covariance,
            level: LEVEL,
            half_widths,
        });
        Ok(found)
    }
}

/// Two digits after the point, or of the whole where it is large.
pub(crate) fn ratio(omega: f64) -> String {
    if omega < 1e3 {
        format!("{omega:.2}")
    } else {
        format!("{omega:.1e}")
    }
}
