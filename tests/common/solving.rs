//! What the crate's own solvers reach from near and far, in full by
//! `examples/bars` and in part by a test.

use argmin::core::{Executor, Solver};
use levinv::adapter::ArgminProblem;
use levinv::recover::{ScoreRecovery, SignKnowledge};
use levinv::solver::{CellNewton, LevenbergMarquardt, SolverState};
use levinv::{DVector, Objective, ScoreInversion, Signs, TiltedBarrier};
use rand::Rng;
use rand::rngs::StdRng;

use super::instances::{self, Instance};
use super::measure::{Storage, model};

/// What rows look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Gaussian, nothing else: the cell may be unbounded.
    Gaussian,
    /// Gaussian, in units that spread over eight decades.
    Scaled,
    /// Gaussian within a box.
    Polytope,
}

pub const ROWS: [Rows; 3] = [Rows::Gaussian, Rows::Scaled, Rows::Polytope];

/// Where a solver starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum From {
    /// From the solution this part of the way to the boundary.
    Towards(f64),
    /// Anywhere, by hit-and-run.
    Anywhere,
}

pub const STARTS: [From; 5] = [
    From::Towards(0.1),
    From::Towards(0.5),
    From::Towards(0.9),
    From::Anywhere,
    From::Towards(1.0 - 1e-6),
];

/// An instance with a solution and a start in its cell, d 6–20 and n between
/// these, spread evenly by order of magnitude.
pub fn task(rows: Rows, from: From, n: (usize, usize), seed: u64) -> (Instance, DVector<f64>) {
    let mut rng = instances::rng(seed);
    let d = rng.random_range(6..=20usize);
    let spread: f64 = rng.random_range(0.0..1.0);
    let (least, most) = (n.0 as f64, n.1 as f64);
    let n = (least * (most / least).powf(spread)).round() as usize;
    let mut instance = match rows {
        Rows::Gaussian => instances::random(&mut rng, n, d, false),
        Rows::Scaled | Rows::Polytope => instances::polytope(&mut rng, n, d),
    };
    if rows == Rows::Scaled {
        for i in 0..n {
            let unit = 10f64.powf(rng.random_range(-4.0..4.0));
            instance.a.row_mut(i).scale_mut(unit);
            instance.b[i] *= unit;
        }
    }
    if rows != Rows::Gaussian {
        instance.x = instances::hit_and_run(&mut rng, &instance, 50);
    }
    let start = start(&mut rng, &instance, from);
    (instance, start)
}

fn start(rng: &mut StdRng, instance: &Instance, from: From) -> DVector<f64> {
    match from {
        From::Anywhere => instances::hit_and_run(rng, instance, 50),
        From::Towards(fraction) => {
            let h = DVector::from_fn(instance.x.len(), |_, _| instances::normal(rng));
            instances::towards_boundary(instance, &instance.x, &h, fraction)
        }
    }
}

/// How one run went.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Iterations until x was within 1e-10, relative; none if it never was.
    pub iterations: Option<u64>,
    /// The final relative error.
    pub error: f64,
    /// All iterations, also those after that.
    pub all: u64,
    /// Inner iterations of all.
    pub inner: u64,
}

/// Runs to the end, noting when x came within 1e-10 of the solution.
pub fn follow<O, S>(objective: O, solver: S, start: &DVector<f64>, x: &DVector<f64>) -> Run
where
    O: Objective<f64>,
    S: Solver<ArgminProblem<f64, O>, SolverState<f64>>,
{
    let errors = errors(objective, solver, start, |found| {
        (found - x).norm() / x.norm()
    });
    let within = errors.0.iter().position(|e| *e <= 1e-10);
    Run {
        iterations: within.map(|k| k as u64),
        error: errors.0.last().copied().unwrap_or(f64::INFINITY),
        all: (errors.0.len() as u64).saturating_sub(1),
        inner: errors.1,
    }
}

/// A measure of every iterate, the start first, and all inner iterations.
pub fn errors<O, S>(
    objective: O,
    solver: S,
    start: &DVector<f64>,
    measure: impl Fn(&DVector<f64>) -> f64,
) -> (Vec<f64>, u64)
where
    O: Objective<f64>,
    S: Solver<ArgminProblem<f64, O>, SolverState<f64>>,
{
    const MOST: u64 = 500;
    let points = Points::default();
    let run = Executor::new(ArgminProblem::new(objective), solver)
        .configure(|state| state.param(start.clone()).max_iters(MOST))
        .add_observer(
            points.clone(),
            argmin::core::observers::ObserverMode::Always,
        )
        .run();
    run.expect("a start inside");
    let seen = points.0.lock().expect("one thread");
    let errors = seen.0.iter().map(measure).collect();
    (errors, seen.1)
}

/// Every iterate, and the inner iterations.
#[derive(Debug, Clone, Default)]
struct Points(std::sync::Arc<std::sync::Mutex<(Vec<DVector<f64>>, u64)>>);

impl argmin::core::observers::Observe<SolverState<f64>> for Points {
    fn observe_init(
        &mut self,
        _: &str,
        state: &SolverState<f64>,
        _: &argmin::core::KV,
    ) -> Result<(), argmin::core::Error> {
        let mut seen = self.0.lock().expect("one thread");
        seen.0.extend(state.param.clone());
        Ok(())
    }

    fn observe_iter(
        &mut self,
        state: &SolverState<f64>,
        kv: &argmin::core::KV,
    ) -> Result<(), argmin::core::Error> {
        let mut seen = self.0.lock().expect("one thread");
        seen.0.extend(state.param.clone());
        seen.1 += kv.get("inner").and_then(|v| v.get_uint()).unwrap_or(0);
        Ok(())
    }
}

/// φ in the start's cell.
pub fn tilted(instance: &Instance, start: &DVector<f64>) -> TiltedBarrier<f64> {
    let model = model(instance.a.clone(), instance.b.clone(), Storage::Dense);
    let at = model.at(&instance.x).expect("inside");
    let c = at.score_gradient().expect("in memory");
    let loss = TiltedBarrier::new(&model, c).expect("a target");
    loss.in_cell_of(start).expect("a cell")
}

/// L_D in the start's cell.
pub fn scores(instance: &Instance, start: &DVector<f64>) -> ScoreInversion<f64> {
    let model = model(instance.a.clone(), instance.b.clone(), Storage::Dense);
    let target = model
        .at(&instance.x)
        .expect("inside")
        .scores()
        .expect("in memory")
        .clone();
    let loss = ScoreInversion::new(&model, target).expect("a target");
    loss.in_cell_of(start).expect("a cell")
}

/// x from its gradient by Newton in the cell.
pub fn newton(rows: Rows, from: From, n: (usize, usize), seed: u64) -> Run {
    let (instance, start) = task(rows, from, n, seed);
    follow(
        tilted(&instance, &start),
        CellNewton::new(),
        &start,
        &instance.x,
    )
}

/// x from its scores by Levenberg–Marquardt in the cell.
pub fn levenberg_marquardt(rows: Rows, from: From, n: (usize, usize), seed: u64) -> Run {
    let (instance, start) = task(rows, from, n, seed);
    let loss = scores(&instance, &start);
    follow(loss, LevenbergMarquardt::new(), &start, &instance.x)
}

/// The same from what global recovery finds.
pub fn after_recovery(rows: Rows, n: (usize, usize), seed: u64) -> Run {
    let (instance, start) = task(rows, From::Anywhere, n, seed);
    let loss = scores(&instance, &start);
    let rows = instance.a.nrows();
    let found = ScoreRecovery::new(loss.model(), loss.target().clone())
        .expect("scores")
        .signs(SignKnowledge::Known(Signs::positive(rows)))
        .expect("a sign each")
        .run()
        .expect("in memory");
    let start = found.x.expect("recovered");
    follow(loss, LevenbergMarquardt::new(), &start, &instance.x)
}
