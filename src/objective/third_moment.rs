//! Full Hessians through the symmetric third-moment tensor of Q.
//!
//! ```text
//! T_abc = Σ_i q_ia q_ib q_ic,     T⁽ᵛ⁾_abc = Σ_i v_i q_ia q_ib q_ic
//! Qᵀ P² Q = T₍₁₎T₍₁₎ᵀ,  Qᵀ diag(v) P² Q = T⁽ᵛ⁾₍₁₎T₍₁₎ᵀ                     (T1, T2)
//! [Qᵀ(P∘(P diag(v) P))Q]_pq = Σ_abc T_pab T_qac (Qᵀ diag(v) Q)_bc        (T3)
//! QᵀΛ²Q = (ΛQ)ᵀ(ΛQ),  ΛQ = ΣQ − rows(q_i ⊗ q_i)·T                        (T4)
//! ```
//!
//! One pass over Q with nd³/2 multiply-adds in a matrix product replaces d
//! Hessian-vector products of 2nd² each.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::Geometry;
use crate::scalar::{Scalar, real};

/// Entries of the matrix of pairs that is formed at a time: 256 KiB of f64.
const PAIR_ENTRIES: usize = 1 << 15;

/// T with its symmetric first two indices packed: row `pair(a, b)`, a ≥ b,
/// column c.
pub(super) struct ThirdMoment<T: Scalar> {
    packed: DMatrix<T>,
}

impl<T: Scalar> ThirdMoment<T> {
    /// Whether the tensor is worth its memory: no larger than Q itself.
    pub(super) fn fits(n: usize, d: usize) -> bool {
        pairs(d) <= n
    }

    /// T, or T⁽ᵛ⁾ when given weights. O(nd³) time, O(d³) memory.
    pub(super) fn new(at: &Geometry<T>, weights: Option<&DVector<T>>) -> Result<Self, Error> {
        let d = at.x().len();
        let packed = at.fold_q(
            || DMatrix::zeros(pairs(d), d),
            |sum, q, range| {
                for_each_slice(q, |first, rows, pairs| {
                    let mut rows = rows.clone();
                    if let Some(v) = weights {
                        for (k, mut row) in rows.row_iter_mut().enumerate() {
                            row.scale_mut(v[range.start + first + k]);
                        }
                    }
                    T::add_transposed_product(pairs, &rows, sum);
                });
            },
            |sum, part| *sum += part,
        )?;
        Ok(ThirdMoment {
            packed: packed.unwrap_or_else(|| DMatrix::zeros(pairs(d), d)),
        })
    }

    /// `other₍₁₎ self₍₁₎ᵀ`: Qᵀdiag(v)P²Q where `other` is T⁽ᵛ⁾. (T1, T2)
    pub(super) fn contract_two(&self, other: &Self) -> DMatrix<T> {
        other.packed.tr_mul(&self.doubled())
    }

    /// The packed tensor with off-diagonal pairs counted twice, as a full sum
    /// over both indices has them.
    fn doubled(&self) -> DMatrix<T> {
        let mut out = self.packed.clone();
        let d = out.ncols();
        for a in 0..d {
            for b in 0..a {
                out.row_mut(pair(a, b)).scale_mut(real(2.0));
            }
        }
        out
    }

    /// Qᵀ(P∘(P diag(v) P))Q from `k = Qᵀ diag(v) Q`, as Σ_a T_a k T_a. (T3)
    pub(super) fn contract_three(&self, k: &DMatrix<T>) -> DMatrix<T> {
        let d = k.ncols();
        let mut sum = DMatrix::zeros(d, d);
        let mut image = DMatrix::zeros(d, d);
        for a in 0..d {
            let slice = DMatrix::from_fn(d, d, |b, c| self.packed[(pair(a.max(b), a.min(b)), c)]);
            T::multiply(&slice, k, &mut image);
            // T_a is symmetric: its transpose stands for itself.
            T::add_transposed_product(&image.transpose(), &slice, &mut sum);
        }
        sum
    }

    /// P²Q by slices of rows, as `visit(first row, Q, P²Q)`. (T4)
    pub(super) fn for_each_squared(
        &self,
        q: &DMatrix<T>,
        mut visit: impl FnMut(usize, &DMatrix<T>, &DMatrix<T>),
    ) {
        let doubled = self.doubled();
        for_each_slice(q, |first, rows, pairs| {
            let mut squared = DMatrix::zeros(rows.nrows(), rows.ncols());
            T::multiply(pairs, &doubled, &mut squared);
            visit(first, rows, &squared);
        });
    }
}

fn pairs(d: usize) -> usize {
    d * (d + 1) / 2
}

fn pair(a: usize, b: usize) -> usize {
    a * (a + 1) / 2 + b
}

/// Slices of rows with the products of their pairs of entries, q_a∘q_b.
fn for_each_slice<T: Scalar>(
    q: &DMatrix<T>,
    mut visit: impl FnMut(usize, &DMatrix<T>, &DMatrix<T>),
) {
    let (n, d) = q.shape();
    let height = (PAIR_ENTRIES / pairs(d)).clamp(16, n.max(16));
    for first in (0..n).step_by(height) {
        let rows = q.rows(first, height.min(n - first)).into_owned();
        let mut products = DMatrix::zeros(rows.nrows(), pairs(d));
        for a in 0..d {
            for b in 0..=a {
                let mut out = products.column_mut(pair(a, b));
                for ((out, &x), &y) in out
                    .iter_mut()
                    .zip(rows.column(a).iter())
                    .zip(rows.column(b).iter())
                {
                    *out = x * y;
                }
            }
        }
        visit(first, &rows, &products);
    }
}

/// The Hessian by d products, where the tensor would be larger than A.
pub(super) fn hessian_by_products<T: Scalar>(
    d: usize,
    product: impl Fn(&DVector<T>) -> Result<DVector<T>, Error>,
) -> Result<DMatrix<T>, Error> {
    let mut hessian = DMatrix::zeros(d, d);
    for j in 0..d {
        let mut unit = DVector::zeros(d);
        unit[j] = T::one();
        hessian.set_column(j, &product(&unit)?);
    }
    // Equal up to rounding; solvers rely on its being exact.
    Ok((&hessian + hessian.transpose()) * real::<T>(0.5))
}
