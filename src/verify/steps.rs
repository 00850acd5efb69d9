//! Points near x that are reached without rounding.
//!
//! A difference quotient divides by a displacement. If x + h is rounded, the
//! function is asked at another point than the quotient believes, and at a slack
//! of 1e-8 that alone costs eight digits. All displacements here are multiples
//! of powers of two that lie on the grid of x's own coordinates, so x ± h is
//! exact, and so is every point of an arithmetic progression.

use nalgebra::{DMatrix, DVector};
use rand::Rng;
use rand::rngs::StdRng;

use crate::scalar::{Scalar, epsilon, real, to_f64};

/// Grid points between neighbours in the progression that noise is measured on:
/// enough to draw every rounding anew, few enough that a function changes little.
const NOISE_SPACING: std::ops::Range<i32> = 24..48;

/// The lengths over which a function changes, one a coordinate, and the grid of
/// each coordinate of x.
pub(crate) struct Steps<T: Scalar> {
    x: DVector<T>,
    /// Powers of two.
    lengths: DVector<T>,
    /// Multiples of these can be added to x without rounding (but where a binade
    /// is left).
    quanta: DVector<T>,
    /// Whether the lengths are known and not guessed.
    known: bool,
}

impl<T: Scalar> Steps<T> {
    /// Lengths from an objective's metric M, 1/√M_jj, or where there is none from
    /// the size of x.
    pub(crate) fn new(x: &DVector<T>, metric: Option<&DMatrix<T>>) -> Self {
        let of_metric = |m: &DMatrix<T>, j: usize| to_f64(T::one() / m[(j, j)].sqrt());
        let fits = |m: &&DMatrix<T>| m.shape() == (x.len(), x.len());
        let lengths = metric
            .filter(fits)
            .map(|m| (0..x.len()).map(|j| of_metric(m, j)).collect::<Vec<f64>>());
        Self::with_lengths(x, lengths.as_deref())
    }

    /// With these lengths, where they are positive numbers.
    pub(crate) fn with_lengths(x: &DVector<T>, stated: Option<&[f64]>) -> Self {
        let largest = x.iter().map(|&x| to_f64(x).abs()).fold(0.0, f64::max);
        let elsewhere = if largest > 0.0 { largest } else { 1.0 };
        let guess = |j: usize| {
            let own = to_f64(x[j]).abs();
            if own > 0.0 { own } else { elsewhere }
        };
        let sound = |length: &f64| length.is_finite() && *length > 0.0;
        let known = stated.is_some_and(|lengths| lengths.iter().all(sound));
        let length = |j: usize| {
            let stated = stated.and_then(|lengths| lengths.get(j).copied());
            stated.filter(sound).unwrap_or_else(|| guess(j))
        };
        let lengths = DVector::from_fn(x.len(), |j, _| power_of_two(length(j)));
        let quanta = x.map(|x| {
            if x == T::zero() {
                T::zero()
            } else {
                power_of_two::<T>(to_f64(x).abs()) * epsilon::<T>() * real(4.0)
            }
        });
        Steps {
            x: x.clone(),
            lengths,
            quanta,
            known,
        }
    }

    /// The point itself.
    pub(crate) fn x(&self) -> &DVector<T> {
        &self.x
    }

    /// Whether the lengths are stated, by the objective's metric or the user.
    pub(crate) fn known(&self) -> bool {
        self.known
    }

    /// One length along coordinate j.
    pub(crate) fn axis(&self, j: usize) -> DVector<T> {
        let mut v = DVector::zeros(self.x.len());
        v[j] = self.lengths[j];
        v
    }

    /// A random direction of about one length in every coordinate.
    pub(crate) fn direction(&self, rng: &mut StdRng) -> DVector<T> {
        let scale = 1.0 / (self.x.len() as f64).sqrt();
        DVector::from_fn(self.x.len(), |j, _| {
            let size = f64::from(rng.random_range(3..=8));
            let sign = if rng.random_bool(0.5) { 0.25 } else { -0.25 };
            self.lengths[j] * power_of_two(scale) * real(sign * size)
        })
    }

    /// The spacing of a progression on x's grid, in a random direction.
    pub(crate) fn spacing(&self, rng: &mut StdRng) -> DVector<T> {
        DVector::from_fn(self.x.len(), |j, _| {
            // A coordinate near zero moves by roundings of its length: its own
            // would be lost in sums with the others.
            let unit = self.quanta[j].max(self.lengths[j] * epsilon::<T>() * real(4.0));
            let count = f64::from(rng.random_range(NOISE_SPACING));
            let sign = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
            unit * real(sign * count)
        })
    }

    /// A spacing in units of the lengths, its largest coordinate.
    pub(crate) fn in_lengths(&self, spacing: &DVector<T>) -> f64 {
        let ratio = |(&s, &l): (&T, &T)| to_f64(s / l).abs();
        spacing
            .iter()
            .zip(self.lengths.iter())
            .map(ratio)
            .fold(0.0, f64::max)
    }

    /// x + factor·v, and whether no coordinate of it was rounded: the factor is a
    /// power of two, v one of the directions above.
    pub(crate) fn at(&self, v: &DVector<T>, factor: T) -> Option<DVector<T>> {
        let fits = |(&v, &quantum): (&T, &T)| v == T::zero() || (v * factor).abs() >= quantum;
        v.iter()
            .zip(self.quanta.iter())
            .all(fits)
            .then(|| &self.x + v * factor)
    }
}

/// The largest power of two that is not above a positive number.
pub(crate) fn power_of_two<T: Scalar>(value: f64) -> T {
    real(value.log2().floor().clamp(-1000.0, 1000.0).exp2())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn displacements_are_exact() {
        let x = DVector::from_vec(vec![1.9, -0.1, 0.0, 3e9, 7e-12]);
        let steps = Steps::new(&x, None);
        let mut rng = StdRng::seed_from_u64(3);
        let exact = |v: &DVector<f64>, factor: f64| {
            let (up, down) = (steps.at(v, factor).unwrap(), steps.at(v, -factor).unwrap());
            let step = v * factor;
            (0..x.len()).all(|j| up[j] - x[j] == step[j] && x[j] - down[j] == step[j])
        };
        for level in 1..20 {
            let factor = (-f64::from(level)).exp2();
            assert!(exact(&steps.direction(&mut rng), factor), "level {level}");
            assert!((0..5).all(|j| exact(&steps.axis(j), factor)));
        }
        let spacing = steps.spacing(&mut rng);
        assert!((1..5).all(|k| exact(&spacing, f64::from(k))));
    }
}
