//! Which entries and which terms a failure is about.

use super::estimate::Wide;
use super::report::{Check, Entry, Explanation, Oracle};
use super::run::{Comparison, Gathered, TermsAt};
use super::terms::{Lack, explain};
use super::verdict::{Bench, worst_of};

/// Entries that a report shows of a failed check.
const SHOWN: usize = 3;

impl Bench<'_> {
    /// The entries that stand out; of a passed check the closest alone.
    pub(crate) fn worst_entries(&self, failed: bool) -> Vec<Entry> {
        let place = |c: &Comparison, k: usize| (c.point, c.along, k);
        if !failed {
            let closest = self.counted.iter().map(|c| (c, worst_of(c)));
            let by_excess = |a: &(&&Comparison, usize), b: &(&&Comparison, usize)| {
                a.0.excess_of(a.1).total_cmp(&b.0.excess_of(b.1))
            };
            let closest = closest.filter(|(c, _)| c.len() > 0).max_by(by_excess);
            return closest.map(|(c, k)| c.entry(k)).into_iter().collect();
        }
        let mut found: Vec<(f64, &Comparison, usize)> = Vec::new();
        for c in &self.counted {
            let excesses = (0..c.len()).map(|k| (c.excess_of(k), *c, k));
            found.extend(excesses.filter(|(excess, ..)| *excess > 1.0));
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut shown: Vec<(f64, &Comparison, usize)> = Vec::new();
        for one in found {
            let known = |(_, c, k): &(f64, &Comparison, usize)| place(c, *k) == place(one.1, one.2);
            if shown.len() < SHOWN && !shown.iter().any(known) {
                shown.push(one);
            }
        }
        shown.into_iter().map(|(_, c, k)| c.entry(k)).collect()
    }

    /// Fits the terms to the sharpest oracle that fails and sees entries.
    pub(crate) fn explanation(&self, check: Check, gathered: &Gathered) -> Option<Explanation> {
        let of_oracle = |oracle: Oracle| -> Vec<&Comparison> {
            let entries = self
                .counted
                .iter()
                .filter(|c| c.oracle == oracle && !c.along);
            entries.copied().collect()
        };
        let fails = |of: &Vec<&Comparison>| of.iter().any(|c| c.excess() > 1.0);
        let order = [
            Oracle::Extended,
            Oracle::Double,
            Oracle::Differences,
            Oracle::Finitediff,
        ];
        let comparisons = order.into_iter().map(of_oracle).find(fails)?;
        let at = |c: &Comparison| -> Option<&TermsAt> {
            let here = |t: &&TermsAt| t.check == check && t.point == c.point;
            gathered.terms.iter().find(here)
        };
        let with_terms: Option<Vec<_>> = comparisons.iter().map(|c| Some((*c, at(c)?))).collect();
        let with_terms = with_terms?;
        let bounds: Vec<[Wide; 2]> = with_terms
            .iter()
            .map(|(c, _)| [&c.found.bound + &c.expected.bound, c.found.bound.clone()])
            .collect();
        let sides = with_terms.iter().zip(&bounds);
        let lacks: Vec<Lack<'_>> = sides
            .map(|((c, at), [bound, own_bound])| Lack {
                found: &c.found.value,
                expected: &c.expected.value,
                bound,
                own_bound,
                terms: &at.terms,
            })
            .collect();
        explain(&lacks)
    }
}
