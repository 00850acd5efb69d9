//! nalgebra-sparse's row-compressed matrix as a design.

use std::ops::Range;

use nalgebra::DMatrix;
use nalgebra_sparse::CsrMatrix;

use super::design::{BlockWalk, DesignMatrix, Storage};
use super::{Design, Rows, SparseRows};
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

/// A sparse matrix of the same number of columns, made of a sparse design's rows in
/// order: `each(i, columns, values, out)` appends the entries of the row that stands
/// for row i, or says that none does. O(nnz(A)).
///
/// # Errors
/// Those of reading rows, and [`Error::Shape`] where they are not sparse or what is
/// made of them is no matrix.
pub(crate) fn rewritten<T: Scalar>(
    a: &Design<T>,
    ncols: usize,
    mut each: impl FnMut(usize, &[usize], &[T], &mut Vec<(usize, T)>) -> bool,
) -> Result<CsrMatrix<T>, Error> {
    let malformed = || Error::Shape {
        what: "block of a sparse design",
        unit: "sparse rows",
        expected: a.nrows(),
        found: 0,
    };
    let (mut offsets, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
    let (mut buffer, mut row) = (DMatrix::zeros(0, 0), Vec::new());
    for range in a.blocks().in_order() {
        let Rows::Sparse(rows) = a.rows(range.clone(), &mut buffer)? else {
            return Err(malformed());
        };
        for (k, i) in range.enumerate() {
            row.clear();
            let (own, entries) = rows.row(k);
            if each(i, own, entries, &mut row) {
                columns.extend(row.iter().map(|&(j, _)| j));
                values.extend(row.iter().map(|&(_, value)| value));
                offsets.push(columns.len());
            }
        }
    }
    let nrows = offsets.len() - 1;
    CsrMatrix::try_from_csr_data(nrows, ncols, offsets, columns, values).map_err(|_| malformed())
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
