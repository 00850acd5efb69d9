//! A design with a few rows more.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::linalg::{Design, DesignMatrix, Rows, Storage};
use crate::scalar::{DenseRows, Scalar, shape};

/// A over the d columns' own rows L, which stand for a ridge LᵀL.
pub(super) struct Stacked<T: Scalar> {
    pub(super) top: Design<T>,
    pub(super) bottom: DMatrix<T>,
}

impl<T: Scalar> Stacked<T> {
    /// Weights of A's rows, and 1 for those of L.
    pub(super) fn weights(&self, w: &DVector<T>) -> DVector<T> {
        w.clone().resize_vertically(self.nrows(), T::one())
    }
}

impl<T: Scalar> DesignMatrix<T> for Stacked<T> {
    fn nrows(&self) -> usize {
        self.top.nrows() + self.bottom.nrows()
    }

    fn ncols(&self) -> usize {
        self.top.ncols()
    }

    fn read_rows(&self, start: usize, rows: &mut DMatrix<T>) -> Result<(), Error> {
        let n = self.top.nrows();
        let upper = n.saturating_sub(start).min(rows.nrows());
        let lower = rows.nrows() - upper;
        if lower == 0 {
            return self.top.read_rows(start, rows);
        }
        if upper > 0 {
            let mut part = DMatrix::zeros(upper, rows.ncols());
            self.top.read_rows(start, &mut part)?;
            rows.rows_mut(0, upper).copy_from(&part);
        }
        let own = self.bottom.rows((start + upper) - n, lower);
        rows.rows_mut(upper, lower).copy_from(&own);
        Ok(())
    }

    fn storage(&self) -> Storage {
        self.top.storage()
    }

    /// Rows of A in A's own form, which for short ones is faster.
    fn rows<'a>(
        &'a self,
        range: Range<usize>,
        buffer: &'a mut DMatrix<T>,
    ) -> Result<Rows<'a, T>, Error> {
        let n = self.top.nrows();
        if range.end <= n {
            return self.top.rows(range, buffer);
        }
        if range.start >= n {
            let own = DenseRows::from(&self.bottom);
            return Ok(Rows::Dense(own.part(range.start - n..range.end - n)));
        }
        shape(buffer, range.len(), self.ncols());
        self.read_rows(range.start, buffer)?;
        Ok(Rows::Dense((&*buffer).into()))
    }
}
