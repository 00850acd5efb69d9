//! Tables and summaries for people.

use std::fmt::Write as _;
use std::io::Write as _;

use levinv::DVector;

/// Rows of a table before the middle is left out.
const SHOWN: usize = 40;

/// Writes to standard output. A reader that went away (`| head`) is no error,
/// a full disk is.
pub fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// 1, 2, … as labels.
pub fn positions(n: usize) -> Vec<String> {
    (1..=n).map(|i| i.to_string()).collect()
}

/// A column of a table: numbers at full precision, or bounds in two digits.
pub enum Column<'a> {
    Exact(&'a str, &'a DVector<f64>),
    Bound(&'a str, &'a DVector<f64>),
}

impl Column<'_> {
    fn entry(&self, i: usize) -> String {
        match self {
            Column::Exact(_, values) => format!("{:>22}", number(values[i])),
            Column::Bound(_, values) => format!("{:>12}", format!("{:.1e}", values[i])),
        }
    }

    fn heading(&self) -> String {
        match self {
            Column::Exact(name, _) => format!("{name:>22}"),
            Column::Bound(name, _) => format!("{name:>12}"),
        }
    }
}

/// One labelled row per index, one right-aligned column per vector.
pub fn table(labels: &[String], columns: &[Column]) -> String {
    let width = labels
        .iter()
        .map(|l| l.chars().count())
        .max()
        .unwrap_or(0)
        .max(2);
    let mut out = format!("{:width$}", "");
    columns.iter().for_each(|c| {
        let _ = write!(out, "  {}", c.heading());
    });
    out.push('\n');
    for (i, label) in labels.iter().enumerate() {
        if labels.len() > SHOWN && (SHOWN / 2..labels.len() - SHOWN / 2).contains(&i) {
            if i == SHOWN / 2 {
                let _ = writeln!(out, "… {} more …", labels.len() - SHOWN);
            }
            continue;
        }
        let _ = write!(out, "{label:<width$}");
        columns.iter().for_each(|c| {
            let _ = write!(out, "  {}", c.entry(i));
        });
        out.push('\n');
    }
    out
}

/// All digits, in the shorter of plain and scientific notation.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-4..1e7).contains(&size) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

/// Smallest, median, largest and sum.
pub fn summary(mut values: Vec<f64>) -> String {
    let sum: f64 = values.iter().sum();
    if values.is_empty() {
        return "none".into();
    }
    let middle = values.len() / 2;
    let (below, &mut median, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let first = below.iter().copied().fold(median, f64::min);
    let last = above.iter().copied().fold(median, f64::max);
    format!("smallest {first:.4e}, median {median:.4e}, largest {last:.4e}, sum {sum:.6}")
}
