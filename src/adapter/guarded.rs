//! A problem whose infinite and undefined values are errors.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Gradient, Problem};
use nalgebra::DVector;

use crate::error::Error as LevinvError;
use crate::geometry::check_vector;
use crate::scalar::{Scalar, to_f64};

/// What [`Retreat`](super::Retreat) lets a line search see of a problem: a cost
/// of +∞ or NaN, and a gradient that is not finite, become errors that name it.
///
/// Many an argmin problem says only by its cost that a point lies outside, and
/// has a formula's gradient there, from which a search would interpolate.
#[derive(Debug)]
pub struct Guarded<O, T: Scalar> {
    own: O,
    trials: RefCell<Vec<Trial<T>>>,
}

/// A point whose cost was asked for, and whether it has one.
#[derive(Debug)]
pub(super) struct Trial<T: Scalar> {
    pub(super) x: DVector<T>,
    pub(super) inside: bool,
}

impl<O, T: Scalar> Guarded<O, T> {
    /// Lends a problem, with its counts, to work that sees it guarded; returns
    /// the trial points too.
    pub(super) fn lend<R>(
        problem: &mut Problem<O>,
        work: impl FnOnce(&mut Problem<Guarded<O, T>>) -> Result<R, Error>,
    ) -> (Result<R, Error>, Vec<Trial<T>>) {
        let Some(own) = problem.take_problem() else {
            let error = LevinvError::Solver {
                what: "the line search",
                reason: "there is no problem to search".into(),
            };
            return (Err(error.into()), Vec::new());
        };
        let trials = RefCell::default();
        let mut guarded = Problem::new(Guarded { own, trials });
        let result = work(&mut guarded);
        let (own, trials) = match guarded.take_problem() {
            Some(Guarded { own, trials }) => (Some(own), trials.into_inner()),
            None => (None, Vec::new()),
        };
        problem.problem = own;
        problem.consume_func_counts(guarded);
        (result, trials)
    }
}

impl<O, T> CostFunction for Guarded<O, T>
where
    T: Scalar,
    O: CostFunction<Param = DVector<T>, Output = T>,
{
    type Param = DVector<T>;
    type Output = T;

    fn cost(&self, x: &DVector<T>) -> Result<T, Error> {
        // NaN in the point is the search's doing, not the problem's.
        check_vector("x", x, x.len())?;
        let cost = self.own.cost(x)?;
        // A cost of −∞ is no place to turn back from.
        let inside = cost.is_finite() || cost < T::zero();
        self.trials.borrow_mut().push(Trial {
            x: x.clone(),
            inside,
        });
        if inside {
            return Ok(cost);
        }
        Err(LevinvError::NonFinite {
            what: "cost",
            index: 0,
            value: to_f64(cost),
        }
        .into())
    }
}

impl<O, T> Gradient for Guarded<O, T>
where
    T: Scalar,
    O: Gradient<Param = DVector<T>, Gradient = DVector<T>>,
{
    type Param = DVector<T>;
    type Gradient = DVector<T>;

    fn gradient(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        check_vector("x", x, x.len())?;
        let gradient = self.own.gradient(x)?;
        check_vector("gradient", &gradient, gradient.len())?;
        Ok(gradient)
    }
}
