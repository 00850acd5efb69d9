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
use levinv::solver::{CellNewton, GradientDescent, LevenbergMarquardt};
use levinv::{DMatrix, DVector, Error, Functions, HasHessian, HasJacobian, Objective};
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
