//! Step functions: which share of problems a solver has solved at which cost.

use super::grid::{Grid, ratios};
use super::measure::{Measure, check_prices};
use super::record::{ACCURACIES, Prices, Record};
use crate::error::Error;

/// A solver's share of problems as a function of what may be spent.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Curve {
    /// The solver's name.
    pub solver: String,
    /// Abscissae, strictly increasing, and the share from each on to the next: a
    /// step function, continuous from the right. The first is where the axis
    /// begins; a solver that fails everywhere has that point alone, at 0.
    pub points: Vec<(f64, f64)>,
    /// Which point lifts which problem, in the order of points.
    #[cfg_attr(feature = "serde", serde(skip))]
    steps: Vec<(usize, usize)>,
    #[cfg_attr(feature = "serde", serde(skip))]
    problems: usize,
    /// Steps that a problem can contribute.
    #[cfg_attr(feature = "serde", serde(skip))]
    targets: usize,
}

impl Curve {
    /// The share at x; 0 left of the axis, and at NaN. O(log k) for k points.
    pub fn at(&self, x: f64) -> f64 {
        let before = self.points.partition_point(|(at, _)| *at <= x);
        before.checked_sub(1).map_or(0.0, |k| self.points[k].1)
    }

    /// From an abscissa for each step, with its problem.
    fn new(
        solver: &str,
        origin: f64,
        mut jumps: Vec<(f64, usize)>,
        (problems, targets): (usize, usize),
    ) -> Self {
        jumps.retain(|(x, _)| x.is_finite());
        jumps.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut points = vec![(origin, 0.0)];
        let mut steps = Vec::with_capacity(jumps.len());
        for (x, problem) in jumps {
            if points.last().is_none_or(|(last, _)| x > *last) {
                points.push((x, 0.0));
            }
            steps.push((points.len() - 1, problem));
        }
        let mut curve = Curve {
            solver: solver.to_string(),
            points,
            steps,
            problems,
            targets,
        };
        let heights = curve.heights(&vec![1; problems]);
        for (k, height) in heights.into_iter().enumerate() {
            curve.points[k].1 = curve.share(height);
        }
        curve
    }

    pub(super) fn problems(&self) -> usize {
        self.problems
    }

    /// Steps up to each point, with problems counted as often as they weigh.
    pub(super) fn heights(&self, weights: &[u64]) -> Vec<u64> {
        let mut heights = vec![0; self.points.len()];
        for &(point, problem) in &self.steps {
            heights[point] += weights[problem];
        }
        let mut sum = 0;
        for height in &mut heights {
            sum += *height;
            *height = sum;
        }
        heights
    }

    /// A height as a share of all steps; 0 where there are no problems.
    pub(super) fn share(&self, height: u64) -> f64 {
        height as f64 / (self.problems * self.targets).max(1) as f64
    }
}

fn curves(
    grid: &Grid<'_>,
    origin: f64,
    targets: usize,
    jumps: impl Fn(usize, usize) -> Vec<f64>,
) -> Vec<Curve> {
    let problems = grid.problems.len();
    let of_solver = |(s, name): (usize, &&str)| {
        let of_problem = |p: usize| jumps(s, p).into_iter().map(move |x| (x, p));
        let jumps = (0..problems).flat_map(of_problem).collect();
        Curve::new(name, origin, jumps, (problems, targets))
    };
    grid.solvers.iter().enumerate().map(of_solver).collect()
}

/// The performance profile of each solver: the share of problems that it solved
/// at no more than r times the cost of the best solver on each.
///
/// ```text
/// r_ps = cost_ps / min_s cost_ps,   ρ_s(r) = |{p : r_ps ≤ r}| / |{p}|,   r ≥ 1
/// ```
///
/// ρ_s(1) is the share where s was best, all of them if several were; ρ_s far to
/// the right is its success rate. Problems that nobody solved count as any other.
/// So does a solver that is not applicable: it did not solve the problem. Left out
/// are problems whose rows are all refused, since their derivatives are wrong.
/// Where the best cost nothing, all that cost something are infinitely dearer.
///
/// ρ_s compares s with the best, not with another solver: of three or more, which
/// of two has the higher curve can change when a third is left out (Gould and
/// Scott). [`stability`](super::stability()) tries.
///
/// # Errors
/// [`Error::OutOfRange`] for the accuracy (an index into [`ACCURACIES`]) or a price.
///
/// # Complexity
/// O(SP log P) for S solvers and P problems.
///
/// # Example
/// ```
/// use levinv::compare::{Measure, Outcome, Record, Task, bootstrap, performance_profile};
/// # use levinv::{DVector, Functions, solver::Counts};
/// # let row = |solver: &str, problem: &str, cost: Option<u64>| -> Result<Record, levinv::Error> {
/// #     let f = Functions::new(1, |x: &DVector<f64>| x.norm_squared(), |x: &DVector<f64>| 2.0 * x);
/// #     let task = Task::first_order(problem, f, DVector::zeros(1))?;
/// #     let mut row = Record::without_run((solver, &task), Outcome::Ended, String::new());
/// #     row.reached[2] = cost.map(|cost| Counts { cost, ..Counts::default() });
/// #     Ok(row)
/// # };
/// // Evaluations to 1e-6, on two problems; `b` does not solve the second.
/// let records = [row("a", "p", Some(30))?, row("b", "p", Some(10))?, row("a", "q", Some(50))?, row("b", "q", None)?];
/// let curves = performance_profile(&records, 2, &Measure::default())?;
/// assert_eq!(curves[0].points, [(1.0, 0.5), (3.0, 1.0)]);
/// assert_eq!((curves[1].at(1.0), curves[1].at(100.0)), (0.5, 0.5));
/// // With other problems of the kind, `b` might solve all, or none.
/// let bands = bootstrap(&curves, 0);
/// assert_eq!((bands[1].lower[0], bands[1].upper[0]), (0.0, 1.0));
/// # Ok::<(), levinv::Error>(())
/// ```
///
/// # Source
/// E. D. Dolan and J. J. Moré, *Benchmarking optimization software with performance
/// profiles*, Mathematical Programming 91 (2002); N. Gould and J. Scott, *A note on
/// performance profiles for benchmarking software*, ACM TOMS 43 (2016).
pub fn performance_profile(
    records: &[Record],
    accuracy: usize,
    measure: &Measure,
) -> Result<Vec<Curve>, Error> {
    measure.check(accuracy)?;
    let grid = Grid::of(records);
    let ratios = ratios(&grid.costs(accuracy, measure));
    Ok(curves(&grid, 1.0, 1, |s, p| {
        ratios[s][p].into_iter().collect()
    }))
}

/// The data profile of each solver: the share of problems that it solved within k
/// times d + 1 evaluations, which is what a gradient by differences costs.
///
/// ```text
/// δ_s(k) = |{p : cost_ps ≤ k (d_p + 1)}| / |{p}|,   k ≥ 0
/// ```
///
/// Unlike a performance profile it depends on no other solver. What counts as
/// solved, and which problems count, is as for
/// [`performance_profile`](super::performance_profile()).
///
/// # Errors
/// [`Error::OutOfRange`] for the accuracy (an index into [`ACCURACIES`]) or a price.
///
/// # Complexity
/// O(SP log P) for S solvers and P problems.
///
/// # Example
/// ```
/// use levinv::compare::{Outcome, Prices, Record, Task, data_profile};
/// # use levinv::{DVector, Functions, solver::Counts};
/// # let f = Functions::new(3, |x: &DVector<f64>| x.norm_squared(), |x: &DVector<f64>| 2.0 * x);
/// # let task = Task::first_order("p", f, DVector::zeros(3))?;
/// # let mut row = Record::without_run(("a", &task), Outcome::Ended, String::new());
/// # row.reached[2] = Some(Counts { cost: 20, gradient: 1, ..Counts::default() });
/// // One problem of three parameters, solved with 20 values and a gradient of the
/// // price of four: 24 = 6 · (3 + 1).
/// let prices = Prices { gradient: 4.0, ..Prices::default() };
/// let curves = data_profile(&[row], 2, &prices)?;
/// assert_eq!(curves[0].points, [(0.0, 0.0), (6.0, 1.0)]);
/// # Ok::<(), levinv::Error>(())
/// ```
///
/// # Source
/// J. J. Moré and S. M. Wild, *Benchmarking derivative-free optimization
/// algorithms*, SIAM J. Optim. 20 (2009). Theirs counts values alone.
pub fn data_profile(
    records: &[Record],
    accuracy: usize,
    prices: &Prices,
) -> Result<Vec<Curve>, Error> {
    let measure = Measure::Evaluations(*prices);
    measure.check(accuracy)?;
    let grid = Grid::of(records);
    let costs = grid.costs(accuracy, &measure);
    Ok(curves(&grid, 0.0, 1, |s, p| {
        let simplex = grid.problems[p].dim as f64 + 1.0;
        costs[s][p].map(|cost| cost / simplex).into_iter().collect()
    }))
}

/// The runtime distribution of each solver: the share of pairs of a problem and
/// one of [`ACCURACIES`] that it reached for x evaluations a parameter.
///
/// ```text
/// F_s(x) = |{(p, τ) : cost_psτ ≤ x d_p}| / |{(p, τ)}|,   x ≥ 0
/// ```
///
/// All accuracies in one curve: a solver that gets near fast and one that gets
/// there are both seen. Seconds are those of whole runs and not divided by d.
///
/// # Errors
/// [`Error::OutOfRange`] for a price.
///
/// # Complexity
/// O(SP log P) for S solvers and P problems.
///
/// # Example
/// ```
/// use levinv::compare::{Measure, Outcome, Record, Task, ecdf};
/// # use levinv::{DVector, Functions, solver::Counts};
/// # let f = Functions::new(2, |x: &DVector<f64>| x.norm_squared(), |x: &DVector<f64>| 2.0 * x);
/// # let task = Task::first_order("p", f, DVector::zeros(2))?;
/// # let mut row = Record::without_run(("a", &task), Outcome::Ended, String::new());
/// # let after = |cost| Some(Counts { cost, ..Counts::default() });
/// # row.reached = [after(4), after(10), after(10), None, None];
/// // Two parameters; 1e-2 after 4 evaluations, 1e-4 and 1e-6 after 10, then no more.
/// let curves = ecdf(&[row], &Measure::default())?;
/// assert_eq!(curves[0].points, [(0.0, 0.0), (2.0, 0.2), (5.0, 0.6)]);
/// # Ok::<(), levinv::Error>(())
/// ```
///
/// # Source
/// N. Hansen et al., *COCO: a platform for comparing continuous optimizers in a
/// black-box setting*, Optim. Methods Softw. 36 (2021).
pub fn ecdf(records: &[Record], measure: &Measure) -> Result<Vec<Curve>, Error> {
    check_prices(&measure.prices())?;
    let grid = Grid::of(records);
    let costs = (0..ACCURACIES.len()).map(|accuracy| grid.costs(accuracy, measure));
    let costs: Vec<_> = costs.collect();
    Ok(curves(&grid, 0.0, ACCURACIES.len(), |s, p| {
        let unit = match measure {
            Measure::Evaluations(_) => grid.problems[p].dim.max(1) as f64,
            Measure::Seconds => 1.0,
        };
        let reached = costs.iter().filter_map(|costs| costs[s][p]);
        reached.map(|cost| cost / unit).collect()
    }))
}
