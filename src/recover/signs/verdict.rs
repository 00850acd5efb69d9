//! What all patterns of signs come to, where no noise was stated at accuracies
//! that are tried in turn.

use nalgebra::DVector;

use crate::recover::signs::patterns::{self, EXPLAINED, Patterns};
use crate::recover::signs::unsigned::Part;
use crate::recover::signs::{FEW, LISTED_LOG2};

/// Between the accuracies that are tried in turn where no noise was stated:
/// magnitudes may be worse than their rounding (weights far apart), and the
/// least-squares fit of a target that no x has is still of use.
pub(super) const COARSER: f64 = 1e3;
/// The last of them: beyond, signs would be guesses.
pub(super) const COARSEST: f64 = 1e-2;

/// Where no noise was stated, a pattern whose misfit is within this factor of
/// the best one's is as good, when rounding explains neither: of many patterns
/// that fit equally well, one may come this much closer by luck.
const AS_GOOD: f64 = 100.0;

/// What enumerations came to.
pub(super) enum Verdict {
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
pub(super) fn by_patterns(part: &Part, exact: bool) -> Verdict {
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
