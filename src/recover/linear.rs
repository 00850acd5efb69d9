//! Weights and signs give x by one linear least-squares problem.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::linalg::{Design, DesignMatrix, LeastSquares, least_squares};
use crate::scalar::{Scalar, epsilon, real};

/// [A | −sign∘m]: `A x − b = t (sign∘m)` as a system in (x, t).
struct Signed<T: Scalar> {
    a: Design<T>,
    column: DVector<T>,
}

impl<T: Scalar> DesignMatrix<T> for Signed<T> {
    fn nrows(&self) -> usize {
        self.a.nrows()
    }

    fn ncols(&self) -> usize {
        self.a.ncols() + 1
    }

    fn read_rows(&self, start: usize, rows: &mut DMatrix<T>) -> Result<(), Error> {
        let d = self.a.ncols();
        let height = rows.nrows();
        let mut part = DMatrix::zeros(height, d);
        self.a.read_rows(start, &mut part)?;
        rows.columns_mut(0, d).copy_from(&part);
        rows.column_mut(d)
            .copy_from(&self.column.rows(start, height));
        Ok(())
    }
}

/// x and t with `A x − b ≈ t (sign∘m)`, rows divided by m so that each counts
/// by its relative error. The last coordinate of the solution is t.
pub(crate) fn solve<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    signs: &Signs,
) -> Result<LeastSquares<T>, Error> {
    let column = DVector::from_fn(magnitudes.len(), |i, _| -magnitudes[i] * signs.sign(i));
    // Zero marks a row whose slack is not known.
    let weights = magnitudes.map(|m| {
        if m > T::zero() {
            T::one() / m
        } else {
            T::zero()
        }
    });
    let system = Design::new(Signed {
        a: model.design().clone(),
        column,
    });
    // The last column depends on the others exactly when b lies in the column
    // space of A; weights good to ε leave a pivot of that size times a few.
    let tolerance = epsilon::<T>() * real(1e3);
    least_squares(&system, &weights, model.rhs(), tolerance)
}
