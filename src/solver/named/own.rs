//! The crate's own solvers.

use argmin::core::Error;

use super::{End, Limits, NamedSolver, V, run_executor};
use crate::adapter::ArgminProblem;
use crate::solver::{
    ApproximateNewton, CellNewton, GradientDescent, History, LevenbergMarquardt, LocalNewton,
    PreconditionedNewton, Stop, Watched,
};

/// Runs one of them from a start.
pub(super) fn execute(
    solver: NamedSolver,
    objective: &Watched<f64>,
    start: &V,
    limits: &Limits,
    history: &History,
) -> Result<End, Error> {
    use NamedSolver as S;
    macro_rules! run {
        ($solver:expr) => {{
            let problem = ArgminProblem::new(objective.clone());
            let start = start.clone();
            run_executor!(problem, $solver, history, limits, |s| s.param(start), |r| {
                let stop: Option<Stop> = r.solver.stop();
                let mut end = End::of(r.state);
                if let Some(stop) = stop {
                    end.termination = stop.to_string();
                }
                End { stop, ..end }
            })
        }};
    }
    match solver {
        S::CellNewton => run!(CellNewton::new()),
        S::LevenbergMarquardt => run!(LevenbergMarquardt::new()),
        S::PreconditionedNewton => run!(PreconditionedNewton::new()),
        S::ApproximateNewton => run!(ApproximateNewton::new()),
        S::LocalNewton => run!(LocalNewton::new()),
        S::GradientDescent => run!(GradientDescent::new()),
        other => Err(crate::Error::Solver {
            what: "the run",
            reason: format!("{other} is argmin's"),
        }
        .into()),
    }
}
