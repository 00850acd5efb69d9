//! How a [`Geometry`] comes about: slacks, factor, and the way rows are used.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use nalgebra::{DMatrix, DVector};

use super::apart::{self, Outliers};
use super::point::{Basis, Geometry};
use crate::error::Error;
use crate::linalg::{
    BlockWalk, Design, Factor, Factorisation, First, Rows, Scratch, Storage, squares_exactly,
};
use crate::scalar::{Scalar, real, to_f64};

/// A point as a model has it: x, b, and how to factorise.
pub(super) struct At<'a, T: Scalar> {
    pub(super) x: &'a DVector<T>,
    pub(super) rhs: &'a Arc<DVector<T>>,
    pub(super) choice: Factorisation,
    /// Memory of a point that is no longer wanted.
    pub(super) spare: Option<Spare<T>>,
}

/// The kept rows of a geometry that is gone.
pub(super) struct Spare<T: Scalar>(Vec<DMatrix<T>>);

impl<T: Scalar> Geometry<T> {
    /// From slacks that belong to no x.
    pub(crate) fn new(
        design: &Design<T>,
        x: &DVector<T>,
        slack: DVector<T>,
        choice: Factorisation,
    ) -> Result<Self, Error> {
        let made = weighed(design, choice, slack, |_, _, _| Ok(()))?;
        Self::factorised(design, (x, None), made, choice, None)
    }

    /// The geometry at a point. `check(first row, slacks)` sees every block of
    /// slacks before anything is done with it, and may end it all.
    pub(super) fn at(
        design: &Design<T>,
        point: At<'_, T>,
        check: impl Fn(usize, &[T]) -> Result<(), Error> + Sync,
    ) -> Result<Self, Error> {
        let At {
            x,
            rhs,
            choice,
            spare,
        } = point;
        let slack = DVector::zeros(design.nrows());
        let made = weighed(design, choice, slack, |rows, range, out| {
            rows.residual(x, &rhs.as_slice()[range.clone()], out);
            check(range.start, out)
        })?;
        let rhs = Some(Arc::clone(rhs));
        Self::factorised(design, (x, rhs), made, choice, spare)
    }

    fn factorised(
        design: &Design<T>,
        (x, rhs): (&DVector<T>, Option<Arc<DVector<T>>>),
        (slack, gram): (DVector<T>, Gram<T>),
        choice: Factorisation,
        spare: Option<Spare<T>>,
    ) -> Result<Self, Error> {
        let unit = unit(&slack);
        let (mut factor, apart) = apart::factorised(design, &slack, gram, (choice, unit))?;
        if let Some(row) = undefined_row(&factor, &slack) {
            return Err(Error::ZeroSlack { row });
        }
        if !factor.squares_in(unit) {
            factor = factor.by_solves();
        }
        let basis = match &factor.first {
            None => Basis::Design { unit },
            Some(_) => Basis::Made,
        };
        let mut geometry = Geometry {
            x: x.clone(),
            rhs,
            slack,
            design: design.clone(),
            blocks: design.blocks(),
            factor,
            basis,
            apart,
            scores: OnceLock::new(),
            image: OnceLock::new(),
            heavy: OnceLock::new(),
        };
        if let Some(first) = &geometry.factor.first {
            // Solves cost more than memory does, products less.
            if design.storage() == Storage::Dense && matches!(first, First::Solve(_)) {
                geometry.keep_rows(spare)?;
            }
            // What a factor that may be spoilt is worth shows in the scores.
            geometry.score(choice)?;
        }
        Ok(geometry)
    }

    /// Makes all nearly orthonormal rows, in memory that is at hand where it
    /// fits.
    fn keep_rows(&mut self, spare: Option<Spare<T>>) -> Result<(), Error> {
        let mut blocks = spare.map_or_else(Vec::new, |spare| spare.0);
        blocks.resize_with(self.blocks.in_order().count(), || DMatrix::zeros(0, 0));
        let scratch = || (Vec::new(), DMatrix::zeros(0, 0));
        self.blocks
            .renew(&mut blocks, scratch, |(inverse, buffer), range, rows| {
                self.invert_slacks(&range, inverse);
                let from = self.design.rows(range, buffer)?;
                self.make_rows(from, inverse, rows);
                Ok(())
            })?;
        self.basis = Basis::Kept(blocks);
        Ok(())
    }

    /// The kept rows, as memory for the next point.
    pub(super) fn into_spare(self) -> Option<Spare<T>> {
        match self.basis {
            Basis::Kept(blocks) => Some(Spare(blocks)),
            _ => None,
        }
    }
}

/// The lower triangle of LᵀL for the rows L of A_x that do not stand out, if its
/// weights 1/s² are numbers with all their digits, and the rows that do.
type Gram<T> = (Option<DMatrix<T>>, Outliers<T>);

/// Slacks by `fill`, and the Gram matrix in the same pass, if it is wanted.
fn weighed<T: Scalar>(
    design: &Design<T>,
    choice: Factorisation,
    mut slack: DVector<T>,
    fill: impl Fn(Rows<'_, T>, Range<usize>, &mut [T]) -> Result<(), Error> + Sync,
) -> Result<(DVector<T>, Gram<T>), Error> {
    let d = design.ncols();
    let wanted = choice != Factorisation::Qr;
    let gram = design.blocks().sweep(
        slack.as_mut_slice(),
        Scratch::default,
        || (wanted.then(|| DMatrix::zeros(d, d)), Outliers::default()),
        |(gram, outliers): &mut Gram<T>, work, range, out| {
            let rows = design.rows(range.clone(), &mut work.rows)?;
            fill(rows, range.clone(), out)?;
            work.weights.clear();
            work.weights.extend(out.iter().map(|&s| T::one() / s));
            // A slack too small to invert is as good as zero.
            let zero = |w: &T| !w.is_finite() || *w == T::zero();
            if let Some(k) = work.weights.iter().position(zero) {
                return Err(Error::ZeroSlack {
                    row: range.start + k,
                });
            }
            if choice == Factorisation::Automatic {
                outliers.gather(&rows, &range, &mut work.weights, d);
            }
            let exact = |&w: &T| w == T::zero() || squares_exactly(w);
            if !work.weights.iter().all(exact) {
                *gram = None;
            }
            if let Some(gram) = gram {
                work.weights.iter_mut().for_each(|w| *w *= *w);
                rows.add_gram(&work.weights, &mut work.image, gram);
            }
            Ok(())
        },
        |(gram, outliers), (part, later)| {
            match (&mut *gram, part) {
                (Some(gram), Some(part)) => *gram += part,
                _ => *gram = None,
            }
            outliers.append(later);
        },
    )?;
    Ok((slack, gram.unwrap_or_default()))
}

/// A power of two in the middle of the sizes of slacks, on a scale of logarithms:
/// ratios to it then square without overflow, whatever the range.
fn unit<T: Scalar>(slack: &DVector<T>) -> T {
    let sizes = slack.iter().map(|s| to_f64(s.abs()));
    let (least, most) = sizes.fold((f64::MAX, 0.0f64), |(a, b), s| (a.min(s), b.max(s)));
    let unit = ((least.log2() + most.log2()) / 2.0).floor().exp2();
    real(if unit.is_normal() { unit } else { 1.0 })
}

/// The row to blame where slacks are so small that the factor overflowed or
/// lost a column.
fn undefined_row<T: Scalar>(factor: &Factor<T>, slack: &DVector<T>) -> Option<usize> {
    let sound = factor.r.iter().all(|r| r.is_finite())
        && factor.r.diagonal().iter().all(|r| *r != T::zero());
    let smaller = |&i: &usize, &j: &usize| {
        slack[i]
            .abs()
            .partial_cmp(&slack[j].abs())
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    if sound {
        None
    } else {
        (0..slack.len()).min_by(smaller)
    }
}
