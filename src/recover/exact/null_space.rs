//! Null spaces over the integers.

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

use nalgebra::DMatrix;

/// Rows and columns that carry the rank, found in floating point.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pivots {
    pub(crate) rows: Vec<usize>,
    pub(crate) columns: Vec<usize>,
}

impl Pivots {
    /// Of the rows numbered, each of about unit size, by elimination with complete
    /// pivoting; entries of less than `tolerance` are rounding's. O(md·rank).
    pub(crate) fn of(rows: &DMatrix<f64>, numbers: &[usize], tolerance: f64) -> Self {
        let mut rest = rows.select_rows(numbers);
        let mut out = Pivots::default();
        while out.columns.len() < rest.ncols() && rest.nrows() > 0 {
            let (i, j) = rest.iamax_full();
            let pivot = rest[(i, j)];
            if !(pivot.abs() > tolerance) {
                break;
            }
            out.rows.push(numbers[i]);
            out.columns.push(j);
            let row = rest.row(i) / pivot;
            for k in 0..rest.nrows() {
                let factor = rest[(k, j)];
                let mut other = rest.row_mut(k);
                other -= &row * factor;
                other[j] = 0.0;
            }
        }
        out
    }
}

/// An integer basis of {z : M z = 0} for r integer rows of d entries with a
/// nonsingular block in the r `pivots`: one vector, without a common factor, for
/// each other column, positive there. `None` where the block is singular.
///
/// Cramer's rule by fraction-free elimination (Bareiss). O(r²d) products of
/// numbers of up to r times as many bits as M has.
pub(crate) fn basis(
    mut m: Vec<Vec<BigInt>>,
    d: usize,
    pivots: &[usize],
) -> Option<Vec<Vec<BigInt>>> {
    let r = pivots.len();
    let mut last = BigInt::one();
    for (k, &column) in pivots.iter().enumerate() {
        let found = (k..r).find(|&i| !m[i][column].is_zero())?;
        m.swap(k, found);
        let row = m[k].clone();
        let pivot = row[column].clone();
        for (_, other) in m.iter_mut().enumerate().filter(|(i, _)| *i != k) {
            let factor = other[column].clone();
            for (entry, above) in other.iter_mut().zip(&row) {
                // Always without remainder.
                *entry = (&pivot * &*entry - &factor * above) / &last;
            }
        }
        last = pivot;
    }
    // Every pivot entry is now the determinant.
    let free = (0..d).filter(|j| !pivots.contains(j));
    let vector = |j: usize| {
        let mut z = vec![BigInt::zero(); d];
        z[j] = last.abs();
        for (row, &column) in m.iter().zip(pivots) {
            z[column] = -&row[j] * last.signum();
        }
        without_factor(z)
    };
    Some(free.map(vector).collect())
}

/// An integer vector divided by what its entries have in common.
pub(crate) fn without_factor(mut z: Vec<BigInt>) -> Vec<BigInt> {
    let common = z.iter().fold(BigInt::zero(), |g, v| divisor(g, v.abs()));
    if common > BigInt::one() {
        z.iter_mut().for_each(|v| *v /= &common);
    }
    z
}

/// The greatest common divisor, by Euclid.
fn divisor(mut a: BigInt, mut b: BigInt) -> BigInt {
    while !b.is_zero() {
        (a, b) = (b.clone(), a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basis_is_orthogonal_to_every_row_and_has_no_common_factor() {
        let rows = [[2, -4, 6, 0, 10], [3, 9, -1, 7, 2], [0, 5, 5, -5, 20]];
        let m: Vec<Vec<BigInt>> = rows
            .iter()
            .map(|r| r.iter().map(|&v| v.into()).collect())
            .collect();
        let found = basis(m.clone(), 5, &[0, 3, 2]).expect("nonsingular");
        assert_eq!(found.len(), 2);
        for z in &found {
            for row in &m {
                let dot: BigInt = row.iter().zip(z).map(|(a, z)| a * z).sum();
                assert!(dot.is_zero());
            }
            assert_eq!(without_factor(z.clone()), *z);
        }
        assert!(found[0][1].is_positive() && found[1][4].is_positive());
        let singular = vec![
            vec![1.into(), 2.into(), 0.into()],
            vec![2.into(), 4.into(), 1.into()],
        ];
        assert!(basis(singular, 3, &[0, 1]).is_none());
    }

    #[test]
    fn pivots_stop_at_the_rank() {
        let rows = DMatrix::from_row_slice(
            4,
            3,
            &[1.0, 0.0, 0.5, 0.0, 1.0, 0.0, 1.0, 1.0, 0.5, -1.0, 0.0, -0.5],
        );
        let found = Pivots::of(&rows, &[0, 1, 2, 3], 1e-9);
        assert_eq!((found.rows.len(), found.columns.len()), (2, 2));
    }
}
