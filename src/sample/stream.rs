//! Random numbers by seed, purpose and, where rows need their own, row.

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use rand_xoshiro::SplitMix64;

/// What numbers are drawn for: streams of one seed must not overlap.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Which rows are kept.
    Rows = 1,
    /// The embedding that reduces n rows.
    Embedding = 2,
    /// The projection that reduces d columns.
    Projection = 3,
}

/// The stream of a purpose.
pub(super) fn stream(seed: u64, purpose: Purpose) -> StdRng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8] = purpose as u8;
    StdRng::from_seed(key)
}

/// Streams that belong to rows: what row i draws depends on the seed and on i
/// alone, whichever rows were looked at before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowStreams(u64);

impl RowStreams {
    pub(super) fn new(seed: u64, purpose: Purpose) -> Self {
        RowStreams(stream(seed, purpose).next_u64())
    }

    /// The stream of row i. Seeded by a number that was mixed once: SplitMix64's
    /// states advance by a constant, and those of neighbouring seeds overlap.
    pub(super) fn row(self, i: usize) -> SplitMix64 {
        let mut mix = SplitMix64::seed_from_u64(self.0 ^ i as u64);
        SplitMix64::seed_from_u64(mix.next_u64())
    }
}
