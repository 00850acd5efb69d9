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
//! of chunks of pairs with leading columns of Q; P²Q takes nd³/2 more.

use nalgebra::{DMatrix, DVector};

use super::pairs::{self, CHUNK, Pairs, SLICE, for_each_slice};
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

/// What a walk over Q accumulates, and its scratch.
struct Walk<T: Scalar> {
    sums: Vec<DMatrix<T>>,
    columns: DMatrix<T>,
    products: DMatrix<T>,
}

impl<T: Scalar> ThirdMoment<T> {
    /// T, with T⁽ᵛ⁾ for given weights. O(nd³) time, O(d³) memory.
    pub(crate) fn new(at: &Geometry<T>, weights: Option<&DVector<T>>) -> Result<Self, Error> {
        let pairs = Pairs::new(at.x().len());
        let kinds = if weights.is_some() { 2 } else { 1 };
        let zero = || -> Vec<DMatrix<T>> {
            let sum = |chunk: &pairs::Chunk| DMatrix::zeros(chunk.len, kinds * chunk.columns);
            pairs.chunks().iter().map(sum).collect()
        };
        let walk = at.fold_q_sized(
            kinds * pairs.entries(),
            || Walk {
                sums: zero(),
                columns: pairs::columns(pairs.d()),
                products: pairs::by_row(),
            },
            |walk, q, range| {
                for_each_slice(q, |first, rows| {
                    pairs::transpose(rows, &mut walk.columns);
                    let columns = (&walk.columns, rows.nrows());
                    let start = range.start + first;
                    let weighted = weights.map(|v| interleaved(rows, v, start));
                    let right = weighted.as_ref().unwrap_or(rows);
                    for (chunk, sum) in pairs.chunks().iter().zip(&mut walk.sums) {
                        chunk.products_by_row(columns, &mut walk.products);
                        T::add_leading_product(&walk.products, right, sum);
                    }
                });
            },
            |walk, part| {
                let both = walk.sums.iter_mut().zip(part.sums);
                both.for_each(|(sum, part)| *sum += part);
            },
        )?;
        Ok(ThirdMoment {
            sums: walk.map_or_else(zero, |walk| walk.sums),
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

    /// The symmetric d×d matrix T_a, or T⁽ᵛ⁾_a.
    fn slice(&self, a: usize, twin: bool, out: &mut DMatrix<T>) {
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
            self.slice(a, false, &mut slice);
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
            self.slice(a, true, &mut twin);
            // Symmetric once summed up and averaged with its transpose.
            let inner = &twin * real::<T>(12.0) - &image * real::<T>(8.0);
            T::add_transposed_product(slice, &inner, sum);
        });
        (&sum + sum.transpose()) * real::<T>(0.5)
    }

    /// T with pairs as rows, to be multiplied by products of pairs. d³/2 numbers.
    pub(crate) fn by_pairs(&self) -> ByPairs<T> {
        let d = self.pairs.d();
        let unfold = |chunk: &pairs::Chunk| {
            let mut out = DMatrix::zeros(chunk.len, d);
            for (place, (a, b)) in chunk.pairs().enumerate() {
                // A sum over both indices has each pair twice.
                let times = real::<T>(if a == b { 1.0 } else { 2.0 });
                for c in 0..d {
                    let sorted = if c <= b {
                        [a, b, c]
                    } else if c <= a {
                        [a, c, b]
                    } else {
                        [c, a, b]
                    };
                    out[(place, c)] = self.entry(sorted, false) * times;
                }
            }
            out
        };
        ByPairs {
            chunks: self.pairs.chunks().iter().map(unfold).collect(),
            pairs: self.pairs.clone(),
        }
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

/// T in the layout that P²Q is made from.
pub(crate) struct ByPairs<T: Scalar> {
    pairs: Pairs,
    chunks: Vec<DMatrix<T>>,
}

impl<T: Scalar> ByPairs<T> {
    /// Scratch for [`for_each_squared`](Self::for_each_squared).
    pub(crate) fn scratch() -> DMatrix<T> {
        DMatrix::zeros(SLICE, CHUNK)
    }

    /// P²Q by slices of rows, as `visit(first row, Q, P²Q)`. (T4) nd³/2.
    pub(crate) fn for_each_squared(
        &self,
        q: &DMatrix<T>,
        products: &mut DMatrix<T>,
        mut visit: impl FnMut(usize, &DMatrix<T>, &DMatrix<T>),
    ) {
        for_each_slice(q, |first, rows| {
            let (height, d) = rows.shape();
            if products.nrows() != height {
                *products = DMatrix::zeros(height, CHUNK);
            }
            let mut squared = DMatrix::zeros(height, d);
            for (chunk, moments) in self.pairs.chunks().iter().zip(&self.chunks) {
                chunk.products_by_pair(rows, products);
                T::add_leading_product(products, moments, &mut squared);
            }
            visit(first, rows, &squared);
        });
    }
}
