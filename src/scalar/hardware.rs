//! f32 and f64: faer's kernels and our own, and slacks in compensated arithmetic.

use std::array::from_fn;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::col_pivoting::factor::{
    ColPivQrParams, qr_in_place, qr_in_place_scratch, recommended_block_size,
};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::reborrow::ReborrowMut;
use faer::traits::ComplexField;
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};
use nalgebra::{DMatrix, DVector};

use super::Scalar;
use super::elementwise::{STREAMS, shape};
use super::kernels::{self, Triangle};
use super::rows::DenseRows;
use super::simd::{fuses, vectorised};

/// Columns of a triangle that are multiplied at a time: the microkernel's width.
const TRIANGLE_PANEL: usize = 8;
/// What heights of panels should be multiples of: the lanes of a wide vector.
const LANES: usize = 8;

fn view<'a, T>(rows: impl Into<DenseRows<'a, T>>) -> MatRef<'a, T> {
    let rows = rows.into();
    let (m, d) = (rows.nrows(), rows.ncols());
    MatRef::from_column_major_slice_with_stride(rows.data(), m, d, rows.stride())
}

fn view_mut<T>(m: &mut DMatrix<T>) -> MatMut<'_, T> {
    let (rows, columns) = m.shape();
    MatMut::from_column_major_slice_mut(m.as_mut_slice(), rows, columns)
}

/// First column and width of the panels that a triangle of order d is cut into.
///
/// A product of two blocks that is known to be triangular costs half of a whole
/// one if cut into panels, and faer's kernels take panels faster than its own
/// triangular product is (5.0 to 6.7 ms at n = 100 000, d = 50; 14.8 to 15.6 at
/// d = 100). The first takes the remainder, so that the heights d − j of all
/// others fill whole vectors.
fn panels(d: usize, width: usize) -> impl Iterator<Item = (usize, usize)> {
    let first = match d % LANES {
        0 => width.min(d),
        rest => rest,
    };
    let others = (first..d).step_by(width);
    std::iter::once((0, first)).chain(others.map(move |j| (j, width.min(d - j))))
}

/// Columns of a Gram matrix that are made at a time.
fn gram_panel(d: usize) -> usize {
    if d < 64 { 16 } else { 24 }
}

/// The kernels that read the same for both widths.
macro_rules! hardware_kernels {
    () => {
        fn same(self, other: Self) -> bool {
            self == other
        }

        fn add_gram<'a>(
            a: impl Into<DenseRows<'a, Self>>,
            b: &DMatrix<Self>,
            c: &mut DMatrix<Self>,
        ) {
            let (a, b, mut c) = (view(a), view(b), view_mut(c));
            let d = b.ncols();
            for (j, width) in panels(d, gram_panel(d)) {
                matmul(
                    c.rb_mut().submatrix_mut(j, j, d - j, width),
                    Accum::Add,
                    a.subcols(j, d - j).transpose(),
                    b.subcols(j, width),
                    1.0,
                    Par::Seq,
                );
            }
        }

        fn multiply<'a>(
            a: impl Into<DenseRows<'a, Self>>,
            b: &DMatrix<Self>,
            c: &mut DMatrix<Self>,
        ) {
            matmul(view_mut(c), Accum::Replace, view(a), view(b), 1.0, Par::Seq);
        }

        fn add_weighted_gram(
            a: DenseRows<'_, Self>,
            v: &[Self],
            scratch: &mut DMatrix<Self>,
            c: &mut DMatrix<Self>,
        ) {
            kernels::add_weighted_gram(a, v, scratch, c);
        }

        fn lower_forms(
            a: DenseRows<'_, Self>,
            l: &DMatrix<Self>,
            scratch: &mut DMatrix<Self>,
            out: &mut [Self],
        ) {
            kernels::reduce_rows(a, (Triangle::Forms, l), scratch, out);
        }

        fn upper_squares(
            a: DenseRows<'_, Self>,
            u: &DMatrix<Self>,
            scratch: &mut DMatrix<Self>,
            out: &mut [Self],
        ) {
            kernels::reduce_rows(a, (Triangle::Squares, u), scratch, out);
        }

        fn cubic_gradients(
            a: DenseRows<'_, Self>,
            slices: &[DMatrix<Self>],
            scratch: &mut DMatrix<Self>,
            out: &mut DMatrix<Self>,
        ) {
            shape(out, a.nrows(), a.ncols());
            kernels::cubic_gradients(a, slices, scratch, out);
        }

        fn multiply_upper<'a>(
            a: impl Into<DenseRows<'a, Self>>,
            u: &DMatrix<Self>,
            c: &mut DMatrix<Self>,
        ) {
            let (a, u, mut c) = (view(a), view(u), view_mut(c));
            for (j, width) in panels(u.ncols(), TRIANGLE_PANEL) {
                matmul(
                    c.rb_mut().subcols_mut(j, width),
                    Accum::Replace,
                    a.subcols(0, j + width),
                    u.submatrix(0, j, j + width, width),
                    1.0,
                    Par::Seq,
                );
            }
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

        fn add_leading_product(a: &DMatrix<Self>, b: &DMatrix<Self>, c: &mut DMatrix<Self>) {
            let (rows, columns) = c.shape();
            let inner = a.ncols().min(b.nrows());
            let a = view(a).submatrix(0, 0, rows, inner);
            let b = view(b).submatrix(0, 0, inner, columns);
            matmul(view_mut(c), Accum::Add, a, b, 1.0, Par::Seq);
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
    fn residual<'a>(
        rows: impl Into<DenseRows<'a, f64>>,
        x: &DVector<f64>,
        b: &[f64],
        s: &mut [f64],
    ) {
        let rows = rows.into();
        // Column by column, so that the sums of all rows advance together and
        // vectorise; `low` gathers the rounding errors of products and sums.
        let mut low = vec![0.0; s.len()];
        s.iter_mut().zip(b).for_each(|(s, b)| *s = -b);
        if fuses() {
            vectorised(
                #[inline(always)]
                || accumulate(rows, x, s, &mut low, |a, x, product| a.mul_add(x, -product)),
            );
        } else {
            accumulate(rows, x, s, &mut low, split_product_error);
        }
        for (i, (s, low)) in s.iter_mut().zip(low).enumerate() {
            let sum = *s + low;
            // Splitting overflows past 2^996, where fused multiply-adds do not.
            *s = if sum.is_finite() {
                sum
            } else {
                let row = rows.columns().map(|column| column[i]);
                Self::residual_of_row(row.zip(x.iter().copied()), b[i])
            };
        }
    }

    #[inline(always)]
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

    hardware_kernels!();
}

impl Scalar for f32 {
    fn residual<'a>(
        rows: impl Into<DenseRows<'a, f32>>,
        x: &DVector<f32>,
        b: &[f32],
        s: &mut [f32],
    ) {
        let rows = rows.into();
        // A product of two f32 is exact in f64.
        let mut sums: Vec<f64> = b.iter().map(|&b| -f64::from(b)).collect();
        vectorised(
            #[inline(always)]
            || {
                for (column, &x) in rows.columns().zip(x.iter()) {
                    let x = f64::from(x);
                    for (sum, &a) in sums.iter_mut().zip(column) {
                        *sum += f64::from(a) * x;
                    }
                }
            },
        );
        s.iter_mut().zip(sums).for_each(|(s, sum)| *s = sum as f32);
    }

    #[inline(always)]
    fn residual_of_row(pairs: impl Iterator<Item = (f32, f32)>, b: f32) -> f32 {
        // A product of two f32 is exact in f64.
        pairs.fold(-f64::from(b), |sum, (a, x)| {
            sum + f64::from(a) * f64::from(x)
        }) as f32
    }

    hardware_kernels!();
}

/// `s + low ← s + low + rows·x`, several columns at a time: as many streams from
/// memory instead of one, and so much less traffic in s and low.
#[inline(always)]
fn accumulate(
    rows: DenseRows<'_, f64>,
    x: &DVector<f64>,
    s: &mut [f64],
    low: &mut [f64],
    product_error: impl Fn(f64, f64, f64) -> f64,
) {
    let m = s.len();
    let low = &mut low[..m];
    let step = |a: f64, x: f64, s: &mut f64, low: &mut f64| {
        let product = a * x;
        let sum = *s + product;
        *low += two_sum_error(*s, product, sum) + product_error(a, x, product);
        *s = sum;
    };
    let many = rows.ncols() / STREAMS * STREAMS;
    for j in (0..many).step_by(STREAMS) {
        let a: [_; STREAMS] = from_fn(|k| &rows.column(j + k)[..m]);
        let x: [_; STREAMS] = from_fn(|k| x[j + k]);
        for i in 0..m {
            let (mut sum, mut rest) = (s[i], low[i]);
            for k in 0..STREAMS {
                step(a[k][i], x[k], &mut sum, &mut rest);
            }
            (s[i], low[i]) = (sum, rest);
        }
    }
    for j in many..rows.ncols() {
        for ((&a, s), low) in rows.column(j).iter().zip(&mut *s).zip(&mut *low) {
            step(a, x[j], s, low);
        }
    }
}

/// Dekker's exact error of `product = a x`, from Veltkamp's halves.
#[inline(always)]
fn split_product_error(a: f64, x: f64, product: f64) -> f64 {
    let ((a_high, a_low), (x_high, x_low)) = (split(a), split(x));
    ((a_high * x_high - product) + a_high * x_low + a_low * x_high) + a_low * x_low
}

/// Veltkamp's splitting into two halves of at most 26 bits each.
fn split(a: f64) -> (f64, f64) {
    const FACTOR: f64 = ((1u64 << 27) + 1) as f64;
    let shifted = FACTOR * a;
    let high = shifted - (shifted - a);
    (high, a - high)
}

/// Knuth's exact rounding error of `sum = a + b`.
#[inline(always)]
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
