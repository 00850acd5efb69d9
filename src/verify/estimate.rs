//! Matrix-valued functions, their values in extended precision, and estimates
//! that carry their own error bound.

use nalgebra::{ComplexField, DMatrix, DVector};

use crate::error::{Error, trial};
use crate::scalar::{Extended, Scalar, widen};

/// Entries in extended precision: differences of two computed quantities add no
/// rounding of their own.
pub(crate) type Wide = DMatrix<Extended>;

/// Anything that is checked, as a matrix: a value is 1×1, a gradient d×1.
pub(crate) type Function<'a, T> = dyn Fn(&DVector<T>) -> Result<DMatrix<T>, Error> + 'a;

/// f(x), or `None` where x lies outside the domain: an error that is about the
/// point, as one about a range may be, or an entry that is not finite.
pub(crate) fn evaluate<T: Scalar>(
    f: &Function<'_, T>,
    x: &DVector<T>,
) -> Result<Option<Wide>, Error> {
    let value = match f(x) {
        Err(Error::OutOfRange { .. } | Error::EntryOutOfRange { .. }) => None,
        other => trial(other)?,
    };
    Ok(value
        .filter(|m| m.iter().all(|v| v.is_finite()))
        .map(|m| m.map(widen)))
}

/// A value and how far it may be off, entry by entry.
#[derive(Debug, Clone)]
pub(crate) struct Estimate {
    pub(crate) value: Wide,
    pub(crate) bound: Wide,
}

impl Estimate {
    /// Columns side by side.
    pub(crate) fn columns(columns: &[Estimate]) -> Self {
        let join = |part: fn(&Estimate) -> &Wide| {
            let vectors: Vec<_> = columns
                .iter()
                .flat_map(|c| part(c).column_iter().map(|v| v.into_owned()))
                .collect();
            DMatrix::from_columns(&vectors)
        };
        Estimate {
            value: join(|c| &c.value),
            bound: join(|c| &c.bound),
        }
    }

    /// Both parts times a positive number.
    pub(crate) fn times(mut self, factor: Extended) -> Self {
        self.value *= factor;
        self.bound *= factor;
        self
    }

    /// The same quantities seen along directions: Uᵀ F V, one entry a pair of
    /// columns (the k-th of U with the k-th of V).
    pub(crate) fn along(&self, u: &Wide, v: &Wide) -> Self {
        let form = |m: &Wide, u: &Wide, v: &Wide| {
            DMatrix::from_fn(u.ncols(), 1, |k, _| (m * v.column(k)).dot(&u.column(k)))
        };
        let (u_size, v_size) = (u.map(|u| u.abs()), v.map(|v| v.abs()));
        Estimate {
            value: form(&self.value, u, v),
            bound: form(&self.bound, &u_size, &v_size),
        }
    }

    /// `F V`, for directions V in columns.
    pub(crate) fn right(&self, v: &Wide) -> Self {
        Estimate {
            value: &self.value * v,
            bound: &self.bound * v.map(|v| v.abs()),
        }
    }

    /// Each column seen along one of U's: `u_kᵀ f_k`.
    pub(crate) fn paired(&self, u: &Wide) -> Self {
        let dot = |m: &Wide, u: &Wide| {
            DMatrix::from_fn(u.ncols(), 1, |k, _| m.column(k).dot(&u.column(k)))
        };
        Estimate {
            value: dot(&self.value, u),
            bound: dot(&self.bound, &u.map(|u| u.abs())),
        }
    }

    pub(crate) fn transposed(&self) -> Self {
        Estimate {
            value: self.value.transpose(),
            bound: self.bound.transpose(),
        }
    }

    /// The same entries, column by column, in another shape.
    pub(crate) fn reshaped(&self, rows: usize, columns: usize) -> Self {
        let shaped = |m: &Wide| DMatrix::from_column_slice(rows, columns, m.as_slice());
        Estimate {
            value: shaped(&self.value),
            bound: shaped(&self.bound),
        }
    }
}
