//! Every recovery ends, with a status that is true, however hopeless its target.

#![allow(missing_docs, reason = "the names of the tests are their claims")]

#[path = "common/soundness.rs"]
mod soundness;

use levinv::recover::{GradientRecovery, Recovery, ScoreRecovery, SignKnowledge, Status};
use levinv::{Error, Model, Signs};
use nalgebra::{dmatrix, dvector};
use soundness::{M, V, assert_ended, bounded, polygon};

/// From a gradient, in the cell of positive slacks.
fn from_gradient(
    what: &str,
    model: &Model<f64>,
    c: &V,
    with: impl Fn(GradientRecovery<'static, f64>) -> GradientRecovery<'static, f64> + Send + 'static,
) -> Result<Recovery<f64>, Error> {
    let (model_, c_) = (model.clone(), c.clone());
    let found = bounded(what, move || {
        with(GradientRecovery::new(&model_, c_)?).run()
    });
    if let Ok(found) = &found {
        assert_ended(model, Some(c), found);
    }
    found
}

fn from_scores(what: &str, model: &Model<f64>, target: &V, signs: SignKnowledge) -> Recovery<f64> {
    let (model_, target) = (model.clone(), target.clone());
    let found = bounded(what, move || {
        ScoreRecovery::new(&model_, target)?.signs(signs)?.run()
    });
    let found = found.unwrap_or_else(|error| panic!("{what}: {error}, where a status is due"));
    assert_ended(model, None, &found);
    found
}

fn positive(model: &Model<f64>) -> SignKnowledge {
    SignKnowledge::Known(Signs::positive(model.nrows()))
}

#[test]
fn a_ridge_of_any_size_ends() {
    let (a, b) = polygon();
    for unit in [1e-80, 1e-40, 1.0, 1e40, 1e80] {
        let model = Model::new(&a * unit, b.clone()).unwrap();
        for weight in [0.0, 1e-160, 1e-80, 1.0, 1e40, 1e80, 1e150] {
            for max_iters in [0, 1, 200] {
                for c in [0.0, 0.3, 1e5] {
                    let c = dvector![c, -c] * unit;
                    let what = format!(
                        "ridge {weight} on a cell in units of {unit}, {max_iters} steps, c = {c}"
                    );
                    let start = dvector![-0.9, 0.0] / unit;
                    let _ = from_gradient(&what, &model, &c, move |r| {
                        r.start(start.clone())
                            .unwrap()
                            .ridge(V::from_element(7, weight))
                            .max_iters(max_iters)
                    });
                }
            }
        }
    }
}

#[test]
fn scores_that_no_point_has_end_with_a_status() {
    // Rows 0 and 1 are parallel: their scores sum to 1 at most.
    let a = dmatrix![1.0, 0.0; 2.0, 0.0; 0.0, 1.0; 1.0, 1.0; 1.0, -1.0; 2.0, 1.0; 1.0, 3.0];
    let model = Model::new(a, V::from_element(7, -1.0)).unwrap();
    let over = dvector![0.9, 0.9, 0.04, 0.04, 0.04, 0.04, 0.04];
    for signs in [SignKnowledge::Unknown, positive(&model)] {
        let found = from_scores(
            "two parallel rows with 0.9 each",
            &model,
            &over,
            signs.clone(),
        );
        assert!(
            matches!(found.status, Status::Infeasible | Status::NotConverged),
            "{}",
            found.reason
        );
        // On the bound itself the weights, or x, go to infinity.
        let edge = dvector![0.3, 0.7, 0.2, 0.1, 0.2, 0.3, 0.2];
        from_scores("two parallel rows with 1 together", &model, &edge, signs);
    }
    let (a, b) = polygon();
    let model = Model::new(a, b).unwrap();
    for rest in [1e-300, 1e-17, 1e-9, 1e-3] {
        let mut t = V::from_element(7, rest);
        (t[0], t[1]) = (1.0 - 2.5 * rest, 1.0 - 2.5 * rest);
        from_scores(
            "nearly all of d in two rows",
            &model,
            &t,
            SignKnowledge::Unknown,
        );
        from_scores("nearly all of d in two rows", &model, &t, positive(&model));
    }
}

#[test]
fn targets_of_exactly_zero_and_one_end_with_a_status() {
    let (a, b) = polygon();
    let model = Model::new(a, b).unwrap();
    let zero = dvector![0.0, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2];
    let one = dvector![1.0, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1];
    let both = dvector![1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    for signs in [SignKnowledge::Unknown, positive(&model)] {
        assert_eq!(
            from_scores("a zero", &model, &zero, signs.clone()).status,
            Status::Infeasible
        );
        assert_eq!(
            from_scores("a one", &model, &one, signs.clone()).status,
            Status::Undetermined
        );
        assert!(
            !from_scores("ones and zeros", &model, &both, signs)
                .status
                .is_success()
        );
    }
}

#[test]
fn rows_of_zeros_are_no_rows() {
    // Four of the seven say something: two more than columns.
    let a = dmatrix![1.0, 0.0; 0.0, 1.0; 1.0, 1.0; 1.0, -2.0; 0.0, 0.0; 0.0, 0.0; 0.0, 0.0];
    let model = Model::new(a, dvector![-1.0, -1.2, -0.7, -1.0, -1.0, -1.0, -1.0]).unwrap();
    let target = model
        .at(&dvector![0.1, 0.2])
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    let found = from_scores("rows of zeros", &model, &target, SignKnowledge::Unknown);
    assert_eq!(found.status, Status::Recovered, "{}", found.reason);
    let x = found.x.unwrap();
    assert!((x - dvector![0.1, 0.2]).norm() < 1e-12);
    assert_eq!(
        from_scores("rows of zeros", &model, &target, positive(&model)).status,
        Status::Recovered
    );
}

#[test]
fn the_smallest_shapes_end_with_the_documented_status() {
    for d in 1..4 {
        let a = M::from_fn(d + 2, d, |i, j| {
            ((i * 7 + j * j * 3 + i * j) % 5) as f64 - 1.7
        });
        let b = V::from_fn(d + 2, |i, _| -1.0 - (0.37 * i as f64).fract());
        let x = V::from_fn(d, |j, _| 0.1 * j as f64 + 0.05);
        for n in d..d + 3 {
            let model = Model::new(a.rows(0, n).into_owned(), b.rows(0, n).into_owned()).unwrap();
            let target = model.at(&x).unwrap().scores().expect("in memory").clone();
            let signs = Signs::of(&model.slack(&x).unwrap()).unwrap();
            let unknown = from_scores("small", &model, &target, SignKnowledge::Unknown);
            let known = from_scores("small", &model, &target, SignKnowledge::Known(signs));
            match n - d {
                0 => assert_eq!(
                    (unknown.status, known.status),
                    (Status::Undetermined, Status::Undetermined)
                ),
                1 => assert_eq!(
                    (unknown.status, known.status),
                    (Status::Ambiguous, Status::Recovered)
                ),
                _ => assert_eq!(
                    known.status,
                    Status::Recovered,
                    "n = {n}, d = {d}: {}",
                    known.reason
                ),
            }
        }
    }
    // All rows equal: |s| differ, or they do not.
    let equal = Model::new(M::from_element(4, 1, 2.0), dvector![-1.0, -1.5, 0.3, 2.0]).unwrap();
    let target = equal
        .at(&dvector![0.2])
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    assert_eq!(
        from_scores("equal rows", &equal, &target, SignKnowledge::Unknown).status,
        Status::Recovered
    );
    let same = Model::new(M::from_element(4, 1, 2.0), V::from_element(4, -1.0)).unwrap();
    for signs in [SignKnowledge::Unknown, positive(&same)] {
        let found = from_scores("equal hyperplanes", &same, &V::from_element(4, 0.25), signs);
        assert_eq!(found.status, Status::Undetermined, "{}", found.reason);
    }
}

#[test]
fn a_recovery_without_a_point_has_no_residual_that_is_not_a_number() {
    let square = Model::new(M::identity(2, 2), V::zeros(2)).unwrap();
    let found = from_scores(
        "a square design",
        &square,
        &dvector![1.0, 1.0],
        SignKnowledge::Unknown,
    );
    assert_eq!((found.status, found.x), (Status::Undetermined, None));
    assert_eq!(found.residual, None);
}
#[test]
fn an_unbounded_cell_ends_with_a_status() {
    // x > 0, y > 0, x + y > 1: every slack can grow without end.
    let model = Model::new(
        dmatrix![1.0, 0.0; 0.0, 1.0; 1.0, 1.0],
        dvector![0.0, 0.0, 1.0],
    )
    .unwrap();
    // g = −A_xᵀσ is negative throughout: −1 is reached, 0 and 1 are not.
    let inside = from_gradient("c = −1", &model, &dvector![-1.0, -1.0], |r| r).unwrap();
    assert_eq!(inside.status, Status::Recovered);
    for c in [
        dvector![0.0, 0.0],
        dvector![1.0, 1.0],
        dvector![-1.0, 0.0],
        dvector![-1.0, 1e-9],
        dvector![1e6, -1.0],
    ] {
        let found = from_gradient(&format!("c = {c}"), &model, &c, |r| r).unwrap();
        assert!(
            matches!(found.status, Status::Infeasible | Status::NotConverged),
            "c = {c}: {}",
            found.reason
        );
    }
    // As many rows as columns, in units that leave little room before overflow.
    for unit in [1.0, 1e-280, 1e280] {
        let square = Model::new(M::identity(2, 2) * unit, V::zeros(2)).unwrap();
        let found = from_gradient("a cone", &square, &dvector![0.0, unit], |r| r).unwrap();
        assert!(
            matches!(found.status, Status::Infeasible | Status::NotConverged),
            "a cone in units of {unit}: {}",
            found.reason
        );
    }
}

#[test]
fn cells_of_any_size_end_with_a_status_that_is_true() {
    let (a, b) = polygon();
    for unit in [1e-300, 1e-150, 1e-8, 1.0, 1e8, 1e150, 1e300] {
        // The cell is as large as b, and as 1/A; g is as large as A/s.
        for (model, gradient) in [
            (Model::new(a.clone(), &b * unit), 1.0 / unit),
            (Model::new(&a * unit, b.clone()), unit),
        ] {
            let model = model.unwrap();
            for c in [dvector![0.0, 0.0], dvector![0.1, -0.2] * gradient] {
                let what = format!("a cell in units of {unit}, c = {c}");
                let found = from_gradient(&what, &model, &c, |r| r)
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(found.status, Status::Recovered, "{what}: {}", found.reason);
            }
        }
    }
}

#[test]
fn hyperplanes_through_one_point_end_with_a_status() {
    // b = 0: scores are the same along rays, and no x fits generic ones.
    for a in [
        dmatrix![1.0; 2.0; 3.0],
        dmatrix![0.0, 1.0; 1.0, 1.0; 2.0, 1.0; 1.0, 2.0; 1.0, -1.0; 3.0, 1.0],
    ] {
        let (n, d) = a.shape();
        let model = Model::new(a, V::zeros(n)).unwrap();
        let own = model
            .at(&V::from_element(d, 0.7))
            .map(|g| g.scores().expect("in memory").clone());
        let generic = V::from_fn(n, |i, _| (1.0 + 0.3 * i as f64) * d as f64);
        let generic = &generic * (d as f64 / generic.sum());
        for target in own.into_iter().chain([generic]) {
            for signs in [SignKnowledge::Unknown, positive(&model)] {
                let found = from_scores("b = 0", &model, &target, signs);
                assert!(!found.status.is_success(), "{}", found.reason);
            }
        }
    }
}

#[test]
fn gradients_of_any_size_end_with_a_status_that_is_true() {
    let (a, b) = polygon();
    let model = Model::new(a, b).unwrap();
    for size in [
        0.0, 1e-310, 1e-300, 1e-150, 1e-20, 1.0, 1e8, 1e16, 1e100, 1e150, 1e200, 1e300,
    ] {
        let c = dvector![size, -0.3 * size];
        for start in [
            None,
            Some(dvector![0.3, 0.3]),
            Some(dvector![-1.0 + 1e-12, 0.0]),
        ] {
            let what = format!("a gradient of {size} from {start:?}");
            let found = from_gradient(&what, &model, &c, move |r| match &start {
                Some(x) => r.start(x.clone()).unwrap(),
                None => r,
            });
            let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
            if size <= 1e8 {
                assert_eq!(found.status, Status::Recovered, "{what}: {}", found.reason);
            }
        }
    }
}
