//! Products q_ia q_ib of pairs of entries of a row, a chunk of pairs at a time.
//!
//! Pairs (a, b), a ≥ b, are ordered by b, then by a. The first chunks hold the
//! pairs with small b: of a third index c ≤ b they need few columns, and the
//! entries T_abc, a ≥ b ≥ c, come to about d³/6 in all.

use std::ops::Range;

use nalgebra::DMatrix;

use crate::scalar::{Scalar, vectorised};

/// Pairs of a chunk. A multiple of every register tile of faer's kernels (48 and
/// less in f64, 96 in f32); with [`SLICE`] rows a chunk's products stay in the
/// second-level cache beside a chunk of sums (measured: 64…192 within 5 %).
const CHUNK: usize = 96;

/// Rows that products are formed for at a time; as for [`CHUNK`].
const SLICE: usize = 96;

/// Entries that a loop takes at once. A run of pairs is rounded up to it: what
/// lies past its end is overwritten by the next run or never read. Runs are
/// short: eight at once take half as long again.
const LANES: usize = 4;

/// All pairs of d indices in chunks.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    d: usize,
    chunks: Vec<Chunk>,
}

/// A contiguous part of the pairs.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    runs: Vec<Run>,
    /// Number of pairs.
    pub(super) len: usize,
    /// One more than the largest b: the third indices c ≤ b that are needed.
    pub(super) columns: usize,
}

/// Pairs (a, b) with one b and successive a.
#[derive(Debug, Clone)]
struct Run {
    /// Place in the chunk.
    start: usize,
    b: usize,
    a: Range<usize>,
}

impl Pairs {
    pub(super) fn new(d: usize) -> Self {
        let mut chunks: Vec<Chunk> = Vec::new();
        for b in 0..d {
            let mut a = b;
            while a < d {
                let chunk = match chunks.last_mut() {
                    Some(chunk) if chunk.len < CHUNK => chunk,
                    _ => {
                        chunks.push(Chunk {
                            runs: Vec::new(),
                            len: 0,
                            columns: 0,
                        });
                        continue;
                    }
                };
                let end = d.min(a + CHUNK - chunk.len);
                chunk.runs.push(Run {
                    start: chunk.len,
                    b,
                    a: a..end,
                });
                chunk.len += end - a;
                chunk.columns = b + 1;
                a = end;
            }
        }
        Pairs { d, chunks }
    }

    pub(super) fn d(&self) -> usize {
        self.d
    }

    pub(super) fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Entries of T that the chunks hold between them: about d³/6.
    pub(super) fn entries(&self) -> usize {
        self.chunks.iter().map(|c| c.len * c.columns).sum()
    }

    /// Chunk and place in it of the pair (a, b), a ≥ b.
    pub(super) fn place(&self, a: usize, b: usize) -> (usize, usize) {
        // The b smaller ones come first, d, d − 1, … pairs each.
        let position = b * (2 * self.d - b + 1) / 2 + a - b;
        (position / CHUNK, position % CHUNK)
    }
}

/// d(d + 1)/2, the number of pairs.
pub(super) fn count(d: usize) -> usize {
    d * (d + 1) / 2
}

impl Chunk {
    /// The pairs (a, b) in order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.runs
            .iter()
            .flat_map(|run| run.a.clone().map(|a| (a, run.b)))
    }

    /// A column of products for each row of Q, given as the first columns of
    /// `transposed`: the left factor of T as faer's kernels like it best.
    pub(super) fn products_by_row<T: Scalar>(
        &self,
        (transposed, height): (&DMatrix<T>, usize),
        products: &mut DMatrix<T>,
    ) {
        let (from, to) = (transposed.nrows(), products.nrows());
        let rows = transposed.as_slice().chunks_exact(from).take(height);
        let columns = products.as_mut_slice().chunks_exact_mut(to);
        vectorised(
            #[inline(always)]
            || {
                for (row, out) in rows.zip(columns) {
                    for run in &self.runs {
                        let factor = row[run.b];
                        let len = run.a.len().next_multiple_of(LANES);
                        let out = out[run.start..run.start + len].chunks_exact_mut(LANES);
                        let row = row[run.a.start..run.a.start + len].chunks_exact(LANES);
                        for (out, row) in out.zip(row) {
                            for lane in 0..LANES {
                                out[lane] = row[lane] * factor;
                            }
                        }
                    }
                }
            },
        );
    }
}

/// Scratch for products by row of the largest chunk.
pub(super) fn by_row<T: Scalar>() -> DMatrix<T> {
    DMatrix::zeros(CHUNK + LANES, SLICE)
}

/// Scratch for [`transpose`] of rows of length d.
pub(super) fn columns<T: Scalar>(d: usize) -> DMatrix<T> {
    DMatrix::zeros(d + LANES, SLICE)
}

/// A slice of rows of Q as columns; below them `out` has zeros that the last
/// runs reach into.
pub(super) fn transpose<T: Scalar>(rows: &DMatrix<T>, out: &mut DMatrix<T>) {
    let (height, d) = rows.shape();
    let (entries, to) = (rows.as_slice(), out.nrows());
    for (i, out) in (0..height).zip(out.as_mut_slice().chunks_exact_mut(to)) {
        let row = entries[i..].iter().step_by(height);
        out[..d].iter_mut().zip(row).for_each(|(out, &x)| *out = x);
    }
}

/// Slices of the rows of a block, as `visit(first row, rows)`.
pub(crate) fn for_each_slice<T: Scalar>(q: &DMatrix<T>, mut visit: impl FnMut(usize, &DMatrix<T>)) {
    let (n, d) = q.shape();
    let mut rows = DMatrix::zeros(0, 0);
    for first in (0..n).step_by(SLICE) {
        let height = SLICE.min(n - first);
        if rows.nrows() != height {
            rows = DMatrix::zeros(height, d);
        }
        // As slices: nalgebra copies a part of a matrix entry by entry.
        let to = rows.as_mut_slice().chunks_exact_mut(height);
        for (to, from) in to.zip(q.as_slice().chunks_exact(n)) {
            to.copy_from_slice(&from[first..first + height]);
        }
        visit(first, &rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_its_place_and_its_product() {
        for d in [1, 2, 7, 13, 14, 50, 97, 130] {
            let pairs = Pairs::new(d);
            let q = DMatrix::from_fn(5, d, |i, j| ((i * 7 + j * 3) % 11) as f64 - 4.0);
            let (mut seen, mut by_row) = (0, by_row::<f64>());
            let mut transposed = columns(d);
            transpose(&q, &mut transposed);
            for (k, chunk) in pairs.chunks().iter().enumerate() {
                chunk.products_by_row((&transposed, 5), &mut by_row);
                for (place, (a, b)) in chunk.pairs().enumerate() {
                    assert_eq!(pairs.place(a, b), (k, place), "d = {d}, ({a}, {b})");
                    assert!(a >= b && b < chunk.columns);
                    for i in 0..5 {
                        let expected = q[(i, a)] * q[(i, b)];
                        assert_eq!(by_row[(place, i)], expected);
                    }
                    seen += 1;
                }
                assert_eq!(chunk.pairs().count(), chunk.len);
            }
            assert_eq!(seen, count(d));
        }
    }
}
