//! |s| up to a factor → the signs of s, and x with them.
//!
//! Each component is searched by itself, for a flip of all its signs changes
//! nothing. Cheapest first: all patterns where they are few, the lift where rows
//! are many, all patterns by harder search, a local search from many starts.

mod doubtful;
pub(crate) mod lift;
pub(crate) mod patterns;
pub(crate) mod phase;
mod several;
pub(crate) mod unsigned;
mod verdict;

use nalgebra::DVector;

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::linalg::LeastSquares;
use crate::recover::scores::linear;
use crate::recover::scores::structure::Components;
pub(crate) use crate::recover::signs::doubtful::told;
use crate::recover::signs::patterns::EXPLAINED;
pub(crate) use crate::recover::signs::several::polish_listed;
use crate::recover::signs::several::{log2_of, several, with};
use crate::recover::signs::unsigned::{Accuracy, Part};
use crate::recover::signs::verdict::{COARSER, COARSEST, Verdict, by_patterns};
use crate::recover::{Recovery, Status};
use crate::scalar::{Scalar, to_f64};

/// Rounds of signs from x and x from signs: one where the lift is exact.
const ROUNDS: usize = 8;

/// Coordinates up to which all patterns are tried before anything else: some
/// thousand of them, in less time than the lift takes.
const FEW: usize = 14;

/// log₂ of the number of solutions up to which they are listed: 64 of them.
pub const LISTED_LOG2: usize = 6;

/// Signs, and the linear step with them.
pub(crate) struct WithSigns<T: Scalar> {
    pub(crate) signs: Signs,
    pub(crate) linear: LeastSquares<T>,
    /// How they were found, to be appended to what was done before.
    pub(crate) method: &'static str,
}

/// What the magnitudes of the slacks say of their signs.
pub(crate) enum Found<T: Scalar> {
    /// The signs, up to a flip of each component.
    Signs(WithSigns<T>),
    /// How the search ended without them.
    Not(Box<Recovery<T>>),
}

/// Finds the signs from magnitudes as exact scores give them, of which zero
/// marks one that is not known.
pub(crate) fn find<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    components: &Components,
    seed: u64,
) -> Result<Found<T>, Error> {
    find_within(model, magnitudes, Accuracy::Rounding, components, seed)
}

/// Finds the signs from magnitudes of the given accuracy. Patterns that it does
/// not tell apart end `ambiguous`, listed where they are few.
pub(crate) fn find_within<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    accuracy: Accuracy<'_, T>,
    components: &Components,
    seed: u64,
) -> Result<Found<T>, Error> {
    let exact = matches!(accuracy, Accuracy::Rounding);
    let mut choices = Vec::new();
    let mut method = Method::Patterns;
    for (k, &rank) in components.ranks.iter().enumerate() {
        let known: Vec<usize> = (0..model.nrows())
            .filter(|&i| components.of(i) == Some(k) && magnitudes[i] > T::zero())
            .collect();
        let part = Part::of(model, magnitudes, (&known, rank), accuracy, seed)?;
        let searched = match part {
            Some(part) => search(part, exact, seed)?,
            None => Err(End(
                Status::Undetermined,
                format!(
                    "the {} rows of component {} with a known slack do not determine the {rank} coefficients that they depend on",
                    known.len(),
                    k + 1
                ),
            )),
        };
        match searched {
            Ok(choice) => {
                method = method.max(choice.method);
                choices.push(choice);
            }
            Err(End(status, reason)) => {
                return Ok(Found::Not(Box::new(Recovery::new(status, reason))));
            }
        }
    }
    if choices.iter().any(|c| c.log2 > 0) {
        let several = several(model, magnitudes, components, &choices)?;
        return Ok(Found::Not(Box::new(several)));
    }
    let (linear, signs) = with(model, magnitudes, components, &choices, 0)?;
    let (linear, signs) = alternate(model, components, magnitudes, linear, signs)?;
    Ok(Found::Signs(WithSigns {
        signs,
        linear,
        method: method.name(),
    }))
}

/// How signs were found, by rising cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Method {
    Patterns,
    Lift,
    Starts,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Patterns => ", all patterns of signs, least squares",
            Method::Lift => ", lifted least squares for the signs, least squares",
            Method::Starts => ", signs by local search from many starts, least squares",
        }
    }
}

/// Why a search ended without signs.
struct End(Status, String);

/// The patterns that fit a component.
struct Choice {
    rows: Vec<usize>,
    patterns: Vec<DVector<f64>>,
    /// Whether these are all.
    all: bool,
    /// Whether there may be more than are counted.
    at_least: bool,
    /// log₂ of how many there are, rounded up.
    log2: usize,
    method: Method,
}

/// The patterns of one component.
fn search(part: Part, exact: bool, seed: u64) -> Result<Result<Choice, End>, Error> {
    let (n, dim) = part.basis.shape();
    if n <= dim {
        return Ok(underdetermined(part));
    }
    let choice = |part: Part, patterns: Vec<DVector<f64>>, count: usize, method| Choice {
        rows: part.rows,
        all: patterns.len() == count,
        at_least: method == Method::Starts,
        patterns,
        log2: log2_of(count),
        method,
    };
    let several_fit = |count: usize| {
        End(
            Status::TooNoisy,
            format!(
                "the scores fit no signs to rounding, and {count} patterns of signs come as close as the best; give the signs"
            ),
        )
    };
    let mut verdict = Verdict::Unfinished;
    if dim <= FEW {
        verdict = by_patterns(&part, exact);
    }
    if let Verdict::Fit(patterns, count) = verdict {
        return Ok(Ok(choice(part, patterns, count, Method::Patterns)));
    }
    if let Verdict::Rivals(count) = verdict {
        return Ok(Err(several_fit(count)));
    }
    if let Some(signs) = lift::signs(&part)? {
        return Ok(Ok(choice(part, vec![signs], 1, Method::Lift)));
    }
    if dim > FEW {
        verdict = by_patterns(&part, exact);
    }
    match verdict {
        Verdict::Fit(patterns, count) => {
            return Ok(Ok(choice(part, patterns, count, Method::Patterns)));
        }
        Verdict::Rivals(count) => return Ok(Err(several_fit(count))),
        Verdict::None => {
            let reason = "of all patterns of signs none fits the sizes of the slacks that the scores give; give the signs, or state the noise of the scores".to_string();
            return Ok(Err(End(Status::TooNoisy, reason)));
        }
        Verdict::Unfinished => {}
    }
    let mut limit = EXPLAINED * part.unit;
    if exact {
        limit = (limit * COARSER).min(COARSEST);
    }
    let retrieved = phase::retrieve(&part, limit, seed);
    let starts = retrieved.starts;
    match retrieved.patterns.len() {
        0 => Ok(Err(End(
            Status::Undetermined,
            format!(
                "the signs of {n} slacks were not found: too many patterns for {} coefficients to try all, and none of {starts} starts ended at one that fits; give the signs",
                dim - usize::from(part.offset)
            ),
        ))),
        count => Ok(Ok(choice(part, retrieved.patterns, count, Method::Starts))),
    }
}

/// As many rows as coordinates: every pattern fits.
fn underdetermined(part: Part) -> Result<Choice, End> {
    if !part.offset {
        let reason = format!(
            "{} rows that depend on as many coefficients have the scores 1 for every x",
            part.rows.len()
        );
        return Err(End(Status::Undetermined, reason));
    }
    // One row more than coefficients: any signs are those of some x.
    let (n, log2) = (part.rows.len(), part.dim() - 1);
    let listed = if log2 <= LISTED_LOG2 { 1 << log2 } else { 0 };
    let pattern = |bits: usize| {
        DVector::from_fn(n, |i, _| {
            if i < log2 && bits >> i & 1 == 1 {
                -1.0
            } else {
                1.0
            }
        })
    };
    let patterns: Vec<_> = (0..listed)
        .map(pattern)
        .filter(|signs| part.is_finite(signs))
        .collect();
    Ok(Choice {
        rows: part.rows,
        all: listed > 0,
        at_least: false,
        patterns,
        log2,
        method: Method::Patterns,
    })
}

/// The linear step, until the signs agree with those of its own solution.
fn alternate<T: Scalar>(
    model: &Model<T>,
    components: &Components,
    magnitudes: &DVector<T>,
    mut solution: LeastSquares<T>,
    mut signs: Signs,
) -> Result<(LeastSquares<T>, Signs), Error> {
    for _ in 0..ROUNDS {
        let x = solution.x.rows(0, model.dim()).into_owned();
        let slack = model.slack(&x)?;
        if components.first_disagreement(&signs, &slack).is_none() {
            break;
        }
        let next = nearest(&slack)?;
        let other = linear::solve(model, magnitudes, &next, components)?;
        if !(to_f64(other.residual) < to_f64(solution.residual)) {
            break;
        }
        (solution, signs) = (other, next);
    }
    Ok((solution, signs))
}

/// The signs of slacks, zeros counted as positive: they are a guess.
pub(crate) fn nearest<T: Scalar>(slack: &DVector<T>) -> Result<Signs, Error> {
    Signs::of(&slack.map(|s| if s < T::zero() { -T::one() } else { T::one() }))
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::recover::scores::polish;
    use crate::recover::{Solutions, matched};

    /// What magnitudes with errors of this relative size are found to say, and
    /// whether that is right.
    fn from_noisy(n: usize, d: usize, error: f64, seed: u64) -> (Found<f64>, bool) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut uniform = || rng.random_range(-1.0..1.0_f64);
        let a = DMatrix::from_fn(n, d, |_, _| uniform());
        let b = DVector::from_fn(n, |_, _| uniform());
        let x = DVector::from_fn(d, |_, _| uniform());
        let model = Model::new(a, b).expect("full rank");
        let slack = model.slack(&x).expect("in memory");
        let magnitudes = slack.map(|s| s.abs() * (1.0 + error * 3f64.sqrt() * uniform()));
        let components = Components::find(&model, seed).expect("in memory");
        let errors = DVector::from_element(n, error);
        let accuracy = Accuracy::Relative(&errors);
        let found =
            find_within(&model, &magnitudes, accuracy, &components, seed).expect("in memory");
        let right = match &found {
            Found::Signs(s) => components.first_disagreement(&s.signs, &slack).is_none(),
            Found::Not(_) => false,
        };
        (found, right)
    }

    #[test]
    fn noisy_magnitudes_of_many_rows_give_the_signs() {
        for seed in 0..20 {
            assert!(from_noisy(30, 3, 1e-3, seed).1, "seed {seed}");
            assert!(from_noisy(14, 5, 1e-6, seed).1, "seed {seed}");
        }
    }

    #[test]
    fn a_solution_of_too_few_digits_is_refuted_by_polishing() {
        // The last row weighs so little that the other d + 1 alone have 2^d solutions
        // with all scores to some 1e-9 or less.
        let (n, d) = (5, 3);
        let mut rng = StdRng::seed_from_u64(3);
        let mut a = DMatrix::from_fn(n, d, |_, _| rng.random_range(-1.0..1.0));
        a.row_mut(n - 1).scale_mut(2e-6);
        let b = DVector::from_fn(n, |_, _| rng.random_range(-1.0..1.0));
        let x = DVector::from_fn(d, |_, _| rng.random_range(-1.0..1.0_f64));
        let model = Model::new(a.clone(), b.clone()).expect("full rank");
        let target = model
            .at(&x)
            .expect("inside")
            .scores()
            .expect("inside")
            .clone();
        let fewer = Model::new(a.rows(0, n - 1).into_owned(), b.rows(0, n - 1).into_owned());
        let fewer = fewer.expect("full rank");
        let slack = fewer.slack(&x).expect("in memory").abs();
        let one = Components::one(n - 1, d);
        let Ok(Found::Not(end)) = find(&fewer, &slack, &one, 0) else {
            panic!("2^d solutions");
        };
        let all = end.solutions.expect("listed").listed;
        assert_eq!(all.len(), 8);
        let apart = |y: &DVector<f64>| (y - &x).norm() / x.norm();
        let (mut impostors, mut dropped) = (0, 0);
        for y in all.iter().filter(|y| apart(y) > 1e-6) {
            let p = polish::polish(&model, &target, y.clone(), &[], |_, _| {}).expect("inside");
            impostors += usize::from(matched(p.residual));
            let mut found = Recovery::new(Status::Ambiguous, String::new());
            let listed = vec![y.clone(), x.clone()];
            found.solutions = Some(Solutions { log2: 1, listed });
            let left = polish_listed(&model, &target, &mut found).expect("in memory");
            dropped += usize::from(left.is_some_and(|left| apart(&left) < 1e-9));
        }
        // Each would pass for a solution, and none does.
        assert_eq!((impostors, dropped), (7, 7));
        // The same list of the d + 1 rows stays whole.
        let target = fewer
            .at(&x)
            .expect("inside")
            .scores()
            .expect("inside")
            .clone();
        let mut found = Recovery::new(Status::Ambiguous, String::new());
        found.solutions = Some(Solutions {
            log2: 3,
            listed: all,
        });
        assert!(
            polish_listed(&fewer, &target, &mut found)
                .expect("in memory")
                .is_none()
        );
        assert_eq!(found.solutions.expect("listed").listed.len(), 8);
    }

    #[test]
    fn noise_that_hides_which_pattern_it_is_makes_it_ambiguous() {
        // Of 2^11 patterns some hundred come within an error of a hundredth.
        for seed in 0..5 {
            let (found, _) = from_noisy(12, 10, 1e-2, seed);
            let Found::Not(end) = found else {
                panic!("signs that cannot be told");
            };
            assert_eq!(end.status, Status::Ambiguous, "{}", end.reason);
        }
    }
}
