//! Beyond the domain, and at the edge of f64: +∞ or an error, never NaN.

#![allow(missing_docs, reason = "the names of the tests are their claims")]

#[path = "common/soundness.rs"]
mod soundness;

use levinv::recover::ScoreRecovery;
use levinv::solver::{History, Limits, NamedSolver, Watched};
use levinv::{Error, GradientInversion, Model, Objective, Scaled, Signs, VolumetricBarrier};
use nalgebra::{dmatrix, dvector};
use soundness::{M, V, assert_geometry, bounded, evaluate, losses, polygon, sound};

#[test]
fn outside_the_domain_values_are_infinite_and_derivatives_name_the_row() {
    let (a, b) = polygon();
    let model = Model::new(a, b).unwrap();
    let c = dvector![0.1, 0.2];
    let positive = Signs::positive(7);
    // Row 0 is x ≥ −1: on it, and beyond it.
    let cases = [
        (None, dvector![-1.0, 0.0], 0.0),
        (Some(&positive), dvector![-1.0, 0.0], 0.0),
        (Some(&positive), dvector![-1.5, 0.0], -0.5),
    ];
    for (signs, x, slack) in cases {
        let outside = Error::OutsideDomain { row: 0, slack };
        for f in losses(&model, &c, signs) {
            assert_eq!(f.value(&x), Ok(f64::INFINITY));
            assert_eq!(f.gradient(&x).map(drop), Err(outside.clone()));
            assert_eq!(f.hessian(&x).map(drop), Err(outside.clone()));
            assert_eq!(f.hessian_product(&x, &c).map(drop), Err(outside.clone()));
            assert_eq!(f.residual(&x).map(drop), Err(outside.clone()));
            assert_eq!(f.jacobian(&x).map(drop), Err(outside.clone()));
            assert_eq!(f.metric(&x).map(drop), Err(outside.clone()));
            assert_eq!(
                Scaled::new(Watched::new(f, 100), &x).map(drop),
                Err(outside.clone())
            );
        }
        assert_eq!(model.at(&x).map(drop).is_err(), slack == 0.0);
    }
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for f in losses(&model, &c, None)
            .into_iter()
            .chain(losses(&model, &c, Some(&positive)))
        {
            assert_eq!(f.value(&dvector![0.1, x]), Ok(f64::INFINITY));
            assert_eq!(f.value(&dvector![x, x]), Ok(f64::INFINITY));
        }
    }
}

#[test]
fn a_step_so_long_that_its_image_overflows_still_has_an_end() {
    let model = Model::new(dmatrix![1e10; -1e10], dvector![-1e10, -1e10]).unwrap();
    let barrier = VolumetricBarrier::new(&model)
        .in_cell(Signs::positive(2))
        .unwrap();
    for step in [1e3_f64, 1e290, 1e300, -1e305] {
        let t = barrier
            .largest_step(&dvector![0.0], &dvector![step])
            .unwrap();
        let t = t.unwrap_or_else(|| panic!("nothing bounds the step {step}"));
        assert!((t * step.abs() - 1.0).abs() < 1e-12, "{t} of {step}");
    }
}

#[test]
fn scores_do_not_depend_on_common_units() {
    let (a, b) = polygon();
    let x = dvector![0.3, -0.2];
    let scores = Model::new(a.clone(), b.clone())
        .unwrap()
        .at(&x)
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    for unit in [1e8, 1e-8, 1e150, 1e-150, 1e300, 1e-300] {
        // Rows and columns of A, and b with them; x in the columns' units.
        let model = Model::new(&a * unit, &b * unit).unwrap();
        assert!(
            (model.at(&x).unwrap().scores().expect("in memory") - &scores).amax() < 1e-12,
            "rows in {unit}"
        );
        let model = Model::new(&a * unit, b.clone()).unwrap();
        assert!(
            (model.at(&(&x / unit)).unwrap().scores().expect("in memory") - &scores).amax() < 1e-12,
            "columns in {unit}"
        );
        let model = Model::new(a.clone(), &b * unit).unwrap();
        assert!(
            (model.at(&(&x * unit)).unwrap().scores().expect("in memory") - &scores).amax() < 1e-12,
            "x in {unit}"
        );
    }
}

#[test]
fn rows_of_subnormal_numbers_count_as_rows() {
    let (mut a, b) = polygon();
    a.row_mut(3).scale_mut(1e-310);
    let model = Model::new(a.clone(), b.clone()).unwrap();
    let others = Model::new(a.remove_row(3), b.remove_row(3)).unwrap();
    let x = dvector![0.1, 0.1];
    let scores = model.at(&x).unwrap().scores().expect("in memory").clone();
    assert!(
        (scores.remove_row(3) - others.at(&x).unwrap().scores().expect("in memory")).amax() < 1e-12
    );
}

#[test]
fn units_of_columns_do_not_make_a_full_rank_deficient() {
    // A row with zeros in the columns of large numbers must not hide, once
    // scaled, that the small ones are independent.
    let a = dmatrix![1.0, 2.0, 0.0; 3.0, -1.0, 1.0; 2.0, 5.0, 2.0; -1.0, 1.0, -1.0; 4.0, 0.0, 3.0];
    assert!(Model::new(a.clone(), V::zeros(5)).is_ok());
    for unit in [1e8, 1e16, 1e100] {
        let mut a = a.clone();
        a.column_mut(2).scale_mut(unit);
        assert_eq!(
            Model::new(a, V::zeros(5)).map(drop),
            Ok(()),
            "a column in {unit}"
        );
    }
}

#[test]
fn scores_stay_scores_however_far_slacks_lie_apart() {
    for (n, d) in [(1, 1), (3, 3), (6, 3), (12, 4)] {
        let a = M::from_fn(n, d, |i, j| {
            ((i * i * 5 + i * j * 7 + j * 3 + 1) % 13) as f64 - 6.2
        });
        for heavy in 1..=d {
            for ratio in [
                1e-8, 1e-16, 1e-20, 1e-24, 1e-30, 1e-40, 1e-80, 1e-150, 1e-300,
            ] {
                let b = V::from_fn(n, |i, _| if i < heavy { -ratio } else { -1.0 });
                let model = Model::new(a.clone(), b).unwrap();
                match model.at(&V::zeros(d)) {
                    Ok(geometry) => assert_geometry(&geometry),
                    // As good as zero is an honest answer; scores of 1e20 are none.
                    Err(error) => assert!(
                        matches!(error, Error::ZeroSlack { row } if row < heavy),
                        "{error}"
                    ),
                }
            }
        }
    }
}

#[test]
fn scores_of_a_model_are_never_above_one_nor_refused_by_the_recovery() {
    let (a, b) = polygon();
    let square = Model::new(a.rows(0, 2).into_owned(), b.rows(0, 2).into_owned()).unwrap();
    let model = Model::new(a, b).unwrap();
    let vertex = polygon()
        .0
        .rows(0, 2)
        .into_owned()
        .lu()
        .solve(square.rhs())
        .unwrap();
    for k in 1..1000 {
        // Beside a vertex two scores are 1 but for rounding, and with as many
        // rows as columns all of them are.
        let away = 1e-9 * f64::from(k);
        let x = dvector![vertex[0] * (1.0 - away), vertex[1] * (1.0 - 0.7 * away)];
        for model in [&model, &square] {
            let scores = model.at(&x).unwrap().scores().expect("in memory").clone();
            assert!(
                scores.max() <= 1.0,
                "{} rows, k = {k}: 1 + {:e}",
                scores.len(),
                scores.max() - 1.0
            );
            assert!(
                ScoreRecovery::new(model, scores).is_ok(),
                "{} rows, k = {k}",
                model.nrows()
            );
        }
    }
}

#[test]
fn natural_coordinates_are_finite_or_none() {
    let (a, b) = polygon();
    let model = Model::new(a, b).unwrap();
    // So near row 0 that A_xᵀA_x overflows.
    for near in [1e-100, 1e-160, 1e-200, 1e-300] {
        let model = Model::new(
            model.design().clone(),
            model.rhs() - dvector![near - 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        )
        .unwrap();
        for f in losses(&model, &dvector![0.1, 0.2], None) {
            match f.metric(&dvector![0.0, 0.0]) {
                Ok(metric) => assert!(
                    metric.iter().flatten().all(|m| m.is_finite()),
                    "slack {near}"
                ),
                Err(error) => assert!(matches!(error, Error::OutsideDomain { row: 0, .. })),
            }
            let Ok(scaled) = Scaled::new(Watched::new(f, u64::MAX), &dvector![0.0, 0.0]) else {
                continue;
            };
            let scaled: soundness::Loss = std::sync::Arc::new(scaled);
            evaluate(&scaled, &dvector![0.1, 0.0], &dvector![1.0, 1.0]);
            assert_ne!(
                scaled
                    .gradient(&dvector![0.0, 0.0])
                    .map_or(1.0, |g| g.norm()),
                0.0,
                "no coordinates at all"
            );
        }
    }
}

#[test]
fn quantities_of_tiny_and_huge_models_are_numbers_or_refused() {
    let (a, b) = polygon();
    for rows in [1.0, 1e-300, 1e-150, 1e150, 1e300] {
        for columns in [1.0, 1e-150, 1e150] {
            let (a, b) = (&a * (rows * columns), &b * rows);
            let Ok(model) = Model::new(a, b) else {
                continue;
            };
            for x in [
                dvector![0.1, 0.2],
                dvector![0.1, 0.2] / columns,
                dvector![1e300, -1e300],
                dvector![1e-310, 0.0],
            ] {
                for target in [1e-300, 1.0, 1e150, 1e300] {
                    for f in losses(&model, &dvector![target, -target], None) {
                        evaluate(&f, &x, &dvector![1.0, 0.5]);
                        evaluate(&f, &x, &dvector![1e300, -1e300]);
                    }
                }
                let _ = model.slack(&x).inspect(|s| sound("slacks", s));
                let _ = model.at(&x).inspect(|geometry| assert_geometry(geometry));
            }
        }
    }
}

#[test]
fn slacks_whose_terms_overflow_and_cancel_are_no_nan() {
    // 1e310 − 1e310 on the way to a slack of 1.
    let model = Model::new(
        dmatrix![1e300, -1e300; 1.0, 0.0; 0.0, 1.0],
        dvector![-1.0, 0.0, 0.0],
    )
    .unwrap();
    let x = dvector![1e10, 1e10];
    let _ = model.slack(&x).inspect(|s| sound("slacks", s));
    for f in losses(&model, &dvector![0.0, 0.0], None) {
        assert_eq!(f.value(&x), Ok(f64::INFINITY));
        match f.gradient(&x) {
            Err(Error::OutsideDomain { row: 0, slack }) => {
                assert!(!slack.is_nan(), "the error names a slack of NaN")
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn solvers_by_name_end_on_targets_at_the_edge_of_f64() {
    let (a, b) = polygon();
    let model = Model::new(a, b).unwrap();
    for solver in NamedSolver::ALL {
        for target in [1e-300, 1e100, 1e150, 1e200, 1e300] {
            for row in [1.0, 1e-12, 1e-80, 1e-160] {
                let x = dvector![-1.0 + row, 0.0];
                let loss = GradientInversion::new(&model, dvector![target, 0.0]).unwrap();
                let what = format!("{solver} from a slack of {row} to a gradient of {target}");
                let run = bounded(&what, move || {
                    solver.run(
                        std::sync::Arc::new(loss),
                        &x,
                        &Limits {
                            iterations: 100,
                            evaluations: 2000,
                            time: None,
                            gradient: 1e-8,
                        },
                        &History::default(),
                    )
                });
                if let Ok(run) = run {
                    sound(&what, run.x.iter().chain([&run.value]));
                }
            }
        }
    }
}
