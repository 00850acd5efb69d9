//! Bars that go through the command.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::measure::relative_error;
use crate::common::reference::{Case, cases};

/// Runs `levinv` as anyone would, and reads its JSON.
pub fn levinv(arguments: &[&str]) -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--release", "--quiet", "--bin", "levinv", "--"])
        .args(arguments)
        .arg("--json")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("--json prints JSON")
}

fn flatten(v: &Value) -> Vec<f64> {
    match v {
        Value::Array(items) => items.iter().flat_map(flatten).collect(),
        leaf => vec![leaf.as_f64().expect("a number")],
    }
}

pub fn stackloss() {
    let out = levinv(&["recover"]);
    let exact: Vec<f64> = include_str!("../../tests/reference/stackloss_model.csv")
        .lines()
        .skip(1)
        .map(|v| v.parse().expect("a number"))
        .collect();
    let least_squares = flatten(&out["least_squares"]);
    for ((x, exact), other) in flatten(&out["x"]).iter().zip(&exact).zip(least_squares) {
        let error = ((x - exact) / exact).abs();
        println!(
            "{x:22} relative error {error:.1e} of 1e-10 (least squares on all rows: {other:.4})"
        );
    }
    println!("status {}, {} s", out["status"], out["seconds"]);
}

/// Writes a case's inputs as .csv files at full precision.
fn write(case: &Case, directory: &Path) {
    let a = case.design::<f64>();
    let lines: Vec<String> = a
        .row_iter()
        .map(|row| row.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
        .collect();
    std::fs::write(directory.join("A.csv"), lines.join("\n")).expect("a writable directory");
    for key in ["b", "x", "w", "tau", "c"] {
        let lines: Vec<String> = case.vector::<f64>(key).iter().map(f64::to_string).collect();
        std::fs::write(directory.join(key).with_extension("csv"), lines.join("\n"))
            .expect("a writable directory");
    }
}

pub fn reference() {
    let directory = std::env::temp_dir().join(format!("levinv-bars-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a writable directory");
    let file = |name: &str| {
        directory
            .join(name)
            .with_extension("csv")
            .display()
            .to_string()
    };
    for case in cases() {
        write(&case, &directory);
        let mut errors = Vec::new();
        for (objective, target, prefix) in [
            ("barrier", None, "volumetric"),
            ("scores", Some("tau"), "score_loss"),
            ("gradient", Some("c"), "gradient_loss"),
        ] {
            let (a, b, x, w) = (file("A"), file("b"), file("x"), file("w"));
            let mut arguments = vec![
                "evaluate", objective, "--matrix", &a, "--rhs", &b, "--at", &x,
            ];
            let target = target.map(file);
            if let Some(target) = &target {
                arguments.extend(["--target", target, "--ridge", &w]);
            }
            let out = levinv(&arguments);
            let keys = [
                ("slack", "slack".to_string()),
                ("scores", "scores".to_string()),
                ("volumetric_gradient", "volumetric_gradient".to_string()),
                ("value", prefix.to_string()),
                ("gradient", format!("{prefix}_gradient")),
                ("hessian", format!("{prefix}_hessian")),
            ];
            for (key, expected) in keys {
                let error = relative_error(&flatten(&out[key]), &case.value(&expected));
                errors.push((format!("{objective} {key}"), error));
            }
        }
        crate::report(&case.name, case.tolerance(), errors.into_iter());
    }
    std::fs::remove_dir_all(&directory).expect("the directory just made");
}
