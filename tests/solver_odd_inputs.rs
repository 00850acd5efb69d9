//! The crate's own solvers on functions that misbehave: NaN, wrong shapes, a domain
//! known only by trial, Jacobians without full rank.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/runs.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod runs;

use argmin::core::Error as ArgminError;
use levinv::sample::Subsample;
use levinv::solver::{
    ApproximateNewton, CellNewton, GradientDescent, LevenbergMarquardt, PreconditionedNewton,
};
use levinv::{
    DMatrix, DVector, Design, Error, Functions, GradientInversion, HasHessian, HasHessianProduct,
    HasJacobian, Model, Objective, RowCurvature,
};
use nalgebra::{dmatrix, dvector};
use runs::run;

type V = DVector<f64>;
type M = DMatrix<f64>;

fn kind<T: std::fmt::Debug>(result: Result<T, ArgminError>) -> &'static str {
    result.unwrap_err().downcast_ref::<Error>().unwrap().kind()
}

#[test]
fn numbers_that_are_none_at_the_start_are_named() {
    let constant = |value: f64, gradient: f64| {
        Functions::new(1, move |_: &V| value, move |_: &V| dvector![gradient])
            .with_hessian(|_: &V| dmatrix![1.0])
    };
    let (start, none) = (dvector![0.5], [f64::NAN, f64::INFINITY]);
    for bad in none {
        for f in [constant(bad, 1.0), constant(1.0, bad)] {
            let newton = run(CellNewton::new(), f, &start, 9);
            assert_eq!(kind(newton), "non_finite");
        }
        let descent = run(GradientDescent::new(), constant(bad, 1.0), &start, 9);
        assert_eq!(kind(descent), "non_finite");
    }
    let hessian = Functions::new(1, |x: &V| x[0], |_: &V| dvector![1.0])
        .with_hessian(|_: &V| dmatrix![f64::NAN]);
    assert_eq!(kind(run(CellNewton::new(), hessian, &start, 9)), "singular");
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let start = dvector![0.5, 0.5];
    let f = |gradient: usize, hessian: (usize, usize)| {
        Functions::new(2, |_: &V| 1.0, move |_: &V| V::repeat(gradient, 1.0))
            .with_hessian(move |_: &V| M::repeat(hessian.0, hessian.1, 1.0))
    };
    for f in [f(1, (2, 2)), f(2, (2, 3)), f(2, (1, 1))] {
        assert_eq!(kind(run(CellNewton::new(), f, &start, 9)), "shape");
    }
    let short = run(CellNewton::new(), f(2, (2, 2)), &dvector![0.5], 9);
    assert_eq!(kind(short), "shape");
    let descent = run(GradientDescent::new(), f(3, (2, 2)), &start, 9);
    assert_eq!(kind(descent), "shape");
}

/// x − ln x with 0 < x < 4 by +∞ and errors, or by NaN in everything, outside.
struct ByHand {
    polite: bool,
}

impl ByHand {
    fn inside(x: &V) -> bool {
        x[0] > 0.0 && x[0] < 4.0
    }
}

impl Objective<f64> for ByHand {
    fn dim(&self) -> usize {
        1
    }

    fn value(&self, x: &V) -> Result<f64, Error> {
        Ok(match (ByHand::inside(x), self.polite) {
            (true, _) => x[0] - x[0].ln(),
            (false, true) => f64::INFINITY,
            (false, false) => f64::NAN,
        })
    }

    fn gradient(&self, x: &V) -> Result<V, Error> {
        match (ByHand::inside(x), self.polite) {
            (true, _) => Ok(dvector![1.0 - 1.0 / x[0]]),
            (false, true) => Err(Error::outside("x is not between 0 and 4")),
            (false, false) => Ok(dvector![f64::NAN]),
        }
    }
}

impl HasHessian<f64> for ByHand {
    fn hessian(&self, x: &V) -> Result<M, Error> {
        Ok(dmatrix![1.0 / (x[0] * x[0])])
    }
}

#[test]
fn a_domain_told_by_infinity_or_nan_is_not_left() {
    for polite in [true, false] {
        for start in [3.9, 2.5, 1e-6] {
            let start = dvector![start];
            let ends = [
                run(CellNewton::new(), ByHand { polite }, &start, 100).unwrap(),
                run(GradientDescent::new(), ByHand { polite }, &start, 100_000).unwrap(),
            ];
            for end in &ends {
                assert!(end.succeeded(), "{:?}", end.stop);
            }
            let [newton, descent] = ends.map(|end| (end.x[0] - 1.0).abs());
            // The descent's 1e-8 is of a first gradient of up to 1e6.
            assert!(newton < 1e-12 && descent < 1e-8 * (1.0 / start[0]).max(2.0));
        }
        let outside = run(CellNewton::new(), ByHand { polite }, &dvector![5.0], 9);
        let expected = if polite {
            "outside_domain"
        } else {
            "non_finite"
        };
        assert_eq!(kind(outside), expected);
    }
}

/// ½(x + y − 1)² in two unknowns: one residual, no unique solution.
struct Underdetermined;

impl Objective<f64> for Underdetermined {
    fn dim(&self) -> usize {
        2
    }

    fn value(&self, x: &V) -> Result<f64, Error> {
        Ok(0.5 * (x.sum() - 1.0).powi(2))
    }

    fn gradient(&self, x: &V) -> Result<V, Error> {
        Ok(V::repeat(2, x.sum() - 1.0))
    }
}

impl HasJacobian<f64> for Underdetermined {
    fn residual(&self, x: &V) -> Result<V, Error> {
        Ok(dvector![x.sum() - 1.0])
    }

    fn jacobian(&self, _: &V) -> Result<M, Error> {
        Ok(dmatrix![1.0, 1.0])
    }
}

/// The same equation three times.
struct Dependent;

impl Objective<f64> for Dependent {
    fn dim(&self) -> usize {
        2
    }

    fn value(&self, x: &V) -> Result<f64, Error> {
        Ok(3.0 * Underdetermined.value(x)?)
    }

    fn gradient(&self, x: &V) -> Result<V, Error> {
        Ok(Underdetermined.gradient(x)? * 3.0)
    }
}

impl HasJacobian<f64> for Dependent {
    fn residual(&self, x: &V) -> Result<V, Error> {
        Ok(V::repeat(3, x.sum() - 1.0))
    }

    fn jacobian(&self, _: &V) -> Result<M, Error> {
        Ok(M::repeat(3, 2, 1.0))
    }
}

#[test]
fn levenberg_marquardt_takes_jacobians_without_full_rank() {
    let start = dvector![3.0, -1.0];
    let ends = [
        run(LevenbergMarquardt::new(), Underdetermined, &start, 100).unwrap(),
        run(LevenbergMarquardt::new(), Dependent, &start, 100).unwrap(),
    ];
    for end in ends {
        // It moves along (1, 1) only: to (2.5, −1.5).
        assert!((&end.x - dvector![2.5, -1.5]).norm() < 1e-12, "{}", end.x);
        assert!(end.value < 1e-28, "{:?}", end.stop);
    }
}

type Spoil = fn(&mut M, &mut V);
type Product = fn(V) -> V;

/// Poisson regression, with a row curvature and products that can be spoiled.
#[derive(Clone)]
struct Poisson {
    a: M,
    y: V,
    spoil: Spoil,
    product: Product,
}

impl Poisson {
    fn new(n: usize) -> Self {
        let a = M::from_fn(n, 3, |i, j| {
            if j == 0 {
                1.0
            } else {
                (((7 + 4 * j) * i * i + 3 * i) % 101) as f64 / 101.0 - 0.5
            }
        });
        Poisson {
            a,
            y: V::from_fn(n, |i, _| (i * i % 4) as f64),
            spoil: |_, _| (),
            product: |p| p,
        }
    }
}

impl Objective<f64> for Poisson {
    fn dim(&self) -> usize {
        3
    }

    fn value(&self, x: &V) -> Result<f64, Error> {
        Ok((&self.a * x).zip_map(&self.y, |z, y| z.exp() - y * z).sum())
    }

    fn gradient(&self, x: &V) -> Result<V, Error> {
        let r = (&self.a * x).zip_map(&self.y, |z, y| z.exp() - y);
        Ok(self.a.tr_mul(&r))
    }

    fn row_curvature(&self, x: &V) -> Result<Option<RowCurvature<f64>>, Error> {
        let (mut a, mut diagonal) = (self.a.clone(), (&self.a * x).map(f64::exp));
        (self.spoil)(&mut a, &mut diagonal);
        let design = Design::from(a);
        Ok(Some(RowCurvature { design, diagonal }))
    }
}

impl HasHessianProduct<f64> for Poisson {
    fn hessian_product(&self, x: &V, h: &V) -> Result<V, Error> {
        let u = (&self.a * x).map(f64::exp).component_mul(&(&self.a * h));
        Ok((self.product)(self.a.tr_mul(&u)))
    }
}

#[test]
fn row_curvatures_and_products_that_are_none_are_named() {
    let start = V::zeros(3);
    let spoiled: [(Spoil, &str); 5] = [
        (|_, d| d[1] = -1.0, "out_of_range"),
        (|_, d| d[1] = f64::NAN, "out_of_range"),
        (|_, d| d[1] = f64::INFINITY, "out_of_range"),
        (|_, d| *d = V::zeros(2), "shape"),
        (|a, _| *a = M::repeat(a.nrows(), 2, 1.0), "shape"),
    ];
    for (spoil, expected) in spoiled {
        let f = Poisson {
            spoil,
            ..Poisson::new(500)
        };
        let error = run(ApproximateNewton::new(), f.clone(), &start, 9).unwrap_err();
        let error = error.downcast_ref::<Error>().unwrap();
        assert_eq!(error.kind(), expected);
        assert!(error.to_string().starts_with("row curvature"), "{error}");
        let other = kind(run(PreconditionedNewton::new(), f, &start, 9));
        assert_eq!(other, expected);
    }
    let products: [(Product, &str); 2] =
        [(|p| p * f64::NAN, "non_finite"), (|_| V::zeros(2), "shape")];
    for (product, expected) in products {
        let f = Poisson {
            product,
            ..Poisson::new(500)
        };
        let newton = run(PreconditionedNewton::new(), f, &start, 9);
        assert_eq!(kind(newton), expected);
    }
}

/// With fewer rows than columns, or hardly more, a sampled form is singular or
/// nearly so, and its step may be long enough to overflow exp.
#[test]
fn a_sample_of_few_rows_never_climbs() {
    let (f, start) = (Poisson::new(500), V::zeros(3));
    for m in [1, 2, 3, 4, 6] {
        for seed in 0..20 {
            let solver = ApproximateNewton::new()
                .with_subsample(Subsample::rows(m).unwrap())
                .with_seed(seed);
            let run = run(solver, f.clone(), &start, 2000).unwrap();
            // A sum of n terms of one sign and one of both is rounded by 2nε at most.
            let noise = 2.0 * 500.0 * f64::EPSILON * run.value.abs();
            let mut last = f.value(&start).unwrap();
            for passed in &run.passed {
                assert!(passed.value <= last + noise, "{m} {seed}: {run:?}");
                last = passed.value;
            }
            assert!(run.succeeded(), "{m} {seed}: {:?}", run.stop);
            // Values tell nothing below √(2·noise·λ), λ ≤ Σe^z‖a‖² ≤ 1.5·Σy = 375.
            let gradient = f.gradient(&run.x).unwrap().norm();
            assert!(gradient < (2.0 * noise * 375.0).sqrt(), "{gradient}");
        }
    }
}

/// On −1e100 < x < 1e100 L_G has gradients of 1e-300: their squares are zero.
#[test]
fn a_gradient_whose_square_underflows_is_not_zero() {
    let model = Model::new(dmatrix![1.0; -1.0], dvector![-1e100, -1e100]).unwrap();
    let start = dvector![5e99];
    let loss = GradientInversion::new(&model, dvector![1e-101])
        .unwrap()
        .in_cell_of(&start)
        .unwrap();
    let end = run(LevenbergMarquardt::new(), loss.clone(), &start, 100).unwrap();
    assert!(end.succeeded(), "{:?}", end.stop);
    // g is rounded to a few ε of its terms, 1/s ≈ 1e-100: 1e-14 of c, with room.
    let residual = loss.residual(&end.x).unwrap().norm();
    assert!(residual < 1e-12 * 1e-101, "{residual:e}");
    // The Hessian has underflowed altogether: no success from far away.
    let newton = run(CellNewton::new(), loss.clone(), &start, 100).unwrap();
    let residual = loss.residual(&newton.x).unwrap().norm();
    assert!(
        !newton.succeeded() || residual < 1e-6 * 1e-101,
        "{:?}",
        newton.stop
    );
}
