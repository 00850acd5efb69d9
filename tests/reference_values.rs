//! The closed forms against 110-digit values of the definitions.

mod common;

use common::double_double::DoubleDouble;
use common::measure::{Storage, quantities, relative_error};
use common::reference::cases;

#[test]
fn f64_keeps_the_digits_that_each_case_allows() {
    for case in cases() {
        for storage in [Storage::Dense, Storage::Sparse] {
            for (key, found) in quantities::<f64>(&case, storage) {
                let error = relative_error(&found, &case.value(key));
                let bound = case.tolerance();
                assert!(
                    error <= bound,
                    "{} {key} {storage:?}: {error:e} > {bound:e}",
                    case.name
                );
            }
        }
    }
}

/// The same formulas in 106 bits: what is left is the formulas' own error.
#[test]
fn double_double_agrees_to_twenty_digits() {
    for case in cases() {
        // κ = 1e8 leaves double-double some 1e-32 · κ² on the Cholesky side.
        let bound = if case.name == "cond1e8" { 1e-14 } else { 1e-20 };
        for (key, found) in quantities::<DoubleDouble>(&case, Storage::Dense) {
            let expected: Vec<DoubleDouble> = case
                .digits(key)
                .iter()
                .map(|s| s.parse().expect("a decimal"))
                .collect();
            let size = expected.iter().fold(0.0f64, |m, v| m.max(v.to_f64().abs()));
            for (f, e) in found.iter().zip(&expected) {
                let error = (*f - *e).to_f64().abs() / size;
                assert!(error <= bound, "{} {key}: {error:e} > {bound:e}", case.name);
            }
        }
    }
}

/// Half the digits of f64, in the well-conditioned cases.
#[test]
fn f32_keeps_its_digits_where_the_case_is_well_conditioned() {
    for case in cases() {
        if !["base", "tall", "noisy", "mixed-signs", "no-ridge"].contains(&case.name.as_str()) {
            continue;
        }
        for (key, found) in quantities::<f32>(&case, Storage::Dense) {
            // The inputs are rounded to f32 themselves: a slack loses a few ε,
            // and third derivatives multiply that by some tens.
            let found: Vec<f64> = found.into_iter().map(f64::from).collect();
            let error = relative_error(&found, &case.value(key));
            assert!(error <= 1e-4, "{} {key}: {error:e}", case.name);
        }
    }
}

/// No ridge to hide behind, targets far away, dense and sparse: what the twelve
/// cases do not show. `bars -- hard` runs 200 of each kind.
#[test]
fn hard_instances_agree_with_double_double() {
    for (kind, bound) in common::hard::KINDS {
        let (quantity, worst) = common::hard::worst(kind, 20);
        assert!(
            worst <= *bound,
            "{kind}: {quantity} off by {worst:e} > {bound:e}"
        );
    }
}
