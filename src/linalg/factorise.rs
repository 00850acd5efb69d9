//! Ways to the factor of a row-scaled design.
//!
//! Cholesky of the Gram matrix is one fast kernel, but works on the *square* of
//! the condition number; a Householder QR keeps the digits that the data allow.
//! Rows scaled over many decades (tiny slacks) hurt the former as badly as
//! dependent columns do, and even a QR unless its rows are sorted by decreasing
//! norm *and* its columns pivoted: with both, each row keeps its own relative
//! accuracy (Cox and Higham, BIT 38, 1998). Between the two stands Cholesky done
//! twice, the second time on rows that the first has made nearly orthonormal
//! (Yamamoto, Nakatsukasa, Yanagisawa and Fukaya, ETNA 44, 2015): as accurate as
//! QR where the first does not break down, at a fifth of its cost.

use std::ops::Range;

use nalgebra::{Cholesky, DMatrix, DVector};

use super::Design;
use super::condition::inverse_norm;
use super::design::BlockWalk;
use super::factor::{Factor, First, column_fold};
use super::row_scaling::RowScaling;
use crate::error::Error;
use crate::scalar::{Scalar, epsilon, real};

/// How the row-scaled design is factorised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Factorisation {
    /// Cholesky where an estimate of the condition number says that it keeps
    /// three quarters of the digits, Cholesky twice where the first keeps a
    /// quarter, QR otherwise.
    #[default]
    Automatic,
    /// Cholesky of the Gram matrix always; an error where it breaks down.
    Cholesky,
    /// Cholesky of the Gram matrix, then of that of the rows which the first
    /// makes nearly orthonormal; an error where the first leaves too few digits.
    CholeskyTwice,
    /// Row-sorted, column-pivoted Householder QR always.
    Qr,
    /// A sparse Cholesky factor, where A and its Gram matrix are sparse: what
    /// `Automatic` does there for a fraction of the cost, as long as it keeps half
    /// the digits by a bound and three quarters in the sum of the scores; with d above
    /// 1000 by the latter alone. Chosen, it is never replaced by a dense one: an error
    /// where it keeps less.
    SparseCholesky,
}

impl Factorisation {
    /// Whether the way is ours to choose.
    pub(crate) fn is_free(self) -> bool {
        matches!(
            self,
            Factorisation::Automatic | Factorisation::SparseCholesky
        )
    }
}

/// Cholesky is taken where κ²ε ≤ ε^¾: the scores then keep three quarters of
/// the digits, 1.8e-12 in f64 as a bound and some hundred times better as
/// measured. In f64 that admits κ ≤ 90, in f32 κ ≤ 7.
pub const CHOLESKY_DIGITS: f64 = 0.75;

/// Cholesky twice is taken where κ²ε ≤ ε^¼: rows that are orthonormal to a
/// quarter of the digits have a Gram matrix of condition 1.0002 at most in f64,
/// whose own factor is good to rounding. In f64 that admits κ ≤ 7e5, in f32
/// κ ≤ 390.
pub const CHOLESKY_TWICE_DIGITS: f64 = 0.25;

/// Entries of a block that R so far is stacked on: a QR has no use for blocks
/// that fit a cache, and should see many more rows than R has.
const QR_ENTRIES: usize = 1 << 17;

impl<T: Scalar> Factor<T> {
    /// Factorises `diag(w) A`.
    pub(crate) fn new(a: &Design<T>, w: &DVector<T>, choice: Factorisation) -> Result<Self, Error> {
        let squares = || w.iter().all(|&w| w == T::zero() || squares_exactly(w));
        let gram = if choice != Factorisation::Qr && squares() {
            Some(a.weighted_gram(w)?)
        } else {
            None
        };
        Self::of(a, gram, choice, || w.clone())
    }

    /// The same, given the lower triangle of `AᵀW²A` where its weights are
    /// numbers; W itself is asked for only where that is not enough.
    pub(crate) fn of(
        a: &Design<T>,
        gram: Option<DMatrix<T>>,
        choice: Factorisation,
        w: impl FnOnce() -> DVector<T>,
    ) -> Result<Self, Error> {
        let singular = || Error::Singular {
            what: "Gram matrix",
        };
        let (mut factor, loss) = match (choice, gram.and_then(Self::cholesky)) {
            (Factorisation::Cholesky | Factorisation::CholeskyTwice, None) => {
                return Err(singular());
            }
            (Factorisation::Qr, _) | (_, None) => return Self::qr(a, &w()),
            (_, Some(found)) => found,
        };
        let once = choice != Factorisation::CholeskyTwice && keeps(loss, CHOLESKY_DIGITS);
        if once {
            factor.explicit = Some(inverted(&factor.r));
            return Ok(factor);
        }
        if choice == Factorisation::Cholesky {
            return Ok(factor.by_solves());
        }
        let w = w();
        if keeps(loss, CHOLESKY_TWICE_DIGITS) {
            factor.method = Factorisation::CholeskyTwice;
            let first = First::Product(inverted(&factor.r));
            if factor.orthogonalise_again(a, &w, first)? {
                return Ok(factor);
            }
        }
        if choice == Factorisation::CholeskyTwice {
            return Err(singular());
        }
        Self::qr(a, &w)
    }

    /// Cholesky of a Gram matrix, its lower triangle given, where that keeps three
    /// quarters of the digits.
    pub(crate) fn well_conditioned(gram: DMatrix<T>) -> Option<Self> {
        let (mut factor, loss) = Self::cholesky(gram)?;
        factor.explicit = Some(inverted(&factor.r));
        keeps(loss, CHOLESKY_DIGITS).then_some(factor)
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
        let loss = norm * inverse_norm(d, |v| cholesky.solve_mut(v)) * epsilon::<T>();
        let mut r = cholesky.unpack().transpose();
        for (mut column, &s) in r.column_iter_mut().zip(scale.iter()) {
            column.scale_mut(s);
        }
        let factor = Factor {
            r,
            pivots: (0..d).collect(),
            method: Factorisation::Cholesky,
            first: None,
            explicit: None,
        };
        Some((factor, loss))
    }

    /// By row-sorted, column-pivoted Householder QR, orthogonalised twice.
    fn qr(a: &Design<T>, w: &DVector<T>) -> Result<Self, Error> {
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
            first: None,
            explicit: None,
        };
        let first = First::Solve(factor.r.clone());
        factor.orthogonalise_again(a, w, first)?;
        Ok(factor)
    }

    /// `Q₁ = diag(w) A P R₁⁻¹` is orthogonal to κε only, after Cholesky to κ²ε,
    /// and where one row outweighs the others its small components are all
    /// rounding error. A Cholesky step on Q₁, whose Gram matrix is near the
    /// identity, restores both: `Q₁ = Q R₂`. Whether it could be taken; where it
    /// cannot, A is singular to working precision and the first factor all there
    /// is.
    fn orthogonalise_again(
        &mut self,
        a: &Design<T>,
        w: &DVector<T>,
        first: First<T>,
    ) -> Result<bool, Error> {
        let d = a.ncols();
        self.first = Some(first);
        let gram = a.fold_blocks(
            || DMatrix::zeros(d, d),
            |sum, rows, range| {
                w.scale_rows(range, rows);
                self.first_step(rows);
                T::add_gram(&*rows, rows, sum);
            },
            |sum, part| *sum += part,
        )?;
        let second = gram.and_then(|mut gram| {
            super::mirror_lower(&mut gram);
            Cholesky::new(gram)
        });
        let Some(second) = second.map(|c| c.unpack().transpose()) else {
            return Ok(false);
        };
        self.r = &second * &self.r;
        self.explicit = Some(inverted(&second));
        Ok(true)
    }
}

/// Whether a relative error leaves so great a part of the digits.
fn keeps<T: Scalar>(loss: T, digits: f64) -> bool {
    loss <= epsilon::<T>().powf(real(digits))
}

/// The inverse of an upper triangle, zero below its diagonal.
pub(super) fn inverted<T: Scalar>(r: &DMatrix<T>) -> DMatrix<T> {
    let mut inverse = DMatrix::identity(r.nrows(), r.ncols());
    T::solve_right_upper(r, &mut inverse);
    inverse.fill_lower_triangle(T::zero(), 1);
    inverse
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
        first: None,
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
