//! `levinv recover` on a user's own files.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use levinv::recover::{GradientRecovery, Progress, ScoreRecovery, SignKnowledge, Status};
use levinv::solver::NamedSolver;
use levinv::{DVector, Signs};

use super::args::{RecoverArgs, TargetName};
use super::error::{CliError, Sources};
use super::files::{read_vector, read_vector_with_missing, write_vector};
use super::history::{self, Row};
use super::inputs::{model, required, ridge};
use super::noise;
use super::outputs::check_outputs;
use super::problem::{Finished, Given, Problem, objective, proof};
use super::progress::Spinner;
use super::{DONE, NOT_RECOVERED, Outcome, outcome, with_solver};

pub fn run(args: &RecoverArgs) -> Result<Outcome, CliError> {
    check_outputs(args)?;
    let sources = Sources {
        matrix: args.matrix.clone().unwrap_or_default(),
        rhs: args.rhs.clone().unwrap_or_default(),
        point: args.start.clone(),
        target: args.target.clone(),
        ridge: args.ridge.clone(),
        signs: args.signs.clone(),
    };
    let solver: Option<NamedSolver> = match &args.solver {
        Some(name) => Some(
            name.parse()
                .map_err(|e: String| CliError::new("usage", format!("--solver: {e}")))?,
        ),
        None => None,
    };
    let problem = read(args, solver.is_some(), &sources)?;
    let finished = match solver {
        Some(solver) => with_solver::run(&problem, solver, args),
        None => globally(&problem, args),
    };
    let finished = finished.map_err(|e| noise::blame(&problem, &sources, &e))?;
    write_outputs(args, &finished)?;
    let text = if args.json {
        outcome::to_json(&finished)
    } else {
        outcome::to_text(&problem, &finished, args)
    };
    Ok(Outcome {
        text,
        code: exit_code(finished.recovery.status),
    })
}

pub fn exit_code(status: Status) -> u8 {
    if status.is_success() {
        DONE
    } else {
        NOT_RECOVERED
    }
}

fn read(args: &RecoverArgs, solver: bool, sources: &Sources) -> Result<Problem, CliError> {
    let blame = |error: levinv::Error| sources.blame(&error);
    let why = "to recover (without any argument a demonstration runs)";
    let name = *required(
        &args.target_name,
        "what to recover from, scores or gradient,",
        "",
    )?;
    let matrix = required(&args.matrix, "--matrix", why)?;
    let rhs = required(&args.rhs, "--rhs", why)?;
    let target = required(&args.target, "--target", why)?;
    let model = model(matrix, args.in_blocks, rhs, sources)?;
    let noise = noise::of(args, name, sources)?;
    let target = if args.allow_missing {
        read_vector_with_missing(target)
    } else {
        read_vector(target)
    };
    let target = target.map_err(|e| noise::missing(args, name, e))?;
    let start = args.start.as_deref().map(read_vector).transpose()?;
    if let Some(start) = &start {
        // Shape and values are told before anything is made of them.
        model.slack(start).map_err(blame)?;
    }
    let ridge = args
        .ridge
        .as_deref()
        .map(|r| ridge(r, model.nrows()))
        .transpose()?
        .flatten();
    if solver {
        required(&start, "--start", "with --solver")?;
    }
    let default = match name {
        TargetName::Scores if solver => "start",
        TargetName::Scores => "unknown",
        TargetName::Gradient => "positive",
    };
    let signs = match args.signs.as_deref().unwrap_or(default) {
        "positive" => Given::Known(Signs::positive(model.nrows())),
        "negative" => Given::Known(Signs::negative(model.nrows())),
        "unknown" if name == TargetName::Gradient => {
            let why = "--signs unknown: a gradient does not determine x without its cell, each bounded cell has an x of its own";
            return Err(CliError::new("usage", why));
        }
        "unknown" => Given::Unknown,
        "start" => {
            let start = required(&start, "--start", "to take the signs there")?;
            let slack = model.slack(start).map_err(blame)?;
            Given::Known(Signs::of(&slack).map_err(blame)?)
        }
        file => Given::Known(read_signs(Path::new(file))?),
    };
    Ok(Problem {
        name,
        model,
        target: target.into(),
        signs,
        start,
        ridge,
        noise,
    })
}

fn read_signs(path: &Path) -> Result<Signs, CliError> {
    if path.extension().is_none() && !path.exists() {
        let message = format!(
            "--signs {}: must be positive, negative, unknown, start or a file",
            path.display()
        );
        return Err(CliError::new("usage", message));
    }
    let values = read_vector(path)?;
    if let Some(row) = values.iter().position(|v| v.abs() != 1.0) {
        let message = format!(
            "{}: row {}: {} must be 1 or -1",
            path.display(),
            row + 1,
            values[row]
        );
        return Err(CliError::new("out_of_range", message));
    }
    Signs::of(&values).map_err(|e| CliError::new(e.kind(), e.to_string()))
}

/// The global method: no start needed.
pub fn globally(problem: &Problem, args: &RecoverArgs) -> Result<Finished, levinv::Error> {
    let started = Instant::now();
    let mut rows = Vec::new();
    let mut spinner = Spinner::new();
    let watch = |p: &Progress| {
        rows.push(Row {
            phase: p.phase.to_string(),
            iteration: p.iteration,
            measure: p.residual,
            seconds: started.elapsed().as_secs_f64(),
            ..Row::default()
        });
        spinner.tell(|| format!("{} step {}, {:.1e} left", p.phase, p.iteration, p.residual));
    };
    let Problem {
        model,
        target,
        signs,
        start,
        ridge,
        noise,
        ..
    } = problem;
    let max_iters = args.max_iters.unwrap_or(levinv::recover::MAX_ITERS);
    let recovery = match problem.name {
        TargetName::Scores => {
            let signs = match signs {
                Given::Unknown => SignKnowledge::Unknown,
                Given::Known(signs) => SignKnowledge::Known(signs.clone()),
            };
            let run = match noise {
                Some(noise) => ScoreRecovery::noisy(model, Arc::clone(target), noise.clone())?,
                None => ScoreRecovery::new(model, Arc::clone(target))?,
            };
            let mut run = run
                .signs(signs)?
                .seed(args.seed)
                .max_iters(max_iters)
                .observe(watch);
            if let Some(w) = ridge {
                run = run.ridge(w.clone());
            }
            run.run()?
        }
        TargetName::Gradient => {
            let mut run = GradientRecovery::new(model, DVector::clone(target))?
                .max_iters(max_iters)
                .observe(watch);
            if let Some(noise) = noise {
                run = run.noise(noise.clone())?;
            }
            if let Given::Known(signs) = signs {
                run = run.signs(signs.clone())?;
            }
            if let Some(x) = start {
                run = run.start(x.clone())?;
            }
            if let Some(w) = ridge {
                run = run.ridge(w.clone());
            }
            run.run()?
        }
    };
    drop(spinner);
    if problem.noise.is_some() && problem.name == TargetName::Scores {
        // The estimate minimises the weighted misfit: of the plain one it is no
        // minimiser, and there is nothing to certify.
        return Ok(Finished {
            proof: None,
            recovery,
            value: None,
            gradient_norm: None,
            counts: None,
            history: rows,
            seconds: started.elapsed().as_secs_f64(),
        });
    }
    let objective = objective(problem, false)?;
    let x = recovery.x.as_ref();
    let value = x.map(|x| objective.value(x)).transpose()?;
    let gradient_norm = x
        .map(|x| objective.gradient(x))
        .transpose()?
        .map(|g| g.norm());
    // Vectors of n numbers that the proof makes again.
    drop(objective);
    let seconds = started.elapsed().as_secs_f64();
    let proof = proof(problem, recovery.x.as_ref())?;
    Ok(Finished {
        proof,
        recovery,
        value,
        gradient_norm,
        counts: None,
        history: rows,
        seconds,
    })
}

pub fn write_outputs(args: &RecoverArgs, finished: &Finished) -> Result<(), CliError> {
    if let (Some(path), Some(x)) = (&args.out, &finished.recovery.x) {
        write_vector(path, "x", x, args.force)?;
    }
    if let Some(path) = &args.history {
        history::write_csv(path, &finished.history, args.force)?;
    }
    if let Some(path) = &args.plot {
        history::write_svg(path, &finished.history, args.force)?;
    }
    Ok(())
}
