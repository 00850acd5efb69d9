//! The work on dense rows in which all the time goes, each kind in one run over a
//! block: forms `a_iᵀ L a_i`, squares `‖Uᵀ a_i‖²`, `Aᵀ diag(v) A`, and a symmetric
//! tensor met by each row twice.
//!
//! A product of matrices would do the multiplications, but it writes its result to
//! memory for the reduction to read again, and copies blocks on the way. Here what
//! is multiplied is summed up where it stands, in registers.

mod cubic;
mod gram;
mod reduce;
mod tiles;
mod wide;

pub(super) use cubic::cubic_gradients;
pub(super) use gram::add_weighted_gram;
pub(super) use reduce::{Triangle, reduce_rows};

use nalgebra::DMatrix;

use super::Scalar;
use super::rows::DenseRows;

/// Numbers of scratch, of which there are so many at least.
fn at_least<T: Scalar>(scratch: &mut DMatrix<T>, length: usize) -> &mut [T] {
    if scratch.len() < length {
        *scratch = DMatrix::zeros(length, 1);
    }
    &mut scratch.as_mut_slice()[..length]
}

#[cfg(test)]
mod tests {
    use super::wide::Wide;
    use super::*;
    use crate::scalar::real;

    /// Small whole numbers, whose sums are exact in any order.
    fn small(rows: usize, columns: usize, seed: usize) -> DMatrix<f64> {
        DMatrix::from_fn(rows, columns, |i, j| {
            ((i * 5 + j * 7 + seed) % 11) as f64 - 5.0
        })
    }

    fn agree<T: Scalar + Wide>(m: usize, d: usize) {
        let convert = |a: &DMatrix<f64>| a.map(nalgebra::convert::<f64, T>);
        // Rows of a taller matrix, from its second row on.
        let tall = convert(&small(m + 3, d, 1));
        let rows = DenseRows::new(&tall.as_slice()[1..], m, d, m + 3).expect("inside");
        let a = tall.rows(1, m);
        let lower = convert(&small(d, d, 2)).lower_triangle();
        let upper = lower.transpose();
        let v: Vec<T> = convert(&small(m, 1, 3)).as_slice().to_vec();
        // Scratch that another kernel has left.
        let mut scratch = DMatrix::from_element(2, 3, T::one() / T::zero());
        let mut out = vec![T::one(); m];
        reduce_rows(rows, (Triangle::Forms, &lower), &mut scratch, &mut out);
        let forms = a.component_mul(&(a * &lower)).column_sum();
        assert_eq!(out, forms.as_slice(), "forms, {m}×{d}");
        reduce_rows(rows, (Triangle::Squares, &upper), &mut scratch, &mut out);
        let squares = (a * &upper).map(|p| p * p).column_sum();
        assert_eq!(out, squares.as_slice(), "squares, {m}×{d}");
        let mut c = convert(&small(d, d, 4));
        let mut scaled = a.clone_owned();
        for (mut row, &v) in scaled.row_iter_mut().zip(&v) {
            row.scale_mut(v);
        }
        let gram = (&c + a.tr_mul(&scaled)).lower_triangle();
        add_weighted_gram(rows, &v, &mut scratch, &mut c);
        assert_eq!(c.lower_triangle(), gram, "AᵀDA, {m}×{d}");
        let slices: Vec<DMatrix<T>> = (1..=d)
            .map(|k| {
                let half = convert(&small(k, k, 5));
                &half + half.transpose()
            })
            .collect();
        let mut gradients = DMatrix::zeros(0, 0);
        T::cubic_gradients(rows, &slices, &mut scratch, &mut gradients);
        let y = |i: usize, j: usize| a[(i, j)];
        let half = real::<T>(0.5);
        for (i, j) in (0..m).flat_map(|i| (0..d).map(move |j| (i, j))) {
            let leading = |k: usize| a.row(i).columns(0, k + 1).transpose();
            let mut sum = leading(j).dot(&(&slices[j] * leading(j))) * half;
            for (k, slice) in slices.iter().enumerate().skip(j) {
                sum += y(i, k) * slice.row(j).transpose().dot(&leading(k));
            }
            assert_eq!(gradients[(i, j)], sum, "cubic, {m}×{d}, ({i}, {j})");
        }
    }

    #[test]
    fn kernels_agree_with_their_definitions_at_every_remainder() {
        for d in [1, 2, 3, 4, 5, 7, 8, 9, 12, 17] {
            for m in (0..50).chain([95, 96, 97, 144, 150]) {
                agree::<f64>(m, d);
                agree::<f32>(m, d);
            }
        }
    }
}
