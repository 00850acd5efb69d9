//! Lipschitz constants of F' on a ball, derived in the module's docs.

/// Room for what is below the constants' last shown digit: the frame is
/// orthonormal to 1e-9 only, and the formulas below round in f64.
const MARGIN: f64 = 1.0 + 1e-6;

/// An upper bound of the Lipschitz constant of F' in the local norm at x, on any
/// ball around x. (C3)
///
/// For (3) of F'/tr M; see the [module](super).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Lipschitz(Kind);

#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
enum Kind {
    Gradient,
    /// ‖r‖ at x.
    Scores(f64),
    /// ‖A_x p‖/tr M at x.
    GradientLoss(f64),
}

impl Lipschitz {
    pub(super) fn of_gradient() -> Self {
        Lipschitz(Kind::Gradient)
    }

    pub(super) fn of_scores(residual: f64) -> Self {
        Lipschitz(Kind::Scores(residual))
    }

    pub(super) fn of_gradient_loss(residual: f64) -> Self {
        Lipschitz(Kind::GradientLoss(residual))
    }

    /// K on the ball of radius ρ around x; infinite unless 0 ≤ ρ < 1.
    pub fn on_ball(&self, radius: f64) -> f64 {
        let rho = radius * MARGIN;
        if !(0.0..1.0).contains(&rho) {
            return f64::INFINITY;
        }
        let rest = 1.0 - rho;
        let own = match self.0 {
            Kind::Gradient => 38.0,
            Kind::Scores(residual) => 168.0 + 288.0 * (residual + 2.0 * rho / rest),
            Kind::GradientLoss(residual) => {
                (342.0 / rest + 402.0 * (residual + 3.0 * rho / rest)) / rest
            }
        };
        own / rest.powi(3) * MARGIN
    }
}
