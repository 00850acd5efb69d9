//! Where an objective is defined: everywhere, or in one cell.

use std::sync::Arc;

use nalgebra::DVector;

use crate::error::Error;
use crate::scalar::{Scalar, to_f64};

/// The signs of the slacks: +1 or −1 a row, as one cell of the arrangement of
/// hyperplanes `a_iᵀx = b_i` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signs(Arc<[bool]>);

impl Signs {
    /// All n slacks positive: x inside the polytope `A x > b`.
    pub fn positive(n: usize) -> Self {
        Signs(vec![true; n].into())
    }

    /// All n slacks negative: `A x < b`.
    pub fn negative(n: usize) -> Self {
        Signs(vec![false; n].into())
    }

    /// The signs of a vector of slacks, or of a vector of ±1.
    ///
    /// # Errors
    /// [`Error::ZeroSlack`] at a zero, [`Error::NonFinite`] at NaN or ∞.
    pub fn of<T: Scalar>(slack: &DVector<T>) -> Result<Self, Error> {
        let sign = |(row, s): (usize, &T)| match s.partial_cmp(&T::zero()) {
            _ if !s.is_finite() => Err(Error::NonFinite {
                what: "signs",
                index: row,
                value: to_f64(*s),
            }),
            None | Some(std::cmp::Ordering::Equal) => Err(Error::ZeroSlack { row }),
            Some(order) => Ok(order.is_gt()),
        };
        slack
            .iter()
            .enumerate()
            .map(sign)
            .collect::<Result<_, _>>()
            .map(Signs)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that there is one sign for each of n rows.
    pub(crate) fn check_rows(&self, expected: usize) -> Result<(), Error> {
        let found = self.len();
        if found == expected {
            return Ok(());
        }
        Err(Error::Shape {
            what: "signs",
            unit: "entries",
            expected,
            found,
        })
    }

    /// ±1 as a number.
    pub fn sign<T: Scalar>(&self, row: usize) -> T {
        if self.0[row] { T::one() } else { -T::one() }
    }

    /// The first row whose slack does not have its sign, or has none given.
    pub fn first_violation<T: Scalar>(&self, slack: &DVector<T>) -> Option<usize> {
        (0..slack.len()).find(|&i| !self.agrees(i, slack[i]))
    }

    /// Whether a row's slack has the sign given for it.
    fn agrees<T: Scalar>(&self, row: usize, slack: T) -> bool {
        self.0.get(row).is_some_and(|&positive| {
            if positive {
                slack > T::zero()
            } else {
                slack < T::zero()
            }
        })
    }

    /// All signs turned round.
    pub fn flipped(&self) -> Self {
        Signs(self.0.iter().map(|s| !s).collect())
    }
}

/// Where an objective is finite.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Domain {
    /// Wherever no slack is zero. An ordinary solver may step from one cell
    /// into another.
    #[default]
    Free,
    /// One cell only. Outside it the cost is +∞, so that line searches and
    /// trust regions turn back.
    Cell(Signs),
}

impl Domain {
    /// The first row that keeps a point with these slacks out of the domain.
    pub(crate) fn violation<T: Scalar>(&self, slack: &DVector<T>) -> Option<usize> {
        self.violation_from(0, slack.as_slice())
    }

    /// The same from the slacks of a part of the rows, which begins at `first`.
    pub(crate) fn violation_from<T: Scalar>(&self, first: usize, slack: &[T]) -> Option<usize> {
        let outside = |&(k, s): &(usize, &T)| match self {
            _ if !s.is_finite() => true,
            Domain::Free => *s == T::zero(),
            Domain::Cell(signs) => !signs.agrees(first + k, *s),
        };
        let found = slack.iter().enumerate().find(outside);
        found.map(|(k, _)| first + k)
    }

    /// The largest t for which x + t·step stays inside, from the slacks at x
    /// and their change A·step; `None` where nothing bounds it.
    ///
    /// In a cell, row i leaves at t = −s_i/(A step)_i where that is positive.
    /// The free domain is left only at single points, which no step length
    /// hits but by accident: it bounds nothing.
    pub(crate) fn largest_step<T: Scalar>(
        &self,
        slack: &DVector<T>,
        change: &DVector<T>,
    ) -> Option<T> {
        if matches!(self, Domain::Free) {
            return None;
        }
        slack
            .iter()
            .zip(change.iter())
            .map(|(&s, &ds)| -s / ds)
            .filter(|t| *t > T::zero() && t.is_finite())
            .reduce(T::min)
    }
}
