//! What the command line says of errors in a target.

use levinv::recover::Noise;

use super::args::{RecoverArgs, TargetName};
use super::error::{CliError, Sources};
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
        _ => plain,
    }
}
