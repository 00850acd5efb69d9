//! Intervals from noisy targets: how often they cover, and how wide they are.

use std::time::Instant;

use levinv::recover::{GradientRecovery, Noise, Recovery, ScoreRecovery, SignKnowledge, Status};
use levinv::{DMatrix, DVector, Model, Signs};
use rand::Rng;
use rand::rngs::StdRng;

use super::instances::{self, Instance, normal};

/// What is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    ScoresAndSigns,
    Scores,
    Gradient,
}

/// How it was spoiled.
#[derive(Debug, Clone, Copy)]
pub enum Spoiled {
    Decimals(u32),
    Deviation(f64),
}

impl Spoiled {
    pub fn noise(self) -> Noise<f64> {
        match self {
            Spoiled::Decimals(k) => Noise::decimals(k),
            Spoiled::Deviation(sd) => Noise::standard_deviation(sd),
        }
        .expect("a sound noise")
    }

    pub fn spoil(self, rng: &mut StdRng, exact: &DVector<f64>) -> DVector<f64> {
        match self {
            Spoiled::Decimals(k) => {
                let unit = 10f64.powi(k as i32);
                exact.map(|v| (v * unit).round() / unit)
            }
            Spoiled::Deviation(sd) => exact.map(|v| v + sd * normal(rng)),
        }
    }
}

/// What many trials came to.
#[derive(Debug, Default)]
pub struct Trials {
    pub trials: usize,
    pub accepted: usize,
    pub refused: Vec<(String, usize)>,
    /// |error| and half-width of each coefficient of the accepted.
    pub pairs: Vec<(f64, f64)>,
    /// ω of each trial that gave intervals, how many covered, of how many.
    pub by_omega: Vec<(f64, usize, usize)>,
    pub seconds: f64,
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Trials {
    pub fn coverage(&self) -> f64 {
        let covered = self.pairs.iter().filter(|(e, w)| e <= w).count();
        covered as f64 / self.pairs.len() as f64
    }

    /// Median half-width over median error, each in units of its own half-width:
    /// coefficients of a thousand instances have a thousand scales, whose mixture
    /// says nothing of an interval.
    pub fn width(&self) -> f64 {
        1.0 / median(self.pairs.iter().map(|(e, w)| e / w).collect())
    }

    /// The same of the bare numbers, mixed as they are.
    pub fn mixed_width(&self) -> f64 {
        let (errors, widths) = self.pairs.iter().copied().unzip();
        median(widths) / median(errors)
    }

    pub fn refusals(&self) -> f64 {
        1.0 - self.accepted as f64 / self.trials as f64
    }

    fn enter(&mut self, found: &Recovery<f64>, truth: &DVector<f64>, instance: &Instance) {
        self.trials += 1;
        let intervals = found.x.as_ref().zip(found.uncertainty.as_ref());
        if let (Some((x, u)), false) = (intervals, found.reason.contains("no x found")) {
            let slack = &instance.a * x - &instance.b;
            let spread = (&instance.a * &u.covariance).component_mul(&instance.a);
            let omega = (0..slack.len())
                .map(|i| spread.row(i).sum().sqrt() / slack[i].abs())
                .fold(0.0, f64::max);
            let errors = (x - truth).abs();
            let covered = (0..x.len()).filter(|&j| errors[j] <= u.half_widths[j]);
            self.by_omega.push((omega, covered.count(), x.len()));
        }
        if let (Status::Recovered, Some((x, u))) = (found.status, intervals) {
            self.accepted += 1;
            let pairs = (x - truth).abs();
            self.pairs
                .extend(pairs.iter().copied().zip(u.half_widths.iter().copied()));
            return;
        }
        let name = match found.status {
            Status::TooNoisy if found.reason.contains("probability") => "misfit".to_string(),
            status => status.to_string(),
        };
        match self.refused.iter_mut().find(|(n, _)| *n == name) {
            Some((_, count)) => *count += 1,
            None => self.refused.push((name, 1)),
        }
    }
}

/// Gaussian rows, regressions with an intercept, a factor with a slope, and
/// columns in mixed units with rows of heavy tails.
pub fn instance(rng: &mut StdRng, kind: usize, n: usize, d: usize) -> Instance {
    match kind % 4 {
        0 => instances::random(rng, n, d, true),
        1 => regression(rng, n, d, |rng, j| if j == 0 { 1.0 } else { normal(rng) }),
        2 => {
            let mut row = 0;
            regression(rng, n, d, move |rng, j| {
                let level = row / d % d;
                row += 1;
                match j {
                    0 => 1.0,
                    1 => normal(rng),
                    j => f64::from(u8::from(level == j)),
                }
            })
        }
        _ => regression(rng, n, d, |rng, j| {
            let unit = 10f64.powi(j as i32 % 5 - 2);
            let tail = normal(rng) / (normal(rng).abs() + 0.3);
            if j == 0 { 1.0 } else { unit * tail }
        }),
    }
}

/// A response with normal errors about a random x, and x the fit to four fifths
/// of it.
fn regression(
    rng: &mut StdRng,
    n: usize,
    d: usize,
    mut entry: impl FnMut(&mut StdRng, usize) -> f64,
) -> Instance {
    let mut a = DMatrix::zeros(n, d);
    for i in 0..n {
        for j in 0..d {
            a[(i, j)] = entry(rng, j);
        }
    }
    let b = DVector::from_fn(n, |i, _| {
        let fitted: f64 = (0..d).map(|j| a[(i, j)] * 0.5).sum();
        fitted + normal(rng)
    });
    let rows: Vec<usize> = (0..n).filter(|_| rng.random_bool(0.8)).collect();
    let svd = a.select_rows(&rows).svd(true, true);
    let x = svd
        .solve(&b.select_rows(&rows), 1e-12)
        .expect("both sides were computed");
    Instance { a, b, x }
}

/// Trials on random instances of all kinds, n 20 to 200, d 2 to 8.
pub fn trials(given: Given, spoiled: Spoiled, count: usize, seed: u64) -> Trials {
    let mut rng = instances::rng(seed);
    let mut out = Trials::default();
    let started = Instant::now();
    let mut kind = 0;
    while out.trials < count {
        let d = rng.random_range(2..=8);
        let n = rng.random_range(20..=200);
        kind += 1;
        if given == Given::Scores && n < d * (d + 3) / 2 + 1 {
            continue;
        }
        let instance = match given {
            // Its cell is bounded: every gradient has a solution.
            Given::Gradient if kind % 2 == 0 => {
                let mut polytope = instances::polytope(&mut rng, n, d);
                polytope.x = instances::hit_and_run(&mut rng, &polytope, 20);
                polytope
            }
            _ => instance(&mut rng, kind / 2, n, d),
        };
        let model = Model::new(instance.a.clone(), instance.b.clone()).expect("full rank");
        let Ok(at) = model.at(&instance.x) else {
            continue;
        };
        let signs = Signs::of(at.slack()).expect("no zero");
        let found = match given {
            Given::Gradient => {
                let exact = at.score_gradient().expect("in memory");
                let target = spoiled.spoil(&mut rng, &exact);
                GradientRecovery::new(&model, target)
                    .expect("finite")
                    .signs(signs)
                    .expect("one a row")
                    .noise(spoiled.noise())
                    .expect("sound")
                    .run()
            }
            _ => {
                let target = spoiled.spoil(&mut rng, at.scores().expect("in memory"));
                let knowledge = if given == Given::Scores {
                    SignKnowledge::Unknown
                } else {
                    SignKnowledge::Known(signs)
                };
                ScoreRecovery::noisy(&model, target, spoiled.noise())
                    .expect("explained by the noise")
                    .signs(knowledge)
                    .expect("one a row")
                    .run()
            }
        };
        out.enter(&found.expect("in memory"), &instance.x, &instance);
    }
    out.seconds = started.elapsed().as_secs_f64();
    out
}
