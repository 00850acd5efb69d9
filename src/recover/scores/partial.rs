//! The end where some component has no coefficients, or several.

use nalgebra::{DMatrix, DVector};

use crate::error::{Error, trial};
use crate::geometry::Model;
use crate::linalg::least_squares;
use crate::recover::scores::loose::rows;
use crate::recover::scores::obstacles::infeasible;
use crate::recover::scores::part::{Outcome, Solved};
use crate::recover::scores::route::{Route, held};
use crate::recover::scores::structure::{Structure, column_units, echelon};
use crate::recover::scores::{overfull, polish};
use crate::recover::signs::LISTED_LOG2;
use crate::recover::{Infeasibility, Recovery, Solutions, Status};
use crate::scalar::{Scalar, real};

/// Solutions of components are combined up to as many as one may list.
const LISTED: usize = 1 << LISTED_LOG2;

impl<T: Scalar> Route<T> {
    /// The end where some component has no coefficients, or several. What the
    /// others determine is told where that is all that is missing.
    pub(super) fn without(
        &self,
        structure: &Structure<T>,
        mut outcomes: Vec<Outcome<T>>,
    ) -> Result<Recovery<T>, Error> {
        let components = &structure.components;
        let several = components.count() > 1;
        let mut errors = Vec::with_capacity(outcomes.len());
        for (k, outcome) in outcomes.iter_mut().enumerate() {
            let settled = match &outcome.found {
                Ok(solved) => {
                    let log_weights = &outcome.log_weights;
                    Some(self.settled(structure, k, solved, log_weights)?)
                }
                Err(_) => None,
            };
            errors.push(None);
            match settled {
                Some(Ok((solved, own))) => {
                    errors[k] = Some(own);
                    outcome.found = Ok(solved);
                }
                Some(Err(end)) => outcome.found = Err(end),
                None => {}
            }
        }
        // What weighs more goes first: no x at all, then none found, then many.
        let weight = |status: Status| match status {
            Status::Infeasible => 0,
            Status::NotConverged => 1,
            Status::TooNoisy => 2,
            Status::Undetermined => 3,
            _ => 4,
        };
        let ends = outcomes.iter().enumerate();
        let ends = ends.filter_map(|(k, o)| o.found.as_ref().err().map(|end| (k, end)));
        let Some((k, end)) = ends.min_by_key(|(_, end)| weight(end.status)) else {
            let reason = "nothing was found".to_string();
            return Ok(Recovery::new(Status::NotConverged, reason));
        };
        let mut end = end.as_ref().clone();
        let own = components.rows(k);
        if let Some(Infeasibility::Overfull { rows, .. } | Infeasibility::Full { rows, .. }) =
            &mut end.infeasibility
        {
            rows.iter_mut().for_each(|i| *i = own[*i]);
            let proof = end.infeasibility.take();
            return Ok(Recovery {
                residual: end.residual,
                ..infeasible(proof.and_then(overfull::Overfull::of), end.reason)
            });
        }
        if several {
            end.reason = format!("component {} ({}): {}", k + 1, rows(&own), end.reason);
            (end.x, end.errors) = (None, None);
            end.directions.clear();
            end.solutions = combine(structure, &outcomes, self.model.dim());
            let listed = end.solutions.as_ref().is_some_and(|s| !s.listed.is_empty());
            if matches!(end.status, Status::Undetermined | Status::Ambiguous) && !listed {
                self.enter_determined(structure, &outcomes, &errors, &mut end)?;
            }
        }
        Ok(end)
    }

    /// A component's coefficients to rounding, and their errors; or how it ends.
    #[allow(clippy::type_complexity, reason = "one of two ends")]
    fn settled(
        &self,
        structure: &Structure<T>,
        k: usize,
        solved: &Solved<T>,
        log_weights: &DVector<T>,
    ) -> Result<Result<(Solved<T>, DVector<T>), Box<Recovery<T>>>, Error> {
        let inner = self.of_component(structure, k)?;
        let own = Structure::one(&inner.model)?;
        if trial(inner.model.at(&solved.y))?.is_none() {
            let reason = "no x has these scores: the best fit lies on the hyperplane of a row, where they are not defined".to_string();
            return Ok(Err(Box::new(inner.refused(&own, log_weights, reason)?)));
        }
        let line = solved.line.iter().map(|h| (0, h.clone(), 0.0));
        let held = held(
            &line.collect::<Vec<_>>(),
            &column_units(inner.model.design())?,
        );
        let y = solved.y.clone();
        let polished = polish::polish(&inner.model, &inner.target, y, &held, |_, _| {})?;
        let (status, reason) = inner.judge(&own, &polished, &solved.signs)?;
        Ok(match status {
            Status::Recovered => Ok((
                Solved {
                    y: polished.x,
                    signs: solved.signs.clone(),
                    line: solved.line.clone(),
                    distance: solved.distance,
                },
                polished.errors,
            )),
            Status::Infeasible => Err(Box::new(inner.refused(&own, log_weights, reason)?)),
            _ => Err(Box::new(Recovery::new(status, reason))),
        })
    }

    /// An x of which the components that were found are right; those that were not
    /// are anywhere, and free.
    fn enter_determined(
        &self,
        structure: &Structure<T>,
        outcomes: &[Outcome<T>],
        errors: &[Option<DVector<T>>],
        end: &mut Recovery<T>,
    ) -> Result<(), Error> {
        let units = column_units(self.model.design())?;
        let mut x = DVector::zeros(self.model.dim());
        let mut total = DVector::zeros(self.model.dim());
        let mut directions = Vec::new();
        for (k, outcome) in outcomes.iter().enumerate() {
            let space = &structure.spaces[k];
            if let (Ok(solved), Some(own)) = (&outcome.found, &errors[k]) {
                x += space * &solved.y;
                total += space.abs() * own;
                if let Some(h) = &solved.line {
                    let h = echelon(&DMatrix::from_columns(&[space * h]), &units).basis;
                    directions.extend(h.column_iter().map(|h| h.into_owned()));
                }
            } else {
                let inner = self.of_component(structure, k)?;
                x += space * any_point(&inner.model)?;
                directions.extend(space.column_iter().map(|h| h.into_owned()));
            }
        }
        // Nothing to tell, or no point.
        if outcomes.iter().all(|o| o.found.is_err()) || trial(self.model.at(&x))?.is_none() {
            return Ok(());
        }
        end.reason
            .push_str("; x is right but along the directions, which hold what was not found");
        end.directions = directions;
        for (j, error) in total.iter_mut().enumerate() {
            if !end.determines(j) || !error.is_finite() {
                *error = T::one() / T::zero();
            }
        }
        (end.x, end.errors) = (Some(x), Some(total));
        Ok(())
    }
}

/// Coefficients with no slack that is zero, but by accident: least squares, of
/// values irrationally off b.
fn any_point<T: Scalar>(model: &Model<T>) -> Result<DVector<T>, Error> {
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    let (n, size) = (model.nrows(), model.rhs().amax());
    let size = if size > T::zero() { size } else { T::one() };
    let shift = |i: usize| size * real::<T>(0.5 + (i as f64 * GOLDEN).fract());
    let values = DVector::from_fn(n, |i, _| model.rhs()[i] - shift(i));
    let ones = DVector::from_element(n, T::one());
    Ok(least_squares(model.design(), &ones, &values, T::zero())?.x)
}

/// Every combination of the components' solutions, if each has a list or is one.
fn combine<T: Scalar>(
    structure: &Structure<T>,
    outcomes: &[Outcome<T>],
    d: usize,
) -> Option<Solutions<T>> {
    let (mut log2, mut listed) = (0, vec![DVector::zeros(d)]);
    for (k, outcome) in outcomes.iter().enumerate() {
        let own = match &outcome.found {
            Ok(solved) => vec![solved.y.clone()],
            Err(end) => {
                let solutions = end.solutions.as_ref()?;
                // Not all of them may be told: then none is.
                log2 += solutions.log2;
                solutions.listed.clone()
            }
        };
        if listed.len() * own.len() > LISTED {
            listed.clear();
        }
        let images: Vec<DVector<T>> = own.iter().map(|y| &structure.spaces[k] * y).collect();
        listed = listed
            .iter()
            .flat_map(|x| images.iter().map(move |image| x + image))
            .collect();
    }
    Some(Solutions { log2, listed })
}
