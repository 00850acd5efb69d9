//! nalgebra's dense matrix as a design.

use std::ops::Range;

use nalgebra::DMatrix;

use super::Rows;
use super::design::{DesignMatrix, Storage};
use crate::error::Error;
use crate::scalar::{DenseRows, Scalar};

impl<T: Scalar> DesignMatrix<T> for DMatrix<T> {
    fn nrows(&self) -> usize {
        self.shape().0
    }

    fn ncols(&self) -> usize {
        self.shape().1
    }

    fn read_rows(&self, start: usize, rows: &mut DMatrix<T>) -> Result<(), Error> {
        rows.copy_from(&self.rows(start, rows.nrows()));
        Ok(())
    }

    fn rows<'a>(
        &'a self,
        range: Range<usize>,
        _: &'a mut DMatrix<T>,
    ) -> Result<Rows<'a, T>, Error> {
        Ok(Rows::Dense(DenseRows::from(self).part(range)))
    }

    fn storage(&self) -> Storage {
        Storage::Dense
    }

    fn read_selection(&self, indices: &[usize], rows: &mut DMatrix<T>) -> Result<(), Error> {
        // Column by column, as both stand in memory.
        for (mut to, from) in rows.column_iter_mut().zip(self.column_iter()) {
            to.iter_mut()
                .zip(indices)
                .for_each(|(to, &i)| *to = from[i]);
        }
        Ok(())
    }
}
