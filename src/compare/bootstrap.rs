//! How far results hang on which problems were chosen.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::profile::Curve;

/// Samples that a bootstrap draws. So that percentiles 2.5 and 97.5 are order
/// statistics, the 25th and the 975th: (B + 1)·2.5 % is an integer. The level of
/// each is then off by √(0.025·0.975/B) = 0.5 %, and a band costs milliseconds.
pub const RESAMPLES: usize = 999;

/// The 25th smallest, counted from 0.
const LOWER: usize = (RESAMPLES + 1) / 40 - 1;
const UPPER: usize = RESAMPLES - 1 - LOWER;

/// Percentiles 2.5 and 97.5 of a [`Curve`] over other draws of problems, at the
/// abscissae of its points.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Band {
    /// The lower end at each point.
    pub lower: Vec<f64>,
    /// The upper end at each point.
    pub upper: Vec<f64>,
}

/// A band for each curve: problems are drawn again, as many as there are, with
/// replacement; [`RESAMPLES`] times.
///
/// A solver that fails on all problems, or on none, has a band without width:
/// problems unlike all of these are not in the sample. Solvers are not drawn, and
/// ratios stay those to the best of all solvers.
///
/// Equal seeds draw equal problems for all curves of a comparison, so that they
/// can be compared within each draw, and give equal bands.
///
/// # Complexity
/// O(B·k log B) time for k points, O(B·k) memory, B = [`RESAMPLES`].
///
/// # Example
/// See [`performance_profile`](super::performance_profile).
///
/// # Source
/// B. Efron and R. J. Tibshirani, *An introduction to the bootstrap* (1993), §13;
/// the number of samples as A. C. Davison and D. V. Hinkley, *Bootstrap methods
/// and their application* (1997), §2.5, have it.
pub fn bootstrap(curves: &[Curve], seed: u64) -> Vec<Band> {
    curves.iter().map(|curve| band(curve, seed)).collect()
}

fn band(curve: &Curve, seed: u64) -> Band {
    let mut columns = vec![Vec::with_capacity(RESAMPLES); curve.points.len()];
    for weights in resamples(curve.problems(), seed) {
        for (column, height) in columns.iter_mut().zip(curve.heights(&weights)) {
            column.push(height);
        }
    }
    let (lower, upper) = columns
        .into_iter()
        .map(percentiles)
        .map(|(lower, upper)| (curve.share(lower), curve.share(upper)))
        .unzip();
    Band { lower, upper }
}

/// How often each of n problems is in each sample.
pub(super) fn resamples(n: usize, seed: u64) -> impl Iterator<Item = Vec<u64>> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..RESAMPLES).map(move |_| {
        let mut weights = vec![0; n];
        for _ in 0..n {
            weights[rng.random_range(0..n)] += 1;
        }
        weights
    })
}

/// Percentiles 2.5 and 97.5 of [`RESAMPLES`] values.
pub(super) fn percentiles<T: Ord + Copy>(mut values: Vec<T>) -> (T, T) {
    values.sort_unstable();
    (values[LOWER], values[UPPER])
}
