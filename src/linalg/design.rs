//! The design matrix A behind one small trait.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use nalgebra::{DMatrix, DVector};
use nalgebra_sparse::CsrMatrix;

use super::blocks::Blocks;
use super::rows::{Folded, Rows};
use crate::error::Error;
use crate::scalar::{Scalar, row_dots, shape};

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

    /// Rows `range` in the form in which they are kept.
    ///
    /// The default reads them into `buffer`. A design that stands in memory hands
    /// out its own rows instead, without a copy; sparse ones make everything that
    /// is done with them cost O(nnz(A)²/n) in place of O(nd²).
    ///
    /// # Errors
    /// Those of [`read_rows`](Self::read_rows).
    fn rows<'a>(
        &'a self,
        range: Range<usize>,
        buffer: &'a mut DMatrix<T>,
    ) -> Result<Rows<'a, T>, Error> {
        self.read_block(&range, buffer)?;
        Ok(Rows::Dense((&*buffer).into()))
    }

    /// Where the rows are; the default says that they are read.
    fn storage(&self) -> Storage {
        Storage::Elsewhere
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
}

/// Where a design's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Storage {
    /// Dense in memory: a second matrix of that size may be kept beside them to
    /// save work.
    Dense,
    /// Sparse in memory: what meets a row should cost its own entries.
    Sparse,
    /// To be read or made, block by block.
    Elsewhere,
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
        work: impl Fn(&mut DMatrix<T>, Range<usize>, &mut [T]) + Sync,
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
        step: impl Fn(&mut A, &mut DMatrix<T>, Range<usize>) + Sync,
        merge: impl Fn(&mut A, A) + Sync,
    ) -> Result<Option<A>, Error> {
        let step = |sum: &mut A, rows: &mut DMatrix<T>, range: Range<usize>, ()| {
            self.read_block(&range, rows)?;
            step(sum, rows, range);
            Ok(())
        };
        self.blocks().sweep((), empty, start, step, merge)
    }

    /// Reads a block into scratch that keeps its allocation where it fits.
    fn read_block(&self, range: &Range<usize>, rows: &mut DMatrix<T>) -> Result<(), Error> {
        shape(rows, range.len(), self.ncols());
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

    /// Rows `range` as [`DesignMatrix::rows`] has them.
    ///
    /// # Errors
    /// Those of reading them; [`Error::Shape`] where a design of one's own hands
    /// out a block of another shape.
    pub fn rows<'a>(
        &'a self,
        range: Range<usize>,
        buffer: &'a mut DMatrix<T>,
    ) -> Result<Rows<'a, T>, Error> {
        let rows = self.0.rows(range.clone(), buffer)?;
        let columns = match rows {
            Rows::Dense(rows) => rows.ncols(),
            Rows::Sparse(_) => self.ncols(),
        };
        let sides = [
            ("rows", range.len(), rows.nrows()),
            ("columns", self.ncols(), columns),
        ];
        match sides.into_iter().find(|(_, wanted, made)| wanted != made) {
            None => Ok(rows),
            Some((unit, expected, found)) => Err(Error::Shape {
                what: "block of rows",
                unit,
                expected,
                found,
            }),
        }
    }

    /// `A x − b`, compensated as [`Scalar::residual`] says. O(nnz(A)).
    ///
    /// # Errors
    /// Those of [`DesignMatrix::read_rows`], here and below; the shapes are the
    /// caller's to keep.
    pub fn residual(&self, x: &DVector<T>, b: &DVector<T>) -> Result<DVector<T>, Error> {
        self.each_block(|rows, range, out, _| rows.residual(x, &b.as_slice()[range], out))
    }

    /// `A h`. O(nnz(A)).
    ///
    /// # Errors
    /// See [`residual`](Self::residual).
    pub fn apply(&self, h: &DVector<T>) -> Result<DVector<T>, Error> {
        self.each_block(|rows, _, out, _| rows.image(h, out))
    }

    /// `Aᵀ v`. O(nnz(A)).
    ///
    /// # Errors
    /// See [`residual`](Self::residual).
    pub fn apply_transposed(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        let d = self.ncols();
        let sum = self.blocks().sweep(
            (),
            empty,
            || DVector::zeros(d),
            |sum, buffer, range, ()| {
                let rows = self.rows(range.clone(), buffer)?;
                rows.add_combination(&v.as_slice()[range], sum.as_mut_slice());
                Ok(())
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DVector::zeros(d)))
    }

    /// Lower triangle of `Aᵀ diag(w)² A`. O(nd²), Σ nnz(a_i)² where A is sparse.
    ///
    /// # Errors
    /// See [`residual`](Self::residual).
    pub fn weighted_gram(&self, w: &DVector<T>) -> Result<DMatrix<T>, Error> {
        let d = self.ncols();
        let sum = self.blocks().with_sums_of(d * d).sweep(
            (),
            Scratch::default,
            || DMatrix::zeros(d, d),
            |sum, scratch, range, ()| {
                let rows = self.rows(range.clone(), &mut scratch.rows)?;
                scratch.weights.clear();
                scratch
                    .weights
                    .extend(w.as_slice()[range].iter().map(|&w| w * w));
                rows.add_gram(&scratch.weights, &mut scratch.image, sum);
                Ok(())
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DMatrix::zeros(d, d)))
    }

    /// Lower triangle of `Σ_k v_k a_i a_iᵀ` over the rows i = `indices[k]`,
    /// ascending. O(md²) for m rows, Σ nnz(a_i)² over them where A is sparse.
    ///
    /// # Errors
    /// See [`residual`](Self::residual).
    pub fn gram_of_selection(
        &self,
        indices: &[usize],
        v: &DVector<T>,
    ) -> Result<DMatrix<T>, Error> {
        let d = self.ncols();
        // Sparse rows one by one where they stand, dense ones by the block.
        let sparse = self.storage() == Storage::Sparse;
        let sum = Blocks::new(indices.len(), d).sweep(
            (),
            Scratch::default,
            || DMatrix::zeros(d, d),
            |sum, scratch, range, ()| {
                let v = &v.as_slice()[range.clone()];
                if sparse {
                    for (&i, v) in indices[range].iter().zip(v) {
                        let row = self.rows(i..i + 1, &mut scratch.rows)?;
                        row.add_gram(std::slice::from_ref(v), &mut scratch.image, sum);
                    }
                } else {
                    shape(&mut scratch.rows, range.len(), d);
                    self.read_selection(&indices[range], &mut scratch.rows)?;
                    let rows = Rows::Dense((&scratch.rows).into());
                    rows.add_gram(v, &mut scratch.image, sum);
                }
                Ok(())
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DMatrix::zeros(d, d)))
    }

    /// `(y_iᵀ F y_i)_i` of the rows y_i = w_i a_i, for a symmetric d×d form F.
    /// O(nd²), Σ nnz(a_i)² where A is sparse.
    ///
    /// # Errors
    /// See [`residual`](Self::residual).
    pub fn row_forms(&self, w: &DVector<T>, form: &DMatrix<T>) -> Result<DVector<T>, Error> {
        let form = Folded::new(form);
        self.each_block(|rows, range, out, image| {
            rows.forms(&form, image, out);
            let weights = out.iter_mut().zip(&w.as_slice()[range]);
            weights.for_each(|(y, &w)| *y = *y * w * w);
        })
    }

    /// `(‖M y_i‖²)_i` of the rows y_i = w_i a_i, for a k×d matrix M. O(k nnz(A)).
    ///
    /// # Errors
    /// See [`residual`](Self::residual).
    pub fn row_squares(&self, w: &DVector<T>, m: &DMatrix<T>) -> Result<DVector<T>, Error> {
        let transposed = m.transpose();
        self.each_block(|rows, range, out, image| {
            rows.product(&transposed, image);
            row_dots(&*image, &*image, out);
            let weights = out.iter_mut().zip(&w.as_slice()[range]);
            weights.for_each(|(y, &w)| *y = *y * w * w);
        })
    }

    /// `S A` for a sparse S with `count` rows, given by its columns: `column(i)`
    /// appends the entries (row of S, value) of column i. O(nnz(a_i)) an entry,
    /// one row of A after the other, so that memory stays O(d · count).
    ///
    /// # Errors
    /// See [`residual`](Self::residual).
    pub fn combine_rows(
        &self,
        count: usize,
        column: &SparseColumn<'_, T>,
    ) -> Result<DMatrix<T>, Error> {
        // Transposed, so that a row of A is added to contiguous numbers.
        let mut sum = DMatrix::zeros(self.ncols(), count);
        let (mut buffer, mut entries) = (empty(), Vec::new());
        for range in self.blocks().in_order() {
            let rows = self.rows(range.clone(), &mut buffer)?;
            for (k, i) in range.enumerate() {
                entries.clear();
                column(i, &mut entries);
                for &(t, value) in &entries {
                    rows.add_row(k, value, sum.column_mut(t).as_mut_slice());
                }
            }
        }
        Ok(sum.transpose())
    }

    /// An n-vector computed block by block, with scratch for a block's image.
    fn each_block(
        &self,
        work: impl Fn(Rows<'_, T>, Range<usize>, &mut [T], &mut DMatrix<T>) + Sync,
    ) -> Result<DVector<T>, Error> {
        let mut out = DVector::zeros(self.nrows());
        self.blocks().fill(
            out.as_mut_slice(),
            Scratch::default,
            |scratch, range, out| {
                let rows = self.rows(range.clone(), &mut scratch.rows)?;
                work(rows, range, out, &mut scratch.image);
                Ok(())
            },
        )?;
        Ok(out)
    }
}

/// What the blocks of a chunk are read into and worked in.
pub(crate) struct Scratch<T: Scalar> {
    pub(crate) rows: DMatrix<T>,
    pub(crate) image: DMatrix<T>,
    pub(crate) weights: Vec<T>,
}

impl<T: Scalar> Default for Scratch<T> {
    fn default() -> Self {
        Scratch {
            rows: empty(),
            image: empty(),
            weights: Vec::new(),
        }
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
