//! The triangular factor of row-scaled designs: `diag(w) A P = Q R`.

use nalgebra::{DMatrix, DVector, DVectorView};

use super::design::BlockWalk;
use super::factorise::inverted;
use super::row_scaling::RowScaling;
use super::{Design, Factorisation, squares_exactly};
use crate::error::Error;
use crate::scalar::{Scalar, epsilon, real, to_f64};

/// R with its pivots: column k of R belongs to column `pivots[k]` of A.
#[derive(Debug, Clone)]
pub(crate) struct Factor<T> {
    pub(crate) r: DMatrix<T>,
    pub(crate) pivots: Vec<usize>,
    pub(crate) method: Factorisation,
    /// What is done to rows first, where rows of Q are made in two steps.
    pub(crate) first: Option<First<T>>,
    /// The inverse of the only step, or of the second, where that is so well
    /// conditioned that a product with it is as good as a solve: it runs two to
    /// three times as fast, and can be moved to the other side of a reduction.
    pub(crate) explicit: Option<DMatrix<T>>,
}

/// The first of two steps from rows of `diag(w) A` to rows of Q.
#[derive(Debug, Clone)]
pub(crate) enum First<T> {
    /// A product with an inverse.
    Product(DMatrix<T>),
    /// A triangular solve.
    Solve(DMatrix<T>),
}

/// `rows x` for an upper triangle, zero below its diagonal.
pub(crate) fn upper_product<T: Scalar>(rows: &DMatrix<T>, x: &DMatrix<T>) -> DMatrix<T> {
    let mut image = DMatrix::zeros(rows.nrows(), x.ncols());
    T::multiply_upper(rows, x, &mut image);
    image
}

impl<T: Scalar> Factor<T> {
    /// ½ log det of the Gram matrix, `Σ ln |r_kk|`.
    pub(crate) fn half_log_det(&self) -> T {
        self.r
            .diagonal()
            .iter()
            .fold(T::zero(), |sum, r| sum + r.abs().ln())
    }

    /// Whether forms `X F Xᵀ / unit²` can be written down, where rows are used as
    /// they stand: columns of A in units of 1e±150 leave no room for squares.
    pub(crate) fn squares_in(&self, unit: T) -> bool {
        let (None, Some(x)) = (&self.first, &self.explicit) else {
            return true;
        };
        let sizes = self.r.diagonal().map(|r| T::one() / r.abs() / unit);
        sizes.iter().all(|&x| squares_exactly(x)) && squares_exactly(x.amax() / unit)
    }

    /// The same factor, rows of Q made by solves alone.
    pub(crate) fn by_solves(self) -> Self {
        Factor {
            first: Some(First::Solve(self.r.clone())),
            explicit: None,
            ..self
        }
    }

    /// Both steps as one product, `explicit = P R⁻¹`: for rows that are in order
    /// without those that the factor is ill-conditioned for.
    pub(crate) fn in_one_step(&mut self) {
        let first = match self.first.take() {
            None => return,
            Some(First::Product(x)) => x,
            Some(First::Solve(r)) => inverted(&r),
        };
        let both = match &self.explicit {
            Some(second) => first * second,
            None => first,
        };
        let mut explicit = both.clone();
        for (row, &p) in both.row_iter().zip(&self.pivots) {
            explicit.row_mut(p).copy_from(&row);
        }
        self.explicit = Some(explicit);
    }

    /// Whether `explicit` is an upper triangle.
    pub(crate) fn is_triangular(&self) -> bool {
        self.first.is_some() || self.method != Factorisation::Qr
    }

    /// Whether columns are put into R's order before the first step.
    fn pivots_first(&self) -> bool {
        self.first.is_some() && self.method == Factorisation::Qr
    }

    /// Rows of `diag(w) A` become rows of Q.
    pub(crate) fn orthonormalise(&self, rows: &mut DMatrix<T>) {
        self.first_step(rows);
        if let Some(x) = &self.explicit {
            *rows = match self.is_triangular() {
                true => upper_product(rows, x),
                false => &*rows * x,
            };
        }
    }

    /// Rows of `diag(w) A` become rows that are orthonormal but for a
    /// well-conditioned triangle, whose inverse is `explicit`.
    pub(crate) fn first_step(&self, rows: &mut DMatrix<T>) {
        if self.pivots_first() {
            *rows = rows.select_columns(&self.pivots);
        }
        match &self.first {
            None => (),
            Some(First::Product(x)) => *rows = upper_product(rows, x),
            Some(First::Solve(r)) => T::solve_right_upper(r, rows),
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
