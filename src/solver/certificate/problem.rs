//! The equation F(x) = 0, in any arithmetic, and what of it is evaluated.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::{Geometry, Model};
use crate::linalg::BlockWalk;
use crate::objective::{
    Barrier, ClosedForm, GradientInversion, GradientLoss, HasHessian, LeverageObjective, Objective,
    Ridge, ScoreInversion, ScoreLoss, Tilt, VolumetricBarrier,
};
use crate::scalar::{Extended, Scalar, count, to_f64, widen};

/// n·d²·(d + 10), up to which everything is evaluated in 237 bits: about a
/// second, at 60 ns a multiply-add and four to five of them. n = 8000 at d = 5,
/// 333 at d = 20.
pub const CERTIFIABLE_WORK: usize = 4_000_000;

/// Which equation F(x) = 0 a certificate is about; the docs of the
/// [module](super) number them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Equation {
    /// g(x) = c, stationarity of V − cᵀx (plus a ridge). (1)
    Gradient,
    /// ∇L_D = 0, with or without a ridge. (2)
    ScoreLoss,
    /// ∇L_G = 0 with a ridge. (3)
    GradientLoss,
}

/// A closed form whose stationarity can be certified.
pub trait HasEquation<T: Scalar>: ClosedForm<T> + Sized {
    /// Which equation, with a ridge or without one.
    fn equation(&self, ridge: bool) -> Equation;

    /// c or τ, on a model of d columns.
    fn equation_target(&self, d: usize) -> DVector<T>;
}

impl<T: Scalar> HasEquation<T> for Barrier {
    fn equation(&self, _: bool) -> Equation {
        Equation::Gradient
    }

    fn equation_target(&self, d: usize) -> DVector<T> {
        DVector::zeros(d)
    }
}

impl<T: Scalar> HasEquation<T> for Tilt<T> {
    fn equation(&self, _: bool) -> Equation {
        Equation::Gradient
    }

    fn equation_target(&self, _: usize) -> DVector<T> {
        self.target().clone()
    }
}

impl<T: Scalar> HasEquation<T> for ScoreLoss<T> {
    fn equation(&self, _: bool) -> Equation {
        Equation::ScoreLoss
    }

    fn equation_target(&self, _: usize) -> DVector<T> {
        self.target().clone()
    }
}

impl<T: Scalar> HasEquation<T> for GradientLoss<T> {
    /// H_V p = 0 means p = 0.
    fn equation(&self, ridge: bool) -> Equation {
        if ridge {
            Equation::GradientLoss
        } else {
            Equation::Gradient
        }
    }

    fn equation_target(&self, _: usize) -> DVector<T> {
        self.target().clone()
    }
}

/// The equation with its data.
pub(super) struct Problem<S: Scalar> {
    pub(super) model: Model<S>,
    pub(super) equation: Equation,
    pub(super) target: DVector<S>,
    pub(super) ridge: Option<DVector<S>>,
}

impl<T: Scalar> Problem<T> {
    /// Of an objective; weights that are all zero are no ridge.
    pub(super) fn of<F: HasEquation<T>>(loss: &LeverageObjective<T, F>) -> Result<Self, Error> {
        let model = loss.model();
        let weights = loss.ridge().map(|r| r.weights().clone());
        let ridge = Ridge::effective(model, weights)?;
        Ok(Problem {
            model: model.clone(),
            equation: loss.form().equation(ridge.is_some()),
            target: loss.form().equation_target(model.dim()),
            ridge,
        })
    }

    /// Whether 237 bits are affordable.
    pub(super) fn is_certifiable(&self) -> bool {
        let (n, d) = (self.model.nrows(), self.model.dim());
        // In f64: the product of two large sizes overflows an integer.
        n as f64 * (d * d) as f64 * (d + 10) as f64 <= CERTIFIABLE_WORK as f64
    }

    /// The same numbers in 237 bits.
    pub(super) fn widened(&self) -> Result<Problem<Extended>, Error> {
        let mut a = DMatrix::zeros(self.model.nrows(), self.model.dim());
        self.model.design().read_rows(0, &mut a)?;
        Ok(Problem {
            model: Model::new(a.map(widen), self.model.rhs().map(widen))?,
            equation: self.equation,
            target: self.target.map(widen),
            ridge: self.ridge.as_ref().map(|w| w.map(widen)),
        })
    }

    pub(super) fn evaluate(&self, x: &DVector<T>) -> Result<Evaluation<T>, Error> {
        let model = &self.model;
        let at = model.at(x)?;
        let target = self.target.clone();
        let (mut gradient, hessian) = match self.equation {
            Equation::Gradient => self.derivatives(VolumetricBarrier::new(model), x)?,
            Equation::ScoreLoss => self.derivatives(ScoreInversion::new(model, target)?, x)?,
            Equation::GradientLoss => {
                self.derivatives(GradientInversion::new(model, target)?, x)?
            }
        };
        let residual = match self.equation {
            Equation::Gradient => {
                gradient -= &self.target;
                DVector::zeros(0)
            }
            Equation::ScoreLoss => at.scores()? - &self.target,
            Equation::GradientLoss => at.score_gradient()? - &self.target,
        };
        // |a_i|ᵀ|x| with b and without.
        let size = x.map(|x| x.abs());
        let fitted = model
            .design()
            .map_blocks(|rows, _, out| out.copy_from_slice((rows.abs() * &size).as_slice()))?;
        let ridge = match &self.ridge {
            None => None,
            Some(w) => {
                let gram = Ridge::new(model, w.clone())?.hessian(model)?;
                Some((gram, w.component_mul(&fitted).norm()))
            }
        };
        Ok(Evaluation {
            rows: model.nrows(),
            x: x.clone(),
            gradient,
            hessian,
            metric: at.metric()?,
            residual,
            target: self.target.clone(),
            cancellation: cancellation(&at, &fitted, model.rhs()),
            ridge,
        })
    }

    /// ‖F(x)‖ alone.
    pub(super) fn gradient_norm(&self, x: &DVector<T>) -> Result<f64, Error> {
        let (model, target) = (&self.model, self.target.clone());
        let gradient = match self.equation {
            Equation::Gradient => {
                let barrier = self.ridged(VolumetricBarrier::new(model))?;
                barrier.gradient(x)? - target
            }
            Equation::ScoreLoss => self
                .ridged(ScoreInversion::new(model, target)?)?
                .gradient(x)?,
            Equation::GradientLoss => self
                .ridged(GradientInversion::new(model, target)?)?
                .gradient(x)?,
        };
        Ok(to_f64(gradient.norm()))
    }

    fn derivatives<F: ClosedForm<T>>(
        &self,
        loss: LeverageObjective<T, F>,
        x: &DVector<T>,
    ) -> Result<(DVector<T>, DMatrix<T>), Error> {
        let loss = self.ridged(loss)?;
        Ok((loss.gradient(x)?, loss.hessian(x)?))
    }

    fn ridged<F: ClosedForm<T>>(
        &self,
        loss: LeverageObjective<T, F>,
    ) -> Result<LeverageObjective<T, F>, Error> {
        match &self.ridge {
            Some(w) => loss.with_ridge(w.clone()),
            None => Ok(loss),
        }
    }
}

/// max_i (|a_i|ᵀ|x| + |b_i|)/|s_i|: by how much the slacks cancel.
fn cancellation<S: Scalar>(at: &Geometry<S>, fitted: &DVector<S>, rhs: &DVector<S>) -> S {
    (0..rhs.len())
        .map(|i| (fitted[i] + rhs[i].abs()) / at.slack()[i].abs())
        .fold(S::one(), S::max)
}

/// F, F' and the sizes that their rounding is judged by, at x.
pub(super) struct Evaluation<S: Scalar> {
    pub(super) rows: usize,
    pub(super) x: DVector<S>,
    /// F.
    pub(super) gradient: DVector<S>,
    /// F'.
    pub(super) hessian: DMatrix<S>,
    /// M = A_xᵀA_x.
    pub(super) metric: DMatrix<S>,
    /// r or p, nothing for (1).
    pub(super) residual: DVector<S>,
    pub(super) target: DVector<S>,
    pub(super) cancellation: S,
    /// AᵀW²A and ‖diag(w)|A||x|‖.
    pub(super) ridge: Option<(DMatrix<S>, S)>,
}

impl<S: Scalar> Evaluation<S> {
    /// The same numbers, or the nearest f64.
    pub(super) fn to_f64(&self) -> Evaluation<f64> {
        let (vector, matrix) = (
            |v: &DVector<S>| v.map(to_f64),
            |m: &DMatrix<S>| m.map(to_f64),
        );
        Evaluation {
            rows: self.rows,
            x: vector(&self.x),
            gradient: vector(&self.gradient),
            hessian: matrix(&self.hessian),
            metric: matrix(&self.metric),
            residual: vector(&self.residual),
            target: vector(&self.target),
            cancellation: to_f64(self.cancellation),
            ridge: self.ridge.as_ref().map(|(g, s)| (matrix(g), to_f64(*s))),
        }
    }

    /// n·d², the number of terms that (C4) counts.
    pub(super) fn terms(&self) -> S {
        let d = self.x.len();
        count::<S>(self.rows) * count(d * d)
    }
}
