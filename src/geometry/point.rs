//! Slacks, scores and the operators of the projection at one x.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use nalgebra::{DMatrix, DVector};

use super::apart::Apart;
use super::heavy::{HeavyRows, SplitGram};
use super::walk::{Ask, Sum, Work};
use crate::error::Error;
use crate::linalg::{Blocks, Design, Factor, Factorisation, check_length};
use crate::scalar::{Scalar, count, epsilon, real};

/// Σσ may differ from d by this power of ε, relative: orthogonalised twice it
/// is good to rounding, after a broken factorisation to nothing.
const SUM_DIGITS: f64 = 0.5;

/// Everything about A_x = diag(s)⁻¹A that depends on x alone.
///
/// P = A_x(A_xᵀA_x)⁻¹A_xᵀ = QQᵀ is n×n and never formed. What is kept is the
/// slacks, the triangular factor R of A_x = QR and, once asked for, the scores.
/// All entrywise products with P² = P∘P go through two d×d reductions:
///
/// ```text
/// gram(v)      = Qᵀ diag(v) Q                        d×d
/// row_forms(Y) = (q_iᵀ Y q_i)_i                      n
/// P² v         = row_forms(gram(v))                  (I1)
/// (P∘(P diag(v) P)) u = row_forms(½(UV + VU)),  U = gram(u), V = gram(v)   (I2)
/// ```
///
/// Where R is well conditioned they are taken on A's own rows, without Q. Where
/// it is not, rows that are nearly those of Q are made of them first, block by
/// block; they are kept only where that takes triangular solves and A stands
/// dense in memory.
///
/// # Complexity
/// O(nd²) to make, and for the scores and each `gram` and `row_forms`;
/// Σ nnz(a_i)² for a sparse A. Memory O(n + d²), O(nd) where Q is kept.
#[derive(Debug)]
pub struct Geometry<T: Scalar> {
    pub(super) x: DVector<T>,
    /// b, where the slacks are those of a point.
    pub(super) rhs: Option<Arc<DVector<T>>>,
    pub(super) slack: DVector<T>,
    pub(super) design: Design<T>,
    pub(super) blocks: Blocks,
    pub(super) factor: Factor<T>,
    pub(super) basis: Basis<T>,
    /// Rows that are not worked on as they stand in A.
    pub(super) apart: Option<Apart<T>>,
    pub(super) scores: OnceLock<DVector<T>>,
    /// A_xᵀσ.
    pub(super) image: OnceLock<Image<T>>,
    pub(super) heavy: OnceLock<HeavyRows<T>>,
}

/// How the two reductions are taken.
#[derive(Debug)]
pub(super) enum Basis<T: Scalar> {
    /// On the rows of A, slacks measured in a unit: a power of two, so that
    /// weights 1/s² neither overflow nor vanish, whatever the units of b.
    Design { unit: T },
    /// On rows nearly orthonormal, which the factor's first step makes of A's,
    /// kept by blocks.
    Kept(Vec<DMatrix<T>>),
    /// On such rows, made block by block.
    Made,
}

/// A_xᵀσ, and its part without the rows apart.
#[derive(Debug)]
pub(super) struct Image<T: Scalar> {
    all: DVector<T>,
    rest: DVector<T>,
}

impl<T: Scalar> Geometry<T> {
    /// Scores, and whether they can be: they sum to d. Where slacks lie further
    /// apart than the arithmetic reaches, what comes out has nothing to do with
    /// them.
    pub(super) fn score(&self, choice: Factorisation) -> Result<&DVector<T>, Error> {
        if let Some(scores) = self.scores.get() {
            return Ok(scores);
        }
        let scores = self.checked(self.ask(&Ask::Scores)?, choice)?;
        Ok(self.scores.get_or_init(|| scores))
    }

    fn checked(&self, scores: DVector<T>, choice: Factorisation) -> Result<DVector<T>, Error> {
        let d: T = count(self.design.ncols());
        let off = (scores.sum() - d).abs();
        if !(off <= d * epsilon::<T>().powf(real(SUM_DIGITS))) {
            if matches!(
                choice,
                Factorisation::Cholesky | Factorisation::CholeskyTwice
            ) {
                return Err(Error::Singular {
                    what: "Gram matrix",
                });
            }
            let row = self.slack.map(|s| s.abs()).imin();
            return Err(Error::ZeroSlack { row });
        }
        // Rounding may end above 1, where no score lies.
        Ok(scores.map(|s| s.min(T::one())))
    }

    /// A_xᵀσ, in the pass that makes σ where there is none yet.
    fn image(&self) -> Result<&Image<T>, Error> {
        if let Some(image) = self.image.get() {
            return Ok(image);
        }
        let apart = self.apart.as_ref().map_or(&[][..], Apart::indices);
        let rest = if let Some(scores) = self.scores.get() {
            let weights = scores.component_div(&self.slack);
            let weights = without(&weights, apart);
            self.design.apply_transposed(&weights)?
        } else {
            let sum = (Sum::Rows, apart);
            let walked = self.walk(&Ask::Scores, |_, score| (score, score), sum)?;
            let (scores, rest) = walked.with_rows();
            let scores = self.checked(scores, Factorisation::Automatic)?;
            self.scores.get_or_init(|| scores);
            rest
        };
        let mut all = rest.clone();
        if let Some(apart) = &self.apart {
            let scores = self.scores()?;
            let own: Vec<T> = apart.indices().iter().map(|&i| scores[i]).collect();
            apart.add_rows(&own, all.as_mut_slice());
        }
        Ok(self.image.get_or_init(|| Image { all, rest }))
    }

    /// The point.
    pub fn x(&self) -> &DVector<T> {
        &self.x
    }

    /// s = A x − b, n entries.
    pub fn slack(&self) -> &DVector<T> {
        &self.slack
    }

    /// σ, the n leverage scores of A_x: between 0 and 1, summing to d. O(nd²) the
    /// first time, Σ nnz(a_i)² where A is sparse.
    ///
    /// # Errors
    /// Those of reading the rows; [`Error::ZeroSlack`] where slacks are so far
    /// apart that there are no scores in this arithmetic.
    pub fn scores(&self) -> Result<&DVector<T>, Error> {
        self.score(Factorisation::Automatic)
    }

    /// g = −A_xᵀσ, the leverage score gradient. (V2) Made with the scores, if these
    /// were not asked for before; O(nnz(A)) where they were.
    ///
    /// # Errors
    /// Those of [`scores`](Self::scores).
    pub fn score_gradient(&self) -> Result<DVector<T>, Error> {
        Ok(-&self.image()?.all)
    }

    /// A_xᵀσ over all but the heavy rows.
    pub(crate) fn light_image(&self) -> Result<DVector<T>, Error> {
        let (heavy, scores) = (self.heavy()?.indices(), self.scores()?);
        if let Some(apart) = &self.apart {
            let light = |i: &usize| match heavy.binary_search(i) {
                Ok(_) => T::zero(),
                Err(_) => scores[*i],
            };
            if let Some(weights) = apart.weights(heavy, light) {
                let mut sum = self.image()?.rest.clone();
                apart.add_rows(&weights, sum.as_mut_slice());
                return Ok(sum);
            }
        }
        self.apply_transposed(&without(scores, heavy))
    }

    /// V = ½ log det A_xᵀA_x. (V1)
    pub fn volumetric(&self) -> T {
        self.factor.half_log_det()
    }

    /// How A_x was factorised: never `Automatic`.
    pub fn factorisation(&self) -> Factorisation {
        self.factor.method
    }

    /// A_x h = (A h) / s. O(nnz(A)).
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn apply(&self, h: &DVector<T>) -> Result<DVector<T>, Error> {
        check_length("direction", h, self.x.len())?;
        self.ask(&Ask::Direction(h))
    }

    /// A_xᵀ v = Aᵀ(v / s). O(nnz(A)).
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn apply_transposed(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        check_length("row vector", v, self.slack.len())?;
        self.design.apply_transposed(&v.component_div(&self.slack))
    }

    /// A_xᵀ K A_x for a form K given in the basis Q: `Rᵀ K R`, in the order of
    /// the columns of A.
    pub(crate) fn form_from_frame(&self, k: &DMatrix<T>) -> DMatrix<T> {
        self.factor.form_from_frame(k)
    }

    /// Qᵀ diag(v) Q, symmetric d×d. (I1) O(nd²).
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn gram(&self, v: &DVector<T>) -> Result<DMatrix<T>, Error> {
        check_length("row vector", v, self.slack.len())?;
        Ok(self.gram_of(v, &[])?.all)
    }

    /// `(q_iᵀ Y q_i)_i` for a symmetric d×d form Y in the basis Q. (I1) O(nd²).
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn row_forms(&self, y: &DMatrix<T>) -> Result<DVector<T>, Error> {
        let expected = self.x.len();
        for (unit, found) in [("rows", y.nrows()), ("columns", y.ncols())] {
            if found != expected {
                return Err(Error::Shape {
                    what: "form",
                    unit,
                    expected,
                    found,
                });
            }
        }
        self.ask(&Ask::Form(y))
    }

    /// Λ v = σ∘v − P² v, the Laplacian of the graph with weights P_ij². O(nd²).
    ///
    /// Where σ_i is near 1 the two terms agree to all digits, and the division
    /// by that row's tiny slack which follows makes the loss visible. Such rows
    /// are summed in the Laplacian's own form Σ_j P_ij²(v_i − v_j).
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn laplacian(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        check_length("row vector", v, self.slack.len())?;
        let gram = self.split_gram(v)?;
        let mut out = self.scores()?.component_mul(v) - self.row_forms(&gram.all)?;
        self.heavy()?.mend_laplacian(v, &gram.light, &mut out);
        Ok(out)
    }

    /// Qᵀ diag(v) Q, and its part without the heavy rows.
    pub(crate) fn split_gram(&self, v: &DVector<T>) -> Result<SplitGram<T>, Error> {
        let heavy = self.heavy()?;
        let light = self.gram_of(v, heavy.indices())?;
        Ok(heavy.completed(v, light))
    }

    /// The rows whose score is close to 1.
    pub(crate) fn heavy(&self) -> Result<&HeavyRows<T>, Error> {
        if let Some(heavy) = self.heavy.get() {
            return Ok(heavy);
        }
        let rows: Vec<usize> = HeavyRows::select(self.scores()?).collect();
        let mut heavy = HeavyRows::default();
        if !rows.is_empty() {
            let q = rows.iter().map(|&i| self.q_row(i));
            let q = q.collect::<Result<Vec<_>, Error>>()?;
            let apart = self.apart.as_ref();
            let light = match apart.and_then(|apart| apart.gram_without(&rows, self.unit())) {
                Some(light) => light,
                None => {
                    let ones = DVector::from_element(self.slack.len(), T::one());
                    self.gram_of(&ones, &rows)?.light
                }
            };
            let explicit = self.inverse().map(Cow::into_owned);
            heavy = HeavyRows::new(rows, q, explicit, light);
        }
        Ok(self.heavy.get_or_init(|| heavy))
    }

    /// `sum ← sum + Σ over heavy rows of v_i a_i / s_i`.
    pub(crate) fn add_heavy(&self, v: &DVector<T>, sum: &mut DVector<T>) -> Result<(), Error> {
        let mut row = DMatrix::zeros(1, self.x.len());
        for &i in self.heavy()?.indices() {
            self.design.read_rows(i, &mut row)?;
            let weight = v[i] / self.slack[i];
            let row = sum.iter_mut().zip(row.iter());
            row.for_each(|(sum, &a)| *sum += weight * a);
        }
        Ok(())
    }

    /// A row of A, and what rounding took off its slack: `a_iᵀx − b_i − s_i`.
    pub(crate) fn row_and_slack_error(&self, i: usize) -> Result<(DVector<T>, T), Error> {
        let mut row = DMatrix::zeros(1, self.x.len());
        self.design.read_rows(i, &mut row)?;
        let row = row.row(0).transpose();
        let Some(rhs) = &self.rhs else {
            return Ok((row, T::zero()));
        };
        let pairs = row.iter().copied().zip(self.x.iter().copied());
        let own = std::iter::once((self.slack[i], -T::one()));
        let error = T::residual_of_row(pairs.chain(own), rhs[i]);
        Ok((row, error))
    }

    /// Row i of Q, from the whole block that it lies in: its second
    /// orthogonalisation mends the rounding of that very computation, and a row
    /// solved for alone rounds differently.
    fn q_row(&self, i: usize) -> Result<DVector<T>, Error> {
        if let Some(q) = self.apart.as_ref().and_then(|apart| apart.q_row(i)) {
            return Ok(q);
        }
        let (range, k) = self.blocks.around(i);
        let mut work = Work::default();
        Ok(self.q_block(&range, &mut work)?.row(k).transpose())
    }

    /// P² v with P² = P∘P. (I1) O(nd²).
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn squared_projection(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        self.row_forms(&self.gram(v)?)
    }
}

/// v with some entries set to zero.
fn without<T: Scalar>(v: &DVector<T>, indices: &[usize]) -> DVector<T> {
    let mut v = v.clone();
    indices.iter().for_each(|&i| v[i] = T::zero());
    v
}
