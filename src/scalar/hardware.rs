//! f32 and f64: faer's kernels, and slacks in compensated arithmetic.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::qr::col_pivoting::factor::{
    ColPivQrParams, qr_in_place, qr_in_place_scratch, recommended_block_size,
};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::traits::ComplexField;
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};
use nalgebra::{DMatrix, DVector};

use super::Scalar;

fn view<T>(m: &DMatrix<T>) -> MatRef<'_, T> {
    MatRef::from_column_major_slice(m.as_slice(), m.nrows(), m.ncols())
}

fn view_mut<T>(m: &mut DMatrix<T>) -> MatMut<'_, T> {
    let (rows, columns) = m.shape();
    MatMut::from_column_major_slice_mut(m.as_mut_slice(), rows, columns)
}

/// The kernels that read the same for both widths.
macro_rules! faer_kernels {
    () => {
        fn same(self, other: Self) -> bool {
            self == other
        }

        fn add_gram(a: &DMatrix<Self>, b: &DMatrix<Self>, c: &mut DMatrix<Self>) {
            triangular::matmul(
                view_mut(c),
                BlockStructure::TriangularLower,
                Accum::Add,
                view(a).transpose(),
                BlockStructure::Rectangular,
                view(b),
                BlockStructure::Rectangular,
                1.0,
                Par::Seq,
            );
        }

        fn multiply(a: &DMatrix<Self>, b: &DMatrix<Self>, c: &mut DMatrix<Self>) {
            matmul(view_mut(c), Accum::Replace, view(a), view(b), 1.0, Par::Seq);
        }

        fn multiply_lower(a: &DMatrix<Self>, l: &DMatrix<Self>, c: &mut DMatrix<Self>) {
            triangular::matmul(
                view_mut(c),
                BlockStructure::Rectangular,
                Accum::Replace,
                view(a),
                BlockStructure::Rectangular,
                view(l),
                BlockStructure::TriangularLower,
                1.0,
                Par::Seq,
            );
        }

        fn add_transposed_product(a: &DMatrix<Self>, b: &DMatrix<Self>, c: &mut DMatrix<Self>) {
            matmul(
                view_mut(c),
                Accum::Add,
                view(a).transpose(),
                view(b),
                1.0,
                Par::Seq,
            );
        }

        fn solve_right_upper(r: &DMatrix<Self>, rows: &mut DMatrix<Self>) {
            // Q R = A is Rᵀ Qᵀ = Aᵀ.
            solve_lower_triangular_in_place(
                view(r).transpose(),
                view_mut(rows).transpose_mut(),
                Par::Seq,
            );
        }

        fn pivoted_r(rows: DMatrix<Self>) -> (DMatrix<Self>, Vec<usize>) {
            faer_pivoted_r(rows)
        }
    };
}

fn faer_pivoted_r<T: ComplexField + nalgebra::Scalar + num_traits::Zero + Copy>(
    mut rows: DMatrix<T>,
) -> (DMatrix<T>, Vec<usize>) {
    let (m, d) = rows.shape();
    let size = m.min(d);
    let width = recommended_block_size::<T>(m, d);
    let params = Spec::<ColPivQrParams, T>::default();
    let mut coefficients = Mat::<T>::zeros(width, size);
    let (mut pivots, mut inverse) = (vec![0usize; d], vec![0usize; d]);
    let mut memory = MemBuffer::new(qr_in_place_scratch::<usize, T>(
        m,
        d,
        width,
        Par::Seq,
        params,
    ));
    qr_in_place(
        view_mut(&mut rows),
        coefficients.as_mut(),
        &mut pivots,
        &mut inverse,
        Par::Seq,
        MemStack::new(&mut memory),
        params,
    );
    // Below the diagonal stand the Householder vectors.
    let r = DMatrix::from_fn(
        size,
        d,
        |i, j| if i <= j { rows[(i, j)] } else { T::zero() },
    );
    (r, pivots)
}

impl Scalar for f64 {
    fn residual(rows: &DMatrix<f64>, x: &DVector<f64>, b: &[f64], s: &mut [f64]) {
        // Column by column, so that the sums of all rows advance together and
        // vectorise; `low` gathers the rounding errors of products and sums.
        let mut low = vec![0.0; s.len()];
        s.iter_mut().zip(b).for_each(|(s, b)| *s = -b);
        for (column, &x) in rows.column_iter().zip(x.iter()) {
            let (x_high, x_low) = split(x);
            for ((s, low), &a) in s.iter_mut().zip(&mut low).zip(column.iter()) {
                let product = a * x;
                let (a_high, a_low) = split(a);
                let error =
                    ((a_high * x_high - product) + a_high * x_low + a_low * x_high) + a_low * x_low;
                let sum = *s + product;
                *low += two_sum_error(*s, product, sum) + error;
                *s = sum;
            }
        }
        for (i, (s, low)) in s.iter_mut().zip(low).enumerate() {
            let sum = *s + low;
            // The splitting overflows past 2^996, where fused multiply-adds do not.
            *s = if sum.is_finite() {
                sum
            } else {
                Self::residual_of_row(rows.row(i).iter().copied().zip(x.iter().copied()), b[i])
            };
        }
    }

    fn residual_of_row(pairs: impl Iterator<Item = (f64, f64)>, b: f64) -> f64 {
        let (mut sum, mut low) = (-b, 0.0);
        for (a, x) in pairs {
            let product = a * x;
            let next = sum + product;
            low += two_sum_error(sum, product, next) + a.mul_add(x, -product);
            sum = next;
        }
        if low.is_finite() { sum + low } else { sum }
    }

    faer_kernels!();
}

impl Scalar for f32 {
    fn residual_of_row(pairs: impl Iterator<Item = (f32, f32)>, b: f32) -> f32 {
        // A product of two f32 is exact in f64.
        pairs.fold(-f64::from(b), |sum, (a, x)| {
            sum + f64::from(a) * f64::from(x)
        }) as f32
    }

    faer_kernels!();
}

/// Veltkamp's splitting into two halves of at most 26 bits each.
fn split(a: f64) -> (f64, f64) {
    const FACTOR: f64 = ((1u64 << 27) + 1) as f64;
    let shifted = FACTOR * a;
    let high = shifted - (shifted - a);
    (high, a - high)
}

/// Knuth's exact rounding error of `sum = a + b`.
fn two_sum_error(a: f64, b: f64, sum: f64) -> f64 {
    let b_seen = sum - a;
    (a - (sum - b_seen)) + (b - b_seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residual_keeps_its_digits_through_total_cancellation() {
        // 1e16·1 + 1·1 − 1e16 = 1 is lost by a plain sum.
        let rows = DMatrix::from_row_slice(1, 3, &[1e16, 1.0, -1e16]);
        let x = DVector::from_element(3, 1.0);
        let mut s = [0.0];
        f64::residual(&rows, &x, &[0.0], &mut s);
        assert_eq!(s[0], 1.0);
        let pairs = rows.iter().copied().zip(x.iter().copied());
        assert_eq!(f64::residual_of_row(pairs, 0.0), 1.0);
    }

    #[test]
    fn residual_survives_numbers_whose_splitting_overflows() {
        let rows = DMatrix::from_row_slice(1, 2, &[1e308, 1.0]);
        let x = DVector::from_vec(vec![0.5, 2.0]);
        let mut s = [0.0];
        f64::residual(&rows, &x, &[0.0], &mut s);
        assert_eq!(s[0], 5e307);
    }

    #[test]
    fn faer_and_nalgebra_kernels_agree() {
        let a = DMatrix::from_fn(7, 3, |i, j| ((i * 5 + j * 7) % 11) as f64 - 4.0);
        let (r, pivots) = f64::pivoted_r(a.clone());
        let permuted = a.select_columns(&pivots);
        let error = (permuted.tr_mul(&permuted) - r.tr_mul(&r)).norm();
        assert!(error < 1e-12 * a.norm_squared(), "{error}");
        let mut q = permuted;
        f64::solve_right_upper(&r, &mut q);
        assert!((q.tr_mul(&q) - DMatrix::identity(3, 3)).norm() < 1e-14);
    }
}
