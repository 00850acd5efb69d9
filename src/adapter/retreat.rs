//! A line search that survives a trial point outside the domain.

use argmin::core::{Error, IterState, KV, LineSearch, Problem, Solver, State, TerminationStatus};
use argmin_math::{ArgminDot, ArgminMul};
use nalgebra::DVector;

use crate::error::Error as LevinvError;
use crate::scalar::{Scalar, real};

/// The direction's factor after a trial point outside the domain: a few tries
/// bring any step inside.
const SHRINK: f64 = 0.25;
/// The direction's factor after a search that ran into NaN. Hager–Zhang does
/// where its bracket ends before the minimum; less than 1/SHRINK, so that the
/// two do not undo each other.
const STRETCH: f64 = 1.7;
/// Failures after which the error goes to the solver.
const TRIES: usize = 20;

/// Any argmin line search, begun again along a shorter direction when one of
/// its trial points cannot be evaluated.
///
/// argmin's More–Thuente and Hager–Zhang ask for a gradient wherever they
/// step, and one trial outside the domain ends the whole run. Hager–Zhang also
/// divides zero by zero where its bracket ends before the minimum, and asks for
/// the gradient at NaN. The first sends the search back to its start with a
/// quarter of the direction, the second with more of it. Errors of other kinds
/// pass through.
///
/// ```
/// use argmin::core::{Executor, State};
/// use argmin::solver::{linesearch::HagerZhangLineSearch, quasinewton::LBFGS};
/// use levinv::{GradientInversion, Model, Scaled, adapter::{ArgminProblem, Retreat}};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0; -1.0], dvector![-1.0, -1.0])?;
/// let start = dvector![0.9_f64];
/// let loss = GradientInversion::new(&model, dvector![0.0])?.in_cell_of(&start)?;
/// let loss = Scaled::new(loss, &start)?;
/// let search = Retreat::new(HagerZhangLineSearch::new());
/// let problem = ArgminProblem::new(loss);
/// let result = Executor::new(problem, LBFGS::new(search, 7))
///     .configure(|state| state.param(dvector![0.0]).max_iters(50))
///     .run()?;
/// let z = result.state.get_best_param().expect("a best point").clone();
/// let problem = result.problem.problem.expect("the problem comes back");
/// let x: f64 = problem.objective().to_x(&z)[0];
/// assert!(x.abs() < 1e-6); // the middle of [−1, 1]
/// # Ok::<(), argmin::core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Retreat<L, T: Scalar> {
    fresh: L,
    running: L,
    direction: Option<DVector<T>>,
    start: Option<Begin<T>>,
    tries: usize,
    factor: f64,
}

#[derive(Debug, Clone)]
struct Begin<T: Scalar> {
    param: DVector<T>,
    cost: T,
    gradient: Option<DVector<T>>,
}

impl<L: Clone, T: Scalar> Retreat<L, T> {
    /// Guards a line search.
    pub fn new(search: L) -> Self {
        Retreat {
            running: search.clone(),
            fresh: search,
            direction: None,
            start: None,
            tries: 0,
            factor: 1.0,
        }
    }
}

impl<L: LineSearch<DVector<T>, T>, T: Scalar> LineSearch<DVector<T>, T> for Retreat<L, T> {
    fn search_direction(&mut self, direction: DVector<T>) {
        self.direction = Some(direction);
    }

    fn initial_step_length(&mut self, step_length: T) -> Result<(), Error> {
        self.fresh.initial_step_length(step_length)
    }
}

type SearchState<T> = IterState<DVector<T>, DVector<T>, (), (), (), T>;
type Stepped<T> = Result<(SearchState<T>, Option<KV>), Error>;

impl<L, T> Retreat<L, T>
where
    L: Clone + LineSearch<DVector<T>, T>,
    T: Scalar + argmin::core::ArgminFloat,
    DVector<T>: ArgminMul<T, DVector<T>> + ArgminDot<DVector<T>, T>,
{
    /// Starts the guarded search over, along a direction shorter by the tries so far.
    fn begin<O>(&mut self, problem: &mut Problem<O>) -> Stepped<T>
    where
        L: Solver<O, SearchState<T>>,
    {
        loop {
            let (Some(direction), Some(start)) = (&self.direction, &self.start) else {
                let reason = "no search direction was set".to_string();
                return Err(LevinvError::Solver {
                    what: "the line search",
                    reason,
                }
                .into());
            };
            self.running = self.fresh.clone();
            self.running
                .search_direction(direction * real::<T>(self.factor));
            let mut state = SearchState::new()
                .param(start.param.clone())
                .cost(start.cost);
            if let Some(gradient) = &start.gradient {
                state = state.gradient(gradient.clone());
            }
            match self.running.init(problem, state) {
                Err(error) => self.retry(error)?,
                done => return done,
            }
        }
    }

    /// Changes the direction's length, or gives the error up.
    fn retry(&mut self, error: Error) -> Result<(), Error> {
        self.tries += 1;
        match error.downcast_ref::<LevinvError>() {
            Some(LevinvError::OutsideDomain { .. }) if self.tries <= TRIES => self.factor *= SHRINK,
            Some(LevinvError::NonFinite { .. }) if self.tries <= TRIES => self.factor *= STRETCH,
            _ => return Err(error),
        }
        Ok(())
    }
}

impl<O, L, T> Solver<O, SearchState<T>> for Retreat<L, T>
where
    L: Clone + LineSearch<DVector<T>, T> + Solver<O, SearchState<T>>,
    T: Scalar + argmin::core::ArgminFloat,
    DVector<T>: ArgminMul<T, DVector<T>> + ArgminDot<DVector<T>, T>,
{
    fn name(&self) -> &str {
        "line search with retreat"
    }

    fn init(&mut self, problem: &mut Problem<O>, mut state: SearchState<T>) -> Stepped<T> {
        let cost = state.get_cost();
        let gradient = state.take_gradient();
        (self.tries, self.factor) = (0, 1.0);
        self.start = state.take_param().map(|param| Begin {
            param,
            cost,
            gradient,
        });
        let (begun, kv) = self.begin(problem)?;
        Ok((carry(state, begun), kv))
    }

    fn next_iter(&mut self, problem: &mut Problem<O>, state: SearchState<T>) -> Stepped<T> {
        let kept = state.clone();
        match self.running.next_iter(problem, state) {
            Err(error) => {
                self.retry(error)?;
                let (begun, kv) = self.begin(problem)?;
                Ok((carry(kept, begun), kv))
            }
            done => done,
        }
    }

    fn terminate(&mut self, state: &SearchState<T>) -> TerminationStatus {
        self.running.terminate(state)
    }
}

/// The executor's own bookkeeping stays; point, cost and gradient are new.
fn carry<T>(kept: SearchState<T>, mut begun: SearchState<T>) -> SearchState<T>
where
    T: Scalar + argmin::core::ArgminFloat,
{
    let cost = begun.get_cost();
    let mut state = kept.cost(cost);
    if let Some(param) = begun.take_param() {
        state = state.param(param);
    }
    if let Some(gradient) = begun.take_gradient() {
        state = state.gradient(gradient);
    }
    state
}
