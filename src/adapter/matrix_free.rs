//! Objectives whose Hessian is only ever multiplied.

use std::sync::{Arc, Mutex, PoisonError};

use argmin::core::{CostFunction, Error, Gradient, Hessian};
use argmin_math::ArgminDot;
use nalgebra::DVector;

use crate::error::Error as LevinvError;
use crate::objective::HasHessianProduct;
use crate::scalar::Scalar;

type Failure = Arc<Mutex<Option<LevinvError>>>;

/// An objective for NewtonCG and TrustRegion with Steihaug, whose Hessian is a
/// [`HessianOperator`]: products instead of a matrix.
#[derive(Debug)]
pub struct MatrixFreeProblem<T, O> {
    objective: Arc<O>,
    /// The error of a product, which has no way out of [`ArgminDot::dot`], held
    /// until argmin next asks for something that can fail.
    failure: Failure,
    scalar: std::marker::PhantomData<fn() -> T>,
}

impl<T: Scalar, O: HasHessianProduct<T>> MatrixFreeProblem<T, O> {
    /// Wraps an objective.
    pub fn new(objective: O) -> Self {
        let failure = Failure::default();
        MatrixFreeProblem {
            objective: Arc::new(objective),
            failure,
            scalar: std::marker::PhantomData,
        }
    }

    /// The objective.
    pub fn objective(&self) -> &O {
        &self.objective
    }

    fn check(&self) -> Result<(), Error> {
        match self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

impl<T, O> Clone for MatrixFreeProblem<T, O> {
    fn clone(&self) -> Self {
        MatrixFreeProblem {
            objective: Arc::clone(&self.objective),
            failure: Arc::clone(&self.failure),
            scalar: std::marker::PhantomData,
        }
    }
}

impl<T: Scalar, O: HasHessianProduct<T>> CostFunction for MatrixFreeProblem<T, O> {
    type Param = DVector<T>;
    type Output = T;

    fn cost(&self, x: &DVector<T>) -> Result<T, Error> {
        self.check()?;
        Ok(self.objective.value(x)?)
    }
}

impl<T: Scalar, O: HasHessianProduct<T>> Gradient for MatrixFreeProblem<T, O> {
    type Param = DVector<T>;
    type Gradient = DVector<T>;

    fn gradient(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        self.check()?;
        Ok(self.objective.gradient(x)?)
    }
}

impl<T: Scalar, O: HasHessianProduct<T>> Hessian for MatrixFreeProblem<T, O> {
    type Param = DVector<T>;
    type Hessian = HessianOperator<T, O>;

    fn hessian(&self, x: &DVector<T>) -> Result<HessianOperator<T, O>, Error> {
        self.check()?;
        let (objective, failure) = (Arc::clone(&self.objective), Arc::clone(&self.failure));
        Ok(HessianOperator {
            objective,
            failure,
            x: x.clone(),
        })
    }
}

/// ∇²f at one point, as something to multiply with.
#[derive(Debug)]
pub struct HessianOperator<T: Scalar, O> {
    objective: Arc<O>,
    failure: Failure,
    x: DVector<T>,
}

impl<T: Scalar, O> HessianOperator<T, O> {
    /// The point.
    pub fn x(&self) -> &DVector<T> {
        &self.x
    }
}

impl<T: Scalar, O> Clone for HessianOperator<T, O> {
    fn clone(&self) -> Self {
        HessianOperator {
            objective: Arc::clone(&self.objective),
            failure: Arc::clone(&self.failure),
            x: self.x.clone(),
        }
    }
}

impl<T: Scalar, O: HasHessianProduct<T>> ArgminDot<DVector<T>, DVector<T>>
    for HessianOperator<T, O>
{
    fn dot(&self, h: &DVector<T>) -> DVector<T> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            match self.objective.hessian_product(&self.x, h) {
                Ok(product) if can_be_stepped_by(h, &product) => return product,
                Ok(_) => return -h,
                Err(error) => *failure = Some(error),
            }
        }
        // Negative curvature makes every inner solver of argmin stop at once,
        // where NaN would keep NewtonCG's in its loop for ever; the next
        // evaluation then ends the run with the error. Until it is told, every
        // product answers so: a sound one after a failed one would send the
        // line search uphill, and its complaint would hide the cause.
        -h
    }
}

/// Whether the step ‖r‖²/(hᵀHh)·h of conjugate gradients is a number, for every
/// residual r that goes with h: ‖r‖ ≤ ‖h‖, since r is orthogonal to the direction
/// before. After an infinite step NewtonCG would loop on NaN for ever.
fn can_be_stepped_by<T: Scalar>(h: &DVector<T>, product: &DVector<T>) -> bool {
    let (size, curvature) = (h.norm_squared(), h.dot(product));
    curvature <= T::zero() || (size / curvature * size.sqrt()).is_finite()
}
