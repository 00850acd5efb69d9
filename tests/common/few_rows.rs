//! Recovery with the signs unknown and few rows: instances and what came of them.

use std::time::{Duration, Instant};

use levinv::recover::{Recovery, ScoreRecovery, Status};
use levinv::{DMatrix, DVector, Model};
use rand::Rng;
use rand::rngs::StdRng;

use super::instances::{Instance, normal, rng};

/// Where A, x and the slacks come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All normal.
    Gaussian,
    /// A uniform and positive, b of any size beside the slacks.
    Positive,
    /// A of small integers, slacks and x generic.
    Integer,
    /// An intercept before normal columns, b a response with noise around it.
    Intercept,
}

pub const KINDS: [Kind; 4] = [
    Kind::Gaussian,
    Kind::Positive,
    Kind::Integer,
    Kind::Intercept,
];

/// A model whose rows are in general position, and a point in it.
pub fn instance(kind: Kind, n: usize, d: usize, seed: u64) -> Instance {
    let mut r = rng(seed);
    loop {
        let instance = draw(kind, n, d, &mut r);
        // Small integers may leave a row that d others do not need, whose score
        // is 1 whatever x: not what is measured here.
        let scores = Model::new(instance.a.clone(), instance.b.clone()).and_then(|model| {
            model
                .at(&instance.x)
                .map(|at| at.scores().expect("in memory").clone())
        });
        if scores.is_ok_and(|scores| scores.max() < 1.0 - 1e-9) {
            return instance;
        }
    }
}

fn draw(kind: Kind, n: usize, d: usize, r: &mut StdRng) -> Instance {
    let a = DMatrix::from_fn(n, d, |_, j| match kind {
        Kind::Gaussian => normal(r),
        Kind::Positive => r.random_range(0.0..1.0),
        Kind::Integer => f64::from(r.random_range(-3..=3)),
        Kind::Intercept if j == 0 => 1.0,
        Kind::Intercept => normal(r),
    });
    let x = DVector::from_fn(d, |_, _| 3.0 * normal(r));
    let s = DVector::from_fn(n, |_, _| normal(r));
    let b = &a * &x - s;
    Instance { a, b, x }
}

/// One recovery.
pub struct Outcome {
    pub found: Recovery<f64>,
    /// Relative to ‖x‖; infinite without a point.
    pub error: f64,
    pub time: Duration,
}

pub fn recover(instance: &Instance, seed: u64) -> Outcome {
    let model = Model::new(instance.a.clone(), instance.b.clone()).expect("full rank");
    let scores = model
        .at(&instance.x)
        .expect("inside")
        .scores()
        .expect("in memory")
        .clone();
    let started = Instant::now();
    let found = ScoreRecovery::new(&model, scores)
        .expect("scores")
        .seed(seed)
        .run()
        .expect("in memory");
    let time = started.elapsed();
    let error = found.x.as_ref().map_or(f64::INFINITY, |x| {
        (x - &instance.x).norm() / instance.x.norm()
    });
    Outcome { found, error, time }
}

/// What came of many.
#[derive(Debug, Default)]
pub struct Tally {
    pub instances: usize,
    /// To 1e-9.
    pub right: usize,
    /// Said to be recovered and further off than ten times the stated errors.
    pub lies: usize,
    /// Said to be one of several, of which each listed one has the scores, and
    /// one is the true x: some component has one row more than coefficients.
    pub ambiguous: usize,
    /// The others, by what they said.
    pub others: Vec<String>,
    pub times: Vec<f64>,
}

impl Tally {
    pub fn add(&mut self, instance: &Instance, outcome: &Outcome) {
        self.instances += 1;
        self.times.push(outcome.time.as_secs_f64());
        let right = outcome.error <= 1e-9;
        let found = &outcome.found;
        if right {
            self.right += 1;
        } else if proved_ambiguous(instance, found) {
            self.ambiguous += 1;
        } else {
            let what = format!("{} ({:.0e}): {}", found.status, outcome.error, found.reason);
            self.others.push(what);
        }
        let stated = found.errors.as_ref().map_or(0.0, |e| e.norm()) / instance.x.norm();
        if found.status == Status::Recovered && !(outcome.error <= 10.0 * stated + 1e-12) {
            self.lies += 1;
        }
    }

    /// Right ones of those that are determined, in percent.
    pub fn rate(&self) -> f64 {
        100.0 * self.right as f64 / (self.instances - self.ambiguous).max(1) as f64
    }

    pub fn median_time(&mut self) -> f64 {
        self.times.sort_by(f64::total_cmp);
        self.times[self.times.len() / 2]
    }

    pub fn largest_time(&self) -> f64 {
        self.times.iter().copied().fold(0.0, f64::max)
    }
}

/// Whether several x are listed, the true one among them, all with its scores
/// and no two the same.
pub fn proved_ambiguous(instance: &Instance, found: &Recovery<f64>) -> bool {
    let Some(solutions) = found.solutions.as_ref() else {
        return false;
    };
    let model = Model::new(instance.a.clone(), instance.b.clone()).expect("full rank");
    let scores = |x: &DVector<f64>| {
        model
            .at(x)
            .map(|at| at.scores().expect("in memory").clone())
    };
    let target = scores(&instance.x).expect("inside");
    let listed = &solutions.listed;
    let apart = |x: &DVector<f64>, y: &DVector<f64>| (x - y).norm() / y.norm();
    let different = (0..listed.len()).all(|i| (0..i).all(|j| apart(&listed[i], &listed[j]) > 1e-7));
    found.status == Status::Ambiguous
        && listed.len() > 1
        && different
        && listed.iter().any(|x| apart(x, &instance.x) <= 1e-9)
        && listed
            .iter()
            .all(|x| scores(x).is_ok_and(|scores| (scores - &target).amax() <= 1e-10))
}

pub fn tally(kind: Kind, n: usize, d: usize, count: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..count {
        let instance = instance(kind, n, d, seed);
        let outcome = recover(&instance, seed);
        tally.add(&instance, &outcome);
    }
    tally
}
