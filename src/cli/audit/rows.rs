//! An audit as rows of a .csv file, and as JSON.

use levinv::audit::{Errors, Report, Row, Verdict};
use serde_json::{Value, json};

/// The columns of the file.
const COLUMNS: [&str; 17] = [
    "publication",
    "attacker",
    "kind",
    "level",
    "quantity",
    "predicted",
    "simulated",
    "typical",
    "actual",
    "least_squares",
    "omega",
    "linear",
    "trials",
    "refused",
    "ambiguous",
    "wrong_signs",
    "protected",
];

/// Names of the numbers of [`Errors::all`], in its order.
pub fn quantities(report: &Report) -> Vec<String> {
    let rest = ["overall", "predictions"].map(String::from);
    report.names.iter().cloned().chain(rest).collect()
}

/// One row per level, attacker and quantity; what is not known is left empty.
pub fn to_csv(reports: &[Report]) -> Result<String, Box<dyn std::error::Error>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for report in reports {
        let names = quantities(report);
        let base: Vec<f64> = report.least_squares.errors.all().collect();
        for row in &report.rows {
            let of = |errors: &Option<Errors>, q: usize| {
                let value = errors.as_ref().and_then(|e| e.all().nth(q));
                value.map_or(String::new(), |v| v.to_string())
            };
            for (q, name) in names.iter().enumerate() {
                writer.write_record([
                    report.publication.name().to_string(),
                    row.attacker.name().to_string(),
                    row.level.kind().to_string(),
                    row.level.to_string(),
                    name.clone(),
                    of(&row.predicted, q),
                    of(&row.simulated, q),
                    of(&row.typical, q),
                    of(&row.actual, q),
                    base[q].to_string(),
                    row.omega.map_or(String::new(), |v| v.to_string()),
                    row.linear.to_string(),
                    report.trials.to_string(),
                    row.shares.refused.to_string(),
                    row.shares.ambiguous.to_string(),
                    row.shares.wrong_signs.to_string(),
                    report.protects(row).to_string(),
                ])?;
            }
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// Everything, at full precision.
pub fn to_json(reports: &[Report]) -> String {
    let all: Vec<Value> = reports.iter().map(report).collect();
    format!("{}\n", json!({ "audits": all }))
}

fn report(r: &Report) -> Value {
    let named = |errors: &Errors| -> Value {
        json!({
            "coefficients": errors.coefficients.as_slice(),
            "overall": errors.overall,
            "predictions": errors.predictions,
        })
    };
    let maybe = |errors: &Option<Errors>| errors.as_ref().map(named);
    let row = |row: &Row| {
        json!({
            "kind": row.level.kind(), "level": level(row.level), "attacker": row.attacker.name(),
            "omega": row.omega, "linear": row.linear,
            "predicted": maybe(&row.predicted), "simulated": maybe(&row.simulated),
            "typical": maybe(&row.typical), "actual": maybe(&row.actual),
            "refused": row.shares.refused, "ambiguous": row.shares.ambiguous,
            "wrong_signs": row.shares.wrong_signs,
            "protected": r.protects(row), "rest_protected": r.protects_the_rest(row),
            "adds": r.adds(row),
        })
    };
    let verdict = |v: &Verdict| {
        let noise = v.noise.as_ref().map(|n| {
            json!({
                "deviation": n.deviation, "omega": n.omega, "linear": n.linear,
                "simulated": maybe(&n.simulated), "confirmed": n.confirmed,
                "sufficient": n.sufficient, "drowns": n.drowns,
            })
        });
        json!({
            "attacker": v.attacker.name(), "level": v.level.map(level),
            "exposed_at": v.exposed_at.map(level), "noise": noise,
        })
    };
    let fit = &r.least_squares;
    json!({
        "publication": r.publication.name(), "rows_of_a": r.shape.0, "names": r.names,
        "tolerance": r.tolerance, "trials": r.trials, "seed": r.seed,
        "least_squares": {
            "x": fit.x.as_slice(), "errors": named(&fit.errors),
            "standard_errors": fit.standard_errors.as_ref().map(|e| e.as_slice()),
            "exposes": r.exposed().iter().map(|&j| r.names[j].clone()).collect::<Vec<_>>(),
            "exposes_predictions": r.predictions_exposed(),
        },
        "rows": r.rows.iter().map(row).collect::<Vec<_>>(),
        "verdicts": r.verdicts.iter().map(verdict).collect::<Vec<_>>(),
        "sentences": r.sentences(),
    })
}

fn level(level: levinv::audit::Level) -> Value {
    match level {
        levinv::audit::Level::Digits(k) => json!(k),
        levinv::audit::Level::Deviation(sd) => json!(sd),
    }
}
