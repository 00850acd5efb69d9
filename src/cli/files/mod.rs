//! Matrices and vectors read from files, and vectors written to them.
//!
//! The ending decides the format, in upper or lower case: `.mtx` is Matrix Market (`mtx`), `.csv`
//! a table of numbers (`csv`), `.npy` one NumPy array (`npy`). Each module says what it covers
//! and what it refuses. Limits common to the three: only regular files are read, since a device
//! need never end; a matrix has at least one row and one column; every value is a finite `f64`;
//! and no size that a file declares is believed before it is compared with the length of the
//! file. Nothing a file holds makes a reader panic, and every refusal is one printable line.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;

use nalgebra::{DMatrix, DVector};
use nalgebra_sparse::CsrMatrix;

mod csv;
mod error;
mod mtx;
mod npy;
mod output;

pub use error::{FileError, Spot};
pub use output::{create_output, write_vector};

/// A matrix as its file stores it: sparse from coordinate `.mtx`, otherwise dense.
#[derive(Debug, Clone, PartialEq)]
pub enum Matrix {
    Dense(DMatrix<f64>),
    Sparse(CsrMatrix<f64>),
}

/// What to expect of a file without values.
///
/// An empty matrix has no use here, and is most often a sign of a table that lost its rows on the
/// way; further on it would only turn into an error that no longer names the file.
const NOT_EMPTY: &str = "at least one row and one column; the matrix is empty";

/// Room for a matrix of zeros. A file with holes can be longer than the memory of the machine,
/// and an allocation that fails in the ordinary way ends the process without a word about the
/// file.
fn zeros(path: &Path, rows: usize, columns: usize) -> Result<Vec<f64>, FileError> {
    let mut values = Vec::new();
    let length = rows.saturating_mul(columns);
    if values.try_reserve_exact(length).is_err() {
        return Err(FileError::Unreadable(
            path.into(),
            io::ErrorKind::OutOfMemory.into(),
        ));
    }
    values.resize(length, 0.0);
    Ok(values)
}

/// What the ending of a path says about its file. The content is not consulted: a file that is
/// not what it is called had better be looked at than guessed at.
#[derive(Clone, Copy)]
enum Format {
    Mtx,
    Csv,
    Npy,
}

impl Format {
    fn of(path: &Path) -> Result<Self, FileError> {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        match ending.to_str() {
            Some("mtx") => Ok(Self::Mtx),
            Some("csv") => Ok(Self::Csv),
            Some("npy") => Ok(Self::Npy),
            _ => Err(FileError::UnsupportedFormat(path.into())),
        }
    }
}

/// Whether the ending of `path` is one that is read and written.
pub fn check_format(path: &Path) -> Result<(), FileError> {
    Format::of(path).map(drop)
}

/// What stands at `path`, if it is a file. Anything else is refused: opening a pipe waits for a
/// partner that may never come, a device may never end, and neither is to be replaced by a file.
fn file_at(path: &Path) -> Result<fs::Metadata, FileError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(found),
        Ok(_) => Err(FileError::NotRegular(path.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(FileError::NotFound(path.into()))
        }
        Err(error) => Err(FileError::Unreadable(path.into(), error)),
    }
}

/// Reads the matrix in the file at `path`.
///
/// The file is read once, from its beginning to its end, and may hold nothing after the matrix.
/// Its length is asked for first: all sizes declared in the file are held against it.
pub fn read_matrix(path: &Path) -> Result<Matrix, FileError> {
    read(path, false)
}

/// `missing` lets a `.csv` file mark values as missing.
fn read(path: &Path, missing: bool) -> Result<Matrix, FileError> {
    let format = Format::of(path)?;
    // Before the file is opened, since to open a pipe may be to wait for ever.
    let length = file_at(path)?.len();
    let file = File::open(path).map_err(|error| FileError::Unreadable(path.into(), error))?;
    let input = BufReader::with_capacity(1 << 16, file);
    match format {
        Format::Mtx => mtx::read(path, input, length),
        Format::Csv => csv::read(path, input, length, missing).map(Matrix::Dense),
        Format::Npy => npy::read(path, input, length).map(Matrix::Dense),
    }
}

/// The names of the columns of a matrix: of a `.csv` file with a header. None also where the file
/// cannot be read: whoever reads the matrix is told why.
pub fn read_names(path: &Path) -> Option<Vec<String>> {
    match Format::of(path) {
        Ok(Format::Csv) => {
            file_at(path).ok()?;
            csv::names(BufReader::new(File::open(path).ok()?))
        }
        _ => None,
    }
}

/// Reads a vector: a matrix with one column or with one row, in any of the formats. A sparse one
/// is filled up with zeros.
pub fn read_vector(path: &Path) -> Result<DVector<f64>, FileError> {
    vector(path, read_matrix(path)?)
}

/// The same, with NaN for the values that a `.csv` file marks as missing.
pub fn read_vector_with_missing(path: &Path) -> Result<DVector<f64>, FileError> {
    vector(path, read(path, true)?)
}

fn vector(path: &Path, matrix: Matrix) -> Result<DVector<f64>, FileError> {
    let (rows, columns) = match &matrix {
        Matrix::Dense(dense) => dense.shape(),
        Matrix::Sparse(sparse) => (sparse.nrows(), sparse.ncols()),
    };
    if rows != 1 && columns != 1 {
        return Err(FileError::shape(
            path,
            rows,
            columns,
            "the one row or column of a vector",
        ));
    }
    match matrix {
        Matrix::Dense(dense) => Ok(DVector::from_vec(dense.data.into())),
        Matrix::Sparse(sparse) => {
            let mut values = DVector::from_vec(zeros(path, rows, columns)?);
            for (row, column, value) in sparse.triplet_iter() {
                // One of the two is always 0, the other counts along the vector.
                values[row.max(column)] = *value;
            }
            Ok(values)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads thousands of damaged copies of a `valid` file, always the same ones. A reader may
    /// take what is left or refuse it, but not panic, and a refusal is one printable line.
    pub(super) fn damage<T>(valid: &[u8], read: impl Fn(&[u8]) -> Result<T, FileError>) {
        let mut state = 1u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as usize % below.max(1)
        };
        for _ in 0..20_000 {
            let mut bytes = valid.to_vec();
            for _ in 0..=random(4) {
                let (at, other) = (random(bytes.len()), random(bytes.len()));
                match random(6) {
                    0 => bytes.truncate(at),
                    1 if at < bytes.len() => drop(bytes.remove(at)),
                    2 => bytes.insert(at, b"0159-.,;% \t\r\n\"'()e\0\xff"[random(20)]),
                    3 => bytes.extend_from_within(at.min(other)..at.max(other)),
                    4 if at < bytes.len() => bytes[at] ^= 1 << random(8),
                    _ if at < bytes.len() => bytes[at] = b"0159-.,; \n"[random(10)],
                    _ => {}
                }
            }
            if let Err(error) = read(&bytes) {
                let message = error.to_string();
                assert!(!message.chars().any(char::is_control), "{message:?}");
                assert!(message.chars().count() < 250, "{message}");
            }
        }
    }

    /// A directory of its own for one test, removed with all in it when the test passes.
    pub(super) fn directory(test: &str, run: impl FnOnce(&Path)) {
        let name = format!("levinv-files-{}-{test}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        run(&directory);
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn only_files_of_the_three_endings_are_read() {
        directory("endings", |directory| {
            for (name, kind) in [
                ("a.txt", "unsupported_format"),
                ("csv", "unsupported_format"),
            ] {
                fs::write(directory.join(name), "1,2\n").unwrap();
                assert_eq!(read_matrix(&directory.join(name)).unwrap_err().kind(), kind);
            }
            fs::write(directory.join("A.CSV"), "1,2\n").unwrap();
            assert!(read_matrix(&directory.join("A.CSV")).is_ok());
            let missing = read_matrix(&directory.join("none.npy")).unwrap_err();
            assert_eq!(missing.kind(), "not_found");
            fs::create_dir(directory.join("directory.csv")).unwrap();
            let refusal = read_matrix(&directory.join("directory.csv")).unwrap_err();
            assert_eq!(refusal.kind(), "not_regular");
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_refused_and_not_waited_for() {
        directory("device", |directory| {
            let link = directory.join("zero.mtx");
            std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
            assert_eq!(read_matrix(&link).unwrap_err().kind(), "not_regular");
            let values = DVector::from_vec(vec![1.0]);
            assert_eq!(
                write_vector(&link, "y", &values, true).unwrap_err().kind(),
                "not_regular"
            );
            assert_eq!(
                create_output(&link, true).unwrap_err().kind(),
                "not_regular"
            );
        });
    }

    #[test]
    fn a_vector_is_one_row_or_one_column() {
        directory("vectors", |directory| {
            let coordinate = "%%MatrixMarket matrix coordinate real general\n1 3 2\n1 3 7\n1 1 5\n";
            let files = [
                ("column.csv", "y\n5\n0\n7\n"),
                ("row.csv", "5,0,7\n"),
                ("row.mtx", coordinate),
                (
                    "column.mtx",
                    "%%MatrixMarket matrix array real general\n3 1\n5\n0\n7\n",
                ),
            ];
            for (name, text) in files {
                fs::write(directory.join(name), text).unwrap();
                let vector = read_vector(&directory.join(name)).unwrap();
                assert_eq!(vector.as_slice(), [5.0, 0.0, 7.0], "{name}");
            }
            fs::write(directory.join("square.csv"), "1,2\n3,4\n").unwrap();
            let refusal = read_vector(&directory.join("square.csv")).unwrap_err();
            assert_eq!(refusal.kind(), "shape");
            assert!(refusal.to_string().contains("2 x 2"), "{refusal}");
        });
    }
}
