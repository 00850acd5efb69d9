//! Counting what a solver asks for, and keeping the best point it saw.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nalgebra::{DMatrix, DVector};

use super::FullObjective;
use crate::error::Error;
use crate::objective::{HasHessian, HasHessianProduct, HasJacobian, Objective, RowCurvature};
use crate::scalar::Scalar;

/// How often each quantity was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Values.
    pub cost: u64,
    /// Gradients.
    pub gradient: u64,
    /// Hessians.
    pub hessian: u64,
    /// Hessian-vector products.
    pub product: u64,
    /// Residuals.
    pub residual: u64,
    /// Jacobians.
    pub jacobian: u64,
}

impl Counts {
    /// All of them together.
    pub fn total(&self) -> u64 {
        self.cost + self.gradient + self.hessian + self.product + self.residual + self.jacobian
    }
}

/// An objective behind a counter, shared by its clones.
///
/// argmin consumes a problem, and loses it with its state when a solver fails;
/// a clone of the watched objective still knows the best point and the counts.
pub struct Watched<T: Scalar> {
    objective: Arc<dyn FullObjective<T>>,
    seen: Arc<Seen<T>>,
}

#[derive(Default)]
struct Seen<T: Scalar> {
    cost: AtomicU64,
    gradient: AtomicU64,
    hessian: AtomicU64,
    product: AtomicU64,
    residual: AtomicU64,
    jacobian: AtomicU64,
    limit: u64,
    best: Mutex<Option<(DVector<T>, T)>>,
    failure: Mutex<Option<Error>>,
}

impl<T: Scalar> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Watched {
            objective: Arc::clone(&self.objective),
            seen: Arc::clone(&self.seen),
        }
    }
}

impl<T: Scalar> Watched<T> {
    /// Watches an objective; past `limit` evaluations of all kinds together
    /// each further one is an error, which ends the solver.
    pub fn new(objective: Arc<dyn FullObjective<T>>, limit: u64) -> Self {
        let zero = AtomicU64::default;
        let seen = Seen {
            cost: zero(),
            gradient: zero(),
            hessian: zero(),
            product: zero(),
            residual: zero(),
            jacobian: zero(),
            limit,
            best: Mutex::new(None),
            failure: Mutex::new(None),
        };
        Watched {
            objective,
            seen: Arc::new(seen),
        }
    }

    /// The objective, unwatched.
    pub fn objective(&self) -> &dyn FullObjective<T> {
        &*self.objective
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            cost: of(&self.seen.cost),
            gradient: of(&self.seen.gradient),
            hessian: of(&self.seen.hessian),
            product: of(&self.seen.product),
            residual: of(&self.seen.residual),
            jacobian: of(&self.seen.jacobian),
        }
    }

    /// The point with the smallest value among those whose value was asked for.
    pub fn best(&self) -> Option<(DVector<T>, T)> {
        self.seen
            .best
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The first error that no other point would have spared: some of argmin's
    /// solvers turn it into words, or into an ordinary end.
    pub fn failure(&self) -> Option<Error> {
        let failure = self.seen.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note<R>(&self, result: Result<R, Error>) -> Result<R, Error> {
        if let Err(error) = &result
            && !error.is_about_the_point()
        {
            let failure = self.seen.failure.lock();
            failure
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert_with(|| error.clone());
        }
        result
    }

    fn count(&self, counter: impl Fn(&Seen<T>) -> &AtomicU64) -> Result<(), Error> {
        counter(&self.seen).fetch_add(1, Ordering::Relaxed);
        if self.counts().total() <= self.seen.limit {
            return Ok(());
        }
        let reason = format!("more than {} evaluations", self.seen.limit);
        Err(Error::Solver {
            what: "the run",
            reason,
        })
    }
}

impl<T: Scalar> Objective<T> for Watched<T> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn value(&self, x: &DVector<T>) -> Result<T, Error> {
        self.count(|s| &s.cost)?;
        let value = self.note(self.objective.value(x))?;
        let mut best = self
            .seen
            .best
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if best.as_ref().is_none_or(|(_, b)| value < *b) {
            *best = Some((x.clone(), value));
        }
        Ok(value)
    }

    fn gradient(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        self.count(|s| &s.gradient)?;
        self.note(self.objective.gradient(x))
    }

    fn largest_step(&self, x: &DVector<T>, step: &DVector<T>) -> Result<Option<T>, Error> {
        self.note(self.objective.largest_step(x, step))
    }

    fn metric(&self, x: &DVector<T>) -> Result<Option<DMatrix<T>>, Error> {
        self.note(self.objective.metric(x))
    }

    fn row_curvature(&self, x: &DVector<T>) -> Result<Option<RowCurvature<T>>, Error> {
        self.note(self.objective.row_curvature(x))
    }
}

impl<T: Scalar> HasHessian<T> for Watched<T> {
    fn hessian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error> {
        self.count(|s| &s.hessian)?;
        self.note(self.objective.hessian(x))
    }
}

impl<T: Scalar> HasHessianProduct<T> for Watched<T> {
    fn hessian_product(&self, x: &DVector<T>, h: &DVector<T>) -> Result<DVector<T>, Error> {
        self.count(|s| &s.product)?;
        self.note(self.objective.hessian_product(x, h))
    }
}

impl<T: Scalar> HasJacobian<T> for Watched<T> {
    fn residual(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        self.count(|s| &s.residual)?;
        self.note(self.objective.residual(x))
    }

    fn jacobian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error> {
        self.count(|s| &s.jacobian)?;
        self.note(self.objective.jacobian(x))
    }
}
