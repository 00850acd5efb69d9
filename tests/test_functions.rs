//! The derivatives that argmin_testfunctions ships: the wrong ones are found and
//! explained, the right ones raise no alarm.

mod common;

use common::test_functions::{CASES, Case, Literal, Valley, WRONG};
use levinv::DVector;
use levinv::verify::{Check, CheckReport, Report, Verdict, Verification};

const POINTS: usize = 20;
const CHECKS: [Check; 4] = [
    Check::Gradient,
    Check::Hessian,
    Check::Consistency,
    Check::Symmetry,
];

/// A constant such as the exponent 1.9 is rounded alike at every point, which no
/// noise shows: at 1e42 to that power the shipped Hessian is 1e-13 off.
fn rounded_constants(case: &Case, check: &CheckReport) -> bool {
    let off = |e: &levinv::verify::Entry| (e.difference / e.expected).abs();
    case.name == "cross_in_tray" && check.worst.iter().all(|e| off(e) < 1e-12)
}

/// Runs every case at every point. What fails must be wrong, what is wrong fail.
fn judge(
    run: impl Fn(&Case, &DVector<f64>) -> Report,
    tolerated: impl Fn(&Case, &CheckReport) -> bool,
) {
    for case in CASES {
        for x in case.points(POINTS) {
            let report = run(case, &x);
            for check in CHECKS.map(|check| report.check(check).expect("asked for")) {
                let failed = check.verdict == Verdict::Fail;
                let wrong = case.wrong(check.check).is_some();
                assert!(
                    failed == wrong || (failed && tolerated(case, check)),
                    "{} {}, {}, at {x}{report}",
                    case.name,
                    case.parameters,
                    check.check
                );
            }
        }
    }
}

#[test]
fn black_boxes() {
    judge(Case::black_box, |_, _| false);
}

#[test]
fn beside_their_definitions() {
    judge(Case::defined, rounded_constants);
}

/// Few points are left open: there the functions change a thousand times between
/// neighbouring digits of the guessed length.
#[test]
fn right_ones_pass() {
    for case in CASES {
        let reports: Vec<Report> = case
            .points(POINTS)
            .iter()
            .map(|x| case.black_box(x))
            .collect();
        for check in [Check::Gradient, Check::Hessian] {
            let verdicts = reports.iter().filter_map(|r| r.check(check));
            let passes = verdicts.filter(|c| c.verdict == Verdict::Pass).count();
            let least = match case.wrong(check) {
                Some(_) => 0,
                None => POINTS - 1,
            };
            assert!(
                passes >= least,
                "{} {}: {passes} pass",
                case.name,
                case.parameters
            );
        }
    }
}

#[test]
fn wrong_entries_of_rosenbrock_are_named() {
    let mut seen = 0;
    for case in CASES.iter().filter(|c| c.wrong(Check::Hessian).is_some()) {
        seen += 1;
        let Literal::Rosenbrock(a, _) = case.definition else {
            panic!("{} is another function", case.name);
        };
        for x in case.points(POINTS) {
            for report in [case.black_box(&x), case.defined(&x)] {
                let hessian = report.check(Check::Hessian).expect("asked for");
                assert_eq!(hessian.verdict, Verdict::Fail, "{report}");
                let gradient = report.check(Check::Gradient).expect("always checked");
                assert_eq!(gradient.verdict, Verdict::Pass, "{report}");
                // The diagonal but for its last entry, each off by 2a − 2.
                assert_eq!(hessian.worst.len(), (x.len() - 1).min(3), "{report}");
                for entry in &hessian.worst {
                    assert_eq!(entry.row, entry.column, "{report}");
                    assert!(entry.row + 1 < x.len(), "{report}");
                    let off = entry.difference - 2.0 * (a - 1.0);
                    assert!(off.abs() <= entry.bound, "{report}");
                }
                let text = report.to_string();
                assert!(text.contains("entry (0, 0) at point 0: "), "{text}");
            }
        }
    }
    assert_eq!(seen, WRONG.len());
}

#[test]
fn the_wrong_term_of_rosenbrock_is_named() {
    for dim in [2, 3, 5] {
        for (a, message) in [
            (2.0, "term \"2 a\": coefficient 4, should be 2"),
            (1.5, "term \"2 a\": coefficient 3, should be 2"),
            (-0.25, "term \"2 a\": coefficient -0.5, should be 2"),
        ] {
            let f = Valley { a, b: 100.0, dim };
            let x = DVector::from_fn(dim, |i, _| 0.7 - 0.3 * i as f64);
            let printed = Literal::Rosenbrock(a, 100.0).of(dim);
            let alone = || Verification::of(&f).hessian().terms().at(&x).around(2);
            for run in [alone(), alone().definition(&printed)] {
                let text = run.run().expect("inside").to_string();
                assert!(text.contains(message), "{text}");
                assert!(!text.contains("one of"), "{text}");
            }
        }
    }
    let right = Valley {
        a: 1.0,
        b: 100.0,
        dim: 3,
    };
    let x = nalgebra::dvector![0.7, 0.4, -1.1];
    let run = Verification::of(&right).hessian().terms().at(&x).run();
    run.expect("inside").assert_passed();
}
