//! b in the column space of A.
//!
//! If b = A x̂ then s = A(x − x̂): the scores do not change when x moves along
//! the line through x̂, which they leave x on. What can be found is the line, by
//! A h = sign∘m for the magnitudes m of the slacks. With one component's b in
//! the space of its own columns that is so for its part of x.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::linalg::{BlockWalk, LeastSquares, least_squares};
use crate::recover::scores::structure::{Structure, column_units};
use crate::recover::signs::unsigned::Accuracy;
use crate::recover::signs::{self, Found};
use crate::recover::{Recovery, Status};
use crate::scalar::{Scalar, count, epsilon, real, to_f64};

/// How far b lies from the column space.
pub(crate) struct Distance<T: Scalar> {
    /// The nearest A x̂.
    pub(crate) x: DVector<T>,
    /// The largest |a_iᵀx̂ − b_i| relative to Σ_j |a_ij x̂_j| + |b_i|.
    pub(crate) relative: f64,
}

impl<T: Scalar> Distance<T> {
    /// Whether that is the rounding of zero.
    pub(crate) fn is_zero(&self) -> bool {
        const UNITS: f64 = 16.0;
        let terms: f64 = to_f64(count::<T>(self.x.len() + 1));
        self.relative <= UNITS * to_f64(epsilon::<T>()) * terms
    }
}

/// The least-squares fit of b itself, rows in the weights given. O(nd²).
pub(crate) fn distance<T: Scalar>(
    model: &Model<T>,
    weights: &DVector<T>,
) -> Result<Distance<T>, Error> {
    let x = least_squares(model.design(), weights, model.rhs(), T::zero())?.x;
    let residual = model.design().residual(&x, model.rhs())?;
    let sizes = terms(model, &x)?;
    let mut relative = 0.0f64;
    for i in 0..residual.len() {
        let size = to_f64(sizes[i]);
        if size > 0.0 {
            relative = relative.max(to_f64(residual[i].abs()) / size);
        }
    }
    Ok(Distance { x, relative })
}

/// |A||x| + |b|: the size of the terms of each slack. O(nd).
pub(super) fn terms<T: Scalar>(model: &Model<T>, x: &DVector<T>) -> Result<DVector<T>, Error> {
    let products = model.design().map_blocks(|rows, _, out| {
        for (out, row) in out.iter_mut().zip(rows.row_iter()) {
            let terms = row.iter().zip(x.iter());
            *out = terms.fold(T::zero(), |sum, (a, x)| sum + (*a * *x).abs());
        }
    })?;
    Ok(products + model.rhs().abs())
}

/// h with A h ≈ sign∘m, each row by its own size.
pub(crate) fn line<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    signs: &Signs,
) -> Result<LeastSquares<T>, Error> {
    let signed = DVector::from_fn(magnitudes.len(), |i, _| magnitudes[i] * signs.sign(i));
    least_squares(
        model.design(),
        &magnitudes.map(|m| T::one() / m),
        &signed,
        T::zero(),
    )
}

/// Signs for the line. With one row's slack taken for its magnitude, m₁, one
/// coefficient is eliminated by a₁ᵀh = m₁, and the other rows are a problem like
/// any other in the rest, whose b is no longer in its column space. Which
/// coefficient goes matters to the lift, so that each is tried. `errors` are those
/// of noisy magnitudes, relative.
pub(crate) fn signs<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    errors: Option<&DVector<T>>,
    seed: u64,
) -> Result<Result<Signs, Recovery<T>>, Error> {
    let mut a = DMatrix::zeros(model.nrows(), model.dim());
    model.design().read_rows(0, &mut a)?;
    let units = column_units(model.design())?;
    let mut end = Recovery::new(Status::Undetermined, String::new());
    for pivot in 0..model.dim() {
        match eliminated(&a, &units, (magnitudes, errors), pivot, seed)? {
            Ok(h) => {
                let sign = |s: T| if s < T::zero() { -T::one() } else { T::one() };
                return Ok(Ok(Signs::of(&(a * h).map(sign))?));
            }
            Err(failed) => end = failed,
        }
    }
    Ok(Err(end))
}

/// h by the row in which the coefficient `pivot` counts most.
fn eliminated<T: Scalar>(
    a: &DMatrix<T>,
    units: &DVector<T>,
    (magnitudes, errors): (&DVector<T>, Option<&DVector<T>>),
    pivot: usize,
    seed: u64,
) -> Result<Result<DVector<T>, Recovery<T>>, Error> {
    let (n, d) = a.shape();
    let reference = a.column(pivot).icamax();
    let first = a.row(reference).into_owned();
    let start = magnitudes[reference] / first[pivot];
    let mut h = DVector::zeros(d);
    h[pivot] = start;
    if d == 1 {
        return Ok(Ok(h));
    }
    let others: Vec<usize> = (0..d).filter(|&j| j != pivot).collect();
    let rest: Vec<usize> = (0..n).filter(|&i| i != reference).collect();
    let b = DVector::from_fn(n - 1, |i, _| -a[(rest[i], pivot)] * start);
    let mut known = magnitudes.select_rows(&rest);
    let mut reduced = DMatrix::from_fn(n - 1, d - 1, |i, k| {
        let (i, j) = (rest[i], others[k]);
        a[(i, j)] - a[(i, pivot)] * (first[j] / first[pivot])
    });
    for (k, &i) in rest.iter().enumerate() {
        // A multiple of the reference says nothing of the rest.
        let largest = |row: &[T]| row.iter().fold(T::zero(), |m, v| m.max(*v));
        let size: Vec<T> = (0..d).map(|j| a[(i, j)].abs() / units[j]).collect();
        let left: Vec<T> = (0..d - 1)
            .map(|l| reduced[(k, l)].abs() / units[others[l]])
            .collect();
        if largest(&left) <= largest(&size) * real::<T>(64.0) * epsilon() {
            reduced.row_mut(k).fill(T::zero());
            known[k] = T::zero();
        }
    }
    let Ok(reduced) = Model::new(reduced, b) else {
        let reason = "the rows left depend on fewer coefficients, to rounding".to_string();
        return Ok(Err(Recovery::new(Status::NotConverged, reason)));
    };
    let components = Structure::of(&reduced, seed)?.components;
    // What the reference is off by, every other is besides.
    let errors = errors.map(|e| e.select_rows(&rest).add_scalar(e[reference]));
    let accuracy = errors
        .as_ref()
        .map_or(Accuracy::Rounding, Accuracy::Relative);
    match signs::find_within(&reduced, &known, accuracy, &components, seed)? {
        Found::Signs(found) => {
            for (k, &j) in others.iter().enumerate() {
                let y = found.linear.x[k];
                h[j] = y;
                h[pivot] -= first[j] / first[pivot] * y;
            }
            Ok(Ok(h))
        }
        // Its solutions are in coordinates of the reduced problem.
        Found::Not(end) => Ok(Err(Recovery::new(end.status, end.reason))),
    }
}
