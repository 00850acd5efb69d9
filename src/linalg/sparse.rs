//! nalgebra-sparse's row-compressed matrix as a design.

use std::ops::Range;

use nalgebra::DMatrix;
use nalgebra_sparse::CsrMatrix;

use super::design::{DesignMatrix, Storage};
use super::{Rows, SparseRows};
use crate::error::Error;
use crate::scalar::Scalar;

impl<T: Scalar> DesignMatrix<T> for CsrMatrix<T> {
    fn nrows(&self) -> usize {
        CsrMatrix::nrows(self)
    }

    fn ncols(&self) -> usize {
        CsrMatrix::ncols(self)
    }

    fn read_rows(&self, start: usize, rows: &mut DMatrix<T>) -> Result<(), Error> {
        part(self, start..start + rows.nrows())?.copy_to(rows);
        Ok(())
    }

    fn rows<'a>(
        &'a self,
        range: Range<usize>,
        _: &'a mut DMatrix<T>,
    ) -> Result<Rows<'a, T>, Error> {
        part(self, range)
    }

    fn storage(&self) -> Storage {
        Storage::Sparse
    }

    fn read_selection(&self, indices: &[usize], rows: &mut DMatrix<T>) -> Result<(), Error> {
        rows.fill(T::zero());
        let mut row = vec![T::zero(); CsrMatrix::ncols(self)];
        for (k, &i) in indices.iter().enumerate() {
            row.fill(T::zero());
            part(self, i..i + 1)?.add_row(0, T::one(), &mut row);
            rows.row_mut(k).copy_from_slice(&row);
        }
        Ok(())
    }
}

/// Rows of A where they stand.
fn part<T: Scalar>(a: &CsrMatrix<T>, range: Range<usize>) -> Result<Rows<'_, T>, Error> {
    let offsets = a.row_offsets().get(range.start..range.end + 1);
    let rows = offsets.and_then(|offsets| SparseRows::new(offsets, a.col_indices(), a.values()));
    rows.map(Rows::Sparse).ok_or(Error::Shape {
        what: "design matrix",
        unit: "rows",
        expected: range.end,
        found: CsrMatrix::nrows(a),
    })
}
