//! All patterns of signs that fit the magnitudes, by exact enumeration.
//!
//! Signs z of D rows that span C give all others: the vector ω∘sign(s) lies in
//! the column space of C, so that
//!
//! ```text
//! V z = signs of the other rows,   V = diag(1/ω_rest) C_rest C_D⁻¹ diag(ω_D)
//! ```
//!
//! and a pattern z fits exactly when every (V z)_i is ±1. Two searches find all
//! z that do, up to a common flip: a tree over z, cut where a row can no longer
//! come to ±1 (all of 2^(D−1) leaves in a dense design, few in a sparse one);
//! and, for larger D, meeting in the middle on one row, 2^(D/2) sums a side.

use nalgebra::{DMatrix, DVector};

use crate::recover::signs::unsigned::Part;
use crate::scalar::Scalar;

/// Nodes of the tree at most, each O(1) to O(rows): some tenths of a second.
const NODES: usize = 1 << 25;

/// Rows that the tree is cut by; the rest would rarely cut more.
const CUTTING_ROWS: usize = 32;

/// Signs that meeting in the middle takes: 2²⁰ and 2²¹ sums, 16 and 32 MiB.
const MEETING: usize = 42;

/// Sums that match on one row and are checked on the others, at most; one that
/// fits them all counts as often as there are rows.
const MATCHES: usize = 1 << 24;

/// Errors of this many standard deviations are explained by the accuracy.
pub(crate) const EXPLAINED: f64 = 4.0;

/// Patterns that are kept: as many as are listed, and one more.
const KEPT: usize = 65;

/// What an enumeration came to.
pub(crate) struct Patterns {
    /// Patterns that fit, with their misfits, best first: not all if very many.
    pub(crate) best: Vec<(f64, DVector<f64>)>,
    /// How many fit.
    pub(crate) count: usize,
    /// Whether none was missed for want of time.
    pub(crate) complete: bool,
}

impl Patterns {
    fn visit(&mut self, system: &System<'_>, z: &[f64], limit: f64) {
        let signs = system.all_signs(z);
        let misfit = system.part.misfit(&signs);
        if !(misfit <= limit) || !system.part.is_finite(&signs) {
            return;
        }
        self.count += 1;
        let place = self.best.partition_point(|(other, _)| *other <= misfit);
        if place < KEPT {
            self.best.insert(place, (misfit, signs));
            self.best.truncate(KEPT);
        }
    }
}

/// The equations of a part.
struct System<'a> {
    part: &'a Part,
    /// Rows of the part that z belongs to, in the order of the tree.
    free: Vec<usize>,
    /// The others, sparsest first.
    rest: Vec<usize>,
    /// V.
    v: DMatrix<f64>,
    /// How far each entry of V z may be from ±1.
    tolerance: DVector<f64>,
}

impl<'a> System<'a> {
    fn of(part: &'a Part, accuracy: f64) -> Option<Self> {
        let (n, dim) = part.basis.shape();
        let (_, pivots) = f64::pivoted_r(part.basis.transpose());
        let mut free = pivots[..dim].to_vec();
        free.sort_unstable();
        let rest: Vec<usize> = (0..n).filter(|i| !free.contains(i)).collect();
        let own = part.basis.select_rows(&free);
        let others = part.basis.select_rows(&rest);
        let mut v = own.transpose().lu().solve(&others.transpose())?.transpose();
        for (k, &i) in rest.iter().enumerate() {
            for (j, &f) in free.iter().enumerate() {
                v[(k, j)] *= part.weights[f] / part.weights[i];
            }
        }
        let (columns, rows) = orders(&v);
        let v = v.select_columns(&columns).select_rows(&rows);
        let free: Vec<usize> = columns.iter().map(|&j| free[j]).collect();
        let rest: Vec<usize> = rows.iter().map(|&k| rest[k]).collect();
        let error = |i: usize| accuracy / part.weights[i];
        let tolerance = DVector::from_fn(rest.len(), |k, _| {
            // Rounding of V itself, some ε of the size of its terms.
            let rounding = 64.0 * f64::EPSILON * free.len() as f64;
            let carried: f64 = (0..free.len())
                .map(|j| v[(k, j)].abs() * (error(free[j]) + rounding))
                .sum();
            EXPLAINED * (error(rest[k]) + carried)
        });
        Some(System {
            part,
            free,
            rest,
            v,
            tolerance,
        })
    }

    fn all_signs(&self, z: &[f64]) -> DVector<f64> {
        let mut signs = DVector::zeros(self.part.rows.len());
        for (&i, &z) in self.free.iter().zip(z) {
            signs[i] = z;
        }
        for (k, &i) in self.rest.iter().enumerate() {
            let sum: f64 = self.v.row(k).iter().zip(z).map(|(v, z)| v * z).sum();
            signs[i] = if sum < 0.0 { -1.0 } else { 1.0 };
        }
        signs
    }
}

/// Orders in which rows of V come to their last sign early: columns, rows.
fn orders(v: &DMatrix<f64>) -> (Vec<usize>, Vec<usize>) {
    const PRESENT: f64 = 1e-9;
    let supports: Vec<Vec<usize>> = v
        .row_iter()
        .map(|row| (0..v.ncols()).filter(|&j| row[j].abs() > PRESENT).collect())
        .collect();
    let mut columns = Vec::new();
    let mut rows: Vec<usize> = Vec::new();
    let mut left: Vec<usize> = (0..v.nrows()).collect();
    while !left.is_empty() {
        let missing = |k: &usize| {
            supports[*k]
                .iter()
                .filter(|j| !columns.contains(*j))
                .count()
        };
        let Some(place) = (0..left.len()).min_by_key(|&p| missing(&left[p])) else {
            break;
        };
        let row = left.swap_remove(place);
        let new: Vec<usize> = supports[row]
            .iter()
            .copied()
            .filter(|j| !columns.contains(j))
            .collect();
        columns.extend(new);
        rows.push(row);
    }
    let absent: Vec<usize> = (0..v.ncols()).filter(|j| !columns.contains(j)).collect();
    columns.extend(absent);
    (columns, rows)
}

/// All patterns that fit magnitudes of this accuracy, relative (times 1/ω).
///
/// O(2^D) time at most for D coordinates, less for sparse designs; O(2^(D/2))
/// time and memory beyond [`NODES`]. `None` where the rows are degenerate to
/// working precision.
pub(crate) fn enumerate(part: &Part, accuracy: f64) -> Option<Patterns> {
    let system = System::of(part, accuracy)?;
    let limit = EXPLAINED * accuracy;
    let by_tree = Tree::new(&system).search(limit);
    if by_tree.complete || by_tree.count > KEPT || part.dim() > MEETING {
        return Some(by_tree);
    }
    Some(meet(&system, limit))
}

/// Depth-first search over z, the first sign positive.
struct Tree<'a> {
    system: &'a System<'a>,
    rows: usize,
    /// (V z)_i over the first signs: one column for each depth.
    sums: DMatrix<f64>,
    /// What the signs that are left can add at most.
    reach: DMatrix<f64>,
    /// V, by columns of the rows that cut.
    v: DMatrix<f64>,
    z: Vec<f64>,
    nodes: usize,
}

impl<'a> Tree<'a> {
    fn new(system: &'a System<'a>) -> Self {
        let dim = system.free.len();
        let rows = system.rest.len().min(CUTTING_ROWS);
        let v = system.v.rows(0, rows).into_owned();
        let mut reach = DMatrix::zeros(rows, dim + 1);
        for depth in (0..dim).rev() {
            let sum = reach.column(depth + 1) + v.column(depth).abs();
            reach.set_column(depth, &sum);
        }
        Tree {
            system,
            rows,
            sums: DMatrix::zeros(rows, dim + 1),
            reach,
            v,
            z: vec![1.0; dim],
            nodes: 0,
        }
    }

    fn search(mut self, limit: f64) -> Patterns {
        let mut found = Patterns {
            best: Vec::new(),
            count: 0,
            complete: true,
        };
        self.descend(0, limit, &mut found);
        found.complete = self.nodes < NODES;
        found
    }

    fn descend(&mut self, depth: usize, limit: f64, found: &mut Patterns) {
        if depth == self.z.len() {
            found.visit(self.system, &self.z, limit);
            // A leaf costs as much as all rows.
            self.nodes += self.system.part.rows.len();
            return;
        }
        let signs: &[f64] = if depth == 0 { &[1.0] } else { &[1.0, -1.0] };
        for &sign in signs {
            self.nodes += 1;
            if self.nodes >= NODES {
                return;
            }
            if self.step(depth, sign) {
                self.z[depth] = sign;
                self.descend(depth + 1, limit, found);
            }
        }
    }

    /// Adds a sign to the sums; whether every row may still come to ±1.
    fn step(&mut self, depth: usize, sign: f64) -> bool {
        for k in 0..self.rows {
            let sum = self.sums[(k, depth)] + sign * self.v[(k, depth)];
            let room = self.reach[(k, depth + 1)] + self.system.tolerance[k];
            if (sum.abs() - 1.0).abs() > room {
                return false;
            }
            self.sums[(k, depth + 1)] = sum;
        }
        true
    }
}

/// Sums over half of the signs, sorted, each with its pattern.
fn half_sums(v: &[f64]) -> Vec<(f64, u32)> {
    let mut sums: Vec<(f64, u32)> = Vec::with_capacity(1 << v.len());
    sums.push((0.0, 0));
    for (j, &v) in v.iter().enumerate() {
        for k in 0..sums.len() {
            let (sum, bits) = sums[k];
            sums.push((sum - v, bits | 1 << j));
            sums[k].0 = sum + v;
        }
    }
    sums.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    sums
}

/// Meets in the middle on one row, and checks on the others.
fn meet(system: &System<'_>, limit: f64) -> Patterns {
    let mut found = Patterns {
        best: Vec::new(),
        count: 0,
        complete: false,
    };
    let dim = system.free.len();
    // The row in which every sign counts most: fewest sums that differ by less
    // than the tolerance.
    let least = |k: usize| system.v.row(k).iter().fold(f64::MAX, |m, v| m.min(v.abs()));
    let Some(key) = (0..system.rest.len()).max_by(|&i, &j| least(i).total_cmp(&least(j))) else {
        return found;
    };
    let row: Vec<f64> = system.v.row(key).iter().copied().collect();
    let (first, others) = (row[0], &row[1..]);
    let (left, right) = others.split_at(others.len() / 2);
    let (low, high) = (half_sums(left), half_sums(right));
    let tolerance = system.tolerance[key];
    let mut z = vec![1.0; dim];
    let mut matches = 0;
    for target in [1.0, -1.0] {
        let mut end = high.len();
        for &(sum, bits) in &low {
            let wanted = target - first - sum;
            // As `low` ascends, what it wants of `high` descends.
            while end > 0 && high[end - 1].0 > wanted + tolerance {
                end -= 1;
            }
            let mut k = end;
            while k > 0 && high[k - 1].0 >= wanted - tolerance {
                k -= 1;
                matches += 1;
                if matches >= MATCHES {
                    return found;
                }
                set(&mut z[1..=left.len()], bits);
                set(&mut z[1 + left.len()..], high[k].1);
                if fits(system, &z) {
                    matches += system.part.rows.len();
                    found.visit(system, &z, limit);
                }
            }
        }
    }
    found.complete = true;
    found
}

fn set(z: &mut [f64], bits: u32) {
    for (j, z) in z.iter_mut().enumerate() {
        *z = if bits >> j & 1 == 1 { -1.0 } else { 1.0 };
    }
}

fn fits(system: &System<'_>, z: &[f64]) -> bool {
    (0..system.rest.len()).all(|k| {
        let sum: f64 = system.v.row(k).iter().zip(z).map(|(v, z)| v * z).sum();
        (sum.abs() - 1.0).abs() <= system.tolerance[k]
    })
}
