//! From which price of a Hessian on another solver is cheaper.

use super::grid::Grid;
use super::measure::Measure;
use super::record::{Prices, Record};
use crate::error::Error;

/// When a solver becomes cheaper than another, as Hessians grow dearer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum BreakEven {
    /// Where a Hessian costs more than so many gradients.
    Above(f64),
    /// As soon as a Hessian costs anything.
    Always,
    /// At no price.
    Never,
    /// They solved no problem both.
    Incomparable,
}

/// The price of a Hessian, in gradients, above which `y` is cheaper than `x` on
/// most of the problems that both solved.
///
/// With n Hessians and a cost of c for all else on a problem, y is cheaper there
/// if the Hessian's price h exceeds
///
/// ```text
/// (c_y − c_x) / (n_x − n_y)                   where n_x > n_y
/// −∞ if c_y < c_x, else ∞                     where n_x = n_y
/// ∞                                           where n_x < n_y
/// ```
///
/// and on most of them if h exceeds the median of that, the upper one of an even
/// number. The last line is a convention: there, y is cheaper at a low price only.
/// The price of a Hessian among `prices` does not matter.
///
/// # Errors
/// [`Error::OutOfRange`] for the accuracy (an index into
/// [`ACCURACIES`](super::ACCURACIES)), for a price, and for a gradient that costs
/// nothing. Names that no row has are [`BreakEven::Incomparable`].
///
/// # Complexity
/// O(n log n) for n rows.
///
/// # Example
/// ```
/// use levinv::compare::{BreakEven, Outcome, Prices, Record, Task, break_even};
/// # use levinv::{DVector, Functions, solver::Counts};
/// # let row = |solver: &str, counts: Counts| -> Result<Record, levinv::Error> {
/// #     let f = Functions::new(1, |x: &DVector<f64>| x.norm_squared(), |x: &DVector<f64>| 2.0 * x);
/// #     let task = Task::first_order("p", f, DVector::zeros(1))?;
/// #     let mut row = Record::without_run((solver, &task), Outcome::Ended, String::new());
/// #     row.reached[2] = Some(counts);
/// #     Ok(row)
/// # };
/// // 5 gradients and 5 Hessians are as dear as 25 gradients, where h = 20/5.
/// let newton = row("newton", Counts { gradient: 5, hessian: 5, ..Counts::default() })?;
/// let lbfgs = row("lbfgs", Counts { gradient: 25, ..Counts::default() })?;
/// let price = break_even(&[newton, lbfgs], ("newton", "lbfgs"), 2, &Prices::default())?;
/// assert_eq!(price, BreakEven::Above(4.0));
/// # Ok::<(), levinv::Error>(())
/// ```
pub fn break_even(
    records: &[Record],
    (x, y): (&str, &str),
    accuracy: usize,
    prices: &Prices,
) -> Result<BreakEven, Error> {
    Measure::Evaluations(*prices).check(accuracy)?;
    if !(prices.gradient > 0.0) {
        return Err(Error::OutOfRange {
            name: "price of a gradient",
            value: prices.gradient,
            range: "greater than 0",
        });
    }
    let grid = Grid::of(records);
    let at = |name: &str| grid.solvers.iter().position(|s| *s == name);
    Ok(match (at(x), at(y)) {
        (Some(x), Some(y)) => of_grid(&grid, (x, y), accuracy, prices),
        _ => BreakEven::Incomparable,
    })
}

pub(super) fn of_grid(
    grid: &Grid<'_>,
    (x, y): (usize, usize),
    accuracy: usize,
    prices: &Prices,
) -> BreakEven {
    let but_hessians = Prices {
        hessian: 0.0,
        ..*prices
    };
    let on = |(x, y): (&Option<&Record>, &Option<&Record>)| {
        let (x, y) = (
            x.as_ref()?.reached[accuracy]?,
            y.as_ref()?.reached[accuracy]?,
        );
        let dearer = but_hessians.of(&y) - but_hessians.of(&x);
        let hessians = x.hessian as f64 - y.hessian as f64;
        Some(if hessians > 0.0 {
            dearer / hessians
        } else if hessians == 0.0 && dearer < 0.0 {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        })
    };
    let mut prices_of: Vec<f64> = grid
        .rows(x)
        .iter()
        .zip(grid.rows(y))
        .filter_map(on)
        .collect();
    prices_of.sort_by(f64::total_cmp);
    match prices_of.get(prices_of.len() / 2) {
        None => BreakEven::Incomparable,
        Some(&price) if price == f64::INFINITY => BreakEven::Never,
        Some(&price) if price > 0.0 => BreakEven::Above(price / prices.gradient),
        Some(_) => BreakEven::Always,
    }
}
