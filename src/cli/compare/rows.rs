//! Records as rows of a .csv file, and back.

use levinv::compare::{ACCURACIES, Outcome, Record, Task, TracePoint};
use levinv::solver::Counts;

/// What a row says of the run as a whole, so that a file is not resumed by
/// another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    pub suite: String,
    pub seed: u64,
    pub evaluations: u64,
    /// Seconds that a run may take.
    pub time: f64,
}

/// The columns before those of the accuracies.
const FIRST: [&str; 22] = [
    "suite",
    "seed",
    "limit",
    "time_limit",
    "problem",
    "family",
    "dim",
    "solver",
    "outcome",
    "reason",
    "warning",
    "start_value",
    "least_value",
    "value",
    "gradient_reduction",
    "iterations",
    "cost",
    "gradient",
    "hessian",
    "product",
    "residual",
    "jacobian",
];
const LAST: [&str; 2] = ["seconds", "trace"];

pub fn columns() -> Vec<String> {
    let first = FIRST.iter().map(|c| c.to_string());
    let reached = ACCURACIES.iter().map(|tau| format!("reached_{tau:.0e}"));
    let last = LAST.iter().map(|c| c.to_string());
    first.chain(reached).chain(last).collect()
}

fn counts(c: &Counts) -> [u64; 6] {
    [
        c.cost, c.gradient, c.hessian, c.product, c.residual, c.jacobian,
    ]
}

/// Numbers apart by blanks.
fn joined<N: ToString>(numbers: impl IntoIterator<Item = N>) -> String {
    let texts: Vec<String> = numbers.into_iter().map(|n| n.to_string()).collect();
    texts.join(" ")
}

pub fn to_row(setup: &Setup, r: &Record) -> Vec<String> {
    let mut row = vec![
        setup.suite.clone(),
        setup.seed.to_string(),
        setup.evaluations.to_string(),
        setup.time.to_string(),
        r.problem.clone(),
        r.family.clone(),
        r.dim.to_string(),
        r.solver.clone(),
        r.outcome.name().to_string(),
        r.reason.clone(),
        r.warning.clone().unwrap_or_default(),
        r.start_value.to_string(),
        r.least_value.to_string(),
        r.value.to_string(),
        r.gradient_reduction.to_string(),
        r.iterations.to_string(),
    ];
    row.extend(counts(&r.counts).map(|c| c.to_string()));
    row.extend(
        r.reached
            .iter()
            .map(|c| c.as_ref().map(|c| joined(counts(c))).unwrap_or_default()),
    );
    row.push(joined(r.seconds.iter()));
    let trace = r.trace.iter();
    row.push(joined(trace.map(|t| {
        format!(
            "{}:{}",
            counts(&t.counts).map(|c| c.to_string()).join("/"),
            t.value
        )
    })));
    row
}

/// What a whole row says of its run, even if the problem is not of this suite.
pub fn setup_of(row: &[String]) -> Option<Setup> {
    if row.len() != columns().len() {
        return None;
    }
    Some(Setup {
        suite: row[0].clone(),
        seed: row[1].parse().ok()?,
        evaluations: row[2].parse().ok()?,
        time: row[3].parse().ok()?,
    })
}

/// A row back, for a problem of the same suite.
pub fn from_row(tasks: &[Task], row: &[String]) -> Option<(Setup, Record)> {
    let setup = setup_of(row)?;
    let task = tasks.iter().find(|t| t.name() == row[4])?;
    let outcome = Outcome::ALL.into_iter().find(|o| o.name() == row[8])?;
    let mut r = Record::without_run((&row[7], task), outcome, row[9].clone());
    r.warning = Some(row[10].clone()).filter(|w| !w.is_empty());
    r.start_value = row[11].parse().ok()?;
    r.least_value = row[12].parse().ok()?;
    r.value = row[13].parse().ok()?;
    r.gradient_reduction = row[14].parse().ok()?;
    r.iterations = row[15].parse().ok()?;
    r.counts = parse_counts(&row[16..22].join(" "))?;
    for (reached, text) in r.reached.iter_mut().zip(&row[FIRST.len()..]) {
        *reached = if text.is_empty() {
            None
        } else {
            Some(parse_counts(text)?)
        };
    }
    let [seconds, trace] = [&row[row.len() - 2], &row[row.len() - 1]];
    r.seconds = numbers(seconds)?;
    let point = |text: &str| {
        let (counts, value) = text.split_once(':')?;
        Some(TracePoint {
            counts: parse_counts(&counts.replace('/', " "))?,
            value: value.parse().ok()?,
        })
    };
    r.trace = trace.split_whitespace().map(point).collect::<Option<_>>()?;
    Some((setup, r))
}

fn numbers<N: std::str::FromStr>(text: &str) -> Option<Vec<N>> {
    text.split_whitespace().map(|n| n.parse().ok()).collect()
}

fn parse_counts(text: &str) -> Option<Counts> {
    let &[cost, gradient, hessian, product, residual, jacobian] = &numbers::<u64>(text)?[..] else {
        return None;
    };
    Some(Counts {
        cost,
        gradient,
        hessian,
        product,
        residual,
        jacobian,
    })
}
