//! Noisy scores made into scores that a design can have, and weighed.

use nalgebra::DVector;

use crate::recover::noise::Reading;
use crate::recover::scores::structure::Components;
use crate::scalar::{Scalar, count, epsilon, real};

/// Scores stay this part of their standard deviation away from 0 and 1: a score
/// that noise hides is some such part of it.
const MARGIN: f64 = 0.25;
/// Halvings of the shift that gives a component its sum: variances of 1 beside
/// those of 1e-16, squared, and all digits of f64 after that.
const HALVINGS: usize = 200;
/// Slacks known worse than this, relative, say nothing of a sign.
const VAGUE: f64 = 0.5;

/// Scores near the given ones between 0 and 1 that sum to its rank on each
/// component: the nearest, in units of the noise. Where there is no value,
/// `guess` gives one, of which any is as good.
pub(crate) fn nearest<T: Scalar>(
    reading: &Reading<T>,
    components: &Components,
    guess: &DVector<T>,
) -> DVector<T> {
    let n = guess.len();
    let least = epsilon::<T>();
    let margin = reading.deviations.map(|sd| {
        let part = sd * real(MARGIN);
        part.max(least).min(real(0.25))
    });
    let value = |i: usize| {
        if reading.known[i] {
            reading.values[i]
        } else {
            guess[i]
        }
    };
    let give = |i: usize| {
        if reading.known[i] {
            reading.deviations[i] * reading.deviations[i]
        } else {
            // Takes what the others need not.
            T::one()
        }
    };
    let mut out = DVector::zeros(n);
    for (k, &rank) in components.ranks.iter().enumerate() {
        let rows: Vec<usize> = (0..n).filter(|&i| components.of(i) == Some(k)).collect();
        let shifted = |i: usize, shift: T| {
            (value(i) + shift * give(i)).clamp(margin[i], T::one() - margin[i])
        };
        let excess = |shift: T| {
            rows.iter().fold(T::zero(), |s, &i| s + shifted(i, shift)) - count::<T>(rank)
        };
        // A shift of 2 divided by the least variance moves every score past an end.
        let smallest = rows.iter().map(|&i| give(i)).reduce(T::min);
        let far = real::<T>(2.0) / smallest.unwrap_or_else(T::one).max(least * least);
        let (mut low, mut high) = (-far, far);
        for _ in 0..HALVINGS {
            let middle = (low + high) * real(0.5);
            if middle == low || middle == high {
                break;
            }
            if excess(middle) > T::zero() {
                high = middle;
            } else {
                low = middle;
            }
        }
        let shift = (low + high) * real(0.5);
        // Scores that have their sum already are left as they are.
        let shift = if excess(T::zero()).abs() <= excess(shift).abs() {
            T::zero()
        } else {
            shift
        };
        rows.iter().for_each(|&i| out[i] = shifted(i, shift));
    }
    out
}

/// What the sum leaves for the rows without a value, shared among them by
/// `shares`.
pub(crate) fn shared<T: Scalar>(
    reading: &Reading<T>,
    components: &Components,
    shares: &DVector<T>,
) -> DVector<T> {
    let n = shares.len();
    let mut out = DVector::zeros(n);
    for (k, &rank) in components.ranks.iter().enumerate() {
        let own = |i: &usize| components.of(*i) == Some(k);
        let (known, missing): (Vec<usize>, Vec<usize>) =
            (0..n).filter(own).partition(|&i| reading.known[i]);
        let left = count::<T>(rank) - known.iter().fold(T::zero(), |s, &i| s + reading.values[i]);
        let all = missing.iter().fold(T::zero(), |s, &i| s + shares[i]);
        for &i in &missing {
            out[i] = left * shares[i] / all;
        }
    }
    out
}

/// How far each |s| may be off, relative: half of what its score is, as
/// |s| ~ √((1−σ)/σ) when the others stay. Zero for rows without a value.
pub(crate) fn relative_errors<T: Scalar>(
    reading: &Reading<T>,
    feasible: &DVector<T>,
) -> DVector<T> {
    DVector::from_fn(feasible.len(), |i, _| {
        let t = feasible[i];
        let error = reading.deviations[i] * real(0.5) / (t * (T::one() - t));
        if reading.known[i] {
            error.max(epsilon())
        } else {
            T::zero()
        }
    })
}

/// Magnitudes from which signs may be read; zero marks the others.
pub(crate) fn telling<T: Scalar>(magnitudes: &DVector<T>, relative: &DVector<T>) -> DVector<T> {
    magnitudes.zip_map(relative, |m, r| {
        if r > T::zero() && r < real(VAGUE) {
            m
        } else {
            T::zero()
        }
    })
}
