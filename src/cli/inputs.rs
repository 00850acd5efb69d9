//! From files to a model and what goes with it.

use std::path::Path;

use levinv::{DVector, Design, Model};

use super::error::{CliError, Sources};
use super::files::{Matrix, read_matrix, read_vector};
use super::report::number;

pub fn model(matrix: &Path, rhs: &Path, sources: &Sources) -> Result<Model<f64>, CliError> {
    let design = match read_matrix(matrix)? {
        Matrix::Dense(a) => Design::from(a),
        Matrix::Sparse(a) => Design::from(a),
    };
    Model::new(design.clone(), read_vector(rhs)?).map_err(|e| match &e {
        levinv::Error::RankDeficient { rank, columns } => {
            sources.blame_columns(*rank, columns, |&j| is_zero(&design, j))
        }
        _ => sources.blame(&e),
    })
}

fn is_zero(design: &Design<f64>, column: usize) -> bool {
    let mut unit = DVector::zeros(design.ncols());
    unit[column] = 1.0;
    // A file in memory: its rows can be read.
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
