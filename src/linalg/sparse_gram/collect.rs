//! Which columns of a sparse design meet in a row, and an order in which
//! eliminating them fills in little.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::SymbolicSparseColMatRef;
use faer::sparse::linalg::amd;
use nalgebra::DMatrix;

use super::super::design::BlockWalk;
use super::super::{Design, Rows};
use crate::error::Error;
use crate::scalar::Scalar;

/// Entries that a column's list may gain before repetitions are thrown out:
/// together with as many as it has, so that each is looked at twice or so.
const SLACK: usize = 16;

/// For each column j the columns k > j that share a row with it, ascending.
///
/// `None` where the rows are dense, where they have more than `visits` pairs of
/// entries, or where more than `most` of those differ. Σ nnz(a_i)² time, O(d +
/// `most`) memory at any time.
pub(super) fn neighbours<T: Scalar>(
    a: &Design<T>,
    most: usize,
    visits: f64,
) -> Result<Option<Vec<Vec<u32>>>, Error> {
    let mut pairs = Pairs::new(a.ncols(), most);
    let (mut buffer, mut visited) = (DMatrix::zeros(0, 0), 0.0);
    for range in a.blocks().in_order() {
        let Rows::Sparse(rows) = a.rows(range, &mut buffer)? else {
            return Ok(None);
        };
        let mut before: &[usize] = &[];
        for k in 0..rows.nrows() {
            let (columns, _) = rows.row(k);
            visited += 0.5 * (columns.len() as f64).powi(2);
            // Neighbouring rows of a spline or a panel often look the same.
            let few = columns == before || pairs.add(columns);
            if !few || visited > visits {
                return Ok(None);
            }
            before = columns;
        }
    }
    Ok(pairs.finish())
}

/// Pairs of columns, each with its repetitions until they are thrown out.
struct Pairs {
    lists: Vec<Vec<u32>>,
    /// How many of a list are known to differ.
    distinct: Vec<usize>,
    total: usize,
    most: usize,
    seen: Vec<usize>,
    round: usize,
}

impl Pairs {
    fn new(d: usize, most: usize) -> Self {
        Pairs {
            lists: vec![Vec::new(); d],
            distinct: vec![0; d],
            total: 0,
            most,
            seen: vec![0; d],
            round: 0,
        }
    }

    /// All pairs of one row; whether they may be few enough.
    fn add(&mut self, columns: &[usize]) -> bool {
        let length = columns.len();
        if length * length.saturating_sub(1) / 2 > self.most {
            return false;
        }
        for (at, &j) in columns.iter().enumerate() {
            let rest = columns[at + 1..].iter().map(|&k| k as u32);
            self.lists[j].extend(rest);
            if self.lists[j].len() > 2 * self.distinct[j] + SLACK {
                self.tidy(j);
            }
        }
        self.total <= self.most
    }

    fn tidy(&mut self, j: usize) {
        self.round += 1;
        let (seen, round) = (&mut self.seen, self.round);
        self.lists[j].retain(|&k| std::mem::replace(&mut seen[k as usize], round) != round);
        let found = self.lists[j].len();
        self.total += found - self.distinct[j];
        self.distinct[j] = found;
    }

    fn finish(mut self) -> Option<Vec<Vec<u32>>> {
        for j in 0..self.lists.len() {
            self.tidy(j);
            self.lists[j].sort_unstable();
        }
        (self.total <= self.most).then_some(self.lists)
    }
}

/// The columns in the order of approximate minimum degree (Amestoy, Davis and
/// Duff, SIAM J. Matrix Anal. Appl. 17, 1996); `None` where they are too many to
/// be numbered.
pub(super) fn minimum_degree(neighbours: &[Vec<u32>]) -> Option<Vec<u32>> {
    let d = neighbours.len();
    let count: usize = neighbours.iter().map(Vec::len).sum();
    // Indices are signed inside, and lists stand twice with a fifth to spare.
    i32::try_from(count.checked_mul(3)?.checked_add(d)?).ok()?;
    let mut offsets = Vec::with_capacity(d + 1);
    let mut end = 0_u32;
    offsets.push(end);
    for list in neighbours {
        end += list.len() as u32;
        offsets.push(end);
    }
    let rows = neighbours.concat();
    let graph = SymbolicSparseColMatRef::new_checked(d, d, &offsets, None, &rows);
    let (mut order, mut inverse) = (vec![0_u32; d], vec![0_u32; d]);
    let mut memory = MemBuffer::try_new(amd::order_scratch::<u32>(d, count)).ok()?;
    amd::order(
        &mut order,
        &mut inverse,
        graph,
        amd::Control::default(),
        MemStack::new(&mut memory),
    )
    .ok()?;
    Some(order)
}
