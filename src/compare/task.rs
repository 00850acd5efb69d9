//! A problem to compare solvers on.

use std::fmt;
use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::check_vector;
use crate::objective::{HasHessian, HasHessianProduct, HasJacobian, Objective, RowCurvature};
use crate::solver::FullObjective;

type V = DVector<f64>;

/// A named objective with a start and, where it is known, its least value.
///
/// Clones share the objective.
///
/// ```
/// use levinv::{Functions, compare::Task};
/// use nalgebra::{DVector, dmatrix, dvector};
///
/// let bowl = Functions::new(
///     2,
///     |x: &DVector<f64>| x[0] * x[0] + 3.0 * x[1] * x[1],
///     |x: &DVector<f64>| dvector![2.0 * x[0], 6.0 * x[1]],
/// )
/// .with_hessian(|_: &DVector<f64>| dmatrix![2.0, 0.0; 0.0, 6.0]);
/// let task = Task::second_order("bowl", bowl, dvector![1.0, 1.0])?.least_value(0.0);
/// assert_eq!(task.name(), "bowl");
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Clone)]
pub struct Task {
    name: String,
    family: String,
    objective: Arc<dyn FullObjective<f64>>,
    start: V,
    least: Option<f64>,
}

impl Task {
    /// An objective with Hessian, products and residual.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::NonFinite`] for the start.
    pub fn new(
        name: impl Into<String>,
        objective: impl FullObjective<f64> + 'static,
        start: V,
    ) -> Result<Self, Error> {
        check_vector("start", &start, objective.dim())?;
        let name = name.into();
        Ok(Task {
            family: name.clone(),
            name,
            objective: Arc::new(objective),
            start,
            least: None,
        })
    }

    /// An objective with a Hessian. Products are made with it; solvers that need a
    /// residual are not applicable.
    ///
    /// Any argmin problem is one through
    /// [`ArgminObjective`](crate::adapter::ArgminObjective).
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn second_order(
        name: impl Into<String>,
        objective: impl HasHessian<f64> + Send + Sync + 'static,
        start: V,
    ) -> Result<Self, Error> {
        Task::new(name, SecondOrder(objective), start)
    }

    /// An objective with value and gradient alone; solvers that need more are not
    /// applicable.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn first_order(
        name: impl Into<String>,
        objective: impl Objective<f64> + Send + Sync + 'static,
        start: V,
    ) -> Result<Self, Error> {
        Task::new(name, SecondOrder(FirstOrder(objective)), start)
    }

    /// Groups problems of one kind, for the tables; by default each is its own.
    #[must_use]
    pub fn family(mut self, family: impl Into<String>) -> Self {
        self.family = family.into();
        self
    }

    /// The least value that f has, or the best that is known. Without it, the best
    /// that any of the compared solvers finds counts, and [`advice`](super::advice())
    /// says so; one that is not finite is none.
    #[must_use]
    pub fn least_value(mut self, value: f64) -> Self {
        self.least = Some(value).filter(|v| v.is_finite());
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The family.
    pub fn family_name(&self) -> &str {
        &self.family
    }

    /// The objective.
    pub fn objective(&self) -> &Arc<dyn FullObjective<f64>> {
        &self.objective
    }

    /// Where every solver starts.
    pub fn start(&self) -> &V {
        &self.start
    }

    /// The least value, where it is known.
    pub fn least(&self) -> Option<f64> {
        self.least
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name)
            .field("family", &self.family)
            .field("dim", &self.start.len())
            .field("least", &self.least)
            .finish_non_exhaustive()
    }
}

/// Value and gradient.
struct FirstOrder<O>(O);

/// The same with a Hessian.
struct SecondOrder<O>(O);

macro_rules! forward_objective {
    ($wrapper:ident) => {
        impl<O: Objective<f64>> Objective<f64> for $wrapper<O> {
            fn dim(&self) -> usize {
                self.0.dim()
            }

            fn value(&self, x: &V) -> Result<f64, Error> {
                self.0.value(x)
            }

            fn gradient(&self, x: &V) -> Result<V, Error> {
                self.0.gradient(x)
            }

            fn largest_step(&self, x: &V, step: &V) -> Result<Option<f64>, Error> {
                self.0.largest_step(x, step)
            }

            fn metric(&self, x: &V) -> Result<Option<DMatrix<f64>>, Error> {
                self.0.metric(x)
            }

            fn row_curvature(&self, x: &V) -> Result<Option<RowCurvature<f64>>, Error> {
                self.0.row_curvature(x)
            }
        }
    };
}

forward_objective!(FirstOrder);
forward_objective!(SecondOrder);

impl<O: Objective<f64>> HasHessian<f64> for FirstOrder<O> {
    fn hessian(&self, _: &V) -> Result<DMatrix<f64>, Error> {
        Err(Error::NotOffered { what: "Hessian" })
    }
}

impl<O: HasHessian<f64>> HasHessian<f64> for SecondOrder<O> {
    fn hessian(&self, x: &V) -> Result<DMatrix<f64>, Error> {
        self.0.hessian(x)
    }
}

impl<O: HasHessian<f64>> HasHessianProduct<f64> for SecondOrder<O> {
    fn hessian_product(&self, x: &V, h: &V) -> Result<V, Error> {
        Ok(self.0.hessian(x)? * h)
    }
}

impl<O: Objective<f64>> HasJacobian<f64> for SecondOrder<O> {
    fn residual(&self, _: &V) -> Result<V, Error> {
        Err(Error::NotOffered { what: "residual" })
    }

    fn jacobian(&self, _: &V) -> Result<DMatrix<f64>, Error> {
        Err(Error::NotOffered { what: "Jacobian" })
    }
}
