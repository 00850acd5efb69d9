//! argmin's own solvers.

use argmin::core::Error;
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
use nalgebra::DMatrix;

use super::{End, Limits, NamedSolver, V, run_executor};
use crate::adapter::{ArgminProblem, Mat, MatrixFreeProblem, Retreat};
use crate::objective::{Objective, Scaled};
use crate::solver::{History, Watched};

/// Pairs that the limited-memory methods keep; 7 is argmin's own example.
pub const LBFGS_MEMORY: usize = 7;

/// The end of Hager–Zhang's first bracket: it must lie beyond the minimum, and
/// quasi-Newton steps have length 1.
const HAGER_ZHANG_BRACKET: f64 = 4.0;

/// Runs one of argmin's solvers from z = 0.
pub(super) fn execute(
    solver: NamedSolver,
    objective: &Scaled<f64, Watched<f64>>,
    limits: &Limits,
    history: &History,
) -> Result<End, Error> {
    use NamedSolver as S;
    let start = V::zeros(objective.dim());
    let tolerance = limits.gradient * objective.gradient(&start)?.norm();
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
    match solver {
        S::SteepestDescent => {
            run_executor!(
                dense,
                SteepestDescent::new(more_thuente()),
                history,
                limits,
                |s| s.param(x),
                |r| End::of(r.state)
            )
        }
        S::NlcgFletcherReeves => {
            let solver = NonlinearConjugateGradient::new(more_thuente(), FletcherReeves::new());
            run_executor!(dense, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        S::NlcgPolakRibiere => {
            let solver = NonlinearConjugateGradient::new(more_thuente(), PolakRibierePlus::new());
            run_executor!(dense, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        S::Bfgs => {
            let solver = BFGS::new(more_thuente())
                .with_tolerance_grad(tolerance)?
                .with_tolerance_cost(0.0)?;
            run_executor!(
                dense,
                solver,
                history,
                limits,
                |s| s.param(x).inv_hessian(eye()),
                |r| End::of(r.state)
            )
        }
        S::Dfp => {
            let solver = DFP::new(more_thuente()).with_tolerance_grad(tolerance)?;
            run_executor!(
                dense,
                solver,
                history,
                limits,
                |s| s.param(x).inv_hessian(eye()),
                |r| End::of(r.state)
            )
        }
        S::Sr1 => {
            let solver = SR1::new(more_thuente())
                .with_tolerance_grad(tolerance)?
                .with_tolerance_cost(0.0)?;
            run_executor!(
                dense,
                solver,
                history,
                limits,
                |s| s.param(x).inv_hessian(eye()),
                |r| End::of(r.state)
            )
        }
        S::Sr1TrustRegion => {
            let solver = SR1TrustRegion::new(steihaug())
                .with_radius(radius)
                .with_tolerance_grad(tolerance)?;
            run_executor!(dense, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        S::LbfgsMoreThuente => {
            let solver = LBFGS::new(more_thuente(), LBFGS_MEMORY)
                .with_tolerance_grad(tolerance)?
                .with_tolerance_cost(0.0)?;
            run_executor!(dense, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        S::LbfgsHagerZhang => {
            // argmin's first bracket reaches to a step of 1e5, where there
            // is no gradient to be had.
            let search =
                HagerZhangLineSearch::new().with_bounds(f64::EPSILON, HAGER_ZHANG_BRACKET)?;
            let solver = LBFGS::new(Retreat::new(search), LBFGS_MEMORY)
                .with_tolerance_grad(tolerance)?
                .with_tolerance_cost(0.0)?;
            run_executor!(dense, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        S::LbfgsBacktracking => {
            let search = BacktrackingLineSearch::new(ArmijoCondition::new(1e-4)?);
            let solver = LBFGS::new(search, LBFGS_MEMORY)
                .with_tolerance_grad(tolerance)?
                .with_tolerance_cost(0.0)?;
            run_executor!(dense, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        S::Newton => run_executor!(dense, Newton::new(), history, limits, |s| s.param(x), |r| {
            End::of(r.state)
        }),
        S::NewtonCg => {
            run_executor!(
                free,
                NewtonCG::new(more_thuente()).with_tolerance(f64::MIN_POSITIVE)?,
                history,
                limits,
                |s| s.param(x),
                |r| End::of(r.state)
            )
        }
        S::TrustRegionSteihaug => {
            let solver = TrustRegion::new(steihaug()).with_radius(radius)?;
            run_executor!(free, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        S::TrustRegionDogleg => {
            let solver = TrustRegion::new(Dogleg::new()).with_radius(radius)?;
            run_executor!(dense, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        S::TrustRegionCauchy => {
            let solver = TrustRegion::new(CauchyPoint::new()).with_radius(radius)?;
            run_executor!(dense, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        S::GaussNewton => {
            let solver = GaussNewton::new().with_tolerance(f64::EPSILON)?;
            run_executor!(dense, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        S::GaussNewtonLs => {
            let search = BacktrackingLineSearch::new(ArmijoCondition::new(1e-4)?);
            let solver = GaussNewtonLS::new(search).with_tolerance(f64::EPSILON)?;
            run_executor!(dense, solver, history, limits, |s| s.param(x), |r| End::of(
                r.state
            ))
        }
        own => Err(crate::Error::Solver {
            what: "the run",
            reason: format!("{own} is not argmin's"),
        }
        .into()),
    }
}
