//! A finished recovery as text and as JSON.

use serde_json::{Map, Value, json};

use super::args::RecoverArgs;
use super::problem::{Finished, Problem};
use super::report::{self, Column};

pub fn to_json(finished: &Finished) -> String {
    format!("{}\n", Value::Object(json_fields(finished)))
}

pub fn json_fields(finished: &Finished) -> Map<String, Value> {
    let r = &finished.recovery;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_string(), value);
    };
    put("x", json!(r.x.as_ref().map(|x| x.as_slice())));
    put("value", json!(finished.value));
    put("gradient_norm", json!(finished.gradient_norm));
    put("residual", json!(r.residual));
    put("error_estimate", json!(r.error_estimate()));
    put("errors", json!(r.errors.as_ref().map(|e| e.as_slice())));
    put("method", json!(r.method));
    put("iterations", json!(r.iterations));
    put("evaluations", json!(r.evaluations));
    put("seconds", json!(finished.seconds));
    put("status", json!(r.status.name()));
    put("reason", json!(r.reason));
    if !r.directions.is_empty() {
        let list: Vec<&[f64]> = r.directions.iter().map(|v| v.as_slice()).collect();
        put("directions", json!(list));
    }
    if let Some(proof) = &finished.proof {
        put("certificate", json!(proof.certificate));
        if let Some(assumptions) = &proof.assumptions {
            put("assumptions", json!(assumptions));
        }
    }
    if let Some(c) = &finished.counts {
        put(
            "counts",
            json!({
                "cost": c.cost, "gradient": c.gradient, "hessian": c.hessian,
                "product": c.product, "residual": c.residual, "jacobian": c.jacobian,
            }),
        );
    }
    out
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Status, what was done, how long it took and how sure it is.
pub fn describe(finished: &Finished) -> String {
    let r = &finished.recovery;
    let mut out = format!(
        "status      {}: {}\nmethod      {}\n",
        r.status, r.reason, r.method
    );
    out.push_str(&format!(
        "work        {} iteration{}, {} evaluation{}, {:.3} s\n",
        r.iterations,
        plural(r.iterations),
        r.evaluations,
        plural(r.evaluations),
        finished.seconds
    ));
    if let Some(residual) = r.residual {
        out.push_str(&format!(
            "residual    {:.1e}, relative, recovered minus given\n",
            residual
        ));
    }
    if let Some(error) = r.error_estimate() {
        out.push_str(&format!(
            "sure to     {error:.1e}, relative, to first order in residual and rounding\n"
        ));
    }
    if let Some(proof) = &finished.proof {
        let mut entry = |name: &str, text: String| {
            let lines = text.replace('\n', "\n            ");
            out.push_str(&format!("{name:12}{lines}\n"));
        };
        entry("proof", proof.certificate.to_string());
        if let Some(assumptions) = &proof.assumptions {
            entry("assumptions", assumptions.to_string());
        }
    }
    for direction in &r.directions {
        let entries: Vec<String> = direction.iter().map(|v| report::number(*v)).collect();
        out.push_str(&format!("direction   {}\n", entries.join(", ")));
    }
    out
}

pub fn to_text(problem: &Problem, finished: &Finished, args: &RecoverArgs) -> String {
    let mut out = describe(finished);
    if let Some(x) = &finished.recovery.x {
        out.push('\n');
        let labels = report::positions(problem.model.dim());
        let mut columns = vec![Column::Exact("x", x)];
        columns.extend(
            finished
                .recovery
                .errors
                .as_ref()
                .map(|e| Column::Bound("give or take", e)),
        );
        out.push_str(&report::table(&labels, &columns));
    }
    if let (Some(path), Some(_)) = (&args.out, &finished.recovery.x) {
        out.push_str(&format!("\nx written to {}\n", path.display()));
    }
    out
}
