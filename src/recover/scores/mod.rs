//! Scores → row weights → x → polish.

pub(crate) mod flat;
pub(crate) mod gauss_newton;
pub(crate) mod linear;
pub(crate) mod loose;
pub(crate) mod obstacles;
pub(crate) mod overfull;
pub(crate) mod part;
pub(crate) mod partial;
pub(crate) mod polish;
pub(crate) mod route;
pub(crate) mod sparse;
pub(crate) mod structure;
pub(crate) mod weights;

use std::sync::Arc;

use nalgebra::DVector;

use crate::error::Error;
use crate::geometry::{Model, Signs, check_length, check_vector};
use crate::objective::Ridge;
use crate::recover::noise::noisy::NoisyScores;
use crate::recover::noise::{self, Noise, noisy_target};
use crate::recover::ridge::stationary::Regularised;
use crate::recover::scores::obstacles::{check_units, sum_tolerance};
use crate::recover::scores::route::Route;
use crate::recover::{Observer, Progress, Recovery};
use crate::scalar::{Scalar, to_f64};

/// Newton steps on the row weights; ten to twenty are usual.
pub const MAX_ITERS: usize = 200;

/// What is known of the signs of s = A x − b.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SignKnowledge {
    /// Nothing: found by exact enumeration, the lift, or a local search.
    #[default]
    Unknown,
    /// All of them, up to one common flip.
    Known(Signs),
}

/// Recovers x from the n leverage scores of the residual-scaled design.
///
/// # Method
/// Row weights by minimising a convex function (σ is its gradient); x by a
/// linear least-squares problem; where signs are unknown, found first, by trying
/// all patterns in a search that proves them unique, by a lifted linear problem,
/// or by a local search from many starts; Gauss–Newton on L_D. In neither paper: see [`notation`](crate::notation).
///
/// # What is determined
/// For generic A and b outside its column space: x, when n ≥ d + 2. With n = d
/// every x has the scores 1; with n = d + 1 and signs unknown 2^d of them fit,
/// which are listed up to 64. All this holds for each component by itself.
///
/// Designs of factors are not generic. A row that alone holds a direction of the
/// coefficients has the score 1 wherever x is and leaves them free along it; a
/// component of A whose b lies in its column space leaves x on a line. Both are
/// told with [`Status::Undetermined`](crate::recover::Status::Undetermined), the
/// directions, and an x of which the rest is right. No x has scores of which
/// some rows S have more than rank(A_S):
/// [`Status::Infeasible`](crate::recover::Status::Infeasible), with the rows. As much,
/// to rounding, where S is no union of components, is what slacks far smaller than
/// the others leave no trace in: `Undetermined`, with the rows.
///
/// # Complexity
/// Some tens of O(nd²) steps, O(nd³) for each of two to four polishing steps,
/// and for unknown signs at most 2^25 nodes of a tree, 2^21 sums a side, or the
/// lift's O(d⁶), where rows are many. Memory O(nd), and d⁴/4 numbers for the lift.
/// With known signs and n·d above 2²⁴ it is eleven vectors of n numbers beside A,
/// b and the scores among them, and no n×d matrix, unless x is so ill determined
/// that only a QR of the Jacobian keeps digits.
///
/// Where the Gram matrix is sparse, signs are known and d is 128 or more, all is done
/// by products on its pattern: see [`cost`](crate::cost). Where d is above 1000 signs
/// are not searched for, and slacks that lie too far apart for a sparse factor are
/// told: [`Status::NotConverged`](crate::recover::Status::NotConverged).
///
/// # Errors
/// [`ScoreRecovery::new`] refuses a target of the wrong length, with NaN, with
/// an entry outside [0, 1], or with a sum further than 1e-6·d from d, and A and
/// b in units in which squares overflow or vanish. That x cannot be found is no
/// error but a [`Status`](crate::recover::Status).
///
/// # Example
/// See [the module](super).
pub struct ScoreRecovery<'a, T: Scalar> {
    model: Model<T>,
    target: Arc<DVector<T>>,
    signs: SignKnowledge,
    ridge: Option<DVector<T>>,
    seed: u64,
    max_iters: usize,
    observer: Option<Observer<'a>>,
    noise: Option<Noise<T>>,
}

impl<'a, T: Scalar> ScoreRecovery<'a, T> {
    /// For n given scores, a `DVector` or one that is shared.
    ///
    /// # Errors
    /// See [`ScoreRecovery`].
    pub fn new(model: &Model<T>, target: impl Into<Arc<DVector<T>>>) -> Result<Self, Error> {
        let target = target.into();
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
    /// The end is `TooNoisy`, with the reason, where the misfit is less probable
    /// than [`IMPROBABLE`](crate::recover::IMPROBABLE) or where noise moves x so far
    /// (ω above [`TRUSTED_SCORES`](crate::recover::TRUSTED_SCORES)) that first order
    /// says nothing of it, and `Ambiguous` where other signs fit as well, with the x
    /// of each if few.
    ///
    /// Coefficients that rows of leverage 1 leave free (the only row of a factor's
    /// level), or that a component whose b lies in its column space leaves on a line,
    /// are told as without noise: `Undetermined`, the directions, infinite
    /// half-widths, and the intervals of the rest. A covariance is then restricted to
    /// the other rows; a line's direction is as good as its scores.
    ///
    /// One missing score is what the sum leaves; several are guessed, recovered,
    /// predicted and guessed again, and have no part in the misfit.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], those of [`Noise::deviations`], and
    /// an entry outside [0, 1] or a sum off d by more than
    /// [`FAR`](crate::recover::FAR) standard deviations. [`run`](Self::run) refuses a ridge
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
    /// let scores = model.at(&secret)?.scores()?.clone();
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
    pub fn noisy(
        model: &Model<T>,
        target: impl Into<Arc<DVector<T>>>,
        noise: Noise<T>,
    ) -> Result<Self, Error> {
        let target = target.into();
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
            return problem.run(&mut observer);
        }
        let signs = match &self.signs {
            SignKnowledge::Unknown => None,
            SignKnowledge::Known(signs) => Some(signs.clone()),
        };
        let route = Route {
            model: self.model.clone(),
            target: Arc::clone(&self.target),
            signs: signs.clone(),
            seed: self.seed,
            max_iters: self.max_iters,
            rows: None,
        };
        let mut found = route.run(&mut observer)?;
        if let Some(weights) = &self.ridge {
            let regularised = Regularised {
                model: &self.model,
                target: &self.target,
                weights,
                max_iters: self.max_iters,
            };
            regularised.scores(signs.as_ref(), &mut found, &mut observer)?;
        }
        Ok(found)
    }
}
