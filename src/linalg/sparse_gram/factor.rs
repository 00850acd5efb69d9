//! The factor of a sparse Gram matrix, its inverse on the pattern, and how that
//! moves.

use std::sync::Arc;

use nalgebra::DVector;

use super::super::condition::inverse_norm;
use super::GramPattern;
use super::fronts::{eliminate, select_inverse};
use super::jet::{Number, Once, Twice};
use super::symbolic::Symbolic;
use crate::scalar::{Scalar, real};

/// `S⁻¹MS⁻¹ = L D Lᵀ` for M in the order of elimination, S² its diagonal.
///
/// Lists on the pattern of M, here and below, are those of
/// [`GramPattern`].
#[derive(Debug, Clone)]
pub(crate) struct SparseFactor<T> {
    symbolic: Arc<Symbolic>,
    /// S, so that columns of A may come in any units.
    scale: Vec<T>,
    /// S⁻¹MS⁻¹ on its pattern.
    gram: Vec<T>,
    /// L and D on the pattern of L.
    values: Vec<T>,
}

impl<T: Scalar> SparseFactor<T> {
    /// `None` where M is not positive definite, as far as the arithmetic can tell.
    pub(super) fn new(symbolic: &Arc<Symbolic>, gram: &[T]) -> Option<Self> {
        let diagonal = &symbolic.gram.offsets[..symbolic.order.len()];
        let scale: Vec<T> = diagonal.iter().map(|&p| gram[p].sqrt()).collect();
        // `!(s > 0)` also refuses NaN, and an overflowed square is no use either.
        if scale.iter().any(|&s| !(s > T::zero()) || !s.is_finite()) {
            return None;
        }
        let mut factor = SparseFactor {
            symbolic: Arc::clone(symbolic),
            scale,
            gram: Vec::new(),
            values: Vec::new(),
        };
        factor.gram = factor.scaled(gram);
        factor.values = eliminate(symbolic, &factor.gram);
        let definite = |d: T| d > T::zero() && d.is_finite();
        let definite = factor.pivots().all(definite);
        definite.then_some(factor)
    }

    /// d.
    pub(super) fn dim(&self) -> usize {
        self.scale.len()
    }

    /// The roots of M's diagonal.
    pub(crate) fn lengths(&self) -> DVector<T> {
        let mut out = DVector::zeros(self.dim());
        let order = self.symbolic.order.iter().map(|&j| j as usize);
        order.zip(&self.scale).for_each(|(j, &s)| out[j] = s);
        out
    }

    /// D.
    fn pivots(&self) -> impl Iterator<Item = T> {
        self.symbolic.starts.iter().map(|&start| self.values[start])
    }

    /// `S⁻¹ F S⁻¹` for F on the pattern of M: into the units of the factor, and
    /// for an inverse out of them again.
    fn scaled(&self, form: &[T]) -> Vec<T> {
        let lower = &self.symbolic.gram;
        let mut out = form.to_vec();
        for (j, &s) in self.scale.iter().enumerate() {
            let entries = lower.offsets[j]..lower.offsets[j + 1];
            let rows = &lower.rows[entries.clone()];
            for (value, &i) in out[entries].iter_mut().zip(rows) {
                *value = *value / self.scale[i as usize] / s;
            }
        }
        out
    }

    /// ½ log det M. O(d).
    pub(crate) fn half_log_det(&self) -> T {
        let half = real::<T>(0.5);
        let both = self.scale.iter().zip(self.pivots());
        both.fold(T::zero(), |sum, (&s, d)| sum + (s.ln() + half * d.ln()))
    }

    /// `M⁻¹ v`. Two multiply-adds an entry of L.
    pub(crate) fn solve(&self, v: &DVector<T>) -> DVector<T> {
        let order = self.symbolic.order.iter().map(|&j| j as usize);
        let both = order.clone().zip(&self.scale);
        let mut y: Vec<T> = both.map(|(j, &s)| v[j] / s).collect();
        self.solve_scaled(&mut y);
        let mut out = DVector::zeros(v.len());
        for ((j, &y), &s) in order.zip(&y).zip(&self.scale) {
            out[j] = y / s;
        }
        out
    }

    /// `(L D Lᵀ)⁻¹ y`.
    fn solve_scaled(&self, y: &mut [T]) {
        self.forward(y);
        y.iter_mut().zip(self.pivots()).for_each(|(y, d)| *y /= d);
        self.backward(y);
    }

    /// `L⁻¹ y`.
    fn forward(&self, y: &mut [T]) {
        let symbolic = &*self.symbolic;
        for node in &symbolic.supernodes {
            for (t, j) in node.columns.clone().enumerate() {
                let rows = &node.rows[t + 1..];
                let known = y[j];
                for (&i, &l) in rows.iter().zip(self.below(rows.len(), j)) {
                    y[i as usize] -= l * known;
                }
            }
        }
    }

    /// `L⁻ᵀ y`.
    fn backward(&self, y: &mut [T]) {
        let symbolic = &*self.symbolic;
        for node in symbolic.supernodes.iter().rev() {
            for (t, j) in node.columns.clone().enumerate().rev() {
                let rows = &node.rows[t + 1..];
                let pairs = rows.iter().zip(self.below(rows.len(), j));
                y[j] -= pairs.fold(T::zero(), |sum, (&i, &l)| sum + l * y[i as usize]);
            }
        }
    }

    /// The entries of column j of L below the diagonal.
    fn below(&self, count: usize, j: usize) -> &[T] {
        &self.values[self.symbolic.starts[j]..][1..count + 1]
    }

    /// `M h`.
    pub(crate) fn multiply(&self, pattern: &GramPattern, h: &DVector<T>) -> DVector<T> {
        let order = || self.symbolic.order.iter().map(|&j| j as usize);
        let mut scaled = h.clone();
        order().zip(&self.scale).for_each(|(j, &s)| scaled[j] *= s);
        let mut out = pattern.multiply(&self.gram, &scaled);
        order().zip(&self.scale).for_each(|(j, &s)| out[j] *= s);
        out
    }

    /// `B z` with `BᵀMB = I`, as B = S⁻¹L⁻ᵀD^(-1/2) in the order of elimination.
    pub(crate) fn natural_step(&self, z: &DVector<T>) -> DVector<T> {
        let roots = self.pivots().map(|d| d.sqrt());
        let mut y: Vec<T> = z.iter().zip(roots).map(|(&z, root)| z / root).collect();
        self.backward(&mut y);
        let mut out = DVector::zeros(z.len());
        let order = self.symbolic.order.iter().map(|&j| j as usize);
        for ((j, &y), &s) in order.zip(&y).zip(&self.scale) {
            out[j] = y / s;
        }
        out
    }

    /// `Bᵀ v`.
    pub(crate) fn dual_to_natural(&self, v: &DVector<T>) -> DVector<T> {
        let order = self.symbolic.order.iter().map(|&j| j as usize);
        let mut y: Vec<T> = order.zip(&self.scale).map(|(j, &s)| v[j] / s).collect();
        self.forward(&mut y);
        let roots = self.pivots().map(|d| d.sqrt());
        y.iter_mut().zip(roots).for_each(|(y, root)| *y /= root);
        DVector::from_vec(y)
    }

    /// The condition number of `S⁻¹MS⁻¹`: its 1-norm times an estimate from below
    /// of ‖SM⁻¹S‖₂. Times ε, it is what [`Factor`](super::super::Factor) judges a
    /// Cholesky factor by. Sixteen multiply-adds an entry of L.
    pub(crate) fn condition(&self) -> T {
        let lower = &self.symbolic.gram;
        let mut sums = vec![T::zero(); self.scale.len()];
        for j in 0..sums.len() {
            for p in lower.offsets[j]..lower.offsets[j + 1] {
                let (i, size) = (lower.rows[p] as usize, self.gram[p].abs());
                sums[j] += size;
                if i != j {
                    sums[i] += size;
                }
            }
        }
        let norm = sums.into_iter().fold(T::zero(), T::max);
        norm * inverse_norm(self.scale.len(), |v| self.solve_scaled(v.as_mut_slice()))
    }

    /// M⁻¹ on the pattern of M. Twice the work of the factor, Σ|L_j|² multiply-adds.
    pub(crate) fn inverse(&self) -> Vec<T> {
        let mut values = self.values.clone();
        select_inverse(&self.symbolic, &mut values);
        self.selected(&values, |z| z)
    }

    /// `M⁻¹ U M⁻¹` on the pattern of M, for symmetric U on it: minus the
    /// derivative of the inverse along U. Factor and inverse in numbers of two
    /// parts.
    pub(crate) fn first(&self, u: &[T]) -> Vec<T> {
        let both = self.gram.iter().zip(self.scaled(u));
        let series = both.map(|(&value, along)| Once { value, along });
        self.inverse_of(series.collect(), |z| -z.along)
    }

    /// `M⁻¹ (U M⁻¹ V + V M⁻¹ U + W) M⁻¹` on the pattern of M: the second derivative
    /// of the inverse of M + εU + ηV − εηW. Factor and inverse in numbers of four
    /// parts.
    pub(crate) fn second(&self, u: &[T], v: &[T], w: &[T]) -> Vec<T> {
        let directions = self.scaled(u).into_iter().zip(self.scaled(v));
        let both = self.gram.iter().zip(directions.zip(self.scaled(w)));
        let series = both.map(|(&value, ((u, v), w))| Twice {
            value,
            u,
            v,
            both: -w,
        });
        self.inverse_of(series.collect(), |z| z.both)
    }

    fn inverse_of<N: Number>(&self, gram: Vec<N>, part: impl Fn(N) -> T) -> Vec<T> {
        let mut values = eliminate(&self.symbolic, &gram);
        drop(gram);
        select_inverse(&self.symbolic, &mut values);
        self.selected(&values, part)
    }

    /// From the pattern of L to that of M, and back to A's units.
    fn selected<N: Number>(&self, values: &[N], part: impl Fn(N) -> T) -> Vec<T> {
        let symbolic = &*self.symbolic;
        let mut out = Vec::with_capacity(self.gram.len());
        for (j, &start) in symbolic.starts.iter().enumerate() {
            let node = &symbolic.supernodes[symbolic.of_column[j] as usize];
            let above = j - node.columns.start;
            let entries = symbolic.gram.offsets[j]..symbolic.gram.offsets[j + 1];
            let places = &symbolic.gram.places[entries];
            out.extend(
                places
                    .iter()
                    .map(|&at| part(values[start + at as usize - above])),
            );
        }
        self.scaled(&out)
    }
}
