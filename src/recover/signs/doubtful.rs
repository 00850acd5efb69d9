//! Signs that were found, and are not told by the scores.
//!
//! A row whose score is nearly 1 has so small a slack that the others hardly change
//! when it takes the opposite sign: to first order x moves by
//!
//! ```text
//! h = −(2/σ_i) (A_xᵀA_x)⁻¹ A_xᵀ e_i,    (A_x h)_j = −2 P_ij/σ_i
//! ```
//!
//! for row i to be turned over and the others to change least. Where the scores there
//! are the same to rounding, whichever sign a search has come upon is luck.

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::geometry::Model;
use crate::recover::scores::polish;
use crate::recover::signs::several::REFUTED;
use crate::recover::{Recovery, Solutions, Status, matched};
use crate::scalar::{Scalar, real};

/// What was recovered without signs being given, or that it is one of several. O(nd³)
/// for each row with a score near 1, of which there are d at most.
pub(crate) fn told<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
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
    let own = found.residual.unwrap_or_else(T::zero);
    let (mut rows, mut listed) = (Vec::new(), vec![x.clone()]);
    for &i in at.heavy()?.indices() {
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
        let rounding = polish::rounding(model, target, &polished.x)?;
        let turned = at.slack()[i] * model.slack(&polished.x)?[i] < T::zero();
        if turned && polished.residual <= rounding.max(own) * real(REFUTED) {
            rows.push(i + 1);
            listed.push(polished.x);
        }
    }
    let (Some(first), count) = (rows.first(), rows.len()) else {
        return Ok(found);
    };
    let which = match count {
        1 => format!("row {first}"),
        _ => format!("{count} rows, of which row {first} is the first,"),
    };
    let reason = format!(
        "the scores do not tell the sign of the slack of {which}, which is far below the others': with the other sign they are the same to rounding; give the signs"
    );
    if count > 1 {
        // Any of them may be turned over together.
        listed.clear();
    }
    Ok(Recovery {
        status: Status::Ambiguous,
        reason,
        solutions: Some(Solutions {
            log2: count,
            listed,
        }),
        x: None,
        errors: None,
        ..found
    })
}
