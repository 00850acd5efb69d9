//! Slacks, scores and the operators of the projection at one x.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use nalgebra::{DMatrix, DVector};

use super::apart::Apart;
use super::frame::Frame;
use super::heavy::HeavyRows;
use super::moment::Form;
use super::selected::Selected;
use super::walk::{Ask, Asked};
use crate::error::Error;
use crate::linalg::{Blocks, Design, Factorisation, SparseMetric, check_length, mirror_lower};
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
/// Σ nnz(a_i)² for a sparse A. Memory O(n + d²), and rows of length d for those
/// whose slacks are far below the others'; O(nd) where Q is kept. Where the Gram
/// matrix is sparse itself, O(n) and a few times the entries of its factor.
#[derive(Debug)]
pub struct Geometry<T: Scalar> {
    pub(super) x: DVector<T>,
    /// b, where the slacks are those of a point.
    pub(super) rhs: Option<Arc<DVector<T>>>,
    pub(super) slack: DVector<T>,
    pub(super) design: Design<T>,
    pub(super) blocks: Blocks,
    pub(super) core: Core<T>,
    /// The same point by a dense factor, where d×d matrices are asked for.
    pub(super) dense: OnceLock<Box<Geometry<T>>>,
    pub(super) scores: OnceLock<DVector<T>>,
    /// A_xᵀσ.
    pub(super) image: OnceLock<Image<T>>,
    pub(super) heavy: OnceLock<HeavyRows<T>>,
}

/// What stands for P.
#[derive(Debug)]
pub(super) enum Core<T: Scalar> {
    /// A_x = QR.
    Frame(Box<Frame<T>>),
    /// The Gram matrix on its pattern.
    Pattern(Selected<T>),
}

/// A_xᵀσ, and its part without the rows apart.
#[derive(Debug)]
pub(super) struct Image<T: Scalar> {
    pub(super) all: DVector<T>,
    pub(super) rest: DVector<T>,
}

impl<T: Scalar> Geometry<T> {
    /// Scores, and whether they can be: they sum to d. Where slacks lie further
    /// apart than the arithmetic reaches, what comes out has nothing to do with
    /// them.
    pub(super) fn score(&self, choice: Factorisation) -> Result<&DVector<T>, Error> {
        if let Some(scores) = self.scores.get() {
            return Ok(scores);
        }
        let scores = self.ask(&Ask::Scores)?;
        self.check(&scores, choice)?;
        // Rounding may end above 1, where no score lies.
        Ok(self.scores.get_or_init(|| scores.map(|s| s.min(T::one()))))
    }

    /// Σσ − d, to the last place.
    pub(super) fn excess(&self, scores: &DVector<T>) -> T {
        let terms = scores.iter().map(|&s| (s, T::one()));
        T::residual_of_row(terms, count(self.design.ncols()))
    }

    fn check(&self, scores: &DVector<T>, choice: Factorisation) -> Result<(), Error> {
        let d: T = count(self.design.ncols());
        if self.excess(scores).abs() <= d * epsilon::<T>().powf(real(SUM_DIGITS)) {
            return Ok(());
        }
        if matches!(
            choice,
            Factorisation::Cholesky | Factorisation::CholeskyTwice
        ) {
            return Err(Error::Singular {
                what: "Gram matrix",
            });
        }
        let row = self.slack.map(|s| s.abs()).imin();
        Err(Error::ZeroSlack { row })
    }

    /// A_xᵀσ, in the pass that makes σ where there is none yet.
    pub(super) fn image(&self) -> Result<&Image<T>, Error> {
        if let Some(image) = self.image.get() {
            return Ok(image);
        }
        // Either way the same numbers are added in the same order.
        let apart = self.apart().map_or(&[][..], Apart::indices);
        let rest = if let Some(scores) = self.scores.get() {
            self.rows_of(scores)?
        } else {
            let own = |_, score: T| (score, score.min(T::one()));
            let (scores, rest) = self.walk_to_rows(&Ask::Scores, own, apart)?;
            self.check(&scores, Factorisation::Automatic)?;
            self.scores.get_or_init(|| scores.map(|s| s.min(T::one())));
            rest
        };
        let mut all = rest.clone();
        if let Some(apart) = self.apart() {
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

    /// V = ½ log det A_xᵀA_x. (V1)
    pub fn volumetric(&self) -> T {
        match &self.core {
            Core::Frame(frame) => frame.factor.half_log_det(),
            Core::Pattern(selected) => selected.factor.half_log_det(),
        }
    }

    /// How A_x was factorised: never `Automatic`. Where rows of tiny slack were
    /// set apart, how these were brought in; the others went by `Cholesky`.
    pub fn factorisation(&self) -> Factorisation {
        match &self.core {
            Core::Frame(frame) => frame.factor.method,
            Core::Pattern(_) => Factorisation::SparseCholesky,
        }
    }

    /// Whether forms are met on a sparse pattern: products are cheap then, and
    /// d×d matrices are not.
    pub(crate) fn is_on_pattern(&self) -> bool {
        matches!(self.core, Core::Pattern(_))
    }

    /// This point by a dense factor: itself, where it has one.
    pub(crate) fn dense(&self) -> Result<&Geometry<T>, Error> {
        Ok(self.frame()?.0)
    }

    pub(super) fn frame(&self) -> Result<(&Geometry<T>, &Frame<T>), Error> {
        let at = match (&self.core, self.dense.get()) {
            (Core::Frame(_), _) => self,
            (_, Some(dense)) => dense,
            (_, None) => {
                let dense = Box::new(self.by_dense_factor()?);
                self.dense.get_or_init(|| dense)
            }
        };
        match &at.core {
            Core::Frame(frame) => Ok((at, frame)),
            Core::Pattern(_) => Err(Error::Singular {
                what: "Gram matrix",
            }),
        }
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

    /// What x moves by, to first order, for slack i to take the opposite sign and the
    /// others to change least: `−2 (A_xᵀA_x)⁻¹ A_xᵀ e_i / σ_i`. O(nd + d²).
    pub(crate) fn turning(&self, i: usize) -> Result<DVector<T>, Error> {
        let mut unit = DVector::zeros(self.slack.len());
        unit[i] = real::<T>(-2.0) / self.scores()?[i];
        let v = self.apply_transposed(&unit)?;
        match &self.core {
            Core::Pattern(selected) => Ok(selected.factor.solve(&v)),
            Core::Frame(frame) => Ok(frame.factor.solve(&frame.factor.solve_transposed(&v))),
        }
    }

    /// (A_xᵀA_x)⁻¹ v, where the Gram matrix is sparse and worked on.
    ///
    /// # Errors
    /// [`Error::Singular`] elsewhere.
    pub(crate) fn solve_gram(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        match &self.core {
            Core::Pattern(selected) => Ok(selected.factor.solve(v)),
            Core::Frame(_) => Err(Error::Singular {
                what: "sparse Gram matrix",
            }),
        }
    }

    /// A_xᵀA_x h, where the Gram matrix is sparse and worked on.
    pub(crate) fn multiply_gram(&self, h: &DVector<T>) -> Option<DVector<T>> {
        match &self.core {
            Core::Pattern(selected) => Some(selected.factor.multiply(&selected.pattern, h)),
            Core::Frame(_) => None,
        }
    }

    /// ‖A_x e_j‖, the root of (A_xᵀA_x)_jj, for each j: entry j of x may move by its
    /// inverse before a slack is gone. O(d³), O(d) where the Gram matrix is sparse and
    /// worked on.
    ///
    /// # Errors
    /// Those of [`Model::at`](crate::Model::at).
    pub fn column_norms(&self) -> Result<DVector<T>, Error> {
        match &self.core {
            Core::Pattern(selected) => Ok(selected.factor.lengths()),
            Core::Frame(_) => Ok(self.metric()?.diagonal().map(|square| square.sqrt())),
        }
    }

    /// A_xᵀA_x by its sparse factor, where it has one.
    pub(crate) fn sparse_metric(&self) -> Option<SparseMetric<T>> {
        match &self.core {
            Core::Pattern(selected) => Some(SparseMetric::new(selected.factor.clone())),
            Core::Frame(_) => None,
        }
    }

    /// A_xᵀA_x, d×d.
    pub(crate) fn metric(&self) -> Result<DMatrix<T>, Error> {
        if let Core::Frame(frame) = &self.core {
            let d = self.x.len();
            return Ok(frame.factor.form_from_frame(&DMatrix::identity(d, d)));
        }
        let weights = self.slack.map(|s| T::one() / s);
        let mut gram = self.design.weighted_gram(&weights)?;
        mirror_lower(&mut gram);
        Ok(gram)
    }

    /// A_xᵀ K A_x for a form K given in the basis Q: `Rᵀ K R`, in the order of
    /// the columns of A.
    pub(crate) fn form_from_frame(&self, k: &DMatrix<T>) -> Result<DMatrix<T>, Error> {
        Ok(self.frame()?.1.factor.form_from_frame(k))
    }

    /// Qᵀ diag(v) Q, symmetric d×d. (I1) O(nd²).
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn gram(&self, v: &DVector<T>) -> Result<DMatrix<T>, Error> {
        check_length("row vector", v, self.slack.len())?;
        let moment = self.frame()?.0.moment_of(v, &[])?;
        moment.in_frame().cloned()
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
        let at = self.frame()?.0;
        at.ask_written(&Asked::Frame(Cow::Borrowed(y)))
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
        let moment = self.moment_with_heavy(v)?;
        let squared = self.ask(&Ask::Form(Form::of(&moment)))?;
        let mut out = self.scores()?.component_mul(v) - squared;
        self.heavy()?.mend_laplacian(v, &moment, &mut out);
        Ok(out)
    }

    /// P² v with P² = P∘P. (I1) O(nd²).
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn squared_projection(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        check_length("row vector", v, self.slack.len())?;
        let moment = self.moment_of(v, &[])?;
        self.ask(&Ask::Form(Form::of(&moment)))
    }
}
