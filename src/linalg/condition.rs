//! How ill-conditioned a factor is.

use nalgebra::{DMatrix, DVector};

use super::Factor;
use crate::scalar::{Scalar, epsilon, real};

/// A lower bound of ‖M⁻¹‖₂, as a rule within a few per cent, by power iteration
/// from a fixed start: eight times `solve`, v ← M⁻¹v.
pub(super) fn inverse_norm<T: Scalar>(d: usize, mut solve: impl FnMut(&mut DVector<T>)) -> T {
    const STEPS: usize = 8;
    // Signs alternate and sizes differ, so that no symmetry of M hides a
    // direction from the start.
    let mut v = DVector::from_fn(d, |j, _| {
        real(if j % 2 == 0 { 1.0 } else { -1.0 } * (1.0 + j as f64 / d as f64))
    });
    let mut norm = T::one();
    for _ in 0..STEPS {
        let length = v.norm();
        v.unscale_mut(length);
        solve(&mut v);
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
