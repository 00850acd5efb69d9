//! The crate's methods as argmin solvers.

use argmin::core::{Error, IterState, KV, Problem};
use nalgebra::DVector;

use super::method::{Columns, Evaluations, Iterate, Method};
use super::stop::Stop;
use crate::adapter::ArgminProblem;
use crate::error::Error as LevinvError;
use crate::geometry::check_length;
use crate::objective::Objective;
use crate::scalar::{Scalar, to_f64};

/// argmin's state, as the crate's solvers use it: point, cost and gradient.
///
/// `best_param` is always the last point: each step is an improvement, also the
/// last ones, where the cost is flat to rounding and argmin itself would keep an
/// older point.
pub type SolverState<T> = IterState<DVector<T>, DVector<T>, (), (), (), T>;

impl<T: Scalar, O: Objective<T>> Evaluations<T, O> for Problem<ArgminProblem<T, O>> {
    fn count<R>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&O) -> Result<R, LevinvError>,
    ) -> Result<R, LevinvError> {
        *self.counts.entry(name).or_insert(0) += 1;
        let problem = self.problem.as_ref().ok_or_else(|| LevinvError::Solver {
            what: "the run",
            reason: "there is no problem".into(),
        })?;
        work(problem.objective())
    }
}

/// Value and gradient at the start.
pub(super) fn begin<T: Scalar, O: Objective<T>>(
    problem: &mut Problem<ArgminProblem<T, O>>,
    mut state: SolverState<T>,
) -> Result<SolverState<T>, Error> {
    let x = state.param.take().ok_or_else(|| LevinvError::Solver {
        what: "the run",
        reason: "no start: set `param`".into(),
    })?;
    let dim = problem.problem.as_ref().map(|p| p.objective().dim());
    check_length("start", &x, dim.unwrap_or(x.len()))?;
    // The gradient's error, where it has one, says more than a value of +∞.
    let start = problem.iterate(x)?;
    if !start.value.is_finite() {
        return Err(LevinvError::NonFinite {
            what: "the value at the start",
            index: 0,
            value: to_f64(start.value),
        }
        .into());
    }
    enter(&mut state, start);
    Ok(state)
}

/// One iteration; returns why it was the last, if it was.
pub(super) fn advance<T: Scalar, O: Objective<T>>(
    method: &mut impl Method<T, O>,
    problem: &mut Problem<ArgminProblem<T, O>>,
    mut state: SolverState<T>,
) -> Result<(SolverState<T>, KV, Option<Stop>), Error> {
    let iteration = state.iter;
    let at = match (state.param.take(), state.grad.take()) {
        (Some(x), Some(gradient)) => {
            let value = state.cost;
            Iterate { x, value, gradient }
        }
        (Some(x), None) => problem.iterate(x)?,
        (None, _) => {
            return Err(LevinvError::Solver {
                what: "the run",
                reason: "the state has lost its point".into(),
            }
            .into());
        }
    };
    let step = method.advance(problem, &at, iteration)?;
    enter(&mut state, step.next.unwrap_or(at));
    Ok((state, columns(&step.columns), step.stop))
}

fn enter<T: Scalar>(state: &mut SolverState<T>, at: Iterate<T>) {
    state.prev_cost = state.cost;
    state.prev_best_cost = state.best_cost;
    state.prev_best_param = state.best_param.take();
    state.last_best_iter = state.iter;
    (state.cost, state.best_cost) = (at.value, at.value);
    state.best_param = Some(at.x.clone());
    state.param = Some(at.x);
    state.grad = Some(at.gradient);
}

fn columns(columns: &Columns) -> KV {
    let mut kv = argmin::kv!("gradient" => columns.gradient; "step" => columns.step;);
    if let Some(rows) = columns.sample {
        kv.insert("sample", (rows as u64).into());
    }
    if let Some(inner) = columns.inner {
        kv.insert("inner", (inner as u64).into());
    }
    kv
}

/// Makes a [`Method`] of this crate a solver of argmin.
///
/// Of its type only `ending.stop` is used: why it ended, which argmin is told.
macro_rules! argmin_solver {
    ($solver:ident, $name:literal, $bound:path) => {
        impl<T, O>
            argmin::core::Solver<
                $crate::adapter::ArgminProblem<T, O>,
                $crate::solver::SolverState<T>,
            > for $solver<T>
        where
            T: $crate::Scalar + argmin::core::ArgminFloat,
            O: $bound,
        {
            fn name(&self) -> &str {
                $name
            }

            fn init(
                &mut self,
                problem: &mut argmin::core::Problem<$crate::adapter::ArgminProblem<T, O>>,
                state: $crate::solver::SolverState<T>,
            ) -> Result<
                ($crate::solver::SolverState<T>, Option<argmin::core::KV>),
                argmin::core::Error,
            > {
                self.ending.stop = None;
                Ok(($crate::solver::executor::begin(problem, state)?, None))
            }

            fn next_iter(
                &mut self,
                problem: &mut argmin::core::Problem<$crate::adapter::ArgminProblem<T, O>>,
                state: $crate::solver::SolverState<T>,
            ) -> Result<
                ($crate::solver::SolverState<T>, Option<argmin::core::KV>),
                argmin::core::Error,
            > {
                let (state, columns, stop) =
                    $crate::solver::executor::advance(self, problem, state)?;
                self.ending.stop = stop;
                Ok((state, Some(columns)))
            }

            fn terminate(
                &mut self,
                _: &$crate::solver::SolverState<T>,
            ) -> argmin::core::TerminationStatus {
                $crate::solver::executor::status(self.ending.stop)
            }
        }
    };
}
pub(super) use argmin_solver;

/// What argmin is told.
pub(super) fn status(stop: Option<Stop>) -> argmin::core::TerminationStatus {
    use argmin::core::{TerminationReason, TerminationStatus};
    match stop {
        None => TerminationStatus::NotTerminated,
        Some(stop) if stop.is_success() => {
            TerminationStatus::Terminated(TerminationReason::SolverConverged)
        }
        Some(stop) => {
            TerminationStatus::Terminated(TerminationReason::SolverExit(stop.text().into()))
        }
    }
}
