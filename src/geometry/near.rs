//! A matrix near Λ whose inverse is cheap.
//!
//! Λ = Σ − P∘P is the Laplacian of the graph that joins rows i, j with the weight
//! P_ij². Where the Gram matrix is sparse most of that weight lies between rows that
//! share a column. Let row i hand its weight D_i = σ_i(1 − σ_i) on to its columns, in
//! the parts W_ic (rows of W sum to one) in which they make up its score, and each
//! column c hand on to its rows what it got, C_c = Σ_i D_iW_ic:
//!
//! ```text
//! Λ̂ = D − DW C⁻¹ WᵀD,    Λ̂⁻¹ = D⁻¹ + W S⁻¹ Wᵀ,    S = C − WᵀDW
//! ```
//!
//! It is a Laplacian too, its row sums are zero, and S stands on the pattern of
//! A_xᵀA_x. On grids Λ̂⁻¹Λ has a condition number of a few, whatever their size, where
//! that of D⁻¹Λ grows like their length squared.
//!
//! What of it A_x meets has an inverse as cheap, (A_xᵀΛ̂A_x)⁻¹ being the first block of
//!
//! ```text
//! ( A_xᵀDA_x   −A_xᵀDW )⁻¹
//! ( −WᵀDA_x       C    )
//! ```
//!
//! each block of which stands on that pattern.

use nalgebra::DVector;
use nalgebra_sparse::CsrMatrix;
use nalgebra_sparse::ops::Op;
use nalgebra_sparse::ops::serial::spmm_csr_dense;
use petgraph::unionfind::UnionFind;

use super::point::{Core, Geometry};
use super::selected::Selected;
use crate::error::Error;
use crate::linalg::{Design, GramPattern, SparseFactor, rewritten};
use crate::scalar::{Scalar, epsilon, real};

/// What is added to S, relative to C, where rounding leaves it indefinite.
const LIFT: f64 = 1e-8;

/// A preconditioner for Λ, symmetric and positive definite.
pub(crate) struct NearLaplacian<T: Scalar> {
    weights: DVector<T>,
    shares: CsrMatrix<T>,
    factor: SparseFactor<T>,
}

/// D, W and C.
struct Shares<T: Scalar> {
    weights: DVector<T>,
    shares: CsrMatrix<T>,
    received: DVector<T>,
}

/// The pattern of the 2d×2d matrix of [`NearNormal`], made once for a design.
pub(crate) fn doubled_pattern<T: Scalar>(design: &Design<T>) -> Result<Option<GramPattern>, Error> {
    let d = design.ncols();
    let both = rewritten(design, 2 * d, |_, columns, values, out| {
        for offset in [0, d] {
            let entries = columns.iter().zip(values);
            out.extend(entries.map(|(&j, &a)| (offset + j, a)));
        }
        true
    })?;
    GramPattern::unconditionally(&both.into())
}

impl<T: Scalar> Geometry<T> {
    fn shares(&self, selected: &Selected<T>) -> Result<Shares<T>, Error> {
        let weights = self.scores()?.map(|s| {
            let (rest, least) = (T::one() - s, epsilon::<T>());
            (s * rest.max(least)).max(least * least)
        });
        let spread = selected.pattern.diagonal(&selected.factor.inverse());
        let shares = rewritten(&self.design, self.x.len(), |_, columns, values, out| {
            let part = |(&j, &a): (&usize, &T)| (j, a * a * spread[j]);
            out.extend(columns.iter().zip(values).map(part));
            let sum = out.iter().fold(T::zero(), |sum, &(_, part)| sum + part);
            out.iter_mut().for_each(|(_, part)| {
                *part = if sum > T::zero() {
                    *part / sum
                } else {
                    T::zero()
                };
            });
            true
        })?;
        let received = transposed_product(&shares, &weights);
        Ok(Shares {
            weights,
            shares,
            received,
        })
    }

    /// Of the Laplacian at this point; `None` where the Gram matrix is not sparse, or
    /// too little of Λ is left to tell. A pass, and a factor as that of A_xᵀA_x.
    pub(crate) fn near_laplacian(&self) -> Result<Option<NearLaplacian<T>>, Error> {
        let Core::Pattern(selected) = &self.core else {
            return Ok(None);
        };
        let Shares {
            weights,
            shares,
            received,
        } = self.shares(selected)?;
        let grounded = grounded(&shares);
        let pattern = &selected.pattern;
        let mut sum = pattern.gram(&Design::from(shares.clone()), &weights)?;
        sum.iter_mut().for_each(|s| *s = -*s);
        for (c, &received) in received.iter().enumerate() {
            // Of each connected part one column is held: constants are Λ's kernel.
            let own = if grounded[c] { real(2.0) } else { T::one() };
            sum[pattern.diagonal_place(c)] += received * own;
        }
        let factor = factorised(pattern, sum, &received, 0);
        Ok(factor.map(|factor| NearLaplacian {
            weights,
            shares,
            factor,
        }))
    }

    /// Of A_xᵀΛA_x at this point, on its [`doubled_pattern`]; the coefficients `held`
    /// lie on lines that it has for a kernel. `None` as above.
    pub(crate) fn near_normal(
        &self,
        doubled: &GramPattern,
        held: &[usize],
    ) -> Result<Option<NearNormal<T>>, Error> {
        let Core::Pattern(selected) = &self.core else {
            return Ok(None);
        };
        let Shares {
            weights,
            shares,
            received,
        } = self.shares(selected)?;
        let d = self.x.len();
        let slack = &self.slack;
        let both = rewritten(&self.design, 2 * d, |i, columns, values, out| {
            let own = columns.iter().zip(values);
            out.extend(own.map(|(&j, &a)| (j, a / slack[i])));
            let row = shares.row(i);
            let parts = row.col_indices().iter().zip(row.values());
            out.extend(parts.map(|(&c, &w)| (d + c, -w)));
            true
        })?;
        let second = rewritten(&self.design, 2 * d, |i, _, _, out| {
            let row = shares.row(i);
            let parts = row.col_indices().iter().zip(row.values());
            out.extend(parts.map(|(&c, &w)| (d + c, w)));
            true
        })?;
        let mut sum = doubled.gram(&both.into(), &weights)?;
        let less = doubled.gram(&second.into(), &weights)?;
        sum.iter_mut().zip(less).for_each(|(s, l)| *s -= l);
        for (c, &received) in received.iter().enumerate() {
            sum[doubled.diagonal_place(d + c)] += received;
        }
        for &j in held {
            let own = sum[doubled.diagonal_place(j)];
            sum[doubled.diagonal_place(j)] += own;
        }
        let factor = factorised(doubled, sum, &received, d);
        Ok(factor.map(|factor| NearNormal { d, factor }))
    }
}

/// A factor of a sum that is positive definite but for rounding; C stands from column
/// `first` on.
fn factorised<T: Scalar>(
    pattern: &GramPattern,
    mut sum: Vec<T>,
    received: &DVector<T>,
    first: usize,
) -> Option<SparseFactor<T>> {
    pattern.factor(&sum).or_else(|| {
        for (c, &received) in received.iter().enumerate() {
            sum[pattern.diagonal_place(first + c)] += received * real(LIFT);
        }
        pattern.factor(&sum)
    })
}

/// A preconditioner for A_xᵀΛA_x, symmetric and positive definite.
pub(crate) struct NearNormal<T: Scalar> {
    d: usize,
    factor: SparseFactor<T>,
}

impl<T: Scalar> NearNormal<T> {
    /// (A_xᵀΛ̂A_x)⁻¹ v. A sparse solve.
    pub(crate) fn solve(&self, v: &DVector<T>) -> DVector<T> {
        let both = v.clone().resize_vertically(2 * self.d, T::zero());
        self.factor.solve(&both).rows(0, self.d).into_owned()
    }
}

/// One column of each set that rows hold together.
fn grounded<T: Scalar>(shares: &CsrMatrix<T>) -> Vec<bool> {
    let mut sets = UnionFind::<usize>::new(shares.ncols());
    for row in shares.row_iter() {
        let columns = row.col_indices().iter().zip(row.values());
        let mut own = columns.filter(|(_, w)| **w > T::zero()).map(|(&j, _)| j);
        if let Some(first) = own.next() {
            own.for_each(|j| {
                sets.union(first, j);
            });
        }
    }
    (0..shares.ncols()).map(|j| sets.find_mut(j) == j).collect()
}

impl<T: Scalar> NearLaplacian<T> {
    /// Λ̂⁻¹ r. Two passes over A's entries and a sparse solve.
    pub(crate) fn solve(&self, r: &DVector<T>) -> DVector<T> {
        let columns = self.factor.solve(&transposed_product(&self.shares, r));
        let mut out = r.component_div(&self.weights);
        let shares = Op::NoOp(&self.shares);
        spmm_csr_dense(T::one(), &mut out, T::one(), shares, Op::NoOp(&columns));
        out
    }
}

/// Wᵀ v.
fn transposed_product<T: Scalar>(w: &CsrMatrix<T>, v: &DVector<T>) -> DVector<T> {
    let mut sum = DVector::zeros(w.ncols());
    spmm_csr_dense(T::zero(), &mut sum, T::one(), Op::Transpose(w), Op::NoOp(v));
    sum
}
