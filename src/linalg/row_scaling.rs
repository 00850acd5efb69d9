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
        let weights = &self.as_slice()[range];
        for mut column in rows.column_iter_mut() {
            column.iter_mut().zip(weights).for_each(|(a, &w)| *a *= w);
        }
    }
}
