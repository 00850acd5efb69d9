//! Weighted linear least squares by row blocks.

use nalgebra::{DMatrix, DVector};

use super::{Design, DesignMatrix, Factor, Factorisation};
use crate::error::Error;
use crate::scalar::{Scalar, epsilon, real};

/// Refinement steps: one repairs what the factor lost, a second shows that
/// nothing is left to gain.
const REFINEMENTS: usize = 3;

/// The minimiser of ‖diag(w)(A x − b)‖, and what of it is undetermined.
#[derive(Debug, Clone)]
pub(crate) struct LeastSquares<T: Scalar> {
    /// The minimiser; where there are several, one with zeros.
    pub(crate) x: DVector<T>,
    /// A basis of the directions that change nothing, one column each, in
    /// units of the columns' lengths.
    pub(crate) null_space: DMatrix<T>,
    /// ‖diag(w)(A x − b)‖ / ‖diag(w) b‖.
    pub(crate) residual: T,
}

/// Solves by row-sorted pivoted QR, refined with compensated residuals.
///
/// Singular directions below `tolerance` (relative, columns at unit length)
/// count as undetermined. O(nd²) time, O(d²) memory beyond a block.
pub(crate) fn least_squares<T: Scalar>(
    a: &Design<T>,
    w: &DVector<T>,
    b: &DVector<T>,
    tolerance: T,
) -> Result<LeastSquares<T>, Error> {
    let d = a.ncols();
    let factor = Factor::new(a, w, Factorisation::Qr)?;
    let r = factor.unpermuted();
    let scale = DVector::from_iterator(d, r.column_iter().map(|c| c.norm()))
        .map(|s| if s > T::zero() { s } else { T::one() });
    let unit = DMatrix::from_fn(d, d, |i, j| r[(i, j)] / scale[j]);
    if unit.iter().any(|v| !v.is_finite()) {
        return Err(Error::Singular {
            what: "least-squares matrix",
        });
    }
    let svd = unit.svd(false, true);
    // It was asked for.
    let vt = svd.v_t.ok_or(Error::Singular {
        what: "least-squares matrix",
    })?;
    let largest = svd.singular_values.max();
    let determined: Vec<usize> = (0..d)
        .filter(|&k| svd.singular_values[k] > tolerance * largest)
        .collect();
    let free: Vec<usize> = (0..d).filter(|k| !determined.contains(k)).collect();
    let null_space = vt.select_rows(&free).transpose();
    if determined.is_empty() {
        // Nothing but zero columns: no x explains any of b.
        let explained = b.component_mul(w).norm() == T::zero();
        let residual = if explained { T::zero() } else { T::one() };
        return Ok(LeastSquares {
            x: DVector::zeros(d),
            null_space,
            residual,
        });
    }
    if !free.is_empty() {
        // Rounding decides what an orthonormal basis of dependent columns is:
        // solve for as many columns as there are directions, the rest stay 0.
        let columns = factor.pivots[..determined.len()].to_vec();
        let part = Design::new(SelectedColumns {
            a: a.clone(),
            columns: columns.clone(),
        });
        let solved = least_squares(&part, w, b, T::zero())?;
        let mut x = DVector::zeros(d);
        columns
            .iter()
            .zip(solved.x.iter())
            .for_each(|(&j, &value)| x[j] = value);
        return Ok(LeastSquares {
            x,
            null_space,
            residual: solved.residual,
        });
    }

    let mut x = DVector::zeros(d);
    for _ in 0..REFINEMENTS {
        let residual = -a.residual(&x, b)?;
        let step = factor.solve(&factor.project(a, w, &residual)?);
        x += &step;
        let small = real::<T>(4.0) * epsilon::<T>();
        if step
            .iter()
            .zip(x.iter())
            .all(|(s, x)| s.abs() <= small * x.abs())
        {
            break;
        }
    }
    let residual = a.residual(&x, b)?.component_mul(w).norm();
    let size = b.component_mul(w).norm();
    let residual = if size > T::zero() {
        residual / size
    } else {
        residual
    };
    Ok(LeastSquares {
        x,
        null_space,
        residual,
    })
}

/// Some columns of a design.
struct SelectedColumns<T: Scalar> {
    a: Design<T>,
    columns: Vec<usize>,
}

impl<T: Scalar> DesignMatrix<T> for SelectedColumns<T> {
    fn nrows(&self) -> usize {
        self.a.nrows()
    }

    fn ncols(&self) -> usize {
        self.columns.len()
    }

    fn read_rows(&self, start: usize, rows: &mut DMatrix<T>) -> Result<(), Error> {
        let mut all = DMatrix::zeros(rows.nrows(), self.a.ncols());
        self.a.read_rows(start, &mut all)?;
        rows.copy_from(&all.select_columns(&self.columns));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_and_a_repeated_column_leave_the_others_determined() {
        let a = DMatrix::from_fn(9, 4, |i, j| match j {
            0 => 1.0,
            1 => (i * i % 5) as f64,
            2 => 0.0,
            _ => 2.0 * (i * i % 5) as f64 + if j == 3 { 0.0 } else { 1.0 },
        });
        let b = DVector::from_fn(9, |i, _| 3.0 + 2.0 * (i * i % 5) as f64);
        let ones = DVector::from_element(9, 1.0);
        let found = least_squares(&Design::from(a), &ones, &b, 1e-12).expect("finite input");
        assert_eq!(found.null_space.ncols(), 2);
        assert!(
            (found.x[0] - 3.0f64).abs() < 1e-13,
            "the intercept is determined: {}",
            found.x
        );
        assert!(found.null_space.row(0).amax() < 1e-12);
        assert!(found.residual < 1e-14);
    }
}
