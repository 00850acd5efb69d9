//! What a recovery comes to.

use std::fmt;

use nalgebra::{DMatrix, DVector};

use crate::scalar::Scalar;

/// How a recovery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// x has the given scores, or gradient, to working precision.
    Recovered,
    /// With a ridge: a stationary point of the regularised loss, reached from the
    /// unregularised solution where there is one. The gradient is at most 1e-10 (in
    /// f64) of the size that its terms would have if they agreed in sign. Not
    /// claimed to be a global minimum.
    Stationary,
    /// Several x are as good; more has to be known.
    Ambiguous,
    /// The target does not determine x.
    Undetermined,
    /// No x has these scores, or this gradient.
    Infeasible,
    /// The target is matched only approximately: x is the least-squares fit.
    TooNoisy,
    /// The iteration limit came first.
    NotConverged,
}

impl Status {
    /// Whether x is what was asked for.
    pub fn is_success(self) -> bool {
        matches!(self, Status::Recovered | Status::Stationary)
    }

    /// The name used in machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Status::Recovered => "recovered",
            Status::Stationary => "stationary",
            Status::Ambiguous => "ambiguous",
            Status::Undetermined => "undetermined",
            Status::Infeasible => "infeasible",
            Status::TooNoisy => "too_noisy",
            Status::NotConverged => "not_converged",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a recovery found, and how sure it is.
#[derive(Debug, Clone)]
pub struct Recovery<T: Scalar> {
    /// The parameters, where the method came as far as a point.
    pub x: Option<DVector<T>>,
    /// How it ended.
    pub status: Status,
    /// One sentence on why it ended so.
    pub reason: String,
    /// What was done, in order.
    pub method: String,
    /// Steps of all phases.
    pub iterations: usize,
    /// Factorisations and n-sized products, each O(nd²).
    pub evaluations: usize,
    /// Norm of the recovered minus the given target, relative to the given one
    /// (to the size of its terms where that is zero); none without a point.
    pub residual: Option<T>,
    /// How far each parameter may be off, from the residual and from rounding,
    /// to first order; where noise was stated, the half-width of its interval, and
    /// where it does not explain the misfit, that times what would explain it;
    /// infinite where it may move along `directions`.
    pub errors: Option<DVector<T>>,
    /// Directions along which x may move without changing the target, and those of
    /// components whose coefficients were not found, if the reason says so: a basis,
    /// with exact zeros for the coefficients that it leaves alone. What is
    /// determined of x is then right in `x`.
    pub directions: Vec<DVector<T>>,
    /// Where several x are as good: how many, and all of them if few.
    pub solutions: Option<Solutions<T>>,
    /// Where there is no x: what proves it; or [`Infeasibility::Full`], which does not.
    /// With noise stated the proof is about the target as given.
    pub infeasibility: Option<Infeasibility<T>>,
    /// Where the noise of the target was stated: what it leaves uncertain.
    pub uncertainty: Option<Uncertainty<T>>,
    /// With a ridge: the smallest eigenvalue of the Hessian at x, in the units of x.
    /// Above zero x is a local minimiser, which is not to say a global one; below, a
    /// saddle, unless rounding hides the sign, which the reason tells.
    pub smallest_eigenvalue: Option<T>,
}

impl<T: Scalar> Recovery<T> {
    /// An end without a point; the rest is for the caller to fill in.
    pub fn new(status: Status, reason: String) -> Self {
        Recovery {
            x: None,
            status,
            reason,
            method: "none".into(),
            iterations: 0,
            evaluations: 0,
            residual: None,
            errors: None,
            directions: Vec::new(),
            solutions: None,
            infeasibility: None,
            uncertainty: None,
            smallest_eigenvalue: None,
        }
    }

    /// ‖errors‖ / ‖x‖: the relative error of x to expect.
    pub fn error_estimate(&self) -> Option<T> {
        let (x, errors) = (self.x.as_ref()?, self.errors.as_ref()?);
        // At x = 0 there is no relative error.
        Some(errors.norm() / x.norm()).filter(|e| e.is_finite())
    }

    /// Whether coefficient j is known: no direction moves it.
    pub fn determines(&self, j: usize) -> bool {
        self.directions.iter().all(|h| h[j] == T::zero())
    }
}

/// Several parameters with one and the same target.
#[derive(Debug, Clone)]
pub struct Solutions<T: Scalar> {
    /// log₂ of how many there are, rounded up.
    pub log2: usize,
    /// All of them, or nothing where they are too many; those that were found,
    /// where the reason says that there are at least so many.
    pub listed: Vec<DVector<T>>,
}

/// Why no x has the target, or none that it tells, in a form that can be checked
/// without trust in us.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Infeasibility<T: Scalar> {
    /// h ≠ 0 with sign(s)∘Ah ≥ 0 and cᵀh ≥ 0: V(x) − cᵀx falls for ever along h
    /// inside the cell, so that its gradient is nowhere zero.
    Recession(DVector<T>),
    /// The same, where no h of single numbers of the arithmetic exists, or none was
    /// found: h is the exact sum of these vectors, the leading one first.
    RecessionSum(Vec<DVector<T>>),
    /// Rows, in order, whose scores sum to more than the rank of their part of A.
    Overfull {
        /// Their indices, from 0.
        rows: Vec<usize>,
        /// The sum of their scores.
        sum: T,
        /// The rank of these rows of A, which no sum of scores exceeds.
        rank: usize,
    },
    /// Rows, in order, whose scores sum to their rank, to rounding, though they
    /// are no whole components: exactly so only slacks infinitely smaller than the
    /// others come to that, but to rounding any that are some 1e-8 of them. So no
    /// proof: the status is [`Status::Undetermined`].
    Full {
        /// Their indices, from 0.
        rows: Vec<usize>,
        /// The sum of their scores.
        sum: T,
        /// The rank of these rows of A.
        rank: usize,
    },
}

/// What noise in the target leaves uncertain, to first order.
#[derive(Debug, Clone)]
pub struct Uncertainty<T: Scalar> {
    /// Covariance of the recovered x, d×d; where [`Recovery::directions`] leave
    /// coefficients free, of x with these held, which is right for every aᵀx that
    /// the directions do not move.
    pub covariance: DMatrix<T>,
    /// Probability with which each interval covers its parameter, 0.95.
    pub level: f64,
    /// Half-width of each parameter's interval: infinite for one that may move
    /// along [`Recovery::directions`].
    pub half_widths: DVector<T>,
}
