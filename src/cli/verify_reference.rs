//! The reference instances that `levinv verify` checks by itself.

use levinv::{DMatrix, DVector, Model};
use serde::Deserialize;

use super::error::CliError;
use super::verify::{Instance, Origin, Target};

/// Twelve instances; `tests/reference/README.md` says what each key is.
const REFERENCE: &str = include_str!("../../tests/reference/leverage.json");

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(rename = "A")]
    a: Vec<Vec<f64>>,
    b: Vec<f64>,
    x: Vec<f64>,
    w: Vec<f64>,
    tau: Vec<f64>,
    c: Vec<f64>,
}

/// All of them.
pub fn instances() -> Result<Vec<Instance>, CliError> {
    let bad = |e: String| CliError::new("parse", format!("embedded data: {e}"));
    let file: File = serde_json::from_str(REFERENCE).map_err(|e| bad(e.to_string()))?;
    let instance = |case| instance(case).map_err(|e| bad(e.to_string()));
    file.cases.into_iter().map(instance).collect()
}

fn instance(case: Case) -> Result<Instance, levinv::Error> {
    let (rows, columns) = (case.b.len(), case.x.len());
    let a = DMatrix::from_row_iterator(rows, columns, case.a.into_iter().flatten());
    let model = Model::new(a, DVector::from_vec(case.b))?;
    let given = |values| Target {
        values: DVector::from_vec(values),
        origin: Origin::Given,
    };
    let ridge = DVector::from_vec(case.w);
    Ok(Instance {
        name: case.name,
        model,
        x: DVector::from_vec(case.x),
        scores: given(case.tau),
        gradient: given(case.c),
        ridge: Some(ridge).filter(|w| w.amax() > 0.0),
    })
}
