//! Solvers by name, and an objective that watches what they do.

mod argmin_solvers;
mod watched;

pub use argmin_solvers::{ArgminSolver, IterationRow, SolverRun};
pub use watched::{Counts, Watched};

use crate::objective::{HasHessian, HasHessianProduct, HasJacobian};
use crate::scalar::Scalar;

/// Everything that any of argmin's derivative-based solvers can ask for.
pub trait FullObjective<T: Scalar>:
    HasHessian<T> + HasHessianProduct<T> + HasJacobian<T> + Send + Sync
{
}

impl<T: Scalar, O> FullObjective<T> for O where
    O: HasHessian<T> + HasHessianProduct<T> + HasJacobian<T> + Send + Sync
{
}
