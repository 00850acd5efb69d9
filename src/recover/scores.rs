//! Scores → row weights → x → polish.

use nalgebra::DVector;

use super::noise::{self, Noise};
use super::noisy::NoisyScores;
use super::noisy_target;
use super::obstacles::{check_units, first_obstacle, sum_tolerance};
use super::signs::{self, Found};
use super::stationary::Regularised;
use super::structure::Components;
use super::{Observer, Progress, Recovery, Status, linear, matched, polish, report, weights};
use crate::error::{Error, trial};
use crate::geometry::{Model, Signs, check_length, check_vector};
use crate::objective::Ridge;
use crate::scalar::{Scalar, to_f64};

/// Newton steps on the row weights; ten to twenty are usual.
pub const MAX_ITERS: usize = 200;
/// A misfit of the scores that noise does not explain, but wrong signs do.
const WRONG_SIGNS: f64 = 1e-2;

/// What is known of the signs of s = A x − b.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SignKnowledge {
    /// Nothing: found by the lift, which takes n ≥ d(d+3)/2 + 1 rows.
    #[default]
    Unknown,
    /// All of them, up to one common flip.
    Known(Signs),
}

/// Recovers x from the n leverage scores of the residual-scaled design.
///
/// # Method
/// Row weights by minimising a convex function (σ is its gradient); x by a
/// linear least-squares problem, lifted where signs are unknown; Gauss–Newton
/// on L_D. In neither paper: see [`notation`](crate::notation).
///
/// # What is determined
/// For generic A and b outside its column space: x, when n ≥ d + 2. With n = d
/// every x has the scores 1; with n = d + 1 and signs unknown 2^d of them fit.
///
/// # Complexity
/// Some tens of O(nd²) steps, O(nd³) for each of two to four polishing steps,
/// and O(d⁶) for the lift. Memory O(nd).
///
/// # Errors
/// [`ScoreRecovery::new`] refuses a target of the wrong length, with NaN, with
/// an entry outside [0, 1], or with a sum further than 1e-6·d from d, and A and
/// b in units in which squares overflow or vanish. That x cannot be found is no
/// error but a [`Status`].
///
/// # Example
/// See [the module](super).
pub struct ScoreRecovery<'a, T: Scalar> {
    model: Model<T>,
    target: DVector<T>,
    signs: SignKnowledge,
    ridge: Option<DVector<T>>,
    seed: u64,
    max_iters: usize,
    observer: Option<Observer<'a>>,
    noise: Option<Noise<T>>,
}

impl<'a, T: Scalar> ScoreRecovery<'a, T> {
    /// For n given scores.
    ///
    /// # Errors
    /// See [`ScoreRecovery`].
    pub fn new(model: &Model<T>, target: DVector<T>) -> Result<Self, Error> {
        check_vector("target", &target, model.nrows())?;
        let outside = |t: &T| *t < T::zero() || *t > T::one();
        if let Some(index) = target.iter().position(outside) {
            let value = to_f64(target[index]);
            let range = "a leverage score, between 0 and 1";
            return Err(Error::EntryOutOfRange {
                what: "target",
                index,
                value,
                range,
            });
        }
        let rank = model.dim();
        let sum = to_f64(target.sum());
        if (sum - rank as f64).abs() > sum_tolerance::<T>(model.nrows()) * rank as f64 {
            return Err(Error::ScoreSum { sum, rank });
        }
        check_units(model)?;
        Ok(ScoreRecovery {
            model: model.clone(),
            target,
            signs: SignKnowledge::Unknown,
            ridge: None,
            seed: 0,
            max_iters: MAX_ITERS,
            observer: None,
            noise: None,
        })
    }

    /// For scores with errors of a stated kind: rounded, measured, or in part
    /// missing (NaN, where the noise
    /// [allows it](Noise::allow_missing)).
    ///
    /// x is then the weighted least-squares estimate, the minimiser of rᵀC⁺r (N1),
    /// and [`Recovery::uncertainty`] gives a 95 % interval for each coefficient.
    /// The end is [`Status::TooNoisy`], with the reason, where the misfit is less
    /// probable than [`IMPROBABLE`](super::IMPROBABLE) or where noise moves x so
    /// far (ω above [`TRUSTED_SCORES`](super::TRUSTED_SCORES)) that first order
    /// says nothing of it, and [`Status::Ambiguous`] where a row near its
    /// hyperplane fits as well with its other sign.
    ///
    /// One missing score is what the sum leaves; several are guessed, recovered,
    /// predicted and guessed again, and have no part in the misfit.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], those of [`Noise::deviations`], and
    /// an entry outside [0, 1] or a sum off d by more than
    /// [`FAR`](super::FAR) standard deviations. [`run`](Self::run) refuses a ridge
    /// besides noise.
    ///
    /// ```
    /// use levinv::{Model, recover::{Noise, ScoreRecovery, Status}};
    /// use nalgebra::{DMatrix, DVector, dvector};
    ///
    /// let a = DMatrix::from_fn(12, 2, |i, j| if j == 0 { 1.0 } else { (i * i % 7) as f64 });
    /// let b = DVector::from_fn(12, |i, _| (i * 5 % 11) as f64 - 4.3);
    /// let secret = dvector![0.7, -1.9];
    /// let model = Model::new(a, b)?;
    /// let scores = model.at(&secret)?.scores().clone();
    /// let published = scores.map(|s| (s * 1e5).round() / 1e5);
    ///
    /// let found = ScoreRecovery::noisy(&model, published, Noise::decimals(5)?)?.run()?;
    /// assert_eq!(found.status, Status::Recovered);
    /// let (x, width) = (found.x.expect("a point"), found.uncertainty.expect("intervals"));
    /// for j in 0..2 {
    ///     // Twice the width: an interval of 95 % may miss.
    ///     assert!((x[j] - secret[j]).abs() < 2.0 * width.half_widths[j]);
    /// }
    /// # Ok::<(), levinv::Error>(())
    /// ```
    pub fn noisy(model: &Model<T>, target: DVector<T>, noise: Noise<T>) -> Result<Self, Error> {
        check_length("target", &target, model.nrows())?;
        noisy_target::check(model, &target, &noise)?;
        check_units(model)?;
        Ok(ScoreRecovery {
            model: model.clone(),
            target,
            signs: SignKnowledge::Unknown,
            ridge: None,
            seed: 0,
            max_iters: MAX_ITERS,
            observer: None,
            noise: Some(noise),
        })
    }

    /// States what is known of the signs.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one sign a row.
    pub fn signs(mut self, signs: SignKnowledge) -> Result<Self, Error> {
        if let SignKnowledge::Known(signs) = &signs {
            signs.check_rows(self.model.nrows())?;
        }
        self.signs = signs;
        Ok(self)
    }

    /// Adds the papers' ridge: the answer is then a stationary point of the
    /// regularised loss. Weights that are all zero are no ridge.
    #[must_use]
    pub fn ridge(mut self, weights: DVector<T>) -> Self {
        self.ridge = Some(weights);
        self
    }

    /// Seeds the choice of rows that the lift works on.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Limits the Newton steps on the row weights.
    #[must_use]
    pub fn max_iters(mut self, max_iters: usize) -> Self {
        self.max_iters = max_iters;
        self
    }

    /// Watches the steps.
    #[must_use]
    pub fn observe(mut self, observer: impl FnMut(&Progress) + 'a) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Recovers.
    ///
    /// # Errors
    /// Those of reading the rows, and of the ridge weights.
    pub fn run(mut self) -> Result<Recovery<T>, Error> {
        // Before hours of work, and also where there is no x to regularise.
        self.ridge = Ridge::effective(&self.model, self.ridge)?;
        let mut observer = self.observer.take();
        let unknown = self.signs == SignKnowledge::Unknown;
        let components = Components::of(&self.model, self.seed)?;
        if let Some(noise) = &self.noise {
            if self.ridge.is_some() {
                return Err(noise::with_ridge());
            }
            let problem = NoisyScores {
                model: &self.model,
                target: &self.target,
                noise,
                signs: &self.signs,
                seed: self.seed,
                max_iters: self.max_iters,
            };
            return problem.recover(&components, &mut observer);
        }
        let mut found = match first_obstacle(&self.model, &self.target, unknown, &components)? {
            Some((status, reason)) => Recovery::new(status, reason),
            None => self.recover(&components, &mut observer)?,
        };
        if let Some(weights) = &self.ridge {
            let signs = match &self.signs {
                SignKnowledge::Known(signs) => Some(signs),
                _ => None,
            };
            let regularised = Regularised {
                model: &self.model,
                target: &self.target,
                weights,
                max_iters: self.max_iters,
            };
            regularised.scores(signs, &mut found, &mut observer)?;
        }
        Ok(found)
    }

    fn recover(
        &self,
        components: &Components,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Recovery<T>, Error> {
        let (model, target) = (&self.model, &self.target);
        // σ → |s| up to a factor.
        let weights = weights::solve(
            model.design(),
            components,
            target,
            self.max_iters,
            |k, r| {
                report(observer, "weights", k, to_f64(r));
            },
        )?;
        let (iterations, evaluations) = (weights.iterations, weights.evaluations);
        if !weights.converged {
            let mut out = Recovery::new(weights.verdict(self.max_iters), weights.explanation());
            out.residual = Some(weights.residual).filter(|r| r.is_finite());
            return Ok(Recovery {
                iterations,
                evaluations,
                method: "row weights".into(),
                ..out
            });
        }
        let mut magnitudes = weights.magnitudes;
        for (m, t) in magnitudes.iter_mut().zip(target.iter()) {
            // A zero row of A says nothing about x; zero marks it as unknown.
            if *t == T::zero() {
                *m = T::zero();
            }
        }
        // |s| → x.
        let mut method = String::from("row weights by Newton");
        if components.count() > 1 {
            method.push_str(&format!(", {} components", components.count()));
        }
        let (linear, signs) = match &self.signs {
            SignKnowledge::Known(signs) => {
                method.push_str(", least squares with the given signs");
                let linear = linear::solve(model, &magnitudes, signs, components)?;
                (linear, signs.clone())
            }
            SignKnowledge::Unknown => {
                match signs::find(model, &magnitudes, components, self.seed)? {
                    Found::Signs(found) => {
                        method.push_str(found.method);
                        (found.linear, found.signs)
                    }
                    Found::Not(end) => {
                        return Ok(Recovery {
                            iterations,
                            evaluations,
                            method,
                            ..*end
                        });
                    }
                }
            }
        };
        let d = model.dim();
        if linear.null_space.ncols() > 0 {
            let directions = linear
                .null_space
                .column_iter()
                .map(|v| v.rows(0, d).into_owned())
                .collect();
            let reason = "b lies in the column space of A: x is known only up to a multiple of the direction given".to_string();
            let out = Recovery::new(Status::Undetermined, reason);
            return Ok(Recovery {
                iterations,
                evaluations,
                method,
                directions,
                ..out
            });
        }
        // x → σ(x) = τ to rounding.
        method.push_str(", Gauss–Newton");
        let start = linear.x.rows(0, d).into_owned();
        if trial(model.at(&start))?.is_none() {
            let reason = "no x has these scores: the best fit lies on the hyperplane of a row, where they are not defined".to_string();
            let out = Recovery::new(Status::Infeasible, reason);
            return Ok(Recovery {
                iterations,
                evaluations,
                method,
                ..out
            });
        }
        let polished = polish::polish(model, target, start, |k, r| {
            report(observer, "polish", k, to_f64(r))
        })?;
        let (status, reason) = self.judge(components, &polished, &signs)?;
        Ok(Recovery {
            x: Some(polished.x),
            method,
            iterations: iterations + polished.iterations,
            evaluations: evaluations + (polished.iterations + 1) * (d + 1),
            residual: Some(polished.residual),
            errors: Some(polished.errors),
            ..Recovery::new(status, reason)
        })
    }

    fn judge(
        &self,
        components: &Components,
        polished: &polish::Polished<T>,
        signs: &Signs,
    ) -> Result<(Status, String), Error> {
        let (residual, n) = (to_f64(polished.residual), self.model.nrows());
        let given = matches!(self.signs, SignKnowledge::Known(_));
        let slack = self.model.slack(&polished.x)?;
        let disagreement = components.first_disagreement(signs, &slack);
        if given && (disagreement.is_some() || residual > WRONG_SIGNS) {
            let row =
                disagreement.map_or(String::new(), |row| format!(" (row {} of {n})", row + 1));
            let reason = format!("no x with the signs given has these scores{row}");
            return Ok((Status::Infeasible, reason));
        }
        if !matched(polished.residual) {
            let reason = format!(
                "no x has these scores exactly: the best fit found differs by {residual:.1e}, relative"
            );
            return Ok((Status::TooNoisy, reason));
        }
        let flipped = given && signs.first_violation(&slack).is_some();
        let remark = if flipped {
            "; all slacks of a component have the opposite of the signs given"
        } else {
            ""
        };
        Ok((
            Status::Recovered,
            format!("the scores are matched to {residual:.1e}, relative{remark}"),
        ))
    }
}

impl<T: Scalar> weights::Weights<T> {
    fn verdict(&self, max_iters: usize) -> Status {
        if self.iterations >= max_iters {
            Status::NotConverged
        } else {
            Status::Infeasible
        }
    }

    fn explanation(&self) -> String {
        format!(
            "no row weights with these scores were found: {:.1e} off, relative, after {} steps",
            to_f64(self.residual),
            self.iterations
        )
    }
}
