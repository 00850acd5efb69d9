//! `levinv evaluate`.

use std::fmt::Write;

use levinv::{
    DVector, GradientInversion, HasHessian, LeverageObjective, Model, ScoreInversion,
    VolumetricBarrier,
};

use super::args::{EvaluateArgs, ObjectiveName};
use super::error::{CliError, Sources};
use super::files::read_vector;
use super::inputs::{model, required, ridge};
use super::report::{self, Column};
use super::{DONE, Outcome};

pub fn run(args: &EvaluateArgs) -> Result<Outcome, CliError> {
    let sources = Sources {
        matrix: args.matrix.clone(),
        rhs: args.rhs.clone(),
        point: Some(args.at.clone()),
        target: args.target.clone(),
        ridge: args.ridge.clone(),
        signs: None,
    };
    let blame = |error: levinv::Error| sources.blame(&error);
    let model = model(&args.matrix, args.in_blocks, &args.rhs, &sources)?;
    let x = read_vector(&args.at)?;
    let weights = args
        .ridge
        .as_deref()
        .map(|r| ridge(r, model.nrows()))
        .transpose()?
        .flatten();
    let target = || -> Result<DVector<f64>, CliError> {
        let path = required(&args.target, "--target", "to evaluate scores and gradient")?;
        Ok(read_vector(path)?)
    };
    // A zero slack is told as such, and before anything that builds on it.
    model.at(&x).map_err(blame)?;
    // d² numbers and d times the work of a product: only where it is printed.
    let wanted = args.hessian || model.dim() <= MOST_PRINTED;
    let how = (weights, args.json && wanted);
    let values = match args.objective {
        ObjectiveName::Barrier => values(VolumetricBarrier::new(&model), how, &x),
        ObjectiveName::Scores => values(
            ScoreInversion::new(&model, target()?).map_err(blame)?,
            how,
            &x,
        ),
        ObjectiveName::Gradient => values(
            GradientInversion::new(&model, target()?).map_err(blame)?,
            how,
            &x,
        ),
    };
    let values = values.map_err(blame)?;
    let text = if args.json {
        to_json(args, &model, &x, &values)
    } else {
        to_text(args, &model, &x, &values)
    };
    Ok(Outcome {
        text: text.map_err(blame)?,
        code: DONE,
    })
}

/// Columns above which the d×d Hessian is made and printed only if asked for.
const MOST_PRINTED: usize = 1000;

const LEFT_OUT: &str = "the Hessian is left out where d is above 1000, without --hessian";

struct Values {
    value: f64,
    gradient: DVector<f64>,
    /// None where it is left out.
    hessian: Option<levinv::DMatrix<f64>>,
}

fn values<F: levinv::ClosedForm<f64>>(
    objective: LeverageObjective<f64, F>,
    (weights, hessian): (Option<DVector<f64>>, bool),
    x: &DVector<f64>,
) -> Result<Values, levinv::Error> {
    use levinv::Objective;
    let objective = match weights {
        Some(w) => objective.with_ridge(w)?,
        None => objective,
    };
    Ok(Values {
        value: objective.value(x)?,
        gradient: objective.gradient(x)?,
        hessian: hessian.then(|| objective.hessian(x)).transpose()?,
    })
}

fn to_json(
    args: &EvaluateArgs,
    model: &Model<f64>,
    x: &DVector<f64>,
    values: &Values,
) -> Result<String, levinv::Error> {
    let at = model.at(x)?;
    let gradient = at.score_gradient()?;
    let json = Json {
        d: model.dim(),
        gradient: values.gradient.as_slice(),
        hessian: values.hessian.as_ref().map(|h| {
            let rows = h.row_iter().map(|r| r.iter().copied().collect());
            rows.collect()
        }),
        n: model.nrows(),
        note: values.hessian.is_none().then_some(LEFT_OUT),
        objective: args.objective.name(),
        scores: at.scores()?.as_slice(),
        slack: at.slack().as_slice(),
        value: values.value,
        volumetric: at.volumetric(),
        volumetric_gradient: gradient.as_slice(),
    };
    let mut text = serde_json::to_string(&json).map_err(|e| levinv::Error::Solver {
        what: "writing JSON",
        reason: e.to_string(),
    })?;
    text.push('\n');
    Ok(text)
}

/// What `--json` prints, keys in alphabetical order. Written as it stands: a tree
/// of millions of values would be four times their size.
#[derive(serde::Serialize)]
struct Json<'a> {
    d: usize,
    gradient: &'a [f64],
    /// Null where it is left out.
    hessian: Option<Vec<Vec<f64>>>,
    n: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    objective: &'a str,
    scores: &'a [f64],
    slack: &'a [f64],
    value: f64,
    volumetric: f64,
    volumetric_gradient: &'a [f64],
}

fn to_text(
    args: &EvaluateArgs,
    model: &Model<f64>,
    x: &DVector<f64>,
    values: &Values,
) -> Result<String, levinv::Error> {
    let at = model.at(x)?;
    let mut out = String::new();
    let ridge = args
        .ridge
        .as_ref()
        .map_or(String::new(), |r| format!(", with ridge {r}"));
    let mut line = |label: &str, text: String| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{label:<18} {text}");
    };
    line("objective", format!("{}{ridge}", args.objective.name()));
    line(
        "model",
        format!("{} rows, {} columns", model.nrows(), model.dim()),
    );
    line("value", format!("{:e}", values.value));
    line("|gradient|", format!("{:e}", values.gradient.norm()));
    line("scores", report::summary(at.scores()?.as_slice().to_vec()));
    line("|slack|", report::summary(at.slack().abs().data.into()));
    out.push('\n');
    let columns = [
        Column::Exact("x", x),
        Column::Exact("gradient", &values.gradient),
    ];
    out.push_str(&report::table(&report::positions(model.dim()), &columns));
    out.push_str("\nThe Hessian, all slacks and all scores: with --json");
    if model.dim() > MOST_PRINTED {
        out.push_str(" (the Hessian with --hessian besides)");
    }
    out.push_str(".\n");
    Ok(out)
}
