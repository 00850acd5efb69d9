//! The `levinv` command, run as a user runs it.

#![cfg(feature = "cli")]

mod common;
#[path = "common/directory.rs"]
mod directory;

use std::path::Path;
use std::process::{Command, Output};

use common::measure::relative_error;
use common::reference::{Case, cases};
use directory::Directory;
use levinv::{DMatrix, DVector};
use serde_json::Value;

fn levinv(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_levinv"))
        .args(arguments)
        .output()
        .unwrap()
}

fn json(arguments: &[&str]) -> (Value, i32) {
    let output = levinv(&[arguments, &["--json"]].concat());
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    (value, output.status.code().unwrap())
}

/// One line on standard error, exit code 2; returns the line.
fn refused(arguments: &[&str]) -> String {
    let output = levinv(arguments);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    line
}

fn numbers(v: &Value) -> Vec<f64> {
    match v {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        leaf => vec![leaf.as_f64().unwrap()],
    }
}

fn as_mtx(a: &DMatrix<f64>) -> String {
    let mut text = format!(
        "%%MatrixMarket matrix coordinate real general\n{} {} {}\n",
        a.nrows(),
        a.ncols(),
        a.len()
    );
    for j in 0..a.ncols() {
        for i in 0..a.nrows() {
            text.push_str(&format!("{} {} {}\n", i + 1, j + 1, a[(i, j)]));
        }
    }
    text
}

fn evaluate(case: &Case, directory: &Directory, matrix: &str, objective: &str) -> Value {
    let file = |key: &str| directory.vector(&format!("{key}.csv"), &case.vector(key));
    let (b, x, w) = (file("b"), file("x"), file("w"));
    let mut arguments = vec![
        "evaluate", objective, "--matrix", matrix, "--rhs", &b, "--at", &x,
    ];
    let target = file(if objective == "scores" { "tau" } else { "c" });
    if objective != "barrier" {
        arguments.extend(["--target", &target, "--ridge", &w]);
    }
    let (out, code) = json(&arguments);
    assert_eq!(code, 0, "{out}");
    out
}

#[test]
fn evaluate_prints_the_reference_values_dense_and_sparse() {
    let directory = Directory::new("evaluate");
    for case in cases() {
        let a = case.design::<f64>();
        for matrix in [
            directory.matrix("A.csv", &a),
            directory.write("A.mtx", as_mtx(&a)),
        ] {
            for (objective, prefix) in [
                ("barrier", "volumetric"),
                ("scores", "score_loss"),
                ("gradient", "gradient_loss"),
            ] {
                let out = evaluate(&case, &directory, &matrix, objective);
                for (key, expected) in [
                    ("slack", "slack".to_string()),
                    ("scores", "scores".into()),
                    ("volumetric_gradient", "volumetric_gradient".into()),
                    ("value", prefix.into()),
                    ("gradient", format!("{prefix}_gradient")),
                    ("hessian", format!("{prefix}_hessian")),
                ] {
                    let error = relative_error(&numbers(&out[key]), &case.value(&expected));
                    let name = &case.name;
                    assert!(
                        error <= case.tolerance(),
                        "{name} {objective} {key} from {matrix}: {error:e}"
                    );
                }
            }
        }
    }
}

const STACKLOSS: [&str; 7] = [
    "scores",
    "--matrix",
    "data/stackloss_design.csv",
    "--rhs",
    "data/stackloss_response.csv",
    "--target",
    "data/stackloss_scores.csv",
];

fn stackloss_model() -> Vec<f64> {
    let text = include_str!("reference/stackloss_model.csv");
    text.lines().skip(1).map(|v| v.parse().unwrap()).collect()
}

#[test]
fn the_demonstration_recovers_each_coefficient_to_ten_digits() {
    for arguments in [vec!["recover"], [&["recover"], &STACKLOSS[..]].concat()] {
        let (out, code) = json(&arguments);
        assert_eq!((code, out["status"].as_str()), (0, Some("recovered")));
        for (x, exact) in numbers(&out["x"]).iter().zip(stackloss_model()) {
            assert!(((x - exact) / exact).abs() <= 1e-10, "{x} is not {exact}");
        }
    }
    let text = String::from_utf8(levinv(&["recover"]).stdout).unwrap();
    assert!(
        text.contains("recovered") && text.contains("-39.9196"),
        "{text}"
    );
}

#[test]
fn recover_names_every_field_that_it_promises() {
    let (out, _) = json(&["recover"]);
    for key in [
        "x",
        "value",
        "gradient_norm",
        "residual",
        "method",
        "iterations",
        "evaluations",
        "status",
    ] {
        assert!(!out[key].is_null(), "{key} is missing in {out}");
    }
}

#[test]
fn signs_may_be_given_in_every_way() {
    let directory = Directory::new("signs");
    let x = DVector::from_vec(stackloss_model());
    let start = directory.vector("start.csv", &x);
    let (slack, _) = json(&[
        "evaluate",
        "barrier",
        "--matrix",
        STACKLOSS[2],
        "--rhs",
        STACKLOSS[4],
        "--at",
        &start,
    ]);
    let signs = DVector::from_vec(numbers(&slack["slack"])).map(f64::signum);
    let file = directory.vector("signs.csv", &signs);
    let flipped = directory.vector("flipped.csv", &-signs);
    for arguments in [
        vec!["--signs", "unknown"],
        vec!["--signs", "start", "--start", &start],
        vec!["--signs", &file],
        vec!["--signs", &flipped],
    ] {
        let (out, code) = json(&[&["recover"], &STACKLOSS[..], &arguments].concat());
        assert_eq!(code, 0, "{arguments:?}: {out}");
        assert!(
            relative_error(&numbers(&out["x"]), x.as_slice()) < 1e-12,
            "{arguments:?}"
        );
    }
    let (out, code) = json(&[&["recover"], &STACKLOSS[..], &["--signs", "positive"]].concat());
    assert_eq!(code, 1, "no model has only positive residuals: {out}");
    let spoiled = directory.write("spoiled.csv", "1\n0.5\n");
    let line = refused(&[&["recover"], &STACKLOSS[..], &["--signs", &spoiled]].concat());
    assert!(
        line.contains("spoiled.csv") && line.contains("row 2") && line.contains("0.5"),
        "{line}"
    );
    let line = refused(&[
        "recover",
        "gradient",
        "--matrix",
        STACKLOSS[2],
        "--rhs",
        STACKLOSS[4],
        "--target",
        &start,
        "--signs",
        "unknown",
    ]);
    assert!(line.contains("cell"), "{line}");
}

#[test]
fn argmin_solvers_run_by_name_from_a_start() {
    let directory = Directory::new("solver");
    let x = DVector::from_vec(stackloss_model());
    let start = directory.vector("start.csv", &x.map(|v| v * 1.0005));
    for solver in ["lbfgs", "trust-region", "gauss-newton"] {
        let arguments = [
            &["recover"],
            &STACKLOSS[..],
            &["--solver", solver, "--start", &start],
        ]
        .concat();
        let (out, code) = json(&arguments);
        assert_eq!(
            (code, out["status"].as_str()),
            (0, Some("recovered")),
            "{solver}: {out}"
        );
        assert!(
            relative_error(&numbers(&out["x"]), x.as_slice()) < 1e-6,
            "{solver}: {out}"
        );
        assert!(
            out["counts"]["gradient"].is_u64() && out["evaluations"].is_u64(),
            "{out}"
        );
    }
    let solution = directory.vector("solution.csv", &x);
    let from = ["--solver", "lbfgs", "--start", &solution];
    let (out, _) = json(&[&["recover"], &STACKLOSS[..], &from].concat());
    let reason = out["reason"].as_str().unwrap();
    assert_eq!(out["status"].as_str(), Some("recovered"), "{out}");
    assert!(
        !reason.contains("NaN") && reason.contains("the solver stopped"),
        "{reason}"
    );
    let line = refused(&[&["recover"], &STACKLOSS[..], &["--solver", "lbfgs"]].concat());
    assert!(line.contains("--start"), "{line}");
    let line = refused(
        &[
            &["recover"],
            &STACKLOSS[..],
            &["--solver", "simplex", "--start", &start],
        ]
        .concat(),
    );
    assert!(line.contains("simplex") && line.contains("lbfgs"), "{line}");
}

#[test]
fn solvers_are_judged_by_what_they_reached() {
    let directory = Directory::new("judged");
    let run = |name: &str, [a, b, target, start]: [&str; 4], solver: &str| {
        let file = |what: &str, text: &str| directory.write(&format!("{name}-{what}.csv"), text);
        let kind = if name == "square" {
            "scores"
        } else {
            "gradient"
        };
        let (matrix, rhs) = (file("A", a), file("b", b));
        let (target, start) = (file("t", target), file("x", start));
        let arguments = [
            "recover", kind, "--matrix", &matrix, "--rhs", &rhs, "--target", &target, "--start",
            &start, "--solver", solver,
        ];
        json(&arguments)
    };
    for solver in [
        "cell-newton",
        "levenberg-marquardt",
        "approximate-newton",
        "local-newton",
    ] {
        // −1 < x < 1: its centre is 0, and near 0 nothing is sure relatively.
        for start in ["0.25\n", "0\n"] {
            let (out, code) = run("centre", ["1\n-1\n", "-1\n-1\n", "0\n", start], solver);
            assert_eq!(
                (code, out["status"].as_str()),
                (0, Some("recovered")),
                "{out}"
            );
        }
        // Lengths whose squares overflow in the Hessian of the loss.
        let tiny = ["1\n-1\n", "-1e-100\n-1e-100\n", "1e99\n", "4e-101\n"];
        let (out, code) = run("tiny", tiny, solver);
        assert_eq!(
            (code, out["status"].as_str()),
            (0, Some("recovered")),
            "{out}"
        );
    }
    for solver in [
        "cell-newton",
        "levenberg-marquardt",
        "gradient-descent",
        "lbfgs",
    ] {
        // x, y > 0 has no centre, which a direction of recession proves.
        let quadrant = ["1,0\n0,1\n1,1\n", "0\n0\n-1\n", "0,0\n", "1,1\n"];
        let (out, code) = run("quadrant", quadrant, solver);
        assert_eq!(
            (code, out["status"].as_str()),
            (1, Some("infeasible")),
            "{out}"
        );
        assert!(out["recession"].is_array() && out["x"].is_null(), "{out}");
    }
    // As many rows as columns: every x has the scores 1.
    let square = ["1,0\n0,1\n", "0\n0\n", "1\n1\n", "1,1\n"];
    let (out, code) = run("square", square, "levenberg-marquardt");
    assert_eq!(
        (code, out["status"].as_str()),
        (1, Some("undetermined")),
        "{out}"
    );
    assert!(!out["reason"].as_str().unwrap().contains("NaN"), "{out}");
}

#[test]
fn a_zero_gradient_target_gives_the_volumetric_centre() {
    let directory = Directory::new("centre");
    // 0 ≤ x ≤ 2, 0 ≤ y ≤ 6: symmetric, so its centre is (1, 3).
    let a = directory.write("A.csv", "1,0\n-1,0\n0,1\n0,-1\n");
    let b = directory.write("b.csv", "0\n-2\n0\n-6\n");
    let c = directory.write("c.csv", "0\n0\n");
    let (out, code) = json(&[
        "recover", "gradient", "--matrix", &a, "--rhs", &b, "--target", &c,
    ]);
    assert_eq!((code, out["status"].as_str()), (0, Some("recovered")));
    assert!(
        relative_error(&numbers(&out["x"]), &[1.0, 3.0]) < 1e-12,
        "{out}"
    );
}

#[test]
fn an_unbounded_cell_without_a_solution_is_infeasible() {
    let directory = Directory::new("unbounded");
    let a = directory.write("A.csv", "1,0\n0,1\n");
    let b = directory.write("b.csv", "0\n0\n");
    for target in ["0\n0\n", "1\n1\n"] {
        let c = directory.write("c.csv", target);
        let (out, code) = json(&[
            "recover", "gradient", "--matrix", &a, "--rhs", &b, "--target", &c,
        ]);
        assert_eq!(
            (code, out["status"].as_str()),
            (1, Some("infeasible")),
            "{out}"
        );
    }
}

#[test]
fn a_ridge_gives_a_stationary_point() {
    let arguments = [&["recover"], &STACKLOSS[..], &["--ridge", "0.001"]].concat();
    let (out, code) = json(&arguments);
    assert_eq!(
        (code, out["status"].as_str()),
        (0, Some("stationary")),
        "{out}"
    );
    assert!(out["gradient_norm"].as_f64().unwrap() < 1e-8, "{out}");
    let arguments = [&["recover"], &STACKLOSS[..], &["--ridge", "0"]].concat();
    let (out, code) = json(&arguments);
    assert_eq!((code, out["status"].as_str()), (0, Some("recovered")));
}

#[test]
fn outputs_are_written_once_and_overwritten_only_when_forced() {
    let directory = Directory::new("outputs");
    let (x, history, plot) = (
        directory.path("x.csv"),
        directory.path("h.csv"),
        directory.path("p.svg"),
    );
    let arguments = [
        "recover",
        "--out",
        &x,
        "--history",
        &history,
        "--plot",
        &plot,
    ];
    assert_eq!(levinv(&arguments).status.code(), Some(0));
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).unwrap();
    assert_eq!(
        read(&x).lines().count(),
        5,
        "a header and four coefficients"
    );
    assert!(
        read(&history)
            .starts_with("phase,iteration,measure,seconds,cost,gradient,step,sample,inner\n")
    );
    assert!(read(&plot).starts_with("<svg") && read(&plot).contains("weights"));
    let before = read(&x);
    for output in ["--out", "--history", "--plot"] {
        let path = if output == "--out" {
            &x
        } else if output == "--plot" {
            &plot
        } else {
            &history
        };
        let line = refused(&["recover", output, path]);
        assert!(line.contains("exists"), "{line}");
    }
    assert_eq!(read(&x), before);
    let forced = [&arguments[..], &["--force"]].concat();
    assert_eq!(levinv(&forced).status.code(), Some(0));
}

#[test]
fn outputs_that_lead_to_one_file_are_refused_before_any_work() {
    let directory = Directory::new("same");
    let _ = std::fs::create_dir(directory.path("d"));
    let (x, dotted) = (directory.path("x.csv"), directory.path("d/../x.csv"));
    let mut pairs = vec![(x.clone(), x.clone()), (x.clone(), dotted)];
    #[cfg(unix)]
    {
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(to, directory.path(from)).unwrap();
        };
        link(".", "here");
        link("nothing.csv", "link.csv");
        pairs.push((x.clone(), directory.path("here/x.csv")));
        pairs.push((directory.path("nothing.csv"), directory.path("link.csv")));
    }
    for (out, history) in &pairs {
        for force in [&[][..], &["--force"]] {
            let arguments = ["recover", "--out", out, "--history", history];
            let line = refused(&[&arguments, force].concat());
            let words = [history.as_str(), "--out", "--history", "same file"];
            assert!(words.iter().all(|w| line.contains(w)), "{line}");
        }
    }
    assert!(!Path::new(&x).exists());
    let line = refused(&["recover", "--out", &directory.path("x.txt")]);
    assert!(line.contains("x.txt"), "{line}");
    // Signs and ridge weights are inputs too.
    let signs = directory.write("signs.csv", "1\n1\n");
    for option in ["--signs", "--ridge"] {
        let line = refused(&[
            "recover", "scores", option, &signs, "--out", &signs, "--force",
        ]);
        assert!(line.contains("is an input"), "{line}");
    }
}

/// One input spoiled at a time: file, row and value are named, exit code 2.
#[test]
fn bad_input_is_one_line_that_names_file_row_and_value() {
    let directory = Directory::new("bad");
    let good = "1,2\n1,3\n1,5\n1,7\n";
    let files = [
        ("A.csv", good),
        ("b.csv", "1\n2\n2\n4\n"),
        ("x.csv", "0.3\n0.4\n"),
        ("t.csv", "0.5\n0.5\n0.5\n0.5\n"),
    ];
    let spoilt: &[(&str, &str, &[&str])] = &[
        ("A.csv", "1,2\n1,NA\n1,5\n1,7\n", &["A.csv", "2", "NA"]),
        ("A.csv", "1,2\n1,inf\n1,5\n1,7\n", &["A.csv", "2", "inf"]),
        ("A.csv", "1,2\n1,3,4\n1,5\n1,7\n", &["A.csv"]),
        (
            "A.csv",
            "1,2\n2,4\n3,6\n4,8\n",
            &["A.csv", "rank 1", "column"],
        ),
        (
            "A.csv",
            "1,0,2\n2,0,4\n3,0,6\n4,0,8\n",
            &["A.csv", "rank 1", "column 2 is zero", "depends on"],
        ),
        (
            "A.csv",
            "1,2,3\n2,4,6\n3,6,9\n4,8,12\n",
            &["rank 1", "columns ", " and ", "depend on the others"],
        ),
        (
            "A.csv",
            "1,2\n1,3\n",
            &["A.csv has 2 rows,", "b.csv 4 entries"],
        ),
        ("A.csv", "1,2,\n1,3,\n", &["A.csv", "ends in a comma"]),
        ("A.csv", "0;0\n1,5;2\n", &["A.csv", "decimal commas"]),
        ("A.csv", "\"1,2\n1,3\n", &["A.csv", "line 1", "quote"]),
        ("A.csv", "\0\0\0\0", &["A.csv", "line 1", "not text"]),
        ("A.csv", "1,2\n", &["1 rows", "2 columns"]),
        ("A.csv", "", &["A.csv"]),
        ("A.csv", "\u{0}\u{1}\u{fffd}\n", &["A.csv"]),
        ("b.csv", "1\n2\n2\n", &["b.csv", "3", "4"]),
        ("b.csv", "1\n2\nnan\n4\n", &["b.csv", "3"]),
        ("x.csv", "0.3\n", &["x.csv", "1", "2"]),
        ("x.csv", "1\n0\n", &["x.csv", "row 1", "slack"]),
        ("t.csv", "0.5\n0.5\n0.5\n", &["t.csv", "3", "4"]),
        ("t.csv", "0.5\nx\n0.5\n0.5\n", &["t.csv", "x"]),
    ];
    for (name, text, words) in spoilt {
        for (name, text) in files {
            directory.write(name, text);
        }
        directory.write(name, text);
        let path = |name: &str| directory.path(name);
        let line = refused(&[
            "evaluate",
            "scores",
            "--matrix",
            &path("A.csv"),
            "--rhs",
            &path("b.csv"),
            "--at",
            &path("x.csv"),
            "--target",
            &path("t.csv"),
        ]);
        assert!(
            words.iter().all(|w| line.contains(w)),
            "{name} as {text:?} gives {line}"
        );
    }
    for (name, text) in files {
        directory.write(name, text);
    }
    let (a, b) = (directory.path("A.csv"), directory.path("b.csv"));
    for (text, words) in [
        ("1.5\n0.2\n0.2\n0.1\n", ["t.csv", "row 1", "1.5"]),
        ("-0.5\n0.9\n0.8\n0.8\n", ["t.csv", "row 1", "-0.5"]),
        ("0.5\n0.5\n0.5\n0.4\n", ["t.csv", "sum to 1.9", "2"]),
    ] {
        let target = directory.write("t.csv", text);
        let line = refused(&[
            "recover", "scores", "--matrix", &a, "--rhs", &b, "--target", &target,
        ]);
        assert!(
            words.iter().all(|w| line.contains(w)),
            "{text:?} gives {line}"
        );
    }
    let target = directory.write("t.csv", "0.5\n0.5\n0.5\n0.5\n");
    let short = directory.write("short.csv", "1\n1\n1\n");
    for (ridge, words) in [
        ("-1", ["--ridge", "-1"]),
        ("nan", ["--ridge", "NaN"]),
        ("1e200", ["--ridge", "1e200"]),
        (&short, ["short.csv", "needs 4 entries, has 3"]),
    ] {
        let line = refused(&[
            "recover", "scores", "--matrix", &a, "--rhs", &b, "--target", &target, "--ridge", ridge,
        ]);
        assert!(words.iter().all(|w| line.contains(w)), "{line}");
    }
    let weights = directory.write("w.csv", "1\n1\n-2\n1\n");
    let line = refused(&[
        "evaluate",
        "barrier",
        "--matrix",
        &a,
        "--rhs",
        &b,
        "--at",
        &directory.path("x.csv"),
        "--ridge",
        &weights,
    ]);
    assert!(
        line.contains("w.csv") && line.contains("row 3") && line.contains("-2"),
        "{line}"
    );
    let (error, code) = json(&[
        "recover",
        "scores",
        "--matrix",
        "nowhere.mtx",
        "--rhs",
        &b,
        "--target",
        &target,
    ]);
    assert_eq!(
        (code, error["error"]["kind"].as_str()),
        (2, Some("not_found"))
    );
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("nowhere.mtx")
    );
    refused(&["recover", "scores"]);
    let line = refused(&["recover", "--matrix", &a]);
    assert!(line.trim_end().ends_with("is required"), "{line:?}");
    let tiny = directory.write(
        "tiny.csv",
        good.replace(',', "e-160,").replace("\n", "e-160\n"),
    );
    let line = refused(&[
        "recover", "scores", "--matrix", &tiny, "--rhs", &b, "--target", &target,
    ]);
    let words = ["tiny.csv: column 1: 1e-160 must be between", "units"];
    assert!(words.iter().all(|w| line.contains(w)), "{line}");
    refused(&["recover", "sideways"]);
    refused(&[
        "evaluate",
        "scores",
        "--matrix",
        &a,
        "--rhs",
        &b,
        "--at",
        &directory.path("x.csv"),
    ]);
}

#[test]
fn help_says_what_the_slack_is_and_exits_with_0() {
    let output = levinv(&["recover", "--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text.contains("fitted - observed") && text.contains("--solver"),
        "{text}"
    );
}
