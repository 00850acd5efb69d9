//! Noisy scores → x: the weighted least-squares estimate, and how sure it is.

use nalgebra::DVector;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::error::{Error, trial};
use crate::geometry::{Domain, Model, Signs};
use crate::recover::Observer;
use crate::recover::Recovery;
use crate::recover::Status;
use crate::recover::TRUSTED_SCORES;
use crate::recover::Uncertainty;
use crate::recover::largest_slack_start;
use crate::recover::noise::chi_square::upper_tail;
use crate::recover::noise::covariance::{Spread, score_spread};
use crate::recover::noise::feasible::{nearest, relative_errors, shared, signs_of, telling};
use crate::recover::noise::misfit::{Fit, Misfit, fit};
use crate::recover::noise::noisy_signs::{Magnitudes, Signed};
use crate::recover::noise::noisy_target::read;
use crate::recover::noise::whitening::Whitening;
use crate::recover::noise::{Noise, Reading};
use crate::recover::report;
use crate::recover::scores::SignKnowledge;
use crate::recover::scores::structure::Components;
use crate::recover::scores::weights;
use crate::recover::signs::{self, Found};
use crate::scalar::{Scalar, count, epsilon, real, to_f64};

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
/// Rows with larger scores are tried with their other sign: where slacks are
/// small, noise hides the sign first.
const RIVAL_SCORE: f64 = 0.5;
/// A linear misfit this much larger is no rival worth a fit of its own.
const RIVAL_MISFIT: f64 = 30.0;
/// Rivals whose squared misfit is less than this above the best are not
/// excluded: their likelihood is more than e⁻⁵ of its.
const AS_GOOD: f64 = 10.0;

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
enum Search<T: Scalar> {
    Found(Fit<T>),
    Not(Box<Recovery<T>>),
}

impl<T: Scalar> NoisyScores<'_, T> {
    /// Recovers. O(nd³) for each of some tens of steps.
    pub(crate) fn recover(
        &self,
        components: &Components,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Recovery<T>, Error> {
        let reading = read(self.model, self.target, self.noise)?;
        let whitening = self.noise.whitening(&reading, true)?;
        if let Some((status, reason)) = self.obstacle(&reading, components)? {
            return Ok(Recovery::new(status, reason));
        }
        let mut run = Run {
            problem: self,
            components,
            reading: &reading,
            whitening: &whitening,
            missing: (0..reading.known.len())
                .filter(|&i| !reading.known[i] && components.of_row[i].is_some())
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
struct Run<'a, T: Scalar> {
    problem: &'a NoisyScores<'a, T>,
    components: &'a Components,
    reading: &'a Reading<T>,
    whitening: &'a Whitening<T>,
    /// Rows without a value that say something of x.
    missing: usize,
    iterations: usize,
    evaluations: usize,
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
                    predicted = trial(self.problem.model.at(&fit.x))?.map(|at| at.scores().clone());
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

    /// Signs by the lift; where what comes of them does not match, by random
    /// starts.
    fn without_signs(&mut self, magnitudes: &Magnitudes<'_, T>) -> Result<Search<T>, Error> {
        let (model, seed) = (self.problem.model, self.problem.seed);
        let misfit = Misfit::new(model, self.reading, self.whitening, None)?;
        let telling = telling(magnitudes.sizes, magnitudes.relative);
        let mut fits = Vec::new();
        let mut lifted = false;
        if let Found::Signs(found) = signs::find(model, &telling, self.components, seed)? {
            lifted = true;
            let start = found.linear.x.rows(0, model.dim()).into_owned();
            let better = magnitudes.alternate(signs_of(&model.slack(&start)?)?)?;
            fits.extend(self.fit(&misfit, &better.x)?);
            if !self.is_sound(&fits) {
                fits.extend(self.fit(&misfit, &start)?);
            }
            self.add_flips(&misfit, magnitudes, &better, &mut fits)?;
        }
        if !self.is_sound(&fits) {
            let ends = magnitudes.search(seed)?;
            for end in &ends {
                fits.extend(self.fit(&misfit, &end.x)?);
                // With rows to spare a match is no accident.
                if lifted && self.is_sound(&fits) {
                    break;
                }
            }
            if let (Some(best), true) = (least(&fits), self.is_sound(&fits)) {
                let signs = signs_of(&model.slack(&best.x)?)?;
                let end = magnitudes.solve(signs)?;
                self.add_flips(&misfit, magnitudes, &end, &mut fits)?;
            }
        }
        match least(&fits) {
            Some(best) => self.against_rivals(best, &fits),
            None => {
                let reason =
                    "every linear fit lies on the hyperplane of a row, and noise hides the rest";
                let end = Recovery::new(Status::TooNoisy, reason.to_string());
                Ok(Search::Not(Box::new(end)))
            }
        }
    }

    /// Whether the best of them is explained by the noise.
    fn is_sound(&self, fits: &[Fit<T>]) -> bool {
        least(fits).is_some_and(|fit| self.probability(&fit) >= IMPROBABLE)
    }

    /// A fit, where the start has no slack of zero.
    fn fit(&mut self, misfit: &Misfit<'_, T>, start: &DVector<T>) -> Result<Option<Fit<T>>, Error> {
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

    /// Fits with one sign turned, of rows that lie near their hyperplane.
    fn add_flips(
        &mut self,
        misfit: &Misfit<'_, T>,
        magnitudes: &Magnitudes<'_, T>,
        base: &Signed<T>,
        fits: &mut Vec<Fit<T>>,
    ) -> Result<(), Error> {
        let n = self.problem.model.nrows();
        let near =
            |i: &usize| self.reading.known[*i] && self.reading.values[*i] > real(RIVAL_SCORE);
        for row in (0..n).filter(near) {
            let turned = DVector::from_fn(n, |i, _| {
                let sign: T = base.signs.sign(i);
                if i == row { -sign } else { sign }
            });
            let other = magnitudes.solve(Signs::of(&turned)?)?;
            if other.residual <= base.residual * real(RIVAL_MISFIT) {
                fits.extend(self.fit(misfit, &other.x)?);
            }
        }
        Ok(())
    }

    /// The best fit, unless another is as good and is not the same.
    fn against_rivals(&mut self, best: Fit<T>, fits: &[Fit<T>]) -> Result<Search<T>, Error> {
        let near = |fit: &&Fit<T>| fit.square < best.square + real(AS_GOOD);
        let rivals: Vec<&Fit<T>> = fits.iter().filter(near).collect();
        if rivals.len() > 1
            && self.probability(&best) >= IMPROBABLE
            && let Some(spread) = self.spread(&best.x)?
        {
            let widths = spread.deviations() * real::<T>(QUANTILE);
            let apart = |fit: &Fit<T>| {
                let gap = (&fit.x - &best.x).abs();
                gap.iter().zip(widths.iter()).any(|(g, w)| *g > *w)
            };
            if let Some(rival) = rivals.into_iter().find(|fit| apart(fit)) {
                let reason = format!(
                    "two sets of signs match the scores to their noise: squared misfits {:.3} and {:.3} in its units; give the signs",
                    to_f64(best.square),
                    to_f64(rival.square)
                );
                let mut end = Recovery::new(Status::Ambiguous, reason);
                end.solutions = Some(crate::recover::Solutions {
                    log2: 1,
                    listed: vec![best.x, rival.x.clone()],
                });
                end.method = self.method();
                return Ok(Search::Not(Box::new(end)));
            }
        }
        Ok(Search::Found(best))
    }

    fn spread(&self, x: &DVector<T>) -> Result<Option<Spread<T>>, Error> {
        trial(score_spread(self.problem.model, x, self.whitening))
    }

    /// Of a misfit as large, if the noise is as stated.
    fn probability(&self, fit: &Fit<T>) -> f64 {
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

    fn method(&self) -> String {
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

    /// What the least misfit is worth.
    fn judge(&self, fit: &Fit<T>) -> Result<Recovery<T>, Error> {
        let at = self.problem.model.at(&fit.x)?;
        let gap = DVector::from_fn(at.scores().len(), |i, _| {
            if self.reading.known[i] {
                at.scores()[i] - self.reading.values[i]
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
        let Some(spread) = spread else {
            let reason = "to first order the known scores do not determine x";
            return Ok(out(Status::Undetermined, reason.to_string()));
        };
        let rounding = epsilon::<T>() * count::<T>(fit.x.len()).sqrt();
        let half_widths = spread.half_widths(QUANTILE) + fit.x.abs() * rounding;
        let omega = to_f64(spread.omega);
        let square = to_f64(fit.tested);
        let explained = probability >= IMPROBABLE;
        let trusted = omega <= TRUSTED_SCORES;
        let (status, reason) = if !explained {
            let reason = format!(
                "no x found has these scores up to the noise stated: a squared misfit of {square:.3e} in its units on {degrees} degrees of freedom has the probability {probability:.1e}"
            );
            (Status::TooNoisy, reason)
        } else if !trusted {
            let reason = format!(
                "the noise spreads x by {omega:.2} of its distance to a hyperplane, more than {TRUSTED_SCORES}: the intervals are not to be trusted"
            );
            (Status::TooNoisy, reason)
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

fn least<T: Scalar>(fits: &[Fit<T>]) -> Option<Fit<T>> {
    let smaller = |a: &&Fit<T>, b: &&Fit<T>| {
        a.square
            .partial_cmp(&b.square)
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    fits.iter().min_by(smaller).cloned()
}
