//! Noisy scores → x: the weighted least-squares estimate, and how sure it is.

use nalgebra::DVector;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::error::{Error, trial};
use crate::geometry::{Domain, Model, Signs};
use crate::recover::noise::feasible::{nearest, relative_errors, shared};
use crate::recover::noise::misfit::{Fit, Misfit, fit};
use crate::recover::noise::noisy_signs::Magnitudes;
use crate::recover::noise::noisy_target::read;
use crate::recover::noise::unsigned::least;
use crate::recover::noise::whitening::Whitening;
use crate::recover::noise::{Noise, Reading};
use crate::recover::scores::structure::Components;
use crate::recover::scores::{SignKnowledge, weights};
use crate::recover::{Observer, Recovery, Solutions, Status, largest_slack_start, report};
use crate::scalar::{Scalar, real, to_f64};

/// Probability with which each interval covers its coefficient.
pub const LEVEL: f64 = 0.95;
/// Half-width of a normal interval of that level, in standard deviations.
pub(crate) const QUANTILE: f64 = 1.959_963_984_540_054;
/// A misfit less probable than this is not what the stated noise does: one in a
/// million sound targets is refused for it.
pub const IMPROBABLE: f64 = 1e-6;
/// Starts where several scores are missing: three of prediction, then random
/// shares.
const STARTS: usize = 8;
const PREDICTIONS: usize = 3;

/// What is to be recovered from noisy scores.
pub(crate) struct NoisyScores<'a, T: Scalar> {
    pub(crate) model: &'a Model<T>,
    pub(crate) target: &'a DVector<T>,
    pub(crate) noise: &'a Noise<T>,
    pub(crate) signs: &'a SignKnowledge,
    pub(crate) seed: u64,
    pub(crate) max_iters: usize,
}

/// How a search for x ended.
pub(super) enum Search<T: Scalar> {
    Found(Fit<T>),
    Not(Box<Recovery<T>>),
}

impl<T: Scalar> NoisyScores<'_, T> {
    /// Recovers, where every row has its say. O(nd³) for each of some tens of steps.
    pub(super) fn recover(
        &self,
        components: &Components,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Recovery<T>, Error> {
        let reading = read(self.model, self.target, self.noise)?;
        let whitening = self.noise.whitening(&reading, true)?;
        if let Some((status, reason)) = self.obstacle(&reading, components)? {
            let mut end = Recovery::new(status, reason);
            if let (Status::Ambiguous, [rank]) = (status, &components.ranks[..]) {
                end.solutions = Some(Solutions {
                    log2: *rank,
                    listed: Vec::new(),
                });
            }
            return Ok(end);
        }
        let mut run = Run {
            problem: self,
            components,
            reading: &reading,
            whitening: &whitening,
            missing: (0..reading.known.len())
                .filter(|&i| !reading.known[i] && components.of(i).is_some())
                .count(),
            iterations: 0,
            evaluations: 0,
        };
        match run.search(observer)? {
            Search::Found(fit) => run.judge(&fit),
            Search::Not(end) => Ok(Recovery {
                iterations: run.iterations,
                evaluations: run.evaluations,
                ..*end
            }),
        }
    }
}

/// A recovery under way.
pub(super) struct Run<'a, T: Scalar> {
    pub(super) problem: &'a NoisyScores<'a, T>,
    pub(super) components: &'a Components,
    pub(super) reading: &'a Reading<T>,
    pub(super) whitening: &'a Whitening<T>,
    /// Rows without a value that say something of x.
    pub(super) missing: usize,
    pub(super) iterations: usize,
    pub(super) evaluations: usize,
}

impl<T: Scalar> Run<'_, T> {
    /// Starts, until one matches the target to its noise; the best otherwise.
    fn search(&mut self, observer: &mut Option<Observer<'_>>) -> Result<Search<T>, Error> {
        let n = self.problem.model.nrows();
        let even = DVector::from_element(n, T::one());
        let mut guess = shared(self.reading, self.components, &even);
        let mut rng = StdRng::seed_from_u64(self.problem.seed);
        let mut best: Option<Fit<T>> = None;
        let mut end = None;
        // One missing score is what the sum leaves: nothing to be guessed.
        let starts = if self.missing > 1 { STARTS } else { 1 };
        for start in 0..starts {
            let mut predicted = None;
            match self.attempt(&guess, observer)? {
                Search::Found(fit) => {
                    let sound = self.probability(&fit) >= IMPROBABLE;
                    let at = trial(self.problem.model.at(&fit.x))?;
                    predicted = at.map(|at| at.scores().cloned()).transpose()?;
                    if best.as_ref().is_none_or(|b| fit.square < b.square) {
                        best = Some(fit);
                    }
                    if sound {
                        break;
                    }
                }
                Search::Not(not) => end = Some(not),
            }
            guess = match predicted {
                Some(scores) if start < PREDICTIONS => scores,
                _ => {
                    let shares = DVector::from_fn(n, |_, _| real(-rng.random::<f64>().ln_1p()));
                    shared(self.reading, self.components, &shares.map(|s: T| s.abs()))
                }
            };
        }
        Ok(match (best, end) {
            (Some(fit), _) => Search::Found(fit),
            (None, Some(end)) => Search::Not(end),
            (None, None) => Search::Not(Box::new(Recovery::new(
                Status::NotConverged,
                "no start led to a point".to_string(),
            ))),
        })
    }

    /// Weights, the linear step, the weighted fit. (N1)
    fn attempt(
        &mut self,
        guess: &DVector<T>,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Search<T>, Error> {
        let model = self.problem.model;
        let target = nearest(self.reading, self.components, guess);
        let weights = weights::solve(
            model.design(),
            self.components,
            &target,
            self.problem.max_iters,
            |k, r| report(observer, "weights", k, to_f64(r)),
        )?;
        self.iterations += weights.iterations;
        self.evaluations += weights.evaluations;
        // Not converged they still are a start; the fit shows what it is worth.
        let relative = relative_errors(self.reading, &target);
        let known = Magnitudes {
            model,
            components: self.components,
            sizes: &weights.magnitudes,
            relative: &relative,
        };
        let found = match self.problem.signs {
            SignKnowledge::Known(signs) => self.with_signs(&known, signs)?,
            SignKnowledge::Unknown => self.without_signs(&known)?,
        };
        match found {
            Search::Found(fit) => {
                report(observer, "fit", fit.iterations, to_f64(fit.square));
                Ok(Search::Found(fit))
            }
            end => Ok(end),
        }
    }

    fn with_signs(
        &mut self,
        magnitudes: &Magnitudes<'_, T>,
        signs: &Signs,
    ) -> Result<Search<T>, Error> {
        let model = self.problem.model;
        let linear = magnitudes.solve(signs.clone())?.x;
        let misfit = Misfit::new(model, self.reading, self.whitening, None)?;
        if let Some(fit) = self.fit(&misfit, &linear)? {
            let slack = model.slack(&fit.x)?;
            if self.components.first_disagreement(signs, &slack).is_none() {
                return Ok(Search::Found(fit));
            }
        }
        let fits = self.fit_in_cell(signs, &linear)?;
        Ok(match least(&fits) {
            Some(fit) => Search::Found(fit),
            None => {
                let reason = "no x with the signs given has these scores, up to their noise";
                Search::Not(Box::new(Recovery::new(
                    Status::Infeasible,
                    reason.to_string(),
                )))
            }
        })
    }

    /// Whether the best of them is explained by the noise.
    pub(super) fn is_sound(&self, fits: &[Fit<T>]) -> bool {
        least(fits).is_some_and(|fit| self.probability(&fit) >= IMPROBABLE)
    }

    /// A fit, where the start has no slack of zero.
    pub(super) fn fit(
        &mut self,
        misfit: &Misfit<'_, T>,
        start: &DVector<T>,
    ) -> Result<Option<Fit<T>>, Error> {
        let found = trial(fit(misfit, start))?;
        if let Some(fit) = &found {
            self.iterations += fit.iterations;
            self.evaluations += (fit.iterations + 1) * (self.problem.model.dim() + 1);
        }
        Ok(found.filter(|f| f.square.is_finite()))
    }

    /// Fits that never leave the cell, from as near the linear start as it goes.
    fn fit_in_cell(&mut self, signs: &Signs, linear: &DVector<T>) -> Result<Vec<Fit<T>>, Error> {
        let model = self.problem.model;
        let mut fits = Vec::new();
        for signs in [signs.clone(), signs.flipped()] {
            let inside = match largest_slack_start(model, &signs) {
                Ok(start) => start.x,
                Err(Error::EmptyCell { .. }) => continue,
                Err(other) => return Err(other),
            };
            let way = linear - &inside;
            let change = model.design().apply(&way)?;
            let domain = Domain::Cell(signs.clone());
            let largest = domain.largest_step(&model.slack(&inside)?, &change);
            let t = largest.map_or(T::one(), |t| (t * real(0.9)).min(T::one()));
            let misfit = Misfit::new(model, self.reading, self.whitening, Some(&signs))?;
            for start in [&inside + way * t, inside] {
                fits.extend(self.fit(&misfit, &start)?);
            }
        }
        Ok(fits)
    }
}
