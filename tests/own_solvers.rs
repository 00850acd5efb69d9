//! The crate's own solvers converge on its objectives, and say so only then.
//!
//! The cells are polytopes, Gaussian rows without a box, and polytopes whose rows
//! come in units over eight decades; starts are a part of the way to the
//! boundary, a millionth off it, and anywhere (hit-and-run).

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/instances.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod instances;
#[path = "common/runs.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod runs;

use instances::Instance;
use levinv::solver::{CellNewton, GradientDescent, LevenbergMarquardt, LocalNewton, Stop};
use levinv::{
    DMatrix, DVector, GradientInversion, HasHessian, Model, Objective, ScoreInversion,
    TiltedBarrier, VolumetricBarrier,
};
use rand::Rng;
use runs::{Run, run};

type V = DVector<f64>;

/// The accuracy of the bar. Rounding leaves less: an error δ of the gradient in
/// natural coordinates moves x by at most nδ there, for ∇²φ ⪰ 1/n (V5), and δ is
/// a few dozen roundings: 600 · 50 · 2.2e-16 = 7e-12.
const ACCURACY: f64 = 1e-10;
/// No run needs more Newton steps, from a millionth off the boundary either.
const NEWTON_STEPS: u64 = 40;
const INSTANCES: u64 = 12;

/// A solution with its cell, and starts in it.
struct Case {
    instance: Instance,
    model: Model<f64>,
    x: V,
    /// g(x) and σ(x).
    c: V,
    tau: V,
    /// 0.1, 0.5, 0.9 and all but a millionth of the way to the boundary.
    edge: Vec<V>,
    anywhere: Vec<V>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let r = &mut instances::rng(seed);
        let (n, d) = (r.random_range(60..=600usize), r.random_range(1..=8usize));
        let instance = match seed % 3 {
            0 => instances::polytope(r, n, d),
            1 => instances::open(r, n, d),
            _ => {
                let polytope = instances::polytope(r, n, d);
                instances::in_other_units(r, polytope)
            }
        };
        let x = instances::hit_and_run(r, &instance, 30);
        let edge = [0.1, 0.5, 0.9, 1.0 - 1e-6].map(|part| {
            let h = V::from_fn(d, |_, _| instances::normal(r));
            instances::towards_boundary(&instance, &x, &h, part)
        });
        let anywhere = (0..3).map(|_| instances::hit_and_run(r, &instance, 30));
        let anywhere = anywhere.collect();
        Case::of(instance, x, edge.to_vec(), anywhere)
    }

    fn of(instance: Instance, x: V, edge: Vec<V>, anywhere: Vec<V>) -> Self {
        let model = Model::new(instance.a.clone(), instance.b.clone()).unwrap();
        let c = VolumetricBarrier::new(&model).gradient(&x).unwrap();
        let tau = model.at(&x).unwrap().scores().expect("in memory").clone();
        Case {
            instance,
            model,
            x,
            c,
            tau,
            edge,
            anywhere,
        }
    }

    fn phi(&self) -> TiltedBarrier<f64> {
        let phi = TiltedBarrier::new(&self.model, self.c.clone()).unwrap();
        phi.in_cell_of(&self.x).unwrap()
    }

    fn scores(&self) -> ScoreInversion<f64> {
        let loss = ScoreInversion::new(&self.model, self.tau.clone()).unwrap();
        loss.in_cell_of(&self.x).unwrap()
    }

    fn gradient(&self) -> GradientInversion<f64> {
        let loss = GradientInversion::new(&self.model, self.c.clone()).unwrap();
        loss.in_cell_of(&self.x).unwrap()
    }

    fn starts(&self) -> impl Iterator<Item = &V> {
        self.edge.iter().chain(&self.anywhere)
    }

    fn error(&self, x: &V) -> f64 {
        (x - &self.x).norm() / self.x.norm()
    }
}

fn cases() -> impl Iterator<Item = (u64, Case)> {
    (0..INSTANCES).map(|seed| (seed, Case::new(seed)))
}

/// Gradient and Hessian in coordinates in which A_xᵀA_x is the identity.
fn natural(f: &impl HasHessian<f64>, x: &V) -> (V, DMatrix<f64>) {
    let metric = f.metric(x).unwrap().unwrap();
    let lower = metric.cholesky().unwrap().l();
    let solve = |m: &DMatrix<f64>| lower.solve_lower_triangular(m).unwrap();
    let gradient = lower.solve_lower_triangular(&f.gradient(x).unwrap());
    let half = solve(&f.hessian(x).unwrap());
    (gradient.unwrap(), solve(&half.transpose()))
}

#[test]
fn newton_in_a_cell_inverts_the_gradient_from_every_start() {
    for (seed, case) in cases() {
        for (k, start) in case.starts().enumerate() {
            let run = run(CellNewton::new(), case.phi(), start, 1000).unwrap();
            let error = case.error(&run.x);
            assert!(
                run.succeeded() && error <= ACCURACY && run.iterations <= NEWTON_STEPS,
                "instance {seed}, start {k}: {:?} after {}, {error:e} off",
                run.stop,
                run.iterations
            );
        }
    }
}

/// With few rows the cell is unbounded; c = g(x) has a solution all the same.
#[test]
fn newton_in_an_unbounded_cell_inverts_a_gradient_that_is_one() {
    for seed in 0..INSTANCES {
        let r = &mut instances::rng(100 + seed);
        let d = r.random_range(2..=8usize);
        let instance = instances::open(r, d + 1, d);
        let mut point = || V::from_fn(d, |_, _| 0.1 * instances::normal(r));
        let (x, h) = (point(), point());
        let x = instances::towards_boundary(&instance, &V::zeros(d), &x, 0.5);
        let x = x.cap_magnitude(3.0);
        let start = instances::towards_boundary(&instance, &x, &h, 0.5);
        let start = &x + (start - &x).cap_magnitude(1.0);
        let case = Case::of(instance, x, vec![start.clone()], Vec::new());
        let run = run(CellNewton::new(), case.phi(), &start, 1000).unwrap();
        let error = case.error(&run.x);
        assert!(
            run.succeeded() && error <= ACCURACY,
            "instance {seed}: {:?}, {error:e} off",
            run.stop
        );
    }
}

#[test]
fn levenberg_marquardt_inverts_scores_from_starts_anywhere_in_the_cell() {
    for (seed, case) in cases() {
        for (k, start) in case.anywhere.iter().enumerate() {
            let run = run(LevenbergMarquardt::new(), case.scores(), start, 200).unwrap();
            let error = case.error(&run.x);
            assert!(
                run.succeeded() && error <= ACCURACY,
                "instance {seed}, start {k}: {:?} after {}, {error:e} off",
                run.stop,
                run.iterations
            );
        }
    }
}

/// What a success on L_D proves, in natural coordinates.
///
/// A stop is a success when Newton's step is at most √ε long, or flat: f to gain
/// ½gᵀ|H|⁻¹g ≤ 16εf. With |r| ≤ 1 the terms of (D4) add up to
/// ‖H‖ ≤ 4 + 6 + 4 + 4 + 6 + 8 = 32, so that ‖g‖ ≤ 32√ε = 5e-7 or
/// ‖g‖² ≤ 2·16·32·εf, ‖g‖ ≤ 5e-7 √f.
fn assert_stationary(f: &impl HasHessian<f64>, run: &Run<f64>, name: &str) {
    if !run.succeeded() {
        return;
    }
    let (gradient, hessian) = natural(f, &run.x);
    let bound = 5e-7 * run.value.sqrt().max(1.0);
    assert!(
        gradient.norm() <= bound,
        "{name}: {:?} with a gradient of {:e}",
        run.stop,
        gradient.norm()
    );
    if name.contains("Newton") {
        // Rounding of (D4) and of the coordinates; the Hessian's own size is 32.
        let lowest = hessian.symmetric_eigenvalues().min();
        assert!(lowest >= -1e-10, "{name}: curvature {lowest:e}");
    }
}

#[test]
fn success_on_scores_is_a_stationary_point() {
    let (mut successes, mut failures) = ([0; 4], [0; 4]);
    for (_, case) in cases() {
        for start in case.starts() {
            let f = case.scores();
            let runs = [
                run(CellNewton::new(), case.scores(), start, 300).unwrap(),
                run(LocalNewton::new(), case.scores(), start, 300).unwrap(),
                run(LevenbergMarquardt::new(), case.scores(), start, 300).unwrap(),
                run(GradientDescent::new(), case.scores(), start, 300).unwrap(),
            ];
            let names = ["CellNewton", "LocalNewton", "LM", "GradientDescent"];
            for (k, (run, name)) in runs.iter().zip(names).enumerate() {
                if k < 3 {
                    assert_stationary(&f, run, name);
                }
                *match run.succeeded() {
                    true => &mut successes[k],
                    false => &mut failures[k],
                } += 1;
            }
            // Gradient descent has no metric: it promises what it was asked for.
            let [.., descent] = &runs;
            let (first, last) = (f.gradient(start).unwrap(), f.gradient(&descent.x).unwrap());
            let part = last.norm() / first.norm();
            assert!(
                !descent.succeeded() || part <= levinv::solver::GRADIENT_REDUCTION,
                "{:?} with {part:e} of the first gradient",
                descent.stop
            );
        }
    }
    // Both ends occur, so that the claims above are about something.
    assert!(successes.iter().all(|n| *n > 0), "{successes:?}");
    assert!(failures[..2].iter().all(|n| *n > 0), "{failures:?}");
}

/// φ is strictly convex on the cell: its one stationary point is the solution.
#[test]
fn success_on_a_gradient_is_the_solution() {
    for (seed, case) in cases() {
        for (k, start) in case.starts().enumerate() {
            let runs = [
                run(LocalNewton::new(), case.phi(), start, 100).unwrap(),
                run(LevenbergMarquardt::new(), case.gradient(), start, 200).unwrap(),
            ];
            for (name, run) in ["LocalNewton", "LM on L_G"].iter().zip(runs) {
                let error = case.error(&run.x);
                assert!(
                    !run.succeeded() || error <= ACCURACY,
                    "{name}, instance {seed}, start {k}: {:?}, {error:e} off",
                    run.stop
                );
            }
        }
    }
}

#[test]
fn newton_near_a_solution_converges_or_names_its_condition() {
    for (seed, case) in cases() {
        for start in case.starts() {
            let run = run(LocalNewton::new(), case.phi(), start, 100).unwrap();
            assert!(
                run.succeeded() || run.stop == Some(Stop::Condition),
                "instance {seed}: {:?}",
                run.stop
            );
        }
    }
}

#[test]
fn f32_reaches_what_its_digits_allow() {
    for (seed, case) in cases() {
        let single = |v: &V| v.map(|v| v as f32);
        let x = single(&case.x);
        let [a, b] = [
            case.instance.a.map(|v| v as f32),
            DMatrix::from_columns(&[single(&case.instance.b)]),
        ];
        let model = Model::new(a, b.column(0).into_owned()).unwrap();
        // Exact targets of the rounded instance.
        let exact = Case::of(
            Instance {
                a: case.instance.a.map(|v| f64::from(v as f32)),
                b: case.instance.b.map(|v| f64::from(v as f32)),
                x: case.instance.x.clone(),
            },
            x.map(f64::from),
            Vec::new(),
            Vec::new(),
        );
        let phi = TiltedBarrier::new(&model, single(&exact.c)).unwrap();
        let phi = phi.in_cell_of(&x).unwrap();
        let start = single(&case.edge[1]);
        let newton = run(CellNewton::new(), phi, &start, 200).unwrap();
        let loss = ScoreInversion::new(&model, single(&exact.tau)).unwrap();
        let loss = loss.in_cell_of(&x).unwrap();
        let start = single(&case.edge[0]);
        let squares = run(LevenbergMarquardt::new(), loss, &start, 200).unwrap();
        for (name, run) in [("Newton", newton), ("LM", squares)] {
            let error = exact.error(&run.x.map(f64::from));
            // n roundings of 1.2e-7, as for ACCURACY: 600 · 1.2e-7 = 7e-5.
            assert!(
                run.succeeded() && error <= 1e-4,
                "{name}, instance {seed}: {:?}, {error:e} off",
                run.stop
            );
        }
    }
}
