//! What a certificate says.

use std::fmt;

use nalgebra::DVector;

use super::analysis::{Analysis, Evaluated, Rounding, evaluated, smallest_eigenvalue, up};
use super::problem::{Equation, Evaluation, HasEquation, Problem};
use super::{Lipschitz, kantorovich::Balls};
use crate::error::Error;
use crate::objective::LeverageObjective;
use crate::scalar::{Extended, Scalar, epsilon, to_f64};

/// A number and a bound on its error.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Bounded {
    /// The number as computed.
    pub value: f64,
    /// It is off by no more than this.
    pub error: f64,
}

impl Bounded {
    pub(super) fn new<U: Scalar>(value: U, error: U) -> Self {
        let nearest = to_f64(value);
        Bounded {
            value: nearest,
            error: up(error) + nearest.abs() * f64::EPSILON,
        }
    }
}

/// The constants that the theorem was applied to; see the [module](super).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Constants {
    /// β ≥ ‖J⁻¹‖.
    pub beta: f64,
    /// η ≥ ‖J⁻¹F̃‖.
    pub eta: f64,
    /// K on any ball around x.
    pub lipschitz: Lipschitz,
}

/// Why nothing could be proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Reason {
    /// h is not below ½: x is not near enough to a solution, or the Hessian too
    /// nearly singular.
    TooFar,
    /// The Hessian cannot be told from a singular one.
    Singular,
    /// Rounding, even in 237 bits, hides too much.
    Rounding,
    /// The Gram matrix is sparse and d above 1000: the Hessian is not made, and
    /// nothing of it is known.
    TooLarge,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::TooFar => "x is too far from a solution for the curvature there",
            Reason::Singular => "the Hessian cannot be told from a singular one",
            Reason::Rounding => "rounding hides too much",
            Reason::TooLarge => "too large for the d×d Hessian that a proof takes",
        })
    }
}

/// What is proved. Distances are in the local norm ‖A_x h‖, which bounds every
/// relative change of a slack, and for each coordinate of x.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Verdict {
    /// An exact solution lies within `radius` of x, and no other within
    /// `unique_within`.
    Certified {
        /// βηK; below ½.
        h: f64,
        /// How far off the solution may be.
        radius: f64,
        /// Within this there is no other one.
        unique_within: f64,
        /// |x_j − x*_j| is at most this.
        per_coordinate: Vec<f64>,
        /// ‖x − x*‖/‖x‖ is at most this; infinite at x = 0.
        relative: f64,
    },
    /// Nothing is proved.
    NotCertified {
        /// Why.
        reason: Reason,
        /// βηK, where it was computed: a lower bound of what is ½ or more.
        h: Option<f64>,
    },
    /// The instance is too large for 237 bits: the same figures, with rounding
    /// estimated. They prove nothing.
    Estimate {
        /// βηK.
        h: f64,
        /// How far off the solution seems to be.
        radius: f64,
        /// The same for each coordinate.
        per_coordinate: Vec<f64>,
        /// The same for ‖x − x*‖/‖x‖.
        relative: f64,
    },
}

/// What is proved about a point as a solution of an [`Equation`].
///
/// # Shapes
/// x d; `per_coordinate` d entries. Figures are f64 whatever T is, rounded
/// outwards. f32 and f64 are exact in 237 bits; of a dual number the real part
/// counts.
///
/// # Errors
/// [`Error::OutsideDomain`] and [`Error::ZeroSlack`] where F is not defined at
/// x; shapes and NaN by place; those of reading the rows.
///
/// # Complexity
/// O(nd³) in 237 bits: 5 ms at n = 120, d = 4. See [`CERTIFIABLE_WORK`](super::CERTIFIABLE_WORK).
/// Where [`Model::avoids_squares`](crate::Model::avoids_squares) nothing is tried:
/// [`Reason::TooLarge`], with ‖F(x)‖ alone.
///
/// # Example
/// [Module](super).
///
/// # Source
/// [Module](super#source).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Certificate {
    /// The equation.
    pub equation: Equation,
    /// Whether a ridge belongs to it.
    pub ridge: bool,
    /// ‖F(x)‖, in x's own coordinates.
    pub gradient_norm: f64,
    /// The smallest eigenvalue of F'(x), the Hessian in x's own coordinates; in
    /// an estimate its error is one too. None where it was not computable.
    pub smallest_eigenvalue: Option<Bounded>,
    /// β, η, K; none where F' cannot be inverted.
    pub constants: Option<Constants>,
    /// What is proved.
    pub verdict: Verdict,
}

impl Certificate {
    /// For a stationary point of a loss, or of a barrier:
    /// [`ScoreInversion`](crate::ScoreInversion),
    /// [`GradientInversion`](crate::GradientInversion) (without a ridge that is
    /// g(x) = c itself), [`TiltedBarrier`](crate::TiltedBarrier) or
    /// [`VolumetricBarrier`](crate::VolumetricBarrier).
    ///
    /// # Errors
    /// See [`Certificate`].
    pub fn of<T: Scalar, F: HasEquation<T>>(
        loss: &LeverageObjective<T, F>,
        x: &DVector<T>,
    ) -> Result<Self, Error> {
        let problem = checked(loss, x)?;
        if loss.model().avoids_squares() {
            return Ok(Certificate {
                equation: problem.equation,
                ridge: problem.ridge.is_some(),
                gradient_norm: problem.gradient_norm(x)?,
                smallest_eigenvalue: None,
                constants: None,
                verdict: Verdict::NotCertified {
                    reason: Reason::TooLarge,
                    h: None,
                },
            });
        }
        Ok(match evaluated(&problem, x)? {
            Evaluated::Exactly(e) => Self::bounded(&problem, &e),
            Evaluated::Roughly(e, unit) => Self::estimated(&problem, &e, unit),
        })
    }

    fn bounded<T: Scalar>(problem: &Problem<T>, e: &Evaluation<Extended>) -> Self {
        let rounding = (Rounding::Bounded, epsilon::<Extended>());
        let analysis = Analysis::new(problem.equation, e, rounding);
        let verdict = match analysis.as_ref().map(|a| (a, a.balls())) {
            Err(&reason) => Verdict::NotCertified { reason, h: None },
            Ok((_, Err(h))) => Verdict::NotCertified {
                reason: Reason::TooFar,
                h: Some(h),
            },
            Ok((analysis, Ok(balls))) => {
                let (per_coordinate, relative) = distances(analysis, &balls, e);
                Verdict::Certified {
                    h: balls.h,
                    radius: balls.radius,
                    unique_within: balls.unique,
                    per_coordinate,
                    relative,
                }
            }
        };
        Self::with(problem, e, rounding, (analysis.ok().as_ref(), verdict))
    }

    fn estimated<T: Scalar>(problem: &Problem<T>, e: &Evaluation<f64>, unit: f64) -> Self {
        let rounding = (Rounding::Estimated, unit);
        let analysis = Analysis::new(problem.equation, e, rounding);
        let verdict = match &analysis {
            Err(reason) => Verdict::NotCertified {
                reason: *reason,
                h: None,
            },
            Ok(analysis) => {
                // Where the theorem does not apply, the step of Newton remains, if
                // it stays where it means something: no slack changes sign.
                let step = |h| Balls {
                    h,
                    radius: analysis.eta,
                    unique: analysis.eta,
                    lipschitz: 0.0,
                };
                let balls = analysis.balls().unwrap_or_else(step);
                if balls.radius < 1.0 {
                    let (per_coordinate, relative) = distances(analysis, &balls, e);
                    Verdict::Estimate {
                        h: balls.h,
                        radius: balls.radius,
                        per_coordinate,
                        relative,
                    }
                } else {
                    Verdict::NotCertified {
                        reason: Reason::TooFar,
                        h: Some(balls.h),
                    }
                }
            }
        };
        Self::with(problem, e, rounding, (analysis.ok().as_ref(), verdict))
    }

    fn with<T: Scalar, U: Scalar>(
        problem: &Problem<T>,
        e: &Evaluation<U>,
        rounding: (Rounding, U),
        (analysis, verdict): (Option<&Analysis<U>>, Verdict),
    ) -> Self {
        Certificate {
            equation: problem.equation,
            ridge: problem.ridge.is_some(),
            gradient_norm: to_f64(e.gradient.norm()),
            smallest_eigenvalue: smallest_eigenvalue(problem.equation, e, rounding),
            constants: analysis.map(|a| Constants {
                beta: a.beta,
                eta: a.eta,
                lipschitz: a.lipschitz,
            }),
            verdict,
        }
    }

    /// Whether an exact solution near x is proved.
    pub fn is_certified(&self) -> bool {
        matches!(self.verdict, Verdict::Certified { .. })
    }

    /// Whether that solution is proved to be a strict local minimum.
    pub fn is_minimum(&self) -> bool {
        let positive = |e: Bounded| e.value > e.error;
        self.is_certified() && self.smallest_eigenvalue.is_some_and(positive)
    }
}

/// x in the domain of the loss.
pub(super) fn checked<T: Scalar, F: HasEquation<T>>(
    loss: &LeverageObjective<T, F>,
    x: &DVector<T>,
) -> Result<Problem<T>, Error> {
    let slack = loss.model().slack(x)?;
    if let Some(row) = loss.domain().violation(&slack) {
        let slack = to_f64(slack[row]);
        return Err(Error::OutsideDomain { row, slack });
    }
    Problem::of(loss)
}

fn distances<U: Scalar>(
    analysis: &Analysis<U>,
    balls: &Balls,
    e: &Evaluation<U>,
) -> (Vec<f64>, f64) {
    let each = analysis.per_coordinate(balls);
    // Over the largest first: squares of 1e-160 are zero.
    let largest = each.iter().fold(0.0f64, |m, &v| m.max(v));
    let ratio = each
        .iter()
        .map(|v| (v / largest).powi(2))
        .sum::<f64>()
        .sqrt();
    let relative = largest * ratio / to_f64(e.x.norm()) * (1.0 + 1e-12);
    (each, relative)
}

impl fmt::Display for Equation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Equation::Gradient => "g(x) = c",
            Equation::ScoreLoss => "∇L_D = 0",
            Equation::GradientLoss => "∇L_G = 0",
        })
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ridge = if self.ridge { " with ridge" } else { "" };
        let (equation, norm) = (self.equation, self.gradient_norm);
        write!(f, "{equation}{ridge}: off by {norm:.1e}")?;
        if let Some(Bounded { value, error }) = self.smallest_eigenvalue {
            write!(
                f,
                ", smallest eigenvalue of the Hessian {value:.3e} ± {error:.0e}"
            )?;
        }
        writeln!(f)?;
        match &self.verdict {
            Verdict::Certified {
                h,
                radius,
                unique_within,
                per_coordinate,
                relative,
            } => {
                let what = if self.is_minimum() {
                    "minimum"
                } else {
                    "solution"
                };
                write!(f, "certified (h = {h:.0e}): an exact {what} lies within ")?;
                if *relative < 0.1 {
                    writeln!(f, "{relative:.1e} ‖x‖,")?;
                } else {
                    // About 0 nothing is near, relatively.
                    let largest = per_coordinate.iter().fold(0.0f64, |m, &v| m.max(v));
                    writeln!(f, "{largest:.1e} in every entry,")?;
                }
                write!(
                    f,
                    "slacks to {radius:.1e}, relatively; no other where they change by less than {unique_within:.0e}"
                )
            }
            Verdict::NotCertified { reason, h } => {
                write!(f, "not certified: {reason}")?;
                match h {
                    Some(h) => write!(f, " (h = {h:.0e}, must be below 0.5)"),
                    None => Ok(()),
                }
            }
            Verdict::Estimate {
                radius, relative, ..
            } => write!(
                f,
                "estimate, not proved (too large for 237 bits): a solution within {relative:.1e} ‖x‖, slacks to {radius:.1e}"
            ),
        }
    }
}
