//! Rows cut into tiles, and their products with columns of a matrix.

use std::array::from_fn;
use std::cmp::Ordering;
use std::ops::Range;

use nalgebra::DMatrix;
use pulp::{Simd, WithSimd};

use super::wide::Wide;
use super::{DenseRows, Scalar};
use crate::scalar::elementwise::STREAMS;

/// Columns of a matrix that are multiplied at a time.
pub(super) const PANEL: usize = 4;

/// Work on tiles of `H` vectors' height.
pub(super) trait ByTiles {
    fn by_tiles<S: Simd, const H: usize>(self, simd: S);
}

/// The same on the machine's vectors, with as many sums in registers as there are
/// registers for.
pub(super) struct Tiled<W>(pub(super) W);

impl<W: ByTiles> WithSimd for Tiled<W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT < 32 {
            self.0.by_tiles::<S, 2>(simd);
        } else {
            self.0.by_tiles::<S, 3>(simd);
        }
    }
}

/// How many rows stand in `H` vectors.
#[inline(always)]
pub(super) fn height<S: Simd, T: Wide, const H: usize>() -> usize {
    H * (size_of::<T::Vector<S>>() / size_of::<T>())
}

/// Rows into tiles: as many as stand in `H` vectors, column by column, then the next
/// ones; zeros below the last.
#[inline(always)]
pub(super) fn cut<S: Simd, T: Scalar + Wide, const H: usize>(
    simd: S,
    rows: DenseRows<'_, T>,
    tiles: &mut [T::Vector<S>],
) {
    let (m, d) = (rows.nrows(), rows.ncols());
    let tiles = tiles.as_chunks_mut::<H>().0;
    let column = |j: usize| T::vectors::<S>(rows.column(j)).0.as_chunks::<H>().0;
    let whole = if d == 0 { 0 } else { column(0).len() };
    let many = d / STREAMS * STREAMS;
    for j in (0..many).step_by(STREAMS) {
        let columns: [_; STREAMS] = from_fn(|k| &column(j + k)[..whole]);
        for (k, tile) in tiles.chunks_exact_mut(d).take(whole).enumerate() {
            let to = &mut tile[j..j + STREAMS];
            for i in 0..STREAMS {
                to[i] = columns[i][k];
            }
        }
    }
    for j in many..d {
        for (tile, &from) in tiles.chunks_exact_mut(d).zip(column(j)) {
            tile[j] = from;
        }
    }
    let height = height::<S, T, H>();
    for (j, to) in tiles[whole * d..].iter_mut().enumerate() {
        let (vectors, rest) = T::vectors::<S>(&rows.column(j)[whole * height..m]);
        for k in 0..H {
            to[k] = match k.cmp(&vectors.len()) {
                Ordering::Less => vectors[k],
                Ordering::Equal => T::partial(simd, rest),
                Ordering::Greater => T::filled(simd, T::zero()),
            };
        }
    }
}

/// Columns `j .. j + PANEL` of a matrix, rows `from` of them; the last one over and
/// over where there are fewer.
#[inline(always)]
pub(super) fn panel<T>(matrix: &DMatrix<T>, j: usize, from: Range<usize>) -> [&[T]; PANEL] {
    let d = matrix.nrows();
    let column = |k: usize| &matrix.as_slice()[(j + k).min(d - 1) * d..][from.clone()];
    // Written out, for what `from_fn` calls is not inlined and knows no wide vectors.
    [column(0), column(1), column(2), column(3)]
}

/// `Σ_k y_k l_kc` for each column c of a panel.
#[inline(always)]
pub(super) fn products<S: Simd, T: Scalar + Wide, const H: usize>(
    simd: S,
    tile: &[[T::Vector<S>; H]],
    panel: [&[T]; PANEL],
) -> [[T::Vector<S>; H]; PANEL] {
    let mut sums = [[T::filled(simd, T::zero()); H]; PANEL];
    let (n, [a, b, c, d]) = (tile.len(), panel);
    let panel = [&a[..n], &b[..n], &c[..n], &d[..n]];
    for (k, y) in tile.iter().enumerate() {
        for (sums, column) in sums.iter_mut().zip(&panel) {
            let factor = T::filled(simd, column[k]);
            for (sum, &y) in sums.iter_mut().zip(y) {
                *sum = T::multiply_add(simd, y, factor, *sum);
            }
        }
    }
    sums
}
