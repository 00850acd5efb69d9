//! What an attacker does with a publication.

use std::fmt;

use nalgebra::DVector;

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::recover::{
    GradientRecovery, Noise, Recovery, ScoreRecovery, SignKnowledge, Spread, Status,
    gradient_covariance, largest_slack_start, score_covariance,
};

/// What would be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// The n leverage scores.
    Scores,
    /// Their gradient, d numbers.
    Gradient,
}

impl Publication {
    /// The name used in machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Publication::Scores => "scores",
            Publication::Gradient => "gradient",
        }
    }

    /// What is published at x.
    pub(super) fn at(self, model: &Model<f64>, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        let at = model.at(x)?;
        match self {
            Publication::Scores => Ok(at.scores()?.clone()),
            Publication::Gradient => at.score_gradient(), // (V2)
        }
    }

    /// How noise in it spreads what is recovered; none where it does not determine
    /// x to first order.
    pub(super) fn spread(
        self,
        model: &Model<f64>,
        x: &DVector<f64>,
        noise: &Noise<f64>,
    ) -> Result<Option<Spread<f64>>, Error> {
        let spread = match self {
            Publication::Scores => score_covariance(model, x, noise),
            Publication::Gradient => gradient_covariance(model, x, noise),
        };
        match spread {
            Ok(spread) if spread.covariance.iter().all(|v| v.is_finite()) => Ok(Some(spread)),
            Ok(_) | Err(Error::Singular { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// ω up to which first order is trusted.
    pub(super) fn trusted(self) -> f64 {
        match self {
            Publication::Scores => crate::recover::TRUSTED_SCORES,
            Publication::Gradient => crate::recover::TRUSTED_GRADIENT,
        }
    }
}

impl fmt::Display for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an attacker knows beside A, b, the publication and its precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attacker {
    /// The signs of the slacks: for each row, whether it lies above the fit.
    KnowsSigns,
    /// Nothing. From scores the signs are found; with a gradient, of which every
    /// bounded cell has a solution of its own, those of least squares are tried.
    /// First order speaks of both as if the signs were found.
    NoSigns,
}

impl Attacker {
    /// Both.
    pub const ALL: [Attacker; 2] = [Attacker::KnowsSigns, Attacker::NoSigns];

    /// The name used in machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Attacker::KnowsSigns => "signs known",
            Attacker::NoSigns => "signs unknown",
        }
    }
}

impl fmt::Display for Attacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How an attack ended.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    /// With an answer.
    Answer(DVector<f64>),
    /// Several answers, or a line of them, are as good.
    Ambiguous,
    /// Without an answer.
    Refused,
}

/// An attacker at work on one kind of publication.
pub(super) struct Attack {
    publication: Publication,
    signs: Option<Signs>,
    start: Option<DVector<f64>>,
    seed: u64,
}

impl Attack {
    /// `truth` are the signs at the secret x; `fit` is least squares' x.
    pub(super) fn new(
        (publication, attacker): (Publication, Attacker),
        model: &Model<f64>,
        (x, truth): (&DVector<f64>, &Signs),
        fit: &DVector<f64>,
        seed: u64,
    ) -> Result<Self, Error> {
        let mut attack = Attack {
            publication,
            signs: None,
            start: None,
            seed,
        };
        match (publication, attacker) {
            (Publication::Scores, Attacker::NoSigns) => {}
            (Publication::Scores, Attacker::KnowsSigns) => attack.signs = Some(truth.clone()),
            (Publication::Gradient, Attacker::KnowsSigns) => {
                // Once and not in every trial: it does not depend on the target. Nor
                // does the answer depend on the start (G4), so that x itself serves
                // for a cell too flat to be found.
                attack.start = match largest_slack_start(model, truth) {
                    Ok(start) => Some(start.x),
                    Err(Error::EmptyCell { .. } | Error::Solver { .. }) => Some(x.clone()),
                    Err(error) => return Err(error),
                };
                attack.signs = Some(truth.clone());
            }
            (Publication::Gradient, Attacker::NoSigns) => {
                // An observation on the fit has no sign there: there is no start.
                if let Ok(signs) = Signs::of(&model.slack(fit)?) {
                    attack.signs = Some(signs);
                    attack.start = Some(fit.clone());
                }
            }
        }
        Ok(attack)
    }

    /// From a target with this noise to an answer.
    pub(super) fn run(
        &self,
        model: &Model<f64>,
        target: DVector<f64>,
        noise: &Noise<f64>,
    ) -> Result<Ended, Error> {
        match self.recover(model, target, noise) {
            Ok(Some(found)) => Ok(ended(found)),
            Ok(None) => Ok(Ended::Refused),
            // A target that no recovery takes is a refusal; rows that cannot be
            // read are not.
            Err(error) if error.is_about_the_point() => Ok(Ended::Refused),
            Err(
                Error::ScoreSum { .. }
                | Error::OutOfRange { .. }
                | Error::EntryOutOfRange { .. }
                | Error::Solver { .. },
            ) => Ok(Ended::Refused),
            Err(error) => Err(error),
        }
    }

    fn recover(
        &self,
        model: &Model<f64>,
        target: DVector<f64>,
        noise: &Noise<f64>,
    ) -> Result<Option<Recovery<f64>>, Error> {
        match self.publication {
            Publication::Scores => {
                let signs = match &self.signs {
                    Some(signs) => SignKnowledge::Known(signs.clone()),
                    None => SignKnowledge::Unknown,
                };
                let run = ScoreRecovery::noisy(model, target, noise.clone())?.signs(signs)?;
                run.seed(self.seed).run().map(Some)
            }
            Publication::Gradient => {
                let Some(signs) = &self.signs else {
                    return Ok(None);
                };
                let mut run = GradientRecovery::new(model, target)?.signs(signs.clone())?;
                if let Some(start) = &self.start {
                    run = run.start(start.clone())?;
                }
                run.run().map(Some)
            }
        }
    }
}

/// Whatever point there is counts as an answer: the attacker has it, however
/// unsure.
fn ended(found: Recovery<f64>) -> Ended {
    match found.x {
        Some(x) if x.iter().all(|v| v.is_finite()) => Ended::Answer(x),
        _ if matches!(found.status, Status::Ambiguous | Status::Undetermined) => Ended::Ambiguous,
        _ => Ended::Refused,
    }
}
