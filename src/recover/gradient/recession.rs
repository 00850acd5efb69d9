//! Directions of recession: what proves that no x in a cell has a gradient.
//!
//! Let h ≠ 0 with sign(s)∘Ah ≥ 0 and cᵀh ≥ 0. From any point of the cell the ray
//! along h stays inside, and V(x) − cᵀx falls on it for ever: its derivative
//! −cᵀh − Σ σ_i (a_iᵀh)/s_i is negative, A having full column rank. So its
//! gradient g(x) − c is nowhere zero (G4). Where there is no such h, there is an x.
//!
//! The search is a linear programme in f64; what it finds is believed only after
//! a check in exact arithmetic.

use clarabel::algebra::CscMatrix;
use nalgebra::{DMatrix, DVector};
use num_bigint::{BigInt, Sign};
use num_traits::{ToPrimitive, Zero};

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::linalg::BlockWalk;
use crate::recover::Infeasibility;
use crate::recover::exact::dyadic::{self, Dyadic, sign_of_dot};
use crate::recover::exact::null_space::{Pivots, basis};
use crate::recover::gradient::start::{maximise, read};
use crate::scalar::{Scalar, to_f64};

/// How much longer h may be than the least of the a_iᵀh that are not zero (rows
/// and columns at unit size); the next is tried where one finds nothing.
const WIDTHS: [f64; 3] = [1e3, 1e5, 1e7];
/// Bits that the coordinates of h are cut to, in turn: short ones leave room for
/// the products that an exact solution takes.
const BITS: [i32; 5] = [3, 7, 14, 28, 50];
/// Entries, of rows at unit size, that are rounding's.
const ROUNDING: f64 = 1e-11;
/// Vectors that a sum of them may take.
const PARTS: usize = 40;

/// The system sign(s)∘Ah ≥ 0, cᵀh ≥ 0.
struct Cone<'a, T: Scalar> {
    model: &'a Model<T>,
    signs: &'a Signs,
    target: &'a DVector<T>,
}

/// A direction in f64, in units of the columns, and which rows it does not leave.
struct Direction {
    z: DVector<f64>,
    flat: Vec<usize>,
}

/// An h that proves that no x of the cell has the gradient c, checked exactly on
/// the numbers given; `None` where none was found. `guess` is tried first.
///
/// # Complexity
/// O(nd) where the guess will do; else an interior-point solution of a linear
/// programme with n + d unknowns, O(nd²) a step, and O(d³) products of long
/// integers where h lies in the boundary of the cone.
pub(crate) fn certificate<T: Scalar>(
    model: &Model<T>,
    signs: &Signs,
    target: &DVector<T>,
    guess: &DVector<T>,
) -> Result<Option<Infeasibility<T>>, Error> {
    let cone = Cone {
        model,
        signs,
        target,
    };
    let size = guess.amax();
    if size > T::zero() && size.is_finite() {
        let h = guess / size;
        if cone.holds(&h)? {
            return Ok(Some(Infeasibility::Recession(h)));
        }
    }
    let a = read(model)?;
    let units = units(&a);
    let rows = cone.scaled(a, &units);
    if rows.iter().any(|v| !v.is_finite()) {
        return Ok(None);
    }
    for width in WIDTHS {
        // Where the solver gives up there is nothing to believe.
        if let Ok(Some(direction)) = largest(&rows, width)
            && let Some(found) = cone.exact(&rows, &units, &direction)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Powers of two that bring the columns to unit size: exact, unlike any others.
fn units(a: &DMatrix<f64>) -> Vec<i64> {
    let magnitude = |size: f64| Dyadic::of(size).map_or(0, |v| v.magnitude());
    a.column_iter().map(|c| magnitude(c.amax())).collect()
}

impl<T: Scalar> Cone<'_, T> {
    /// sign_i a_i and, last, c, each at unit size in units of the columns; zero
    /// where a row is.
    fn scaled(&self, a: DMatrix<f64>, units: &[i64]) -> DMatrix<f64> {
        let n = a.nrows();
        let mut rows = a.insert_row(n, 0.0);
        // In two steps: c may be far smaller than A.
        let target = self.target.map(to_f64);
        rows.row_mut(n)
            .tr_copy_from(&(&target / positive(target.amax())));
        for (mut column, unit) in rows.column_iter_mut().zip(units) {
            let half = |e: i64| 2f64.powi(i32::try_from(e).unwrap_or(0));
            column.apply(|v| *v = *v * half(-unit / 2) * half(-unit + unit / 2));
        }
        for (i, mut row) in rows.row_iter_mut().enumerate() {
            let sign: f64 = if i < n { self.signs.sign(i) } else { 1.0 };
            let unit = positive(row.amax());
            row.apply(|v| *v = sign * (*v / unit));
            let norm = positive(row.norm());
            row.unscale_mut(norm);
        }
        rows
    }

    /// Whether h proves it, exactly.
    fn holds(&self, h: &DVector<T>) -> Result<bool, Error> {
        let exact: Option<Vec<Dyadic>> = h.iter().map(|v| Dyadic::of(*v)).collect();
        match exact {
            Some(exact) => self.holds_exactly(h, &exact),
            None => Ok(false),
        }
    }

    /// The same of an h given exactly and to a rounding.
    fn holds_exactly(&self, near: &DVector<T>, exact: &[Dyadic]) -> Result<bool, Error> {
        let near = near.as_slice();
        if exact.iter().all(|v| v.mantissa.is_zero()) {
            return Ok(false);
        }
        let turned = |sign: Option<Sign>| matches!(sign, None | Some(Sign::Minus));
        if turned(sign_of_dot(self.target.iter().copied(), near, exact)) {
            return Ok(false);
        }
        let design = self.model.design();
        let mut rows = DMatrix::zeros(0, 0);
        for range in design.blocks().in_order() {
            design.read_block(&range, &mut rows)?;
            for (row, i) in rows.row_iter().zip(range) {
                let sign = self.signs.sign::<T>(i);
                let entries = row.iter().map(|a| *a * sign);
                if turned(sign_of_dot(entries, near, exact)) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// From a direction in f64 to one that holds exactly, if there is one near it.
    fn exact(
        &self,
        rows: &DMatrix<f64>,
        units: &[i64],
        direction: &Direction,
    ) -> Result<Option<Infeasibility<T>>, Error> {
        let d = self.model.dim();
        let pivots = Pivots::of(rows, &direction.flat, ROUNDING);
        let Some(integers) = self.integers(&pivots.rows, units)? else {
            return Ok(None);
        };
        let Some(basis) = basis(integers, d, &pivots.columns) else {
            return Ok(None);
        };
        let free: Vec<usize> = (0..d).filter(|j| !pivots.columns.contains(j)).collect();
        for bits in BITS {
            let Some(h) = combination(&basis, &free, &direction.z, units, bits) else {
                continue;
            };
            let Some(parts) = as_sum::<T>(&h) else {
                continue;
            };
            if self.holds_exactly(&parts[0], &h)? {
                return Ok(Some(match <[DVector<T>; 1]>::try_from(parts) {
                    Ok([h]) => Infeasibility::Recession(h),
                    Err(parts) => Infeasibility::RecessionSum(parts),
                }));
            }
        }
        Ok(None)
    }

    /// Rows of A, or c for the number n, in units of the columns and times powers
    /// of two that make them integers.
    fn integers(
        &self,
        numbers: &[usize],
        units: &[i64],
    ) -> Result<Option<Vec<Vec<BigInt>>>, Error> {
        let mut row = DMatrix::zeros(1, units.len());
        let mut out = Vec::with_capacity(numbers.len());
        for &i in numbers {
            if i < self.model.nrows() {
                self.model.design().read_rows(i, &mut row)?;
            } else {
                row.tr_copy_from(self.target);
            }
            let scaled = |(a, unit): (&T, &i64)| {
                let a = Dyadic::of(*a)?;
                Some(Dyadic::new(a.mantissa, a.exponent - unit))
            };
            let entries: Option<Vec<Dyadic>> = row.iter().zip(units).map(scaled).collect();
            let Some(entries) = entries else {
                return Ok(None);
            };
            out.push(dyadic::integers(&entries));
        }
        Ok(Some(out))
    }
}

fn positive(size: f64) -> f64 {
    if size > 0.0 { size } else { 1.0 }
}

/// The direction that leaves as many rows as there are to leave:
///
/// ```text
/// maximise Σ t_i   subject to   r_iᵀz ≥ t_i,   0 ≤ t_i ≤ 1,   |z_j| ≤ width
/// ```
///
/// The cone scales, so that where the width allows, each t_i is 1, or 0 where r_iᵀh
/// is zero for every h of the cone (Freund, Roundy and Todd, 1985). `None` where all
/// of them are 0, that is where the cone is only the origin.
fn largest(rows: &DMatrix<f64>, width: f64) -> Result<Option<Direction>, Error> {
    let d = rows.ncols();
    let used: Vec<usize> = (0..rows.nrows())
        .filter(|&i| rows.row(i).amax() > 0.0)
        .collect();
    let m = used.len();
    let (mut i, mut j, mut v) = (Vec::new(), Vec::new(), Vec::new());
    let mut push = |row: usize, column: usize, value: f64| {
        i.push(row);
        j.push(column);
        v.push(value);
    };
    for (k, &row) in used.iter().enumerate() {
        for column in 0..d {
            if rows[(row, column)] != 0.0 {
                push(k, column, -rows[(row, column)]);
            }
        }
        push(k, d + k, 1.0);
        push(m + k, d + k, 1.0);
        push(2 * m + k, d + k, -1.0);
    }
    for column in 0..d {
        push(3 * m + column, column, 1.0);
        push(3 * m + d + column, column, -1.0);
    }
    let constraints = CscMatrix::new_from_triplets(3 * m + 2 * d, d + m, i, j, v);
    let mut bounds = vec![0.0; 3 * m];
    bounds[m..2 * m].fill(1.0);
    bounds.extend(std::iter::repeat_n(width, 2 * d));
    let objective: Vec<f64> = (0..d + m).map(|k| if k < d { 0.0 } else { 1.0 }).collect();
    let what = "the search for a direction of recession";
    let solution = maximise(what, &objective, &constraints, &bounds)?;
    let z = DVector::from_column_slice(&solution[..d]);
    // Zero rows say nothing, and are left by none.
    let flat: Vec<usize> = used
        .iter()
        .enumerate()
        .filter(|(k, _)| solution[d + k] < 0.5)
        .map(|(_, &row)| row)
        .collect();
    Ok((flat.len() < m).then_some(Direction { z, flat }))
}

/// Σ f_k v_k, the f_k such that the free coordinates are near those of z, cut to
/// so many bits; in the units of x. `None` where all are cut to nothing.
fn combination(
    basis: &[Vec<BigInt>],
    free: &[usize],
    z: &DVector<f64>,
    units: &[i64],
    bits: i32,
) -> Option<Vec<Dyadic>> {
    let size = free.iter().fold(0.0f64, |m, &j| m.max(z[j].abs()));
    let grid = 2f64.powi(bits);
    let mut sum = vec![Dyadic::new(BigInt::zero(), 0); z.len()];
    for (v, &j) in basis.iter().zip(free) {
        if !((z[j] / size * grid).abs() >= 0.5) {
            continue;
        }
        // v_j > 0 has any number of bits: its leading 64 are enough.
        let dropped = v[j].bits().saturating_sub(64);
        let leading = (&v[j] >> dropped).to_f64()?;
        let quotient = z[j] / size / leading;
        let exponent = Dyadic::of(quotient)?.magnitude() - i64::from(bits);
        let unit = 2f64.powi(i32::try_from(exponent).ok()?);
        let whole = (quotient / unit).round().to_i64()?;
        let dropped = i64::try_from(dropped).ok()?;
        let factor = Dyadic::new(BigInt::from(whole), exponent - dropped);
        for (sum, v) in sum.iter_mut().zip(v) {
            *sum = sum.plus(&factor.times(&Dyadic::new(v.clone(), 0)));
        }
    }
    for (h, unit) in sum.iter_mut().zip(units) {
        h.exponent -= unit;
    }
    // The largest entry between ½ and 1.
    let entries = sum.iter().filter(|v| !v.mantissa.is_zero());
    let largest = entries.map(Dyadic::magnitude).max()?;
    sum.iter_mut().for_each(|v| v.exponent -= largest);
    Some(sum)
}

/// The vectors of `T` that h is the exact sum of, the leading one first.
fn as_sum<T: Scalar>(h: &[Dyadic]) -> Option<Vec<DVector<T>>> {
    let mut rest = h.to_vec();
    let mut parts = Vec::new();
    while parts.is_empty() || rest.iter().any(|v| !v.mantissa.is_zero()) {
        if parts.len() == PARTS {
            return None;
        }
        let mut part = DVector::zeros(h.len());
        for (entry, rest) in part.iter_mut().zip(&mut rest) {
            (*entry, *rest) = rest.split()?;
        }
        parts.push(part);
    }
    Some(parts)
}
