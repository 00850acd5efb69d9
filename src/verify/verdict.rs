//! From comparisons to verdicts.

use std::cell::Cell;

use nalgebra::{ComplexField, RealField};

use super::power;
use super::report::{
    Check, CheckReport, Entry, Evaluations, Explanation, Oracle, Reason, Report, Verdict, Vote,
};
use super::run::{Comparison, Gathered};
use super::terms::{Lack, explain};
use crate::scalar::{Extended, narrow};

/// Entries that a report shows of a failed check.
const SHOWN: usize = 3;

impl Comparison {
    fn bound(&self, k: usize) -> Extended {
        self.found.bound[k] + self.expected.bound[k]
    }

    fn difference(&self, k: usize) -> Extended {
        self.found.value[k] - self.expected.value[k]
    }

    /// The difference of one entry in units of its bound.
    fn excess_of(&self, k: usize) -> f64 {
        let (difference, bound) = (self.difference(k).abs(), self.bound(k));
        if difference == Extended::from(0.0) {
            return 0.0;
        }
        narrow(difference / bound)
    }

    fn excess(&self) -> f64 {
        (0..self.len())
            .map(|k| self.excess_of(k))
            .fold(0.0, f64::max)
    }

    pub(crate) fn len(&self) -> usize {
        self.found.value.len()
    }

    /// The smallest relative error of the whole that no bound hides: the largest
    /// bound against the largest entry, in comparable units.
    fn resolution(&self) -> f64 {
        let largest = |of: &dyn Fn(usize) -> Extended| {
            (0..self.len())
                .map(|k| of(k).abs() * self.units[k])
                .fold(Extended::from(0.0), |m, v| m.max(v))
        };
        let size = largest(&|k| self.expected.value[k]);
        let bound = largest(&|k| self.bound(k));
        if bound == Extended::from(0.0) {
            return 0.0;
        }
        narrow(bound / size)
    }

    /// Whether two oracles exclude each other where `k` is an entry of both.
    fn contradicts(&self, other: &Comparison, k: usize) -> bool {
        let apart = (self.expected.value[k] - other.expected.value[k]).abs();
        apart > self.expected.bound[k] + other.expected.bound[k]
    }

    /// How much of an error `planted` in entry k, on top of what is there, exceeds
    /// the bound: the factor of `planted` at which it is noticed.
    pub(crate) fn noticed_at(&self, k: usize, planted: Extended) -> Option<Extended> {
        if planted == Extended::from(0.0) {
            return None;
        }
        let towards = self.difference(k) * planted.signum();
        let room = self.bound(k) - towards;
        Some(room.max(Extended::from(0.0)) / planted.abs())
    }

    fn entry(&self, k: usize) -> Entry {
        let rows = self.found.value.nrows();
        Entry {
            point: self.point,
            row: k % rows,
            column: k / rows,
            found: narrow(self.found.value[k]),
            expected: narrow(self.expected.value[k]),
            difference: narrow(self.difference(k)),
            bound: narrow(self.bound(k)),
            along_direction: self.along,
        }
    }
}

pub(crate) fn report(gathered: Gathered, demanded: f64, evaluations: &Cell<Evaluations>) -> Report {
    let mut checks: Vec<CheckReport> = Vec::new();
    for &check in &gathered.checks {
        let failed: Vec<Check> = checks
            .iter()
            .filter(|c| c.verdict == Verdict::Fail)
            .map(|c| c.check)
            .collect();
        checks.push(judge(check, &gathered, &failed, demanded));
    }
    Report {
        checks,
        taylor: gathered.taylor,
        points: gathered.points,
        evaluations: evaluations.get(),
    }
}

fn judge(check: Check, gathered: &Gathered, failed: &[Check], demanded: f64) -> CheckReport {
    let all: Vec<&Comparison> = gathered
        .comparisons
        .iter()
        .filter(|c| c.check == check)
        .collect();
    let aside = |c: &Comparison| c.rests_on.filter(|check| failed.contains(check));
    let counted: Vec<&Comparison> = all.iter().copied().filter(|c| aside(c).is_none()).collect();
    let verdict = match counted.as_slice() {
        [] => Verdict::Inconclusive(match all.first().and_then(|c| aside(c)) {
            Some(check) => Reason::RestsOn(check),
            None => missing(check, gathered),
        }),
        _ => weigh(&counted, gathered.points, demanded),
    };
    let worst = worst_entries(&counted, verdict == Verdict::Fail);
    let explanation = (verdict == Verdict::Fail)
        .then(|| explanation(check, gathered, &counted))
        .flatten();
    let power = power::measure(check, gathered, &counted);
    CheckReport {
        check,
        verdict,
        votes: votes(&all, &aside),
        worst,
        explanation,
        power,
    }
}

/// No comparison at all: was there an oracle?
fn missing(check: Check, gathered: &Gathered) -> Reason {
    let alone = gathered.comparisons.is_empty();
    let needs_definition = matches!(check, Check::Value | Check::Residual);
    if alone || needs_definition || matches!(check, Check::Symmetry | Check::Linearity) {
        Reason::OutsideDomain
    } else {
        Reason::NoOracle
    }
}

fn weigh(counted: &[&Comparison], points: usize, demanded: f64) -> Verdict {
    let failing: Vec<&&Comparison> = counted.iter().filter(|c| c.excess() > 1.0).collect();
    if !failing.is_empty() {
        // An oracle that another, passing, one contradicts is no proof.
        let opponent = |c: &Comparison| {
            let k = worst_of(c);
            let against = |o: &&&Comparison| {
                o.point == c.point
                    && o.along == c.along
                    && o.excess() <= 1.0
                    && k < o.len()
                    && c.contradicts(o, k)
            };
            counted.iter().find(against).map(|o| o.oracle)
        };
        let contested: Vec<_> = failing.iter().map(|c| (c.oracle, opponent(c))).collect();
        return match contested.iter().find(|(_, opponent)| opponent.is_none()) {
            Some(_) => Verdict::Fail,
            None => {
                let (one, other) = contested[0];
                let other = other.unwrap_or(one);
                Verdict::Inconclusive(Reason::OraclesDisagree(one, other))
            }
        };
    }
    // Every point must be seen sharply by somebody.
    let at = |point| {
        counted
            .iter()
            .filter(|c| c.point == point)
            .map(|c| c.resolution())
            .fold(f64::INFINITY, f64::min)
    };
    let resolution = (0..points).map(at).fold(0.0, f64::max);
    if resolution <= demanded {
        Verdict::Pass
    } else if resolution.is_infinite() && counted.iter().all(|c| c.resolution().is_finite()) {
        // A point at which nothing could be compared.
        Verdict::Inconclusive(Reason::OutsideDomain)
    } else {
        Verdict::Inconclusive(Reason::TooNoisy {
            resolution,
            demanded,
        })
    }
}

fn worst_of(c: &Comparison) -> usize {
    let by_excess = |&i: &usize, &j: &usize| c.excess_of(i).total_cmp(&c.excess_of(j));
    (0..c.len()).max_by(by_excess).unwrap_or(0)
}

fn votes(all: &[&Comparison], aside: &dyn Fn(&Comparison) -> Option<Check>) -> Vec<Vote> {
    let mut out: Vec<Vote> = Vec::new();
    for c in all {
        let (excess, resolution) = (c.excess(), c.resolution());
        match out.iter_mut().find(|v| v.oracle == c.oracle) {
            Some(vote) => {
                vote.excess = vote.excess.max(excess);
                vote.resolution = vote.resolution.max(resolution);
            }
            None => out.push(Vote {
                oracle: c.oracle,
                excess,
                resolution,
                set_aside: aside(c),
            }),
        }
    }
    out
}

/// The entries that stand out, one oracle's word each: the sharpest one's.
fn worst_entries(counted: &[&Comparison], failed: bool) -> Vec<Entry> {
    let mut entries: Vec<(f64, Entry)> = Vec::new();
    for c in counted {
        for k in 0..c.len() {
            let excess = c.excess_of(k);
            if failed && excess <= 1.0 {
                continue;
            }
            let entry = c.entry(k);
            let place = |e: &Entry| (e.point, e.row, e.column, e.along_direction);
            match entries.iter_mut().find(|(_, e)| place(e) == place(&entry)) {
                Some((known, old)) if excess > *known => (*known, *old) = (excess, entry),
                Some(_) => {}
                None => entries.push((excess, entry)),
            }
        }
    }
    entries.sort_by(|a, b| b.0.total_cmp(&a.0));
    let shown = if failed { SHOWN } else { 1 };
    entries.into_iter().take(shown).map(|(_, e)| e).collect()
}

/// Fits the terms to the sharpest oracle that sees entries.
fn explanation(check: Check, gathered: &Gathered, counted: &[&Comparison]) -> Option<Explanation> {
    let of_entries = |oracle: Oracle| {
        let entries = counted
            .iter()
            .filter(move |c| c.oracle == oracle && !c.along);
        entries.copied().collect::<Vec<&Comparison>>()
    };
    let order = [
        Oracle::Extended,
        Oracle::Double,
        Oracle::Differences,
        Oracle::Finitediff,
    ];
    let comparisons = order.into_iter().map(of_entries).find(|c| !c.is_empty())?;
    let mut bounds = Vec::new();
    for c in &comparisons {
        let terms = gathered
            .terms
            .iter()
            .find(|t| t.check == check && t.point == c.point)?;
        bounds.push((*c, terms, &c.found.bound + &c.expected.bound));
    }
    let lacks: Vec<Lack<'_>> = bounds
        .iter()
        .map(|(c, terms, bound)| Lack {
            missing: &c.expected.value - &c.found.value,
            bound,
            terms: &terms.terms,
        })
        .collect();
    explain(&lacks)
}
