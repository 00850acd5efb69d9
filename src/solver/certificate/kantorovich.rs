//! The theorem of Newton and Kantorovich on numbers.

use super::Lipschitz;

/// h is asked to stay this far below ½, so that the rounding of 1 − 2h in f64
/// does not matter.
const LARGEST_H: f64 = 0.4999;
/// Room for the rounding of a handful of operations in f64, and for the frame,
/// which is orthonormal to 1e-9.
const MARGIN: f64 = 1.0 + 1e-8;
/// Balls tried for uniqueness: radii ½, ¼, … K grows with the ball, so a
/// smaller one may prove more. Below 2⁻⁶⁰ nothing is left to say.
const HALVINGS: i32 = 60;

/// The balls around x in which F is proved to have exactly one zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Balls {
    pub(super) h: f64,
    /// A zero lies within this,
    pub(super) radius: f64,
    /// and no other within this.
    pub(super) unique: f64,
    /// K on the smaller ball.
    pub(super) lipschitz: f64,
}

/// From β and η, upper bounds both; otherwise h, by which it fails.
pub(super) fn balls(beta: f64, eta: f64, lipschitz: &Lipschitz) -> Result<Balls, f64> {
    // r₋ ≤ 2η whenever there is one: no larger ball is needed.
    let small = 2.0 * eta * MARGIN;
    let at = |rho: f64| {
        let k = lipschitz.on_ball(rho);
        (beta * eta * k * MARGIN, k)
    };
    let (h, k) = at(small);
    if !(small < 1.0 && h <= LARGEST_H) {
        // K has no value beyond 1: say by how much h misses already at K(½).
        return Err(at(small.min(0.5)).0);
    }
    // The smaller root without cancellation.
    let radius = 2.0 * eta / (1.0 + (1.0 - 2.0 * h).sqrt()) * MARGIN;
    let unique_within = |rho: f64| {
        let (h, k) = at(rho);
        let larger = (1.0 + (1.0 - 2.0 * h).max(0.0).sqrt()) / (beta * k);
        (h <= LARGEST_H).then_some(larger.min(rho) / MARGIN)
    };
    let wide = (1..=HALVINGS)
        .map(|k| 0.5f64.powi(k))
        .filter(|&rho| rho > small);
    let unique = wide.filter_map(unique_within).fold(radius, f64::max);
    Ok(Balls {
        h,
        radius,
        unique,
        lipschitz: k,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_radii_are_the_roots() {
        // K = 38(1 + 1e-6)(1 − ρ)⁻³ at ρ = 2η = 2e-4.
        let (beta, eta) = (1.0, 1e-4);
        let found = balls(beta, eta, &Lipschitz::of_gradient()).expect("h = 0.0038");
        let k = found.lipschitz;
        assert!((k - 38.0 * (1.0f64 - 2e-4).powi(-3)).abs() < 1e-3);
        let left = eta + 0.5 * beta * k * found.radius * found.radius - found.radius;
        assert!(left <= 0.0 && left > -1e-11, "{left:e}");
        // Within ρ the larger root is 2/(βK(ρ)) or so: about ρ where 38ρ = 2(1−ρ)³.
        assert!(found.unique > 0.03 && found.unique < 0.05, "{found:?}");
    }

    #[test]
    fn what_is_too_far_or_no_number_proves_nothing() {
        let k = Lipschitz::of_gradient();
        for (beta, eta) in [
            (1.0, 0.02),
            (1e9, 1e-9),
            (1.0, 2.0),
            (f64::NAN, 0.1),
            (1.0, f64::NAN),
            (f64::INFINITY, 1e-300),
        ] {
            assert!(balls(beta, eta, &k).is_err(), "{beta} {eta}");
        }
    }
}
