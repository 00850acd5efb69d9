//! Scores that no x has are told, with a proof that holds in rational numbers;
//! scores that some x has are not. `bars -- infeasible-scores` runs 150 of each.

#![allow(missing_docs, reason = "the names of the tests are their claims")]

mod common;

use common::infeasible::{KINDS, feasible, infeasible, proves, recovered};
use levinv::recover::{Infeasibility, ScoreRecovery, Status};
use levinv::{DMatrix, DVector, Model};

#[test]
fn overfull_rows_are_named_and_proved() {
    for kind in KINDS {
        for seed in 0..4 {
            for known in [true, false] {
                let case = infeasible(kind, seed);
                let found = case.recover(known);
                // As much as the rank, to rounding, is no proof.
                assert_eq!(
                    found.status,
                    case.expected(),
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
fn tiny_slacks_of_parallel_rows_are_not_called_infeasible() {
    // Two equal rows with slacks of 1e-10 beside others of 1 have scores that sum to
    // 1 but for 1e-20, and yet there is this x.
    let a = DMatrix::from_fn(14, 3, |i, j| match i {
        0 | 1 => [1.0, 2.0, -1.0][j],
        _ => ((i * 7 + j * j * 3 + i * j * 5) % 11) as f64 - 5.0,
    });
    let x = DVector::from_vec(vec![0.5, -0.25, 1.0]);
    let s = DVector::from_fn(14, |i, _| match i {
        0 | 1 => 1e-10 * (1.0 + i as f64 * 0.5),
        _ => 1.0 + (i % 5) as f64 * 0.37,
    });
    let model = Model::new(a.clone(), &a * &x - s).expect("full rank");
    let target = model
        .at(&x)
        .expect("inside")
        .scores()
        .expect("in memory")
        .clone();
    let found = ScoreRecovery::new(&model, target).expect("scores").run();
    let found = found.expect("in memory");
    assert_ne!(found.status, Status::Infeasible, "{}", found.reason);
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
