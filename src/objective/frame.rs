//! Coordinates in which a metric is the identity.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::linalg::SparseMetric;
use crate::scalar::{Scalar, real};

/// Natural coordinates z, with step = S z and SᵀMS = I for a metric M; the
/// plain ones where there is no metric.
#[derive(Debug, Clone)]
pub(crate) struct Frame<T: Scalar>(Basis<T>);

#[derive(Debug, Clone)]
enum Basis<T: Scalar> {
    Plain,
    /// S and L with M = LLᵀ, S = L⁻ᵀ.
    Dense(DMatrix<T>, DMatrix<T>),
    Sparse(SparseMetric<T>),
}

impl<T: Scalar> Frame<T> {
    /// Of a metric, d×d positive definite; of its diagonal where rounding has
    /// made it indefinite. O(d³).
    pub(crate) fn new(metric: Option<DMatrix<T>>) -> Self {
        let bases = metric.and_then(|m| {
            let diagonal = || Cholesky::new(DMatrix::from_diagonal(&m.diagonal()));
            let lower = Cholesky::new(m.clone()).or_else(diagonal)?.unpack();
            let d = m.nrows();
            let basis = lower.tr_solve_lower_triangular(&DMatrix::identity(d, d))?;
            let sound = basis.iter().all(|v| v.is_finite());
            sound.then_some((basis, lower))
        });
        Frame(bases.map_or(Basis::Plain, |(s, l)| Basis::Dense(s, l)))
    }

    /// By a sparse factor, whose lengths nobody asks for.
    pub(crate) fn sparse(metric: SparseMetric<T>) -> Self {
        Frame(Basis::Sparse(metric))
    }

    /// Whether there is a metric.
    pub(crate) fn is_natural(&self) -> bool {
        !matches!(self.0, Basis::Plain)
    }

    /// S z.
    pub(crate) fn step(&self, z: &DVector<T>) -> DVector<T> {
        match &self.0 {
            Basis::Dense(basis, _) => basis * z,
            Basis::Sparse(metric) => metric.step(z),
            Basis::Plain => z.clone(),
        }
    }

    /// Sᵀ v, the coordinates of a gradient.
    pub(crate) fn gradient(&self, v: DVector<T>) -> DVector<T> {
        match &self.0 {
            Basis::Dense(basis, _) => basis.tr_mul(&v),
            Basis::Sparse(metric) => metric.gradient(&v),
            Basis::Plain => v,
        }
    }

    /// Sᵀ H S, symmetric.
    pub(crate) fn form(&self, h: DMatrix<T>) -> DMatrix<T> {
        let form = match &self.0 {
            Basis::Dense(basis, _) => basis.tr_mul(&(h * basis)),
            Basis::Sparse(metric) => by_columns(metric, &by_columns(metric, &h).transpose()),
            Basis::Plain => return h,
        };
        (&form + form.transpose()) * real::<T>(0.5)
    }

    /// J S, the coordinates of a Jacobian.
    pub(crate) fn jacobian(&self, j: DMatrix<T>) -> DMatrix<T> {
        match &self.0 {
            Basis::Dense(basis, _) => j * basis,
            Basis::Sparse(metric) => by_columns(metric, &j.transpose()).transpose(),
            Basis::Plain => j,
        }
    }

    /// How long a step from x is: in the metric, where 1 reaches the boundary of
    /// the domain at the earliest, else relative to ‖x‖.
    pub(crate) fn length(&self, x: &DVector<T>, step: &DVector<T>) -> T {
        match &self.0 {
            Basis::Dense(_, lower) => lower.tr_mul(step).norm(),
            _ if x.amax() > T::zero() => step.norm() / x.norm(),
            _ => step.norm(),
        }
    }
}

/// Sᵀ M.
fn by_columns<T: Scalar>(metric: &SparseMetric<T>, m: &DMatrix<T>) -> DMatrix<T> {
    let mut out = m.clone();
    for mut column in out.column_iter_mut() {
        let image = metric.gradient(&column.clone_owned());
        column.copy_from(&image);
    }
    out
}
