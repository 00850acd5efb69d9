//! What a verification says of right and of wrong derivations.

#![allow(
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

mod common;

use common::planted::{Instance, KINDS, Times, Wrong, instance, sized};
use levinv::adapter::{ArgminObjective, ArgminProblem};
use levinv::verify::{
    Check, Definition, Explanation, HasDefinition, HasTerms, LeverageDefinition, Oracle, Part,
    Reason, Report, Verdict, Verification,
};
use levinv::{
    ClosedForm, DMatrix, DVector, Design, Error, Extended, Functions, GradientInversion,
    HasHessian, HasHessianProduct, HasJacobian, LeverageObjective, Model, Scalar, ScoreInversion,
    VolumetricBarrier,
};
use nalgebra_sparse::CsrMatrix;

fn cast<T: Scalar>(v: &DVector<f64>) -> DVector<T> {
    v.map(nalgebra::convert)
}

fn model<T: Scalar>(i: &Instance, sparse: bool) -> Model<T> {
    let a: DMatrix<T> = i.a.map(nalgebra::convert);
    let design: Design<T> = if sparse {
        CsrMatrix::from(&a).into()
    } else {
        a.into()
    };
    Model::new(design, cast(&i.b)).unwrap()
}

/// Everything of one objective, at a point and two neighbours.
fn verified<T: Scalar, F: ClosedForm<T> + HasDefinition<T>>(
    loss: &LeverageObjective<T, F>,
    x: &DVector<T>,
) -> Report
where
    LeverageObjective<T, F>: HasTerms<T>,
{
    let definition = LeverageDefinition::of(loss).unwrap();
    Verification::of(loss)
        .hessian()
        .product()
        .jacobian()
        .terms()
        .definition(&definition)
        .at(x)
        .around(1)
        .run()
        .unwrap()
}

/// The three objectives, with a ridge, all of whose derivatives are verified.
fn reports<T: Scalar>(i: &Instance, sparse: bool) -> [Report; 3] {
    let model = model::<T>(i, sparse);
    let w = cast::<T>(&DVector::from_fn(i.b.len(), |k, _| 0.1 * (k % 5) as f64));
    let barrier = VolumetricBarrier::new(&model)
        .with_ridge(w.clone())
        .unwrap();
    let scores = ScoreInversion::new(&model, cast(&i.tau)).unwrap();
    let gradient = GradientInversion::new(&model, cast(&i.c)).unwrap();
    let x = cast(&i.x);
    [
        verified(&barrier, &x),
        verified(&scores.with_ridge(w.clone()).unwrap(), &x),
        verified(&gradient.with_ridge(w).unwrap(), &x),
    ]
}

#[test]
fn every_objective_passes_dense_and_sparse_where_the_numbers_are_kind() {
    for kind in ["base", "mixed signs"] {
        for seed in 0..3 {
            for sparse in [false, true] {
                for report in reports::<f64>(&instance(kind, seed), sparse) {
                    report.assert_passed();
                }
            }
        }
    }
}

#[test]
fn no_right_formula_fails_however_hard_the_numbers() {
    for kind in KINDS {
        for seed in 10..12 {
            for report in reports::<f64>(&instance(kind, seed), seed % 2 == 0) {
                report.assert_no_failure();
            }
        }
    }
}

/// Data that are exact in f32, since it is their problem that is verified.
#[test]
fn single_precision_passes_to_what_it_can_see() {
    for seed in 0..3 {
        let mut i = instance("base", seed);
        for entry in i.a.iter_mut().chain(i.b.iter_mut()).chain(i.x.iter_mut()) {
            *entry = (*entry * 256.0).round() / 256.0;
        }
        for report in reports::<f32>(&i, seed % 2 == 1) {
            report.assert_no_failure();
            let gradient = report.check(Check::Gradient).unwrap();
            assert_eq!(gradient.verdict, Verdict::Pass, "{report}");
        }
    }
}

#[test]
fn third_derivatives_pass_for_few_and_for_many_columns() {
    // Beyond d(d+1)/2 = n they are made of products instead of a tensor.
    for (n, d) in [(20, 4), (9, 5), (40, 14)] {
        let i = sized("base", 1, n, d);
        let barrier = VolumetricBarrier::new(&model::<f64>(&i, false));
        let definition = LeverageDefinition::of(&barrier).unwrap();
        let run = Verification::of(&barrier).hessian().third().terms();
        run.definition(&definition)
            .at(&i.x)
            .run()
            .unwrap()
            .assert_passed();
    }
}

fn wrong_term<T: Scalar>(i: &Instance, k: usize, error: f64, unit: f64) -> Report {
    let scores = ScoreInversion::new(&model::<T>(i, false), cast(&i.tau)).unwrap();
    let definition = LeverageDefinition::of(&scores).unwrap();
    let definition = Times(&definition, unit);
    let mut wrong = Wrong::new(&scores);
    wrong.term = Some((Part::Hessian, k, nalgebra::convert(error)));
    wrong.unit = nalgebra::convert(unit);
    let run = Verification::of(&wrong).hessian().terms();
    run.definition(&definition).at(&cast(&i.x)).run().unwrap()
}

fn named(report: &Report) -> Vec<String> {
    match &report.check(Check::Hessian).unwrap().explanation {
        Some(Explanation::Coefficients(found)) => found.iter().map(|f| f.name.clone()).collect(),
        other => panic!("{other:?}\n{report}"),
    }
}

#[test]
fn a_coefficient_off_by_1e_14_is_caught_and_named_in_237_bits_in_any_unit() {
    for kind in KINDS {
        for unit in [1.0, 1e8, 1e-8] {
            for k in [0, 3, 5] {
                let report = wrong_term::<Extended>(&instance(kind, 7), k, 1e-14, unit);
                assert_eq!(report.verdict(), Verdict::Fail, "{kind} {k}\n{report}");
                assert_eq!(named(&report).len(), 1, "{kind}, term {k}\n{report}");
            }
        }
    }
}

#[test]
fn a_coefficient_off_by_1e_12_is_caught_and_named_in_f64() {
    for kind in ["base", "mixed signs"] {
        for k in 0..6 {
            let report = wrong_term::<f64>(&instance(kind, 3), k, 1e-12, 1.0);
            assert_eq!(report.verdict(), Verdict::Fail, "{kind} {k}\n{report}");
            assert_eq!(named(&report).len(), 1, "{kind}, term {k}\n{report}");
        }
    }
}

#[test]
fn the_report_says_what_the_coefficient_should_be() {
    let report = wrong_term::<f64>(&instance("base", 0), 5, -0.01, 1.0);
    let sentence = "term \"8 P∘(P diag(r) P)\": coefficient 7.92, should be 8";
    assert!(report.to_string().contains(sentence), "{report}");
}

/// A problem of which only argmin's traits are known.
fn blind(i: &Instance, planted: Option<(Part, usize, f64)>) -> Report {
    let scores = ScoreInversion::new(&model::<f64>(i, false), i.tau.clone()).unwrap();
    let mut wrong = Wrong::new(&scores);
    wrong.term = planted;
    let problem = ArgminObjective::new(ArgminProblem::new(wrong), i.x.len());
    Verification::of(&problem).hessian().at(&i.x).run().unwrap()
}

#[test]
fn differences_alone_catch_1e_8_and_raise_no_false_alarm() {
    for seed in 0..3 {
        let i = instance("base", seed);
        blind(&i, None).assert_passed();
        for (part, k, check) in [
            (Part::Gradient, 0, Check::Gradient),
            (Part::Gradient, 1, Check::Gradient),
            (Part::Hessian, 0, Check::Hessian),
            (Part::Hessian, 4, Check::Hessian),
        ] {
            let report = blind(&i, Some((part, k, 1e-8)));
            assert_eq!(
                report.check(check).unwrap().verdict,
                Verdict::Fail,
                "{report}"
            );
        }
        for kind in KINDS {
            blind(&instance(kind, seed), None).assert_no_failure();
        }
    }
}

#[test]
fn one_pair_of_entries_off_by_a_thousandth_is_named_alone() {
    for (row, column) in [(0, 0), (1, 3), (2, 1)] {
        let i = instance("base", 5);
        let scores = ScoreInversion::new(&model::<f64>(&i, false), i.tau.clone()).unwrap();
        let mut wrong = Wrong::new(&scores);
        wrong.entry = Some((row, column, 1e-3));
        let report = Verification::of(&wrong).hessian().at(&i.x).run().unwrap();
        let hessian = report.check(Check::Hessian).unwrap();
        assert_eq!(hessian.verdict, Verdict::Fail);
        let pair = [(row, column), (column, row)];
        assert!(
            hessian
                .worst
                .iter()
                .all(|e| pair.contains(&(e.row, e.column))),
            "{report}"
        );
    }
}

/// x in units 2⁴⁰ times as large: A and x change, and nothing else.
#[test]
fn units_of_x_change_no_verdict() {
    let unit = 40f64.exp2();
    for error in [0.0, 1e-9] {
        for scaled in [false, true] {
            let mut i = instance("base", 2);
            if scaled {
                i.a.column_mut(1).scale_mut(unit);
                i.x[1] /= unit;
                i.c[1] *= unit;
            }
            let scores = ScoreInversion::new(&model::<f64>(&i, false), i.tau.clone()).unwrap();
            let mut wrong = Wrong::new(&scores);
            wrong.term = Some((Part::Hessian, 1, error));
            let report = Verification::of(&wrong).hessian().at(&i.x).run().unwrap();
            let expected = if error == 0.0 {
                Verdict::Pass
            } else {
                Verdict::Fail
            };
            assert_eq!(report.verdict(), expected, "{report}");
        }
    }
}

#[test]
fn equal_seeds_give_equal_reports() {
    let i = instance("mixed signs", 4);
    let scores = ScoreInversion::new(&model::<f64>(&i, false), i.tau.clone()).unwrap();
    let run = |seed| {
        let run = Verification::of(&scores).hessian().product().at(&i.x);
        run.around(2).seed(seed).run().unwrap()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

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
fn what_rests_on_a_failed_gradient_is_not_judged_by_it() {
    let i = instance("base", 1);
    let report = blind(&i, Some((Part::Gradient, 0, 1e-3)));
    assert_eq!(
        report.check(Check::Gradient).unwrap().verdict,
        Verdict::Fail
    );
    assert_eq!(
        report.check(Check::Consistency).unwrap().verdict,
        Verdict::Fail
    );
    let hessian = &report.check(Check::Hessian).unwrap().verdict;
    assert_eq!(
        *hessian,
        Verdict::Inconclusive(Reason::RestsOn(Check::Gradient))
    );
}

#[test]
fn what_a_report_claims_to_catch_is_caught() {
    let i = instance("base", 9);
    let scores = ScoreInversion::new(&model::<f64>(&i, false), i.tau.clone()).unwrap();
    let definition = LeverageDefinition::of(&scores).unwrap();
    let run = |k: usize, error: f64| {
        let mut wrong = Wrong::new(&scores);
        wrong.term = Some((Part::Hessian, k, error));
        let run = Verification::of(&wrong).hessian().terms();
        run.definition(&definition).at(&i.x).run().unwrap()
    };
    let right = run(0, 0.0);
    for (k, term) in scores
        .terms(Part::Hessian, &i.x, &i.x)
        .unwrap()
        .iter()
        .enumerate()
    {
        let what = format!("the coefficient of \"{}\" times 1 + ε", term.name);
        let power = &right.check(Check::Hessian).unwrap().power;
        let smallest = power
            .iter()
            .find(|p| p.what == what)
            .unwrap()
            .smallest
            .unwrap();
        let verdict = |error: f64| run(k, error).check(Check::Hessian).unwrap().verdict.clone();
        assert_eq!(verdict(2.0 * smallest), Verdict::Fail, "{what}");
        assert_eq!(verdict(0.1 * smallest), Verdict::Pass, "{what}");
    }
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

/// f = ½‖r‖² with a product that is not linear in h.
struct Bent<'a>(&'a ScoreInversion<f64>);

impl levinv::Objective<f64> for Bent<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
        self.0.value(x)
    }

    fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        self.0.gradient(x)
    }
}

impl HasHessian<f64> for Bent<'_> {
    fn hessian(&self, x: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        let mut hessian = self.0.hessian(x)?;
        hessian[(0, 1)] *= 1.0 + 1e-9;
        Ok(hessian)
    }
}

impl HasHessianProduct<f64> for Bent<'_> {
    fn hessian_product(&self, x: &DVector<f64>, h: &DVector<f64>) -> Result<DVector<f64>, Error> {
        Ok(self.0.hessian_product(x, h)? * (1.0 + 1e-9 * h[0]))
    }
}

impl HasJacobian<f64> for Bent<'_> {
    fn residual(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        self.0.residual(x)
    }

    fn jacobian(&self, x: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        let mut jacobian = self.0.jacobian(x)?;
        jacobian.row_mut(3).neg_mut();
        Ok(jacobian)
    }
}

#[test]
fn asymmetry_nonlinearity_and_a_flipped_row_are_each_found_by_their_own_check() {
    let i = instance("base", 6);
    let scores = ScoreInversion::new(&model::<f64>(&i, false), i.tau.clone()).unwrap();
    let bent = Bent(&scores);
    let run = Verification::of(&bent).hessian().product().jacobian();
    let report = run.at(&i.x).run().unwrap();
    let verdict = |check| report.check(check).unwrap().verdict.clone();
    assert_eq!(verdict(Check::Gradient), Verdict::Pass, "{report}");
    for check in [
        Check::Symmetry,
        Check::Linearity,
        Check::Product,
        Check::Jacobian,
    ] {
        assert_eq!(verdict(check), Verdict::Fail, "{report}");
    }
    let worst = &report.check(Check::Jacobian).unwrap().worst;
    assert!(worst.iter().all(|e| e.row == 3), "{report}");
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
        let r = self.a.map(nalgebra::convert::<f64, S>) * x - cast::<S>(&self.b);
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
        let i = sized("base", seed, n, d);
        let f = LeastSquares {
            a: i.a.clone(),
            b: i.b.clone(),
        };
        let minimiser = i.a.svd(true, true).solve(&f.b, 0.0).unwrap();
        for x in [i.x.clone(), DVector::zeros(d), minimiser] {
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

/// The code computes 7.92 where its terms, and the paper, say 8.
#[test]
fn terms_that_state_another_coefficient_than_the_code_has_are_not_believed() {
    let i = instance("base", 0);
    let scores = ScoreInversion::new(&model::<f64>(&i, false), i.tau.clone()).unwrap();
    let definition = LeverageDefinition::of(&scores).unwrap();
    let mut wrong = Wrong::new(&scores);
    wrong.term = Some((Part::Hessian, 5, -0.01));
    wrong.terms_are_right = true;
    let run = Verification::of(&wrong)
        .hessian()
        .terms()
        .definition(&definition);
    let report = run.at(&i.x).run().unwrap();
    let sentence = "term \"8 P∘(P diag(r) P)\": coefficient 7.92, should be 8";
    assert!(report.to_string().contains(sentence), "{report}");
}

#[test]
fn what_is_blind_to_the_gradient_does_not_pass_the_hessian_by_it() {
    // The gradient cannot be judged where its own error bar is as wide as it is.
    let i = instance("base", 3);
    let scores = ScoreInversion::new(&model::<f64>(&i, false), i.tau.clone()).unwrap();
    let problem = ArgminObjective::new(ArgminProblem::new(scores), 4);
    let run = Verification::of(&problem).hessian().at(&i.x).demand(1e-13);
    let report = run.run().unwrap();
    for check in [Check::Gradient, Check::Hessian] {
        let verdict = &report.check(check).unwrap().verdict;
        assert!(matches!(verdict, Verdict::Inconclusive(_)), "{report}");
    }
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
