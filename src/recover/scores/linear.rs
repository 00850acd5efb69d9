//! Weights and signs give x by one linear least-squares problem.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::linalg::{Design, DesignMatrix, LeastSquares, least_squares};
use crate::recover::scores::structure::Components;
use crate::scalar::{Scalar, epsilon, real};

/// `[A | −sign∘m]` with one last column per component: `A x − b = t (sign∘m)`
/// as a system in (x, t).
struct Signed<T: Scalar> {
    a: Design<T>,
    column: DVector<T>,
    components: Components,
}

impl<T: Scalar> DesignMatrix<T> for Signed<T> {
    fn nrows(&self) -> usize {
        self.a.nrows()
    }

    fn ncols(&self) -> usize {
        self.a.ncols() + self.components.count()
    }

    fn read_rows(&self, start: usize, rows: &mut DMatrix<T>) -> Result<(), Error> {
        let (d, height) = (self.a.ncols(), rows.nrows());
        let mut part = DMatrix::zeros(height, d);
        self.a.read_rows(start, &mut part)?;
        rows.fill(T::zero());
        rows.columns_mut(0, d).copy_from(&part);
        for i in 0..height {
            if let Some(k) = self.components.of(start + i) {
                rows[(i, d + k)] = self.column[start + i];
            }
        }
        Ok(())
    }
}

/// x and t with `A x − b ≈ t (sign∘m)`, rows divided by m so that each counts
/// by its relative error. The last coordinates of the solution are the t.
pub(crate) fn solve<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    signs: &Signs,
    components: &Components,
) -> Result<LeastSquares<T>, Error> {
    // Zero marks a row whose slack is not known.
    let weights = magnitudes.map(|m| {
        if m > T::zero() {
            T::one() / m
        } else {
            T::zero()
        }
    });
    // A t depends on x exactly when its component of b lies in the column space
    // of A; weights good to ε leave a pivot of that size times a few.
    let tolerance = epsilon::<T>() * real(1e3);
    weighted(model, magnitudes, signs, components, (&weights, tolerance))
}

/// The same, rows divided by how far each m may be off, its error relative; zero
/// leaves a row out.
pub(crate) fn solve_noisy<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    signs: &Signs,
    components: &Components,
    errors: &DVector<T>,
) -> Result<LeastSquares<T>, Error> {
    let weights = magnitudes.zip_map(errors, |m, r| {
        if r > T::zero() {
            T::one() / (m * r)
        } else {
            T::zero()
        }
    });
    // Noise leaves no column exactly dependent: only rounding would.
    let tolerance = epsilon::<T>() * real(16.0);
    weighted(model, magnitudes, signs, components, (&weights, tolerance))
}

fn weighted<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    signs: &Signs,
    components: &Components,
    (weights, tolerance): (&DVector<T>, T),
) -> Result<LeastSquares<T>, Error> {
    let system = Design::new(Signed {
        a: model.design().clone(),
        column: DVector::from_fn(magnitudes.len(), |i, _| -magnitudes[i] * signs.sign(i)),
        components: components.clone(),
    });
    least_squares(&system, weights, model.rhs(), tolerance)
}
