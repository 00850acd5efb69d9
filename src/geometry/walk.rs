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
use super::frame::Basis;
use super::moment::{Form, Moment};
use super::pass::{Pass, Prepared, Sum, Work};
use super::point::{Core, Geometry};
use super::selected::not_sparse;
use crate::error::Error;
use crate::linalg::{Folded, Rows, Storage, mirror_lower};
use crate::scalar::{Scalar, real, vectorised};

/// What a walk computes first for each row i.
pub(crate) enum Ask<'a, T: Scalar> {
    /// (A_x h)_i.
    Direction(&'a DVector<T>),
    /// q_iᵀ F q_i for a form F of moments.
    Form(Form<'a, T>),
    /// σ_i = ‖q_i‖².
    Scores,
}

/// The same, forms written down.
pub(super) enum Asked<'a, T: Scalar> {
    Direction(&'a DVector<T>),
    /// A symmetric d×d matrix in the basis Q.
    Frame(Cow<'a, DMatrix<T>>),
    /// A symmetric matrix on the pattern, met by the rows of A_x as they are.
    Pattern(Vec<T>),
    Scores,
}

/// What comes of a walk: the number kept of each row, the sum without the rows
/// apart, and these rows' weights.
struct Walked<T: Scalar> {
    kept: DVector<T>,
    sum: DMatrix<T>,
    weights: Vec<T>,
}

impl<T: Scalar> Geometry<T> {
    /// Asks something of every row; `each(i, answer)` says what is kept of it and
    /// what weight v_i the row has in A_xᵀ diag(v) A_x. Rows of `without` have
    /// none.
    ///
    /// O(nd²), by nnz(a_i) for d where A is sparse; one pass over A.
    pub(crate) fn walk_to_moment(
        &self,
        ask: &Ask<'_, T>,
        each: impl Fn(usize, T) -> (T, T) + Sync,
        without: &[usize],
    ) -> Result<(DVector<T>, Moment<T>), Error> {
        let Walked { kept, sum, weights } = self.walk(ask, each, (Sum::Gram, without))?;
        Ok((kept, self.moment(sum, &weights, !without.is_empty())))
    }

    /// The same with A_xᵀv. O(nd) where rows are asked for their direction.
    pub(crate) fn walk_to_rows(
        &self,
        ask: &Ask<'_, T>,
        each: impl Fn(usize, T) -> (T, T) + Sync,
        without: &[usize],
    ) -> Result<(DVector<T>, DVector<T>), Error> {
        let Walked { kept, sum, weights } = self.walk(ask, each, (Sum::Rows, without))?;
        let mut sum = sum.column(0).into_owned();
        if let Some(apart) = self.apart() {
            apart.add_rows(&weights, sum.as_mut_slice());
        }
        Ok((kept, sum))
    }

    fn walk(
        &self,
        ask: &Ask<'_, T>,
        each: impl Fn(usize, T) -> (T, T) + Sync,
        (sum, without): (Sum, &[usize]),
    ) -> Result<Walked<T>, Error> {
        let asked = self.asked(ask)?;
        let x = self.inverse();
        let (explicit, prepared) = (x.as_deref(), self.prepared(&asked, x.as_deref()));
        let mut kept = DVector::zeros(self.slack().len());
        let total = self.blocks.sweep(
            kept.as_mut_slice(),
            Work::default,
            || self.empty(sum),
            |total, work, range, out| {
                let mut values = std::mem::take(&mut work.values);
                let mut pass = self.pass(&range, work)?;
                pass.answer(&prepared, explicit, out);
                if let Some(apart) = self.apart() {
                    apart.clear(&range, out);
                }
                values.clear();
                for (out, i) in out.iter_mut().zip(range.clone()) {
                    let (keep, weight) = each(i, *out);
                    *out = keep;
                    values.push(weight);
                }
                self.leave_out(&range, without, &mut values);
                pass.add(sum, &values, total);
                work.values = values;
                Ok(())
            },
            |total, part| *total += part,
        )?;
        let mut weights = Vec::new();
        if let Some(apart) = self.apart() {
            weights = apart.answers(&asked);
            for (weight, &i) in weights.iter_mut().zip(apart.indices()) {
                (kept[i], *weight) = each(i, *weight);
                if without.binary_search(&i).is_ok() {
                    *weight = T::zero();
                }
            }
        }
        let sum = total.unwrap_or_else(|| self.empty(sum));
        Ok(Walked { kept, sum, weights })
    }

    /// The moment of given weights, without some rows.
    pub(super) fn moment_of(&self, v: &DVector<T>, without: &[usize]) -> Result<Moment<T>, Error> {
        let total = self.sum_of(v, (Sum::Gram, without))?;
        let weight = |i: &usize| match without.binary_search(i) {
            Ok(_) => T::zero(),
            Err(_) => v[*i],
        };
        let apart = self.apart().map_or(&[][..], Apart::indices);
        let weights: Vec<T> = apart.iter().map(weight).collect();
        Ok(self.moment(total, &weights, !without.is_empty()))
    }

    /// A_xᵀv without the rows apart, as [`walk_to_rows`](Self::walk_to_rows) sums it.
    pub(super) fn rows_of(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        Ok(self.sum_of(v, (Sum::Rows, &[]))?.column(0).into_owned())
    }

    /// A sum of given weights, without some rows and those apart.
    fn sum_of(&self, v: &DVector<T>, (sum, without): (Sum, &[usize])) -> Result<DMatrix<T>, Error> {
        let total = self.blocks.sweep(
            (),
            Work::default,
            || self.empty(sum),
            |total, work, range, ()| {
                let mut values = std::mem::take(&mut work.values);
                values.clear();
                values.extend_from_slice(&v.as_slice()[range.clone()]);
                self.leave_out(&range, without, &mut values);
                self.pass(&range, work)?.add(sum, &values, total);
                work.values = values;
                Ok(())
            },
            |total, part| *total += part,
        )?;
        Ok(total.unwrap_or_else(|| self.empty(sum)))
    }

    /// An n-vector of what is asked of the rows.
    pub(super) fn ask(&self, ask: &Ask<'_, T>) -> Result<DVector<T>, Error> {
        self.ask_written(&self.asked(ask)?)
    }

    pub(super) fn ask_written(&self, asked: &Asked<'_, T>) -> Result<DVector<T>, Error> {
        let x = self.inverse();
        let (explicit, prepared) = (x.as_deref(), self.prepared(asked, x.as_deref()));
        let mut out = DVector::zeros(self.slack().len());
        self.blocks
            .fill(out.as_mut_slice(), Work::default, |work, range, out| {
                self.pass(&range, work)?.answer(&prepared, explicit, out);
                Ok(())
            })?;
        if let Some(apart) = self.apart() {
            let answers = apart.answers(asked);
            let answers = answers.into_iter().zip(apart.indices());
            answers.for_each(|(answer, &i)| out[i] = answer);
        }
        Ok(out)
    }

    /// Sets to zero what a pass is not to sum: given rows, ascending, and those
    /// apart.
    fn leave_out(&self, range: &Range<usize>, without: &[usize], values: &mut [T]) {
        let start = without.partition_point(|&i| i < range.start);
        let here = without[start..].iter().take_while(|&&i| i < range.end);
        here.for_each(|i| values[i - range.start] = T::zero());
        if let Some(apart) = self.apart() {
            apart.clear(range, values);
        }
    }

    /// A sum of nothing.
    fn empty(&self, sum: Sum) -> DMatrix<T> {
        let d = self.x().len();
        match (sum, &self.core) {
            (Sum::Rows, _) => DMatrix::zeros(d, 1),
            (Sum::Gram, Core::Frame(_)) => DMatrix::zeros(d, d),
            (Sum::Gram, Core::Pattern(selected)) => DMatrix::zeros(selected.pattern.nnz(), 1),
        }
    }

    /// A Gram matrix of the rows worked on, its lower triangle, as a moment, with
    /// the rows apart by `weights`; `keep` where it is of the light rows alone.
    fn moment(&self, sum: DMatrix<T>, weights: &[T], keep: bool) -> Moment<T> {
        if let Core::Pattern(selected) = &self.core {
            let all: Vec<T> = sum.data.into();
            return Moment::Pattern {
                pattern: selected.pattern.clone(),
                light: if keep { all.clone() } else { Vec::new() },
                all,
            };
        }
        let mut light = sum;
        mirror_lower(&mut light);
        let mut all = match self.inverse() {
            None => light.clone(),
            Some(x) => symmetric(&product(&x.transpose(), &product(&light, &x))),
        };
        if let Some(apart) = self.apart() {
            apart.add_gram(weights, &mut all);
            if keep {
                apart.add_raw_gram(weights, &mut light);
            }
        }
        if !keep {
            light = DMatrix::zeros(0, 0);
        }
        Moment::Frame { all, light }
    }

    fn pass<'a>(
        &'a self,
        range: &Range<usize>,
        work: &'a mut Work<T>,
    ) -> Result<Pass<'a, T>, Error> {
        self.invert_slacks(range, &mut work.inverse);
        let rows = self.design.rows(range.clone(), &mut work.buffer)?;
        let (mut made, mut pattern) = (None, None);
        match &self.core {
            Core::Frame(frame) => match &frame.basis {
                Basis::Design { .. } => (),
                Basis::Kept(blocks) => made = Some((&blocks[self.blocks.index(range)]).into()),
                Basis::Made => {
                    frame.make_rows(rows, &work.inverse, &mut work.made);
                    made = Some((&work.made).into());
                }
            },
            Core::Pattern(selected) => {
                if matches!(rows, Rows::Dense(_)) {
                    return Err(not_sparse(range.len()));
                }
                pattern = Some((&selected.pattern, &mut work.ordered));
            }
        }
        Ok(Pass {
            rows,
            made,
            inverse: &work.inverse,
            unit: self.unit(),
            image: &mut work.image,
            weights: &mut work.weights,
            pattern,
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

    /// X, for slacks in their unit.
    pub(super) fn inverse(&self) -> Option<Cow<'_, DMatrix<T>>> {
        let Core::Frame(frame) = &self.core else {
            return None;
        };
        let x = frame.factor.explicit.as_ref()?;
        Some(match frame.basis {
            Basis::Design { unit } => Cow::Owned(x / unit),
            Basis::Kept(_) | Basis::Made => Cow::Borrowed(x),
        })
    }

    /// What slacks are measured in.
    pub(super) fn unit(&self) -> T {
        let Core::Frame(frame) = &self.core else {
            return T::one();
        };
        match frame.basis {
            Basis::Design { unit } => unit,
            Basis::Kept(_) | Basis::Made => T::one(),
        }
    }

    pub(super) fn apart(&self) -> Option<&Apart<T>> {
        match &self.core {
            Core::Frame(frame) => frame.apart.as_ref(),
            Core::Pattern(_) => None,
        }
    }

    fn asked<'a>(&self, ask: &'a Ask<'_, T>) -> Result<Asked<'a, T>, Error> {
        Ok(match (ask, &self.core) {
            (Ask::Direction(h), _) => Asked::Direction(h),
            (Ask::Form(form), Core::Frame(_)) => {
                Asked::Frame(Cow::Owned(form.in_frame(self.x().len())?))
            }
            (Ask::Form(form), Core::Pattern(selected)) => Asked::Pattern(selected.form(form)?),
            (Ask::Scores, Core::Frame(_)) => Asked::Scores,
            (Ask::Scores, Core::Pattern(selected)) => Asked::Pattern(selected.factor.inverse()),
        })
    }

    fn prepared<'a>(&self, asked: &'a Asked<'_, T>, x: Option<&DMatrix<T>>) -> Prepared<'a, T> {
        let form = |y: &DMatrix<T>| match x {
            None => Prepared::Form(Folded::new(y)),
            // X Y Xᵀ, symmetric up to rounding.
            Some(x) => {
                let form = product(x, &product(y, &x.transpose()));
                Prepared::Form(Folded::new(&symmetric(&form)))
            }
        };
        match (asked, x, &self.core) {
            (Asked::Direction(h), ..) => Prepared::Direction(h),
            (Asked::Pattern(values), ..) => Prepared::Pattern(values),
            (Asked::Frame(y), ..) => form(y),
            // Short rows meet only their own entries of M⁻¹ = XXᵀ.
            (Asked::Scores, Some(x), Core::Frame(frame))
                if frame.factor.first.is_none() && self.design.storage() == Storage::Sparse =>
            {
                Prepared::Form(Folded::new(&product(x, &x.transpose())))
            }
            (Asked::Scores, _, Core::Frame(frame)) => Prepared::Squares {
                triangular: frame.factor.is_triangular(),
            },
            (Asked::Scores, _, Core::Pattern(_)) => Prepared::Squares { triangular: false },
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
