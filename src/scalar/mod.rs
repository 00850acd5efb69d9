//! The arithmetic that every formula of the crate is written over.
//!
//! A closed form is typed once, generic over [`Scalar`], and runs in `f32`,
//! `f64`, dual numbers, or any extended precision that has nalgebra's
//! [`RealField`]. The trait holds the handful of dense kernels in which all
//! the time goes; their defaults are nalgebra's, and `f32` and `f64` override
//! them with faer's, or with reductions in registers where faer has none.

mod dual;
mod elementwise;
mod extended;
mod hardware;
mod kernels;
mod rows;
mod simd;

use elementwise::scale_into;
pub(crate) use elementwise::{add_combination, image, row_dots, shape};
pub use extended::Extended;
pub(crate) use extended::{narrow, widen};
pub use rows::DenseRows;
pub(crate) use simd::vectorised;

use nalgebra::{DMatrix, DMatrixView, DVector, Dyn, RealField, U1};

/// A real arithmetic with the dense kernels that the crate is built from.
///
/// Every method has a default, so a new arithmetic joins with an empty
/// `impl`:
///
/// ```
/// # use levinv::Scalar;
/// # fn joins<T: Scalar>() {}
/// // num-dual's types come with the crate:
/// joins::<num_dual::Dual64>();
/// // impl Scalar for MyDoubleDouble {}
/// ```
///
/// Blocks are column-major, of some hundred to a few thousand rows; the kernels
/// run on one thread, parallelism is over blocks.
pub trait Scalar: RealField + Copy {
    /// `s ← rows·x − b`, to the accuracy of the arithmetic's rounding *of the
    /// result* where the arithmetic allows it.
    ///
    /// The slack cancels when it is small: at s = 1e-8 a plain f64 sum leaves
    /// the gradient with relative error 3e-8. `f32` and `f64` therefore sum in
    /// twice the working precision; the default is the plain sum, which is all
    /// that a dual number can mean by it.
    fn residual<'a>(
        rows: impl Into<DenseRows<'a, Self>>,
        x: &DVector<Self>,
        b: &[Self],
        s: &mut [Self],
    ) {
        s.iter_mut().zip(b).for_each(|(s, &b)| *s = -b);
        for (column, &x) in rows.into().columns().zip(x.iter()) {
            s.iter_mut().zip(column).for_each(|(s, &a)| *s += a * x);
        }
    }

    /// `Σ a·x − b` over the pairs of one row, summed as in
    /// [`residual`](Scalar::residual).
    fn residual_of_row(pairs: impl Iterator<Item = (Self, Self)>, b: Self) -> Self {
        pairs.fold(-b, |sum, (a, x)| sum + a * x)
    }

    /// Whether two numbers are the same in every part, so that what was computed
    /// at one holds at the other.
    ///
    /// `==` will not do: a dual number compares by its real part alone, and a
    /// memory keyed by it would hand back the derivatives of another seed. The
    /// default says no, which costs time, never truth.
    fn same(self, _other: Self) -> bool {
        false
    }

    /// Lower triangle of `c ← c + aᵀ b`, for blocks whose product is symmetric.
    fn add_gram<'a>(a: impl Into<DenseRows<'a, Self>>, b: &DMatrix<Self>, c: &mut DMatrix<Self>) {
        c.gemm(Self::one(), &view(a.into()).transpose(), b, Self::one());
    }

    /// Lower triangle of `c ← c + aᵀ diag(v) a`; `scratch` of any shape.
    fn add_weighted_gram(
        a: DenseRows<'_, Self>,
        v: &[Self],
        scratch: &mut DMatrix<Self>,
        c: &mut DMatrix<Self>,
    ) {
        scale_into(a, v, scratch);
        Self::add_gram(a, scratch, c);
    }

    /// `out_i ← a_iᵀ L a_i` for the rows of `a` and lower triangular `l`, whose
    /// upper triangle is zero; `scratch` of any shape.
    fn lower_forms(
        a: DenseRows<'_, Self>,
        l: &DMatrix<Self>,
        scratch: &mut DMatrix<Self>,
        out: &mut [Self],
    ) {
        shape(scratch, a.nrows(), l.ncols());
        Self::multiply(a, l, scratch);
        row_dots(a, &*scratch, out);
    }

    /// `out_i ← ‖Uᵀ a_i‖²` for upper triangular `u`, whose lower triangle is zero.
    fn upper_squares(
        a: DenseRows<'_, Self>,
        u: &DMatrix<Self>,
        scratch: &mut DMatrix<Self>,
        out: &mut [Self],
    ) {
        shape(scratch, a.nrows(), u.ncols());
        Self::multiply(a, u, scratch);
        row_dots(&*scratch, &*scratch, out);
    }

    /// Row i of `out` ← the gradient at row i of `a` of the cubic form
    /// `f(y) = ½ Σ_k y_k (y₀ … y_k) S_k (y₀ … y_k)ᵀ`, S_k symmetric of order k + 1,
    /// one a column of `a`; `scratch` and `out` of any shape. nd³/3 multiply-adds.
    fn cubic_gradients(
        a: DenseRows<'_, Self>,
        slices: &[DMatrix<Self>],
        scratch: &mut DMatrix<Self>,
        out: &mut DMatrix<Self>,
    ) {
        let m = a.nrows();
        shape(out, m, a.ncols());
        out.fill(Self::zero());
        let half = real::<Self>(0.5);
        for (k, slice) in slices.iter().enumerate() {
            shape(scratch, m, k + 1);
            Self::multiply(a.leading(k + 1), slice, scratch);
            for (j, products) in scratch.column_iter().enumerate() {
                for (i, &product) in products.iter().enumerate() {
                    out[(i, j)] += a.column(k)[i] * product;
                    out[(i, k)] += a.column(j)[i] * product * half;
                }
            }
        }
    }

    /// `c ← a b`.
    fn multiply<'a>(a: impl Into<DenseRows<'a, Self>>, b: &DMatrix<Self>, c: &mut DMatrix<Self>) {
        c.gemm(Self::one(), &view(a.into()), b, Self::zero());
    }

    /// `c ← a u` for upper triangular `u`, whose lower triangle is zero.
    fn multiply_upper<'a>(
        a: impl Into<DenseRows<'a, Self>>,
        u: &DMatrix<Self>,
        c: &mut DMatrix<Self>,
    ) {
        c.gemm(Self::one(), &view(a.into()), u, Self::zero());
    }

    /// `c ← c + aᵀ b`, all of it.
    fn add_transposed_product(a: &DMatrix<Self>, b: &DMatrix<Self>, c: &mut DMatrix<Self>) {
        c.gemm(Self::one(), &a.transpose(), b, Self::one());
    }

    /// `c ← c + a b` on leading parts: as many rows of `a` and columns of `b` as
    /// `c` has, summed over as many columns of `a` as `b` has rows, or the other
    /// way round where those are fewer. Scratch may thus be larger than needed.
    fn add_leading_product(a: &DMatrix<Self>, b: &DMatrix<Self>, c: &mut DMatrix<Self>) {
        let inner = a.ncols().min(b.nrows());
        let a = a.view((0, 0), (c.nrows(), inner));
        let b = b.view((0, 0), (inner, c.ncols()));
        c.gemm(Self::one(), &a, &b, Self::one());
    }

    /// `rows ← rows R⁻¹` for upper triangular `r`.
    fn solve_right_upper(r: &DMatrix<Self>, rows: &mut DMatrix<Self>) {
        // Column j of Q R = A: q_j = (a_j − Σ_{k<j} q_k r_kj) / r_jj.
        for j in 0..r.ncols() {
            for k in 0..j {
                let (done, mut rest) = rows.columns_range_pair_mut(k, j..);
                rest.column_mut(0).axpy(-r[(k, j)], &done, Self::one());
            }
            rows.column_mut(j).unscale_mut(r[(j, j)]);
        }
    }

    /// R of a column-pivoted Householder QR, and its pivots: column k of R
    /// belongs to column `pivots[k]` of `rows`.
    fn pivoted_r(rows: DMatrix<Self>) -> (DMatrix<Self>, Vec<usize>) {
        let columns = rows.ncols();
        let qr = rows.col_piv_qr();
        let mut pivots = nalgebra::RowDVector::from_fn(columns, |_, j| j);
        qr.p().permute_columns(&mut pivots);
        (qr.r(), pivots.iter().copied().collect())
    }
}

fn view<'a, T: Scalar>(rows: DenseRows<'a, T>) -> DMatrixView<'a, T, U1, Dyn> {
    let shape = (Dyn(rows.nrows()), Dyn(rows.ncols()));
    let strides = (U1, Dyn(rows.stride()));
    DMatrixView::from_slice_with_strides_generic(
        rows.data(),
        shape.0,
        shape.1,
        strides.0,
        strides.1,
    )
}

/// The distance from 1 to the next number: what one operation can lose.
pub(crate) fn epsilon<T: Scalar>() -> T {
    T::default_epsilon()
}

/// A constant of a formula or a setting in the arithmetic `T`.
pub(crate) fn real<T: Scalar>(value: f64) -> T {
    nalgebra::convert(value)
}

/// A size as a number.
pub(crate) fn count<T: Scalar>(n: usize) -> T {
    real(n as f64)
}

/// The nearest f64, for messages and for decisions that need no more.
pub(crate) fn to_f64<T: Scalar>(value: T) -> f64 {
    nalgebra::convert_unchecked(value)
}
