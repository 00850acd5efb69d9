//! A small part of the recovery bars; `examples/bars` runs them in full.

mod common;

use common::measure::{gradient_recovery, score_recovery, score_recovery_f32};

#[test]
fn scores_give_x_back_with_signs_known() {
    let errors = score_recovery(20, true);
    assert_eq!(errors.within(1e-11), 20, "{errors:?}");
}

#[test]
fn scores_give_x_back_with_signs_unknown() {
    let errors = score_recovery(20, false);
    assert_eq!(errors.within(1e-11), 20, "{errors:?}");
}

#[test]
fn single_precision_gives_x_back_to_four_digits() {
    for signs_known in [true, false] {
        let errors = score_recovery_f32(20, signs_known);
        assert_eq!(
            errors.within(1e-4),
            20,
            "signs known: {signs_known}, {errors:?}"
        );
    }
}

#[test]
fn a_gradient_gives_x_back_inside_its_cell_with_and_without_a_start() {
    for start_given in [true, false] {
        let errors = gradient_recovery(20, start_given);
        assert_eq!(
            errors.within(1e-10),
            20,
            "start given: {start_given}, {errors:?}"
        );
    }
}
