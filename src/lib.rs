#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

pub mod adapter;
pub mod audit;
pub mod compare;
pub mod cost;
mod error;
mod geometry;
mod linalg;
pub mod notation;
#[cfg(feature = "npy")]
pub mod npy;
mod objective;
pub mod recover;
pub mod sample;
mod scalar;
pub mod solver;
pub mod verify;

pub use error::{Error, NpyFault};
pub use geometry::{Domain, Geometry, Model, Signs};
pub use linalg::{
    CHOLESKY_DIGITS, CHOLESKY_TWICE_DIGITS, Design, DesignMatrix, Factorisation, Rows,
    SparseColumn, SparseMetric, SparseRows, Storage,
};
pub use nalgebra::{DMatrix, DVector};
pub use objective::{
    Barrier, ClosedForm, Functions, GradientInversion, GradientLoss, HasHessian, HasHessianProduct,
    HasJacobian, HasThirdDerivative, LeverageObjective, Objective, Ridge, RowCurvature, Scaled,
    ScoreInversion, ScoreLoss, Tilt, TiltedBarrier, VolumetricBarrier,
};
pub use scalar::{DenseRows, Extended, Scalar};
