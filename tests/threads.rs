//! The number of threads changes no bit of any result.
//!
//! Rows fall into blocks by n and d alone and sums are joined in their order,
//! so that a result can be reproduced on another machine's number of cores.
//! Compared are bits: an equality up to rounding would hide a race.

#![cfg(feature = "parallel")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/instances.rs"]
#[allow(dead_code, reason = "only the random numbers are used")]
mod instances;

#[path = "common/runs.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod runs;

use std::sync::Arc;

use levinv::recover::{GradientRecovery, Recovery, ScoreRecovery, SignKnowledge, Status};
use levinv::sample::{Scheme, ScoreMethod, Sketch, Subsample, leverage_scores};
use levinv::solver::{
    ApproximateNewton, FullObjective, History, Limits, NamedSolver, PreconditionedNewton,
};
use levinv::{
    DMatrix, DVector, Design, Factorisation, GradientInversion, Model, ScoreInversion, Signs,
    TiltedBarrier, VolumetricBarrier,
};
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use rand::Rng;
use runs::run;

type V = DVector<f64>;

const THREADS: [usize; 3] = [1, 2, 5];

/// Names and bits of everything computed.
type Bits = Vec<(String, Vec<u64>)>;

fn push<'a>(all: &mut Bits, name: impl Into<String>, numbers: impl IntoIterator<Item = &'a f64>) {
    all.push((
        name.into(),
        numbers.into_iter().map(|v| v.to_bits()).collect(),
    ));
}

/// The same work inside pools of several sizes; each makes its model afresh,
/// since models remember their last point.
fn assert_same_bits(work: impl Fn() -> Bits + Sync) {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(&work)
    };
    let first = run(THREADS[0]);
    for threads in &THREADS[1..] {
        for ((name, one), (_, other)) in first.iter().zip(run(*threads)) {
            assert!(!one.is_empty(), "{name}: nothing to compare");
            assert!(
                *one == other,
                "{name} differs between 1 and {threads} threads"
            );
        }
    }
}

/// Gaussian rows, a tenth of which lie close to x, so that both factorisations
/// and the treatment of heavy rows take part.
fn dense(n: usize, d: usize) -> (Design<f64>, V, V) {
    let instance = instances::random(&mut instances::rng(41), n, d, true);
    (instance.a.into(), instance.b, instance.x)
}

/// Three entries a row, in any three columns.
fn sparse(n: usize, d: usize) -> (Design<f64>, V, V) {
    let mut rng = instances::rng(43);
    let mut a = CooMatrix::new(n, d);
    for i in 0..n {
        let columns = rand::seq::index::sample(&mut rng, d, 3);
        columns
            .iter()
            .for_each(|j| a.push(i, j, instances::normal(&mut rng)));
    }
    let a = CsrMatrix::from(&a);
    let x = V::from_fn(d, |_, _| instances::normal(&mut rng));
    let s = V::from_fn(n, |_, _| {
        rng.random_range(0.5..2.0) * if rng.random_bool(0.5) { 1.0 } else { -1.0 }
    });
    let b = &a * &x - s;
    (a.into(), b, x)
}

fn losses(model: &Model<f64>, near: &V) -> [(&'static str, Arc<dyn FullObjective<f64>>); 3] {
    let w = V::from_fn(model.nrows(), |i, _| 1e-3 * (i % 7) as f64);
    let target = model.at(near).unwrap().scores().expect("in memory").clone();
    let gradient = VolumetricBarrier::new(model).gradient_at(near);
    let score = ScoreInversion::new(model, target)
        .unwrap()
        .with_ridge(w.clone())
        .unwrap();
    let gradient = GradientInversion::new(model, gradient)
        .unwrap()
        .with_ridge(w)
        .unwrap();
    [
        ("V", Arc::new(VolumetricBarrier::new(model))),
        ("L_D", Arc::new(score)),
        ("L_G", Arc::new(gradient)),
    ]
}

trait GradientAt {
    fn gradient_at(&self, x: &V) -> V;
}

impl GradientAt for VolumetricBarrier<f64> {
    fn gradient_at(&self, x: &V) -> V {
        levinv::Objective::gradient(self, x).unwrap()
    }
}

/// A point near x in the same cell.
fn beside(model: &Model<f64>, x: &V) -> V {
    let h = V::from_fn(x.len(), |j, _| if j % 2 == 0 { 1.0 } else { -0.5 });
    let cell = VolumetricBarrier::new(model).in_cell_of(x).unwrap();
    let t = levinv::Objective::largest_step(&cell, x, &h)
        .unwrap()
        .unwrap_or(1.0);
    x + h * (0.3 * t)
}

fn quantities(design: &Design<f64>, b: &V, x: &V) -> Bits {
    let mut all = Bits::new();
    let model = Model::new(design.clone(), b.clone()).unwrap();
    let near = beside(&model, x);
    let h = V::from_fn(x.len(), |j, _| 0.7 - j as f64);
    for choice in [
        Factorisation::Cholesky,
        Factorisation::CholeskyTwice,
        Factorisation::Qr,
    ] {
        let model = model.with_factorisation(choice);
        let geometry = model.at(x).unwrap();
        push(&mut all, format!("slacks, {choice:?}"), geometry.slack());
        push(
            &mut all,
            format!("scores, {choice:?}"),
            geometry.scores().expect("in memory"),
        );
        for (name, f) in losses(&model, &near) {
            let mut add = |what: &str, numbers: &[f64]| {
                push(&mut all, format!("{what} of {name}, {choice:?}"), numbers)
            };
            add("value", &[f.value(x).unwrap()]);
            add("gradient", f.gradient(x).unwrap().as_slice());
            add("product", f.hessian_product(x, &h).unwrap().as_slice());
            add("Hessian", f.hessian(x).unwrap().as_slice());
            add("residual", f.residual(x).unwrap().as_slice());
            add("Jacobian", f.jacobian(x).unwrap().as_slice());
            add("metric", f.metric(x).unwrap().unwrap().as_slice());
        }
    }
    all
}

fn found(all: &mut Bits, name: &str, found: Recovery<f64>) {
    assert_eq!(found.status, Status::Recovered, "{name}: {}", found.reason);
    let [residual, error] = [found.residual.unwrap(), found.error_estimate().unwrap()];
    let x = found.x.unwrap();
    push(
        all,
        name,
        x.iter().chain(&[
            residual,
            error,
            found.iterations as f64,
            found.evaluations as f64,
        ]),
    );
}

fn recoveries(design: &Design<f64>, b: &V, x: &V) -> Bits {
    let mut all = Bits::new();
    let model = Model::new(design.clone(), b.clone()).unwrap();
    let scores = model.at(x).unwrap().scores().expect("in memory").clone();
    let signs = Signs::of(&model.slack(x).unwrap()).unwrap();
    let recovery = || ScoreRecovery::new(&model, scores.clone()).unwrap();
    found(&mut all, "x from scores", recovery().run().unwrap());
    let known = recovery()
        .signs(SignKnowledge::Known(signs.clone()))
        .unwrap();
    found(&mut all, "x from scores and signs", known.run().unwrap());
    let gradient = VolumetricBarrier::new(&model).gradient_at(x);
    let recovery = GradientRecovery::new(&model, gradient)
        .unwrap()
        .signs(signs)
        .unwrap();
    found(
        &mut all,
        "x from a gradient",
        recovery.start(beside(&model, x)).unwrap().run().unwrap(),
    );
    all
}

/// The iterates of the crate's own solvers, through values and gradients.
fn iterates(design: &Design<f64>, b: &V, x: &V) -> Bits {
    let mut all = Bits::new();
    let model = Model::new(design.clone(), b.clone()).unwrap();
    let start = beside(&model, x);
    let c = VolumetricBarrier::new(&model).gradient_at(x);
    let scores = model.at(x).unwrap().scores().expect("in memory").clone();
    let phi = TiltedBarrier::new(&model, c).unwrap();
    let phi = Arc::new(phi.in_cell_of(x).unwrap());
    let loss = Arc::new(ScoreInversion::new(&model, scores).unwrap());
    let loss: Arc<dyn FullObjective<f64>> = loss;
    let runs: [(NamedSolver, Arc<dyn FullObjective<f64>>); 4] = [
        (NamedSolver::CellNewton, phi),
        (NamedSolver::LevenbergMarquardt, Arc::clone(&loss)),
        (NamedSolver::LocalNewton, Arc::clone(&loss)),
        (NamedSolver::GradientDescent, loss),
    ];
    for (solver, f) in runs {
        let limits = Limits {
            iterations: 6,
            ..Limits::default()
        };
        let run = solver.run(f, &start, &limits, &History::default()).unwrap();
        push(&mut all, format!("x by {solver}"), run.x.iter());
        for row in &run.history {
            let numbers = [row.cost, row.gradient.unwrap(), row.step.unwrap()];
            push(&mut all, format!("{solver}, {}", row.iteration), &numbers);
        }
    }
    all
}

#[test]
fn iterates_do_not_depend_on_threads() {
    let (a, b, x) = dense(20_000, 5);
    assert_same_bits(|| iterates(&a, &b, &x));
}

/// The iterates of the methods that sample, by every kind of scores and scheme.
fn sampled_iterates(design: &Design<f64>, b: &V, x: &V) -> Bits {
    let mut all = Bits::new();
    let model = Model::new(design.clone(), b.clone()).unwrap();
    let start = beside(&model, x);
    let c = VolumetricBarrier::new(&model).gradient_at(x);
    let phi = TiltedBarrier::new(&model, c).unwrap();
    let phi = phi.in_cell_of(x).unwrap();
    let methods = [
        ScoreMethod::Exact,
        ScoreMethod::Sketched(Sketch::sparse_sign()),
        ScoreMethod::Sketched(Sketch::sparse_sign().columns(2).unwrap()),
    ];
    for method in methods {
        for scheme in [Scheme::WithReplacement, Scheme::WithoutReplacement] {
            let subsample = Subsample::rows(500).unwrap();
            let subsample = subsample.scores(method).scheme(scheme);
            let name = format!("{method:?}, {scheme:?}");
            let plain = ApproximateNewton::new().with_subsample(subsample.clone());
            let precise = PreconditionedNewton::new().with_subsample(subsample);
            let ends = [
                run(plain.with_seed(3), phi.clone(), &start, 5).unwrap(),
                run(precise.with_seed(3), phi.clone(), &start, 5).unwrap(),
            ];
            for (end, solver) in ends.iter().zip(["sampled alone", "preconditioned"]) {
                for (k, passed) in end.passed.iter().enumerate() {
                    let numbers = [passed.value, passed.gradient, passed.step];
                    let numbers = passed.x.iter().chain(&numbers);
                    push(&mut all, format!("{k} of {solver}, {name}"), numbers);
                }
            }
        }
    }
    all
}

#[test]
fn iterates_of_sampled_methods_do_not_depend_on_threads() {
    let (a, b, x) = dense(20_000, 5);
    assert_same_bits(|| sampled_iterates(&a, &b, &x));
    let (a, b, x) = sparse(20_000, 8);
    assert_same_bits(|| sampled_iterates(&a, &b, &x));
}

#[test]
fn quantities_of_a_dense_model_do_not_depend_on_threads() {
    let (a, b, x) = dense(30_000, 6);
    assert_same_bits(|| quantities(&a, &b, &x));
}

#[test]
fn quantities_of_a_sparse_model_do_not_depend_on_threads() {
    let (a, b, x) = sparse(60_000, 8);
    assert_same_bits(|| quantities(&a, &b, &x));
}

#[test]
fn recoveries_of_a_dense_model_do_not_depend_on_threads() {
    let (a, b, x) = dense(30_000, 6);
    assert_same_bits(|| recoveries(&a, &b, &x));
}

#[test]
fn recoveries_of_a_sparse_model_do_not_depend_on_threads() {
    let (a, b, x) = sparse(60_000, 8);
    assert_same_bits(|| recoveries(&a, &b, &x));
}

/// Scores of every method, and samples with their Gram matrices.
fn samples(design: &Design<f64>) -> Bits {
    let mut all = Bits::new();
    let d = V::from_fn(design.nrows(), |i, _| (i % 9) as f64);
    let methods = [
        ScoreMethod::Exact,
        ScoreMethod::Sketched(Sketch::sparse_sign()),
        ScoreMethod::Sketched(Sketch::sparse_sign().columns(2).unwrap()),
        ScoreMethod::Sketched(Sketch::gaussian()),
    ];
    for method in methods {
        let scores = leverage_scores(design, &d, &method, 5).unwrap();
        push(&mut all, format!("scores, {method:?}"), &scores);
        for scheme in [Scheme::WithReplacement, Scheme::WithoutReplacement] {
            let subsample = Subsample::rows(9_000).unwrap();
            let subsample = subsample.scores(method).scheme(scheme);
            let sampled = subsample.draw(design, &d, 6).unwrap();
            let name = |what: &str| format!("{what}, {method:?}, {scheme:?}");
            let rows: Vec<f64> = sampled.rows().iter().map(|&i| i as f64).collect();
            push(&mut all, name("rows"), &rows);
            push(&mut all, name("weights"), sampled.weights());
            push(
                &mut all,
                name("Gram matrix"),
                &sampled.gram(design).unwrap(),
            );
        }
    }
    all
}

#[test]
fn samples_do_not_depend_on_threads() {
    let (a, ..) = dense(20_000, 6);
    assert_same_bits(|| samples(&a));
    let (a, ..) = sparse(20_000, 8);
    assert_same_bits(|| samples(&a));
}

#[test]
fn the_first_entry_that_is_not_finite_is_named_whichever_thread_finds_one() {
    let mut a = DMatrix::from_fn(30_000, 6, |i, j| ((i * 7 + j * 3) % 11) as f64);
    for row in [29_999, 17_000, 16_999, 4_097] {
        a[(row, 2)] = f64::NAN;
    }
    for threads in THREADS {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let error = pool
            .install(|| Model::new(a.clone(), V::zeros(30_000)))
            .unwrap_err();
        assert!(
            matches!(
                error,
                levinv::Error::NonFiniteEntry {
                    row: 4_097,
                    column: 2,
                    ..
                }
            ),
            "{error}"
        );
    }
}
