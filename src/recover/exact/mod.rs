//! Exact arithmetic on the numbers given, in which proofs are checked.

pub(crate) mod dyadic;
pub(crate) mod null_space;
pub(crate) mod span;
