//! The components that a design falls into.
//!
//! Rows of different components never meet in P: the columns of A, in some
//! basis, split with them. A one-way layout without intercept has one component
//! a level, an intercept and a slope for each of two groups two. The scores of a
//! component do not change when its slacks are multiplied by a number of its
//! own, so each has a scale of its own to be found.
//!
//! A generic form Qᵀdiag(v)Q is block diagonal in the basis that splits, so its
//! eigenvectors are that basis: rows are seen in it, and joined by what they
//! share.

use std::ops::Range;

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::linalg::{BlockWalk, Factor, Factorisation, RowScaling, mirror_lower};
use crate::scalar::{Scalar, real};

/// Entries below this, relative to their row, are the rounding of zeros.
const ZERO: f64 = 1e-8;

/// Which component each row belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Components {
    /// `None` for a zero row.
    pub(crate) of_row: Vec<Option<usize>>,
    /// The rank of each component.
    pub(crate) ranks: Vec<usize>,
}

impl Components {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.ranks.len()
    }

    /// Rows of each component.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.count()];
        self.of_row.iter().flatten().for_each(|&k| sizes[k] += 1);
        sizes
    }

    /// The sum of v over each component.
    pub(crate) fn sums<T: Scalar>(&self, v: &DVector<T>) -> Vec<T> {
        let mut sums = vec![T::zero(); self.count()];
        for (k, &value) in self.of_row.iter().zip(v.iter()) {
            if let Some(k) = *k {
                sums[k] += value;
            }
        }
        sums
    }

    /// The first row whose slack is not of the sign given, up to a flip of
    /// each whole component.
    pub(crate) fn first_disagreement<T: Scalar>(
        &self,
        signs: &Signs,
        slack: &DVector<T>,
    ) -> Option<usize> {
        let mut orientation = vec![None; self.count()];
        (0..slack.len()).find(|&i| {
            let Some(k) = self.of_row[i] else {
                return false;
            };
            let agrees = slack[i] * signs.sign(i) > T::zero();
            *orientation[k].get_or_insert(agrees) != agrees
        })
    }

    /// Finds them. O(nd²), seeded.
    pub(crate) fn of<T: Scalar>(model: &Model<T>, seed: u64) -> Result<Self, Error> {
        let (design, d) = (model.design(), model.dim());
        let sizes = design.map_blocks(|rows, _, out| {
            for (size, row) in out.iter_mut().zip(rows.row_iter()) {
                *size = row.iter().fold(T::zero(), |m, a| m.max(a.abs()));
            }
        })?;
        let weights = sizes.map(|s| {
            if s > T::zero() {
                T::one() / s
            } else {
                T::zero()
            }
        });
        let factor = Factor::new(design, &weights, Factorisation::Qr)?;
        let frame = |rows: &mut DMatrix<T>, range: Range<usize>| {
            weights.scale_rows(range, rows);
            factor.orthonormalise(rows);
        };
        let mut rng = StdRng::seed_from_u64(seed);
        let v = DVector::from_fn(design.nrows(), |_, _| real::<T>(rng.random_range(0.5..1.5)));
        let form = design.fold_blocks(
            || DMatrix::zeros(d, d),
            |sum, rows, range| {
                frame(rows, range.clone());
                let mut scaled = rows.clone();
                v.scale_rows(range, &mut scaled);
                T::add_gram(rows, &scaled, sum);
            },
            |sum, part| *sum += part,
        )?;
        let mut form = form.unwrap_or_else(|| DMatrix::zeros(d, d));
        mirror_lower(&mut form);
        if form.iter().any(|v| !v.is_finite()) {
            // An eigenvalue iteration on NaN would not end.
            return Err(Error::Singular {
                what: "design matrix",
            });
        }
        let basis = SymmetricEigen::new(form).eigenvectors;
        // Which basis vectors each row has a part in.
        let supports = design.blocks().map(|range| {
            let mut rows = DMatrix::zeros(0, 0);
            design.read_block(&range, &mut rows)?;
            frame(&mut rows, range);
            let image = rows * &basis;
            let support = |i: usize| {
                let row = image.row(i);
                let size = row.iter().fold(T::zero(), |m, z| m.max(z.abs()));
                let part = |&j: &usize| row[j].abs() > size * real(ZERO);
                (0..d).filter(part).collect::<Vec<_>>()
            };
            let supports: Vec<Vec<usize>> = (0..image.nrows()).map(support).collect();
            Ok(supports)
        })?;
        let supports: Vec<Vec<usize>> = supports.into_iter().flatten().collect();
        Ok(joined(d, &supports))
    }
}

/// Joins basis vectors that share a row.
fn joined(d: usize, supports: &[Vec<usize>]) -> Components {
    let mut label: Vec<usize> = (0..d).collect();
    for support in supports {
        let Some(&first) = support.first() else {
            continue;
        };
        for &j in support {
            let (from, to) = (label[j], label[first]);
            if from != to {
                label
                    .iter_mut()
                    .filter(|l| **l == from)
                    .for_each(|l| *l = to);
            }
        }
    }
    let mut names: Vec<usize> = label.clone();
    names.sort_unstable();
    names.dedup();
    let rank = |name: &usize| label.iter().filter(|l| *l == name).count();
    let of_row = supports
        .iter()
        .map(|s| {
            s.first()
                .and_then(|&j| names.iter().position(|&name| name == label[j]))
        })
        .collect();
    Components {
        of_row,
        ranks: names.iter().map(rank).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_with_a_slope_each_are_two_components() {
        // Intercept, group dummy, slope in each group: mixed columns that split
        // in another basis only. The last row is zero.
        let a = DMatrix::from_fn(13, 4, |i, j| {
            let (group, t) = ((i % 2) as f64, (i * i % 7) as f64);
            if i == 12 {
                0.0
            } else {
                [1.0, group, t, group * t][j]
            }
        });
        let model = Model::new(a, DVector::from_element(13, 1.0)).expect("full rank");
        let found = Components::of(&model, 0).expect("in memory");
        assert_eq!(found.ranks, [2, 2]);
        assert_eq!(found.of_row[12], None);
        let first = found.of_row[0];
        assert!((0..12).all(|i| (found.of_row[i] == first) == (i % 2 == 0)));
    }

    #[test]
    fn a_generic_design_is_one_component() {
        let a = DMatrix::from_fn(9, 3, |i, j| ((i * 7 + j * j * 3 + i * j) % 11) as f64 - 5.0);
        let model = Model::new(a, DVector::from_element(9, 1.0)).expect("full rank");
        assert_eq!(Components::of(&model, 0).expect("in memory").ranks, [3]);
    }
}
