//! What a verification says where numbers, domains or settings are difficult.

#![allow(
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/instances.rs"]
#[allow(dead_code, reason = "only the random numbers are used")]
mod instances;

use levinv::adapter::ArgminObjective;
use levinv::verify::{Check, Definition, Oracle, Reason, Report, Verdict, Verification};
use levinv::{DMatrix, DVector, Error, Functions, HasHessian, HasHessianProduct, Scalar};

/// ½(x₁² + x₂²), whose definition somebody has copied wrongly.
struct Miscopied;

impl Definition for Miscopied {
    fn dim(&self) -> usize {
        2
    }

    fn value<S: Scalar>(&self, x: &DVector<S>) -> S {
        (x[0] * x[0] + x[1]) * nalgebra::convert(0.5)
    }
}

fn sphere() -> impl levinv::Objective<f64> {
    Functions::new(
        2,
        |x: &DVector<f64>| 0.5 * x.norm_squared(),
        |x: &DVector<f64>| x.clone(),
    )
}

#[test]
fn a_definition_that_the_code_contradicts_is_reported_as_such() {
    let f = sphere();
    let run = Verification::of(&f).definition(&Miscopied);
    let report = run.at(&nalgebra::dvector![0.3, 0.9]).run().unwrap();
    assert_eq!(report.check(Check::Value).unwrap().verdict, Verdict::Fail);
    assert!(
        matches!(
            report.check(Check::Gradient).unwrap().verdict,
            Verdict::Inconclusive(Reason::OraclesDisagree(
                Oracle::Extended | Oracle::Double,
                _
            ))
        ),
        "{report}"
    );
}

#[test]
fn a_kink_is_not_passed_and_a_point_outside_is_said_to_be_outside() {
    let kink = Functions::new(
        1,
        |x: &DVector<f64>| x[0].abs(),
        |x: &DVector<f64>| DVector::from_element(1, x[0].signum()),
    );
    let at = |x: f64| {
        let run = Verification::of(&kink).at(&DVector::from_element(1, x));
        run.run().unwrap()
    };
    at(0.25).assert_passed();
    assert!(!at(0.0).passed(), "{}", at(0.0));

    let log = Functions::new(
        1,
        |x: &DVector<f64>| x[0].ln(),
        |x: &DVector<f64>| DVector::from_element(1, 1.0 / x[0]),
    );
    let run = Verification::of(&log).at(&DVector::from_element(1, -1.0));
    let report = run.run().unwrap();
    let verdict = &report.check(Check::Gradient).unwrap().verdict;
    assert_eq!(*verdict, Verdict::Inconclusive(Reason::OutsideDomain));
    // Close to the edge of the domain no step leaves it.
    let run = Verification::of(&log).at(&DVector::from_element(1, 1e-6));
    run.run().unwrap().assert_passed();
}

#[test]
fn input_that_is_no_point_is_a_typed_error() {
    let f = sphere();
    let none = Verification::of(&f).run();
    assert!(matches!(
        none,
        Err(Error::OutOfRange { name: "points", .. })
    ));
    let short = Verification::of(&f).at(&DVector::zeros(1)).run();
    assert!(matches!(
        short,
        Err(Error::Shape {
            what: "x",
            expected: 2,
            ..
        })
    ));
    let nan = Verification::of(&f)
        .at(&nalgebra::dvector![0.0, f64::NAN])
        .run();
    assert!(matches!(
        nan,
        Err(Error::NonFinite {
            what: "x",
            index: 1,
            ..
        })
    ));
}

/// Functions of one variable whose f64 code loses digits on the way.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// 1 − cos x, near 0.
    Versine,
    /// log(1 + e⁻ˣ), where the 1 swallows the rest.
    Softplus,
    /// (1e8 + sin x) − 1e8
    Shifted,
    /// 1 + (x − 1)²
    Parabola,
    /// 3
    Constant,
    /// 2x − 5
    Affine,
}

impl Definition for Line {
    fn dim(&self) -> usize {
        1
    }

    fn value<S: Scalar>(&self, x: &DVector<S>) -> S {
        let (x, real) = (x[0], nalgebra::convert::<f64, S>);
        match self {
            Line::Versine => S::one() - x.cos(),
            Line::Softplus => (S::one() + (-x).exp()).ln(),
            Line::Shifted => (real(1e8) + x.sin()) - real(1e8),
            Line::Parabola => S::one() + (x - S::one()) * (x - S::one()),
            Line::Constant => real(3.0) + x * S::zero(),
            Line::Affine => real(2.0) * x - real(5.0),
        }
    }
}

impl levinv::Objective<f64> for Line {
    fn dim(&self) -> usize {
        1
    }

    fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
        Ok(Definition::value(self, x))
    }

    fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        let x = x[0];
        let slope = match self {
            Line::Versine => x.sin(),
            Line::Softplus => -(-x).exp() / (1.0 + (-x).exp()),
            Line::Shifted => x.cos(),
            Line::Parabola => 2.0 * (x - 1.0),
            Line::Constant => 0.0,
            Line::Affine => 2.0,
        };
        Ok(DVector::from_element(1, slope))
    }
}

impl HasHessian<f64> for Line {
    fn hessian(&self, x: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        let x = x[0];
        let curvature = match self {
            Line::Versine => x.cos(),
            Line::Softplus => (-x).exp() / (1.0 + (-x).exp()).powi(2),
            Line::Shifted => -x.sin(),
            Line::Parabola => 2.0,
            Line::Constant | Line::Affine => 0.0,
        };
        Ok(DMatrix::from_element(1, 1, curvature))
    }
}

fn on_line(f: Line, x: f64, with_definition: bool) -> Report {
    let run = Verification::of(&f)
        .hessian()
        .at(&DVector::from_element(1, x));
    let run = if with_definition {
        run.definition(&f)
    } else {
        run
    };
    run.run().unwrap()
}

#[test]
fn digits_lost_inside_a_right_formula_are_no_failure() {
    for (f, x) in [
        (Line::Versine, 1e-5),
        (Line::Versine, 0.3),
        (Line::Softplus, 1.0),
        (Line::Softplus, 15.0),
        (Line::Softplus, 30.0),
        (Line::Shifted, 1.0),
        (Line::Shifted, 1e-3),
    ] {
        for with_definition in [false, true] {
            let report = on_line(f, x, with_definition);
            assert_ne!(report.verdict(), Verdict::Fail, "{f:?} at {x}\n{report}");
        }
    }
}

#[test]
fn minimisers_constants_and_straight_lines_pass() {
    for (f, x) in [
        (Line::Parabola, 1.0),
        (Line::Constant, 0.7),
        (Line::Affine, 0.7),
    ] {
        for with_definition in [false, true] {
            on_line(f, x, with_definition).assert_passed();
        }
    }
}

/// ½‖Ax − b‖², whose Hessian is the same everywhere, rounding included.
struct LeastSquares {
    a: DMatrix<f64>,
    b: DVector<f64>,
}

impl Definition for LeastSquares {
    fn dim(&self) -> usize {
        self.a.ncols()
    }

    fn value<S: Scalar>(&self, x: &DVector<S>) -> S {
        let r =
            self.a.map(nalgebra::convert::<f64, S>) * x - self.b.map(nalgebra::convert::<f64, S>);
        r.norm_squared() * nalgebra::convert(0.5)
    }
}

impl levinv::Objective<f64> for LeastSquares {
    fn dim(&self) -> usize {
        self.a.ncols()
    }

    fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
        Ok(Definition::value(self, x))
    }

    fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        Ok(self.a.tr_mul(&(&self.a * x - &self.b)))
    }
}

impl HasHessian<f64> for LeastSquares {
    fn hessian(&self, _: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        Ok(self.a.tr_mul(&self.a))
    }
}

impl HasHessianProduct<f64> for LeastSquares {
    fn hessian_product(&self, _: &DVector<f64>, h: &DVector<f64>) -> Result<DVector<f64>, Error> {
        Ok(self.a.tr_mul(&(&self.a * h)))
    }
}

#[test]
fn quadratics_pass_at_random_points_at_zero_and_at_their_minimiser() {
    for (seed, n, d) in [(0, 20, 4), (1, 200, 5), (2, 600, 8)] {
        let mut r = instances::rng(seed);
        let f = LeastSquares {
            a: DMatrix::from_fn(n, d, |_, _| instances::normal(&mut r)),
            b: DVector::from_fn(n, |_, _| instances::normal(&mut r)),
        };
        let somewhere = DVector::from_fn(d, |_, _| instances::normal(&mut r));
        let minimiser = f.a.clone().svd(true, true).solve(&f.b, 0.0).unwrap();
        for x in [somewhere, DVector::zeros(d), minimiser] {
            for with_definition in [false, true] {
                let run = Verification::of(&f).hessian().product().at(&x);
                let run = if with_definition {
                    run.definition(&f)
                } else {
                    run
                };
                run.run().unwrap().assert_passed();
            }
        }
    }
}

#[test]
fn derivatives_of_the_wrong_shape_are_typed_errors() {
    let value = |x: &DVector<f64>| x.norm_squared();
    let x = nalgebra::dvector![0.3, 0.9];
    let long = Functions::new(2, value, |_: &DVector<f64>| DVector::zeros(3));
    let found = Verification::of(&long).at(&x).run();
    assert!(matches!(
        found,
        Err(Error::Shape {
            what: "gradient",
            expected: 2,
            found: 3,
            ..
        })
    ));
    for (rows, columns) in [(2, 3), (3, 3), (3, 2), (1, 1)] {
        let f = Functions::new(2, value, |x: &DVector<f64>| x * 2.0)
            .with_hessian(move |_: &DVector<f64>| DMatrix::zeros(rows, columns));
        let found = Verification::of(&f).hessian().at(&x).run();
        assert!(
            matches!(
                found,
                Err(Error::Shape {
                    what: "Hessian",
                    ..
                })
            ),
            "{found:?}"
        );
    }
    let found = Verification::of(&sphere())
        .definition(&Line::Affine)
        .at(&x)
        .run();
    assert!(matches!(
        found,
        Err(Error::Shape {
            what: "definition",
            expected: 2,
            found: 1,
            ..
        })
    ));
    let nothing = Functions::new(0, value, |x: &DVector<f64>| x.clone());
    let found = Verification::of(&nothing).at(&DVector::zeros(0)).run();
    assert!(matches!(found, Err(Error::Empty { .. })));
}

#[test]
fn a_miscopied_definition_is_found_out_in_many_dimensions_too() {
    for d in [2, 13] {
        let f = Functions::new(
            d,
            |x: &DVector<f64>| 0.5 * x.norm_squared(),
            |x: &DVector<f64>| x.clone(),
        );
        struct Wide(usize);
        impl Definition for Wide {
            fn dim(&self) -> usize {
                self.0
            }
            fn value<S: Scalar>(&self, x: &DVector<S>) -> S {
                x.norm_squared() * nalgebra::convert(0.5 + 1e-3)
            }
        }
        let x = DVector::from_fn(d, |j, _| 0.3 + 0.1 * j as f64);
        let report = Verification::of(&f)
            .definition(&Wide(d))
            .at(&x)
            .run()
            .unwrap();
        let verdict = |check| report.check(check).unwrap().verdict.clone();
        assert_eq!(verdict(Check::Value), Verdict::Fail, "{report}");
        assert!(
            matches!(
                verdict(Check::Gradient),
                Verdict::Inconclusive(Reason::OraclesDisagree(..))
            ),
            "d = {d}\n{report}"
        );
    }
}

#[test]
fn an_error_far_from_the_point_ends_nothing() {
    struct Picky;
    impl argmin::core::CostFunction for Picky {
        type Param = Vec<f64>;
        type Output = f64;
        fn cost(&self, x: &Vec<f64>) -> Result<f64, argmin::core::Error> {
            if x[0].abs() > 10.0 {
                return Err(Error::Solver {
                    what: "the model",
                    reason: "infeasible".into(),
                }
                .into());
            }
            Ok(x[0].powi(3))
        }
    }
    impl argmin::core::Gradient for Picky {
        type Param = Vec<f64>;
        type Gradient = Vec<f64>;
        fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
            Ok(vec![3.0 * x[0] * x[0]])
        }
    }
    let problem = ArgminObjective::new(Picky, 1);
    let run = Verification::of(&problem)
        .at(&nalgebra::dvector![1.7])
        .run();
    run.unwrap().assert_passed();
}

#[test]
fn a_derivative_that_is_no_number_inside_the_domain_fails() {
    let f = Functions::new(
        1,
        |x: &DVector<f64>| x[0].abs().powf(1.5),
        |x: &DVector<f64>| DVector::from_element(1, 1.5 * x[0].sqrt()),
    );
    let report = Verification::of(&f)
        .at(&nalgebra::dvector![-0.7])
        .run()
        .unwrap();
    assert_eq!(report.verdict(), Verdict::Fail, "{report}");
    assert!(
        report
            .to_string()
            .contains("entry (0, 0) at point 0 is NaN"),
        "{report}"
    );
}

#[test]
fn argmin_problems_are_verified_at_the_edge_of_their_domain() {
    struct Edge;
    impl argmin::core::CostFunction for Edge {
        type Param = Vec<f64>;
        type Output = f64;
        fn cost(&self, x: &Vec<f64>) -> Result<f64, argmin::core::Error> {
            let inside = x.iter().all(|x| 0.0 < *x && *x < 1.0);
            let barrier = |x: &f64| -(1.0 - x).ln() - x.ln();
            Ok(if inside {
                x.iter().map(barrier).sum()
            } else {
                f64::INFINITY
            })
        }
    }
    impl argmin::core::Gradient for Edge {
        type Param = Vec<f64>;
        type Gradient = Vec<f64>;
        fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
            if x.iter().any(|x| !(0.0 < *x && *x < 1.0)) {
                return Err(argmin::core::Error::msg("outside"));
            }
            Ok(x.iter().map(|x| 1.0 / (1.0 - x) - 1.0 / x).collect())
        }
    }
    let problem = ArgminObjective::new(Edge, 3);
    for x in [0.3, 0.99, 0.9999, 0.999999] {
        let run = Verification::of(&problem).at(&nalgebra::dvector![0.5, x, 0.3]);
        run.run().unwrap().assert_passed();
    }
}

/// ½‖x‖², with a gradient of 3x and the right Hessian: at 0 the gradient passes.
#[test]
fn a_gradients_mistake_is_not_the_hessians_where_a_definition_says_so() {
    struct Half;
    impl Definition for Half {
        fn dim(&self) -> usize {
            2
        }
        fn value<S: Scalar>(&self, x: &DVector<S>) -> S {
            S::one() + x.norm_squared() * nalgebra::convert(0.5)
        }
    }
    let f = Functions::new(
        2,
        |x: &DVector<f64>| 1.0 + 0.5 * x.norm_squared(),
        |x: &DVector<f64>| x * 3.0,
    )
    .with_hessian(|_: &DVector<f64>| DMatrix::identity(2, 2));
    let run = Verification::of(&f).hessian().definition(&Half);
    let report = run.at(&DVector::zeros(2)).run().unwrap();
    let verdict = |check| report.check(check).unwrap().verdict.clone();
    assert_eq!(verdict(Check::Gradient), Verdict::Pass, "{report}");
    assert_eq!(verdict(Check::Hessian), Verdict::Pass, "{report}");
    assert_eq!(verdict(Check::Consistency), Verdict::Fail, "{report}");
}

/// −log of two Gaussians of different widths, whose Hessian has entries far in the
/// tail that no last place of the gradient shows.
#[test]
fn entries_below_the_last_place_of_the_gradient_are_no_failure() {
    let parts = |x: &DVector<f64>| {
        let t = 1.0 / (1.305 * 1.305);
        let q = 0.5 * x.norm_squared();
        let r = (-q * (1.0 - t)).exp();
        (q * t - r.ln_1p(), 1.0 / (1.0 + r), r / (1.0 + r), t)
    };
    let f = Functions::new(
        2,
        |x: &DVector<f64>| parts(x).0,
        |x: &DVector<f64>| {
            let (_, p, q, t) = parts(x);
            x * (p * t + q)
        },
    )
    .with_hessian(|x: &DVector<f64>| {
        let (_, p, q, t) = parts(x);
        let across = x * x.transpose() * (p * q * (1.0 - t) * (1.0 - t));
        DMatrix::identity(2, 2) * (p * t + q) - across
    });
    for i in 0..30 {
        for j in 0..5 {
            let x = nalgebra::dvector![-12.0 + 0.4 * f64::from(i), 0.1 + f64::from(j)];
            let report = Verification::of(&f).hessian().at(&x).run().unwrap();
            assert_ne!(report.verdict(), Verdict::Fail, "at {x}\n{report}");
        }
    }
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let f = sphere();
    let x = nalgebra::dvector![0.3, 0.9];
    let at = || Verification::of(&f).at(&x);
    for demand in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        let found = at().demand(demand).run();
        assert!(matches!(
            found,
            Err(Error::OutOfRange { name: "demand", .. })
        ));
    }
    for error in [f64::NAN, -1.0] {
        let found = at().formula_error(error).run();
        assert!(matches!(
            found,
            Err(Error::OutOfRange {
                name: "formula_error",
                ..
            })
        ));
    }
    let found = at().lengths(&nalgebra::dvector![1.0, 0.0]).run();
    assert!(matches!(
        found,
        Err(Error::EntryOutOfRange {
            what: "lengths",
            index: 1,
            ..
        })
    ));
    let found = at().by_definition_alone().run();
    assert!(matches!(
        found,
        Err(Error::OutOfRange {
            name: "oracles",
            ..
        })
    ));
}
