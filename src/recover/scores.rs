//! Scores → row weights → x → polish.

use nalgebra::DVector;

use super::{
    Observer, Progress, Recovery, Status, lift, linear, matched, polish, report, stationary,
    weights,
};
use crate::error::Error;
use crate::geometry::{Model, Signs, check_vector};
use crate::objective::ScoreInversion;
use crate::scalar::{Scalar, epsilon, real, to_f64};

/// How far Σσ may lie from d, relative: rounded scores are refused here only
/// when they cannot be leverage scores at all.
pub const SUM_TOLERANCE: f64 = 1e-6;
/// Newton steps on the row weights; ten to twenty are usual.
pub const MAX_ITERS: usize = 200;
/// Rounds of signs from x and x from signs: one where the lift is exact.
const SIGN_ROUNDS: usize = 8;

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
/// an entry outside [0, 1], or with a sum further than 1e-6·d from d. That x
/// cannot be found is no error but a [`Status`].
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
        let rounding = 16.0 * to_f64(epsilon::<T>()) * (model.nrows() as f64).sqrt();
        if (sum - rank as f64).abs() > SUM_TOLERANCE.max(rounding) * rank as f64 {
            return Err(Error::ScoreSum { sum, rank });
        }
        Ok(ScoreRecovery {
            model: model.clone(),
            target,
            signs: SignKnowledge::Unknown,
            ridge: None,
            seed: 0,
            max_iters: MAX_ITERS,
            observer: None,
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
    /// regularised loss.
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
        let mut observer = self.observer.take();
        let mut found = match self.first_obstacle()? {
            Some((status, reason)) => ended(status, reason),
            None => self.recover(&mut observer)?,
        };
        if let (Some(weights), Some(x)) = (&self.ridge, &found.x) {
            let loss = ScoreInversion::new(&self.model, self.target.clone())?
                .with_ridge(weights.clone())?;
            let stationary = stationary::newton(&loss, x, self.max_iters, |k, g| {
                report(&mut observer, "ridge", k, g)
            })?;
            stationary.enter(&mut found);
            if let Some(x) = &found.x {
                let scores = self.model.at(x)?;
                found.residual = (scores.scores() - &self.target).norm() / self.target.norm();
            }
        }
        Ok(found)
    }

    /// What can be said before anything is computed.
    fn first_obstacle(&self) -> Result<Option<(Status, String)>, Error> {
        let (n, d) = (self.model.nrows(), self.model.dim());
        if n == d {
            let reason = format!("with as many rows as columns ({n}) every x has the scores 1");
            return Ok(Some((Status::Undetermined, reason)));
        }
        if self.signs == SignKnowledge::Unknown && n < lift::unknowns(d) {
            let reason = format!(
                "with the signs unknown {} rows are needed for {d} columns, there are {n}; give the signs",
                lift::unknowns(d)
            );
            let status = if n == d + 1 {
                Status::Ambiguous
            } else {
                Status::Undetermined
            };
            return Ok(Some((status, reason)));
        }
        for (i, &t) in self.target.iter().enumerate() {
            if t == T::one() {
                let reason = format!(
                    "row {i} (counted from 0) has the score 1: its slack is too small, relative to the others, to leave a trace"
                );
                return Ok(Some((Status::Undetermined, reason)));
            }
            if t == T::zero() && !self.is_zero_row(i)? {
                let reason = format!(
                    "row {i} (counted from 0) has the score 0, which no finite slack gives"
                );
                return Ok(Some((Status::Infeasible, reason)));
            }
        }
        Ok(None)
    }

    fn is_zero_row(&self, i: usize) -> Result<bool, Error> {
        let mut row = nalgebra::DMatrix::zeros(1, self.model.dim());
        self.model.design().read_rows(i, &mut row)?;
        Ok(row.iter().all(|a| *a == T::zero()))
    }

    fn recover(&self, observer: &mut Option<Observer<'_>>) -> Result<Recovery<T>, Error> {
        let (model, target) = (&self.model, &self.target);
        // σ → |s| up to a factor.
        let weights = weights::solve(model.design(), target, self.max_iters, |k, r| {
            report(observer, "weights", k, to_f64(r));
        })?;
        let (iterations, evaluations) = (weights.iterations, weights.evaluations);
        if !weights.converged {
            let mut out = ended(weights.verdict(self.max_iters), weights.explanation());
            out.residual = weights.residual;
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
        let signs = match &self.signs {
            SignKnowledge::Known(signs) => {
                method.push_str(", least squares with the given signs");
                signs.clone()
            }
            SignKnowledge::Unknown => {
                method.push_str(", lifted least squares for the signs, least squares");
                let lift = lift::solve(model, &magnitudes, self.seed)?;
                if !lift.determined {
                    let reason =
                        "the lifted system does not determine x; give the signs".to_string();
                    let out = ended(Status::Undetermined, reason);
                    return Ok(Recovery {
                        iterations,
                        evaluations,
                        method,
                        ..out
                    });
                }
                nearest_signs(&model.slack(&lift.x)?)?
            }
        };
        let (linear, signs) = self.alternate(&magnitudes, signs)?;
        let d = model.dim();
        if linear.null_space.ncols() > 0 {
            let directions = linear
                .null_space
                .column_iter()
                .map(|v| v.rows(0, d).into_owned())
                .collect();
            let reason = "b lies in the column space of A: x is known only up to a multiple of the direction given".to_string();
            let out = ended(Status::Undetermined, reason);
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
        let polished = polish::polish(model, target, start, |k, r| {
            report(observer, "polish", k, to_f64(r))
        })?;
        let (status, reason) = self.judge(&polished, &signs)?;
        Ok(Recovery {
            x: Some(polished.x),
            status,
            reason,
            method,
            iterations: iterations + polished.iterations,
            evaluations: evaluations + (polished.iterations + 1) * (d + 1),
            residual: polished.residual,
            errors: Some(polished.errors),
            directions: Vec::new(),
        })
    }

    /// The linear step; where the signs were found and not given, until they
    /// agree with those of its own solution.
    fn alternate(
        &self,
        magnitudes: &DVector<T>,
        mut signs: Signs,
    ) -> Result<(crate::linalg::LeastSquares<T>, Signs), Error> {
        let mut solution = linear::solve(&self.model, magnitudes, &signs)?;
        if matches!(self.signs, SignKnowledge::Known(_)) {
            return Ok((solution, signs));
        }
        for _ in 0..SIGN_ROUNDS {
            let x = solution.x.rows(0, self.model.dim()).into_owned();
            let next = nearest_signs(&self.model.slack(&x)?)?;
            if next == signs || next == signs.flipped() {
                break;
            }
            let other = linear::solve(&self.model, magnitudes, &next)?;
            if other.residual >= solution.residual {
                break;
            }
            (solution, signs) = (other, next);
        }
        Ok((solution, signs))
    }

    fn judge(
        &self,
        polished: &polish::Polished<T>,
        signs: &Signs,
    ) -> Result<(Status, String), Error> {
        let residual = to_f64(polished.residual);
        if !matched(polished.residual) {
            let reason = format!(
                "no x has these scores exactly: the best fit found differs by {residual:.1e}, relative"
            );
            return Ok((Status::TooNoisy, reason));
        }
        let slack = self.model.slack(&polished.x)?;
        let given = matches!(self.signs, SignKnowledge::Known(_));
        if given && signs.first_violation(&slack).is_some() {
            if signs.flipped().first_violation(&slack).is_none() {
                let reason = "the scores are matched to rounding; every slack has the opposite of the sign given".to_string();
                return Ok((Status::Recovered, reason));
            }
            let row = signs.first_violation(&slack).unwrap_or_default();
            let reason = format!(
                "the scores are matched, but not with the signs given (row {row}, counted from 0)"
            );
            return Ok((Status::Infeasible, reason));
        }
        Ok((
            Status::Recovered,
            format!("the scores are matched to {residual:.1e}, relative"),
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

/// The signs of slacks, zeros counted as positive: they are a guess.
fn nearest_signs<T: Scalar>(slack: &DVector<T>) -> Result<Signs, Error> {
    Signs::of(&slack.map(|s| if s < T::zero() { -T::one() } else { T::one() }))
}

fn ended<T: Scalar>(status: Status, reason: String) -> Recovery<T> {
    Recovery {
        x: None,
        status,
        reason,
        method: "none".into(),
        iterations: 0,
        evaluations: 0,
        residual: real(f64::NAN),
        errors: None,
        directions: Vec::new(),
    }
}
