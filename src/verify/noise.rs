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
/// 9 evaluations, 3 in extended precision.
pub(crate) fn measure<T: Scalar>(
    f: &Function<'_, T>,
    steps: &Steps<T>,
    rng: &mut StdRng,
) -> Result<Option<Measured>, Error> {
    let (orders, counted) = if is_extended::<T>() {
        (EXTENDED_ORDERS, EXTENDED_COUNTED)
    } else {
        (ORDERS, COUNTED)
    };
    let mut spacing = steps.spacing(rng);
    for _ in 0..TRIES {
        if let Some(values) = progression(f, steps.x(), &spacing, orders)? {
            let value = values[orders / 2].clone();
            let noise = of_differences(values, counted, to_f64(epsilon::<T>()));
            return Ok(Some(Measured { value, noise }));
        }
        spacing *= nalgebra::convert::<f64, T>(0.5);
    }
    Ok(None)
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
