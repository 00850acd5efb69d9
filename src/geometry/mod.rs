//! Geometry of the row-scaled design at one point.

mod apart;
mod domain;
mod frame;
mod heavy;
mod light;
mod make;
mod model;
mod moment;
mod near;
mod pass;
mod point;
mod selected;
mod walk;

pub(crate) use crate::linalg::{check_length, check_vector};
pub use domain::{Domain, Signs};
pub(crate) use heavy::ScoreProductTerms;
pub use model::Model;
pub(crate) use model::same_point;
pub(crate) use moment::{Form, Moment};
pub(crate) use near::{NearNormal, doubled_pattern};
pub use point::Geometry;
pub(crate) use walk::Ask;
