//! Every derivative of the three objectives is the derivative of what it claims
//! to be: taken by dual and hyper-dual numbers and by central differences, of
//! the definition with its n×n matrices and of the crate's own value.
//!
//! Each claim is checked on the same random problems, for each objective, in f64
//! and f32, on dense and sparse designs. How large an error may be, and why, is
//! said in `common/derivatives.rs`; that this is small enough to notice a wrong
//! coefficient is shown by `derivatives_reject.rs`.

mod common;

use std::cell::Cell;

use common::definition::{Loss, PARTS, Part, Problem, cast};
use common::derivatives::{
    Measure, Oracle, by_crate, discrepancy, excess, factorisation, objective, tiny_discrepancy,
};
use common::problems::{Rows, on_problems};
use levinv::*;

const CASES: u32 = 256;
const DUALS: [Oracle; 2] = [Oracle::Definition, Oracle::OwnValue];
const DIFFERENCES: [Oracle; 1] = [Oracle::Differences];

/// The crate's part in f64 and f32, dense and sparse, with each one's ε.
fn candidates(problem: &Problem, part: Part) -> [(DMatrix<f64>, f64); 4] {
    let single = f64::from(f32::EPSILON);
    [
        (by_crate::<f64>(problem, false, part), f64::EPSILON),
        (by_crate::<f64>(problem, true, part), f64::EPSILON),
        (by_crate::<f32>(problem, false, part), single),
        (by_crate::<f32>(problem, true, part), single),
    ]
}

fn agree(rows: Rows, ridge: bool, oracles: &[Oracle], parts: &[Part]) {
    let check = |problem: &Problem| {
        let compared = oracles
            .iter()
            .flat_map(|o| parts.iter().map(move |p| (*o, *p)));
        let discrepancy =
            |(oracle, part)| discrepancy(problem, part, oracle, &candidates(problem, part));
        compared.map(discrepancy).fold(0.0, f64::max)
    };
    report(on_problems((rows, ridge, CASES), check));
}

/// Says how close it was, with `--nocapture`.
fn report(outcome: Result<f64, String>) {
    match outcome {
        Ok(worst) => println!("at most {worst:.2} of the tolerance"),
        Err(failure) => panic!("{failure}"),
    }
}

macro_rules! claims {
    ($($name:ident: $rows:ident, $ridge:expr, $oracles:ident, $parts:expr;)*) => {$(
        #[test]
        fn $name() {
            agree(Rows::$rows, $ridge, &$oracles, &$parts);
        }
    )*};
}

claims! {
    value_and_residual_match_the_definition:
        Ordinary, false, DUALS, [Part::Value, Part::Residual];
    value_and_residual_match_the_definition_for_random_ridge:
        Ordinary, true, DUALS, [Part::Value, Part::Residual];
    gradient_matches_duals: Ordinary, false, DUALS, [Part::Gradient];
    gradient_matches_duals_for_random_ridge: Ordinary, true, DUALS, [Part::Gradient];
    gradient_matches_differences: Ordinary, false, DIFFERENCES, [Part::Gradient];
    gradient_matches_differences_for_random_ridge: Ordinary, true, DIFFERENCES, [Part::Gradient];
    hessian_matches_hyper_duals: Ordinary, false, DUALS, [Part::Hessian];
    hessian_matches_hyper_duals_for_random_ridge: Ordinary, true, DUALS, [Part::Hessian];
    hessian_matches_differences: Ordinary, false, DIFFERENCES, [Part::Hessian];
    hessian_matches_differences_for_random_ridge: Ordinary, true, DIFFERENCES, [Part::Hessian];
    hessian_product_matches_hyper_duals: Ordinary, false, DUALS, [Part::Product];
    hessian_product_matches_hyper_duals_for_random_ridge: Ordinary, true, DUALS, [Part::Product];
    hessian_product_matches_differences: Ordinary, false, DIFFERENCES, [Part::Product];
    hessian_product_matches_differences_for_random_ridge:
        Ordinary, true, DIFFERENCES, [Part::Product];
    jacobian_is_the_derivative_of_the_residual_by_duals: Ordinary, false, DUALS, [Part::Jacobian];
    jacobian_is_the_derivative_of_the_residual_by_duals_for_random_ridge:
        Ordinary, true, DUALS, [Part::Jacobian];
    jacobian_matches_differences: Ordinary, false, DIFFERENCES, [Part::Jacobian];
    jacobian_matches_differences_for_random_ridge: Ordinary, true, DIFFERENCES, [Part::Jacobian];
    heavy_rows_match_duals: Heavy, false, DUALS, PARTS;
    heavy_rows_match_duals_for_random_ridge: Heavy, true, DUALS, PARTS;
    heavy_rows_match_differences: Heavy, false, DIFFERENCES, PARTS;
}

#[test]
fn sparse_designs_agree_with_dense_ones_to_rounding() {
    let check = |problem: &Problem| {
        let part = |part| {
            let [dense, sparse, dense_single, sparse_single] = candidates(problem, part);
            let measure = Measure::new(problem);
            let excess = |(a, epsilon): (DMatrix<f64>, f64), (b, _): (DMatrix<f64>, f64)| {
                excess(&a, &b, measure.rounding_tolerance(problem, part, epsilon))
            };
            excess(dense, sparse).max(excess(dense_single, sparse_single))
        };
        PARTS.into_iter().map(part).fold(0.0, f64::max)
    };
    for ridge in [false, true] {
        report(on_problems((Rows::Ordinary, ridge, CASES), check));
    }
}

/// 0 if the Hessian, and a Jacobian that is one, equals its transpose to the
/// last bit; else ∞.
fn asymmetry<T: Scalar>(problem: &Problem, sparse: bool) -> f64 {
    let (f, x) = (objective::<T>(problem, sparse), cast(&problem.x));
    let hessian = f.hessian(&x).expect("x lies in the domain");
    let jacobian = f.jacobian(&x).expect("x lies in the domain");
    let symmetric = hessian == hessian.transpose()
        && (problem.loss != Loss::Barrier || jacobian == jacobian.transpose());
    if symmetric { 0.0 } else { f64::INFINITY }
}

#[test]
fn hessian_is_symmetric_to_the_last_bit() {
    for ridge in [false, true] {
        report(on_problems((Rows::Ordinary, ridge, CASES), |problem| {
            let double = asymmetry::<f64>(problem, false).max(asymmetry::<f64>(problem, true));
            let single = asymmetry::<f32>(problem, false).max(asymmetry::<f32>(problem, true));
            double.max(single)
        }));
    }
}

/// The claims above are about both ways to a Hessian (the third moment of Q
/// where it has no more rows than A, products otherwise), every factorisation,
/// slacks of both signs, designs with zeros, n close to d. Each is met in three
/// problems or more.
#[test]
fn the_random_problems_reach_every_branch() {
    let counts: [Cell<u32>; 8] = Default::default();
    let count = |problem: &Problem| {
        let (n, d) = problem.a.shape();
        let model = Model::new(problem.a.clone(), problem.b.clone()).expect("a sound model");
        let model = model.with_factorisation(factorisation(problem));
        let method = model.at(&problem.x).expect("no zero slack").factorisation();
        let s = problem.slack();
        let seen = [
            d * (d + 1) / 2 <= n,
            d * (d + 1) / 2 > n,
            n <= d + 1,
            method == Factorisation::Cholesky,
            method == Factorisation::CholeskyTwice,
            method == Factorisation::Qr,
            s.max() > 0.0 && s.min() < 0.0,
            problem.a.iter().filter(|a| **a == 0.0).count() > n * d / 4,
        ];
        for (counter, seen) in counts.iter().zip(seen) {
            counter.set(counter.get() + u32::from(seen));
        }
        0.0
    };
    report(on_problems((Rows::Ordinary, false, CASES), count));
    let counts = counts.map(Cell::into_inner);
    println!("{counts:?}");
    assert!(counts.iter().all(|&seen| seen >= 9), "{counts:?}");
}
#[test]
fn tiny_slacks_leave_every_digit_that_the_other_rows_allow() {
    for ridge in [false, true] {
        report(on_problems((Rows::Tiny, ridge, CASES), |problem| {
            let part = |part| tiny_discrepancy(problem, part, &candidates(problem, part));
            PARTS.into_iter().map(part).fold(0.0, f64::max)
        }));
    }
}
