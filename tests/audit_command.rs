//! `levinv audit`, run as a user runs it.

#![cfg(feature = "cli")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/directory.rs"]
mod directory;

use std::process::{Command, Output};

use directory::Directory;

fn audit(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_levinv"))
        .arg("audit")
        .args(arguments)
        .output()
        .unwrap()
}

fn done(arguments: &[&str]) -> String {
    let output = audit(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = audit(arguments);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

/// Sixteen rows of a design with a header, a response and a secret.
fn files(dir: &Directory) -> [String; 3] {
    let row = |i: usize| format!("1,{},{}", i * i % 7, (3 * i + i * i * i) % 11);
    let rows: Vec<String> = (0..16).map(row).collect();
    let b: Vec<String> = (0..16)
        .map(|i: usize| format!("{}", (i * 5 % 13) as f64 - 4.3))
        .collect();
    [
        dir.write(
            "A.csv",
            format!("intercept,dose & <b>,age\n{}\n", rows.join("\n")),
        ),
        dir.write("b.csv", b.join("\n")),
        dir.write("x.csv", "0.7\n-1.9\n0.35\n"),
    ]
}

#[test]
fn an_audit_of_files_writes_every_format() {
    let dir = Directory::new("audit-formats");
    let [a, b, x] = files(&dir);
    let given = [
        "--matrix", &a, "--rhs", &b, "--at", &x, "--trials", "20", "--digits", "1..3,6",
    ];
    let [html, csv, svg] = ["a.html", "a.csv", "a.svg"].map(|n| dir.path(n));
    let text = done(
        &[
            &given[..],
            &["--html", &html, "--csv", &csv, "--plot", &svg],
        ]
        .concat(),
    );
    for what in [
        "signs known",
        "signs unknown",
        "leverage scores",
        "gradient",
        "age",
    ] {
        assert!(text.contains(what), "{what}: {text}");
    }
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let table = read(&csv);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|h| h == name).unwrap();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    // Publications, levels, attackers, coefficients and two more.
    assert_eq!(records.len(), 2 * 4 * 2 * (3 + 2));
    for record in &records {
        for name in ["predicted", "least_squares", "omega", "refused"] {
            let value: f64 = record[place(name)].parse().unwrap();
            assert!(value >= 0.0 && value.is_finite());
        }
    }
    assert!(
        records
            .iter()
            .any(|r| &r[place("quantity")] == "dose & <b>")
    );
    let page = read(&html);
    assert!(page.starts_with("<!DOCTYPE html>") && page.matches("<svg ").count() == 4);
    // Nothing is fetched, and names are text.
    assert!(!page.contains("https://") && !page.contains("src=\"") && !page.contains("<b>"));
    assert!(page.contains("dose &amp; &lt;b&gt;"));
    assert!(read(&svg).starts_with("<svg "));
    // What is there stays, until forced; equal seeds write equal files.
    for (option, path) in [("--html", &html), ("--csv", &csv), ("--plot", &svg)] {
        let error = refused(&[&given[..], &[option, path]].concat());
        assert!(error.contains("exists"), "{error}");
    }
    done(&[&given[..], &["--csv", &csv, "--force"]].concat());
    assert_eq!(read(&csv), table);
}

#[test]
fn noise_is_audited_and_printed_as_json() {
    let dir = Directory::new("audit-json");
    let [a, b, x] = files(&dir);
    let given = ["--matrix", &a, "--rhs", &b, "--at", &x, "--trials", "20"];
    let own = [
        "--noise",
        "1e-6,1e-3",
        "--of",
        "scores",
        "--signs",
        "known",
        "--json",
    ];
    let text = done(&[&given[..], &own].concat());
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let audits = json["audits"].as_array().unwrap();
    assert_eq!(audits.len(), 1);
    let rows = audits[0]["rows"].as_array().unwrap();
    // Coarse first.
    let levels: Vec<f64> = rows.iter().map(|r| r["level"].as_f64().unwrap()).collect();
    assert_eq!(levels, [1e-3, 1e-6]);
    let overall = |k: usize| rows[k]["predicted"]["overall"].as_f64().unwrap();
    assert!((overall(0) / overall(1) - 1e3).abs() < 1e-6);
    assert_eq!(audits[0]["names"][2], "age");
}

#[test]
fn the_demonstration_needs_no_files() {
    let text = done(&["--trials", "10", "--digits", "2", "--of", "scores"]);
    assert!(text.starts_with("Brownlee"), "{text}");
    assert!(text.contains("air_flow"), "{text}");
}

#[test]
fn wrong_options_and_files_are_told_in_one_line() {
    let dir = Directory::new("audit-wrong");
    let [a, b, x] = files(&dir);
    let given = [
        "--matrix", &a, "--rhs", &b, "--at", &x, "--trials", "10", "--digits", "2",
    ];
    let error = refused(&["--matrix", &a, "--rhs", &b]);
    assert!(error.contains("--at is required"), "{error}");
    for (arguments, word) in [
        (&["--digits", "two"][..], "two"),
        (&["--digits", "5..2"], "empty"),
        (&["--digits", "0..4000000000"], "more than"),
        (&["--digits", "31", "--of", "scores"], "30"),
        (&["--digits", "0", "--of", "gradient"], "17"),
        (&["--noise", "-1"], "positive"),
        (&["--noise", "nan"], "positive"),
        (&["--noise", "1e-3", "--digits", "2"], "cannot be used"),
        (&["--tolerance", "-1", "--digits", "2"], "positive"),
        (&["--tolerance", "NaN", "--digits", "2"], "positive"),
        (&["--trials", "0"], "trials"),
        (&["--signs", "positive"], "positive"),
    ] {
        let error = refused(arguments);
        assert!(error.contains(word), "{arguments:?}: {error}");
    }
    // Inputs are not replaced, endings and directories are right.
    let error = refused(&[&given[..], &["--csv", &b, "--force"]].concat());
    assert!(error.contains("input"), "{error}");
    for (option, name) in [("--html", "p.txt"), ("--plot", "p.png"), ("--csv", "p.tsv")] {
        let error = refused(&[&given[..], &[option, &dir.path(name)]].concat());
        assert!(error.contains("must end in"), "{error}");
    }
    let short = dir.write("short.csv", "1\n2\n");
    let error = refused(&["--matrix", &a, "--rhs", &b, "--at", &short]);
    assert!(
        error.contains("short.csv") && error.contains("needs 3"),
        "{error}"
    );
}

/// Before anything is computed, and with the way out.
#[test]
fn digits_that_no_gradient_has_are_refused_by_option() {
    for digits in ["0", "3,18"] {
        let line = refused(&["--digits", digits]);
        assert!(
            line.contains("--digits") && line.contains("--of scores"),
            "{line}"
        );
    }
    done(&["--digits", "0", "--of", "scores", "--trials", "10"]);
}
