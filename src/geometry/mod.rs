//! Geometry of the row-scaled design at one point.

mod domain;
mod heavy;
mod model;
mod point;

pub use domain::{Domain, Signs};
pub(crate) use heavy::ScoreProductTerms;
pub use model::Model;
pub(crate) use model::{check_length, check_vector, same_point};
pub use point::Geometry;
pub(crate) use point::SplitGram;
