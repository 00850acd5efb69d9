//! Comparisons: every pair is a row, and the rows say what happened.

mod common;

use std::time::Duration;

use argmin::core::{CostFunction, Executor, Gradient};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::neldermead::NelderMead;
use argmin::solver::quasinewton::LBFGS;
use levinv::adapter::ArgminObjective;
use levinv::compare::{
    Comparison, Contender, Ended, Measure, Outcome, Record, Suite, Task, Vetting, advice, vet,
};
use levinv::solver::{Limits, NamedSolver};
use levinv::{DVector, Error, Functions, Objective};
use nalgebra::{dmatrix, dvector};

type V = DVector<f64>;

fn bowl() -> Task {
    let f = Functions::new(
        2,
        |x: &V| x[0] * x[0] + 3.0 * x[1] * x[1],
        |x: &V| dvector![2.0 * x[0], 6.0 * x[1]],
    )
    .with_hessian(|_: &V| dmatrix![2.0, 0.0; 0.0, 6.0]);
    let task = Task::second_order("bowl", f, dvector![1.0, 1.0]).expect("a start");
    task.least_value(0.0)
}

fn limits() -> Limits {
    Limits {
        iterations: 1000,
        evaluations: 500,
        time: Some(Duration::from_secs(5)),
        ..Limits::default()
    }
}

fn rows(tasks: Vec<Task>, contenders: Vec<Contender>) -> Vec<Record> {
    let mut seen = 0;
    let records = Comparison::new(tasks, contenders)
        .limits(limits())
        .run(|_| seen += 1);
    assert_eq!(records.len(), seen, "every row is shown");
    records
}

#[test]
fn failures_panics_and_limits_are_rows_with_their_reasons() {
    let failing = Contender::argmin("failing", |_, _, _| {
        Err(argmin::core::Error::msg("gave up"))
    });
    let panicking = Contender::argmin("panicking", |_, _, _| -> Result<Ended, _> {
        panic!("on purpose")
    });
    let greedy = Contender::argmin("greedy", |problem, start, _| {
        loop {
            problem.cost(&start)?;
        }
    });
    let idle = Contender::argmin("idle", |_, _, _| {
        Ok(Ended {
            x: None,
            iterations: 0,
            termination: "did nothing".into(),
        })
    });
    let good = Contender::from(NamedSolver::CellNewton);
    let records = rows(vec![bowl()], vec![failing, panicking, greedy, idle, good]);
    let of = |name: &str| records.iter().find(|r| r.solver == name).expect("a row");
    assert_eq!(of("failing").outcome, Outcome::Failed);
    assert!(of("failing").reason.contains("gave up"));
    assert_eq!(of("panicking").outcome, Outcome::Panicked);
    assert_eq!(of("greedy").outcome, Outcome::Evaluations);
    assert_eq!(of("greedy").counts.cost, 501);
    assert_eq!(of("idle").outcome, Outcome::Ended);
    assert_eq!(of("idle").reason, "did nothing");
    assert!(!of("idle").has_reached(0));
    assert_eq!(of("cell-newton").outcome, Outcome::Ended);
    assert!(of("cell-newton").has_reached(4));
}

#[test]
fn time_stops_a_run_as_well() {
    let slow = Contender::argmin("slow", |problem, start, _| {
        loop {
            std::thread::sleep(Duration::from_millis(2));
            problem.cost(&start)?;
        }
    });
    let limits = Limits {
        time: Some(Duration::from_millis(20)),
        ..limits()
    };
    let records = Comparison::new(vec![bowl()], vec![slow])
        .limits(limits)
        .run(|_| {});
    assert_eq!(records[0].outcome, Outcome::Time, "{}", records[0].reason);
}

/// NaN away from the start: argmin's More–Thuente then asks for ever.
#[test]
fn a_line_search_that_loops_on_nan_is_stopped_and_reported() {
    let broken = |x: &V| {
        if x[0] < 1.0 { f64::NAN } else { x[0] }
    };
    let f = Functions::new(1, broken, |_: &V| dvector![1.0]);
    let task = Task::first_order("nan below 1", f, dvector![1.0]).expect("a start");
    let raw = Contender::argmin("lbfgs, bare", |problem, start, limits| {
        Executor::new(problem, LBFGS::new(MoreThuenteLineSearch::new(), 5))
            .configure(|s| s.param(start).max_iters(limits.iterations))
            .run()
            .map(Into::into)
    });
    let record = &Comparison::new(vec![task.clone()], vec![raw.clone()])
        .limits(limits())
        .pair(&task, &Vetting::Sound, &raw);
    assert_eq!(record.outcome, Outcome::Evaluations, "{}", record.reason);
}

#[test]
fn what_a_problem_does_not_offer_makes_a_solver_not_applicable() {
    let f = Functions::new(2, |x: &V| x.norm_squared(), |x: &V| 2.0 * x);
    let first = Task::first_order("gradient only", f, dvector![1.0, 2.0]).expect("a start");
    let contenders = NamedSolver::ALL.iter().copied().map(Contender::from);
    let records = rows(vec![first, bowl()], contenders.collect());
    let outcome = |solver: NamedSolver, problem: &str| {
        let row = records
            .iter()
            .find(|r| r.solver == solver.name() && r.problem == problem);
        row.expect("a row").outcome
    };
    use NamedSolver as S;
    for solver in [S::CellNewton, S::Newton, S::NewtonCg, S::LocalNewton] {
        assert_eq!(outcome(solver, "gradient only"), Outcome::NotApplicable);
        assert!(outcome(solver, "bowl").was_run());
    }
    for solver in [S::GaussNewton, S::LevenbergMarquardt, S::ApproximateNewton] {
        for problem in ["gradient only", "bowl"] {
            let found = outcome(solver, problem);
            assert_eq!(found, Outcome::NotApplicable, "{solver} on {problem}");
        }
    }
    assert!(outcome(S::LbfgsMoreThuente, "gradient only").was_run());
}

#[test]
fn a_planted_wrong_gradient_is_refused() {
    let f = Functions::new(
        2,
        |x: &V| x[0] * x[0] * x[1] + x[1].powi(4),
        |x: &V| dvector![2.0 * x[0] * x[1], x[0] * x[0] + 4.001 * x[1].powi(3)],
    );
    let task = Task::first_order("wrong", f, dvector![0.7, 1.1]).expect("a start");
    assert!(matches!(vet(&task), Vetting::Refused(_)));
    let contenders = [NamedSolver::LbfgsMoreThuente, NamedSolver::GradientDescent];
    let records = rows(vec![task, bowl()], contenders.map(Contender::from).to_vec());
    for r in &records {
        let refused = r.outcome == Outcome::Refused;
        assert_eq!(refused, r.problem == "wrong", "{r:?}");
        assert_eq!(refused, r.counts.total() == 0, "it is not run");
    }
}

#[test]
fn an_argmin_problem_and_any_argmin_solver_join_in_a_few_lines() {
    struct Quartic;
    impl CostFunction for Quartic {
        type Param = V;
        type Output = f64;
        fn cost(&self, x: &V) -> Result<f64, argmin::core::Error> {
            Ok(x.iter().map(|x| (x - 1.0).powi(4) + x * x).sum())
        }
    }
    impl Gradient for Quartic {
        type Param = V;
        type Gradient = V;
        fn gradient(&self, x: &V) -> Result<V, argmin::core::Error> {
            Ok(x.map(|x| 4.0 * (x - 1.0).powi(3) + 2.0 * x))
        }
    }
    let task = Task::first_order(
        "quartic",
        ArgminObjective::new(Quartic, 2),
        dvector![3.0, -2.0],
    )
    .expect("a start");
    let simplex = Contender::argmin("nelder-mead", |problem, start, limits| {
        let corner = |j: usize| {
            let mut corner = start.clone();
            corner[j] += 0.5;
            corner
        };
        let corners = vec![start.clone(), corner(0), corner(1)];
        let solver = NelderMead::new(corners).with_sd_tolerance(1e-14)?;
        Executor::new(problem, solver)
            .configure(|s| s.max_iters(limits.iterations))
            .run()
            .map(Into::into)
    });
    let lbfgs = Contender::from(NamedSolver::LbfgsMoreThuente);
    let records = rows(vec![task], vec![simplex, lbfgs]);
    // No least value was given: the best of both counts, and both are near it.
    assert!(
        records
            .iter()
            .all(|r| r.least_value == records[0].least_value)
    );
    assert!(records.iter().all(|r| r.has_reached(2)), "{records:?}");
}

#[test]
fn equal_seeds_give_equal_problems_and_equal_counts() {
    let contenders = || {
        [
            NamedSolver::CellNewton,
            NamedSolver::LbfgsMoreThuente,
            NamedSolver::ApproximateNewton,
            NamedSolver::TrustRegionSteihaug,
        ]
        .map(Contender::from)
        .to_vec()
    };
    let small = |suite: Suite, seed| -> Vec<Task> {
        let mut tasks = suite.tasks(seed).expect("problems");
        tasks.truncate(2);
        tasks
    };
    for suite in [
        Suite::Scores,
        Suite::Gradient,
        Suite::Polytope,
        Suite::Ridge,
    ] {
        let [a, b] = [0, 1].map(|_| rows(small(suite, 5), contenders()));
        for (a, b) in a.iter().zip(&b) {
            assert_eq!(a.counts, b.counts, "{} on {}", a.solver, a.problem);
            assert_eq!(a.value.to_bits(), b.value.to_bits());
            assert_eq!(a.reached, b.reached);
        }
        let other = small(suite, 6);
        assert_ne!(small(suite, 5)[0].start(), other[0].start());
    }
}

#[test]
fn every_problem_of_the_default_suite_is_sound_at_its_start() {
    let tasks = Suite::Default.tasks(0).expect("problems");
    assert!(tasks.len() >= 24, "{}", tasks.len());
    let mut names: Vec<&str> = tasks.iter().map(Task::name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), tasks.len(), "names are unique");
    let large = |t: &Task| t.start().len() >= 20;
    assert!(tasks.iter().filter(|t| large(t)).count() >= 4);
    for task in &tasks {
        let f = task.objective();
        let first = f.value(task.start()).expect("inside");
        let least = task.least().expect("known");
        assert!(first.is_finite() && first > least, "{}", task.name());
        assert!(f.gradient(task.start()).expect("inside").norm() > 0.0);
        if !large(task) {
            assert_eq!(vet(task), Vetting::Sound, "{}", task.name());
        }
    }
}

#[test]
fn a_start_that_is_none_is_refused() {
    let f = || Functions::new(2, |x: &V| x.norm_squared(), |x: &V| 2.0 * x);
    assert!(matches!(
        Task::first_order("short", f(), dvector![1.0]),
        Err(Error::Shape { what: "start", .. })
    ));
    assert!(matches!(
        Task::first_order("nan", f(), dvector![1.0, f64::NAN]),
        Err(Error::NonFinite {
            what: "start",
            index: 1,
            ..
        })
    ));
    assert!(f().value(&dvector![0.0, 0.0]).is_ok());
}

fn one(name: &str, f: fn(f64) -> [f64; 3], start: f64) -> Task {
    let objective = Functions::new(
        1,
        move |x: &V| f(x[0])[0],
        move |x: &V| dvector![f(x[0])[1]],
    )
    .with_hessian(move |x: &V| dmatrix![f(x[0])[2]]);
    Task::second_order(name, objective, dvector![start]).expect("a start")
}

#[test]
fn a_refusal_names_the_derivative_that_is_wrong() {
    // The gradient is right, half of the Hessian is missing.
    let task = one("wrong", |x| [x.powi(4), 4.0 * x.powi(3), 6.0 * x * x], 2.0);
    let Vetting::Refused(reason) = vet(&task) else {
        panic!("it is wrong");
    };
    assert!(
        reason.contains("Hessian") && !reason.contains("pass"),
        "{reason}"
    );
}

#[test]
fn a_least_value_that_nobody_knows_is_said_and_one_that_may_not_exist_too() {
    let hyperbolic = one("cosh", |x| [x.cosh() + x, x.sinh() + 1.0, x.cosh()], 3.0);
    let falls = one("linear", |x| [-x, -1.0, 0.0], 0.0);
    let not_a_number = bowl().least_value(f64::NAN);
    assert_eq!(not_a_number.least(), None);
    let solvers = [NamedSolver::CellNewton, NamedSolver::LbfgsMoreThuente];
    let records = rows(
        vec![hyperbolic, falls, bowl()],
        solvers.map(Contender::from).to_vec(),
    );
    let said = advice(&records, 2, &Measure::default(), 0).expect("an accuracy");
    for caution in [
        "Caution: the least value is not known for «cosh» and «linear»: judged by the best that \
         these runs found.",
        "Caution: the best found is no minimum for «linear», which may have none: successes there \
         mean nothing.",
    ] {
        assert!(said.iter().any(|s| s == caution), "{said:?}");
    }
}

#[test]
fn counts_judged_by_what_others_found_are_those_of_known_least_values_but_for_a_gap() {
    // A degenerate minimum, which steepest descent nears for as long as it may: its
    // value is beaten by Newton's, so its counts are judged again.
    let f: fn(f64) -> [f64; 3] = |x| [x.powi(4), 4.0 * x.powi(3), 12.0 * x * x];
    let of = |task: Task| {
        let solvers = [NamedSolver::CellNewton, NamedSolver::SteepestDescent];
        rows(vec![task], solvers.map(Contender::from).to_vec()).remove(1)
    };
    let (exact, settled) = (of(one("p", f, 2.0).least_value(0.0)), of(one("p", f, 2.0)));
    // A trace of 60 points over at most 500 evaluations has gaps of at most 500/59 + the
    // evaluations between two improvements, a line search of some ten.
    for (exact, settled) in exact.reached.iter().zip(&settled.reached) {
        let total = |c: &Option<levinv::solver::Counts>| c.map_or(0, |c| c.total());
        assert!(
            total(settled).abs_diff(total(exact)) < 30,
            "{settled:?}, {exact:?}"
        );
    }
}
