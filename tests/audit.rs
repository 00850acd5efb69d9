//! What an audit says of a publication.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

mod common;

use common::auditing::{collinear, ratios, stackloss, within};
use levinv::audit::{Attacker, Audit, Level, Report};
use levinv::{DMatrix, DVector, Error, Model};

type V = DVector<f64>;

fn digits(levels: &[u32]) -> Vec<Level> {
    levels.iter().copied().map(Level::Digits).collect()
}

/// A root mean square of 400 normal numbers is off by 3.5 %, one standard
/// deviation; 20 % are more than five of them, at 6 quantities and 3 reports
/// exceeded with probability 1e-5. What is beyond first order is below 2 % here.
#[test]
fn predicted_errors_agree_with_simulated_ones() {
    let (_, model, x) = stackloss();
    let known = [Attacker::KnowsSigns];
    let levels = || digits(&[4, 8]);
    let run = |audit: Audit| -> Report {
        let audit = audit.levels(levels()).unwrap().trials(400).unwrap();
        // So small that no noise beyond first order is tried.
        let audit = audit.tolerance(1e-6).unwrap();
        audit.attackers(known).unwrap().run().unwrap()
    };
    let (_, other, secret) = collinear();
    for report in [
        run(Audit::scores(&model, &x).unwrap()),
        run(Audit::gradient(&model, &x).unwrap()),
        run(Audit::scores(&other, &secret).unwrap()),
    ] {
        let rows = within(&report);
        assert!(rows.len() >= 2, "{:?}", report.rows);
        for (row, (low, high)) in rows {
            assert!(low > 0.8 && high < 1.2, "{}: {low} to {high}", row.level);
        }
    }
}

#[test]
fn an_attacker_without_signs_finds_them_from_six_digits_of_scores() {
    let (_, model, x) = stackloss();
    let audit = Audit::scores(&model, &x)
        .unwrap()
        .levels(digits(&[6]))
        .unwrap();
    let report = audit.trials(100).unwrap().run().unwrap();
    let row = report.row(Level::Digits(6), Attacker::NoSigns).unwrap();
    assert_eq!(
        row.shares.wrong_signs + row.shares.refused + row.shares.ambiguous,
        0.0
    );
    // 100 trials: 7 %, one standard deviation.
    let (low, high) = ratios(row);
    assert!(low > 0.65 && high < 1.5, "{low} to {high}");
    assert!(row.actual.as_ref().unwrap().overall < 1e-6);
}

#[cfg(feature = "parallel")]
#[test]
fn equal_seeds_give_equal_reports_on_any_number_of_threads() {
    let (_, model, x) = stackloss();
    let run = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let audit = Audit::scores(&model, &x)
            .unwrap()
            .levels(digits(&[1, 4]))
            .unwrap();
        let audit = audit.trials(20).unwrap().seed(seed);
        // Debug prints every digit of every number.
        pool.install(|| format!("{:?}", audit.run().unwrap()))
    };
    let first = run(1, 3);
    assert!(first == run(2, 3) && first == run(5, 3));
    assert!(first != run(1, 4));
}

#[test]
fn a_model_that_is_the_fit_of_all_rows_has_nothing_to_protect() {
    let (_, model, x) = stackloss();
    let report = Audit::scores(&model, &x)
        .unwrap()
        .levels(digits(&[1]))
        .unwrap();
    let fit = report.trials(10).unwrap().run().unwrap().least_squares.x;
    let audit = Audit::scores(&model, &fit)
        .unwrap()
        .levels(digits(&[1, 2]))
        .unwrap();
    let report = audit.trials(10).unwrap().run().unwrap();
    assert_eq!(report.exposed(), [0, 1, 2, 3]);
    assert!(report.predictions_exposed());
    assert!(!report.rows.iter().any(|r| report.protects(r)));
    assert!(
        report
            .verdicts
            .iter()
            .all(|v| v.level.is_none() && v.noise.is_none())
    );
    assert!(
        report.sentences()[0].contains("anybody has it"),
        "{:?}",
        report.sentences()
    );
}

#[test]
fn the_verdict_is_the_last_level_before_the_first_that_leaks() {
    let (_, model, x) = stackloss();
    let audit = Audit::scores(&model, &x).unwrap().trials(20).unwrap();
    let audit = audit.levels(digits(&[1, 2, 3, 4, 5, 6])).unwrap();
    // Errors are 1e-3 or so at two digits, least squares' 6e-2 and more.
    let report = audit.tolerance(1e-3).unwrap().run().unwrap();
    assert_eq!(report.exposed().len(), 0);
    for attacker in Attacker::ALL {
        let verdict = report.verdict(attacker).unwrap();
        let Some(Level::Digits(k)) = verdict.level else {
            panic!("{verdict:?}");
        };
        assert_eq!(verdict.exposed_at, Some(Level::Digits(k + 1)));
        for row in report.rows_of(attacker) {
            let Level::Digits(here) = row.level else {
                panic!()
            };
            assert!(here > k || report.protects(row));
            assert!(here != k + 1 || !report.protects(row));
            // An attacker who has the scores has more than anybody.
            assert!(report.adds(row));
        }
    }
}

/// Errors to first order are proportional to the deviation; the simulation of
/// 600 trials agrees to 4 % a standard deviation, and the smallest of ten such numbers is taken.
#[test]
fn the_noise_in_closed_form_leaves_the_tolerance() {
    let (_, model, x) = stackloss();
    let audit = Audit::scores(&model, &x)
        .unwrap()
        .attackers([Attacker::KnowsSigns])
        .unwrap();
    let audit = audit.levels(digits(&[2])).unwrap().trials(600).unwrap();
    let report = audit.tolerance(1e-3).unwrap().run().unwrap();
    let noise = report.verdicts[0].noise.clone().unwrap();
    assert!(
        noise.linear && noise.confirmed && !noise.drowns,
        "{noise:?}"
    );
    let simulated = noise.simulated.unwrap();
    let least = simulated.coefficients.min().min(simulated.predictions);
    assert!((least / 1e-3 - 1.0).abs() < 0.2, "{least}");
    // And as a level of its own.
    let audit = Audit::scores(&model, &x)
        .unwrap()
        .levels([Level::Deviation(noise.deviation)]);
    let report = audit.unwrap().trials(10).unwrap().run().unwrap();
    let predicted = report.rows[0].predicted.clone().unwrap();
    let least = predicted.coefficients.min().min(predicted.predictions);
    assert!((least - 1e-3).abs() < 1e-12, "{least}");
}

/// n = d + 1: without signs 2^d solutions, and our attack gives none of them.
#[test]
fn an_attack_of_ours_that_fails_protects_nothing() {
    let a = DMatrix::from_fn(3, 2, |i, j| if j == 0 { 1.0 } else { (i * i) as f64 });
    let model = Model::new(a, V::from_vec(vec![0.3, -1.0, 2.0])).unwrap();
    let x = V::from_vec(vec![2.0, -1.5]);
    let audit = Audit::scores(&model, &x)
        .unwrap()
        .levels(digits(&[6]))
        .unwrap();
    let report = audit.trials(10).unwrap().run().unwrap();
    let row = report.row(Level::Digits(6), Attacker::NoSigns).unwrap();
    assert!(row.predicted.is_some());
    assert!(
        !report.protects_the_rest(row) && report.adds(row),
        "{row:?}"
    );
    // b in the column space: x is known up to a line, and first order is silent.
    let a = DMatrix::from_fn(8, 2, |i, j| if j == 0 { 1.0 } else { (i * i % 5) as f64 });
    let model = Model::new(a, V::zeros(8)).unwrap();
    let audit = Audit::scores(&model, &x)
        .unwrap()
        .levels(digits(&[1, 6]))
        .unwrap();
    let report = audit.trials(10).unwrap().run().unwrap();
    assert!(
        report
            .rows
            .iter()
            .all(|r| r.predicted.is_none() && !report.protects(r))
    );
}

#[test]
fn a_coefficient_that_is_zero_has_a_unit() {
    let (_, model, mut x) = stackloss();
    x[3] = 0.0;
    let audit = Audit::scores(&model, &x)
        .unwrap()
        .levels(digits(&[5]))
        .unwrap();
    let report = audit.trials(20).unwrap().run().unwrap();
    let errors = report.rows[0].judged().unwrap();
    assert!(
        errors.all().all(|e| e.is_finite() && e > 0.0 && e < 0.1),
        "{errors:?}"
    );
}

#[test]
fn what_is_wrong_with_an_input_is_named() {
    let (_, model, x) = stackloss();
    let audit = || Audit::scores(&model, &x).unwrap();
    let kind = |r: Result<Audit, Error>| r.map(|_| ()).unwrap_err().kind();
    for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(kind(audit().tolerance(tolerance)), "out_of_range");
    }
    assert_eq!(kind(audit().trials(0)), "out_of_range");
    assert_eq!(kind(audit().trials(usize::MAX)), "out_of_range");
    assert_eq!(kind(audit().levels([])), "empty");
    assert_eq!(kind(audit().attackers([])), "empty");
    assert_eq!(kind(audit().names(vec!["a".into()])), "shape");
    for level in [
        Level::Digits(31),
        Level::Deviation(0.0),
        Level::Deviation(f64::NAN),
        Level::Deviation(1e200),
    ] {
        assert_eq!(kind(audit().levels([level])), "out_of_range", "{level:?}");
    }
    let gradient = || Audit::gradient(&model, &x).unwrap();
    for k in [0, 18] {
        assert_eq!(kind(gradient().levels([Level::Digits(k)])), "out_of_range");
    }
    assert_eq!(kind(Audit::scores(&model, &V::zeros(3))), "shape");
    assert_eq!(
        kind(Audit::scores(&model, &V::from_element(4, f64::NAN))),
        "non_finite"
    );
    // The centre of [−1, 1]: its gradient is zero.
    let centred = Model::new(
        DMatrix::from_vec(2, 1, vec![1.0, -1.0]),
        V::from_element(2, -1.0),
    );
    let centred = centred.unwrap();
    assert_eq!(
        kind(Audit::gradient(&centred, &V::zeros(1))),
        "out_of_range"
    );
    assert_eq!(
        kind(Audit::scores(&centred, &V::from_element(1, 1.0))),
        "zero_slack"
    );
}
