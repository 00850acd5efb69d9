//! Exact ranks of rows of floating-point numbers.
//!
//! Floating-point numbers are dyadic rationals: brought to a common power of
//! two, a row is one of integers, and elimination without fractions (Bareiss,
//! Math. Comp. 22, 1968) decides by integers whether it depends on others. What
//! is kept is a basis N of the vectors that all rows so far are orthogonal to:
//! a row depends on them exactly when it is orthogonal to N too.

use nalgebra::RowDVector;
use num_bigint::BigInt;
use num_traits::Zero;

use crate::recover::exact::dyadic::{self, Dyadic};
use crate::scalar::Scalar;

/// The span of some rows, exactly.
pub(crate) struct ExactSpan {
    rank: usize,
    /// Columns that span the orthogonal complement.
    complement: Vec<Vec<BigInt>>,
    /// The pivot of the last step, which divides all of the next.
    divisor: BigInt,
}

impl ExactSpan {
    /// Of no row, in d dimensions.
    pub(crate) fn new(d: usize) -> Self {
        let unit = |j: usize| (0..d).map(|i| BigInt::from(u8::from(i == j))).collect();
        ExactSpan {
            rank: 0,
            complement: (0..d).map(unit).collect(),
            divisor: BigInt::from(1),
        }
    }

    /// The rank of the rows added so far.
    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    /// Whether a row depends on them. O(d²) products of integers whose length
    /// grows with the rank.
    pub(crate) fn contains(&self, row: &[BigInt]) -> bool {
        self.complement.iter().all(|n| dot(row, n).is_zero())
    }

    /// Adds a row; whether the rank grew.
    pub(crate) fn insert(&mut self, row: &[BigInt]) -> bool {
        let products: Vec<BigInt> = self.complement.iter().map(|n| dot(row, n)).collect();
        // The shortest pivot keeps numbers short.
        let pivot = (0..products.len())
            .filter(|&j| !products[j].is_zero())
            .min_by_key(|&j| products[j].bits());
        let Some(pivot) = pivot else {
            return false;
        };
        let gone = self.complement.swap_remove(pivot);
        let mut rest = products;
        let head = rest.swap_remove(pivot);
        for (column, product) in self.complement.iter_mut().zip(&rest) {
            for (entry, other) in column.iter_mut().zip(&gone) {
                // Exact: every entry is a minor of the rows and the identity.
                *entry = (&*entry * &head - other * product) / &self.divisor;
            }
        }
        self.divisor = head;
        self.rank += 1;
        true
    }
}

fn dot(a: &[BigInt], b: &[BigInt]) -> BigInt {
    let terms = a
        .iter()
        .zip(b)
        .filter(|(a, b)| !a.is_zero() && !b.is_zero());
    terms.fold(BigInt::zero(), |sum, (a, b)| sum + a * b)
}

/// A row times a power of two, as integers; of dual numbers, of their real parts.
/// `None` unless every entry is a finite sum of a few f64.
pub(crate) fn integers<T: Scalar>(row: &RowDVector<T>) -> Option<Vec<BigInt>> {
    let entries: Option<Vec<Dyadic>> = row.iter().map(|&value| Dyadic::of(value)).collect();
    Some(dyadic::integers(&entries?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Extended;
    use nalgebra::{DMatrix, dmatrix};

    fn rank<T: Scalar>(a: &DMatrix<T>) -> usize {
        let mut span = ExactSpan::new(a.ncols());
        for row in a.row_iter() {
            span.insert(&integers(&row.into_owned()).expect("finite"));
        }
        span.rank()
    }

    #[test]
    fn a_rank_is_exact_where_rounding_is_all_that_tells() {
        // 0.1 + 0.2 is not 0.3, by one unit in the last place.
        assert_eq!(
            rank(&dmatrix![0.1, 0.2, 0.3; 1.0, 1.0, 2.0; 1.1, 1.2, 2.3]),
            3
        );
        assert_eq!(rank(&dmatrix![0.1 + 0.2, 0.3; 1.0, 1.0]), 2);
        assert_eq!(rank(&dmatrix![0.3, 0.3; 1.0, 1.0]), 1);
        assert_eq!(rank(&dmatrix![1e300, 2e-300; 0.5e300, 1e-300]), 1);
        assert_eq!(rank(&dmatrix![5e-324, 1e-323; 1.0, 2.0f64]), 1);
        assert_eq!(rank(&DMatrix::<f64>::zeros(3, 2)), 0);
        // Products of small integers lose nothing.
        let (l, r) = (
            DMatrix::from_fn(30, 5, |i, j| {
                ((i * 7 + j * j * 3 + i * j * j) % 23) as f64 - 11.0
            }),
            DMatrix::from_fn(5, 9, |i, j| {
                ((i * 5 + j * 11 + i * i * j) % 19) as f64 - 9.0
            }),
        );
        assert_eq!(rank(&(l * r)), 5);
    }

    #[test]
    fn other_arithmetics_keep_all_their_digits() {
        let third = Extended::from_f64(1.0) / Extended::from_f64(3.0);
        let one = Extended::from_f64(1.0);
        let tiny = third + Extended::from_f64(2f64.powi(-200));
        assert_eq!(rank(&dmatrix![third, one; third, one]), 1);
        assert_eq!(rank(&dmatrix![third, one; tiny, one]), 2);
        assert_eq!(rank(&dmatrix![0.1f32, 1.0; 0.2, 2.0]), 1);
        // Out of the range of f64 there is no proof, rather than a wrong one.
        let huge = Extended::from_f64(1e300) * Extended::from_f64(1e300);
        assert_eq!(integers(&dmatrix![huge, one].row(0).into_owned()), None);
        assert_eq!(integers(&dmatrix![f64::NAN, 1.0].row(0).into_owned()), None);
    }
}
