//! Geometry of the row-scaled design at one point.

mod apart;
mod domain;
mod heavy;
mod make;
mod model;
mod point;
mod walk;

pub(crate) use crate::linalg::{check_length, check_vector};
pub use domain::{Domain, Signs};
pub(crate) use heavy::{ScoreProductTerms, SplitGram};
pub use model::Model;
pub(crate) use model::same_point;
pub use point::Geometry;
pub(crate) use walk::{Ask, Sum};
