//! The way from scores to x: rows without a say, components, polish, verdict.

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use crate::error::{Error, trial};
use crate::geometry::{Model, Signs};
use crate::recover::scores::loose::{Loose, coefficients, reduced, rows, select, select_signs};
use crate::recover::scores::obstacles::{first_obstacle, infeasible};
use crate::recover::scores::part::{Outcome, Part, Solved};
use crate::recover::scores::structure::{Structure, column_units, echelon};
use crate::recover::scores::{overfull, polish, sparse};
use crate::recover::{Observer, Recovery, Status, matched, report, signs};
use crate::scalar::{Scalar, to_f64};

/// A misfit of the scores that noise does not explain, but wrong signs do.
const WRONG_SIGNS: f64 = 1e-2;

/// What is asked.
pub(crate) struct Route<T: Scalar> {
    pub(crate) model: Model<T>,
    pub(crate) target: Arc<DVector<T>>,
    /// Signs of the slacks, where they are known.
    pub(crate) signs: Option<Signs>,
    pub(crate) seed: u64,
    pub(crate) max_iters: usize,
    /// Where the model is a part of a larger one: its rows' numbers there.
    pub(crate) rows: Option<Arc<Vec<usize>>>,
}

/// The components' coefficients put together.
pub(super) struct Assembled<T: Scalar> {
    pub(super) x: DVector<T>,
    pub(super) signs: Signs,
    /// For each component whose b lies in its column space, its number, how x
    /// may move, and how far b lies off.
    pub(super) lines: Vec<(usize, DVector<T>, f64)>,
}

/// What was done so far.
pub(super) struct Tally {
    pub(super) iterations: usize,
    pub(super) evaluations: usize,
    pub(super) method: String,
}

impl Tally {
    /// A recovery that this led to.
    pub(super) fn of<T: Scalar>(&self, found: Recovery<T>) -> Recovery<T> {
        Recovery {
            iterations: self.iterations,
            evaluations: self.evaluations,
            method: self.method.clone(),
            ..found
        }
    }
}

impl<T: Scalar> Route<T> {
    pub(crate) fn run(self, observer: &mut Option<Observer<'_>>) -> Result<Recovery<T>, Error> {
        if let Some(signs) = self.signs.clone().filter(|_| sparse::applies(&self.model))
            && let Some(found) = self.by_pattern(&signs, observer)?
        {
            return Ok(found);
        }
        if self.signs.is_none() && self.model.avoids_squares() {
            let reason = "signs are not searched for where the Gram matrix is sparse and d above 1000: give the signs";
            return Ok(Recovery::new(Status::NotConverged, reason.to_string()));
        }
        let (loose, structure) = Loose::and_structure(&self.model, self.seed)?;
        let components = &structure.components;
        let end = first_obstacle(&self.model, &self.target, components, &loose)?;
        if let Some(end) = end {
            return Ok(end);
        }
        if loose.is_empty(self.model.nrows()) {
            drop(loose);
            return self.sure(self.recover(&structure, observer)?);
        }
        let signs = match &self.signs {
            Some(signs) => Some(select_signs::<T>(signs, &loose.rest)?),
            None => None,
        };
        let inner = Route {
            model: loose.reduced(&self.model)?,
            target: Arc::new(select(&self.target, &loose.rest)),
            signs,
            rows: Some(Arc::new(loose.rest.clone())),
            ..self
        };
        let structure = Loose::structure_left(&inner.model, inner.seed)?;
        let found = inner.recover(&structure, observer)?;
        let found = inner.sure(found)?;
        loose.embed(&self.model, self.signs.as_ref(), found)
    }

    /// The number, from 1, that row i goes by.
    fn row(&self, i: usize) -> usize {
        self.rows.as_ref().map_or(i, |rows| rows[i]) + 1
    }

    /// That signs which were searched for are told by the scores.
    fn sure(&self, found: Recovery<T>) -> Result<Recovery<T>, Error> {
        match self.signs {
            None => signs::told(&self.model, &self.target, |i| self.row(i), found),
            Some(_) => Ok(found),
        }
    }

    /// Every row has its say here.
    pub(super) fn recover(
        &self,
        structure: &Structure<T>,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Recovery<T>, Error> {
        let components = &structure.components;
        let several = components.count() > 1;
        let mut outcomes = Vec::with_capacity(components.count());
        for k in 0..components.count() {
            outcomes.push(self.component(structure, k, observer)?);
        }
        let iterations = outcomes.iter().map(|o| o.iterations).sum::<usize>();
        let evaluations = outcomes.iter().map(|o| o.evaluations).sum::<usize>();
        let mut method = outcomes.first().map_or(String::new(), |o| o.method.clone());
        if several {
            method = format!("{} components; {method}", components.count());
        }
        let tally = Tally {
            iterations,
            evaluations,
            method,
        };
        if outcomes.iter().any(|o| o.found.is_err()) {
            return Ok(tally.of(self.without(structure, outcomes)?));
        }
        let mut parts = Vec::with_capacity(outcomes.len());
        let mut log_weights = DVector::zeros(0);
        for (k, outcome) in outcomes.into_iter().enumerate() {
            parts.extend(outcome.found.ok());
            if components.is_one() {
                log_weights = outcome.log_weights;
                continue;
            }
            if k == 0 {
                log_weights = DVector::zeros(self.model.nrows());
            }
            let own = components.rows(k);
            for (&i, &y) in own.iter().zip(outcome.log_weights.iter()) {
                log_weights[i] = y;
            }
        }
        let assembled = self.assemble(structure, parts)?;
        let found = self.finish(structure, assembled, &log_weights, (tally, false), observer)?;
        found.ok_or(Error::Singular {
            what: "design matrix",
        })
    }

    /// From a point to the verdict on it; `None` where the Gram matrix is sparse and
    /// its factor does not bear it.
    pub(super) fn finish(
        &self,
        structure: &Structure<T>,
        Assembled { x, signs, lines }: Assembled<T>,
        log_weights: &DVector<T>,
        (mut tally, by_pattern): (Tally, bool),
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Option<Recovery<T>>, Error> {
        // x → σ(x) = τ to rounding.
        tally.method.push_str(", Gauss–Newton");
        if trial(self.model.at(&x))?.is_none() {
            let off = self.model.slack(&x)?.iter().all(|s| *s != T::zero());
            if off && by_pattern {
                return Ok(None);
            }
            let reason = "no x has these scores: the best fit lies on the hyperplane of a row, where they are not defined".to_string();
            return Ok(Some(tally.of(self.refused(
                structure,
                log_weights,
                reason,
            )?)));
        }
        let mut on_step = |k, r: T| report(observer, "polish", k, to_f64(r));
        let polished = if by_pattern {
            let units = sparse::units(&self.model)?;
            let flat = sparse::flat(&lines, &units);
            let way = sparse::Way::new(&self.model, &self.target, &structure.components, &flat)?;
            match way {
                Some(way) => sparse::polish(&way, x, on_step)?,
                None => None,
            }
        } else {
            let held = held(&lines, &column_units(self.model.design())?);
            let way = polish::polish;
            Some(way(&self.model, &self.target, x, &held, &mut on_step)?)
        };
        let Some(polished) = polished else {
            return Ok(None);
        };
        let residual = Some(polished.residual);
        let (status, reason) = self.judge(structure, &polished, &signs)?;
        let found = match status {
            Status::Recovered => Recovery {
                directions: lines.iter().map(|(_, h, _)| h.clone()).collect(),
                ..self.with_lines(structure, &lines, reason)
            },
            Status::Infeasible => self.refused(structure, log_weights, reason)?,
            _ => match self.overfull(structure, log_weights)? {
                Some(end) => end,
                None => Recovery::new(status, reason),
            },
        };
        let mut errors = polished.errors;
        for (j, error) in errors.iter_mut().enumerate() {
            if !found.determines(j) || !error.is_finite() {
                *error = T::one() / T::zero();
            }
        }
        tally.iterations += polished.iterations;
        tally.evaluations += polished.evaluations;
        let none = found.status == Status::Infeasible || found.infeasibility.is_some();
        Ok(Some(Recovery {
            x: (!none).then_some(polished.x),
            residual: residual.filter(|r| r.is_finite()),
            errors: (!none).then_some(errors),
            ..tally.of(found)
        }))
    }

    fn component(
        &self,
        structure: &Structure<T>,
        k: usize,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Outcome<T>, Error> {
        if structure.components.count() == 1 {
            return self.solve(observer);
        }
        self.of_component(structure, k)?.solve(observer)
    }

    fn solve(&self, observer: &mut Option<Observer<'_>>) -> Result<Outcome<T>, Error> {
        let part = Part {
            model: &self.model,
            target: &self.target,
            signs: self.signs.clone(),
            seed: self.seed,
            max_iters: self.max_iters,
        };
        part.solve(observer)
    }

    /// A component by itself, in coordinates of its space.
    pub(super) fn of_component(&self, structure: &Structure<T>, k: usize) -> Result<Self, Error> {
        let own = structure.components.rows(k);
        let signs = match &self.signs {
            Some(signs) => Some(select_signs::<T>(signs, &own)?),
            None => None,
        };
        Ok(Route {
            model: reduced(&self.model, &own, &structure.spaces[k])?,
            target: Arc::new(select(&self.target, &own)),
            signs,
            seed: self.seed,
            max_iters: self.max_iters,
            rows: Some(Arc::new(own.iter().map(|&i| self.row(i) - 1).collect())),
        })
    }

    fn assemble(
        &self,
        structure: &Structure<T>,
        parts: Vec<Solved<T>>,
    ) -> Result<Assembled<T>, Error> {
        let units = column_units(self.model.design())?;
        let mut x = DVector::zeros(self.model.dim());
        let mut signs = DVector::from_element(self.model.nrows(), T::one());
        let mut lines = Vec::new();
        for (k, part) in parts.into_iter().enumerate() {
            let space = &structure.spaces[k];
            x += space * part.y;
            for (at, i) in structure.components.rows(k).into_iter().enumerate() {
                signs[i] = part.signs.sign(at);
            }
            if let Some(line) = part.line {
                let line = DMatrix::from_columns(&[space * line]);
                let clean = echelon(&line, &units).basis;
                if clean.ncols() == 1 {
                    lines.push((k, clean.column(0).into_owned(), part.distance));
                }
            }
        }
        Ok(Assembled {
            x,
            signs: Signs::of(&signs)?,
            lines,
        })
    }

    /// No x was found to have the scores: with a proof, if there is one.
    pub(super) fn refused(
        &self,
        structure: &Structure<T>,
        log_weights: &DVector<T>,
        reason: String,
    ) -> Result<Recovery<T>, Error> {
        let proved = self.overfull(structure, log_weights)?;
        Ok(proved.unwrap_or_else(|| Recovery::new(Status::Infeasible, reason)))
    }

    pub(super) fn overfull(
        &self,
        structure: &Structure<T>,
        log_weights: &DVector<T>,
    ) -> Result<Option<Recovery<T>>, Error> {
        let components = &structure.components;
        let proof = overfull::find(&self.model, components, &self.target, log_weights)?;
        Ok(proof.map(|proof| infeasible(Some(proof), String::new())))
    }

    fn with_lines(
        &self,
        structure: &Structure<T>,
        lines: &[(usize, DVector<T>, f64)],
        matched: String,
    ) -> Recovery<T> {
        if lines.is_empty() {
            return Recovery::new(Status::Recovered, matched);
        }
        let d = self.model.dim();
        let one = |(k, h, distance): &(usize, DVector<T>, f64)| {
            let moved: Vec<usize> = (0..d).filter(|&j| h[j] != T::zero()).collect();
            let whose = match structure.components.count() {
                1 => "b".to_string(),
                _ => format!("in {} b", rows(&structure.components.rows(*k))),
            };
            let near = match *distance {
                0.0 => String::new(),
                distance => format!(" (to {distance:.1e}, relative)"),
            };
            let what = coefficients(&moved, "is", "are");
            format!(
                "{whose} lies in the column space of A{near}, so that {what} known only up to a line"
            )
        };
        let all: Vec<String> = lines.iter().map(one).collect();
        let reason = format!("{}; at the point given {matched}", all.join("; "));
        Recovery::new(Status::Undetermined, reason)
    }

    pub(super) fn judge(
        &self,
        structure: &Structure<T>,
        polished: &polish::Polished<T>,
        signs: &Signs,
    ) -> Result<(Status, String), Error> {
        let residual = to_f64(polished.residual);
        let given = self.signs.is_some();
        let slack = self.model.slack(&polished.x)?;
        let disagreement = structure.components.first_disagreement(signs, &slack);
        if given && (disagreement.is_some() || !(residual <= WRONG_SIGNS)) {
            let row = disagreement.map_or(String::new(), |i| format!(" (row {})", self.row(i)));
            let reason = format!("no x with the signs given has these scores{row}");
            return Ok((Status::Infeasible, reason));
        }
        if !matched(polished.residual) {
            let reason = format!(
                "no x has these scores exactly: the best fit found differs by {residual:.1e}, relative"
            );
            return Ok((Status::TooNoisy, reason));
        }
        let flipped = given && signs.first_violation(&slack).is_some();
        let remark = if flipped {
            "; all slacks of a component have the opposite of the signs given"
        } else {
            ""
        };
        Ok((
            Status::Recovered,
            format!("the scores are matched to {residual:.1e}, relative{remark}"),
        ))
    }
}

/// One coefficient for each line, so that with those held x cannot move along
/// any: the largest along it that no other holds.
pub(super) fn held<T: Scalar>(
    lines: &[(usize, DVector<T>, f64)],
    units: &DVector<T>,
) -> Vec<usize> {
    if lines.is_empty() {
        return Vec::new();
    }
    let columns: Vec<DVector<T>> = lines.iter().map(|(_, h, _)| h.clone()).collect();
    echelon(&DMatrix::from_columns(&columns), units).pivots
}
