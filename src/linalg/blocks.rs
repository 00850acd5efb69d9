//! Fixed row blocks, walked in parallel and reduced in order.
//!
//! How n rows fall into blocks and blocks into chunks depends on n and d
//! alone, a chunk is walked in order, and chunks are merged in order: results
//! are equal to the last bit on any number of threads.

use std::ops::Range;

#[cfg(feature = "parallel")]
use rayon::prelude::*;

use crate::error::Error;

/// Entries of a block: 1 MiB of f64, so that one block and its image under a
/// d×d matrix stay in a core's second-level cache.
const BLOCK_ENTRIES: usize = 1 << 17;
/// Rows of a block: enough to amortise a kernel's start, few enough to balance.
const BLOCK_ROWS: (usize, usize) = (128, 4096);
/// Chunks: enough to keep a many-core machine busy, few enough that their d×d
/// partial sums stay small beside A.
const CHUNKS: usize = 32;
/// Entries of A below which starting threads costs more than it saves.
#[cfg(feature = "parallel")]
const PARALLEL_ENTRIES: usize = 1 << 15;

/// The partition of n rows of length d.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blocks {
    n: usize,
    d: usize,
    rows: usize,
}

impl Blocks {
    pub(crate) fn new(n: usize, d: usize) -> Self {
        let rows = (BLOCK_ENTRIES / d.max(1)).clamp(BLOCK_ROWS.0, BLOCK_ROWS.1);
        Blocks { n, d, rows }
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

    fn chunks(&self) -> Vec<Range<usize>> {
        let blocks = self.n.div_ceil(self.rows);
        let chunks = blocks.min(CHUNKS);
        let edge = |k: usize| (k * blocks / chunks * self.rows).min(self.n);
        (0..chunks).map(|k| edge(k)..edge(k + 1)).collect()
    }

    fn blocks_of(&self, chunk: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, end) = (self.rows, chunk.end);
        chunk
            .step_by(rows)
            .map(move |start| start..(start + rows).min(end))
    }

    /// All blocks, in order.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        self.blocks_of(0..self.n)
    }

    /// Runs `work` on every item, in parallel where it pays, results in order.
    fn run<I: Send, R: Send>(
        &self,
        items: Vec<I>,
        work: impl Fn(I) -> Result<R, Error> + Sync,
    ) -> Result<Vec<R>, Error> {
        #[cfg(feature = "parallel")]
        if items.len() > 1 && self.n * self.d >= PARALLEL_ENTRIES {
            // Collected before the errors are looked at: the first one in row
            // order is reported, whichever thread was faster.
            let results: Vec<_> = items.into_par_iter().map(&work).collect();
            return results.into_iter().collect();
        }
        items.into_iter().map(work).collect()
    }

    /// Accumulates over the blocks: one `start()` per chunk, `step` per block,
    /// chunks joined in order by `merge`. `None` for no rows.
    pub(crate) fn fold<A: Send>(
        &self,
        start: impl Fn() -> A + Sync,
        step: impl Fn(&mut A, Range<usize>) -> Result<(), Error> + Sync,
        merge: impl Fn(&mut A, A),
    ) -> Result<Option<A>, Error> {
        let parts = self.run(self.chunks(), |chunk| {
            let mut sum = start();
            for block in self.blocks_of(chunk) {
                step(&mut sum, block)?;
            }
            Ok(sum)
        })?;
        Ok(parts.into_iter().reduce(|mut sum, part| {
            merge(&mut sum, part);
            sum
        }))
    }

    /// Fills an n-vector block by block; `scratch` lives for a chunk.
    pub(crate) fn fill<T: Send, S>(
        &self,
        out: &mut [T],
        scratch: impl Fn() -> S + Sync,
        step: impl Fn(&mut S, Range<usize>, &mut [T]) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let mut rest = out;
        let mut items = Vec::new();
        for chunk in self.chunks() {
            let (head, tail) = rest.split_at_mut(chunk.len());
            items.push((chunk, head));
            rest = tail;
        }
        self.run(items, |(chunk, out)| {
            let mut scratch = scratch();
            for (block, out) in self.blocks_of(chunk).zip(out.chunks_mut(self.rows)) {
                step(&mut scratch, block, out)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// One result per block, in order.
    pub(crate) fn map<R: Send>(
        &self,
        work: impl Fn(Range<usize>) -> Result<R, Error> + Sync,
    ) -> Result<Vec<R>, Error> {
        self.run(self.in_order().collect(), work)
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
                .fold(
                    Vec::new,
                    |seen, rows| {
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
