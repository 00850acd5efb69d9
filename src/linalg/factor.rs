//! The triangular factor of row-scaled designs: `diag(w) A P = Q R`.
//!
//! Two ways to it. Cholesky of the Gram matrix is one fast kernel, but works on
//! the *square* of the condition number; a Householder QR keeps the digits that
//! the data allow. Rows scaled over many decades (tiny slacks) hurt the former
//! as badly as dependent columns do, and even a QR unless its rows are sorted
//! by decreasing norm *and* its columns pivoted: with both, each row keeps its
//! own relative accuracy (Cox and Higham, BIT 38, 1998).

use std::ops::Range;

use nalgebra::{Cholesky, DMatrix, DVector, DVectorView};

use super::Design;
use super::condition::inverse_norm;
use super::design::BlockWalk;
use super::row_scaling::RowScaling;
use crate::error::Error;
use crate::scalar::{Scalar, epsilon, real, to_f64};

/// How the row-scaled design is factorised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Factorisation {
    /// Cholesky where an estimate of the condition number says that it keeps
    /// three quarters of the digits, QR otherwise.
    #[default]
    Automatic,
    /// Cholesky of the Gram matrix always; an error where it breaks down.
    Cholesky,
    /// Row-sorted, column-pivoted Householder QR always.
    Qr,
}

/// Cholesky is taken where κ²ε ≤ ε^¾: the scores then keep three quarters of
/// the digits, 1.8e-12 in f64 as a bound and some hundred times better as
/// measured. In f64 that admits κ ≤ 90, in f32 κ ≤ 7.
pub const CHOLESKY_DIGITS: f64 = 0.75;

/// Entries of a block that R so far is stacked on: a QR has no use for blocks
/// that fit a cache, and should see many more rows than R has.
const QR_ENTRIES: usize = 1 << 17;

/// R with its pivots: column k of R belongs to column `pivots[k]` of A.
#[derive(Debug, Clone)]
pub(crate) struct Factor<T> {
    pub(crate) r: DMatrix<T>,
    pub(crate) pivots: Vec<usize>,
    pub(crate) method: Factorisation,
    /// R = R₂R₁, where rows of Q are made in two solves; none after Cholesky.
    steps: Option<[DMatrix<T>; 2]>,
    /// R⁻¹, where R is so well conditioned that a product with it is as good as
    /// a solve: it runs three times as fast.
    pub(crate) explicit: Option<DMatrix<T>>,
}

impl<T: Scalar> Factor<T> {
    /// Factorises `diag(w) A`.
    pub(crate) fn new(a: &Design<T>, w: &DVector<T>, choice: Factorisation) -> Result<Self, Error> {
        let squares = || w.iter().all(|&w| w == T::zero() || squares_exactly(w));
        let gram = if choice != Factorisation::Qr && squares() {
            Some(a.weighted_gram(w)?)
        } else {
            None
        };
        Self::of(gram, choice, || Self::qr(a, w))
    }

    /// The factor from the lower triangle of `AᵀW²A`, or where that is not given
    /// or not good enough from `qr`.
    pub(crate) fn of(
        gram: Option<DMatrix<T>>,
        choice: Factorisation,
        qr: impl FnOnce() -> Result<Self, Error>,
    ) -> Result<Self, Error> {
        let cholesky = gram.and_then(Self::cholesky);
        match (choice, cholesky) {
            (Factorisation::Qr, _) => qr(),
            (_, Some((mut factor, loss))) if loss <= epsilon::<T>().powf(real(CHOLESKY_DIGITS)) => {
                let mut inverse = DMatrix::identity(factor.r.nrows(), factor.r.ncols());
                T::solve_right_upper(&factor.r, &mut inverse);
                inverse.fill_lower_triangle(T::zero(), 1);
                factor.explicit = Some(inverse);
                Ok(factor)
            }
            (Factorisation::Cholesky, Some((factor, _))) => Ok(factor),
            (Factorisation::Cholesky, None) => Err(Error::Singular {
                what: "Gram matrix",
            }),
            (Factorisation::Automatic, _) => qr(),
        }
    }

    /// Cholesky of the Gram matrix scaled to unit diagonal, and κ²ε, the
    /// relative error to expect of it; `None` where it breaks down.
    fn cholesky(mut gram: DMatrix<T>) -> Option<(Self, T)> {
        let scale = gram.diagonal().map(|m| m.sqrt());
        // `!(s > 0)` also refuses NaN, and an overflowed square is no use either.
        if scale.iter().any(|&s| !(s > T::zero()) || !s.is_finite()) {
            return None;
        }
        let d = gram.ncols();
        for j in 0..d {
            for i in j..d {
                gram[(i, j)] = gram[(i, j)] / scale[i] / scale[j];
            }
        }
        super::mirror_lower(&mut gram);
        let norm = (0..d)
            .map(|j| gram.column(j).lp_norm(1))
            .fold(T::zero(), T::max);
        let cholesky = Cholesky::new(gram)?;
        let loss = norm * inverse_norm(&cholesky) * epsilon::<T>();
        let mut r = cholesky.unpack().transpose();
        for (mut column, &s) in r.column_iter_mut().zip(scale.iter()) {
            column.scale_mut(s);
        }
        let factor = Factor {
            r,
            pivots: (0..d).collect(),
            method: Factorisation::Cholesky,
            steps: None,
            explicit: None,
        };
        Some((factor, loss))
    }

    /// By row-sorted, column-pivoted Householder QR, orthogonalised twice.
    pub(crate) fn qr(a: &Design<T>, w: &DVector<T>) -> Result<Self, Error> {
        // Columns to unit norm first: pivoting is meant to see their
        // directions, not their units. Sums of squares over the largest entry
        // neither overflow nor vanish.
        let d = a.ncols();
        let largest = column_fold(a, w, |largest, x| largest.max(x.abs()))?;
        let unit = largest.map(|l| if l > T::zero() { l } else { T::one() });
        let squares = a.fold_blocks(
            || DVector::zeros(d),
            |sum: &mut DVector<T>, rows, range| {
                w.scale_rows(range, rows);
                for ((s, column), &u) in sum.iter_mut().zip(rows.column_iter()).zip(unit.iter()) {
                    *s += column.iter().fold(T::zero(), |s, &x| s + (x / u) * (x / u));
                }
            },
            |sum, part| *sum += part,
        )?;
        let squares = squares.unwrap_or_else(|| DVector::zeros(d));
        let scale = unit.zip_map(&squares, |u, s| {
            if s > T::zero() {
                u * s.sqrt()
            } else {
                T::one()
            }
        });
        let (mut r, pivots) = triangular_r_of_blocks(&**a, |rows, range| {
            w.scale_rows(range, rows);
            for (mut column, &s) in rows.column_iter_mut().zip(scale.iter()) {
                column.unscale_mut(s);
            }
        })?;
        for (mut column, &p) in r.column_iter_mut().zip(&pivots) {
            column.scale_mut(scale[p]);
        }
        let mut factor = Factor {
            r,
            pivots,
            method: Factorisation::Qr,
            steps: None,
            explicit: None,
        };
        factor.orthogonalise_again(a, w)?;
        Ok(factor)
    }

    /// `Q₁ = diag(w) A P R₁⁻¹` is orthogonal to κε only, and where one row
    /// outweighs the others its small components are all rounding error. A
    /// Cholesky step on Q₁, whose Gram matrix is near the identity, restores
    /// both: `Q₁ = Q R₂`.
    fn orthogonalise_again(&mut self, a: &Design<T>, w: &DVector<T>) -> Result<(), Error> {
        let d = a.ncols();
        let gram = a.fold_blocks(
            || DMatrix::zeros(d, d),
            |sum, rows, range| {
                w.scale_rows(range, rows);
                self.orthonormalise(rows);
                T::add_gram(&*rows, rows, sum);
            },
            |sum, part| *sum += part,
        )?;
        let second = gram.and_then(|mut gram| {
            super::mirror_lower(&mut gram);
            Cholesky::new(gram)
        });
        // Broken down only where A is singular to working precision: then the
        // first factor is all there is.
        let Some(second) = second.map(|c| c.unpack().transpose()) else {
            return Ok(());
        };
        let product = &second * &self.r;
        let first = std::mem::replace(&mut self.r, product);
        self.steps = Some([first, second]);
        Ok(())
    }

    /// ½ log det of the Gram matrix, `Σ ln |r_kk|`.
    pub(crate) fn half_log_det(&self) -> T {
        self.r
            .diagonal()
            .iter()
            .fold(T::zero(), |sum, r| sum + r.abs().ln())
    }

    /// Rows of `diag(w) A` become rows of Q.
    pub(crate) fn orthonormalise(&self, rows: &mut DMatrix<T>) {
        if self.method == Factorisation::Qr {
            *rows = rows.select_columns(&self.pivots);
        }
        match &self.steps {
            None => T::solve_right_upper(&self.r, rows),
            Some(steps) => steps.iter().for_each(|r| T::solve_right_upper(r, rows)),
        }
    }

    /// `Qᵀ (w∘v)`, for the A and w that were factorised. O(nd²).
    pub(crate) fn project(
        &self,
        a: &Design<T>,
        w: &DVector<T>,
        v: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        let d = a.ncols();
        let sum = a.fold_blocks(
            || DVector::zeros(d),
            |sum: &mut DVector<T>, rows, range| {
                w.scale_rows(range.clone(), rows);
                self.orthonormalise(rows);
                let part = v
                    .rows_range(range.clone())
                    .component_mul(&w.rows_range(range));
                sum.gemv_tr(T::one(), rows, &part, T::one());
            },
            |sum, part| *sum += part,
        )?;
        Ok(sum.unwrap_or_else(|| DVector::zeros(d)))
    }

    /// `P R⁻¹ k`: coordinates in Q back to coefficients.
    pub(crate) fn solve(&self, k: &DVector<T>) -> DVector<T> {
        let solution = self
            .r
            .solve_upper_triangular(k)
            .unwrap_or_else(|| k.clone());
        let mut out = DVector::zeros(k.len());
        for (&p, &value) in self.pivots.iter().zip(solution.iter()) {
            out[p] = value;
        }
        out
    }

    /// `R⁻ᵀ Pᵀ v`: a gradient in coefficients as one in the basis Q.
    pub(crate) fn solve_transposed(&self, v: &DVector<T>) -> DVector<T> {
        let permuted = DVector::from_iterator(v.len(), self.pivots.iter().map(|&p| v[p]));
        self.r
            .tr_solve_upper_triangular(&permuted)
            .unwrap_or(permuted)
    }

    /// `P R⁻¹`: rows of `diag(w) A` times it are rows of Q. O(d³).
    ///
    /// [`orthonormalise`](Self::orthonormalise) is more accurate; this is for
    /// rows that are too short to be spread out to length d.
    pub(crate) fn inverse(&self) -> DMatrix<T> {
        let d = self.pivots.len();
        let unit = |j: usize| DVector::from_fn(d, |i, _| if i == j { T::one() } else { T::zero() });
        let mut out = DMatrix::zeros(d, d);
        (0..d).for_each(|j| out.set_column(j, &self.solve(&unit(j))));
        out
    }

    /// Norms of the rows of P R⁻¹: what a unit error in Q's coordinates makes of
    /// each coefficient. O(d³).
    pub(crate) fn amplification(&self) -> DVector<T> {
        let inverse = self.inverse();
        let square = |sum: DVector<T>, column: DVectorView<'_, T>| sum + column.map(|v| v * v);
        let sum = inverse
            .column_iter()
            .fold(DVector::zeros(inverse.nrows()), square);
        sum.map(|v| v.sqrt())
    }

    /// R with its columns put back in A's order.
    pub(crate) fn unpermuted(&self) -> DMatrix<T> {
        let mut out = self.r.clone();
        for (k, &p) in self.pivots.iter().enumerate() {
            out.set_column(p, &self.r.column(k));
        }
        out
    }

    /// `P Rᵀ K R Pᵀ`: a symmetric form in the basis Q as one on coefficients.
    pub(crate) fn form_from_frame(&self, k: &DMatrix<T>) -> DMatrix<T> {
        let form = self.r.tr_mul(&(k * &self.r));
        let mut out = DMatrix::zeros(form.nrows(), form.ncols());
        for (j, &q) in self.pivots.iter().enumerate() {
            for (i, &p) in self.pivots.iter().enumerate() {
                // Rounding leaves RᵀKR asymmetric in the last place.
                out[(p, q)] = (form[(i, j)] + form[(j, i)]) * real(0.5);
            }
        }
        out
    }

    /// Full numerical rank, or the columns to blame; `rows` as in
    /// [`dependent_columns`](Self::dependent_columns).
    pub(crate) fn check_rank(&self, rows: usize) -> Result<(), Error> {
        let columns = self.dependent_columns(rows);
        if columns.is_empty() {
            return Ok(());
        }
        let rank = self.pivots.len() - columns.len();
        Err(Error::RankDeficient { rank, columns })
    }

    /// Numerical rank by the pivots of R, and the columns left over.
    ///
    /// `rows` rows were summed into R: rounding errors of that many terms grow
    /// like their root, and 16 is room for the constant.
    pub(crate) fn dependent_columns(&self, rows: usize) -> Vec<usize> {
        let d = self.pivots.len();
        let tolerance = 16.0 * to_f64(epsilon::<T>()) * (d as f64 + (rows as f64).sqrt());
        // Columns of `diag(w) A` may come in any units: judge each pivot
        // against the norm of its own column of R.
        (0..d)
            .filter(|&k| {
                // The largest entry: squares of tiny ones would vanish.
                let norm = to_f64(self.r.column(k).amax());
                !(to_f64(self.r[(k, k)].abs()) > tolerance * norm)
            })
            .map(|k| self.pivots[k])
            .collect()
    }
}

/// Whether w² is a number with all its digits: neither ∞ nor so small that the
/// format has fewer for it.
pub(crate) fn squares_exactly<T: Scalar>(w: T) -> bool {
    let Some(largest) = T::max_value() else {
        return true;
    };
    let square = w * w;
    square <= largest && square * epsilon::<T>() * largest >= T::one()
}

/// A fold down each column of `diag(w) A`.
pub(crate) fn column_fold<T: Scalar>(
    a: &Design<T>,
    w: &DVector<T>,
    join: impl Fn(T, T) -> T + Sync,
) -> Result<DVector<T>, Error> {
    let d = a.ncols();
    let out = a.fold_blocks(
        || DVector::zeros(d),
        |sum: &mut DVector<T>, rows, range| {
            w.scale_rows(range, rows);
            for (s, column) in sum.iter_mut().zip(rows.column_iter()) {
                *s = column.iter().fold(*s, |s, &x| join(s, x));
            }
        },
        |sum, part| sum.zip_apply(&part, |s, p| *s = join(*s, p)),
    )?;
    Ok(out.unwrap_or_else(|| DVector::zeros(d)))
}

/// R and pivots of the matrix whose row blocks are A's after `prepare`.
///
/// A sequential tall-skinny QR: each block is stacked under the R so far, the
/// stack sorted by row norm, factorised with column pivoting, and put back into
/// A's column order for the next. The errors of row k of R stay relative to
/// that row, so nothing is lost against one QR of all rows.
fn triangular_r_of_blocks<T: Scalar>(
    a: &(impl BlockWalk<T> + ?Sized),
    prepare: impl Fn(&mut DMatrix<T>, Range<usize>) + Sync,
) -> Result<(DMatrix<T>, Vec<usize>), Error> {
    let d = a.ncols();
    let blocks = a.blocks().taller(QR_ENTRIES / d.max(1)).taller(4 * d);
    let stacked = blocks.sweep(
        (),
        || DMatrix::zeros(0, 0),
        || DMatrix::zeros(0, d),
        |so_far: &mut DMatrix<T>, rows, range, ()| {
            a.read_block(&range, rows)?;
            prepare(rows, range);
            *so_far = reduced(&stack(so_far, rows));
            Ok(())
        },
        |so_far, part| *so_far = reduced(&stack(so_far, &part)),
    )?;
    let (mut r, pivots) = T::pivoted_r(sorted(&stacked.unwrap_or_else(|| DMatrix::zeros(0, d))));
    // Fewer rows than columns: square all the same, the rest is undetermined.
    if r.nrows() < d {
        r = r.resize_vertically(d, T::zero());
    }
    Ok((r, pivots))
}

/// A matrix of at most d rows with the same Gram matrix.
fn reduced<T: Scalar>(rows: &DMatrix<T>) -> DMatrix<T> {
    let (r, pivots) = T::pivoted_r(sorted(rows));
    Factor {
        r,
        pivots,
        method: Factorisation::Qr,
        steps: None,
        explicit: None,
    }
    .unpermuted()
}

fn stack<T: Scalar>(top: &DMatrix<T>, bottom: &DMatrix<T>) -> DMatrix<T> {
    let mut out = DMatrix::zeros(top.nrows() + bottom.nrows(), bottom.ncols());
    out.rows_mut(0, top.nrows()).copy_from(top);
    out.rows_mut(top.nrows(), bottom.nrows()).copy_from(bottom);
    out
}

/// Rows by decreasing largest entry (no square, no overflow).
fn sorted<T: Scalar>(rows: &DMatrix<T>) -> DMatrix<T> {
    let mut order: Vec<usize> = (0..rows.nrows()).collect();
    let size = |i: usize| rows.row(i).iter().fold(T::zero(), |m, x| m.max(x.abs()));
    let sizes: Vec<T> = order.iter().map(|&i| size(i)).collect();
    order.sort_by(|&i, &j| {
        sizes[j]
            .partial_cmp(&sizes[i])
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    rows.select_rows(&order)
}
