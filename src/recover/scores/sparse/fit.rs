//! Sizes and signs of slacks → x, one scale a component, by a sparse factor.

use nalgebra::DVector;
use nalgebra_sparse::CsrMatrix;

use super::parts::column_sizes;
use crate::error::{Error, trial};
use crate::geometry::{Geometry, Model, Signs};
use crate::recover::scores::structure::Components;
use crate::scalar::{Scalar, count, epsilon, real, to_f64};

/// Refinement steps: each leaves κ²ε of the error.
const REFINEMENTS: usize = 4;
/// A b that is this near the column space, relative, is in it where its distance
/// is all rounding beside what scores leave of the slacks.
const NEAR: f64 = 1e-9;
/// The same where it is the rounding of zero, in ε a coefficient.
const UNITS: f64 = 16.0;
/// A column of slacks that lies in the column space to this: there is no scale.
const DEPENDENT: f64 = 1e3;

/// A solution, and the components whose b lies in the column space: number,
/// direction, and how far b lies off, relative.
pub(super) struct Fit<T: Scalar> {
    pub(super) x: DVector<T>,
    pub(super) lines: Vec<(usize, DVector<T>, f64)>,
}

/// x and t with A x − b ≈ t_k sign∘m on each component k, rows divided by m; t_k is
/// what b's own size is where b lies in the column space. `sizes` are those of A's
/// rows. `None` where the sparse factor does not bear it.
pub(super) fn solve<T: Scalar>(
    model: &Model<T>,
    rows: &CsrMatrix<T>,
    components: &Components,
    (magnitudes, sizes): (&DVector<T>, &DVector<T>),
    signs: &Signs,
) -> Result<Option<Fit<T>>, Error> {
    let on_pattern = |slack: &DVector<T>| -> Result<Option<Geometry<T>>, Error> {
        Ok(trial(model.with_slack(slack.clone()))?.filter(Geometry::is_on_pattern))
    };
    // How far b lies from the column space.
    let Some(at) = on_pattern(sizes)? else {
        return Ok(None);
    };
    let none = DVector::zeros(model.nrows());
    let nearest = least_squares(model, &at, &none)?;
    drop(at);
    let distances = distances(model, rows, components, &nearest)?;
    let Some(at) = on_pattern(magnitudes)? else {
        return Ok(None);
    };
    // Rows divided by m: the columns of t are of ±1, and P acts on each component.
    let signed = DVector::from_fn(model.nrows(), |i, _| match components.of(i) {
        Some(_) => signs.sign(i),
        None => T::zero(),
    });
    let left = rejected(&at, &signed)?;
    let b = model.rhs().component_div(magnitudes);
    let (squares, overlaps) = (
        components.sums(&left.component_mul(&left)),
        components.sums(&left.component_mul(&b)),
    );
    let heights = components.sizes();
    let mut scales = Vec::with_capacity(heights.len());
    let mut flat = Vec::new();
    for (k, &height) in heights.iter().enumerate() {
        let dependent = squares[k] <= count::<T>(height) * epsilon::<T>() * real(DEPENDENT);
        let exact = UNITS * to_f64(epsilon::<T>()) * (model.dim() + 1) as f64;
        if distances[k] <= exact || (dependent && distances[k] <= NEAR) {
            flat.push(k);
            scales.push(own_size(model, components, magnitudes, k));
        } else {
            scales.push(-overlaps[k] / squares[k]);
        }
    }
    let wanted = DVector::from_fn(model.nrows(), |i, _| match components.of(i) {
        Some(k) => scales[k] * signed[i] * magnitudes[i],
        None => T::zero(),
    });
    let x = least_squares(model, &at, &wanted)?;
    let line = |&k: &usize| {
        let own = DVector::from_fn(model.nrows(), |i, _| match components.of(i) {
            Some(of) if of == k => signed[i],
            _ => T::zero(),
        });
        let h = at.solve_gram(&at.apply_transposed(&own)?)?;
        Ok((k, h, distances[k]))
    };
    let lines = flat.iter().map(line).collect::<Result<_, Error>>()?;
    Ok(Some(Fit { x, lines }))
}

/// v − P v.
pub(super) fn rejected<T: Scalar>(at: &Geometry<T>, v: &DVector<T>) -> Result<DVector<T>, Error> {
    let h = at.solve_gram(&at.apply_transposed(v)?)?;
    let left = v - at.apply(&h)?;
    // Once more: what rounding left of Pv.
    let h = at.solve_gram(&at.apply_transposed(&left)?)?;
    Ok(&left - at.apply(&h)?)
}

/// The x with A x − b nearest to `wanted`, each row by its size at `at`.
fn least_squares<T: Scalar>(
    model: &Model<T>,
    at: &Geometry<T>,
    wanted: &DVector<T>,
) -> Result<DVector<T>, Error> {
    let mut x = DVector::zeros(model.dim());
    for _ in 0..REFINEMENTS {
        let missing = (wanted - model.slack(&x)?).component_div(at.slack());
        let step = at.solve_gram(&at.apply_transposed(&missing)?)?;
        x += &step;
        let small = real::<T>(4.0) * epsilon::<T>();
        if step.norm() <= small * x.norm() {
            break;
        }
    }
    Ok(x)
}

/// The largest |a_iᵀx − b_i| relative to Σ_j |a_ij x_j| + |b_i|, of each component; an
/// x_j counts with the usual size of its kind besides, whose rounding a zero has.
fn distances<T: Scalar>(
    model: &Model<T>,
    rows: &CsrMatrix<T>,
    components: &Components,
    x: &DVector<T>,
) -> Result<Vec<f64>, Error> {
    let slack = model.slack(x)?;
    let units = column_sizes(rows);
    let usual = x.component_mul(&units).norm() / count::<T>(x.len()).sqrt();
    let mut distances = vec![0.0_f64; components.count()];
    for (i, row) in rows.row_iter().enumerate() {
        let Some(k) = components.of(i) else { continue };
        let pairs = row.col_indices().iter().zip(row.values());
        let own = model.rhs()[i].abs();
        let size = pairs.fold(own, |sum, (&j, &a)| {
            sum + a.abs() * (x[j].abs() + usual / units[j])
        });
        if size > T::zero() {
            distances[k] = distances[k].max(to_f64(slack[i].abs() / size));
        }
    }
    Ok(distances)
}

/// The scale at which slacks of a component are of the size of b, where b has one:
/// much smaller ones would be all rounding.
fn own_size<T: Scalar>(
    model: &Model<T>,
    components: &Components,
    magnitudes: &DVector<T>,
    k: usize,
) -> T {
    let largest = |v: &DVector<T>| {
        let own = (0..v.len()).filter(|&i| components.of(i) == Some(k));
        own.fold(T::zero(), |m, i| m.max(v[i].abs()))
    };
    let size = largest(model.rhs()) / largest(magnitudes);
    if size > T::zero() { size } else { T::one() }
}
