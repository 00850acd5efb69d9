//! The one error type of the crate.

mod npy;

use std::path::PathBuf;

pub use npy::NpyFault;

/// What can be wrong with an input, named precisely enough to mend it.
///
/// Every variant says *what* quantity, *where* in it (zero-based, as the
/// library indexes) and *which value*. Stopping early is not an error: solvers
/// report that in their outcome. Through argmin the error travels inside
/// argmin's own error type and downcasts again:
/// `err.downcast_ref::<levinv::Error>()`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A vector or matrix does not have the size that the others imply.
    #[error("{what} has {found} {unit}, expected {expected}")]
    Shape {
        /// The quantity, in the crate's symbols: `b`, `x`, `target`, …
        what: &'static str,
        /// `rows`, `columns` or `entries`.
        unit: &'static str,
        /// The size that fits.
        expected: usize,
        /// The size that came.
        found: usize,
    },
    /// A matrix without rows or without columns.
    #[error("{what} is empty ({rows} rows, {columns} columns)")]
    Empty {
        /// The quantity.
        what: &'static str,
        /// Its number of rows.
        rows: usize,
        /// Its number of columns.
        columns: usize,
    },
    /// NaN or an infinity in a vector.
    #[error("{what} is not finite at index {index}: {value}")]
    NonFinite {
        /// The quantity.
        what: &'static str,
        /// Zero-based index.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// NaN or an infinity in a matrix.
    #[error("{what} is not finite at row {row}, column {column} (counted from 0): {value}")]
    NonFiniteEntry {
        /// The quantity.
        what: &'static str,
        /// Zero-based row.
        row: usize,
        /// Zero-based column.
        column: usize,
        /// The value found.
        value: f64,
    },
    /// Fewer rows than columns: no leverage scores of full rank exist.
    #[error("the design matrix has fewer rows ({rows}) than columns ({columns})")]
    TooFewRows {
        /// Rows of A.
        rows: usize,
        /// Columns of A.
        columns: usize,
    },
    /// `s_i = a_iᵀx − b_i` is zero, where the scores are not defined.
    #[error("the slack of row {row} (counted from 0) is zero")]
    ZeroSlack {
        /// Zero-based row.
        row: usize,
    },
    /// The point lies outside the objective's domain.
    #[error("outside the domain: row {row} (counted from 0) has slack {slack:e}")]
    OutsideDomain {
        /// The first row whose slack has left the cell, or is zero.
        row: usize,
        /// That row's slack.
        slack: f64,
    },
    /// The same, for an objective of one's own, in its own words.
    #[error("outside the domain: {reason}")]
    Outside {
        /// What keeps the point out.
        reason: String,
    },
    /// Columns of A depend on one another.
    #[error(
        "the design matrix has rank {rank}: column(s) {columns:?} (counted from 0) depend on the others"
    )]
    RankDeficient {
        /// The numerical rank.
        rank: usize,
        /// The dependent columns, zero-based; removing them leaves full rank.
        columns: Vec<usize>,
    },
    /// A parameter lies outside its range.
    #[error("{name} = {value} must be {range}")]
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The range, in words.
        range: &'static str,
    },
    /// An entry of a vector lies outside its range.
    #[error("{what} at index {index} is {value}, must be {range}")]
    EntryOutOfRange {
        /// The quantity.
        what: &'static str,
        /// Zero-based index.
        index: usize,
        /// The value found.
        value: f64,
        /// The range, in words.
        range: &'static str,
    },
    /// Leverage scores must sum to the number of columns.
    #[error("the scores sum to {sum}, but leverage scores of a rank-{rank} design sum to {rank}")]
    ScoreSum {
        /// Their sum.
        sum: f64,
        /// d, what they must sum to.
        rank: usize,
    },
    /// A Hessian, or a Gauss–Newton matrix, could not be inverted.
    #[error("the {what} is singular")]
    Singular {
        /// Which matrix.
        what: &'static str,
    },
    /// No point has the signs asked for.
    #[error(
        "no point of the stated box has the signs asked for: the largest common slack is {slack:e}"
    )]
    EmptyCell {
        /// The largest slack (relative to the row norms) that a point reaches.
        slack: f64,
    },
    /// An inner solver gave up.
    #[error("{what} failed: {reason}")]
    Solver {
        /// What was being solved.
        what: &'static str,
        /// The solver's own words.
        reason: String,
    },
    /// A method needs what the objective does not state.
    #[error("the objective states no {what}")]
    NotOffered {
        /// What is missing: a Hessian, a residual, a row curvature.
        what: &'static str,
    },
    /// An instance has no array of this name and kind.
    #[error("the instance has no {what} `{name}`")]
    NoSuchArray {
        /// `matrix` or `vector`.
        what: &'static str,
        /// The name asked for.
        name: String,
    },
    /// A .npy file is not what was expected, or no longer what it was.
    #[error("{}{}: {fault}", path.display(), reading_from(row))]
    Npy {
        /// The file.
        path: PathBuf,
        /// The first row (zero-based) of those that were being read or written;
        /// none while the file was opened.
        row: Option<usize>,
        /// What is wrong.
        fault: NpyFault,
    },
    /// What was to be shrunk does not fail.
    #[error("the instance does not fail, so there is nothing to shrink")]
    NothingFails,
}

impl Error {
    /// What a derivative of your own returns outside its domain, where the value
    /// is +∞: line searches and verification then step back.
    pub fn outside(reason: impl Into<String>) -> Self {
        Error::Outside {
            reason: reason.into(),
        }
    }

    /// Whether the point is to blame, and another may do: what a line search
    /// steps back from. Anything else, such as rows that cannot be read, is not
    /// to be stepped over.
    pub(crate) fn is_about_the_point(&self) -> bool {
        matches!(
            self,
            Error::OutsideDomain { .. }
                | Error::Outside { .. }
                | Error::ZeroSlack { .. }
                | Error::NonFinite { .. }
                | Error::Singular { .. }
        )
    }

    /// A stable snake_case name of the variant, for machine-readable output.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Shape { .. } => "shape",
            Error::Empty { .. } => "empty",
            Error::NonFinite { .. } | Error::NonFiniteEntry { .. } => "non_finite",
            Error::TooFewRows { .. } => "too_few_rows",
            Error::ZeroSlack { .. } => "zero_slack",
            Error::OutsideDomain { .. } | Error::Outside { .. } => "outside_domain",
            Error::RankDeficient { .. } => "rank_deficient",
            Error::OutOfRange { .. } | Error::EntryOutOfRange { .. } => "out_of_range",
            Error::ScoreSum { .. } => "score_sum",
            Error::Singular { .. } => "singular",
            Error::EmptyCell { .. } => "empty_cell",
            Error::Solver { .. } => "solver",
            Error::NotOffered { .. } => "not_offered",
            Error::NoSuchArray { .. } => "no_such_array",
            Error::Npy { fault, .. } => fault.kind(),
            Error::NothingFails => "nothing_fails",
        }
    }
}

fn reading_from(row: &Option<usize>) -> String {
    row.map_or(String::new(), |row| {
        format!(", from row {row} (counted from 0) on")
    })
}

/// A trial point: `None` where the point itself is the trouble.
pub(crate) fn trial<R>(result: Result<R, Error>) -> Result<Option<R>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_about_the_point() => Ok(None),
        Err(error) => Err(error),
    }
}
