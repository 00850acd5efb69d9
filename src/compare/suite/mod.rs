//! Named, seeded collections of problems.

mod classics;
mod data;
mod inversion;
mod regression;

use std::fmt;
use std::str::FromStr;

use nalgebra::DVector;

use super::Task;
use crate::error::Error;
use crate::solver::{CellNewton, FullObjective, minimise};
use inversion::Kind;

/// A named, seeded collection of problems with starts and least values.
///
/// ```
/// use levinv::compare::Suite;
///
/// let tasks = Suite::Classics.tasks(0)?;
/// assert!(tasks.iter().any(|task| task.name() == "rosenbrock 2"));
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Suite {
    /// All of the others.
    #[default]
    Default,
    /// Score inversion: sizes, conditioning, slacks, starts, dense and sparse.
    Scores,
    /// Gradient inversion, as squares, on the same.
    Gradient,
    /// Gradient inversion in its convex form.
    Polytope,
    /// Both losses with a ridge.
    Ridge,
    /// Regressions on public data.
    Regression,
    /// The test functions of argmin_testfunctions.
    Classics,
}

impl Suite {
    /// All of them.
    pub const ALL: [Suite; 7] = [
        Suite::Default,
        Suite::Scores,
        Suite::Gradient,
        Suite::Polytope,
        Suite::Ridge,
        Suite::Regression,
        Suite::Classics,
    ];

    /// The name, as the command line takes it.
    pub fn name(self) -> &'static str {
        match self {
            Suite::Default => "default",
            Suite::Scores => "scores",
            Suite::Gradient => "gradient",
            Suite::Polytope => "polytope",
            Suite::Ridge => "ridge",
            Suite::Regression => "regression",
            Suite::Classics => "classics",
        }
    }

    /// Its problems; equal seeds give equal ones. Regressions and classics know
    /// no seed.
    ///
    /// # Errors
    /// None that a seed could cause; those of building a problem.
    pub fn tasks(self, seed: u64) -> Result<Vec<Task>, Error> {
        match self {
            Suite::Default => {
                let mut all = Vec::new();
                for part in &Suite::ALL[1..] {
                    all.extend(part.tasks(seed)?);
                }
                Ok(all)
            }
            Suite::Scores => inversion::tasks(Kind::Scores, seed),
            Suite::Gradient => inversion::tasks(Kind::Gradient, seed),
            Suite::Polytope => inversion::tasks(Kind::Polytope, seed),
            Suite::Ridge => inversion::tasks(Kind::Ridge, seed),
            Suite::Regression => regression::tasks(),
            Suite::Classics => classics::tasks(),
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Suite {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Suite::ALL.into_iter().find(|s| s.name() == name);
        found.ok_or_else(|| {
            let names: Vec<_> = Suite::ALL.iter().map(|s| s.name()).collect();
            format!("unknown suite {name:?}; one of {}", names.join(", "))
        })
    }
}

/// A task whose least value is known.
fn known(
    name: String,
    objective: impl FullObjective<f64> + 'static,
    start: DVector<f64>,
    least: f64,
) -> Result<Task, Error> {
    Ok(Task::new(name, objective, start)?.least_value(least))
}

/// A task whose least value is found first, by Newton to rounding from its start.
fn solved(
    name: String,
    objective: impl FullObjective<f64> + 'static,
    start: DVector<f64>,
) -> Result<Task, Error> {
    const STEPS: usize = 200;
    let end = minimise(&mut CellNewton::new(), &objective, &start, STEPS, |_, _| {})?;
    known(name, objective, start, end.at.value)
}
