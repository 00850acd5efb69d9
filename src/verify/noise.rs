//! How far rounding moves a computed quantity.
//!
//! Moré and Wild (*Estimating computational noise*, SIAM J. Sci. Comput. 33,
//! 2011): along a progression of points so close that the function is a
//! polynomial of low degree, k-th differences of the values are k-th differences
//! of their rounding errors. With independent errors of variance ν²,
//!
//! ```text
//! E (Δᵏf)² = (2k)!/(k!)² ν²
//! ```
//!
//! Taken entry by entry of a matrix-valued function, in arithmetic that adds no
//! rounding of its own, and over several orders, the largest of which counts: a
//! remnant of the function itself makes the estimate too large, never too small.
//!
//! An intermediate result may be coarser than what the function changes by over
//! such a progression (1 + e⁻ˣ at x = 30): then all values are equal, and say
//! nothing. Entries that hardly move are measured again, on points further apart.

use nalgebra::{ComplexField, DVector, RealField};
use rand::rngs::StdRng;

use super::estimate::{Function, Wide, evaluate};
use super::steps::Steps;
use crate::error::Error;
use crate::scalar::{Extended, Scalar, epsilon, to_f64};

/// Differences taken: points less one.
const ORDERS: usize = 8;
/// The orders that count; below, the function itself still shows.
const COUNTED: std::ops::RangeInclusive<usize> = 4..=6;
/// In extended precision points are 1e-69 apart: nothing of the function shows
/// in second differences, and digits are so many that one draw is enough.
const EXTENDED_ORDERS: usize = 2;
/// The order that counts there.
const EXTENDED_COUNTED: std::ops::RangeInclusive<usize> = 2..=2;
/// Progressions along different directions, of which the largest noise counts:
/// where one product dominates, its rounding error may run almost linearly.
const DRAWS: usize = 3;
/// Of the first differences so many must move for an entry's noise to be believed.
const MOVED: usize = 6;
/// How much further apart the points are in each further progression.
const WIDER: f64 = 256.0;
/// Progressions at most: from the last place of x to what [`WIDEST`] allows.
const PROGRESSIONS: usize = 6;
/// The widest spacing, in lengths: fourth differences of the function itself are
/// then below 1e-15 of it.
const WIDEST: f64 = 1.0 / 8192.0;
/// Spacings tried, each half of the last, where a point lies outside the domain.
const TRIES: i32 = 6;

/// A value with the standard deviation of the rounding error of each entry, at
/// least a quarter unit in the last place.
pub(crate) struct Measured {
    pub(crate) value: Wide,
    pub(crate) noise: Wide,
}

/// f at x and its noise there; `None` where x, or every progression of points
/// around it, lies outside the domain.
///
/// # Complexity
/// 27 evaluations, 9 more for entries that do not move, up to five times; 3 in
/// extended precision.
pub(crate) fn measure<T: Scalar>(
    f: &Function<'_, T>,
    steps: &Steps<T>,
    rng: &mut StdRng,
) -> Result<Option<Measured>, Error> {
    let unit = to_f64(epsilon::<T>());
    let mut spacing = steps.spacing(rng);
    if is_extended::<T>() {
        let values = progression(f, steps.x(), &spacing, EXTENDED_ORDERS)?;
        return Ok(values.map(|values| Measured {
            value: values[EXTENDED_ORDERS / 2].clone(),
            noise: of_differences(values, EXTENDED_COUNTED, unit),
        }));
    }
    let mut tries = 0;
    let first = loop {
        match progression(f, steps.x(), &spacing, ORDERS)? {
            Some(values) => break values,
            None if tries == TRIES => return Ok(None),
            None => spacing *= nalgebra::convert::<f64, T>(0.5),
        }
        tries += 1;
    };
    let value = first[ORDERS / 2].clone();
    let mut stuck = resting(&first);
    let mut noise = of_differences(first, COUNTED, unit);
    for draw in 1..DRAWS + PROGRESSIONS {
        if draw < DRAWS {
            let size = steps.in_lengths(&spacing);
            spacing = steps.spacing(rng);
            let longer = steps.in_lengths(&spacing) / size;
            spacing /= nalgebra::convert::<f64, T>(longer.max(1.0).log2().ceil().exp2());
        } else {
            spacing *= nalgebra::convert::<f64, T>(WIDER);
            if stuck.is_empty() || steps.in_lengths(&spacing) > WIDEST {
                break;
            }
        }
        let Some(values) = progression(f, steps.x(), &spacing, ORDERS)? else {
            continue;
        };
        let still = resting(&values);
        let other = of_differences(values, COUNTED, unit);
        if draw < DRAWS {
            noise.zip_apply(&other, |n, o| *n = n.max(o));
        } else {
            stuck
                .iter()
                .for_each(|&k| noise[k] = noise[k].max(other[k]));
        }
        stuck.retain(|k| still.contains(k));
    }
    Ok(Some(Measured { value, noise }))
}

/// The entries that hardly move from point to point.
fn resting(values: &[Wide]) -> Vec<usize> {
    let moves = |k: usize| values.windows(2).filter(|w| w[0][k] != w[1][k]).count();
    let entries = values.first().map_or(0, |v| v.len());
    (0..entries).filter(|&k| moves(k) < MOVED).collect()
}

/// Whether digits are so many that rounding need only be known by its order of
/// magnitude.
pub(crate) fn is_extended<T: Scalar>() -> bool {
    to_f64(epsilon::<T>()) < 1e-40
}

/// f at x + k·spacing, k around 0.
fn progression<T: Scalar>(
    f: &Function<'_, T>,
    x: &DVector<T>,
    spacing: &DVector<T>,
    orders: usize,
) -> Result<Option<Vec<Wide>>, Error> {
    let mut values = Vec::with_capacity(orders + 1);
    for k in 0..=orders {
        let place: T = nalgebra::convert(k as f64 - (orders / 2) as f64);
        match evaluate(f, &(x + spacing * place))? {
            Some(value) => values.push(value),
            None => return Ok(None),
        }
    }
    Ok(Some(values))
}

fn of_differences(
    mut row: Vec<Wide>,
    counted: std::ops::RangeInclusive<usize>,
    epsilon: f64,
) -> Wide {
    let quarter = Extended::from(epsilon * 0.25);
    let mut noise = row[row.len() / 2].map(|v| v.abs() * quarter);
    // (k!)²/(2k)!
    let mut weight = 1.0;
    for k in 1..=*counted.end() {
        row = row.windows(2).map(|pair| &pair[1] - &pair[0]).collect();
        weight *= k as f64 / (2.0 * (2.0 * k as f64 - 1.0));
        if counted.contains(&k) {
            let mean = Extended::from(weight / row.len() as f64);
            let squares = row.iter().map(|d| d.component_mul(d));
            let Some(sum) = squares.reduce(|sum, square| sum + square) else {
                continue;
            };
            noise.zip_apply(&sum, |noise, s| *noise = noise.max((s * mean).sqrt()));
        }
    }
    noise
}
