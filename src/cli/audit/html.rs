//! An audit as one page that needs nothing else.

use levinv::audit::{Attacker, Errors, Report, Row};

use super::{plots, rows, text};
use crate::cli::page::{self, Drawn, escaped, sortable};

const UNITS: &str = "Errors of coefficients are relative to their size (where that is zero, to rms s / rms of the \
                     column), overall is their root mean square, predictions are A x, relative to the slacks \
                     s = A x − b. Lines: root mean squares to first order. Dots: root mean squares of the \
                     recoveries from targets with fresh errors. Dashes of a colour: least squares on A and b, \
                     which takes no publication. Black dashes: the tolerance.";

/// The page.
pub fn page(reports: &[Report]) -> Drawn {
    let mut body = String::from("<h1>What would a publication leak?</h1>\n");
    if let Some(r) = reports.first() {
        body.push_str(&format!(
            "<p>{} rows, {} coefficients; tolerance {}, {} trials, seed {}. levinv {}. This page \
             tells about the secret x: keep it as secret.</p>\n",
            r.shape.0,
            r.shape.1,
            r.tolerance,
            r.trials,
            r.seed,
            env!("CARGO_PKG_VERSION"),
        ));
    }
    for report in reports {
        section(&mut body, report)?;
    }
    Ok(page::document("levinv audit", &body))
}

fn section(body: &mut String, report: &Report) -> Result<(), Box<dyn std::error::Error>> {
    body.push_str(&format!(
        "<h2>{}</h2>\n<ul>\n",
        escaped(&text::heading(report))
    ));
    for sentence in report.sentences() {
        body.push_str(&format!("<li>{}</li>\n", escaped(&sentence)));
    }
    body.push_str("</ul>\n");
    body.push_str(&sortable(
        "Without the publication: least squares on A and b, and how far it is off.",
        &[
            "coefficient",
            "least squares",
            "off by, relative",
            "standard error, relative",
        ]
        .map(String::from),
        &fit(report),
    ));
    for verdict in &report.verdicts {
        let attacker = verdict.attacker;
        let figure = plots::one(report, attacker)?;
        body.push_str(&format!(
            "<h2>{}, {attacker}</h2>\n<figure>{figure}<figcaption>{}</figcaption></figure>\n",
            report.publication,
            escaped(UNITS)
        ));
        let table: Vec<Vec<String>> = report
            .rows_of(attacker)
            .map(|row| text::cells(report, row))
            .collect();
        let caption = "The smallest of predicted, simulated and typical errors; * where first order \
                       is not to be trusted; no answer and wrong signs are shares of the trials.";
        body.push_str(&sortable(caption, &text::header(report), &table));
    }
    body.push_str("<details><summary>Every number</summary>\n");
    body.push_str(&every_number(report));
    body.push_str("</details>\n");
    Ok(())
}

fn fit(report: &Report) -> Vec<Vec<String>> {
    let fit = &report.least_squares;
    let mut rows: Vec<Vec<String>> = report
        .names
        .iter()
        .enumerate()
        .map(|(j, name)| {
            let standard = fit.standard_errors.as_ref().map(|e| e[j]);
            vec![
                name.clone(),
                format!("{:.4e}", fit.x[j]),
                number(fit.errors.coefficients[j]),
                standard.map_or("–".into(), number),
            ]
        })
        .collect();
    let predictions = number(fit.errors.predictions);
    rows.push(vec![
        "predictions".into(),
        String::new(),
        predictions,
        String::new(),
    ]);
    rows
}

fn every_number(report: &Report) -> String {
    let header = [
        "attacker",
        "level",
        "ω",
        "quantity",
        "predicted",
        "simulated",
        "typical",
        "actual",
    ]
    .map(String::from);
    let of = |errors: &Option<Errors>, q: usize| {
        let value = errors.as_ref().and_then(|e| e.all().nth(q));
        value.map_or("–".into(), number)
    };
    let names = rows::quantities(report);
    let cells = |row: &Row, q: usize, name: &String| {
        vec![
            row.attacker.to_string(),
            row.level.to_string(),
            row.omega.map_or("–".into(), number),
            name.clone(),
            of(&row.predicted, q),
            of(&row.simulated, q),
            of(&row.typical, q),
            of(&row.actual, q),
        ]
    };
    let in_order = Attacker::ALL.into_iter().flat_map(|a| report.rows_of(a));
    let table: Vec<Vec<String>> = in_order
        .flat_map(|row| {
            names
                .iter()
                .enumerate()
                .map(move |(q, name)| (row, q, name))
        })
        .map(|(row, q, name)| cells(row, q, name))
        .collect();
    sortable("", &header, &table)
}

fn number(v: f64) -> String {
    format!("{v:.2e}")
}
