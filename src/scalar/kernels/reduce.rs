//! One number of each row: a form of it, or squares.

use nalgebra::DMatrix;
use pulp::{Arch, Simd};

use super::tiles::{ByTiles, PANEL, Tiled, cut, height, panel, products};
use super::wide::Wide;
use super::{DenseRows, Scalar, at_least};

/// Which triangle rows are multiplied by, and what becomes of the products.
#[derive(Clone, Copy)]
pub(crate) enum Triangle {
    /// Lower: `Σ_j a_ij (AL)_ij`.
    Forms,
    /// Upper: `Σ_j (AU)_ij²`.
    Squares,
}

/// `out_i ← a_iᵀ L a_i` or `‖Uᵀ a_i‖²`, for a matrix whose other triangle is zero.
pub(crate) fn reduce_rows<T: Scalar + Wide>(
    rows: DenseRows<'_, T>,
    (triangle, matrix): (Triangle, &DMatrix<T>),
    scratch: &mut DMatrix<T>,
    out: &mut [T],
) {
    Arch::new().dispatch(Tiled(ReduceRows {
        rows,
        triangle,
        matrix,
        scratch,
        out,
    }));
}

struct ReduceRows<'a, T> {
    rows: DenseRows<'a, T>,
    triangle: Triangle,
    matrix: &'a DMatrix<T>,
    scratch: &'a mut DMatrix<T>,
    out: &'a mut [T],
}

impl<T: Scalar + Wide> ByTiles for ReduceRows<'_, T> {
    /// Rows in tiles of `H` vectors' height, each column by column.
    #[inline(always)]
    fn by_tiles<S: Simd, const H: usize>(self, simd: S) {
        let (m, d) = (self.rows.nrows(), self.rows.ncols());
        let padded = m.next_multiple_of(height::<S, T, H>());
        let (sums, tiles) = at_least(self.scratch, padded * (d + 1)).split_at_mut(padded);
        let sums = T::vectors_mut::<S>(sums).0.as_chunks_mut::<H>().0;
        let tiles = T::vectors_mut::<S>(tiles).0;
        cut::<S, T, H>(simd, self.rows, tiles);
        let tiles = tiles.as_chunks::<H>().0.chunks_exact(d.max(1));
        for (sum, tile) in sums.iter_mut().zip(tiles) {
            *sum = match self.triangle {
                Triangle::Forms => forms(simd, tile, self.matrix),
                Triangle::Squares => squares(simd, tile, self.matrix),
            };
        }
        self.out.copy_from_slice(&self.scratch.as_slice()[..m]);
    }
}

#[inline(always)]
fn forms<S: Simd, T: Scalar + Wide, const H: usize>(
    simd: S,
    tile: &[[T::Vector<S>; H]],
    lower: &DMatrix<T>,
) -> [T::Vector<S>; H] {
    let d = tile.len();
    let mut out = [T::filled(simd, T::zero()); H];
    for j in (0..d).step_by(PANEL) {
        let products = products(simd, &tile[j..], panel(lower, j, j..d));
        for (products, y) in products.iter().zip(&tile[j..]) {
            for ((out, &p), &y) in out.iter_mut().zip(products).zip(y) {
                *out = T::multiply_add(simd, p, y, *out);
            }
        }
    }
    out
}

#[inline(always)]
fn squares<S: Simd, T: Scalar + Wide, const H: usize>(
    simd: S,
    tile: &[[T::Vector<S>; H]],
    upper: &DMatrix<T>,
) -> [T::Vector<S>; H] {
    let d = tile.len();
    let mut out = [T::filled(simd, T::zero()); H];
    // The short panel first, where columns are short.
    let (mut j, mut width) = (0, d.min((d + PANEL - 1) % PANEL + 1));
    while j < d {
        let end = j + width;
        let products = products(simd, &tile[..end], panel(upper, j, 0..end));
        for products in &products[..width] {
            for (out, &p) in out.iter_mut().zip(products) {
                *out = T::multiply_add(simd, p, p, *out);
            }
        }
        (j, width) = (end, PANEL);
    }
    out
}
