//! Gram matrices that are sparse themselves: factor, inverse on the pattern and
//! derivatives of both, without a d×d matrix.
//!
//! All that the closed forms ask of M⁻¹ are forms a_iᵀ(…)a_i, and two columns with
//! entries in one row share an entry of M. Of M⁻¹, M⁻¹UM⁻¹ and the like only the
//! entries on the pattern of M are therefore needed, and those can be had from a
//! sparse factor for about its own cost: a grid of d vertices takes O(d^1.5) time
//! and O(d log d) memory in place of d³ and d².

mod collect;
mod factor;
mod fronts;
mod jet;
mod symbolic;
#[cfg(test)]
mod tests;

pub(crate) use factor::SparseFactor;

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use self::symbolic::Symbolic;
use super::design::BlockWalk;
use super::{Design, Rows, SparseRows, Storage};
use crate::error::Error;
use crate::scalar::{Scalar, vectorised};

/// The sparse way is taken where Σ|L_j|² is so many times less than the d³/3 that it
/// is where L is full. In those units factor and inverse on the pattern take 0.16 to
/// 0.4 ns, up to 2 where all fronts are small, and a dense value and gradient 0.5 ns,
/// as measured; but derivatives by series cost two to nine times as much as that,
/// while dense ones share its factor.
const DENSE_ADVANTAGE: f64 = 4.0;

/// What a pair of entries of a row costs more here than in a dense matrix, to add
/// and to read again, in the same units: its place has to be found. 2.2 ns as
/// measured.
const PLACE_COST: f64 = 4.4;

/// The most entries of L: 2 GiB of f64, and eight in the numbers of four parts
/// that a second derivative is made of.
const MOST_FILL: usize = 1 << 28;

/// Parameters beyond which d×d matrices are not made unasked where the Gram matrix is
/// sparse: full Hessians there take d products, and eigenvalues d³.
pub(crate) const MOST_SQUARE: usize = 1000;

/// A positive definite form, by the sparse factor that it was found with: what
/// [`Objective::sparse_metric`](crate::Objective::sparse_metric) offers in place of a
/// d×d matrix. Opaque; clones share nothing.
#[derive(Debug, Clone)]
pub struct SparseMetric<T: Scalar>(SparseFactor<T>);

impl<T: Scalar> SparseMetric<T> {
    pub(crate) fn new(factor: SparseFactor<T>) -> Self {
        SparseMetric(factor)
    }

    /// d.
    pub fn dim(&self) -> usize {
        self.0.dim()
    }

    /// `B z` for the B with `BᵀMB = I` that this factor gives.
    ///
    /// # Panics
    /// Unless z has d entries, here and below.
    pub fn step(&self, z: &DVector<T>) -> DVector<T> {
        self.0.natural_step(z)
    }

    /// `Bᵀ v`, the coordinates of a gradient.
    pub fn gradient(&self, v: &DVector<T>) -> DVector<T> {
        self.0.dual_to_natural(v)
    }
}

/// The pattern of M = AᵀDA in an order of elimination that fills in little, and of
/// its Cholesky factor L. Made once for a design; clones are handles to it.
///
/// A symmetric matrix *on the pattern* is a list of [`nnz`](Self::nnz) numbers: its
/// lower triangle by columns, rows and columns in the order of elimination.
#[derive(Debug, Clone)]
pub(crate) struct GramPattern(Arc<Symbolic>);

/// Scratch of [`GramPattern::add_gram`] and [`GramPattern::forms`]: one row in the
/// order of elimination.
pub(crate) type OrderedRow<T> = Vec<(u32, T)>;

impl GramPattern {
    /// The pattern of a sparse design in memory; `None` where the design is not
    /// one, or where dense is cheaper: Σ|L_j|² for the columns L_j of L, and the
    /// search for places, against d³/3.
    ///
    /// Σ nnz(a_i)² time, and that of the ordering: some 0.2 µs a pair of columns
    /// that meet. Memory is O(nnz(L)), where L is given up O(nnz(M)); where M
    /// itself is too full, that shows after as many rows as tell.
    ///
    /// # Errors
    /// Those of reading rows.
    pub(crate) fn of<T: Scalar>(a: &Design<T>) -> Result<Option<Self>, Error> {
        let d = a.ncols();
        if a.storage() != Storage::Sparse || u32::try_from(d).is_err() {
            return Ok(None);
        }
        let dense = (d as f64).powi(3) / 3.0;
        Self::within(a, MOST_FILL, dense / DENSE_ADVANTAGE, dense / PLACE_COST)
    }

    /// The same whatever dense would cost; `None` where L has too many entries for any
    /// memory.
    ///
    /// # Errors
    /// Those of reading rows.
    pub(crate) fn unconditionally<T: Scalar>(a: &Design<T>) -> Result<Option<Self>, Error> {
        Self::within(a, MOST_FILL, f64::INFINITY, f64::INFINITY)
    }

    /// The same where L has at most `most` entries, Σ|L_j|² ≤ `work`, and rows at
    /// most `visits` pairs of entries.
    fn within<T: Scalar>(
        a: &Design<T>,
        most: usize,
        work: f64,
        visits: f64,
    ) -> Result<Option<Self>, Error> {
        // (Σ|L_j|)² ≤ d Σ|L_j|²: more entries than that need not be counted.
        let most = most.min((a.ncols() as f64 * work).sqrt() as usize);
        let Some(neighbours) = collect::neighbours(a, most, visits)? else {
            return Ok(None);
        };
        let order = collect::minimum_degree(&neighbours);
        let symbolic = order.and_then(|order| Symbolic::new(&neighbours, &order, most, work));
        Ok(symbolic.map(|symbolic| GramPattern(Arc::new(symbolic))))
    }

    /// Entries of M's lower triangle.
    pub(crate) fn nnz(&self) -> usize {
        self.0.gram.rows.len()
    }

    /// Entries of L, a few zeros included.
    #[cfg(test)]
    pub(crate) fn fill(&self) -> usize {
        self.0.fill
    }

    /// `sum ← sum + Σ_i v_i a_i a_iᵀ` on the pattern. nnz(a_i)²/2 searches in a
    /// column of M a row; `work` is scratch.
    pub(crate) fn add_gram<T: Scalar>(
        &self,
        rows: &SparseRows<'_, T>,
        v: &[T],
        work: &mut OrderedRow<T>,
        sum: &mut [T],
    ) {
        vectorised(
            #[inline(always)]
            || {
                for (k, &v) in v.iter().enumerate() {
                    self.order(rows.row(k), work);
                    self.pairs(work, |p, _, a, b| sum[p] += v * a * b);
                }
            },
        );
    }

    /// `Σ_i v_i a_i a_iᵀ` over a sparse design whose rows have entries where this
    /// pattern's have them. Cost as [`add_gram`](Self::add_gram), one pass.
    ///
    /// # Errors
    /// Those of reading rows.
    pub(crate) fn gram<T: Scalar>(&self, a: &Design<T>, v: &DVector<T>) -> Result<Vec<T>, Error> {
        let blocks = a.blocks().with_sums_of(self.nnz());
        let gram = blocks.sweep(
            (),
            || (DMatrix::zeros(0, 0), Vec::new()),
            || vec![T::zero(); self.nnz()],
            |gram, (buffer, ordered), range, ()| {
                if let Rows::Sparse(rows) = a.rows(range.clone(), buffer)? {
                    self.add_gram(&rows, &v.as_slice()[range], ordered, gram);
                }
                Ok(())
            },
            |gram, part| gram.iter_mut().zip(part).for_each(|(g, p)| *g += p),
        )?;
        Ok(gram.unwrap_or_default())
    }

    /// Where on the pattern the diagonal entry of a column of A stands.
    pub(crate) fn diagonal_place(&self, column: usize) -> usize {
        self.0.gram.offsets[self.0.rank[column] as usize]
    }

    /// The diagonal of a matrix on the pattern, by columns of A.
    pub(crate) fn diagonal<T: Scalar>(&self, g: &[T]) -> DVector<T> {
        DVector::from_fn(self.0.order.len(), |j, _| g[self.diagonal_place(j)])
    }

    /// `out_i ← a_iᵀ F a_i` for a symmetric F on the pattern; cost as above.
    pub(crate) fn forms<T: Scalar>(
        &self,
        rows: &SparseRows<'_, T>,
        form: &[T],
        work: &mut OrderedRow<T>,
        out: &mut [T],
    ) {
        vectorised(
            #[inline(always)]
            || {
                for (k, out) in out.iter_mut().enumerate() {
                    self.order(rows.row(k), work);
                    let (mut diagonal, mut beside) = (T::zero(), T::zero());
                    self.pairs(work, |p, same, a, b| {
                        let part = form[p] * a * b;
                        if same {
                            diagonal += part;
                        } else {
                            beside += part;
                        }
                    });
                    *out = diagonal + (beside + beside);
                }
            },
        );
    }

    /// A row's entries, in the order of elimination.
    #[inline(always)]
    fn order<T: Scalar>(&self, (columns, values): (&[usize], &[T]), work: &mut OrderedRow<T>) {
        work.clear();
        let ranks = columns.iter().map(|&j| self.0.rank[j]);
        work.extend(ranks.zip(values.iter().copied()));
        work.sort_unstable_by_key(|&(rank, _)| rank);
    }

    /// Calls `visit(place on the pattern, whether on the diagonal, a, b)` for all
    /// pairs of entries of a row.
    #[inline(always)]
    fn pairs<T: Scalar>(&self, row: &[(u32, T)], mut visit: impl FnMut(usize, bool, T, T)) {
        let lower = &self.0.gram;
        for (at, &(j, a)) in row.iter().enumerate() {
            let mut place = lower.offsets[j as usize];
            let end = lower.offsets[j as usize + 1];
            visit(place, true, a, a);
            for &(i, b) in &row[at + 1..] {
                // Often the next one: rows of a band, of an edge.
                place += 1;
                if lower.rows.get(place) != Some(&i) {
                    place += lower.rows[place..end].partition_point(|&r| r < i);
                }
                visit(place, false, a, b);
            }
        }
    }

    /// `G h` for a symmetric G on the pattern. Two multiply-adds an entry.
    pub(crate) fn multiply<T: Scalar>(&self, g: &[T], h: &DVector<T>) -> DVector<T> {
        let (lower, order) = (&self.0.gram, &self.0.order);
        let mut out = DVector::zeros(h.len());
        for (k, &j) in order.iter().enumerate() {
            let j = j as usize;
            let mut sum = T::zero();
            for p in lower.offsets[k]..lower.offsets[k + 1] {
                let i = order[lower.rows[p] as usize] as usize;
                sum += g[p] * h[i];
                if i != j {
                    out[i] += g[p] * h[j];
                }
            }
            out[j] += sum;
        }
        out
    }

    /// The factor of M, given on the pattern; `None` where it is not positive
    /// definite. ½Σ|L_j|² multiply-adds.
    pub(crate) fn factor<T: Scalar>(&self, gram: &[T]) -> Option<SparseFactor<T>> {
        SparseFactor::new(&self.0, gram)
    }
}
