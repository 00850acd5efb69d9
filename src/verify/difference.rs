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

use nalgebra::{ComplexField, DMatrix, DVector, RealField};

use super::estimate::{Estimate, Function, Wide, evaluate};
use super::steps::{Steps, power_of_two};
use crate::error::Error;
use crate::scalar::{Extended, Scalar, epsilon, real, to_f64};

/// Halvings of the step at most: from a guess that is 1e12 too long.
const LEVELS: usize = 40;
/// Columns of the tableau: with steps that fall well inside the radius of
/// convergence the fifth leaves h¹², past which rounding rules.
const COLUMNS: usize = 6;
/// Standard deviations of the rounding error that are allowed for: differences
/// and extrapolation make at most 1.2 ν/h of it, and thousands of entries draw.
const DEVIATIONS: f64 = 12.0;
/// How the estimated truncation error is multiplied.
const CAUTION: f64 = 2.0;
/// Where rounding rules from the first step on, the next attempt is this many
/// times as long.
const LONGER: f64 = 64.0;
/// Attempts with ever longer steps.
const ATTEMPTS: usize = 8;

/// `dF(x)·v`, entry by entry; `None` where no step on both sides of x stays in
/// the domain.
///
/// `limit` is the longest step, in units of v, that the domain allows on both
/// sides, if it is known; `noise` the rounding error of F.
///
/// # Complexity
/// Two evaluations a halving, of which eight to twelve are usual where lengths
/// are known.
pub(crate) fn along<T: Scalar>(
    f: &Function<'_, T>,
    steps: &Steps<T>,
    v: &DVector<T>,
    limit: Option<T>,
    noise: &Wide,
) -> Result<Option<Estimate>, Error> {
    let bounded = limit.map(to_f64).filter(|t| t.is_finite() && *t > 0.0);
    let mut first: f64 = bounded.map_or(0.5, |t| power_of_two::<f64>(0.5 * t).min(0.5));
    let mut best: Option<Tableau> = None;
    for _ in 0..ATTEMPTS {
        let mut tableau = Tableau::new(noise);
        tableau.fill(f, steps, v, first)?;
        let longer_may_help = bounded.is_none() && !steps.known() && tableau.rounding_rules();
        let better = best.as_ref().is_none_or(|b| tableau.size() < b.size());
        if better {
            best = Some(tableau);
        }
        if !better || !longer_may_help {
            break;
        }
        first *= LONGER;
    }
    Ok(best.and_then(Tableau::estimate))
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
        let unit = Extended::from(1.0) / crate::scalar::widen(v[j]);
        columns.push(column.times(unit));
    }
    Ok(Some(Estimate::columns(&columns)))
}

/// The extrapolation of one directional derivative.
struct Tableau<'a> {
    noise: &'a Wide,
    /// The last row: estimates of rising order.
    row: Vec<Wide>,
    best: Option<Best>,
}

struct Best {
    value: Wide,
    bound: Wide,
    /// The part of the bound that is rounding.
    rounding: Wide,
}

impl<'a> Tableau<'a> {
    fn new(noise: &'a Wide) -> Self {
        let row = Vec::new();
        Tableau {
            noise,
            row,
            best: None,
        }
    }

    /// Rows from the step `first` down, until rounding alone exceeds the best
    /// bound in every entry.
    fn fill<T: Scalar>(
        &mut self,
        f: &Function<'_, T>,
        steps: &Steps<T>,
        v: &DVector<T>,
        first: f64,
    ) -> Result<(), Error> {
        let unit = epsilon::<T>() * real(0.25);
        let unit = crate::scalar::widen(unit);
        for level in 0..LEVELS {
            let h = first * (-(level as f64)).exp2();
            let (Some(up), Some(down)) = (steps.at(v, real(h)), steps.at(v, real(-h))) else {
                break;
            };
            let (Some(up), Some(down)) = (evaluate(f, &up)?, evaluate(f, &down)?) else {
                // Outside: what was gathered does not continue across.
                self.row.clear();
                continue;
            };
            // Far from x the function, and with it its rounding error, may be larger.
            let there = up.zip_map(&down, |a, b| a.abs().max(b.abs()) * unit);
            let rounding =
                self.noise.zip_map(&there, |n, t| n.max(t)) * Extended::from(DEVIATIONS / h);
            let done = self
                .best
                .as_ref()
                .is_some_and(|best| best.bound.iter().zip(rounding.iter()).all(|(b, r)| r >= b));
            if done {
                break;
            }
            self.add((up - down) * Extended::from(0.5 / h), &rounding);
        }
        Ok(())
    }

    fn add(&mut self, quotient: Wide, rounding: &Wide) {
        let mut row = vec![quotient];
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
            let truncation = |k: usize| {
                let t = row[order][k];
                let to = |other: &Wide| (t - other[k]).abs();
                to(coarser)
                    .max(to(&row[order - 1]))
                    .max(to(&self.row[order - 1]))
            };
            let bound = DMatrix::from_fn(rounding.nrows(), rounding.ncols(), |i, j| {
                let k = i + j * rounding.nrows();
                truncation(k) * Extended::from(CAUTION) + rounding[k]
            });
            match &mut self.best {
                None => {
                    self.best = Some(Best {
                        value: row[order].clone(),
                        bound,
                        rounding: rounding.clone(),
                    });
                }
                Some(best) => {
                    for k in 0..bound.len() {
                        if bound[k] < best.bound[k] {
                            best.value[k] = row[order][k];
                            best.bound[k] = bound[k];
                            best.rounding[k] = rounding[k];
                        }
                    }
                }
            }
        }
        self.row = row;
    }

    /// Whether longer steps would be more accurate: most of the bound is rounding.
    fn rounding_rules(&self) -> bool {
        self.best
            .as_ref()
            .is_some_and(|best| best.rounding.norm() > best.bound.norm() * Extended::from(0.5))
    }

    /// The bound of all entries together.
    fn size(&self) -> Extended {
        self.best
            .as_ref()
            .map_or(Extended::from(f64::INFINITY), |best| best.bound.norm())
    }

    fn estimate(self) -> Option<Estimate> {
        self.best.map(|best| Estimate {
            value: best.value,
            bound: best.bound,
        })
    }
}
