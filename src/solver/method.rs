//! What the crate's own solvers have in common: one step at a time, on anything
//! that counts its evaluations, under argmin or without it.

use nalgebra::{DMatrix, DVector};

use super::stop::Stop;
use crate::error::Error;
use crate::geometry::check_vector;
use crate::linalg::check_nonnegative;
use crate::objective::{HasHessian, HasHessianProduct, HasJacobian, Objective, RowCurvature};
use crate::scalar::Scalar;

/// A point with what every method needs of it.
#[derive(Debug, Clone)]
pub(crate) struct Iterate<T: Scalar> {
    pub(crate) x: DVector<T>,
    pub(crate) value: T,
    pub(crate) gradient: DVector<T>,
}

/// What one iteration came to.
#[derive(Debug, Clone)]
pub(crate) struct Advance<T: Scalar> {
    /// The new point, if it moved.
    pub(crate) next: Option<Iterate<T>>,
    /// Whether and why this was the last iteration.
    pub(crate) stop: Option<Stop>,
    /// What an observer is shown.
    pub(crate) columns: Columns,
}

/// The columns that every method of the crate shows an observer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Columns {
    /// ‖∇f‖ at the new point.
    pub(crate) gradient: f64,
    /// Length of the step that was taken.
    pub(crate) step: f64,
    /// Rows sampled, where rows are.
    pub(crate) sample: Option<usize>,
    /// Inner iterations, where there are any.
    pub(crate) inner: Option<usize>,
}

/// An iterative method, given its problem only through [`Evaluations`].
pub(crate) trait Method<T: Scalar, O: Objective<T>> {
    /// From a point to the next one.
    fn advance(
        &mut self,
        f: &mut impl Evaluations<T, O>,
        at: &Iterate<T>,
        iteration: u64,
    ) -> Result<Advance<T>, Error>;
}

/// An objective whose evaluations are counted, by argmin or not at all.
pub(crate) trait Evaluations<T: Scalar, O: Objective<T>> {
    /// Does one evaluation and counts it under this name.
    fn count<R>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&O) -> Result<R, Error>,
    ) -> Result<R, Error>;

    fn value(&mut self, x: &DVector<T>) -> Result<T, Error> {
        self.count("cost_count", |f| f.value(x))
    }

    /// A gradient that is not finite is an error about the point.
    fn gradient(&mut self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        let gradient = self.count("gradient_count", |f| f.gradient(x))?;
        check_vector("gradient", &gradient, x.len())?;
        Ok(gradient)
    }

    fn hessian(&mut self, x: &DVector<T>) -> Result<DMatrix<T>, Error>
    where
        O: HasHessian<T>,
    {
        let hessian = self.count("hessian_count", |f| f.hessian(x))?;
        check_size("Hessian", &hessian, (x.len(), x.len()))?;
        Ok(hessian)
    }

    fn product(&mut self, x: &DVector<T>, h: &DVector<T>) -> Result<DVector<T>, Error>
    where
        O: HasHessianProduct<T>,
    {
        let product = self.count("hessian_product_count", |f| f.hessian_product(x, h))?;
        check_vector("Hessian product", &product, x.len())?;
        Ok(product)
    }

    fn residual(&mut self, x: &DVector<T>) -> Result<DVector<T>, Error>
    where
        O: HasJacobian<T>,
    {
        let residual = self.count("operator_count", |f| f.residual(x))?;
        check_vector("residual", &residual, residual.len())?;
        Ok(residual)
    }

    /// One row for each of so many residuals.
    fn jacobian(&mut self, x: &DVector<T>, rows: usize) -> Result<DMatrix<T>, Error>
    where
        O: HasJacobian<T>,
    {
        let jacobian = self.count("jacobian_count", |f| f.jacobian(x))?;
        check_size("Jacobian", &jacobian, (rows, x.len()))?;
        Ok(jacobian)
    }

    fn row_curvature(&mut self, x: &DVector<T>) -> Result<Option<RowCurvature<T>>, Error> {
        let curvature = self.count("row_curvature_count", |f| f.row_curvature(x))?;
        if let Some(RowCurvature { design, diagonal }) = &curvature {
            check_columns(design.ncols(), x.len())?;
            check_nonnegative("row curvature", diagonal, design.nrows())?;
        }
        Ok(curvature)
    }

    fn metric(&mut self, x: &DVector<T>) -> Result<Option<DMatrix<T>>, Error> {
        let metric = self.count("metric_count", |f| f.metric(x))?;
        if let Some(metric) = &metric {
            check_size("metric", metric, (x.len(), x.len()))?;
        }
        Ok(metric)
    }

    fn largest_step(&mut self, x: &DVector<T>, step: &DVector<T>) -> Result<Option<T>, Error> {
        self.count("largest_step_count", |f| f.largest_step(x, step))
    }

    /// The point itself.
    fn iterate(&mut self, x: DVector<T>) -> Result<Iterate<T>, Error> {
        let value = self.value(&x)?;
        let gradient = self.gradient(&x)?;
        Ok(Iterate { x, value, gradient })
    }
}

/// What an objective of a user's own returns may have any shape.
fn check_size<T: Scalar>(
    what: &'static str,
    m: &DMatrix<T>,
    (rows, columns): (usize, usize),
) -> Result<(), Error> {
    let sizes = [("rows", m.nrows(), rows), ("columns", m.ncols(), columns)];
    match sizes.iter().find(|(_, found, expected)| found != expected) {
        None => Ok(()),
        Some(&(unit, found, expected)) => Err(Error::Shape {
            what,
            unit,
            expected,
            found,
        }),
    }
}

fn check_columns(found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Shape {
        what: "row curvature's design",
        unit: "columns",
        expected,
        found,
    })
}

/// An objective whose evaluations nobody counts.
struct Uncounted<'a, O>(&'a O);

impl<T: Scalar, O: Objective<T>> Evaluations<T, O> for Uncounted<'_, O> {
    fn count<R>(
        &mut self,
        _: &'static str,
        work: impl FnOnce(&O) -> Result<R, Error>,
    ) -> Result<R, Error> {
        work(self.0)
    }
}

/// Where a run without argmin ended.
pub(crate) struct End<T: Scalar> {
    pub(crate) at: Iterate<T>,
    pub(crate) iterations: usize,
}

/// Runs a method without argmin; `watch` sees the start and every new point.
pub(crate) fn minimise<T: Scalar, O: Objective<T>>(
    method: &mut impl Method<T, O>,
    objective: &O,
    start: &DVector<T>,
    max_iters: usize,
    mut watch: impl FnMut(usize, &Iterate<T>),
) -> Result<End<T>, Error> {
    let mut f = Uncounted(objective);
    let mut at = f.iterate(start.clone())?;
    watch(0, &at);
    let mut iterations = 0;
    while iterations < max_iters {
        let step = method.advance(&mut f, &at, iterations as u64)?;
        if let Some(next) = step.next {
            at = next;
            iterations += 1;
            watch(iterations, &at);
        }
        if step.stop.is_some() {
            break;
        }
    }
    Ok(End { at, iterations })
}
