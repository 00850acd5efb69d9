//! From files to a model and what goes with it.

use std::path::Path;

use levinv::npy::NpyRows;
use levinv::{DVector, Design, Error, Model, NpyFault};

use super::error::{CliError, Sources};
use super::files::{FileError, Matrix, read_matrix, read_vector};
use super::report::number;

/// Bytes from which on a .npy file of A stays on disk and is read in blocks: half
/// a gigabyte, which is a million rows of sixty-four columns. Below, A fits in any
/// machine's memory several times, and what is kept beside it saves passes.
const IN_BLOCKS: u64 = 1 << 29;

/// The rows of A, in memory or in blocks from their file.
fn design(matrix: &Path, in_blocks: bool) -> Result<Design<f64>, CliError> {
    let is_npy = matrix
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("npy"));
    if in_blocks && !is_npy {
        let why = format!(
            "--in-blocks: only a .npy file is read in blocks, {} is not called one",
            matrix.display()
        );
        return Err(CliError::new("unsupported_format", why));
    }
    let is_large = || matrix.metadata().is_ok_and(|found| found.len() > IN_BLOCKS);
    if is_npy && (in_blocks || is_large()) {
        match NpyRows::open(matrix) {
            Ok(rows) => return Ok(rows.into()),
            // Integers, or a column alone: what memory holds is read all the same.
            Err(Error::Npy {
                fault: NpyFault::Type { .. } | NpyFault::Shape { .. },
                ..
            }) if !in_blocks => {}
            Err(Error::Npy { path, row, fault }) => {
                return Err(FileError::npy(&path, row, fault).into());
            }
            Err(other) => return Err(CliError::new(other.kind(), other.to_string())),
        }
    }
    Ok(match read_matrix(matrix)? {
        Matrix::Dense(a) => Design::from(a),
        Matrix::Sparse(a) => Design::from(a),
    })
}

pub fn model(
    matrix: &Path,
    in_blocks: bool,
    rhs: &Path,
    sources: &Sources,
) -> Result<Model<f64>, CliError> {
    let design = design(matrix, in_blocks)?;
    Model::new(design.clone(), read_vector(rhs)?).map_err(|e| match &e {
        Error::RankDeficient { rank, columns } => {
            sources.blame_columns(*rank, columns, |&j| is_zero(&design, j))
        }
        _ => sources.blame(&e),
    })
}

fn is_zero(design: &Design<f64>, column: usize) -> bool {
    let mut unit = DVector::zeros(design.ncols());
    unit[column] = 1.0;
    // Where rows cannot be read any more, the column is not known to be zero.
    design.apply(&unit).is_ok_and(|a| a.amax() == 0.0)
}

/// `--ridge`: one number for all rows, or a file; none where all are zero.
pub fn ridge(argument: &str, rows: usize) -> Result<Option<DVector<f64>>, CliError> {
    let weights = match argument.parse::<f64>() {
        Ok(weight) if weight >= 0.0 && (weight * weight).is_finite() => {
            DVector::from_element(rows, weight)
        }
        Ok(weight) => {
            let message = format!(
                "--ridge {}: the weight must be a number, at least 0, with a finite square",
                number(weight)
            );
            return Err(CliError::new("out_of_range", message));
        }
        Err(_) => {
            let path = Path::new(argument);
            if path.extension().is_none() && !path.exists() {
                let message =
                    format!("--ridge {argument}: must be a number or a file of {rows} weights");
                return Err(CliError::new("usage", message));
            }
            read_vector(path)?
        }
    };
    // Of another length it is still to be refused.
    let none = weights.len() == rows && weights.amax() == 0.0;
    Ok(Some(weights).filter(|_| !none))
}

/// An option that the others make necessary.
pub fn required<'a, T>(option: &'a Option<T>, name: &str, why: &str) -> Result<&'a T, CliError> {
    let message = || format!("{name} is required {why}").trim_end().to_string();
    option
        .as_ref()
        .ok_or_else(|| CliError::new("usage", message()))
}
