//! Weighted linear least squares by row blocks.

use nalgebra::{DMatrix, DVector};

use super::{Design, Factor, Factorisation};
use crate::error::Error;
use crate::scalar::{Scalar, epsilon, real};

/// Refinement steps: one repairs what the factor lost, a second shows that
/// nothing is left to gain.
const REFINEMENTS: usize = 3;

/// The minimiser of ‖diag(w)(A x − b)‖, and what of it is undetermined.
#[derive(Debug, Clone)]
pub(crate) struct LeastSquares<T: Scalar> {
    /// The minimiser; of least norm (columns at unit length) where there are several.
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
    let svd = unit.svd(true, true);
    // Both were asked for.
    let (u, vt) = match (svd.u, svd.v_t) {
        (Some(u), Some(vt)) => (u, vt),
        _ => {
            return Err(Error::Singular {
                what: "least-squares matrix",
            });
        }
    };
    let largest = svd.singular_values.max();
    let determined: Vec<usize> = (0..d)
        .filter(|&k| svd.singular_values[k] > tolerance * largest)
        .collect();
    let free: Vec<usize> = (0..d).filter(|k| !determined.contains(k)).collect();
    let full_rank = free.is_empty();

    let mut x = DVector::zeros(d);
    for _ in 0..REFINEMENTS {
        let residual = -a.residual(&x, b)?;
        let k = factor.project(a, w, &residual)?;
        let step = if full_rank {
            factor.solve(&k)
        } else {
            let mut sum = DVector::zeros(d);
            for &i in &determined {
                let weight = u.column(i).dot(&k) / svd.singular_values[i];
                sum.axpy(weight, &vt.row(i).transpose(), T::one());
            }
            sum.component_div(&scale)
        };
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
    let null_space = vt.select_rows(&free).transpose();
    Ok(LeastSquares {
        x,
        null_space,
        residual,
    })
}
