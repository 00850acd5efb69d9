//! Remainders of Taylor's formula: what the eye believes.

use nalgebra::ComplexField;
use rand::rngs::StdRng;

use super::estimate::{Wide, evaluate};
use super::noise::{Measured, measure};
use super::report::Taylor;
use super::site::Site;
use crate::error::Error;
use crate::scalar::{Extended, Scalar, narrow, real, to_f64, widen};

/// Halvings of the step: from half a length to a millionth.
const LEVELS: i32 = 20;
/// A remainder counts for a slope where it is so many times the noise.
const ABOVE_NOISE: f64 = 100.0;

/// Along one random direction from the site's point; `None` where f or its
/// gradient cannot be had there.
///
/// # Complexity
/// About 20 values.
pub(crate) fn remainders<T: Scalar>(
    site: &Site<'_, '_, T>,
    rng: &mut StdRng,
) -> Result<Option<Taylor>, Error> {
    let v = site.steps.direction(rng);
    let value = site.value();
    let x = site.steps.x();
    let (Some(gradient), Some(Measured { value: at, noise })) = (
        evaluate(&site.gradient(), x)?,
        measure(&value, &site.steps, rng)?,
    ) else {
        return Ok(None);
    };
    let wide = v.map(widen);
    let slope = gradient.column(0).dot(&wide);
    let curvature = match site.hessian() {
        Some(hessian) => evaluate(&hessian, x)?.map(|h: Wide| (&h * &wide).dot(&wide)),
        None => None,
    };
    let limit = site.largest_step(&v)?.map_or(f64::INFINITY, to_f64);
    let floor: f64 = narrow(noise[0] * Extended::from(ABOVE_NOISE));
    let mut out = Taylor {
        steps: Vec::new(),
        first: Vec::new(),
        second: curvature.map(|_| Vec::new()),
        slopes: (None, None),
    };
    for level in 1..=LEVELS {
        let t = f64::from(-level).exp2();
        if t >= limit {
            continue;
        }
        let Some(point) = site.steps.at(&v, real(t)) else {
            break;
        };
        let Ok(Some(there)) = evaluate(&value, &point) else {
            continue;
        };
        let t_wide = Extended::from(t);
        let first = there[0] - at[0] - slope * t_wide;
        out.steps.push(t);
        out.first.push(narrow(first.abs()));
        if let (Some(second), Some(curvature)) = (&mut out.second, curvature) {
            let rest = first - curvature * t_wide * t_wide * Extended::from(0.5);
            second.push(narrow(rest.abs()));
        }
    }
    out.slopes = (
        fitted(&out.steps, &out.first, floor),
        out.second
            .as_ref()
            .and_then(|second| fitted(&out.steps, second, floor)),
    );
    Ok(Some(out))
}

/// The median slope between neighbours above the floor, of the shorter half of
/// the steps: the longest are not yet in the limit.
fn fitted(steps: &[f64], remainders: &[f64], floor: f64) -> Option<f64> {
    let usable: Vec<(f64, f64)> = steps
        .iter()
        .zip(remainders)
        .filter(|(_, r)| **r > floor)
        .map(|(t, r)| (t.log2(), r.log2()))
        .collect();
    let late = &usable[usable.len() / 2..];
    let mut slopes: Vec<f64> = late
        .windows(2)
        .map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0))
        .collect();
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied()
}
