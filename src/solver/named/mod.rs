//! Solvers by name, each set up the way it works best here.

mod argmin;
mod own;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ::argmin::core::{Error, IterState, State};
use nalgebra::DVector;

use super::{Counts, FullObjective, History, IterationRow, Stop, Watched};
use crate::objective::Scaled;

type V = DVector<f64>;

macro_rules! solvers {
    ($($variant:ident = $name:literal: $what:literal),* $(,)?) => {
        /// A solver by name: argmin 0.11's that take derivatives, and this
        /// crate's.
        ///
        /// What each needs, reaches and gets wrong: the table under «Solvers» on
        /// [the crate's page](crate#solvers).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum NamedSolver {
            $(#[doc = $what] $variant),*
        }

        impl NamedSolver {
            /// All of them.
            pub const ALL: &'static [NamedSolver] = &[$(NamedSolver::$variant),*];

            /// The name, as the command line takes it.
            pub fn name(self) -> &'static str {
                match self { $(NamedSolver::$variant => $name),* }
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
    CellNewton = "cell-newton": "Newton in a cell: [`CellNewton`](super::CellNewton).",
    LevenbergMarquardt = "levenberg-marquardt": "[`LevenbergMarquardt`](super::LevenbergMarquardt) in a cell.",
    PreconditionedNewton = "preconditioned-newton": "[`PreconditionedNewton`](super::PreconditionedNewton): products, preconditioned by sampled rows.",
    ApproximateNewton = "approximate-newton": "[`ApproximateNewton`](super::ApproximateNewton) of arXiv 2408.11267, by sampled rows.",
    LocalNewton = "local-newton": "Newton of arXiv 2404.13785, near a solution: [`LocalNewton`](super::LocalNewton).",
    GradientDescent = "gradient-descent": "Certified gradient descent: [`GradientDescent`](super::GradientDescent).",
}

impl fmt::Display for NamedSolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for NamedSolver {
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

/// When a run ends at the latest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Iterations.
    pub iterations: u64,
    /// Evaluations of all kinds together.
    pub evaluations: u64,
    /// Time from the first evaluation on, looked at before each.
    pub time: Option<Duration>,
    /// argmin's solvers end where the gradient, in [`Scaled`] coordinates, has
    /// fallen to this part of its start, those that can be told so. This crate's
    /// end by themselves.
    pub gradient: f64,
}

impl Default for Limits {
    /// 1000 iterations of 50 evaluations on average, and 1e-12: room for every
    /// solver that converges at all.
    fn default() -> Self {
        Limits {
            iterations: 1000,
            evaluations: 50_000,
            time: None,
            gradient: 1e-12,
        }
    }
}

/// What a run came to, whether or not argmin called it a success.
#[derive(Debug, Clone)]
pub struct SolverRun {
    /// The best point, judged by the objective's value; of this crate's solvers
    /// the last one, which is the best where values are flat to rounding.
    pub x: V,
    /// f(x).
    pub value: f64,
    /// argmin's iterations.
    pub iterations: u64,
    /// What was evaluated.
    pub counts: Counts,
    /// argmin's own reason for stopping, or its error.
    pub termination: String,
    /// Why one of this crate's solvers stopped by itself, if it did.
    pub stop: Option<Stop>,
    /// The error that ended the run, if one did.
    pub error: Option<String>,
    /// The same where it is one of this crate's.
    pub failure: Option<crate::Error>,
    /// One row per iteration.
    pub history: Vec<IterationRow>,
}

/// The end of a run that no error cut off.
struct End {
    x: Option<V>,
    iterations: u64,
    termination: String,
    stop: Option<Stop>,
}

impl NamedSolver {
    /// Whether it is one of this crate's.
    pub fn is_own(self) -> bool {
        use NamedSolver as S;
        matches!(
            self,
            S::CellNewton
                | S::LevenbergMarquardt
                | S::PreconditionedNewton
                | S::ApproximateNewton
                | S::LocalNewton
                | S::GradientDescent
        )
    }

    /// Runs on an objective from a start: argmin's solvers in [`Scaled`]
    /// coordinates, this crate's as they are.
    ///
    /// A run that ends with an error is a run all the same: it returns the best
    /// point it had seen. Rows of its history go to `history` as they come.
    ///
    /// # Errors
    /// Only where the start itself cannot be evaluated.
    pub fn run(
        self,
        objective: Arc<dyn FullObjective<f64>>,
        start: &V,
        limits: &Limits,
        history: &History,
    ) -> Result<SolverRun, crate::Error> {
        let watched = Watched::with_limits(objective, limits.evaluations, limits.time);
        self.run_watched(&watched, start, limits, history)
    }

    /// The same on an objective that is watched already, by these limits.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub(crate) fn run_watched(
        self,
        watched: &Watched<f64>,
        start: &V,
        limits: &Limits,
        history: &History,
    ) -> Result<SolverRun, crate::Error> {
        let (end, unit) = if self.is_own() {
            watched.objective().gradient(start)?;
            let end = guarded(|| own::execute(self, watched, start, limits, history));
            (end, 1.0)
        } else {
            let scaled = Scaled::new(watched.clone(), start)?.times(self.unit());
            let end = guarded(|| argmin::execute(self, &scaled, limits, history));
            let to_x = |end: End| End {
                x: end.x.map(|z| scaled.to_x(&z)),
                ..end
            };
            (end.map(to_x), scaled.unit())
        };
        let mut rows = history.rows();
        let root = if self.reports_residual() {
            unit.sqrt()
        } else {
            unit
        };
        rows.iter_mut().for_each(|row| row.cost /= root);
        let mut failure = watched.failure();
        let (end, error) = match end {
            Ok(end) => (end, None),
            Err(error) => {
                failure = failure.or(error.downcast_ref().cloned());
                let end = End {
                    x: None,
                    iterations: rows.len() as u64,
                    termination: format!("error: {error}"),
                    stop: None,
                };
                (end, Some(error.to_string()))
            }
        };
        let (x, value) = self.best(watched, end.x, start)?;
        Ok(SolverRun {
            x,
            value,
            iterations: end.iterations,
            counts: watched.counts(),
            termination: end.termination,
            stop: end.stop,
            error: failure.as_ref().map(|e| e.to_string()).or(error),
            failure,
            history: rows,
        })
    }

    /// Judged by us: the solver's last point, the best it evaluated, the start.
    fn best(
        self,
        watched: &Watched<f64>,
        last: Option<V>,
        start: &V,
    ) -> Result<(V, f64), crate::Error> {
        let (mut x, mut value) = (start.clone(), f64::INFINITY);
        let trusted = self.is_own() && last.is_some();
        let others = [watched.best().map(|(x, _)| x), Some(start.clone())];
        let others = others.into_iter().flatten().filter(|_| !trusted);
        for candidate in last.into_iter().chain(others) {
            let v = watched.objective().value(&candidate)?;
            if v < value {
                (x, value) = (candidate, v);
            }
        }
        Ok((x, value))
    }

    /// Units of f that suit a solver's own constants.
    ///
    /// argmin's NewtonCG ends its inner iteration when ‖r‖² is below a bound
    /// meant for ‖r‖: with a small gradient that is at once, and it creeps. In
    /// large units the bound is reached late instead, which costs products and
    /// saves the run.
    fn unit(self) -> f64 {
        if self == NamedSolver::NewtonCg {
            1e12
        } else {
            1.0
        }
    }

    /// Whether the cost that the solver reports is ‖r‖.
    fn reports_residual(self) -> bool {
        matches!(self, NamedSolver::GaussNewton | NamedSolver::GaussNewtonLs)
    }
}

/// Some of argmin's solvers unwrap what NaN has kept them from setting.
fn guarded(run: impl FnOnce() -> Result<End, Error>) -> Result<End, Error> {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    caught.unwrap_or_else(|_| {
        Err(crate::Error::Solver {
            what: "the solver",
            reason: PANICKED.into(),
        }
        .into())
    })
}

const PANICKED: &str = "it panicked";

/// Whether a run ended by a panic inside the solver.
pub(crate) fn is_panic(error: &crate::Error) -> bool {
    matches!(error, crate::Error::Solver { reason, .. } if reason == PANICKED)
}

/// Runs an executor to its end, which `$end` makes of argmin's result.
macro_rules! run_executor {
    ($problem:expr, $solver:expr, $history:expr, $limits:expr, |$state:ident| $configure:expr, |$result:ident| $end:expr) => {
        ::argmin::core::Executor::new($problem, $solver)
            .configure(|$state| $configure.max_iters($limits.iterations))
            .add_observer(
                $history.clone(),
                ::argmin::core::observers::ObserverMode::Always,
            )
            .run()
            .map(|$result| $end)
    };
}
use run_executor;

impl End {
    fn of<G, J, H, R>(mut state: IterState<V, G, J, H, R, f64>) -> Self {
        End {
            termination: state.get_termination_status().to_string(),
            iterations: state.get_iter(),
            // A solver without a cost, like Newton, has no best point, only a last one.
            x: state.take_best_param().or_else(|| state.take_param()),
            stop: None,
        }
    }
}
