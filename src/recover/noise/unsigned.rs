//! Noisy scores without signs: those found, and others that fit as well.

use nalgebra::DVector;

use crate::error::Error;
use crate::geometry::Signs;
use crate::recover::noise::feasible::telling;
use crate::recover::noise::misfit::{Fit, Misfit};
use crate::recover::noise::noisy::{IMPROBABLE, QUANTILE, Run, Search};
use crate::recover::noise::noisy_signs::{Magnitudes, Signed};
use crate::recover::signs::unsigned::Accuracy;
use crate::recover::signs::{self, Found, LISTED_LOG2, nearest};
use crate::recover::{Recovery, Solutions, Status};
use crate::scalar::{Scalar, real, to_f64};

/// Rows with larger scores are tried with their other sign: where slacks are
/// small, noise hides the sign first.
const RIVAL_SCORE: f64 = 0.5;
/// A linear misfit this much larger is no rival worth a fit of its own.
const RIVAL_MISFIT: f64 = 30.0;
/// Rivals whose squared misfit is less than this above the best are not
/// excluded: their likelihood is more than e⁻⁵ of its.
const AS_GOOD: f64 = 10.0;

impl<T: Scalar> Run<'_, T> {
    /// Signs from the magnitudes, to their own accuracy; where what comes of them
    /// does not match, by random starts.
    pub(super) fn without_signs(
        &mut self,
        magnitudes: &Magnitudes<'_, T>,
    ) -> Result<Search<T>, Error> {
        let (model, seed) = (self.problem.model, self.problem.seed);
        let misfit = Misfit::new(model, self.reading, self.whitening, None)?;
        // How far magnitudes are off that rest on guessed scores is not known.
        let stated = !self.problem.noise.is_exact() && self.missing <= 1;
        let errors = if stated {
            magnitudes.errors(self.reading)?
        } else {
            magnitudes.relative.clone()
        };
        let accuracy = if stated {
            Accuracy::Relative(&errors)
        } else {
            Accuracy::Rounding
        };
        let telling = telling(magnitudes.sizes, &errors);
        let mut fits = Vec::new();
        let mut lifted = false;
        match signs::find_within(model, &telling, accuracy, self.components, seed)? {
            Found::Signs(found) => {
                lifted = true;
                let start = found.linear.x.rows(0, model.dim()).into_owned();
                let better = magnitudes.alternate(nearest(&model.slack(&start)?)?)?;
                fits.extend(self.fit(&misfit, &better.x)?);
                if !self.is_sound(&fits) {
                    fits.extend(self.fit(&misfit, &start)?);
                }
                self.add_flips(&misfit, magnitudes, &better, &mut fits)?;
            }
            Found::Not(end) => {
                if let Some(solutions) = end.solutions.as_ref().filter(|_| stated) {
                    if solutions.listed.is_empty() {
                        // More than can be fitted one by one.
                        let method = self.method();
                        return Ok(Search::Not(Box::new(Recovery { method, ..*end })));
                    }
                    for x in &solutions.listed {
                        fits.extend(self.fit(&misfit, x)?);
                    }
                    lifted = true;
                }
            }
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
                let signs = nearest(&model.slack(&best.x)?)?;
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

    /// The best fit, unless others are as good and are not the same.
    fn against_rivals(&mut self, best: Fit<T>, fits: &[Fit<T>]) -> Result<Search<T>, Error> {
        if !(self.probability(&best) >= IMPROBABLE) {
            return Ok(Search::Found(best));
        }
        let Some(spread) = self.spread(&best.x)? else {
            return Ok(Search::Found(best));
        };
        let widths = spread.deviations() * real::<T>(QUANTILE);
        let apart = |x: &DVector<T>, y: &DVector<T>| {
            let gap = (x - y).abs();
            gap.iter().zip(widths.iter()).any(|(g, w)| *g > *w)
        };
        let mut different = vec![&best];
        for fit in fits {
            let near = fit.square < best.square + real(AS_GOOD);
            if near && different.iter().all(|other| apart(&fit.x, &other.x)) {
                different.push(fit);
            }
        }
        let [_, rival, ..] = different[..] else {
            return Ok(Search::Found(best));
        };
        let count = different.len();
        let reason = format!(
            "{count} sets of signs match the scores to their noise: squared misfits {:.3} and {:.3} in its units; give the signs",
            to_f64(best.square),
            to_f64(rival.square)
        );
        let mut end = Recovery::new(Status::Ambiguous, reason);
        let log2 = count.next_power_of_two().ilog2() as usize;
        let list = if log2 <= LISTED_LOG2 {
            different
        } else {
            Vec::new()
        };
        end.solutions = Some(Solutions {
            log2,
            listed: list.into_iter().map(|fit| fit.x.clone()).collect(),
        });
        end.method = self.method();
        Ok(Search::Not(Box::new(end)))
    }
}

/// The fit with the least misfit.
pub(super) fn least<T: Scalar>(fits: &[Fit<T>]) -> Option<Fit<T>> {
    let smaller = |a: &&Fit<T>, b: &&Fit<T>| {
        a.square
            .partial_cmp(&b.square)
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    fits.iter().min_by(smaller).cloned()
}
