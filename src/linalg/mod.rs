//! Linear algebra over row blocks: what is n-sized streams, what is d-sized is kept.

mod blocks;
mod check;
mod condition;
mod conjugate_gradients;
mod dense;
mod design;
mod factor;
mod factorise;
mod least_squares;
mod row_scaling;
mod rows;
mod sparse;
mod sparse_gram;

pub(crate) use blocks::Blocks;
pub(crate) use check::{check_entries, check_length, check_nonnegative, check_vector};
pub(crate) use conjugate_gradients::{Solved, conjugate_gradients};
pub(crate) use design::{BlockWalk, Scratch};
pub use design::{Design, DesignMatrix, SparseColumn, Storage};
pub(crate) use factor::{Factor, First, column_fold};
pub(crate) use factorise::squares_exactly;
pub use factorise::{CHOLESKY_DIGITS, CHOLESKY_TWICE_DIGITS, Factorisation};
pub(crate) use least_squares::{LeastSquares, least_squares};
pub(crate) use row_scaling::{RowScaling, scale_rows};
pub(crate) use rows::Folded;
pub use rows::{Rows, SparseRows};
pub(crate) use sparse::rewritten;
pub use sparse_gram::SparseMetric;
pub(crate) use sparse_gram::{GramPattern, MOST_SQUARE, OrderedRow, SparseFactor};

use nalgebra::DMatrix;

use crate::scalar::Scalar;

/// Copies the lower triangle onto the upper one.
pub(crate) fn mirror_lower<T: Scalar>(m: &mut DMatrix<T>) {
    m.fill_upper_triangle_with_lower_triangle();
}
