//! Derivatives by differences, with a bound that holds.
//!
//! Central differences at steps h, h/2, h/4, … are extrapolated to h = 0
//! (Richardson; Ridders' tableau). Two errors compete: truncation, which each
//! column of the tableau reduces by a further h², and rounding, ν/h. Truncation
//! is judged by three differences within the tableau, of which the largest
//! counts: to the next lower order, to the same order at twice the step, and
//! diagonally. An accidental agreement of two numbers is common among the
//! thousands that a Hessian takes; of all three it is not. The bound is the sum
//! of both errors, and the entry with the smallest bound is the answer.
//!
//! Where the length over which a function changes is a guess, scouts go ahead:
//! central differences from far beyond the guess down to the last place of x.
//! From the shortest ones that tell anything upwards, the quotient stays what it
//! is until the step reaches the function's own length; there the tableau begins.
//! From afar, beyond a pole or across the narrow bump that a slack of 1e-4 makes,
//! a function may look perfectly smooth, and be another.

use nalgebra::{ComplexField, DMatrix, DVector, RealField};

use super::estimate::{Estimate, Function, Wide, evaluate};
use super::steps::{Steps, power_of_two};
use crate::error::Error;
use crate::scalar::{Extended, Scalar, epsilon, real, to_f64, widen};

/// Halvings of the step at most; rounding ends it long before.
const LEVELS: usize = 40;
/// Columns of the tableau: with steps that fall well inside the radius of
/// convergence the fifth leaves h¹², past which rounding rules.
const COLUMNS: usize = 6;
/// Standard deviations of the rounding error that are allowed for: differences
/// and extrapolation make at most 1.2 ν/h of it, and thousands of entries draw.
const DEVIATIONS: f64 = 12.0;
/// How the estimated truncation error is multiplied.
const CAUTION: f64 = 4.0;
/// From one scout to the next: 2⁻⁵.
const STRIDE: f64 = 1.0 / 32.0;
/// Differences are never trusted further than to this part of themselves. They
/// cannot see what is narrower than their step and smaller than rounding, but its
/// slope may be neither: a slack of 1e-4 leaves L_D with such a bump, of 1e-11.
const MODESTY: f64 = 1e-10;
/// Scouts beyond the guessed length.
const BEYOND: i32 = 3;
/// Scouts at most: down to the last place of x there are ten.
const SCOUTS: i32 = 16;
/// A quotient whose rounding is a larger part of it tells nothing.
const WORTHLESS: f64 = 0.03;
/// Steps whose rounding is a smaller part of the quotient are long enough.
const SHARP: f64 = 1e-10;
/// Quotients that differ by no more than this part of them are the same but for
/// truncation.
const ALIKE: f64 = 0.1;

/// `dF(x)·v`, entry by entry; `None` where no step on both sides of x stays in
/// the domain.
///
/// `limit` is the longest step, in units of v, that the domain allows on both
/// sides, if it is known; `noise` the rounding error of F.
///
/// # Complexity
/// Two evaluations a halving, of which eight to twelve are usual; where lengths
/// are not known, about 30 for the scouts.
pub(crate) fn along<T: Scalar>(
    f: &Function<'_, T>,
    steps: &Steps<T>,
    v: &DVector<T>,
    limit: Option<T>,
    noise: &Wide,
) -> Result<Option<Estimate>, Error> {
    let limit = limit.map(to_f64);
    if limit.is_some_and(|t| !(t > 0.0)) {
        return Ok(None);
    }
    let inside = limit.map_or(f64::INFINITY, |t| power_of_two(0.5 * t));
    let guess = inside.min(0.5);
    let line = Line { f, steps, v, noise };
    let mut tableau = Tableau::default();
    let first = if steps.known() {
        guess
    } else {
        tableau.scouts = line.scouts(guess, inside);
        let beginning = line.beginning(&tableau.scouts).unwrap_or(guess);
        // Farther out than the guess only where the guess sees little: from afar
        // an entry beside large ones may be another.
        let sharp = |s: &Quotient| s.rounding.amax() <= s.value.amax() * Extended::from(SHARP);
        let at_guess = tableau.scouts.iter().find(|s| s.h == guess);
        let longest = if at_guess.is_some_and(sharp) {
            guess
        } else {
            f64::INFINITY
        };
        beginning.min(longest).min(inside)
    };
    tableau.fill(&line, first);
    match tableau.error.take() {
        Some(error) if tableau.best.is_empty() => Err(error),
        _ => Ok(tableau.estimate()),
    }
}

/// dF(x) column by column: F along each coordinate.
pub(crate) fn jacobian<T: Scalar>(
    f: &Function<'_, T>,
    steps: &Steps<T>,
    limit: impl Fn(&DVector<T>) -> Result<Option<T>, Error>,
    noise: &Wide,
) -> Result<Option<Estimate>, Error> {
    let mut columns = Vec::new();
    for j in 0..steps.x().len() {
        let v = steps.axis(j);
        let Some(column) = along(f, steps, &v, limit(&v)?, noise)? else {
            return Ok(None);
        };
        let unit = Extended::from(1.0) / widen(v[j]);
        columns.push(column.times(unit));
    }
    Ok(Some(Estimate::columns(&columns)))
}

/// F along v through x.
struct Line<'a, T: Scalar> {
    f: &'a Function<'a, T>,
    steps: &'a Steps<T>,
    v: &'a DVector<T>,
    noise: &'a Wide,
}

/// A central difference and its rounding error.
struct Quotient {
    h: f64,
    value: Wide,
    rounding: Wide,
}

impl<T: Scalar> Line<'_, T> {
    /// The central difference at one step, if the domain and x's grid admit it.
    fn quotient(&self, h: f64) -> Result<Option<Quotient>, Error> {
        let at = |h: f64| self.steps.at(self.v, real(h));
        let (Some(up), Some(down)) = (at(h), at(-h)) else {
            return Ok(None);
        };
        let (Some(up), Some(down)) = (evaluate(self.f, &up)?, evaluate(self.f, &down)?) else {
            return Ok(None);
        };
        // Far from x the function, and with it its rounding error, may be larger.
        let unit = widen(epsilon::<T>() * real(0.25));
        let there = up.zip_map(&down, |a, b| a.abs().max(b.abs()) * unit);
        let larger = self.noise.zip_map(&there, |n, t| n.max(t));
        Ok(Some(Quotient {
            h,
            value: (up - down) * Extended::from(0.5 / h),
            rounding: larger * Extended::from(DEVIATIONS / h),
        }))
    }

    /// Quotients at steps from far beyond the guess down to x's last place, the
    /// longest first, none beyond the domain where that is known. A scout that
    /// meets an error is not missed: at the steps that count it will come again.
    fn scouts(&self, guess: f64, inside: f64) -> Vec<Quotient> {
        let mut scouts = Vec::new();
        for k in -BEYOND..SCOUTS {
            let h = guess * STRIDE.powi(k);
            if h <= inside {
                scouts.extend(self.quotient(h).unwrap_or(None));
            }
        }
        scouts
    }

    /// Twice the longest step up to which quotients are alike, from the shortest
    /// that tells anything; `None` where none does.
    fn beginning(&self, scouts: &[Quotient]) -> Option<f64> {
        let last = shortest(scouts)?;
        let still = scouts[..last].iter().rev();
        let longest = still.take_while(|s| alike(&scouts[last], s)).last();
        let mut h = longest.unwrap_or(&scouts[last]).h;
        // Between this scout and the next, step by step.
        while h < scouts[0].h {
            match self.quotient(2.0 * h) {
                Ok(Some(next)) if alike(&scouts[last], &next) => h *= 2.0,
                _ => break,
            }
        }
        Some(2.0 * h)
    }
}

/// The shortest scout that tells anything.
fn shortest(scouts: &[Quotient]) -> Option<usize> {
    let tells = |s: &Quotient| s.rounding.amax() <= s.value.amax() * Extended::from(WORTHLESS);
    scouts.iter().rposition(tells)
}

/// Whether two quotients are the same but for truncation and rounding.
fn alike(a: &Quotient, b: &Quotient) -> bool {
    let room = a.value.amax() * Extended::from(ALIKE);
    (0..a.value.len()).all(|k| {
        let rounding = a.rounding[k] + b.rounding[k];
        (a.value[k] - b.value[k]).abs() <= room + rounding
    })
}

/// The extrapolation of one directional derivative.
#[derive(Default)]
struct Tableau {
    scouts: Vec<Quotient>,
    /// Central differences so far, the longest step first.
    quotients: Vec<Quotient>,
    /// The last row: estimates of rising order.
    row: Vec<Wide>,
    /// The best so far, entry by entry.
    best: Vec<Best>,
    /// The first error that was met.
    error: Option<Error>,
}

#[derive(Clone)]
struct Best {
    value: Extended,
    bound: Extended,
    /// The step, and how far the plain quotient was off there.
    h: f64,
    off: Extended,
}

impl Tableau {
    /// Rows from the step `first` down, until rounding alone exceeds the best
    /// bound in every entry.
    fn fill<T: Scalar>(&mut self, line: &Line<'_, T>, first: f64) {
        for level in 0..LEVELS {
            let h = first * (-(level as f64)).exp2();
            let quotient = match line.quotient(h) {
                Ok(Some(quotient)) => quotient,
                // Outside: what was gathered does not continue across.
                Ok(None) => {
                    self.row.clear();
                    continue;
                }
                // A step too far, perhaps: shorter ones will tell.
                Err(error) => {
                    self.row.clear();
                    self.error.get_or_insert(error);
                    continue;
                }
            };
            let rounding = &quotient.rounding;
            let exceeds = |(best, r): (&Best, &Extended)| *r >= best.bound;
            let done = self.best.iter().zip(rounding.iter()).all(exceeds);
            if done && !self.best.is_empty() {
                break;
            }
            self.add(&quotient);
            self.quotients.push(quotient);
        }
    }

    fn add(&mut self, quotient: &Quotient) {
        let mut row = vec![quotient.value.clone()];
        let mut power = 1.0;
        for (order, previous) in self.row.iter().enumerate().take(COLUMNS) {
            power *= 4.0;
            let gain = &row[order] - previous;
            row.push(&row[order] + gain * (Extended::from(1.0) / Extended::from(power - 1.0)));
        }
        for order in 1..row.len() {
            // The same order at twice the step: known from the second row on.
            let Some(coarser) = self.row.get(order) else {
                continue;
            };
            let candidates = (0..quotient.value.len()).map(|k| {
                let value = row[order][k];
                let to = |other: &Wide| (value - other[k]).abs();
                let truncation = to(coarser)
                    .max(to(&row[order - 1]))
                    .max(to(&self.row[order - 1]));
                Best {
                    value,
                    bound: truncation * Extended::from(CAUTION) + quotient.rounding[k],
                    h: quotient.h,
                    off: (quotient.value[k] - value).abs(),
                }
            });
            if self.best.is_empty() {
                self.best = candidates.collect();
                continue;
            }
            for (best, candidate) in self.best.iter_mut().zip(candidates) {
                if candidate.bound < best.bound {
                    *best = candidate;
                }
            }
        }
        self.row = row;
    }

    /// The best entries, their bounds widened where a shorter step contradicts
    /// them: there the quotient's own truncation has shrunk with h².
    fn estimate(self) -> Option<Estimate> {
        let shape = self.quotients.first()?.value.shape();
        if self.best.is_empty() {
            return None;
        }
        let all = || self.scouts.iter().chain(&self.quotients);
        let bound = |k: usize| {
            let best = &self.best[k];
            let shorter = all().filter(|q| q.h < best.h);
            let modest = best.bound + best.value.abs() * Extended::from(MODESTY);
            shorter.fold(modest, |bound, q| {
                let shrunk = Extended::from(CAUTION * (q.h / best.h).powi(2));
                let explained = best.off * shrunk + best.bound + q.rounding[k];
                let apart = (q.value[k] - best.value).abs();
                if apart > explained {
                    bound.max(apart)
                } else {
                    bound
                }
            })
        };
        let entries = |of: &dyn Fn(usize) -> Extended| {
            DMatrix::from_fn(shape.0, shape.1, |i, j| of(i + j * shape.0))
        };
        Some(Estimate {
            value: entries(&|k| self.best[k].value),
            bound: entries(&bound),
        })
    }
}
