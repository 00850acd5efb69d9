//! Objectives with explicit matrices.

use std::marker::PhantomData;

use argmin::core::{CostFunction, Error, Gradient, Hessian, Jacobian, Operator};
use nalgebra::DVector;

use super::Mat;
use crate::objective::{HasHessian, HasJacobian, Objective};
use crate::scalar::Scalar;

/// Any [`Objective`] as an argmin problem.
///
/// | argmin asks for | what stands behind it | from |
/// |---|---|---|
/// | `CostFunction`, `Gradient` | `DVector<T>` in and out | [`Objective`] |
/// | `Hessian` | [`Mat<T>`](Mat), d×d | [`HasHessian`] |
/// | `Operator`, `Jacobian` | the residual, `DVector<T>`, and its [`Mat<T>`](Mat) | [`HasJacobian`] |
///
/// Errors of the objective pass through argmin's error type and downcast
/// again: `error.downcast_ref::<levinv::Error>()`.
#[derive(Debug, Clone)]
pub struct ArgminProblem<T, O> {
    objective: O,
    scalar: PhantomData<fn() -> T>,
}

impl<T: Scalar, O: Objective<T>> ArgminProblem<T, O> {
    /// Wraps an objective.
    pub fn new(objective: O) -> Self {
        ArgminProblem {
            objective,
            scalar: PhantomData,
        }
    }

    /// The objective.
    pub fn objective(&self) -> &O {
        &self.objective
    }

    /// The objective back.
    pub fn into_objective(self) -> O {
        self.objective
    }
}

impl<T: Scalar, O: Objective<T>> CostFunction for ArgminProblem<T, O> {
    type Param = DVector<T>;
    type Output = T;

    fn cost(&self, x: &DVector<T>) -> Result<T, Error> {
        Ok(self.objective.value(x)?)
    }
}

impl<T: Scalar, O: Objective<T>> Gradient for ArgminProblem<T, O> {
    type Param = DVector<T>;
    type Gradient = DVector<T>;

    fn gradient(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        Ok(self.objective.gradient(x)?)
    }
}

impl<T: Scalar, O: HasHessian<T>> Hessian for ArgminProblem<T, O> {
    type Param = DVector<T>;
    type Hessian = Mat<T>;

    fn hessian(&self, x: &DVector<T>) -> Result<Mat<T>, Error> {
        Ok(Mat::from(self.objective.hessian(x)?))
    }
}

impl<T: Scalar, O: HasJacobian<T>> Operator for ArgminProblem<T, O> {
    type Param = DVector<T>;
    type Output = DVector<T>;

    fn apply(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        Ok(self.objective.residual(x)?)
    }
}

impl<T: Scalar, O: HasJacobian<T>> Jacobian for ArgminProblem<T, O> {
    type Param = DVector<T>;
    type Jacobian = Mat<T>;

    fn jacobian(&self, x: &DVector<T>) -> Result<Mat<T>, Error> {
        Ok(Mat::from(self.objective.jacobian(x)?))
    }
}
