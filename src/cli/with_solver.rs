//! `levinv recover --solver NAME`: a solver by name, from a start.

use std::sync::Arc;
use std::time::Instant;

use levinv::recover::{
    GradientRecovery, Recovery, ScoreRecovery, Status, relative_gradient,
    relative_gradient_by_products, score_errors,
};
use levinv::solver::{FullObjective, History, Limits, NamedSolver, SolverRun};
use levinv::{DVector, Signs, TiltedBarrier};

use super::args::{RecoverArgs, TargetName};
use super::history::Row;
use super::problem::{Finished, Given, Problem, objective, proof};
use super::progress::Spinner;

/// Evaluations of all kinds per iteration, on average.
const EVALUATIONS_PER_ITER: u64 = 50;

/// One solver from the given start.
pub fn run(
    problem: &Problem,
    solver: NamedSolver,
    args: &RecoverArgs,
) -> Result<Finished, levinv::Error> {
    let started = Instant::now();
    if problem.name == TargetName::Scores {
        // The same refusals as without a solver.
        ScoreRecovery::new(&problem.model, Arc::clone(&problem.target))?;
    }
    let Some(start) = &problem.start else {
        return Err(levinv::Error::Solver {
            what: "the run",
            reason: "no start".into(),
        });
    };
    let loss = objective(problem, true)?;
    let mut limits = Limits::default();
    if let Some(max) = args.max_iters {
        limits.iterations = max as u64;
        limits.evaluations = limits
            .iterations
            .saturating_add(1)
            .saturating_mul(EVALUATIONS_PER_ITER);
    }
    let mut spinner = Spinner::new();
    let history = History::watched(move |row| {
        spinner.tell(|| format!("{solver} step {}, cost {:.3e}", row.iteration, row.cost));
    });
    let run = solver.run(minimised(problem, solver, &loss)?, start, &limits, &history)?;
    drop(history);
    // Squares of large numbers: where they overflow the answer is no worse.
    let gradient_norm = loss.gradient(&run.x).ok().map(|g| g.norm());
    // A stationary point of L_G without a ridge is a solution, H_V being definite:
    // a gradient is matched or it is not.
    let bare = problem.name == TargetName::Gradient && problem.ridge.is_none();
    let stationarity = if bare {
        f64::INFINITY
    } else if problem.model.avoids_squares() {
        relative_gradient_by_products(&*loss, &run.x)?
    } else {
        relative_gradient(&*loss, &run.x)?
    };
    let (residual, errors, impossible) = match problem.name {
        TargetName::Scores => {
            let scores = problem.model.at(&run.x)?;
            let residual = (scores.scores()? - &*problem.target).norm() / problem.target.norm();
            (
                residual,
                score_errors(&problem.model, &problem.target, &run.x)?,
                None,
            )
        }
        TargetName::Gradient => {
            // No step of its own: only how far x may be off, or why there is none.
            let signs = Signs::of(&problem.model.slack(&run.x)?)?;
            let there = GradientRecovery::new(&problem.model, problem.target.as_ref().clone())?
                .signs(signs)?
                .start(run.x.clone())?
                .max_iters(0)
                .run()?;
            let unknown = || DVector::from_element(run.x.len(), f64::INFINITY);
            let impossible = there.infeasibility.map(|proof| (there.reason, proof));
            (
                there.residual.unwrap_or(f64::INFINITY),
                there.errors.unwrap_or_else(unknown),
                impossible.filter(|_| problem.ridge.is_none()),
            )
        }
    };
    let errors = errors.map(|e| if e.is_nan() { f64::INFINITY } else { e });
    let (status, reason, infeasibility) = match impossible {
        Some((reason, proof)) => (Status::Infeasible, reason, Some(proof)),
        None => {
            let share = share(problem, &run.x, &errors)?;
            let (status, reason) = judge(problem, &run, residual, stationarity, share);
            (status, reason, None)
        }
    };
    let rows = run.history.iter().map(|row| Row {
        phase: solver.name().to_string(),
        iteration: row.iteration as usize,
        measure: row.gradient.unwrap_or(row.cost),
        seconds: row.elapsed.as_secs_f64(),
        cost: Some(row.cost),
        gradient: row.gradient,
        step: row.step,
        sample: row.sample,
        inner: row.inner,
    });
    let whose = if solver.is_own() { "" } else { "argmin's " };
    let recovery = Recovery {
        x: Some(run.x.clone()).filter(|_| infeasibility.is_none()),
        method: format!("{whose}{solver} from the given start"),
        iterations: run.iterations as usize,
        evaluations: run.counts.total() as usize,
        residual: Some(residual),
        errors: Some(errors).filter(|_| problem.ridge.is_none()),
        infeasibility,
        ..Recovery::new(status, reason)
    };
    let seconds = started.elapsed().as_secs_f64();
    Ok(Finished {
        proof: proof(problem, recovery.x.as_ref())?,
        recovery,
        value: Some(loss.value(&run.x)?),
        gradient_norm,
        counts: Some(run.counts),
        history: rows.collect(),
        seconds,
    })
}

/// What the solver is given: the loss, or for this crate's Newton methods on a
/// bare gradient the convex function whose minimum is the same point.
fn minimised(
    problem: &Problem,
    solver: NamedSolver,
    loss: &Arc<dyn FullObjective<f64>>,
) -> Result<Arc<dyn FullObjective<f64>>, levinv::Error> {
    let convex = problem.name == TargetName::Gradient
        && problem.ridge.is_none()
        && solver.is_own()
        && solver != NamedSolver::LevenbergMarquardt;
    let Given::Known(signs) = &problem.signs else {
        return Ok(Arc::clone(loss));
    };
    if !convex {
        return Ok(Arc::clone(loss));
    }
    let tilted = TiltedBarrier::new(&problem.model, problem.target.as_ref().clone())?;
    Ok(Arc::new(tilted.in_cell(signs.clone())?))
}

/// How far x may be off, relative to x itself or, where that is small, to what
/// an entry can change by before a slack does: the centre of a symmetric cell is 0.
fn share(problem: &Problem, x: &DVector<f64>, errors: &DVector<f64>) -> Result<f64, levinv::Error> {
    let of_x = errors.norm() / x.norm();
    // √M_jj ≥ |a_ij/s_i| for all i; not √(M⁻¹)_jj, which would forgive columns
    // that nearly depend on one another.
    let lengths = problem.model.at(x)?.column_norms()?;
    let of_slacks = errors.component_mul(&lengths).max();
    Ok(if of_slacks < of_x || of_x.is_nan() {
        of_slacks
    } else {
        of_x
    })
}

/// Success is judged from the final point, not by what the solver says.
fn judge(
    problem: &Problem,
    run: &SolverRun,
    residual: f64,
    stationarity: f64,
    error: f64,
) -> (Status, String) {
    /// A residual says little about x where columns nearly depend on one
    /// another: x must be sure to five digits as well.
    const SURE: f64 = 1e-5;
    let stationary = stationarity <= f64::EPSILON.sqrt();
    let stopped = &run.termination;
    let (status, reason) = if problem.ridge.is_some() && stationary {
        (
            Status::Stationary,
            format!("the relative gradient fell to {stationarity:.1e}"),
        )
    } else if problem.ridge.is_some() {
        (
            Status::NotConverged,
            format!("the relative gradient is still {stationarity:.1e}"),
        )
    } else if residual <= f64::EPSILON.sqrt() && error <= SURE {
        (
            Status::Recovered,
            format!("the target is matched to {residual:.1e}, relative"),
        )
    } else if residual > f64::EPSILON.sqrt() && stationary {
        (
            Status::TooNoisy,
            format!("a stationary point that misses the target by {residual:.1e}, relative"),
        )
    } else if residual <= f64::EPSILON.sqrt() && error.is_infinite() {
        let reason =
            format!("the target is matched to {residual:.1e}, relative, but does not determine x");
        (Status::Undetermined, reason)
    } else {
        let reason =
            format!("the target is {residual:.1e} off and x by about {error:.1e}, relative");
        (Status::NotConverged, reason)
    };
    // A line search that finds nothing lower at the solution has failed nobody.
    let failed = run.error.is_some() || stopped.starts_with("Line search");
    let stopped = if status.is_success() && failed {
        "the solver stopped there".to_string()
    } else {
        format!("the solver stopped: {stopped}")
    };
    (status, format!("{reason}; {stopped}"))
}
