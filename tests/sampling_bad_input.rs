//! Samples of input that is wrong in one place: each call says what and where.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use levinv::sample::{
    RidgeForm, Sampled, Scheme, ScoreMethod, Sketch, Subsample, leverage_scores, ridge_scores,
};
use levinv::{DMatrix, DVector, Design, DesignMatrix, Error};
use nalgebra_sparse::{CooMatrix, CsrMatrix};

type V = DVector<f64>;
type M = DMatrix<f64>;

const N: usize = 400;
const D: usize = 3;

fn matrix() -> M {
    M::from_fn(N, D, |i, j| ((i * i + 5 * i * j + j) % 17) as f64 - 8.0)
}

fn designs(a: &M) -> [Design<f64>; 2] {
    [a.into(), CsrMatrix::from(&CooMatrix::from(a)).into()]
}

fn ones() -> V {
    V::from_element(N, 1.0)
}

fn methods() -> [ScoreMethod; 3] {
    [
        ScoreMethod::Exact,
        ScoreMethod::Sketched(Sketch::sparse_sign()),
        ScoreMethod::Sketched(Sketch::gaussian()),
    ]
}

fn subsamples() -> Vec<Subsample> {
    let base = Subsample::rows(20).unwrap();
    let mut all = vec![base.clone().uniform()];
    for method in methods() {
        for scheme in [Scheme::WithReplacement, Scheme::WithoutReplacement] {
            all.push(base.clone().scores(method).scheme(scheme));
        }
    }
    all
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |result: Result<Subsample, Error>, what: &str| match result {
        Err(Error::OutOfRange { name, .. }) => assert_eq!(name, what),
        other => panic!("{what}: {other:?}"),
    };
    for bad in [0.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
        refused(Subsample::accuracy(bad, 0.1), "epsilon");
    }
    for bad in [0.0, -0.5, 1.0, f64::NAN, f64::INFINITY] {
        refused(Subsample::accuracy(0.5, bad), "delta");
    }
    refused(Subsample::rows(0), "rows of the sample");
    let sketch = Sketch::sparse_sign();
    assert!(sketch.nonzeros(0).is_err());
    assert!(sketch.rows_per_column(0).is_err());
    assert!(sketch.columns(0).is_err());
    for failure in [0.0, -1.0, f64::NAN] {
        assert_eq!(sketch.constant(100_000, 5, failure), 0.0);
    }
}

#[test]
fn settings_at_the_edges_are_large_but_sound() {
    assert_eq!(
        Subsample::accuracy(1e-300, 0.5).unwrap().size(10, 2),
        usize::MAX
    );
    let least = Subsample::accuracy(1.0, 1.0 - f64::EPSILON).unwrap();
    assert!(least.size(1_000, 1) >= 1);
    let many = Sketch::sparse_sign().nonzeros(usize::MAX).unwrap();
    let many = many
        .rows_per_column(1)
        .unwrap()
        .columns(usize::MAX)
        .unwrap();
    let method = ScoreMethod::Sketched(many);
    assert!(leverage_scores(&Design::from(matrix()), &ones(), &method, 1).is_ok());
    let tall = ScoreMethod::Sketched(many.rows_per_column(usize::MAX).unwrap());
    assert!(leverage_scores(&Design::from(matrix()), &ones(), &tall, 1).is_ok());
    let sketched = Subsample::accuracy(0.5, f64::MIN_POSITIVE)
        .unwrap()
        .scores(method);
    assert!(sketched.size(100_000, 3) > 1_000);
}

#[test]
fn a_diagonal_that_is_negative_or_not_finite_is_named_by_its_entry() {
    for design in designs(&matrix()) {
        for subsample in subsamples() {
            for bad in [-1e-300, f64::NAN, f64::INFINITY] {
                let mut diagonal = ones();
                diagonal[17] = bad;
                let of = |e: Error| {
                    matches!(
                        e,
                        Error::EntryOutOfRange {
                            what: "diagonal",
                            index: 17,
                            ..
                        }
                    )
                };
                assert!(of(subsample.draw(&design, &diagonal, 1).unwrap_err()));
                assert!(of(subsample.draw_by(&ones(), D, &diagonal, 1).unwrap_err()));
                assert!(of(Sampled::from_all(&diagonal).unwrap_err()));
                let scores = subsample.draw_by(&diagonal, D, &ones(), 1).unwrap_err();
                assert!(matches!(
                    scores,
                    Error::EntryOutOfRange {
                        what: "scores",
                        index: 17,
                        ..
                    }
                ));
            }
            let short = V::from_element(N - 1, 1.0);
            let error = subsample.draw(&design, &short, 1).unwrap_err();
            assert!(
                matches!(
                    error,
                    Error::Shape {
                        what: "diagonal",
                        ..
                    }
                ),
                "{error}"
            );
            let error = subsample.draw_by(&short, D, &ones(), 1).unwrap_err();
            assert!(
                matches!(error, Error::Shape { what: "scores", .. }),
                "{error}"
            );
        }
    }
}

#[test]
fn weights_that_do_not_fit_or_are_not_finite_are_named() {
    for design in designs(&matrix()) {
        for method in methods() {
            let short = V::from_element(N - 1, 1.0);
            let error = leverage_scores(&design, &short, &method, 1).unwrap_err();
            assert!(matches!(
                error,
                Error::Shape {
                    what: "weights",
                    ..
                }
            ));
            let mut w = ones();
            w[3] = f64::NAN;
            let error = leverage_scores(&design, &w, &method, 1).unwrap_err();
            assert!(matches!(
                error,
                Error::NonFinite {
                    what: "weights",
                    index: 3,
                    ..
                }
            ));
        }
    }
}

#[test]
fn entries_of_the_design_that_are_not_finite_are_named_by_place() {
    for bad in [f64::NAN, f64::INFINITY] {
        let mut a = matrix();
        a[(201, 1)] = bad;
        let named = |e: Error| {
            matches!(
                e,
                Error::NonFiniteEntry {
                    row: 201,
                    column: 1,
                    ..
                }
            )
        };
        for design in designs(&a) {
            for method in methods() {
                let error = leverage_scores(&design, &ones(), &method, 1).unwrap_err();
                assert!(named(error.clone()), "{method:?}: {error}");
                let ridge = RidgeForm::Multiple(1.0);
                let error = ridge_scores(&design, &ones(), &ridge, &method, 1).unwrap_err();
                assert!(named(error.clone()), "{method:?}: {error}");
            }
            let all = Sampled::from_all(&ones()).unwrap();
            assert!(named(all.gram(&design).unwrap_err()));
        }
    }
}

#[test]
fn dependent_columns_are_named() {
    let mut a = matrix();
    let twice = a.column(0) * 2.0;
    a.set_column(2, &twice);
    let mut none = matrix();
    none.column_mut(1).fill(0.0);
    for (a, rank) in [(a, 2), (none, 2), (M::zeros(N, D), 0)] {
        for design in designs(&a) {
            for subsample in &subsamples()[1..] {
                let error = subsample.draw(&design, &ones(), 1).unwrap_err();
                assert!(
                    matches!(&error, Error::RankDeficient { rank: r, columns } if *r == rank && columns.len() == D - rank),
                    "{error}"
                );
            }
        }
    }
    // Weights may leave too few rows.
    let mut few = V::zeros(N);
    (0..2).for_each(|i| few[i] = 1.0);
    for design in designs(&matrix()) {
        for method in methods() {
            let error = leverage_scores(&design, &few, &method, 1).unwrap_err();
            assert!(matches!(error, Error::RankDeficient { .. }), "{error}");
        }
    }
}

#[test]
fn empty_designs_are_refused_and_rows_without_score_cannot_be_drawn() {
    for (rows, columns) in [(0, 2), (2, 0), (0, 0)] {
        let design = Design::from(M::zeros(rows, columns));
        for method in methods() {
            let error = leverage_scores(&design, &V::zeros(rows), &method, 1).unwrap_err();
            assert!(matches!(error, Error::Empty { .. }), "{error}");
        }
        // Nothing to draw, nothing drawn.
        let sampled = Subsample::rows(1)
            .unwrap()
            .draw(&design, &V::zeros(rows), 1)
            .unwrap();
        assert_eq!(sampled.gram(&design).unwrap(), M::zeros(columns, columns));
    }
    let error = Subsample::rows(5).unwrap();
    let error = error.draw_by(&V::zeros(N), D, &ones(), 1).unwrap_err();
    assert!(matches!(error, Error::OutOfRange { .. }), "{error}");
    // No row counts: the sum over none.
    for subsample in subsamples() {
        let sampled = subsample
            .draw(&Design::from(matrix()), &V::zeros(N), 1)
            .unwrap();
        assert_eq!((sampled.drawn(), sampled.rows().len()), (0, 0));
    }
}

#[test]
fn a_sample_is_refused_by_a_design_of_another_length() {
    let sampled = Sampled::from_all(&ones()).unwrap();
    for design in designs(&matrix().rows(0, N - 1).into_owned()) {
        let error = sampled.gram(&design).unwrap_err();
        assert!(matches!(error, Error::Shape { expected: N, .. }), "{error}");
    }
}

#[test]
fn a_gram_matrix_that_overflows_is_an_error() {
    let a = matrix() * 1e200;
    for design in designs(&a) {
        let error = Sampled::from_all(&ones())
            .unwrap()
            .gram(&design)
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::NonFiniteEntry {
                    what: "Gram matrix",
                    ..
                }
            ),
            "{error}"
        );
        // The scores do not overflow.
        let scores = leverage_scores(&design, &ones(), &ScoreMethod::Exact, 1).unwrap();
        assert!((scores.sum() - D as f64).abs() < 1e-12);
    }
}

#[test]
fn ridges_that_are_none_are_refused() {
    let design = Design::from(matrix());
    let scores = |ridge| ridge_scores(&design, &ones(), &ridge, &ScoreMethod::Exact, 1);
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let error = scores(RidgeForm::Multiple(bad)).unwrap_err();
        assert!(matches!(error, Error::OutOfRange { name: "ridge", .. }));
        let error = scores(RidgeForm::Diagonal(V::from_vec(vec![1.0, bad, 1.0]))).unwrap_err();
        assert!(matches!(
            error,
            Error::EntryOutOfRange {
                what: "ridge",
                index: 1,
                ..
            }
        ));
        let mut form = M::identity(3, 3);
        form[(2, 2)] = bad;
        let error = scores(RidgeForm::Form(form)).unwrap_err();
        assert!(matches!(
            error,
            Error::OutOfRange { .. }
                | Error::NonFiniteEntry {
                    row: 2,
                    column: 2,
                    ..
                }
        ));
    }
    let error = scores(RidgeForm::Diagonal(V::zeros(2))).unwrap_err();
    assert!(matches!(error, Error::Shape { what: "ridge", .. }));
    let error = scores(RidgeForm::Form(M::zeros(3, 2))).unwrap_err();
    assert!(matches!(
        error,
        Error::Shape {
            what: "ridge form",
            ..
        }
    ));
}

#[test]
fn diagonals_over_all_decades_end_in_a_sample_or_an_error() {
    for decades in [10, 100, 300] {
        for turn in 1..4 {
            let size = |i: usize| ((i * turn) % 7) as i32 - 3;
            let diagonal = V::from_fn(N, |i, _| 10f64.powi(size(i) * decades / 3));
            for design in designs(&matrix()) {
                for subsample in subsamples() {
                    match subsample.draw(&design, &diagonal, 1) {
                        Ok(sampled) => {
                            assert!(sampled.weights().iter().all(|w| *w > 0.0));
                            assert!(!sampled.rows().is_empty());
                        }
                        Err(Error::RankDeficient { .. } | Error::Singular { .. }) => (),
                        Err(error) => panic!("{subsample:?}: {error}"),
                    }
                }
            }
        }
    }
}

/// Rows whose k-th read fails.
struct Failing {
    a: M,
    reads: AtomicUsize,
    fails: usize,
}

impl DesignMatrix<f64> for Failing {
    fn nrows(&self) -> usize {
        self.a.nrows()
    }

    fn ncols(&self) -> usize {
        self.a.ncols()
    }

    fn read_rows(&self, start: usize, rows: &mut M) -> Result<(), Error> {
        if self.reads.fetch_add(1, Ordering::Relaxed) == self.fails {
            return Err(Error::outside("connection lost"));
        }
        self.a.read_rows(start, rows)
    }
}

#[test]
fn rows_that_cannot_be_read_are_reported_whichever_read_fails() {
    for subsample in subsamples() {
        let mut failures = 0;
        for fails in 0.. {
            let design = Design::new(Failing {
                a: matrix(),
                reads: AtomicUsize::new(0),
                fails,
            });
            let sampled = subsample.draw(&design, &ones(), 1);
            match sampled.and_then(|sampled| sampled.gram(&design)) {
                Ok(_) => break,
                Err(error) => assert!(matches!(error, Error::Outside { .. }), "{error}"),
            }
            failures += 1;
        }
        assert!(failures > 0, "{subsample:?}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn settings_survive_json_and_are_checked_on_the_way_in() {
    let all = subsamples()
        .into_iter()
        .chain([Subsample::accuracy(0.5, 0.1).unwrap()]);
    for subsample in all {
        let text = serde_json::to_string(&subsample).unwrap();
        assert_eq!(
            serde_json::from_str::<Subsample>(&text).unwrap(),
            subsample,
            "{text}"
        );
    }
    let text = serde_json::to_string(&Subsample::accuracy(0.5, 0.1).unwrap()).unwrap();
    let error = serde_json::from_str::<Subsample>(&text.replace("0.5", "1.5")).unwrap_err();
    assert!(error.to_string().contains("epsilon = 1.5"), "{error}");
    let text = serde_json::to_string(&Subsample::rows(20).unwrap()).unwrap();
    assert!(serde_json::from_str::<Subsample>(&text.replace("20", "0")).is_err());
}
