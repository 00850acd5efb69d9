//! What one solver came to on one problem.

use std::fmt;

use crate::solver::{Counts, Exhausted};

/// τ: a value within τ of the way from the least value to the start's counts as
/// reached, f ≤ f* + τ(f₀ − f*) (Moré and Wild).
pub const ACCURACIES: [f64; 5] = [1e-2, 1e-4, 1e-6, 1e-8, 1e-10];

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Outcome {
    /// The solver stopped by itself, or at its iteration limit.
    Ended,
    /// It was stopped at the limit of evaluations.
    Evaluations,
    /// It was stopped at the limit of time.
    Time,
    /// It spun without evaluating anything, and was killed.
    Killed,
    /// It returned an error.
    Failed,
    /// It panicked.
    Panicked,
    /// It needs what the problem does not offer: not run.
    NotApplicable,
    /// The problem's derivatives are wrong: not run.
    Refused,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 8] = [
        Outcome::Ended,
        Outcome::Evaluations,
        Outcome::Time,
        Outcome::Killed,
        Outcome::Failed,
        Outcome::Panicked,
        Outcome::NotApplicable,
        Outcome::Refused,
    ];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Ended => "ended",
            Outcome::Evaluations => "evaluations",
            Outcome::Time => "time",
            Outcome::Killed => "killed",
            Outcome::Failed => "failed",
            Outcome::Panicked => "panicked",
            Outcome::NotApplicable => "not_applicable",
            Outcome::Refused => "refused",
        }
    }

    /// Whether the solver was run at all.
    pub fn was_run(self) -> bool {
        !matches!(self, Outcome::NotApplicable | Outcome::Refused)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Exhausted> for Outcome {
    fn from(exhausted: Exhausted) -> Self {
        match exhausted {
            Exhausted::Evaluations => Outcome::Evaluations,
            Exhausted::Time => Outcome::Time,
        }
    }
}

/// A value lower than all before, and the evaluations by then.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TracePoint {
    /// What had been evaluated.
    pub counts: Counts,
    /// The value.
    pub value: f64,
}

/// One solver on one problem: a row of the comparison.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Record {
    /// The solver's name.
    pub solver: String,
    /// The problem's name.
    pub problem: String,
    /// The problem's family.
    pub family: String,
    /// d.
    pub dim: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// The same in words: the solver's own, or the error's.
    pub reason: String,
    /// What verification says against the problem, where it is in doubt.
    pub warning: Option<String>,
    /// f at the start.
    pub start_value: f64,
    /// The least value known, by which accuracy is judged.
    pub least_value: f64,
    /// Whether the problem came with a least value, not only with what runs found.
    pub least_is_known: bool,
    /// The least f that the run evaluated, at its final point or before.
    pub value: f64,
    /// ‖∇f‖ where f was least, relative to the start.
    pub gradient_reduction: f64,
    /// The solver's iterations.
    pub iterations: u64,
    /// What was evaluated.
    pub counts: Counts,
    /// What had been evaluated when each of [`ACCURACIES`] was first reached; none
    /// if it never was.
    pub reached: [Option<Counts>; ACCURACIES.len()],
    /// Seconds of each repeat.
    pub seconds: Vec<f64>,
    /// How the value fell, thinned.
    pub trace: Vec<TracePoint>,
}

impl Record {
    /// A row for a run that did not take place, or left nothing behind.
    pub fn without_run(
        (solver, problem): (&str, &super::Task),
        outcome: Outcome,
        reason: String,
    ) -> Self {
        Record {
            solver: solver.to_string(),
            problem: problem.name().to_string(),
            family: problem.family_name().to_string(),
            dim: problem.start().len(),
            outcome,
            reason,
            warning: None,
            start_value: f64::NAN,
            least_value: problem.least().unwrap_or(f64::NAN),
            least_is_known: problem.least().is_some(),
            value: f64::NAN,
            gradient_reduction: f64::NAN,
            iterations: 0,
            counts: Counts::default(),
            reached: [None; ACCURACIES.len()],
            seconds: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// Whether the accuracy of this index in [`ACCURACIES`] was reached.
    pub fn has_reached(&self, accuracy: usize) -> bool {
        self.reached.get(accuracy).is_some_and(Option::is_some)
    }

    /// The median of the repeats, in seconds.
    pub fn median_seconds(&self) -> Option<f64> {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        if n == 0 {
            return None;
        }
        Some(0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]))
    }
}

/// What an evaluation of each kind costs, in units of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Prices {
    /// A value.
    pub cost: f64,
    /// A gradient.
    pub gradient: f64,
    /// A Hessian.
    pub hessian: f64,
    /// A Hessian product.
    pub product: f64,
    /// A residual.
    pub residual: f64,
    /// A Jacobian.
    pub jacobian: f64,
}

impl Default for Prices {
    /// One each: counts as they are.
    fn default() -> Self {
        Prices {
            cost: 1.0,
            gradient: 1.0,
            hessian: 1.0,
            product: 1.0,
            residual: 1.0,
            jacobian: 1.0,
        }
    }
}

impl Prices {
    /// What these counts cost.
    pub fn of(&self, counts: &Counts) -> f64 {
        self.cost * counts.cost as f64
            + self.gradient * counts.gradient as f64
            + self.hessian * counts.hessian as f64
            + self.product * counts.product as f64
            + self.residual * counts.residual as f64
            + self.jacobian * counts.jacobian as f64
    }
}
