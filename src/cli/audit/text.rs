//! An audit for people.

use levinv::audit::{Errors, Publication, Report, Row};

/// Coefficients in a table: of more only the one that leaks most is shown.
const SHOWN: usize = 6;

/// The findings, and a table per attacker.
pub fn of(story: &str, reports: &[Report]) -> String {
    let mut out = story.to_string();
    for (k, report) in reports.iter().enumerate() {
        if k > 0 {
            out.push('\n');
        }
        out.push_str(&format!("{}\n\n", heading(report)));
        for sentence in report.sentences() {
            out.push_str(&format!("{}\n", wrapped(&sentence)));
        }
        for verdict in &report.verdicts {
            out.push_str(&format!("\n{}:\n", verdict.attacker));
            let rows: Vec<&Row> = report.rows_of(verdict.attacker).collect();
            let header = header(report);
            let mut table = vec![base_cells(report)];
            table.extend(rows.iter().map(|row| cells(report, row)));
            out.push_str(&aligned(&header, &table));
        }
    }
    out.push_str(&format!("\n{LEGEND}"));
    out
}

const LEGEND: &str = "\
Errors are root mean squares, relative: of coefficients to their size, of predictions (A x) to the
slacks. Each is the smallest of what first order predicts for whoever finds the signs, what the
trials came to, and their 68 % quantile; * marks precisions where first order is not to be trusted.
no answer, wrong signs: shares of the trials.
";

pub fn heading(report: &Report) -> String {
    let (n, d) = report.shape;
    let what = match report.publication {
        Publication::Scores => format!("Publishing the {n} leverage scores"),
        Publication::Gradient => format!("Publishing their gradient ({d} numbers)"),
    };
    format!(
        "{what}: what leaks of {d} coefficients, in {} trials each",
        report.trials
    )
}

/// The heads of [`cells`].
pub fn header(report: &Report) -> Vec<String> {
    let kind = match (
        report.rows.first().map(|r| r.level.kind()),
        report.publication,
    ) {
        (Some("noise"), _) => "noise",
        (_, Publication::Scores) => "digits",
        (_, Publication::Gradient) => "signif. digits",
    };
    let mut out = vec![kind.to_string()];
    if report.names.len() <= SHOWN {
        out.extend(report.names.iter().cloned());
    } else {
        out.push("most exposed".into());
    }
    out.extend(
        [
            "overall",
            "predictions",
            "no answer",
            "wrong signs",
            "protected",
        ]
        .map(String::from),
    );
    out
}

/// A row of a table; the same on the page.
pub fn cells(report: &Report, row: &Row) -> Vec<String> {
    let mark = if row.linear { "" } else { "*" };
    let mut out = vec![format!("{}{mark}", row.level)];
    out.extend(numbers(report, row.judged().as_ref()));
    out.push(share(row.shares.refused + row.shares.ambiguous));
    out.push(share(row.shares.wrong_signs));
    let protected = match (report.protects(row), report.protects_the_rest(row)) {
        (true, _) => "yes",
        (false, true) => "the rest",
        (false, false) => "no",
    };
    out.push(protected.into());
    out
}

/// The row of least squares.
pub fn base_cells(report: &Report) -> Vec<String> {
    let mut out = vec!["none".to_string()];
    out.extend(numbers(report, Some(&report.least_squares.errors)));
    out.extend(["", "", "least squares"].map(String::from));
    out
}

fn numbers(report: &Report, errors: Option<&Errors>) -> Vec<String> {
    let shown = report.names.len().min(SHOWN + 1);
    let Some(errors) = errors else {
        let width = if shown > SHOWN { 1 } else { shown };
        return vec!["–".into(); width + 2];
    };
    let mut out: Vec<String> = if shown > SHOWN {
        vec![number(errors.coefficients.min())]
    } else {
        errors.coefficients.iter().copied().map(number).collect()
    };
    out.push(number(errors.overall));
    out.push(number(errors.predictions));
    out
}

fn number(v: f64) -> String {
    format!("{v:.1e}")
}

fn share(v: f64) -> String {
    format!("{:.0} %", 100.0 * v)
}

fn aligned(header: &[String], rows: &[Vec<String>]) -> String {
    let width = |k: usize| {
        let cells = rows.iter().filter_map(|r| r.get(k));
        let widest = cells.map(|c| c.chars().count()).max().unwrap_or(0);
        widest.max(header[k].chars().count())
    };
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(k, c)| format!("{c:>w$}", w = width(k)))
            .collect();
        format!("  {}\n", padded.join("  "))
    };
    let body: String = rows.iter().map(|r| line(r)).collect();
    line(header) + &body
}

/// In lines of at most a hundred characters, the first one marked.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 98;
    let mut out = String::from("-");
    let mut length = 1;
    for word in text.split_whitespace() {
        let size = word.chars().count();
        if length + 1 + size > WIDTH {
            out.push_str("\n ");
            length = 1;
        }
        out.push(' ');
        out.push_str(word);
        length += 1 + size;
    }
    out
}
