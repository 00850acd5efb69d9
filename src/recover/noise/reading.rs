//! A target as it enters a fit: values, and how far each may be off.

use nalgebra::DVector;

use crate::error::Error;
use crate::geometry::check_vector;
use crate::recover::noise::whitening::Whitening;
use crate::recover::noise::{Law, Noise, power_of_ten, rounding, size_of, uniform};
use crate::scalar::{Scalar, real};

/// A target as it enters a fit.
#[derive(Debug, Clone)]
pub(crate) struct Reading<T: Scalar> {
    /// NaN where nothing is known.
    pub(crate) values: DVector<T>,
    /// Zero where nothing is known.
    pub(crate) deviations: DVector<T>,
    pub(crate) known: Vec<bool>,
    /// Where an end of [0, 1] was given for an interval.
    pub(crate) is_interval: Vec<bool>,
}

impl<T: Scalar> Noise<T> {
    /// The variance of the sum of these entries.
    pub(crate) fn variance_of_sum(&self, reading: &Reading<T>, rows: &[usize]) -> T {
        match &self.law {
            Law::Covariance(c) => rows.iter().fold(T::zero(), |sum, &i| {
                rows.iter().fold(sum, |sum, &j| sum + c[(i, j)])
            }),
            _ => rows.iter().fold(T::zero(), |sum, &i| {
                sum + reading.deviations[i] * reading.deviations[i]
            }),
        }
    }

    /// A target of scores as it enters a fit: ends of [0, 1] that rounding has
    /// reached are intervals.
    pub(crate) fn read_scores(&self, target: &DVector<T>) -> Result<Reading<T>, Error> {
        let known = self.known(target)?;
        let mut values = target.clone();
        let mut is_interval = vec![false; target.len()];
        let mut deviations = self.deviations(target)?;
        if let Law::Decimals(k) = &self.law {
            let half = power_of_ten::<T>(-f64::from(*k)) * real(0.5);
            for i in (0..values.len()).filter(|&i| known[i]) {
                // As printed, or as it will be: both lie in the interval.
                let end = if values[i] < half {
                    half * real(0.5)
                } else if values[i] > T::one() - half {
                    T::one() - half * real(0.5)
                } else {
                    continue;
                };
                values[i] = end;
                deviations[i] = uniform(half);
                is_interval[i] = true;
            }
        }
        Ok(Reading {
            deviations: with_rounding(&deviations, &known, size_of(&values, &known)),
            values,
            known,
            is_interval,
        })
    }

    /// A target of a gradient as it enters a fit.
    pub(crate) fn read_gradient(&self, target: &DVector<T>) -> Result<Reading<T>, Error> {
        check_vector("target", target, target.len())?;
        let known = vec![true; target.len()];
        let deviations = self.deviations(target)?;
        Ok(Reading {
            values: target.clone(),
            deviations: with_rounding(&deviations, &known, size_of(target, &known)),
            is_interval: vec![false; target.len()],
            known,
        })
    }

    /// What turns the errors of the known entries into independent ones of
    /// variance 1. `sums` says that the entries have a known sum, so that C may
    /// have no variance along 1. O(n), and O(n³) for a full covariance.
    pub(crate) fn whitening(
        &self,
        reading: &Reading<T>,
        sums: bool,
    ) -> Result<Whitening<T>, Error> {
        let Law::Covariance(c) = &self.law else {
            let inverse = |sd: T| {
                if sd > T::zero() {
                    T::one() / sd
                } else {
                    T::zero()
                }
            };
            return Ok(Whitening::Diagonal(reading.deviations.map(inverse)));
        };
        let known: Vec<usize> = (0..reading.known.len())
            .filter(|&i| reading.known[i])
            .collect();
        Whitening::of_matrix(c, &known, sums)
    }
}

/// Noise below the arithmetic's own rounding is not all there is.
fn with_rounding<T: Scalar>(deviations: &DVector<T>, known: &[bool], size: T) -> DVector<T> {
    let own = rounding(size);
    DVector::from_fn(deviations.len(), |i, _| {
        if known[i] {
            (deviations[i] * deviations[i] + own * own).sqrt()
        } else {
            T::zero()
        }
    })
}
