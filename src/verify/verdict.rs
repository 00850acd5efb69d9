//! From comparisons to verdicts.

use std::cell::Cell;

use nalgebra::{ComplexField, RealField};

use super::power;
use super::report::{
    Check, CheckReport, Entry, Evaluations, Oracle, Reason, Report, Verdict, Vote,
};
use super::run::{Broken, Comparison, Gathered};
use crate::scalar::{Extended, narrow};

/// Discrepancies of so many bounds may be rounding that no noise shows.
pub(crate) const MARGIN: f64 = 4.0;
/// An oracle that cannot be compared entry by entry contradicts another where it
/// would have seen an error of a tenth of the size.
const CLEARLY: f64 = 0.1;

impl Comparison {
    pub(crate) fn bound(&self, k: usize) -> Extended {
        self.found.bound[k] + self.expected.bound[k]
    }

    pub(crate) fn difference(&self, k: usize) -> Extended {
        self.found.value[k] - self.expected.value[k]
    }

    pub(crate) fn len(&self) -> usize {
        self.found.value.len()
    }

    /// The difference of one entry in units of its bound.
    pub(crate) fn excess_of(&self, k: usize) -> f64 {
        let (difference, bound) = (self.difference(k).abs(), self.bound(k));
        if difference == Extended::from(0.0) {
            return 0.0;
        }
        let excess: f64 = narrow(difference / bound);
        // What is not a number does not agree.
        if excess.is_nan() {
            f64::INFINITY
        } else {
            excess
        }
    }

    pub(crate) fn excess(&self) -> f64 {
        let of_all = (0..self.len()).map(|k| self.excess_of(k));
        of_all.fold(0.0, f64::max)
    }

    /// The largest of a quantity over the entries, in comparable units.
    fn largest(&self, of: impl Fn(usize) -> Extended) -> Extended {
        let sizes = (0..self.len()).map(|k| of(k).abs() * self.units[k]);
        sizes.fold(Extended::from(0.0), |m, v| m.max(v))
    }

    fn size(&self) -> Extended {
        self.largest(|k| self.expected.value[k])
    }

    /// The relative error of the whole that the bounds would hide, where `size` is
    /// the quantity's size at the points looked at. Where all of it vanishes, as
    /// at a minimiser, relative to what it is a derivative of.
    fn resolution(&self, size: Extended) -> f64 {
        let bound = self.largest(|k| self.bound(k));
        let zero = Extended::from(0.0);
        // Zero on both sides, and nothing that it could be small beside: a constant.
        let constant = size == zero && self.natural == zero;
        if bound == zero || constant && self.largest(|k| self.found.value[k]) == zero {
            return 0.0;
        }
        let size = if size <= bound { self.natural } else { size };
        narrow(bound / size)
    }

    pub(crate) fn entry(&self, k: usize) -> Entry {
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

impl Broken {
    fn entry(&self) -> Entry {
        Entry {
            point: self.point,
            row: self.at % self.rows,
            column: self.at / self.rows,
            found: self.value,
            expected: f64::NAN,
            difference: f64::NAN,
            bound: f64::NAN,
            along_direction: false,
        }
    }
}

/// A check that has been judged already.
pub(crate) struct Judged {
    pub(crate) check: Check,
    pub(crate) verdict: Verdict,
    pub(crate) detects: Option<f64>,
}

pub(crate) fn report(gathered: Gathered, demanded: f64, evaluations: &Cell<Evaluations>) -> Report {
    let (mut checks, mut judged) = (Vec::<CheckReport>::new(), Vec::<Judged>::new());
    for &check in &gathered.checks {
        let one = judge(check, &gathered, &judged, demanded);
        judged.push(Judged {
            check,
            verdict: one.verdict.clone(),
            detects: one.detects(),
        });
        checks.push(one);
    }
    Report {
        checks,
        taylor: gathered.taylor,
        points: gathered.points,
        evaluations: evaluations.get(),
    }
}

/// All comparisons of one check that count.
pub(crate) struct Bench<'a> {
    pub(crate) counted: Vec<&'a Comparison>,
    judged: &'a [Judged],
    points: usize,
    demanded: f64,
    rounds: bool,
}

fn judge(check: Check, gathered: &Gathered, judged: &[Judged], demanded: f64) -> CheckReport {
    let of_check = |c: &&Comparison| c.check == check;
    let all: Vec<&Comparison> = gathered.comparisons.iter().filter(of_check).collect();
    let failed = |base: Check| {
        judged
            .iter()
            .any(|j| j.check == base && j.verdict == Verdict::Fail)
    };
    let aside = |c: &Comparison| c.rests_on.filter(|base| failed(*base));
    let bench = Bench {
        counted: all.iter().copied().filter(|c| aside(c).is_none()).collect(),
        judged,
        points: gathered.points,
        demanded,
        rounds: gathered.rounds,
    };
    let broken = gathered.broken.iter().find(|b| b.check == check);
    let verdict = if broken.is_some() {
        Verdict::Fail
    } else if bench.counted.is_empty() {
        Verdict::Inconclusive(match all.first().and_then(|c| aside(c)) {
            Some(base) => Reason::RestsOn(base),
            None if gathered.outside.contains(&check) => Reason::OutsideDomain,
            None => Reason::NoOracle,
        })
    } else {
        bench.weigh()
    };
    let passed = |base| {
        judged
            .iter()
            .any(|j| j.check == base && j.verdict == Verdict::Pass)
    };
    let verdict = match verdict {
        // What has been verified by itself is consistent with the other.
        Verdict::Inconclusive(_)
            if check == Check::Consistency && passed(Check::Gradient) && passed(Check::Hessian) =>
        {
            Verdict::Pass
        }
        other => other,
    };
    let failing = verdict == Verdict::Fail;
    let explanation = failing
        .then(|| bench.explanation(check, gathered))
        .flatten();
    CheckReport {
        check,
        worst: match broken {
            Some(broken) => vec![broken.entry()],
            None => bench.worst_entries(failing),
        },
        power: power::measure(check, gathered, &bench.counted, judged),
        votes: votes(&all, &aside, &bench),
        verdict,
        explanation,
    }
}

impl Bench<'_> {
    /// The largest the quantity is at any point, seen as c sees it.
    fn size_beside(&self, c: &Comparison) -> Extended {
        let alike = self.counted.iter().filter(|o| o.along == c.along);
        alike.fold(c.size(), |m, o| m.max(o.size()))
    }

    fn resolution(&self, c: &Comparison) -> f64 {
        c.resolution(self.size_beside(c))
    }

    fn weigh(&self) -> Verdict {
        let fails = |c: &&Comparison| c.excess() > 1.0 && !self.overruled(c);
        let failing: Vec<&Comparison> = self.counted.iter().copied().filter(fails).collect();
        // Every point must be seen sharply by somebody, who rests on nothing that
        // is itself in doubt.
        let stands = |c: &Comparison| {
            c.rests_on.is_none_or(|base| {
                let of_base = self.judged.iter().find(|j| j.check == base);
                of_base.is_none_or(|j| j.verdict == Verdict::Pass)
            })
        };
        if let Some(first) = failing.first() {
            if let Some(base) = first
                .rests_on
                .filter(|_| !failing.iter().any(|c| stands(c)))
            {
                return Verdict::Inconclusive(Reason::RestsOn(base));
            }
            // An oracle that a sharper, passing, one contradicts is no proof.
            let uncontested = failing.iter().any(|c| self.opponent(c).is_none());
            return match self.opponent(first) {
                Some(other) if !uncontested => {
                    Verdict::Inconclusive(Reason::OraclesDisagree(first.oracle, other))
                }
                _ if failing.iter().all(|c| self.marginal(c)) => {
                    Verdict::Inconclusive(Reason::Marginal)
                }
                _ => Verdict::Fail,
            };
        }
        let over_points = |admitted: &dyn Fn(&Comparison) -> bool| {
            let at = |point| {
                let here = self
                    .counted
                    .iter()
                    .filter(|c| c.point == point && admitted(c));
                here.map(|c| self.resolution(c))
                    .fold(f64::INFINITY, f64::min)
            };
            (0..self.points).map(at).fold(0.0, f64::max)
        };
        let (resolution, any) = (over_points(&stands), over_points(&|_| true));
        let demanded = self.demanded;
        if resolution <= demanded {
            return Verdict::Pass;
        }
        let doubtful = self
            .counted
            .iter()
            .filter(|c| !stands(c))
            .find_map(|c| c.rests_on);
        Verdict::Inconclusive(match doubtful {
            Some(base) if any <= demanded => Reason::RestsOn(base),
            _ if self.vanishes() => Reason::Vanishes,
            _ if any.is_infinite() => Reason::OutsideDomain,
            _ => Reason::TooNoisy {
                resolution: any,
                demanded,
            },
        })
    }

    /// Whether a better oracle at the same point passes: the same definition in more
    /// digits, where f64 has lost its own; any other beside finitediff; and the
    /// definition beside differences of something that is checked by itself.
    fn overruled(&self, c: &Comparison) -> bool {
        let defined = |o: Oracle| matches!(o, Oracle::Extended | Oracle::Double);
        let outranks = |o: Oracle| match c.oracle {
            Oracle::Double => o == Oracle::Extended,
            Oracle::Finitediff => defined(o) || o == Oracle::Differences,
            _ => c.rests_on.is_some() && defined(o),
        };
        let better = |o: &&Comparison| {
            let same = o.point == c.point && (o.along == c.along || !o.along);
            outranks(o.oracle) && same && o.excess() <= 1.0
        };
        self.counted.iter().any(better)
    }

    /// Whether 237 bits alone object, by little, and the same definition in f64 does
    /// not: an intermediate result that is larger than the formula's value and does
    /// not change with x rounds like that, and is in no noise.
    fn marginal(&self, c: &Comparison) -> bool {
        let in_f64 =
            |o: &&Comparison| o.oracle == Oracle::Double && o.point == c.point && o.excess() <= 1.0;
        let little = c.oracle == Oracle::Extended && c.excess() < MARGIN;
        self.rounds && little && self.counted.iter().any(in_f64)
    }

    /// Whether the quantity is zero to rounding at every point.
    fn vanishes(&self) -> bool {
        let own =
            |c: &&Comparison| c.largest(|k| c.found.value[k]) <= c.largest(|k| c.found.bound[k]);
        self.counted.iter().all(own)
    }

    /// A passing oracle at the same point that speaks against a failing one: their
    /// intervals exclude each other, or its own is narrower where the failure is.
    fn opponent(&self, c: &Comparison) -> Option<Oracle> {
        let k = worst_of(c);
        let relative: f64 = narrow(c.largest(|k| c.difference(k)) / self.size_beside(c));
        let speaks = |o: &&&Comparison| {
            if o.point != c.point || o.excess() > 1.0 {
                return false;
            }
            if o.along != c.along {
                return self.resolution(o) < relative * CLEARLY;
            }
            let apart = (c.expected.value[k] - o.expected.value[k]).abs();
            let exclude = apart > c.expected.bound[k] + o.expected.bound[k];
            exclude || o.expected.bound[k] < c.expected.bound[k]
        };
        self.counted.iter().find(speaks).map(|o| o.oracle)
    }
}

pub(crate) fn worst_of(c: &Comparison) -> usize {
    let by_excess = |&i: &usize, &j: &usize| c.excess_of(i).total_cmp(&c.excess_of(j));
    (0..c.len()).max_by(by_excess).unwrap_or(0)
}

fn votes(
    all: &[&Comparison],
    aside: &dyn Fn(&Comparison) -> Option<Check>,
    bench: &Bench<'_>,
) -> Vec<Vote> {
    let mut out: Vec<Vote> = Vec::new();
    for c in all {
        let (excess, resolution) = (c.excess(), bench.resolution(c));
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
