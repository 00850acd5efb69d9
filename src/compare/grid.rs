//! Rows of a comparison, as a table of solvers and problems.

use std::collections::HashMap;

use super::measure::Measure;
use super::record::{Outcome, Record};

/// Solver by problem: none where an accuracy was not reached.
pub(super) type Costs = Vec<Vec<Option<f64>>>;

/// Solvers and problems in the order in which they first appear. Of two rows of
/// one pair the later counts.
#[derive(Debug)]
pub(super) struct Grid<'a> {
    pub(super) solvers: Vec<&'a str>,
    pub(super) problems: Vec<Problem<'a>>,
    /// Problems that every row refuses: they judge nobody.
    pub(super) refused: Vec<&'a str>,
    /// Solver and problem of rows that another replaces.
    pub(super) repeated: Vec<(&'a str, &'a str)>,
    rows: Vec<Vec<Option<&'a Record>>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Problem<'a> {
    pub(super) name: &'a str,
    pub(super) family: &'a str,
    pub(super) dim: usize,
}

impl<'a> Grid<'a> {
    pub(super) fn of(records: &'a [Record]) -> Self {
        let (mut at_solver, mut at_problem) = (HashMap::new(), HashMap::new());
        let (mut solvers, mut all) = (Vec::new(), Vec::new());
        for record in records {
            at_solver.entry(&*record.solver).or_insert_with(|| {
                solvers.push(&*record.solver);
                solvers.len() - 1
            });
            at_problem.entry(&*record.problem).or_insert_with(|| {
                all.push(Problem {
                    name: &record.problem,
                    family: &record.family,
                    dim: record.dim,
                });
                all.len() - 1
            });
        }
        let mut by_problem = vec![vec![None; solvers.len()]; all.len()];
        let mut repeated = Vec::new();
        for record in records {
            let at = &mut by_problem[at_problem[&*record.problem]][at_solver[&*record.solver]];
            if at.replace(record).is_some() {
                repeated.push((&*record.solver, &*record.problem));
            }
        }
        let mut grid = Grid {
            rows: vec![Vec::new(); solvers.len()],
            solvers,
            repeated,
            problems: Vec::new(),
            refused: Vec::new(),
        };
        for (problem, column) in all.into_iter().zip(by_problem) {
            let refuses = |row: &&Record| row.outcome == Outcome::Refused;
            if column.iter().flatten().all(refuses) {
                grid.refused.push(problem.name);
                continue;
            }
            grid.problems.push(problem);
            for (row, record) in grid.rows.iter_mut().zip(column) {
                row.push(record);
            }
        }
        grid
    }

    /// A solver's rows, problem by problem; none for a pair that is not there.
    pub(super) fn rows(&self, solver: usize) -> &[Option<&'a Record>] {
        &self.rows[solver]
    }

    pub(super) fn costs(&self, accuracy: usize, measure: &Measure) -> Costs {
        let cost = |row: &Option<&Record>| row.and_then(|r| measure.of(r, accuracy));
        let of_solver = |rows: &Vec<_>| rows.iter().map(cost).collect();
        self.rows.iter().map(of_solver).collect()
    }

    /// How a solver's rows ended that did not reach an accuracy; a pair that is
    /// not there was not applicable.
    pub(super) fn failures(&self, solver: usize, accuracy: usize) -> Vec<(Outcome, usize)> {
        let failed = |row: &&Option<&Record>| !row.is_some_and(|r| r.has_reached(accuracy));
        let outcome = |row: &Option<&Record>| row.map_or(Outcome::NotApplicable, |r| r.outcome);
        let ends = self.rows[solver].iter().filter(failed).map(outcome);
        let ends: Vec<Outcome> = ends.collect();
        Outcome::ALL
            .into_iter()
            .map(|which| (which, ends.iter().filter(|&&end| end == which).count()))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// The families with their problems, in order of appearance.
    pub(super) fn families(&self) -> Vec<(&'a str, Vec<usize>)> {
        let mut families: Vec<(&str, Vec<usize>)> = Vec::new();
        let mut at = HashMap::new();
        for (p, problem) in self.problems.iter().enumerate() {
            let k = *at.entry(problem.family).or_insert_with(|| {
                families.push((problem.family, Vec::new()));
                families.len() - 1
            });
            families[k].1.push(p);
        }
        families
    }
}

/// Each cost by the least on its problem. Where that is 0, those that cost more
/// are infinitely dearer.
pub(super) fn ratios(costs: &Costs) -> Costs {
    let problems = costs.first().map_or(0, Vec::len);
    let best = |p: usize| {
        let on_problem = costs.iter().filter_map(|row| row[p]);
        on_problem.fold(f64::INFINITY, f64::min)
    };
    let best: Vec<f64> = (0..problems).map(best).collect();
    let ratio = |(cost, best): (&Option<f64>, &f64)| {
        // 0/0 is a tie.
        cost.map(|c| if c == *best { 1.0 } else { c / best })
    };
    let of_solver = |row: &Vec<_>| row.iter().zip(&best).map(ratio).collect();
    costs.iter().map(of_solver).collect()
}
