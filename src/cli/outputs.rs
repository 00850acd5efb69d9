//! What may be written, decided before any work.

use std::path::{Path, PathBuf};

use super::args::{AuditArgs, CompareArgs, RecoverArgs, VerifyArgs};
use super::error::CliError;
use super::files::{FileError, check_format};

/// Links followed by hand: those of a link to nothing yet.
const LINKS: usize = 16;

/// Refused before hours of work, not after: outputs that exist, that would
/// replace one another or an input of this very run, or that have the wrong
/// ending.
pub fn check_outputs(args: &RecoverArgs) -> Result<(), CliError> {
    let outputs = [
        ("--out", &args.out),
        ("--history", &args.history),
        ("--plot", &args.plot),
    ];
    let files = [&args.matrix, &args.rhs, &args.target, &args.start];
    check(&outputs, &files, &[&args.signs, &args.ridge], args.force)?;
    args.out.as_deref().map(check_format).transpose()?;
    check_ending(&args.history, "csv")?;
    check_ending(&args.plot, "svg")
}

/// The same for the one output of `verify`.
pub fn check_plot(args: &VerifyArgs) -> Result<(), CliError> {
    let files = [&args.matrix, &args.rhs, &args.at, &args.target];
    check(
        &[("--plot", &args.plot)],
        &files,
        &[&args.ridge],
        args.force,
    )?;
    check_ending(&args.plot, "svg")
}

/// The same for those of `compare`; the file to be resumed is to exist.
pub fn check_comparison(args: &CompareArgs) -> Result<(), CliError> {
    let own = [
        ("--html", &args.html),
        ("--markdown", &args.markdown),
        ("--latex", &args.latex),
    ];
    check(&own, &[&args.csv], &[], args.force)?;
    check(&[("--csv", &args.csv)], &[], &[], args.force || args.resume)?;
    check_ending(&args.html, "html")?;
    check_ending(&args.csv, "csv")?;
    check_ending(&args.markdown, "md")?;
    check_ending(&args.latex, "tex")
}

/// The same for those of `audit`.
pub fn check_audit(args: &AuditArgs) -> Result<(), CliError> {
    let outputs = [
        ("--html", &args.html),
        ("--csv", &args.csv),
        ("--plot", &args.plot),
    ];
    let files = [&args.matrix, &args.rhs, &args.at];
    check(&outputs, &files, &[], args.force)?;
    check_ending(&args.html, "html")?;
    check_ending(&args.csv, "csv")?;
    check_ending(&args.plot, "svg")
}

/// Outputs by their options against inputs: files, and arguments that may name
/// one.
fn check(
    outputs: &[(&str, &Option<PathBuf>)],
    files: &[&Option<PathBuf>],
    words: &[&Option<String>],
    force: bool,
) -> Result<(), CliError> {
    let outputs: Vec<(&str, &PathBuf)> = outputs
        .iter()
        .filter_map(|(option, path)| Some((*option, path.as_ref()?)))
        .collect();
    for (k, (option, path)) in outputs.iter().enumerate() {
        let same = |other: &&(&str, &PathBuf)| resolved(other.1) == resolved(path);
        if let Some((other, _)) = outputs[..k].iter().find(same) {
            let message = format!(
                "{}: {other} and {option} name the same file",
                path.display()
            );
            return Err(CliError::new("usage", message));
        }
    }
    // Words like `positive` and numbers are no files, and resolve to none.
    let words = words.iter().copied().flatten().map(PathBuf::from);
    let inputs: Vec<PathBuf> = files
        .iter()
        .copied()
        .flatten()
        .cloned()
        .chain(words)
        .collect();
    for (_, path) in &outputs {
        let shown = path.display();
        if !force && path.symlink_metadata().is_ok() {
            return Err(FileError::Exists(path.to_path_buf()).into());
        }
        let replaced = |input: &PathBuf| input.exists() && resolved(input) == resolved(path);
        if inputs.iter().any(replaced) {
            return Err(CliError::new(
                "exists",
                format!("{shown}: is an input of this run"),
            ));
        }
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
        if parent.is_some_and(|p| !p.is_dir()) {
            return Err(CliError::new(
                "write",
                format!("{shown}: its directory does not exist"),
            ));
        }
    }
    Ok(())
}

fn check_ending(path: &Option<PathBuf>, wanted: &str) -> Result<(), CliError> {
    match path {
        Some(path)
            if path
                .extension()
                .is_none_or(|e| !e.eq_ignore_ascii_case(wanted)) =>
        {
            let message = format!("{}: must end in .{wanted}", path.display());
            Err(CliError::new("unsupported_format", message))
        }
        _ => Ok(()),
    }
}

/// The file that a path leads to, whether or not it exists yet.
fn resolved(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
        if let Ok(found) = path.canonicalize() {
            return found;
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        match path.read_link() {
            Ok(next) => path = parent.join(next),
            Err(_) => {
                let name = path.file_name().unwrap_or_default();
                return parent
                    .canonicalize()
                    .map_or_else(|_| path.clone(), |parent| parent.join(name));
            }
        }
    }
    path
}
