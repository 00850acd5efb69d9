//! The design matrix A behind one small trait.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use nalgebra::{DMatrix, DVector};
use nalgebra_sparse::CsrMatrix;

use super::blocks::Blocks;
use super::forms::{folded, row_dots};
use super::row_scaling::RowScaling;
use crate::error::Error;
use crate::scalar::Scalar;

/// A tall matrix that is read by row blocks: row blocks in, d-sized
/// reductions out.
///
/// Implement the three required methods for rows that are kept elsewhere (in
/// a file, generated, behind a network); dense and sparse matrices of nalgebra
/// come with the crate, and override what they can do faster.
///
/// ```
/// use levinv::{Design, DesignMatrix, Error};
/// use nalgebra::DMatrix;
///
/// /// Row i is (1, i, i²): a quadratic trend that is never stored.
/// struct Trend(usize);
///
/// impl DesignMatrix<f64> for Trend {
///     fn nrows(&self) -> usize { self.0 }
///     fn ncols(&self) -> usize { 3 }
///     fn read_rows(&self, start: usize, rows: &mut DMatrix<f64>) -> Result<(), Error> {
///         for (k, mut row) in rows.row_iter_mut().enumerate() {
///             let t = (start + k) as f64;
///             row.copy_from_slice(&[1.0, t, t * t]);
///         }
///         Ok(())
///     }
/// }
///
/// let trend = Design::new(Trend(5));
/// let sums = trend.apply_transposed(&nalgebra::dvector![1.0, 1.0, 1.0, 1.0, 1.0])?;
/// assert_eq!(sums.as_slice(), [5.0, 10.0, 30.0]);
/// # Ok::<(), Error>(())
/// ```
pub trait DesignMatrix<T: Scalar>: Send + Sync {
    /// n, the number of rows.
    fn nrows(&self) -> usize;

    /// d, the number of columns.
    fn ncols(&self) -> usize;

    /// Writes rows `start .. start + rows.nrows()` into `rows`, which has d
    /// columns and whose contents are to be overwritten.
    ///
    /// # Errors
    /// Whatever keeps the rows from being read; [`Error::Solver`] carries
    /// words of one's own.
    fn read_rows(&self, start: usize, rows: &mut DMatrix<T>) -> Result<(), Error>;

    /// Whether A stands dense in memory, so that a second matrix of its size
    /// may be kept beside it to save work.
    fn is_dense(&self) -> bool {
        false
    }

    /// `A x − b`, compensated as [`Scalar::residual`] says. O(nd).
    ///
    /// # Errors
    /// Those of [`read_rows`](Self::read_rows).
    fn residual(&self, x: &DVector<T>, b: &DVector<T>) -> Result<DVector<T>, Error> {
        self.map_blocks(|rows, range, out| T::residual(rows, x, &b.as_slice()[range], out))
    }

    /// `A h`. O(nd).
    ///
    /// # Errors
    /// Those of [`read_rows`](Self::read_rows).
    fn apply(&self, h: &DVector<T>) -> Result<DVector<T>, Error> {
        self.map_blocks(|rows, _, out| out.copy_from_slice((&*rows * h).as_slice()))
    }

    /// `Aᵀ v`. O(nd).
    ///
    /// # Errors
    /// Those of [`read_rows`](Self::read_rows).
    fn apply_transposed(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        let d = self.ncols();
        let sum = self.fold_blocks(
            || DVector::zeros(d),
            |sum, rows, range| {
                sum.gemv_tr(T::one(), rows, &v.rows(range.start, range.len()), T::one())
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DVector::zeros(d)))
    }

    /// Lower triangle of `Aᵀ diag(w)² A`. O(nd²).
    ///
    /// # Errors
    /// Those of [`read_rows`](Self::read_rows).
    fn weighted_gram(&self, w: &DVector<T>) -> Result<DMatrix<T>, Error> {
        let d = self.ncols();
        let sum = self.fold_blocks(
            || DMatrix::zeros(d, d),
            |sum, rows, range| {
                w.scale_rows(range, rows);
                T::add_gram(rows, rows, sum);
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DMatrix::zeros(d, d)))
    }

    /// Writes the rows of the given numbers, ascending, into `rows`, as
    /// [`read_rows`](Self::read_rows) does; the default reads them one by one.
    ///
    /// # Errors
    /// Those of [`read_rows`](Self::read_rows).
    fn read_selection(&self, indices: &[usize], rows: &mut DMatrix<T>) -> Result<(), Error> {
        let mut row = DMatrix::zeros(1, self.ncols());
        for (k, &i) in indices.iter().enumerate() {
            self.read_rows(i, &mut row)?;
            rows.row_mut(k).copy_from(&row.row(0));
        }
        Ok(())
    }

    /// Lower triangle of `Σ_k v_k a_i a_iᵀ` over the rows i = `indices[k]`,
    /// ascending. O(md²) for m rows.
    ///
    /// # Errors
    /// Those of [`read_rows`](Self::read_rows).
    fn gram_of_selection(&self, indices: &[usize], v: &DVector<T>) -> Result<DMatrix<T>, Error> {
        let d = self.ncols();
        let sum = Blocks::new(indices.len(), d).fold(
            || DMatrix::zeros(d, d),
            |sum, range| {
                let mut rows = DMatrix::zeros(range.len(), d);
                self.read_selection(&indices[range.clone()], &mut rows)?;
                let mut scaled = rows.clone();
                v.scale_rows(range, &mut scaled);
                T::add_gram(&rows, &scaled, sum);
                Ok(())
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DMatrix::zeros(d, d)))
    }

    /// `(y_iᵀ F y_i)_i` of the rows y_i = w_i a_i, for a symmetric d×d form F.
    /// O(nd²).
    ///
    /// # Errors
    /// Those of [`read_rows`](Self::read_rows).
    fn row_forms(&self, w: &DVector<T>, form: &DMatrix<T>) -> Result<DVector<T>, Error> {
        let lower = folded(form);
        self.map_blocks(|rows, range, out| {
            w.scale_rows(range, rows);
            let mut image = DMatrix::zeros(rows.nrows(), rows.ncols());
            T::multiply_lower(rows, &lower, &mut image);
            row_dots(rows, &image, out);
        })
    }

    /// `(‖M y_i‖²)_i` of the rows y_i = w_i a_i, for a k×d matrix M. O(ndk).
    ///
    /// # Errors
    /// Those of [`read_rows`](Self::read_rows).
    fn row_squares(&self, w: &DVector<T>, m: &DMatrix<T>) -> Result<DVector<T>, Error> {
        let transposed = m.transpose();
        self.map_blocks(|rows, range, out| {
            w.scale_rows(range, rows);
            let mut image = DMatrix::zeros(rows.nrows(), transposed.ncols());
            T::multiply(rows, &transposed, &mut image);
            row_dots(&image, &image, out);
        })
    }

    /// `S A` for a sparse S with `count` rows, given by its columns: `column(i)`
    /// appends the entries (row of S, value) of column i. O(d) an entry, one
    /// row of A after the other, so that memory stays O(d · count).
    ///
    /// # Errors
    /// Those of [`read_rows`](Self::read_rows).
    fn combine_rows(
        &self,
        count: usize,
        column: &SparseColumn<'_, T>,
    ) -> Result<DMatrix<T>, Error> {
        let d = self.ncols();
        // Transposed, so that a row of A is added to contiguous numbers.
        let mut sum = DMatrix::zeros(d, count);
        let (mut rows, mut row, mut entries) = (empty(), DVector::zeros(d), Vec::new());
        for range in self.blocks().in_order() {
            self.read_block(&range, &mut rows)?;
            for (k, i) in range.enumerate() {
                entries.clear();
                column(i, &mut entries);
                if entries.is_empty() {
                    continue;
                }
                row.tr_copy_from(&rows.row(k));
                for &(t, value) in &entries {
                    sum.column_mut(t).axpy(value, &row, T::one());
                }
            }
        }
        Ok(sum.transpose())
    }
}

/// Column i of a sparse matrix: appends its entries (row, value).
pub type SparseColumn<'a, T> = dyn Fn(usize, &mut Vec<(usize, T)>) + 'a;

/// Walks over the blocks of any design, shared by the provided methods.
pub(crate) trait BlockWalk<T: Scalar>: DesignMatrix<T> {
    /// The fixed partition of this design's rows.
    fn blocks(&self) -> Blocks {
        Blocks::new(self.nrows(), self.ncols())
    }

    /// An n-vector computed block by block.
    fn map_blocks(
        &self,
        work: impl Fn(&mut DMatrix<T>, std::ops::Range<usize>, &mut [T]) + Sync,
    ) -> Result<DVector<T>, Error> {
        let mut out = DVector::zeros(self.nrows());
        self.blocks()
            .fill(out.as_mut_slice(), empty, |rows, range, out| {
                self.read_block(&range, rows)?;
                work(rows, range, out);
                Ok(())
            })?;
        Ok(out)
    }

    /// A reduction over blocks, in order.
    fn fold_blocks<A: Send>(
        &self,
        start: impl Fn() -> A + Sync,
        step: impl Fn(&mut A, &mut DMatrix<T>, std::ops::Range<usize>) + Sync,
        merge: impl Fn(&mut A, A),
    ) -> Result<Option<A>, Error> {
        let sum = self.blocks().fold(
            || (start(), empty()),
            |(sum, rows), range| {
                self.read_block(&range, rows)?;
                step(sum, rows, range);
                Ok(())
            },
            |(sum, _), (part, _)| merge(sum, part),
        )?;
        Ok(sum.map(|(sum, _)| sum))
    }

    /// Reads a block into scratch that keeps its allocation where it fits.
    fn read_block(
        &self,
        range: &std::ops::Range<usize>,
        rows: &mut DMatrix<T>,
    ) -> Result<(), Error> {
        if rows.shape() != (range.len(), self.ncols()) {
            *rows = DMatrix::zeros(range.len(), self.ncols());
        }
        self.read_rows(range.start, rows)
    }
}

impl<T: Scalar, D: DesignMatrix<T> + ?Sized> BlockWalk<T> for D {}

fn empty<T: Scalar>() -> DMatrix<T> {
    DMatrix::zeros(0, 0)
}

/// A design matrix, shared: clones are handles to the same rows.
///
/// Made from nalgebra's `DMatrix<T>` or nalgebra-sparse's `CsrMatrix<T>` by
/// `into()`, or from any [`DesignMatrix`] by [`Design::new`].
pub struct Design<T: Scalar>(Arc<dyn DesignMatrix<T>>);

impl<T: Scalar> Design<T> {
    /// Shares a design of one's own.
    pub fn new(design: impl DesignMatrix<T> + 'static) -> Self {
        Design(Arc::new(design))
    }
}

impl<T: Scalar> Clone for Design<T> {
    fn clone(&self) -> Self {
        Design(Arc::clone(&self.0))
    }
}

impl<T: Scalar> Deref for Design<T> {
    type Target = dyn DesignMatrix<T>;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl<T: Scalar> fmt::Debug for Design<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Design({}×{})", self.nrows(), self.ncols())
    }
}

impl<T: Scalar> From<DMatrix<T>> for Design<T> {
    fn from(a: DMatrix<T>) -> Self {
        Design::new(a)
    }
}

impl<T: Scalar> From<&DMatrix<T>> for Design<T> {
    fn from(a: &DMatrix<T>) -> Self {
        Design::new(a.clone())
    }
}

impl<T: Scalar> From<CsrMatrix<T>> for Design<T> {
    fn from(a: CsrMatrix<T>) -> Self {
        Design::new(a)
    }
}
