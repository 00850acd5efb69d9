//! Matrices and vectors of the worst numbers there are, in any shape: no call
//! panics, none runs for ever, and what is returned as a result holds no NaN.

#![allow(missing_docs, reason = "the names of the tests are their claims")]

#[path = "common/soundness.rs"]
mod soundness;

use std::fmt;
use std::sync::Arc;

use levinv::recover::{GradientRecovery, ScoreRecovery, SignKnowledge, largest_slack_start};
use levinv::solver::{History, Limits, NamedSolver, Watched};
use levinv::{
    Design, Factorisation, GradientInversion, Model, Scaled, ScoreInversion, Signs,
    VolumetricBarrier,
};
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use soundness::{Loss, M, V, assert_ended, assert_geometry, bounded, evaluate, sound};

/// What one round of calls works on.
#[derive(Clone)]
struct Input {
    a: M,
    sparse: bool,
    b: V,
    points: [V; 2],
    direction: V,
    scores: V,
    gradient: V,
    ridge: V,
    signs: Vec<bool>,
    max_iters: usize,
    solver: NamedSolver,
}

/// In lines that can be read, where a derived one takes a line per number.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Input {
            a,
            sparse,
            b,
            points: [x, y],
            direction,
            scores,
            gradient,
            ridge,
            signs,
            max_iters,
            solver,
        } = self;
        let (n, d) = a.shape();
        writeln!(
            f,
            "A {n}×{d}, by columns {:?}, sparse {sparse}",
            a.as_slice()
        )?;
        let named = [
            ("b", b),
            ("x", x),
            ("y", y),
            ("h", direction),
            ("τ", scores),
            ("c", gradient),
            ("w", ridge),
        ];
        named
            .iter()
            .try_for_each(|(name, v)| writeln!(f, "{name} {:?}", v.as_slice()))?;
        writeln!(f, "signs {signs:?}, {max_iters} iterations, {solver}")
    }
}

/// One of the numbers at which arithmetic goes wrong, or an ordinary one.
fn number(nasty: u32) -> BoxedStrategy<f64> {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1e-300,
        -1e-300,
        1e300,
        -1e300,
        1e150,
        -1e-150,
        1e-8,
        -1e8,
        5e-324,
        -1e-310,
        f64::MAX,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    prop_oneof![100 - nasty => -2.0..2.0f64, nasty => select(special.to_vec())].boxed()
}

/// As before, but never NaN or ∞: an infinite entry ends a test at once.
fn finite(nasty: u32) -> BoxedStrategy<f64> {
    number(nasty)
        .prop_map(|v| if v.is_finite() { v } else { 0.5 })
        .boxed()
}

/// Mostly of the length that fits, now and then of another.
fn vector(fits: usize, entry: BoxedStrategy<f64>) -> BoxedStrategy<V> {
    let length = prop_oneof![60 => Just(fits), 1 => 0..9usize];
    length
        .prop_flat_map(move |n| prop::collection::vec(entry.clone(), n))
        .prop_map(V::from_vec)
        .boxed()
}

fn shape() -> BoxedStrategy<(usize, usize)> {
    let fitting = (1..4usize).prop_flat_map(|d| (d..d + 9, Just(d)));
    prop_oneof![12 => fitting, 1 => (0..5usize, 0..5usize)].boxed()
}

/// A matrix, some of whose rows are copies or multiples of others, or zero.
fn matrix(n: usize, d: usize, nasty: u32) -> BoxedStrategy<M> {
    let entries = prop::collection::vec(
        if nasty > 30 {
            number(nasty)
        } else {
            finite(nasty)
        },
        n * d,
    );
    let units = [1.0, 1.0, 1.0, 1e-300, 1e-150, 1e-40, 1e80, 1e300];
    let copies = prop::collection::vec(
        (
            any::<Index>(),
            any::<Index>(),
            select(vec![1.0, 0.0, -1.0, 1e-300, 1e8]),
        ),
        0..3,
    );
    (entries, select(units.to_vec()), copies)
        .prop_map(move |(entries, unit, copies)| {
            let mut a = M::from_vec(n, d, entries) * unit;
            for (from, to, factor) in copies.into_iter().filter(|_| n > 0) {
                let row = a.row(from.index(n)) * factor;
                a.set_row(to.index(n), &row);
            }
            a
        })
        .boxed()
}

/// Numbers in [0, 1] that sum to d: a target that `ScoreRecovery` takes.
fn scores(n: usize, d: usize) -> BoxedStrategy<V> {
    let weight = prop_oneof![8 => 0.01..1.0f64, 1 => Just(0.0), 1 => Just(1e-300), 1 => Just(1e-9)];
    prop::collection::vec(weight, n)
        .prop_map(move |w| {
            let w = V::from_vec(w);
            let sum: f64 = w.sum();
            w.map(|w| (w * d as f64 / sum).min(1.0))
        })
        .boxed()
}

fn input() -> BoxedStrategy<Input> {
    (
        shape(),
        select(vec![0u32, 3, 10, 40, 80]),
        select(vec![0u32, 5, 30, 80]),
    )
        .prop_flat_map(|((n, d), in_a, elsewhere)| {
            let nasty = || number(elsewhere);
            let units = select(vec![1.0, 1.0, 1e-300, 1e-80, 1e80, 1e300]);
            let data = (
                matrix(n, d, in_a),
                any::<bool>(),
                (vector(n, finite(elsewhere)), units),
            );
            let point = [vector(d, finite(elsewhere)), vector(d, nasty())];
            let targets = (
                scores(n, d),
                vector(d, finite(elsewhere)),
                vector(n, finite(elsewhere)),
            );
            let signs = prop::collection::vec(any::<bool>(), n..n + 1);
            let rest = (
                vector(d, nasty()),
                signs,
                select(vec![0usize, 1, 7, 200]),
                select(NamedSolver::ALL),
            );
            (data, point, targets, rest)
        })
        .prop_map(
            |(data, points, (scores, gradient, ridge), (direction, signs, max_iters, solver))| {
                let (a, sparse, (b, unit)) = data;
                Input {
                    a,
                    sparse,
                    b: b * unit,
                    points,
                    direction,
                    scores,
                    gradient,
                    ridge: ridge.abs(),
                    signs,
                    max_iters,
                    solver,
                }
            },
        )
        .boxed()
}

fn model(input: &Input) -> Option<Model<f64>> {
    let a = &input.a;
    let design: Design<f64> = if input.sparse {
        CsrMatrix::from(&CooMatrix::from(a)).into()
    } else {
        a.into()
    };
    Model::new(design, input.b.clone()).ok()
}

fn signs(input: &Input) -> Signs {
    let s = input.signs.iter().map(|&s| if s { 1.0 } else { -1.0 });
    Signs::of(&V::from_iterator(input.signs.len(), s)).expect("±1 are signs")
}

/// The losses that can be made of an input.
fn losses(model: &Model<f64>, input: &Input) -> Vec<Loss> {
    let [x, _] = &input.points;
    let barrier = VolumetricBarrier::new(model);
    let mut all: Vec<Loss> = vec![Arc::new(barrier.clone())];
    let mut add = |f: Option<Loss>| all.extend(f);
    let w = || input.ridge.clone();
    add(barrier
        .with_ridge(w())
        .and_then(|f| f.in_cell_of(x))
        .ok()
        .map(|f| Arc::new(f) as Loss));
    if let Ok(f) = ScoreInversion::new(model, input.scores.clone()) {
        add(Some(Arc::new(f.clone())));
        add(f
            .with_ridge(w())
            .and_then(|f| f.in_cell_of(x))
            .ok()
            .map(|f| Arc::new(f) as Loss));
    }
    if let Ok(f) = GradientInversion::new(model, input.gradient.clone()) {
        add(Some(Arc::new(f.clone())));
        add(f
            .with_ridge(w())
            .and_then(|f| f.in_cell_of(x))
            .ok()
            .map(|f| Arc::new(f) as Loss));
    }
    all
}

fn check_quantities(input: &Input) {
    let Some(model) = model(input) else { return };
    for x in &input.points {
        let _ = model.slack(x).inspect(|s| sound("slacks", s));
        for choice in [
            Factorisation::Automatic,
            Factorisation::Cholesky,
            Factorisation::CholeskyTwice,
            Factorisation::Qr,
        ] {
            let _ = model
                .with_factorisation(choice)
                .at(x)
                .inspect(|geometry| assert_geometry(geometry));
        }
        for f in losses(&model, input) {
            evaluate(&f, x, &input.direction);
            let Ok(scaled) = Scaled::new(Watched::new(f, u64::MAX), x) else {
                continue;
            };
            let scaled: Loss = Arc::new(scaled);
            evaluate(&scaled, &V::zeros(x.len()), &input.direction);
            evaluate(&scaled, &input.direction, x);
        }
    }
}

fn check_recoveries(input: &Input) {
    let Some(model) = model(input) else { return };
    let (signs, [x, _]) = (signs(input), &input.points);
    let _ = largest_slack_start(&model, &signs).inspect(|start| {
        sound(
            "a start",
            start
                .x
                .iter()
                .chain(&start.half_width)
                .chain([&start.radius]),
        );
    });
    let own = model
        .at(x)
        .map(|geometry| geometry.scores().expect("in memory").clone());
    for target in own.into_iter().chain([input.scores.clone()]) {
        for known in [false, true] {
            for ridge in [false, true] {
                let recovery = ScoreRecovery::new(&model, target.clone());
                let knowledge = if known {
                    SignKnowledge::Known(signs.clone())
                } else {
                    SignKnowledge::Unknown
                };
                let Ok(mut recovery) = recovery.and_then(|r| r.signs(knowledge)) else {
                    continue;
                };
                recovery = recovery.max_iters(input.max_iters);
                if ridge {
                    recovery = recovery.ridge(input.ridge.clone());
                }
                let _ = recovery
                    .run()
                    .inspect(|found| assert_ended(&model, None, found));
            }
        }
    }
    let own = model.slack(x).and_then(|s| Signs::of(&s));
    for start in [None, own.ok()] {
        for ridge in [false, true] {
            let Ok(mut recovery) = GradientRecovery::new(&model, input.gradient.clone()) else {
                continue;
            };
            recovery = match &start {
                None => recovery.signs(signs.clone()).expect("one sign a row"),
                Some(own) => recovery
                    .signs(own.clone())
                    .and_then(|r| r.start(x.clone()))
                    .expect("x was checked"),
            };
            recovery = recovery.max_iters(input.max_iters);
            if ridge {
                recovery = recovery.ridge(input.ridge.clone());
            }
            let _ = recovery
                .run()
                .inspect(|found| assert_ended(&model, Some(&input.gradient), found));
        }
    }
}

fn check_solver(input: &Input) {
    let Some(model) = model(input) else { return };
    for f in losses(&model, input) {
        let run = input.solver.run(
            f,
            &input.points[0],
            &Limits {
                iterations: 30,
                evaluations: 500,
                time: None,
                gradient: 1e-8,
            },
            &History::default(),
        );
        let _ = run.inspect(|run| sound("a run", run.x.iter().chain([&run.value])));
    }
}

/// Many inputs, the same ones each time. A call that does not end fails with
/// its input; shrinking is cut short, since every attempt at it waits again.
fn for_inputs(cases: u32, seed: u64, check: fn(&Input)) {
    let config = Config {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: 200,
        max_shrink_time: 20_000,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&input(), |input| {
        bounded("a call", move || check(&input));
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[test]
fn quantities_of_any_input_are_numbers_or_errors() {
    for_inputs(4000, 1, check_quantities);
}

#[test]
fn recoveries_from_any_input_end_in_a_status_or_an_error() {
    for_inputs(2500, 2, check_recoveries);
}

#[test]
fn solvers_by_name_end_on_any_input() {
    for_inputs(1500, 3, check_solver);
}
