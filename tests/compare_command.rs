//! `levinv compare`, run as a user runs it.

#![cfg(feature = "cli")]

#[path = "common/directory.rs"]
mod directory;

use std::process::{Command, Output};

use directory::Directory;

fn compare(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_levinv"))
        .arg("compare")
        .args(arguments)
        .output()
        .unwrap()
}

fn done(arguments: &[&str]) -> String {
    let output = compare(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = compare(arguments);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
    line
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

const SOLVERS: &str = "cell-newton,lbfgs,newton,gauss-newton";

/// The rows of a .csv file without their times.
fn untimed(csv: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let seconds = headers.iter().position(|h| h == "seconds").unwrap();
    let row = |r: csv::StringRecord| {
        let cells = r.iter().enumerate().filter(|(k, _)| *k != seconds);
        cells.map(|(_, c)| c.to_string()).collect()
    };
    reader.records().map(|r| row(r.unwrap())).collect()
}

#[test]
fn a_comparison_says_what_to_choose_and_writes_every_format() {
    let dir = Directory::new("compare-formats");
    let [html, csv, md, tex] = ["c.html", "c.csv", "c.md", "c.tex"].map(|n| dir.path(n));
    let outputs = [
        "--html",
        &html,
        "--csv",
        &csv,
        "--markdown",
        &md,
        "--latex",
        &tex,
    ];
    let common = ["--suite", "classics", "--solvers", SOLVERS];
    let text = done(&[&common[..], &outputs[..]].concat());
    assert!(text.starts_with("Choose "), "{text}");
    for solver in SOLVERS.split(',') {
        for output in [&text, &read(&html), &read(&md), &read(&tex)] {
            assert!(output.contains(solver), "{solver} is missing");
        }
    }
    let rows = untimed(&read(&csv));
    assert_eq!(rows.len(), 8 * 4, "one row per pair");
    let page = read(&html);
    assert!(page.starts_with("<!DOCTYPE html>"));
    // Nothing is fetched: no address but of namespaces.
    assert!(!page.contains("https://") && !page.contains("src=\""));
    // What is there is not overwritten, and a second run has the same counts.
    for (option, path) in [("--html", &html), ("--csv", &csv), ("--latex", &tex)] {
        let error = refused(&[&common[..], &[option, path]].concat());
        assert!(error.contains("exists"), "{error}");
    }
    done(&[&common[..], &["--csv", &csv, "--force"]].concat());
    assert_eq!(untimed(&read(&csv)), rows);
}

#[test]
fn an_interrupted_comparison_goes_on_where_it_was() {
    let dir = Directory::new("compare-resume");
    let csv = dir.path("c.csv");
    let common = ["--suite", "classics", "--solvers", SOLVERS, "--csv", &csv];
    done(&common);
    let whole = read(&csv);
    // The last line cut off in its middle, and more of them lost.
    let lines: Vec<&str> = whole.lines().collect();
    let (kept, half) = (lines[..12].join("\n"), &lines[12][..20]);
    std::fs::write(&csv, format!("{kept}\n{half}")).unwrap();
    done(&[&common[..], &["--resume"]].concat());
    let again = read(&csv);
    assert_eq!(untimed(&again), untimed(&whole));
    // What was known is kept to the last digit of its times.
    assert_eq!(again.lines().take(12).collect::<Vec<_>>(), lines[..12]);
    // Another comparison's file is not gone on with, nor anything else's.
    let error = refused(&[&common[..], &["--resume", "--seed", "7"]].concat());
    assert!(error.contains("seed 0"), "{error}");
    for other in [
        &[
            "--suite",
            "ridge",
            "--solvers",
            SOLVERS,
            "--csv",
            &csv,
            "--resume",
        ][..],
        &[&common[..], &["--resume", "--time-limit", "9"]].concat(),
    ] {
        let error = refused(other);
        assert!(error.contains("not this comparison's"), "{error}");
        assert_eq!(read(&csv), again, "nothing is lost");
    }
    // Solvers that take no part keep their rows.
    let fewer = [
        "--suite",
        "classics",
        "--solvers",
        "newton",
        "--csv",
        &csv,
        "--resume",
    ];
    done(&fewer);
    let sorted = |text: &str| {
        let mut rows = untimed(text);
        rows.sort();
        rows
    };
    assert_eq!(sorted(&read(&csv)), sorted(&again));
    std::fs::write(&csv, "a,b\n1,2\n").unwrap();
    let error = refused(&[&common[..], &["--resume"]].concat());
    assert!(error.contains("other columns"), "{error}");
}

#[test]
fn what_cannot_be_compared_is_refused_before_any_work() {
    for (arguments, word) in [
        (&["--suite", "fancy"][..], "classics"),
        (&["--solvers", "simplex"], "lbfgs"),
        (&["--solvers", "lbfgs,lbfgs"], "twice"),
        (&["--time-limit", "0"], "positive"),
        (&["--time-limit", "nan"], "positive"),
        (&["--repeats", "0"], "repeats"),
        (&["--resume"], "--csv"),
        (&["--html", "page.txt"], ".html"),
        (&["--latex", "a.html"], ".tex"),
        (&["--suite", "classics", "--hessian-price", "-1"], "price"),
    ] {
        let error = refused(arguments);
        assert!(error.contains(word), "{arguments:?}: {error}");
    }
}

#[test]
fn a_time_limit_beyond_all_time_is_none() {
    let common = [
        "--suite",
        "classics",
        "--solvers",
        "lbfgs",
        "--repeats",
        "2",
    ];
    done(&[&common[..], &["--time-limit", "1e19"]].concat());
}

#[test]
fn a_page_says_what_an_evaluation_counts() {
    let dir = Directory::new("compare-prices");
    let page = dir.path("c.html");
    let common = ["--suite", "classics", "--solvers", "lbfgs", "--html", &page];
    done(&common);
    assert!(read(&page).contains("Evaluations of all kinds count alike."));
    done(&[&common[..], &["--force", "--hessian-price", "30"]].concat());
    assert!(read(&page).contains("a Hessian 30 times"));
}
