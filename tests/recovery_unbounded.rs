//! Cells without an end: that no x has a gradient is proved, or not said.

#![allow(missing_docs, reason = "the names of the tests are their claims")]

#[path = "common/unbounded.rs"]
mod unbounded;

use levinv::recover::{GradientRecovery, Infeasibility, Status};
use levinv::{Model, Signs};
use nalgebra::{dmatrix, dvector};
use unbounded::{Kind, feasible, infeasible, proves, recover};

#[test]
fn every_kind_of_unbounded_cell_is_recognised_with_a_proof() {
    for kind in Kind::INFEASIBLE {
        for seed in 0..3 {
            let case = infeasible(kind, seed);
            let found = recover(&case);
            assert_eq!(
                found.status,
                Status::Infeasible,
                "{kind:?} {seed}: {}",
                found.reason
            );
            assert!(
                proves(&case, &found),
                "{kind:?} {seed}: {:?}",
                found.infeasibility
            );
            assert_eq!(found.x, None);
        }
    }
}

#[test]
fn no_gradient_that_a_point_has_is_called_infeasible() {
    for kind in Kind::FEASIBLE {
        for seed in 0..3 {
            let case = feasible(kind, seed);
            let found = recover(&case);
            assert_eq!(
                found.status,
                Status::Recovered,
                "{kind:?} {seed}: {}",
                found.reason
            );
            assert!(found.infeasibility.is_none());
        }
    }
}

/// x > 0, y > 0 and x + y > 1.
fn quadrant() -> Model<f64> {
    let a = dmatrix![1.0, 0.0; 0.0, 1.0; 1.0, 1.0];
    Model::new(a, dvector![0.0, 0.0, 1.0]).unwrap()
}

#[test]
fn c_in_the_boundary_of_the_polar_cone_is_told_from_c_inside_by_the_last_bit() {
    let model = quadrant();
    let run = |c| GradientRecovery::new(&model, c).unwrap().run().unwrap();
    let edge = run(dvector![-1.0, 0.0]);
    match edge.infeasibility {
        Some(Infeasibility::Recession(h)) => assert!(h[0] == 0.0 && h[1] > 0.0, "{h}"),
        other => panic!("{other:?}"),
    }
    for c in [5e-324, 1e-300, 1e-16] {
        let found = run(dvector![-1.0, c]);
        assert_eq!(found.status, Status::Infeasible, "{c}: {}", found.reason);
        // A solution is somewhere at −2/c, which may be out of reach, but is there.
        let found = run(dvector![-1.0, -c]);
        assert_ne!(found.status, Status::Infeasible, "{c}: {}", found.reason);
    }
    let found = run(dvector![-1.0, -1e-9]);
    assert_eq!(found.status, Status::Recovered, "{}", found.reason);
}

#[test]
fn a_certificate_needs_no_iterations() {
    let run = GradientRecovery::new(&quadrant(), dvector![0.0, 0.0]).unwrap();
    let found = run.max_iters(0).run().unwrap();
    assert_eq!(found.status, Status::Infeasible, "{}", found.reason);
    // Nor is one found where there is none.
    let bounded = dmatrix![1.0, 0.0; 0.0, 1.0; -1.0, -1.0];
    let bounded = Model::new(bounded, dvector![0.0, 0.0, -3.0]).unwrap();
    let run = GradientRecovery::new(&bounded, dvector![5.0, 0.0]).unwrap();
    let found = run.max_iters(0).run().unwrap();
    assert_eq!(found.status, Status::NotConverged, "{}", found.reason);
}

#[test]
fn rows_of_zeros_and_other_signs_change_nothing() {
    let a = dmatrix![-1.0, 0.0; 0.0, 1.0; 0.0, 0.0; -1.0, 1.0];
    let model = Model::new(a, dvector![0.0, 0.0, -1.0, 1.0]).unwrap();
    let signs = Signs::of(&dvector![-1.0, 1.0, 1.0, -1.0]).unwrap();
    let run = GradientRecovery::new(&model, dvector![0.0, 0.0]).unwrap();
    let found = run.signs(signs).unwrap().run().unwrap();
    // x > 0, y > 0 and y < x + 1.
    assert_eq!(found.status, Status::Infeasible, "{}", found.reason);
}

#[test]
fn single_precision_has_certificates_of_its_own() {
    let case = infeasible(Kind::Cone, 1);
    let a = case.a.map(|v| v as f32);
    let model = Model::new(a.clone(), case.b.map(|v| v as f32)).unwrap();
    let target = case.target.map(|v| v as f32);
    let run = GradientRecovery::new(&model, target.clone()).unwrap();
    let found = run.signs(case.signs.clone()).unwrap().run().unwrap();
    let Some(Infeasibility::Recession(h)) = found.infeasibility else {
        panic!("{}", found.reason)
    };
    // Products of two f32 are exact in f64, and these sums far from zero.
    let change = a.map(f64::from) * h.map(f64::from);
    assert!((0..change.len()).all(|i| change[i] * case.signs.sign::<f64>(i) >= 0.0));
    assert!(target.map(f64::from).dot(&h.map(f64::from)) >= 0.0);
}
