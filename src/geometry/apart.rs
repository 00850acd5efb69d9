//! Rows set apart: those whose slack is far below the others'.
//!
//! One row with a slack of 1e-5 among thousands with slacks near 1 spoils the
//! Gram matrix of all, though the others alone would be in perfect order: the
//! residuals of any regression are of that kind, the smallest of n being some n
//! times smaller than most. Such rows, some in a thousand there, are kept out of the
//! passes over A and brought in by a small factorisation:
//!
//! ```text
//! A_x = [ H ; L ],  LᵀL = R₀ᵀR₀ by Cholesky,  [ H ; R₀ ] = [ Q_H ; Q₀ ] R with all care
//! ```
//!
//! R is the factor of A_x, Q_H the rows of Q that belong to H, and those of L are
//! L R⁻¹, as accurate as L is well conditioned: what a tiny slack makes of R's
//! condition number has no part in it, for ‖R₀R⁻¹‖ ≤ 1.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::walk::Asked;
use crate::error::Error;
use crate::linalg::{
    BlockWalk, Design, Factor, Factorisation, Folded, Rows, mirror_lower, squares_exactly,
};
use crate::scalar::{Scalar, count, epsilon, real};

/// A row is set apart where 1/|s| is so many times the mean of its block, taken by
/// roots lest a single one in a dozen rows hide behind itself. Of normal residuals
/// that is under a percent; what is left has weights 1/s² within 1600 of their
/// mean, and n rows hide a single one of those.
const FAR: f64 = 40.0;
/// How often that is asked again of the rows left over, whose mean is then less.
const ROUNDS: usize = 4;
/// Numbers in the rows that a chunk sets apart, at most: 128 MiB of f64 in all. Where
/// there are more such rows they are no exception, and another factor is in place.
const MOST: usize = 1 << 19;

/// Rows that a pass has met and left out of its sum.
#[derive(Debug)]
pub(super) struct Outliers<T> {
    /// Their numbers, ascending.
    pub(super) indices: Vec<usize>,
    /// Their rows of A, one after the other.
    entries: Vec<T>,
}

impl<T> Default for Outliers<T> {
    fn default() -> Self {
        Outliers {
            indices: Vec::new(),
            entries: Vec::new(),
        }
    }
}

impl<T: Scalar> Outliers<T> {
    /// Takes out of a block, and sets the weight to zero of, what stands out.
    pub(super) fn gather(
        &mut self,
        rows: &Rows<'_, T>,
        range: &Range<usize>,
        weights: &mut [T],
        d: usize,
    ) {
        let Some(bound) = bound(weights) else {
            return;
        };
        for (k, w) in weights.iter_mut().enumerate() {
            if w.abs() > bound && self.entries.len() + d <= MOST {
                *w = T::zero();
                self.indices.push(range.start + k);
                let start = self.entries.len();
                self.entries.resize(start + d, T::zero());
                rows.add_row(k, T::one(), &mut self.entries[start..]);
            }
        }
    }

    /// Those of later rows.
    pub(super) fn append(&mut self, mut later: Self) {
        self.indices.append(&mut later.indices);
        self.entries.append(&mut later.entries);
    }

    /// Their rows of A_x.
    fn scaled(&self, slack: &DVector<T>, d: usize) -> DMatrix<T> {
        let mut rows = DMatrix::from_row_slice(self.indices.len(), d, &self.entries);
        for (mut row, &i) in rows.row_iter_mut().zip(&self.indices) {
            row.unscale_mut(slack[i]);
        }
        rows
    }
}

/// What sizes of weights stand out above, if any does.
fn bound<T: Scalar>(weights: &[T]) -> Option<T> {
    let mut bound: Option<T> = None;
    for _ in 0..ROUNDS {
        let (mut sum, mut number, mut largest) = (T::zero(), 0, T::zero());
        for size in weights.iter().map(|w| w.abs()) {
            if bound.is_none_or(|bound| size <= bound) {
                sum += size.sqrt();
                number += 1;
                largest = largest.max(size);
            }
        }
        let mean = sum / count(number.max(1));
        let next = mean * mean * real(FAR);
        if !(largest > next) {
            break;
        }
        bound = Some(next);
    }
    bound
}

/// The rows set apart at a point.
#[derive(Debug)]
pub(super) struct Apart<T: Scalar> {
    /// Their numbers, ascending.
    indices: Vec<usize>,
    /// Their rows of A_x.
    rows: DMatrix<T>,
    /// The same with slacks measured in a unit, whose squares are numbers.
    in_unit: DMatrix<T>,
    /// Their rows of Q.
    q: DMatrix<T>,
    /// LᵀL, in that unit.
    light: DMatrix<T>,
}

/// The factor of A_x from the lower triangle of LᵀL, and the rows set apart where
/// that takes any.
pub(super) fn factorised<T: Scalar>(
    design: &Design<T>,
    slack: &DVector<T>,
    (light, outliers): (Option<DMatrix<T>>, Outliers<T>),
    (choice, unit): (Factorisation, T),
) -> Result<(Factor<T>, Option<Apart<T>>), Error> {
    let weights = || slack.map(|s| T::one() / s);
    if outliers.indices.is_empty() {
        return Ok((Factor::of(design, light, choice, weights)?, None));
    }
    let rows = outliers.scaled(slack, design.ncols());
    let exact = |&i: &usize| squares_exactly(T::one() / slack[i]);
    let mut all = None;
    if let (Some(light), true) = (&light, outliers.indices.iter().all(exact)) {
        let mut gram = light.clone();
        T::add_gram(&rows, &rows, &mut gram);
        all = Some(gram);
    }
    // Rows apart cost a little in each pass: not where all together are in order.
    if let Some(factor) = all.clone().and_then(Factor::well_conditioned) {
        return Ok((factor, None));
    }
    // Squares of all weights in their unit must be numbers, and those of the rows.
    let largest = rows.amax() * unit;
    let squares =
        (largest * largest).is_finite() && slack.iter().all(|&s| squares_exactly(unit / s));
    let light = light.filter(|_| squares).and_then(|gram| {
        let factor = Factor::well_conditioned(gram.clone())?;
        Some((gram, factor))
    });
    if let Some((light, factor)) = light {
        let (factor, apart) = Apart::new(outliers.indices, (rows, unit), (light, &factor))?;
        if factor.squares_in(unit) && apart.sums_up(&factor, unit) {
            return Ok((factor, Some(apart)));
        }
    }
    Ok((Factor::of(design, all, choice, weights)?, None))
}

impl<T: Scalar> Apart<T> {
    /// Brings rows apart into the factor of all others.
    fn new(
        indices: Vec<usize>,
        (rows, unit): (DMatrix<T>, T),
        (light, others): (DMatrix<T>, &Factor<T>),
    ) -> Result<(Factor<T>, Self), Error> {
        let (k, d) = rows.shape();
        let mut stack = rows.clone().resize_vertically(k + d, T::zero());
        stack.rows_mut(k, d).copy_from(&others.r);
        let stack = Design::from(stack);
        let ones = DVector::from_element(k + d, T::one());
        let mut factor = Factor::new(&stack, &ones, Factorisation::Automatic)?;
        // By the blocks by which it was orthogonalised: the second time mends the
        // rounding of the first, and another block would round otherwise.
        let mut q = DMatrix::zeros(k + d, d);
        let mut block = DMatrix::zeros(0, d);
        for range in stack.blocks().in_order() {
            stack.read_block(&range, &mut block)?;
            factor.orthonormalise(&mut block);
            q.rows_mut(range.start, range.len()).copy_from(&block);
        }
        let q = q.resize_vertically(k, T::zero());
        factor.in_one_step();
        let mut light = (light * unit) * unit;
        mirror_lower(&mut light);
        let apart = Apart {
            indices,
            in_unit: &rows * unit,
            rows,
            q,
            light,
        };
        Ok((factor, apart))
    }

    /// Whether ‖Q‖² = d to half the digits: what is further apart than the
    /// arithmetic reaches shows there.
    fn sums_up(&self, factor: &Factor<T>, unit: T) -> bool {
        let Some(x) = &factor.explicit else {
            return false;
        };
        let (x, d) = (x / unit, count::<T>(self.q.ncols()));
        let own = self.q.iter().fold(T::zero(), |sum, &q| sum + q * q);
        let others = (&self.light * &x).dot(&x);
        (own + others - d).abs() <= d * epsilon::<T>().powf(real(0.5))
    }

    /// Their numbers, ascending.
    pub(super) fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// Those in a block: their places here, and their numbers.
    fn within(&self, range: &Range<usize>) -> (Range<usize>, &[usize]) {
        let start = self.indices.partition_point(|&i| i < range.start);
        let end = self.indices.partition_point(|&i| i < range.end);
        (start..end, &self.indices[start..end])
    }

    /// Sets their entries of a block to zero.
    pub(super) fn clear(&self, range: &Range<usize>, values: &mut [T]) {
        let (_, indices) = self.within(range);
        indices
            .iter()
            .for_each(|i| values[i - range.start] = T::zero());
    }

    /// Puts their rows of Q into a block.
    pub(super) fn put_rows(&self, range: &Range<usize>, q: &mut DMatrix<T>) {
        let (own, indices) = self.within(range);
        for (k, i) in own.zip(indices) {
            q.row_mut(i - range.start).copy_from(&self.q.row(k));
        }
    }

    /// The row of Q of row i, where it is one of them.
    pub(super) fn q_row(&self, i: usize) -> Option<DVector<T>> {
        let k = self.indices.binary_search(&i).ok()?;
        Some(self.q.row(k).transpose())
    }

    /// What is asked of them, in their order.
    pub(super) fn answers(&self, asked: &Asked<'_, T>) -> Vec<T> {
        let mut out = vec![T::zero(); self.indices.len()];
        let (rows, q) = (
            Rows::Dense((&self.rows).into()),
            Rows::Dense((&self.q).into()),
        );
        match asked {
            Asked::Direction(h) => rows.image(h, &mut out),
            Asked::Frame(form) => {
                q.forms(&Folded::new(form), &mut DMatrix::zeros(0, 0), &mut out);
            }
            Asked::Scores => q.norms(&mut out),
            // Where the Gram matrix is sparse no row stands apart.
            Asked::Pattern(_) => (),
        }
        out
    }

    /// `sum ← sum + Σ v_k q_k q_kᵀ`, whole.
    pub(super) fn add_gram(&self, v: &[T], sum: &mut DMatrix<T>) {
        let rows = Rows::Dense((&self.q).into());
        rows.add_gram(v, &mut DMatrix::zeros(0, 0), sum);
        mirror_lower(sum);
    }

    /// `sum ← sum + Σ v_k y_k y_kᵀ` with their rows of A_x in their unit, whole.
    pub(super) fn add_raw_gram(&self, v: &[T], sum: &mut DMatrix<T>) {
        let rows = Rows::Dense((&self.in_unit).into());
        rows.add_gram(v, &mut DMatrix::zeros(0, 0), sum);
        mirror_lower(sum);
    }

    /// `sum ← sum + Σ v_k a_k / s_k`.
    pub(super) fn add_rows(&self, v: &[T], sum: &mut [T]) {
        Rows::Dense((&self.rows).into()).add_combination(v, sum);
    }

    /// A weight for each, if all of the `heavy` rows are among them.
    pub(super) fn weights(&self, heavy: &[usize], weight: impl Fn(&usize) -> T) -> Option<Vec<T>> {
        let own = |i: &usize| self.indices.binary_search(i).is_ok();
        let all = heavy.iter().all(own);
        all.then(|| self.indices.iter().map(weight).collect())
    }

    /// The Gram matrix of A_x in their unit without `heavy` rows, if all of these
    /// are among them.
    pub(super) fn gram_without(&self, heavy: &[usize]) -> Option<DMatrix<T>> {
        let weight = |i: &usize| match heavy.binary_search(i) {
            Ok(_) => T::zero(),
            Err(_) => T::one(),
        };
        let weights = self.weights(heavy, weight)?;
        let mut sum = self.light.clone();
        self.add_raw_gram(&weights, &mut sum);
        Some(sum)
    }
}
