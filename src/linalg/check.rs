//! Input refused by name, place and value.

use nalgebra::{DMatrix, DVector};

use super::Design;
use super::design::BlockWalk;
use crate::error::Error;
use crate::scalar::{Scalar, to_f64};

/// A vector of the right length.
pub(crate) fn check_length<T: Scalar>(
    what: &'static str,
    v: &DVector<T>,
    expected: usize,
) -> Result<(), Error> {
    let found = v.len();
    if found == expected {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        unit: "entries",
        expected,
        found,
    })
}

/// A vector of the right length with finite entries.
pub(crate) fn check_vector<T: Scalar>(
    what: &'static str,
    v: &DVector<T>,
    expected: usize,
) -> Result<(), Error> {
    check_length(what, v, expected)?;
    match v.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(Error::NonFinite {
            what,
            index,
            value: to_f64(v[index]),
        }),
        None => Ok(()),
    }
}

/// A vector of the right length with finite entries that are not negative.
pub(crate) fn check_nonnegative<T: Scalar>(
    what: &'static str,
    v: &DVector<T>,
    expected: usize,
) -> Result<(), Error> {
    check_length(what, v, expected)?;
    // `!(v >= 0)` also refuses NaN.
    match v.iter().position(|v| !(*v >= T::zero()) || !v.is_finite()) {
        Some(index) => Err(Error::EntryOutOfRange {
            what,
            index,
            value: to_f64(v[index]),
            range: "finite and not negative",
        }),
        None => Ok(()),
    }
}

/// Every entry of A finite. O(nd): for finding whom to blame.
pub(crate) fn check_entries<T: Scalar>(design: &Design<T>) -> Result<(), Error> {
    design.blocks().fold(
        || (),
        |(), range| {
            let mut buffer = DMatrix::zeros(0, 0);
            design.rows(range.clone(), &mut buffer)?.check(range.start)
        },
        |(), ()| (),
    )?;
    Ok(())
}
