//! What noisy scores cannot be, told before anything is computed.

use nalgebra::DVector;

use crate::error::Error;
use crate::geometry::{Model, check_vector};
use crate::linalg::BlockWalk;
use crate::recover::Status;
use crate::recover::noise::noisy::NoisyScores;
use crate::recover::noise::{Noise, Reading};
use crate::recover::scores::obstacles::sum_tolerance;
use crate::recover::scores::structure::{Components, column_units, unit_rows};
use crate::recover::scores::{SignKnowledge, flat};
use crate::scalar::{Scalar, real, to_f64};

/// How many standard deviations an entry may lie outside [0, 1], and the sum off
/// d: normal noise goes further once in 10⁹ times.
pub const FAR: f64 = 6.0;

/// Refuses what noise does not explain.
///
/// # Errors
/// [`Error::NonFinite`], [`Error::EntryOutOfRange`] and [`Error::ScoreSum`], the
/// last two beyond [`FAR`] standard deviations.
pub(crate) fn check<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    noise: &Noise<T>,
) -> Result<(), Error> {
    if !noise.allows_missing() {
        check_vector("target", target, target.len())?;
    }
    let reading = read(model, target, noise)?;
    let far = real::<T>(FAR);
    for (index, &t) in target.iter().enumerate() {
        let room = reading.deviations[index] * far;
        if t < -room || t > T::one() + room {
            return Err(Error::EntryOutOfRange {
                what: "target",
                index,
                value: to_f64(t),
                range: "a leverage score, between 0 and 1, up to its noise",
            });
        }
    }
    let rank = model.dim();
    let (sum, room) = sum_and_room(&reading, noise, |_| true);
    let missing = missing(model, &reading)?;
    let room = room + sum_tolerance::<T>(target.len()) * rank as f64;
    if sum - rank as f64 > room || rank as f64 - sum > room + missing as f64 {
        return Err(Error::ScoreSum { sum, rank });
    }
    Ok(())
}

/// The sum of the known scores among some rows, and how far noise may move it.
fn sum_and_room<T: Scalar>(
    reading: &Reading<T>,
    noise: &Noise<T>,
    of: impl Fn(usize) -> bool,
) -> (f64, f64) {
    let rows: Vec<usize> = (0..reading.known.len())
        .filter(|&i| reading.known[i] && of(i))
        .collect();
    let sum = rows.iter().map(|&i| to_f64(reading.values[i])).sum();
    let variance = noise.variance_of_sum(reading, &rows);
    // The middle of an interval is no mean: scores below it crowd at zero.
    let crowded = |i: &usize| reading.is_interval[*i];
    let bias: f64 = rows
        .iter()
        .filter(|i| crowded(i))
        .map(|&i| to_f64(reading.deviations[i]) * 3f64.sqrt())
        .sum();
    (sum, to_f64(variance).max(0.0).sqrt() * FAR + bias)
}

/// The target with rows of zeros, which have no part in x, left out.
pub(crate) fn read<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    noise: &Noise<T>,
) -> Result<Reading<T>, Error> {
    let sizes = row_sizes(model)?;
    let nan = T::zero() / T::zero();
    let target = target.zip_map(&sizes, |t, size| if size > T::zero() { t } else { nan });
    noise.clone().allow_missing().read_scores(&target)
}

fn row_sizes<T: Scalar>(model: &Model<T>) -> Result<DVector<T>, Error> {
    model.design().map_blocks(|rows, _, out| {
        for (size, row) in out.iter_mut().zip(rows.row_iter()) {
            *size = row.iter().fold(T::zero(), |m, a| m.max(a.abs()));
        }
    })
}

/// How many rows that are not zero have no value.
fn missing<T: Scalar>(model: &Model<T>, reading: &Reading<T>) -> Result<usize, Error> {
    let sizes = row_sizes(model)?;
    Ok((0..sizes.len())
        .filter(|&i| sizes[i] > T::zero() && !reading.known[i])
        .count())
}

impl<T: Scalar> NoisyScores<'_, T> {
    /// What can be said before anything is computed.
    pub(crate) fn obstacle(
        &self,
        reading: &Reading<T>,
        components: &Components,
    ) -> Result<Option<(Status, String)>, Error> {
        let (n, d) = (self.model.nrows(), self.model.dim());
        let unknown = *self.signs == SignKnowledge::Unknown;
        let design = self.model.design();
        let sizes = unit_rows(design, &column_units(design)?)?;
        if flat::distance(self.model, &sizes)?.is_zero() {
            let reason = "b lies in the column space of A: x is known only up to a line";
            return Ok(Some((Status::Undetermined, reason.to_string())));
        }
        let (sizes, ranks) = (components.sizes(), &components.ranks);
        for (k, &rank) in ranks.iter().enumerate() {
            let own = |i: usize| components.of(i) == Some(k);
            let known = (0..n).filter(|&i| own(i) && reading.known[i]).count();
            // Scores that are all known have one sum that says nothing new.
            let equations = if known == sizes[k] { known - 1 } else { known };
            if unknown && sizes[k] == rank + 1 && known == sizes[k] {
                let reason = format!(
                    "{known} rows that only depend on {rank} coefficients fit 2^{rank} sets of them; give the signs"
                );
                return Ok(Some((Status::Ambiguous, reason)));
            }
            let needed = rank + usize::from(unknown || known < sizes[k]);
            if equations < needed {
                let reason = format!(
                    "{known} known scores among {} rows do not determine the {rank} coefficients that these depend on",
                    sizes[k]
                );
                return Ok(Some((Status::Undetermined, reason)));
            }
            let (sum, room) = sum_and_room(reading, self.noise, own);
            let room = room + sum_tolerance::<T>(n) * d as f64;
            let off = sum - rank as f64;
            if off > room || -off > room + (sizes[k] - known) as f64 {
                let reason = format!(
                    "the {} rows of component {} depend on {rank} coefficients alone, so that their scores sum to {rank}, from which {sum} is further than the noise explains",
                    sizes[k],
                    k + 1
                );
                return Ok(Some((Status::Infeasible, reason)));
            }
        }
        Ok(None)
    }
}
