//! Solvers by name, and an objective that watches what they do.

mod approximate_newton;
mod cell_newton;
pub mod certificate;
mod descend;
mod executor;
mod gradient_descent;
mod history;
mod levenberg_marquardt;
mod local_newton;
mod method;
mod named;
mod preconditioned_newton;
mod sampled_form;
mod settings;
mod stop;
mod watched;

pub use approximate_newton::{ApproximateNewton, Damping};
pub use cell_newton::CellNewton;
pub use descend::BOUNDARY_FRACTION;
pub use executor::SolverState;
use executor::argmin_solver;
pub use gradient_descent::{GRADIENT_REDUCTION, GradientDescent};
pub use history::{History, IterationRow};
pub use levenberg_marquardt::{FIRST_DAMPING, LevenbergMarquardt};
pub use local_newton::{LocalNewton, SHRINKING};
pub(crate) use method::{Iterate, minimise};
pub use named::{Limits, NamedSolver, SolverRun};
pub use preconditioned_newton::PreconditionedNewton;
pub use stop::Stop;
pub use watched::{Counts, Exhausted, Improvement, Watched};

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
