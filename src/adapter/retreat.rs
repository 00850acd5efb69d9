//! A line search that survives a trial point outside the domain.

use argmin::core::{Error, IterState, KV, LineSearch, Problem, Solver, State, TerminationStatus};
use argmin_math::{ArgminDot, ArgminMul};
use nalgebra::DVector;

use super::Guarded;
use super::guarded::Trial;
use crate::error::Error as LevinvError;
use crate::scalar::{Scalar, real, to_f64};

/// How far to go of a step that led outside the domain, where nothing is known
/// of a shorter one: a few tries bring any step inside.
const SHRINK: f64 = 0.25;
/// The direction's factor after a search that stepped to NaN. Hager–Zhang does
/// where its bracket ends before the minimum.
const STRETCH: f64 = 1.7;
/// Failures after which the error goes to the solver.
const TRIES: usize = 40;
/// Trials nearer than this part of the direction are none to measure by:
/// Hager–Zhang's first is next to the start.
const MEASURE: f64 = 0.01;

/// Any argmin line search, begun again along a direction of another length when
/// one of its trial points cannot be evaluated.
///
/// argmin's More–Thuente and Hager–Zhang ask for a gradient wherever they
/// step, and one trial outside the domain ends the whole run, or where there is
/// only a cost of +∞ to tell, the search. Hager–Zhang also divides zero by zero
/// where its bracket ends before the minimum, and asks for the gradient at NaN.
/// [`OutsideDomain`], a cost of +∞ or NaN and a gradient that is not finite send
/// the search back to its start with a quarter of the direction, or to half-way
/// between what was found inside and outside; a point of NaN with more of it.
/// Errors of other kinds pass through.
///
/// [`OutsideDomain`]: crate::Error::OutsideDomain
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
    known: Known,
}

/// Where the trials lay, as multiples of the whole direction.
#[derive(Debug, Clone, Default)]
struct Known {
    /// The last, and the farthest inside, since the search began again.
    last: Option<f64>,
    reach: f64,
    /// The farthest inside and the nearest outside of all.
    inside: f64,
    outside: Option<f64>,
}

impl Known {
    fn begin(&mut self) {
        (self.last, self.reach) = (None, 0.0);
    }

    fn note(&mut self, at: f64, inside: bool) {
        self.last = Some(at);
        if inside {
            self.reach = self.reach.max(at);
            self.inside = self.inside.max(at);
        } else {
            self.fence(at);
        }
    }

    fn fence(&mut self, at: f64) {
        let outside = self.outside.map_or(at, |o| o.min(at));
        self.outside = Some(outside);
        if self.inside >= outside {
            // Inside again further on: a domain with holes.
            self.inside = 0.0;
        }
    }

    /// How far to go: half-way between inside and outside.
    fn target(&self) -> Option<f64> {
        let outside = self.outside?;
        let near = SHRINK * outside;
        Some(if self.inside < near {
            near
        } else {
            0.5 * (self.inside + outside)
        })
    }

    /// What to multiply the direction with, now `factor` of the whole one, after
    /// a trial outside.
    fn shrunk(&mut self, factor: f64) -> Option<f64> {
        let last = self.last?;
        self.fence(last);
        let far = self.reach > MEASURE * factor && self.reach < last;
        Some(self.target()? / if far { self.reach } else { last })
    }

    /// The same after a search that came out too short.
    fn stretched(&self, factor: f64) -> Option<f64> {
        let far = self.reach > MEASURE * factor;
        self.target().filter(|_| far).map(|t| t / self.reach)
    }
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
            known: Known::default(),
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
        L: Solver<Guarded<O, T>, SearchState<T>>,
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
            self.known.begin();
            let (begun, trials) = Guarded::lend(problem, |p| self.running.init(p, state));
            self.note(&trials);
            match begun {
                Err(error) => self.retry(error)?,
                done => return done,
            }
        }
    }

    /// Measures trial points along the direction.
    fn note(&mut self, trials: &[Trial<T>]) {
        let (Some(direction), Some(start)) = (&self.direction, &self.start) else {
            return;
        };
        let along = direction.icamax();
        for trial in trials {
            let at = to_f64((trial.x[along] - start.param[along]) / direction[along]);
            if at > 0.0 && at.is_finite() {
                self.known.note(at, trial.inside);
            }
        }
    }

    /// Changes the direction's length, or gives the error up.
    fn retry(&mut self, error: Error) -> Result<(), Error> {
        self.tries += 1;
        let change = match error.downcast_ref::<LevinvError>() {
            _ if self.tries > TRIES => return Err(error),
            Some(LevinvError::NonFinite { what: "x", .. }) => {
                self.known.stretched(self.factor).unwrap_or(STRETCH)
            }
            Some(LevinvError::OutsideDomain { .. } | LevinvError::NonFinite { .. }) => {
                self.known.shrunk(self.factor).unwrap_or(SHRINK)
            }
            _ => return Err(error),
        };
        self.factor *= change;
        Ok(())
    }
}

impl<O, L, T> Solver<O, SearchState<T>> for Retreat<L, T>
where
    L: Clone + LineSearch<DVector<T>, T> + Solver<Guarded<O, T>, SearchState<T>>,
    T: Scalar + argmin::core::ArgminFloat,
    DVector<T>: ArgminMul<T, DVector<T>> + ArgminDot<DVector<T>, T>,
{
    fn name(&self) -> &str {
        "line search with retreat"
    }

    fn init(&mut self, problem: &mut Problem<O>, mut state: SearchState<T>) -> Stepped<T> {
        let cost = state.get_cost();
        let gradient = state.take_gradient();
        (self.tries, self.factor, self.known) = (0, 1.0, Known::default());
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
        let (stepped, trials) = Guarded::lend(problem, |p| self.running.next_iter(p, state));
        self.note(&trials);
        match stepped {
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
