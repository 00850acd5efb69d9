//! A small part of the recovery bars; `examples/bars` runs them in full.

mod common;

use levinv::recover::{ScoreRecovery, SignKnowledge, Status};
use levinv::{DMatrix, DVector, Model, Signs};

use common::instances::{normal, rng};
use common::measure::{gradient_recovery, score_recovery, score_recovery_f32};

#[test]
fn scores_give_x_back_with_signs_known() {
    let errors = score_recovery(20, true);
    assert_eq!(errors.within(1e-11), 20, "{errors:?}");
}

#[test]
fn scores_give_x_back_with_signs_unknown() {
    let errors = score_recovery(20, false);
    assert_eq!(errors.within(1e-11), 20, "{errors:?}");
}

#[test]
fn single_precision_gives_x_back_to_four_digits() {
    for signs_known in [true, false] {
        let errors = score_recovery_f32(20, signs_known);
        assert_eq!(
            errors.within(1e-4),
            20,
            "signs known: {signs_known}, {errors:?}"
        );
    }
}

#[test]
fn a_gradient_gives_x_back_inside_its_cell_with_and_without_a_start() {
    for start_given in [true, false] {
        let errors = gradient_recovery(20, start_given);
        assert_eq!(
            errors.within(1e-10),
            20,
            "start given: {start_given}, {errors:?}"
        );
    }
}

/// Two groups with an intercept and a slope each: two components, each with a
/// scale of its own; and a three-level factor, whose dummies multiply to zero
/// in the lift.
#[test]
fn factors_and_interactions_give_x_back_with_signs_unknown() {
    let mut r = rng(5);
    let n = 60;
    let t: Vec<f64> = (0..n).map(|_| normal(&mut r)).collect();
    let level = |i: usize, k: usize| f64::from(i % 3 == k);
    let designs = [
        DMatrix::from_fn(n, 4, |i, j| [1.0, level(i, 1), t[i], level(i, 1) * t[i]][j]),
        DMatrix::from_fn(n, 4, |i, j| [1.0, level(i, 1), level(i, 2), t[i]][j]),
        DMatrix::from_fn(n, 4, |i, j| {
            [level(i, 0), level(i, 1), level(i, 2), t[i]][j]
        }),
    ];
    for a in designs {
        let x = DVector::from_fn(4, |_, _| normal(&mut r));
        let b = &a * &x + DVector::from_fn(n, |_, _| normal(&mut r));
        let model = Model::new(a, b).expect("full rank");
        let scores = model
            .at(&x)
            .expect("inside")
            .scores()
            .expect("in memory")
            .clone();
        let found = ScoreRecovery::new(&model, scores)
            .expect("scores")
            .run()
            .expect("in memory");
        assert_eq!(found.status, Status::Recovered, "{}", found.reason);
        let error = (found.x.expect("recovered") - &x).norm() / x.norm();
        assert!(error < 1e-11, "{error:e}");
    }
}

#[test]
fn a_component_with_one_row_to_spare_is_ambiguous_without_signs() {
    // Group 2 has two rows for its one coefficient.
    let a = DMatrix::from_fn(8, 2, |i, j| f64::from((i < 6) == (j == 0)));
    let b = DVector::from_fn(8, |i, _| (i * i % 7) as f64 + 0.25);
    let model = Model::new(a, b).expect("full rank");
    let x = DVector::from_vec(vec![0.5, -0.75]);
    let at = model.at(&x).expect("inside");
    let run = ScoreRecovery::new(&model, at.scores().expect("in memory").clone()).expect("scores");
    assert_eq!(run.run().expect("in memory").status, Status::Ambiguous);
    let signs = SignKnowledge::Known(Signs::of(at.slack()).expect("no zero"));
    let run = ScoreRecovery::new(&model, at.scores().expect("in memory").clone()).expect("scores");
    let found = run
        .signs(signs)
        .expect("one a row")
        .run()
        .expect("in memory");
    assert!((found.x.expect("recovered") - x).norm() < 1e-12);
}
