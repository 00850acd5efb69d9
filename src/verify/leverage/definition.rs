//! What the papers print.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::Model;
use crate::objective::{Barrier, ClosedForm, GradientLoss, LeverageObjective, ScoreLoss};
use crate::scalar::{Extended, Scalar, narrow, real, widen};
use crate::verify::Definition;

/// The definition of one of the crate's objectives, transcribed from the papers
/// with an explicit inverse, and no derivative in it:
///
/// ```text
/// s = A x − b,   A_x = diag(s)⁻¹ A,   M = A_xᵀ A_x
/// V   = ½ log det M
/// L_D = ½ ‖σ − τ‖²,   σ_i = (A_x M⁻¹ A_xᵀ)_ii
/// L_G = ½ ‖g − c‖²,   g = −A_xᵀ σ
/// ρ   = ½ ‖diag(w) A x‖²   added where there is a ridge
/// ```
///
/// # Complexity
/// O(nd²) an evaluation, O(nd) memory.
///
/// ```
/// use levinv::{Model, VolumetricBarrier, verify::{LeverageDefinition, Verification}};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0, 0.0; 0.0, 1.0; -1.0, -1.0; 1.0, -1.0], dvector![0.0, 0.0, -3.0, -2.0])?;
/// let barrier = VolumetricBarrier::new(&model);
/// let definition = LeverageDefinition::of(&barrier)?;
/// let report = Verification::of(&barrier).hessian().product().third().definition(&definition)
///     .at(&dvector![0.5, 1.25])
///     .run()?;
/// report.assert_passed();
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LeverageDefinition {
    a: DMatrix<Extended>,
    b: DVector<Extended>,
    kind: Kind,
    ridge: Option<DVector<Extended>>,
}

/// Which of the three, with its target.
#[derive(Debug, Clone)]
pub enum Kind {
    /// V
    Barrier,
    /// L_D
    Scores(DVector<Extended>),
    /// L_G
    Gradient(DVector<Extended>),
}

/// A closed form whose definition is known.
pub trait HasDefinition<T: Scalar>: ClosedForm<T> {
    /// Which definition.
    fn kind(&self) -> Kind;
}

impl<T: Scalar> HasDefinition<T> for Barrier {
    fn kind(&self) -> Kind {
        Kind::Barrier
    }
}

impl<T: Scalar> HasDefinition<T> for ScoreLoss<T> {
    fn kind(&self) -> Kind {
        Kind::Scores(self.target().map(widen))
    }
}

impl<T: Scalar> HasDefinition<T> for GradientLoss<T> {
    fn kind(&self) -> Kind {
        Kind::Gradient(self.target().map(widen))
    }
}

impl LeverageDefinition {
    /// The definition of what an objective computes, ridge included.
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn of<T: Scalar, F: HasDefinition<T>>(
        objective: &LeverageObjective<T, F>,
    ) -> Result<Self, Error> {
        let model: &Model<T> = objective.model();
        let mut a = DMatrix::zeros(model.nrows(), model.dim());
        model.design().read_rows(0, &mut a)?;
        Ok(LeverageDefinition {
            a: a.map(widen),
            b: model.rhs().map(widen),
            kind: objective.form().kind(),
            ridge: objective.ridge().map(|r| r.weights().map(widen)),
        })
    }

    fn at<S: Scalar>(&self, x: &DVector<S>) -> At<S> {
        let a: DMatrix<S> = self.a.map(narrow);
        let fitted = &a * x;
        let s = &fitted - self.b.map(narrow::<S>);
        let scaled = DMatrix::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] / s[i]);
        At { a, fitted, scaled }
    }
}

/// A, A x and A_x in one arithmetic.
struct At<S: Scalar> {
    a: DMatrix<S>,
    fitted: DVector<S>,
    scaled: DMatrix<S>,
}

impl<S: Scalar> At<S> {
    /// ½ log det M and σ; NaN where M is singular to working precision.
    fn barrier_and_scores(&self) -> (S, DVector<S>) {
        let gram = self.scaled.tr_mul(&self.scaled);
        let nan = real::<S>(f64::NAN);
        let Some(cholesky) = gram.cholesky() else {
            return (nan, DVector::from_element(self.scaled.nrows(), nan));
        };
        let diagonal = cholesky.l_dirty().diagonal();
        let barrier = diagonal.iter().fold(S::zero(), |sum, l| sum + l.ln());
        let image = &self.scaled * cholesky.inverse();
        let score = |i: usize| image.row(i).dot(&self.scaled.row(i));
        (barrier, DVector::from_fn(image.nrows(), |i, _| score(i)))
    }

    fn score_gradient(&self) -> DVector<S> {
        -self.scaled.tr_mul(&self.barrier_and_scores().1)
    }
}

impl Definition for LeverageDefinition {
    fn dim(&self) -> usize {
        self.a.ncols()
    }

    fn work(&self) -> usize {
        // M, and A_x M⁻¹.
        2 * self.a.nrows() * self.a.ncols().pow(2)
    }

    fn value<S: Scalar>(&self, x: &DVector<S>) -> S {
        let at = self.at(x);
        let half = real::<S>(0.5);
        let own = match &self.kind {
            Kind::Barrier => at.barrier_and_scores().0,
            Kind::Scores(target) => {
                (at.barrier_and_scores().1 - target.map(narrow::<S>)).norm_squared() * half
            }
            Kind::Gradient(target) => {
                (at.score_gradient() - target.map(narrow::<S>)).norm_squared() * half
            }
        };
        self.ridge.as_ref().map_or(own, |w| {
            own + at.fitted.component_mul(&w.map(narrow::<S>)).norm_squared() * half
        })
    }

    fn residual<S: Scalar>(&self, x: &DVector<S>) -> Option<DVector<S>> {
        let at = self.at(x);
        let own = match &self.kind {
            Kind::Barrier => at.score_gradient(),
            Kind::Scores(target) => at.barrier_and_scores().1 - target.map(narrow::<S>),
            Kind::Gradient(target) => at.score_gradient() - target.map(narrow::<S>),
        };
        let Some(w) = &self.ridge else {
            return Some(own);
        };
        let w = w.map(narrow::<S>);
        let tail = at.fitted.component_mul(&w);
        if let Kind::Barrier = self.kind {
            // ∇(V + ρ), for V is no sum of squares.
            return Some(own + at.a.tr_mul(&tail.component_mul(&w)));
        }
        let entries = own.iter().chain(tail.iter()).copied();
        Some(DVector::from_iterator(own.len() + tail.len(), entries))
    }
}
