//! Every solver on every problem.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nalgebra::DVector;

use super::contender::{Contender, Ended};
use super::record::{ACCURACIES, Outcome, Record, TracePoint};
use super::task::Task;
use super::vetting::{Vetting, vet};
use crate::error::Error;
use crate::solver::{Improvement, Limits, Watched, is_panic};

/// Evaluations allowed a run: enough for every solver that converges on the
/// default suite.
pub const EVALUATIONS: u64 = 1000;
/// Time allowed a run.
pub const TIME: Duration = Duration::from_secs(10);
/// Points that a trace keeps.
const TRACE: usize = 60;

/// A comparison: solvers, problems, limits.
///
/// ```
/// use levinv::compare::{Comparison, Contender, Task};
/// use levinv::{Functions, solver::NamedSolver};
/// use nalgebra::{DVector, dmatrix, dvector};
///
/// // Rosenbrock's function.
/// let f = Functions::new(
///     2,
///     |x: &DVector<f64>| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2),
///     |x: &DVector<f64>| {
///         let t = 200.0 * (x[1] - x[0] * x[0]);
///         dvector![2.0 * (x[0] - 1.0) - 2.0 * x[0] * t, t]
///     },
/// )
/// .with_hessian(|x: &DVector<f64>| {
///     dmatrix![
///         2.0 - 400.0 * (x[1] - 3.0 * x[0] * x[0]), -400.0 * x[0];
///         -400.0 * x[0], 200.0
///     ]
/// });
/// let task = Task::second_order("rosenbrock", f, dvector![-1.2, 1.0])?.least_value(0.0);
/// let solvers = [NamedSolver::CellNewton, NamedSolver::LbfgsMoreThuente];
/// let records = Comparison::new(vec![task], solvers.map(Contender::from).to_vec()).run(|_| {});
/// assert!(records.iter().all(|record| record.has_reached(4))); // both to 1e-10
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Comparison {
    tasks: Vec<Task>,
    contenders: Vec<Contender>,
    limits: Limits,
    repeats: usize,
}

impl Comparison {
    /// All pairs, once each, within [`EVALUATIONS`] and [`TIME`].
    pub fn new(tasks: Vec<Task>, contenders: Vec<Contender>) -> Self {
        Comparison {
            tasks,
            contenders,
            limits: Limits {
                iterations: EVALUATIONS,
                evaluations: EVALUATIONS,
                time: Some(TIME),
                ..Limits::default()
            },
            repeats: 1,
        }
    }

    /// Limits of each run.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How often each run is timed. Counts are those of the first.
    #[must_use]
    pub fn repeats(mut self, repeats: usize) -> Self {
        self.repeats = repeats.max(1);
        self
    }

    /// The problems.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The solvers.
    pub fn contenders(&self) -> &[Contender] {
        &self.contenders
    }

    /// Runs all pairs, one after the other, problems outermost; `watch` sees each
    /// row as it is made. A failure, a panic or a limit is a row like any other.
    pub fn run(&self, mut watch: impl FnMut(&Record)) -> Vec<Record> {
        let mut records = Vec::new();
        for task in &self.tasks {
            let vetting = vet(task);
            for contender in &self.contenders {
                let record = self.pair(task, &vetting, contender);
                watch(&record);
                records.push(record);
            }
        }
        settle(&mut records);
        records
    }

    /// One pair. Where the problem's least value is not known, accuracies are
    /// judged by the best this run found, until [`settle`] knows better.
    pub fn pair(&self, task: &Task, vetting: &Vetting, contender: &Contender) -> Record {
        let who = (contender.name(), task);
        if let Vetting::Refused(reason) = vetting {
            return Record::without_run(who, Outcome::Refused, reason.clone());
        }
        let mut record = self.once(task, contender);
        if let Vetting::Doubtful(reason) = vetting {
            record.warning = Some(reason.clone());
        }
        for _ in 1..self.repeats {
            if !record.outcome.was_run() {
                break;
            }
            record.seconds.extend(self.once(task, contender).seconds);
        }
        record
    }

    fn once(&self, task: &Task, contender: &Contender) -> Record {
        let Limits {
            evaluations, time, ..
        } = self.limits;
        let watched = Watched::with_limits(Arc::clone(task.objective()), evaluations, time);
        let started = Instant::now();
        let run = || contender.run(&watched, task.start(), &self.limits);
        let end = catch_unwind(AssertUnwindSafe(run));
        let seconds = started.elapsed().as_secs_f64();
        let (outcome, reason, ended) = match (watched.exhausted().map(Outcome::from), end) {
            (Some(limit), _) => (limit, format!("stopped at the limit of {limit}"), None),
            (None, Err(_)) => (Outcome::Panicked, "it panicked".to_string(), None),
            (None, Ok(Ok(ended))) => (Outcome::Ended, ended.termination.clone(), Some(ended)),
            (None, Ok(Err(error))) => {
                let cause = watched.failure().or(error.downcast_ref().cloned());
                let outcome = match &cause {
                    Some(Error::NotOffered { .. }) => Outcome::NotApplicable,
                    Some(cause) if is_panic(cause) => Outcome::Panicked,
                    _ => Outcome::Failed,
                };
                (outcome, error.to_string(), None)
            }
        };
        let mut record = Record::without_run((contender.name(), task), outcome, reason);
        if outcome != Outcome::NotApplicable {
            record.seconds = vec![seconds];
            judge(&mut record, task, &watched, ended);
        }
        record
    }
}

/// Fills in what the best point is worth, as we see it.
fn judge(record: &mut Record, task: &Task, watched: &Watched<f64>, ended: Option<Ended>) {
    let f = task.objective();
    let start = task.start();
    record.counts = watched.counts();
    record.iterations = ended.as_ref().map_or(0, |e| e.iterations);
    record.start_value = f.value(start).unwrap_or(f64::NAN);
    let own = ended.and_then(|e| e.x);
    let best = watched.best().map(|(x, _)| x);
    // Of the solver's own point and the best it evaluated, the better one.
    let value = |x: &DVector<f64>| f.value(x).unwrap_or(f64::INFINITY);
    let mut trace = watched.trace();
    if let Some(x) = &own {
        let last = value(x);
        if trace.last().is_none_or(|t| last < t.value) {
            let counts = record.counts;
            trace.push(Improvement {
                counts,
                value: last,
            });
        }
    }
    let (x, least) = [own, best, Some(start.clone())]
        .into_iter()
        .flatten()
        .map(|x| {
            let v = value(&x);
            (x, v)
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or_else(|| (start.clone(), f64::INFINITY));
    record.value = least;
    let norm = |x: &DVector<f64>| f.gradient(x).map_or(f64::NAN, |g| g.norm());
    record.gradient_reduction = norm(&x) / norm(start);
    let goal = task.least().unwrap_or(least);
    record.least_value = goal;
    record.reached = ACCURACIES.map(|tau| {
        let enough = goal + tau * (record.start_value - goal);
        let first = trace.iter().find(|t| t.value <= enough);
        first.map(|t| t.counts)
    });
    record.trace = thin(&trace);
}

/// A trace of at most [`TRACE`] points, first and last among them.
fn thin(trace: &[Improvement<f64>]) -> Vec<TracePoint> {
    let n = trace.len();
    let keep = n.min(TRACE);
    (0..keep)
        .map(|k| {
            let i = if keep > 1 {
                k * (n - 1) / (keep - 1)
            } else {
                0
            };
            TracePoint {
                counts: trace[i].counts,
                value: trace[i].value,
            }
        })
        .collect()
}

/// Judges by the best value that any row has, problem by problem, where that is
/// lower than the least known.
///
/// Counts at which an accuracy was reached are then those of a point of the thinned
/// trace, too large by one of its gaps at most; with the least value known before,
/// they are exact.
pub fn settle(records: &mut [Record]) {
    let names: Vec<String> = records.iter().map(|r| r.problem.clone()).collect();
    for name in names {
        let of = |r: &&Record| r.problem == name;
        let least = records
            .iter()
            .filter(of)
            .map(|r| r.value.min(r.least_value))
            .fold(f64::INFINITY, f64::min);
        for record in records.iter_mut().filter(|r| r.problem == name) {
            // NaN is no value to be judged by.
            if !(record.least_value > least) || !record.outcome.was_run() {
                continue;
            }
            record.least_value = least;
            for (reached, tau) in record.reached.iter_mut().zip(ACCURACIES) {
                let enough = least + tau * (record.start_value - least);
                let first = record.trace.iter().find(|t| t.value <= enough);
                *reached = match (first, *reached) {
                    (None, _) => None,
                    (Some(point), Some(counts)) if point.counts.total() <= counts.total() => {
                        Some(counts)
                    }
                    (Some(point), _) => Some(point.counts),
                };
            }
        }
    }
}
