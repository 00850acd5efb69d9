//! `levinv verify`, run as a user runs it.

#![cfg(feature = "cli")]

#[path = "common/directory.rs"]
mod directory;

use std::process::{Command, Output};

use directory::Directory;
use serde_json::Value;

fn verify(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_levinv"))
        .arg("verify")
        .args(arguments)
        .output()
        .unwrap()
}

fn text(arguments: &[&str]) -> String {
    let output = verify(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&text(&[arguments, &["--json"]].concat())).unwrap()
}

/// One line on standard error, exit code 2; returns the line.
fn refused(arguments: &[&str]) -> String {
    let output = verify(arguments);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    line
}

/// Six rows around the origin, away from it on both sides.
const ROWS: [[f64; 2]; 6] = [
    [1.0, 0.0],
    [0.0, 1.0],
    [-1.0, -1.0],
    [1.0, -1.0],
    [0.5, 2.0],
    [-2.0, 0.25],
];

fn files(directory: &Directory) -> [String; 4] {
    let csv = ROWS.map(|[a, b]| format!("{a},{b}\n")).concat();
    let mut mtx = "%%MatrixMarket matrix coordinate real general\n6 2 10\n".to_string();
    for (i, row) in ROWS.iter().enumerate() {
        for (j, value) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            mtx.push_str(&format!("{} {} {value}\n", i + 1, j + 1));
        }
    }
    [
        directory.write("A.csv", csv),
        directory.write("A.mtx", mtx),
        directory.write("b.csv", "0\n0.5\n-3\n-2\n5\n-4\n"),
        directory.write("x.csv", "0.75\n1.25\n"),
    ]
}

#[test]
fn the_reference_run_finds_nothing_wrong() {
    let directory = Directory::new("reference");
    let plot = directory.path("p.svg");
    let out = json(&["--plot", &plot]);
    assert_ne!(out["verdict"], "fail");
    let reports = out["reports"].as_array().unwrap();
    assert_eq!(reports.len(), 36);
    for report in reports {
        let name = (&report["instance"], &report["objective"]);
        // Condition 1e8 may leave something open, the others may not.
        let wanted = ["pass", "inconclusive"];
        let allowed = &wanted[..1 + usize::from(report["instance"] == "cond1e8")];
        assert!(allowed.iter().any(|w| report["verdict"] == *w), "{name:?}");
        assert_eq!(report["report"]["points"], 1, "{name:?}");
    }
    let drawn = std::fs::read_to_string(&plot).unwrap();
    assert!(drawn.contains("Taylor remainders, base"), "{drawn}");
}

#[test]
fn the_table_has_a_row_an_objective_and_ends_with_the_count() {
    let table = text(&["barrier", "--seed", "7"]);
    let rows = table
        .lines()
        .filter(|l| l.contains("  barrier    "))
        .count();
    assert_eq!(rows, 12, "{table}");
    assert!(
        table.lines().last().unwrap().contains("of 12 pass"),
        "{table}"
    );
}

#[test]
fn files_are_checked_dense_and_sparse() {
    let directory = Directory::new("files");
    let [dense, sparse, b, x] = files(&directory);
    for matrix in [&dense, &sparse] {
        let arguments = [
            "--matrix", matrix, "--rhs", &b, "--at", &x, "--ridge", "0.5",
        ];
        let out = text(&arguments);
        for said in [
            "6 rows, 2 columns, with ridge",
            "barrier: pass",
            "scores: pass",
            "uniform scores d/n",
            "gradient: pass",
            "a gradient of zeros",
            "third derivative",
            "Taylor remainders",
            "3 of 3 pass",
        ] {
            assert!(out.contains(said), "{said}: {out}");
        }
        let out = json(&[&["gradient"], &arguments[..]].concat());
        assert_eq!(out["verdict"], "pass");
        assert_eq!(out["reports"].as_array().unwrap().len(), 1);
        assert_eq!(out["reports"][0]["target"], "zero");
    }
}

#[test]
fn the_length_of_a_target_says_whose_it_is() {
    let directory = Directory::new("target");
    let [a, _, b, x] = files(&directory);
    let files = ["--matrix", &a, "--rhs", &b, "--at", &x, "--target"];
    let gradient = directory.write("c.csv", "1\n-2\n");
    let out = json(&[&files[..], &[&gradient]].concat());
    let targets = ["barrier", "scores", "gradient"].map(|objective| {
        let reports = out["reports"].as_array().unwrap();
        let report = reports.iter().find(|r| r["objective"] == objective);
        report.unwrap()["target"].clone()
    });
    assert_eq!(targets, [Value::Null, "uniform".into(), "given".into()]);
    let short = directory.write("short.csv", "1\n2\n3\n");
    for objective in [&[][..], &["scores"], &["gradient"]] {
        let line = refused(&[objective, &files[..], &[&short]].concat());
        assert!(
            line.contains("short.csv") && line.contains("has 3"),
            "{line}"
        );
    }
    refused(&[&["barrier"], &files[..], &[&gradient]].concat());
}

#[test]
fn bad_input_is_one_line_that_names_its_place() {
    let directory = Directory::new("bad");
    let [a, _, b, x] = files(&directory);
    let line = refused(&["--matrix", &a, "--rhs", &b]);
    assert!(line.contains("--at"), "{line}");
    let line = refused(&["--at", &x]);
    assert!(line.contains("--matrix"), "{line}");
    let line = refused(&["--ridge", "1"]);
    assert!(line.contains("--matrix"), "{line}");
    let edge = directory.write("edge.csv", "0\n1\n");
    let line = refused(&["--matrix", &a, "--rhs", &b, "--at", &edge]);
    assert!(line.contains("edge.csv: row 1"), "{line}");
    let long = directory.write("long.csv", "1\n2\n3\n");
    let line = refused(&["--matrix", &a, "--rhs", &b, "--at", &long]);
    assert!(line.contains("long.csv"), "{line}");
}

#[test]
fn a_plot_holds_a_pair_of_curves_and_replaces_nothing_unforced() {
    let directory = Directory::new("plot");
    let [a, _, b, x] = files(&directory);
    let plot = directory.path("p.svg");
    let arguments = [
        "scores", "--matrix", &a, "--rhs", &b, "--at", &x, "--plot", &plot,
    ];
    text(&arguments);
    let drawn = std::fs::read_to_string(&plot).unwrap();
    assert!(drawn.starts_with("<svg"), "{drawn}");
    for label in [
        "scores, first order: slope 2",
        "scores, second order: slope 3",
    ] {
        assert_eq!(drawn.matches(label).count(), 1, "{label}: {drawn}");
    }
    // Two curves with a point a step; the legend has a circle each as well.
    assert!(drawn.matches("<circle").count() > 30, "{drawn}");
    std::fs::write(&plot, "precious").unwrap();
    let line = refused(&arguments);
    assert!(line.contains("p.svg") && line.contains("exists"), "{line}");
    assert_eq!(std::fs::read_to_string(&plot).unwrap(), "precious");
    text(&[&arguments[..], &["--force"]].concat());
    assert!(std::fs::read_to_string(&plot).unwrap().starts_with("<svg"));
    let (others, files) = (&arguments[..7], [directory.path("p.png"), a.clone()]);
    for file in &files {
        let line = refused(&[others, &["--plot", file, "--force"]].concat());
        assert!(line.contains(file.as_str()), "{line}");
    }
}
