//! Bars of real designs: what of x scores determine, and scores that no x has.

use std::collections::BTreeMap;

use crate::common::designs::{KINDS, Verdict, case, judge};
use crate::common::infeasible::{self, feasible, infeasible, proves, recovered};
use levinv::recover::Status;

/// Of each kind.
const INSTANCES: u64 = 20;
/// Of each kind of scores without an x: of those that are infeasible 50 or more.
const OF_KIND: u64 = 12;

pub fn designs() {
    println!(
        "right of {INSTANCES}; worst error of a determined coefficient, and of the span of directions, among those"
    );
    for signs_known in [true, false] {
        println!("\nsigns {}", if signs_known { "known" } else { "unknown" });
        for kind in KINDS {
            let verdicts: Vec<Verdict> = (0..INSTANCES)
                .map(|seed| judge(&case(kind, seed), signs_known))
                .collect();
            let right = || verdicts.iter().filter(|v| v.right);
            let determined = right().map(|v| v.determined).sum::<usize>();
            let worst = |f: fn(&Verdict) -> f64| right().map(f).fold(0.0, f64::max);
            println!(
                "{kind:38} {:2}   {:.1e} ({determined} coefficients)   {:.1e}",
                right().count(),
                worst(|v| v.error),
                worst(|v| v.angle)
            );
            let mut wrong: BTreeMap<&str, (usize, &Verdict)> = BTreeMap::new();
            for v in verdicts.iter().filter(|v| !v.right) {
                wrong.entry(v.status.name()).or_insert((0, v)).0 += 1;
            }
            for (status, (count, v)) in wrong {
                println!(
                    "    {count} {status}, error {:.1e}, angle {:.1e}: {}",
                    v.error, v.angle, v.reason
                );
            }
        }
    }
}

pub fn infeasible_scores() {
    for signs_known in [true, false] {
        println!("signs {}", if signs_known { "known" } else { "unknown" });
        // Scores that no x has, and those that only slacks without a trace have.
        for status in [Status::Infeasible, Status::Undetermined] {
            let (mut recognised, mut proved, mut all) = (0, 0, 0);
            for kind in infeasible::KINDS {
                for seed in 0..OF_KIND {
                    let case = infeasible(kind, seed);
                    if case.expected() != status {
                        continue;
                    }
                    let found = case.recover(signs_known);
                    let proof = proves(&case, &found);
                    all += 1;
                    recognised += u64::from(found.status == status);
                    proved += u64::from(proof);
                    if found.status != status || !proof {
                        println!("    {kind}, {seed}: {}, {}", found.status, found.reason);
                    }
                }
            }
            println!(
                "{status}: {recognised} of {all} recognised, {proved} with rows that rational arithmetic confirms"
            );
        }
        let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
        let mut right = 0;
        for seed in 0..100 {
            let case = feasible(seed);
            let found = case.recover(signs_known);
            right += u64::from(recovered(&case, &found));
            *ends.entry(found.status.name()).or_default() += 1;
            if found.status != Status::Recovered {
                println!("    feasible, {seed}: {}, {}", found.status, found.reason);
            }
        }
        println!(
            "feasible: {ends:?}, {right} within ten of their own error bounds, all of those below 1e-6"
        );
    }
}
