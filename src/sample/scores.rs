//! Leverage scores of `diag(w) A`, exact or estimated, with and without a ridge.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::sketch::Sketch;
use super::stacked::Stacked;
use crate::error::Error;
use crate::linalg::{
    BlockWalk, Design, DesignMatrix, Factor, Factorisation, RowScaling, Storage, check_entries,
    check_nonnegative, check_vector,
};
use crate::scalar::{Scalar, count, epsilon, real, row_dots};

/// A sketched R is used where rounding moves its rows of Q by less than this;
/// scores within a few per cent of what they were made of are as good for
/// sampling. Where R is worse, the scores are computed exactly.
pub const SKETCH_ROUNDING: f64 = 1e-3;

/// Exact scores may miss their sum d by this power of ε, relative, before they
/// are refused: factorised to rounding they are good to rounding.
const SUM_DIGITS: f64 = 0.5;

/// Iterations of the eigenvalues of a ridge's form for each of its columns;
/// two or three are usual.
const EIGEN_ITERS: usize = 100;

/// How leverage scores are had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ScoreMethod {
    /// From a factor of all rows.
    #[default]
    Exact,
    /// Within a constant factor, from a random reduction of the rows.
    Sketched(Sketch),
}

impl ScoreMethod {
    /// β such that sampling with these scores has p_i ≥ β σ_i/d for all i, but
    /// with twice the probability `failure`: 1 for exact scores, else
    /// [`Sketch::constant`].
    pub fn constant(&self, n: usize, d: usize, failure: f64) -> f64 {
        match self {
            ScoreMethod::Exact => 1.0,
            ScoreMethod::Sketched(sketch) => sketch.constant(n, d, failure),
        }
    }
}

/// A positive semidefinite d×d form Λ that is added to AᵀW²A.
#[derive(Debug, Clone, PartialEq)]
pub enum RidgeForm<T: Scalar> {
    /// λI, λ ≥ 0.
    Multiple(T),
    /// diag(λ), d entries λ_j ≥ 0.
    Diagonal(DVector<T>),
    /// Any symmetric positive semidefinite d×d matrix; its lower triangle is
    /// read.
    Form(DMatrix<T>),
}

/// σ, the leverage scores of `diag(w) A`.
///
/// ```text
/// σ_i = w_i² a_iᵀ (Aᵀ diag(w)² A)⁻¹ a_i,   0 ≤ σ_i ≤ 1,   Σσ_i = d
/// ```
///
/// # Shapes
/// A n×d, w and σ n entries.
///
/// # Domain
/// `diag(w) A` has full column rank; rows may have weight 0, and score 0 then.
///
/// # Errors
/// [`Error::Empty`]; [`Error::Shape`] and [`Error::NonFinite`] for w;
/// [`Error::NonFiniteEntry`] for A; [`Error::RankDeficient`]; [`Error::Singular`]
/// where weights lie further apart than the arithmetic reaches; those of reading
/// the rows.
///
/// # Complexity
/// Exact: Σ nnz(a_i)² + O(d³) where A is sparse and well conditioned, so that
/// the Gram matrix keeps enough digits ([`CHOLESKY_DIGITS`](crate::CHOLESKY_DIGITS));
/// O(nd²) otherwise. Memory O(n + d²) beyond A. Sketched: see [`Sketch`]; a
/// sketch that is too ill-conditioned to be trusted, or has as many rows as A,
/// gives way to the exact computation.
///
/// # Source
/// Exact: by definition. Sketched: P. Drineas, M. Magdon-Ismail, M. W. Mahoney
/// and D. P. Woodruff, *Fast approximation of matrix coherence and statistical
/// leverage*, JMLR 13 (2012).
///
/// ```
/// use levinv::{Design, sample::{ScoreMethod, leverage_scores}};
/// use nalgebra::{dmatrix, dvector};
///
/// let a: Design<f64> = dmatrix![1.0, 0.0; 1.0, 0.0; 0.0, 3.0].into();
/// let scores = leverage_scores(&a, &dvector![1.0, 2.0, 1.0], &ScoreMethod::Exact, 0)?;
/// // The second row is twice as long as the first; the third is alone.
/// assert!((scores - dvector![0.2, 0.8, 1.0]).amax() < 1e-15);
/// # Ok::<(), levinv::Error>(())
/// ```
pub fn leverage_scores<T: Scalar>(
    design: &Design<T>,
    weights: &DVector<T>,
    method: &ScoreMethod,
    seed: u64,
) -> Result<DVector<T>, Error> {
    let scores = scores(
        design,
        weights,
        DMatrix::zeros(0, design.ncols()),
        method,
        seed,
    )?;
    if *method == ScoreMethod::Exact {
        let d = count::<T>(design.ncols());
        let off = (scores.sum() - d).abs();
        if !(off <= d * epsilon::<T>().powf(real(SUM_DIGITS))) {
            return Err(Error::Singular {
                what: "weighted Gram matrix",
            });
        }
    }
    Ok(scores)
}

/// The ridge leverage scores `w_i² a_iᵀ (Aᵀ diag(w)² A + Λ)⁻¹ a_i`.
///
/// They are at most the leverage scores and sum to the effective dimension,
/// d − tr((AᵀW²A + Λ)⁻¹Λ).
///
/// # Shapes
/// A n×d, w and the scores n entries, Λ d×d.
///
/// # Domain
/// AᵀW²A + Λ is positive definite: A may be deficient in rank where Λ is not.
///
/// # Errors
/// Those of [`leverage_scores`]; [`Error::OutOfRange`], [`Error::EntryOutOfRange`],
/// [`Error::Shape`], [`Error::NonFiniteEntry`] for a Λ that is not positive
/// semidefinite, misshapen or not finite.
///
/// # Complexity
/// That of [`leverage_scores`] and O(d³): the ridge enters as d rows L below
/// `diag(w) A`, LᵀL = Λ, also below its sketch.
///
/// # Source
/// A. Alaoui and M. W. Mahoney, *Fast randomized kernel ridge regression with
/// statistical guarantees*, NIPS 2015.
///
/// ```
/// use levinv::{Design, sample::{RidgeForm, ScoreMethod, ridge_scores}};
/// use nalgebra::{dmatrix, dvector};
///
/// let a: Design<f64> = dmatrix![1.0, 0.0; 1.0, 0.0].into();
/// let w = dvector![1.0, 1.0];
/// let scores = ridge_scores(&a, &w, &RidgeForm::Multiple(2.0), &ScoreMethod::Exact, 0)?;
/// assert!((scores - dvector![0.25, 0.25]).amax() < 1e-15);
/// # Ok::<(), levinv::Error>(())
/// ```
pub fn ridge_scores<T: Scalar>(
    design: &Design<T>,
    weights: &DVector<T>,
    ridge: &RidgeForm<T>,
    method: &ScoreMethod,
    seed: u64,
) -> Result<DVector<T>, Error> {
    let root = root(ridge, design.ncols())?;
    scores(design, weights, root, method, seed)
}

/// Scores of A's rows in `diag(w) A` stacked over `root`.
fn scores<T: Scalar>(
    design: &Design<T>,
    w: &DVector<T>,
    root: DMatrix<T>,
    method: &ScoreMethod,
    seed: u64,
) -> Result<DVector<T>, Error> {
    let (rows, columns) = (design.nrows(), design.ncols());
    if rows == 0 || columns == 0 {
        return Err(Error::Empty {
            what: "design matrix",
            rows,
            columns,
        });
    }
    check_vector("weights", w, rows)?;
    let estimate = match method {
        ScoreMethod::Sketched(sketch) if sketch.height(columns) < rows => {
            sketched(design, w, &root, sketch, seed)?
        }
        _ => None,
    };
    let scores = match estimate {
        Some(scores) => Ok(scores),
        None => exact(design, w, root),
    };
    // NaN makes columns look dependent: name it instead.
    let scores = match scores {
        Err(Error::RankDeficient { rank, columns }) => {
            check_entries(design)?;
            return Err(Error::RankDeficient { rank, columns });
        }
        other => other?,
    };
    if scores.iter().any(|s| !s.is_finite()) {
        check_entries(design)?;
        return Err(Error::Singular {
            what: "weighted Gram matrix",
        });
    }
    // Rounding, or an estimate, may end above 1, where no score lies.
    Ok(scores.map(|s| s.min(T::one())))
}

fn exact<T: Scalar>(
    design: &Design<T>,
    w: &DVector<T>,
    root: DMatrix<T>,
) -> Result<DVector<T>, Error> {
    let rows = design.nrows() + root.nrows();
    let factor = if root.nrows() == 0 {
        Factor::new(design, w, Factorisation::Automatic)?
    } else {
        let stacked = Stacked {
            top: design.clone(),
            bottom: root,
        };
        let weights = stacked.weights(w);
        Factor::new(&Design::new(stacked), &weights, Factorisation::Automatic)?
    };
    factor.check_rank(rows)?;
    if factor.explicit.is_some() && factor.first.is_none() && design.storage() == Storage::Sparse {
        // Well conditioned: M⁻¹ = (PR⁻¹)(PR⁻¹)ᵀ is as good as R, and a short row
        // meets only its own entries of it.
        let inverse = factor.inverse();
        return design.row_forms(w, &(&inverse * inverse.transpose()));
    }
    design.map_blocks(|rows, range, out| {
        w.scale_rows(range, rows);
        factor.orthonormalise(rows);
        row_dots(&*rows, &*rows, out);
    })
}

/// Scores from a sketched factor; `None` where rounding has spoilt it.
fn sketched<T: Scalar>(
    design: &Design<T>,
    w: &DVector<T>,
    root: &DMatrix<T>,
    sketch: &Sketch,
    seed: u64,
) -> Result<Option<DVector<T>>, Error> {
    let embedded = sketch.embed(design, w, seed)?;
    let rows = Stacked {
        top: embedded.into(),
        bottom: root.clone(),
    };
    let count = rows.nrows();
    let ones = DVector::from_element(count, T::one());
    let factor = Factor::new(&Design::new(rows), &ones, Factorisation::Automatic)?;
    // S mixes heavy and light rows, so that rounding is relative to whole columns
    // and not to the rows of R: what counts is the norm of R⁻¹ for columns of
    // unit length.
    let columns = factor.unpermuted();
    let amplified = factor.amplification();
    let amplified = amplified.iter().zip(columns.column_iter());
    let condition = amplified.fold(T::zero(), |m, (&a, column)| m.max(a * column.norm()));
    let rounding = condition * epsilon::<T>();
    if factor.check_rank(count).is_err() || !(rounding <= real(SKETCH_ROUNDING)) {
        return Ok(None);
    }
    let map = sketch.project(factor.inverse().transpose(), design.nrows(), seed);
    Ok(Some(design.row_squares(w, &map)?))
}

/// L with LᵀL = Λ.
fn root<T: Scalar>(ridge: &RidgeForm<T>, d: usize) -> Result<DMatrix<T>, Error> {
    match ridge {
        RidgeForm::Multiple(lambda) => {
            if !(*lambda >= T::zero()) || !lambda.is_finite() {
                return Err(Error::OutOfRange {
                    name: "ridge",
                    value: crate::scalar::to_f64(*lambda),
                    range: "finite and not negative",
                });
            }
            Ok(DMatrix::from_diagonal_element(d, d, lambda.sqrt()))
        }
        RidgeForm::Diagonal(lambda) => {
            check_nonnegative("ridge", lambda, d)?;
            Ok(DMatrix::from_diagonal(&lambda.map(|l| l.sqrt())))
        }
        RidgeForm::Form(form) => root_of_form(form, d),
    }
}

fn root_of_form<T: Scalar>(form: &DMatrix<T>, d: usize) -> Result<DMatrix<T>, Error> {
    let what = "ridge form";
    for (unit, found) in [("rows", form.nrows()), ("columns", form.ncols())] {
        if found != d {
            return Err(Error::Shape {
                what,
                unit,
                expected: d,
                found,
            });
        }
    }
    if let Some(k) = form.iter().position(|v| !v.is_finite()) {
        return Err(Error::NonFiniteEntry {
            what,
            row: k % d,
            column: k / d,
            value: crate::scalar::to_f64(form[k]),
        });
    }
    let mut form = form.clone();
    crate::linalg::mirror_lower(&mut form);
    let iterations = EIGEN_ITERS.saturating_mul(d.max(1));
    let Some(eigen) = SymmetricEigen::try_new(form, epsilon(), iterations) else {
        return Err(Error::Solver {
            what: "the eigenvalues of the ridge form",
            reason: format!("no convergence in {iterations} iterations"),
        });
    };
    // Rounding leaves a zero eigenvalue this far from zero.
    let rounding = eigen.eigenvalues.amax() * epsilon::<T>() * count::<T>(8 * d);
    let least = eigen.eigenvalues.min();
    if least < -rounding {
        return Err(Error::OutOfRange {
            name: "the least eigenvalue of the ridge form",
            value: crate::scalar::to_f64(least),
            range: "not negative",
        });
    }
    let mut root = eigen.eigenvectors.transpose();
    for (mut row, &value) in root.row_iter_mut().zip(eigen.eigenvalues.iter()) {
        row.scale_mut(value.max(T::zero()).sqrt());
    }
    Ok(root)
}
