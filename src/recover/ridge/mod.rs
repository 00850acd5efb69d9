//! Stationary points of the regularised losses.

pub(crate) mod continuation;
pub(crate) mod stationary;
