//! Noisy scores of components whose b lies in their column space.
//!
//! Such a component leaves its part of x on a line (see `scores::flat`), whose
//! direction is fitted to the noise; the other components are recovered by
//! themselves, with intervals.

use nalgebra::{DMatrix, DVector};

use crate::error::{Error, trial};
use crate::geometry::{Model, Signs};
use crate::recover::noise::chi_square::upper_tail;
use crate::recover::noise::feasible::{nearest, relative_errors};
use crate::recover::noise::misfit::{Misfit, fit};
use crate::recover::noise::noisy::{IMPROBABLE, NoisyScores, QUANTILE};
use crate::recover::noise::noisy_signs::Magnitudes;
use crate::recover::noise::noisy_target::read;
use crate::recover::scores::flat::{self, Distance};
use crate::recover::scores::loose::{Loose, coefficients, part, rows, select, select_signs};
use crate::recover::scores::structure::{Components, Structure, column_units, echelon, unit_rows};
use crate::recover::scores::{SignKnowledge, weights};
use crate::recover::{Observer, Recovery, Status};
use crate::scalar::{Scalar, real, to_f64};

/// A point of a component's line, and a way along it.
type Line<T> = (DVector<T>, DVector<T>);

impl<T: Scalar> NoisyScores<'_, T> {
    /// Recovers, where every row has its say.
    pub(super) fn with_lines(
        &self,
        structure: &Structure<T>,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Recovery<T>, Error> {
        let components = &structure.components;
        let (mut lines, mut others) = (Vec::new(), Vec::new());
        for k in 0..components.count() {
            let model = self.of_component(structure, k)?;
            let sizes = unit_rows(model.design(), &column_units(model.design())?)?;
            let distance = flat::distance(&model, &sizes)?;
            if distance.is_zero() {
                lines.push((k, model, distance));
            } else {
                others.push(k);
            }
        }
        if lines.is_empty() {
            return self.recover(components, observer);
        }
        let d = self.model.dim();
        let mut x = DVector::zeros(d);
        let mut open = vec![false; d];
        let (mut directions, mut words) = (Vec::new(), Vec::new());
        let mut failed = None;
        for (k, model, distance) in lines {
            let space = &structure.spaces[k];
            for (open, row) in open.iter_mut().zip(space.row_iter()) {
                *open |= row.iter().any(|v| *v != T::zero());
            }
            let own = components.rows(k);
            let whose = match components.count() {
                1 => "b".to_string(),
                _ => format!("in {} b", rows(&own)),
            };
            match self.line(&model, &own, distance)? {
                Ok((point, way)) => {
                    x += space * (point + &way);
                    let units = column_units(self.model.design())?;
                    let h = echelon(&DMatrix::from_columns(&[space * way]), &units).basis;
                    let moved: Vec<usize> = (0..d)
                        .filter(|&j| h.row(j).iter().any(|v| *v != T::zero()))
                        .collect();
                    directions.extend(h.column_iter().map(|h| h.into_owned()));
                    words.push(format!(
                        "{whose} lies in the column space of A, so that {} known only up to a line",
                        coefficients(&moved, "is", "are")
                    ));
                }
                Err((status, reason)) => {
                    failed = Some(status);
                    words.push(format!(
                        "{whose} lies in the column space of A, so that x is known only up to a line, which was not found: {reason}"
                    ));
                }
            }
        }
        let reason = words.join("; ");
        if let Some(status) = failed {
            let mut end = Recovery::new(status, reason);
            end.directions = directions;
            return Ok(end);
        }
        let mut found = if others.is_empty() {
            let mut end = Recovery::new(Status::Undetermined, reason);
            end.method = "row weights by Newton, Levenberg–Marquardt weighted by the noise".into();
            end.errors = Some(DVector::zeros(d));
            end.x = Some(x);
            end
        } else {
            let mut end = self.others(structure, &others, &x, observer)?;
            end.reason = match end.status {
                Status::Recovered => format!("{reason}; for the rest {}", end.reason),
                _ => format!("{}; {reason}", end.reason),
            };
            if end.status == Status::Recovered {
                end.status = Status::Undetermined;
            }
            end
        };
        let widths = found.uncertainty.as_mut().map(|u| &mut u.half_widths);
        for errors in found.errors.iter_mut().chain(widths) {
            for (error, _) in errors.iter_mut().zip(&open).filter(|(_, open)| **open) {
                *error = T::one() / T::zero();
            }
        }
        if found.status != Status::Infeasible {
            found.directions = directions;
        }
        Ok(found)
    }

    /// The model of one component, in coordinates of its own.
    fn of_component(&self, structure: &Structure<T>, k: usize) -> Result<Model<T>, Error> {
        if structure.components.count() == 1 && structure.components.of(0).is_some() {
            return Ok(self.model.clone());
        }
        let own = structure.components.rows(k);
        let a = part(self.model, &own)? * &structure.spaces[k];
        Model::new(a, select(self.model.rhs(), &own))
    }

    fn signs_of_rows(&self, own: &[usize]) -> Result<SignKnowledge, Error> {
        Ok(match self.signs {
            SignKnowledge::Unknown => SignKnowledge::Unknown,
            SignKnowledge::Known(signs) => SignKnowledge::Known(select_signs::<T>(signs, own)?),
        })
    }

    /// The line of a component, or why there is none.
    fn line(
        &self,
        model: &Model<T>,
        own: &[usize],
        distance: Distance<T>,
    ) -> Result<Result<Line<T>, (Status, String)>, Error> {
        let no = |status, reason: &str| Ok(Err((status, reason.to_string())));
        let noise = self.noise.of_rows(own);
        let reading = read(model, &select(self.target, own), &noise)?;
        if reading.known.iter().any(|known| !known) {
            return no(Status::Undetermined, "not all of its scores are known");
        }
        let whitening = noise.whitening(&reading, true)?;
        let one = Components::one(model.nrows(), model.dim());
        let target = nearest(&reading, &one, &reading.values);
        let weights = weights::solve(model.design(), &one, &target, self.max_iters, |_, _| {})?;
        let sizes = &weights.magnitudes;
        let signs: Signs = match self.signs_of_rows(own)? {
            SignKnowledge::Known(signs) => signs,
            SignKnowledge::Unknown => {
                let relative = relative_errors(&reading, &target);
                let magnitudes = Magnitudes {
                    model,
                    components: &one,
                    sizes,
                    relative: &relative,
                };
                let errors = magnitudes.errors(&reading)?;
                match flat::signs(model, sizes, Some(&errors), self.seed)? {
                    Ok(signs) => signs,
                    Err(end) => return Ok(Err((end.status, end.reason))),
                }
            }
        };
        let way = flat::line(model, sizes, &signs)?.x;
        // As without noise: slacks of the size of b, where it has any.
        let size = model.rhs().amax() / sizes.amax();
        let size = if size > T::zero() { size } else { T::one() };
        let misfit = Misfit::new(model, &reading, &whitening, None)?;
        let start = &distance.x + way * size;
        let Some(fit) = trial(fit(&misfit, &start))?.filter(|f| f.square.is_finite()) else {
            return no(
                Status::TooNoisy,
                "the linear fit lies on the hyperplane of a row",
            );
        };
        let explained = if noise.is_exact() {
            noise.is_match(fit.square)
        } else {
            // One coefficient less is fitted than there are.
            upper_tail(to_f64(fit.tested), fit.degrees + 1) >= IMPROBABLE
        };
        if !explained {
            let reason = "no x found has its scores up to the noise stated";
            return no(Status::TooNoisy, reason);
        }
        let slack = model.slack(&fit.x)?;
        let given = *self.signs != SignKnowledge::Unknown;
        if given && one.first_disagreement(&signs, &slack).is_some() {
            let reason = "no x with the signs given has its scores, up to their noise";
            return no(Status::Infeasible, reason);
        }
        let way = fit.x - &distance.x;
        Ok(Ok((distance.x, way)))
    }

    /// The components that determine their part of x, beside what is known of
    /// the others.
    fn others(
        &self,
        structure: &Structure<T>,
        others: &[usize],
        beside: &DVector<T>,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Recovery<T>, Error> {
        let among = |i: &usize| {
            structure
                .components
                .of(*i)
                .is_some_and(|k| others.contains(&k))
        };
        let own: Vec<usize> = (0..self.model.nrows()).filter(among).collect();
        let columns: Vec<DVector<T>> = others
            .iter()
            .flat_map(|&k| structure.spaces[k].column_iter())
            .map(|c| c.into_owned())
            .collect();
        let space = DMatrix::from_columns(&columns);
        let a = part(self.model, &own)? * &space;
        let model = Model::new(a, select(self.model.rhs(), &own))?;
        let inner = NoisyScores {
            model: &model,
            target: &select(self.target, &own),
            noise: &self.noise.of_rows(&own),
            signs: &self.signs_of_rows(&own)?,
            ..*self
        };
        let structure = Loose::structure_left(&model, self.seed)?;
        let mut found = inner.recover(&structure.components, observer)?;
        found.x = found.x.map(|y| beside + &space * y);
        if let Some(solutions) = &mut found.solutions {
            let listed = solutions.listed.iter();
            solutions.listed = listed.map(|y| beside + &space * y).collect();
        }
        found.errors = found.errors.map(|e| space.abs() * e);
        if let Some(u) = &mut found.uncertainty {
            u.covariance = &space * &u.covariance * space.transpose();
            let widths = u.covariance.diagonal();
            u.half_widths = widths.map(|v| v.max(T::zero()).sqrt() * real(QUANTILE));
            found.errors = Some(u.half_widths.clone());
        }
        Ok(found)
    }
}
