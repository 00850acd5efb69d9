//! The coarsest precision that protects, and the noise that does.

use super::errors::Chosen;
use super::{Attacker, Errors, Level, Row};

/// What an attacker leaves room for: a statement about this attack and least
/// squares, see [the module](super).
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Whose attack.
    pub attacker: Attacker,
    /// The finest level, of those audited, up to which what least squares does not
    /// give is protected; none where not even the coarsest protects it, or where
    /// nothing is left to protect.
    pub level: Option<Level>,
    /// The next finer level, at which it no longer is; none where every audited
    /// level protects.
    pub exposed_at: Option<Level>,
    /// The noise to add; none where nothing is left to protect, or where x is not
    /// determined to first order.
    pub noise: Option<SafeNoise>,
}

/// How much normal noise leaves an attacker with the tolerance.
#[derive(Debug, Clone)]
pub struct SafeNoise {
    /// The standard deviation at which the smallest predicted error is the
    /// tolerance, in closed form: errors are proportional to it. Of a score; of an
    /// entry of a gradient relative to its size.
    pub deviation: f64,
    /// ω there.
    pub omega: f64,
    /// Whether first order can be trusted there.
    pub linear: bool,
    /// The errors simulated there: of root mean squares and quantiles the smaller.
    pub simulated: Option<Errors>,
    /// Whether they confirm it: none is below the tolerance, by more than three
    /// standard deviations of the simulation where first order can be trusted, at
    /// all where it cannot. Where no trial gave an answer, only what first order
    /// can be trusted with is confirmed.
    pub confirmed: bool,
    /// Whether it drowns the publication: it is as large as the scores' own
    /// deviation from their mean, or as the entries of the gradient.
    pub drowns: bool,
    /// Where they do not: the first of the larger deviations tried that does. None
    /// is tried beyond what drowns the publication.
    pub sufficient: Option<f64>,
}

impl SafeNoise {
    /// The deviation to use: confirmed by the simulation.
    pub fn recommended(&self) -> Option<f64> {
        if self.confirmed {
            Some(self.deviation)
        } else {
            self.sufficient
        }
    }
}

/// From rows of one attacker, coarse levels first: the last of the first ones that
/// all protect, and the level after it. A finer level that seems to protect again
/// after one that does not is the attack's bad luck.
pub(super) fn finest(
    rows: &[&Row],
    chosen: &Chosen,
    tolerance: f64,
) -> (Option<Level>, Option<Level>) {
    let protected = rows
        .iter()
        .take_while(|r| r.protects(chosen, tolerance))
        .count();
    let level = |k: Option<usize>| k.and_then(|k| rows.get(k)).map(|r| r.level);
    (level(protected.checked_sub(1)), level(Some(protected)))
}
