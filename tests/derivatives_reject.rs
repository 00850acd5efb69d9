//! The comparison of `derivatives.rs` has teeth: one coefficient of a closed form
//! wrong by 1e-4, and it fails.
//!
//! The closed forms are transcribed literally, with n×n matrices and their
//! coefficients as an array (`common/definition.rs`). With the true coefficients
//! they pass the comparison that the crate passes, on the first of the same
//! problems, with the same function and the same tolerances; with any one
//! planted error they do not.

mod common;

use std::cell::Cell;

use common::definition::{COEFFICIENTS, PARTS, Part, Problem, transcribed, true_coefficients};
use common::derivatives::{ORACLES, Oracle, discrepancy, excess, tiny_discrepancy};
use common::double_double::DoubleDouble;
use common::problems::{Rows, on_problems};
use levinv::DMatrix;

const CASES: u32 = 64;

/// The relative error planted in one coefficient.
const PLANTED: f64 = 1e-4;

/// The least, within a factor of two, that the tolerances of f32 notice in every
/// coefficient, if only in one problem of 64 in that of Λ². They are 10κε ≈ 1e-5
/// of sizes that a term may be a hundredth of: of errors as small as [`PLANTED`]
/// f32 misses some, f64 none.
const PLANTED_SINGLE: f64 = 5e-4;

fn with_error_in(k: usize, planted: f64) -> [f64; 17] {
    let mut coefficients = true_coefficients();
    coefficients[k] *= 1.0 + planted;
    coefficients
}

/// What a coefficient enters: its own part, and the product if that is a Hessian.
fn affected(part: Part) -> Vec<Part> {
    match part {
        Part::Hessian => vec![Part::Hessian, Part::Product],
        other => vec![other],
    }
}

/// Every coefficient's error is refused in more than this share of the problems.
/// `excess_of` compares a part with wrong coefficients.
fn refused_in(least: f64, rows: Rows, excess_of: impl Fn(&Problem, &[f64; 17], Part) -> f64) {
    planted_in(PLANTED, least, rows, excess_of);
}

fn planted_in(
    planted: f64,
    least: f64,
    rows: Rows,
    excess_of: impl Fn(&Problem, &[f64; 17], Part) -> f64,
) {
    for (k, (name, _, loss, part)) in COEFFICIENTS.into_iter().enumerate() {
        let coefficients = with_error_in(k, planted);
        for part in affected(part) {
            let refused = Cell::new(0);
            let count = |problem: &Problem| {
                let wrong = problem.loss == loss && excess_of(problem, &coefficients, part) > 1.0;
                refused.set(refused.get() + u32::from(wrong));
                0.0
            };
            on_problems((rows, false, CASES), count).expect("counting does not fail");
            let share = f64::from(refused.get()) / f64::from(CASES);
            println!("{name} in {part:?}: {share:.2}");
            assert!(share > least, "{name} in {part:?}: {share}");
        }
    }
}

/// The comparison with one oracle and the tolerance of one ε.
fn by(oracle: Oracle, epsilon: f64) -> impl Fn(&Problem, &[f64; 17], Part) -> f64 {
    move |problem, coefficients, part| {
        let wrong = transcribed(problem, coefficients, part);
        discrepancy(problem, part, oracle, &[(wrong, epsilon)])
    }
}

#[test]
fn true_coefficients_pass() {
    for (rows, ridge) in [
        (Rows::Ordinary, false),
        (Rows::Ordinary, true),
        (Rows::Heavy, false),
    ] {
        let check = |problem: &Problem| {
            let compared = PARTS
                .into_iter()
                .flat_map(|part| ORACLES.map(|oracle| (part, oracle)));
            let discrepancy = |(part, oracle)| {
                let found = transcribed(problem, &true_coefficients(), part);
                discrepancy(problem, part, oracle, &[(found, f64::EPSILON)])
            };
            compared.map(discrepancy).fold(0.0, f64::max)
        };
        if let Err(failure) = on_problems((rows, ridge, CASES), check) {
            panic!("{failure}");
        }
    }
}

/// Not in all problems: where n = d every score is 1 and Λ = 0, whatever stands
/// before it.
#[test]
fn duals_refuse_an_error_in_any_coefficient_in_nine_problems_of_ten() {
    refused_in(0.9, Rows::Ordinary, by(Oracle::Definition, f64::EPSILON));
    refused_in(0.9, Rows::Ordinary, by(Oracle::OwnValue, f64::EPSILON));
}

#[test]
fn differences_refuse_an_error_in_any_coefficient_in_one_problem_of_three() {
    refused_in(0.33, Rows::Ordinary, by(Oracle::Differences, f64::EPSILON));
}

/// There the terms that Λ enters are small beside what the tolerance allows for.
#[test]
fn duals_refuse_an_error_in_any_coefficient_at_heavy_rows_in_two_problems_of_three() {
    refused_in(0.66, Rows::Heavy, by(Oracle::Definition, f64::EPSILON));
}

/// Wrong forms in double-double, so that nothing but the coefficient is wrong.
#[test]
fn an_error_in_any_coefficient_is_refused_at_tiny_slacks_in_nine_problems_of_ten() {
    refused_in(0.9, Rows::Tiny, |problem, coefficients, part| {
        let wrong = transcribed::<DoubleDouble>(problem, coefficients, part);
        let wrong = wrong.map(DoubleDouble::to_f64);
        tiny_discrepancy(problem, part, &[(wrong, f64::EPSILON)])
    });
}

#[test]
fn tolerances_of_f32_refuse_an_error_five_times_as_large() {
    let single = by(Oracle::Definition, f64::from(f32::EPSILON));
    planted_in(PLANTED_SINGLE, 0.0, Rows::Ordinary, single);
}

/// The heavy rows' own treatment is what the comparison at tiny slacks is about:
/// the same forms with Λ taken as the difference Σ − P² do not pass.
#[test]
fn plain_differences_fail_at_tiny_slacks() {
    for part in [Part::Gradient, Part::Hessian, Part::Product, Part::Jacobian] {
        let outcome = on_problems((Rows::Tiny, false, CASES), |problem| {
            let found = transcribed(problem, &true_coefficients(), part);
            tiny_discrepancy(problem, part, &[(found, f64::EPSILON)])
        });
        assert!(outcome.is_err(), "{part:?}: {outcome:?}");
    }
}

#[test]
fn a_failed_comparison_is_reported_and_nan_is_none_that_passes() {
    let report = on_problems((Rows::Ordinary, false, 1), |_| 1.5).expect_err("above 1");
    assert!(report.contains("1.5 times the tolerance"), "{report}");
    let (nan, zero) = (DMatrix::from_element(2, 1, f64::NAN), DMatrix::zeros(2, 1));
    assert_eq!(excess(&nan, &zero, 1.0), f64::INFINITY);
    assert_eq!(excess(&zero, &nan, 1.0), f64::INFINITY);
}
