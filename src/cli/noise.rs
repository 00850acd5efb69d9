//! What the command line says of errors in a target.

use levinv::recover::Noise;

use super::args::{RecoverArgs, TargetName};
use super::error::{CliError, Sources};
use super::files::FileError;
use super::problem::Problem;

/// `--digits`, `--significant`, `--noise` and `--allow-missing`.
pub fn of(
    args: &RecoverArgs,
    name: TargetName,
    sources: &Sources,
) -> Result<Option<Noise<f64>>, CliError> {
    if args.allow_missing && name == TargetName::Gradient {
        let why =
            "--allow-missing: a gradient has as many entries as x, of which none can be spared";
        return Err(CliError::new("usage", why));
    }
    let noise = match (args.digits, args.significant, args.noise) {
        (Some(k), _, _) => Some(Noise::decimals(k)),
        (_, Some(k), _) => Some(Noise::significant(k)),
        (_, _, Some(sd)) => Some(Noise::standard_deviation(sd)),
        _ => args.allow_missing.then(|| Ok(Noise::exact())),
    };
    let noise = noise.transpose().map_err(|e| sources.blame(&e))?;
    Ok(noise.map(|n| {
        if args.allow_missing {
            n.allow_missing()
        } else {
            n
        }
    }))
}

/// What to do where a target has no x and nothing was said of its errors; none
/// where a gradient has no x, which noise seldom is the reason of.
pub fn hint(name: TargetName) -> &'static str {
    match name {
        TargetName::Scores => {
            "hint        if the scores are rounded or noisy, say so: --digits, --significant or --noise\n"
        }
        TargetName::Gradient => "",
    }
}

/// What can be done about a missing value in the target.
pub fn missing(args: &RecoverArgs, name: TargetName, error: FileError) -> CliError {
    let text = error.to_string();
    match (error.kind(), name) {
        ("missing_value", TargetName::Scores) if args.allow_missing => {
            let why = "an empty field may be a slip, write NA for a score to leave out";
            CliError::new("missing_value", format!("{text}; {why}"))
        }
        ("missing_value", TargetName::Scores) => {
            let text = format!("{text}; --allow-missing leaves scores that are NA out of the fit");
            CliError::new("missing_value", text)
        }
        _ => error.into(),
    }
}

/// As [`Sources::blame`], where the sum of scores was held against their noise.
pub fn blame(problem: &Problem, sources: &Sources, error: &levinv::Error) -> CliError {
    let plain = sources.blame(error);
    match error {
        levinv::Error::ScoreSum { sum, rank } if problem.noise.is_some() => {
            let file = sources.target.as_deref().map(|p| p.display().to_string());
            let file = file.unwrap_or_default();
            let text = format!(
                "{file}: the scores sum to {sum}, those of a design with {rank} columns sum to {rank}, further off than the noise stated explains"
            );
            CliError::new(error.kind(), text)
                .detail("file", file)
                .detail("value", *sum)
        }
        levinv::Error::ScoreSum { .. } => plain.with(RATHER),
        _ => plain,
    }
}

/// Where scores without stated noise do not add up.
const RATHER: &str =
    "; if they are rounded or noisy, say so with --digits, --significant or --noise";
