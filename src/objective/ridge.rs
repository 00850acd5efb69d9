//! The ridge of both papers.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::{Model, check_vector};
use crate::linalg::{RowScaling, mirror_lower};
use crate::scalar::{Scalar, real, to_f64};

/// The ridge ½‖diag(w) A x‖².
///
/// ```text
/// ρ(x) = ½‖diag(w) A x‖²,   ∇ρ = Aᵀ(w²∘A x),   ∇²ρ = Aᵀ diag(w²) A      (R1)
/// ```
///
/// The weights are w, not w². It acts on the fitted values A x, not on the
/// slack: b does not enter.
///
/// # Shapes
/// w has n entries, all finite and not negative.
///
/// # Complexity
/// O(nnz(A)) for value, gradient and products; the Hessian costs one Gram
/// matrix, O(nd²), once.
///
/// Source: the regularisation of arXiv 2404.13785 and arXiv 2408.11267.
#[derive(Debug, Clone)]
pub struct Ridge<T: Scalar> {
    weights: DVector<T>,
    squares: DVector<T>,
}

impl<T: Scalar> Ridge<T> {
    /// Checks the weights against the n rows of a model.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], and [`Error::EntryOutOfRange`]
    /// for a negative weight.
    pub fn new(model: &Model<T>, weights: DVector<T>) -> Result<Self, Error> {
        check_vector("ridge weights", &weights, model.nrows())?;
        if let Some(index) = weights.iter().position(|w| *w < T::zero()) {
            let value = to_f64(weights[index]);
            let range = "at least 0";
            return Err(Error::EntryOutOfRange {
                what: "ridge weights",
                index,
                value,
                range,
            });
        }
        let squares = weights.component_mul(&weights);
        if let Some(index) = squares.iter().position(|w| !w.is_finite()) {
            let value = to_f64(weights[index]);
            let range = "so small that its square is finite";
            return Err(Error::EntryOutOfRange {
                what: "ridge weights",
                index,
                value,
                range,
            });
        }
        Ok(Ridge { weights, squares })
    }

    /// The weights, checked; none where they are all zero, for those
    /// regularise nothing.
    pub(crate) fn effective(
        model: &Model<T>,
        weights: Option<DVector<T>>,
    ) -> Result<Option<DVector<T>>, Error> {
        let ridge = weights.map(|w| Ridge::new(model, w)).transpose()?;
        Ok(ridge
            .map(|r| r.weights)
            .filter(|w| w.iter().any(|w| *w != T::zero())))
    }

    /// w.
    pub fn weights(&self) -> &DVector<T> {
        &self.weights
    }

    pub(crate) fn value(&self, model: &Model<T>, x: &DVector<T>) -> Result<T, Error> {
        Ok(self.residual(model, x)?.norm_squared() * real(0.5))
    }

    /// diag(w) A x, whose halved square is the ridge.
    pub(crate) fn residual(&self, model: &Model<T>, x: &DVector<T>) -> Result<DVector<T>, Error> {
        Ok(model.design().apply(x)?.component_mul(&self.weights))
    }

    /// ∇ρ at x; ∇²ρ·h when given h, for the ridge is quadratic. (R1)
    pub(crate) fn gradient(&self, model: &Model<T>, x: &DVector<T>) -> Result<DVector<T>, Error> {
        let image = model.design().apply(x)?.component_mul(&self.squares);
        model.design().apply_transposed(&image)
    }

    /// w².
    pub(crate) fn squares(&self) -> &DVector<T> {
        &self.squares
    }

    pub(crate) fn hessian(&self, model: &Model<T>) -> Result<DMatrix<T>, Error> {
        let mut hessian = model.design().weighted_gram(&self.weights)?;
        mirror_lower(&mut hessian);
        Ok(hessian)
    }

    /// diag(w) A, the ridge's rows of a Jacobian, below its first `top` rows.
    pub(crate) fn write_jacobian(
        &self,
        model: &Model<T>,
        jacobian: &mut DMatrix<T>,
        top: usize,
    ) -> Result<(), Error> {
        let mut rows = DMatrix::zeros(self.weights.len(), model.dim());
        model.design().read_rows(0, &mut rows)?;
        self.weights.scale_rows(0..self.weights.len(), &mut rows);
        jacobian.rows_mut(top, rows.nrows()).copy_from(&rows);
        Ok(())
    }
}
