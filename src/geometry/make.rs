//! How a [`Geometry`] comes about: slacks, factor, and the way rows are used.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use nalgebra::{DMatrix, DVector};

use super::apart::{self, Outliers};
use super::frame::{Basis, Frame};
use super::point::{Core, Geometry};
use super::selected::{Selected, not_sparse};
use crate::error::Error;
use crate::linalg::{
    BlockWalk, Blocks, CHOLESKY_DIGITS, Design, Factor, Factorisation, First, GramPattern,
    MOST_SQUARE, Rows, Scratch, Storage, squares_exactly,
};
use crate::scalar::{Scalar, count, epsilon, real, to_f64};

/// Digits that the bound of a sparse factor's loss must leave, before what it has
/// lost in fact is looked at, where d is moderate: its second step would be a dense
/// one.
const HALF_DIGITS: f64 = 0.5;

/// Entries of a d×d matrix above which a sparse factor has no dense one to fall back
/// upon: 2 GiB of f64, and several of them stand at a time.
pub(super) const MOST_DENSE: usize = 1 << 28;

/// A point as a model has it: x, b, and how to factorise.
pub(super) struct At<'a, T: Scalar> {
    pub(super) x: &'a DVector<T>,
    pub(super) rhs: &'a Arc<DVector<T>>,
    /// Where the Gram matrix is sparse.
    pub(super) pattern: Option<&'a GramPattern>,
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
        let made = weighed(design, (choice, None), slack, |_, _, _| Ok(()))?;
        Self::factorised(design, (x, None), made, choice, None)
    }

    /// The same on a pattern.
    pub(super) fn new_on_pattern(
        design: &Design<T>,
        (pattern, choice): (&GramPattern, Factorisation),
        x: &DVector<T>,
        slack: DVector<T>,
    ) -> Result<Self, Error> {
        let how = (choice, Some(pattern));
        let (slack, (gram, _)) = weighed(design, how, slack, |_, _, _| Ok(()))?;
        Self::on_pattern(design, (x, None), (slack, gram), (pattern, choice))
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
            pattern,
            choice,
            spare,
        } = point;
        let pattern = pattern.filter(|_| choice.is_free());
        let slack = DVector::zeros(design.nrows());
        let made = weighed(design, (choice, pattern), slack, |rows, range, out| {
            rows.residual(x, &rhs.as_slice()[range.clone()], out);
            check(range.start, out)
        })?;
        let own = (x, Some(Arc::clone(rhs)));
        match pattern {
            None => Self::factorised(design, own, made, choice, spare),
            Some(pattern) => {
                let (slack, (gram, _)) = made;
                Self::on_pattern(design, own, (slack, gram), (pattern, choice))
            }
        }
    }

    /// By the sparse factor, or by a dense one where that loses too much and a
    /// dense one can be.
    fn on_pattern(
        design: &Design<T>,
        (x, rhs): (&DVector<T>, Option<Arc<DVector<T>>>),
        (slack, gram): (DVector<T>, Option<DMatrix<T>>),
        (pattern, choice): (&GramPattern, Factorisation),
    ) -> Result<Self, Error> {
        let d = design.ncols();
        let keeps = |loss: T, digits: f64| loss <= epsilon::<T>().powf(real(digits));
        let small = d
            .checked_mul(d)
            .is_some_and(|entries| entries <= MOST_DENSE);
        let dense = small && choice != Factorisation::SparseCholesky;
        let by_dense = |slack: DVector<T>, rhs| {
            let mut at = Self::new(design, x, slack, Factorisation::Automatic)?;
            at.rhs = rhs;
            Ok(at)
        };
        let factor = gram.and_then(|gram| pattern.factor(gram.as_slice()));
        let Some(factor) = factor else {
            return match (dense, slack.map(|s| s.abs()).imin()) {
                (true, _) => by_dense(slack, rhs),
                (false, row) => Err(Error::ZeroSlack { row }),
            };
        };
        let loss = factor.condition() * epsilon::<T>();
        // Beyond some size a dense factor costs so much that what the sparse one has
        // lost in fact is looked at whatever the bound.
        if dense && d <= MOST_SQUARE && !keeps(loss, HALF_DIGITS) {
            return by_dense(slack, rhs);
        }
        let pattern = pattern.clone();
        let blocks = design.blocks().with_sums_of(pattern.nnz());
        let core = Core::Pattern(Selected { pattern, factor });
        let at = Self::with_core((design, blocks), (x, rhs), slack, core);
        if keeps(loss, CHOLESKY_DIGITS) {
            return Ok(at);
        }
        // The bound is far from what most sparse matrices lose: scores that sum to d
        // are evidence, d errors of either sign adding like their root.
        let kept = |at: &Self| {
            let scores = at.score(Factorisation::Automatic)?;
            let off = at.excess(scores).abs() / count::<T>(d).sqrt();
            Ok::<_, Error>(keeps(off, CHOLESKY_DIGITS))
        };
        match (kept(&at), dense) {
            (Ok(true), _) => Ok(at),
            (_, true) => by_dense(at.slack, at.rhs),
            (Err(error), false) => Err(error),
            (Ok(false), false) => Err(Error::Singular {
                what: "sparse Gram matrix",
            }),
        }
    }

    /// The same point by a dense factor.
    pub(super) fn by_dense_factor(&self) -> Result<Self, Error> {
        let slack = self.slack.clone();
        let mut at = Self::new(&self.design, &self.x, slack, Factorisation::Automatic)?;
        at.rhs.clone_from(&self.rhs);
        Ok(at)
    }

    fn factorised(
        design: &Design<T>,
        own: (&DVector<T>, Option<Arc<DVector<T>>>),
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
        // Solves cost more than memory does, products less.
        let solves = matches!(factor.first, Some(First::Solve(_)));
        let in_steps = factor.first.is_some();
        let basis = match in_steps {
            false => Basis::Design { unit },
            true => Basis::Made,
        };
        let core = Core::Frame(Box::new(Frame {
            factor,
            basis,
            apart,
        }));
        let d = design.ncols();
        let blocks = design.blocks().with_sums_of(d * d);
        let mut geometry = Self::with_core((design, blocks), own, slack, core);
        if in_steps {
            if design.storage() == Storage::Dense && solves {
                geometry.keep_rows(spare)?;
            }
            // What a factor that may be spoilt is worth shows in the scores.
            geometry.score(choice)?;
        }
        Ok(geometry)
    }

    fn with_core(
        (design, blocks): (&Design<T>, Blocks),
        (x, rhs): (&DVector<T>, Option<Arc<DVector<T>>>),
        slack: DVector<T>,
        core: Core<T>,
    ) -> Self {
        Geometry {
            x: x.clone(),
            rhs,
            slack,
            design: design.clone(),
            blocks,
            core,
            dense: OnceLock::new(),
            scores: OnceLock::new(),
            image: OnceLock::new(),
            heavy: OnceLock::new(),
        }
    }

    /// Makes all nearly orthonormal rows, in memory that is at hand where it
    /// fits.
    fn keep_rows(&mut self, spare: Option<Spare<T>>) -> Result<(), Error> {
        let Core::Frame(frame) = &self.core else {
            return Ok(());
        };
        let mut blocks = spare.map_or_else(Vec::new, |spare| spare.0);
        blocks.resize_with(self.blocks.in_order().count(), || DMatrix::zeros(0, 0));
        let scratch = || (Vec::new(), DMatrix::zeros(0, 0));
        self.blocks
            .renew(&mut blocks, scratch, |(inverse, buffer), range, rows| {
                self.invert_slacks(&range, inverse);
                let from = self.design.rows(range, buffer)?;
                frame.make_rows(from, inverse, rows);
                Ok(())
            })?;
        if let Core::Frame(frame) = &mut self.core {
            frame.basis = Basis::Kept(blocks);
        }
        Ok(())
    }

    /// The kept rows, as memory for the next point.
    pub(super) fn into_spare(self) -> Option<Spare<T>> {
        let Core::Frame(frame) = self.core else {
            return None;
        };
        match frame.basis {
            Basis::Kept(blocks) => Some(Spare(blocks)),
            _ => None,
        }
    }
}

/// The lower triangle of LᵀL for the rows L of A_x that do not stand out, if its
/// weights 1/s² are numbers with all their digits, and the rows that do.
type Gram<T> = (Option<DMatrix<T>>, Outliers<T>);

/// Slacks by `fill`, and the Gram matrix in the same pass, if it is wanted; on its
/// pattern, as one column and of all rows, where it has one.
fn weighed<T: Scalar>(
    design: &Design<T>,
    (choice, pattern): (Factorisation, Option<&GramPattern>),
    mut slack: DVector<T>,
    fill: impl Fn(Rows<'_, T>, Range<usize>, &mut [T]) -> Result<(), Error> + Sync,
) -> Result<(DVector<T>, Gram<T>), Error> {
    let d = design.ncols();
    let wanted = choice != Factorisation::Qr;
    let shape = pattern.map_or((d, d), |pattern| (pattern.nnz(), 1));
    let blocks = design.blocks().with_sums_of(shape.0 * shape.1);
    let gram = blocks.sweep(
        slack.as_mut_slice(),
        || (Scratch::default(), Vec::new()),
        || {
            let gram = wanted.then(|| DMatrix::zeros(shape.0, shape.1));
            (gram, Outliers::default())
        },
        |(gram, outliers): &mut Gram<T>, (work, ordered), range, out| {
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
            if choice.is_free() && pattern.is_none() {
                outliers.gather(&rows, &range, &mut work.weights, d);
            }
            let exact = |&w: &T| w == T::zero() || squares_exactly(w);
            if !work.weights.iter().all(exact) {
                *gram = None;
            }
            if let Some(gram) = gram {
                work.weights.iter_mut().for_each(|w| *w *= *w);
                match (pattern, rows) {
                    (Some(pattern), Rows::Sparse(rows)) => {
                        pattern.add_gram(&rows, &work.weights, ordered, gram.as_mut_slice());
                    }
                    (Some(_), _) => return Err(not_sparse(range.len())),
                    (None, _) => rows.add_gram(&work.weights, &mut work.image, gram),
                }
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
