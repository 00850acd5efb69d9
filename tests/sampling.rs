//! Samples stand in for all rows as closely, and as surely, as they say.

mod common;

use common::instances::{normal, rng};
use common::measure::{Storage, sparse};
use common::sampling::{
    DATA, Data, SCHEMES, STORAGE, Setting, Tally, deviation, instance, methods, most_events,
    spectral,
};
use levinv::sample::{Sampled, Scheme, ScoreMethod, Sketch, Subsample, leverage_scores};
use levinv::{DMatrix, DVector, Design, DesignMatrix, Error};

type V = DVector<f64>;
type M = DMatrix<f64>;

const SETTING: Setting = Setting {
    n: 10_000,
    d: 10,
    epsilon: 0.5,
    delta: 0.1,
    draws: 200,
};

/// More draws outside than this would happen to a sound method once in 1e9.
fn most_outside(setting: &Setting) -> usize {
    most_events(setting.draws, setting.delta, 1e-9)
}

fn assert_within(setting: &Setting, tallies: &[Tally; 2], what: &str) {
    for (scheme, tally) in SCHEMES.iter().zip(tallies) {
        let Tally {
            size,
            outside,
            worst,
        } = *tally;
        assert!(
            size <= setting.most_rows(),
            "{what}, {scheme:?}: {size} rows"
        );
        assert!(
            outside <= most_outside(setting),
            "{what}, {scheme:?}: {outside} outside, worst {worst}"
        );
    }
}

#[test]
fn draws_by_leverage_leave_the_bounds_no_more_often_than_promised() {
    for data in DATA {
        for storage in STORAGE {
            for (name, method) in &methods()[..2] {
                let tallies = spectral(&SETTING, data, storage, Some(*method));
                assert_within(
                    &SETTING,
                    &tallies,
                    &format!("{data:?}, {storage:?}, {name}"),
                );
            }
        }
    }
}

#[test]
fn draws_by_a_gaussian_sketch_leave_the_bounds_no_more_often_than_promised() {
    let setting = Setting {
        draws: 60,
        ..SETTING
    };
    let (name, method) = methods()[2];
    let tallies = spectral(&setting, Data::Coherent, Storage::Sparse, Some(method));
    assert_within(&setting, &tallies, name);
}

#[test]
fn uniform_draws_of_the_same_size_fail_the_same_test() {
    for data in [Data::RowScaled, Data::Coherent] {
        let tallies = spectral(&SETTING, data, Storage::Dense, None);
        for tally in tallies {
            assert!(
                tally.outside > most_outside(&SETTING),
                "{data:?}: {tally:?}"
            );
        }
    }
}

#[test]
fn the_mean_of_many_samples_is_the_gram_matrix() {
    // The mean of K samples with replacement is one of K m rows: (S2) solved for
    // ε with δ = 1e-9. The summands without replacement obey the same bound.
    let (k, m) = (100, 200);
    for data in DATA {
        let (design, diagonal) = instance(data, Storage::Sparse, 2_000, 6);
        let full = Sampled::from_all(&diagonal).unwrap().gram(&design).unwrap();
        for scheme in SCHEMES {
            let subsample = Subsample::rows(m).unwrap().scheme(scheme);
            let mean = (0..k)
                .map(|seed| {
                    let sampled = subsample.draw(&design, &diagonal, seed).unwrap();
                    sampled.gram(&design).unwrap() / k as f64
                })
                .fold(M::zeros(6, 6), |sum, g| sum + g);
            let bound = (8.0 / 3.0 * 6.0 * (12.0f64 / 1e-9).ln() / (k * m as u64) as f64).sqrt();
            let found = deviation(&mean, &full);
            assert!(found <= bound, "{data:?}, {scheme:?}: {found} > {bound}");
        }
    }
}

#[test]
fn with_replacement_and_exact_scores_the_trace_is_exact() {
    // Each draw adds σ_i/(m p_i) = d/m to tr M⁻¹AᵀD̃A, whichever row it is.
    let (design, diagonal) = instance(Data::RowScaled, Storage::Sparse, 3_000, 5);
    let full = Sampled::from_all(&diagonal).unwrap().gram(&design).unwrap();
    let sampled = Subsample::rows(40)
        .unwrap()
        .draw(&design, &diagonal, 3)
        .unwrap();
    let ratio = full
        .cholesky()
        .unwrap()
        .solve(&sampled.gram(&design).unwrap());
    // Weights over eight decades on Gaussian rows: M is conditioned like a
    // Gaussian Gram matrix of its few heaviest rows, 1e3 at most, so that solves
    // lose 1e3 ε.
    assert!((ratio.trace() - 5.0).abs() < 1e-11, "{}", ratio.trace());
}

#[test]
fn rows_come_ascending_and_once_and_never_with_weight_zero() {
    for data in DATA {
        let (design, mut diagonal) = instance(data, Storage::Dense, 4_000, 4);
        // Still full rank: the last rows are the dummies of the last columns.
        (0..3_000).step_by(2).for_each(|i| diagonal[i] = 0.0);
        for scheme in SCHEMES {
            for base in [
                Subsample::rows(500).unwrap(),
                Subsample::rows(500).unwrap().uniform(),
            ] {
                let sampled = base.scheme(scheme).draw(&design, &diagonal, 9).unwrap();
                assert!(sampled.rows().is_sorted_by(|a, b| a < b));
                assert!(sampled.rows().iter().all(|&i| diagonal[i] > 0.0));
                assert!(sampled.weights().iter().all(|&w| w > 0.0));
                assert_eq!(sampled.rows().len(), sampled.weights().len());
                match scheme {
                    Scheme::WithReplacement => assert_eq!(sampled.drawn(), 500),
                    Scheme::WithoutReplacement => {
                        assert_eq!(sampled.drawn(), sampled.rows().len());
                    }
                }
            }
        }
    }
}

#[test]
fn without_replacement_heavy_rows_come_surely_and_with_their_own_weight() {
    let (design, diagonal) = instance(Data::Coherent, Storage::Sparse, 4_000, 8);
    let scores = leverage_scores(&design, &diagonal.map(f64::sqrt), &ScoreMethod::Exact, 0);
    let scores = scores.unwrap();
    let m = 100;
    let subsample = Subsample::rows(m)
        .unwrap()
        .scheme(Scheme::WithoutReplacement);
    // A score of 2 d/m, twice what is sure.
    let heavy: Vec<usize> = (0..4_000)
        .filter(|&i| scores[i] * m as f64 > 16.0)
        .collect();
    assert!(!heavy.is_empty());
    for seed in 0..5 {
        let sampled = subsample.draw(&design, &diagonal, seed).unwrap();
        for i in &heavy {
            let k = sampled.rows().binary_search(i).expect("a sure row");
            assert_eq!(sampled.weights()[k], diagonal[*i]);
        }
    }
}

#[test]
fn samples_as_large_as_the_design_are_all_of_it() {
    let (design, mut diagonal) = instance(Data::Gaussian, Storage::Dense, 300, 3);
    diagonal[7] = 0.0;
    let all = Sampled::from_all(&diagonal).unwrap();
    assert_eq!(all.drawn(), 299);
    for m in [299, 300, usize::MAX] {
        let subsample = Subsample::rows(m).unwrap();
        assert_eq!(subsample.draw(&design, &diagonal, 1).unwrap(), all);
    }
    let close = Subsample::accuracy(1e-3, 1e-9).unwrap();
    assert!(close.size(300, 3) > 300);
    assert_eq!(close.draw(&design, &diagonal, 1).unwrap(), all);
    assert_ne!(
        Subsample::rows(298)
            .unwrap()
            .draw(&design, &diagonal, 1)
            .unwrap(),
        all
    );
}

#[test]
fn drawing_by_scores_is_what_drawing_does() {
    let (design, diagonal) = instance(Data::Gaussian, Storage::Sparse, 3_000, 5);
    for (name, method) in methods() {
        let subsample = Subsample::rows(100).unwrap().scores(method);
        let scores = leverage_scores(&design, &diagonal.map(f64::sqrt), &method, 4).unwrap();
        assert_eq!(
            subsample.draw(&design, &diagonal, 4).unwrap(),
            subsample.draw_by(&scores, 5, &diagonal, 4).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn sizes_follow_the_formula_and_sketches_pay_for_their_constant() {
    // 2(1 + 1/6)·4·10·ln 200 = 494.5
    let subsample = Subsample::accuracy(0.5, 0.1).unwrap();
    assert_eq!(subsample.size(10_000, 10), 495);
    assert_eq!(subsample.clone().uniform().size(10_000, 10), 495);
    assert_eq!(Subsample::rows(7).unwrap().size(3, 2), 7);
    let sketched = subsample.scores(ScoreMethod::Sketched(Sketch::sparse_sign()));
    assert!(sketched.size(10_000, 10) > 495);
    assert!(sketched.size(10_000, 10) <= SETTING.most_rows());
}

/// A dense matrix that refuses to be read but for one row at a time.
struct ByRow(M);

impl DesignMatrix<f64> for ByRow {
    fn nrows(&self) -> usize {
        self.0.nrows()
    }

    fn ncols(&self) -> usize {
        self.0.ncols()
    }

    fn read_rows(&self, start: usize, rows: &mut M) -> Result<(), Error> {
        assert_eq!(rows.nrows(), 1, "a block was read");
        rows.copy_from(&self.0.rows(start, 1));
        Ok(())
    }
}

#[test]
fn gram_matrices_are_those_of_the_sampled_rows_in_every_storage() {
    let mut rng = rng(8);
    let a = M::from_fn(500, 7, |i, j| {
        if (i + j) % 3 == 0 {
            normal(&mut rng)
        } else {
            0.0
        }
    });
    let diagonal = V::from_fn(500, |i, _| 1.0 + (i % 4) as f64);
    let sampled = Subsample::rows(60).unwrap().uniform();
    let sampled = sampled.draw(&a.clone().into(), &diagonal, 2).unwrap();
    let rows = a.select_rows(sampled.rows());
    let expected = rows.transpose() * M::from_diagonal(sampled.weights()) * &rows;
    let designs: [Design<f64>; 3] = [(&a).into(), sparse(&a).into(), Design::new(ByRow(a))];
    for design in designs {
        let gram = sampled.gram(&design).unwrap();
        // Sums of at most 60 terms: 60 ε relative to the largest.
        assert!((&gram - &expected).amax() <= 60.0 * f64::EPSILON * expected.amax());
        assert_eq!(gram, gram.transpose());
    }
}
