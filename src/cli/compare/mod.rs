//! `levinv compare`.

mod files;
mod html;
mod plots;
mod rows;
mod worker;

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use levinv::compare::{
    Comparison, Contender, Measure, Outcome as Ended, Prices, Record, Suite, Table, advice, settle,
};
use levinv::solver::{Limits, NamedSolver};

use super::args::CompareArgs;
use super::error::CliError;
use super::outputs::check_comparison;
use super::{DONE, Outcome};
use rows::Setup;
use worker::Worker;

/// The accuracy that profiles, ranks and advice are about: the third of five,
/// 1e-6, which first-order methods reach too.
pub const ACCURACY: usize = 2;

/// Everything that there is to report.
pub struct Report {
    pub suite: Suite,
    pub seed: u64,
    pub limits: Limits,
    pub repeats: usize,
    pub records: Vec<Record>,
    pub measure: Measure,
}

pub fn run(args: &CompareArgs) -> Result<Outcome, CliError> {
    let usage = |message: String| CliError::new("usage", message);
    check_comparison(args)?;
    let suite: Suite = args
        .suite
        .parse()
        .map_err(|e| usage(format!("--suite: {e}")))?;
    let solvers = solvers(args)?;
    let limits = Limits {
        iterations: args.evaluations,
        evaluations: args.evaluations,
        time: Some(time(args)?),
        ..Limits::default()
    };
    let measure = Measure::Evaluations(prices(args));
    measure
        .check(ACCURACY)
        .map_err(|e| CliError::new(e.kind(), e.to_string()))?;
    let tasks = suite
        .tasks(args.seed)
        .map_err(|e| CliError::new(e.kind(), e.to_string()))?;
    let contenders = solvers.iter().copied().map(Contender::from).collect();
    let comparison = Comparison::new(tasks, contenders)
        .limits(limits)
        .repeats(args.repeats as usize);
    let setup = Setup {
        suite: suite.name().to_string(),
        seed: args.seed,
        evaluations: args.evaluations,
        time: args.time_limit,
    };
    if args.worker {
        worker::serve(&comparison, &setup)?;
        return Ok(Outcome {
            text: String::new(),
            code: DONE,
        });
    }
    let (mut records, others) = all_pairs(args, &comparison, &setup)?;
    settle(&mut records);
    let report = Report {
        suite,
        seed: args.seed,
        limits,
        repeats: args.repeats as usize,
        records,
        measure,
    };
    files::write(args, &report, &others, &setup)?;
    let text = text(&report).map_err(|e| CliError::new(e.kind(), e.to_string()))?;
    Ok(Outcome { text, code: DONE })
}

fn solvers(args: &CompareArgs) -> Result<Vec<NamedSolver>, CliError> {
    let Some(names) = &args.solvers else {
        return Ok(NamedSolver::ALL.to_vec());
    };
    let mut solvers = Vec::new();
    for name in names.split(',').map(str::trim) {
        let solver: NamedSolver = name
            .parse()
            .map_err(|e| CliError::new("usage", format!("--solvers: {e}")))?;
        if solvers.contains(&solver) {
            let message = format!("--solvers: {name} is named twice");
            return Err(CliError::new("usage", message));
        }
        solvers.push(solver);
    }
    Ok(solvers)
}

fn time(args: &CompareArgs) -> Result<Duration, CliError> {
    let seconds = args.time_limit;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|t| *t > Duration::ZERO)
        .ok_or_else(|| {
            let message = format!("--time-limit {seconds}: must be a positive number of seconds");
            CliError::new("usage", message)
        })
}

fn prices(args: &CompareArgs) -> Prices {
    Prices {
        gradient: args.gradient_price,
        hessian: args.hessian_price,
        product: args.product_price,
        ..Prices::default()
    }
}

/// Every pair that is not known already, each a row of the .csv file at once; and
/// what is known of solvers that take no part.
fn all_pairs(
    args: &CompareArgs,
    comparison: &Comparison,
    setup: &Setup,
) -> Result<(Vec<Record>, Vec<Record>), CliError> {
    let (tasks, contenders) = (comparison.tasks(), comparison.contenders());
    let mut known = files::resumed(args, tasks, setup)?;
    let mut growing = files::Growing::begin(args, setup, &known)?;
    let bar = progress(tasks.len() * contenders.len());
    let program = std::env::current_exe()
        .map_err(|e| CliError::new("worker", format!("the worker process: {e}")))?;
    let patience = time(args)?.saturating_mul(args.repeats);
    let mut worker = Worker::new(program, child_arguments(args), patience);
    let mut records = Vec::new();
    for (i, task) in tasks.iter().enumerate() {
        for (j, contender) in contenders.iter().enumerate() {
            bar.set_message(format!("{} on {}", contender.name(), task.name()));
            let same = |r: &Record| r.problem == task.name() && r.solver == contender.name();
            let record = match known.iter().position(same) {
                Some(k) => known.remove(k),
                None => {
                    let record = worker.run(tasks, (i, j), contender.name())?;
                    growing.add(&record)?;
                    record
                }
            };
            records.push(record);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    // What is left besides is a pair's second row.
    known.retain(|r| contenders.iter().all(|c| c.name() != r.solver));
    Ok((records, known))
}

fn progress(pairs: usize) -> ProgressBar {
    // Hidden where standard error is no terminal.
    let bar = ProgressBar::new(pairs as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// What the child needs to build the same comparison.
fn child_arguments(args: &CompareArgs) -> Vec<String> {
    let mut out = vec!["compare".to_string(), "--worker".to_string()];
    let mut option = |name: &str, value: String| out.extend([name.to_string(), value]);
    option("--suite", args.suite.clone());
    option("--seed", args.seed.to_string());
    option("--evaluations", args.evaluations.to_string());
    option("--time-limit", args.time_limit.to_string());
    option("--repeats", args.repeats.to_string());
    if let Some(solvers) = &args.solvers {
        option("--solvers", solvers.clone());
    }
    out
}

/// Advice first, then the table, then what went wrong.
fn text(report: &Report) -> Result<String, levinv::Error> {
    let Report {
        records, measure, ..
    } = report;
    let mut out = String::new();
    for sentence in advice(records, ACCURACY, measure, report.seed)? {
        out.push_str(&sentence);
        out.push_str("\n\n");
    }
    out.push_str(&Table::of(records, ACCURACY, measure, report.seed)?.to_text());
    let lost: Vec<&Record> = records.iter().filter(|r| is_notable(r)).collect();
    if !lost.is_empty() {
        out.push_str("\nRefused, killed or broken:\n");
        for r in lost {
            out.push_str(&format!(
                "  {} on {}: {}: {}\n",
                r.solver, r.problem, r.outcome, r.reason
            ));
        }
    }
    Ok(out)
}

/// A row that says something against a solver or a problem, beyond a failure.
pub fn is_notable(record: &Record) -> bool {
    matches!(
        record.outcome,
        Ended::Refused | Ended::Killed | Ended::Panicked
    )
}
