//! The n×n form of a Hessian in tiles of P, for few rows.
//!
//! ```text
//! inner = Qᵀ E Q,  E_ij a function of P_ij and (P diag(v) P)_ij = q_iᵀ k q_j
//! ```
//!
//! Tiles of P are made, used and forgotten; by symmetry only those on and below
//! the diagonal, except for P²Q. Never more than a few tiles stand in memory.

use std::ops::Range;

use nalgebra::DMatrix;

use crate::error::Error;
use crate::geometry::Geometry;
use crate::linalg::Blocks;
use crate::scalar::{Scalar, real, vectorised};

/// Q with what is needed to walk over the tiles of P.
pub(crate) struct Square<T: Scalar> {
    /// Qᵀ, d×n.
    rows: DMatrix<T>,
    /// The rows of P, n numbers each.
    blocks: Blocks,
}

/// One tile: P and, if asked for, P diag(v) P.
struct Tile<T: Scalar> {
    p: DMatrix<T>,
    n: Option<DMatrix<T>>,
}

impl<T: Scalar> Square<T> {
    /// Gathers Q. O(nd) memory.
    pub(crate) fn new(at: &Geometry<T>) -> Result<Self, Error> {
        let (n, d) = (at.slack().len(), at.x().len());
        let entries = at.fold_q_with(
            n * d,
            (|| (), Vec::new),
            |entries: &mut Vec<T>, (), q, _| {
                entries.reserve(q.len());
                for row in q.row_iter() {
                    entries.extend(row.iter().copied());
                }
            },
            |entries, part| entries.extend(part),
        )?;
        Ok(Square {
            rows: DMatrix::from_vec(d, n, entries.unwrap_or_default()),
            blocks: Blocks::new(n, n),
        })
    }

    fn columns(&self, range: &Range<usize>) -> DMatrix<T> {
        self.rows.columns(range.start, range.len()).into_owned()
    }

    /// Rows j and columns i of P, and of P diag(v) P from `k = Qᵀ diag(v) Q`,
    /// given q_i and k q_i as columns.
    fn tile(&self, q_j: &DMatrix<T>, q_i: &DMatrix<T>, kq_i: Option<&DMatrix<T>>) -> Tile<T> {
        let product = |right: &DMatrix<T>| {
            let mut out = DMatrix::zeros(q_j.ncols(), right.ncols());
            T::add_transposed_product(q_j, right, &mut out);
            out
        };
        Tile {
            p: product(q_i),
            n: kq_i.map(product),
        }
    }

    /// `Σ_ij q_i E_ij q_jᵀ` for F symmetric matrices E, whose entries are
    /// `entries(i, j, P_ij, (P diag(v) P)_ij)`; the last is zero without k.
    /// n²d/2 for P, as much for P diag(v) P and for each E.
    pub(crate) fn forms<const F: usize>(
        &self,
        k: Option<&DMatrix<T>>,
        entries: impl Fn(usize, usize, T, T) -> [T; F] + Sync,
    ) -> Result<[DMatrix<T>; F], Error> {
        let d = self.rows.nrows();
        let zero = || -> [DMatrix<T>; F] { std::array::from_fn(|_| DMatrix::zeros(d, d)) };
        let sums = self.blocks.fold(
            zero,
            |sums, range| {
                let q_i = self.columns(&range);
                let kq_i = k.map(|k| {
                    let mut out = DMatrix::zeros(d, range.len());
                    T::multiply(k, &q_i, &mut out);
                    out
                });
                let image = || DMatrix::zeros(d, range.len());
                let mut images: [DMatrix<T>; F] = std::array::from_fn(|_| image());
                for other in self.blocks.in_order() {
                    if other.start > range.start {
                        break;
                    }
                    // The other half of a tile on the diagonal is its own.
                    let diagonal = other.start == range.start;
                    let half = real::<T>(if diagonal { 0.5 } else { 1.0 });
                    let q_j = self.columns(&other);
                    let tile = self.tile(&q_j, &q_i, kq_i.as_ref());
                    let e = tile.map(|row, column, p, n| {
                        entries(range.start + column, other.start + row, p, n).map(|e| e * half)
                    });
                    for (image, e) in images.iter_mut().zip(&e) {
                        T::add_leading_product(&q_j, e, image);
                    }
                }
                let q_i = q_i.transpose();
                for (sum, image) in sums.iter_mut().zip(&images) {
                    T::add_leading_product(image, &q_i, sum);
                }
                Ok(())
            },
            |sums, parts| {
                let both = sums.iter_mut().zip(parts);
                both.for_each(|(sum, part)| *sum += part);
            },
        )?;
        // Half of the tiles were summed: the others are their transposes.
        Ok(sums.unwrap_or_else(zero).map(|sum| &sum + sum.transpose()))
    }

    /// `Σ over blocks` of rows of Q and P²Q, both transposed, lower triangles
    /// added by `add(sum, first row, Qᵀ, (P²Q)ᵀ)`. 2n²d.
    pub(crate) fn over_squared(
        &self,
        add: impl Fn(&mut DMatrix<T>, usize, &DMatrix<T>, DMatrix<T>) + Sync,
    ) -> Result<DMatrix<T>, Error> {
        let d = self.rows.nrows();
        let zero = || DMatrix::zeros(d, d);
        let sum = self.blocks.fold(
            zero,
            |sum, range| {
                let q_i = self.columns(&range);
                let mut squared = DMatrix::zeros(d, range.len());
                for other in self.blocks.in_order() {
                    let q_j = self.columns(&other);
                    let [p] = self.tile(&q_j, &q_i, None).map(|_, _, p, _| [p * p]);
                    T::add_leading_product(&q_j, &p, &mut squared);
                }
                add(sum, range.start, &q_i, squared);
                Ok(())
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(zero))
    }
}

impl<T: Scalar> Tile<T> {
    /// Matrices of the tile's shape, entry by entry.
    fn map<const F: usize>(
        &self,
        entries: impl Fn(usize, usize, T, T) -> [T; F],
    ) -> [DMatrix<T>; F] {
        let (rows, columns) = self.p.shape();
        let mut out: [DMatrix<T>; F] = std::array::from_fn(|_| DMatrix::zeros(rows, columns));
        vectorised(
            #[inline(always)]
            || {
                for column in 0..columns {
                    for row in 0..rows {
                        let n = self.n.as_ref().map_or(T::zero(), |n| n[(row, column)]);
                        let values = entries(row, column, self.p[(row, column)], n);
                        for (out, value) in out.iter_mut().zip(values) {
                            out[(row, column)] = value;
                        }
                    }
                }
            },
        );
        out
    }
}
