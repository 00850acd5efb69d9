//! The crate's own objectives, as anyone's: their definitions, and their closed
//! forms taken apart.

mod definition;
mod terms;

pub use definition::{HasDefinition, LeverageDefinition};
