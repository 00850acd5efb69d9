//! Input that is wrong in one place: each call must say what is wrong and where.
//!
//! Everything starts from one sound instance and spoils a single dimension of
//! it, so that an error can only be about that. Indices count from zero.

#![allow(missing_docs, reason = "the names of the tests are their claims")]

use std::sync::Arc;

use levinv::recover::{
    GradientRecovery, ScoreRecovery, SignKnowledge, Status, largest_slack_start,
};
use levinv::solver::{FullObjective, Watched};
use levinv::{
    DMatrix, DVector, Design, DesignMatrix, Error, GradientInversion, Model, Scaled,
    ScoreInversion, Signs, VolumetricBarrier,
};
use nalgebra_sparse::{CooMatrix, CsrMatrix};

type V = DVector<f64>;
type M = DMatrix<f64>;

const NOT_FINITE: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
const N: usize = 8;
const D: usize = 2;

/// Eight hyperplanes about the origin, every slack positive there: enough rows
/// for the lift of two columns, and a bounded cell.
fn design() -> M {
    M::from_fn(N, D, |i, j| {
        let angle = i as f64 * 0.8 + 0.1 * (i * i) as f64;
        if j == 0 { angle.cos() } else { angle.sin() }
    })
}

fn rhs() -> V {
    V::from_fn(N, |i, _| -1.0 - 0.1 * i as f64)
}

fn point() -> V {
    V::from_vec(vec![0.2, -0.1])
}

fn model() -> Model<f64> {
    Model::new(design(), rhs()).unwrap()
}

fn sparse(a: &M) -> CsrMatrix<f64> {
    CsrMatrix::from(&CooMatrix::from(a))
}

/// The three losses: free, with a ridge, in a cell.
fn losses(model: &Model<f64>) -> Vec<Arc<dyn FullObjective<f64>>> {
    let w = V::from_element(N, 0.1);
    let scores = V::from_element(N, D as f64 / N as f64);
    let gradient = V::from_vec(vec![0.3, -0.4]);
    let barrier = VolumetricBarrier::new(model);
    let score = ScoreInversion::new(model, scores).unwrap();
    let gradient = GradientInversion::new(model, gradient).unwrap();
    let cell = || Signs::positive(N);
    vec![
        Arc::new(barrier.clone().with_ridge(w.clone()).unwrap()),
        Arc::new(barrier.clone().in_cell(cell()).unwrap()),
        Arc::new(barrier),
        Arc::new(score.clone().with_ridge(w.clone()).unwrap()),
        Arc::new(score.clone().in_cell(cell()).unwrap()),
        Arc::new(score),
        Arc::new(gradient.clone().with_ridge(w).unwrap()),
        Arc::new(gradient.clone().in_cell(cell()).unwrap()),
        Arc::new(gradient),
    ]
}

type Call<'a> = (&'static str, Box<dyn Fn() -> Result<(), Error> + 'a>);

fn call<'a, R>(name: &'static str, f: impl Fn() -> Result<R, Error> + 'a) -> Call<'a> {
    (name, Box::new(move || f().map(drop)))
}

/// All derivatives of a loss at x, and what else takes a point.
fn derivatives<'a>(f: &'a Arc<dyn FullObjective<f64>>, x: &'a V) -> Vec<Call<'a>> {
    vec![
        call("gradient", || f.gradient(x)),
        call("hessian", || f.hessian(x)),
        call("product", || f.hessian_product(x, &point())),
        call("residual", || f.residual(x)),
        call("jacobian", || f.jacobian(x)),
        call("metric", || f.metric(x)),
        call("largest step", || f.largest_step(x, &point())),
        call("natural coordinates", || {
            Scaled::new(Watched::new(Arc::clone(f), u64::MAX), x)
        }),
    ]
}

/// v one entry longer, and one shorter.
fn misshapen(v: &V) -> [V; 2] {
    [v.clone().push(1.0), v.rows(0, v.len() - 1).into_owned()]
}

/// v with one entry not finite, for each entry: (index, value, vector).
fn spoilt(v: &V) -> impl Iterator<Item = (usize, f64, V)> + '_ {
    (0..v.len()).flat_map(move |i| {
        NOT_FINITE.map(|bad| {
            let mut v = v.clone();
            v[i] = bad;
            (i, bad, v)
        })
    })
}

/// The error names `what`, and the two lengths.
fn assert_shape<R>(result: Result<R, Error>, what: &str, expected: usize, found: usize) {
    match result.map(drop) {
        Err(Error::Shape {
            what: w,
            expected: e,
            found: f,
            ..
        }) => assert_eq!((w, e, f), (what, expected, found)),
        other => panic!("{what} of {found} entries instead of {expected}: {other:?}"),
    }
}

/// The error names `what`, the index and the value.
fn assert_not_finite<R>(result: Result<R, Error>, what: &str, index: usize, value: f64) {
    match result.map(drop) {
        Err(Error::NonFinite {
            what: w,
            index: i,
            value: v,
        }) => {
            assert_eq!((w, i), (what, index));
            assert_eq!(v.to_bits(), value.to_bits());
        }
        other => panic!("{what}[{index}] = {value}: {other:?}"),
    }
}

/// Every wrong length and every NaN and ∞ in a vector argument is named.
fn assert_vector_checked<R>(what: &str, sound: &V, take: impl Fn(V) -> Result<R, Error>) {
    assert!(
        take(sound.clone()).is_ok(),
        "{what}: the sound one is refused"
    );
    for v in misshapen(sound) {
        let found = v.len();
        assert_shape(take(v), what, sound.len(), found);
    }
    for (i, bad, v) in spoilt(sound) {
        assert_not_finite(take(v), what, i, bad);
    }
}

#[test]
fn vectors_are_checked_wherever_they_enter() {
    let model = model();
    let scores = model
        .at(&point())
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    let w = V::from_element(N, 0.5);
    let barrier = VolumetricBarrier::new(&model);
    assert_vector_checked("b", &rhs(), |b| Model::new(design(), b));
    assert_vector_checked("b", &rhs(), |b| Model::new(sparse(&design()), b));
    assert_vector_checked("x", &point(), |x| model.slack(&x));
    assert_vector_checked("x", &point(), |x| model.at(&x));
    assert_vector_checked("x", &point(), |x| barrier.clone().in_cell_of(&x));
    assert_vector_checked("target", &scores, |t| ScoreInversion::new(&model, t));
    assert_vector_checked("target", &point(), |t| GradientInversion::new(&model, t));
    assert_vector_checked("target", &scores, |t| {
        ScoreRecovery::new(&model, t).map(drop)
    });
    assert_vector_checked("target", &point(), |t| {
        GradientRecovery::new(&model, t).map(drop)
    });
    let gradient = || GradientRecovery::new(&model, point()).unwrap();
    let score = || ScoreRecovery::new(&model, scores.clone()).unwrap();
    assert_vector_checked("start", &point(), |x| gradient().start(x).map(drop));
    assert_vector_checked("ridge weights", &w, |w| barrier.clone().with_ridge(w));
    assert_vector_checked("ridge weights", &w, |w| gradient().ridge(w).run());
    assert_vector_checked("ridge weights", &w, |w| score().ridge(w).run());
    for f in losses(&model) {
        for (name, _) in derivatives(&f, &point()) {
            assert_vector_checked("x", &point(), |x| {
                let call = derivatives(&f, &x).into_iter().find(|(n, _)| *n == name);
                call.expect("the same list").1()
            });
        }
        assert_vector_checked("direction", &point(), |h| f.hessian_product(&point(), &h));
        assert_vector_checked("step", &point(), |h| f.largest_step(&point(), &h));
        for x in misshapen(&point()) {
            assert_shape(f.value(&x), "x", D, x.len());
        }
        // A line search that overflowed is told to turn back, not ended.
        for (_, _, x) in spoilt(&point()) {
            assert_eq!(f.value(&x), Ok(f64::INFINITY));
        }
    }
}

#[test]
fn signs_of_the_wrong_number_are_named() {
    let model = model();
    let scores = model
        .at(&point())
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    for found in [0, N - 1, N + 1] {
        let signs = || Signs::negative(found);
        let recovery = ScoreRecovery::new(&model, scores.clone()).unwrap();
        assert_shape(
            recovery.signs(SignKnowledge::Known(signs())).map(drop),
            "signs",
            N,
            found,
        );
        let recovery = GradientRecovery::new(&model, point()).unwrap();
        assert_shape(recovery.signs(signs()).map(drop), "signs", N, found);
        assert_shape(
            VolumetricBarrier::new(&model).in_cell(signs()),
            "signs",
            N,
            found,
        );
        assert_shape(largest_slack_start(&model, &signs()), "signs", N, found);
    }
}

#[test]
fn signs_of_zero_or_not_a_number_are_named() {
    for (index, bad, s) in spoilt(&rhs()) {
        assert_not_finite(Signs::of(&s), "signs", index, bad);
    }
    for zero in [0.0, -0.0] {
        let mut s = rhs();
        s[5] = zero;
        assert_eq!(Signs::of(&s), Err(Error::ZeroSlack { row: 5 }));
    }
}

#[test]
fn operators_of_a_geometry_check_their_argument() {
    let geometry = model().at(&point()).unwrap();
    let form = geometry.gram(&rhs()).unwrap();
    for v in misshapen(&rhs()) {
        let shaped = |r: Result<(), Error>| assert!(matches!(r, Err(Error::Shape { .. })), "{r:?}");
        shaped(geometry.apply_transposed(&v).map(drop));
        shaped(geometry.gram(&v).map(drop));
        shaped(geometry.laplacian(&v).map(drop));
        shaped(geometry.squared_projection(&v).map(drop));
    }
    for h in misshapen(&point()) {
        assert!(matches!(geometry.apply(&h), Err(Error::Shape { .. })));
        assert!(matches!(
            geometry.row_forms(&form.clone().resize(h.len(), h.len(), 0.0)),
            Err(Error::Shape { .. })
        ));
    }
}

#[test]
fn natural_coordinates_check_their_argument() {
    let model = model();
    let scaled = Scaled::new(VolumetricBarrier::new(&model), &point()).unwrap();
    let scaled: Arc<dyn FullObjective<f64>> = Arc::new(scaled);
    for z in misshapen(&point()) {
        assert!(matches!(scaled.value(&z), Err(Error::Shape { .. })));
        assert!(matches!(
            scaled.hessian_product(&point(), &z),
            Err(Error::Shape { .. })
        ));
        assert!(matches!(
            scaled.largest_step(&point(), &z),
            Err(Error::Shape { .. })
        ));
        assert!(matches!(scaled.gradient(&z), Err(Error::Shape { .. })));
    }
}

#[test]
fn a_matrix_entry_that_is_not_finite_is_named_by_row_and_column() {
    // Row 4500 of 5000 lies in the second block of rows.
    let tall = M::from_fn(5000, D, |i, j| ((i * 7 + j * 3) % 11) as f64 - 4.5);
    let cases = [
        (design(), 0, 0),
        (design(), 3, 1),
        (design(), N - 1, 1),
        (tall, 4500, 1),
    ];
    for (a, row, column) in cases {
        for bad in NOT_FINITE {
            let mut a = a.clone();
            a[(row, column)] = bad;
            let b = V::zeros(a.nrows());
            for design in [
                Design::from(&a),
                Design::from(sparse(&a)),
                Design::new(Rows(a.clone())),
            ] {
                match Model::new(design, b.clone()) {
                    Err(Error::NonFiniteEntry {
                        row: r,
                        column: c,
                        value,
                        ..
                    }) => {
                        assert_eq!((r, c, value.to_bits()), (row, column, bad.to_bits()));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

#[test]
fn empty_and_wide_matrices_are_refused_as_such() {
    for (rows, columns) in [(0, 0), (0, 3), (3, 0)] {
        let a = M::zeros(rows, columns);
        let empty = Err(Error::Empty {
            what: "design matrix",
            rows,
            columns,
        });
        assert_eq!(Model::new(sparse(&a), V::zeros(rows)).map(drop), empty);
        assert_eq!(Model::new(a, V::zeros(rows)).map(drop), empty);
    }
    let wide = Model::new(M::identity(2, 3), V::zeros(2));
    assert_eq!(
        wide.map(drop),
        Err(Error::TooFewRows {
            rows: 2,
            columns: 3
        })
    );
}

/// The columns that the error names can be taken out, and rank is full then.
fn assert_dependent(a: &M, rank: usize) {
    for design in [Design::from(a), Design::from(sparse(a))] {
        let b = V::from_element(a.nrows(), -1.0);
        match Model::new(design, b.clone()) {
            Err(Error::RankDeficient {
                rank: found,
                columns,
            }) => {
                assert_eq!(
                    (found, columns.len()),
                    (rank, a.ncols() - rank),
                    "columns {columns:?}"
                );
                let rest = a.clone().remove_columns_at(&sorted(&columns));
                assert!(
                    Model::new(rest, b).is_ok(),
                    "columns {columns:?} do not restore the rank"
                );
            }
            other => panic!("rank {rank} is not noticed: {other:?}"),
        }
    }
}

fn sorted(columns: &[usize]) -> Vec<usize> {
    let mut columns = columns.to_vec();
    columns.sort_unstable();
    columns
}

#[test]
fn dependent_columns_are_named_so_that_removing_them_restores_the_rank() {
    let full = M::from_fn(12, 4, |i, j| {
        ((i * i * 5 + i * j * 7 + j * 3) % 13) as f64 - 6.0
    });
    assert!(Model::new(full.clone(), V::zeros(12)).is_ok());
    for k in 0..4 {
        let mut a = full.clone();
        a.set_column(k, &full.column((k + 1) % 4));
        assert_dependent(&a, 3);
        a.column_mut(k).fill(0.0);
        assert_dependent(&a, 3);
        let sum = full.column((k + 1) % 4) * 0.3 - full.column((k + 2) % 4) * 1.7
            + full.column((k + 3) % 4);
        a.set_column(k, &sum);
        assert_dependent(&a, 3);
        // Units must neither hide a dependence …
        for units in [
            [1.0, 1e8, 1e-8, 1.0],
            [1e-8, 1e-8, 1e8, 1e8],
            [1e150, 1.0, 1e-150, 1.0],
        ] {
            let mut a = a.clone();
            a.column_iter_mut().zip(units).for_each(|(mut c, u)| c *= u);
            assert_dependent(&a, 3);
            // … nor feign one.
            let mut a = full.clone();
            a.column_iter_mut().zip(units).for_each(|(mut c, u)| c *= u);
            assert!(Model::new(a, V::zeros(12)).is_ok(), "units {units:?}");
        }
    }
    // All rows equal: whatever the columns, they span one direction.
    assert_dependent(&M::from_fn(6, 3, |_, j| 1.0 + j as f64), 1);
}

#[test]
fn scores_that_cannot_be_scores_are_refused() {
    let model = model();
    let scores = model
        .at(&point())
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    for bad in [-1e-300, -0.2, 1.0 + 1e-6, 7.0] {
        let mut t = scores.clone();
        t[3] = bad;
        match ScoreRecovery::new(&model, t).map(drop) {
            Err(Error::EntryOutOfRange {
                what: "target",
                index: 3,
                value,
                ..
            }) => assert_eq!(value, bad),
            other => panic!("{bad}: {other:?}"),
        }
    }
    let off = |relative: f64| ScoreRecovery::new(&model, &scores * (1.0 + relative)).map(drop);
    assert!(matches!(off(2e-6), Err(Error::ScoreSum { rank: D, .. })));
    assert!(matches!(off(-2e-6), Err(Error::ScoreSum { rank: D, .. })));
    assert_eq!(off(5e-7), Ok(()));
    // As an objective any target will do: it just has no zero.
    assert!(ScoreInversion::new(&model, scores * 5.0).is_ok());
}

#[test]
fn units_in_which_squares_leave_the_range_of_f64_are_refused() {
    let scores = model()
        .at(&point())
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    let in_units = |a: f64, b: f64| Model::new(design() * a, rhs() * b).unwrap();
    let recovery = |a, b| ScoreRecovery::new(&in_units(a, b), scores.clone());
    for (a, b) in [
        (1e-100, 1.0),
        (1.0, 1.0),
        (1e100, 1.0),
        (1.0, 1e100),
        (1.0, 1e-100),
        (1e100, 1e100),
        (1e100, 1e-100),
        (1e-100, 1e100),
    ] {
        let found = recovery(a, b).unwrap().run().unwrap();
        assert_eq!(found.status, Status::Recovered, "A in {a:e}, b in {b:e}");
        let x = found.x.unwrap() * (a / b);
        assert!((x - point()).norm() < 1e-12, "A in {a:e}, b in {b:e}");
    }
    for unit in [1e-160, 1e-200, 1e160, 1e200] {
        for (a, b, what) in [(unit, 1.0, "design matrix, column"), (1.0, unit, "b")] {
            match recovery(a, b).map(drop) {
                Err(Error::EntryOutOfRange { what: w, value, .. }) => {
                    assert_eq!(w, what);
                    assert!((value / unit).abs() < 3.0, "{value}");
                }
                other => panic!("{unit}: {other:?}"),
            }
        }
    }
    // Nothing to compare with: x is undetermined, not misspelt.
    let flat = Model::new(design(), V::zeros(N)).unwrap();
    assert!(ScoreRecovery::new(&flat, scores.clone()).is_ok());
}

#[test]
fn ridge_weights_are_checked_even_where_there_is_no_x_to_regularise() {
    let square = Model::new(M::identity(2, 2), V::zeros(2)).unwrap();
    let recovery = || ScoreRecovery::new(&square, V::from_element(2, 1.0)).unwrap();
    assert_eq!(recovery().run().unwrap().status, Status::Undetermined);
    assert_shape(recovery().ridge(V::zeros(5)).run(), "ridge weights", 2, 5);
}

#[test]
fn ridge_weights_of_zero_are_no_ridge() {
    let model = model();
    let at = model.at(&point()).unwrap();
    let gradient = at.score_gradient().unwrap();
    for (weight, status) in [(0.0, Status::Recovered), (1e-9, Status::Stationary)] {
        let w = V::from_element(N, weight);
        let score = ScoreRecovery::new(&model, at.scores().expect("in memory").clone()).unwrap();
        let found = score.ridge(w.clone()).run().unwrap();
        assert_eq!(found.status, status, "{}", found.reason);
        let found = GradientRecovery::new(&model, gradient.clone()).unwrap();
        let found = found.ridge(w).run().unwrap();
        assert_eq!(found.status, status, "{}", found.reason);
    }
}

#[test]
fn ridge_weights_that_are_negative_or_whose_squares_overflow_are_refused() {
    let model = model();
    for bad in [-1e-300, -1.0, 1e200] {
        let mut w = V::from_element(N, 1.0);
        w[2] = bad;
        let refused = |r: Result<(), Error>| match r {
            Err(Error::EntryOutOfRange {
                what: "ridge weights",
                index: 2,
                value,
                ..
            }) => assert_eq!(value, bad),
            other => panic!("{bad}: {other:?}"),
        };
        refused(
            VolumetricBarrier::new(&model)
                .with_ridge(w.clone())
                .map(drop),
        );
        refused(
            GradientRecovery::new(&model, point())
                .unwrap()
                .ridge(w)
                .run()
                .map(drop),
        );
    }
}

#[test]
fn a_start_outside_the_cell_and_a_cell_without_points_are_errors() {
    let model = model();
    let recovery = || GradientRecovery::new(&model, point()).unwrap();
    let far = V::from_vec(vec![-3.0, 0.0]);
    let slack = model.slack(&far).unwrap();
    let row = slack.iter().position(|s| *s < 0.0).unwrap();
    let outside = Error::OutsideDomain {
        row,
        slack: slack[row],
    };
    assert_eq!(recovery().start(far).unwrap().run().map(drop), Err(outside));
    // Every slack is positive at the origin: nowhere are all of them negative.
    let negative = Signs::negative(N);
    let empty = |r: Result<(), Error>| match r {
        Err(Error::EmptyCell { slack }) => assert!(slack < 0.0),
        other => panic!("{other:?}"),
    };
    empty(largest_slack_start(&model, &negative).map(drop));
    empty(recovery().signs(negative).unwrap().run().map(drop));
}

/// Rows of one's own, through the three required methods alone.
struct Rows(M);

impl DesignMatrix<f64> for Rows {
    fn nrows(&self) -> usize {
        self.0.nrows()
    }

    fn ncols(&self) -> usize {
        self.0.ncols()
    }

    fn read_rows(&self, start: usize, rows: &mut M) -> Result<(), Error> {
        rows.copy_from(&self.0.rows(start, rows.nrows()));
        Ok(())
    }
}
