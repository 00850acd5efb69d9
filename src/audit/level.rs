//! How precisely something is published.

use std::fmt;

use nalgebra::{DMatrix, DVector};
use rand::Rng;
use rand::rngs::StdRng;
use rand_distr::StandardNormal;

use super::Publication;
use crate::error::Error;
use crate::recover::{MAX_DECIMALS, MAX_SIGNIFICANT, Noise};

/// The precision of a publication.
///
/// ```text
///                 of scores                 of a gradient, whose entries have units
/// Digits(k)       k digits after the point  k significant digits of each entry
/// Deviation(sd)   normal noise of this      normal noise of sd times each entry's
///                 standard deviation        size
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// Rounded to so many digits.
    Digits(u32),
    /// With noise added.
    Deviation(f64),
}

impl Level {
    /// The standard deviation that it stands for, of a score or relative to an
    /// entry of a gradient between 1 and 10: by it levels are put in order.
    pub fn deviation(self) -> f64 {
        match self {
            Level::Digits(k) => 10f64.powi(-(k.min(400) as i32)) / 12f64.sqrt(),
            Level::Deviation(sd) => sd,
        }
    }

    /// As an axis or a heading says it.
    pub fn kind(self) -> &'static str {
        match self {
            Level::Digits(_) => "digits",
            Level::Deviation(_) => "noise",
        }
    }

    pub(super) fn check(self, publication: Publication) -> Result<(), Error> {
        let refused = |name, value: f64, range| Err(Error::OutOfRange { name, value, range });
        match (self, publication) {
            (Level::Digits(k), Publication::Scores) if k > MAX_DECIMALS => {
                refused("digits after the point", k.into(), "at most 30")
            }
            (Level::Digits(k), Publication::Gradient) if !(1..=MAX_SIGNIFICANT).contains(&k) => {
                refused("significant digits", k.into(), "between 1 and 17")
            }
            // `!(v > 0)` also refuses NaN; the square is what enters a covariance.
            (Level::Deviation(sd), _) if !(sd * sd > 0.0 && (sd * sd).is_finite()) => {
                let range = "positive and finite, with its square";
                refused("noise standard deviation", sd, range)
            }
            _ => Ok(()),
        }
    }

    /// What the attacker is told of the errors in a target.
    pub(super) fn noise(
        self,
        publication: Publication,
        target: &DVector<f64>,
    ) -> Result<Noise<f64>, Error> {
        match (self, publication) {
            (Level::Digits(k), Publication::Scores) => Noise::decimals(k),
            (Level::Digits(k), Publication::Gradient) => Noise::significant(k),
            (Level::Deviation(sd), Publication::Scores) => Noise::standard_deviation(sd),
            (Level::Deviation(sd), Publication::Gradient) => {
                Noise::covariance(DMatrix::from_diagonal(&target.map(|g| (sd * g) * (sd * g))))
            }
        }
    }

    /// The target as it would be published, where that takes no dice.
    pub(super) fn rounded(
        self,
        publication: Publication,
        target: &DVector<f64>,
    ) -> Option<DVector<f64>> {
        let Level::Digits(k) = self else {
            return None;
        };
        let k = k as usize;
        // Through decimal digits, which is what is published.
        Some(target.map(|v| {
            let text = match publication {
                Publication::Scores => format!("{v:.k$}"),
                Publication::Gradient => format!("{v:.*e}", k.saturating_sub(1)),
            };
            text.parse().unwrap_or(v)
        }))
    }

    /// A target with fresh errors of the same law: one realisation of many, where
    /// rounding has but one. The numbers drawn do not depend on the level, so that
    /// levels are compared on equal terms.
    pub(super) fn perturbed(
        self,
        publication: Publication,
        target: &DVector<f64>,
        noise: &Noise<f64>,
        rng: &mut StdRng,
    ) -> Result<DVector<f64>, Error> {
        let deviations = noise.deviations(target)?;
        let mut out = target.clone();
        for (v, sd) in out.iter_mut().zip(deviations.iter()) {
            let unit = match self {
                Level::Digits(_) => 12f64.sqrt() * (rng.random::<f64>() - 0.5),
                Level::Deviation(_) => rng.sample(StandardNormal),
            };
            *v += sd * unit;
            if publication == Publication::Scores {
                // Nobody publishes a score outside [0, 1].
                *v = v.clamp(0.0, 1.0);
            }
        }
        Ok(out)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Level::Digits(k) => write!(f, "{k}"),
            Level::Deviation(sd) => write!(f, "{sd:e}"),
        }
    }
}
