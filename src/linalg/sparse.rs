//! nalgebra-sparse's row-compressed matrix as a design.

use nalgebra::{DMatrix, DVector};
use nalgebra_sparse::CsrMatrix;

use super::design::{BlockWalk, DesignMatrix};
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
        rows.fill(T::zero());
        for k in 0..rows.nrows() {
            for (j, value) in entries(self, start + k) {
                // Entries stored twice add up, as in every sparse convention.
                rows[(k, j)] += value;
            }
        }
        Ok(())
    }

    fn residual(&self, x: &DVector<T>, b: &DVector<T>) -> Result<DVector<T>, Error> {
        let mut out = DVector::zeros(b.len());
        self.blocks().fill(
            out.as_mut_slice(),
            || (),
            |_, range, out| {
                for (s, i) in out.iter_mut().zip(range) {
                    *s = T::residual_of_row(entries(self, i).map(|(j, a)| (a, x[j])), b[i]);
                }
                Ok(())
            },
        )?;
        Ok(out)
    }

    fn apply(&self, h: &DVector<T>) -> Result<DVector<T>, Error> {
        let mut out = DVector::zeros(CsrMatrix::nrows(self));
        self.blocks().fill(
            out.as_mut_slice(),
            || (),
            |_, range, out| {
                for (y, i) in out.iter_mut().zip(range) {
                    *y = entries(self, i).fold(T::zero(), |sum, (j, a)| sum + a * h[j]);
                }
                Ok(())
            },
        )?;
        Ok(out)
    }

    fn apply_transposed(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        let d = CsrMatrix::ncols(self);
        let sum = self.blocks().fold(
            || DVector::zeros(d),
            |sum: &mut DVector<T>, range| {
                for i in range {
                    entries(self, i).for_each(|(j, a)| sum[j] += a * v[i]);
                }
                Ok(())
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DVector::zeros(d)))
    }

    /// A loop over the pairs of entries of each row: nnz(a_i)² a row, ten to
    /// twenty times faster than a sparse matrix product into a dense result.
    fn weighted_gram(&self, w: &DVector<T>) -> Result<DMatrix<T>, Error> {
        let d = CsrMatrix::ncols(self);
        let sum = self.blocks().fold(
            || DMatrix::zeros(d, d),
            |sum: &mut DMatrix<T>, range| {
                for i in range {
                    let weight = w[i] * w[i];
                    for (j, a) in entries(self, i) {
                        let scaled = weight * a;
                        for (k, b) in entries(self, i).filter(|&(k, _)| k >= j) {
                            sum[(k, j)] += scaled * b;
                        }
                    }
                }
                Ok(())
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DMatrix::zeros(d, d)))
    }
}

/// Column and value of each stored entry of row i.
fn entries<T: Scalar>(a: &CsrMatrix<T>, i: usize) -> impl Iterator<Item = (usize, T)> + Clone + '_ {
    let range = a.row_offsets()[i]..a.row_offsets()[i + 1];
    a.col_indices()[range.clone()]
        .iter()
        .copied()
        .zip(a.values()[range].iter().copied())
}
