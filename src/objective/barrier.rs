//! The volumetric barrier.

use nalgebra::{DMatrix, DVector};

use super::leverage::{ClosedForm, LeverageObjective};
use super::third_moment::{ThirdMoment, hessian_by_products};
use crate::error::Error;
use crate::geometry::{Geometry, Model};
use crate::scalar::{Scalar, real};

/// The volumetric barrier V, whose gradient is the leverage score gradient.
///
/// ```text
/// V(x)  = ½ log det A_xᵀA_x                     (V1)
/// ∇V    = g(x) = −A_xᵀ σ                        (V2)
/// ∇²V   = A_xᵀ (3Σ − 2P²) A_x                   (V3)
/// A_xᵀΣA_x ⪯ ∇²V ⪯ 3 A_xᵀΣA_x                   (V5)
/// ```
///
/// # Shapes
/// A n×d, b n, x and gradient d, Hessian d×d.
///
/// # Domain
/// Wherever no slack is zero; convex on each cell, and strictly so.
///
/// # Derivatives
/// Gradient (V2), Hessian and products (V3). V is no sum of squares: its
/// "residual" is the equation ∇V = 0 of the volumetric centre, with Jacobian
/// ∇²V.
///
/// # Errors
/// [`Error::OutsideDomain`] from derivatives outside the domain.
///
/// # Complexity
/// Value and gradient O(nd²), a product O(nd²), the Hessian O(nd³); memory
/// O(nd) for a dense A, O(nnz(A) + d³) for a sparse one.
///
/// # Example
/// On an interval [−1, 1] (rows x ≥ −1 and −x ≥ −1) V = ½ log(s₁⁻² + s₂⁻²).
/// ```
/// use levinv::{Model, Objective, VolumetricBarrier};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0; -1.0], dvector![-1.0, -1.0])?;
/// let barrier = VolumetricBarrier::new(&model);
/// let v = barrier.value(&dvector![0.0])?;
/// assert!((v - 0.5 * 2.0_f64.ln()).abs() < 1e-15);
/// assert_eq!(barrier.gradient(&dvector![0.0])?[0], 0.0); // the centre
/// # Ok::<(), levinv::Error>(())
/// ```
///
/// # Source
/// Vaidya, *A new algorithm for minimizing convex functions over convex sets*
/// (1996); the inverse problem of its gradient is arXiv 2408.11267. (V4) and
/// the bounds of (V5) are derived in [`notation`](crate::notation).
pub type VolumetricBarrier<T> = LeverageObjective<T, Barrier>;

/// The closed forms (V1–V4).
#[derive(Debug, Clone, Copy)]
pub struct Barrier;

impl<T: Scalar> VolumetricBarrier<T> {
    /// The barrier of a model.
    pub fn new(model: &Model<T>) -> Self {
        LeverageObjective::with_form(model, Barrier)
    }
}

impl Barrier {
    /// g(x) = −A_xᵀσ. (V2)
    pub(crate) fn score_gradient<T: Scalar>(at: &Geometry<T>) -> Result<DVector<T>, Error> {
        Ok(-at.apply_transposed(at.scores())?)
    }

    /// ∇²V·h. (V3)
    pub(crate) fn product<T: Scalar>(
        at: &Geometry<T>,
        h: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        let u = at.apply(h)?;
        let inner = at.scores().component_mul(&u) * real::<T>(3.0)
            - at.squared_projection(&u)? * real::<T>(2.0);
        at.apply_transposed(&inner)
    }

    /// ∇²V by the third moment. (V3, T1)
    pub(super) fn hessian<T: Scalar>(
        at: &Geometry<T>,
        moment: &ThirdMoment<T>,
    ) -> Result<DMatrix<T>, Error> {
        let inner =
            at.gram(at.scores())? * real::<T>(3.0) - moment.contract_two(moment) * real::<T>(2.0);
        Ok(at.form_from_frame(&inner))
    }
}

impl<T: Scalar> ClosedForm<T> for Barrier {
    type State = ();
    const SUM_OF_SQUARES: bool = false;

    fn state(&self, _: &Geometry<T>) -> Result<(), Error> {
        Ok(())
    }

    fn value(&self, at: &Geometry<T>, _: &()) -> Result<T, Error> {
        Ok(at.volumetric())
    }

    fn gradient(&self, at: &Geometry<T>, _: &()) -> Result<DVector<T>, Error> {
        Barrier::score_gradient(at)
    }

    fn hessian(&self, at: &Geometry<T>, _: &()) -> Result<DMatrix<T>, Error> {
        let (n, d) = (at.slack().len(), at.x().len());
        if !ThirdMoment::<T>::fits(n, d) {
            return hessian_by_products(d, |h| Barrier::product(at, h));
        }
        Barrier::hessian(at, &ThirdMoment::new(at, None)?)
    }

    fn hessian_product(
        &self,
        at: &Geometry<T>,
        _: &(),
        h: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        Barrier::product(at, h)
    }

    fn residual(&self, at: &Geometry<T>, state: &()) -> Result<DVector<T>, Error> {
        self.gradient(at, state)
    }

    fn jacobian(&self, at: &Geometry<T>, state: &()) -> Result<DMatrix<T>, Error> {
        ClosedForm::hessian(self, at, state)
    }
}
