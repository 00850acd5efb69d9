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

use crate::scalar::{Scalar, real, to_f64};

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

/// A finite row times a power of two, as integers; exact for f32, f64 and
/// whatever is a sum of six f64. The real part of a dual number.
pub(crate) fn integers<T: Scalar>(row: &RowDVector<T>) -> Vec<BigInt> {
    let parts: Vec<Vec<(i64, i32)>> = row.iter().map(|&value| pieces(value)).collect();
    let least = parts.iter().flatten().map(|&(_, e)| e).min().unwrap_or(0);
    let whole = |parts: &Vec<(i64, i32)>| {
        let shifted = parts
            .iter()
            .map(|&(m, e)| BigInt::from(m) << (e - least).unsigned_abs());
        shifted.sum()
    };
    parts.iter().map(whole).collect()
}

/// Odd integers m and exponents e with Σ m·2ᵉ the value.
fn pieces<T: Scalar>(value: T) -> Vec<(i64, i32)> {
    const PIECES: usize = 6;
    let (mut rest, mut out) = (value, Vec::new());
    for _ in 0..PIECES {
        let piece = to_f64(rest);
        if piece == 0.0 || !piece.is_finite() {
            break;
        }
        let bits = piece.to_bits();
        let (raw, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
        // Subnormal numbers have no leading bit of their own.
        let (mantissa, exponent) = match raw {
            0 => (fraction, -1074),
            _ => (fraction | 1 << 52, raw as i32 - 1075),
        };
        let even = mantissa.trailing_zeros();
        let sign = if piece < 0.0 { -1 } else { 1 };
        out.push((sign * (mantissa >> even) as i64, exponent + even as i32));
        rest -= real(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Extended;
    use nalgebra::{DMatrix, dmatrix};

    fn rank<T: Scalar>(a: &DMatrix<T>) -> usize {
        let mut span = ExactSpan::new(a.ncols());
        for row in a.row_iter() {
            span.insert(&integers(&row.into_owned()));
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
    }
}
