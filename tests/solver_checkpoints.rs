//! A run that was cut off goes on from argmin's checkpoint as if it never had
//! been, to the last bit.

#![cfg(feature = "serde")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/directory.rs"]
mod directory;
#[path = "common/instances.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod instances;

use argmin::core::checkpointing::{Checkpoint, CheckpointingFrequency};
use argmin::core::observers::{Observe, ObserverMode};
use argmin::core::{Error, Executor, KV, OptimizationResult, Solver, State};
use argmin_checkpointing_file::FileCheckpoint;
use directory::Directory;
use levinv::adapter::ArgminProblem;
use levinv::sample::{ScoreMethod, Sketch, Subsample};
use levinv::solver::{
    ApproximateNewton, CellNewton, GradientDescent, LevenbergMarquardt, LocalNewton,
    PreconditionedNewton, SolverState,
};
use levinv::{DVector, Model, ScoreInversion};
use serde::Serialize;
use serde::de::DeserializeOwned;

type V = DVector<f64>;
type Problem = ArgminProblem<f64, ScoreInversion<f64>>;
type S = SolverState<f64>;

/// Enough for a sketch to have fewer: 16·3 + 256.
const ROWS: usize = 400;

fn problem() -> (Problem, V) {
    let r = &mut instances::rng(5);
    let instance = instances::polytope(r, ROWS, 3);
    let x = instances::hit_and_run(r, &instance, 30);
    let h = V::from_fn(3, |_, _| instances::normal(r));
    let start = instances::towards_boundary(&instance, &x, &h, 0.02);
    let model = Model::new(instance.a, instance.b).unwrap();
    let scores = model.at(&x).unwrap().scores().expect("in memory").clone();
    let loss = ScoreInversion::new(&model, scores).unwrap();
    // So little of a ridge that it only lends its weights to the samples.
    let loss = loss.with_ridge(V::repeat(ROWS, 1e-2)).unwrap();
    (ArgminProblem::new(loss.in_cell_of(&start).unwrap()), start)
}

/// By scores that are sketched anew after a checkpoint, which saves none.
fn sampled() -> Subsample {
    let method = ScoreMethod::Sketched(Sketch::sparse_sign().columns(2).unwrap());
    Subsample::rows(100).unwrap().scores(method)
}

fn approximate() -> ApproximateNewton<f64> {
    let solver = ApproximateNewton::new().with_subsample(sampled());
    solver.with_seed(3)
}

fn preconditioned() -> PreconditionedNewton<f64> {
    let solver = PreconditionedNewton::new().with_subsample(sampled());
    solver.with_seed(3)
}

/// Pulls the plug in the iteration of this number, before it is saved.
struct PullsThePlug(u64);

impl Observe<S> for PullsThePlug {
    fn observe_iter(&mut self, state: &S, _: &KV) -> Result<(), Error> {
        match state.get_iter() == self.0 {
            true => Err(Error::msg("no power")),
            false => Ok(()),
        }
    }
}

trait Saved: Solver<Problem, S> + Serialize + DeserializeOwned {}
impl<T: Solver<Problem, S> + Serialize + DeserializeOwned> Saved for T {}

fn checkpoint(directory: &Directory) -> FileCheckpoint {
    FileCheckpoint::new(
        directory.path(""),
        "run".into(),
        CheckpointingFrequency::Always,
    )
}

fn bits<T>(result: &OptimizationResult<Problem, T, S>) -> (Vec<u64>, u64, u64) {
    let x = result.state.best_param.as_ref().unwrap();
    let x = x.iter().map(|x| x.to_bits()).collect();
    (x, result.state.best_cost.to_bits(), result.state.iter)
}

/// Cut off after every possible number of iterations up to a few.
fn assert_resumes<T: Saved>(solver: impl Fn() -> T, name: &str) {
    let (_, start) = problem();
    let whole = Executor::new(problem().0, solver())
        .configure(|state| state.param(start.clone()).max_iters(500))
        .run()
        .unwrap();
    let iterations = whole.state.iter;
    assert!(iterations >= 3, "{name}: {iterations} iterations");
    let saved = (2..iterations).take(6).chain([iterations - 1]);
    for cut in saved {
        let directory = Directory::new(&format!("checkpoint-{name}-{cut}"));
        let run = |plug: u64| {
            Executor::new(problem().0, solver())
                .configure(|state| state.param(start.clone()).max_iters(500))
                .add_observer(PullsThePlug(plug), ObserverMode::Always)
                .checkpointing(checkpoint(&directory))
                .run()
        };
        assert!(run(cut).is_err(), "{name}, cut off in {cut}");
        let resumed = run(u64::MAX).unwrap();
        assert_eq!(bits(&resumed), bits(&whole), "{name}, cut off in {cut}");
        let reasons = [&resumed, &whole].map(|r| r.state.termination_status.clone());
        assert_eq!(reasons[0], reasons[1], "{name}");
    }
}

#[test]
fn every_solver_goes_on_where_it_was_cut_off() {
    assert_resumes(CellNewton::<f64>::new, "newton");
    assert_resumes(LevenbergMarquardt::<f64>::new, "lm");
    assert_resumes(LocalNewton::<f64>::new, "local");
    assert_resumes(GradientDescent::<f64>::new, "descent");
    assert_resumes(approximate, "approximate");
    assert_resumes(preconditioned, "preconditioned");
}

/// Limits are part of the state that argmin saves: a run that ended at one goes on
/// from the checkpoint by hand, with another.
#[test]
fn a_run_that_ended_at_its_limit_goes_on_with_another() {
    fn claim<T: Saved>(solver: impl Fn() -> T, name: &str) {
        let (_, start) = problem();
        let whole = Executor::new(problem().0, solver())
            .configure(|state| state.param(start.clone()).max_iters(500))
            .run()
            .unwrap();
        let directory = Directory::new(&format!("limit-{name}"));
        let saved = checkpoint(&directory);
        Executor::new(problem().0, solver())
            .configure(|state| state.param(start).max_iters(2))
            .checkpointing(saved.clone())
            .run()
            .unwrap();
        let (solver, state): (T, S) = saved.load().unwrap().unwrap();
        let resumed = Executor::new(problem().0, solver)
            .configure(|_| state.max_iters(500))
            .run()
            .unwrap();
        assert_eq!(bits(&resumed), bits(&whole), "{name}");
    }
    claim(CellNewton::<f64>::new, "newton");
    claim(LevenbergMarquardt::<f64>::new, "lm");
    claim(LocalNewton::<f64>::new, "local");
    claim(GradientDescent::<f64>::new, "descent");
    claim(approximate, "approximate");
    claim(preconditioned, "preconditioned");
}

/// L and λ come back from the file, and settings do.
#[test]
fn solvers_are_read_back_as_they_were() {
    fn claim<T: Saved + PartialEq + std::fmt::Debug>(solver: T) {
        let (problem, start) = problem();
        let run = Executor::new(problem, solver)
            .configure(|state| state.param(start).max_iters(2))
            .run()
            .unwrap();
        let text = serde_json::to_string(&run.solver).unwrap();
        let back: T = serde_json::from_str(&text).unwrap();
        assert_eq!(back, run.solver);
    }
    claim(CellNewton::new().with_boundary_fraction(0.3).unwrap());
    claim(LevenbergMarquardt::new().with_first_damping(0.1).unwrap());
    claim(LocalNewton::new().with_shrinking(0.7).unwrap());
    claim(GradientDescent::new().with_smoothness(3.0).unwrap());
}
