//! |s| up to a factor → the signs of s, and x with them.
//!
//! Each component is searched by itself, for a flip of all its signs changes
//! nothing. Cheapest first: all patterns where they are few, the lift where rows
//! are many, all patterns by harder search, a local search from many starts.

pub(crate) mod lift;
pub(crate) mod patterns;
pub(crate) mod phase;
pub(crate) mod unsigned;

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::geometry::{Model, Signs};
use crate::linalg::LeastSquares;
use crate::recover::Recovery;
use crate::recover::Solutions;
use crate::recover::Status;
use crate::recover::matched;
use crate::recover::scores::linear;
use crate::recover::scores::polish;
use crate::recover::scores::structure::Components;
use crate::recover::signs::patterns::{EXPLAINED, Patterns};
use crate::recover::signs::unsigned::{Accuracy, Part};
use crate::scalar::{Scalar, to_f64};

/// Rounds of signs from x and x from signs: one where the lift is exact.
const ROUNDS: usize = 8;

/// Coordinates up to which all patterns are tried before anything else: some
/// thousand of them, in less time than the lift takes.
const FEW: usize = 14;

/// Between the accuracies that are tried in turn where no noise was stated:
/// magnitudes may be worse than their rounding (weights far apart), and the
/// least-squares fit of a target that no x has is still of use.
const COARSER: f64 = 1e3;
/// The last of them: beyond, signs would be guesses.
const COARSEST: f64 = 1e-2;

/// Where no noise was stated, a pattern whose misfit is within this factor of
/// the best one's is as good, when rounding explains neither: of many patterns
/// that fit equally well, one may come this much closer by luck.
const AS_GOOD: f64 = 100.0;

/// A solution of more than d + 1 rows is refuted where polishing leaves this many
/// times what rounding explains, and as many times what it leaves of the best one:
/// first order counts neither how often roundings add up nor what dependent columns
/// make of them.
const REFUTED: f64 = 1e3;

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
            .filter(|&i| components.of_row[i] == Some(k) && magnitudes[i] > T::zero())
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

/// What enumerations came to.
enum Verdict {
    /// Patterns, best first, that the accuracy explains, and how many there are.
    Fit(Vec<DVector<f64>>, usize),
    /// So many that it does not explain come as close as the best.
    Rivals(usize),
    /// None fits.
    None,
    /// There was no time to tell.
    Unfinished,
}

/// Enumerates at the accuracy of the magnitudes; where no noise was stated, at
/// coarser ones until a pattern fits.
fn by_patterns(part: &Part, exact: bool) -> Verdict {
    let explained = EXPLAINED * part.unit;
    // Once more is enough where each time takes seconds.
    let coarsest = if part.dim() > FEW {
        part.unit * COARSER * 1.5
    } else {
        COARSEST
    };
    let mut accuracy = part.unit;
    loop {
        let Some(Patterns {
            best,
            count,
            complete,
        }) = patterns::enumerate(part, accuracy)
        else {
            return Verdict::Unfinished;
        };
        // Beyond what is listed, that there are so many is answer enough.
        if !complete && count <= 1 << LISTED_LOG2 {
            return Verdict::Unfinished;
        }
        let coarser = accuracy * COARSER;
        if let Some(&(least, _)) = best.first() {
            let all = |best: Vec<(f64, DVector<f64>)>, upto: f64| {
                let within = best.into_iter().filter(|(misfit, _)| *misfit <= upto);
                within.map(|(_, signs)| signs).collect::<Vec<_>>()
            };
            if least <= explained {
                let truncated = count > best.len();
                let upto = if exact { explained } else { part.rival(least) };
                let fit = all(best, upto);
                // The best of some of the patterns are not the best of all.
                let count = if !complete || truncated && fit.len() > 1 << LISTED_LOG2 {
                    count
                } else {
                    fit.len()
                };
                return Verdict::Fit(fit, count);
            }
            let close = least * AS_GOOD;
            if close <= EXPLAINED * accuracy || coarser > coarsest {
                let fit = all(best, close);
                return match fit.len() {
                    1 if complete => Verdict::Fit(fit, 1),
                    1 => Verdict::Unfinished,
                    count => Verdict::Rivals(count),
                };
            }
        }
        if !exact || coarser > coarsest {
            return Verdict::None;
        }
        accuracy = coarser;
    }
}

/// The linear step with one pattern of each component, by the digits of `index`;
/// rows that were not looked at get the signs of its solution.
fn with<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    components: &Components,
    choices: &[Choice],
    mut index: usize,
) -> Result<(LeastSquares<T>, Signs), Error> {
    let mut signs = DVector::from_element(model.nrows(), T::zero());
    for choice in choices {
        let pattern = &choice.patterns[index % choice.patterns.len()];
        index /= choice.patterns.len();
        for (&row, &sign) in choice.rows.iter().zip(pattern.iter()) {
            signs[row] = if sign < 0.0 { -T::one() } else { T::one() };
        }
    }
    let open: Vec<bool> = signs.iter().map(|s| *s == T::zero()).collect();
    // Zero marks a row whose slack is not known.
    let masked = DVector::from_fn(
        signs.len(),
        |i, _| {
            if open[i] { T::zero() } else { magnitudes[i] }
        },
    );
    let solution = linear::solve(model, &masked, &nearest(&signs)?, components)?;
    if !(0..signs.len()).any(|i| open[i] && magnitudes[i] > T::zero()) {
        return Ok((solution, nearest(&signs)?));
    }
    let slack = model.slack(&solution.x.rows(0, model.dim()).into_owned())?;
    // A component is flipped as a whole: its t says whether it was.
    for (i, k) in components.of_row.iter().enumerate() {
        if let (true, Some(k)) = (open[i], *k) {
            signs[i] = slack[i] * solution.x[model.dim() + k];
        }
    }
    let signs = nearest(&signs)?;
    Ok((linear::solve(model, magnitudes, &signs, components)?, signs))
}

/// How many sets of coefficients there are, and all of them if few.
fn several<T: Scalar>(
    model: &Model<T>,
    magnitudes: &DVector<T>,
    components: &Components,
    choices: &[Choice],
) -> Result<Recovery<T>, Error> {
    let log2 = choices.iter().map(|c| c.log2).sum();
    let listable = choices.iter().all(|c| c.all && !c.patterns.is_empty());
    let mut listed = Vec::new();
    if log2 <= LISTED_LOG2 && listable {
        let count: usize = choices.iter().map(|c| c.patterns.len()).product();
        for index in 0..count {
            let (solution, _) = with(model, magnitudes, components, choices, index)?;
            if solution.null_space.ncols() == 0 {
                listed.push(solution.x.rows(0, model.dim()).into_owned());
            }
        }
    }
    let rows: usize = choices
        .iter()
        .filter(|c| c.log2 > 0)
        .map(|c| c.rows.len())
        .sum();
    let count = match listed.len() {
        0 => format!("2^{log2}"),
        count => count.to_string(),
    };
    let more = choices.iter().any(|c| c.at_least && c.log2 > 0);
    let at_least = if more { "at least " } else { "" };
    let reason = format!(
        "the scores of {rows} rows do not tell {at_least}{count} sets of coefficients apart, which differ in the signs of slacks; give the signs"
    );
    let mut out = Recovery::new(Status::Ambiguous, reason);
    out.solutions = Some(Solutions { log2, listed });
    Ok(out)
}

/// Polishes the solutions that a search listed, and drops those that rounding does
/// not excuse beside the best: to be called by whoever knows the target. If one is
/// left, that is returned.
///
/// Of n ≥ d + 2 scores the signs alone are often matched to some digits by chance:
/// the magnitudes are not known to more, the scores are.
pub(crate) fn polish_listed<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    found: &mut Recovery<T>,
) -> Result<Option<DVector<T>>, Error> {
    let Some(solutions) = &mut found.solutions else {
        return Ok(None);
    };
    let listed = std::mem::take(&mut solutions.listed);
    let mut polished = Vec::new();
    for x in &listed {
        let step = trial(polish::polish(model, target, x.clone(), &[], |_, _| {}))?;
        polished.extend(step);
    }
    // A list that is not whole is none.
    if polished.is_empty() || polished.len() < listed.len() {
        return Ok(None);
    }
    if model.nrows() > model.dim() + 1 {
        let one = Components::one(model.nrows(), model.dim());
        let least = polished.iter().map(|p| to_f64(p.residual));
        let least = least.fold(f64::INFINITY, f64::min);
        let mut kept: Vec<(polish::Polished<T>, Signs)> = Vec::new();
        for p in polished {
            let rounding = to_f64(polish::rounding(model, target, &p.x)?);
            let slack = model.slack(&p.x)?;
            let signs = nearest(&slack)?;
            // Polishing may lead from the signs of one to those of another.
            let again = kept
                .iter()
                .any(|(_, other)| one.first_disagreement(other, &slack).is_none());
            if to_f64(p.residual) <= REFUTED * rounding.max(least) && !again {
                kept.push((p, signs));
            }
        }
        polished = kept.into_iter().map(|k| k.0).collect();
        if polished.len() < listed.len() {
            found.reason = format!(
                "polished, {} of {} sets of coefficients, which differ in the signs of slacks, have the scores to rounding; give the signs",
                polished.len(),
                listed.len()
            );
        }
    }
    if polished.is_empty() || !polished.iter().all(|p| matched(p.residual)) {
        return Ok(None);
    }
    if let [only] = polished.as_slice() {
        return Ok(Some(only.x.clone()));
    }
    solutions.log2 = solutions.log2.min(log2_of(polished.len()));
    solutions.listed = polished.into_iter().map(|p| p.x).collect();
    Ok(None)
}

/// log₂, rounded up.
fn log2_of(count: usize) -> usize {
    count.next_power_of_two().ilog2() as usize
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
        let components = Components::of(&model, seed).expect("in memory");
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
        let target = model.at(&x).expect("inside").scores().clone();
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
        let target = fewer.at(&x).expect("inside").scores().clone();
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
