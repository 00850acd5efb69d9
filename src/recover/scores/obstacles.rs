//! What keeps scores from giving x, told before anything is computed.

use nalgebra::DVector;

use crate::error::Error;
use crate::geometry::Model;
use crate::linalg::BlockWalk;
use crate::recover::scores::loose::{self, Loose};
use crate::recover::scores::overfull::{self, Overfull};
use crate::recover::scores::sparse;
use crate::recover::scores::structure::Components;
use crate::recover::{Infeasibility, Recovery, Status, matched};
use crate::scalar::{Scalar, epsilon, to_f64};

/// How far Σσ may lie from d, relative: rounded scores are refused here only
/// when they cannot be leverage scores at all.
pub const SUM_TOLERANCE: f64 = 1e-6;

/// How far a sum of n scores may be off, relative.
pub(crate) fn sum_tolerance<T: Scalar>(n: usize) -> f64 {
    SUM_TOLERANCE.max(16.0 * to_f64(epsilon::<T>()) * (n as f64).sqrt())
}

/// What can be said before anything is computed.
pub(crate) fn first_obstacle<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    components: &Components,
    loose: &Loose<T>,
) -> Result<Option<Recovery<T>>, Error> {
    let n = model.nrows();
    let place = |i: usize| format!("row {} of {n} has the score {}", i + 1, to_f64(target[i]));
    for (i, &t) in target.iter().enumerate() {
        let is_zero_row = components.of(i).is_none();
        if t == T::zero() && !is_zero_row {
            let reason = format!("{}, which no finite slack gives", place(i));
            return Ok(Some(Recovery::new(Status::Infeasible, reason)));
        }
        if t > T::zero() && is_zero_row {
            let reason = format!("{}, but is a row of zeros, whose score is 0", place(i));
            return Ok(Some(Recovery::new(Status::Infeasible, reason)));
        }
    }
    let off = |i: &&usize| !matched(T::one() - target[**i]);
    if let Some(&i) = loose.coloops.iter().find(off) {
        let reason = format!(
            "{}, but alone holds a direction of the coefficients, which makes it 1",
            place(i)
        );
        let rest = overfull::check(model, target, &loose.rest)?;
        return Ok(Some(infeasible(rest, reason)));
    }
    if loose.rest.is_empty() {
        return Ok(Some(loose.nothing_left(model)));
    }
    let (sizes, ranks) = (components.sizes(), &components.ranks);
    for (k, (&rank, sum)) in ranks.iter().zip(components.sums(target)).enumerate() {
        let off = (to_f64(sum) - rank as f64).abs();
        if off > sum_tolerance::<T>(n) * model.dim() as f64 {
            let reason = format!(
                "the {} rows of component {} depend on {rank} coefficients alone, so that their scores sum to {rank}, not to {}",
                sizes[k],
                k + 1,
                to_f64(sum)
            );
            let found = overfull::find(model, components, target, target)?;
            return Ok(Some(infeasible(found.filter(|f| f.exceeds), reason)));
        }
    }
    let one = |&i: &usize| target[i] == T::one();
    if let Some(&i) = loose.rest.iter().find(|i| one(i)) {
        let over = overfull::find(model, components, target, target)?;
        if let Some(over) = over.filter(|f| f.exceeds) {
            return Ok(Some(infeasible(Some(over), String::new())));
        }
        let reason = format!(
            "{}: its slack is too small beside the others to leave a trace",
            place(i)
        );
        return Ok(Some(Recovery::new(Status::Undetermined, reason)));
    }
    Ok(None)
}

/// The end with a proof, if there is one; else with the reason alone. Rows that
/// are full to rounding prove nothing: slacks of 1e-10 beside others of 1 make
/// them so too.
pub(crate) fn infeasible<T: Scalar>(proof: Option<Overfull<T>>, reason: String) -> Recovery<T> {
    let Some(Overfull {
        rows,
        sum,
        rank,
        exceeds,
    }) = proof
    else {
        return Recovery::new(Status::Infeasible, reason);
    };
    let how = if exceeds {
        "more than the rank of these rows of A allows"
    } else {
        "their rank, to rounding, so that their slacks are too small beside the others to leave a trace, if there is an x at all"
    };
    let words = format!(
        "{} have scores that sum to {} where their rank is {rank}: {how}",
        loose::rows(&rows),
        to_f64(sum)
    );
    let status = if exceeds {
        Status::Infeasible
    } else {
        Status::Undetermined
    };
    let mut end = Recovery::new(status, words);
    end.infeasibility = Some(if exceeds {
        Infeasibility::Overfull { rows, sum, rank }
    } else {
        Infeasibility::Full { rows, sum, rank }
    });
    end
}

/// Refuses A and b whose squares, and x with them, would leave the range of
/// `T`: a zero that is none would be blamed on the scores.
///
/// # Errors
/// [`Error::EntryOutOfRange`] with a column of A, or with an entry of b.
pub(crate) fn check_units<T: Scalar>(model: &Model<T>) -> Result<(), Error> {
    const RANGE: &str = "between 1e-120 and 1e120 where largest in its column; change its units";
    const SHORT: &str = "between 1e-12 and 1e12 where largest in its column; change its units";
    // f32, told by its largest number, and whatever has no wider range.
    let short = T::max_value().is_some_and(|m| to_f64(m) < 1e40);
    let (limit, range) = if short { (1e12, SHORT) } else { (1e120, RANGE) };
    // No column is zero, but b may be.
    let outside = |size: f64| size != 0.0 && !(1.0 / limit..=limit).contains(&size);
    let by_rows = || {
        model.design().fold_blocks(
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
        )
    };
    // Where rows are sparse, not as dense ones.
    let sizes = match sparse::applies(model) {
        true => Some(sparse::units(model)?.iter().map(|&u| to_f64(u)).collect()),
        false => by_rows()?,
    };
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
