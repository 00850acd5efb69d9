//! `Aᵀ diag(v) A`, as products of columns down the rows.

use std::array::from_fn;

use nalgebra::DMatrix;
use pulp::{Arch, Simd, WithSimd};

use super::wide::Wide;
use super::{DenseRows, Scalar, at_least};

/// Lower triangle of `c ← c + aᵀ diag(v) a`; a few entries above it change too.
pub(crate) fn add_weighted_gram<T: Scalar + Wide>(
    rows: DenseRows<'_, T>,
    v: &[T],
    scratch: &mut DMatrix<T>,
    c: &mut DMatrix<T>,
) {
    Arch::new().dispatch(AddGram {
        rows,
        v,
        scratch,
        c,
    });
}

struct AddGram<'a, T> {
    rows: DenseRows<'a, T>,
    v: &'a [T],
    scratch: &'a mut DMatrix<T>,
    c: &'a mut DMatrix<T>,
}

impl<T: Scalar + Wide> WithSimd for AddGram<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT < 32 {
            self.by_dots::<S, 3>(simd);
        } else {
            self.by_dots::<S, 4>(simd);
        }
    }
}

impl<T: Scalar + Wide> AddGram<'_, T> {
    /// `W` scaled columns against `W` columns at a time, down the rows. What stands
    /// side by side in a vector is added up at the end.
    #[inline(always)]
    fn by_dots<S: Simd, const W: usize>(self, simd: S) {
        let (rows, v) = (self.rows, self.v);
        let (m, d) = (rows.nrows(), rows.ncols());
        let scaled = at_least(self.scratch, m * W);
        for (j, out) in (0..d)
            .step_by(W)
            .zip(self.c.as_mut_slice().chunks_mut((W * d).max(1)))
        {
            let width = W.min(d - j);
            for (to, k) in scaled.chunks_exact_mut(m.max(1)).zip(j..j + width) {
                for ((to, &a), &v) in to.iter_mut().zip(rows.column(k)).zip(v) {
                    *to = a * v;
                }
            }
            let right = from_fn::<_, W, _>(|k| &scaled[k.min(width - 1) * m..][..m]);
            for i in (j..d).step_by(W) {
                let left = from_fn::<_, W, _>(|k| rows.column((i + k).min(d - 1)));
                let dots = dots(simd, left, right);
                for (out, dots) in out.chunks_exact_mut(d).zip(dots) {
                    out[i..]
                        .iter_mut()
                        .zip(dots)
                        .for_each(|(out, dot)| *out += dot);
                }
            }
        }
    }
}

/// Products of each of some columns with each of some others: `dots[r][l]`.
#[inline(always)]
fn dots<'a, S: Simd, T: Scalar + Wide, const W: usize>(
    simd: S,
    left: [&'a [T]; W],
    right: [&'a [T]; W],
) -> [[T; W]; W] {
    let length = right[0].len();
    let whole = T::vectors::<S>(right[0]).0.len();
    let vectors = |column: &'a [T]| &T::vectors::<S>(&column[..length]).0[..whole];
    let (lefts, rights) = (left.map(vectors), right.map(vectors));
    let mut sums = [[T::filled(simd, T::zero()); W]; W];
    for k in 0..whole {
        let l: [_; W] = from_fn(|i| lefts[i][k]);
        for j in 0..W {
            let r = rights[j][k];
            for i in 0..W {
                sums[j][i] = T::multiply_add(simd, l[i], r, sums[j][i]);
            }
        }
    }
    // Loops, for what `map` calls is not inlined and knows no wide vectors.
    let mut out = [[T::zero(); W]; W];
    for j in 0..W {
        for i in 0..W {
            out[j][i] = T::sum(simd, sums[j][i]);
        }
    }
    let rest = T::vectors::<S>(right[0]).1.len();
    for k in length - rest..length {
        for j in 0..W {
            for i in 0..W {
                out[j][i] += left[i][k] * right[j][k];
            }
        }
    }
    out
}
