//! A finished recovery as text and as JSON.

use levinv::DVector;
use levinv::recover::{Infeasibility, Status};
use serde_json::{Map, Value, json};

use super::args::RecoverArgs;
use super::noise;
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
    if let Some(solutions) = &r.solutions {
        let list: Vec<&[f64]> = solutions.listed.iter().map(|v| v.as_slice()).collect();
        put(
            "solutions",
            json!({ "log2": solutions.log2, "listed": list }),
        );
    }
    match &r.infeasibility {
        Some(Infeasibility::Recession(h)) => put("recession", json!(h.as_slice())),
        Some(Infeasibility::RecessionSum(parts)) => {
            let parts: Vec<&[f64]> = parts.iter().map(|h| h.as_slice()).collect();
            put("recession_sum", json!(parts));
        }
        Some(
            proof @ (Infeasibility::Overfull { rows, sum, rank }
            | Infeasibility::Full { rows, sum, rank }),
        ) => {
            let rows: Vec<usize> = rows.iter().map(|i| i + 1).collect();
            put(
                fullness(proof),
                json!({ "rows": rows, "sum": sum, "rank": rank }),
            );
        }
        _ => {}
    }
    if let Some(u) = &r.uncertainty {
        let covariance: Vec<Vec<f64>> = u
            .covariance
            .row_iter()
            .map(|row| row.iter().copied().collect())
            .collect();
        put(
            "uncertainty",
            json!({ "level": u.level, "half_widths": u.half_widths.as_slice(), "covariance": covariance }),
        );
    }
    if let Some(value) = r.smallest_eigenvalue {
        put("smallest_eigenvalue", json!(value));
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

fn fullness(proof: &Infeasibility<f64>) -> &'static str {
    match proof {
        Infeasibility::Full { .. } => "full",
        _ => "overfull",
    }
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
    // A fit that is no match is not sure to anything.
    if let Some(error) = r.error_estimate().filter(|_| r.status != Status::TooNoisy) {
        let what = match r.uncertainty {
            Some(_) => "at 95 %, to first order in the noise stated",
            None => "to first order in residual and rounding",
        };
        out.push_str(&format!("sure to     {error:.1e}, relative, {what}\n"));
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
    let mut vector = |name: &str, v: &DVector<f64>| {
        let entries: Vec<String> = v.iter().map(|v| report::number(*v)).collect();
        out.push_str(&format!("{name:12}{}\n", entries.join(", ")));
    };
    r.directions.iter().for_each(|h| vector("direction", h));
    match &r.infeasibility {
        Some(Infeasibility::Recession(h)) => vector("recession", h),
        Some(Infeasibility::RecessionSum(parts)) => {
            let name = |k| if k == 0 { "recession" } else { "  plus" };
            parts
                .iter()
                .enumerate()
                .for_each(|(k, h)| vector(name(k), h));
        }
        Some(
            proof @ (Infeasibility::Overfull { rows, sum, rank }
            | Infeasibility::Full { rows, sum, rank }),
        ) => {
            let rows: Vec<String> = rows.iter().map(|i| (i + 1).to_string()).collect();
            let rows = rows.join(", ");
            out.push_str(&format!(
                "{:12}rows {rows}: their scores sum to {sum}, their rank is {rank}\n",
                fullness(proof)
            ));
        }
        _ => {}
    }
    if let Some(solutions) = &r.solutions {
        out.push_str(&format!("solutions   2^{}\n", solutions.log2));
    }
    if let Some(value) = r.smallest_eigenvalue {
        out.push_str(&format!(
            "eigenvalue  {value:.2e}, the Hessian's smallest\n"
        ));
    }
    out
}

pub fn to_text(problem: &Problem, finished: &Finished, args: &RecoverArgs) -> String {
    let r = &finished.recovery;
    let mut out = describe(finished);
    if problem.noise.is_none() && matches!(r.status, Status::TooNoisy | Status::Infeasible) {
        out.push_str(noise::hint(problem.name));
    }
    let labels = report::positions(problem.model.dim());
    if let Some(x) = &r.x {
        out.push('\n');
        let mut columns = vec![Column::Exact("x", x)];
        let interval = r.uncertainty.as_ref().map(|u| &u.half_widths);
        columns.extend(match interval {
            Some(half) if r.status == Status::TooNoisy => Some(Column::Bound("unsure ±", half)),
            Some(half) => Some(Column::Bound("95 % ±", half)),
            None => r.errors.as_ref().map(|e| Column::Bound("give or take", e)),
        });
        out.push_str(&report::table(&labels, &columns));
    }
    let listed = r.solutions.iter().flat_map(|s| &s.listed);
    for (k, x) in listed.enumerate() {
        let name = format!("solution {}", k + 1);
        out.push('\n');
        out.push_str(&report::table(&labels, &[Column::Exact(&name, x)]));
    }
    if let (Some(path), Some(_)) = (&args.out, &finished.recovery.x) {
        out.push_str(&format!("\nx written to {}\n", path.display()));
    }
    out
}
