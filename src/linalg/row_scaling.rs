//! Rows of a block multiplied by weights.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use crate::scalar::Scalar;

/// Row weights held in an n-vector.
pub(crate) trait RowScaling<T> {
    /// `rows ← diag(self[range]) rows`.
    fn scale_rows(&self, range: Range<usize>, rows: &mut DMatrix<T>);
}

impl<T: Scalar> RowScaling<T> for DVector<T> {
    fn scale_rows(&self, range: Range<usize>, rows: &mut DMatrix<T>) {
        scale_rows(&self.as_slice()[range], rows);
    }
}

/// `rows ← diag(weights) rows`.
pub(crate) fn scale_rows<T: Scalar>(weights: &[T], rows: &mut DMatrix<T>) {
    // Slices: nalgebra's own iterators over columns do not vectorise.
    let height = rows.nrows().max(1);
    for column in rows.as_mut_slice().chunks_exact_mut(height) {
        column.iter_mut().zip(weights).for_each(|(a, &w)| *a *= w);
    }
}
