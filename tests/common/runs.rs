//! Runs of the crate's own solvers under argmin, with all that they passed.

use std::sync::{Arc, Mutex};

use argmin::core::observers::{Observe, ObserverMode};
use argmin::core::{ArgminFloat, Error, Executor, KV, Solver, State, TerminationStatus};
use levinv::adapter::ArgminProblem;
use levinv::solver::{
    ApproximateNewton, CellNewton, GradientDescent, LevenbergMarquardt, LocalNewton,
    PreconditionedNewton, SolverState, Stop,
};
use levinv::{DVector, Objective, Scalar};

/// What the crate's solvers add to argmin's.
pub trait Own {
    fn why(&self) -> Option<Stop>;
}

macro_rules! own {
    ($($solver:ident),*) => {
        $(impl<T: Scalar> Own for $solver<T> {
            fn why(&self) -> Option<Stop> {
                self.stop()
            }
        })*
    };
}
own!(
    CellNewton,
    LevenbergMarquardt,
    LocalNewton,
    GradientDescent,
    ApproximateNewton,
    PreconditionedNewton
);

/// One iteration.
#[derive(Debug, Clone)]
pub struct Passed<T: Scalar> {
    pub x: DVector<T>,
    pub value: T,
    /// Natural length of the step that led here.
    pub step: f64,
    /// ‖∇f‖ here.
    pub gradient: f64,
}

/// A run to its end.
#[derive(Debug)]
pub struct Run<T: Scalar> {
    pub stop: Option<Stop>,
    pub x: DVector<T>,
    pub value: T,
    pub iterations: u64,
    pub passed: Vec<Passed<T>>,
    pub termination: TerminationStatus,
}

impl<T: Scalar> Run<T> {
    pub fn succeeded(&self) -> bool {
        self.stop.is_some_and(Stop::is_success)
    }

    /// Iterations before the first step of at most this length.
    pub fn iterations_to(&self, step: f64) -> usize {
        let short = |p: &Passed<T>| p.step <= step;
        self.passed.iter().position(short).unwrap_or(usize::MAX)
    }
}

#[derive(Clone)]
struct Notes<T: Scalar>(Arc<Mutex<Vec<Passed<T>>>>);

impl<T: Scalar + ArgminFloat> Observe<SolverState<T>> for Notes<T> {
    fn observe_iter(&mut self, state: &SolverState<T>, kv: &KV) -> Result<(), Error> {
        let column = |name| kv.get(name).and_then(|v| v.get_float());
        self.0.lock().expect("no panic").push(Passed {
            x: state.get_param().expect("a point").clone(),
            value: state.get_cost(),
            step: column("step").expect("a column"),
            gradient: column("gradient").expect("a column"),
        });
        Ok(())
    }
}

/// From a start, for at most so many iterations.
pub fn run<T, O, S>(solver: S, f: O, start: &DVector<T>, limit: u64) -> Result<Run<T>, Error>
where
    T: Scalar + ArgminFloat,
    O: Objective<T>,
    S: Solver<ArgminProblem<T, O>, SolverState<T>> + Own,
{
    let notes = Notes(Arc::default());
    let result = Executor::new(ArgminProblem::new(f), solver)
        .configure(|state| state.param(start.clone()).max_iters(limit))
        .add_observer(notes.clone(), ObserverMode::Always)
        .run()?;
    let passed = notes.0.lock().expect("no panic").clone();
    Ok(Run {
        stop: result.solver.why(),
        x: result.state.best_param.expect("a point"),
        value: result.state.best_cost,
        iterations: result.state.iter,
        passed,
        termination: result.state.termination_status,
    })
}
