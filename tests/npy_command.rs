//! `--in-blocks`: the command on a matrix that stays in its file.

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
use levinv::npy::NpyWriter;
use levinv::{DMatrix, DVector, Model};
use serde_json::Value;

fn levinv(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_levinv"))
        .args(arguments)
        .output()
        .unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = levinv(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn numbers(v: &Value) -> Vec<f64> {
    match v {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        leaf => vec![leaf.as_f64().unwrap()],
    }
}

fn npy(directory: &Directory, name: &str, a: &DMatrix<f64>) -> String {
    let mut out = NpyWriter::create(directory.path(name), a.nrows(), a.ncols()).unwrap();
    out.write_rows(a).unwrap();
    out.finish().unwrap();
    directory.path(name)
}

/// A, b, x and the scores at x, as files.
fn files(directory: &Directory) -> (String, String, String, String) {
    let a = DMatrix::from_fn(300, 3, |i, j| {
        ((i * (j + 2) * 17 + i * i) % 23) as f64 - 11.0
    });
    let x = DVector::from_vec(vec![0.5, -0.25, 1.0]);
    let b = DVector::from_fn(300, |i, _| (a.row(i) * &x)[0] - 1.0 - (i % 7) as f64);
    let model = Model::new(a.clone(), b.clone()).unwrap();
    let scores = model.at(&x).unwrap().scores().expect("in memory").clone();
    (
        npy(directory, "a.npy", &a),
        npy(directory, "b.npy", &DMatrix::from_columns(&[b])),
        directory.vector("x.csv", &x),
        directory.vector("scores.csv", &scores),
    )
}

#[test]
fn evaluate_recover_verify_and_audit_say_the_same_in_blocks() {
    let directory = Directory::new("npy-command");
    let (a, b, x, scores) = files(&directory);
    let (files, at) = (["--matrix", &a, "--rhs", &b], ["--at", &x]);
    let target = ["--target", &scores];
    let both = |arguments: &[&str]| {
        let arguments = [arguments, &files[..]].concat();
        [&[][..], &["--in-blocks"]].map(|more| json(&[&arguments, more].concat()))
    };
    // Sums of 300 terms, ordered otherwise; entries of 1e3 that should be zero.
    let near = |a: &Value, b: &Value, keys: &[&str]| {
        for key in keys {
            for (a, b) in numbers(&a[key]).into_iter().zip(numbers(&b[key])) {
                assert!((a - b).abs() <= 1e-10 * (1.0 + a.abs()), "{key}: {a} {b}");
            }
        }
    };
    let [memory, blocks] = both(&[&["evaluate", "scores"][..], &at, &target].concat());
    let keys = [
        "slack",
        "scores",
        "value",
        "gradient",
        "hessian",
        "volumetric_gradient",
    ];
    near(&memory, &blocks, &keys);
    let arguments = [&["recover", "scores", "--signs", "positive"][..], &target].concat();
    let [memory, blocks] = both(&arguments);
    assert_eq!(blocks["status"], "recovered");
    near(&memory, &blocks, &["x"]);
    let [memory, blocks] = both(&[&["verify", "barrier"][..], &at].concat());
    assert_eq!(memory["verdict"], blocks["verdict"]);
    let audit = [
        "audit", "--digits", "6", "--trials", "10", "--of", "scores", "--signs", "known",
    ];
    both(&[&audit[..], &at].concat());
}

#[test]
fn what_is_not_read_in_blocks_is_refused_where_that_was_asked_for() {
    let directory = Directory::new("npy-command-refused");
    let (a, b, x, _) = files(&directory);
    let refused = |matrix: &str| {
        let arguments = [
            "evaluate", "barrier", "--matrix", matrix, "--rhs", &b, "--at", &x,
        ];
        let output = levinv(&[&arguments[..], &["--in-blocks"]].concat());
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert_eq!(line.trim_end().lines().count(), 1, "{line}");
        line
    };
    let csv = directory.write("a.csv", "1,2\n3,4\n");
    assert!(refused(&csv).contains("--in-blocks"));
    let mut integers = std::fs::read(&a).unwrap();
    let at = integers.windows(3).position(|w| w == b"<f8").unwrap();
    integers[at + 1] = b'i';
    let integers = directory.write("i.npy", integers);
    let line = refused(&integers);
    assert!(line.contains("i.npy") && line.contains("float64"), "{line}");
    let mut short = std::fs::read(&a).unwrap();
    short.pop();
    let line = refused(&directory.write("short.npy", short));
    assert!(
        line.contains("short.npy") && line.contains("truncated"),
        "{line}"
    );
    assert!(refused(&directory.path("none.npy")).contains("no such file"));
    let mut damaged = DMatrix::from_element(300, 3, 1.0);
    damaged[(200, 1)] = f64::NAN;
    let line = refused(&npy(&directory, "nan.npy", &damaged));
    assert!(
        line.contains("row 201") && line.contains("column 2"),
        "{line}"
    );
}
