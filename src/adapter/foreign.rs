//! The other way round: an argmin problem as an objective.

use argmin::core::{CostFunction, Error as ArgminError, Gradient, Hessian, Jacobian, Operator};
use nalgebra::{DMatrix, DVector};

use super::Mat;
use crate::error::Error;
use crate::objective::{HasHessian, HasJacobian, Objective};

/// A parameter vector of argmin's: `DVector<f64>`, `Vec<f64>`, `[f64; N]`.
pub trait Point: Sized {
    /// From this crate's vector; `None` where the length does not fit.
    fn from_vector(x: &DVector<f64>) -> Option<Self>;

    /// As this crate's vector.
    fn to_vector(&self) -> DVector<f64>;
}

impl Point for DVector<f64> {
    fn from_vector(x: &DVector<f64>) -> Option<Self> {
        Some(x.clone())
    }

    fn to_vector(&self) -> DVector<f64> {
        self.clone()
    }
}

impl Point for Vec<f64> {
    fn from_vector(x: &DVector<f64>) -> Option<Self> {
        Some(x.as_slice().to_vec())
    }

    fn to_vector(&self) -> DVector<f64> {
        DVector::from_column_slice(self)
    }
}

impl<const N: usize> Point for [f64; N] {
    fn from_vector(x: &DVector<f64>) -> Option<Self> {
        x.as_slice().try_into().ok()
    }

    fn to_vector(&self) -> DVector<f64> {
        DVector::from_column_slice(self)
    }
}

/// A matrix of argmin's: `DMatrix<f64>`, [`Mat`], or rows in vectors or arrays.
pub trait Rows {
    /// As this crate's matrix; `None` where rows differ in length.
    fn to_matrix(&self) -> Option<DMatrix<f64>>;
}

impl Rows for DMatrix<f64> {
    fn to_matrix(&self) -> Option<DMatrix<f64>> {
        Some(self.clone())
    }
}

impl Rows for Mat<f64> {
    fn to_matrix(&self) -> Option<DMatrix<f64>> {
        Some(Mat::to_matrix(self))
    }
}

impl<R: AsRef<[f64]>> Rows for Vec<R> {
    fn to_matrix(&self) -> Option<DMatrix<f64>> {
        rows(self)
    }
}

impl<R: AsRef<[f64]>, const N: usize> Rows for [R; N] {
    fn to_matrix(&self) -> Option<DMatrix<f64>> {
        rows(self)
    }
}

fn rows<R: AsRef<[f64]>>(rows: &[R]) -> Option<DMatrix<f64>> {
    let width = rows.first().map_or(0, |r| r.as_ref().len());
    let alike = rows.iter().all(|r| r.as_ref().len() == width);
    alike.then(|| DMatrix::from_fn(rows.len(), width, |i, j| rows[i].as_ref()[j]))
}

/// An argmin problem as an [`Objective`]: what it implements of `Gradient`,
/// `Hessian`, `Operator` and `Jacobian`, this offers as the crate's own traits, so
/// that it can be verified and compared.
///
/// ```
/// use argmin::core::{CostFunction, Error, Gradient};
/// use levinv::{adapter::ArgminObjective, verify::Verification};
///
/// struct Sphere;
///
/// impl CostFunction for Sphere {
///     type Param = Vec<f64>;
///     type Output = f64;
///     fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
///         Ok(x.iter().map(|x| x * x).sum())
///     }
/// }
///
/// impl Gradient for Sphere {
///     type Param = Vec<f64>;
///     type Gradient = Vec<f64>;
///     fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
///         Ok(x.iter().map(|x| 2.0 * x).collect())
///     }
/// }
///
/// let sphere = ArgminObjective::new(Sphere, 3);
/// Verification::of(&sphere).at(&nalgebra::dvector![1.0, -2.0, 0.5]).run()?.assert_passed();
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ArgminObjective<P> {
    problem: P,
    dim: usize,
}

impl<P> ArgminObjective<P> {
    /// A problem in d parameters.
    pub fn new(problem: P, dim: usize) -> Self {
        ArgminObjective { problem, dim }
    }

    /// The problem.
    pub fn problem(&self) -> &P {
        &self.problem
    }
}

fn point<X: Point>(x: &DVector<f64>, dim: usize) -> Result<X, Error> {
    crate::geometry::check_length("x", x, dim)?;
    X::from_vector(x).ok_or(Error::Shape {
        what: "parameter of the problem",
        unit: "entries",
        expected: dim,
        found: x.len(),
    })
}

fn matrix(m: &impl Rows) -> Result<DMatrix<f64>, Error> {
    m.to_matrix().ok_or(Error::Solver {
        what: "the problem",
        reason: "its matrix has rows of different lengths".into(),
    })
}

impl<X: Point, P: CostFunction<Param = X, Output = f64>> ArgminObjective<P> {
    /// An error of a derivative: outside the domain, if the cost is no number there
    /// either.
    fn derivative<R>(&self, x: &X, result: Result<R, ArgminError>) -> Result<R, Error> {
        result.map_err(|error| match self.problem.cost(x) {
            Ok(cost) if cost.is_finite() => own(error),
            _ => match own(error) {
                Error::Solver { reason, .. } => Error::outside(reason),
                other => other,
            },
        })
    }
}

/// The crate's own error, or argmin's in words.
fn own(error: ArgminError) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => own,
        Err(other) => Error::Solver {
            what: "the problem",
            reason: other.to_string(),
        },
    }
}

impl<X, P> Objective<f64> for ArgminObjective<P>
where
    X: Point,
    P: CostFunction<Param = X, Output = f64> + Gradient<Param = X>,
    <P as Gradient>::Gradient: Point,
{
    fn dim(&self) -> usize {
        self.dim
    }

    fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
        let cost = self.problem.cost(&point(x, self.dim)?).map_err(own)?;
        Ok(if cost.is_nan() { f64::INFINITY } else { cost })
    }

    fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        let x = point(x, self.dim)?;
        let gradient = self.derivative(&x, self.problem.gradient(&x))?;
        Ok(gradient.to_vector())
    }
}

impl<X, P> HasHessian<f64> for ArgminObjective<P>
where
    X: Point,
    P: CostFunction<Param = X, Output = f64> + Gradient<Param = X> + Hessian<Param = X>,
    <P as Gradient>::Gradient: Point,
    <P as Hessian>::Hessian: Rows,
{
    fn hessian(&self, x: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        let x = point(x, self.dim)?;
        matrix(&self.derivative(&x, self.problem.hessian(&x))?)
    }
}

impl<X, P> HasJacobian<f64> for ArgminObjective<P>
where
    X: Point,
    P: CostFunction<Param = X, Output = f64>
        + Gradient<Param = X>
        + Operator<Param = X>
        + Jacobian<Param = X>,
    <P as Gradient>::Gradient: Point,
    <P as Operator>::Output: Point,
    <P as Jacobian>::Jacobian: Rows,
{
    fn residual(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        let x = point(x, self.dim)?;
        let residual = self.derivative(&x, self.problem.apply(&x))?;
        Ok(residual.to_vector())
    }

    fn jacobian(&self, x: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        let x = point(x, self.dim)?;
        matrix(&self.derivative(&x, self.problem.jacobian(&x))?)
    }
}
