//! argmin's own solvers by name, each set up the way it works best here.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argmin::core::observers::{Observe, ObserverMode};
use argmin::core::{Error, Executor, IterState, KV, State};
use argmin::solver::conjugategradient::NonlinearConjugateGradient;
use argmin::solver::conjugategradient::beta::{FletcherReeves, PolakRibierePlus};
use argmin::solver::gaussnewton::{GaussNewton, GaussNewtonLS};
use argmin::solver::gradientdescent::SteepestDescent;
use argmin::solver::linesearch::condition::ArmijoCondition;
use argmin::solver::linesearch::{
    BacktrackingLineSearch, HagerZhangLineSearch, MoreThuenteLineSearch,
};
use argmin::solver::newton::{Newton, NewtonCG};
use argmin::solver::quasinewton::{BFGS, DFP, LBFGS, SR1, SR1TrustRegion};
use argmin::solver::trustregion::{CauchyPoint, Dogleg, Steihaug, TrustRegion};
use nalgebra::{DMatrix, DVector};

use super::{Counts, FullObjective, Watched};
use crate::adapter::{ArgminProblem, Mat, MatrixFreeProblem, Retreat};
use crate::objective::{Objective, Scaled};

type V = DVector<f64>;

macro_rules! solvers {
    ($($variant:ident = $name:literal: $what:literal),* $(,)?) => {
        /// A solver of argmin 0.11 that takes derivatives, by name.
        ///
        /// What each needs, reaches and gets wrong: the table in
        /// [`adapter`](crate::adapter).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ArgminSolver {
            $(#[doc = $what] $variant),*
        }

        impl ArgminSolver {
            /// All of them.
            pub const ALL: &'static [ArgminSolver] = &[$(ArgminSolver::$variant),*];

            /// The name, as the command line takes it.
            pub fn name(self) -> &'static str {
                match self { $(ArgminSolver::$variant => $name),* }
            }
        }
    };
}

solvers! {
    SteepestDescent = "steepest-descent": "Steepest descent, More–Thuente line search.",
    NlcgFletcherReeves = "nlcg-fr": "Nonlinear conjugate gradients, Fletcher–Reeves.",
    NlcgPolakRibiere = "nlcg-pr": "Nonlinear conjugate gradients, Polak–Ribière+.",
    Bfgs = "bfgs": "BFGS, More–Thuente line search.",
    Dfp = "dfp": "DFP, More–Thuente line search.",
    Sr1 = "sr1": "SR1, More–Thuente line search.",
    Sr1TrustRegion = "sr1-trust-region": "SR1 with a Steihaug trust region.",
    LbfgsMoreThuente = "lbfgs": "Limited-memory BFGS, More–Thuente line search.",
    LbfgsHagerZhang = "lbfgs-hager-zhang": "Limited-memory BFGS, Hager–Zhang line search.",
    LbfgsBacktracking = "lbfgs-backtracking": "Limited-memory BFGS, Armijo backtracking.",
    Newton = "newton": "Newton without a line search.",
    NewtonCg = "newton-cg": "Newton–CG, matrix-free, More–Thuente line search.",
    TrustRegionSteihaug = "trust-region": "Trust region with Steihaug's conjugate gradients, matrix-free.",
    TrustRegionDogleg = "dogleg": "Trust region with the dogleg step.",
    TrustRegionCauchy = "cauchy-point": "Trust region with the Cauchy point.",
    GaussNewton = "gauss-newton": "Gauss–Newton without a line search.",
    GaussNewtonLs = "gauss-newton-ls": "Gauss–Newton, Armijo backtracking on ‖r‖.",
}

/// Pairs that the limited-memory methods keep; 7 is argmin's own example.
pub const LBFGS_MEMORY: usize = 7;

/// The end of Hager–Zhang's first bracket: it must lie beyond the minimum, and
/// quasi-Newton steps have length 1.
const HAGER_ZHANG_BRACKET: f64 = 4.0;

impl fmt::Display for ArgminSolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ArgminSolver {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|s| s.name() == name)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|s| s.name()).collect();
                format!("unknown solver {name:?}; one of {}", names.join(", "))
            })
    }
}

/// One argmin iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IterationRow {
    /// argmin's iteration counter.
    pub iteration: u64,
    /// The cost that the solver reports: f, or ‖r‖ for Gauss–Newton.
    pub cost: f64,
    /// Time since the start.
    pub elapsed: Duration,
}

/// What a run came to, whether or not argmin called it a success.
#[derive(Debug, Clone)]
pub struct SolverRun {
    /// The best point, judged by the objective's value.
    pub x: V,
    /// f(x).
    pub value: f64,
    /// argmin's iterations.
    pub iterations: u64,
    /// What was evaluated.
    pub counts: Counts,
    /// argmin's own reason for stopping, or its error.
    pub termination: String,
    /// The error that ended the run, if one did.
    pub error: Option<String>,
    /// One row per iteration.
    pub history: Vec<IterationRow>,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<IterationRow>>>);

impl<I: State<Float = f64>> Observe<I> for Log {
    fn observe_iter(&mut self, state: &I, _: &KV) -> Result<(), Error> {
        let elapsed = state.get_time().unwrap_or_default();
        let row = IterationRow {
            iteration: state.get_iter(),
            cost: state.get_cost(),
            elapsed,
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(row);
        Ok(())
    }
}

/// Runs an executor to its end, which is a final point and a reason.
macro_rules! execute {
    ($problem:expr, $solver:expr, $log:expr, $max_iters:expr, |$state:ident| $configure:expr) => {
        Executor::new($problem, $solver)
            .configure(|$state| $configure.max_iters($max_iters))
            .add_observer($log, ObserverMode::Always)
            .run()
            .map(|result| finish(result.state))
    };
}

type End = (Option<V>, u64, String);

fn finish<G, J, H, R>(mut state: IterState<V, G, J, H, R, f64>) -> End {
    let termination = state.get_termination_status().to_string();
    let iterations = state.get_iter();
    // A solver without a cost, like Newton, has no best point, only a last one.
    let x = state.take_best_param().or_else(|| state.take_param());
    (x, iterations, termination)
}

impl ArgminSolver {
    /// Runs on an objective from a start, in [`Scaled`] coordinates, stopping
    /// where the gradient has fallen to `tolerance` times its start, for those
    /// solvers that can be told so.
    ///
    /// A run that argmin ends with an error is a run all the same: it returns
    /// the best point it had seen.
    ///
    /// # Errors
    /// Only where the start itself cannot be evaluated.
    pub fn run(
        self,
        objective: Arc<dyn FullObjective<f64>>,
        start: &V,
        max_iters: u64,
        max_evaluations: u64,
        tolerance: f64,
    ) -> Result<SolverRun, crate::Error> {
        let watched = Watched::new(objective, max_evaluations);
        let scaled = Scaled::new(watched.clone(), start)?.times(self.unit());
        let origin = V::zeros(start.len());
        let log = Log::default();
        let tolerance = tolerance * scaled.gradient(&origin)?.norm();
        // Some of argmin's solvers unwrap what NaN has kept them from setting.
        let run = || self.execute(&scaled, &origin, max_iters, tolerance, log.clone());
        let end =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|_| {
                let reason = "it panicked".to_string();
                Err(crate::Error::Solver {
                    what: "argmin's solver",
                    reason,
                }
                .into())
            });
        let (last, iterations, termination, error) = match end {
            Ok((z, iterations, termination)) => {
                (z.map(|z| scaled.to_x(&z)), iterations, termination, None)
            }
            Err(error) => {
                let rows = log.0.lock().unwrap_or_else(PoisonError::into_inner).len();
                (
                    None,
                    rows as u64,
                    format!("error: {error}"),
                    Some(error.to_string()),
                )
            }
        };
        let error = watched.failure().map(|e| e.to_string()).or(error);
        let counts = watched.counts();
        // Judged by us: the solver's last point, the best it evaluated, the start.
        let seen = [last, watched.best().map(|(x, _)| x), Some(start.clone())];
        let (mut x, mut value) = (start.clone(), f64::INFINITY);
        for candidate in seen.into_iter().flatten() {
            let v = watched.objective().value(&candidate)?;
            if v < value {
                (x, value) = (candidate, v);
            }
        }
        let mut history =
            std::mem::take(&mut *log.0.lock().unwrap_or_else(PoisonError::into_inner));
        let unit = if self.reports_residual() {
            scaled.unit().sqrt()
        } else {
            scaled.unit()
        };
        history.iter_mut().for_each(|row| row.cost /= unit);
        Ok(SolverRun {
            x,
            value,
            iterations,
            counts,
            termination,
            error,
            history,
        })
    }

    /// Units of f that suit a solver's own constants.
    ///
    /// argmin's NewtonCG ends its inner iteration when ‖r‖² is below a bound
    /// meant for ‖r‖: with a small gradient that is at once, and it creeps. In
    /// large units the bound is reached late instead, which costs products and
    /// saves the run.
    fn unit(self) -> f64 {
        if self == ArgminSolver::NewtonCg {
            1e12
        } else {
            1.0
        }
    }

    /// Whether the cost that the solver reports is ‖r‖.
    fn reports_residual(self) -> bool {
        matches!(
            self,
            ArgminSolver::GaussNewton | ArgminSolver::GaussNewtonLs
        )
    }

    fn execute(
        self,
        objective: &Scaled<f64, Watched<f64>>,
        start: &V,
        max_iters: u64,
        tolerance: f64,
        log: Log,
    ) -> Result<End, Error> {
        use ArgminSolver as S;
        let dense = ArgminProblem::new(objective.clone());
        let free = MatrixFreeProblem::new(objective.clone());
        let x = start.clone();
        let eye = || Mat::from(DMatrix::identity(start.len(), start.len()));
        let more_thuente = || Retreat::new(MoreThuenteLineSearch::<V, V, f64>::new());
        // In exact arithmetic d steps are enough; without a limit NaN would keep
        // Steihaug's loop going for ever.
        let steihaug = || Steihaug::new().with_max_iters(2 * start.len() as u64 + 20);
        // In natural coordinates a step of length 1 stays inside the cell.
        let radius = 0.5;
        match self {
            S::SteepestDescent => {
                execute!(
                    dense,
                    SteepestDescent::new(more_thuente()),
                    log,
                    max_iters,
                    |s| s.param(x)
                )
            }
            S::NlcgFletcherReeves => {
                let solver = NonlinearConjugateGradient::new(more_thuente(), FletcherReeves::new());
                execute!(dense, solver, log, max_iters, |s| s.param(x))
            }
            S::NlcgPolakRibiere => {
                let solver =
                    NonlinearConjugateGradient::new(more_thuente(), PolakRibierePlus::new());
                execute!(dense, solver, log, max_iters, |s| s.param(x))
            }
            S::Bfgs => {
                let solver = BFGS::new(more_thuente())
                    .with_tolerance_grad(tolerance)?
                    .with_tolerance_cost(0.0)?;
                execute!(dense, solver, log, max_iters, |s| s
                    .param(x)
                    .inv_hessian(eye()))
            }
            S::Dfp => {
                let solver = DFP::new(more_thuente()).with_tolerance_grad(tolerance)?;
                execute!(dense, solver, log, max_iters, |s| s
                    .param(x)
                    .inv_hessian(eye()))
            }
            S::Sr1 => {
                let solver = SR1::new(more_thuente())
                    .with_tolerance_grad(tolerance)?
                    .with_tolerance_cost(0.0)?;
                execute!(dense, solver, log, max_iters, |s| s
                    .param(x)
                    .inv_hessian(eye()))
            }
            S::Sr1TrustRegion => {
                let solver = SR1TrustRegion::new(steihaug())
                    .with_radius(radius)
                    .with_tolerance_grad(tolerance)?;
                execute!(dense, solver, log, max_iters, |s| s.param(x))
            }
            S::LbfgsMoreThuente => {
                let solver = LBFGS::new(more_thuente(), LBFGS_MEMORY)
                    .with_tolerance_grad(tolerance)?
                    .with_tolerance_cost(0.0)?;
                execute!(dense, solver, log, max_iters, |s| s.param(x))
            }
            S::LbfgsHagerZhang => {
                // argmin's first bracket reaches to a step of 1e5, where there
                // is no gradient to be had.
                let search =
                    HagerZhangLineSearch::new().with_bounds(f64::EPSILON, HAGER_ZHANG_BRACKET)?;
                let solver = LBFGS::new(Retreat::new(search), LBFGS_MEMORY)
                    .with_tolerance_grad(tolerance)?
                    .with_tolerance_cost(0.0)?;
                execute!(dense, solver, log, max_iters, |s| s.param(x))
            }
            S::LbfgsBacktracking => {
                let search = BacktrackingLineSearch::new(ArmijoCondition::new(1e-4)?);
                let solver = LBFGS::new(search, LBFGS_MEMORY)
                    .with_tolerance_grad(tolerance)?
                    .with_tolerance_cost(0.0)?;
                execute!(dense, solver, log, max_iters, |s| s.param(x))
            }
            S::Newton => execute!(dense, Newton::new(), log, max_iters, |s| s.param(x)),
            S::NewtonCg => {
                execute!(
                    free,
                    NewtonCG::new(more_thuente()).with_tolerance(f64::MIN_POSITIVE)?,
                    log,
                    max_iters,
                    |s| s.param(x)
                )
            }
            S::TrustRegionSteihaug => {
                let solver = TrustRegion::new(steihaug()).with_radius(radius)?;
                execute!(free, solver, log, max_iters, |s| s.param(x))
            }
            S::TrustRegionDogleg => {
                let solver = TrustRegion::new(Dogleg::new()).with_radius(radius)?;
                execute!(dense, solver, log, max_iters, |s| s.param(x))
            }
            S::TrustRegionCauchy => {
                let solver = TrustRegion::new(CauchyPoint::new()).with_radius(radius)?;
                execute!(dense, solver, log, max_iters, |s| s.param(x))
            }
            S::GaussNewton => {
                let solver = GaussNewton::new().with_tolerance(f64::EPSILON)?;
                execute!(dense, solver, log, max_iters, |s| s.param(x))
            }
            S::GaussNewtonLs => {
                let search = BacktrackingLineSearch::new(ArmijoCondition::new(1e-4)?);
                let solver = GaussNewtonLS::new(search).with_tolerance(f64::EPSILON)?;
                execute!(dense, solver, log, max_iters, |s| s.param(x))
            }
        }
    }
}
