//! A block of rows in the form in which it is kept, and what is done with one.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::scalar::{
    DenseRows, Scalar, add_combination, image, real, row_dots, shape, to_f64, vectorised,
};

/// Consecutive rows of a design, dense or sparse, where they stand.
///
/// What [`DesignMatrix::rows`](super::DesignMatrix::rows) hands out: dense rows
/// in a read buffer or in place, sparse ones in place.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Rows<'a, T> {
    /// Dense rows.
    Dense(DenseRows<'a, T>),
    /// Sparse rows.
    Sparse(SparseRows<'a, T>),
}

/// Consecutive rows in compressed form.
#[derive(Debug, Clone, Copy)]
pub struct SparseRows<'a, T> {
    offsets: &'a [usize],
    columns: &'a [usize],
    values: &'a [T],
}

impl<'a, T: Scalar> SparseRows<'a, T> {
    /// Rows whose k-th has its entries at `offsets[k] .. offsets[k + 1]` of
    /// `columns` and `values`, columns ascending in each row and below d; `None`
    /// where the offsets leave them. A design of one's own that keeps a
    /// `CsrMatrix` hands on that one's rows.
    pub(crate) fn new(offsets: &'a [usize], columns: &'a [usize], values: &'a [T]) -> Option<Self> {
        let ascending = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        let end = offsets.last().copied()?;
        (ascending && end <= columns.len().min(values.len())).then_some(SparseRows {
            offsets,
            columns,
            values,
        })
    }

    /// The number of rows.
    pub fn nrows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Columns and values of row k.
    pub(super) fn row(&self, k: usize) -> (&'a [usize], &'a [T]) {
        let range = self.offsets[k]..self.offsets[k + 1];
        (&self.columns[range.clone()], &self.values[range])
    }

    fn entries(&self, k: usize) -> impl Iterator<Item = (usize, T)> + Clone + use<'a, T> {
        let (columns, values) = self.row(k);
        columns.iter().copied().zip(values.iter().copied())
    }
}

/// A symmetric form, made ready for [`Rows::forms`]: a lower triangle L with
/// `yᵀLy = yᵀFy`, twice F below the diagonal. Half the work of all of F.
pub(crate) struct Folded<T: Scalar>(DMatrix<T>);

impl<T: Scalar> Folded<T> {
    pub(crate) fn new(form: &DMatrix<T>) -> Self {
        let mut lower = form * real::<T>(2.0);
        lower.set_diagonal(&form.diagonal());
        lower.fill_upper_triangle(T::zero(), 1);
        Folded(lower)
    }
}

impl<'a, T: Scalar> Rows<'a, T> {
    /// The number of rows.
    pub fn nrows(&self) -> usize {
        match self {
            Rows::Dense(rows) => rows.nrows(),
            Rows::Sparse(rows) => rows.nrows(),
        }
    }

    /// `out ← A x − b`, as [`Scalar::residual`] says.
    pub(crate) fn residual(&self, x: &DVector<T>, b: &[T], out: &mut [T]) {
        match self {
            Rows::Dense(rows) => T::residual(*rows, x, b, out),
            Rows::Sparse(rows) => vectorised(
                #[inline(always)]
                || {
                    for (k, (s, &b)) in out.iter_mut().zip(b).enumerate() {
                        *s = T::residual_of_row(rows.entries(k).map(|(j, a)| (a, x[j])), b);
                    }
                },
            ),
        }
    }

    /// `out ← A h`.
    pub(crate) fn image(&self, h: &DVector<T>, out: &mut [T]) {
        match self {
            Rows::Dense(rows) => image(*rows, h, out),
            Rows::Sparse(rows) => vectorised(
                #[inline(always)]
                || {
                    for (k, out) in out.iter_mut().enumerate() {
                        *out = rows
                            .entries(k)
                            .fold(T::zero(), |sum, (j, a)| sum + a * h[j]);
                    }
                },
            ),
        }
    }

    /// `sum ← sum + Aᵀ v`.
    pub(crate) fn add_combination(&self, v: &[T], sum: &mut [T]) {
        match self {
            Rows::Dense(rows) => add_combination(*rows, v, sum),
            Rows::Sparse(rows) => vectorised(
                #[inline(always)]
                || {
                    for (k, &v) in v.iter().enumerate() {
                        rows.entries(k).for_each(|(j, a)| sum[j] += v * a);
                    }
                },
            ),
        }
    }

    /// Lower triangle of `sum ← sum + Aᵀ diag(v) A`; `scratch` of any shape.
    ///
    /// Sparse rows go by pairs of entries, nnz(a_i)²/2 a row: ten to twenty
    /// times faster than a sparse product into a dense result.
    pub(crate) fn add_gram(&self, v: &[T], scratch: &mut DMatrix<T>, sum: &mut DMatrix<T>) {
        match self {
            Rows::Dense(rows) => T::add_weighted_gram(*rows, v, scratch, sum),
            Rows::Sparse(rows) => vectorised(
                #[inline(always)]
                || {
                    let d = sum.nrows();
                    let sum = sum.as_mut_slice();
                    for (k, &v) in v.iter().enumerate() {
                        let (columns, values) = rows.row(k);
                        for (at, (&j, &a)) in columns.iter().zip(values).enumerate() {
                            let scaled = v * a;
                            let column = &mut sum[j * d..][..d];
                            for (&i, &b) in columns[at..].iter().zip(&values[at..]) {
                                column[i] += scaled * b;
                            }
                        }
                    }
                },
            ),
        }
    }

    /// `out_i ← a_iᵀ F a_i`.
    pub(crate) fn forms(&self, form: &Folded<T>, scratch: &mut DMatrix<T>, out: &mut [T]) {
        match self {
            Rows::Dense(rows) => T::lower_forms(*rows, &form.0, scratch, out),
            Rows::Sparse(rows) => vectorised(
                #[inline(always)]
                || {
                    let d = form.0.nrows();
                    let form = form.0.as_slice();
                    for (k, out) in out.iter_mut().enumerate() {
                        let (columns, values) = rows.row(k);
                        let mut sum = T::zero();
                        for (at, (&j, &a)) in columns.iter().zip(values).enumerate() {
                            let column = &form[j * d..][..d];
                            let pairs = columns[at..].iter().zip(&values[at..]);
                            sum += a * pairs.fold(T::zero(), |sum, (&i, &b)| sum + column[i] * b);
                        }
                        *out = sum;
                    }
                },
            ),
        }
    }

    /// `out_i ← ‖Xᵀ a_i‖²`; half the work for an upper triangle X, zero below its
    /// diagonal.
    pub(crate) fn squares(
        &self,
        x: &DMatrix<T>,
        triangular: bool,
        scratch: &mut DMatrix<T>,
        out: &mut [T],
    ) {
        match self {
            Rows::Dense(rows) if triangular => T::upper_squares(*rows, x, scratch, out),
            _ => {
                self.product(x, scratch);
                row_dots(&*scratch, &*scratch, out);
            }
        }
    }

    /// `out_i ← ‖a_i‖²`.
    pub(crate) fn norms(&self, out: &mut [T]) {
        match self {
            Rows::Dense(rows) => row_dots(*rows, *rows, out),
            Rows::Sparse(rows) => {
                for (k, out) in out.iter_mut().enumerate() {
                    *out = rows.entries(k).fold(T::zero(), |sum, (_, a)| sum + a * a);
                }
            }
        }
    }

    /// `image ← A m`.
    pub(crate) fn product(&self, m: &DMatrix<T>, image: &mut DMatrix<T>) {
        shape(image, self.nrows(), m.ncols());
        match self {
            Rows::Dense(rows) => T::multiply(*rows, m, image),
            Rows::Sparse(rows) => {
                for (out, column) in image.column_iter_mut().zip(m.column_iter()) {
                    for (k, out) in out.into_iter().enumerate() {
                        *out = rows
                            .entries(k)
                            .fold(T::zero(), |sum, (j, a)| sum + a * column[j]);
                    }
                }
            }
        }
    }

    /// The first entry that is not finite, of rows that begin with row `start`.
    pub(crate) fn check(&self, start: usize) -> Result<(), Error> {
        let found = match self {
            Rows::Dense(rows) => {
                let entries = rows.columns().enumerate();
                let bad = |(j, column): (usize, &[T])| {
                    let k = column.iter().position(|a| !a.is_finite())?;
                    Some((k, j, column[k]))
                };
                entries.filter_map(bad).min_by_key(|&(k, j, _)| (k, j))
            }
            Rows::Sparse(rows) => (0..rows.nrows()).find_map(|k| {
                let bad = rows.entries(k).find(|(_, a)| !a.is_finite())?;
                Some((k, bad.0, bad.1))
            }),
        };
        match found {
            None => Ok(()),
            Some((k, column, value)) => Err(Error::NonFiniteEntry {
                what: "design matrix",
                row: start + k,
                column,
                value: to_f64(value),
            }),
        }
    }

    /// `out_j ← max(out_j, |a_ij|)` over the rows.
    pub(crate) fn largest_in_columns(&self, out: &mut [T]) {
        match self {
            Rows::Dense(rows) => {
                for (out, column) in out.iter_mut().zip(rows.columns()) {
                    *out = column.iter().fold(*out, |m, a| m.max(a.abs()));
                }
            }
            Rows::Sparse(rows) => {
                let entries = (0..rows.nrows()).flat_map(|k| rows.entries(k));
                entries.for_each(|(j, a)| out[j] = out[j].max(a.abs()));
            }
        }
    }

    /// `out_i ← max_j |a_ij / unit_j|`.
    pub(crate) fn largest_in_rows(&self, unit: &[T], out: &mut [T]) {
        out.fill(T::zero());
        match self {
            Rows::Dense(rows) => {
                for (column, &unit) in rows.columns().zip(unit) {
                    for (out, &a) in out.iter_mut().zip(column) {
                        *out = out.max((a / unit).abs());
                    }
                }
            }
            Rows::Sparse(rows) => {
                for (k, out) in out.iter_mut().enumerate() {
                    let sizes = rows.entries(k).map(|(j, a)| (a / unit[j]).abs());
                    *out = sizes.fold(T::zero(), T::max);
                }
            }
        }
    }

    /// The rows as a dense matrix; `out` has its shape.
    pub(crate) fn copy_to(&self, out: &mut DMatrix<T>) {
        match self {
            Rows::Dense(rows) => {
                let to = out.as_mut_slice().chunks_exact_mut(rows.nrows().max(1));
                to.zip(rows.columns())
                    .for_each(|(to, from)| to.copy_from_slice(from));
            }
            Rows::Sparse(rows) => {
                out.fill(T::zero());
                for k in 0..rows.nrows() {
                    rows.entries(k).for_each(|(j, a)| out[(k, j)] += a);
                }
            }
        }
    }

    /// Adds `value` times row k to `sum`.
    pub(crate) fn add_row(&self, k: usize, value: T, sum: &mut [T]) {
        match self {
            Rows::Dense(rows) => {
                let row = rows.columns().map(|column| column[k]);
                sum.iter_mut().zip(row).for_each(|(s, a)| *s += value * a);
            }
            Rows::Sparse(rows) => rows.entries(k).for_each(|(j, a)| sum[j] += value * a),
        }
    }
}
