//! Rows that cannot be read: the reader's own error comes out of every call.
//!
//! A design of one's own may sit behind a file or a network. Whichever read
//! fails, and however deep inside a solver, the caller must see that error and
//! no conclusion drawn from rows that never came.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argmin::core::{CostFunction, Executor, Gradient, State, TerminationReason, TerminationStatus};
use argmin::solver::linesearch::{HagerZhangLineSearch, MoreThuenteLineSearch};
use argmin::solver::newton::{Newton, NewtonCG};
use argmin::solver::quasinewton::LBFGS;
use argmin::solver::trustregion::{Steihaug, TrustRegion};
use levinv::adapter::{ArgminProblem, MatrixFreeProblem, Retreat};
use levinv::recover::{GradientRecovery, ScoreRecovery, SignKnowledge, largest_slack_start};
use levinv::solver::{FullObjective, History, Limits, NamedSolver, Watched};
use levinv::{
    DMatrix, DVector, Design, DesignMatrix, Error, GradientInversion, Model, Scaled,
    ScoreInversion, Signs, VolumetricBarrier,
};

type V = DVector<f64>;
type M = DMatrix<f64>;

const N: usize = 9;

/// Rows whose k-th read fails, once; later ones succeed again, so that nothing
/// but passing the error on reports it.
#[derive(Clone)]
struct Store {
    a: Arc<M>,
    reads: Arc<AtomicUsize>,
    fails: Arc<AtomicUsize>,
}

fn lost() -> Error {
    Error::Solver {
        what: "the row store",
        reason: "connection lost".to_string(),
    }
}

impl DesignMatrix<f64> for Store {
    fn nrows(&self) -> usize {
        self.a.nrows()
    }

    fn ncols(&self) -> usize {
        self.a.ncols()
    }

    fn read_rows(&self, start: usize, rows: &mut M) -> Result<(), Error> {
        if self.reads.fetch_add(1, Ordering::Relaxed) == self.fails.load(Ordering::Relaxed) {
            return Err(lost());
        }
        rows.copy_from(&self.a.rows(start, rows.nrows()));
        Ok(())
    }
}

impl Store {
    fn new() -> Self {
        let a = M::from_fn(N, 2, |i, j| {
            let angle = i as f64 * 0.8 + 0.1 * (i * i) as f64;
            if j == 0 { angle.cos() } else { angle.sin() }
        });
        Store {
            a: Arc::new(a),
            reads: Arc::default(),
            fails: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }

    fn model(&self) -> Result<Model<f64>, Error> {
        Model::new(
            Design::new(self.clone()),
            V::from_fn(N, |i, _| -1.0 - 0.1 * i as f64),
        )
    }

    /// Counts from here; the read with this number fails.
    fn arm(&self, fails: usize) {
        self.reads.store(0, Ordering::Relaxed);
        self.fails.store(fails, Ordering::Relaxed);
    }
}

fn point() -> V {
    V::from_vec(vec![0.2, -0.1])
}

fn start() -> V {
    V::from_vec(vec![-0.1, 0.1])
}

/// `work` on a fresh model fails with the reader's error whichever read fails.
fn assert_every_read_is_reported(name: &str, work: impl Fn(&Model<f64>) -> Result<(), Error>) {
    let run = |fails: usize| {
        let store = Store::new();
        let model = store.model().unwrap();
        store.arm(fails);
        let result = work(&model);
        (result, store.reads.load(Ordering::Relaxed))
    };
    let (sound, reads) = run(usize::MAX);
    assert_eq!(sound, Ok(()), "{name} fails without cause");
    assert!(reads > 0, "{name} reads nothing: the test is void");
    let silent: Vec<usize> = (0..reads).filter(|&k| run(k).0 != Err(lost())).collect();
    assert!(
        silent.is_empty(),
        "{name}: of {reads} reads, failures of {silent:?} are not reported"
    );
}

/// argmin's error type, downcast again; argmin's own errors by their words.
fn ours<R>(result: Result<R, argmin::core::Error>) -> Result<(), Error> {
    result
        .map(drop)
        .map_err(|error| match error.downcast_ref::<Error>() {
            Some(ours) => ours.clone(),
            None => Error::Solver {
                what: "argmin",
                reason: error.to_string(),
            },
        })
}

/// argmin's LBFGS turns an error of the line search into a reason to stop: its
/// words are all that is left of it.
fn in_words(status: &TerminationStatus) -> Result<(), argmin::core::Error> {
    match status {
        TerminationStatus::Terminated(TerminationReason::SolverExit(why))
            if why.contains(&lost().to_string()) =>
        {
            Err(lost().into())
        }
        _ => Ok(()),
    }
}

type Loss = Arc<dyn FullObjective<f64>>;

/// The three losses with everything that can be added to them.
fn losses(model: &Model<f64>) -> Result<[Loss; 3], Error> {
    let w = V::from_element(N, 0.1);
    let scores = V::from_element(N, 2.0 / N as f64);
    let cell = Signs::positive(N);
    Ok([
        Arc::new(
            VolumetricBarrier::new(model)
                .with_ridge(w.clone())?
                .in_cell(cell.clone())?,
        ),
        Arc::new(
            ScoreInversion::new(model, scores)?
                .with_ridge(w.clone())?
                .in_cell(cell.clone())?,
        ),
        Arc::new(
            GradientInversion::new(model, point())?
                .with_ridge(w)?
                .in_cell(cell)?,
        ),
    ])
}

#[test]
fn a_model_is_not_made_of_rows_that_cannot_be_read() {
    let store = Store::new();
    store.model().unwrap();
    for k in 0..store.reads.load(Ordering::Relaxed) {
        store.arm(k);
        assert_eq!(store.model().map(drop), Err(lost()), "read {k}");
    }
}

#[test]
fn the_geometry_passes_the_readers_error_on() {
    let check = |name: &str, work: fn(&Model<f64>) -> Result<(), Error>| {
        assert_every_read_is_reported(name, work)
    };
    const HALVES: fn() -> V = || V::from_element(N, 0.5);
    check("slack", |m| m.slack(&point()).map(drop));
    check("at", |m| m.at(&point()).map(drop));
    check("apply", |m| m.at(&point())?.apply(&point()).map(drop));
    check("apply_transposed", |m| {
        m.at(&point())?.apply_transposed(&HALVES()).map(drop)
    });
    check("gram", |m| m.at(&point())?.gram(&HALVES()).map(drop));
    check("laplacian", |m| {
        m.at(&point())?.laplacian(&HALVES()).map(drop)
    });
    check("squared_projection", |m| {
        m.at(&point())?.squared_projection(&HALVES()).map(drop)
    });
    check("in_cell_of", |m| {
        VolumetricBarrier::new(m).in_cell_of(&point()).map(drop)
    });
    check("largest_slack_start", |m| {
        largest_slack_start(m, &Signs::positive(N)).map(drop)
    });
}

#[test]
fn every_quantity_of_a_loss_passes_the_readers_error_on() {
    for k in 0..3 {
        let check = |name: &str, work: fn(&Loss) -> Result<(), Error>| {
            assert_every_read_is_reported(&format!("{name} of loss {k}"), |m| work(&losses(m)?[k]));
        };
        check("value", |f| f.value(&point()).map(drop));
        check("gradient", |f| f.gradient(&point()).map(drop));
        check("hessian", |f| f.hessian(&point()).map(drop));
        check("product", |f| {
            f.hessian_product(&point(), &start()).map(drop)
        });
        check("residual", |f| f.residual(&point()).map(drop));
        check("jacobian", |f| f.jacobian(&point()).map(drop));
        check("metric", |f| f.metric(&point()).map(drop));
        check("largest_step", |f| {
            f.largest_step(&point(), &start()).map(drop)
        });
    }
}

#[test]
fn score_recovery_passes_the_readers_error_on() {
    let sound = Store::new().model().unwrap();
    let target = sound
        .at(&point())
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    // Scores that no x has take the longer way, to a least-squares fit.
    let far = sound
        .at(&V::from_vec(vec![0.4, 0.3]))
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    for target in [&target, &((&target + &far) * 0.5)] {
        let recovery = |m: &Model<f64>| ScoreRecovery::new(m, target.clone());
        assert_every_read_is_reported("score recovery", |m| recovery(m)?.run().map(drop));
        assert_every_read_is_reported("score recovery, signs given", |m| {
            recovery(m)?
                .signs(SignKnowledge::Known(Signs::positive(N)))?
                .run()
                .map(drop)
        });
        assert_every_read_is_reported("score recovery, ridge", |m| {
            recovery(m)?.ridge(V::from_element(N, 0.1)).run().map(drop)
        });
    }
}

#[test]
fn gradient_recovery_passes_the_readers_error_on() {
    let recovery = |m: &Model<f64>| GradientRecovery::new(m, V::from_vec(vec![3.0, -40.0]));
    assert_every_read_is_reported("gradient recovery", |m| recovery(m)?.run().map(drop));
    assert_every_read_is_reported("gradient recovery, start", |m| {
        recovery(m)?.start(start())?.run().map(drop)
    });
    assert_every_read_is_reported("gradient recovery, ridge", |m| {
        recovery(m)?.ridge(V::from_element(N, 0.1)).run().map(drop)
    });
}

#[test]
fn argmin_hands_the_readers_error_back() {
    for k in 0..3 {
        let check = |name: &str, work: fn(&Loss) -> Result<(), argmin::core::Error>| {
            assert_every_read_is_reported(&format!("{name} on loss {k}"), |m| {
                ours(work(&losses(m)?[k]))
            });
        };
        check("LBFGS", |f| {
            let search = Retreat::new(MoreThuenteLineSearch::new());
            let problem = ArgminProblem::new(scaled(f)?);
            let solver = LBFGS::<_, V, V, f64>::new(search, 3);
            let run = Executor::new(problem, solver)
                .configure(|s| s.param(V::zeros(2)).max_iters(3))
                .run()?;
            in_words(run.state.get_termination_status())
        });
        check("LBFGS with Hager-Zhang", |f| {
            let search = Retreat::new(HagerZhangLineSearch::new().with_bounds(1e-16, 4.0)?);
            let problem = ArgminProblem::new(scaled(f)?);
            let solver = LBFGS::<_, V, V, f64>::new(search, 3);
            let run = Executor::new(problem, solver)
                .configure(|s| s.param(V::zeros(2)).max_iters(3))
                .run()?;
            in_words(run.state.get_termination_status())
        });
        check("Newton", |f| {
            let problem = ArgminProblem::new(scaled(f)?);
            Executor::new(problem, Newton::<f64>::new())
                .configure(|s| s.param(V::zeros(2)).max_iters(1))
                .run()
                .map(drop)
        });
        check("NewtonCG, matrix-free", |f| {
            let search = Retreat::new(MoreThuenteLineSearch::new());
            let problem = MatrixFreeProblem::new(scaled(f)?);
            let solver: NewtonCG<_, f64> = NewtonCG::new(search);
            Executor::new(problem, solver)
                .configure(|s| s.param(V::zeros(2)).max_iters(3))
                .run()
                .map(drop)
        });
        check("TrustRegion, matrix-free", |f| {
            let problem = MatrixFreeProblem::new(scaled(f)?);
            let solver = TrustRegion::new(Steihaug::new()).with_radius(0.5)?;
            Executor::new(problem, solver)
                .configure(|s| s.param(V::zeros(2)).max_iters(3))
                .run()
                .map(drop)
        });
    }
}

/// The loss in natural coordinates, which every solver takes.
fn scaled(f: &Loss) -> Result<Scaled<f64, Watched<f64>>, Error> {
    Scaled::new(Watched::new(Arc::clone(f), u64::MAX), &start())
}

#[test]
fn a_solver_by_name_ends_at_the_readers_error_and_reports_it() {
    let mut faults = Vec::new();
    for solver in NamedSolver::ALL {
        let run = |fails: usize| {
            let store = Store::new();
            let [_, loss, _] = losses(&store.model().unwrap()).unwrap();
            store.arm(fails);
            let run = solver.run(
                loss,
                &start(),
                &Limits {
                    iterations: 2,
                    evaluations: 200,
                    time: None,
                    gradient: 1e-8,
                },
                &History::default(),
            );
            (run, store.reads.load(Ordering::Relaxed))
        };
        // Before the first step there is nothing to report but the error; later
        // the run is kept, and says how it ended.
        let reported = |k: usize| match run(k).0 {
            Err(error) => error == lost(),
            Ok(run) => run
                .error
                .is_some_and(|words| words.contains(&lost().to_string())),
        };
        let reads = run(usize::MAX).1;
        let silent: Vec<usize> = (0..reads).filter(|&k| !reported(k)).collect();
        if !silent.is_empty() {
            faults.push(format!(
                "{solver}: of {reads} reads, failures of {silent:?}"
            ));
        }
    }
    assert!(faults.is_empty(), "not reported: {faults:#?}");
}

#[test]
fn errors_downcast_again_from_argmins_own() {
    let model = Store::new().model().unwrap();
    let outside = V::from_vec(vec![-3.0, 0.0]);
    for loss in losses(&model).unwrap() {
        let expected = loss.gradient(&outside).unwrap_err();
        assert!(matches!(expected, Error::OutsideDomain { .. }));
        let problem = ArgminProblem::new(Watched::new(Arc::clone(&loss), u64::MAX));
        assert_eq!(ours(problem.gradient(&outside)), Err(expected.clone()));
        assert_eq!(
            ours(problem.cost(&V::zeros(5))),
            loss.value(&V::zeros(5)).map(drop)
        );
        assert_eq!(problem.cost(&outside).unwrap(), f64::INFINITY);
        let solver = LBFGS::<_, V, V, f64>::new(MoreThuenteLineSearch::new(), 3);
        let run = Executor::new(problem, solver)
            .configure(|s| s.param(outside.clone()).max_iters(3))
            .run();
        assert_eq!(ours(run), Err(expected.clone()));
        let problem = MatrixFreeProblem::new(Watched::new(loss, u64::MAX));
        let solver = TrustRegion::new(Steihaug::new());
        let run = Executor::new(problem, solver)
            .configure(|s| s.param(outside.clone()).max_iters(3))
            .run();
        assert_eq!(ours(run), Err(expected));
    }
}
