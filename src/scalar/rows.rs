//! A block of dense rows that stands in memory.

use std::ops::Range;

use nalgebra::DMatrix;

/// Consecutive rows of a dense column-major matrix, read where they stand.
///
/// Column j begins `stride` numbers after column j − 1, so that a block of rows
/// of a larger matrix is one of these, without a copy.
///
/// ```
/// use levinv::DenseRows;
///
/// // Rows 1 and 2 of a 3×2 matrix kept by columns.
/// let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let rows = DenseRows::new(&numbers[1..], 2, 2, 3).expect("they are all there");
/// assert_eq!(rows.column(1), [5.0, 6.0]);
/// assert!(DenseRows::new(&numbers, 4, 2, 3).is_none()); // taller than the stride
/// ```
#[derive(Debug)]
pub struct DenseRows<'a, T> {
    data: &'a [T],
    nrows: usize,
    ncols: usize,
    stride: usize,
}

impl<T> Clone for DenseRows<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for DenseRows<'_, T> {}

impl<'a, T> DenseRows<'a, T> {
    /// `nrows`×`ncols` numbers in columns `stride` apart; `None` where `data`
    /// ends before they do, or columns overlap.
    pub fn new(data: &'a [T], nrows: usize, ncols: usize, stride: usize) -> Option<Self> {
        let last = ncols.saturating_sub(1).checked_mul(stride)?;
        let needed = if nrows == 0 || ncols == 0 {
            0
        } else {
            last.checked_add(nrows)?
        };
        (needed <= data.len() && nrows <= stride.max(1)).then_some(DenseRows {
            data,
            nrows,
            ncols,
            stride,
        })
    }

    /// The number of rows.
    pub fn nrows(&self) -> usize {
        self.nrows
    }

    /// The number of columns.
    pub fn ncols(&self) -> usize {
        self.ncols
    }

    /// The numbers from one column's beginning to the next one's.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// All numbers, and what lies between them.
    pub(crate) fn data(&self) -> &'a [T] {
        self.data
    }

    /// Column j.
    ///
    /// # Panics
    /// Where there is no column j, as an index does.
    pub fn column(&self, j: usize) -> &'a [T] {
        &self.data[j * self.stride..][..self.nrows]
    }

    /// The columns, in order.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        let rows = *self;
        (0..self.ncols).map(move |j| rows.column(j))
    }

    /// The first columns.
    pub(crate) fn leading(&self, ncols: usize) -> Self {
        DenseRows { ncols, ..*self }
    }

    /// A part of the rows.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        DenseRows {
            data: self.data.get(range.start..).unwrap_or_default(),
            nrows: range.len(),
            ..*self
        }
    }
}

impl<'a, T: nalgebra::Scalar> From<&'a DMatrix<T>> for DenseRows<'a, T> {
    fn from(m: &'a DMatrix<T>) -> Self {
        DenseRows {
            data: m.as_slice(),
            nrows: m.nrows(),
            ncols: m.ncols(),
            stride: m.nrows(),
        }
    }
}
