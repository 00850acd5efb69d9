//! Signs by a local search from many starts, where enumeration takes too long.
//!
//! ```text
//! minimise Σ ((c_iᵀy)²/ω_i² − 1)²   over y ∈ R^D
//! ```
//! by Levenberg–Marquardt. A misfit that vanishes proves the signs; that no
//! others fit is not proved, but looked for with as many starts again.

use nalgebra::{Cholesky, DMatrix, DVector};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::recover::signs::unsigned::Part;

/// Starts at most. A prototype at d = 10 and n ≥ 2d took 1 to 100; success gets
/// rarer with d: at d = 45, n = 90, none of 463 starts in ten instances each.
const STARTS: usize = 1000;

/// Starts after a success, at least: they look for a second solution.
const AFTER: usize = 8;

/// Steps of one start: a guess, generous beside the few that Newton's end takes.
const STEPS: usize = 60;

/// Multiplications of all starts together: some seconds.
const WORK: f64 = 8e9;

/// Rows per coordinate that a start looks at; all rows judge where it ended.
const ROWS_PER_COORDINATE: usize = 8;

/// What the starts ended at.
pub(crate) struct Retrieved {
    /// Different patterns within the limit, in order of appearance, at most two.
    pub(crate) patterns: Vec<DVector<f64>>,
    pub(crate) starts: usize,
}

/// Patterns whose misfit is at most `limit`. Seeded.
pub(crate) fn retrieve(part: &Part, limit: f64, seed: u64) -> Retrieved {
    let (n, dim) = part.basis.shape();
    let stride = n.div_ceil(ROWS_PER_COORDINATE * dim).max(1);
    let chosen: Vec<usize> = (0..n).step_by(stride).collect();
    let mut c = part.basis.select_rows(&chosen);
    for (mut row, &i) in c.row_iter_mut().zip(&chosen) {
        row.unscale_mut(part.weights[i]);
    }
    let step_work = (chosen.len() * dim * dim + dim * dim * dim) as f64;
    let affordable = (WORK / (step_work * STEPS as f64)) as usize;
    let mut budget = STARTS.min(affordable.max(1));
    let mut rng = StdRng::seed_from_u64(seed);
    let mut patterns: Vec<DVector<f64>> = Vec::new();
    let mut starts = 0;
    while starts < budget {
        starts += 1;
        // Any direction, at the length that the solution has: C is orthonormal.
        let direction = DVector::from_fn(dim, |_, _| {
            let uniform: f64 = (0..12).map(|_| rng.random_range(0.0..1.0)).sum();
            uniform - 6.0
        });
        let y = minimise(&c, direction.normalize() * part.weights.norm());
        let signs = (&part.basis * y).map(|s| if s < 0.0 { -1.0 } else { 1.0 });
        if !(part.misfit(&signs) <= limit) || !part.is_finite(&signs) {
            continue;
        }
        let same = |other: &DVector<f64>| other == &signs || *other == -&signs;
        if patterns.iter().any(same) {
            continue;
        }
        if patterns.is_empty() {
            budget = budget.min(2 * starts + AFTER);
        }
        patterns.push(signs);
        if patterns.len() > 1 {
            break;
        }
    }
    Retrieved { patterns, starts }
}

/// Levenberg–Marquardt on f_i = (c_iᵀy)² − 1.
fn minimise(c: &DMatrix<f64>, mut y: DVector<f64>) -> DVector<f64> {
    // Signs are settled long before rounding.
    const SETTLED: f64 = 1e-6;
    let residual = |p: &DVector<f64>| p.map(|p| p * p - 1.0);
    let mut product = c * &y;
    let mut f = residual(&product);
    let mut damping = 1e-2;
    for _ in 0..STEPS {
        if f.amax() < SETTLED {
            break;
        }
        let mut jacobian = c.clone();
        for (mut row, p) in jacobian.row_iter_mut().zip(product.iter()) {
            row.scale_mut(2.0 * p);
        }
        let gram = jacobian.tr_mul(&jacobian);
        let gradient = jacobian.tr_mul(&f);
        let size = gram.diagonal().mean();
        let mut better = None;
        for _ in 0..8 {
            let mut damped = gram.clone();
            (0..y.len()).for_each(|j| damped[(j, j)] += damping * size);
            if let Some(cholesky) = Cholesky::new(damped) {
                let next = &y - cholesky.solve(&gradient);
                let image = c * &next;
                let g = residual(&image);
                if g.norm() < f.norm() {
                    better = Some((next, image, g));
                    damping = (damping * 0.1).max(1e-14);
                    break;
                }
            }
            damping *= 10.0;
        }
        let Some((next, image, g)) = better else {
            break;
        };
        // Stuck at a point that is none: time for another start.
        let stuck = g.norm() > f.norm() * (1.0 - 1e-5);
        (y, product, f) = (next, image, g);
        if stuck {
            break;
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::super::patterns;
    use super::*;

    /// A random space that contains one vector of signs.
    fn part(n: usize, dim: usize, seed: u64) -> (Part, DVector<f64>) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut c = DMatrix::from_fn(n, dim, |_, _| rng.random_range(-1.0..1.0));
        let signs = DVector::from_fn(n, |_, _| if rng.random_bool(0.5) { 1.0 } else { -1.0 });
        c.set_column(dim - 1, &signs);
        let part = Part {
            rows: (0..n).collect(),
            basis: c.qr().q(),
            offset: true,
            weights: DVector::from_element(n, 1.0),
            unit: 1e-14,
        };
        (part, signs)
    }

    #[test]
    fn the_signs_are_found_at_twice_as_many_rows_as_coordinates() {
        for seed in 0..5 {
            let (part, signs) = part(24, 11, seed);
            let found = retrieve(&part, 1e-12, seed).patterns;
            assert_eq!(found.len(), 1);
            assert!(found[0] == signs || found[0] == -&signs);
        }
    }

    #[test]
    fn enumeration_finds_the_signs_and_no_others() {
        for seed in 0..5 {
            let (part, signs) = part(14, 8, seed);
            let all = patterns::enumerate(&part, 1e-12).expect("full rank");
            assert_eq!((all.count, all.complete), (1, true));
            let found = &all.best[0].1;
            assert!(*found == signs || *found == -&signs);
        }
    }
}
