//! A recommendation in words.

use super::break_even::{BreakEven, of_grid};
use super::cautions::cautions;
use super::grid::Grid;
use super::measure::Measure;
use super::ranking::{Ranked, Ranking, Standing};
use super::record::Record;
use super::words::{
    accuracy as tau, count, list, number, outcomes, percent, percent_range, quoted,
};
use crate::error::Error;
use crate::solver::Counts;

/// Which solver to take, in sentences to act on and to publish.
///
/// In this order: the first of the [`Ranking`], with its success rate, cost and
/// what the bootstrap leaves open; the best without Hessians, and the best with
/// values and gradients alone, each among its like, by what their runs evaluated;
/// the price of a Hessian above which the former is cheaper ([`BreakEven`]);
/// families in which another solver ranks higher; solvers that solved nothing; and
/// cautions: few problems, names that repeat, least values that are not known,
/// limits, problems in doubt or refused, and each [`Flip`](super::Flip) of the first
/// place. Where nothing was solved, or no
/// problem is left to judge by, it says that instead.
///
/// # Errors
/// [`Error::OutOfRange`] for the accuracy (an index into
/// [`ACCURACIES`](super::ACCURACIES)) or a price.
///
/// # Complexity
/// O(SP(S + P + B)) for S solvers, P problems and B =
/// [`RESAMPLES`](super::RESAMPLES).
///
/// # Example
/// ```
/// use levinv::compare::{Measure, Outcome, Record, Task, advice};
/// # use levinv::{DVector, Functions, solver::Counts};
/// # let row = |solver: &str, problem: &str, cost: Option<u64>| -> Result<Record, levinv::Error> {
/// #     let f = Functions::new(1, |x: &DVector<f64>| x.norm_squared(), |x: &DVector<f64>| 2.0 * x);
/// #     let task = Task::first_order(problem, f, DVector::zeros(1))?;
/// #     let mut row = Record::without_run((solver, &task), Outcome::Failed, String::new());
/// #     row.reached[2] = cost.map(|cost| Counts { cost, ..Counts::default() });
/// #     Ok(row)
/// # };
/// let records = [row("a", "p", Some(20))?, row("b", "p", Some(10))?, row("a", "q", Some(50))?, row("b", "q", None)?];
/// let advice = advice(&records, 2, &Measure::default(), 0)?;
/// assert_eq!(
///     advice[0],
///     "Choose a: on 100 % of these 2 problems (bootstrap 100–100 %) it reached 1e-6, \
///      with a median of 35 evaluations, 1.5 times the least on its problem."
/// );
/// assert!(advice.iter().any(|s| s == "Caution: without problem «q», a is no longer first, b is."));
/// # Ok::<(), levinv::Error>(())
/// ```
pub fn advice(
    records: &[Record],
    accuracy: usize,
    measure: &Measure,
    seed: u64,
) -> Result<Vec<String>, Error> {
    measure.check(accuracy)?;
    let grid = Grid::of(records);
    let ranking = Ranking::of_grid(&grid, accuracy, measure, seed);
    let standing = Standing::new(&grid.solvers, grid.costs(accuracy, measure));
    let advisor = Advisor {
        all: vec![1; grid.problems.len()],
        order: standing.order(&vec![1; grid.problems.len()]),
        used: (0..grid.solvers.len()).map(|s| used(&grid, s)).collect(),
        grid: &grid,
        ranking: &ranking,
        standing: &standing,
        measure,
    };
    let mut advice = match (advisor.order.first(), ranking.rows.first()) {
        (None, _) | (_, None) => return Ok(vec!["No solver was run.".to_string()]),
        _ if grid.problems.is_empty() => vec!["No problem is left to judge by.".to_string()],
        (Some(&winner), Some(row)) if row.cost.is_some() => advisor.recommend(winner, row),
        _ => vec![format!(
            "Nothing to choose from: none of these solvers reached {} on {}.",
            tau(accuracy),
            match grid.problems.len() {
                1 => "this 1 problem".to_string(),
                n => format!("any of these {n} problems"),
            },
        )],
    };
    advice.extend(cautions(&grid, &standing, accuracy));
    Ok(advice)
}

/// What a solver evaluates; none if it was never run.
fn used(grid: &Grid<'_>, solver: usize) -> Option<Counts> {
    let run = grid
        .rows(solver)
        .iter()
        .flatten()
        .filter(|r| r.outcome.was_run());
    run.map(|r| r.counts).reduce(|a, b| Counts {
        cost: a.cost.max(b.cost),
        gradient: a.gradient.max(b.gradient),
        hessian: a.hessian.max(b.hessian),
        product: a.product.max(b.product),
        residual: a.residual.max(b.residual),
        jacobian: a.jacobian.max(b.jacobian),
    })
}

fn without_hessians(used: &Counts) -> bool {
    used.hessian == 0
}

fn with_gradients_alone(used: &Counts) -> bool {
    used.hessian == 0 && used.product == 0 && used.residual == 0 && used.jacobian == 0
}

struct Advisor<'a> {
    grid: &'a Grid<'a>,
    ranking: &'a Ranking,
    standing: &'a Standing<'a>,
    measure: &'a Measure,
    order: Vec<usize>,
    all: Vec<u64>,
    used: Vec<Option<Counts>>,
}

impl Advisor<'_> {
    fn recommend(&self, winner: usize, row: &Ranked) -> Vec<String> {
        let mut advice = vec![self.choice(row)];
        advice.extend(self.rivals(winner));
        let second = self.best_of("Without Hessians", without_hessians, winner, &mut advice);
        // Where none without Hessians solved anything, none with less did.
        let is_left = self.is_like(winner, without_hessians) || second.is_some();
        if is_left {
            let best = second.unwrap_or(winner);
            let what = "With values and gradients alone";
            self.best_of(what, with_gradients_alone, best, &mut advice);
        }
        if let Some(second) = second {
            advice.extend(self.price(winner, second));
        }
        advice.extend(self.families(winner));
        advice.extend(self.never());
        advice
    }

    fn choice(&self, row: &Ranked) -> String {
        let n = self.ranking.problems;
        let these = match n {
            1 => "this 1 problem".to_string(),
            _ => format!("these {n} problems"),
        };
        let choose = if self.order.len() == 1 {
            format!("{} alone was run", row.solver)
        } else {
            format!("Choose {}", row.solver)
        };
        let success = row.success[self.ranking.accuracy];
        format!(
            "{choose}: on {} of {these} (bootstrap {}) it reached {}, {}.",
            percent(success),
            percent_range(row.success_interval),
            tau(self.ranking.accuracy),
            self.cost(row),
        )
    }

    fn cost(&self, row: &Ranked) -> String {
        let cost = self.measure.in_words(row.cost.unwrap_or(f64::NAN));
        let times = match row.ratio {
            _ if self.order.len() == 1 => String::new(),
            Some(ratio) if ratio != 1.0 => {
                format!(", {} times the least on its problem", number(ratio))
            }
            _ => ", the least on its problem".to_string(),
        };
        format!("with a median of {cost}{times}")
    }

    /// Who might as well be first.
    fn rivals(&self, winner: usize) -> Option<String> {
        let first = self.standing.key(winner, &self.all);
        let name = |s: &usize| self.grid.solvers[*s];
        let tied = |s: &&usize| self.standing.key(**s, &self.all) == first;
        let tied: Vec<&str> = self.order[1..].iter().filter(tied).map(name).collect();
        if !tied.is_empty() {
            let are = if tied.len() == 1 { "is" } else { "are" };
            return Some(format!("{} {are} as good: the name decided.", list(&tied)));
        }
        let near = |row: &&Ranked| row.interval.0 == 1;
        let near = self.ranking.rows[1..].iter().filter(near);
        let near: Vec<&str> = near.map(|row| &*row.solver).collect();
        (!near.is_empty()).then(|| {
            format!(
                "With other problems of the kind, {} may come first (bootstrap).",
                list(&near)
            )
        })
    }

    fn is_like(&self, solver: usize, allowed: fn(&Counts) -> bool) -> bool {
        self.used[solver].as_ref().is_some_and(allowed)
    }

    /// The best of those that evaluate no more than this, unless it has been named.
    fn best_of(
        &self,
        what: &str,
        allowed: fn(&Counts) -> bool,
        named: usize,
        advice: &mut Vec<String>,
    ) -> Option<usize> {
        if self.is_like(named, allowed) {
            return None;
        }
        let like: Vec<usize> = self
            .order
            .iter()
            .copied()
            .filter(|&s| self.is_like(s, allowed))
            .collect();
        let among = self.standing.among(&like).order(&self.all);
        let best = like.get(*among.first()?).copied()?;
        if self.standing.solved(best, &self.all) == 0 {
            advice.push(format!(
                "{what}: none of these reached {}.",
                tau(self.ranking.accuracy)
            ));
            return None;
        }
        let row = self
            .ranking
            .rows
            .iter()
            .find(|row| row.solver == self.grid.solvers[best])?;
        let success = percent(row.success[self.ranking.accuracy]);
        advice.push(format!(
            "{what}: {} ({success}, {}).",
            row.solver,
            self.cost(row)
        ));
        Some(best)
    }

    fn price(&self, x: usize, y: usize) -> Option<String> {
        let prices = self.measure.prices();
        if !(prices.gradient > 0.0) {
            return None;
        }
        let accuracy = self.ranking.accuracy;
        let (from, to) = (self.grid.solvers[x], self.grid.solvers[y]);
        let rows = self.grid.rows(x).iter().zip(self.grid.rows(y));
        let reached = |row: &Option<&Record>| row.is_some_and(|r| r.has_reached(accuracy));
        let most = match rows.filter(|(x, y)| reached(x) && reached(y)).count() {
            1 => "on the one problem that both solved".to_string(),
            both => format!("on most of the {both} problems that both solved"),
        };
        Some(match of_grid(self.grid, (x, y), accuracy, &prices) {
            BreakEven::Above(price) => {
                let gradients = match number(price).as_str() {
                    "1" => "1 gradient".to_string(),
                    many => format!("{many} gradients"),
                };
                format!(
                    "If a Hessian costs more than {gradients}, {to} is cheaper than {from} {most}."
                )
            }
            BreakEven::Always => {
                format!("Whatever a Hessian costs, {to} is cheaper than {from} {most}.")
            }
            BreakEven::Never => {
                format!("Whatever a Hessian costs, {to} is not cheaper than {from} {most}.")
            }
            BreakEven::Incomparable => format!("No problem was solved by both {from} and {to}."),
        })
    }

    /// Where another solver ranks higher, by solver.
    fn families(&self, winner: usize) -> Vec<String> {
        let families = self.grid.families();
        let weights = |problems: &[usize]| {
            let mut weights = vec![0; self.all.len()];
            problems.iter().for_each(|&p| weights[p] = 1);
            weights
        };
        let key = |s: usize, problems: &[usize]| self.standing.key(s, &weights(problems));
        // None where the winner is as good as the best.
        let better = |problems: &[usize]| {
            let best = *self.standing.order(&weights(problems)).first()?;
            (key(best, problems) > key(winner, problems)).then_some(best)
        };
        let best: Vec<Option<usize>> = families.iter().map(|(_, p)| better(p)).collect();
        let sentence = |&s: &usize| {
            let here = best.iter().zip(&families).filter(|(b, _)| **b == Some(s));
            let (names, problems): (Vec<&str>, Vec<_>) = here.map(|(_, (f, p))| (*f, p)).unzip();
            let problems: Vec<usize> = problems.into_iter().flatten().copied().collect();
            let family = match names.len() {
                0 => return None,
                1 => "family",
                _ => "families",
            };
            let solved = |s: usize| self.standing.solved(s, &weights(&problems));
            Some(format!(
                "In the {family} {} {} ranks higher (it solved {} of {}, {} {}).",
                quoted(&names),
                self.grid.solvers[s],
                solved(s),
                count(problems.len(), "problem", "problems"),
                self.grid.solvers[winner],
                solved(winner),
            ))
        };
        self.order.iter().filter_map(sentence).collect()
    }

    fn never(&self) -> Vec<String> {
        let accuracy = self.ranking.accuracy;
        let none = |row: &&Ranked| row.cost.is_none();
        let sentence = |row: &Ranked| {
            let ends = outcomes(&row.failures);
            format!(
                "On no problem did {} reach {} ({ends}).",
                row.solver,
                tau(accuracy)
            )
        };
        self.ranking
            .rows
            .iter()
            .filter(none)
            .map(sentence)
            .collect()
    }
}
