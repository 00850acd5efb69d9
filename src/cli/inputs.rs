//! From files to a model and what goes with it.

use std::path::Path;

use levinv::{DVector, Design, Model};

use super::error::{CliError, Sources};
use super::files::{Matrix, read_matrix, read_vector};

pub fn model(matrix: &Path, rhs: &Path, sources: &Sources) -> Result<Model<f64>, CliError> {
    let design = match read_matrix(matrix)? {
        Matrix::Dense(a) => Design::from(a),
        Matrix::Sparse(a) => Design::from(a),
    };
    Model::new(design, read_vector(rhs)?).map_err(|e| sources.blame(&e))
}

/// `--ridge`: one number for all rows, or a file.
pub fn ridge(argument: &str, rows: usize) -> Result<DVector<f64>, CliError> {
    let Ok(weight) = argument.parse::<f64>() else {
        let path = Path::new(argument);
        if path.extension().is_none() && !path.exists() {
            let message =
                format!("--ridge {argument}: must be a number or a file of {rows} weights");
            return Err(CliError::new("usage", message));
        }
        return Ok(read_vector(Path::new(argument))?);
    };
    if !(weight >= 0.0) || !weight.is_finite() {
        let message = format!("--ridge {argument}: the weight must be a finite number, at least 0");
        return Err(CliError::new("out_of_range", message));
    }
    Ok(DVector::from_element(rows, weight))
}

/// An option that the others make necessary.
pub fn required<'a, T>(option: &'a Option<T>, name: &str, why: &str) -> Result<&'a T, CliError> {
    option
        .as_ref()
        .ok_or_else(|| CliError::new("usage", format!("{name} is required {why}")))
}
