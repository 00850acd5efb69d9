//! Rows whose leverage score is close to 1.
//!
//! A row with a tiny slack outweighs all others: σ_i = 1 − δ with δ ~ s_i².
//! Whatever is built on Λ = Σ − P² vanishes there like δ, and is then divided
//! by s_i once or twice: computed as a difference of numbers near 1, it has no
//! digit left at s_i = 1e-8. For these rows, at most d of them, differences are
//! taken first and summed after, as Σ_j P_ij²(v_i − v_j).
//!
//! What the light rows add to that, q_iᵀ(Σ v_j q_j q_jᵀ)q_i, is of the size of δ
//! too, and Σ v_j q_j q_jᵀ is not: in the basis Q it would be rounded away. Let
//! q_j = Xᵀy_j with rows y_j at hand, of A_x as a rule: then it is
//! z_iᵀ(Σ v_j y_j y_jᵀ)z_i with z_i = Xq_i, which is as small as s_i.

use nalgebra::{DMatrix, DVector};

use super::moment::Moment;
use crate::error::Error;
use crate::scalar::{Scalar, real};

/// Scores above which a row is heavy: below it cancellation costs two digits
/// at most.
const HEAVY: f64 = 0.99;

/// The heavy rows, and what the light ones add up to.
#[derive(Debug)]
pub(crate) struct HeavyRows<T: Scalar> {
    /// Their numbers, ascending.
    indices: Vec<usize>,
    /// Their rows: of Q, or of A_x where the Gram matrix is sparse.
    rows: Vec<DVector<T>>,
    /// z_i.
    duals: Vec<DVector<T>>,
    /// P_ij among them.
    pairs: DMatrix<T>,
    /// Σ over light rows of y_j y_jᵀ.
    light: Option<Moment<T>>,
    /// Σ_{j≠i} P_ij² = σ_i(1 − σ_i), a row each, without cancellation.
    complements: Vec<T>,
}

/// Heavy rows by number, with what belongs to each.
pub(super) struct Parts<T: Scalar> {
    pub(super) indices: Vec<usize>,
    pub(super) rows: Vec<DVector<T>>,
    pub(super) duals: Vec<DVector<T>>,
}

impl<T: Scalar> Default for HeavyRows<T> {
    fn default() -> Self {
        HeavyRows {
            indices: Vec::new(),
            rows: Vec::new(),
            duals: Vec::new(),
            pairs: DMatrix::zeros(0, 0),
            light: None,
            complements: Vec::new(),
        }
    }
}

impl<T: Scalar> HeavyRows<T> {
    /// The rows to be treated so.
    pub(crate) fn select(scores: &DVector<T>) -> impl Iterator<Item = usize> + '_ {
        (0..scores.len()).filter(|&i| scores[i] > real(HEAVY))
    }

    /// The rows of given numbers, `pair(k, l)` of which is P_kl, and the moment of
    /// the light ones.
    pub(super) fn new(
        parts: Parts<T>,
        pair: impl Fn(&Parts<T>, usize, usize) -> T,
        light: Moment<T>,
    ) -> Self {
        let count = parts.indices.len();
        let pairs = DMatrix::from_fn(count, count, |k, l| pair(&parts, k, l));
        let squares = |k: usize| {
            let others = (0..count).filter(move |&l| l != k);
            let pairs = &pairs;
            others.map(move |l| pairs[(k, l)] * pairs[(k, l)])
        };
        let complement = |k: usize| {
            let light = light.light_form(&parts.duals[k]);
            squares(k).fold(light, |sum, square| sum + square)
        };
        let complements = (0..count).map(complement).collect();
        HeavyRows {
            indices: parts.indices,
            rows: parts.rows,
            duals: parts.duals,
            pairs,
            light: Some(light),
            complements,
        }
    }

    /// Their numbers, ascending.
    pub(crate) fn indices(&self) -> &[usize] {
        &self.indices
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Their rows.
    pub(super) fn rows(&self) -> &[DVector<T>] {
        &self.rows
    }

    /// z_i of the k-th.
    pub(super) fn dual(&self, k: usize) -> &DVector<T> {
        &self.duals[k]
    }

    /// Index and 1 − σ_i of each row, the latter without cancellation.
    pub(crate) fn deficits(&self, scores: &DVector<T>) -> impl Iterator<Item = (usize, T)> + '_ {
        let scores = scores.clone();
        let of_all = self.indices.iter().zip(&self.complements);
        of_all.map(move |(&i, &complement)| (i, complement / scores[i]))
    }

    /// Place among them, row index and P_ij of the rows other than the k-th.
    fn others(&self, k: usize) -> impl Iterator<Item = (usize, usize, T)> + '_ {
        let all = self.indices.iter().enumerate();
        all.filter(move |&(l, _)| l != k)
            .map(move |(l, &j)| (l, j, self.pairs[(k, l)]))
    }

    /// Replaces the heavy entries of Λv: Σ_j P_ij²(v_i − v_j).
    pub(crate) fn mend_laplacian(&self, v: &DVector<T>, moment: &Moment<T>, out: &mut DVector<T>) {
        self.mend(v, |k| moment.light_form(&self.duals[k]), out);
    }

    /// The same from `Qᵀ diag(v) Q` of the light rows.
    pub(crate) fn mend_laplacian_in_frame(
        &self,
        v: &DVector<T>,
        light: &DMatrix<T>,
        out: &mut DVector<T>,
    ) {
        self.mend(v, |k| (light * &self.rows[k]).dot(&self.rows[k]), out);
    }

    fn mend(&self, v: &DVector<T>, light: impl Fn(usize) -> T, out: &mut DVector<T>) {
        for (k, &i) in self.indices.iter().enumerate() {
            let own = v[i] * self.complements[k] - light(k);
            out[i] = self
                .others(k)
                .fold(own, |sum, (_, j, p)| sum - p * p * v[j]);
        }
    }

    /// The heavy entries of what (D4) makes of u beyond 6ℓ∘u, replaced.
    ///
    /// The r-dependent part of (D4) does not change when a constant is added to
    /// r, since P²·1 = σ and P·P = P. With r_i taken off for row i, its own
    /// huge contributions drop out before anything is summed:
    ///
    /// ```text
    /// 4(Λe)_i − 4(P²(r'∘u))_i + 8 q_iᵀ (Qᵀdiag(u)Q)(Qᵀdiag(r')Q) q_i,   r' = r − r_i
    /// ```
    ///
    /// Of the last factor the light rows' part is Xᵀ(Yᵀdiag(r')Y)z_i.
    pub(crate) fn mend_score_product(
        &self,
        terms: &ScoreProductTerms<'_, T>,
        out: &mut DVector<T>,
    ) -> Result<(), Error> {
        let &ScoreProductTerms {
            r,
            u,
            e,
            r_moment,
            u_moment,
            f_moment,
            along,
        } = terms;
        let (four, eight) = (real::<T>(4.0), real::<T>(8.0));
        let Some(ones) = &self.light else {
            return Ok(());
        };
        for (k, &i) in self.indices.iter().enumerate() {
            let (r_i, z) = (r[i], &self.duals[k]);
            let mut sum =
                e[i] * self.complements[k] - f_moment.light_form(z) + r_i * u_moment.light_form(z);
            // (Qᵀdiag(u)Q) q_i, and what it meets.
            let Along { row, dual } = along(k)?;
            let light = r_moment.light_image(z) - ones.light_image(z) * r_i;
            let mut met = dual.dot(&light);
            for (l, j, p) in self.others(k) {
                sum -= p * p * (e[j] + (r[j] - r_i) * u[j]);
                met += (r[j] - r_i) * p * row.dot(&self.rows[l]);
            }
            out[i] = four * sum + eight * met;
        }
        Ok(())
    }
}

/// A moment's image of a heavy row, as it meets rows and as it meets light
/// moments' images.
pub(crate) struct Along<T: Scalar> {
    pub(crate) row: DVector<T>,
    pub(crate) dual: DVector<T>,
}

/// What [`HeavyRows::mend_score_product`] works from: r, u = A_x h, e = Λu, the
/// moments of r, u and f = e + r∘u, and u's image of each heavy row.
pub(crate) struct ScoreProductTerms<'a, T: Scalar> {
    pub(crate) r: &'a DVector<T>,
    pub(crate) u: &'a DVector<T>,
    pub(crate) e: &'a DVector<T>,
    pub(crate) r_moment: &'a Moment<T>,
    pub(crate) u_moment: &'a Moment<T>,
    pub(crate) f_moment: &'a Moment<T>,
    pub(crate) along: &'a dyn Fn(usize) -> Result<Along<T>, Error>,
}
