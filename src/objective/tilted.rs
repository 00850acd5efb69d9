//! The volumetric barrier tilted by a linear term.

use nalgebra::{DMatrix, DVector};

use super::barrier::Barrier;
use super::leverage::{ClosedForm, LeverageObjective};
use crate::error::Error;
use crate::geometry::{Geometry, Model, check_vector};
use crate::scalar::Scalar;

/// The volumetric barrier minus cᵀx: convex on each cell, and least exactly
/// where the leverage score gradient is c.
///
/// ```text
/// φ(x) = V(x) − cᵀx,  ∇φ = g(x) − c,  ∇²φ = H_V                        (G4)
/// ```
///
/// Minimising φ inverts the gradient as minimising
/// [`GradientInversion`](super::GradientInversion) does, but without squaring
/// the condition number, and from every start in the cell.
///
/// # Shapes
/// A n×d, b n, c d, x and gradient d, Hessian d×d.
///
/// # Domain
/// Wherever no slack is zero. φ is meant for one cell: take
/// [`in_cell_of`](LeverageObjective::in_cell_of). It has a minimum there if the
/// cell is bounded, and on an unbounded one if and only if cᵀh < 0 for every
/// direction h ≠ 0 that stays in it.
///
/// # Derivatives
/// Those of [`VolumetricBarrier`](super::VolumetricBarrier); the "residual" is
/// ∇φ, with Jacobian H_V.
///
/// # Errors
/// [`TiltedBarrier::new`] wants d finite entries.
///
/// # Complexity
/// As for [`VolumetricBarrier`](super::VolumetricBarrier).
///
/// # Example
/// On [−1, 1] g(x) = c is solved by the minimum of φ.
/// ```
/// use levinv::{Model, Objective, TiltedBarrier};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0; -1.0], dvector![-1.0, -1.0])?;
/// let c = dvector![0.3];
/// let tilted = TiltedBarrier::new(&model, c)?.in_cell_of(&dvector![0.0])?;
/// assert_eq!(tilted.gradient(&dvector![0.0])?[0], -0.3); // g(0) = 0
/// # Ok::<(), levinv::Error>(())
/// ```
///
/// # Source
/// The inverse problem is arXiv 2408.11267's; that it is a convex one on each
/// cell is derived in [`notation`](crate::notation).
pub type TiltedBarrier<T> = LeverageObjective<T, Tilt<T>>;

/// The closed forms of φ for one c.
#[derive(Debug, Clone)]
pub struct Tilt<T: Scalar> {
    target: DVector<T>,
}

impl<T: Scalar> Tilt<T> {
    /// c.
    pub fn target(&self) -> &DVector<T> {
        &self.target
    }
}

impl<T: Scalar> TiltedBarrier<T> {
    /// φ for a gradient of d entries.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::NonFinite`].
    pub fn new(model: &Model<T>, target: DVector<T>) -> Result<Self, Error> {
        check_vector("target", &target, model.dim())?;
        Ok(LeverageObjective::with_form(model, Tilt { target }))
    }

    /// c.
    pub fn target(&self) -> &DVector<T> {
        self.form().target()
    }
}

impl<T: Scalar> ClosedForm<T> for Tilt<T> {
    type State = ();
    const SUM_OF_SQUARES: bool = false;

    fn state(&self, _: &Geometry<T>) -> Result<(), Error> {
        Ok(())
    }

    fn value(&self, at: &Geometry<T>, _: &()) -> Result<T, Error> {
        Ok(at.volumetric() - self.target.dot(at.x()))
    }

    fn gradient(&self, at: &Geometry<T>, _: &()) -> Result<DVector<T>, Error> {
        Barrier::gap(at, &self.target)
    }

    fn hessian(&self, at: &Geometry<T>, state: &()) -> Result<DMatrix<T>, Error> {
        ClosedForm::hessian(&Barrier, at, state)
    }

    fn hessian_product(
        &self,
        at: &Geometry<T>,
        _: &(),
        h: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        Barrier::product(at, h)
    }

    fn row_curvature(&self, at: &Geometry<T>) -> Result<Option<DVector<T>>, Error> {
        Barrier::row_curvature(at).map(Some)
    }

    fn residual(&self, at: &Geometry<T>, state: &()) -> Result<DVector<T>, Error> {
        self.gradient(at, state)
    }

    fn jacobian(&self, at: &Geometry<T>, state: &()) -> Result<DMatrix<T>, Error> {
        ClosedForm::hessian(self, at, state)
    }
}
