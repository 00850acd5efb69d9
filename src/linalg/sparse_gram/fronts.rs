//! Numeric elimination, front by front, and the inverse on the factor's pattern.
//!
//! A front is the dense matrix of a supernode's rows: its columns of M and what
//! eliminating its children has left there (Duff and Reid, ACM TOMS 9, 1983).
//! Every loop runs down a contiguous column.

use super::jet::Number;
use super::symbolic::{Supernode, Symbolic};
use crate::scalar::vectorised;

/// Columns that are subtracted at a time: each entry of the target is then read
/// and written once for four products.
const TOGETHER: usize = 4;

/// A place is searched for, not looked up, where a list is so many times longer
/// than what is sought in it: about what a search costs in marks.
const SEARCH: usize = 16;

/// L and D of M = L D Lᵀ on the pattern of L, D in place of the unit diagonal,
/// from the lower triangle of M. ½Σ|L_j|² multiply-adds.
///
/// A matrix that is not positive definite shows in D; it is not looked for here.
pub(super) fn eliminate<N: Number>(symbolic: &Symbolic, gram: &[N]) -> Vec<N> {
    let mut values = Vec::with_capacity(symbolic.fill);
    let mut front = vec![N::nought(); symbolic.largest() * symbolic.largest()];
    let mut place = vec![0_u32; symbolic.order.len()];
    // What children have left, lower triangles by columns, the last on top.
    let (mut left, mut waiting): (Vec<N>, Vec<usize>) = (Vec::new(), Vec::new());
    for (s, node) in symbolic.supernodes.iter().enumerate() {
        let m = node.rows.len();
        let pivots = node.columns.len();
        let front = &mut front[..m * m];
        front.fill(N::nought());
        node.mark(&mut place);
        for (column, j) in front.chunks_exact_mut(m).zip(node.columns.clone()) {
            let entries = symbolic.gram.offsets[j]..symbolic.gram.offsets[j + 1];
            let places = &symbolic.gram.places[entries.clone()];
            for (&at, &value) in places.iter().zip(&gram[entries]) {
                column[at as usize] = value;
            }
        }
        while let Some(&child) = waiting.last() {
            let child = &symbolic.supernodes[child];
            if child.parent != Some(s) {
                break;
            }
            waiting.pop();
            add_left(child, &place, &mut left, m, front);
        }
        vectorised(
            #[inline(always)]
            || eliminate_front(front, m, pivots),
        );
        for (t, column) in front.chunks_exact(m).enumerate() {
            if t < pivots {
                values.extend_from_slice(&column[t..]);
            } else {
                left.extend_from_slice(&column[t..]);
            }
        }
        if m > pivots {
            waiting.push(s);
        }
    }
    values
}

/// Takes what a child has left off the stack, into its parent's front.
fn add_left<N: Number>(
    child: &Supernode,
    place: &[u32],
    left: &mut Vec<N>,
    m: usize,
    front: &mut [N],
) {
    let below = &child.rows[child.columns.len()..];
    let start = left.len() - below.len() * (below.len() + 1) / 2;
    let mut rest = &left[start..];
    for (t, &j) in below.iter().enumerate() {
        let (own, after) = rest.split_at(below.len() - t);
        let column = &mut front[place[j as usize] as usize * m..][..m];
        for (&i, &value) in below[t..].iter().zip(own) {
            column[place[i as usize] as usize] += value;
        }
        rest = after;
    }
    left.truncate(start);
}

/// The first `pivots` columns of an m×m lower triangle become those of L and D,
/// the others what is left of M there.
#[inline(always)]
fn eliminate_front<N: Number>(front: &mut [N], m: usize, pivots: usize) {
    for c in 0..m {
        let (before, from_c) = front.split_at_mut(c * m);
        let target = &mut from_c[c..m];
        let sources = c.min(pivots);
        subtract(before, m, c, sources, target, |column, t| {
            column[c] * column[t]
        });
        if c < pivots {
            let inverse = target[0].reciprocal();
            target[1..].iter_mut().for_each(|l| *l = *l * inverse);
        }
    }
}

/// `target ← target − Σ_t w_t column_t[from..]` over the first `count` columns of
/// height m, with w_t = `weight(column_t, t)`.
#[inline(always)]
fn subtract<N: Number>(
    columns: &[N],
    m: usize,
    from: usize,
    count: usize,
    target: &mut [N],
    weight: impl Fn(&[N], usize) -> N,
) {
    let column = |t: usize| &columns[t * m..][..m];
    let whole = count - count % TOGETHER;
    for t in (0..whole).step_by(TOGETHER) {
        let [a, b, c, d] = [column(t), column(t + 1), column(t + 2), column(t + 3)];
        let w = [
            weight(a, t),
            weight(b, t + 1),
            weight(c, t + 2),
            weight(d, t + 3),
        ];
        let n = target.len();
        let [a, b, c, d] = [a, b, c, d].map(|column| &column[from..][..n]);
        for (k, y) in target.iter_mut().enumerate() {
            *y -= (a[k] * w[0] + b[k] * w[1]) + (c[k] * w[2] + d[k] * w[3]);
        }
    }
    for t in whole..count {
        let w = weight(column(t), t);
        let own = &column(t)[from..];
        target.iter_mut().zip(own).for_each(|(y, &a)| *y -= a * w);
    }
}

/// From L and D, in their place, the entries of Z = M⁻¹ on the pattern of L:
/// Z = D⁻¹L⁻¹ + (1 − Lᵀ)Z, read from the last column to the first (Takahashi,
/// Fagan and Chin, 1973), asks for no entry outside of it (Erisman and Tinney,
/// Comm. ACM 18, 1975). Σ|L_j|² multiply-adds.
pub(super) fn select_inverse<N: Number>(symbolic: &Symbolic, values: &mut [N]) {
    let mut dense = vec![N::nought(); symbolic.largest() * symbolic.largest()];
    let mut place = vec![0_u32; symbolic.order.len()];
    let (mut l, mut z) = (Vec::new(), Vec::new());
    for node in symbolic.supernodes.iter().rev() {
        let m = node.rows.len();
        let dense = &mut dense[..m * m];
        gather(symbolic, node, values, &mut place, dense);
        for (t, j) in node.columns.clone().enumerate().rev() {
            let column = &mut values[symbolic.starts[j]..][..m - t];
            l.clear();
            l.extend_from_slice(&column[1..]);
            z.clear();
            z.resize(l.len(), N::nought());
            let (done, below) = (&dense[(t + 1) * m..], t + 1);
            vectorised(
                #[inline(always)]
                || subtract(done, m, below, l.len(), &mut z, |_, k| l[k]),
            );
            let mut diagonal = column[0].reciprocal();
            l.iter().zip(&z).for_each(|(&l, &z)| diagonal -= l * z);
            column[0] = diagonal;
            column[1..].copy_from_slice(&z);
            // The rest of the supernode reads it as a row and as a column.
            if t > 0 {
                dense[t * m + t..][..m - t].copy_from_slice(column);
                for (k, &z) in (t + 1..m).zip(&z) {
                    dense[k * m + t] = z;
                }
            }
        }
    }
}

/// The entries of Z in the rows and columns below a supernode, all of which are
/// known already, as a dense matrix.
fn gather<N: Number>(
    symbolic: &Symbolic,
    node: &Supernode,
    values: &[N],
    place: &mut [u32],
    dense: &mut [N],
) {
    let (m, mut marked) = (node.rows.len(), usize::MAX);
    for a in node.columns.len()..m {
        let j = node.rows[a] as usize;
        let owner = symbolic.of_column[j] as usize;
        let other = &symbolic.supernodes[owner];
        let above = j - other.columns.start;
        let column = &values[symbolic.starts[j]..];
        let mut set = |b: usize, at: usize| {
            let z = column[at - above];
            dense[a * m + b] = z;
            dense[b * m + a] = z;
        };
        // A leaf has no use for all places in a long list.
        if SEARCH * (m - a) < other.rows.len() {
            let mut at = 0;
            for (b, &i) in node.rows.iter().enumerate().skip(a) {
                at += other.rows[at..].partition_point(|&r| r < i);
                set(b, at);
            }
            continue;
        }
        if owner != marked {
            other.mark(place);
            marked = owner;
        }
        for (b, &i) in node.rows.iter().enumerate().skip(a) {
            set(b, place[i as usize] as usize);
        }
    }
}
