//! How runs of the crate's own solvers end, their settings, and argmin's own
//! means around them: limits, observers, timeouts, a solver value used again.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/instances.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod instances;
#[path = "common/runs.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod runs;

use std::time::Duration;

use argmin::core::observers::ObserverMode;
use argmin::core::{Executor, Solver, State, TerminationReason, TerminationStatus};
use levinv::adapter::ArgminProblem;
use levinv::solver::{
    CellNewton, GradientDescent, History, LevenbergMarquardt, LocalNewton, SolverState,
};
use levinv::{DMatrix, DVector, Error, Functions, Model, Objective, ScoreInversion};
use runs::{Own, run};

type V = DVector<f64>;
type Problem = ArgminProblem<f64, ScoreInversion<f64>>;

/// Recovery from scores from so near that every solver converges, and the start.
fn problem() -> (ScoreInversion<f64>, V) {
    let r = &mut instances::rng(5);
    let instance = instances::polytope(r, 60, 3);
    let x = instances::hit_and_run(r, &instance, 30);
    let h = V::from_fn(3, |_, _| instances::normal(r));
    let start = instances::towards_boundary(&instance, &x, &h, 0.02);
    let model = Model::new(instance.a, instance.b).unwrap();
    let scores = model.at(&x).unwrap().scores().expect("in memory").clone();
    let loss = ScoreInversion::new(&model, scores).unwrap();
    (loss.in_cell_of(&start).unwrap(), start)
}

/// The claim for each of the solvers.
macro_rules! for_each_solver {
    ($claim:ident) => {
        $claim(CellNewton::new());
        $claim(LevenbergMarquardt::new());
        $claim(LocalNewton::new());
        $claim(GradientDescent::new());
    };
}

trait Tried: Solver<Problem, SolverState<f64>> + Own + Clone {}
impl<S: Solver<Problem, SolverState<f64>> + Own + Clone> Tried for S {}

fn ended(reason: TerminationReason) -> TerminationStatus {
    TerminationStatus::Terminated(reason)
}

#[test]
fn an_iteration_limit_ends_a_run_without_a_stop() {
    fn claim(solver: impl Tried) {
        let (loss, start) = problem();
        for limit in [0, 1, 2] {
            let run = run(solver.clone(), loss.clone(), &start, limit).unwrap();
            assert_eq!((run.stop, run.iterations), (None, limit));
            assert_eq!(run.termination, ended(TerminationReason::MaxItersReached));
            assert_eq!(run.x == start, limit == 0);
        }
    }
    for_each_solver!(claim);
}

#[test]
fn a_target_cost_ends_a_run_without_a_stop() {
    fn claim(solver: impl Tried) {
        let (loss, start) = problem();
        let target = loss.value(&start).unwrap() * 0.5;
        let result = Executor::new(ArgminProblem::new(loss), solver)
            .configure(|state| state.param(start).target_cost(target))
            .run()
            .unwrap();
        assert_eq!(result.solver.why(), None);
        let reason = TerminationReason::TargetCostReached;
        assert_eq!(result.state.termination_status, ended(reason));
        assert!(result.state.best_cost <= target);
    }
    for_each_solver!(claim);
}

#[test]
fn a_timeout_ends_a_run_after_the_iteration_it_falls_in() {
    fn claim(solver: impl Tried) {
        let (loss, start) = problem();
        let result = Executor::new(ArgminProblem::new(loss), solver)
            .configure(|state| state.param(start))
            .timeout(Duration::ZERO)
            .run()
            .unwrap();
        let status = ended(TerminationReason::Timeout);
        assert_eq!(result.state.termination_status, status);
        assert_eq!((result.state.iter, result.solver.why()), (1, None));
    }
    for_each_solver!(claim);
}

#[test]
fn what_argmin_is_told_agrees_with_the_stop() {
    fn claim(solver: impl Tried) {
        let (loss, start) = problem();
        let run = run(solver, loss, &start, 2000).unwrap();
        let stop = run.stop.unwrap();
        let reason = match stop.is_success() {
            true => TerminationReason::SolverConverged,
            false => TerminationReason::SolverExit(stop.to_string()),
        };
        assert_eq!(run.termination, ended(reason));
    }
    for_each_solver!(claim);
}

#[test]
fn observers_see_the_columns_and_the_best_point_is_the_last() {
    fn claim(solver: impl Tried) {
        let (loss, start) = problem();
        let history = History::default();
        let run = run(solver.clone(), loss.clone(), &start, 2000).unwrap();
        let result = Executor::new(ArgminProblem::new(loss.clone()), solver)
            .configure(|state| state.param(start).max_iters(2000))
            .add_observer(history.clone(), ObserverMode::NewBest)
            .run()
            .unwrap();
        let rows = history.rows();
        // Each iteration is a new best, the one that finds the end included.
        assert_eq!(rows.len() as u64, result.state.iter);
        for (row, passed) in rows.iter().zip(&run.passed) {
            assert_eq!(row.cost, passed.value);
            assert_eq!(row.gradient, Some(passed.gradient));
            assert_eq!(row.step, Some(passed.step));
            assert_eq!((row.sample, row.inner), (None, None));
            let gradient = loss.gradient(&passed.x).unwrap().norm();
            assert_eq!(passed.gradient, gradient);
        }
        let last = run.passed.last().unwrap();
        assert_eq!(result.state.best_param, result.state.param);
        assert_eq!(result.state.best_param.as_ref(), Some(&last.x));
        // The end was found without a step.
        assert_eq!(last.step, 0.0);
    }
    for_each_solver!(claim);
}

#[test]
fn rows_of_a_history_say_when() {
    // Each value takes a millisecond, and each iteration at least one value.
    let pause = Duration::from_millis(1);
    let slow = Functions::new(
        1,
        move |x: &DVector<f64>| {
            std::thread::sleep(pause);
            x[0].cosh()
        },
        |x: &DVector<f64>| x.map(f64::sinh),
    )
    .with_hessian(|x: &DVector<f64>| DMatrix::from_element(1, 1, x[0].cosh()));
    let history = History::default();
    Executor::new(ArgminProblem::new(slow), CellNewton::new())
        .configure(|state| state.param(DVector::from_element(1, 2.0)).max_iters(3))
        .add_observer(history.clone(), ObserverMode::Always)
        .run()
        .unwrap();
    let elapsed: Vec<Duration> = history.rows().iter().map(|row| row.elapsed).collect();
    assert_eq!(elapsed.len(), 3);
    let mut before = Duration::ZERO;
    for now in elapsed {
        assert!(now >= before + pause, "{before:?} {now:?}");
        before = now;
    }
}

#[test]
fn evaluations_are_counted_by_argmin() {
    let (loss, start) = problem();
    let result = Executor::new(ArgminProblem::new(loss), CellNewton::new())
        .configure(|state| state.param(start).counting(true))
        .run()
        .unwrap();
    let counts = result.state.get_func_counts();
    assert_eq!(counts["hessian_count"], result.state.iter);
    assert_eq!(counts["gradient_count"], result.state.iter);
    assert!(counts["cost_count"] >= result.state.iter);
}

#[test]
fn a_solver_value_that_has_run_is_as_good_as_new() {
    fn claim(solver: impl Tried) {
        let (loss, start) = problem();
        let run = |solver| {
            Executor::new(ArgminProblem::new(loss.clone()), solver)
                .configure(|state: SolverState<f64>| state.param(start.clone()).max_iters(2000))
                .run()
                .unwrap()
        };
        let first = run(solver);
        let again = run(first.solver);
        assert_eq!(first.state.best_param, again.state.best_param);
        assert_eq!(first.state.iter, again.state.iter);
        assert!(again.solver.why().is_some());
    }
    for_each_solver!(claim);
    claim(GradientDescent::new().with_smoothness(100.0).unwrap());
}

#[test]
fn a_run_without_a_start_is_an_error() {
    fn claim(solver: impl Tried) {
        let (loss, _) = problem();
        let result = Executor::new(ArgminProblem::new(loss), solver).run();
        let error = result.err().unwrap();
        let error = error.downcast_ref::<Error>().unwrap();
        assert!(matches!(error, Error::Solver { .. }), "{error}");
        assert!(error.to_string().contains("param"), "{error}");
    }
    for_each_solver!(claim);
}

#[test]
fn a_start_outside_the_cell_or_of_another_length_is_an_error() {
    fn claim(solver: impl Tried) {
        let (loss, start) = problem();
        let kind = |start: V| {
            let error = run(solver.clone(), loss.clone(), &start, 9).unwrap_err();
            error.downcast_ref::<Error>().unwrap().kind()
        };
        assert_eq!(kind(&start * 1e3), "outside_domain");
        assert_eq!(kind(V::zeros(4)), "shape");
        assert_eq!(kind(V::zeros(0)), "shape");
        assert_eq!(kind(V::repeat(3, f64::NAN)), "non_finite");
    }
    for_each_solver!(claim);
}

#[test]
fn a_gradient_tolerance_ends_at_the_first_point_that_meets_it() {
    fn check(run: runs::Run<f64>, tolerance: f64) {
        assert_eq!(run.stop, Some(levinv::solver::Stop::Gradient));
        let (last, before) = run.passed.split_last().unwrap();
        assert!(last.gradient <= tolerance);
        let reached = before.iter().filter(|p| p.gradient <= tolerance).count();
        // The step to that point, and the iteration that finds it good enough.
        assert!(reached <= 1, "{reached}");
    }
    let (loss, start) = problem();
    for part in [2.0, 1e-3] {
        let tolerance = part * loss.gradient(&start).unwrap().norm();
        macro_rules! with {
            ($solver:expr) => {
                let solver = $solver.with_gradient_tolerance(tolerance).unwrap();
                check(run(solver, loss.clone(), &start, 2000).unwrap(), tolerance);
            };
        }
        with!(CellNewton::new());
        with!(LevenbergMarquardt::new());
        with!(LocalNewton::new());
        with!(GradientDescent::new());
    }
}

/// The name that an error of a setting states, for a value that it refuses.
fn refused<S: std::fmt::Debug>(result: Result<S, Error>) -> &'static str {
    match result.unwrap_err() {
        Error::OutOfRange { name, .. } => name,
        other => panic!("{other}"),
    }
}

#[test]
fn settings_refuse_what_makes_no_sense() {
    let nonsense = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, -1e-300];
    for bad in nonsense {
        assert_eq!(refused(CellNewton::new().with_tolerance(bad)), "tolerance");
        let tolerances = [
            refused(CellNewton::new().with_gradient_tolerance(bad)),
            refused(LevenbergMarquardt::new().with_gradient_tolerance(bad)),
            refused(LocalNewton::new().with_gradient_tolerance(bad)),
            refused(GradientDescent::new().with_gradient_tolerance(bad)),
        ];
        assert_eq!(tolerances, ["gradient tolerance"; 4]);
    }
    for bad in nonsense.into_iter().chain([0.0]) {
        let names = [
            refused(LevenbergMarquardt::new().with_first_damping(bad)),
            refused(GradientDescent::new().with_reduction(bad)),
            refused(GradientDescent::new().with_smoothness(bad)),
        ];
        assert_eq!(names, ["first damping", "reduction", "smoothness"]);
    }
    for bad in nonsense.into_iter().chain([0.0, 1.0, 1.5]) {
        let names = [
            refused(CellNewton::new().with_boundary_fraction(bad)),
            refused(LevenbergMarquardt::new().with_boundary_fraction(bad)),
            refused(LocalNewton::new().with_shrinking(bad)),
        ];
        let fraction = "boundary fraction";
        assert_eq!(names, [fraction, fraction, "shrinking factor"]);
    }
    assert!(CellNewton::new().with_tolerance(0.0).is_ok());
    assert!(GradientDescent::new().with_gradient_tolerance(0.0).is_ok());
}
