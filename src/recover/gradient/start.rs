//! A point inside a cell: the centre of the largest ball that fits.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, SupportedConeT};
use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::scalar::{Scalar, real, to_f64};

/// Half-widths of the box that is searched, in units of the farthest
/// hyperplane's distance from the origin; the next is tried where one is empty.
const BOXES: [f64; 3] = [1e2, 1e5, 1e8];

/// A start, and how it was bounded.
#[derive(Debug, Clone)]
pub struct Start<T: Scalar> {
    /// Strictly inside the cell.
    pub x: DVector<T>,
    /// The ball's radius (columns scaled to unit size).
    pub radius: f64,
    /// Half-width of the box searched, per coordinate.
    pub half_width: DVector<f64>,
}

/// The point of a cell whose smallest slack, relative to the row's norm, is
/// largest: the linear programme
///
/// ```text
/// maximise t   subject to   sign_i (a_iᵀx − b_i) ≥ t ‖a_i‖,   |x_j| ≤ h_j,   t ≤ ℓ
/// ```
///
/// where ℓ is the largest distance |b_i|/‖a_i‖ of a hyperplane from the origin
/// (columns of A at unit size; 1 where all pass through it) and the box is
/// h_j = 100ℓ, 10⁵ℓ, then 10⁸ℓ in units of column j. An unbounded cell thus
/// has a start too. Solved in f64 by the interior-point solver Clarabel.
///
/// # Errors
/// [`Error::EmptyCell`] where no point of the largest box has these signs,
/// [`Error::Solver`] where the linear programme fails.
///
/// # Complexity
/// O(nd²) for each of about twenty interior-point steps, O(nnz(A)) memory.
pub fn largest_slack_start<T: Scalar>(model: &Model<T>, signs: &Signs) -> Result<Start<T>, Error> {
    signs.check_rows(model.nrows())?;
    let (n, d) = (model.nrows(), model.dim());
    let mut a = read(model)?;
    let b = model.rhs().map(to_f64);
    // Columns to unit size, then rows: the box and the ball mean something
    // whatever the units.
    let columns = DVector::from_iterator(d, a.column_iter().map(|c| c.amax()));
    for (mut column, &c) in a.column_iter_mut().zip(columns.iter()) {
        column.unscale_mut(c);
    }
    let mut rhs = Vec::with_capacity(n);
    for (i, mut row) in a.row_iter_mut().enumerate() {
        let norm = row.norm();
        let unit = if norm > 0.0 { norm } else { 1.0 };
        let sign: f64 = signs.sign(i);
        row.scale_mut(-sign / unit);
        rhs.push(-sign * b[i] / unit);
    }
    let far = rhs.iter().fold(0.0f64, |m, r| m.max(r.abs()));
    let length = if far > 0.0 { far } else { 1.0 };
    rhs.iter_mut().for_each(|r| *r /= length);
    let mut radius = f64::NEG_INFINITY;
    for width in BOXES {
        let (z, t) = largest_ball(&a, &rhs, width)?;
        radius = radius.max(t * length);
        let x = DVector::from_fn(d, |j, _| real(z[j] * length / columns[j]));
        // The answer is checked in compensated arithmetic, not believed.
        if signs.first_violation(&model.slack(&x)?).is_none() {
            let half_width = columns.map(|c| width * length / c);
            return Ok(Start {
                x,
                radius: t * length,
                half_width,
            });
        }
    }
    Err(Error::EmptyCell { slack: radius })
}

/// A in f64, n×d.
pub(crate) fn read<T: Scalar>(model: &Model<T>) -> Result<DMatrix<f64>, Error> {
    let mut rows = DMatrix::zeros(model.nrows(), model.dim());
    model.design().read_rows(0, &mut rows)?;
    Ok(rows.map(to_f64))
}

/// max t with `rows·z + t ≤ rhs` (rows already carry −sign), |z_j| ≤ width, t ≤ 1.
fn largest_ball(rows: &DMatrix<f64>, rhs: &[f64], width: f64) -> Result<(Vec<f64>, f64), Error> {
    let (n, d) = rows.shape();
    let (mut i, mut j, mut v) = (Vec::new(), Vec::new(), Vec::new());
    let mut push = |row: usize, column: usize, value: f64| {
        i.push(row);
        j.push(column);
        v.push(value);
    };
    for column in 0..d {
        for row in 0..n {
            if rows[(row, column)] != 0.0 {
                push(row, column, rows[(row, column)]);
            }
        }
        push(n + column, column, 1.0);
        push(n + d + column, column, -1.0);
    }
    (0..n).for_each(|row| push(row, d, 1.0));
    push(n + 2 * d, d, 1.0);
    let height = n + 2 * d + 1;
    let constraints = CscMatrix::new_from_triplets(height, d + 1, i, j, v);
    let mut bounds = rhs.to_vec();
    bounds.extend(std::iter::repeat_n(width, 2 * d));
    bounds.push(1.0);
    let objective: Vec<f64> = (0..=d).map(|k| if k == d { 1.0 } else { 0.0 }).collect();
    let x = maximise("the search for a start", &objective, &constraints, &bounds)?;
    let t = x[d];
    Ok((x, t))
}

/// The x with constraints·x ≤ bounds that makes objectiveᵀx largest, by the
/// interior-point solver Clarabel.
pub(crate) fn maximise(
    what: &'static str,
    objective: &[f64],
    constraints: &CscMatrix<f64>,
    bounds: &[f64],
) -> Result<Vec<f64>, Error> {
    let (height, width) = (constraints.m, constraints.n);
    let quadratic = CscMatrix::zeros((width, width));
    let failed = |reason: String| Error::Solver { what, reason };
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .build()
        .map_err(|e| failed(e.to_string()))?;
    let cones = [SupportedConeT::NonnegativeConeT(height)];
    let minimised: Vec<f64> = objective.iter().map(|v| -v).collect();
    let mut solver = DefaultSolver::new(
        &quadratic,
        &minimised,
        constraints,
        bounds,
        &cones,
        settings,
    )
    .map_err(|e| failed(e.to_string()))?;
    solver.solve();
    let x = solver.solution.x.clone();
    if x.len() != width || x.iter().any(|v| !v.is_finite()) {
        return Err(failed(format!("{:?}", solver.solution.status)));
    }
    Ok(x)
}
