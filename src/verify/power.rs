//! The errors that would have been caught: measured, by planting them.
//!
//! The formula's values at the points are changed as a wrong formula would have
//! changed them, and the comparison that has just been made is made again. The
//! evaluations, their noise and the oracles stand; nothing is computed twice. What
//! rests on another check sees no more than that check has seen.

use nalgebra::{ComplexField, RealField};

use super::estimate::Wide;
use super::report::{Check, Oracle, Planted, PlantedKind};
use super::run::{Comparison, Gathered};
use super::verdict::{Judged, MARGIN};
use crate::scalar::{Extended, narrow};

/// Entries smaller than this beside the largest are left out of what is said
/// about a single entry: their own relative error is no fair measure.
const SIGNIFICANT: f64 = 1e-3;

/// Who looks, and how far each can be believed.
struct Watch<'a> {
    counted: &'a [&'a Comparison],
    judged: &'a [Judged],
    rounds: bool,
}

/// What would have been noticed, the error in the whole first.
pub(crate) fn measure(
    check: Check,
    gathered: &Gathered,
    counted: &[&Comparison],
    judged: &[Judged],
) -> Vec<Planted> {
    if counted.is_empty() {
        return Vec::new();
    }
    let rounds = gathered.rounds;
    let watch = Watch {
        counted,
        judged,
        rounds,
    };
    let mut planted = vec![Planted {
        kind: PlantedKind::Whole,
        what: "all of it times 1 + ε".into(),
        smallest: possible(watch.smallest(|c| Some(c.found.value.clone()))),
    }];
    planted.extend(watch.terms(check, gathered));
    planted.extend(watch.one_entry());
    planted.push(Planted {
        kind: PlantedKind::Blunder,
        what: "the sign of all of it".into(),
        smallest: whole(watch.smallest(|c| Some(c.found.value.clone() * Extended::from(-2.0)))),
    });
    planted.extend(watch.transpose(check));
    planted
}

impl Watch<'_> {
    /// What a comparison can see at best: the check that it rests on has seen no
    /// more.
    fn floor(&self, c: &Comparison) -> Extended {
        let base = self.judged.iter().find(|j| Some(j.check) == c.rests_on);
        Extended::from(base.and_then(|j| j.detects).unwrap_or(0.0))
    }

    /// Whether the same definition speaks in f64 too: by less than a margin, 237
    /// bits alone are no proof then.
    fn in_f64(&self, c: &Comparison) -> bool {
        let double = |o: &&Comparison| o.oracle == Oracle::Double && o.point == c.point;
        self.counted.iter().any(double)
    }

    /// The multiple of a planted change of entry k that is noticed, whichever sign
    /// the difference that is there already has.
    fn noticed(&self, c: &Comparison, k: usize, planted: Extended) -> Option<Extended> {
        if planted == Extended::from(0.0) {
            return None;
        }
        let (bound, there) = (c.bound(k), c.difference(k).abs());
        let room = if there <= bound { bound + there } else { bound };
        let alone = c.oracle == Oracle::Extended && self.rounds && self.in_f64(c);
        let times = if alone { MARGIN } else { 1.0 };
        Some((room * Extended::from(times) / planted.abs()).max(self.floor(c)))
    }

    /// The smallest multiple of a planted change that somebody notices somewhere.
    fn smallest(&self, change: impl Fn(&Comparison) -> Option<Wide>) -> Option<f64> {
        let noticed = |c: &&Comparison| {
            let change = change(c)?;
            let of_entries = (0..c.len()).filter_map(|k| self.noticed(c, k, change[k]));
            of_entries.reduce(|a, b| a.min(b))
        };
        let of_all = self.counted.iter().filter_map(noticed);
        of_all.reduce(|a, b| a.min(b)).map(narrow)
    }

    /// A wrong coefficient of each term, and a term left out.
    fn terms(&self, check: Check, gathered: &Gathered) -> Vec<Planted> {
        let here = |t: &&super::run::TermsAt| t.check == check;
        let at = |point| {
            gathered
                .terms
                .iter()
                .filter(here)
                .find(|t| t.point == point)
        };
        let Some(first) = gathered.terms.iter().find(here) else {
            return Vec::new();
        };
        let mut out = Vec::new();
        for (j, term) in first.terms.iter().enumerate() {
            let smallest = self.smallest(|c| {
                let term = at(c.point)?.terms.get(j)?;
                let fits = !c.along && term.value.shape() == c.found.value.shape();
                fits.then(|| &term.value * term.coefficient)
            });
            if term.coefficient == Extended::from(0.0) {
                continue;
            }
            out.push(Planted {
                kind: PlantedKind::Coefficient,
                what: format!("the coefficient of \"{}\" times 1 + ε", term.name),
                smallest: possible(smallest),
            });
            out.push(Planted {
                kind: PlantedKind::Blunder,
                what: format!("\"{}\" left out", term.name),
                smallest: whole(smallest),
            });
        }
        out
    }

    /// One entry times 1 + ε: the middle one and the worst one of those that
    /// matter.
    fn one_entry(&self) -> Vec<Planted> {
        let entries = self.counted.iter().filter(|c| !c.along);
        let Some(shape) = entries.clone().map(|c| c.found.value.shape()).next() else {
            return Vec::new();
        };
        let size = |c: &Comparison, k: usize| c.found.value[k].abs() * c.units[k];
        let least = |c: &Comparison| {
            let largest = (0..c.len()).fold(Extended::from(0.0), |m, k| m.max(size(c, k)));
            largest * Extended::from(SIGNIFICANT)
        };
        let alike: Vec<(&Comparison, Extended)> = entries
            .filter(|c| c.found.value.shape() == shape)
            .map(|c| (*c, least(c)))
            .collect();
        let threshold = |k: usize| {
            let matter = alike.iter().filter(|(c, least)| size(c, k) > *least);
            matter
                .filter_map(|(c, _)| self.noticed(c, k, c.found.value[k]))
                .reduce(|a, b| a.min(b))
        };
        let mut thresholds: Vec<f64> = (0..shape.0 * shape.1)
            .filter_map(threshold)
            .map(narrow)
            .collect();
        thresholds.sort_by(f64::total_cmp);
        let (Some(middle), Some(last)) = (thresholds.get(thresholds.len() / 2), thresholds.last())
        else {
            return Vec::new();
        };
        vec![
            Planted {
                kind: PlantedKind::Entry,
                what: "one entry times 1 + ε, the median entry".into(),
                smallest: Some(*middle),
            },
            Planted {
                kind: PlantedKind::Entry,
                what: "one entry times 1 + ε, the hardest entry that matters".into(),
                smallest: Some(*last),
            },
        ]
    }

    /// The transpose in its place, where there is one and it differs.
    fn transpose(&self, check: Check) -> Option<Planted> {
        let matrix = matches!(check, Check::Hessian | Check::Third | Check::Jacobian);
        let change = |c: &Comparison| {
            let square = c.found.value.is_square() && c.found.value.nrows() > 1;
            let change = c.found.value.transpose();
            (matrix && square && !c.along).then(|| change - &c.found.value)
        };
        let differs = |c: &&Comparison| {
            change(c).is_some_and(|m| {
                m.iter()
                    .zip(c.found.bound.iter())
                    .any(|(m, b)| m.abs() > *b)
            })
        };
        self.counted.iter().any(differs).then(|| Planted {
            kind: PlantedKind::Blunder,
            what: "its transpose".into(),
            smallest: whole(self.smallest(change)),
        })
    }
}

/// Beyond a whole error, of size 1, nothing is said to be caught.
fn possible(smallest: Option<f64>) -> Option<f64> {
    smallest.filter(|s| *s <= 1.0)
}

/// A change that is made as it is or not at all.
fn whole(smallest: Option<f64>) -> Option<f64> {
    smallest.filter(|s| *s < 1.0).map(|_| 1.0)
}
