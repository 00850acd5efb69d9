//! What a seed draws today it draws tomorrow.
//!
//! Rows drawn are pinned exactly, for `rand` promises no stability of `StdRng`
//! across its releases and a published seed must name the same sample. Scores
//! here are numbers that the test gives, so that no rounding of a factor enters;
//! sketched scores are compared to 1e-12, for QR kernels differ by processor.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

use levinv::sample::{Scheme, ScoreMethod, Sketch, Subsample, leverage_scores};
use levinv::{DMatrix, DVector, Design};

const N: usize = 60;

/// Exact in binary: sums and quotients round alike everywhere.
fn scores() -> DVector<f64> {
    DVector::from_fn(N, |i, _| 0.25 * (i % 5) as f64)
}

fn drawn(scheme: Scheme, seed: u64) -> (Vec<usize>, usize, f64) {
    let subsample = Subsample::rows(12).unwrap().scheme(scheme);
    let ones = DVector::from_element(N, 1.0);
    let sampled = subsample.draw_by(&scores(), 3, &ones, seed).unwrap();
    let (rows, drawn) = (sampled.rows().to_vec(), sampled.drawn());
    (rows, drawn, sampled.weights().sum())
}

fn sketched(sketch: Sketch) -> [f64; 3] {
    let a = DMatrix::from_fn(700, 3, |i, j| ((i * i + 5 * i * j + j) % 17) as f64 - 8.0);
    let w = DVector::from_fn(700, |i, _| 1.0 + (i % 4) as f64);
    let method = ScoreMethod::Sketched(sketch);
    let scores = leverage_scores(&Design::from(a), &w, &method, 1).unwrap();
    [scores[0], scores[333], scores[699]]
}

#[test]
fn a_seed_draws_the_same_rows_as_ever() {
    let [first, second] = [0, 1].map(|seed| drawn(Scheme::WithReplacement, seed));
    let rows = vec![4, 8, 19, 22, 24, 27, 28, 36, 38, 42, 44, 53];
    assert_eq!(first, (rows, 12, 48.333333333333336));
    // Two of them came twice.
    let rows = vec![4, 12, 13, 14, 28, 29, 34, 38, 44, 54];
    assert_eq!(second, (rows, 12, 38.33333333333333));
    let [first, second] = [0, 1].map(|seed| drawn(Scheme::WithoutReplacement, seed));
    let rows = vec![2, 11, 13, 14, 18, 23, 39, 43, 52];
    assert_eq!(first, (rows, 9, 38.33333333333333));
    let rows = vec![4, 8, 12, 23, 24, 29, 37, 38, 39, 43, 52, 54];
    assert_eq!(second, (rows, 12, 40.83333333333333));
}

#[test]
fn a_seed_makes_the_same_sketch_as_ever() {
    // A score is right to κε√r = 3e-14 for κ below 10, r = 304.
    let coarse = Sketch::sparse_sign().columns(2).unwrap();
    let expected = [
        (
            Sketch::sparse_sign(),
            [
                0.0010505997665947997,
                0.00411853820182142,
                0.0054175919682033745,
            ],
        ),
        (
            Sketch::gaussian(),
            [
                0.0008862628203056838,
                0.003539185540650124,
                0.005263353527887535,
            ],
        ),
        (
            coarse,
            [
                0.0016839690298031595,
                0.006442069068134161,
                0.003847303446048382,
            ],
        ),
    ];
    for (sketch, expected) in expected {
        for (found, expected) in sketched(sketch).iter().zip(expected) {
            assert!(
                (found - expected).abs() <= 1e-12 * expected,
                "{sketch:?}: {found:e} instead of {expected:e}"
            );
        }
    }
}
