//! Signs that were found, and are not told by the scores.
//!
//! Where rows of tiny slacks hold all scores, those that are left for the others are
//! tiny too, and change with the sign of such a slack by less than rounding: x moves by
//!
//! ```text
//! h = −(2/σ_i) (A_xᵀA_x)⁻¹ A_xᵀ e_i,    (A_x h)_j = −2 P_ij/σ_i
//! ```
//!
//! to first order, for row i to be turned over and the others to change least. If the
//! scores there are the same to rounding, the sign that a search has come upon is luck.

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::geometry::{Geometry, Model};
use crate::recover::scores::polish;
use crate::recover::{Recovery, Solutions, Status, matched};
use crate::scalar::{Scalar, count, epsilon, real};

/// A slack is tiny that is so many times less than the median.
const TINY: f64 = 1e-3;
/// What the other rows have of the scores, at most, where a sign can be hidden: turning
/// over a slack of δ changes that by a part of δ, and a sum of 1e-4 with δ at 1e-3 by far
/// more than rounding; those hidden sum to some nδ² < 1e-9.
const REST: f64 = 1e-4;
/// How many times the rounding of the scores is still no evidence.
const ROUNDINGS: f64 = 10.0;

/// What was recovered without signs being given, or that it is one of several; `number`
/// is what the model's rows go by. O(n), and O(nd³) where rows of tiny slacks hold all
/// scores.
pub(crate) fn told<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    number: impl Fn(usize) -> usize,
    found: Recovery<T>,
) -> Result<Recovery<T>, Error> {
    let Some(x) = found
        .x
        .as_ref()
        .filter(|_| found.status == Status::Recovered)
    else {
        return Ok(found);
    };
    let at = model.at(x)?;
    let rounding = epsilon::<T>() * count::<T>(x.len() + 1);
    let own = found.residual.unwrap_or_else(T::zero);
    let allowed = own.max(rounding) * real(ROUNDINGS);
    for i in suspects(&at)? {
        let other = x + at.turning(i)?;
        let off = |x: &DVector<T>| -> Result<T, Error> {
            Ok((model.at(x)?.scores()? - target).norm() / target.norm())
        };
        // Far off polishing is not needed to tell, nor where a slack is zero.
        if !trial(off(&other))?.is_some_and(matched) {
            continue;
        }
        let polished = trial(polish::polish(model, target, other, &[], |_, _| {}))?;
        let Some(polished) = polished else {
            continue;
        };
        let turned = at.slack()[i] * model.slack(&polished.x)?[i] < T::zero();
        if !turned || !(polished.residual <= allowed) {
            continue;
        }
        let reason = format!(
            "the scores do not tell the sign of the slack of row {}, which is far below the others': with either they are the same to rounding, and so there are at least 2 sets of coefficients; give the signs",
            number(i)
        );
        return Ok(Recovery {
            status: Status::Ambiguous,
            reason,
            solutions: Some(Solutions {
                log2: 1,
                listed: vec![x.clone(), polished.x],
            }),
            x: None,
            errors: None,
            residual: None,
            evaluations: found.evaluations + polished.evaluations,
            ..found
        });
    }
    Ok(found)
}

/// Rows of tiny slacks, if they hold all scores.
fn suspects<T: Scalar>(at: &Geometry<T>) -> Result<Vec<usize>, Error> {
    let (slack, scores) = (at.slack(), at.scores()?);
    let mut sizes: Vec<T> = slack.iter().map(|s| s.abs()).collect();
    let middle = sizes.len() / 2;
    let order = |a: &T, b: &T| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
    let median = *sizes.select_nth_unstable_by(middle, order).1;
    let tiny = |&i: &usize| slack[i].abs() <= median * real(TINY);
    let suspects: Vec<usize> = (0..slack.len()).filter(tiny).collect();
    let held = suspects.iter().fold(T::zero(), |sum, &i| sum + scores[i]);
    let all = held >= count::<T>(at.x().len()) - real(REST);
    Ok(if all { suspects } else { Vec::new() })
}
