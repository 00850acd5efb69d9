//! `levinv recover` without arguments: a model back from its published scores.

use levinv::{DMatrix, DVector, Model};
use serde_json::json;

use super::args::{RecoverArgs, TargetName};
use super::error::CliError;
use super::outputs::check_outputs;
use super::problem::{Given, Problem};
use super::recover;
use super::report::{self, Column};
use super::{Outcome, outcome};

/// Brownlee's stack loss data with a column of ones; `tests/reference/stackloss.py` wrote all three.
const DESIGN: &str = include_str!("../../data/stackloss_design.csv");
const RESPONSE: &str = include_str!("../../data/stackloss_response.csv");
/// The scores, rounded to f64, at a model fitted without rows 1, 3, 4 and 21.
const SCORES: &str = include_str!("../../data/stackloss_scores.csv");
/// Rows (from 1) that the model was not fitted on: what the publisher kept secret.
const LEFT_OUT: [usize; 4] = [1, 3, 4, 21];

const STORY: &str = "\
Brownlee's stack loss data: 21 days of a plant, three predictors and a response, all public. A
linear model was fitted on some of the days; which ones is secret. Published are the leverage
scores of all 21 rows of the design scaled by that model's residuals. They give the model away:
";

pub fn run(args: &RecoverArgs) -> Result<Outcome, CliError> {
    check_outputs(args)?;
    let (names, design, response, secret) = embedded()?;
    let (_, scores) = read(SCORES)?;
    let failed = |e: levinv::Error| CliError::new(e.kind(), e.to_string());
    let model = Model::new(design.clone(), response.clone()).map_err(failed)?;
    let problem = Problem {
        name: TargetName::Scores,
        model,
        target: scores.column(0).into_owned().into(),
        signs: Given::Unknown,
        start: None,
        ridge: None,
        noise: None,
    };
    let finished = recover::globally(&problem, args).map_err(failed)?;
    recover::write_outputs(args, &finished)?;
    let least_squares = fit(&design, &response, &[])?;
    let code = recover::exit_code(finished.recovery.status);
    let text = if args.json {
        let mut out = outcome::json_fields(&finished);
        out.insert("names".into(), json!(names));
        out.insert("least_squares".into(), json!(least_squares.as_slice()));
        out.insert("secret".into(), json!(secret.as_slice()));
        format!("{}\n", serde_json::Value::Object(out))
    } else {
        let mut out = format!("{STORY}\n{}\n", outcome::describe(&finished));
        if let Some(x) = &finished.recovery.x {
            let mut columns = vec![Column::Exact("recovered", x)];
            columns.extend(
                finished
                    .recovery
                    .errors
                    .as_ref()
                    .map(|e| Column::Bound("give or take", e)),
            );
            columns.push(Column::Exact("the secret model", &secret));
            columns.push(Column::Exact("least squares", &least_squares));
            out.push_str(&report::table(&names, &columns));
            let error = (x - &secret).norm() / secret.norm();
            out.push_str(&format!(
                "\nRecovered and secret differ by {error:.1e}, relative. Least squares on the public data is\nanother model: the one that was published about was fitted without rows 1, 3, 4 and 21.\n"
            ));
        }
        out
    };
    Ok(Outcome { text, code })
}

/// The embedded data: names and columns of A, b, and the secret model.
pub type Embedded = (Vec<String>, DMatrix<f64>, DVector<f64>, DVector<f64>);

/// The data of the demonstration, for that of other commands.
pub fn embedded() -> Result<Embedded, CliError> {
    let (names, design) = read(DESIGN)?;
    let response = read(RESPONSE)?.1.column(0).into_owned();
    let secret = fit(&design, &response, &LEFT_OUT)?;
    Ok((names, design, response, secret))
}

/// Names and numbers of an embedded table.
fn read(table: &str) -> Result<(Vec<String>, DMatrix<f64>), CliError> {
    let bad = |e: String| CliError::new("parse", format!("embedded data: {e}"));
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let names: Vec<String> = reader
        .headers()
        .map_err(|e| bad(e.to_string()))?
        .iter()
        .map(Into::into)
        .collect();
    let mut values = Vec::new();
    for record in reader.records() {
        for field in &record.map_err(|e| bad(e.to_string()))? {
            values.push(field.parse::<f64>().map_err(|e| bad(e.to_string()))?);
        }
    }
    let rows = values.len() / names.len();
    Ok((
        names.clone(),
        DMatrix::from_row_slice(rows, names.len(), &values),
    ))
}

/// Ordinary least squares without some rows (from 1).
fn fit(
    design: &DMatrix<f64>,
    response: &DVector<f64>,
    without: &[usize],
) -> Result<DVector<f64>, CliError> {
    let rows: Vec<usize> = (0..design.nrows())
        .filter(|i| !without.contains(&(i + 1)))
        .collect();
    let (a, b) = (design.select_rows(&rows), response.select_rows(&rows));
    a.svd(true, true)
        .solve(&b, 0.0)
        .map_err(|e| CliError::new("singular", e))
}
