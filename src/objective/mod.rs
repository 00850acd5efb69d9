//! Objectives: what a function must offer, and the crate's own three.
//!
//! [`Objective`] asks for a value and a gradient. Everything more is a trait
//! that opts in: [`HasHessian`], [`HasHessianProduct`], [`HasJacobian`].
//! Verification, solvers, comparison and the argmin adapters see only these
//! traits, so a function of your own works in all of them.

mod barrier;
mod frame;
mod functions;
mod gradient_inversion;
mod hessian;
mod leverage;
mod ridge;
mod scaled;
mod score_inversion;
mod tilted;

pub use barrier::{Barrier, VolumetricBarrier};
pub(crate) use frame::Frame;
pub use functions::Functions;
pub use gradient_inversion::{GradientInversion, GradientLoss};
pub(crate) use hessian::ThirdMoment;
pub use leverage::{ClosedForm, LeverageObjective};
pub use ridge::Ridge;
pub use scaled::Scaled;
pub(crate) use score_inversion::score_jacobian;
pub use score_inversion::{ScoreInversion, ScoreLoss};
pub use tilted::{Tilt, TiltedBarrier};

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::linalg::{Design, SparseMetric};
use crate::scalar::Scalar;

/// A function of d real parameters with a gradient.
///
/// This is the one trait to implement for a function of your own; wrap it in
/// [`ArgminProblem`](crate::adapter::ArgminProblem) and every argmin solver
/// that takes gradients runs on it. Add [`HasHessian`] and the second-order
/// ones do too.
///
/// ```
/// use levinv::{DVector, Error, Objective};
///
/// /// ½‖x − m‖²
/// struct Distance(DVector<f64>);
///
/// impl Objective<f64> for Distance {
///     fn dim(&self) -> usize { self.0.len() }
///     fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
///         Ok(0.5 * (x - &self.0).norm_squared())
///     }
///     fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
///         Ok(x - &self.0)
///     }
/// }
///
/// let f = Distance(nalgebra::dvector![3.0, 4.0]);
/// assert_eq!(f.value(&nalgebra::dvector![0.0, 0.0])?, 12.5);
/// # Ok::<(), Error>(())
/// ```
///
/// # Domain
/// Where the function is not defined, `value` returns `Ok(+∞)`: argmin's line
/// searches and trust regions then turn back, while a NaN makes some of them
/// loop for ever and an `Err` ends the run. Derivatives return `Err` there.
pub trait Objective<T: Scalar> {
    /// d, the number of parameters.
    fn dim(&self) -> usize;

    /// f(x); +∞ outside the domain, never NaN.
    ///
    /// # Errors
    /// Input that is no point at all, such as the wrong length.
    fn value(&self, x: &DVector<T>) -> Result<T, Error>;

    /// ∇f(x), d entries.
    ///
    /// # Errors
    /// [`Error::OutsideDomain`] and input that is no point.
    fn gradient(&self, x: &DVector<T>) -> Result<DVector<T>, Error>;

    /// The largest t for which x + t·step lies in the domain; `None` where
    /// nothing bounds it. Line searches that know it never leave the domain.
    ///
    /// # Errors
    /// Input that is no point.
    fn largest_step(&self, _x: &DVector<T>, _step: &DVector<T>) -> Result<Option<T>, Error> {
        Ok(None)
    }

    /// A positive definite form in which a step from x of length 1 is as long as
    /// a first step should be, if one is known; [`Scaled`] builds on it.
    ///
    /// # Errors
    /// As for the gradient.
    fn metric(&self, _x: &DVector<T>) -> Result<Option<DMatrix<T>>, Error> {
        Ok(None)
    }

    /// The same by a sparse factor, where one is known and d×d matrices are too large
    /// to be made; [`Scaled`] prefers it.
    ///
    /// # Errors
    /// As for the gradient.
    fn sparse_metric(&self, _x: &DVector<T>) -> Result<Option<SparseMetric<T>>, Error> {
        Ok(None)
    }

    /// A and D ≥ 0 with AᵀDA near ∇²f(x), where such are known: what
    /// [`ApproximateNewton`](crate::solver::ApproximateNewton) samples rows
    /// from. For f(x) = Σ φ_i(a_iᵀx) it is D_i = φ_i″.
    ///
    /// # Errors
    /// As for the gradient.
    fn row_curvature(&self, _x: &DVector<T>) -> Result<Option<RowCurvature<T>>, Error> {
        Ok(None)
    }
}

/// AᵀDA, a form in rows that is near a Hessian.
#[derive(Debug, Clone)]
pub struct RowCurvature<T: Scalar> {
    /// A, n×d: a handle.
    pub design: Design<T>,
    /// D, n entries, none negative.
    pub diagonal: DVector<T>,
}

/// An objective with an explicit Hessian.
pub trait HasHessian<T: Scalar>: Objective<T> {
    /// ∇²f(x), symmetric d×d.
    ///
    /// # Errors
    /// As for the gradient.
    fn hessian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error>;
}

/// An objective with Hessian-vector products, without the Hessian.
pub trait HasHessianProduct<T: Scalar>: Objective<T> {
    /// ∇²f(x)·h, d entries.
    ///
    /// # Errors
    /// As for the gradient.
    fn hessian_product(&self, x: &DVector<T>, h: &DVector<T>) -> Result<DVector<T>, Error>;
}

/// An objective with its third derivative along a direction.
pub trait HasThirdDerivative<T: Scalar>: Objective<T> {
    /// D³f(x)\[p\], symmetric d×d: the derivative of ∇²f along p.
    ///
    /// # Errors
    /// As for the gradient.
    fn third_derivative(&self, x: &DVector<T>, p: &DVector<T>) -> Result<DMatrix<T>, Error>;
}

/// A function with a residual r(x) and its Jacobian, for Gauss–Newton and its
/// kin.
///
/// For a sum of squares r is such that f = ½‖r‖². A function that is none
/// offers the equation solved at its minimiser, r = ∇f with Jacobian ∇²f, on
/// which Gauss–Newton is Newton's method; its docs say so.
pub trait HasJacobian<T: Scalar>: Objective<T> {
    /// r(x).
    ///
    /// # Errors
    /// As for the gradient.
    fn residual(&self, x: &DVector<T>) -> Result<DVector<T>, Error>;

    /// ∂r/∂x, one row per residual.
    ///
    /// # Errors
    /// As for the gradient.
    fn jacobian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error>;
}
