//! Errors of the command: one line each, naming file, row and value.

use std::fmt;
use std::path::{Path, PathBuf};

use levinv::Error;
use serde_json::{Map, Value, json};

use super::files::FileError;
use super::report::number;

/// One line for a person, and a kind with its places for a program.
#[derive(Debug)]
pub struct CliError {
    kind: &'static str,
    message: String,
    details: Map<String, Value>,
}

impl CliError {
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        CliError {
            kind,
            message: message.into(),
            details: Map::new(),
        }
    }

    /// A command line that clap refuses: its first paragraph on one line.
    pub fn usage(error: &clap::Error) -> Self {
        if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return CliError::new(
                "usage",
                "a command is required: evaluate, recover, verify, compare or audit (try --help)",
            );
        }
        let text = error.render().to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        let line = first.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = line.strip_prefix("error: ").unwrap_or(&line);
        CliError::new("usage", format!("{line} (try --help)"))
    }

    pub fn to_json(&self) -> Value {
        let mut object = self.details.clone();
        object.insert("kind".into(), self.kind.into());
        object.insert("message".into(), self.message.clone().into());
        json!({ "error": object })
    }

    /// With more at its end.
    pub fn with(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    pub fn detail(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.into(), value.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<FileError> for CliError {
    fn from(error: FileError) -> Self {
        CliError::new(error.kind(), error.to_string())
    }
}

/// Which file each quantity came from, so that the library's errors can name it.
#[derive(Debug, Default)]
pub struct Sources {
    pub matrix: PathBuf,
    pub rhs: PathBuf,
    /// `--at` or `--start`.
    pub point: Option<PathBuf>,
    pub target: Option<PathBuf>,
    pub ridge: Option<String>,
    pub signs: Option<String>,
}

impl Sources {
    fn of(&self, what: &str) -> String {
        let shown = |path: &Path| path.display().to_string();
        let optional = |path: &Option<PathBuf>| path.as_deref().map(shown);
        let found = match what {
            "b" => Some(shown(&self.rhs)),
            "x" | "start" => optional(&self.point),
            "target" => optional(&self.target),
            "ridge weights" => self.ridge.clone(),
            "signs" => self.signs.clone(),
            _ => Some(shown(&self.matrix)),
        };
        found.unwrap_or_else(|| what.to_string())
    }

    /// The library's error in terms of files and rows counted from 1.
    pub fn blame(&self, error: &Error) -> CliError {
        let file = |what: &str| self.of(what);
        let kind = error.kind();
        let (file, row, value, text) = match error {
            Error::Shape {
                what,
                unit,
                expected,
                found,
            } => {
                let text = format!("needs {expected} {unit}, has {found}");
                if *what == "b" {
                    // Either may be the one that is cut short.
                    let (a, b) = (file("design matrix"), file("b"));
                    let text = format!("{a} has {expected} rows, {b} {found} {unit}");
                    return CliError::new(kind, text).detail("file", b);
                }
                (file(what), None, None, text)
            }
            Error::Empty { what, .. } => (file(what), None, None, error.to_string()),
            Error::NonFinite { what, index, value } => {
                let text = format!("{what} must be finite, found {value}");
                (file(what), Some(*index), Some(*value), text)
            }
            Error::NonFiniteEntry {
                what,
                row,
                column,
                value,
            } => {
                let text = format!(
                    "{what} must be finite, found {value} in column {}",
                    column + 1
                );
                (file(what), Some(*row), Some(*value), text)
            }
            Error::EntryOutOfRange {
                what: "design matrix, column",
                index,
                value,
                range,
            } => {
                let text = format!("column {}: {} must be {range}", index + 1, number(*value));
                (file("design matrix"), None, Some(*value), text)
            }
            Error::EntryOutOfRange {
                what,
                index,
                value,
                range,
            } => (
                file(what),
                Some(*index),
                Some(*value),
                format!("{} must be {range}", number(*value)),
            ),
            Error::ScoreSum { sum, rank } => {
                let text = format!(
                    "the scores sum to {sum}, those of a design with {rank} columns sum to {rank} (to one part in a million)"
                );
                (file("target"), None, Some(*sum), text)
            }
            Error::TooFewRows { rows, columns } => {
                let text = format!("{rows} rows are fewer than {columns} columns");
                (file("design matrix"), None, None, text)
            }
            Error::ZeroSlack { row } => {
                let text = "the slack a·x - b is 0 here, where leverage scores are not defined";
                (file("x"), Some(*row), Some(0.0), text.to_string())
            }
            Error::OutsideDomain { row, slack } => {
                let text = format!(
                    "the slack a·x - b is {slack:e} here, which is not in the cell, or too near its boundary for this arithmetic"
                );
                (file("x"), Some(*row), Some(*slack), text)
            }
            Error::Npy { path, row, fault } => {
                return FileError::npy(path, *row, fault.clone()).into();
            }
            other => return CliError::new(kind, other.to_string()),
        };
        let place = row.map_or(String::new(), |row| format!(" row {}:", row + 1));
        let mut out = CliError::new(kind, format!("{file}:{place} {text}")).detail("file", file);
        if let Some(row) = row {
            out = out.detail("row", row + 1);
        }
        if let Some(value) = value {
            out = out.detail("value", value);
        }
        out
    }
    /// Columns, counted from 0, that leave the design without full rank.
    pub fn blame_columns(
        &self,
        rank: usize,
        columns: &[usize],
        is_zero: impl Fn(&usize) -> bool,
    ) -> CliError {
        let list = |columns: &[usize]| {
            let names: Vec<String> = columns.iter().map(|c| (c + 1).to_string()).collect();
            match names.as_slice() {
                [rest @ .., last] if !rest.is_empty() => {
                    format!("columns {} and {last}", rest.join(", "))
                }
                _ => format!("column {}", names.concat()),
            }
        };
        let (zero, dependent): (Vec<usize>, Vec<usize>) =
            columns.iter().copied().partition(is_zero);
        let mut parts = Vec::new();
        for (columns, one, many) in [
            (&zero, "is zero", "are zero"),
            (&dependent, "depends on the others", "depend on the others"),
        ] {
            if !columns.is_empty() {
                let says = if columns.len() == 1 { one } else { many };
                parts.push(format!("{} {says}", list(columns)));
            }
        }
        let file = self.of("design matrix");
        let text = format!("{file}: the columns have rank {rank}: {}", parts.join(", "));
        CliError::new("rank_deficient", text).detail("file", file)
    }
}
