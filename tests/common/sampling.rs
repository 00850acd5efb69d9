//! How far samples are from the Gram matrix that they stand in for.

use levinv::sample::{Sampled, Scheme, ScoreMethod, Sketch, Subsample, leverage_scores};
use levinv::{DMatrix, DVector, Design};
use rand::Rng;
use rand::rngs::StdRng;
use rayon::prelude::*;

use super::instances::{normal, rng};
use super::measure::{Storage, sparse};

/// Rows that make uniform sampling easy, hard, and hopeless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// Gaussian rows of like weight.
    Gaussian,
    /// Gaussian rows, weights over eight decades.
    RowScaled,
    /// Dummy columns, most of them of a handful of rows, some of a single one:
    /// leverage 1. Weights as of slacks within a polytope.
    Coherent,
}

pub const DATA: [Data; 3] = [Data::Gaussian, Data::RowScaled, Data::Coherent];
pub const STORAGE: [Storage; 2] = [Storage::Dense, Storage::Sparse];
pub const SCHEMES: [Scheme; 2] = [Scheme::WithReplacement, Scheme::WithoutReplacement];

pub fn methods() -> [(&'static str, ScoreMethod); 3] {
    [
        ("exact", ScoreMethod::Exact),
        ("sparse sign", ScoreMethod::Sketched(Sketch::sparse_sign())),
        ("Gaussian", ScoreMethod::Sketched(Sketch::gaussian())),
    ]
}

/// A row with three entries where storage is sparse, else d.
fn gaussian_row(rng: &mut StdRng, a: &mut DMatrix<f64>, i: usize, storage: Storage) {
    let d = a.ncols();
    let columns = match storage {
        Storage::Dense => (0..d).collect(),
        Storage::Sparse => rand::seq::index::sample(rng, d, d.min(3)).into_vec(),
    };
    columns.into_iter().for_each(|j| a[(i, j)] = normal(rng));
}

/// A dummy row: column j has a quarter of the rows of column j − 1, one at least.
fn dummy_row(a: &mut DMatrix<f64>, i: usize) {
    let (n, d) = a.shape();
    // Row i counted from the end: 0 is the one row of the last column.
    let from_end = n - 1 - i;
    let (mut j, mut end) = (d - 1, 1);
    while from_end >= end && j > 0 {
        j -= 1;
        end += ((n * 3 / 4) >> (2 * j).min(60)).max(1);
    }
    a[(i, j)] = 1.0;
}

pub fn instance(data: Data, storage: Storage, n: usize, d: usize) -> (Design<f64>, DVector<f64>) {
    let mut rng = rng(11);
    let mut a = DMatrix::zeros(n, d);
    for i in 0..n {
        match data {
            Data::Coherent => dummy_row(&mut a, i),
            _ => gaussian_row(&mut rng, &mut a, i, storage),
        }
    }
    let weights = DVector::from_fn(n, |_, _| match data {
        Data::RowScaled => 10f64.powf(rng.random_range(-4.0..4.0)),
        _ => rng.random_range(0.5..2.0),
    });
    let design = match storage {
        Storage::Dense => a.into(),
        Storage::Sparse => sparse(&a).into(),
    };
    (design, weights)
}

/// What is asked of each sample.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub n: usize,
    pub d: usize,
    pub epsilon: f64,
    pub delta: f64,
    pub draws: usize,
}

impl Setting {
    /// The rows that a sample may take: 8 d ln(d/δ)/ε² and n/10.
    pub fn most_rows(&self) -> usize {
        let d = self.d as f64;
        let rows = 8.0 * d * (d / self.delta).ln() / (self.epsilon * self.epsilon);
        (rows as usize).min(self.n / 10)
    }

    pub fn subsample(&self) -> Subsample {
        Subsample::accuracy(self.epsilon, self.delta).expect("in range")
    }
}

/// Draws whose eigenvalues leave [1 − ε, 1 + ε], and how far any lies from 1.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    pub size: usize,
    pub outside: usize,
    pub worst: f64,
}

/// The largest |λ − 1| of the pencil (AᵀD̃A, AᵀDA).
pub fn deviation(sampled: &DMatrix<f64>, full: &DMatrix<f64>) -> f64 {
    let cholesky = full.clone().cholesky().expect("positive definite").unpack();
    let half = cholesky.solve_lower_triangular(sampled).expect("full rank");
    let whole = cholesky
        .solve_lower_triangular(&half.transpose())
        .expect("full rank");
    let values = ((&whole + whole.transpose()) * 0.5).symmetric_eigenvalues();
    values.iter().fold(0.0, |m, v| m.max((v - 1.0).abs()))
}

/// Both schemes with fresh scores for each draw; `None` draws uniformly.
pub fn spectral(
    setting: &Setting,
    data: Data,
    storage: Storage,
    method: Option<ScoreMethod>,
) -> [Tally; 2] {
    let (design, diagonal) = instance(data, storage, setting.n, setting.d);
    let full = Sampled::from_all(&diagonal).expect("sound");
    let full = full.gram(&design).expect("in memory");
    let roots = diagonal.map(f64::sqrt);
    let scores = |seed| match method {
        None => DVector::from_element(setting.n, 1.0),
        Some(method) => leverage_scores(&design, &roots, &method, seed).expect("full rank"),
    };
    // Exact scores know no seed.
    let exact = method
        .is_none_or(|m| m == ScoreMethod::Exact)
        .then(|| scores(0));
    let base = match method {
        None => setting.subsample().uniform(),
        Some(method) => setting.subsample().scores(method),
    };
    let deviations: Vec<[f64; 2]> = (0..setting.draws as u64)
        .into_par_iter()
        .map(|seed| {
            let scores = exact.clone().unwrap_or_else(|| scores(seed));
            SCHEMES.map(|scheme| {
                let drawn = base
                    .clone()
                    .scheme(scheme)
                    .draw_by(&scores, setting.d, &diagonal, seed)
                    .expect("sound");
                deviation(&drawn.gram(&design).expect("in memory"), &full)
            })
        })
        .collect();
    [0, 1].map(|k| Tally {
        size: base.size(setting.n, setting.d),
        outside: deviations
            .iter()
            .filter(|d| !(d[k] <= setting.epsilon))
            .count(),
        worst: deviations.iter().map(|d| d[k]).fold(0.0, f64::max),
    })
}

/// The least b such that more than b of `draws` events of probability p happen
/// with probability `chance` at most.
pub fn most_events(draws: usize, p: f64, chance: f64) -> usize {
    let mut term = (1.0 - p).powi(draws as i32);
    let (mut below, mut b) = (term, 0);
    // P(more than b) = 1 − P(at most b).
    while 1.0 - below > chance {
        b += 1;
        term *= (draws - b + 1) as f64 / b as f64 * p / (1.0 - p);
        below += term;
    }
    b
}
