//! The comparison as a table.

use super::grid::Grid;
use super::measure::Measure;
use super::ranking::{Ranked, Ranking};
use super::record::{ACCURACIES, Record};
use super::words::{accuracy as tau, count, number, outcomes, percent, quantile};
use crate::error::Error;

/// What stands where there is no value.
const NOTHING: &str = "–";

/// A row for each solver, in the order of the [`Ranking`]: its rank with the
/// bootstrap's interval, the share of problems solved to each of [`ACCURACIES`],
/// then, over the problems solved to the accuracy of the ranking, the median of
/// weighted evaluations and of seconds, with quartiles; and how it failed on the
/// others.
///
/// # Example
/// ```
/// use levinv::compare::{Measure, Outcome, Record, Table, Task};
/// # use levinv::{DVector, Functions, solver::Counts};
/// # let row = |solver: &str, problem: &str, cost: Option<u64>| -> Result<Record, levinv::Error> {
/// #     let f = Functions::new(1, |x: &DVector<f64>| x.norm_squared(), |x: &DVector<f64>| 2.0 * x);
/// #     let task = Task::first_order(problem, f, DVector::zeros(1))?;
/// #     let mut row = Record::without_run((solver, &task), Outcome::Failed, String::new());
/// #     row.reached = std::array::from_fn(|k| cost.filter(|_| k < 3).map(|cost| Counts { cost, ..Counts::default() }));
/// #     Ok(row)
/// # };
/// let records = [row("a", "p", Some(20))?, row("b", "p", Some(10))?, row("a", "q", Some(50))?, row("b", "q", None)?];
/// let table = Table::of(&records, 2, &Measure::default(), 0)?;
/// assert_eq!(
///     table.to_text(),
///     "\
/// rank     solver   1e-2   1e-4   1e-6  1e-8  1e-10  evaluations  seconds  failures
/// 1 (1–2)  a       100 %  100 %  100 %   0 %    0 %           35  –        –
/// 2 (1–2)  b        50 %   50 %   50 %   0 %    0 %           10  –        1 failed
/// "
/// );
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Table {
    /// What the columns show.
    pub caption: String,
    /// The titles of the columns.
    pub header: Vec<String>,
    /// The solvers, best first: a cell for each column.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Makes it. Evaluations are at the measure's prices, or as counted.
    ///
    /// # Errors
    /// As for [`Ranking::of`], and its complexity.
    pub fn of(
        records: &[Record],
        accuracy: usize,
        measure: &Measure,
        seed: u64,
    ) -> Result<Self, Error> {
        measure.check(accuracy)?;
        let grid = Grid::of(records);
        let ranking = Ranking::of_grid(&grid, accuracy, measure, seed);
        let evaluations = grid.costs(accuracy, &Measure::Evaluations(measure.prices()));
        let seconds = grid.costs(accuracy, &Measure::Seconds);
        let row = |row: &Ranked| {
            let s = grid.solvers.iter().position(|name| *name == row.solver);
            let of = |costs: &[Vec<Option<f64>>]| -> Vec<f64> {
                s.map_or(Vec::new(), |s| costs[s].iter().flatten().copied().collect())
            };
            let mut cells = vec![
                format!("{} ({}–{})", row.rank, row.interval.0, row.interval.1),
                row.solver.clone(),
            ];
            cells.extend(row.success.map(percent));
            cells.push(quantile(&of(&evaluations), 0.5).map_or(NOTHING.to_string(), number));
            cells.push(with_quartiles(&of(&seconds)));
            let failures = outcomes(&row.failures);
            cells.push(if failures.is_empty() {
                NOTHING.to_string()
            } else {
                failures
            });
            cells
        };
        let mut header = vec!["rank".to_string(), "solver".to_string()];
        header.extend((0..ACCURACIES.len()).map(tau));
        header.extend(["evaluations", "seconds", "failures"].map(String::from));
        Ok(Table {
            caption: format!(
                "Share of {} solved to each accuracy; medians (quartiles) of evaluations and \
                 seconds, over the problems that a solver solved to {}, and its failures on \
                 the others; ranks with 95 % bootstrap intervals.",
                count(ranking.problems, "problem", "problems"),
                tau(accuracy),
            ),
            header,
            rows: ranking.rows.iter().map(row).collect(),
        })
    }

    /// Whether a column holds numbers, which stand to the right.
    fn is_right(column: usize) -> bool {
        (2..3 + ACCURACIES.len()).contains(&column)
    }

    /// Columns aligned by spaces, without the caption.
    pub fn to_text(&self) -> String {
        let lines = self.aligned(plain);
        lines
            .iter()
            .map(|cells| cells.join("  ").trim_end().to_string() + "\n")
            .collect()
    }

    /// A table as GitHub's Markdown has it, without the caption.
    pub fn to_markdown(&self) -> String {
        let mut lines = self.aligned(markdown).into_iter();
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let Some(header) = lines.next() else {
            return String::new();
        };
        let rule = |(k, cell): (usize, &String)| {
            let dashes = "-".repeat(cell.chars().count().saturating_sub(1));
            if Self::is_right(k) {
                dashes + ":"
            } else {
                dashes + "-"
            }
        };
        let rules = header.iter().enumerate().map(rule).collect();
        [header, rules].into_iter().chain(lines).map(line).collect()
    }

    /// A plain `tabular` without packages, without the caption.
    pub fn to_latex(&self) -> String {
        let columns = (0..self.header.len()).map(|k| if Self::is_right(k) { 'r' } else { 'l' });
        let columns: String = columns.collect();
        let mut text = format!("\\begin{{tabular}}{{{columns}}}\n\\hline\n");
        for (k, cells) in self.aligned(latex).iter().enumerate() {
            let rule = if k == 0 { "\\hline\n" } else { "" };
            text.push_str(&format!("{} \\\\\n{rule}", cells.join(" & ").trim_end()));
        }
        text + "\\hline\n\\end{tabular}\n"
    }

    /// Header and rows, escaped and padded to the width of their columns.
    fn aligned(&self, escape: fn(&str) -> String) -> Vec<Vec<String>> {
        let lines = [&self.header].into_iter().chain(&self.rows);
        let lines: Vec<Vec<String>> = lines
            .map(|cells| cells.iter().map(|cell| escape(cell)).collect())
            .collect();
        let width = |k: usize| {
            let cells = lines.iter().filter_map(|cells| cells.get(k));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let pad = |(k, cell): (usize, &String)| {
            let width = widths.get(k).copied().unwrap_or(0);
            if Self::is_right(k) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        };
        let padded = |cells: &Vec<String>| cells.iter().enumerate().map(pad).collect();
        lines.iter().map(padded).collect()
    }
}

fn with_quartiles(values: &[f64]) -> String {
    let at = |level: f64| quantile(values, level).map(number);
    match (at(0.5), at(0.25), at(0.75)) {
        (Some(median), Some(lower), Some(upper)) => format!("{median} ({lower}–{upper})"),
        _ => NOTHING.to_string(),
    }
}

/// Whatever would break a line is a space.
fn plain(cell: &str) -> String {
    cell.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn markdown(cell: &str) -> String {
    let mut text = String::new();
    for c in plain(cell).chars() {
        if "\\|*_`<>[]&~".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn latex(cell: &str) -> String {
    let mut text = String::new();
    for c in plain(cell).chars() {
        match c {
            '_' | '&' | '%' | '#' | '$' | '{' | '}' => {
                text.push('\\');
                text.push(c);
            }
            '\\' => text.push_str("\\textbackslash{}"),
            '~' => text.push_str("\\textasciitilde{}"),
            '^' => text.push_str("\\textasciicircum{}"),
            // In the oldest font encoding these are other characters.
            '|' => text.push_str("\\textbar{}"),
            '<' => text.push_str("\\textless{}"),
            '>' => text.push_str("\\textgreater{}"),
            '–' => text.push_str("--"),
            _ => text.push(c),
        }
    }
    text
}
