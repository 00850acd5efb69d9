//! Signs by one linear problem in lifted unknowns, where there are rows enough.
//!
//! ```text
//! (c_iᵀy)² = ω_i²   with y = (x, 1)/t   is linear in X = xxᵀ, x and t²:
//! q_iᵀ X q_i + 2 r_i q_iᵀ x − t² ω_i² = −r_i²,   c_i = (q_i, r_i)
//! ```
//! with d(d+3)/2 + 1 unknowns, in the coordinates of a component's part.
//!
//! Products of columns may depend on one another (z² = z for a dummy), so that
//! X is not determined while x is: x alone is asked for.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::linalg::{Design, DesignMatrix, least_squares};
use crate::recover::signs::unsigned::Part;

/// Singular values of the lift below this, relative, are directions it leaves
/// open: ε times the growth that squaring the unknowns brings.
const RANK_TOLERANCE: f64 = 1e-12;

/// Unknowns up to which the lift is tried with fewer rows than unknowns: it may
/// be singular and determine x all the same, and takes a second at most.
const TRIED: usize = 300;

/// Unknowns of the lift for d columns: the least number of rows it takes for
/// generic ones.
pub(crate) fn unknowns(d: usize) -> usize {
    d * (d + 3) / 2 + 1
}

/// The lifted system, its rows made as they are read.
struct Lifted {
    /// q_i, without the column of b.
    q: DMatrix<f64>,
    r: DVector<f64>,
    squares: DVector<f64>,
}

impl DesignMatrix<f64> for Lifted {
    fn nrows(&self) -> usize {
        self.q.nrows()
    }

    fn ncols(&self) -> usize {
        unknowns(self.q.ncols())
    }

    fn read_rows(&self, start: usize, rows: &mut DMatrix<f64>) -> Result<(), Error> {
        let (m, d) = (rows.nrows(), self.q.ncols());
        let q = self.q.rows(start, m);
        let mut next = 0;
        let mut write = |column: DVector<f64>| {
            rows.set_column(next, &column);
            next += 1;
        };
        // x first, then t², then X.
        let r = self.r.rows(start, m);
        (0..d).for_each(|j| write(q.column(j).component_mul(&r) * 2.0));
        write(-self.squares.rows(start, m));
        for j in 0..d {
            write(q.column(j).component_mul(&q.column(j)));
            // X is symmetric: each entry off the diagonal counts twice.
            (0..j).for_each(|k| write(q.column(j).component_mul(&q.column(k)) * 2.0));
        }
        Ok(())
    }
}

/// The signs, if every solution of the lifted system has the same x. O(nd⁴ + d⁶).
pub(crate) fn signs(part: &Part) -> Result<Option<DVector<f64>>, Error> {
    let (n, d) = (part.rows.len(), part.dim() - usize::from(part.offset));
    if !part.offset || (n < unknowns(d) && (unknowns(d) > TRIED || n < 2 * d)) {
        return Ok(None);
    }
    let mut c = part.basis.clone();
    // Every row counts by the relative error of its m_i², which divides by ω_i²
    // as much as it multiplies: rows of C at unit ω.
    for (mut row, &w) in c.row_iter_mut().zip(part.weights.iter()) {
        row.unscale_mut(w);
    }
    let q = c.columns(0, d).into_owned();
    let r = c.column(d).into_owned();
    let rhs = r.map(|r| -r * r);
    let squares = DVector::from_element(n, 1.0);
    // A tiny slack must not drown the others in the rounding of its c_i c_iᵀ.
    let usual = (d + 1) as f64 / n as f64;
    let weights = DVector::from_fn(n, |i, _| {
        part.weights[i] / (c.row(i).norm_squared() / usual * 1e-2).max(1.0)
    });
    let system = Design::new(Lifted {
        q: q.clone(),
        r: r.clone(),
        squares,
    });
    let solution = least_squares(&system, &weights, &rhs, RANK_TOLERANCE)?;
    let of_x = solution.null_space.rows(0, d);
    if !of_x.iter().all(|v| v.abs() < 1e-6) {
        return Ok(None);
    }
    let slack = q * solution.x.rows(0, d) + r;
    Ok(Some(slack.map(|s| if s < 0.0 { -1.0 } else { 1.0 })))
}
