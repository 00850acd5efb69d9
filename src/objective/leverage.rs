//! What the three leverage-score objectives share: model, domain, ridge, memory.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use nalgebra::{DMatrix, DVector};

use super::{HasHessian, HasHessianProduct, HasJacobian, Objective, Ridge, RowCurvature};
use crate::error::Error;
use crate::geometry::{Domain, Geometry, Model, Signs, check_vector, same_point};
use crate::linalg::SparseMetric;
use crate::scalar::{Scalar, to_f64};

/// A closed form in the geometry at x: the formulas alone, without domain,
/// ridge or memory.
///
/// `State` is what value, gradient and product at one point share beyond the
/// geometry; [`LeverageObjective`] keeps it at the last point.
pub trait ClosedForm<T: Scalar>: Send + Sync {
    /// What is computed once per point.
    type State: Send + Sync;

    /// From the geometry to what all quantities need.
    ///
    /// # Errors
    /// Those of reading the rows, here and below.
    fn state(&self, at: &Geometry<T>) -> Result<Self::State, Error>;

    /// The value.
    ///
    /// # Errors
    /// See [`state`](Self::state).
    fn value(&self, at: &Geometry<T>, state: &Self::State) -> Result<T, Error>;

    /// The gradient.
    ///
    /// # Errors
    /// See [`state`](Self::state).
    fn gradient(&self, at: &Geometry<T>, state: &Self::State) -> Result<DVector<T>, Error>;

    /// The Hessian.
    ///
    /// # Errors
    /// See [`state`](Self::state).
    fn hessian(&self, at: &Geometry<T>, state: &Self::State) -> Result<DMatrix<T>, Error>;

    /// The Hessian times h.
    ///
    /// # Errors
    /// See [`state`](Self::state).
    fn hessian_product(
        &self,
        at: &Geometry<T>,
        state: &Self::State,
        h: &DVector<T>,
    ) -> Result<DVector<T>, Error>;

    /// The residual r; see [`HasJacobian`].
    ///
    /// # Errors
    /// See [`state`](Self::state).
    fn residual(&self, at: &Geometry<T>, state: &Self::State) -> Result<DVector<T>, Error>;

    /// ∂r/∂x.
    ///
    /// # Errors
    /// See [`state`](Self::state).
    fn jacobian(&self, at: &Geometry<T>, state: &Self::State) -> Result<DMatrix<T>, Error>;

    /// The diagonal D of a form A_xᵀ… that is near the Hessian, given on A's own
    /// rows, where the closed form has one.
    ///
    /// # Errors
    /// See [`state`](Self::state).
    fn row_curvature(&self, _at: &Geometry<T>) -> Result<Option<DVector<T>>, Error> {
        Ok(None)
    }

    /// Whether the ridge's residual diag(w)Ax is appended to r (a sum of
    /// squares) or its gradient added to r (an equation ∇f = 0).
    const SUM_OF_SQUARES: bool;
}

/// A closed form `F` on a model, with an explicit domain and, if wanted, the
/// papers' ridge.
///
/// # Domain
/// [`Domain::Free`] unless [`in_cell`](Self::in_cell) says otherwise. Outside
/// it, and where a slack is zero, the value is +∞ and every derivative is
/// [`Error::OutsideDomain`]; nothing is ever NaN.
///
/// # Memory
/// The state at the last point is kept, so that cost, gradient, Hessian and
/// products there, asked for separately as argmin does, cost one
/// factorisation between them.
pub struct LeverageObjective<T: Scalar, F: ClosedForm<T>> {
    model: Model<T>,
    form: F,
    ridge: Option<Ridge<T>>,
    domain: Domain,
    last: Mutex<Option<Arc<Point<T, F>>>>,
}

pub(super) struct Point<T: Scalar, F: ClosedForm<T>> {
    pub(super) geometry: Arc<Geometry<T>>,
    state: F::State,
}

impl<T: Scalar, F: ClosedForm<T>> LeverageObjective<T, F> {
    pub(crate) fn with_form(model: &Model<T>, form: F) -> Self {
        let (ridge, domain, last) = (None, Domain::Free, Mutex::new(None));
        LeverageObjective {
            model: model.clone(),
            form,
            ridge,
            domain,
            last,
        }
    }

    /// Adds the ridge ½‖diag(w)Ax‖². (R1)
    ///
    /// # Errors
    /// Those of [`Ridge::new`].
    pub fn with_ridge(mut self, weights: DVector<T>) -> Result<Self, Error> {
        self.ridge = Some(Ridge::new(&self.model, weights)?);
        Ok(self)
    }

    /// Restricts the domain to the cell in which the slacks have these signs.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one sign a row.
    pub fn in_cell(mut self, signs: Signs) -> Result<Self, Error> {
        signs.check_rows(self.model.nrows())?;
        self.domain = Domain::Cell(signs);
        Ok(self)
    }

    /// Restricts the domain to the cell that x lies in.
    ///
    /// # Errors
    /// Those of [`Model::slack`], and [`Error::ZeroSlack`] on a boundary.
    pub fn in_cell_of(self, x: &DVector<T>) -> Result<Self, Error> {
        let signs = Signs::of(&self.model.slack(x)?)?;
        self.in_cell(signs)
    }

    /// The model (A, b).
    pub fn model(&self) -> &Model<T> {
        &self.model
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The ridge, if there is one.
    pub fn ridge(&self) -> Option<&Ridge<T>> {
        self.ridge.as_ref()
    }

    /// The closed form.
    pub fn form(&self) -> &F {
        &self.form
    }

    /// Geometry and state at x, or why there are none.
    pub(super) fn at(&self, x: &DVector<T>) -> Result<Arc<Point<T, F>>, Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(point) = last.as_ref().filter(|p| same_point(p.geometry.x(), x)) {
            return Ok(Arc::clone(point));
        }
        // Freed first, so that two points never stand in memory together.
        *last = None;
        let outside = |row: usize, slack: T| {
            // Terms that overflow both ways: no number, but far out it is.
            let slack = Some(to_f64(slack)).filter(|s| !s.is_nan());
            let slack = slack.unwrap_or(f64::INFINITY);
            Error::OutsideDomain { row, slack }
        };
        let geometry = self.model.at_checked(x, |first, slack| {
            match self.domain.violation_from(first, slack) {
                None => Ok(()),
                Some(row) => Err(outside(row, slack[row - first])),
            }
        });
        let geometry = geometry.map_err(|error| match error {
            Error::ZeroSlack { row } => self.slack_outside(x, row),
            other => other,
        })?;
        let state = self.form.state(&geometry)?;
        let point = Arc::new(Point { geometry, state });
        *last = Some(Arc::clone(&point));
        Ok(point)
    }
}

impl<T: Scalar, F: ClosedForm<T>> LeverageObjective<T, F> {
    /// A slack that is no number to divide by, told as a place out of the domain.
    fn slack_outside(&self, x: &DVector<T>, row: usize) -> Error {
        match self.model.slack(x) {
            Ok(slack) => Error::OutsideDomain {
                row,
                slack: to_f64(slack[row]),
            },
            Err(error) => error,
        }
    }
}

impl<T: Scalar, F: ClosedForm<T> + Clone> Clone for LeverageObjective<T, F> {
    /// A second objective on the same shared model, with a memory of its own.
    fn clone(&self) -> Self {
        LeverageObjective {
            model: self.model.clone(),
            form: self.form.clone(),
            ridge: self.ridge.clone(),
            domain: self.domain.clone(),
            last: Mutex::new(None),
        }
    }
}

impl<T: Scalar, F: ClosedForm<T> + fmt::Debug> fmt::Debug for LeverageObjective<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeverageObjective")
            .field("model", &self.model)
            .field("form", &self.form)
            .field("ridge", &self.ridge)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl<T: Scalar, F: ClosedForm<T>> Objective<T> for LeverageObjective<T, F> {
    fn dim(&self) -> usize {
        self.model.dim()
    }

    fn value(&self, x: &DVector<T>) -> Result<T, Error> {
        let infinity = || T::one() / T::zero();
        if x.len() == self.dim() && x.iter().any(|x| !x.is_finite()) {
            // A line search that overflowed: no point, but no reason to die.
            return Ok(infinity());
        }
        let point = match self.at(x) {
            Err(Error::OutsideDomain { .. }) => return Ok(infinity()),
            other => other?,
        };
        let mut value = self.form.value(&point.geometry, &point.state)?;
        if let Some(ridge) = &self.ridge {
            value += ridge.value(&self.model, x)?;
        }
        Ok(if value.is_finite() { value } else { infinity() })
    }

    fn gradient(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        let point = self.at(x)?;
        let mut gradient = self.form.gradient(&point.geometry, &point.state)?;
        if let Some(ridge) = &self.ridge {
            gradient += ridge.gradient(&self.model, x)?;
        }
        finite(gradient, &point.geometry)
    }

    fn largest_step(&self, x: &DVector<T>, step: &DVector<T>) -> Result<Option<T>, Error> {
        check_vector("step", step, self.dim())?;
        // A step so long that its image overflows still has an end.
        let size = step.amax();
        if size == T::zero() {
            return Ok(None);
        }
        let change = self.model.design().apply(&(step / size))?;
        let largest = self.domain.largest_step(&self.model.slack(x)?, &change);
        Ok(largest.map(|t| t / size))
    }

    /// A_xᵀA_x: inside its unit ball (Dikin's ellipsoid) no slack changes sign.
    fn metric(&self, x: &DVector<T>) -> Result<Option<DMatrix<T>>, Error> {
        self.at(x)?.geometry.metric().map(Some)
    }

    /// The same where d is above 1000 and the Gram matrix sparse.
    fn sparse_metric(&self, x: &DVector<T>) -> Result<Option<SparseMetric<T>>, Error> {
        if !self.model.avoids_squares() {
            return Ok(None);
        }
        Ok(self.at(x)?.geometry.sparse_metric())
    }

    /// What the closed form knows, and w² of the ridge: where that dominates it
    /// is the whole Hessian up to a small factor. (R1)
    fn row_curvature(&self, x: &DVector<T>) -> Result<Option<RowCurvature<T>>, Error> {
        let own = self.form.row_curvature(&self.at(x)?.geometry)?;
        let ridge = self.ridge.as_ref().map(|r| r.squares().clone());
        let diagonal = match (own, ridge) {
            (Some(own), Some(ridge)) => Some(own + ridge),
            (own, ridge) => own.or(ridge),
        };
        let design = self.model.design().clone();
        Ok(diagonal.map(|diagonal| RowCurvature { design, diagonal }))
    }
}

impl<T: Scalar, F: ClosedForm<T>> HasHessian<T> for LeverageObjective<T, F> {
    fn hessian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error> {
        let point = self.at(x)?;
        let mut hessian = self.form.hessian(&point.geometry, &point.state)?;
        if let Some(ridge) = &self.ridge {
            hessian += ridge.hessian(&self.model)?;
        }
        finite(hessian, &point.geometry)
    }
}

impl<T: Scalar, F: ClosedForm<T>> HasHessianProduct<T> for LeverageObjective<T, F> {
    fn hessian_product(&self, x: &DVector<T>, h: &DVector<T>) -> Result<DVector<T>, Error> {
        check_vector("direction", h, self.dim())?;
        let point = self.at(x)?;
        let mut product = self
            .form
            .hessian_product(&point.geometry, &point.state, h)?;
        if let Some(ridge) = &self.ridge {
            product += ridge.gradient(&self.model, h)?;
        }
        finite(product, &point.geometry)
    }
}

impl<T: Scalar, F: ClosedForm<T>> HasJacobian<T> for LeverageObjective<T, F> {
    fn residual(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        let point = self.at(x)?;
        let residual = self.form.residual(&point.geometry, &point.state)?;
        let residual = match &self.ridge {
            None => residual,
            Some(ridge) if F::SUM_OF_SQUARES => {
                let tail = ridge.residual(&self.model, x)?;
                DVector::from_iterator(
                    residual.len() + tail.len(),
                    residual.iter().chain(tail.iter()).copied(),
                )
            }
            Some(ridge) => residual + ridge.gradient(&self.model, x)?,
        };
        finite(residual, &point.geometry)
    }

    fn jacobian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error> {
        let point = self.at(x)?;
        let jacobian = self.form.jacobian(&point.geometry, &point.state)?;
        let jacobian = match &self.ridge {
            None => jacobian,
            Some(ridge) if F::SUM_OF_SQUARES => {
                let (top, n) = (jacobian.nrows(), self.model.nrows());
                let mut rows = jacobian.resize_vertically(top + n, T::zero());
                ridge.write_jacobian(&self.model, &mut rows, top)?;
                rows
            }
            Some(ridge) => jacobian + ridge.hessian(&self.model)?,
        };
        finite(jacobian, &point.geometry)
    }
}

/// Refuses overflow: the row to blame is the one with the smallest slack.
pub(super) fn finite<T, R, C, S>(
    m: nalgebra::Matrix<T, R, C, S>,
    at: &Geometry<T>,
) -> Result<nalgebra::Matrix<T, R, C, S>, Error>
where
    T: Scalar,
    R: nalgebra::Dim,
    C: nalgebra::Dim,
    S: nalgebra::RawStorage<T, R, C>,
{
    if m.iter().all(|v| v.is_finite()) {
        return Ok(m);
    }
    let row = at.slack().map(|s| s.abs()).imin();
    Err(Error::OutsideDomain {
        row,
        slack: to_f64(at.slack()[row]),
    })
}
