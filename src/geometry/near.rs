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

use nalgebra::DVector;
use nalgebra_sparse::CsrMatrix;

use super::point::{Core, Geometry};
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

impl<T: Scalar> Geometry<T> {
    /// Of the Laplacian at this point; `None` where the Gram matrix is not sparse, or
    /// too little of Λ is left to tell. A pass, and a factor as that of A_xᵀA_x.
    pub(crate) fn near_laplacian(&self) -> Result<Option<NearLaplacian<T>>, Error> {
        let Core::Pattern(selected) = &self.core else {
            return Ok(None);
        };
        let scores = self.scores()?;
        let weights = scores.map(|s| {
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
        let grounded = grounded(&shares);
        let received = transposed_product(&shares, &weights);
        let pattern = &selected.pattern;
        let mut sum = pattern.gram(&Design::from(shares.clone()), &weights)?;
        sum.iter_mut().for_each(|s| *s = -*s);
        for (c, &received) in received.iter().enumerate() {
            // Of each connected part one column is held: constants are Λ's kernel.
            let own = if grounded[c] { real(2.0) } else { T::one() };
            sum[pattern.diagonal_place(c)] += received * own;
        }
        let factor = pattern
            .factor(&sum)
            .or_else(|| lifted(pattern, sum, &received));
        Ok(factor.map(|factor| NearLaplacian {
            weights,
            shares,
            factor,
        }))
    }
}

fn lifted<T: Scalar>(
    pattern: &GramPattern,
    mut sum: Vec<T>,
    received: &DVector<T>,
) -> Option<SparseFactor<T>> {
    for (c, &received) in received.iter().enumerate() {
        sum[pattern.diagonal_place(c)] += received * real(LIFT);
    }
    pattern.factor(&sum)
}

/// One column of each set that rows hold together.
fn grounded<T: Scalar>(shares: &CsrMatrix<T>) -> Vec<bool> {
    let mut sets = Sets::new(shares.ncols());
    for row in shares.row_iter() {
        let columns = row.col_indices().iter().zip(row.values());
        let mut own = columns.filter(|(_, w)| **w > T::zero()).map(|(&j, _)| j);
        if let Some(first) = own.next() {
            own.for_each(|j| sets.join(first, j));
        }
    }
    (0..shares.ncols()).map(|j| sets.root(j) == j).collect()
}

impl<T: Scalar> NearLaplacian<T> {
    /// Λ̂⁻¹ r. Two passes over A's entries and a sparse solve.
    pub(crate) fn solve(&self, r: &DVector<T>) -> DVector<T> {
        let columns = self.factor.solve(&transposed_product(&self.shares, r));
        let mut out = r.component_div(&self.weights);
        for (row, out) in self.shares.row_iter().zip(out.iter_mut()) {
            let pairs = row.col_indices().iter().zip(row.values());
            *out = pairs.fold(*out, |sum, (&c, &w)| sum + w * columns[c]);
        }
        out
    }
}

/// Wᵀ v.
fn transposed_product<T: Scalar>(w: &CsrMatrix<T>, v: &DVector<T>) -> DVector<T> {
    let mut sum = DVector::zeros(w.ncols());
    for (row, &v) in w.row_iter().zip(v.iter()) {
        let pairs = row.col_indices().iter().zip(row.values());
        pairs.for_each(|(&c, &w)| sum[c] += w * v);
    }
    sum
}

/// Disjoint sets of numbers, each told by its least.
pub(crate) struct Sets(Vec<usize>);

impl Sets {
    /// Each number by itself.
    pub(crate) fn new(count: usize) -> Self {
        Sets((0..count).collect())
    }

    /// The least of a number's set.
    pub(crate) fn root(&mut self, mut k: usize) -> usize {
        while self.0[k] != k {
            // Half the way next time.
            self.0[k] = self.0[self.0[k]];
            k = self.0[k];
        }
        k
    }

    /// Makes two sets one.
    pub(crate) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}
