pub mod adapter;
pub mod recover;
mod error;
mod geometry;
mod linalg;
pub mod notation;
mod objective;
mod scalar;
pub mod solver;

pub use error::Error;
pub use geometry::{Domain, Geometry, Model, Signs};
pub use linalg::{Design, DesignMatrix, Factorisation};
pub use nalgebra::{DMatrix, DVector};
pub use objective::*;
pub use scalar::Scalar;
