//! The coefficients that belong to patterns of signs: one set, or several.

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::geometry::{Model, Signs};
use crate::linalg::LeastSquares;
use crate::recover::scores::structure::Components;
use crate::recover::scores::{linear, polish};
use crate::recover::signs::{Choice, LISTED_LOG2, nearest};
use crate::recover::{Recovery, Solutions, Status, matched};
use crate::scalar::{Scalar, to_f64};

/// A solution of more than d + 1 rows is refuted where polishing leaves this many
/// times what rounding explains, and as many times what it leaves of the best one:
/// first order counts neither how often roundings add up nor what dependent columns
/// make of them.
const REFUTED: f64 = 1e3;

/// The linear step with one pattern of each component, by the digits of `index`;
/// rows that were not looked at get the signs of its solution.
pub(super) fn with<T: Scalar>(
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
    for i in 0..signs.len() {
        if let (true, Some(k)) = (open[i], components.of(i)) {
            signs[i] = slack[i] * solution.x[model.dim() + k];
        }
    }
    let signs = nearest(&signs)?;
    Ok((linear::solve(model, magnitudes, &signs, components)?, signs))
}

/// How many sets of coefficients there are, and all of them if few.
pub(super) fn several<T: Scalar>(
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
pub(super) fn log2_of(count: usize) -> usize {
    count.next_power_of_two().ilog2() as usize
}
