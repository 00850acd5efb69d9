//! What the tests, the examples and the `bars` program share.

#![allow(dead_code, reason = "each test file uses its own part of this module")]

pub mod approximate;
pub mod auditing;
pub mod certificates;
pub mod definition;
pub mod derivatives;
pub mod designs;
pub mod double_double;
pub mod few_rows;
pub mod hard;
pub mod infeasible;
pub mod instances;
pub mod intervals;
pub mod measure;
pub mod planted;
pub mod problems;
pub mod reference;
pub mod ridge;
pub mod sampling;
pub mod solving;
pub mod sparse;
pub mod test_functions;

impl levinv::Scalar for double_double::DoubleDouble {}
