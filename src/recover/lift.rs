//! Weights without signs give x by one linear problem in lifted unknowns.
//!
//! ```text
//! (a_iᵀx − b_i)² = t² m_i²   is linear in X = xxᵀ, x and t²:
//! a_iᵀ X a_i − 2 b_i a_iᵀ x − t² m_i² = −b_i²
//! ```
//! with d(d+3)/2 + 1 unknowns, or one t² more for each further component.

use nalgebra::{DMatrix, DVector};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::structure::Components;
use crate::error::Error;
use crate::geometry::Model;
use crate::linalg::{Design, DesignMatrix, least_squares};
use crate::scalar::{Scalar, real, to_f64};

/// Rows per unknown that the lift uses at most. It need only find the signs;
/// all rows enter the linear step that follows.
const ROWS_PER_UNKNOWN: usize = 4;

/// Singular values of the lift below this, relative, are directions it leaves
/// open: ε times the growth that squaring the unknowns brings.
const RANK_TOLERANCE: f64 = 1e-12;

/// Unknowns of the lift: the least number of rows it takes.
pub(crate) fn unknowns(d: usize, components: usize) -> usize {
    d * (d + 3) / 2 + components
}

/// The lifted system, its rows made as they are read.
///
/// In f64 whatever the arithmetic of the problem: only signs come of it, and
/// squaring the unknowns squares the condition number that f32 has no room for.
struct Lifted {
    /// Chosen rows of A, columns brought to unit size.
    a: DMatrix<f64>,
    b: DVector<f64>,
    squares: DVector<f64>,
    /// The component of each chosen row.
    component: Vec<usize>,
    components: usize,
}

impl DesignMatrix<f64> for Lifted {
    fn nrows(&self) -> usize {
        self.a.nrows()
    }

    fn ncols(&self) -> usize {
        unknowns(self.a.ncols(), self.components)
    }

    fn read_rows(&self, start: usize, rows: &mut DMatrix<f64>) -> Result<(), Error> {
        let (m, d) = (rows.nrows(), self.a.ncols());
        let a = self.a.rows(start, m);
        let mut next = 0;
        let mut write = |column: DVector<f64>| {
            rows.set_column(next, &column);
            next += 1;
        };
        // x first, then each t², then X.
        let b = self.b.rows(start, m);
        (0..d).for_each(|j| write(a.column(j).component_mul(&b) * -2.0));
        for k in 0..self.components {
            let own = |i: usize| self.component[start + i] == k;
            let square = |i: usize| {
                if own(i) {
                    -self.squares[start + i]
                } else {
                    0.0
                }
            };
            write(DVector::from_fn(m, |i, _| square(i)));
        }
        for j in 0..d {
            write(a.column(j).component_mul(&a.column(j)));
            // X is symmetric: each entry off the diagonal counts twice.
            (0..j).for_each(|k| write(a.column(j).component_mul(&a.column(k)) * 2.0));
        }
        Ok(())
    }
}

/// What the lift found.
pub(crate) struct Lift<T: Scalar> {
    pub(crate) x: DVector<T>,
    /// Whether x is the same for every solution of the lifted system.
    pub(crate) determined: bool,
}

/// Solves the lifted system on a seeded choice of rows.
pub(crate) fn solve<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    components: &Components,
    seed: u64,
) -> Result<Lift<T>, Error> {
    let d = model.dim();
    // Zero marks a row whose slack is not known.
    let known: Vec<usize> = (0..model.nrows())
        .filter(|&i| magnitudes[i] > T::zero())
        .collect();
    let chosen = choose(
        known,
        ROWS_PER_UNKNOWN * unknowns(d, components.count()),
        seed,
    );
    let mut a = DMatrix::zeros(chosen.len(), d);
    let mut row = DMatrix::zeros(1, d);
    for (k, &i) in chosen.iter().enumerate() {
        model.design().read_rows(i, &mut row)?;
        a.set_row(k, &row.row(0).map(to_f64));
    }
    // Columns to unit size: X would otherwise mix units squared.
    let scale = DVector::from_iterator(d, a.column_iter().map(|c| c.amax()))
        .map(|s| if s > 0.0 { s } else { 1.0 });
    for (mut column, &s) in a.column_iter_mut().zip(scale.iter()) {
        column.unscale_mut(s);
    }
    let of_chosen =
        |v: &DVector<T>| DVector::from_iterator(chosen.len(), chosen.iter().map(|&i| to_f64(v[i])));
    let b = of_chosen(model.rhs());
    let squares = of_chosen(magnitudes).map(|m| m * m);
    // m_i² is good to a relative ε: each row counts by its own size, but a tiny
    // slack must not drown the others in the rounding of a_i a_iᵀ.
    let floor = squares.mean() * 1e-2;
    let weights = squares.map(|m| 1.0 / m.max(floor));
    let rhs = b.map(|b| -b * b);
    let component = chosen
        .iter()
        .map(|&i| components.of_row[i].unwrap_or(0))
        .collect();
    let components = components.count();
    let system = Design::new(Lifted {
        a,
        b,
        squares,
        component,
        components,
    });
    let solution = least_squares(&system, &weights, &rhs, RANK_TOLERANCE)?;
    let determined = solution
        .null_space
        .rows(0, d)
        .iter()
        .all(|v| v.abs() < 1e-6);
    let x = solution.x.rows(0, d).component_div(&scale).map(real);
    Ok(Lift { x, determined })
}

/// At most `limit` of the rows, in order.
fn choose(rows: Vec<usize>, limit: usize, seed: u64) -> Vec<usize> {
    if rows.len() <= limit {
        return rows;
    }
    let mut rng = StdRng::seed_from_u64(seed);
    let mut chosen = rand::seq::index::sample(&mut rng, rows.len(), limit).into_vec();
    chosen.sort_unstable();
    chosen.into_iter().map(|k| rows[k]).collect()
}
