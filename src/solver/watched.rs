//! Counting what a solver asks for, stopping it, and keeping the best it saw.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nalgebra::{DMatrix, DVector};

use super::FullObjective;
use crate::error::{Error, trial};
use crate::linalg::SparseMetric;
use crate::objective::{HasHessian, HasHessianProduct, HasJacobian, Objective, RowCurvature};
use crate::scalar::Scalar;

/// How often each quantity was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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

/// A value lower than all before, and what had been evaluated by then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Improvement<T> {
    /// Evaluations so far, this one included.
    pub counts: Counts,
    /// The value.
    pub value: T,
}

/// Which limit stopped a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Exhausted {
    /// Evaluations of all kinds together.
    Evaluations,
    /// Time, looked at before each evaluation.
    Time,
}

/// An objective behind a counter, shared by its clones.
///
/// argmin consumes a problem, and loses it with its state when a solver fails;
/// a clone of the watched objective still knows the best point and the counts.
///
/// Points whose gradient or residual alone is asked for are judged by their
/// value too, without counting it: some solvers never ask for one.
pub struct Watched<T: Scalar> {
    objective: Arc<dyn FullObjective<T>>,
    seen: Arc<Seen<T>>,
}

struct Seen<T: Scalar> {
    cost: AtomicU64,
    gradient: AtomicU64,
    hessian: AtomicU64,
    product: AtomicU64,
    residual: AtomicU64,
    jacobian: AtomicU64,
    limit: u64,
    /// Begins with the first evaluation.
    deadline: OnceLock<Option<Instant>>,
    time: Option<Duration>,
    exhausted: OnceLock<Exhausted>,
    best: Mutex<Option<(DVector<T>, T)>>,
    trace: Mutex<Vec<Improvement<T>>>,
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

fn lock<R>(mutex: &Mutex<R>) -> std::sync::MutexGuard<'_, R> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Scalar> Watched<T> {
    /// Watches an objective; past `limit` evaluations of all kinds together
    /// each further one is an error, which ends the solver.
    pub fn new(objective: Arc<dyn FullObjective<T>>, limit: u64) -> Self {
        Self::with_limits(objective, limit, None)
    }

    /// The same with a limit on time from the first evaluation on.
    pub fn with_limits(
        objective: Arc<dyn FullObjective<T>>,
        limit: u64,
        time: Option<Duration>,
    ) -> Self {
        let zero = AtomicU64::default;
        let seen = Seen {
            cost: zero(),
            gradient: zero(),
            hessian: zero(),
            product: zero(),
            residual: zero(),
            jacobian: zero(),
            limit,
            deadline: OnceLock::new(),
            time,
            exhausted: OnceLock::new(),
            best: Mutex::new(None),
            trace: Mutex::new(Vec::new()),
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

    /// The point with the smallest value among those that were evaluated.
    pub fn best(&self) -> Option<(DVector<T>, T)> {
        lock(&self.seen.best).clone()
    }

    /// Every value lower than all before it, in order.
    pub fn trace(&self) -> Vec<Improvement<T>> {
        lock(&self.seen.trace).clone()
    }

    /// The limit that was exceeded, if one was.
    pub fn exhausted(&self) -> Option<Exhausted> {
        self.seen.exhausted.get().copied()
    }

    /// The first error that no other point would have spared: some of argmin's
    /// solvers turn it into words, or into an ordinary end.
    pub fn failure(&self) -> Option<Error> {
        lock(&self.seen.failure).clone()
    }

    fn note<R>(&self, result: Result<R, Error>) -> Result<R, Error> {
        if let Err(error) = &result
            && !error.is_about_the_point()
        {
            lock(&self.seen.failure).get_or_insert_with(|| error.clone());
        }
        result
    }

    fn count(&self, counter: impl Fn(&Seen<T>) -> &AtomicU64) -> Result<(), Error> {
        let stopped = |reason: String, which: Exhausted| {
            let _ = self.seen.exhausted.set(which);
            Err(Error::Solver {
                what: "the run",
                reason,
            })
        };
        let deadline = self.seen.deadline.get_or_init(|| {
            let now = Instant::now();
            self.seen.time.and_then(|t| now.checked_add(t))
        });
        if deadline.is_some_and(|d| Instant::now() > d) {
            let seconds = self.seen.time.unwrap_or_default().as_secs_f64();
            return stopped(format!("more than {seconds} s"), Exhausted::Time);
        }
        counter(&self.seen).fetch_add(1, Ordering::Relaxed);
        if self.counts().total() <= self.seen.limit {
            return Ok(());
        }
        let reason = format!("more than {} evaluations", self.seen.limit);
        stopped(reason, Exhausted::Evaluations)
    }

    fn judge(&self, x: &DVector<T>, value: T) {
        let mut best = lock(&self.seen.best);
        if best.as_ref().is_none_or(|(_, b)| value < *b) {
            *best = Some((x.clone(), value));
            let counts = self.counts();
            lock(&self.seen.trace).push(Improvement { counts, value });
        }
    }

    /// Judges a point whose value nobody asked for, as long as nobody ever has.
    fn judge_unasked(&self, x: &DVector<T>) -> Result<(), Error> {
        if self.seen.cost.load(Ordering::Relaxed) == 0
            && let Some(value) = trial(self.note(self.objective.value(x)))?
        {
            self.judge(x, value);
        }
        Ok(())
    }
}

impl<T: Scalar> Objective<T> for Watched<T> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn value(&self, x: &DVector<T>) -> Result<T, Error> {
        self.count(|s| &s.cost)?;
        let value = self.note(self.objective.value(x))?;
        self.judge(x, value);
        Ok(value)
    }

    fn gradient(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        self.count(|s| &s.gradient)?;
        let gradient = self.note(self.objective.gradient(x))?;
        self.judge_unasked(x)?;
        Ok(gradient)
    }

    fn largest_step(&self, x: &DVector<T>, step: &DVector<T>) -> Result<Option<T>, Error> {
        self.note(self.objective.largest_step(x, step))
    }

    fn metric(&self, x: &DVector<T>) -> Result<Option<DMatrix<T>>, Error> {
        self.note(self.objective.metric(x))
    }

    fn sparse_metric(&self, x: &DVector<T>) -> Result<Option<SparseMetric<T>>, Error> {
        self.note(self.objective.sparse_metric(x))
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
        let residual = self.note(self.objective.residual(x))?;
        self.judge_unasked(x)?;
        Ok(residual)
    }

    fn jacobian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error> {
        self.count(|s| &s.jacobian)?;
        self.note(self.objective.jacobian(x))
    }
}
