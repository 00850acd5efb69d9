//! What happened in each iteration.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argmin::core::observers::Observe;
use argmin::core::{Error, KV, State};

/// One iteration, by argmin's solvers or ours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IterationRow {
    /// argmin's iteration counter.
    pub iteration: u64,
    /// The cost that the solver reports: f, or ‖r‖ for argmin's Gauss–Newton.
    pub cost: f64,
    /// ‖∇f‖ at the new point; by this crate's solvers only, as all below.
    pub gradient: Option<f64>,
    /// Natural length of the step.
    pub step: Option<f64>,
    /// Rows sampled.
    pub sample: Option<u64>,
    /// Inner iterations.
    pub inner: Option<u64>,
    /// Time since the run's start; since its first iteration where it was resumed
    /// from a checkpoint. argmin's own clock is off unless asked for, and one
    /// iteration behind.
    pub elapsed: Duration,
}

type Watch = Box<dyn FnMut(&IterationRow) + Send>;

/// An argmin observer that keeps a row an iteration; clones share the rows.
///
/// ```
/// use argmin::core::{Executor, observers::ObserverMode};
/// use levinv::{Model, TiltedBarrier, adapter::ArgminProblem};
/// use levinv::solver::{CellNewton, History};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0; -1.0], dvector![-1.0, -1.0])?;
/// let tilted = TiltedBarrier::new(&model, dvector![2.0])?.in_cell_of(&dvector![0.0])?;
/// let history = History::default();
/// Executor::new(ArgminProblem::new(tilted), CellNewton::new())
///     .configure(|state| state.param(dvector![0.0]))
///     .add_observer(history.clone(), ObserverMode::Always)
///     .run()?;
/// let rows = history.rows();
/// // Descending, but for the last place.
/// assert!(rows.windows(2).all(|w| w[1].cost <= w[0].cost + 1e-14));
/// assert!(rows.last().and_then(|r| r.gradient).is_some_and(|g| g < 1e-12));
/// # Ok::<(), argmin::core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct History {
    rows: Arc<Mutex<Vec<IterationRow>>>,
    started: Arc<Mutex<Option<Instant>>>,
    watch: Option<Arc<Mutex<Watch>>>,
}

impl History {
    /// Calls this for every row as well.
    pub fn watched(watch: impl FnMut(&IterationRow) + Send + 'static) -> Self {
        History {
            rows: Arc::default(),
            started: Arc::default(),
            watch: Some(Arc::new(Mutex::new(Box::new(watch)))),
        }
    }

    /// The rows so far.
    pub fn rows(&self) -> Vec<IterationRow> {
        let rows = self.rows.lock();
        rows.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, row: IterationRow) {
        if let Some(watch) = &self.watch {
            let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            watch(&row);
        }
        let rows = self.rows.lock();
        rows.unwrap_or_else(PoisonError::into_inner).push(row);
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<I: State<Float = f64>> Observe<I> for History {
    fn observe_init(&mut self, _: &str, _: &I, _: &KV) -> Result<(), Error> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        *started = Some(Instant::now());
        Ok(())
    }

    fn observe_iter(&mut self, state: &I, kv: &KV) -> Result<(), Error> {
        let float = |key| kv.get(key).and_then(|v| v.get_float());
        let whole = |key| kv.get(key).and_then(|v| v.get_uint());
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = started.get_or_insert_with(Instant::now).elapsed();
        drop(started);
        self.push(IterationRow {
            iteration: state.get_iter(),
            cost: state.get_cost(),
            gradient: float("gradient"),
            step: float("step"),
            sample: whole("sample"),
            inner: whole("inner"),
            elapsed,
        });
        Ok(())
    }
}
