//! What an audit found.

use super::errors::Chosen;
use super::{Attacker, Errors, LeastSquares, Level, Publication, Verdict, words};

/// How attacks at one level ended, as shares of the trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Without an answer.
    pub refused: f64,
    /// With several answers, or a line of them.
    pub ambiguous: f64,
    /// With an answer on the wrong side of some row.
    pub wrong_signs: f64,
}

/// One attacker at one level.
#[derive(Debug, Clone)]
pub struct Row {
    /// How precisely it was published.
    pub level: Level,
    /// Who attacked.
    pub attacker: Attacker,
    /// ω of the noise, see [`Spread`](crate::recover::Spread): how far first order
    /// can be trusted. None where x is not determined to first order.
    pub omega: Option<f64>,
    /// Whether ω is within what is trusted.
    pub linear: bool,
    /// Root mean square errors to first order.
    pub predicted: Option<Errors>,
    /// Root mean square errors of the trials with an answer.
    pub simulated: Option<Errors>,
    /// The 68.3 % quantiles of the same: the standard deviation where errors are
    /// normal, and blind to the few that are far off.
    pub typical: Option<Errors>,
    /// Errors of the answer to the target as it would really be rounded: a single
    /// realisation, and of an attacker who cannot know how lucky it was.
    pub actual: Option<Errors>,
    /// How the trials ended.
    pub shares: Shares,
}

impl Row {
    /// The smallest of the predicted, simulated and typical errors.
    pub fn judged(&self) -> Option<Errors> {
        let known = [&self.predicted, &self.simulated, &self.typical];
        let mut known = known.into_iter().flatten();
        let first = known.next()?.clone();
        known.try_fold(first, |least, errors| least.least(errors))
    }

    /// Whether every chosen error is at least the tolerance. Where first order says
    /// nothing, nothing is protected: only our attack has failed.
    pub(super) fn protects(&self, chosen: &Chosen, tolerance: f64) -> bool {
        let smallest = self.judged().and_then(|e| e.smallest(chosen));
        self.predicted.is_some() && smallest.is_some_and(|e| e >= tolerance)
    }
}

/// The findings about one publication of one x.
#[derive(Debug, Clone)]
pub struct Report {
    /// What would be published.
    pub publication: Publication,
    /// n and d.
    pub shape: (usize, usize),
    /// Names of the coefficients.
    pub names: Vec<String>,
    /// The relative error that an attacker must be left with.
    pub tolerance: f64,
    /// Recoveries behind each simulated number.
    pub trials: usize,
    /// The seed of their errors.
    pub seed: u64,
    /// What anybody has without the publication.
    pub least_squares: LeastSquares,
    /// A row per level and attacker, coarse levels first.
    pub rows: Vec<Row>,
    /// What each attacker leaves room for.
    pub verdicts: Vec<Verdict>,
}

impl Report {
    /// The row of a level and an attacker.
    pub fn row(&self, level: Level, attacker: Attacker) -> Option<&Row> {
        let same = |r: &&Row| r.level == level && r.attacker == attacker;
        self.rows.iter().find(same)
    }

    /// The rows of an attacker, coarse levels first.
    pub fn rows_of(&self, attacker: Attacker) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |r| r.attacker == attacker)
    }

    /// The verdict on an attacker.
    pub fn verdict(&self, attacker: Attacker) -> Option<&Verdict> {
        self.verdicts.iter().find(|v| v.attacker == attacker)
    }

    /// Coefficients, counted from 0, that least squares gives to within the
    /// tolerance: no rounding protects them.
    pub fn exposed(&self) -> Vec<usize> {
        let errors = &self.least_squares.errors.coefficients;
        (0..errors.len())
            .filter(|&j| !(errors[j] >= self.tolerance))
            .collect()
    }

    /// Whether least squares gives the predictions to within the tolerance.
    pub fn predictions_exposed(&self) -> bool {
        !(self.least_squares.errors.predictions >= self.tolerance)
    }

    /// Whether a row leaves every coefficient and the predictions at least the
    /// tolerance away from its attacker and from least squares.
    pub fn protects(&self, row: &Row) -> bool {
        let nothing = self.exposed().is_empty() && !self.predictions_exposed();
        nothing && row.protects(&self.spared(), self.tolerance)
    }

    /// The same for what least squares does not give already.
    pub fn protects_the_rest(&self, row: &Row) -> bool {
        row.protects(&self.spared(), self.tolerance)
    }

    /// Whether the attacker has some coefficient, or the predictions, better than
    /// least squares has them.
    pub fn adds(&self, row: &Row) -> bool {
        let base = &self.least_squares.errors;
        row.judged().is_none_or(|errors| {
            let mut pairs = errors.all().zip(base.all());
            pairs.any(|(e, b)| e < b)
        })
    }

    /// What least squares does not give.
    pub(super) fn spared(&self) -> Chosen {
        let exposed = self.exposed();
        let d = self.least_squares.errors.coefficients.len();
        Chosen {
            coefficients: (0..d).filter(|j| !exposed.contains(j)).collect(),
            predictions: !self.predictions_exposed(),
        }
    }

    /// The findings in words, a sentence or two each.
    pub fn sentences(&self) -> Vec<String> {
        words::sentences(self)
    }
}
