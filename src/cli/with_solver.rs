//! `levinv recover --solver NAME`: one of argmin's solvers from a start.

use std::sync::Arc;
use std::time::Instant;

use levinv::recover::{Recovery, ScoreRecovery, Status};
use levinv::solver::{ArgminSolver, SolverRun};

use super::args::{RecoverArgs, TargetName};
use super::history::Row;
use super::problem::{Finished, Problem, objective};

/// Iterations of an argmin solver: many of them never stop by themselves.
const SOLVER_ITERS: usize = 1000;
/// Evaluations of all kinds per iteration of an argmin solver, on average.
const EVALUATIONS_PER_ITER: u64 = 50;
/// How far the gradient of an argmin run may fall, relative to its start.
const SOLVER_TOLERANCE: f64 = 1e-12;

/// One of argmin's solvers from the given start.
pub fn run(
    problem: &Problem,
    solver: ArgminSolver,
    args: &RecoverArgs,
) -> Result<Finished, levinv::Error> {
    let started = Instant::now();
    if problem.name == TargetName::Scores {
        // The same refusals as without a solver.
        ScoreRecovery::new(&problem.model, problem.target.clone())?;
    }
    let Some(start) = &problem.start else {
        return Err(levinv::Error::Solver {
            what: "the run",
            reason: "no start".into(),
        });
    };
    let loss = objective(problem)?;
    let max_iters = args.max_iters.unwrap_or(SOLVER_ITERS) as u64;
    let limit = max_iters.saturating_mul(EVALUATIONS_PER_ITER);
    let run = solver.run(Arc::clone(&loss), start, max_iters, limit, SOLVER_TOLERANCE)?;
    let gradient_norm = loss.gradient(&run.x)?.norm();
    let at = problem.model.at(&run.x)?;
    let found = match problem.name {
        TargetName::Scores => at.scores().clone(),
        TargetName::Gradient => -at.apply_transposed(at.scores())?,
    };
    let size = problem.target.norm();
    let residual = (found - &problem.target).norm() / if size > 0.0 { size } else { 1.0 };
    let (status, reason) = judge(
        problem,
        &run,
        residual,
        gradient_norm,
        loss.gradient(start)?.norm(),
    );
    let rows = run.history.iter().map(|row| Row {
        phase: solver.name().to_string(),
        iteration: row.iteration as usize,
        measure: row.cost,
        seconds: row.elapsed.as_secs_f64(),
    });
    let recovery = Recovery {
        x: Some(run.x.clone()),
        status,
        reason,
        method: format!("argmin's {solver} from the given start"),
        iterations: run.iterations as usize,
        evaluations: run.counts.total() as usize,
        residual,
        errors: None,
        directions: Vec::new(),
    };
    Ok(Finished {
        recovery,
        value: Some(run.value),
        gradient_norm: Some(gradient_norm),
        counts: Some(run.counts),
        history: rows.collect(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Success is judged from the final point, not by what the solver says.
fn judge(
    problem: &Problem,
    run: &SolverRun,
    residual: f64,
    gradient: f64,
    first: f64,
) -> (Status, String) {
    /// A gradient this much smaller than at the start is taken for zero.
    const STATIONARY: f64 = 1e-8;
    let stopped = &run.termination;
    let stationary = gradient <= STATIONARY * first;
    if problem.ridge.is_some() && stationary {
        return (
            Status::Stationary,
            format!("the gradient fell to {gradient:.1e}; argmin: {stopped}"),
        );
    }
    if problem.ridge.is_none() && residual <= f64::EPSILON.sqrt() {
        return (
            Status::Recovered,
            format!("the target is matched to {residual:.1e}, relative; argmin: {stopped}"),
        );
    }
    if problem.ridge.is_none() && stationary {
        let reason = format!(
            "a stationary point that misses the target by {residual:.1e}, relative; argmin: {stopped}"
        );
        return (Status::TooNoisy, reason);
    }
    (
        Status::NotConverged,
        format!("the target is still {residual:.1e} off, relative; argmin: {stopped}"),
    )
}
