//! Loops over the entries of a block, column by column, on wide vectors.

use std::array::from_fn;

use nalgebra::{DMatrix, DVector};

use super::{DenseRows, Scalar, vectorised};

/// Sums kept side by side in a reduction down a column, so that additions
/// overlap: their order is fixed, whatever the machine.
const LANES: usize = 8;
/// Columns read side by side where rows come from memory, for one stream does not
/// keep it busy.
pub(super) const STREAMS: usize = 8;

/// Gives scratch its shape, and keeps its memory where it has it already.
pub(crate) fn shape<T: Scalar>(scratch: &mut DMatrix<T>, rows: usize, columns: usize) {
    if scratch.shape() != (rows, columns) {
        let old = std::mem::replace(scratch, DMatrix::zeros(0, 0));
        let mut numbers: Vec<T> = old.data.into();
        numbers.resize(rows * columns, T::zero());
        *scratch = DMatrix::from_vec(rows, columns, numbers);
    }
}

/// `out_i ← Σ_j a_ij b_ij`.
pub(crate) fn row_dots<'a, T: Scalar>(
    a: impl Into<DenseRows<'a, T>>,
    b: impl Into<DenseRows<'a, T>>,
    out: &mut [T],
) {
    out.fill(T::zero());
    add_row_dots(a.into(), b.into(), out);
}

/// `out_i ← out_i + Σ_j a_ij b_ij`, four columns at a time.
pub(crate) fn add_row_dots<T: Scalar>(a: DenseRows<'_, T>, b: DenseRows<'_, T>, out: &mut [T]) {
    vectorised(
        #[inline(always)]
        || {
            let m = out.len();
            let fours = a.ncols() / 4 * 4;
            for j in (0..fours).step_by(4) {
                let p = [0, 1, 2, 3].map(|k| &a.column(j + k)[..m]);
                let q = [0, 1, 2, 3].map(|k| &b.column(j + k)[..m]);
                for i in 0..m {
                    let pair = p[0][i] * q[0][i] + p[1][i] * q[1][i];
                    out[i] += pair + (p[2][i] * q[2][i] + p[3][i] * q[3][i]);
                }
            }
            for j in fours..a.ncols() {
                let pairs = a.column(j).iter().zip(b.column(j));
                for (out, (&a, &b)) in out.iter_mut().zip(pairs) {
                    *out += a * b;
                }
            }
        },
    );
}

/// `out ← diag(v) a`.
pub(crate) fn scale_into<T: Scalar>(a: DenseRows<'_, T>, v: &[T], out: &mut DMatrix<T>) {
    shape(out, a.nrows(), a.ncols());
    // Slices: nalgebra's own iterators over columns do not vectorise.
    let out = out.as_mut_slice().chunks_exact_mut(a.nrows().max(1));
    vectorised(
        #[inline(always)]
        || {
            for (to, from) in out.zip(a.columns()) {
                for ((to, &a), &v) in to.iter_mut().zip(from).zip(v) {
                    *to = a * v;
                }
            }
        },
    );
}

/// `out ← a h`, as many columns at a time as there are to be streams from memory.
pub(crate) fn image<T: Scalar>(a: DenseRows<'_, T>, h: &DVector<T>, out: &mut [T]) {
    vectorised(
        #[inline(always)]
        || {
            out.fill(T::zero());
            let m = out.len();
            let many = a.ncols() / STREAMS * STREAMS;
            for j in (0..many).step_by(STREAMS) {
                let columns: [_; STREAMS] = from_fn(|k| &a.column(j + k)[..m]);
                let h: [T; STREAMS] = from_fn(|k| h[j + k]);
                for i in 0..m {
                    let pair = |k: usize| columns[k][i] * h[k] + columns[k + 1][i] * h[k + 1];
                    out[i] += (pair(0) + pair(2)) + (pair(4) + pair(6));
                }
            }
            for j in many..a.ncols() {
                let h = h[j];
                out.iter_mut()
                    .zip(a.column(j))
                    .for_each(|(out, &a)| *out += a * h);
            }
        },
    );
}

/// `sum ← sum + aᵀ v`, four columns at a time.
pub(crate) fn add_combination<T: Scalar>(a: DenseRows<'_, T>, v: &[T], sum: &mut [T]) {
    vectorised(
        #[inline(always)]
        || {
            let fours = a.ncols() / 4 * 4;
            for j in (0..fours).step_by(4) {
                let dots = dots([0, 1, 2, 3].map(|k| a.column(j + k)), v);
                (0..4).for_each(|k| sum[j + k] += dots[k]);
            }
            for (j, sum) in sum.iter_mut().enumerate().skip(fours) {
                *sum += dots([a.column(j)], v)[0];
            }
        },
    );
}

/// Products of columns with v.
#[inline(always)]
fn dots<T: Scalar, const N: usize>(columns: [&[T]; N], v: &[T]) -> [T; N] {
    let (weights, last) = v.as_chunks::<LANES>();
    let columns = columns.map(|column| column[..v.len()].as_chunks::<LANES>());
    let mut lanes = [[T::zero(); LANES]; N];
    for (i, v) in weights.iter().enumerate() {
        for (lanes, (chunks, _)) in lanes.iter_mut().zip(&columns) {
            for k in 0..LANES {
                lanes[k] += chunks[i][k] * v[k];
            }
        }
    }
    let mut out = [T::zero(); N];
    for ((out, lanes), (_, rest)) in out.iter_mut().zip(&lanes).zip(&columns) {
        let rest = rest.iter().zip(last);
        let rest = rest.fold(T::zero(), |sum, (&a, &v)| sum + a * v);
        *out = lanes.iter().fold(rest, |sum, &lane| sum + lane);
    }
    out
}
