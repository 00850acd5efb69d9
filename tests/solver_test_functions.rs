//! The crate's own solvers on test functions of argmin's, which know neither metric
//! nor boundary.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/runs.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod runs;

use std::f64::consts::SQRT_2;

use argmin::core::{CostFunction, Error as ArgminError, Gradient, Hessian, Jacobian, Operator};
use argmin_testfunctions::{
    himmelblau, himmelblau_derivative, himmelblau_hessian, rosenbrock, rosenbrock_derivative,
    rosenbrock_hessian,
};
use levinv::adapter::ArgminObjective;
use levinv::solver::{CellNewton, GradientDescent, LevenbergMarquardt, LocalNewton, Stop};
use levinv::{DVector, HasHessian};
use nalgebra::dvector;
use runs::{Run, run};

type V = DVector<f64>;

const LIMIT: u64 = 100;

/// Newton from a start.
fn newton(f: impl HasHessian<f64>, start: &V) -> Run<f64> {
    run(CellNewton::new(), f, start, LIMIT).unwrap()
}

struct Rosenbrock;

impl CostFunction for Rosenbrock {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, ArgminError> {
        Ok(rosenbrock(x))
    }
}

impl Gradient for Rosenbrock {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, ArgminError> {
        Ok(rosenbrock_derivative(x))
    }
}

impl Hessian for Rosenbrock {
    type Param = Vec<f64>;
    type Hessian = Vec<Vec<f64>>;

    fn hessian(&self, x: &Vec<f64>) -> Result<Vec<Vec<f64>>, ArgminError> {
        Ok(rosenbrock_hessian(x))
    }
}

/// f = ½‖r‖² with r = √2 (1 − x, 10(y − x²)).
impl Operator for Rosenbrock {
    type Param = Vec<f64>;
    type Output = Vec<f64>;

    fn apply(&self, x: &Vec<f64>) -> Result<Vec<f64>, ArgminError> {
        let r = [1.0 - x[0], 10.0 * (x[1] - x[0] * x[0])];
        Ok(r.map(|r| SQRT_2 * r).to_vec())
    }
}

impl Jacobian for Rosenbrock {
    type Param = Vec<f64>;
    type Jacobian = Vec<[f64; 2]>;

    fn jacobian(&self, x: &Vec<f64>) -> Result<Vec<[f64; 2]>, ArgminError> {
        let rows = [[-1.0, 0.0], [-20.0 * x[0], 10.0]];
        Ok(rows.map(|row| row.map(|v| SQRT_2 * v)).to_vec())
    }
}

struct Himmelblau;

impl CostFunction for Himmelblau {
    type Param = [f64; 2];
    type Output = f64;

    fn cost(&self, x: &[f64; 2]) -> Result<f64, ArgminError> {
        Ok(himmelblau(x))
    }
}

impl Gradient for Himmelblau {
    type Param = [f64; 2];
    type Gradient = [f64; 2];

    fn gradient(&self, x: &[f64; 2]) -> Result<[f64; 2], ArgminError> {
        Ok(himmelblau_derivative(x))
    }
}

impl Hessian for Himmelblau {
    type Param = [f64; 2];
    type Hessian = [[f64; 2]; 2];

    fn hessian(&self, x: &[f64; 2]) -> Result<[[f64; 2]; 2], ArgminError> {
        Ok(himmelblau_hessian(x))
    }
}

#[test]
fn rosenbrock_from_both_sides_of_its_valley() {
    let f = || ArgminObjective::new(Rosenbrock, 2);
    for start in [dvector![-1.2, 1.0], dvector![8.0, -5.0], dvector![1.1, 1.2]] {
        let newton = newton(f(), &start);
        let squares = run(LevenbergMarquardt::new(), f(), &start, LIMIT).unwrap();
        for run in [newton, squares] {
            assert!(run.succeeded(), "{:?}", run.stop);
            // Newton's last step is below √ε and the next is its square.
            assert!((run.x - dvector![1.0, 1.0]).norm() < 1e-12);
        }
    }
    let descent = GradientDescent::new().with_reduction(1e-4).unwrap();
    let descent = run(descent, f(), &dvector![0.5, 0.5], 100_000).unwrap();
    // ‖x − 1‖ ≤ ‖∇f‖/λ_min with λ_min = 0.4 and a first gradient of 51.
    assert!(descent.succeeded());
    assert!((descent.x - dvector![1.0, 1.0]).norm() < 51e-4 / 0.4 * 2.0);
    // Where the Hessian is indefinite the local method declines.
    let declined = run(LocalNewton::new(), f(), &dvector![0.0, 1.0], 10).unwrap();
    assert_eq!(declined.stop, Some(Stop::Condition));
}

#[test]
fn himmelblau_ends_at_one_of_its_four_minima() {
    let mut seen = Vec::new();
    for i in -5..=5 {
        for j in -5..=5 {
            let start = dvector![f64::from(i) * 1.1, f64::from(j) * 1.1];
            let end = newton(ArgminObjective::new(Himmelblau, 2), &start);
            assert!(end.succeeded() && end.value < 1e-24, "{:?}", end.stop);
            let key = end.x.map(|v| v.round() as i32);
            if !seen.contains(&key) {
                seen.push(key);
            }
        }
    }
    assert_eq!(seen.len(), 4);
}

#[test]
fn a_start_at_the_solution_is_the_end() {
    let (f, start) = (|| ArgminObjective::new(Rosenbrock, 2), dvector![1.0, 1.0]);
    let ends = [
        newton(f(), &start),
        run(LevenbergMarquardt::new(), f(), &start, 9).unwrap(),
        run(LocalNewton::new(), f(), &start, 9).unwrap(),
        run(GradientDescent::new(), f(), &start, 9).unwrap(),
    ];
    for end in ends {
        assert_eq!((end.stop, end.iterations), (Some(Stop::Gradient), 1));
    }
}
