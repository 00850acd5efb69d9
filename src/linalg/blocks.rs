//! Fixed row blocks, walked in parallel and reduced in order.
//!
//! How n rows fall into blocks and blocks into chunks depends on n and d
//! alone, a chunk is walked in order, and chunks are merged along one fixed
//! binary tree: results are equal to the last bit on any number of threads, and
//! no more partial sums stand in memory than a thread has levels above it.

use std::ops::Range;

use crate::error::Error;

/// Entries of a block: 256 KiB of f64, so that one block, its scaled copy and its
/// image under a d×d matrix stay in a core's second-level cache.
const BLOCK_ENTRIES: usize = 1 << 15;
/// Rows of a block: enough to amortise a kernel's start, few enough to balance.
const BLOCK_ROWS: (usize, usize) = (192, 4080);
/// Rows come in multiples of this, so that they fill the registers that a matrix
/// product works in: six vectors of eight.
const ROW_UNIT: usize = 48;
/// Chunks: enough to keep a many-core machine busy, few enough that merging their
/// d×d partial sums costs nothing.
const CHUNKS: usize = 32;
/// Entries of A below which starting threads costs more than it saves.
const PARALLEL_ENTRIES: usize = 1 << 15;

/// The partition of n rows of length d.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blocks {
    n: usize,
    d: usize,
    rows: usize,
    chunks: usize,
}

/// What a walk over row blocks fills: n-vectors, cut where the rows are cut.
pub(crate) trait Split: Send + Sized {
    /// The part of the first `rows` rows, and the rest.
    fn split(self, rows: usize) -> (Self, Self);
}

impl Split for () {
    fn split(self, _: usize) -> (Self, Self) {
        ((), ())
    }
}

impl<T: Send> Split for &mut [T] {
    fn split(self, rows: usize) -> (Self, Self) {
        self.split_at_mut(rows)
    }
}

/// One of something for each block.
struct PerBlock<'a, R> {
    items: &'a mut [R],
    rows: usize,
}

impl<R: Send> Split for PerBlock<'_, R> {
    fn split(self, rows: usize) -> (Self, Self) {
        let count = rows.div_ceil(self.rows).min(self.items.len());
        let (head, tail) = self.items.split_at_mut(count);
        let part = |items| PerBlock {
            items,
            rows: self.rows,
        };
        (part(head), part(tail))
    }
}

impl Blocks {
    pub(crate) fn new(n: usize, d: usize) -> Self {
        let rows = (BLOCK_ENTRIES / d.max(1)).clamp(BLOCK_ROWS.0, BLOCK_ROWS.1);
        Blocks {
            n,
            d,
            rows: rows / ROW_UNIT * ROW_UNIT,
            chunks: CHUNKS,
        }
    }

    /// The same with blocks of at least so many rows: for work whose cost per
    /// block is that of many rows.
    pub(crate) fn taller(mut self, rows: usize) -> Self {
        self.rows = self.rows.max(rows);
        self
    }

    /// The same with fewer chunks where a partial sum has so many entries that
    /// all of them would outgrow a quarter of A; a power of two, so that threads
    /// have equal parts of the tree.
    pub(crate) fn with_sums_of(mut self, entries: usize) -> Self {
        let most = (self.n * self.d / 4).checked_div(entries);
        let most = most.unwrap_or(CHUNKS).clamp(2, CHUNKS);
        self.chunks = 1 << most.ilog2();
        self
    }

    /// The index of the block that begins at `range`.
    pub(crate) fn index(&self, range: &Range<usize>) -> usize {
        range.start / self.rows
    }

    /// The block that row i lies in, and its place there.
    pub(crate) fn around(&self, i: usize) -> (Range<usize>, usize) {
        let start = i - i % self.rows;
        (start..(start + self.rows).min(self.n), i % self.rows)
    }

    /// All blocks, in order.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        self.blocks_of(0..self.n)
    }

    fn blocks_of(&self, chunk: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, end) = (self.rows, chunk.end);
        chunk
            .step_by(rows)
            .map(move |start| start..(start + rows).min(end))
    }

    /// The walk that all others are: `out` is cut by rows; `scratch()` and
    /// `start()` once per chunk, `step` per block, sums joined by `merge`. `None`
    /// for no rows.
    ///
    /// The first error in row order is reported, whichever thread was faster.
    pub(crate) fn sweep<O: Split, A: Send, S>(
        &self,
        out: O,
        scratch: impl Fn() -> S + Sync,
        start: impl Fn() -> A + Sync,
        step: impl Fn(&mut A, &mut S, Range<usize>, O) -> Result<(), Error> + Sync,
        merge: impl Fn(&mut A, A) + Sync,
    ) -> Result<Option<A>, Error> {
        let blocks = self.n.div_ceil(self.rows);
        let chunks = blocks.min(self.chunks);
        if chunks == 0 {
            return Ok(None);
        }
        let chunk = |rows: Range<usize>, out: O| {
            let (mut sum, mut scratch, mut rest) = (start(), scratch(), out);
            for block in self.blocks_of(rows) {
                let own;
                (own, rest) = rest.split(block.len());
                step(&mut sum, &mut scratch, block, own)?;
            }
            Ok(sum)
        };
        let tree = Tree {
            chunk: &chunk,
            merge: &merge,
            edge: &|k: usize| (k * blocks / chunks * self.rows).min(self.n),
            parallel: self.n * self.d >= PARALLEL_ENTRIES && several_threads(),
        };
        tree.sum(0..chunks, out).map(Some)
    }

    /// Accumulates over the blocks, without scratch.
    pub(crate) fn fold<A: Send>(
        &self,
        start: impl Fn() -> A + Sync,
        step: impl Fn(&mut A, Range<usize>) -> Result<(), Error> + Sync,
        merge: impl Fn(&mut A, A) + Sync,
    ) -> Result<Option<A>, Error> {
        let step = |sum: &mut A, (): &mut (), range: Range<usize>, ()| step(sum, range);
        self.sweep((), || (), start, step, merge)
    }

    /// Fills an n-vector block by block; `scratch` lives for a chunk.
    pub(crate) fn fill<T: Send, S>(
        &self,
        out: &mut [T],
        scratch: impl Fn() -> S + Sync,
        step: impl Fn(&mut S, Range<usize>, &mut [T]) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let step = |(): &mut (), scratch: &mut S, range: Range<usize>, out: &mut [T]| {
            step(scratch, range, out)
        };
        self.sweep(out, scratch, || (), step, |(), ()| ())?;
        Ok(())
    }

    /// One result per block, in order.
    pub(crate) fn map<R: Send>(
        &self,
        work: impl Fn(Range<usize>) -> Result<R, Error> + Sync,
    ) -> Result<Vec<R>, Error> {
        let mut results: Vec<Option<R>> = self.in_order().map(|_| None).collect();
        self.renew(
            &mut results,
            || (),
            |(), range, result| {
                *result = Some(work(range)?);
                Ok(())
            },
        )?;
        Ok(results.into_iter().flatten().collect())
    }

    /// Makes anew what there is one of for each block; `scratch` lives for a
    /// chunk.
    pub(crate) fn renew<R: Send, S>(
        &self,
        items: &mut [R],
        scratch: impl Fn() -> S + Sync,
        step: impl Fn(&mut S, Range<usize>, &mut R) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let items = PerBlock {
            items,
            rows: self.rows,
        };
        let step = |(): &mut (), scratch: &mut S, range: Range<usize>, own: PerBlock<'_, R>| {
            own.items
                .iter_mut()
                .try_for_each(|item| step(scratch, range.clone(), item))
        };
        self.sweep(items, scratch, || (), step, |(), ()| ())?;
        Ok(())
    }
}

/// Whether there is anyone to share work with: a lone worker would be handed all
/// of it, and each thread that multiplies matrices has megabytes of its own.
fn several_threads() -> bool {
    #[cfg(feature = "parallel")]
    return rayon::current_num_threads() > 1;
    #[cfg(not(feature = "parallel"))]
    return false;
}

/// The fixed binary tree of sums over chunks.
struct Tree<'a, C, M, E> {
    chunk: &'a C,
    merge: &'a M,
    edge: &'a E,
    #[cfg_attr(not(feature = "parallel"), expect(dead_code))]
    parallel: bool,
}

impl<C, M, E: Fn(usize) -> usize + Sync> Tree<'_, C, M, E> {
    /// The sum over chunks `chunks`: one half, the other half, and a merge.
    fn sum<O: Split, A: Send>(&self, chunks: Range<usize>, out: O) -> Result<A, Error>
    where
        C: Fn(Range<usize>, O) -> Result<A, Error> + Sync,
        M: Fn(&mut A, A) + Sync,
    {
        let first = (self.edge)(chunks.start);
        if chunks.len() == 1 {
            return (self.chunk)(first..(self.edge)(chunks.end), out);
        }
        let middle = chunks.start + chunks.len() / 2;
        let (lower, upper) = (chunks.start..middle, middle..chunks.end);
        let (left, right) = out.split((self.edge)(middle) - first);
        #[cfg(feature = "parallel")]
        if self.parallel {
            let (sum, part) = rayon::join(|| self.sum(lower, left), || self.sum(upper, right));
            let mut sum = sum?;
            (self.merge)(&mut sum, part?);
            return Ok(sum);
        }
        let mut sum = self.sum(lower, left)?;
        (self.merge)(&mut sum, self.sum(upper, right)?);
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_visited_once_and_in_order() {
        for (n, d) in [
            (1, 1),
            (127, 3),
            (128, 3),
            (5_000, 40),
            (300_000, 7),
            (40_000, 2_000),
        ] {
            let blocks = Blocks::new(n, d);
            let seen = blocks
                .sweep(
                    (),
                    || (),
                    Vec::new,
                    |seen, (), rows, ()| {
                        seen.extend(rows);
                        Ok(())
                    },
                    |a, b| a.extend(b),
                )
                .unwrap()
                .unwrap();
            assert!(seen.into_iter().eq(0..n), "n = {n}, d = {d}");
            let mut filled = vec![0; n];
            blocks
                .fill(
                    &mut filled,
                    || (),
                    |_, rows, out| {
                        out.iter_mut().zip(rows).for_each(|(o, i)| *o = i);
                        Ok(())
                    },
                )
                .unwrap();
            assert!(filled.into_iter().eq(0..n), "n = {n}, d = {d}");
        }
    }
}
