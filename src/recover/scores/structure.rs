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
use crate::linalg::{
    BlockWalk, Design, Factor, Factorisation, RowScaling, column_fold, mirror_lower,
};
use crate::scalar::{Scalar, real};

/// Entries below this, relative to their row, are the rounding of zeros.
const ZERO: f64 = 1e-8;
/// The same for directions in coefficients, which lose no digits to rows that
/// outweigh others.
const EXACT: f64 = 1e-10;

/// Which component each row belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Components {
    of_row: OfRow,
    /// The rank of each component.
    pub(crate) ranks: Vec<usize>,
}

/// Four bytes a row, and none where all rows belong together.
#[derive(Debug, Clone)]
enum OfRow {
    One(usize),
    Each(Vec<u32>),
}

/// The mark of a zero row.
pub(super) const NONE: u32 = u32::MAX;

impl Components {
    /// From the component of each row, [`NONE`] for a zero one.
    pub(super) fn new(of_row: Vec<u32>, ranks: Vec<usize>) -> Self {
        let of_row = if of_row.iter().all(|&k| k == 0) {
            OfRow::One(of_row.len())
        } else {
            OfRow::Each(of_row)
        };
        Components { of_row, ranks }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.ranks.len()
    }

    /// The component of row i; `None` for a zero row.
    pub(crate) fn of(&self, i: usize) -> Option<usize> {
        match &self.of_row {
            OfRow::One(_) => Some(0),
            OfRow::Each(of_row) => Some(of_row[i]).filter(|&k| k != NONE).map(|k| k as usize),
        }
    }

    fn nrows(&self) -> usize {
        match &self.of_row {
            OfRow::One(n) => *n,
            OfRow::Each(of_row) => of_row.len(),
        }
    }

    /// Rows of each component.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.count()];
        (0..self.nrows())
            .filter_map(|i| self.of(i))
            .for_each(|k| sizes[k] += 1);
        sizes
    }

    /// One component of n rows.
    pub(crate) fn one(n: usize, rank: usize) -> Self {
        Components {
            of_row: OfRow::One(n),
            ranks: vec![rank],
        }
    }

    /// Whether all rows are of one component.
    pub(crate) fn is_one(&self) -> bool {
        matches!(self.of_row, OfRow::One(_))
    }

    /// The rows of component k, in order.
    pub(crate) fn rows(&self, k: usize) -> Vec<usize> {
        let own = |i: &usize| self.of(*i) == Some(k);
        (0..self.nrows()).filter(own).collect()
    }

    /// The sum of v over each component.
    pub(crate) fn sums<T: Scalar>(&self, v: &DVector<T>) -> Vec<T> {
        let mut sums = vec![T::zero(); self.count()];
        for (i, &value) in v.iter().enumerate() {
            if let Some(k) = self.of(i) {
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
            let Some(k) = self.of(i) else {
                return false;
            };
            let agrees = slack[i] * signs.sign(i) > T::zero();
            *orientation[k].get_or_insert(agrees) != agrees
        })
    }

    /// Finds them. O(nd²), seeded.
    #[cfg(test)]
    pub(crate) fn find<T: Scalar>(model: &Model<T>, seed: u64) -> Result<Self, Error> {
        Ok(Structure::of(model, seed)?.components)
    }
}

/// The components, and what of x each depends on.
#[derive(Debug, Clone)]
pub(crate) struct Structure<T: Scalar> {
    pub(crate) components: Components,
    /// For each component, d×rank: a basis of the h with A h = 0 in all other
    /// rows, in reduced echelon form. Together they are a basis of all h.
    pub(crate) spaces: Vec<DMatrix<T>>,
}

impl<T: Scalar> Structure<T> {
    /// Finds it. O(nd² + d³), seeded.
    pub(crate) fn of(model: &Model<T>, seed: u64) -> Result<Self, Error> {
        let (design, d) = (model.design(), model.dim());
        let units = column_units(design)?;
        let weights = unit_rows(design, &units)?;
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
                T::add_gram(&*rows, &scaled, sum);
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
            let mut joined = Joined::new(d);
            let mut supports = Supports::default();
            for support in (0..image.nrows()).map(support) {
                supports
                    .first
                    .push(support.first().map_or(NONE, |&j| j as u32));
                // What joins nothing here joins nothing after these.
                if joined.join(&support) {
                    supports.joining.push(support);
                }
            }
            Ok(supports)
        })?;
        let (components, of_vector) = joined(d, &supports);
        drop(supports);
        let sizes = components.sizes();
        if sizes.iter().zip(&components.ranks).any(|(n, r)| n < r) {
            // Rows so unequal that their parts are lost in rounding.
            return Ok(Structure::whole(&weights, d));
        }
        let space = |k: usize| {
            let own = |&j: &usize| of_vector[j] == k;
            let columns: Vec<DVector<T>> = (0..d)
                .filter(own)
                .map(|j| factor.solve(&basis.column(j).into_owned()))
                .collect();
            echelon(&DMatrix::from_columns(&columns), &units).basis
        };
        let spaces = (0..components.count()).map(space).collect();
        Ok(Structure { components, spaces })
    }

    /// All rows as one component. O(nd).
    pub(super) fn one(model: &Model<T>) -> Result<Self, Error> {
        let design = model.design();
        let weights = unit_rows(design, &column_units(design)?)?;
        Ok(Structure::whole(&weights, model.dim()))
    }

    /// One component of all rows, but for those of weight zero.
    fn whole(weights: &DVector<T>, d: usize) -> Self {
        let of_row = weights
            .iter()
            .map(|w| if *w > T::zero() { 0 } else { NONE });
        Structure {
            components: Components::new(of_row.collect(), vec![d]),
            spaces: vec![DMatrix::identity(d, d)],
        }
    }
}

/// The largest entry of each column, 1 for a zero one. O(nd).
pub(crate) fn column_units<T: Scalar>(design: &Design<T>) -> Result<DVector<T>, Error> {
    let ones = DVector::from_element(design.nrows(), T::one());
    let largest = column_fold(design, &ones, |m, a| m.max(a.abs()))?;
    Ok(largest.map(|u| if u > T::zero() { u } else { T::one() }))
}

/// Weights that bring the largest entry of each row to 1, columns in the units
/// given; zero for a zero row. O(nd).
pub(crate) fn unit_rows<T: Scalar>(
    design: &Design<T>,
    units: &DVector<T>,
) -> Result<DVector<T>, Error> {
    design.map_blocks(|rows, _, out| {
        for (weight, row) in out.iter_mut().zip(rows.row_iter()) {
            let both = row.iter().zip(units.iter());
            let size = both.fold(T::zero(), |m, (a, &u)| m.max(a.abs() / u));
            *weight = if size > T::zero() {
                T::one() / size
            } else {
                T::zero()
            };
        }
    })
}

/// A basis in reduced echelon form.
pub(crate) struct Echelon<T: Scalar> {
    /// Column k has a 1 at `pivots[k]`, where all others have zeros.
    pub(crate) basis: DMatrix<T>,
    pub(crate) pivots: Vec<usize>,
}

/// The same space of coefficients, each measured in 1/unit: pivots are the
/// largest entries, and what is left of zeros after rounding becomes zero.
pub(crate) fn echelon<T: Scalar>(space: &DMatrix<T>, units: &DVector<T>) -> Echelon<T> {
    let (d, r) = space.shape();
    let mut e = DMatrix::from_fn(d, r, |j, k| space[(j, k)] * units[j]);
    let mut found: Vec<(usize, usize)> = Vec::with_capacity(r);
    for mut column in e.column_iter_mut() {
        let norm = column.norm();
        if norm > T::zero() {
            column.unscale_mut(norm);
        }
    }
    for _ in 0..r {
        let (mut largest, mut at) = (T::zero(), None);
        for k in (0..r).filter(|k| found.iter().all(|f| f.1 != *k)) {
            for j in (0..d).filter(|j| found.iter().all(|f| f.0 != *j)) {
                if e[(j, k)].abs() > largest {
                    (largest, at) = (e[(j, k)].abs(), Some((j, k)));
                }
            }
        }
        // Dependent or not numbers: nothing is left to tell apart.
        let Some((p, q)) = at else {
            break;
        };
        let pivot = e.column(q) / e[(p, q)];
        e.set_column(q, &pivot);
        e[(p, q)] = T::one();
        for k in (0..r).filter(|&k| k != q) {
            let factor = e[(p, k)];
            e.column_mut(k).axpy(-factor, &pivot, T::one());
            e[(p, k)] = T::zero();
        }
        found.push((p, q));
    }
    found.sort_unstable();
    let column = |&(p, q): &(usize, usize)| {
        let largest = e.column(q).amax();
        DVector::from_fn(d, |j, _| {
            let entry = e[(j, q)];
            if j == p {
                T::one()
            } else if entry.abs() > largest * real(EXACT) {
                entry * units[p] / units[j]
            } else {
                T::zero()
            }
        })
    };
    let columns: Vec<DVector<T>> = found.iter().map(column).collect();
    let basis = if columns.is_empty() {
        DMatrix::zeros(d, 0)
    } else {
        DMatrix::from_columns(&columns)
    };
    let pivots = found.iter().map(|f| f.0).collect();
    Echelon { basis, pivots }
}

/// The basis vectors that the rows of a block have a part in.
#[derive(Default)]
struct Supports {
    /// The first of each row, [`NONE`] for a zero one.
    first: Vec<u32>,
    /// Those sets, in the order of rows, that join vectors not joined before.
    joining: Vec<Vec<usize>>,
}

/// Basis vectors by what they are joined to.
struct Joined {
    label: Vec<usize>,
}

impl Joined {
    fn new(d: usize) -> Self {
        Joined {
            label: (0..d).collect(),
        }
    }

    /// Joins vectors that share a row; whether any were not joined before.
    fn join(&mut self, support: &[usize]) -> bool {
        let Some(&first) = support.first() else {
            return false;
        };
        let mut news = false;
        for &j in support {
            let (from, to) = (self.label[j], self.label[first]);
            if from != to {
                news = true;
                let all = self.label.iter_mut();
                all.filter(|l| **l == from).for_each(|l| *l = to);
            }
        }
        news
    }
}

/// Joins basis vectors that share a row; also the component of each vector.
fn joined(d: usize, supports: &[Supports]) -> (Components, Vec<usize>) {
    let mut joined = Joined::new(d);
    for support in supports.iter().flat_map(|s| &s.joining) {
        joined.join(support);
    }
    let label = joined.label;
    let mut names: Vec<usize> = label.clone();
    names.sort_unstable();
    names.dedup();
    let rank = |name: &usize| label.iter().filter(|l| *l == name).count();
    // Every label is among the names.
    let place = |j: usize| names.iter().position(|&name| name == label[j]).unwrap_or(0);
    let of_vector: Vec<usize> = (0..d).map(place).collect();
    let of_row = |&first: &u32| of_vector.get(first as usize).map_or(NONE, |&k| k as u32);
    let of_row = supports.iter().flat_map(|s| &s.first).map(of_row);
    let components = Components::new(of_row.collect(), names.iter().map(rank).collect());
    (components, of_vector)
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
        let found = Components::find(&model, 0).expect("in memory");
        assert_eq!(found.ranks, [2, 2]);
        assert_eq!(found.of(12), None);
        let first = found.of(0);
        assert!((0..12).all(|i| (found.of(i) == first) == (i % 2 == 0)));
    }

    #[test]
    fn a_generic_design_is_one_component() {
        let a = DMatrix::from_fn(9, 3, |i, j| ((i * 7 + j * j * 3 + i * j) % 11) as f64 - 5.0);
        let model = Model::new(a, DVector::from_element(9, 1.0)).expect("full rank");
        assert_eq!(Components::find(&model, 0).expect("in memory").ranks, [3]);
    }
}
