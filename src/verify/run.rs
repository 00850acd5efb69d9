//! Gathers at every point what the formula says and what the oracles say.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::compare::At;
use super::estimate::{Estimate, Wide};
use super::noise::is_extended;
use super::report::{Check, Oracle, Taylor};
use super::site::Site;
use super::taylor;
use super::terms::WideTerm;
use super::verification::Parts;
use crate::error::Error;
use crate::scalar::{Extended, Scalar};

/// Parameters up to which a definition is differentiated entry by entry; beyond, and
/// where its [`work`](super::Definition::work) is too much, along one or two random
/// directions.
pub const FULL_DIMENSION: usize = 12;

/// One oracle's word on one quantity at one point.
pub(crate) struct Comparison {
    pub(crate) check: Check,
    pub(crate) oracle: Oracle,
    pub(crate) point: usize,
    pub(crate) found: Estimate,
    pub(crate) expected: Estimate,
    /// What makes entries comparable with one another: gradients times lengths.
    pub(crate) units: Wide,
    /// What entries would be of the order of, were they not zero: for a gradient
    /// |f|, for a Hessian ∇f, in the same units.
    pub(crate) natural: Extended,
    /// Values along random directions instead of entries.
    pub(crate) along: bool,
    /// The check that this oracle takes for granted.
    pub(crate) rests_on: Option<Check>,
}

/// The terms of what a check is about, at one point.
pub(crate) struct TermsAt {
    pub(crate) check: Check,
    pub(crate) point: usize,
    pub(crate) terms: Vec<WideTerm>,
}

/// A derivative that is no number where the value is one.
pub(crate) struct Broken {
    pub(crate) check: Check,
    pub(crate) point: usize,
    pub(crate) at: usize,
    pub(crate) rows: usize,
    pub(crate) value: f64,
}

/// Everything that verdicts are made of.
#[derive(Default)]
pub(crate) struct Gathered {
    /// In the order in which checks rest on one another.
    pub(crate) checks: Vec<Check>,
    /// Whether the formula rounds so coarsely that it can explain a discrepancy.
    pub(crate) rounds: bool,
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) terms: Vec<TermsAt>,
    /// Checks for which a point lay outside the domain, or on its edge.
    pub(crate) outside: Vec<Check>,
    pub(crate) broken: Vec<Broken>,
    pub(crate) taylor: Option<Taylor>,
    pub(crate) points: usize,
}

pub(crate) fn gather<T: Scalar>(parts: &Parts<'_, T>) -> Result<Gathered, Error> {
    let mut out = Gathered {
        checks: asked_for(parts),
        rounds: !is_extended::<T>(),
        ..Gathered::default()
    };
    let mut rng = StdRng::seed_from_u64(parts.seed);
    let mut points = Vec::new();
    for x in &parts.points {
        points.push(x.clone());
        let site = Site::new(parts, x)?;
        for _ in 0..parts.neighbours {
            points.extend(site.neighbour(&mut rng)?);
        }
    }
    out.points = points.len();
    for (k, x) in points.iter().enumerate() {
        let site = Site::new(parts, x)?;
        let own = StdRng::seed_from_u64(parts.seed.wrapping_add(1 + k as u64));
        At::new(&site, own, k, &mut out).all()?;
        if k == 0 {
            out.taylor = taylor::remainders(&site, &mut rng)?;
        }
    }
    Ok(out)
}

fn asked_for<T: Scalar>(parts: &Parts<'_, T>) -> Vec<Check> {
    let defined = parts.definition.is_some();
    let has_hessian = parts.hessian.is_some();
    [
        (Check::Value, defined),
        (Check::Gradient, true),
        (Check::Hessian, has_hessian),
        (Check::Consistency, has_hessian && parts.differences),
        (Check::Symmetry, has_hessian),
        (Check::Product, parts.product.is_some()),
        (Check::Linearity, parts.product.is_some()),
        (Check::Residual, defined && parts.residual.is_some()),
        (Check::Jacobian, parts.jacobian.is_some()),
        (Check::Third, parts.third.is_some()),
    ]
    .into_iter()
    .filter_map(|(check, asked)| asked.then_some(check))
    .collect()
}
