//! Slacks, scores and the operators of the projection at one x.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use nalgebra::{DMatrix, DVector};

use super::heavy::HeavyRows;
use crate::error::Error;
use crate::linalg::{
    BlockWalk, Blocks, Design, Factor, Factorisation, RowScaling, check_length, folded,
    mirror_lower, row_dots,
};
use crate::scalar::{Scalar, count, epsilon, real};

/// Σσ may differ from d by this power of ε, relative: orthogonalised twice it
/// is good to rounding, after a broken factorisation to nothing.
const SUM_DIGITS: f64 = 0.5;

/// Everything about A_x = diag(s)⁻¹A that depends on x alone.
///
/// P = A_x(A_xᵀA_x)⁻¹A_xᵀ = QQᵀ is n×n and never formed. What is kept is the
/// triangular factor R of A_x = QR, the scores, and Q itself only where A is
/// dense in memory; elsewhere rows of Q are made block by block as they are
/// asked for. All entrywise products with P² = P∘P go through two d×d
/// reductions:
///
/// ```text
/// gram(v)      = Qᵀ diag(v) Q                        d×d
/// row_forms(Y) = (q_iᵀ Y q_i)_i                      n
/// P² v         = row_forms(gram(v))                  (I1)
/// (P∘(P diag(v) P)) u = row_forms(½(UV + VU)),  U = gram(u), V = gram(v)   (I2)
/// ```
///
/// # Complexity
/// O(nd²) to make, O(nd²) for each `gram` and `row_forms`; memory O(nd) for a
/// dense A, O(nnz(A) + d²) otherwise.
#[derive(Debug)]
pub struct Geometry<T: Scalar> {
    x: DVector<T>,
    /// b, where the slacks are those of a point.
    rhs: Option<Arc<DVector<T>>>,
    slack: DVector<T>,
    inverse_slack: DVector<T>,
    scores: DVector<T>,
    design: Design<T>,
    blocks: Blocks,
    factor: Factor<T>,
    /// The rows of Q by blocks, where they are kept.
    q: Option<Vec<DMatrix<T>>>,
    heavy: OnceLock<HeavyRows<T>>,
}

impl<T: Scalar> Geometry<T> {
    pub(crate) fn new(
        design: &Design<T>,
        (x, rhs): (&DVector<T>, Option<Arc<DVector<T>>>),
        slack: DVector<T>,
        choice: Factorisation,
    ) -> Result<Self, Error> {
        // A slack too small to invert is as good as zero.
        let inverse_slack = slack.map(|s| T::one() / s);
        if let Some(row) = inverse_slack
            .iter()
            .position(|s| !s.is_finite() || *s == T::zero())
        {
            return Err(Error::ZeroSlack { row });
        }
        let factor = Factor::new(design, &inverse_slack, choice)?;
        if let Some(row) = undefined_row(&factor, &slack) {
            return Err(Error::ZeroSlack { row });
        }
        let mut geometry = Geometry {
            x: x.clone(),
            rhs,
            slack,
            inverse_slack,
            scores: DVector::zeros(design.nrows()),
            design: design.clone(),
            blocks: design.blocks(),
            factor,
            q: None,
            heavy: OnceLock::new(),
        };
        if design.is_dense() {
            let q = geometry.blocks.map(|range| {
                let mut rows = DMatrix::zeros(0, 0);
                geometry.make_q(&range, &mut rows)?;
                Ok(rows)
            })?;
            geometry.q = Some(q);
        }
        let mut scores = DVector::zeros(design.nrows());
        geometry.each_block(&mut scores, |q, _, out| row_dots(q, q, out))?;
        // Scores sum to d. Where slacks lie further apart than the arithmetic
        // reaches, what comes out has nothing to do with them.
        let d: T = count(design.ncols());
        let off = (scores.sum() - d).abs();
        if !(off <= d * epsilon::<T>().powf(real(SUM_DIGITS))) {
            if choice == Factorisation::Cholesky {
                return Err(Error::Singular {
                    what: "Gram matrix",
                });
            }
            let row = geometry.slack.map(|s| s.abs()).imin();
            return Err(Error::ZeroSlack { row });
        }
        // Rounding may end above 1, where no score lies.
        geometry.scores = scores.map(|s| s.min(T::one()));
        Ok(geometry)
    }

    /// The point.
    pub fn x(&self) -> &DVector<T> {
        &self.x
    }

    /// s = A x − b, n entries.
    pub fn slack(&self) -> &DVector<T> {
        &self.slack
    }

    /// σ, the n leverage scores of A_x: between 0 and 1, summing to d.
    pub fn scores(&self) -> &DVector<T> {
        &self.scores
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
        Ok(self.design.apply(h)?.component_mul(&self.inverse_slack))
    }

    /// A_xᵀ v = Aᵀ(v / s). O(nnz(A)).
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn apply_transposed(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        check_length("row vector", v, self.slack.len())?;
        self.design
            .apply_transposed(&v.component_mul(&self.inverse_slack))
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
        let d = self.design.ncols();
        let sum = self.fold_q(
            || DMatrix::zeros(d, d),
            |sum, q, range| {
                let mut scaled = q.clone();
                v.scale_rows(range, &mut scaled);
                T::add_gram(q, &scaled, sum);
            },
            |sum, part| *sum += part,
        )?;
        let mut sum = sum.unwrap_or_else(|| DMatrix::zeros(d, d));
        mirror_lower(&mut sum);
        Ok(sum)
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
        let lower = folded(y);
        let mut out = DVector::zeros(self.slack.len());
        self.each_block(&mut out, |q, image, out| {
            T::multiply_lower(q, &lower, image);
            row_dots(q, image, out);
        })?;
        Ok(out)
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
        self.laplacian_of(v, &self.split_gram(v)?)
    }

    /// Λ v, given the split Gram matrix of v.
    pub(crate) fn laplacian_of(
        &self,
        v: &DVector<T>,
        gram: &SplitGram<T>,
    ) -> Result<DVector<T>, Error> {
        let mut out = self.scores.component_mul(v) - self.row_forms(&gram.all)?;
        self.heavy()?.mend_laplacian(v, &gram.light, &mut out);
        Ok(out)
    }

    /// Qᵀ diag(v) Q, and its part without the heavy rows.
    pub(crate) fn split_gram(&self, v: &DVector<T>) -> Result<SplitGram<T>, Error> {
        let heavy = self.heavy()?;
        if heavy.is_empty() {
            let all = self.gram(v)?;
            return Ok(SplitGram {
                light: all.clone(),
                all,
            });
        }
        let light = self.gram(&heavy.without(v))?;
        let all = heavy.add_to_gram(v, light.clone());
        Ok(SplitGram { all, light })
    }

    /// The rows whose score is close to 1.
    pub(crate) fn heavy(&self) -> Result<&HeavyRows<T>, Error> {
        if let Some(heavy) = self.heavy.get() {
            return Ok(heavy);
        }
        let rows: Vec<usize> = HeavyRows::select(&self.scores).collect();
        let mut heavy = HeavyRows::default();
        if !rows.is_empty() {
            let q = rows
                .iter()
                .map(|&i| Ok((i, self.q_row(i)?)))
                .collect::<Result<_, Error>>()?;
            heavy = HeavyRows::new(q);
            let light = heavy.without(&DVector::from_element(self.slack.len(), T::one()));
            heavy.set_light(self.gram(&light)?);
        }
        Ok(self.heavy.get_or_init(|| heavy))
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
        let (range, k) = self.blocks.around(i);
        let mut scratch = DMatrix::zeros(0, 0);
        Ok(self.q_block(&range, &mut scratch)?.row(k).transpose())
    }

    /// P² v with P² = P∘P. (I1) O(nd²).
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn squared_projection(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        self.row_forms(&self.gram(v)?)
    }

    /// A reduction over the blocks of Q.
    pub(crate) fn fold_q<A: Send>(
        &self,
        start: impl Fn() -> A + Sync,
        step: impl Fn(&mut A, &DMatrix<T>, Range<usize>) + Sync,
        merge: impl Fn(&mut A, A),
    ) -> Result<Option<A>, Error> {
        let sum = self.blocks.fold(
            || (start(), DMatrix::zeros(0, 0)),
            |(sum, scratch), range| {
                step(sum, self.q_block(&range, scratch)?, range);
                Ok(())
            },
            |(sum, _), (part, _)| merge(sum, part),
        )?;
        Ok(sum.map(|(sum, _)| sum))
    }

    /// An n-vector from the blocks of Q; `image` is scratch of the block's size.
    fn each_block(
        &self,
        out: &mut DVector<T>,
        work: impl Fn(&DMatrix<T>, &mut DMatrix<T>, &mut [T]) + Sync,
    ) -> Result<(), Error> {
        let empty = || (DMatrix::zeros(0, 0), DMatrix::zeros(0, 0));
        self.blocks
            .fill(out.as_mut_slice(), empty, |(scratch, image), range, out| {
                let q = self.q_block(&range, scratch)?;
                if image.shape() != q.shape() {
                    *image = DMatrix::zeros(q.nrows(), q.ncols());
                }
                work(q, image, out);
                Ok(())
            })
    }

    fn q_block<'a>(
        &'a self,
        range: &Range<usize>,
        scratch: &'a mut DMatrix<T>,
    ) -> Result<&'a DMatrix<T>, Error> {
        match &self.q {
            Some(blocks) => Ok(&blocks[self.blocks.index(range)]),
            None => {
                self.make_q(range, scratch)?;
                Ok(scratch)
            }
        }
    }

    fn make_q(&self, range: &Range<usize>, rows: &mut DMatrix<T>) -> Result<(), Error> {
        self.design.read_block(range, rows)?;
        self.inverse_slack.scale_rows(range.clone(), rows);
        self.factor.orthonormalise(rows);
        Ok(())
    }
}

/// Qᵀ diag(v) Q over all rows, and over all but the heavy ones.
#[derive(Debug, Clone)]
pub(crate) struct SplitGram<T> {
    pub(crate) all: DMatrix<T>,
    pub(crate) light: DMatrix<T>,
}

/// The row to blame where slacks are so small that the factor overflowed or
/// lost a column.
fn undefined_row<T: Scalar>(factor: &Factor<T>, slack: &DVector<T>) -> Option<usize> {
    let sound = factor.r.iter().all(|r| r.is_finite())
        && factor.r.diagonal().iter().all(|r| *r != T::zero());
    let smaller = |&i: &usize, &j: &usize| {
        slack[i]
            .abs()
            .partial_cmp(&slack[j].abs())
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    if sound {
        None
    } else {
        (0..slack.len()).min_by(smaller)
    }
}
