//! What scores of real designs determine is recovered, and the rest is named.
//! `bars -- designs` runs all instances.

#![allow(missing_docs, reason = "the names of the tests are their claims")]

mod common;

use common::designs::{KINDS, case, judge};
use levinv::recover::{Recovery, ScoreRecovery, SignKnowledge, Status};
use levinv::{DMatrix, DVector, Error, Model, Signs};
use nalgebra::dvector;

fn found(a: &DMatrix<f64>, b: &DVector<f64>, x: &DVector<f64>, known: bool) -> Recovery<f64> {
    let model = Model::new(a.clone(), b.clone()).expect("full rank");
    let at = model.at(x).expect("no slack is zero");
    let signs = match known {
        true => SignKnowledge::Known(Signs::of(at.slack()).expect("no zero")),
        false => SignKnowledge::Unknown,
    };
    let run = ScoreRecovery::new(&model, at.scores().expect("in memory").clone()).expect("scores");
    run.signs(signs)
        .expect("one a row")
        .run()
        .expect("in memory")
}

/// 1e-9 is the bar; rounding leaves some 1e-16 times the amplification of
/// scores, which is below 1e4 on these.
#[test]
fn every_kind_of_design_is_recovered_or_what_is_free_is_named() {
    for kind in KINDS {
        for seed in 0..4 {
            let verdict = judge(&case(kind, seed), true);
            assert!(verdict.right, "{kind}, {seed}: {verdict:?}");
        }
    }
}

#[test]
fn without_signs_what_is_claimed_is_right() {
    for kind in KINDS {
        for seed in 0..4 {
            let case = case(kind, seed);
            let verdict = judge(&case, false);
            let searched = !verdict.reason.contains("give the signs");
            assert!(verdict.right || !searched, "{kind}, {seed}: {verdict:?}");
            assert!(verdict.right || verdict.status != Status::Recovered);
        }
    }
}

/// Level 2 of three has one row; t is a covariate.
fn lone_level() -> (DMatrix<f64>, DVector<f64>, DVector<f64>) {
    let level = |i: usize| if i == 5 { 2 } else { i % 2 };
    let a = DMatrix::from_fn(24, 4, |i, j| match j {
        0 => 1.0,
        1 => f64::from(u8::from(level(i) == 1)),
        2 => f64::from(u8::from(level(i) == 2)),
        _ => (i * i % 11) as f64,
    });
    let b = DVector::from_fn(24, |i, _| (i * i % 7) as f64 - 2.77);
    (a, b, dvector![0.5, -1.25, 3.0, 0.125])
}

#[test]
fn a_level_of_one_row_leaves_its_own_coefficient_free_and_no_other() {
    let (a, b, x) = lone_level();
    for known in [true, false] {
        let found = found(&a, &b, &x, known);
        assert_eq!(found.status, Status::Undetermined, "{}", found.reason);
        assert_eq!(found.directions, [dvector![0.0, 0.0, 1.0, 0.0]]);
        assert!(found.reason.contains("row 6 of 24") && found.reason.contains("coefficient 3"));
        let (got, errors) = (
            found.x.as_ref().expect("a point"),
            found.errors.as_ref().expect("errors"),
        );
        for j in [0, 1, 3] {
            assert!(
                found.determines(j) && (got[j] - x[j]).abs() < 1e-12,
                "{got}"
            );
            assert!(errors[j] < 1e-11, "{errors}");
        }
        assert!(!found.determines(2) && errors[2].is_infinite());
        assert!(found.error_estimate().is_none());
    }
}

#[test]
fn a_baseline_of_one_row_leaves_the_intercept_and_all_dummies_free_together() {
    let (mut a, b, x) = lone_level();
    for i in 0..24 {
        // Level 2 becomes the baseline.
        a[(i, 2)] = f64::from(u8::from(i != 5 && i % 2 == 0));
    }
    let found = found(&a, &b, &x, true);
    let [h] = &found.directions[..] else {
        panic!("{}: {:?}", found.reason, found.directions);
    };
    let expected = dvector![1.0, -1.0, -1.0, 0.0];
    assert!((h / h[0] - expected).amax() < 1e-14, "{h}");
    assert!(found.determines(3) && (found.x.expect("a point")[3] - x[3]).abs() < 1e-12);
}

#[test]
fn the_score_of_a_lone_row_must_be_one() {
    let (a, b, x) = lone_level();
    let model = Model::new(a, b).expect("full rank");
    let mut target = model
        .at(&x)
        .expect("inside")
        .scores()
        .expect("in memory")
        .clone();
    target[5] -= 0.25;
    target[0] += 0.25;
    let found = ScoreRecovery::new(&model, target)
        .expect("scores")
        .run()
        .expect("in memory");
    assert_eq!(found.status, Status::Infeasible, "{}", found.reason);
    assert!(found.infeasibility.is_some(), "{}", found.reason);
}

#[test]
fn a_response_without_residuals_leaves_x_on_a_line_through_the_truth() {
    // No dummies, of which the lift leaves the squares open.
    let a = DMatrix::from_fn(23, 3, |i, j| {
        [1.0, (i * i % 11) as f64, (i * i % 13) as f64][j]
    });
    let x = dvector![0.5, -1.25, 0.625];
    let centre = dvector![1.0, 2.0, 3.0];
    for b in [&a * &centre, DVector::zeros(23)] {
        let centre = if b.amax() > 0.0 {
            centre.clone()
        } else {
            DVector::zeros(3)
        };
        for known in [true, false] {
            let found = found(&a, &b, &x, known);
            assert_eq!(found.status, Status::Undetermined, "{}", found.reason);
            let [h] = &found.directions[..] else {
                panic!("{}: {:?}", found.reason, found.directions);
            };
            // Both x and the point given lie on the line through the centre.
            let along =
                |v: &DVector<f64>| (v - h * (v.dot(h) / h.norm_squared())).norm() / v.norm();
            assert!(along(&(&x - &centre)) < 1e-11, "{h}");
            assert!(along(&(found.x.expect("a point") - &centre)) < 1e-11);
        }
    }
}

#[test]
fn a_column_too_many_is_refused_by_number() {
    // Intercept, and a dummy for every level.
    let a = DMatrix::from_fn(12, 4, |i, j| f64::from(u8::from(j == 0 || i % 3 + 1 == j)));
    let refused = Model::new(a.clone(), DVector::zeros(12)).expect_err("dependent");
    let Error::RankDeficient { rank: 3, columns } = &refused else {
        panic!("{refused}");
    };
    let [column] = columns[..] else {
        panic!("one column too many, not {columns:?}");
    };
    assert!(refused.to_string().contains(&format!("[{column}]")));
    assert!(Model::new(a.remove_column(column), DVector::zeros(12)).is_ok());
}
