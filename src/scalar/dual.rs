//! num-dual's numbers as scalars: the closed forms differentiate themselves.
//!
//! Only the types of fixed size join (`Copy`); one heap-allocated derivative
//! vector per number would be ten times slower than looping over directions.

use nalgebra::RealField;
use num_dual::{Dual, Dual2, Dual3, DualNum, HyperDual, HyperHyperDual};

use super::Scalar;

macro_rules! dual_scalars {
    ($($dual:ident),*) => {$(
        impl<T: DualNum<F>, F> Scalar for $dual<T, F> where $dual<T, F>: RealField + Copy {}
    )*};
}

dual_scalars!(Dual, Dual2, Dual3, HyperDual, HyperHyperDual);
