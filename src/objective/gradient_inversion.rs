//! Inversion of the leverage score gradient.

use std::sync::OnceLock;

use nalgebra::{DMatrix, DVector};

use super::barrier::{Barrier, Image};
use super::hessian::{Quantity, Route, Square, ThirdMoment, by_products};
use super::leverage::{ClosedForm, LeverageObjective};
use crate::error::Error;
use crate::geometry::{Geometry, Model, check_vector};
use crate::scalar::{Scalar, real};

/// The distance between the leverage score gradient at x and a given one, c.
///
/// ```text
/// L_G(x) = ½‖p‖²,  p = g(x) − c,  g = ∇V                                (G1)
/// ∇L_G   = H_V p,  H_V = ∇²V                                            (G2)
/// ∇²L_G  = H_V² + D³V[p]                                                (G3)
/// D³V[p] = A_xᵀ { −12 diag(σ∘y) + 6 diag(y)P² + 6 P²diag(y)
///                 + 6 diag(P²y) − 8 P∘(P diag(y) P) } A_x,  y = A_x p   (V4)
/// ```
///
/// # Shapes
/// A n×d, b n, c d, x and gradient d, Hessian and Jacobian d×d.
///
/// # Domain
/// Wherever no slack is zero; L_G has poles there. On one cell g(x) = c is the
/// stationarity condition of the convex V(x) − cᵀx, so it has at most one
/// solution in each; [`recover`](crate::recover) finds it from any start.
///
/// # Derivatives
/// Gradient (G2), Hessian (G3) and products; residual p and Jacobian H_V.
///
/// # Errors
/// [`GradientInversion::new`] wants d finite entries.
///
/// # Complexity
/// Value O(nd²); gradient and each product about twice as much again; the
/// Hessian O(nd³). Memory as for [`VolumetricBarrier`](super::VolumetricBarrier).
///
/// # Example
/// The centre of an interval has gradient zero.
/// ```
/// use levinv::{GradientInversion, Model, Objective};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0; -1.0], dvector![-1.0, -1.0])?;
/// let loss = GradientInversion::new(&model, dvector![2.0])?;
/// assert_eq!(loss.value(&dvector![0.0])?, 2.0);
/// # Ok::<(), levinv::Error>(())
/// ```
///
/// # Source
/// arXiv 2408.11267. Derivations are ours; see [`notation`](crate::notation).
pub type GradientInversion<T> = LeverageObjective<T, GradientLoss<T>>;

/// The closed forms (G1–G3) for one target.
#[derive(Debug, Clone)]
pub struct GradientLoss<T: Scalar> {
    target: DVector<T>,
}

impl<T: Scalar> GradientLoss<T> {
    /// c.
    pub fn target(&self) -> &DVector<T> {
        &self.target
    }
}

impl<T: Scalar> GradientInversion<T> {
    /// The loss for a target gradient of d entries.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::NonFinite`].
    pub fn new(model: &Model<T>, target: DVector<T>) -> Result<Self, Error> {
        check_vector("target", &target, model.dim())?;
        Ok(LeverageObjective::with_form(model, GradientLoss { target }))
    }

    /// c.
    pub fn target(&self) -> &DVector<T> {
        self.form().target()
    }
}

/// What gradient and products at one point share.
pub struct GradientState<T: Scalar> {
    residual: DVector<T>,
    /// p as D³V\[p\] sees it, and H_V p.
    moments: OnceLock<Image<T>>,
}

impl<T: Scalar> GradientState<T> {
    /// Made when first a derivative is asked for.
    fn moments(&self, at: &Geometry<T>) -> Result<&Image<T>, Error> {
        if let Some(moments) = self.moments.get() {
            return Ok(moments);
        }
        let moments = Image::of(at, &self.residual)?;
        Ok(self.moments.get_or_init(|| moments))
    }
}

impl<T: Scalar> ClosedForm<T> for GradientLoss<T> {
    type State = GradientState<T>;
    const SUM_OF_SQUARES: bool = true;

    fn state(&self, at: &Geometry<T>) -> Result<Self::State, Error> {
        let residual = Barrier::gap(at, &self.target)?;
        Ok(GradientState {
            residual,
            moments: OnceLock::new(),
        })
    }

    fn value(&self, _: &Geometry<T>, state: &Self::State) -> Result<T, Error> {
        Ok(state.residual.norm_squared() * real(0.5)) // (G1)
    }

    fn gradient(&self, at: &Geometry<T>, state: &Self::State) -> Result<DVector<T>, Error> {
        Ok(state.moments(at)?.product.clone()) // (G2)
    }

    fn hessian(&self, at: &Geometry<T>, state: &Self::State) -> Result<DMatrix<T>, Error> {
        let d = at.x().len();
        let along = state.moments(at)?;
        let (squared, third) = match Route::at(Quantity::Gradient, at) {
            Route::Tensor => {
                let moment = ThirdMoment::new(at, Some(&along.image), &[])?;
                (moment.squared_form(), moment.third_form(along.gram()?))
            }
            Route::Square => {
                let entry = Barrier::third_entry(along);
                let entries = |i, j, p, n| [p * p, entry(i, j, p, n)];
                let [squared, third] = Square::new(at)?.forms(Some(along.gram()?), entries)?;
                (squared, third)
            }
            Route::Products => return by_products(d, |h| self.hessian_product(at, state, h)),
        };
        let barrier = Barrier::hessian_of(at, &squared)?;
        let third = Barrier::third_of(at, along, &third)?;
        Ok(barrier.tr_mul(&barrier) + third) // (G3)
    }

    fn hessian_product(
        &self,
        at: &Geometry<T>,
        state: &Self::State,
        h: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        Barrier::squared_and_third_product(at, state.moments(at)?, h) // (G3)
    }

    fn residual(&self, _: &Geometry<T>, state: &Self::State) -> Result<DVector<T>, Error> {
        Ok(state.residual.clone())
    }

    fn jacobian(&self, at: &Geometry<T>, _: &Self::State) -> Result<DMatrix<T>, Error> {
        ClosedForm::hessian(&Barrier, at, &())
    }
}
