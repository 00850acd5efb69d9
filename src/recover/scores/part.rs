//! One component: scores → row weights → signs → its coefficients.

use nalgebra::DVector;

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::recover::scores::structure::{Components, column_units, unit_rows};
use crate::recover::scores::{flat, linear, obstacles, overfull, weights};
use crate::recover::signs::{self, Found};
use crate::recover::{Observer, Recovery, Status, matched, report};
use crate::scalar::{Scalar, real, to_f64};

/// b this near the column space, relative, leaves x on a line where the linear
/// step cannot tell it either.
const NEAR: f64 = 1e-9;

/// A connected model of rows with scores above 0 and below 1.
pub(crate) struct Part<'a, T: Scalar> {
    pub(crate) model: &'a Model<T>,
    pub(crate) target: &'a DVector<T>,
    pub(crate) signs: Option<Signs>,
    pub(crate) seed: u64,
    pub(crate) max_iters: usize,
}

/// What came of it.
pub(crate) struct Outcome<T: Scalar> {
    /// The coefficients, or how the search ended without them.
    pub(crate) found: Result<Solved<T>, Box<Recovery<T>>>,
    /// ln v, and with it the order in which rows may be overfull.
    pub(crate) log_weights: DVector<T>,
    pub(crate) iterations: usize,
    pub(crate) evaluations: usize,
    pub(crate) method: String,
}

/// A component's coefficients, not yet polished.
pub(crate) struct Solved<T: Scalar> {
    pub(crate) y: DVector<T>,
    pub(crate) signs: Signs,
    /// Where b lies in the column space: the way that y may move.
    pub(crate) line: Option<DVector<T>>,
    /// How far b lies from the column space, relative.
    pub(crate) distance: f64,
}

impl<T: Scalar> Part<'_, T> {
    pub(crate) fn solve(self, observer: &mut Option<Observer<'_>>) -> Result<Outcome<T>, Error> {
        let (model, target) = (self.model, self.target);
        let design = model.design();
        let one = Components::one(model.nrows(), model.dim());
        // σ → |s| up to a factor.
        let mut weights = weights::solve(design, &one, target, self.max_iters, |k, r| {
            report(observer, "weights", k, to_f64(r));
        })?;
        let sizes = unit_rows(design, &column_units(design)?)?;
        // Of rows brought to one size: those that go to infinity come first.
        let mut log_weights = std::mem::replace(&mut weights.log_weights, DVector::zeros(0));
        log_weights.zip_apply(&sizes, |y, w| *y -= w.ln() * real(2.0));
        let mut outcome = Outcome {
            found: Err(Box::new(Recovery::new(Status::NotConverged, String::new()))),
            log_weights,
            iterations: weights.iterations,
            evaluations: weights.evaluations,
            method: "row weights by Newton".into(),
        };
        if !weights.converged {
            let proof = overfull::find(model, &one, target, &outcome.log_weights)?;
            let mut end = match proof {
                Some(proof) => obstacles::infeasible(Some(proof), String::new()),
                None => unconverged(&weights),
            };
            end.residual = Some(weights.residual).filter(|r| r.is_finite());
            outcome.method = "row weights".into();
            outcome.found = Err(Box::new(end));
            return Ok(outcome);
        }
        let distance = flat::distance(model, &sizes)?;
        drop(sizes);
        let mut is_flat = distance.is_zero();
        let magnitudes = &weights.magnitudes;
        // |s| → y.
        let (signs, linear) = if let Some(signs) = self.signs {
            outcome
                .method
                .push_str(", least squares with the given signs");
            let linear = linear::solve(model, magnitudes, &signs, &one)?;
            (signs, Some(linear))
        } else if is_flat {
            outcome.method.push_str(", signs of a line");
            match flat::signs(model, magnitudes, None, self.seed)? {
                Ok(signs) => (signs, None),
                Err(mut end) => {
                    end.reason = format!(
                        "b lies in the column space of A, and signs were not found: {}",
                        end.reason
                    );
                    outcome.found = Err(Box::new(end));
                    return Ok(outcome);
                }
            }
        } else {
            match signs::find(model, magnitudes, &one, self.seed)? {
                Found::Signs(found) => {
                    outcome.method.push_str(found.method);
                    (found.signs, Some(found.linear))
                }
                Found::Not(mut end) => {
                    let left = signs::polish_listed(model, target, &mut end)?;
                    outcome.found = match left {
                        Some(y) => {
                            outcome
                                .method
                                .push_str(", patterns of signs told apart by Gauss–Newton");
                            let signs = signs::nearest(&model.slack(&y)?)?;
                            Ok(Solved {
                                y,
                                signs,
                                line: None,
                                distance: distance.relative,
                            })
                        }
                        None => Err(end),
                    };
                    return Ok(outcome);
                }
            }
        };
        let hardly = linear.as_ref().is_some_and(|l| l.null_space.ncols() > 0);
        is_flat |= hardly && distance.relative <= NEAR;
        outcome.found = Ok(match linear {
            Some(linear) if !is_flat => Solved {
                y: linear.x.rows(0, model.dim()).into_owned(),
                signs,
                line: None,
                distance: distance.relative,
            },
            _ => {
                let line = flat::line(model, magnitudes, &signs)?.x;
                // In the units of b, where it has any: slacks much smaller than
                // b would be all rounding.
                let size = model.rhs().amax() / magnitudes.amax();
                let size = if size > T::zero() { size } else { T::one() };
                Solved {
                    y: distance.x + &line * size,
                    signs,
                    line: Some(line),
                    distance: distance.relative,
                }
            }
        });
        Ok(outcome)
    }
}

/// The end where no weights were found.
pub(super) fn unconverged<T: Scalar>(weights: &weights::Weights<T>) -> Recovery<T> {
    let residual = to_f64(weights.residual);
    let end = if matched(weights.residual) {
        "they differ without bound"
    } else {
        "and no rows are overfull"
    };
    let reason = format!(
        "no row weights with these scores were found: {residual:.1e} off, relative, after {} steps, {end}",
        weights.iterations
    );
    Recovery::new(Status::NotConverged, reason)
}
