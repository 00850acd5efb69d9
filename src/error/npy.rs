//! What can be wrong with a .npy file.

use std::io;

/// Why a .npy file is not read or written; [`Error::Npy`](super::Error::Npy) says
/// which file it is and how far reading had come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NpyFault {
    /// The system refused to read, or there is no such file.
    #[error("cannot be read: {reason}")]
    Unreadable {
        /// The kind of refusal: `NotFound` where there is no such file.
        kind: io::ErrorKind,
        /// The system's own words.
        reason: String,
    },
    /// A directory, a pipe or a device, which may never come to an end.
    #[error("not a regular file")]
    NotRegular,
    /// The beginning is not that of an array.
    #[error("not a header that NumPy writes, found {found:?}")]
    Header {
        /// The beginning, as far as a message can show it.
        found: String,
    },
    /// A declared size that is not believed.
    #[error("{declared} declared, where at most {limit} are possible")]
    TooLarge {
        /// What is declared.
        declared: String,
        /// The most that would be believed.
        limit: u64,
    },
    /// The file ends early.
    #[error("truncated, {declared} declared but only {found} found")]
    Truncated {
        /// The bytes that should be there.
        declared: u64,
        /// What is there.
        found: String,
    },
    /// The file goes on after its values.
    #[error("{bytes} bytes are surplus, after the {values} values declared")]
    Surplus {
        /// How many bytes too many.
        bytes: u64,
        /// How many values there should be.
        values: u64,
    },
    /// Values of a kind that is not read.
    #[error("{found} is not supported, only {read}")]
    Type {
        /// The kind, as the header spells it.
        found: String,
        /// The kinds that are read.
        read: &'static str,
    },
    /// An array that is no matrix.
    #[error("{found} instead of {wanted}")]
    Shape {
        /// Its dimensions, or how many there are.
        found: String,
        /// What fits.
        wanted: &'static str,
    },
    /// The file was written to after it was opened.
    #[error("changed since it was opened")]
    Changed,
    /// The system refused to write.
    #[error("cannot be written: {reason}")]
    Unwritable {
        /// The system's own words.
        reason: String,
    },
}

impl NpyFault {
    /// A stable snake_case name of the variant, for machine-readable output.
    pub fn kind(&self) -> &'static str {
        match self {
            NpyFault::Unreadable {
                kind: io::ErrorKind::NotFound,
                ..
            } => "not_found",
            NpyFault::Unreadable { .. } => "unreadable",
            NpyFault::NotRegular => "not_regular",
            NpyFault::Header { .. } => "header",
            NpyFault::TooLarge { .. } => "too_large",
            NpyFault::Truncated { .. } => "truncated",
            NpyFault::Surplus { .. } => "surplus",
            NpyFault::Type { .. } => "unsupported_type",
            NpyFault::Shape { .. } => "shape",
            NpyFault::Changed => "changed",
            NpyFault::Unwritable { .. } => "write",
        }
    }
}

impl From<io::Error> for NpyFault {
    fn from(error: io::Error) -> Self {
        NpyFault::Unreadable {
            kind: error.kind(),
            reason: error.to_string(),
        }
    }
}
