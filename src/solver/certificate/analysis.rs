//! β, η and K from an evaluation, every rounding included.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::Lipschitz;
use super::kantorovich::{Balls, balls};
use super::problem::{Equation, Evaluation, Problem};
use super::report::{Bounded, Reason};
use super::spectrum::Spectrum;
use crate::error::Error;
use crate::scalar::{Extended, Scalar, count, epsilon, real, to_f64, widen};

/// (C4)'s factor: counting would allow some thousand times less.
const ROUNDING_MARGIN: f64 = (1 << 20) as f64;
/// How far the frame may be from orthonormal; the margin of K is a thousand
/// times that.
const FRAME_DEFECT: f64 = 1e-9;

/// How rounding is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// By (C4), as a bound.
    Bounded,
    /// As it usually turns out: ε of the arithmetic times κ.
    Estimated,
}

/// Coordinates in which M is the identity.
pub(super) struct Frame<U: Scalar> {
    /// R⁻ᵀ as computed, lower triangular: z = R h.
    pub(super) to_dual: DMatrix<U>,
    lower: DMatrix<U>,
    /// √M_jj, the lengths of A_x's columns.
    pub(super) lengths: DVector<U>,
    /// √(M⁻¹)_jj: |h_j| is at most that times ‖z‖.
    pub(super) spreads: DVector<U>,
    /// The relative error of (C4).
    pub(super) rounding: U,
}

impl<U: Scalar> Frame<U> {
    pub(super) fn new(e: &Evaluation<U>, (kind, unit): (Rounding, U)) -> Option<Self> {
        let d = e.x.len();
        let lower = Cholesky::new(e.metric.clone())?.unpack();
        let to_dual = lower.solve_lower_triangular(&DMatrix::identity(d, d))?;
        let lengths = e.metric.diagonal().map(|m| m.sqrt());
        let spreads = DVector::from_iterator(d, to_dual.column_iter().map(|c| c.norm()));
        let chi = lengths.component_mul(&spreads).norm_squared();
        let rounding = match kind {
            Rounding::Bounded => {
                real::<U>(ROUNDING_MARGIN) * e.terms() * unit * (chi + e.cancellation)
            }
            Rounding::Estimated => unit * chi.sqrt(),
        };
        let image = &to_dual * &e.metric * to_dual.transpose();
        let defect = (image - DMatrix::identity(d, d)).norm() + rounding * chi;
        let limit = match kind {
            Rounding::Bounded => real(FRAME_DEFECT),
            Rounding::Estimated => real(0.5),
        };
        // `<` also refuses NaN.
        (defect < limit).then_some(Frame {
            to_dual,
            lower,
            lengths,
            spreads,
            rounding,
        })
    }

    /// ‖A_x h‖ to the frame's defect.
    pub(super) fn length(&self, h: &DVector<U>) -> U {
        self.lower.tr_mul(h).norm() * real(1.0 + 2.0 * FRAME_DEFECT)
    }
}

/// What rounding of F and F' is relative to: the sizes of their terms.
pub(super) struct Sizes<U: Scalar> {
    /// An entry each.
    pub(super) gradient: DVector<U>,
    /// F'_jk without the ridge: this times √M_jj √M_kk.
    pub(super) inner: U,
    /// Of p, (3) alone: Σ_j √M_jj times the terms of p_j.
    residual: U,
}

impl<U: Scalar> Sizes<U> {
    pub(super) fn of(equation: Equation, e: &Evaluation<U>, frame: &Frame<U>) -> Self {
        let lengths = &frame.lengths;
        // ‖σ‖ ≤ √d.
        let scores = count::<U>(e.x.len()).sqrt();
        let target = e.target.map(|t| t.abs());
        // The terms of g_j and c_j.
        let barrier = || lengths * scores + &target;
        let (mut gradient, inner, residual) = match equation {
            Equation::Gradient => (barrier(), real(5.0), U::zero()), // (V2, V3)
            Equation::ScoreLoss => {
                // (D3, D4) with |σ − τ| no larger than both together.
                let residual = scores + target.norm();
                let inner = real::<U>(16.0) + residual * real(28.0);
                (lengths * (residual * real(4.0)), inner, U::zero())
            }
            Equation::GradientLoss => {
                // (G2, G3, V4); ‖A_x p‖ ≤ Σ_j √M_jj |p_j|.
                let residual = lengths.dot(&(barrier() + e.residual.abs()));
                let inner = e.metric.trace() * real(25.0) + residual * real(38.0);
                (lengths * (residual * real(5.0)), inner, residual)
            }
        };
        if let Some((gram, fitted)) = &e.ridge {
            gradient += gram.diagonal().map(|g| g.sqrt() * *fitted);
        }
        Sizes {
            gradient,
            inner,
            residual,
        }
    }

    /// Σ_jk |B_j||terms of F'_jk||B_k| for a change of coordinates whose columns
    /// have lengths `by`; an upper bound of the norm.
    pub(super) fn hessian(&self, e: &Evaluation<U>, lengths: &DVector<U>, by: &DVector<U>) -> U {
        let own = lengths.dot(by);
        let ridge = e
            .ridge
            .as_ref()
            .map_or(U::zero(), |(g, _)| g.diagonal().map(|g| g.sqrt()).dot(by));
        self.inner * own * own + ridge * ridge
    }
}

/// Everything that is known at x.
pub(super) struct Analysis<U: Scalar> {
    pub(super) frame: Frame<U>,
    pub(super) beta: f64,
    pub(super) eta: f64,
    pub(super) lipschitz: Lipschitz,
    /// J⁻¹F̃ back in x, by which x is off to first order; and how far off the
    /// computed one may be in the frame.
    step: DVector<U>,
    step_error: f64,
}

/// Upwards, so that a bound stays one.
pub(super) fn up<U: Scalar>(value: U) -> f64 {
    let nearest = to_f64(value);
    nearest + nearest.abs() * (4.0 * f64::EPSILON) + f64::MIN_POSITIVE
}

impl<U: Scalar> Analysis<U> {
    /// Of (1), (2) or (3); `unit` is ε of the arithmetic that F came from.
    pub(super) fn new(
        equation: Equation,
        e: &Evaluation<U>,
        rounding: (Rounding, U),
    ) -> Result<Self, Reason> {
        let frame = Frame::new(e, rounding).ok_or(Reason::Rounding)?;
        let sizes = Sizes::of(equation, e, &frame);
        let (scale, lipschitz) = match equation {
            Equation::Gradient => (U::one(), Lipschitz::of_gradient()),
            Equation::ScoreLoss => {
                let residual = e.residual.norm() + frame.rounding * sizes.inner;
                (U::one(), Lipschitz::of_scores(up(residual)))
            }
            Equation::GradientLoss => {
                let trace = e.metric.trace();
                let square = e.residual.dot(&(&e.metric * &e.residual)).abs();
                let error = frame.rounding * sizes.residual * sizes.residual;
                let size = (square + error).sqrt() / trace;
                (U::one() / trace, Lipschitz::of_gradient_loss(up(size)))
            }
        };
        let b = &frame.to_dual;
        let f = b * &e.gradient * scale;
        let j = symmetric(&(b * &e.hessian * b.transpose() * scale));
        let f_error = frame.rounding * sizes.gradient.dot(&frame.spreads) * scale;
        let j_error = frame.rounding * sizes.hessian(e, &frame.lengths, &frame.spreads) * scale;

        let spectrum = Spectrum::of(&j).ok_or(Reason::Rounding)?;
        let error = spectrum.error + j_error;
        let least = spectrum.least_size() - error;
        if !(least > U::zero()) {
            return Err(Reason::Singular);
        }
        let beta = U::one() / least;
        let n = spectrum.solve(&f);
        // J⁻¹F − n = J⁻¹(F − Jn), its own rounding included.
        let d = e.x.len();
        let products = real::<U>(8.0) * count::<U>(d) * epsilon() * j.norm() * n.norm();
        let off = beta * ((&j * &n - &f).norm() + products + f_error + j_error * n.norm());
        Ok(Analysis {
            beta: up(beta),
            eta: up(n.norm() + off),
            step: b.tr_mul(&n),
            step_error: up(off),
            lipschitz,
            frame,
        })
    }

    /// The theorem's balls, or h.
    pub(super) fn balls(&self) -> Result<Balls, f64> {
        balls(self.beta, self.eta, &self.lipschitz)
    }

    /// How far each entry of x may be from the solution's.
    pub(super) fn per_coordinate(&self, balls: &Balls) -> Vec<f64> {
        let curved = 0.5 * self.beta * balls.lipschitz * balls.radius * balls.radius;
        let rest = (self.step_error + curved) * (1.0 + 1e-12);
        let bound = |(&step, &spread): (&U, &U)| {
            let (step, spread) = (up(step.abs()), up(spread));
            (balls.radius * spread).min(step + rest * spread) * (1.0 + 1e-12)
        };
        self.step
            .iter()
            .zip(self.frame.spreads.iter())
            .map(bound)
            .collect()
    }
}

/// The smallest eigenvalue of F' in x's own coordinates.
pub(super) fn smallest_eigenvalue<U: Scalar>(
    equation: Equation,
    e: &Evaluation<U>,
    rounding: (Rounding, U),
) -> Option<Bounded> {
    let frame = Frame::new(e, rounding)?;
    let ones = DVector::from_element(e.x.len(), U::one());
    let sizes = Sizes::of(equation, e, &frame);
    let spectrum = Spectrum::of(&symmetric(&e.hessian))?;
    let error = spectrum.error + frame.rounding * sizes.hessian(e, &frame.lengths, &ones);
    Some(Bounded::new(spectrum.values.min(), error))
}

/// Rounding leaves a Hessian asymmetric in the last place.
pub(super) fn symmetric<U: Scalar>(m: &DMatrix<U>) -> DMatrix<U> {
    (m.transpose() + m) * real::<U>(0.5)
}

/// The evaluation in 237 bits where that is affordable, in T else.
pub(super) enum Evaluated {
    Exactly(Evaluation<Extended>),
    /// With ε of T.
    Roughly(Evaluation<f64>, f64),
}

pub(super) fn evaluated<T: Scalar>(
    problem: &Problem<T>,
    x: &DVector<T>,
) -> Result<Evaluated, Error> {
    if problem.is_certifiable() {
        return Ok(Evaluated::Exactly(
            problem.widened()?.evaluate(&x.map(widen))?,
        ));
    }
    let unit = to_f64(epsilon::<T>()).max(f64::EPSILON);
    Ok(Evaluated::Roughly(problem.evaluate(x)?.to_f64(), unit))
}
