//! The reductions over dense rows in which all the time goes, each in one run over a
//! block: forms `a_iᵀ L a_i`, squares `‖Uᵀ a_i‖²`, and `Aᵀ diag(v) A`.
//!
//! A matrix product would do the multiplications, but it writes its result to memory
//! for the reduction to read again, and copies blocks on the way. Here what is
//! multiplied is summed up where it stands, in registers.

use std::array::from_fn;
use std::cmp::Ordering;

use nalgebra::DMatrix;
use pulp::{Arch, Simd, WithSimd};

use super::Scalar;
use super::elementwise::STREAMS;
use super::rows::DenseRows;
use super::wide::Wide;

/// Columns of a triangle that are multiplied at a time.
const PANEL: usize = 4;
/// Which triangle rows are multiplied by, and what becomes of the products.
#[derive(Clone, Copy)]
pub(super) enum Triangle {
    /// Lower: `Σ_j a_ij (AL)_ij`.
    Forms,
    /// Upper: `Σ_j (AU)_ij²`.
    Squares,
}

/// `out_i ← a_iᵀ L a_i` or `‖Uᵀ a_i‖²`, for a matrix whose other triangle is zero.
pub(super) fn reduce_rows<T: Scalar + Wide>(
    rows: DenseRows<'_, T>,
    (triangle, matrix): (Triangle, &DMatrix<T>),
    scratch: &mut DMatrix<T>,
    out: &mut [T],
) {
    Arch::new().dispatch(ReduceRows {
        rows,
        triangle,
        matrix,
        scratch,
        out,
    });
}

/// Lower triangle of `c ← c + aᵀ diag(v) a`; a few entries above it change too.
pub(super) fn add_weighted_gram<T: Scalar + Wide>(
    rows: DenseRows<'_, T>,
    v: &[T],
    scratch: &mut DMatrix<T>,
    c: &mut DMatrix<T>,
) {
    Arch::new().dispatch(AddGram {
        rows,
        v,
        scratch,
        c,
    });
}

struct ReduceRows<'a, T> {
    rows: DenseRows<'a, T>,
    triangle: Triangle,
    matrix: &'a DMatrix<T>,
    scratch: &'a mut DMatrix<T>,
    out: &'a mut [T],
}

impl<T: Scalar + Wide> WithSimd for ReduceRows<'_, T> {
    type Output = ();

    /// With as many sums in registers as there are registers for.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT < 32 {
            self.by_tiles::<S, 2>(simd);
        } else {
            self.by_tiles::<S, 3>(simd);
        }
    }
}

impl<T: Scalar + Wide> ReduceRows<'_, T> {
    /// Rows in tiles of `H` vectors' height, each column by column.
    #[inline(always)]
    fn by_tiles<S: Simd, const H: usize>(self, simd: S) {
        let (m, d) = (self.rows.nrows(), self.rows.ncols());
        let height = H * (size_of::<T::Vector<S>>() / size_of::<T>());
        let padded = m.next_multiple_of(height);
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

/// Numbers of scratch, of which there are so many at least.
fn at_least<T: Scalar>(scratch: &mut DMatrix<T>, length: usize) -> &mut [T] {
    if scratch.len() < length {
        *scratch = DMatrix::zeros(length, 1);
    }
    &mut scratch.as_mut_slice()[..length]
}

/// Rows into tiles: as many as stand in `H` vectors, column by column, then the next
/// ones; zeros below the last.
#[inline(always)]
fn cut<S: Simd, T: Scalar + Wide, const H: usize>(
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
    let height = H * (size_of::<T::Vector<S>>() / size_of::<T>());
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
fn panel<T>(matrix: &DMatrix<T>, j: usize, from: std::ops::Range<usize>) -> [&[T]; PANEL] {
    let d = matrix.nrows();
    from_fn(|k| {
        let column = (j + k).min(d - 1) * d;
        &matrix.as_slice()[column..][from.clone()]
    })
}

/// `Σ_k y_k l_kc` for each column c of a panel.
#[inline(always)]
fn products<S: Simd, T: Scalar + Wide, const H: usize>(
    simd: S,
    tile: &[[T::Vector<S>; H]],
    panel: [&[T]; PANEL],
) -> [[T::Vector<S>; H]; PANEL] {
    let mut sums = [[T::filled(simd, T::zero()); H]; PANEL];
    let panel: [_; PANEL] = from_fn(|c| &panel[c][..tile.len()]);
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

struct AddGram<'a, T> {
    rows: DenseRows<'a, T>,
    v: &'a [T],
    scratch: &'a mut DMatrix<T>,
    c: &'a mut DMatrix<T>,
}

impl<T: Scalar + Wide> WithSimd for AddGram<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT < 32 {
            self.by_dots::<S, 3>(simd);
        } else {
            self.by_dots::<S, 4>(simd);
        }
    }
}

impl<T: Scalar + Wide> AddGram<'_, T> {
    /// `W` scaled columns against `W` columns at a time, down the rows. What stands
    /// side by side in a vector is added up at the end.
    #[inline(always)]
    fn by_dots<S: Simd, const W: usize>(self, simd: S) {
        let (rows, v) = (self.rows, self.v);
        let (m, d) = (rows.nrows(), rows.ncols());
        let scaled = at_least(self.scratch, m * W);
        for (j, out) in (0..d)
            .step_by(W)
            .zip(self.c.as_mut_slice().chunks_mut((W * d).max(1)))
        {
            let width = W.min(d - j);
            for (to, k) in scaled.chunks_exact_mut(m.max(1)).zip(j..j + width) {
                for ((to, &a), &v) in to.iter_mut().zip(rows.column(k)).zip(v) {
                    *to = a * v;
                }
            }
            let right = from_fn::<_, W, _>(|k| &scaled[k.min(width - 1) * m..][..m]);
            for i in (j..d).step_by(W) {
                let left = from_fn::<_, W, _>(|k| rows.column((i + k).min(d - 1)));
                let dots = dots(simd, left, right);
                for (out, dots) in out.chunks_exact_mut(d).zip(dots) {
                    out[i..]
                        .iter_mut()
                        .zip(dots)
                        .for_each(|(out, dot)| *out += dot);
                }
            }
        }
    }
}

/// Products of each of some columns with each of some others: `dots[r][l]`.
#[inline(always)]
fn dots<'a, S: Simd, T: Scalar + Wide, const W: usize>(
    simd: S,
    left: [&'a [T]; W],
    right: [&'a [T]; W],
) -> [[T; W]; W] {
    let length = right[0].len();
    let whole = T::vectors::<S>(right[0]).0.len();
    let vectors = |column: &'a [T]| &T::vectors::<S>(&column[..length]).0[..whole];
    let (lefts, rights) = (left.map(vectors), right.map(vectors));
    let mut sums = [[T::filled(simd, T::zero()); W]; W];
    for k in 0..whole {
        let l: [_; W] = from_fn(|i| lefts[i][k]);
        for j in 0..W {
            let r = rights[j][k];
            for i in 0..W {
                sums[j][i] = T::multiply_add(simd, l[i], r, sums[j][i]);
            }
        }
    }
    // Loops, for what `map` calls is not inlined and knows no wide vectors.
    let mut out = [[T::zero(); W]; W];
    for j in 0..W {
        for i in 0..W {
            out[j][i] = T::sum(simd, sums[j][i]);
        }
    }
    let rest = T::vectors::<S>(right[0]).1.len();
    for k in length - rest..length {
        for j in 0..W {
            for i in 0..W {
                out[j][i] += left[i][k] * right[j][k];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers, whose sums are exact in any order.
    fn small(rows: usize, columns: usize, seed: usize) -> DMatrix<f64> {
        DMatrix::from_fn(rows, columns, |i, j| {
            ((i * 5 + j * 7 + seed) % 11) as f64 - 5.0
        })
    }

    fn agree<T: Scalar + Wide>(m: usize, d: usize) {
        let convert = |a: &DMatrix<f64>| a.map(nalgebra::convert::<f64, T>);
        // Rows of a taller matrix, from its second row on.
        let tall = convert(&small(m + 3, d, 1));
        let rows = DenseRows::new(&tall.as_slice()[1..], m, d, m + 3).expect("inside");
        let a = tall.rows(1, m);
        let lower = convert(&small(d, d, 2)).lower_triangle();
        let upper = lower.transpose();
        let v: Vec<T> = convert(&small(m, 1, 3)).as_slice().to_vec();
        // Scratch that another kernel has left.
        let mut scratch = DMatrix::from_element(2, 3, T::one() / T::zero());
        let mut out = vec![T::one(); m];
        reduce_rows(rows, (Triangle::Forms, &lower), &mut scratch, &mut out);
        let forms = a.component_mul(&(a * &lower)).column_sum();
        assert_eq!(out, forms.as_slice(), "forms, {m}×{d}");
        reduce_rows(rows, (Triangle::Squares, &upper), &mut scratch, &mut out);
        let squares = (a * &upper).map(|p| p * p).column_sum();
        assert_eq!(out, squares.as_slice(), "squares, {m}×{d}");
        let mut c = convert(&small(d, d, 4));
        let mut scaled = a.into_owned();
        for (mut row, &v) in scaled.row_iter_mut().zip(&v) {
            row.scale_mut(v);
        }
        let gram = (&c + a.tr_mul(&scaled)).lower_triangle();
        add_weighted_gram(rows, &v, &mut scratch, &mut c);
        assert_eq!(c.lower_triangle(), gram, "AᵀDA, {m}×{d}");
    }

    #[test]
    fn kernels_agree_with_their_definitions_at_every_remainder() {
        for d in [1, 2, 3, 4, 5, 7, 8, 9, 12, 17] {
            for m in (0..50).chain([95, 96, 97, 144, 150]) {
                agree::<f64>(m, d);
                agree::<f32>(m, d);
            }
        }
    }
}
