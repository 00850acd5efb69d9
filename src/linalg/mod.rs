//! Linear algebra over row blocks: what is n-sized streams, what is d-sized is kept.

mod blocks;
mod condition;
mod dense;
mod design;
mod factor;
mod least_squares;
mod row_scaling;
mod sparse;

pub(crate) use blocks::Blocks;
pub(crate) use design::BlockWalk;
pub use design::{Design, DesignMatrix};
pub use factor::{CHOLESKY_DIGITS, Factorisation};
pub(crate) use factor::{Factor, column_fold};
pub(crate) use least_squares::{LeastSquares, least_squares};
pub(crate) use row_scaling::RowScaling;

use nalgebra::DMatrix;

use crate::scalar::Scalar;

/// Copies the lower triangle onto the upper one.
pub(crate) fn mirror_lower<T: Scalar>(m: &mut DMatrix<T>) {
    m.fill_upper_triangle_with_lower_triangle();
}
