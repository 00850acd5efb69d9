//! What a run cost.

use super::record::{ACCURACIES, Prices, Record};
use crate::error::Error;

/// In what the cost of a run is measured.
///
/// ```
/// use levinv::compare::{Measure, Prices};
///
/// // Hessians here cost as much as twenty values.
/// let measure = Measure::Evaluations(Prices { hessian: 20.0, ..Prices::default() });
/// assert!(measure.check(2).is_ok());
/// let wrong = Measure::Evaluations(Prices { hessian: f64::NAN, ..Prices::default() });
/// assert!(wrong.check(2).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Measure {
    /// Evaluations until the accuracy was reached, at these prices.
    Evaluations(Prices),
    /// Seconds of the whole run, the median of its repeats. When an accuracy was
    /// reached is not timed: a solver that goes on for long pays for it.
    Seconds,
}

impl Default for Measure {
    /// Evaluations, all kinds alike.
    fn default() -> Self {
        Measure::Evaluations(Prices::default())
    }
}

impl Measure {
    /// What the run cost to reach an accuracy, an index into [`ACCURACIES`]; none
    /// if it did not, whatever the outcome, or if the cost is no finite number ≥ 0.
    pub fn of(&self, record: &Record, accuracy: usize) -> Option<f64> {
        let counts = (*record.reached.get(accuracy)?)?;
        let cost = match self {
            Measure::Evaluations(prices) => prices.of(&counts),
            Measure::Seconds => record.median_seconds()?,
        };
        (cost.is_finite() && cost >= 0.0).then_some(cost)
    }

    /// Whether costs can be measured so.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an accuracy that is no index into [`ACCURACIES`],
    /// and for a price that is not from 0 to 1e280.
    pub fn check(&self, accuracy: usize) -> Result<(), Error> {
        check_accuracy(accuracy)?;
        check_prices(&self.prices())
    }

    /// The prices, or counts as they are.
    pub(super) fn prices(&self) -> Prices {
        match self {
            Measure::Evaluations(prices) => *prices,
            Measure::Seconds => Prices::default(),
        }
    }

    /// An amount in words.
    pub(super) fn in_words(&self, amount: f64) -> String {
        let amount = super::words::number(amount);
        match self {
            Measure::Seconds => format!("{amount} s"),
            Measure::Evaluations(prices) if *prices == Prices::default() => {
                let plural = if amount == "1" { "" } else { "s" };
                format!("{amount} evaluation{plural}")
            }
            Measure::Evaluations(_) => format!("{amount} weighted evaluations"),
        }
    }
}

/// Six counts of 2⁶⁴ at such prices are still a finite cost; a run whose cost
/// overflows would pass for one that failed.
const PRICE_MAX: f64 = 1e280;

fn check_accuracy(accuracy: usize) -> Result<(), Error> {
    const { assert!(ACCURACIES.len() == 5, "the range below") };
    if accuracy < ACCURACIES.len() {
        return Ok(());
    }
    Err(Error::OutOfRange {
        name: "accuracy",
        value: accuracy as f64,
        range: "an index into the accuracies, 0 to 4",
    })
}

pub(super) fn check_prices(prices: &Prices) -> Result<(), Error> {
    let named = [
        ("price of a value", prices.cost),
        ("price of a gradient", prices.gradient),
        ("price of a Hessian", prices.hessian),
        ("price of a product", prices.product),
        ("price of a residual", prices.residual),
        ("price of a Jacobian", prices.jacobian),
    ];
    for (name, value) in named {
        if !(0.0..=PRICE_MAX).contains(&value) {
            let range = "from 0 to 1e280";
            return Err(Error::OutOfRange { name, value, range });
        }
    }
    Ok(())
}
