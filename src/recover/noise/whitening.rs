//! What turns the errors of a target into independent ones of variance 1.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::error::Error;
use crate::recover::noise::out_of_range;
use crate::scalar::{Scalar, count, epsilon, real, to_f64};

/// Iterations of the eigenvalues of a covariance for each of them.
const EIGEN_ITERS: usize = 100;

/// W with WᵀW = C⁺.
#[derive(Debug, Clone)]
pub(crate) enum Whitening<T: Scalar> {
    Diagonal(DVector<T>),
    Full(DMatrix<T>),
}

impl<T: Scalar> Whitening<T> {
    /// From the known rows and columns of C; `sums` allows C·1 = 0.
    pub(crate) fn of_matrix(c: &DMatrix<T>, known: &[usize], sums: bool) -> Result<Self, Error> {
        let part = c.select_rows(known).select_columns(known);
        // To unit variance first: eigenvalues are then judged in no unit.
        let scale = part.diagonal().map(|v| T::one() / v.sqrt());
        let mut unit = part;
        for (j, mut column) in unit.column_iter_mut().enumerate() {
            column.component_mul_assign(&scale);
            column.scale_mut(scale[j]);
        }
        let m = known.len();
        let limit = EIGEN_ITERS.saturating_mul(m.max(1));
        let eigen = SymmetricEigen::try_new(unit, epsilon(), limit).ok_or(Error::Singular {
            what: "noise covariance",
        })?;
        let floor = eigen.eigenvalues.amax() * epsilon::<T>() * count::<T>(m) * real(8.0);
        // Along 1, in the units of the eigenvectors, it is scale⁻¹.
        let ones = scale.map(|s| T::one() / s).normalize();
        let mut rows = Vec::with_capacity(m);
        for (k, &value) in eigen.eigenvalues.iter().enumerate() {
            let vector = eigen.eigenvectors.column(k);
            if value > floor {
                rows.push((vector.component_mul(&scale) / value.sqrt()).transpose());
            } else if value < -floor || !sums || vector.dot(&ones).abs() < real(0.999) {
                return Err(out_of_range(
                    "an eigenvalue of the noise covariance",
                    to_f64(value),
                    "positive, but for one along (1, …, 1) where scores have their sum",
                ));
            }
        }
        let mut out = DMatrix::zeros(rows.len(), c.nrows());
        for (k, row) in rows.iter().enumerate() {
            for (&i, &value) in known.iter().zip(row.iter()) {
                out[(k, i)] = value;
            }
        }
        Ok(Whitening::Full(out))
    }

    /// W v.
    pub(crate) fn apply(&self, v: &DVector<T>) -> DVector<T> {
        match self {
            Whitening::Diagonal(w) => v.component_mul(w),
            Whitening::Full(w) => w * v,
        }
    }

    /// Wᵀ v.
    pub(crate) fn apply_transposed(&self, v: &DVector<T>) -> DVector<T> {
        match self {
            Whitening::Diagonal(w) => v.component_mul(w),
            Whitening::Full(w) => w.tr_mul(v),
        }
    }

    /// W J.
    pub(crate) fn apply_to_rows(&self, j: &DMatrix<T>) -> DMatrix<T> {
        match self {
            Whitening::Diagonal(w) => {
                DMatrix::from_fn(j.nrows(), j.ncols(), |i, k| j[(i, k)] * w[i])
            }
            Whitening::Full(w) => w * j,
        }
    }

    /// The independent errors that it makes.
    pub(crate) fn rank(&self) -> usize {
        match self {
            Whitening::Diagonal(w) => w.iter().filter(|w| **w > T::zero()).count(),
            Whitening::Full(w) => w.nrows(),
        }
    }
}
