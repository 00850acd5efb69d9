//! What the papers presuppose of an instance, evaluated on it.

use std::fmt;

use nalgebra::{Cholesky, DMatrix, DVector};

use super::analysis::{Analysis, Evaluated, Frame, Rounding, Sizes, evaluated, symmetric, up};
use super::problem::{Equation, Evaluation, HasEquation};
use super::report::checked;
use super::spectrum::Spectrum;
use crate::error::Error;
use crate::geometry::check_vector;
use crate::objective::LeverageObjective;
use crate::scalar::{Extended, Scalar, epsilon};

/// β*K·‖x₀ − x*‖ must be at most this for Newton's method from x₀: with it every
/// step has r₊ ≤ β*K r² ≤ r/2. Up to ⅔ it would still contract.
pub const GOOD_REGION: f64 = 0.5;

/// What the papers' theorems presuppose: a ridge that dominates, and a start in
/// the region where Newton's method converges.
///
/// Their abstracts were at hand, in which the ridge makes the Hessian positive
/// definite and the start is close enough to x*; how close, and what follows, is
/// derived here.
///
/// # Errors
/// As for [`Certificate`](super::Certificate), for either point.
///
/// # Complexity
/// That of three certificates.
///
/// # Example
/// ```
/// use levinv::solver::certificate::Assumptions;
/// use levinv::{GradientInversion, Model};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0; -1.0], dvector![-1.0, -1.0])?;
/// let loss = GradientInversion::new(&model, dvector![0.0])?;
/// // The centre of an interval is at 0.
/// let near = Assumptions::of(&loss, &dvector![1e-3], Some(&dvector![0.0]))?;
/// assert!(near.newton.is_some_and(|newton| newton.holds()));
/// let far = Assumptions::of(&loss, &dvector![0.5], Some(&dvector![0.0]))?;
/// assert!(far.newton.is_some_and(|newton| !newton.holds()));
/// # Ok::<(), levinv::Error>(())
/// ```
///
/// # Source
/// arXiv 2404.13785 and arXiv 2408.11267 for the assumptions.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Assumptions {
    /// Whether the ridge dominates at x; none without a ridge.
    pub dominance: Option<Dominance>,
    /// Whether Newton's method converges from x; none where the solution given
    /// is not certified, or none was given.
    pub newton: Option<NewtonRegion>,
    /// Whether the figures are bounds; estimates else, as in
    /// [`Verdict::Estimate`](super::Verdict::Estimate).
    pub proved: bool,
}

/// The smallest ε with −ε AᵀW²A ⪯ ∇²L ⪯ ε AᵀW²A at x, L without the ridge.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Dominance {
    /// ε, rounded up; infinite where AᵀW²A is singular.
    pub epsilon: f64,
    /// The smallest eigenvalue of ∇²L relative to AᵀW²A, rounded down.
    pub smallest: f64,
}

impl Dominance {
    /// ε < 1: (1 − ε)AᵀW²A ⪯ ∇²(L + ρ) ⪯ (1 + ε)AᵀW²A, the papers' assumption.
    pub fn holds(&self) -> bool {
        self.epsilon < 1.0
    }

    /// Whether ∇²(L + ρ) is positive definite, for which −AᵀW²A ≺ ∇²L is enough.
    pub fn is_definite(&self) -> bool {
        self.smallest > -1.0
    }
}

/// Newton's method from x₀ towards the exact solution x* near a certified point.
///
/// Let F' have Lipschitz constant K where the iterates go, and ‖F'(x*)⁻¹‖ ≤ β*,
/// in the local norm. With r = ‖x_t − x*‖, F'(x_t) has an inverse of size at most
/// β*/(1 − β*Kr) and x_{t+1} − x* = F'(x_t)⁻¹(F'(x_t)e − F(x_t) + F(x*)), e = x_t − x*,
/// the bracket being ½Kr² at most:
///
/// ```text
/// β*K‖x₀ − x*‖ ≤ ½   ⇒   r_{t+1} ≤ β*K r_t² ≤ ½ r_t
/// ```
///
/// x* itself is known to its certificate's radius, which is allowed for:
/// β* = β/(1 − βK·radius).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NewtonRegion {
    /// ‖x₀ − x*‖ in the local norm at the solution, at most.
    pub distance: f64,
    /// β*.
    pub beta: f64,
    /// K on the ball that holds x₀, x* and all iterates; infinite where that is
    /// not inside the unit ball, and slacks may change sign.
    pub lipschitz: f64,
    /// β*K times the distance.
    pub product: f64,
}

impl NewtonRegion {
    /// Whether the product is at most [`GOOD_REGION`].
    pub fn holds(&self) -> bool {
        self.product <= GOOD_REGION
    }
}

impl Assumptions {
    /// At x, and for Newton's method from x to the solution.
    ///
    /// # Errors
    /// See [`Assumptions`].
    pub fn of<T: Scalar, F: HasEquation<T>>(
        loss: &LeverageObjective<T, F>,
        x: &DVector<T>,
        solution: Option<&DVector<T>>,
    ) -> Result<Self, Error> {
        let problem = checked(loss, x)?;
        let (dominance, proved) = match evaluated(&problem, x)? {
            Evaluated::Exactly(e) => {
                let rounding = (Rounding::Bounded, epsilon::<Extended>());
                (dominance(problem.equation, &e, rounding), true)
            }
            Evaluated::Roughly(e, unit) => {
                let rounding = (Rounding::Estimated, unit);
                (dominance(problem.equation, &e, rounding), false)
            }
        };
        let mut newton = None;
        if let Some(solution) = solution {
            check_vector("solution", solution, loss.model().dim())?;
            newton = match evaluated(&checked(loss, solution)?, solution)? {
                Evaluated::Exactly(e) => {
                    let rounding = (Rounding::Bounded, epsilon::<Extended>());
                    let h = x.map(crate::scalar::widen) - &e.x;
                    region(problem.equation, &e, rounding, &h)
                }
                Evaluated::Roughly(e, unit) => {
                    let h = x.map(crate::scalar::to_f64) - &e.x;
                    region(problem.equation, &e, (Rounding::Estimated, unit), &h)
                }
            };
        }
        Ok(Assumptions {
            dominance,
            newton,
            proved,
        })
    }
}

fn dominance<U: Scalar>(
    equation: Equation,
    e: &Evaluation<U>,
    rounding: (Rounding, U),
) -> Option<Dominance> {
    let (gram, _) = e.ridge.as_ref()?;
    // Where nothing can be computed, the ridge is not known to dominate.
    let unknown = Dominance {
        epsilon: f64::INFINITY,
        smallest: f64::NEG_INFINITY,
    };
    let relative = || {
        let d = e.x.len();
        let frame = Frame::new(e, rounding)?;
        let sizes = Sizes::of(equation, e, &frame);
        let lower = Cholesky::new(gram.clone())?.unpack();
        let b = lower.solve_lower_triangular(&DMatrix::identity(d, d))?;
        let own = symmetric(&(&b * (&e.hessian - gram) * b.transpose()));
        let spectrum = Spectrum::of(&own)?;
        let spreads = DVector::from_iterator(d, b.column_iter().map(|c| c.norm()));
        // BGBᵀ = I + E moves eigenvalues by the factor 1 + ‖E‖ at most.
        let frame_error = (&b * gram * b.transpose() - DMatrix::identity(d, d)).norm()
            + frame.rounding * gram.diagonal().map(|g| g.sqrt()).dot(&spreads).powi(2);
        let error = spectrum.error
            + frame.rounding * sizes.hessian(e, &frame.lengths, &spreads)
            + frame_error * (own.norm() + U::one()) * nalgebra::convert(2.0);
        (frame_error < nalgebra::convert(0.5)).then_some(Dominance {
            epsilon: up(spectrum.values.amax() + error),
            smallest: -up(error - spectrum.values.min()),
        })
    };
    Some(relative().unwrap_or(unknown))
}

fn region<U: Scalar>(
    equation: Equation,
    e: &Evaluation<U>,
    rounding: (Rounding, U),
    h: &DVector<U>,
) -> Option<NewtonRegion> {
    let analysis = Analysis::new(equation, e, rounding).ok()?;
    let balls = analysis.balls().ok()?;
    let away = up(analysis.frame.length(h));
    let distance = (away + balls.radius) * (1.0 + 1e-12);
    // Around x*, which is itself off by the radius.
    let lipschitz = analysis.lipschitz.on_ball(distance + balls.radius);
    let lost = analysis.beta * balls.lipschitz * balls.radius;
    let beta = analysis.beta / (1.0 - lost) * (1.0 + 1e-12);
    Some(NewtonRegion {
        distance,
        beta,
        lipschitz,
        product: beta * lipschitz * distance * (1.0 + 1e-12),
    })
}

impl fmt::Display for Assumptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |holds: bool| if holds { "" } else { "not " };
        let seems = if self.proved { "" } else { " (estimated)" };
        match self.dominance {
            None => write!(f, "no ridge")?,
            Some(ridge) => write!(
                f,
                "the ridge does {}dominate: −ε AᵀW²A ⪯ ∇²L ⪯ ε AᵀW²A with ε = {:.2e}; the whole Hessian is {}{seems}",
                not(ridge.holds()),
                ridge.epsilon,
                if ridge.is_definite() {
                    "positive definite"
                } else {
                    "not known to be definite"
                },
            )?,
        }
        match self.newton {
            None => write!(
                f,
                "\nthe region of quadratic convergence is not known: no certified solution was given"
            ),
            Some(newton) => write!(
                f,
                "\nthe start is {}in the region of quadratic convergence: βK‖x₀ − x*‖ = {:.2e}, at most {GOOD_REGION} is asked for{seems}",
                not(newton.holds()),
                newton.product,
            ),
        }
    }
}
