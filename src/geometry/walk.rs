//! One pass over the rows of A_x, with all that can be done while a block is at
//! hand.
//!
//! Q is the orthonormal basis of A_x = QR. No row of it is formed: where Q = YX
//! with a well-conditioned triangle X, the two reductions are taken on rows of Y,
//!
//! ```text
//! Qᵀ diag(v) Q = Xᵀ (Yᵀ diag(v) Y) X,    q_iᵀ F q_i = y_iᵀ (X F Xᵀ) y_i
//! ```
//!
//! With R well conditioned Y is A_x itself and X = R⁻¹: sparse rows cost their own
//! entries, dense ones are read where they stand, and nothing is written. Elsewhere
//! Y is nearly orthonormal, made of A's rows by the factor's first step.

use std::borrow::Cow;
use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::apart::Apart;
use super::heavy::SplitGram;
use super::point::{Basis, Geometry};
use crate::error::Error;
use crate::linalg::{Folded, Rows, Storage, mirror_lower, scale_rows};
use crate::scalar::{DenseRows, Scalar, real, shape, vectorised};

/// What a walk computes first for each row i.
pub(crate) enum Ask<'a, T: Scalar> {
    /// (A_x h)_i.
    Direction(&'a DVector<T>),
    /// q_iᵀ Y q_i for symmetric Y.
    Form(&'a DMatrix<T>),
    /// σ_i = ‖q_i‖².
    Scores,
}

/// What a walk sums over the rows, from a weight v_i for each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sum {
    /// Qᵀ diag(v) Q.
    Gram,
    /// A_xᵀ v.
    Rows,
}

/// What comes of a walk.
pub(crate) struct Walked<T: Scalar> {
    /// The number kept of each row.
    pub(crate) kept: DVector<T>,
    /// The sum, in the basis Q where it is a Gram matrix.
    sum: DMatrix<T>,
    /// The Gram matrix of the rows worked on, where some were left out.
    light: DMatrix<T>,
}

impl<T: Scalar> Walked<T> {
    /// What was kept, and the Gram matrix that was asked for.
    pub(crate) fn with_gram(self) -> (DVector<T>, DMatrix<T>) {
        (self.kept, self.sum)
    }

    /// The same, split at the heavy rows that were left out.
    pub(crate) fn with_split(self) -> (DVector<T>, SplitGram<T>) {
        let sums = SplitGram {
            all: self.sum,
            light: self.light,
        };
        (self.kept, sums)
    }

    /// What was kept, and A_xᵀv that was asked for.
    pub(crate) fn with_rows(self) -> (DVector<T>, DVector<T>) {
        let sum = self.sum.column(0).into_owned();
        (self.kept, sum)
    }
}

/// What the blocks of a chunk are worked in.
pub(super) struct Work<T: Scalar> {
    buffer: DMatrix<T>,
    made: DMatrix<T>,
    image: DMatrix<T>,
    inverse: Vec<T>,
    weights: Vec<T>,
    values: Vec<T>,
}

impl<T: Scalar> Default for Work<T> {
    fn default() -> Self {
        let empty = || DMatrix::zeros(0, 0);
        Work {
            buffer: empty(),
            made: empty(),
            image: empty(),
            inverse: Vec::new(),
            weights: Vec::new(),
            values: Vec::new(),
        }
    }
}

/// One block: rows of A, rows of Y where they are not A_x, and 1/s.
struct Pass<'a, T: Scalar> {
    rows: Rows<'a, T>,
    made: Option<DenseRows<'a, T>>,
    inverse: &'a [T],
    /// What slacks are measured in where Y is A_x.
    unit: T,
    image: &'a mut DMatrix<T>,
    weights: &'a mut Vec<T>,
}

/// An [`Ask`] in the basis that is worked in.
enum Prepared<'a, T: Scalar> {
    Direction(&'a DVector<T>),
    Form(Folded<T>),
    /// ‖Xᵀy_i‖²; whether X is an upper triangle.
    Squares {
        triangular: bool,
    },
}

impl<T: Scalar> Pass<'_, T> {
    fn answer(&mut self, ask: &Prepared<'_, T>, explicit: Option<&DMatrix<T>>, out: &mut [T]) {
        let y = self.made.map_or(self.rows, Rows::Dense);
        match (ask, explicit) {
            (Prepared::Direction(h), _) => {
                self.rows.image(h, out);
                out.iter_mut().zip(self.inverse).for_each(|(u, &w)| *u *= w);
                return;
            }
            (Prepared::Form(form), _) => y.forms(form, self.image, out),
            (&Prepared::Squares { triangular }, Some(x)) => {
                y.squares(x, triangular, self.image, out);
            }
            (Prepared::Squares { .. }, None) => y.norms(out),
        }
        if self.made.is_none() {
            let weights = out.iter_mut().zip(self.inverse);
            let unit = self.unit;
            weights.for_each(|(y, &w)| *y = *y * (w * unit) * (w * unit));
        }
    }

    /// `sum ← sum + Σ v_i y_i y_iᵀ`, lower triangle.
    fn add_gram(&mut self, v: &[T], sum: &mut DMatrix<T>) {
        if let Some(made) = self.made {
            return Rows::Dense(made).add_gram(v, self.image, sum);
        }
        self.weights.clear();
        let unit = self.unit;
        let weights = v.iter().zip(self.inverse);
        let weights = weights.map(|(&v, &w)| v * (w * unit) * (w * unit));
        self.weights.extend(weights);
        self.rows.add_gram(self.weights, self.image, sum);
    }

    /// `sum ← sum + A_xᵀ v`.
    fn add_rows(&mut self, v: &[T], sum: &mut [T]) {
        self.weights.clear();
        let weights = v.iter().zip(self.inverse).map(|(&v, &w)| v * w);
        self.weights.extend(weights);
        self.rows.add_combination(self.weights, sum);
    }
}

impl<T: Scalar> Geometry<T> {
    /// Asks something of every row; `each(i, answer)` says what is kept of it and
    /// what weight the row has in the sum. Rows of `without` have none.
    ///
    /// O(nd²) for scores, forms and Gram matrices, O(nd) else, by nnz(a_i) for d
    /// where A is sparse; one pass over A.
    pub(crate) fn walk(
        &self,
        ask: &Ask<'_, T>,
        each: impl Fn(usize, T) -> (T, T) + Sync,
        (sum, without): (Sum, &[usize]),
    ) -> Result<Walked<T>, Error> {
        let d = self.x().len();
        let x = self.inverse();
        let (explicit, prepared) = (x.as_deref(), self.prepared(ask, x.as_deref()));
        let mut kept = DVector::zeros(self.slack().len());
        let total = self.blocks.sweep(
            kept.as_mut_slice(),
            Work::default,
            || DMatrix::zeros(d, if sum == Sum::Gram { d } else { 1 }),
            |total, work, range, out| {
                let mut values = std::mem::take(&mut work.values);
                let mut pass = self.pass(&range, work)?;
                pass.answer(&prepared, explicit, out);
                if let Some(apart) = &self.apart {
                    apart.clear(&range, out);
                }
                values.clear();
                for (out, i) in out.iter_mut().zip(range.clone()) {
                    let (keep, weight) = each(i, *out);
                    *out = keep;
                    values.push(weight);
                }
                self.leave_out(&range, without, &mut values);
                match sum {
                    Sum::Gram => pass.add_gram(&values, total),
                    Sum::Rows => pass.add_rows(&values, total.as_mut_slice()),
                }
                work.values = values;
                Ok(())
            },
            |total, part| *total += part,
        )?;
        let total = total.unwrap_or_else(|| DMatrix::zeros(d, 1));
        let mut weights = Vec::new();
        if let Some(apart) = &self.apart {
            weights = apart.answers(ask);
            for (weight, &i) in weights.iter_mut().zip(apart.indices()) {
                (kept[i], *weight) = each(i, *weight);
                if without.binary_search(&i).is_ok() {
                    *weight = T::zero();
                }
            }
        }
        if sum == Sum::Gram {
            let SplitGram { all, light } = self.split(total, &weights, !without.is_empty());
            return Ok(Walked {
                kept,
                sum: all,
                light,
            });
        }
        let mut sum = total;
        if let Some(apart) = &self.apart {
            apart.add_rows(&weights, sum.as_mut_slice());
        }
        let light = DMatrix::zeros(0, 0);
        Ok(Walked { kept, sum, light })
    }

    /// A Gram matrix of the rows worked on, its lower triangle, as one in the
    /// basis Q; both with the rows apart by `weights`.
    fn split(&self, mut light: DMatrix<T>, weights: &[T], keep: bool) -> SplitGram<T> {
        mirror_lower(&mut light);
        let mut all = match self.inverse() {
            None => light.clone(),
            Some(x) => symmetric(&product(&x.transpose(), &product(&light, &x))),
        };
        if let Some(apart) = &self.apart {
            apart.add_gram(weights, &mut all);
            if keep {
                apart.add_raw_gram(weights, self.unit(), &mut light);
            }
        }
        if !keep {
            light = DMatrix::zeros(0, 0);
        }
        SplitGram { all, light }
    }

    /// Sets to zero what a pass is not to sum: given rows, ascending, and those
    /// apart.
    fn leave_out(&self, range: &Range<usize>, without: &[usize], values: &mut [T]) {
        for &i in without.iter().filter(|i| range.contains(i)) {
            values[i - range.start] = T::zero();
        }
        if let Some(apart) = &self.apart {
            apart.clear(range, values);
        }
    }

    /// The Gram matrix of given weights.
    pub(super) fn gram_of(&self, v: &DVector<T>, without: &[usize]) -> Result<SplitGram<T>, Error> {
        let d = self.x().len();
        let total = self.blocks.sweep(
            (),
            Work::default,
            || DMatrix::zeros(d, d),
            |total, work, range, ()| {
                let mut values = std::mem::take(&mut work.values);
                values.clear();
                values.extend_from_slice(&v.as_slice()[range.clone()]);
                self.leave_out(&range, without, &mut values);
                self.pass(&range, work)?.add_gram(&values, total);
                work.values = values;
                Ok(())
            },
            |total, part| *total += part,
        )?;
        let total = total.unwrap_or_else(|| DMatrix::zeros(d, d));
        let weight = |i: &usize| match without.binary_search(i) {
            Ok(_) => T::zero(),
            Err(_) => v[*i],
        };
        let apart = self.apart.as_ref().map_or(&[][..], Apart::indices);
        let weights: Vec<T> = apart.iter().map(weight).collect();
        Ok(self.split(total, &weights, !without.is_empty()))
    }

    /// An n-vector of what is asked of the rows.
    pub(super) fn ask(&self, ask: &Ask<'_, T>) -> Result<DVector<T>, Error> {
        let x = self.inverse();
        let (explicit, prepared) = (x.as_deref(), self.prepared(ask, x.as_deref()));
        let mut out = DVector::zeros(self.slack().len());
        self.blocks
            .fill(out.as_mut_slice(), Work::default, |work, range, out| {
                self.pass(&range, work)?.answer(&prepared, explicit, out);
                Ok(())
            })?;
        if let Some(apart) = &self.apart {
            let answers = apart.answers(ask);
            let answers = answers.into_iter().zip(apart.indices());
            answers.for_each(|(answer, &i)| out[i] = answer);
        }
        Ok(out)
    }

    /// A reduction over the blocks of Q.
    pub(crate) fn fold_q<A: Send>(
        &self,
        start: impl Fn() -> A + Sync,
        step: impl Fn(&mut A, &DMatrix<T>, Range<usize>) + Sync,
        merge: impl Fn(&mut A, A) + Sync,
    ) -> Result<Option<A>, Error> {
        self.fold_q_sized(0, start, step, merge)
    }

    /// The same with sums of so many entries, of which few are alive at once.
    pub(crate) fn fold_q_sized<A: Send>(
        &self,
        entries: usize,
        start: impl Fn() -> A + Sync,
        step: impl Fn(&mut A, &DMatrix<T>, Range<usize>) + Sync,
        merge: impl Fn(&mut A, A) + Sync,
    ) -> Result<Option<A>, Error> {
        self.blocks.with_sums_of(entries).sweep(
            (),
            Work::default,
            start,
            |sum, work, range, ()| {
                step(sum, self.q_block(&range, work)?, range);
                Ok(())
            },
            merge,
        )
    }

    /// The rows of Q of a block.
    pub(super) fn q_block<'a>(
        &'a self,
        range: &Range<usize>,
        work: &'a mut Work<T>,
    ) -> Result<&'a DMatrix<T>, Error> {
        let Work {
            buffer,
            made,
            image,
            inverse,
            ..
        } = work;
        let rows = match &self.basis {
            Basis::Kept(blocks) => &blocks[self.blocks.index(range)],
            Basis::Design { .. } | Basis::Made => {
                self.invert_slacks(range, inverse);
                let rows = self.design.rows(range.clone(), buffer)?;
                self.make_rows(rows, inverse, made);
                made
            }
        };
        match &self.factor.explicit {
            None => Ok(rows),
            Some(x) => {
                shape(image, rows.nrows(), rows.ncols());
                if self.factor.is_triangular() {
                    T::multiply_upper(rows, x, image);
                } else {
                    T::multiply(rows, x, image);
                }
                if let Some(apart) = &self.apart {
                    apart.put_rows(range, image);
                }
                Ok(image)
            }
        }
    }

    fn pass<'a>(
        &'a self,
        range: &Range<usize>,
        work: &'a mut Work<T>,
    ) -> Result<Pass<'a, T>, Error> {
        self.invert_slacks(range, &mut work.inverse);
        let rows = self.design.rows(range.clone(), &mut work.buffer)?;
        let made = match &self.basis {
            Basis::Design { .. } => None,
            Basis::Kept(blocks) => Some((&blocks[self.blocks.index(range)]).into()),
            Basis::Made => {
                self.make_rows(rows, &work.inverse, &mut work.made);
                Some((&work.made).into())
            }
        };
        Ok(Pass {
            rows,
            made,
            inverse: &work.inverse,
            unit: self.unit(),
            image: &mut work.image,
            weights: &mut work.weights,
        })
    }

    /// 1/s over a block.
    pub(super) fn invert_slacks(&self, range: &Range<usize>, out: &mut Vec<T>) {
        let slack = &self.slack().as_slice()[range.clone()];
        out.resize(slack.len(), T::zero());
        vectorised(
            #[inline(always)]
            || {
                let both = out.iter_mut().zip(slack);
                both.for_each(|(out, &s)| *out = T::one() / s);
            },
        );
    }

    /// Rows of Y, of A_x itself where that is Y.
    pub(super) fn make_rows(&self, rows: Rows<'_, T>, inverse: &[T], made: &mut DMatrix<T>) {
        shape(made, rows.nrows(), self.x().len());
        rows.copy_to(made);
        scale_rows(inverse, made);
        self.factor.first_step(made);
    }

    /// X, for slacks in their unit.
    pub(super) fn inverse(&self) -> Option<Cow<'_, DMatrix<T>>> {
        let x = self.factor.explicit.as_ref()?;
        Some(match self.basis {
            Basis::Design { unit } => Cow::Owned(x / unit),
            Basis::Kept(_) | Basis::Made => Cow::Borrowed(x),
        })
    }

    /// What slacks are measured in.
    pub(super) fn unit(&self) -> T {
        match self.basis {
            Basis::Design { unit } => unit,
            Basis::Kept(_) | Basis::Made => T::one(),
        }
    }

    fn prepared<'a>(&self, ask: &Ask<'a, T>, x: Option<&DMatrix<T>>) -> Prepared<'a, T> {
        match (ask, x) {
            (Ask::Direction(h), _) => Prepared::Direction(h),
            // Short rows meet only their own entries of M⁻¹ = XXᵀ.
            (Ask::Scores, Some(x))
                if self.factor.first.is_none() && self.design.storage() == Storage::Sparse =>
            {
                Prepared::Form(Folded::new(&product(x, &x.transpose())))
            }
            (Ask::Scores, _) => Prepared::Squares {
                triangular: self.factor.is_triangular(),
            },
            (Ask::Form(y), None) => Prepared::Form(Folded::new(y)),
            (Ask::Form(y), Some(x)) => {
                // X Y Xᵀ, symmetric up to rounding.
                let form = product(x, &product(y, &x.transpose()));
                Prepared::Form(Folded::new(&symmetric(&form)))
            }
        }
    }
}

fn product<T: Scalar>(a: &DMatrix<T>, b: &DMatrix<T>) -> DMatrix<T> {
    let mut out = DMatrix::zeros(a.nrows(), b.ncols());
    T::multiply(a, b, &mut out);
    out
}

fn symmetric<T: Scalar>(m: &DMatrix<T>) -> DMatrix<T> {
    (m + m.transpose()) * real::<T>(0.5)
}
