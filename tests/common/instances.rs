//! Seeded random instances.

use levinv::{DMatrix, DVector};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A with b and a point whose slacks are known by construction.
pub struct Instance {
    pub a: DMatrix<f64>,
    pub b: DVector<f64>,
    pub x: DVector<f64>,
}

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Standard normal numbers by the polar method.
pub fn normal(rng: &mut StdRng) -> f64 {
    loop {
        let (u, v): (f64, f64) = (rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
        let s = u * u + v * v;
        if s > 0.0 && s < 1.0 {
            return u * (-2.0 * s.ln() / s).sqrt();
        }
    }
}

/// Gaussian rows, a random x (not a fit), slacks |s| log-uniform down to a
/// hundredth of their median, signs positive or mixed.
pub fn random(rng: &mut StdRng, n: usize, d: usize, mixed: bool) -> Instance {
    let a = DMatrix::from_fn(n, d, |_, _| normal(rng));
    let x = DVector::from_fn(d, |_, _| normal(rng));
    let s = DVector::from_fn(n, |_, _| {
        let size = if rng.random_bool(0.2) {
            10f64.powf(rng.random_range(-2.0..0.0))
        } else {
            rng.random_range(0.5..2.0)
        };
        if mixed && rng.random_bool(0.5) {
            -size
        } else {
            size
        }
    });
    let b = &a * &x - s;
    Instance { a, b, x }
}

/// A polytope: Gaussian rows around the origin, every slack there positive,
/// bounded by a box; x is its starting point for hit-and-run.
pub fn polytope(rng: &mut StdRng, n: usize, d: usize) -> Instance {
    let mut a = DMatrix::from_fn(n, d, |_, _| normal(rng));
    let mut b = DVector::from_fn(n, |_, _| -rng.random_range(0.5..1.5));
    for j in 0..d.min(n / 2) {
        // x_j ≥ −3 and −x_j ≥ −3.
        for (row, sign) in [(2 * j, 1.0), (2 * j + 1, -1.0)] {
            a.row_mut(row).fill(0.0);
            a[(row, j)] = sign;
            b[row] = -3.0;
        }
    }
    Instance {
        a,
        b,
        x: DVector::zeros(d),
    }
}

/// Gaussian rows around the origin, every slack there positive, and no box: the
/// cell may be unbounded, so that not every gradient has a solution in it.
pub fn open(rng: &mut StdRng, n: usize, d: usize) -> Instance {
    let a = DMatrix::from_fn(n, d, |_, _| normal(rng));
    let b = DVector::from_fn(n, |_, _| -rng.random_range(0.5..1.5));
    let x = DVector::zeros(d);
    Instance { a, b, x }
}

/// The same cell with its rows in units over eight decades.
pub fn in_other_units(rng: &mut StdRng, mut instance: Instance) -> Instance {
    for i in 0..instance.b.len() {
        let unit = 10f64.powf(rng.random_range(-4.0..4.0));
        instance.a.row_mut(i).scale_mut(unit);
        instance.b[i] *= unit;
    }
    instance
}

/// A point uniform along random chords of the polytope A x > b.
pub fn hit_and_run(rng: &mut StdRng, instance: &Instance, steps: usize) -> DVector<f64> {
    let mut x = instance.x.clone();
    for _ in 0..steps {
        let h = DVector::from_fn(x.len(), |_, _| normal(rng));
        let s = &instance.a * &x - &instance.b;
        let ds = &instance.a * &h;
        let (mut low, mut high) = (-1e3f64, 1e3f64);
        for (s, ds) in s.iter().zip(ds.iter()) {
            let t = -s / ds;
            if *ds < 0.0 {
                high = high.min(t);
            } else if *ds > 0.0 {
                low = low.max(t);
            }
        }
        x += h * rng.random_range(low..high);
    }
    x
}

/// From x along h, this fraction of the way to the boundary of x's cell.
pub fn towards_boundary(
    instance: &Instance,
    x: &DVector<f64>,
    h: &DVector<f64>,
    fraction: f64,
) -> DVector<f64> {
    let s = &instance.a * x - &instance.b;
    let ds = &instance.a * h;
    let t = s
        .iter()
        .zip(ds.iter())
        .map(|(s, ds)| -s / ds)
        .filter(|t| *t > 0.0)
        .fold(1e3f64, f64::min);
    x + h * (t * fraction)
}
