//! Whether a problem's derivatives may be trusted.

use std::sync::Arc;

use super::task::Task;
use crate::error::Error;
use crate::solver::Watched;
use crate::verify::{Report, Verdict, Verification};

/// Parameters up to which a Hessian is verified entry by entry; beyond, the
/// gradient alone is.
const MOST_ENTRIES: usize = 30;

/// What verification makes of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vetting {
    /// Nothing against it.
    Sound,
    /// Rounding hides too much, or it could not be verified: run with a warning.
    Doubtful(String),
    /// A derivative is wrong: a comparison on it would mean nothing.
    Refused(String),
}

/// Verifies gradient and, where there is one, Hessian at the start, by
/// differences.
pub fn vet(task: &Task) -> Vetting {
    let watched = Watched::new(Arc::clone(task.objective()), u64::MAX);
    let small = task.start().len() <= MOST_ENTRIES;
    let offers_hessian = !matches!(
        task.objective().hessian(task.start()),
        Err(Error::NotOffered { .. })
    );
    let verification = Verification::of(&watched).at(task.start());
    let report = if small && offers_hessian {
        verification.hessian().run()
    } else {
        verification.run()
    };
    match report {
        Err(error) => Vetting::Doubtful(format!("its derivatives cannot be verified: {error}")),
        Ok(report) => match report.verdict() {
            Verdict::Pass => Vetting::Sound,
            Verdict::Inconclusive(why) => Vetting::Doubtful(format!(
                "verification of its derivatives is inconclusive: {why}"
            )),
            Verdict::Fail => {
                Vetting::Refused(format!("its derivatives are wrong: {}", failed(&report)))
            }
        },
    }
}

/// The checks that failed, each with its worst entry.
fn failed(report: &Report) -> String {
    let failed = report.checks.iter().filter(|c| c.verdict == Verdict::Fail);
    let shown = failed.map(|c| match c.worst.first() {
        Some(worst) => format!("{} ({worst})", c.check),
        None => c.check.to_string(),
    });
    shown.collect::<Vec<_>>().join(", ")
}
