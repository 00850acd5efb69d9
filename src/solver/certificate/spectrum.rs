//! Eigenvalues with a bound on their error.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::scalar::{Scalar, count, epsilon, real};

/// QR steps allowed an eigenvalue: two or three are usual.
const STEPS: usize = 100;

/// A symmetric matrix J ≈ WDWᵀ.
pub(super) struct Spectrum<U: Scalar> {
    pub(super) values: DVector<U>,
    vectors: DMatrix<U>,
    /// No eigenvalue of J is further than this from its entry of `values`.
    pub(super) error: U,
}

impl<U: Scalar> Spectrum<U> {
    /// `None` where J is not finite or the iteration does not end. O(d³).
    pub(super) fn of(j: &DMatrix<U>) -> Option<Self> {
        let d = j.nrows();
        if j.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let eigen = SymmetricEigen::try_new(j.clone(), epsilon(), STEPS * (d + 1))?;
        let (values, vectors) = (eigen.eigenvalues, eigen.eigenvectors);
        let rebuilt = &vectors * DMatrix::from_diagonal(&values) * vectors.transpose();
        let defect = (vectors.tr_mul(&vectors) - DMatrix::identity(d, d)).norm();
        // Weyl for ‖J − WDWᵀ‖; Ostrowski: WDWᵀ has the eigenvalues θd, |θ − 1| ≤
        // ‖WᵀW − I‖. Two products of d terms round both measurements.
        let rounding = real::<U>(16.0) * count::<U>(d * d) * epsilon();
        let error = (j - rebuilt).norm() + (defect + rounding) * (values.amax() + j.norm());
        (error.is_finite() && defect < real(0.5)).then_some(Spectrum {
            values,
            vectors,
            error,
        })
    }

    /// W D⁻¹ Wᵀ f, for an approximate solution.
    pub(super) fn solve(&self, f: &DVector<U>) -> DVector<U> {
        &self.vectors * self.vectors.tr_mul(f).component_div(&self.values)
    }

    /// The least |λ| as computed.
    pub(super) fn least_size(&self) -> U {
        self.values.map(|v| v.abs()).min()
    }
}
