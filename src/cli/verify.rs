//! `levinv verify`: whether the derivatives are right.

use std::time::Instant;

use levinv::verify::{HasDefinition, HasTerms, LeverageDefinition, Report, Verification};
use levinv::{
    DVector, GradientInversion, LeverageObjective, Model, ScoreInversion, VolumetricBarrier,
};

use super::args::{ObjectiveName, VerifyArgs};
use super::error::{CliError, Sources};
use super::files::read_vector;
use super::inputs::{model, required, ridge};
use super::outputs::check_plot;
use super::progress::Attendant;
use super::{Outcome, verify_plot, verify_reference, verify_report};

/// All of them, in the order of the papers.
const OBJECTIVES: [ObjectiveName; 3] = [
    ObjectiveName::Barrier,
    ObjectiveName::Scores,
    ObjectiveName::Gradient,
];

/// A model, a point and all that the three objectives need.
pub struct Instance {
    pub name: String,
    pub model: Model<f64>,
    pub x: DVector<f64>,
    pub scores: Target,
    pub gradient: Target,
    pub ridge: Option<DVector<f64>>,
}

/// A target and where it came from.
pub struct Target {
    pub values: DVector<f64>,
    pub origin: Origin,
}

/// Where a target came from: the output says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Given,
    /// d/n for every row.
    Uniform,
    Zero,
}

impl Origin {
    pub fn name(self) -> &'static str {
        match self {
            Origin::Given => "given",
            Origin::Uniform => "uniform",
            Origin::Zero => "zero",
        }
    }
}

/// One objective at one instance, checked.
pub struct Finding {
    pub instance: String,
    pub objective: ObjectiveName,
    /// None for the barrier, which has no target.
    pub target: Option<Origin>,
    pub report: Report,
    pub seconds: f64,
}

pub fn run(args: &VerifyArgs) -> Result<Outcome, CliError> {
    check_plot(args)?;
    let sources = Sources {
        matrix: args.matrix.clone().unwrap_or_default(),
        rhs: args.rhs.clone().unwrap_or_default(),
        point: args.at.clone(),
        target: args.target.clone(),
        ridge: args.ridge.clone(),
        signs: None,
    };
    let instances = if args.is_reference() {
        verify_reference::instances()?
    } else {
        vec![read(args, &sources)?]
    };
    let wanted = OBJECTIVES
        .iter()
        .copied()
        .filter(|o| args.objective.is_none_or(|wanted| wanted == *o));
    let pairs: Vec<(&Instance, ObjectiveName)> = instances
        .iter()
        .flat_map(|instance| wanted.clone().map(move |objective| (instance, objective)))
        .collect();
    let attendant = Attendant::new();
    let mut findings = Vec::with_capacity(pairs.len());
    for (k, (instance, objective)) in pairs.iter().enumerate() {
        let (name, of) = (&instance.name, objective.name());
        attendant.tell(|| format!("{of} of {name}, {} of {}", k + 1, pairs.len()));
        let finding = check(instance, *objective, args.seed);
        findings.push(finding.map_err(|e| sources.blame(&e))?);
    }
    drop(attendant);
    if let Some(path) = &args.plot {
        // Of the reference instances the first alone: twelve times six curves show nothing.
        let shown = instances.first().map_or("", |i| &i.name);
        let drawn: Vec<&Finding> = findings.iter().filter(|f| f.instance == shown).collect();
        verify_plot::write(path, shown, &drawn, args.force)?;
    }
    let text = if args.json {
        verify_report::to_json(&findings)
    } else if args.is_reference() {
        verify_report::to_table(&findings)
    } else {
        verify_report::to_text(&instances, &findings)
    };
    Ok(Outcome {
        text,
        code: verify_report::exit_code(&findings),
    })
}

/// The user's files.
fn read(args: &VerifyArgs, sources: &Sources) -> Result<Instance, CliError> {
    let why = "to check your own files (without any, reference instances are)";
    let matrix = required(&args.matrix, "--matrix", why)?;
    let rhs = required(&args.rhs, "--rhs", why)?;
    let at = required(&args.at, "--at", why)?;
    if let (Some(ObjectiveName::Barrier), Some(_)) = (args.objective, &args.target) {
        return Err(CliError::new("usage", "--target: the barrier has none"));
    }
    let model = model(matrix, args.in_blocks, rhs, sources)?;
    let x = read_vector(at)?;
    // A zero slack is told as such, and before anything that builds on it.
    model.at(&x).map_err(|e| sources.blame(&e))?;
    let ridge = args
        .ridge
        .as_deref()
        .map(|r| ridge(r, model.nrows()))
        .transpose()?
        .flatten();
    let given = args.target.as_deref().map(read_vector).transpose()?;
    let (n, d) = (model.nrows(), model.dim());
    if let (None, Some(path), Some(target)) = (args.objective, &args.target, &given)
        && ![n, d].contains(&target.len())
    {
        let (file, found) = (path.display(), target.len());
        let text = format!("{file}: needs {n} scores or a gradient of {d} entries, has {found}");
        return Err(CliError::new("shape", text).detail("file", file.to_string()));
    }
    // With both in question, the length says whose target it is.
    let given_for = |objective, length| {
        given
            .clone()
            .filter(|t| args.objective == Some(objective) || t.len() == length)
    };
    let target = |objective, length, default: f64, origin| {
        let (values, origin) = match given_for(objective, length) {
            Some(values) => (values, Origin::Given),
            None => (DVector::from_element(length, default), origin),
        };
        Target { values, origin }
    };
    let uniform = d as f64 / n as f64;
    Ok(Instance {
        name: matrix.display().to_string(),
        scores: target(ObjectiveName::Scores, n, uniform, Origin::Uniform),
        gradient: target(ObjectiveName::Gradient, d, 0.0, Origin::Zero),
        model,
        x,
        ridge,
    })
}

fn check(
    instance: &Instance,
    objective: ObjectiveName,
    seed: u64,
) -> Result<Finding, levinv::Error> {
    let started = Instant::now();
    let model = &instance.model;
    let (report, target) = match objective {
        ObjectiveName::Barrier => {
            let barrier = VolumetricBarrier::new(model);
            (of(barrier, instance, seed, |v| v.third())?, None)
        }
        ObjectiveName::Scores => {
            let Target { values, origin } = &instance.scores;
            let loss = ScoreInversion::new(model, values.clone())?;
            (of(loss, instance, seed, |v| v)?, Some(*origin))
        }
        ObjectiveName::Gradient => {
            let Target { values, origin } = &instance.gradient;
            let loss = GradientInversion::new(model, values.clone())?;
            (of(loss, instance, seed, |v| v)?, Some(*origin))
        }
    };
    Ok(Finding {
        instance: instance.name.clone(),
        objective,
        target,
        report,
        seconds: started.elapsed().as_secs_f64(),
    })
}

type Checks<'a, F> = Verification<'a, f64, LeverageObjective<f64, F>>;

/// Everything that all three have, and `more`.
fn of<F: HasDefinition<f64>>(
    objective: LeverageObjective<f64, F>,
    instance: &Instance,
    seed: u64,
    more: impl for<'a> FnOnce(Checks<'a, F>) -> Checks<'a, F>,
) -> Result<Report, levinv::Error>
where
    LeverageObjective<f64, F>: HasTerms<f64>,
{
    let objective = match &instance.ridge {
        Some(w) => objective.with_ridge(w.clone())?,
        None => objective,
    };
    let definition = LeverageDefinition::of(&objective)?;
    let checks = Verification::of(&objective)
        .hessian()
        .product()
        .jacobian()
        .terms()
        .definition(&definition)
        .at(&instance.x)
        .seed(seed);
    more(checks).run()
}
