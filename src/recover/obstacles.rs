//! What keeps scores from giving x, told before anything is computed.

use nalgebra::{DMatrix, DVector};

use super::structure::Components;
use super::{Status, lift};
use crate::error::Error;
use crate::geometry::Model;
use crate::linalg::BlockWalk;
use crate::scalar::{Scalar, epsilon, to_f64};

/// How far Σσ may lie from d, relative: rounded scores are refused here only
/// when they cannot be leverage scores at all.
pub const SUM_TOLERANCE: f64 = 1e-6;

/// How far a sum of n scores may be off, relative.
pub(super) fn sum_tolerance<T: Scalar>(n: usize) -> f64 {
    SUM_TOLERANCE.max(16.0 * to_f64(epsilon::<T>()) * (n as f64).sqrt())
}

/// What can be said before anything is computed; `unknown` are the signs.
pub(super) fn first_obstacle<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    unknown: bool,
    components: &Components,
) -> Result<Option<(Status, String)>, Error> {
    let (n, d) = (model.nrows(), model.dim());
    if n == d {
        let reason = format!("with as many rows as columns ({n}) every x has the scores 1");
        return Ok(Some((Status::Undetermined, reason)));
    }
    let (sizes, ranks) = (components.sizes(), &components.ranks);
    if let Some(k) = (0..ranks.len()).find(|&k| unknown && sizes[k] == ranks[k] + 1) {
        let reason = format!(
            "{} rows that only depend on {} coefficients fit 2^{} sets of them; give the signs",
            sizes[k], ranks[k], ranks[k]
        );
        return Ok(Some((Status::Ambiguous, reason)));
    }
    let needed = lift::unknowns(d, components.count());
    if unknown && n < needed {
        let reason = format!(
            "with the signs unknown {needed} rows are needed for {d} columns, there are {n}; give the signs"
        );
        return Ok(Some((Status::Undetermined, reason)));
    }
    for (i, &t) in target.iter().enumerate() {
        let place = format!("row {} of {n} has the score {}", i + 1, to_f64(t));
        if t == T::one() {
            let reason =
                format!("{place}: its slack is too small beside the others to leave a trace");
            return Ok(Some((Status::Undetermined, reason)));
        }
        if t == T::zero() && !is_zero_row(model, i)? {
            return Ok(Some((
                Status::Infeasible,
                format!("{place}, which no finite slack gives"),
            )));
        }
    }
    for (k, (&rank, sum)) in ranks.iter().zip(components.sums(target)).enumerate() {
        let off = (to_f64(sum) - rank as f64).abs();
        if off > sum_tolerance::<T>(n) * d as f64 {
            let reason = format!(
                "the {} rows of component {} depend on {rank} coefficients alone, so that their scores sum to {rank}, not to {}",
                sizes[k],
                k + 1,
                to_f64(sum)
            );
            return Ok(Some((Status::Infeasible, reason)));
        }
    }
    Ok(None)
}

fn is_zero_row<T: Scalar>(model: &Model<T>, i: usize) -> Result<bool, Error> {
    let mut row = DMatrix::zeros(1, model.dim());
    model.design().read_rows(i, &mut row)?;
    Ok(row.iter().all(|a| *a == T::zero()))
}

/// Refuses A and b whose squares, and x with them, would leave the range of
/// `T`: a zero that is none would be blamed on the scores.
///
/// # Errors
/// [`Error::EntryOutOfRange`] with a column of A, or with an entry of b.
pub(super) fn check_units<T: Scalar>(model: &Model<T>) -> Result<(), Error> {
    const RANGE: &str = "between 1e-120 and 1e120 where largest in its column; change its units";
    const SHORT: &str = "between 1e-12 and 1e12 where largest in its column; change its units";
    // f32, told by its largest number, and whatever has no wider range.
    let short = T::max_value().is_some_and(|m| to_f64(m) < 1e40);
    let (limit, range) = if short { (1e12, SHORT) } else { (1e120, RANGE) };
    // No column is zero, but b may be.
    let outside = |size: f64| size != 0.0 && !(1.0 / limit..=limit).contains(&size);
    let sizes = model.design().fold_blocks(
        || vec![0.0_f64; model.dim()],
        |sizes, rows, _| {
            for (size, column) in sizes.iter_mut().zip(rows.column_iter()) {
                *size = size.max(to_f64(column.amax()));
            }
        },
        |sizes, part| {
            let both = sizes.iter_mut().zip(part);
            both.for_each(|(size, part)| *size = size.max(part));
        },
    )?;
    let refused = |what, index, value| Error::EntryOutOfRange {
        what,
        index,
        value,
        range,
    };
    let sizes = sizes.unwrap_or_default();
    if let Some(column) = sizes.iter().position(|size| outside(*size)) {
        return Err(refused("design matrix, column", column, sizes[column]));
    }
    let row = model.rhs().icamax();
    let value = to_f64(model.rhs()[row]);
    if outside(value.abs()) {
        return Err(refused("b", row, value));
    }
    Ok(())
}
