//! nalgebra-sparse's row-compressed matrix as a design.

use nalgebra::{DMatrix, DVector};
use nalgebra_sparse::CsrMatrix;

use super::blocks::Blocks;
use super::design::{BlockWalk, DesignMatrix, SparseColumn};
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
            add_row(self, start + k, k, rows);
        }
        Ok(())
    }

    fn read_selection(&self, indices: &[usize], rows: &mut DMatrix<T>) -> Result<(), Error> {
        rows.fill(T::zero());
        for (k, &i) in indices.iter().enumerate() {
            add_row(self, i, k, rows);
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
                range.for_each(|i| add_pairs(self, i, w[i] * w[i], sum));
                Ok(())
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DMatrix::zeros(d, d)))
    }

    /// Pairs of entries again: Σ nnz(a_i)² over the selection.
    fn gram_of_selection(&self, indices: &[usize], v: &DVector<T>) -> Result<DMatrix<T>, Error> {
        let d = CsrMatrix::ncols(self);
        let sum = Blocks::new(indices.len(), d).fold(
            || DMatrix::zeros(d, d),
            |sum: &mut DMatrix<T>, range| {
                range.for_each(|k| add_pairs(self, indices[k], v[k], sum));
                Ok(())
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DMatrix::zeros(d, d)))
    }

    /// nnz(a_i)² a row; entries stored twice add up in the sum over pairs.
    fn row_forms(&self, w: &DVector<T>, form: &DMatrix<T>) -> Result<DVector<T>, Error> {
        let mut out = DVector::zeros(CsrMatrix::nrows(self));
        self.blocks().fill(
            out.as_mut_slice(),
            || (),
            |_, range, out| {
                for (y, i) in out.iter_mut().zip(range) {
                    let scaled = entries(self, i).map(|(j, a)| (j, w[i] * a));
                    for (j, a) in scaled.clone() {
                        let column = form.column(j);
                        let image = scaled
                            .clone()
                            .fold(T::zero(), |sum, (k, b)| sum + column[k] * b);
                        *y += a * image;
                    }
                }
                Ok(())
            },
        )?;
        Ok(out)
    }

    /// k·nnz(a_i) a row.
    fn row_squares(&self, w: &DVector<T>, m: &DMatrix<T>) -> Result<DVector<T>, Error> {
        let mut out = DVector::zeros(CsrMatrix::nrows(self));
        self.blocks().fill(
            out.as_mut_slice(),
            || DVector::zeros(m.nrows()),
            |image: &mut DVector<T>, range, out| {
                for (y, i) in out.iter_mut().zip(range) {
                    image.fill(T::zero());
                    entries(self, i)
                        .for_each(|(j, a)| image.axpy(w[i] * a, &m.column(j), T::one()));
                    *y = image.norm_squared();
                }
                Ok(())
            },
        )?;
        Ok(out)
    }

    /// nnz(a_i) for each entry of column i of S.
    fn combine_rows(
        &self,
        count: usize,
        column: &SparseColumn<'_, T>,
    ) -> Result<DMatrix<T>, Error> {
        let mut sum = DMatrix::zeros(CsrMatrix::ncols(self), count);
        let mut combination = Vec::new();
        for i in 0..CsrMatrix::nrows(self) {
            combination.clear();
            column(i, &mut combination);
            for &(t, value) in &combination {
                let mut to = sum.column_mut(t);
                entries(self, i).for_each(|(j, a)| to[j] += value * a);
            }
        }
        Ok(sum.transpose())
    }
}

/// Adds row i of A to row k of a dense block. Entries stored twice add up, as in
/// every sparse convention.
fn add_row<T: Scalar>(a: &CsrMatrix<T>, i: usize, k: usize, rows: &mut DMatrix<T>) {
    entries(a, i).for_each(|(j, value)| rows[(k, j)] += value);
}

/// Adds the lower triangle of `weight · a_i a_iᵀ`, by pairs of entries.
fn add_pairs<T: Scalar>(a: &CsrMatrix<T>, i: usize, weight: T, sum: &mut DMatrix<T>) {
    for (j, x) in entries(a, i) {
        let scaled = weight * x;
        for (k, y) in entries(a, i).filter(|&(k, _)| k >= j) {
            sum[(k, j)] += scaled * y;
        }
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
