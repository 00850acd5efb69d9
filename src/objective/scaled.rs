//! An objective in the natural coordinates of its start.

use nalgebra::{DMatrix, DVector};

use super::{Frame, HasHessian, HasHessianProduct, HasJacobian, Objective};
use crate::error::Error;
use crate::geometry::{check_length, check_vector};
use crate::scalar::{Scalar, real, to_f64};

/// How long the first steepest-descent step is in natural coordinates, where 1
/// reaches the boundary at the earliest.
const FIRST_STEP: f64 = 0.5;

/// `f` in coordinates z with `x = start + S z`, and in units in which its
/// gradient at the start has length ½.
///
/// Solvers that begin with the step −∇f, as every quasi-Newton method and line
/// search of argmin does, leave a cell at once where f is badly scaled: on
/// gradient inversion all of them do, from everywhere. With S such that
/// `SᵀMS = I` for the objective's own [`metric`](Objective::metric) M, a step of
/// length less than 1 stays inside. For the objectives of this crate M is
/// A_xᵀA_x, and that ball is Dikin's ellipsoid.
///
/// An objective without a metric keeps its coordinates and units.
///
/// # Complexity
/// One metric and one gradient at the start; O(d²) more per evaluation, O(d³)
/// per Hessian. With a [`sparse_metric`](Objective::sparse_metric) a sparse solve per
/// evaluation.
///
/// ```
/// use levinv::{GradientInversion, Model, Objective, Scaled};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0; -1.0], dvector![-1.0, -1.0])?;
/// let loss = GradientInversion::new(&model, dvector![1e6])?;
/// let scaled = Scaled::new(loss, &dvector![0.0])?;
/// let gradient: f64 = scaled.gradient(&dvector![0.0])?.norm();
/// assert!((gradient - 0.5).abs() < 1e-12);
/// assert_eq!(scaled.to_x(&dvector![0.0]), dvector![0.0]);
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scaled<T: Scalar, O> {
    objective: O,
    start: DVector<T>,
    frame: Frame<T>,
    unit: T,
}

impl<T: Scalar, O: Objective<T>> Scaled<T, O> {
    /// Coordinates and units from the metric and the gradient at the start,
    /// which becomes z = 0.
    ///
    /// # Errors
    /// Those of the metric and the gradient.
    pub fn new(objective: O, start: &DVector<T>) -> Result<Self, Error> {
        check_length("x", start, objective.dim())?;
        let frame = match objective.sparse_metric(start)? {
            Some(metric) => Frame::sparse(metric),
            None => Frame::new(objective.metric(start)?),
        };
        let mut scaled = Scaled {
            objective,
            start: start.clone(),
            frame,
            unit: T::one(),
        };
        if scaled.frame.is_natural() {
            let norm = scaled.gradient(&DVector::zeros(start.len()))?.norm();
            let unit = real::<T>(FIRST_STEP) / norm;
            if unit.is_finite() && unit > T::zero() {
                scaled.unit = unit;
            }
        }
        Ok(scaled)
    }

    /// The same in other units: f is multiplied by `factor` once more.
    #[must_use]
    pub fn times(mut self, factor: T) -> Self {
        self.unit *= factor;
        self
    }

    /// The point of given coordinates.
    pub fn to_x(&self, z: &DVector<T>) -> DVector<T> {
        &self.start + self.frame.step(z)
    }

    /// The factor on f.
    pub fn unit(&self) -> T {
        self.unit
    }

    /// The objective in its own coordinates.
    pub fn objective(&self) -> &O {
        &self.objective
    }

    fn check(&self, what: &'static str, v: &DVector<T>) -> Result<(), Error> {
        check_length(what, v, self.start.len())
    }

    fn pulled_back(&self, v: DVector<T>) -> Result<DVector<T>, Error> {
        let v = self.frame.gradient(v) * self.unit;
        check_vector("scaled derivative", &v, self.start.len())?;
        Ok(v)
    }
}

impl<T: Scalar, O: Objective<T>> Objective<T> for Scaled<T, O> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn value(&self, z: &DVector<T>) -> Result<T, Error> {
        self.check("z", z)?;
        Ok(self.objective.value(&self.to_x(z))? * self.unit)
    }

    fn gradient(&self, z: &DVector<T>) -> Result<DVector<T>, Error> {
        self.check("z", z)?;
        self.pulled_back(self.objective.gradient(&self.to_x(z))?)
    }

    fn largest_step(&self, z: &DVector<T>, step: &DVector<T>) -> Result<Option<T>, Error> {
        self.check("z", z)?;
        self.check("step", step)?;
        self.objective
            .largest_step(&self.to_x(z), &self.frame.step(step))
    }
}

impl<T: Scalar, O: HasHessian<T>> HasHessian<T> for Scaled<T, O> {
    fn hessian(&self, z: &DVector<T>) -> Result<DMatrix<T>, Error> {
        self.check("z", z)?;
        let hessian = self.objective.hessian(&self.to_x(z))? * self.unit;
        let form = self.frame.form(hessian);
        match form.iter().position(|v| !v.is_finite()) {
            None => Ok(form),
            Some(index) => {
                let value = to_f64(form[index]);
                Err(Error::NonFinite {
                    what: "scaled derivative",
                    index,
                    value,
                })
            }
        }
    }
}

impl<T: Scalar, O: HasHessianProduct<T>> HasHessianProduct<T> for Scaled<T, O> {
    fn hessian_product(&self, z: &DVector<T>, h: &DVector<T>) -> Result<DVector<T>, Error> {
        self.check("z", z)?;
        self.check("direction", h)?;
        let product = self
            .objective
            .hessian_product(&self.to_x(z), &self.frame.step(h))?;
        self.pulled_back(product)
    }
}

impl<T: Scalar, O: HasJacobian<T>> HasJacobian<T> for Scaled<T, O> {
    fn residual(&self, z: &DVector<T>) -> Result<DVector<T>, Error> {
        self.check("z", z)?;
        Ok(self.objective.residual(&self.to_x(z))? * self.unit.sqrt())
    }

    fn jacobian(&self, z: &DVector<T>) -> Result<DMatrix<T>, Error> {
        self.check("z", z)?;
        let jacobian = self.objective.jacobian(&self.to_x(z))? * self.unit.sqrt();
        Ok(self.frame.jacobian(jacobian))
    }
}
