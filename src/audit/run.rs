//! The audit itself.

use nalgebra::DVector;

use super::attack::Attack;
use super::errors::{Chosen, Errors, Scales};
use super::report::{Report, Row};
use super::trials::{Bench, Simulated};
use super::verdict::{self, SafeNoise, Verdict};
use super::{Attacker, Level, Publication};
use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::recover::ScoreRecovery;

/// Digits audited by default: of f64's sixteen the last ones are lost to the
/// recovery's own rounding, and nobody prints them.
pub const DIGITS: std::ops::RangeInclusive<u32> = 1..=12;
/// Recoveries behind each simulated number by default: a root mean square is then
/// good to 7 %, one standard deviation, and the audit of twenty rows takes seconds.
pub const TRIALS: usize = 100;
/// At most; each keeps d + 2 numbers.
pub const MAX_TRIALS: usize = 1_000_000;
/// At least, for quantiles to mean something.
const MIN_TRIALS: usize = 10;
/// The error that an attacker is to be left with by default, relative. At a tenth
/// the leading digit of a coefficient is still in doubt: what is said of the model
/// in one digit is about all that is known.
pub const TOLERANCE: f64 = 0.1;
/// Where first order fails, larger deviations are tried by this factor …
const GROWTH: f64 = 1.5;
/// … so many times: 25-fold in all.
const GROWTHS: usize = 8;

/// How much would a publication leak of a secret x that is known here?
///
/// See [the module](super) for what is measured and what a verdict means.
///
/// # Complexity
/// A recovery per level, attacker and trial, in parallel over trials. Memory
/// O(nd) for each thread.
pub struct Audit {
    publication: Publication,
    model: Model<f64>,
    x: DVector<f64>,
    target: DVector<f64>,
    truth: Signs,
    names: Vec<String>,
    levels: Vec<Level>,
    attackers: Vec<Attacker>,
    trials: usize,
    seed: u64,
    tolerance: f64,
}

impl Audit {
    /// Of publishing the n leverage scores at x.
    ///
    /// # Errors
    /// Those of [`Model::at`], and of units that
    /// [`ScoreRecovery`] refuses.
    pub fn scores(model: &Model<f64>, x: &DVector<f64>) -> Result<Self, Error> {
        let audit = Audit::new(Publication::Scores, model, x)?;
        // In other units every attack would fail, which protects nothing.
        ScoreRecovery::new(model, audit.target.clone())?;
        Ok(audit)
    }

    /// Of publishing their gradient at x, d numbers.
    ///
    /// # Errors
    /// Those of [`Model::at`]; [`Error::EntryOutOfRange`] for an entry that is
    /// zero, which has no significant digits.
    pub fn gradient(model: &Model<f64>, x: &DVector<f64>) -> Result<Self, Error> {
        let audit = Audit::new(Publication::Gradient, model, x)?;
        if let Some(index) = audit.target.iter().position(|g| *g == 0.0) {
            return Err(Error::EntryOutOfRange {
                what: "gradient at x",
                index,
                value: 0.0,
                range: "no zero, of which significant digits say nothing",
            });
        }
        Ok(audit)
    }

    fn new(publication: Publication, model: &Model<f64>, x: &DVector<f64>) -> Result<Self, Error> {
        let target = publication.at(model, x)?;
        let names = (1..=model.dim()).map(|j| format!("x{j}")).collect();
        Ok(Audit {
            publication,
            model: model.clone(),
            x: x.clone(),
            target,
            truth: Signs::of(&model.slack(x)?)?,
            names,
            levels: DIGITS.map(Level::Digits).collect(),
            attackers: Attacker::ALL.to_vec(),
            trials: TRIALS,
            seed: 0,
            tolerance: TOLERANCE,
        })
    }

    /// Names of the coefficients, for the report. By default x1, x2, …
    ///
    /// # Errors
    /// [`Error::Shape`] unless there are d.
    pub fn names(mut self, names: Vec<String>) -> Result<Self, Error> {
        let (expected, found) = (self.model.dim(), names.len());
        if found != expected {
            return Err(Error::Shape {
                what: "names",
                unit: "entries",
                expected,
                found,
            });
        }
        self.names = names;
        Ok(self)
    }

    /// The precisions to audit, in any order; coarse ones come first in the report,
    /// and each once. By default [`DIGITS`].
    ///
    /// # Errors
    /// [`Error::Empty`] without any, [`Error::OutOfRange`] for digits and
    /// deviations that are no [`Noise`](crate::recover::Noise).
    pub fn levels(mut self, levels: impl IntoIterator<Item = Level>) -> Result<Self, Error> {
        let mut levels: Vec<Level> = levels.into_iter().collect();
        if levels.is_empty() {
            return Err(Error::Empty {
                what: "list of levels",
                rows: 0,
                columns: 1,
            });
        }
        levels.iter().try_for_each(|l| l.check(self.publication))?;
        levels.sort_by(|a, b| b.deviation().total_cmp(&a.deviation()));
        levels.dedup();
        self.levels = levels;
        Ok(self)
    }

    /// Whose attacks to try. By default both.
    ///
    /// # Errors
    /// [`Error::Empty`] without any.
    pub fn attackers(
        mut self,
        attackers: impl IntoIterator<Item = Attacker>,
    ) -> Result<Self, Error> {
        let chosen: Vec<Attacker> = attackers.into_iter().collect();
        // In one order, each once.
        self.attackers = Attacker::ALL
            .into_iter()
            .filter(|a| chosen.contains(a))
            .collect();
        if self.attackers.is_empty() {
            return Err(Error::Empty {
                what: "list of attackers",
                rows: 0,
                columns: 1,
            });
        }
        Ok(self)
    }

    /// Recoveries behind each simulated number. By default [`TRIALS`].
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless there are 10 to [`MAX_TRIALS`].
    pub fn trials(mut self, trials: usize) -> Result<Self, Error> {
        if !(MIN_TRIALS..=MAX_TRIALS).contains(&trials) {
            return Err(Error::OutOfRange {
                name: "trials",
                value: trials as f64,
                range: "between 10 and 1000000",
            });
        }
        self.trials = trials;
        Ok(self)
    }

    /// Seeds the errors of the trials; equal seeds give equal reports.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The relative error that an attacker is to be left with. By default
    /// [`TOLERANCE`].
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless it is positive and finite.
    pub fn tolerance(mut self, tolerance: f64) -> Result<Self, Error> {
        // `!(v > 0)` also refuses NaN.
        if !(tolerance > 0.0 && tolerance.is_finite()) {
            return Err(Error::OutOfRange {
                name: "tolerance",
                value: tolerance,
                range: "positive and finite",
            });
        }
        self.tolerance = tolerance;
        Ok(self)
    }

    /// Audits.
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn run(&self) -> Result<Report, Error> {
        self.run_watched(|_, _| {})
    }

    /// The same, told after each row how many of how many are done.
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn run_watched(&self, mut watch: impl FnMut(usize, usize)) -> Result<Report, Error> {
        let (scales, least_squares) = Scales::new(&self.model, &self.x)?;
        let bench = Bench {
            publication: self.publication,
            model: &self.model,
            target: &self.target,
            truth: &self.truth,
            scales: &scales,
            trials: self.trials,
            seed: self.seed,
        };
        let attacks = self
            .attackers
            .iter()
            .map(|&attacker| {
                let what = (self.publication, attacker);
                let fit = &least_squares.x;
                let attack =
                    Attack::new(what, &self.model, (&self.x, &self.truth), fit, self.seed)?;
                Ok((attacker, attack))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let mut report = Report {
            publication: self.publication,
            shape: (self.model.nrows(), self.model.dim()),
            names: self.names.clone(),
            tolerance: self.tolerance,
            trials: self.trials,
            seed: self.seed,
            least_squares,
            rows: Vec::new(),
            verdicts: Vec::new(),
        };
        let all = self.levels.len() * attacks.len();
        for &level in &self.levels {
            for (attacker, attack) in &attacks {
                report
                    .rows
                    .push(self.row(&bench, level, (*attacker, attack))?);
                watch(report.rows.len(), all);
            }
        }
        let chosen = report.spared();
        for (attacker, attack) in &attacks {
            let rows: Vec<&Row> = report.rows_of(*attacker).collect();
            let (level, exposed_at) = verdict::finest(&rows, &chosen, self.tolerance);
            report.verdicts.push(Verdict {
                attacker: *attacker,
                level,
                exposed_at,
                noise: self.safe_noise(&bench, attack, &chosen)?,
            });
        }
        Ok(report)
    }

    fn row(
        &self,
        bench: &Bench<'_>,
        level: Level,
        (attacker, attack): (Attacker, &Attack),
    ) -> Result<Row, Error> {
        let noise = level.noise(self.publication, &self.target)?;
        let spread = self.publication.spread(&self.model, &self.x, &noise)?;
        let omega = spread.as_ref().map(|s| s.omega);
        let Simulated {
            rms,
            typical,
            shares,
        } = bench.simulate(attack, level, &noise)?;
        let actual = match level.rounded(self.publication, &self.target) {
            Some(target) => bench.answer(attack, target, &noise)?,
            None => None,
        };
        Ok(Row {
            level,
            attacker,
            omega,
            linear: omega.is_some_and(|w| w <= self.publication.trusted()),
            predicted: spread.map(|s| bench.scales.predicted(&s)),
            simulated: rms,
            typical,
            actual,
            shares,
        })
    }

    /// Errors to first order are proportional to the deviation, so that one
    /// covariance gives the deviation that leaves the tolerance.
    fn safe_noise(
        &self,
        bench: &Bench<'_>,
        attack: &Attack,
        chosen: &Chosen,
    ) -> Result<Option<SafeNoise>, Error> {
        let unit = Level::Deviation(1.0).noise(self.publication, &self.target)?;
        let Some(spread) = self.publication.spread(&self.model, &self.x, &unit)? else {
            return Ok(None);
        };
        let smallest = bench.scales.predicted(&spread).smallest(chosen);
        let Some(per_unit) = smallest.filter(|e| *e > 0.0) else {
            return Ok(None);
        };
        let deviation = self.tolerance / per_unit;
        if Level::Deviation(deviation).check(self.publication).is_err() {
            return Ok(None);
        }
        let omega = spread.omega * deviation;
        let linear = omega <= self.publication.trusted();
        let own = match self.publication {
            Publication::Scores => self.target.variance().sqrt(),
            Publication::Gradient => 1.0,
        };
        // The simulation's own noise is excused where first order vouches for the
        // rest: root mean squares and quantiles are good to 1/√trials.
        let excused = self.tolerance * (1.0 - 3.0 / (self.trials as f64).sqrt());
        let tried = |sd: f64| -> Result<(Option<Errors>, bool), Error> {
            let level = Level::Deviation(sd);
            let noise = level.noise(self.publication, &self.target)?;
            let found = bench.simulate(attack, level, &noise)?;
            let errors = match (found.rms, found.typical) {
                (Some(rms), Some(typical)) => rms.least(&typical),
                _ => None,
            };
            let smallest = errors.as_ref().and_then(|e| e.smallest(chosen));
            let trusted = spread.omega * sd <= self.publication.trusted();
            let floor = if trusted { excused } else { self.tolerance };
            let confirmed = smallest.map_or(trusted, |e| e >= floor);
            Ok((errors, confirmed))
        };
        let (simulated, confirmed) = tried(deviation)?;
        let drowns = deviation >= own;
        let (mut sufficient, mut sd) = (None, deviation);
        for _ in 0..if confirmed || drowns { 0 } else { GROWTHS } {
            sd *= GROWTH;
            if tried(sd)?.1 {
                sufficient = Some(sd);
                break;
            }
        }
        Ok(Some(SafeNoise {
            deviation,
            omega,
            linear,
            simulated,
            confirmed,
            drowns,
            sufficient,
        }))
    }
}
