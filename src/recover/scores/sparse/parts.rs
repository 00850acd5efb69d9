//! What a sparse design falls into.
//!
//! For generic row weights P_ij ≠ 0 says that rows i and j lie in one component, and
//! Λ, the Laplacian of the graph with weights P_ij², has the indicators of components
//! for its kernel. A random vector less what Λ⁻¹Λ leaves of it is therefore constant on
//! each component; rows of different ones that share a column are told apart by it.
//! Nothing rests on that: P maps vectors on some components to such vectors, which is
//! looked at, and the scores of each must sum to a whole number.

use std::fmt;

use nalgebra::{DMatrix, DVector};
use nalgebra_sparse::CsrMatrix;
use petgraph::unionfind::UnionFind;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::rows_of;
use crate::error::{Error, trial};
use crate::geometry::{Geometry, Model};
use crate::linalg::conjugate_gradients;
use crate::recover::scores::loose::Loose;
use crate::recover::scores::structure::{Components, NONE};
use crate::scalar::{Scalar, real, to_f64};

/// Scores this near 1 may be those of rows that alone hold a direction.
const SUSPECT: f64 = 1e-6;
/// Entries of P below this are the rounding of zeros.
const ZERO: f64 = 1e-8;
/// Random vectors, of entries between 0 and 1, that tell components apart.
const VECTORS: usize = 2;
/// How far what is constant on a component may vary there.
const CONSTANT: f64 = 1e-5;
/// How exactly Λ is solved with for that, and within how many products.
const ACCURACY: f64 = 1e-9;
const PRODUCTS: usize = 1000;
/// How far the scores of a component may be from a whole number.
const WHOLE: f64 = 1e-6;
/// Directions that are told, times d: half a gigabyte.
const DIRECTIONS: usize = 1 << 26;

/// Rows with no say, and the components of the others.
pub(in crate::recover::scores) struct Parts<T: Scalar> {
    pub(super) loose: Loose<T>,
    /// A row that alone holds a direction is one by itself.
    pub(super) components: Components,
}

/// Why the parts are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recover::scores) enum Unsettled {
    Rank,
    Components,
    Condition,
    Directions(usize),
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsettled::Rank => {
                f.write_str("which rows alone hold a direction is hidden by rounding")
            }
            Unsettled::Components => f.write_str(
                "conjugate gradients did not tell whether the design falls into components",
            ),
            Unsettled::Condition => f.write_str(
                "the design, its rows scaled, is too ill-conditioned for sparse factors",
            ),
            Unsettled::Directions(count) => write!(
                f,
                "{count} rows have the score 1 whatever x, and leave more directions free than can be told at this size"
            ),
        }
    }
}

impl<T: Scalar> Parts<T> {
    /// Finds them. Some tens of products with Λ, seeded.
    pub(in crate::recover::scores) fn of(
        model: &Model<T>,
        seed: u64,
    ) -> Result<Result<Self, Unsettled>, Error> {
        let rows = rows_of(model)?;
        let mut rng = StdRng::seed_from_u64(seed);
        // Generic weights, on rows of one size.
        let sizes = row_sizes(&rows);
        let slack = sizes.map(|size| {
            let weight: f64 = rng.random_range(0.7..1.3);
            size * real(weight)
        });
        let Some(at) = trial(model.with_slack(slack))?.filter(|at| at.is_on_pattern()) else {
            return Ok(Err(Unsettled::Condition));
        };
        let zero: Vec<bool> = rows
            .row_iter()
            .map(|row| row.values().iter().all(|v| *v == T::zero()))
            .collect();
        let scores = at.scores()?;
        let suspect: Vec<usize> = (0..scores.len())
            .filter(|&i| T::one() - scores[i] <= real(SUSPECT))
            .collect();
        if suspect.len().saturating_mul(model.dim()) > DIRECTIONS {
            return Ok(Err(Unsettled::Directions(suspect.len())));
        }
        let (coloops, directions) = alone(&at, &suspect)?;
        let mut of_row = vec![NONE; rows.nrows()];
        let mut ranks = Vec::new();
        if coloops.is_empty() {
            let rest: Vec<bool> = zero.iter().map(|zero| !zero).collect();
            match components(&at, &rows, &rest, &mut rng)? {
                Ok(found) => (of_row, ranks) = found,
                Err(unsettled) => return Ok(Err(unsettled)),
            }
        } else {
            // Those of the others are told when these are gone.
            let others = rows.nrows() - coloops.len() - zero.iter().filter(|z| **z).count();
            if others > 0 {
                of_row.iter_mut().for_each(|k| *k = 0);
                ranks.push(model.dim() - coloops.len());
            }
            for &i in &coloops {
                of_row[i] = ranks.len() as u32;
                ranks.push(1);
            }
            zero.iter()
                .zip(&mut of_row)
                .filter(|(zero, _)| **zero)
                .for_each(|(_, k)| *k = NONE);
        }
        let rest = (0..rows.nrows()).filter(|&i| !zero[i] && coloops.binary_search(&i).is_err());
        let rest: Vec<usize> = rest.collect();
        let components = Components::new(of_row, ranks);
        let loose = Loose::with_directions(coloops, rest, directions, &column_sizes(&rows));
        Ok(match loose {
            Some(loose) => Ok(Parts { loose, components }),
            None => Err(Unsettled::Rank),
        })
    }
}

/// The largest entry of each row, 1 for a zero one.
pub(super) fn row_sizes<T: Scalar>(rows: &CsrMatrix<T>) -> DVector<T> {
    let units = column_sizes(rows);
    let size = |(columns, values): (&[usize], &[T])| {
        let pairs = columns.iter().zip(values);
        let largest = pairs.fold(T::zero(), |m, (&j, a)| m.max(a.abs() / units[j]));
        positive(largest)
    };
    let rows = rows.row_iter();
    let sizes: Vec<T> = rows.map(|r| size((r.col_indices(), r.values()))).collect();
    DVector::from_vec(sizes)
}

/// The largest entry of each column, 1 for a zero one.
pub(super) fn column_sizes<T: Scalar>(rows: &CsrMatrix<T>) -> DVector<T> {
    let mut largest = DVector::zeros(rows.ncols());
    for (_, j, a) in rows.triplet_iter() {
        largest[j] = a.abs().max(largest[j]);
    }
    largest.map(positive)
}

fn positive<T: Scalar>(size: T) -> T {
    if size > T::zero() { size } else { T::one() }
}

/// P v, and A_x's coefficients of it.
fn projected<T: Scalar>(
    at: &Geometry<T>,
    v: &DVector<T>,
) -> Result<(DVector<T>, DVector<T>), Error> {
    let h = at.solve_gram(&at.apply_transposed(v)?)?;
    Ok((at.apply(&h)?, h))
}

/// Which of these rows alone hold a direction, P e_i = e_i, and that direction.
fn alone<T: Scalar>(
    at: &Geometry<T>,
    suspect: &[usize],
) -> Result<(Vec<usize>, DMatrix<T>), Error> {
    let (mut coloops, mut directions) = (Vec::new(), Vec::new());
    for &i in suspect {
        let mut unit = DVector::zeros(at.slack().len());
        unit[i] = T::one();
        let (mut image, h) = projected(at, &unit)?;
        image[i] = T::zero();
        if image.amax() <= real(ZERO) {
            coloops.push(i);
            directions.push(h);
        }
    }
    let d = at.x().len();
    let directions = match directions.is_empty() {
        true => DMatrix::zeros(d, 0),
        false => DMatrix::from_columns(&directions),
    };
    Ok((coloops, directions))
}

type Found = (Vec<u32>, Vec<usize>);

/// The component of each row, and their ranks.
fn components<T: Scalar>(
    at: &Geometry<T>,
    rows: &CsrMatrix<T>,
    counts: &[bool],
    rng: &mut StdRng,
) -> Result<Result<Found, Unsettled>, Error> {
    let n = rows.nrows();
    let Some(near) = at.near_laplacian()? else {
        return Ok(Err(Unsettled::Condition));
    };
    let mut kernel = Vec::with_capacity(VECTORS);
    for _ in 0..VECTORS {
        let random = DVector::from_fn(n, |_, _| real::<T>(rng.random_range(0.0..1.0)));
        let solved = conjugate_gradients(
            at.laplacian(&random)?,
            (real(ACCURACY), PRODUCTS),
            |r| near.solve(r),
            |v| at.laplacian(v),
        )?;
        if solved.products >= PRODUCTS {
            return Ok(Err(Unsettled::Components));
        }
        kernel.push(random - solved.x);
    }
    let mut columns = vec![Vec::new(); rows.ncols()];
    for (i, j, a) in rows.triplet_iter() {
        if *a != T::zero() {
            columns[j].push(i);
        }
    }
    let mut sets = UnionFind::<usize>::new(n);
    for mut own in columns {
        own.sort_by(|&i, &j| to_f64(kernel[0][i]).total_cmp(&to_f64(kernel[0][j])));
        for (at, &i) in own.iter().enumerate() {
            let same = |v: &DVector<T>, j: usize| (v[i] - v[j]).abs() <= real(CONSTANT);
            let later = own[at + 1..].iter();
            let near = later.take_while(|&&j| same(&kernel[0], j));
            let joined = near
                .into_iter()
                .find(|&&j| kernel.iter().all(|v| same(v, j)));
            if let Some(&j) = joined {
                sets.union(i, j);
            }
        }
    }
    let mut names = vec![NONE; n];
    let mut of_row = vec![NONE; n];
    let mut sums: Vec<T> = Vec::new();
    for i in (0..n).filter(|&i| counts[i]) {
        let root = sets.find_mut(i);
        if names[root] == NONE {
            names[root] = sums.len() as u32;
            sums.push(T::zero());
        }
        of_row[i] = names[root];
        sums[names[root] as usize] += at.scores()?[i];
    }
    let mut heights = vec![0; sums.len()];
    let own = of_row.iter().filter(|&&k| k != NONE);
    own.for_each(|&k| heights[k as usize] += 1);
    let whole = |sum: &T| (*sum - sum.round()).abs() <= real(WHOLE);
    let ranks: Vec<usize> = sums.iter().map(|s| to_f64(s.round()) as usize).collect();
    if !sums.iter().all(whole)
        || ranks.iter().sum::<usize>() != rows.ncols()
        || !are_apart(at, &of_row, ranks.len(), rng)?
    {
        return Ok(Err(Unsettled::Components));
    }
    if heights.iter().zip(&ranks).any(|(n, r)| n <= r) {
        // They alone hold their directions, and were not found to.
        return Ok(Err(Unsettled::Rank));
    }
    Ok(Ok((of_row, ranks)))
}

/// Whether P maps what lives on some components to what lives on them: for sets of
/// them, one a binary digit of their numbers, which tells any two apart.
fn are_apart<T: Scalar>(
    at: &Geometry<T>,
    of_row: &[u32],
    count: usize,
    rng: &mut StdRng,
) -> Result<bool, Error> {
    let digits = usize::BITS - count.saturating_sub(1).leading_zeros();
    for digit in 0..digits {
        let inside = |i: usize| of_row[i] != NONE && of_row[i] >> digit & 1 == 1;
        let random = DVector::from_fn(of_row.len(), |i, _| {
            let value: f64 = rng.random_range(0.5..1.5);
            let value = if rng.random() { value } else { -value };
            if inside(i) { real(value) } else { T::zero() }
        });
        let image = projected(at, &random)?.0;
        let outside = (0..of_row.len()).filter(|&i| !inside(i));
        if outside.into_iter().any(|i| !(image[i].abs() <= real(ZERO))) {
            return Ok(false);
        }
    }
    Ok(true)
}
