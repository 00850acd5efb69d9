//! |s| up to a factor → the signs of s, and x with them.

use nalgebra::DVector;

use super::structure::Components;
use super::{Recovery, Status, lift, linear};
use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::linalg::LeastSquares;
use crate::scalar::Scalar;

/// Rounds of signs from x and x from signs: one where the lift is exact.
const ROUNDS: usize = 8;

/// Signs, and the linear step with them.
pub(super) struct WithSigns<T: Scalar> {
    pub(super) signs: Signs,
    pub(super) linear: LeastSquares<T>,
    /// How they were found, to be appended to what was done before.
    pub(super) method: &'static str,
}

/// What the magnitudes of the slacks say of their signs.
pub(super) enum Found<T: Scalar> {
    /// The signs, up to a flip of each component.
    Signs(WithSigns<T>),
    /// How the search ended without them.
    Not(Box<Recovery<T>>),
}

/// Finds the signs from magnitudes, of which zero marks one that is not known.
pub(super) fn find<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    components: &Components,
    seed: u64,
) -> Result<Found<T>, Error> {
    let lift = lift::solve(model, magnitudes, components, seed)?;
    if !lift.determined {
        let reason = "the signs cannot be found by the lift alone, or b lies in the column space of A; give the signs".to_string();
        return Ok(Found::Not(Box::new(Recovery::new(
            Status::Undetermined,
            reason,
        ))));
    }
    let signs = nearest(&model.slack(&lift.x)?)?;
    let (linear, signs) = alternate(model, components, magnitudes, signs)?;
    Ok(Found::Signs(WithSigns {
        signs,
        linear,
        method: ", lifted least squares for the signs, least squares",
    }))
}

/// The linear step, until the signs agree with those of its own solution.
fn alternate<T: Scalar>(
    model: &Model<T>,
    components: &Components,
    magnitudes: &DVector<T>,
    mut signs: Signs,
) -> Result<(LeastSquares<T>, Signs), Error> {
    let mut solution = linear::solve(model, magnitudes, &signs, components)?;
    for _ in 0..ROUNDS {
        let x = solution.x.rows(0, model.dim()).into_owned();
        let slack = model.slack(&x)?;
        if components.first_disagreement(&signs, &slack).is_none() {
            break;
        }
        let next = nearest(&slack)?;
        let other = linear::solve(model, magnitudes, &next, components)?;
        if other.residual >= solution.residual {
            break;
        }
        (solution, signs) = (other, next);
    }
    Ok((solution, signs))
}

/// The signs of slacks, zeros counted as positive: they are a guess.
fn nearest<T: Scalar>(slack: &DVector<T>) -> Result<Signs, Error> {
    Signs::of(&slack.map(|s| if s < T::zero() { -T::one() } else { T::one() }))
}
