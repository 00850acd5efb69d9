//! The symmetric third-moment tensor of Q.
//!
//! ```text
//! T_abc = Σ_i q_ia q_ib q_ic,     T⁽ᵛ⁾_abc = Σ_i v_i q_ia q_ib q_ic
//! Qᵀ P² Q = T₍₁₎T₍₁₎ᵀ,  Qᵀ diag(v) P² Q = T⁽ᵛ⁾₍₁₎T₍₁₎ᵀ                     (T1, T2)
//! [Qᵀ(P∘(P diag(v) P))Q]_pq = Σ_abc T_pab T_qac (Qᵀ diag(v) Q)_bc        (T3)
//! QᵀΛ²Q = (ΛQ)ᵀ(ΛQ),  ΛQ = ΣQ − rows(q_i ⊗ q_i)·T                        (T4)
//! ```
//!
//! Only T_abc with a ≥ b ≥ c are summed, nd³/6 multiply-adds in matrix products
//! of chunks of pairs with leading columns of Q; P²Q, the gradient of a cubic form at
//! each row, takes nd³/3 more.

use nalgebra::{DMatrix, DVector};

use super::pairs::{self, Pairs, for_each_slice};
use crate::error::Error;
use crate::geometry::Geometry;
use crate::linalg::mirror_lower;
use crate::scalar::{Scalar, real};

/// T, and beside it T⁽ᵛ⁾ where weights were given.
pub(crate) struct ThirdMoment<T: Scalar> {
    pairs: Pairs,
    /// Per chunk of pairs: rows are pairs, columns c, those of T⁽ᵛ⁾ following
    /// each that of T.
    sums: Vec<DMatrix<T>>,
    twin: bool,
}

impl<T: Scalar> ThirdMoment<T> {
    /// T, with T⁽ᵛ⁾ for given weights, summed over all rows but some. O(nd³) time,
    /// O(d³) memory.
    pub(crate) fn new(
        at: &Geometry<T>,
        weights: Option<&DVector<T>>,
        without: &[usize],
    ) -> Result<Self, Error> {
        let pairs = Pairs::new(at.x().len());
        let kinds = if weights.is_some() { 2 } else { 1 };
        let zero = || -> Vec<DMatrix<T>> {
            let sum = |chunk: &pairs::Chunk| DMatrix::zeros(chunk.len, kinds * chunk.columns);
            pairs.chunks().iter().map(sum).collect()
        };
        let scratch = || (pairs::columns(pairs.d()), pairs::by_row());
        let sums = at.fold_q_with(
            kinds * pairs.entries(),
            (scratch, zero),
            |sums, (transposed, products), q, range| {
                for_each_slice(q, |first, rows| {
                    pairs::transpose(rows, transposed);
                    let start = range.start + first;
                    let here = start..start + rows.nrows();
                    for i in without.iter().filter(|i| here.contains(i)) {
                        transposed.column_mut(i - start).fill(T::zero());
                    }
                    let columns = (&*transposed, rows.nrows());
                    let weighted = weights.map(|v| interleaved(rows, v, start));
                    let right = weighted.as_ref().unwrap_or(rows);
                    for (chunk, sum) in pairs.chunks().iter().zip(&mut *sums) {
                        chunk.products_by_row(columns, products);
                        T::add_leading_product(products, right, sum);
                    }
                });
            },
            |sums, part| {
                let both = sums.iter_mut().zip(part);
                both.for_each(|(sum, part)| *sum += part);
            },
        )?;
        Ok(ThirdMoment {
            sums: sums.unwrap_or_else(zero),
            pairs,
            twin: kinds == 2,
        })
    }

    /// T_abc for a ≥ b ≥ c; T⁽ᵛ⁾_abc of the twin.
    fn entry(&self, [a, b, c]: [usize; 3], twin: bool) -> T {
        let (chunk, place) = self.pairs.place(a, b);
        let column = if self.twin { 2 * c } else { c };
        self.sums[chunk][(place, column + usize::from(twin))]
    }

    /// Adds q⊗q⊗q to T.
    pub(crate) fn add_row(&mut self, q: &DVector<T>) {
        let step = if self.twin { 2 } else { 1 };
        for (chunk, sum) in self.pairs.chunks().iter().zip(&mut self.sums) {
            for (place, (a, b)) in chunk.pairs().enumerate() {
                for c in 0..=b {
                    sum[(place, step * c)] += q[a] * q[b] * q[c];
                }
            }
        }
    }

    /// The symmetric d×d matrix T_a.
    pub(crate) fn slice(&self, a: usize, out: &mut DMatrix<T>) {
        self.slice_of(a, false, out);
    }

    /// The symmetric d×d matrix T_a, or T⁽ᵛ⁾_a.
    fn slice_of(&self, a: usize, twin: bool, out: &mut DMatrix<T>) {
        for b in 0..out.ncols() {
            for c in 0..=b {
                let sorted = if a >= b {
                    [a, b, c]
                } else if a >= c {
                    [b, a, c]
                } else {
                    [b, c, a]
                };
                let value = self.entry(sorted, twin);
                out[(b, c)] = value;
                out[(c, b)] = value;
            }
        }
    }

    /// A sum over the slices T_a, as `add(T_a, a, sum)`.
    fn over_slices(&self, mut add: impl FnMut(&DMatrix<T>, usize, &mut DMatrix<T>)) -> DMatrix<T> {
        let d = self.pairs.d();
        let (mut slice, mut sum) = (DMatrix::zeros(d, d), DMatrix::zeros(d, d));
        for a in 0..d {
            self.slice(a, &mut slice);
            add(&slice, a, &mut sum);
        }
        sum
    }

    /// QᵀP²Q = Σ_a T_a T_a. (T1) O(d⁴).
    pub(crate) fn squared_form(&self) -> DMatrix<T> {
        let mut sum = self.over_slices(|slice, _, sum| T::add_gram(slice, slice, sum));
        mirror_lower(&mut sum);
        sum
    }

    /// Qᵀ(P∘(P diag(v) P))Q = Σ_a T_a k T_a from `k = Qᵀ diag(v) Q`. (T3) O(d⁴).
    pub(crate) fn cubic_form(&self, k: &DMatrix<T>) -> DMatrix<T> {
        let mut image = k.clone();
        let mut sum = self.over_slices(|slice, _, sum| {
            T::multiply(k, slice, &mut image);
            T::add_gram(&image, slice, sum);
        });
        mirror_lower(&mut sum);
        sum
    }

    /// Qᵀ{6 diag(v)P² + 6 P²diag(v) − 8 P∘(P diag(v) P)}Q from
    /// `k = Qᵀ diag(v) Q`, the weights of the twin. (T2, T3) O(d⁴).
    pub(crate) fn third_form(&self, k: &DMatrix<T>) -> DMatrix<T> {
        let (mut image, mut twin) = (k.clone(), k.clone());
        let sum = self.over_slices(|slice, a, sum| {
            T::multiply(k, slice, &mut image);
            self.slice_of(a, true, &mut twin);
            // Symmetric once summed up and averaged with its transpose.
            let inner = &twin * real::<T>(12.0) - &image * real::<T>(8.0);
            T::add_transposed_product(slice, &inner, sum);
        });
        (&sum + sum.transpose()) * real::<T>(0.5)
    }

    /// T made ready for [`Squared::apply`]. d³/3 numbers.
    pub(crate) fn squared(&self) -> Squared<T> {
        let slice = |k: usize| {
            DMatrix::from_fn(k + 1, k + 1, |b, c| {
                let (b, c) = if b >= c { (b, c) } else { (c, b) };
                // Each of 6, 3 or 1 orders of k, b, c in a sum over all; a third of
                // the gradient; and the diagonal of S_k = M + Mᵀ is twice M's.
                let times = match (k == b, b == c) {
                    (false, _) => real(2.0),
                    (true, false) => T::one(),
                    // To all digits of any arithmetic.
                    (true, true) => real::<T>(2.0) / real(3.0),
                };
                self.entry([k, b, c], false) * times
            })
        };
        Squared((0..self.pairs.d()).map(slice).collect())
    }
}

/// Columns q_c and v∘q_c in turn; `v` begins at entry `start`.
fn interleaved<T: Scalar>(rows: &DMatrix<T>, v: &DVector<T>, start: usize) -> DMatrix<T> {
    let (height, d) = rows.shape();
    let mut out = DMatrix::zeros(height, 2 * d);
    for c in 0..d {
        let column = rows.column(c);
        out.set_column(2 * c, &column);
        out.set_column(2 * c + 1, &column.component_mul(&v.rows(start, height)));
    }
    out
}

/// T in the layout that P²Q is made from: that of the cubic form
/// `⅓ Σ_abc T_abc y_a y_b y_c`, whose gradient at q_i is row i of P²Q.
pub(crate) struct Squared<T: Scalar>(Vec<DMatrix<T>>);

impl<T: Scalar> Squared<T> {
    /// `out ← P²Q` for rows of Q. (T4) nd³/3.
    pub(crate) fn apply(&self, q: &DMatrix<T>, scratch: &mut DMatrix<T>, out: &mut DMatrix<T>) {
        T::cubic_gradients(q.into(), &self.0, scratch, out);
    }
}
