//! The crate's own solvers, all solvers by name, and an objective that watches
//! what they do.
//!
//! # Which to take
//! All of the crate's own run on an [`ArgminProblem`](crate::adapter::ArgminProblem)
//! of any objective, in argmin's `Executor`. What they need besides a value and a
//! gradient, for n rows and d parameters, beyond the evaluations themselves:
//!
//! | solver | needs | order | a step costs | take it |
//! |---|---|---|---|---|
//! | [`CellNewton`] | Hessian | 2 | one Hessian, O(d³) | first: on φ from anywhere in the cell; elsewhere it leaves saddles, and ends at a minimum |
//! | [`LevenbergMarquardt`] | residual and Jacobian of f = ½‖r‖² | 2 where r vanishes, else 1 | one Jacobian, O(nd²) | for sums of squares, from farther away |
//! | [`LocalNewton`] | Hessian | 2 | one Hessian, O(d³) | near a solution, where the condition of the theory is to be checked |
//! | [`GradientDescent`] | nothing | 1 | one gradient | where there is no more than a gradient, or for the decrease certified with L |
//! | [`PreconditionedNewton`] | products, row curvature | 2 | products, sampled rows, O(d³) | where d is large and Hessians cost too much |
//! | [`ApproximateNewton`] | row curvature | 1 | sampled rows, O(d³) | where n is large |
//!
//! Where an objective has a [`metric`](crate::Objective::metric) and a
//! [`largest_step`](crate::Objective::largest_step), as the crate's have, the
//! Newton methods and Levenberg–Marquardt do not depend on units of x, of rows or
//! of f, and evaluate nothing outside the domain (`LocalNewton` may, once, and
//! then stops). Without them they work in the given coordinates and step back from
//! +∞, NaN and errors about the point.
//!
//! # How a run ends
//! By itself, with a [`Stop`] from the solver's `stop()`: a success
//! ([`Stop::is_success`]) is a stationary point to rounding, by `CellNewton` and
//! `LocalNewton` one without negative curvature, which the other methods do not
//! look for; by `GradientDescent` one with the
//! part of the first gradient that was asked for. All other stops say what is in
//! the way. Or at one of argmin's limits (`max_iters`, `target_cost`, `timeout`),
//! then `stop()` is `None`: a function that falls for ever in a straight line ends
//! only so. Or with an error: no start, a start outside the domain or not finite,
//! a matrix of the wrong shape.
//!
//! # Checkpoints
//! With the feature `serde` solvers and their state can be saved as argmin does
//! it. A run that was cut off goes on to the same last bit:
//!
//! ```
//! # #[cfg(feature = "serde")]
//! # fn run() -> Result<(), argmin::core::Error> {
//! use argmin::core::{Executor, checkpointing::CheckpointingFrequency};
//! use argmin_checkpointing_file::FileCheckpoint;
//! use levinv::{Model, TiltedBarrier, adapter::ArgminProblem, solver::{CellNewton, Stop}};
//! use nalgebra::{dmatrix, dvector};
//!
//! # let directory = std::env::temp_dir().join(format!("levinv-doc-{}", std::process::id()));
//! # let directory = directory.to_string_lossy();
//! let model = Model::new(dmatrix![1.0; -1.0], dvector![-1.0, -1.0])?;
//! let tilted = TiltedBarrier::new(&model, dvector![2.0])?.in_cell_of(&dvector![0.0])?;
//! // Loads the checkpoint where there is one; run the program again to go on.
//! let result = Executor::new(ArgminProblem::new(tilted), CellNewton::new())
//!     .configure(|state| state.param(dvector![0.0]))
//!     .checkpointing(FileCheckpoint::new(&*directory, "newton", CheckpointingFrequency::Always))
//!     .run()?;
//! assert!(result.solver.stop().is_some_and(Stop::is_success));
//! # std::fs::remove_dir_all(&*directory)?;
//! # Ok(())
//! # }
//! # #[cfg(feature = "serde")]
//! # run().unwrap();
//! ```
//!
//! argmin saves its limits too, and a loaded checkpoint overrides `configure`: to go
//! on after a limit, load solver and state by hand and set another
//! (`Executor::new(problem, solver).configure(|_| state.max_iters(1000))`).

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
pub(crate) use cell_newton::Curvature;
pub use descend::BOUNDARY_FRACTION;
pub use executor::SolverState;
use executor::argmin_solver;
pub use gradient_descent::{GRADIENT_REDUCTION, GradientDescent};
pub use history::{History, IterationRow};
pub use levenberg_marquardt::{FIRST_DAMPING, LevenbergMarquardt};
pub use local_newton::{LocalNewton, SHRINKING};
pub(crate) use method::{Iterate, minimise};
pub(crate) use named::is_panic;
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
