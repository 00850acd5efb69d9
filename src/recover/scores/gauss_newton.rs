//! Steps of Gauss–Newton on L_D, with the Jacobian of the scores or without it.
//!
//! J = −2ΛA_x (D2) is as large as A. Up to [`JACOBIAN_ENTRIES`] it is formed and
//! factorised by QR, which keeps the digits of its condition number; beyond, only
//! JᵀJ is, from rows of ΛQ that are made and used block by block:
//!
//! ```text
//! JᵀJ = 4 A_xᵀΛ²A_x = 4 Rᵀ (ΛQ)ᵀ(ΛQ) R,   (ΛQ)_ic = σ_i q_ic − Σ_ab T_abc q_ia q_ib
//! T_abc = Σ_i q_ia q_ib q_ic                                              (T4)
//! ```
//!
//! Its Cholesky factor works on the square of the condition number: it is taken
//! where it keeps two digits of a step, which is all that the iteration needs, as
//! residual and gradient are those of the full accuracy. J is formed after all
//! where it does not.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::error::Error;
use crate::geometry::{Geometry, Model};
use crate::linalg::{Design, Factor, Factorisation, mirror_lower};
use crate::objective::{ThirdMoment, score_jacobian};
use crate::scalar::{Scalar, epsilon, real, shape};

/// Entries of J up to which it is formed: 128 MiB of f64, small in any machine.
pub(crate) const JACOBIAN_ENTRIES: usize = 1 << 24;
/// Rows of A for each of d² from which the tensor T, of which each thread sums its
/// own and a few more wait to be added, is small beside A.
const ROWS_PER_PAIR: usize = 32;
/// The relative error of JᵀJ's inverse that is let pass: a step then leaves a
/// hundredth of the distance.
const STEP_DIGITS: f64 = 1e-2;

/// What a step, and its errors, are made from.
pub(crate) struct Linearised<T: Scalar> {
    factor: Factor<T>,
    /// J, where it is kept.
    jacobian: Option<Design<T>>,
    moving: Vec<usize>,
}

impl<T: Scalar> Linearised<T> {
    /// At x, for the coefficients `moving`. O(nd³) time.
    pub(crate) fn at(model: &Model<T>, x: &DVector<T>, moving: &[usize]) -> Result<Self, Error> {
        let (n, d) = (model.nrows(), model.dim());
        let large = n * d > JACOBIAN_ENTRIES && ROWS_PER_PAIR * d * d <= n;
        if large && let Some(found) = Self::normal(&*model.at(x)?, moving)? {
            return Ok(found);
        }
        Self::by_rows(model, x, moving)
    }

    /// From all of J.
    fn by_rows(model: &Model<T>, x: &DVector<T>, moving: &[usize]) -> Result<Self, Error> {
        let mut jacobian = score_jacobian(&*model.at(x)?)?;
        if moving.len() < jacobian.ncols() {
            jacobian = jacobian.select_columns(moving);
        }
        let jacobian = Design::from(jacobian);
        let factor = Factor::new(&jacobian, &ones(model.nrows()), Factorisation::Qr)?;
        Ok(Linearised {
            factor,
            jacobian: Some(jacobian),
            moving: moving.to_vec(),
        })
    }

    /// From JᵀJ; none where that is not accurate enough.
    fn normal(at: &Geometry<T>, moving: &[usize]) -> Result<Option<Self>, Error> {
        let all = at.form_from_frame(&squared_laplacian(at)?)? * real::<T>(4.0);
        let normal = all.select_rows(moving).select_columns(moving);
        let scale = normal.diagonal().map(|m| m.sqrt());
        if !scale.iter().all(|&s| s > T::zero() && s.is_finite()) {
            return Ok(None);
        }
        let k = moving.len();
        let unit = DMatrix::from_fn(k, k, |i, j| normal[(i, j)] / scale[i] / scale[j]);
        let Some(cholesky) = Cholesky::new(unit) else {
            return Ok(None);
        };
        let mut r = cholesky.unpack().transpose();
        let values = r.singular_values();
        let condition = values.max() / values.min();
        if !(condition * condition * epsilon() <= real(STEP_DIGITS)) {
            return Ok(None);
        }
        for (mut column, &s) in r.column_iter_mut().zip(scale.iter()) {
            column.scale_mut(s);
        }
        // RᵀR = JᵀJ: R does for J.
        let factor = Factor::new(&Design::from(r), &ones(k), Factorisation::Qr)?;
        Ok(Some(Linearised {
            factor,
            jacobian: None,
            moving: moving.to_vec(),
        }))
    }

    /// Whether it is worth keeping for points near x: no step from it is exact
    /// anyway, and one more costs as much as many passes.
    pub(crate) fn is_approximate(&self) -> bool {
        self.jacobian.is_none()
    }

    /// R with RᵀR = JᵀJ, of the moving coefficients.
    pub(crate) fn factor(&self) -> &Factor<T> {
        &self.factor
    }

    /// The minimiser of ‖J h + r‖ over the moving coefficients; `at` is where r is
    /// the residual.
    pub(crate) fn step(&self, at: &Geometry<T>, r: &DVector<T>) -> Result<DVector<T>, Error> {
        let step = match &self.jacobian {
            Some(j) => self
                .factor
                .solve(&self.factor.project(j, &ones(r.len()), r)?),
            None => {
                // Jᵀr. (D3)
                let gradient = at.apply_transposed(&at.laplacian(r)?)? * real::<T>(-2.0);
                let gradient = gradient.select_rows(&self.moving);
                self.factor.solve(&self.factor.solve_transposed(&gradient))
            }
        };
        Ok(self.spread(&-step, at.x().len()))
    }

    /// Of the moving coefficients as of all d.
    pub(crate) fn spread(&self, v: &DVector<T>, d: usize) -> DVector<T> {
        let mut out = DVector::zeros(d);
        let both = self.moving.iter().zip(v.iter());
        both.for_each(|(&j, &v)| out[j] = v);
        out
    }
}

fn ones<T: Scalar>(n: usize) -> DVector<T> {
    DVector::from_element(n, T::one())
}

/// QᵀΛ²Q in two passes over Q, three where rows are heavy. (T4) O(nd³) time, O(d³) memory and two vectors of
/// n numbers where rows are heavy.
fn squared_laplacian<T: Scalar>(at: &Geometry<T>) -> Result<DMatrix<T>, Error> {
    let at = at.dense()?;
    let (scores, d) = (at.scores()?, at.x().len());
    let heavy_rows = at.heavy()?;
    let mut set_apart = Vec::new();
    if !heavy_rows.is_empty() {
        set_apart.extend(heavy_rows.deficits(scores).map(|(i, _)| i));
    }
    // T over the light rows; the heavy rows themselves, in order.
    let mut moments = ThirdMoment::new(at, None, &set_apart)?;
    let mut heavy = Vec::new();
    if !set_apart.is_empty() {
        let rows = at.fold_q(
            Vec::new,
            |heavy: &mut Vec<(usize, DVector<T>)>, q, range| {
                let here = set_apart.iter().filter(|i| range.contains(i));
                heavy.extend(here.map(|&i| (i, q.row(i - range.start).transpose())));
            },
            |heavy, part| heavy.extend(part),
        )?;
        heavy = rows.unwrap_or_default();
    }
    let mut mended = DMatrix::zeros(heavy.len(), d);
    if !heavy.is_empty() {
        // A heavy row of Λq_c needs of q_c its heavy entries alone.
        let mut column = DVector::zeros(scores.len());
        let mut image = DVector::zeros(scores.len());
        let mut moment = DMatrix::zeros(d, d);
        for c in 0..d {
            heavy.iter().for_each(|(i, q)| column[*i] = q[c]);
            moments.slice(c, &mut moment);
            heavy_rows.mend_laplacian_in_frame(&column, &moment, &mut image);
            for (k, (i, _)) in heavy.iter().enumerate() {
                mended[(k, c)] = image[*i];
            }
        }
        heavy.iter().for_each(|(_, q)| moments.add_row(q));
    }
    let squared = moments.squared();
    let sum = at.fold_q_with(
        d * d,
        (
            || [(); 3].map(|()| DMatrix::zeros(0, 0)),
            || DMatrix::zeros(d, d),
        ),
        |sum, [scratch, squares, rows], q, range| {
            squared.apply(q, scratch, squares);
            shape(rows, q.nrows(), d);
            rows.as_mut_slice().copy_from_slice(q.as_slice());
            for (row, square) in rows.column_iter_mut().zip(squares.column_iter()) {
                let pairs = row.into_iter().zip(square.iter());
                for ((row, &square), &score) in pairs.zip(&scores.as_slice()[range.clone()]) {
                    *row = score * *row - square;
                }
            }
            for (k, (i, _)) in heavy.iter().enumerate() {
                if range.contains(i) {
                    rows.row_mut(i - range.start).copy_from(&mended.row(k));
                }
            }
            T::add_gram(&*rows, rows, sum);
        },
        |sum, part| *sum += part,
    )?;
    let mut sum = sum.unwrap_or_else(|| DMatrix::zeros(d, d));
    mirror_lower(&mut sum);
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows at random, slacks that cross zero, so that some rows are heavy, or
    /// none that does.
    fn model(crossing: bool) -> (Model<f64>, DVector<f64>) {
        let mut state = 7u64;
        let mut random = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let a = DMatrix::from_fn(3000, 4, |_, _| random() - 0.5);
        let x = DVector::from_fn(4, |_, _| random() - 0.5);
        let low = if crossing { -0.5 } else { 0.5 };
        let mut b = &a * &x - DVector::from_fn(3000, |_, _| low + random());
        if crossing {
            b[17] = (a.row(17) * &x)[0] - 1e-7;
        }
        (Model::new(a, b).expect("full rank"), x)
    }

    #[test]
    fn with_and_without_the_jacobian_step_and_errors_are_the_same() {
        for crossing in [false, true] {
            let (model, x) = model(crossing);
            let at = model.at(&x).expect("off the hyperplanes");
            assert_eq!(at.heavy().expect("in memory").is_empty(), !crossing);
            let r = DVector::from_fn(3000, |i, _| 1e-6 * ((i * 37 % 19) as f64 - 9.0));
            for moving in [vec![0, 1, 2, 3], vec![0, 2, 3]] {
                let rows = Linearised::by_rows(&model, &x, &moving).expect("in memory");
                let normal = Linearised::normal(&at, &moving).expect("in memory");
                let normal = normal.expect("well conditioned");
                let steps = [&rows, &normal].map(|l| l.step(&at, &r).expect("in memory"));
                let errors = [&rows, &normal].map(|l| l.factor().amplification());
                for [a, b] in [steps, errors] {
                    // κ²ε is some 1e-10 here.
                    assert!((&a - &b).norm() <= 1e-8 * a.norm(), "{crossing}: {a}{b}");
                }
            }
        }
    }
}
