//! Objectives as argmin problems.
//!
//! ```
//! use argmin::core::{Executor, State};
//! use argmin::solver::{linesearch::MoreThuenteLineSearch, quasinewton::LBFGS};
//! use levinv::{Model, ScoreInversion, adapter::ArgminProblem};
//! use nalgebra::{dmatrix, dvector};
//!
//! let a = dmatrix![1.0, 0.0; 0.0, 1.0; 1.0, 1.0; 1.0, -1.0];
//! let model = Model::new(a, dvector![-1.0, -2.0, -3.0, -2.0])?;
//! let target = model.at(&dvector![0.3, -0.2])?.scores()?.clone();
//!
//! let start = dvector![0.1, 0.0];
//! let loss = ScoreInversion::new(&model, target)?.in_cell_of(&start)?;
//! let solver = LBFGS::new(MoreThuenteLineSearch::new(), 7).with_tolerance_cost(0.0)?;
//! let result = Executor::new(ArgminProblem::new(loss), solver)
//!     .configure(|state| state.param(start).max_iters(100))
//!     .run()?;
//! let x = result.state.get_best_param().expect("LBFGS keeps its best point");
//! assert!((x - dvector![0.3, -0.2]).norm() < 1e-6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Which of argmin's solvers needs what, reaches what, and gets what wrong: the
//! table under «Solvers» on [the crate's page](crate#solvers).

mod foreign;
mod guarded;
mod matrix;
mod matrix_free;
mod problem;
mod retreat;

pub use foreign::{ArgminObjective, Point, Rows};
pub use guarded::Guarded;
pub use matrix::Mat;
pub use matrix_free::{HessianOperator, MatrixFreeProblem};
pub use problem::ArgminProblem;
pub use retreat::Retreat;
