//! Why a file was not read or written.
//!
//! Every message is one line that names the file, as far as they are known the line, row and
//! column, and the offending value. The text of a file is never passed on as it is: control
//! characters are escaped, so that a binary file given by mistake does not reach the terminal,
//! and values are cut.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use levinv::NpyFault;

/// The offending value and where it stands, counted from 1, as far as that is known. `row` counts
/// rows of data: a header or a comment moves `line` but not `row`. `name` is the column's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spot {
    pub path: PathBuf,
    pub line: Option<u64>,
    pub row: Option<u64>,
    pub column: Option<u64>,
    pub name: Option<String>,
    pub value: String,
}

impl Spot {
    pub(super) fn new(path: &Path, value: impl Into<String>) -> Box<Self> {
        let (path, value) = (path.into(), value.into());
        Box::new(Self {
            path,
            value,
            ..Self::default()
        })
    }

    pub(super) fn line(mut self: Box<Self>, line: u64) -> Box<Self> {
        self.line = Some(line);
        self
    }

    /// `row` and `column` are counted from 0 here, as everywhere but in messages.
    pub(super) fn cell(mut self: Box<Self>, row: usize, column: usize) -> Box<Self> {
        self.row = Some(row as u64 + 1);
        self.column = Some(column as u64 + 1);
        self
    }
}

/// Where it is; the value itself is shown by the message around it.
impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown(&self.path))?;
        let parts = [
            ("line", self.line),
            ("row", self.row),
            ("column", self.column),
        ];
        for (word, number) in parts {
            if let Some(number) = number {
                write!(f, ", {word} {number}")?;
            }
        }
        match &self.name {
            Some(name) => write!(f, " ({})", quoted(name)),
            None => Ok(()),
        }
    }
}

/// Why a file was not read or written. A second field of a variant is described after its `;`.
///
/// The spots are boxed because errors travel through every [`Result`] of the readers, also those
/// that succeed a million times a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Nothing stands at the path.
    #[error("{}: no such file", shown(.0))]
    NotFound(PathBuf),
    /// The system refused to read, or to give the memory that the file needs.
    #[error("{}: cannot be read: {}", shown(.0), .1)]
    Unreadable(PathBuf, #[source] io::Error),
    /// A directory, a pipe or a device.
    #[error("{}: not a regular file", shown(.0))]
    NotRegular(PathBuf),
    /// The ending is none of the three.
    #[error("{}: the format is not known by its ending, use .mtx, .csv or .npy", shown(.0))]
    UnsupportedFormat(PathBuf),
    /// A kind of matrix or of number the format has but we do not read; what we do read.
    #[error("{}: {} is not supported, only {}", .0, quoted(&.0.value), .1)]
    UnsupportedType(Box<Spot>, &'static str),
    /// The first lines do not describe a matrix; what is wrong with them.
    #[error("{}: {}, found {}", .0, .1, quoted(&.0.value))]
    Header(Box<Spot>, &'static str),
    /// The value is not what has to stand there; what that is.
    #[error("{}: {} is not {}", .0, quoted(&.0.value), .1)]
    Parse(Box<Spot>, &'static str),
    /// A field of a table that marks a value as missing.
    #[error(
        "{}: {} is a missing value, which must be removed or imputed first",
        .0, quoted(&.0.value)
    )]
    MissingValue(Box<Spot>),
    /// Nothing stands after the last separator of a line; which that is.
    #[error(
        "{}: the line ends in a {}, with a missing value behind it, which must be removed or imputed first",
        .0, .1
    )]
    LineEnd(Box<Spot>, &'static str),
    /// NaN or an infinity, or a number so large that it became one.
    #[error("{}: {} is not a finite number", .0, quoted(&.0.value))]
    NonFinite(Box<Spot>),
    /// An integer beyond 2^53 that would change when read.
    #[error("{}: {} is an integer that no f64 equals", .0, quoted(&.0.value))]
    Inexact(Box<Spot>),
    /// A table that begins with a column of names, which the matrix has no place for.
    #[error(
        "{}: {} belongs to a column of row names; write the file without them \
         (R: row.names = FALSE, pandas: index=False)",
        .0, quoted(&.0.value)
    )]
    RowNames(Box<Spot>),
    /// Wrong numbers of rows, columns or fields; the right ones.
    #[error("{}: {} instead of {}", .0, plain(&.0.value, 40), .1)]
    Shape(Box<Spot>, String),
    /// The file ends early; how much it declares.
    #[error("{}: truncated, {} declared but only {} found", .0, .1, plain(&.0.value, 40))]
    Truncated(Box<Spot>, u64),
    /// The file goes on; how many values it declares.
    #[error("{}: {} is surplus, after the {} values declared", .0, quoted(&.0.value), .1)]
    Surplus(Box<Spot>, u64),
    /// A declared size that is not believed; the largest that would be.
    #[error("{}: {} declared, where at most {} are possible", .0, plain(&.0.value, 40), .1)]
    TooLarge(Box<Spot>, u64),
    /// A row or column the matrix does not have; the last one it has.
    #[error("{}: {} is outside the declared 1 to {}", .0, plain(&.0.value, 40), .1)]
    Index(Box<Spot>, u64),
    /// An entry given twice; the line of the first.
    #[error("{}: {} repeats the entry of line {}", .0, plain(&.0.value, 40), .1)]
    Duplicate(Box<Spot>, u64),
    /// The output exists, and nothing allows to overwrite it.
    #[error("{}: exists already, and is not overwritten unless forced", shown(.0))]
    Exists(PathBuf),
    /// The file was written to while it was in use.
    #[error("{}: changed while it was in use", .0)]
    Changed(Box<Spot>),
    /// The system refused to write. No part of the output is left behind.
    #[error("{}: cannot be written: {}", shown(.0), .1)]
    Write(PathBuf, #[source] io::Error),
}

impl FileError {
    /// The kind of refusal as one stable word, for output that programs read.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound(..) => "not_found",
            Self::Unreadable(..) => "unreadable",
            Self::NotRegular(..) => "not_regular",
            Self::UnsupportedFormat(..) => "unsupported_format",
            Self::UnsupportedType(..) => "unsupported_type",
            Self::Header(..) => "header",
            Self::Parse(..) => "parse",
            Self::MissingValue(..) | Self::LineEnd(..) => "missing_value",
            Self::NonFinite(..) => "non_finite",
            Self::Inexact(..) => "inexact",
            Self::RowNames(..) => "row_names",
            Self::Shape(..) => "shape",
            Self::Truncated(..) => "truncated",
            Self::Surplus(..) => "surplus",
            Self::TooLarge(..) => "too_large",
            Self::Index(..) => "index",
            Self::Duplicate(..) => "duplicate",
            Self::Exists(..) => "exists",
            Self::Changed(..) => "changed",
            Self::Write(..) => "write",
        }
    }

    /// What the library says of a .npy file; `row` counts from 0.
    pub fn npy(path: &Path, row: Option<usize>, fault: NpyFault) -> Self {
        let spot = |value: String| {
            let mut spot = Spot::new(path, value);
            spot.row = row.map(|row| row as u64 + 1);
            spot
        };
        match fault {
            NpyFault::Unreadable {
                kind: io::ErrorKind::NotFound,
                ..
            } => Self::NotFound(path.into()),
            NpyFault::Unreadable { kind, reason } => {
                Self::Unreadable(path.into(), io::Error::new(kind, reason))
            }
            NpyFault::NotRegular => Self::NotRegular(path.into()),
            NpyFault::Header { found } => {
                Self::Header(spot(found), "not a header that NumPy writes")
            }
            NpyFault::TooLarge { declared, limit } => Self::TooLarge(spot(declared), limit),
            NpyFault::Truncated { declared, found } => Self::Truncated(spot(found), declared),
            NpyFault::Surplus { bytes, values } => {
                Self::Surplus(spot(format!("{bytes} bytes")), values)
            }
            NpyFault::Type { found, read } => Self::UnsupportedType(spot(found), read),
            NpyFault::Shape { found, wanted } => Self::Shape(spot(found), wanted.to_string()),
            NpyFault::Changed => Self::Changed(spot(String::new())),
            other => Self::Unreadable(path.into(), io::Error::other(other.to_string())),
        }
    }

    /// The file holds `rows` × `columns` values, which is not what was `wanted`.
    pub(super) fn shape(path: &Path, rows: usize, columns: usize, wanted: &str) -> Self {
        Self::Shape(
            Spot::new(path, format!("{rows} x {columns} values")),
            wanted.to_string(),
        )
    }
}

/// `text` with whatever a terminal acts on escaped, cut after `limit` characters: a binary file
/// given by mistake must not reach the terminal as it is, nor one line of it fill the screen.
fn plain(text: &str, limit: usize) -> String {
    let mut result = String::new();
    for (count, c) in text.chars().enumerate() {
        match c {
            _ if count == limit => return result + "…",
            '"' | '\'' | '\\' => result.push(c),
            _ => result.extend(c.escape_debug()),
        }
    }
    result
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", plain(value, 40))
}

/// A path is never cut: the reader of the message has to find the file.
fn shown(path: &Path) -> String {
    plain(&path.to_string_lossy(), usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_whole_place() {
        let mut spot = Spot::new(Path::new("a.csv"), "abc").line(3).cell(1, 0);
        spot.name = Some("price".to_string());
        let message = FileError::Parse(spot, "a number").to_string();
        assert_eq!(
            message,
            "a.csv, line 3, row 2, column 1 (\"price\"): \"abc\" is not a number"
        );
    }

    #[test]
    fn a_message_is_one_short_line_whatever_the_file_holds() {
        let junk = "\0\x1b[31m\r\n\u{202e}\u{9b}".repeat(50);
        let mut spot = Spot::new(Path::new("a\n.csv"), junk.as_str());
        spot.name = Some(junk);
        let message = FileError::NonFinite(spot).to_string();
        assert!(
            message.chars().all(|c| !c.is_control() && c != '\u{202e}'),
            "{message:?}"
        );
        assert!(message.starts_with("a\\n.csv ("), "{message}");
        assert!(message.chars().count() < 600, "{message}");
    }

    #[test]
    fn a_value_is_cut_after_forty_characters_and_a_path_is_not() {
        let long = "é".repeat(60);
        assert_eq!(quoted(&long), format!("\"{}…\"", "é".repeat(40)));
        assert_eq!(quoted(&"x".repeat(40)), format!("\"{}\"", "x".repeat(40)));
        assert_eq!(shown(Path::new(&long)), long);
    }
}
