//! Quadratic forms of the rows of a block.

use nalgebra::DMatrix;

use crate::scalar::{Scalar, real};

/// `out_i = Σ_j a_ij b_ij`, column by column so that it vectorises.
pub(crate) fn row_dots<T: Scalar>(a: &DMatrix<T>, b: &DMatrix<T>, out: &mut [T]) {
    out.fill(T::zero());
    for (a, b) in a.column_iter().zip(b.column_iter()) {
        for ((out, &a), &b) in out.iter_mut().zip(a.iter()).zip(b.iter()) {
            *out += a * b;
        }
    }
}

/// The lower triangle L with `yᵀLy = yᵀFy` for symmetric F: twice F below the
/// diagonal. Half the work of all of F.
pub(crate) fn folded<T: Scalar>(form: &DMatrix<T>) -> DMatrix<T> {
    let mut lower = form * real::<T>(2.0);
    lower.set_diagonal(&form.diagonal());
    lower
}
