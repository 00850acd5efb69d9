//! Coordinates in which a metric is the identity.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::scalar::{Scalar, real};

/// Natural coordinates z, with step = S z and SᵀMS = I for a metric M; the
/// plain ones where there is no metric.
#[derive(Debug, Clone)]
pub(crate) struct Frame<T: Scalar> {
    /// S and L with M = LLᵀ, S = L⁻ᵀ.
    bases: Option<(DMatrix<T>, DMatrix<T>)>,
}

impl<T: Scalar> Frame<T> {
    /// Of a metric, d×d positive definite; of its diagonal where rounding has
    /// made it indefinite. O(d³).
    pub(crate) fn new(metric: Option<DMatrix<T>>) -> Self {
        let bases = metric.and_then(|m| {
            let diagonal = || Cholesky::new(DMatrix::from_diagonal(&m.diagonal()));
            let lower = Cholesky::new(m.clone()).or_else(diagonal)?.unpack();
            let d = m.nrows();
            let basis = lower.tr_solve_lower_triangular(&DMatrix::identity(d, d))?;
            let sound = basis.iter().all(|v| v.is_finite());
            sound.then_some((basis, lower))
        });
        Frame { bases }
    }

    /// Whether there is a metric.
    pub(crate) fn is_natural(&self) -> bool {
        self.bases.is_some()
    }

    /// S z.
    pub(crate) fn step(&self, z: &DVector<T>) -> DVector<T> {
        match &self.bases {
            Some((basis, _)) => basis * z,
            None => z.clone(),
        }
    }

    /// Sᵀ v, the coordinates of a gradient.
    pub(crate) fn gradient(&self, v: DVector<T>) -> DVector<T> {
        match &self.bases {
            Some((basis, _)) => basis.tr_mul(&v),
            None => v,
        }
    }

    /// Sᵀ H S, symmetric.
    pub(crate) fn form(&self, h: DMatrix<T>) -> DMatrix<T> {
        let Some((basis, _)) = &self.bases else {
            return h;
        };
        let form = basis.tr_mul(&(h * basis));
        (&form + form.transpose()) * real::<T>(0.5)
    }

    /// J S, the coordinates of a Jacobian.
    pub(crate) fn jacobian(&self, j: DMatrix<T>) -> DMatrix<T> {
        match &self.bases {
            Some((basis, _)) => j * basis,
            None => j,
        }
    }

    /// How long a step from x is: in the metric, where 1 reaches the boundary of
    /// the domain at the earliest, else relative to ‖x‖.
    pub(crate) fn length(&self, x: &DVector<T>, step: &DVector<T>) -> T {
        match &self.bases {
            Some((_, lower)) => lower.tr_mul(step).norm(),
            None if x.amax() > T::zero() => step.norm() / x.norm(),
            None => step.norm(),
        }
    }
}
