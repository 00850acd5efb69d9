//! A comparison as one page that needs nothing else.

use levinv::compare::{
    ACCURACIES, Curve, LeftOut, Measure, Prices, Ranking, Record, Table, advice, bootstrap,
    data_profile, ecdf, performance_profile, stability,
};

use super::plots::{self, Axis, Scale};
use super::{ACCURACY, Report, is_notable};
use crate::cli::page::{self, escaped, sortable};

type Built<T> = Result<T, Box<dyn std::error::Error>>;

/// Solvers in the large plots: more cannot be told apart.
const LARGE: usize = 8;
/// Solvers in each plot of traces.
const TRACED: usize = 6;

/// The page.
pub fn page(report: &Report) -> Built<String> {
    let Report {
        records,
        measure,
        seed,
        ..
    } = report;
    let ranking = Ranking::of(records, ACCURACY, measure, *seed)?;
    let order: Vec<&str> = ranking.rows.iter().map(|r| r.solver.as_str()).collect();
    let mut body = String::new();
    heading(&mut body, report);
    body.push_str("<h2>Which to choose</h2>\n");
    for sentence in advice(records, ACCURACY, measure, *seed)? {
        body.push_str(&format!("<p>{}</p>\n", escaped(&sentence)));
    }
    body.push_str("<h2>Solvers</h2>\n");
    let table = Table::of(records, ACCURACY, measure, *seed)?;
    body.push_str(&sortable(&table.caption, &table.header, &table.rows));
    profiles(&mut body, report, &order)?;
    traces(&mut body, records, &order)?;
    body.push_str("<h2>Does the order hold?</h2>\n");
    let flips = stability(records, ACCURACY, measure)?;
    if flips.is_empty() {
        body.push_str("<p>Leaving out any one solver, problem or family changes neither the first nor the order of the first three.</p>\n");
    }
    let rows: Vec<Vec<String>> = flips
        .iter()
        .map(|f| {
            vec![
                left_out(&f.left_out),
                f.before.join(", "),
                f.after.join(", "),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let header = ["without", "the first three were", "and are"].map(String::from);
        body.push_str(&sortable("What changes the first three.", &header, &rows));
    }
    raw(&mut body, records);
    let title = format!("levinv compare: {}", report.suite);
    Ok(page::document(&title, &body))
}

fn left_out(what: &LeftOut) -> String {
    match what {
        LeftOut::Solver(name) => format!("the solver {name}"),
        LeftOut::Problem(name) => format!("the problem {name}"),
        LeftOut::Family(name) => format!("the family {name}"),
    }
}

fn heading(body: &mut String, report: &Report) {
    let count = |of: fn(&Record) -> &str| {
        let mut names: Vec<&str> = report.records.iter().map(of).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    };
    let (solvers, problems) = (count(|r| &r.solver), count(|r| &r.problem));
    body.push_str(&format!(
        "<h1>Solvers compared on the suite «{}»</h1>\n<p>{solvers} solvers, {problems} problems; \
         seed {}, at most {} evaluations and {} s a run, timed {} time(s). levinv {}. A value counts \
         as reached where f ≤ f* + τ(f₀ − f*); success is judged from the values that a run evaluated, not by what \
         the solver says. Unless said otherwise τ = {:.0e}. {}</p>\n",
        report.suite,
        report.seed,
        report.limits.evaluations,
        report.limits.time.map_or(f64::INFINITY, |t| t.as_secs_f64()),
        report.repeats,
        env!("CARGO_PKG_VERSION"),
        ACCURACIES[ACCURACY],
        weights(&report.measure),
    ));
}

/// What an evaluation is, without which no count can be read.
fn weights(measure: &Measure) -> String {
    match measure {
        Measure::Evaluations(prices) if *prices != Prices::default() => format!(
            "Evaluations are weighted: a gradient counts {} times a value, a Hessian {} times, a \
             Hessian product {} times.",
            prices.gradient, prices.hessian, prices.product,
        ),
        _ => "Evaluations of all kinds count alike.".to_string(),
    }
}

fn profiles(body: &mut String, report: &Report, order: &[&str]) -> Built<()> {
    let Report {
        records,
        measure,
        seed,
        ..
    } = report;
    let prices = match measure {
        Measure::Evaluations(prices) => *prices,
        Measure::Seconds => Prices::default(),
    };
    let ranked = |curves: Vec<Curve>| -> Vec<Curve> {
        let mut curves = curves;
        curves.sort_by_key(|c| order.iter().position(|s| *s == c.solver));
        curves
    };
    let profile = ranked(performance_profile(records, ACCURACY, measure)?);
    let ratio = Axis {
        x: "evaluations relative to the best solver on the problem",
        scale: Scale::Ratio,
    };
    let figure = |body: &mut String, title: &str, caption: &str, svg: String| {
        body.push_str(&format!(
            "<h2>{title}</h2>\n<figure>{svg}<figcaption>{caption}</figcaption></figure>\n"
        ));
    };
    let first = |curves: &[Curve], axis| {
        let shown: Vec<&Curve> = curves.iter().take(LARGE).collect();
        plots::shares(axis, &shown)
    };
    let svg = first(&profile, ratio)?;
    let caption = "The share of problems that a solver reached at a cost within this factor of the \
                   best (Dolan and Moré 2002). The first eight by rank; all of them below.";
    figure(body, "Performance profile", caption, svg);

    body.push_str("<h2>Performance profiles with bootstrap bands</h2>\n");
    body.push_str("<p>Bands of 95 % over other draws of problems.</p>\n<div class=\"panels\">\n");
    let bands = bootstrap(&profile, *seed);
    let last = |c: &Curve| c.points.last().map_or(1.0, |p| p.0);
    let right = profile.iter().map(last).fold(2.0, f64::max) * 1.05;
    for (curve, band) in profile.iter().zip(&bands) {
        body.push_str(&plots::panel(ratio, curve, band, right)?);
    }
    body.push_str("</div>\n");

    let data = ranked(data_profile(records, ACCURACY, &prices)?);
    let axis = Axis {
        x: "evaluations / (d + 1)",
        scale: Scale::Count,
    };
    let caption = "The share of problems reached within this many evaluations a dimension (Moré \
                   and Wild 2009). It depends on no other solver.";
    figure(body, "Data profile", caption, first(&data, axis)?);

    let runtime = ranked(ecdf(records, measure)?);
    let axis = Axis {
        x: "evaluations / d",
        scale: Scale::Count,
    };
    let caption = "The share of pairs of a problem and an accuracy, of 1e-2 to 1e-10, reached \
                   within this many evaluations a dimension.";
    figure(
        body,
        "Runtime distribution",
        caption,
        first(&runtime, axis)?,
    );
    Ok(())
}

fn traces(body: &mut String, records: &[Record], order: &[&str]) -> Built<()> {
    body.push_str("<h2>Convergence</h2>\n");
    let mut problems: Vec<&str> = Vec::new();
    for record in records {
        if !problems.contains(&record.problem.as_str()) {
            problems.push(&record.problem);
        }
    }
    for problem in problems {
        let mut of: Vec<&Record> = records
            .iter()
            .filter(|r| r.problem == problem && !r.trace.is_empty())
            .collect();
        of.sort_by_key(|r| order.iter().position(|s| *s == r.solver));
        of.truncate(TRACED);
        if of.is_empty() {
            continue;
        }
        body.push_str(&format!(
            "<details><summary>{}</summary>\n<figure>{}</figure></details>\n",
            escaped(problem),
            plots::traces(&of)?
        ));
    }
    Ok(())
}

/// What went wrong, and every row.
fn raw(body: &mut String, records: &[Record]) {
    let header = [
        "solver",
        "problem",
        "outcome",
        "best accuracy",
        "evaluations",
        "iterations",
        "‖∇f‖ / ‖∇f₀‖",
        "seconds",
        "in its own words",
    ]
    .map(String::from);
    let row = |r: &Record| {
        let best = (0..ACCURACIES.len()).rev().find(|&k| r.has_reached(k));
        let note = match &r.warning {
            Some(warning) => format!("{}; {warning}", r.reason),
            None => r.reason.clone(),
        };
        vec![
            r.solver.clone(),
            r.problem.clone(),
            r.outcome.to_string(),
            best.map_or("–".into(), |k| format!("{:.0e}", ACCURACIES[k])),
            r.counts.total().to_string(),
            r.iterations.to_string(),
            number(r.gradient_reduction),
            r.median_seconds().map_or("–".into(), number),
            note,
        ]
    };
    let notable: Vec<_> = records.iter().filter(|r| is_notable(r)).map(row).collect();
    if !notable.is_empty() {
        body.push_str("<h2>Refused, killed or broken</h2>\n");
        body.push_str(&sortable("", &header, &notable));
    }
    let rows: Vec<_> = records.iter().map(row).collect();
    body.push_str("<h2>Every run</h2>\n<details><summary>");
    body.push_str(&format!("{} rows</summary>\n", rows.len()));
    body.push_str(&sortable("", &header, &rows));
    body.push_str("</details>\n");
}

fn number(x: f64) -> String {
    if x.is_nan() {
        "–".into()
    } else {
        format!("{x:.2e}")
    }
}
