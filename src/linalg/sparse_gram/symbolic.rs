//! Where the Cholesky factor of a sparse Gram matrix has its entries.
//!
//! The elimination tree and the column counts are Liu's (SIAM J. Matrix Anal.
//! Appl. 11, 1990). Columns with (nearly) the same rows below them stand together
//! as a supernode: its rows are listed once, and work on it is work on a dense
//! matrix.

use std::ops::Range;

/// No parent: the root of a tree.
const NONE: usize = usize::MAX;

/// Neighbouring supernodes become one where it has at most so many columns and
/// at most such a share of its entries is zero: handling a small one costs more
/// than multiplying by a few zeros. (faer's defaults are (4, 1), (16, 0.8),
/// (48, 0.1) and 0.05; its dense kernels are dearer to start.)
const MERGE: [(usize, f64); 3] = [(16, 0.4), (48, 0.1), (usize::MAX, 0.05)];

/// Columns `columns` of L: column `columns.start + t` has entries in the rows
/// `rows[t..]`, the first of which is the diagonal.
#[derive(Debug)]
pub(super) struct Supernode {
    pub(super) columns: Range<usize>,
    /// The columns themselves, then the rows below them, ascending.
    pub(super) rows: Vec<u32>,
    /// The supernode that the rows below begin in.
    pub(super) parent: Option<usize>,
}

/// The symmetric pattern of M, lower triangle by columns, in elimination order.
#[derive(Debug)]
pub(super) struct Lower {
    /// Column j is at `offsets[j] .. offsets[j + 1]`.
    pub(super) offsets: Vec<usize>,
    /// Ascending in each column; the diagonal comes first.
    pub(super) rows: Vec<u32>,
    /// The column of each entry's place in the supernode's list of rows.
    pub(super) places: Vec<u32>,
}

#[derive(Debug)]
pub(super) struct Symbolic {
    /// The column of A that is eliminated k-th.
    pub(super) order: Vec<u32>,
    /// When a column of A is eliminated.
    pub(super) rank: Vec<u32>,
    pub(super) gram: Lower,
    pub(super) supernodes: Vec<Supernode>,
    /// The supernode of each column.
    pub(super) of_column: Vec<u32>,
    /// Where column j of L begins.
    pub(super) starts: Vec<usize>,
    /// Entries of L.
    pub(super) fill: usize,
}

impl Symbolic {
    /// From the pairs j < k of columns that meet in a row, and an order of
    /// elimination. `None` where L would have more than `most` entries, or Σ|L_j|²
    /// exceed `work`; found before anything of L's size is made.
    pub(super) fn new(
        neighbours: &[Vec<u32>],
        order: &[u32],
        most: usize,
        work: f64,
    ) -> Option<Self> {
        let d = order.len();
        let mut rank = inverse(order);
        let parent = tree(&rows_of_lower(neighbours, &rank));
        // A subtree's columns in one piece: fronts can then wait on a stack.
        let post = postorder(&parent);
        let order: Vec<u32> = post.iter().map(|&k| order[k as usize]).collect();
        let moved = inverse(&post);
        let relabelled = |p: usize| if p == NONE { NONE } else { moved[p] as usize };
        let parent: Vec<usize> = post
            .iter()
            .map(|&k| relabelled(parent[k as usize]))
            .collect();
        rank = inverse(&order);
        let lower = rows_of_lower(neighbours, &rank);

        let mut counts = vec![1; d];
        let (mut fill, mut steps) = (d, d as f64);
        walk(&lower, &parent, |j, _| {
            // (c + 1)² − c²
            steps += 2.0 * counts[j] as f64 + 1.0;
            counts[j] += 1;
            fill += 1;
            fill <= most && steps <= work
        })?;
        let spans = merged(&parent, &counts);
        let mut of_column = vec![0_u32; d];
        let mut supernodes: Vec<Supernode> = Vec::with_capacity(spans.len());
        for (s, columns) in spans.into_iter().enumerate() {
            of_column[columns.clone()].fill(s as u32);
            let below = counts[columns.end - 1] - 1;
            let mut rows = Vec::with_capacity(columns.len() + below);
            rows.extend(columns.clone().map(|j| j as u32));
            supernodes.push(Supernode {
                columns,
                rows,
                parent: None,
            });
        }
        walk(&lower, &parent, |j, i| {
            let node = &mut supernodes[of_column[j] as usize];
            if j + 1 == node.columns.end {
                node.rows.push(i as u32);
            }
            true
        })?;
        let mut starts = Vec::with_capacity(d);
        let mut fill = 0;
        for node in &mut supernodes {
            let below = node.rows.get(node.columns.len());
            node.parent = below.map(|&i| of_column[i as usize] as usize);
            for t in 0..node.columns.len() {
                starts.push(fill);
                fill += node.rows.len() - t;
            }
        }
        let gram = lower.columns(&supernodes);
        Some(Symbolic {
            order,
            rank,
            gram,
            supernodes,
            of_column,
            starts,
            fill,
        })
    }

    /// The most rows that a supernode has.
    pub(super) fn largest(&self) -> usize {
        let rows = self.supernodes.iter().map(|node| node.rows.len());
        rows.max().unwrap_or(0)
    }
}

fn inverse(order: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; order.len()];
    (0..).zip(order).for_each(|(k, &j)| inverse[j as usize] = k);
    inverse
}

/// The pattern of M below its diagonal, by rows.
struct ByRows {
    offsets: Vec<usize>,
    columns: Vec<u32>,
}

impl ByRows {
    fn row(&self, i: usize) -> &[u32] {
        &self.columns[self.offsets[i]..self.offsets[i + 1]]
    }

    /// The same by columns, with the diagonal.
    fn columns(&self, supernodes: &[Supernode]) -> Lower {
        let d = self.offsets.len() - 1;
        let mut offsets = vec![0; d + 1];
        self.columns
            .iter()
            .for_each(|&j| offsets[j as usize + 1] += 1);
        for j in 0..d {
            offsets[j + 1] += offsets[j] + 1;
        }
        let mut next = offsets.clone();
        let mut rows = vec![0_u32; offsets[d]];
        for i in 0..d {
            let columns = self.row(i).iter().map(|&j| j as usize);
            for j in columns.chain([i]) {
                // Ascending i, and the diagonal before all of them.
                rows[next[j]] = i as u32;
                next[j] += 1;
            }
        }
        let (mut places, mut place) = (vec![0; rows.len()], vec![0_u32; d]);
        for node in supernodes {
            node.mark(&mut place);
            let entries = offsets[node.columns.start]..offsets[node.columns.end];
            let found = rows[entries.clone()].iter().map(|&i| place[i as usize]);
            places[entries]
                .iter_mut()
                .zip(found)
                .for_each(|(p, f)| *p = f);
        }
        Lower {
            offsets,
            rows,
            places,
        }
    }
}

impl Supernode {
    /// `place[i] ← k` for the k-th row i.
    pub(super) fn mark(&self, place: &mut [u32]) {
        (0..)
            .zip(&self.rows)
            .for_each(|(k, &i)| place[i as usize] = k);
    }
}

fn rows_of_lower(neighbours: &[Vec<u32>], rank: &[u32]) -> ByRows {
    let pairs = || {
        let lists = neighbours.iter().zip(rank);
        lists.flat_map(|(list, &j)| {
            list.iter().map(move |&k| {
                let k = rank[k as usize];
                (j.max(k) as usize, j.min(k))
            })
        })
    };
    let mut offsets = vec![0; neighbours.len() + 1];
    pairs().for_each(|(i, _)| offsets[i + 1] += 1);
    for i in 0..neighbours.len() {
        offsets[i + 1] += offsets[i];
    }
    let mut next = offsets.clone();
    let mut columns = vec![0; offsets[neighbours.len()]];
    pairs().for_each(|(i, j)| {
        columns[next[i]] = j;
        next[i] += 1;
    });
    ByRows { offsets, columns }
}

/// The elimination tree: a column's parent is the first row below its diagonal
/// in which L has an entry.
fn tree(lower: &ByRows) -> Vec<usize> {
    let d = lower.offsets.len() - 1;
    let (mut parent, mut above) = (vec![NONE; d], vec![NONE; d]);
    for i in 0..d {
        for &k in lower.row(i) {
            let mut j = k as usize;
            while j != NONE && j < i {
                let next = std::mem::replace(&mut above[j], i);
                if next == NONE {
                    parent[j] = i;
                }
                j = next;
            }
        }
    }
    parent
}

/// Children before their parent, each subtree in one piece.
fn postorder(parent: &[usize]) -> Vec<u32> {
    let d = parent.len();
    let (mut first, mut sibling) = (vec![NONE; d], vec![NONE; d]);
    for j in (0..d).rev() {
        if parent[j] != NONE {
            sibling[j] = first[parent[j]];
            first[parent[j]] = j;
        }
    }
    let mut order = Vec::with_capacity(d);
    for root in (0..d).filter(|&j| parent[j] == NONE) {
        let mut path = vec![root];
        while let Some(&j) = path.last() {
            if first[j] == NONE {
                path.pop();
                order.push(j as u32);
            } else {
                path.push(first[j]);
                first[j] = sibling[first[j]];
            }
        }
    }
    order
}

/// Visits all entries (column j, row i) of L below the diagonal, i ascending:
/// row i of L is what paths up the tree from the entries of row i of M pass.
/// `None` where `visit` calls a halt.
fn walk(
    lower: &ByRows,
    parent: &[usize],
    mut visit: impl FnMut(usize, usize) -> bool,
) -> Option<()> {
    let mut passed = vec![NONE; parent.len()];
    for i in 0..parent.len() {
        passed[i] = i;
        for &k in lower.row(i) {
            let mut j = k as usize;
            while passed[j] != i {
                passed[j] = i;
                if !visit(j, i) {
                    return None;
                }
                j = parent[j];
            }
        }
    }
    Some(())
}

/// Supernodes as spans of columns.
fn merged(parent: &[usize], counts: &[usize]) -> Vec<Range<usize>> {
    // Spans, and how many of their entries are not zero.
    let mut spans: Vec<(Range<usize>, usize)> = Vec::new();
    for (j, &count) in counts.iter().enumerate() {
        let (mut span, mut entries) = (j..j + 1, count);
        while let Some((below, others)) = spans.last() {
            let last = below.end - 1;
            if parent[last] == NONE || parent[last] >= span.end {
                break;
            }
            let columns = span.end - below.start;
            // All rows of the last column, and a triangle.
            let full = columns * (count - 1) + columns * (columns + 1) / 2;
            let zeros = (full - others - entries) as f64 / full as f64;
            // Of equal rows the zeros are none, however many there are.
            let cheap = |&(most, share): &(usize, f64)| columns <= most && zeros <= share;
            if !MERGE.iter().any(cheap) {
                break;
            }
            entries += others;
            span.start = below.start;
            spans.pop();
        }
        spans.push((span, entries));
    }
    spans.into_iter().map(|(span, _)| span).collect()
}
