//! A solver that is compared.

use std::fmt;
use std::sync::Arc;

use argmin::core::{Error, OptimizationResult, State};
use nalgebra::DVector;

use crate::adapter::ArgminProblem;
use crate::solver::{History, Limits, NamedSolver, Watched};

type V = DVector<f64>;
type Run = dyn Fn(&Watched<f64>, &V, &Limits) -> Result<Ended, Error> + Send + Sync;

/// A solver by name, set up and ready to run on any problem.
///
/// ```
/// use argmin::core::Executor;
/// use argmin::solver::{linesearch::MoreThuenteLineSearch, quasinewton::LBFGS};
/// use levinv::compare::Contender;
/// use levinv::solver::NamedSolver;
///
/// let named = Contender::from(NamedSolver::CellNewton);
/// // Any argmin solver, set up as one likes:
/// let own = Contender::argmin("lbfgs, 20 pairs", |problem, start, limits| {
///     let solver = LBFGS::new(MoreThuenteLineSearch::new(), 20);
///     Executor::new(problem, solver)
///         .configure(|state| state.param(start).max_iters(limits.iterations))
///         .run()
///         .map(Into::into)
/// });
/// assert_eq!(own.name(), "lbfgs, 20 pairs");
/// ```
#[derive(Clone)]
pub struct Contender {
    name: String,
    run: Arc<Run>,
}

/// How a solver ended, in its own words.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Its last or best point.
    pub x: Option<V>,
    /// Its iterations.
    pub iterations: u64,
    /// Why it stopped.
    pub termination: String,
}

impl Contender {
    /// An argmin solver: the closure is given the problem, the start and the
    /// limits, and runs an executor on them.
    pub fn argmin<F>(name: impl Into<String>, run: F) -> Self
    where
        F: Fn(ArgminProblem<f64, Watched<f64>>, V, &Limits) -> Result<Ended, Error>
            + Send
            + Sync
            + 'static,
    {
        let run = move |watched: &Watched<f64>, start: &V, limits: &Limits| {
            run(ArgminProblem::new(watched.clone()), start.clone(), limits)
        };
        Contender {
            name: name.into(),
            run: Arc::new(run),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn run(
        &self,
        watched: &Watched<f64>,
        start: &V,
        limits: &Limits,
    ) -> Result<Ended, Error> {
        (self.run)(watched, start, limits)
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Contender").field(&self.name).finish()
    }
}

impl From<NamedSolver> for Contender {
    fn from(solver: NamedSolver) -> Self {
        let run = move |watched: &Watched<f64>, start: &V, limits: &Limits| {
            let run = solver.run_watched(watched, start, limits, &History::default())?;
            match (run.failure, run.error) {
                (Some(failure), _) => Err(failure.into()),
                (None, Some(reason)) => Err(crate::Error::Solver {
                    what: "the solver",
                    reason,
                }
                .into()),
                (None, None) => Ok(Ended {
                    x: Some(run.x),
                    iterations: run.iterations,
                    termination: run.termination,
                }),
            }
        };
        Contender {
            name: solver.name().to_string(),
            run: Arc::new(run),
        }
    }
}

impl<O, S, I: State<Param = V>> From<OptimizationResult<O, S, I>> for Ended {
    fn from(result: OptimizationResult<O, S, I>) -> Self {
        let state = result.state;
        Ended {
            x: state.get_best_param().or(state.get_param()).cloned(),
            iterations: state.get_iter(),
            termination: state.get_termination_status().to_string(),
        }
    }
}
