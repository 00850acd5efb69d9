//! The rows of one component, in coordinates that leave only signs unknown.
//!
//! With |s_i| = t m_i, the vector ω∘sign(s) is a multiple of
//! `diag(ω/m)(A x − b)`, whatever the weights ω: it lies in the column space of
//! `diag(ω/m)[A b]`. An orthonormal basis C of that space is all that the search
//! for the signs needs; neither units nor t nor dependent columns are left in it.

use nalgebra::{DMatrix, DVector};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::error::Error;
use crate::geometry::Model;
use crate::recover::signs::lift;
use crate::recover::signs::patterns::EXPLAINED;
use crate::scalar::{Scalar, epsilon, to_f64};

/// Rows per unknown of the lift that are looked at, at most. They need only give
/// the signs; all rows enter the linear step that follows.
const ROWS_PER_UNKNOWN: usize = 4;

/// Relative error of a magnitude from exact scores, in units of ε/(1 − τ_i): a
/// score that is rounded moves its weight by ε/(1 − τ). Solving for the weights
/// stops a little before rounding: of the best patterns of 23 744 enumerations
/// from few rows half had a misfit below 20 such units, 99 % below 18 000.
const ROUNDINGS: f64 = 16384.0;

/// Errors of magnitudes that are told apart: a row whose error is larger than
/// this many times the smallest counts as if it had that.
const SPREAD: f64 = 1e4;

/// Pivots below this, relative, are zeros of the rank.
const RANK_TOLERANCE: f64 = 1e-11;

/// How far the magnitudes may be off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Accuracy<'a, T: Scalar> {
    /// By the rounding of exact scores.
    Rounding,
    /// Each by this standard deviation, relative to itself; for targets with a
    /// stated noise.
    Relative(&'a DVector<T>),
}

/// Rows of one component.
pub(crate) struct Part {
    /// Which rows of the model, ascending.
    pub(crate) rows: Vec<usize>,
    /// n×D with orthonormal columns, the last for b where it has a part outside
    /// the column space of A.
    pub(crate) basis: DMatrix<f64>,
    /// Whether it has.
    pub(crate) offset: bool,
    /// ω: the relative error of each m_i is `unit / ω_i`.
    pub(crate) weights: DVector<f64>,
    pub(crate) unit: f64,
}

impl Part {
    /// Of the rows whose magnitude is known, or a seeded choice among them;
    /// `None` where these rows do not have the rank of the component.
    pub(crate) fn of<T: Scalar>(
        model: &Model<T>,
        magnitudes: &DVector<T>,
        (known, rank): (&[usize], usize),
        accuracy: Accuracy<'_, T>,
        seed: u64,
    ) -> Result<Option<Part>, Error> {
        let mut limit = ROWS_PER_UNKNOWN * lift::unknowns(rank);
        loop {
            let rows = choose(known, limit, seed);
            let all = rows.len() == known.len();
            let part = Part::of_rows(model, magnitudes, rows, rank, accuracy)?;
            // A level that few rows have may be missed by the choice.
            if part.is_some() || all {
                return Ok(part);
            }
            limit *= 4;
        }
    }

    fn of_rows<T: Scalar>(
        model: &Model<T>,
        magnitudes: &DVector<T>,
        rows: Vec<usize>,
        rank: usize,
        accuracy: Accuracy<'_, T>,
    ) -> Result<Option<Part>, Error> {
        let (n, d) = (rows.len(), model.dim());
        if n < rank {
            return Ok(None);
        }
        let mut a = DMatrix::zeros(n, d);
        let mut row = DMatrix::zeros(1, d);
        for (k, &i) in rows.iter().enumerate() {
            model.design().read_rows(i, &mut row)?;
            a.set_row(k, &row.row(0).map(to_f64));
        }
        let pick = |v: &DVector<T>| DVector::from_fn(n, |k, _| to_f64(v[rows[k]]));
        let (b, m) = (pick(model.rhs()), pick(magnitudes));
        let Some((columns, solve)) = column_basis(&a, &m, rank) else {
            return Ok(None);
        };
        // b less its fit: what is left is of the size of the slacks.
        let mut x = DVector::zeros(d);
        let mut rest = DVector::zeros(n);
        for _ in 0..2 {
            f64::residual(&a, &x, b.as_slice(), rest.as_mut_slice());
            x -= solve(&rest.component_div(&m));
        }
        f64::residual(&a, &x, b.as_slice(), rest.as_mut_slice());
        let mut rest = rest.component_div(&m);
        for _ in 0..2 {
            rest -= &columns * columns.tr_mul(&rest);
        }
        let terms = (a.abs() * x.abs() + b.abs()).component_div(&m);
        // As the linear step judges it.
        let floor = 1e3 * to_f64(epsilon::<T>()) * terms.norm();
        let offset = rest.norm() > floor;
        let errors = match accuracy {
            Accuracy::Relative(errors) => pick(errors).map(|e| e.max(f64::EPSILON)),
            Accuracy::Rounding => {
                let unit = ROUNDINGS * to_f64(epsilon::<T>());
                let score = |i: usize| columns.row(i).norm_squared();
                DVector::from_fn(n, |i, _| unit / (1.0 - score(i)).max(1.0 / SPREAD))
            }
        };
        let unit = errors.min();
        let weights = errors.map(|e| (unit / e).max(1.0 / SPREAD));
        let mut basis = columns;
        if offset {
            let last = basis.ncols();
            basis = basis.insert_column(last, 0.0);
            basis.set_column(last, &rest.normalize());
        }
        for (mut row, &w) in basis.row_iter_mut().zip(weights.iter()) {
            row.scale_mut(w);
        }
        if basis.iter().any(|v| !v.is_finite()) {
            return Ok(None);
        }
        Ok(Some(Part {
            rows,
            basis: basis.qr().q(),
            offset,
            weights,
            unit,
        }))
    }

    /// How many coordinates a vector of signs has.
    pub(crate) fn dim(&self) -> usize {
        self.basis.ncols()
    }

    /// Root mean square relative error of the magnitudes, weighted, with which
    /// these signs fit: the distance of ω∘signs from the column space.
    pub(crate) fn misfit(&self, signs: &DVector<f64>) -> f64 {
        let z = self.weights.component_mul(signs);
        let mut off = z;
        for _ in 0..2 {
            off -= &self.basis * self.basis.tr_mul(&off);
        }
        let spare = self.rows.len().saturating_sub(self.dim()).max(1);
        off.norm() / (spare as f64).sqrt()
    }

    /// The misfit up to which signs are as likely as ones with the misfit `least`:
    /// the squares, in units of the noise, differ by less than
    /// [`EXPLAINED`]².
    pub(crate) fn rival(&self, least: f64) -> f64 {
        let spare = self.rows.len().saturating_sub(self.dim()).max(1);
        let margin = EXPLAINED * self.unit;
        (least * least + margin * margin / spare as f64).sqrt()
    }

    /// Whether these signs belong to a finite x: b takes part in them.
    pub(crate) fn is_finite(&self, signs: &DVector<f64>) -> bool {
        let y = self.basis.tr_mul(&self.weights.component_mul(signs));
        // The last column alone has a part of b, as QR leaves it.
        !self.offset || y[self.dim() - 1].abs() > 16.0 * self.unit * y.norm()
    }
}

/// Orthonormal columns that span those of diag(1/m)A, and what takes v to the
/// coefficients of its projection; `None` unless they are `rank` many.
#[allow(clippy::type_complexity, reason = "a matrix and what solves with it")]
fn column_basis(
    a: &DMatrix<f64>,
    m: &DVector<f64>,
    rank: usize,
) -> Option<(DMatrix<f64>, impl Fn(&DVector<f64>) -> DVector<f64> + use<>)> {
    let mut scaled = a.clone();
    for (mut row, &m) in scaled.row_iter_mut().zip(m.iter()) {
        row.unscale_mut(m);
    }
    let size = |v: f64| if v > 0.0 { v } else { 1.0 };
    let units: Vec<f64> = scaled.column_iter().map(|c| size(c.norm())).collect();
    for (mut column, &u) in scaled.column_iter_mut().zip(&units) {
        column.unscale_mut(u);
    }
    if scaled.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let (n, d) = a.shape();
    let qr = scaled.col_piv_qr();
    let r = qr.r();
    let steps = n.min(d);
    let found = (0..steps)
        .filter(|&k| r[(k, k)].abs() > RANK_TOLERANCE * r[(0, 0)].abs())
        .count();
    if found != rank {
        return None;
    }
    let q = qr.q().columns(0, rank).into_owned();
    let r = r.view((0, 0), (rank, rank)).into_owned();
    let mut pivots = nalgebra::RowDVector::from_fn(d, |_, j| j);
    qr.p().permute_columns(&mut pivots);
    let columns = q.clone();
    let solve = move |v: &DVector<f64>| {
        let k = columns.tr_mul(v);
        let solution = r.solve_upper_triangular(&k).unwrap_or(k);
        let mut x = DVector::zeros(d);
        for (&p, &value) in pivots.iter().zip(solution.iter()) {
            x[p] = value / units[p];
        }
        x
    };
    Some((q, solve))
}

/// At most `limit` of the rows, in order.
fn choose(rows: &[usize], limit: usize, seed: u64) -> Vec<usize> {
    if rows.len() <= limit {
        return rows.to_vec();
    }
    let mut rng = StdRng::seed_from_u64(seed);
    let mut chosen = rand::seq::index::sample(&mut rng, rows.len(), limit).into_vec();
    chosen.sort_unstable();
    chosen.into_iter().map(|k| rows[k]).collect()
}
