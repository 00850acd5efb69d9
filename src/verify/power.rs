//! The errors that would have been caught: measured, by planting them.
//!
//! The formula's values at the points are changed as a wrong formula would have
//! changed them, and the comparison that has just been made is made again. The
//! evaluations, their noise and the oracles stand; nothing is computed twice.

use nalgebra::{ComplexField, RealField};

use super::estimate::Wide;
use super::report::{Check, Planted};
use super::run::{Comparison, Gathered};
use crate::scalar::{Extended, narrow};

/// Entries smaller than this beside the largest are left out of what is said
/// about a single entry: their own relative error is no fair measure.
const SIGNIFICANT: f64 = 1e-3;

/// What would have been noticed, the error in the whole first.
pub(crate) fn measure(check: Check, gathered: &Gathered, counted: &[&Comparison]) -> Vec<Planted> {
    if counted.is_empty() {
        return Vec::new();
    }
    let mut planted = vec![Planted {
        what: "all of it times 1 + ε".into(),
        smallest: smallest(counted, |c| Some(c.found.value.clone())),
    }];
    planted.extend(terms(check, gathered, counted));
    planted.extend(one_entry(counted));
    planted.push(Planted {
        what: "the sign of all of it".into(),
        smallest: whole(smallest(counted, |c| {
            Some(c.found.value.clone() * Extended::from(-2.0))
        })),
    });
    let square = counted
        .iter()
        .all(|c| c.found.value.is_square() && c.found.value.nrows() > 1);
    if square && check != Check::Symmetry {
        planted.push(Planted {
            what: "its transpose".into(),
            smallest: whole(smallest(counted, |c| {
                (!c.along).then(|| c.found.value.transpose() - &c.found.value)
            })),
        });
    }
    planted
}

/// The smallest multiple of a planted change that somebody notices somewhere.
fn smallest(counted: &[&Comparison], change: impl Fn(&Comparison) -> Option<Wide>) -> Option<f64> {
    let noticed = |c: &&Comparison| {
        let change = change(c)?;
        (0..c.len())
            .filter_map(|k| c.noticed_at(k, change[k]))
            .reduce(|a, b| a.min(b))
    };
    counted
        .iter()
        .filter_map(noticed)
        .reduce(|a, b| a.min(b))
        .map(narrow)
}

/// A change that is made as it is or not at all.
fn whole(smallest: Option<f64>) -> Option<f64> {
    smallest.filter(|s| *s < 1.0).map(|_| 1.0)
}

/// A wrong coefficient of each term, and a term left out.
fn terms(check: Check, gathered: &Gathered, counted: &[&Comparison]) -> Vec<Planted> {
    let of = |point| {
        gathered
            .terms
            .iter()
            .find(|t| t.check == check && t.point == point)
    };
    let Some(first) = gathered.terms.iter().find(|t| t.check == check) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for (j, term) in first.terms.iter().enumerate() {
        let change = |c: &Comparison| {
            let term = of(c.point)?.terms.get(j)?;
            let fits = !c.along && term.value.shape() == c.found.value.shape();
            fits.then(|| &term.value * term.coefficient)
        };
        let smallest = smallest(counted, change);
        out.push(Planted {
            what: format!("the coefficient of \"{}\" times 1 + ε", term.name),
            smallest,
        });
        out.push(Planted {
            what: format!("\"{}\" left out", term.name),
            smallest: whole(smallest),
        });
    }
    out
}

/// One entry times 1 + ε: the middle one and the worst one of those that matter.
fn one_entry(counted: &[&Comparison]) -> Vec<Planted> {
    let Some(shape) = counted
        .iter()
        .find(|c| !c.along)
        .map(|c| c.found.value.shape())
    else {
        return Vec::new();
    };
    let alike: Vec<_> = counted
        .iter()
        .filter(|c| !c.along && c.found.value.shape() == shape)
        .collect();
    let zero = Extended::from(0.0);
    let size = |c: &Comparison, k: usize| c.found.value[k].abs() * c.units[k];
    let mut thresholds: Vec<Extended> = (0..shape.0 * shape.1)
        .filter_map(|k| {
            let matters = |c: &&&&Comparison| {
                let largest = (0..c.len()).fold(zero, |m, l| m.max(size(c, l)));
                size(c, k) > largest * Extended::from(SIGNIFICANT)
            };
            alike
                .iter()
                .filter(matters)
                .filter_map(|c| c.noticed_at(k, c.found.value[k]))
                .reduce(|a, b| a.min(b))
        })
        .collect();
    thresholds.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let (Some(middle), Some(last)) = (thresholds.get(thresholds.len() / 2), thresholds.last())
    else {
        return Vec::new();
    };
    vec![
        Planted {
            what: "one entry times 1 + ε, the median entry".into(),
            smallest: Some(narrow(*middle)),
        },
        Planted {
            what: "one entry times 1 + ε, the hardest entry that matters".into(),
            smallest: Some(narrow(*last)),
        },
    ]
}
