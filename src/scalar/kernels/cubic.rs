//! A symmetric tensor of the third order, met by each row twice.

use nalgebra::DMatrix;
use pulp::{Arch, Simd};

use super::tiles::{ByTiles, PANEL, Tiled, cut, height, panel, products};
use super::wide::Wide;
use super::{DenseRows, Scalar, at_least};
use crate::scalar::real;

/// Row i of `out` ← the gradient at row i of the cubic form
/// `f(y) = ½ Σ_k y_k (y₀ … y_k) S_k (y₀ … y_k)ᵀ`, S_k symmetric of order k + 1.
///
/// `∂f/∂y_j = ½ y S_j yᵀ + Σ_{k ≥ j} y_k (S_k y)_j` takes each S_k but once.
pub(crate) fn cubic_gradients<T: Scalar + Wide>(
    rows: DenseRows<'_, T>,
    slices: &[DMatrix<T>],
    scratch: &mut DMatrix<T>,
    out: &mut DMatrix<T>,
) {
    Arch::new().dispatch(Tiled(CubicGradients {
        rows,
        slices,
        scratch,
        out,
    }));
}

struct CubicGradients<'a, T> {
    rows: DenseRows<'a, T>,
    slices: &'a [DMatrix<T>],
    scratch: &'a mut DMatrix<T>,
    out: &'a mut DMatrix<T>,
}

impl<T: Scalar + Wide> ByTiles for CubicGradients<'_, T> {
    #[inline(always)]
    fn by_tiles<S: Simd, const H: usize>(self, simd: S) {
        let (m, d) = (self.rows.nrows(), self.rows.ncols());
        let height = height::<S, T, H>();
        let padded = m.next_multiple_of(height);
        let scratch = at_least(self.scratch, (padded + height) * d);
        let (sums, tiles) = scratch.split_at_mut(height * d);
        let tiles = T::vectors_mut::<S>(tiles).0;
        cut::<S, T, H>(simd, self.rows, tiles);
        let tiles = tiles.as_chunks::<H>().0.chunks_exact(d.max(1));
        let out = self.out.as_mut_slice();
        for (start, tile) in (0..m).step_by(height).zip(tiles) {
            gradients(
                simd,
                tile,
                self.slices,
                T::vectors_mut::<S>(sums).0.as_chunks_mut::<H>().0,
            );
            let rows = height.min(m - start);
            for (out, sums) in out.chunks_exact_mut(m).zip(sums.chunks_exact(height)) {
                out[start..start + rows].copy_from_slice(&sums[..rows]);
            }
        }
    }
}

/// The gradients at the rows of a tile.
#[inline(always)]
fn gradients<S: Simd, T: Scalar + Wide, const H: usize>(
    simd: S,
    tile: &[[T::Vector<S>; H]],
    slices: &[DMatrix<T>],
    out: &mut [[T::Vector<S>; H]],
) {
    let zero = [T::filled(simd, T::zero()); H];
    let half = T::filled(simd, real::<T>(0.5));
    out.fill(zero);
    for (k, slice) in slices.iter().enumerate() {
        let (tile, factor) = (&tile[..=k], tile[k]);
        let mut form = zero;
        for j in (0..=k).step_by(PANEL) {
            let products = products(simd, tile, panel(slice, j, 0..k + 1));
            let own = tile[j..].iter().zip(&mut out[j..=k]);
            for (products, (y, out)) in products.iter().zip(own) {
                for i in 0..H {
                    out[i] = T::multiply_add(simd, factor[i], products[i], out[i]);
                    form[i] = T::multiply_add(simd, y[i], products[i], form[i]);
                }
            }
        }
        for i in 0..H {
            out[k][i] = T::multiply_add(simd, form[i], half, out[k][i]);
        }
    }
}
