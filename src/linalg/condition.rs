//! How ill-conditioned a factor is.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::Factor;
use crate::scalar::{Scalar, epsilon, real};

/// A lower bound of ‖M⁻¹‖₂ within a few per cent, by power iteration from a
/// fixed start; O(d²) a step.
pub(super) fn inverse_norm<T: Scalar>(cholesky: &Cholesky<T, nalgebra::Dyn>) -> T {
    const STEPS: usize = 8;
    let d = cholesky.l_dirty().nrows();
    // Signs alternate and sizes differ, so that no symmetry of M hides a
    // direction from the start.
    let mut v = DVector::from_fn(d, |j, _| {
        real(if j % 2 == 0 { 1.0 } else { -1.0 } * (1.0 + j as f64 / d as f64))
    });
    let mut norm = T::one();
    for _ in 0..STEPS {
        let length = v.norm();
        v.unscale_mut(length);
        cholesky.solve_mut(&mut v);
        norm = v.norm();
    }
    norm
}

impl<T: Scalar> Factor<T> {
    /// How much rounding of A's entries moves Q, in units of that rounding: Skeel's
    /// condition number of R, its columns at unit length, the largest row sum of
    /// |R⁻¹||R|. O(d³).
    pub(crate) fn sensitivity(&self) -> T {
        let d = self.pivots.len();
        let mut unit = self.r.clone();
        for mut column in unit.column_iter_mut() {
            let length = column.norm();
            column.unscale_mut(length);
        }
        let identity = DMatrix::identity(d, d);
        let Some(inverse) = unit.solve_upper_triangular(&identity) else {
            return T::one() / epsilon();
        };
        let sums = (inverse.abs() * unit.abs()).column_sum();
        if sums.iter().all(|s| s.is_finite()) {
            sums.max()
        } else {
            T::one() / epsilon()
        }
    }
}
