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
    let scores = model.at(&instance.x).unwrap().scores().clone();
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
