//! Designs of many kinds, and their matrices written out.

use nalgebra::DMatrix;
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use rand::rngs::StdRng;
use rand::seq::index::sample;
use rand::{Rng, SeedableRng};

use super::super::GramPattern;
use crate::linalg::{Design, Rows, SparseRows};
use crate::scalar::{Scalar, real};

/// A design by its entries.
pub(super) struct Instance {
    pub(super) name: &'static str,
    pub(super) d: usize,
    pub(super) rows: Vec<Vec<(usize, f64)>>,
}

impl Instance {
    pub(super) fn csr<T: Scalar>(&self) -> CsrMatrix<T> {
        let mut entries = CooMatrix::new(self.rows.len(), self.d);
        for (i, row) in self.rows.iter().enumerate() {
            row.iter().for_each(|&(j, a)| entries.push(i, j, real(a)));
        }
        CsrMatrix::from(&entries)
    }

    pub(super) fn dense<T: Scalar>(&self) -> DMatrix<T> {
        let mut a = DMatrix::zeros(self.rows.len(), self.d);
        for (i, row) in self.rows.iter().enumerate() {
            row.iter().for_each(|&(j, value)| a[(i, j)] = real(value));
        }
        a
    }

    /// The pattern, whether or not dense would be cheaper.
    pub(super) fn pattern(&self) -> GramPattern {
        let design = Design::from(self.csr::<f64>());
        let pattern = GramPattern::within(&design, usize::MAX, f64::INFINITY, f64::INFINITY);
        pattern.unwrap().unwrap()
    }

    pub(super) fn chosen(&self) -> Option<GramPattern> {
        GramPattern::of(&Design::from(self.csr::<f64>())).unwrap()
    }
}

pub(super) fn with_rows<T: Scalar, R>(
    a: &CsrMatrix<T>,
    work: impl FnOnce(&SparseRows<'_, T>) -> R,
) -> R {
    let (design, mut buffer) = (Design::from(a.clone()), DMatrix::zeros(0, 0));
    match design.rows(0..a.nrows(), &mut buffer).unwrap() {
        Rows::Sparse(rows) => work(&rows),
        Rows::Dense(_) => panic!("sparse rows are kept sparse"),
    }
}

pub(super) fn gram<T: Scalar>(pattern: &GramPattern, a: &CsrMatrix<T>, v: &[T]) -> Vec<T> {
    let mut sum = vec![T::zero(); pattern.nnz()];
    with_rows(a, |rows| {
        pattern.add_gram(rows, v, &mut Vec::new(), &mut sum)
    });
    sum
}

/// Row and column, in A's order, of each entry on the pattern.
pub(super) fn places(pattern: &GramPattern) -> Vec<(usize, usize)> {
    let symbolic = &pattern.0;
    let column = |j: usize| {
        let entries = symbolic.gram.offsets[j]..symbolic.gram.offsets[j + 1];
        symbolic.gram.rows[entries]
            .iter()
            .map(move |&i| (i as usize, j))
    };
    let order = |k: usize| symbolic.order[k] as usize;
    let all = (0..symbolic.order.len()).flat_map(column);
    all.map(|(i, j)| (order(i), order(j))).collect()
}

pub(super) fn symmetric<T: Scalar>(pattern: &GramPattern, form: &[T]) -> DMatrix<T> {
    let d = pattern.0.order.len();
    let mut out = DMatrix::zeros(d, d);
    for ((i, j), &value) in places(pattern).into_iter().zip(form) {
        out[(i, j)] = value;
        out[(j, i)] = value;
    }
    out
}

/// Rows of `per_row` entries, and a tenth of the identity, so that M has full rank.
pub(super) fn random(
    name: &'static str,
    seed: u64,
    n: usize,
    d: usize,
    per_row: usize,
) -> Instance {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut rows: Vec<Vec<(usize, f64)>> = (0..n)
        .map(|_| {
            let columns = sample(&mut rng, d, per_row.min(d)).into_vec();
            let value = |j| (j, rng.random_range(-1.0..1.0));
            columns.into_iter().map(value).collect()
        })
        .collect();
    rows.extend((0..d).map(|j| vec![(j, 0.3)]));
    Instance { name, d, rows }
}

/// The edges of a side×side grid, one corner left out.
pub(super) fn grid(side: usize) -> Instance {
    let mut rows = Vec::new();
    let mut edge = |u: usize, v: usize| {
        let ends = [(u, 1.0), (v, -1.0)].into_iter();
        rows.push(
            ends.filter(|&(w, _)| w > 0)
                .map(|(w, a)| (w - 1, a))
                .collect(),
        );
    };
    for u in 0..side * side {
        if (u + 1) % side > 0 {
            edge(u, u + 1);
        }
        if u + side < side * side {
            edge(u, u + side);
        }
    }
    Instance {
        name: "grid",
        d: side * side - 1,
        rows,
    }
}

pub(super) fn instances() -> Vec<Instance> {
    let mut parts = random("two parts and lone columns", 5, 0, 23, 1);
    for (seed, from) in [(6, 0), (7, 12)] {
        for row in random("", seed, 14, 9, 3).rows {
            let moved = row.into_iter().map(|(j, a)| (from + j, a));
            parts.rows.push(moved.collect());
        }
    }
    let mut full = random("a dense row", 8, 30, 20, 2);
    full.rows
        .push((0..20).map(|j| (j, 0.1 * (j + 1) as f64)).collect());
    // Short columns of L below which a long one begins.
    let mut leaves = random("leaves on a clique", 9, 0, 60, 1);
    leaves
        .rows
        .push((0..40).map(|j| (j, 0.2 + 0.02 * j as f64)).collect());
    leaves
        .rows
        .extend((40..60).map(|j| vec![(j - 37, 0.8), (j, -0.7)]));
    let band = (0..80).map(|i| {
        let values = [0.2, 0.9, 0.7, 0.3];
        (0..4)
            .map(|k| (i % 40 + k, values[(k + i / 40) % 4]))
            .collect()
    });
    vec![
        random("one column", 1, 3, 1, 1),
        random("two a row", 2, 60, 40, 2),
        random("three a row", 3, 25, 50, 3),
        random("ten a row", 4, 30, 30, 10),
        parts,
        full,
        leaves,
        Instance {
            name: "band",
            d: 43,
            rows: band.collect(),
        },
        grid(8),
    ]
}
