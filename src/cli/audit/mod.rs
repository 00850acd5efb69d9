//! `levinv audit`.

mod html;
mod plots;
mod rows;
mod text;

use std::io::Write;
use std::path::Path;

use levinv::audit::{Attacker, Audit, Level, Publication, Report};
use levinv::{DVector, Model};

use super::args::{AttackerName, AuditArgs, AuditedName};
use super::error::{CliError, Sources};
use super::files::{create_output, read_names, read_vector};
use super::inputs::{model, required};
use super::outputs::check_audit;
use super::progress::Spinner;
use super::{DONE, Outcome, demo};

/// More than the formats of numbers have, and a list that a slip makes endless.
const MAX_LEVELS: usize = 100;

/// What is audited.
struct Subject {
    model: Model<f64>,
    x: DVector<f64>,
    names: Vec<String>,
    sources: Sources,
}

pub fn run(args: &AuditArgs) -> Result<Outcome, CliError> {
    check_audit(args)?;
    let levels = levels(args)?;
    let subject = if args.is_demonstration() {
        embedded()?
    } else {
        read(args)?
    };
    let publications: &[Publication] = match args.of {
        AuditedName::Scores => &[Publication::Scores],
        AuditedName::Gradient => &[Publication::Gradient],
        AuditedName::Both => &[Publication::Scores, Publication::Gradient],
    };
    let mut reports = Vec::new();
    for &publication in publications {
        let report = audit(args, &subject, publication, &levels);
        reports.push(report.map_err(|e| match &e {
            // Options are not in any file.
            levinv::Error::OutOfRange { .. } | levinv::Error::Solver { .. } => {
                CliError::new(e.kind(), e.to_string())
            }
            levinv::Error::EntryOutOfRange {
                what: "gradient at x",
                ..
            } => CliError::new(e.kind(), e.to_string()),
            _ => subject.sources.blame(&e),
        })?);
    }
    write(args, &reports)?;
    let text = if args.json {
        rows::to_json(&reports)
    } else {
        let story = args.is_demonstration().then_some(STORY);
        text::of(story.unwrap_or_default(), &reports)
    };
    Ok(Outcome { text, code: DONE })
}

const STORY: &str = "\
Brownlee's stack loss data, 21 days of a plant: A and b are public. The model x was fitted on some
of the days, and is secret. What would publishing its leverage scores, or their gradient, leak?

";

fn embedded() -> Result<Subject, CliError> {
    let (names, design, response, x) = demo::embedded()?;
    let failed = |e: levinv::Error| CliError::new(e.kind(), e.to_string());
    Ok(Subject {
        model: Model::new(design, response).map_err(failed)?,
        x,
        names,
        sources: Sources::default(),
    })
}

fn read(args: &AuditArgs) -> Result<Subject, CliError> {
    let why = "to audit (without any file a demonstration runs)";
    let matrix = required(&args.matrix, "--matrix", why)?;
    let rhs = required(&args.rhs, "--rhs", why)?;
    let at = required(&args.at, "--at", why)?;
    let sources = Sources {
        matrix: matrix.clone(),
        rhs: rhs.clone(),
        point: Some(at.clone()),
        ..Sources::default()
    };
    let model = model(matrix, args.in_blocks, rhs, &sources)?;
    let x = read_vector(at)?;
    let names = read_names(matrix).unwrap_or_default();
    let name = |j: usize| match names.get(j).map(String::as_str) {
        None | Some("") => format!("x{}", j + 1),
        Some(name) => name.to_string(),
    };
    Ok(Subject {
        names: (0..model.dim()).map(name).collect(),
        model,
        x,
        sources,
    })
}

fn audit(
    args: &AuditArgs,
    subject: &Subject,
    publication: Publication,
    levels: &[Level],
) -> Result<Report, levinv::Error> {
    let (model, x) = (&subject.model, &subject.x);
    let audit = match publication {
        Publication::Scores => Audit::scores(model, x)?,
        Publication::Gradient => Audit::gradient(model, x)?,
    };
    let attackers = match args.signs {
        AttackerName::Known => vec![Attacker::KnowsSigns],
        AttackerName::Unknown => vec![Attacker::NoSigns],
        AttackerName::Both => Attacker::ALL.to_vec(),
    };
    let mut spinner = Spinner::new();
    audit
        .names(subject.names.clone())?
        .levels(levels.iter().copied())?
        .attackers(attackers)?
        .trials(args.trials)?
        .tolerance(args.tolerance)?
        .seed(args.seed)
        .run_watched(|done, all| spinner.tell(|| format!("{publication}, {done} of {all}")))
}

/// `--digits` or `--noise`.
fn levels(args: &AuditArgs) -> Result<Vec<Level>, CliError> {
    let usage = |message: String| CliError::new("usage", message);
    let parts = |list: &str| -> Vec<String> {
        list.split(',')
            .map(|part| part.trim().to_string())
            .collect()
    };
    let levels: Vec<Level> = match (&args.digits, &args.noise) {
        (_, Some(list)) => parts(list)
            .iter()
            .map(|part| {
                let sd: f64 = part
                    .parse()
                    .map_err(|_| usage(format!("--noise {list}: {part:?} is not a number")))?;
                Ok(Level::Deviation(sd))
            })
            .collect::<Result<_, CliError>>()?,
        (Some(list), None) => {
            let number = |part: &str| -> Result<u32, CliError> {
                part.trim().parse().map_err(|_| {
                    usage(format!(
                        "--digits {list}: {part:?} is not a number of digits"
                    ))
                })
            };
            let mut digits = Vec::new();
            for part in parts(list) {
                match part.split_once("..") {
                    Some((from, to)) => {
                        let (from, to) = (number(from)?, number(to.trim_start_matches('='))?);
                        digits.extend((from..=to).take(MAX_LEVELS + 1));
                        if from > to {
                            return Err(usage(format!("--digits {list}: {part} is empty")));
                        }
                    }
                    None => digits.push(number(&part)?),
                }
            }
            digits.into_iter().map(Level::Digits).collect()
        }
        (None, None) => levinv::audit::DIGITS.map(Level::Digits).collect(),
    };
    if levels.len() > MAX_LEVELS {
        return Err(usage(format!(
            "more than {MAX_LEVELS} precisions at a time"
        )));
    }
    let range = 1..=levinv::recover::MAX_SIGNIFICANT;
    let outside = |level: &&Level| matches!(level, Level::Digits(k) if !range.contains(k));
    if args.of != AuditedName::Scores
        && let Some(level) = levels.iter().find(outside)
    {
        return Err(usage(format!(
            "--digits {level}: a gradient is published with 1 to {} significant digits; --of scores audits the scores alone",
            range.end()
        )));
    }
    Ok(levels)
}

fn write(args: &AuditArgs, reports: &[Report]) -> Result<(), CliError> {
    let failed = |path: &Path, e: &dyn std::fmt::Display| {
        CliError::new(
            "write",
            format!("{}: cannot be written: {e}", path.display()),
        )
    };
    let save = |path: &Path, text: &str| -> Result<(), CliError> {
        let mut file = create_output(path, args.force)?;
        file.write_all(text.as_bytes())
            .map_err(|e| failed(path, &e))
    };
    let drawn = |path: &Path, drawing: super::page::Drawn| {
        drawing.map_err(|e| CliError::new("plot", format!("{}: {e}", path.display())))
    };
    if let Some(path) = &args.csv {
        save(path, &rows::to_csv(reports).map_err(|e| failed(path, &e))?)?;
    }
    if let Some(path) = &args.plot {
        save(path, &drawn(path, plots::all(reports))?)?;
    }
    if let Some(path) = &args.html {
        save(path, &drawn(path, html::page(reports))?)?;
    }
    Ok(())
}
