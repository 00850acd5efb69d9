//! Bars of the audit.

use std::time::Instant;

use levinv::audit::{Attacker, Audit, Publication};

use crate::common::auditing::{collinear, outside, random, ratios, stackloss};

/// Enough for a root mean square that is good to 2 or 3 %.
const TRIALS: usize = 1000;

pub fn audit() {
    // The first call may have to build the command.
    super::command::levinv(&["recover"]);
    let started = Instant::now();
    let out = super::command::levinv(&["audit"]);
    let seconds = started.elapsed().as_secs_f64();
    let audits = out["audits"].as_array().map_or(0, Vec::len);
    println!(
        "levinv audit on stackloss, {audits} publications, {} trials: {seconds:.1} s of 10",
        levinv::audit::TRIALS
    );
    for (name, model, x) in [stackloss(), collinear(), random()] {
        for publication in [Publication::Scores, Publication::Gradient] {
            let audit = match publication {
                Publication::Scores => Audit::scores(&model, &x),
                Publication::Gradient => Audit::gradient(&model, &x),
            };
            let started = Instant::now();
            let report = audit
                .and_then(|a| a.trials(TRIALS))
                .and_then(|a| a.run())
                .expect("in memory");
            let seconds = started.elapsed().as_secs_f64();
            println!("{name}, {publication}: {seconds:.1} s for {TRIALS} trials a row");
            for attacker in Attacker::ALL {
                let (mut low, mut high, mut count) = (f64::INFINITY, 0.0f64, 0);
                let mut others = Vec::new();
                for row in report.rows_of(attacker) {
                    match outside(row) {
                        Some(why) => others.push(format!("{} ({why})", row.level)),
                        None => {
                            let (l, h) = ratios(row);
                            (low, high, count) = (low.min(l), high.max(h), count + 1);
                        }
                    }
                }
                if count == 0 {
                    (low, high) = (f64::NAN, f64::NAN);
                }
                let verdict = match count {
                    0 => "none is linear",
                    _ if low >= 0.8 && high <= 1.2 => "ok",
                    _ => "MISSED",
                };
                println!(
                    "  {:14} {count:2} levels in the linear regime, predicted / simulated {low:.2} to {high:.2} {verdict}",
                    attacker.name()
                );
                // One reason for all is said once.
                let all = |why: &str| others.len() > 3 && others.iter().all(|o| o.contains(why));
                if all("100.0 % wrong") {
                    others = vec!["all (the signs of least squares are wrong)".into()];
                }
                if !others.is_empty() {
                    println!("  {:14} outside, digits: {}", "", others.join("; "));
                }
            }
        }
    }
}
