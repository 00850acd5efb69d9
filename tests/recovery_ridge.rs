//! With a ridge the answer is a stationary point, and said to be no more.

#![allow(missing_docs, reason = "the names of the tests are their claims")]

mod common;

use common::ridge::{case, gap, recover};
use levinv::recover::{GradientRecovery, ScoreRecovery, SignKnowledge, Status};
use levinv::{DMatrix, DVector, GradientInversion, HasHessian, Model, Signs};
use nalgebra::{dmatrix, dvector};

/// What `Recovery` promises; see its docs.
const BOUND: f64 = 1e-10;

#[test]
fn the_gradient_vanishes_at_the_reported_point() {
    for scores in [true, false] {
        // Small ones of the bar's hundred, from 1e-6 to 1e3.
        let small = (0..100).map(|seed| case(seed, scores));
        for case in small.filter(|c| c.instance.a.nrows() < 40).take(6) {
            let found = recover(&case);
            assert_eq!(found.status, Status::Stationary, "{}", found.reason);
            let gap = gap(&case, &found.x.expect("a point"));
            assert!(gap.of_terms <= BOUND, "ridge {:.0e}: {gap:?}", case.ridge);
        }
    }
}

/// A square with the gradient at (0.5, 0.2), and a ridge on all rows.
fn square(ridge: f64) -> (Model<f64>, DVector<f64>, DVector<f64>) {
    let a = dmatrix![1.0, 0.0; -1.0, 0.0; 0.0, 1.0; 0.0, -1.0];
    let model = Model::new(a, DVector::from_element(4, -1.0)).unwrap();
    let at = model.at(&dvector![0.5, 0.2]).unwrap();
    let c = at.score_gradient().unwrap();
    (model, c, DVector::from_element(4, ridge))
}

#[test]
fn the_eigenvalue_is_that_of_the_hessian_in_the_units_of_x() {
    let (model, c, w) = square(0.3);
    let found = GradientRecovery::new(&model, c.clone()).unwrap();
    let found = found.ridge(w.clone()).run().unwrap();
    assert!(
        found.reason.starts_with("a local minimum"),
        "{}",
        found.reason
    );
    let loss = GradientInversion::new(&model, c)
        .unwrap()
        .with_ridge(w)
        .unwrap();
    let hessian = loss.hessian(&found.x.unwrap()).unwrap();
    let expected = hessian.symmetric_eigenvalues().min();
    let value = found.smallest_eigenvalue.unwrap();
    // Well conditioned: a few roundings.
    assert!((value / expected - 1.0).abs() < 1e-12, "{value} {expected}");
}

#[test]
fn without_a_ridge_there_is_no_eigenvalue() {
    let (model, c, w) = square(0.0);
    let found = GradientRecovery::new(&model, c)
        .unwrap()
        .ridge(w)
        .run()
        .unwrap();
    assert_eq!(
        (found.status, found.smallest_eigenvalue),
        (Status::Recovered, None)
    );
}

#[test]
fn a_ridge_that_vanishes_leaves_the_unregularised_solution() {
    let mut last = f64::INFINITY;
    for ridge in [1.0, 1e-1, 1e-2, 1e-3] {
        let (model, c, w) = square(ridge);
        let found = GradientRecovery::new(&model, c)
            .unwrap()
            .ridge(w)
            .run()
            .unwrap();
        let distance = (found.x.unwrap() - dvector![0.5, 0.2]).norm();
        // To first order it is proportional to the square of the weights.
        assert!(
            distance < last / 50.0 || ridge == 1.0,
            "{ridge}: {distance} after {last}"
        );
        last = distance;
    }
}

#[test]
fn a_large_ridge_pulls_x_to_the_origin_past_the_end_of_a_curve_that_is_told() {
    let a = DMatrix::from_fn(8, 2, |i, j| ((i * 7 + j * 5 + i * j * 3) % 11) as f64 - 5.0);
    let b = DVector::from_fn(8, |i, _| 1.5 + (i * i % 5) as f64);
    let model = Model::new(a, b).unwrap();
    let x = dvector![3.0, -4.0];
    let at = model.at(&x).unwrap();
    let signs = SignKnowledge::Known(Signs::of(at.slack()).unwrap());
    let run = |ridge| {
        let run = ScoreRecovery::new(&model, at.scores().expect("in memory").clone()).unwrap();
        let run = run.signs(signs.clone()).unwrap();
        run.ridge(DVector::from_element(8, ridge)).run().unwrap()
    };
    let large = run(1e3);
    assert_eq!(large.status, Status::Stationary, "{}", large.reason);
    assert!(large.reason.contains("of the ridge"), "{}", large.reason);
    assert!(large.x.unwrap().norm() < 1e-3);
    let small = run(1e-6);
    assert!(!small.reason.contains("of the ridge"), "{}", small.reason);
    assert!((small.x.unwrap() - x).norm() < 1e-3);
}

#[test]
fn where_nothing_can_be_recovered_the_regularised_loss_still_has_its_point() {
    let ridge = |n| DVector::from_element(n, 0.1);
    // An unbounded cell without a volumetric centre: the ridge bounds it.
    let a = dmatrix![1.0, 0.0; 0.0, 1.0; 1.0, 1.0];
    let model = Model::new(a, dvector![0.0, 0.0, 1.0]).unwrap();
    let run = || GradientRecovery::new(&model, dvector![0.0, 0.0]).unwrap();
    assert_eq!(run().run().unwrap().status, Status::Infeasible);
    let found = run().ridge(ridge(3)).run().unwrap();
    assert_eq!(found.status, Status::Stationary, "{}", found.reason);
    assert!(
        found.reason.contains("not from an unregularised solution"),
        "{}",
        found.reason
    );
    assert!(found.infeasibility.is_none() && found.smallest_eigenvalue > Some(0.0));
    let x = found.x.unwrap();
    assert!(
        model.slack(&x).unwrap().min() > 0.0,
        "outside the cell: {x}"
    );

    // Scores that no x has, and as many rows as columns, where every x has them.
    let a = dmatrix![1.0, 0.0; 2.0, 0.0; 0.0, 1.0; 1.0, 1.0; 1.0, -1.0; 2.0, 1.0; 1.0, 3.0];
    let model = Model::new(a, DVector::from_element(7, -1.0)).unwrap();
    let scores = dvector![0.9, 0.9, 0.04, 0.04, 0.04, 0.04, 0.04];
    for signs in [
        SignKnowledge::Known(Signs::positive(7)),
        SignKnowledge::Unknown,
    ] {
        let run = ScoreRecovery::new(&model, scores.clone()).unwrap();
        let found = run.signs(signs).unwrap().ridge(ridge(7)).run().unwrap();
        assert_eq!(found.status, Status::Stationary, "{}", found.reason);
    }
    let few = Model::new(DMatrix::identity(2, 2), dvector![1.0, 2.0]).unwrap();
    let run = ScoreRecovery::new(&few, dvector![1.0, 1.0]).unwrap();
    let run = run.signs(SignKnowledge::Known(Signs::positive(2))).unwrap();
    let found = run.ridge(ridge(2)).run().unwrap();
    // The loss is the ridge alone there, and its minimum lies in another cell.
    assert!(found.x.is_some_and(|x| x.norm() < 1e-8), "{}", found.reason);
}

#[test]
fn no_iterations_reach_no_stationary_point() {
    let (model, c, w) = square(1.0);
    let run = GradientRecovery::new(&model, c)
        .unwrap()
        .ridge(w)
        .max_iters(0);
    assert_eq!(run.run().unwrap().status, Status::NotConverged);
}

#[test]
fn single_precision_reaches_its_own_accuracy() {
    let (model, c, w) = square(0.3);
    let x = GradientRecovery::new(&model, c.clone()).unwrap();
    let x = x.ridge(w.clone()).run().unwrap().x.unwrap();
    let mut a = DMatrix::zeros(4, 2);
    model.design().read_rows(0, &mut a).unwrap();
    let single = Model::new(a.map(|v| v as f32), model.rhs().map(|v| v as f32)).unwrap();
    let run = GradientRecovery::new(&single, c.map(|v| v as f32)).unwrap();
    let found = run.ridge(w.map(|v| v as f32)).run().unwrap();
    assert_eq!(found.status, Status::Stationary, "{}", found.reason);
    assert!((found.x.unwrap().map(f64::from) - x).norm() < 1e-5);
}
