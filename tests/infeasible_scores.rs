//! Scores that no x has are told, with a proof that holds in rational numbers;
//! scores that some x has are not. `bars -- infeasible-scores` runs 150 of each.

#![allow(missing_docs, reason = "the names of the tests are their claims")]

mod common;

use common::infeasible::{KINDS, feasible, infeasible, proves, recovered};
use levinv::recover::{Infeasibility, Status};

#[test]
fn overfull_rows_are_named_and_proved() {
    for kind in KINDS {
        for seed in 0..4 {
            for known in [true, false] {
                let case = infeasible(kind, seed);
                let found = case.recover(known);
                assert_eq!(
                    found.status,
                    Status::Infeasible,
                    "{kind}, {seed}: {}",
                    found.reason
                );
                assert!(
                    found.x.is_none() && proves(&case, &found),
                    "{kind}, {seed}: {}",
                    found.reason
                );
                let exceeds = matches!(found.infeasibility, Some(Infeasibility::Overfull { .. }));
                assert_eq!(exceeds, case.exceeds, "{kind}, {seed}: {}", found.reason);
            }
        }
    }
}

#[test]
fn no_row_of_a_proof_is_idle() {
    // Without any one of them the rest is not overfull: single removals are tried.
    for seed in 0..4 {
        let case = infeasible(KINDS[0], seed);
        let found = case.recover(true);
        let Some(Infeasibility::Overfull { rows, rank, .. }) = &found.infeasibility else {
            panic!("{}", found.reason);
        };
        for &without in rows {
            let rest: Vec<usize> = rows.iter().copied().filter(|&i| i != without).collect();
            let sum: f64 = rest.iter().map(|&i| case.target[i]).sum();
            let room = common::infeasible::exact_rank(&case.a, &rest) as f64;
            assert!(
                sum <= room + 1e-12,
                "{rows:?} of rank {rank}, without {without}"
            );
        }
    }
}

#[test]
fn slacks_over_six_decades_raise_no_false_alarm() {
    for seed in 0..12 {
        for known in [true, false] {
            let case = feasible(seed);
            let found = case.recover(known);
            assert!(
                recovered(&case, &found),
                "{seed}: {}, {}",
                found.status,
                found.reason
            );
        }
    }
}
