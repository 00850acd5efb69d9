//! `levinv recover` with rounded, noisy and missing targets.

#![cfg(feature = "cli")]

mod common;
#[path = "common/directory.rs"]
mod directory;

use std::process::{Command, Output};

use common::instances::{random, rng};
use directory::Directory;
use levinv::Model;

fn levinv(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_levinv"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn digits_noise_and_missing_scores_give_intervals_and_exclude_one_another() {
    let mut r = rng(21);
    let instance = random(&mut r, 40, 3, true);
    let model = Model::new(instance.a.clone(), instance.b.clone()).unwrap();
    let scores = model
        .at(&instance.x)
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    let directory = Directory::new("recovery-noise");
    let row = |v: Vec<String>| v.join(",") + "\n";
    let a: String = instance
        .a
        .row_iter()
        .map(|r| row(r.iter().map(|v| format!("{v:?}")).collect()))
        .collect();
    let column = |v: &[f64]| v.iter().map(|v| format!("{v:?}\n")).collect::<String>();
    let mut rounded: Vec<String> = scores.iter().map(|s| format!("{s:.6}")).collect();
    let a = directory.write("a.csv", &a);
    let b = directory.write("b.csv", column(instance.b.as_slice()));
    let full = directory.write("full.csv", &(rounded.join("\n") + "\n"));
    let first = std::mem::replace(&mut rounded[0], format!("{:.6}", scores[0] + 0.01));
    let off = directory.write("off.csv", &(rounded.join("\n") + "\n"));
    rounded[0] = first;
    rounded[5] = "NA".into();
    rounded[9] = "NaN".into();
    let holes = directory.write("holes.csv", &(rounded.join("\n") + "\n"));
    let run = |target: &str, rest: &[&str]| {
        let start = ["recover", "scores", "--matrix", &a, "--rhs", &b];
        levinv(&[&start[..], &["--target", target], rest].concat())
    };
    for (target, options) in [
        (&full, &["--digits", "6", "--json"][..]),
        (&full, &["--noise", "3e-7", "--json"]),
        (&holes, &["--digits", "6", "--allow-missing", "--json"]),
    ] {
        let output = run(target, options);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{options:?}: {text}");
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["status"], "recovered");
        for j in 0..3 {
            let x = found["x"][j].as_f64().unwrap();
            let half = found["uncertainty"]["half_widths"][j].as_f64().unwrap();
            // Three half-widths are six standard deviations.
            assert!((x - instance.x[j]).abs() < 3.0 * half, "{options:?}");
        }
    }
    let text = String::from_utf8(run(&full, &["--digits", "6"]).stdout).unwrap();
    assert!(text.contains("95 % ±"), "{text}");
    for (target, options, says) in [
        (&full, &["--digits", "6", "--noise", "1e-6"][..], "--noise"),
        (
            &full,
            &["--digits", "3", "--significant", "3"],
            "--significant",
        ),
        (&full, &["--digits", "6", "--ridge", "0.1"], "--ridge"),
        (&full, &["--digits", "60"], "at most 30"),
        (&full, &["--noise", "-1"], "positive"),
        (&off, &["--noise", "1e-6"], "noise stated"),
        (&holes, &["--digits", "6"], "missing"),
    ] {
        let output = run(target, options);
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}: {line}");
        assert_eq!(line.trim_end().lines().count(), 1, "{line}");
        assert!(line.contains(says), "{options:?}: {line}");
    }
}

/// A factor with one observation of its last level, its scores to six digits.
#[test]
fn a_lone_level_leaves_the_rest_its_intervals() {
    let (a, b, x) = lone_level();
    let directory = Directory::new("recovery-lone");
    let (matrix, rhs, target) = written(&directory, &a, &b, &x, 6);
    let run = |options: &[&str]| {
        let start = ["recover", "scores", "--matrix", &matrix, "--rhs", &rhs];
        levinv(&[&start[..], &["--target", &target], options].concat())
    };
    let output = run(&["--digits", "6", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["status"], "undetermined", "{found}");
    for j in 0..3 {
        let half = found["uncertainty"]["half_widths"][j].as_f64().unwrap();
        let error = found["x"][j].as_f64().unwrap() - x[j];
        // Three half-widths are six standard deviations.
        assert!(error.abs() < 3.0 * half, "{j}: {found}");
        assert!(half < 1e-3, "{j}: {found}");
    }
    assert!(found["errors"][3].is_null(), "{found}");
    assert!(found["uncertainty"]["half_widths"][3].is_null(), "{found}");
    // The covariance is that of the rest, with the free coefficient held.
    assert_eq!(found["uncertainty"]["covariance"][3][3], 0.0, "{found}");
    assert_eq!(
        found["directions"],
        serde_json::json!([[0.0, 0.0, 0.0, 1.0]])
    );
    let text = String::from_utf8(run(&["--digits", "6"]).stdout).unwrap();
    assert!(
        text.contains("coefficient 4 is free, at 0 here; for the rest"),
        "{text}"
    );
    assert!(text.contains("95 % ±"), "{text}");
}

#[test]
fn a_lone_level_whose_score_is_not_one_is_infeasible() {
    let (a, b, x) = lone_level();
    let directory = Directory::new("recovery-lone-off");
    let (matrix, rhs, target) = written(&directory, &a, &b, &x, 3);
    let text = std::fs::read_to_string(&target).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    // Ten units of the last place, where noise explains one.
    *lines.last_mut().unwrap() = "0.990";
    let target = directory.write("off.csv", &(lines.join("\n") + "\n"));
    let output = levinv(&[
        "recover", "scores", "--matrix", &matrix, "--rhs", &rhs, "--target", &target, "--noise",
        "0.0015", "--json",
    ]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["status"], "infeasible", "{found}");
    assert!(found["reason"].as_str().unwrap().contains("row 13 of 13"));
}

#[test]
fn a_claim_of_more_digits_than_there_are_gives_no_interval() {
    let mut r = rng(22);
    let case = random(&mut r, 40, 3, true);
    let directory = Directory::new("recovery-claim");
    let x = case.x.as_slice();
    let (matrix, rhs, target) = written(&directory, &case.a, &case.b, x, 5);
    let run = |options: &[&str]| {
        let start = ["recover", "scores", "--matrix", &matrix, "--rhs", &rhs];
        levinv(&[&start[..], &["--target", &target], options].concat())
    };
    // The sum of what was rounded to five digits may be off by no more than six
    // digits explain, so that the misfit is what tells.
    let output = run(&["--noise", "2e-7", "--json"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(2) {
        assert!(error.contains("noise stated"), "{error}");
        return;
    }
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["status"], "too_noisy", "{found}");
    assert!(found.get("uncertainty").is_none(), "{found}");
    for j in 0..3 {
        let off = (found["x"][j].as_f64().unwrap() - x[j]).abs();
        assert!(off < 3.0 * found["errors"][j].as_f64().unwrap(), "{found}");
    }
    let text = String::from_utf8(run(&["--noise", "2e-7"]).stdout).unwrap();
    assert!(
        !text.contains("95 %") && !text.contains("sure to"),
        "{text}"
    );
}

#[test]
fn what_to_state_is_told_where_nothing_was_stated() {
    let (a, b, x) = lone_level();
    let directory = Directory::new("recovery-hints");
    let (matrix, rhs, target) = written(&directory, &a, &b, &x, 2);
    let run = |target: &str, options: &[&str]| {
        let start = ["recover", "scores", "--matrix", &matrix, "--rhs", &rhs];
        let output = levinv(&[&start[..], &["--target", target], options].concat());
        String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout)
    };
    let said = run(&target, &[]);
    assert!(said.contains("--digits"), "{said}");
    let holes = directory.write("holes.csv", &("NA\n".repeat(6) + &"0.5\n".repeat(7)));
    assert!(run(&holes, &[]).contains("--allow-missing"));
    let empty = directory.write("empty.csv", &("\"\"\n".repeat(6) + &"0.5\n".repeat(7)));
    assert!(run(&empty, &["--allow-missing"]).contains("write NA"));
}

/// That the gradient as given has no x is no proof about the one behind the noise.
#[test]
fn a_gradient_that_rounding_made_zero_is_not_called_infeasible() {
    let directory = Directory::new("recovery-rounded-gradient");
    // The cell x > -1 is unbounded, and its gradients are all negative.
    let matrix = directory.write("a.csv", "1,0\n0,1\n1,1\n");
    let rhs = directory.write("b.csv", "-1\n-1\n-1\n");
    let zero = directory.write("zero.csv", "0\n0\n");
    let large = directory.write("large.csv", "2\n2\n");
    let status = |target: &str, options: &[&str]| {
        let start = ["recover", "gradient", "--matrix", &matrix, "--rhs", &rhs];
        let output = levinv(&[&start[..], &["--target", target, "--json"], options].concat());
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(found["x"].is_null() && found["errors"].is_null(), "{found}");
        assert!(found["residual"].is_null(), "{found}");
        found["status"].as_str().unwrap().to_string()
    };
    assert_eq!(status(&zero, &[]), "infeasible");
    assert_eq!(status(&zero, &["--digits", "3"]), "too_noisy");
    assert_eq!(status(&large, &["--digits", "3"]), "infeasible");
}

fn lone_level() -> (nalgebra::DMatrix<f64>, nalgebra::DVector<f64>, [f64; 4]) {
    let level = |i: usize| if i == 12 { 2 } else { i % 2 };
    let a = nalgebra::DMatrix::from_fn(13, 4, |i, j| {
        let t = (i * i % 7) as f64 - 2.5;
        [1.0, t, f64::from(level(i) == 1), f64::from(level(i) == 2)][j]
    });
    let b = nalgebra::DVector::from_fn(13, |i, _| (i * 5 % 11) as f64 - 3.3);
    (a, b, [1.25, -0.5, 0.75, 3.0])
}

/// A, b and the scores at x to so many digits after the point, as files.
fn written(
    directory: &Directory,
    a: &nalgebra::DMatrix<f64>,
    b: &nalgebra::DVector<f64>,
    x: &[f64],
    digits: usize,
) -> (String, String, String) {
    let model = Model::new(a.clone(), b.clone()).unwrap();
    let at = model.at(&nalgebra::DVector::from_column_slice(x)).unwrap();
    let line = |v: Vec<String>| v.join(",") + "\n";
    let rows: String = a
        .row_iter()
        .map(|r| line(r.iter().map(|v| format!("{v:?}")).collect()))
        .collect();
    let column: String = b.iter().map(|v| format!("{v:?}\n")).collect();
    let scores: String = at
        .scores()
        .expect("in memory")
        .iter()
        .map(|s| format!("{s:.digits$}\n"))
        .collect();
    (
        directory.write("a.csv", &rows),
        directory.write("b.csv", &column),
        directory.write("scores.csv", &scores),
    )
}
