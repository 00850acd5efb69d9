//! What a recovery starts from and what it comes to.

use std::sync::Arc;

use levinv::recover::{Noise, Recovery};
use levinv::solver::certificate::{Assumptions, Certificate};
use levinv::solver::{Counts, FullObjective};
use levinv::{DVector, GradientInversion, Model, ScoreInversion, Signs};

use super::args::TargetName;
use super::history::Row;

/// What there is to recover from, read and checked.
pub struct Problem {
    pub name: TargetName,
    pub model: Model<f64>,
    /// Shared with the recovery: n scores may be as much as memory holds.
    pub target: Arc<DVector<f64>>,
    pub signs: Given,
    pub start: Option<DVector<f64>>,
    pub ridge: Option<DVector<f64>>,
    pub noise: Option<Noise<f64>>,
}

/// What the user said about the signs.
pub enum Given {
    Unknown,
    Known(Signs),
}

/// A finished run, with all that is reported of it.
pub struct Finished {
    pub recovery: Recovery<f64>,
    pub value: Option<f64>,
    pub gradient_norm: Option<f64>,
    pub counts: Option<Counts>,
    pub history: Vec<Row>,
    pub seconds: f64,
    pub proof: Option<Proof>,
}

/// What is proved about a point, and with a ridge what the papers presuppose.
pub struct Proof {
    pub certificate: Certificate,
    pub assumptions: Option<Assumptions>,
}

/// The proof for a point; none where the loss has no derivatives.
pub fn proof(problem: &Problem, x: Option<&DVector<f64>>) -> Result<Option<Proof>, levinv::Error> {
    let Some(x) = x else {
        return Ok(None);
    };
    let start = problem.start.as_ref().unwrap_or(x);
    macro_rules! of {
        ($loss:expr) => {{
            let mut loss = $loss;
            if let Some(w) = &problem.ridge {
                loss = loss.with_ridge(w.clone())?;
            }
            let with_ridge = problem.ridge.as_ref();
            Certificate::of(&loss, x).and_then(|certificate| {
                // d×d matrices too, and d³ of work.
                let with_ridge = with_ridge.filter(|_| !problem.model.avoids_squares());
                let assumptions = with_ridge.map(|_| Assumptions::of(&loss, start, Some(x)));
                Ok(Proof {
                    certificate,
                    assumptions: assumptions.transpose()?,
                })
            })
        }};
    }
    let (model, target) = (&problem.model, DVector::clone(&problem.target));
    let proved = match problem.name {
        TargetName::Scores => of!(ScoreInversion::new(model, target)?),
        TargetName::Gradient => of!(GradientInversion::new(model, target)?),
    };
    match proved {
        Ok(proof) => Ok(Some(proof)),
        Err(levinv::Error::OutsideDomain { .. } | levinv::Error::ZeroSlack { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// The loss that a recovery minimises, restricted to the cell where that is
/// known and asked for.
pub fn objective(
    problem: &Problem,
    in_cell: bool,
) -> Result<Arc<dyn FullObjective<f64>>, levinv::Error> {
    macro_rules! finish {
        ($loss:expr) => {{
            let mut loss = $loss;
            if let Some(w) = &problem.ridge {
                loss = loss.with_ridge(w.clone())?;
            }
            if let (true, Given::Known(signs)) = (in_cell, &problem.signs) {
                loss = loss.in_cell(signs.clone())?;
            }
            Ok(Arc::new(loss))
        }};
    }
    let target = DVector::clone(&problem.target);
    match problem.name {
        TargetName::Scores => finish!(ScoreInversion::new(&problem.model, target)?),
        TargetName::Gradient => finish!(GradientInversion::new(&problem.model, target)?),
    }
}
