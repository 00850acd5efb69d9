//! Recoveries from targets with fresh errors.

use nalgebra::DVector;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::RngCore;
#[cfg(feature = "parallel")]
use rayon::prelude::*;

use super::attack::{Attack, Ended};
use super::errors::{Errors, Scales};
use super::{Level, Publication, Shares};
use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::recover::Noise;

/// The share of a normal variable's draws within one standard deviation: this
/// quantile of |error| is the standard deviation itself where errors are normal,
/// and does not mind the few that are far off.
const WITHIN_ONE_DEVIATION: f64 = 0.682_689_492_137_085_9;

/// What does not change from trial to trial.
pub(super) struct Bench<'a> {
    pub(super) publication: Publication,
    pub(super) model: &'a Model<f64>,
    /// The target as it is, without noise.
    pub(super) target: &'a DVector<f64>,
    pub(super) truth: &'a Signs,
    pub(super) scales: &'a Scales,
    pub(super) trials: usize,
    pub(super) seed: u64,
}

/// What the trials came to.
pub(super) struct Simulated {
    /// Root mean squares over the trials with an answer; none without one.
    pub(super) rms: Option<Errors>,
    /// Quantiles at one standard deviation over the same.
    pub(super) typical: Option<Errors>,
    pub(super) shares: Shares,
}

enum Trial {
    Answer { errors: Vec<f64>, right_signs: bool },
    Ambiguous,
    Refused,
}

impl Bench<'_> {
    /// Tries one attack at one level.
    pub(super) fn simulate(
        &self,
        attack: &Attack,
        level: Level,
        noise: &Noise<f64>,
    ) -> Result<Simulated, Error> {
        let trials = each(self.trials, |k| {
            let mut rng = stream(self.seed, k);
            let target = level.perturbed(self.publication, self.target, noise, &mut rng)?;
            self.trial(attack, target, noise)
        })?;
        Ok(summary(&trials))
    }

    /// The errors of one answer.
    pub(super) fn answer(
        &self,
        attack: &Attack,
        target: DVector<f64>,
        noise: &Noise<f64>,
    ) -> Result<Option<Errors>, Error> {
        match self.trial(attack, target, noise)? {
            Trial::Answer { errors, .. } => Ok(Errors::of_all(&errors)),
            Trial::Ambiguous | Trial::Refused => Ok(None),
        }
    }

    fn trial(
        &self,
        attack: &Attack,
        target: DVector<f64>,
        noise: &Noise<f64>,
    ) -> Result<Trial, Error> {
        // A memory of its own: threads would wait for one another's points.
        let model = self.model.unshared();
        Ok(match attack.run(&model, target, noise)? {
            Ended::Answer(x) => {
                let slack = model.slack(&x)?;
                Trial::Answer {
                    errors: self.scales.errors(&x).all().collect(),
                    right_signs: self.truth.first_violation(&slack).is_none(),
                }
            }
            Ended::Ambiguous => Trial::Ambiguous,
            Ended::Refused => Trial::Refused,
        })
    }
}

/// Results in order, whichever thread was faster; the first error in order.
fn each<R: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    #[cfg(feature = "parallel")]
    {
        let results: Vec<_> = (0..count).into_par_iter().map(&work).collect();
        results.into_iter().collect()
    }
    #[cfg(not(feature = "parallel"))]
    (0..count).map(work).collect()
}

/// The numbers of trial k: they depend on the seed and on k alone.
fn stream(seed: u64, k: usize) -> StdRng {
    // Mixed twice: neighbouring seeds and trials must not share a stream.
    let mut mix = SplitMix64::seed_from_u64(seed);
    let mut mix = SplitMix64::seed_from_u64(mix.next_u64() ^ k as u64);
    StdRng::seed_from_u64(mix.next_u64())
}

fn summary(trials: &[Trial]) -> Simulated {
    let answers: Vec<&Vec<f64>> = trials
        .iter()
        .filter_map(|t| match t {
            Trial::Answer { errors, .. } => Some(errors),
            _ => None,
        })
        .collect();
    let per_quantity = |statistic: &dyn Fn(&mut Vec<f64>) -> f64| {
        let width = answers.first()?.len();
        let all: Vec<f64> = (0..width)
            .map(|q| statistic(&mut answers.iter().map(|errors| errors[q]).collect()))
            .collect();
        Errors::of_all(&all)
    };
    let share = |of: &dyn Fn(&Trial) -> bool| {
        trials.iter().filter(|t| of(t)).count() as f64 / trials.len().max(1) as f64
    };
    let wrong = |t: &Trial| matches!(t, Trial::Answer { right_signs, .. } if !right_signs);
    Simulated {
        rms: per_quantity(&|values| {
            let squares: f64 = values.iter().map(|v| v * v).sum();
            (squares / values.len() as f64).sqrt()
        }),
        typical: per_quantity(&|values| {
            values.sort_by(f64::total_cmp);
            let at = (WITHIN_ONE_DEVIATION * values.len() as f64) as usize;
            values[at.min(values.len() - 1)]
        }),
        shares: Shares {
            refused: share(&|t| matches!(t, Trial::Refused)),
            ambiguous: share(&|t| matches!(t, Trial::Ambiguous)),
            wrong_signs: share(&wrong),
        },
    }
}
