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

use crate::scalar::{Scalar, real};

/// Scores above which a row is heavy: below it cancellation costs two digits
/// at most.
const HEAVY: f64 = 0.99;

/// The heavy rows of Q and what the light ones add up to.
#[derive(Debug, Clone)]
pub(crate) struct HeavyRows<T> {
    /// Their numbers, ascending.
    indices: Vec<usize>,
    /// Their rows of Q.
    rows: Vec<DVector<T>>,
    /// z_i = X q_i.
    duals: Vec<DVector<T>>,
    /// X; none for the identity.
    explicit: Option<DMatrix<T>>,
    /// Σ over light rows of y_j y_jᵀ.
    light: DMatrix<T>,
    /// Σ_{j≠i} P_ij² = σ_i(1 − σ_i), a row each, without cancellation.
    complements: Vec<T>,
}

/// Sums over rows by a weight v for each.
#[derive(Debug, Clone)]
pub(crate) struct SplitGram<T> {
    /// Qᵀ diag(v) Q.
    pub(crate) all: DMatrix<T>,
    /// Yᵀ diag(v) Y, without the heavy rows; empty where there is none.
    pub(crate) light: DMatrix<T>,
}

impl<T: Scalar> Default for HeavyRows<T> {
    fn default() -> Self {
        HeavyRows {
            indices: Vec::new(),
            rows: Vec::new(),
            duals: Vec::new(),
            explicit: None,
            light: DMatrix::zeros(0, 0),
            complements: Vec::new(),
        }
    }
}

impl<T: Scalar> HeavyRows<T> {
    /// The rows to be treated so.
    pub(crate) fn select(scores: &DVector<T>) -> impl Iterator<Item = usize> + '_ {
        (0..scores.len()).filter(|&i| scores[i] > real(HEAVY))
    }

    /// The rows of given numbers, X, and the Gram matrix of the light ones.
    pub(crate) fn new(
        indices: Vec<usize>,
        rows: Vec<DVector<T>>,
        explicit: Option<DMatrix<T>>,
        light: DMatrix<T>,
    ) -> Self {
        let duals = match &explicit {
            None => rows.clone(),
            Some(x) => rows.iter().map(|q| x * q).collect(),
        };
        let mut heavy = HeavyRows {
            indices,
            rows,
            duals,
            explicit,
            light,
            complements: Vec::new(),
        };
        let complement = |k: usize| {
            let light = quadratic(&heavy.light, &heavy.duals[k]);
            heavy.others(k).fold(light, |sum, (_, p, _)| sum + p * p)
        };
        heavy.complements = (0..heavy.rows.len()).map(complement).collect();
        heavy
    }

    /// Their numbers, ascending.
    pub(crate) fn indices(&self) -> &[usize] {
        &self.indices
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Index and 1 − σ_i of each row, the latter without cancellation.
    pub(crate) fn deficits(&self, scores: &DVector<T>) -> impl Iterator<Item = (usize, T)> + '_ {
        let scores = scores.clone();
        let of_all = self.indices.iter().zip(&self.complements);
        of_all.map(move |(&i, &complement)| (i, complement / scores[i]))
    }

    /// Adds the heavy rows to sums over the light ones.
    pub(crate) fn completed(&self, v: &DVector<T>, mut sums: SplitGram<T>) -> SplitGram<T> {
        for (&i, q) in self.indices.iter().zip(&self.rows) {
            sums.all.ger(v[i], q, q, T::one());
        }
        sums
    }

    /// Row index, P_ij and q_j of the heavy rows other than the k-th.
    fn others(&self, k: usize) -> impl Iterator<Item = (usize, T, &DVector<T>)> + '_ {
        let own = &self.rows[k];
        let all = self.indices.iter().zip(&self.rows).enumerate();
        all.filter(move |&(l, _)| l != k)
            .map(move |(_, (&j, q))| (j, own.dot(q), q))
    }

    /// Replaces the heavy entries of Λv: Σ_j P_ij²(v_i − v_j).
    pub(crate) fn mend_laplacian(
        &self,
        v: &DVector<T>,
        light_gram: &DMatrix<T>,
        out: &mut DVector<T>,
    ) {
        for (k, (i, z)) in self.indices.iter().zip(&self.duals).enumerate() {
            let own = v[*i] * self.complements[k] - quadratic(light_gram, z);
            out[*i] = self
                .others(k)
                .fold(own, |sum, (j, p, _)| sum - p * p * v[j]);
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
    ) {
        let &ScoreProductTerms {
            r,
            u,
            e,
            r_light,
            u_light,
            f_light,
            u_gram,
        } = terms;
        let (four, eight) = (real::<T>(4.0), real::<T>(8.0));
        for (k, (i, q)) in self.indices.iter().zip(&self.rows).enumerate() {
            let (r_i, z) = (r[*i], &self.duals[k]);
            let mut sum =
                e[*i] * self.complements[k] - quadratic(f_light, z) + r_i * quadratic(u_light, z);
            // (Qᵀdiag(u)Q) q_i, and what it meets.
            let along = u_gram * q;
            let light = r_light * z - (&self.light * z) * r_i;
            let mut met = match &self.explicit {
                None => along.dot(&light),
                Some(x) => (x * &along).dot(&light),
            };
            for (j, p, q_j) in self.others(k) {
                sum -= p * p * (e[j] + (r[j] - r_i) * u[j]);
                met += (r[j] - r_i) * p * along.dot(q_j);
            }
            out[*i] = four * sum + eight * met;
        }
    }
}

/// What [`HeavyRows::mend_score_product`] works from: r, u = A_x h, e = Λu, and
/// the Gram matrices of r, u and f = e + r∘u over the light rows, of u over all.
pub(crate) struct ScoreProductTerms<'a, T> {
    pub(crate) r: &'a DVector<T>,
    pub(crate) u: &'a DVector<T>,
    pub(crate) e: &'a DVector<T>,
    pub(crate) r_light: &'a DMatrix<T>,
    pub(crate) u_light: &'a DMatrix<T>,
    pub(crate) f_light: &'a DMatrix<T>,
    pub(crate) u_gram: &'a DMatrix<T>,
}

fn quadratic<T: Scalar>(form: &DMatrix<T>, q: &DVector<T>) -> T {
    (form * q).dot(q)
}
