//! The basis Q of A_x = QR, and its rows.

use std::ops::Range;

use nalgebra::DMatrix;

use super::apart::Apart;
use super::pass::Work;
use super::point::Geometry;
use crate::error::Error;
use crate::linalg::{Factor, Rows, scale_rows};
use crate::scalar::{Scalar, shape};

/// R, and how rows of Q come about.
#[derive(Debug)]
pub(super) struct Frame<T: Scalar> {
    pub(super) factor: Factor<T>,
    pub(super) basis: Basis<T>,
    /// Rows that are not worked on as they stand in A.
    pub(super) apart: Option<Apart<T>>,
}

/// How the two reductions are taken.
#[derive(Debug)]
pub(super) enum Basis<T: Scalar> {
    /// On the rows of A, slacks measured in a unit: a power of two, so that
    /// weights 1/s² neither overflow nor vanish, whatever the units of b.
    Design { unit: T },
    /// On rows nearly orthonormal, which the factor's first step makes of A's,
    /// kept by blocks.
    Kept(Vec<DMatrix<T>>),
    /// On such rows, made block by block.
    Made,
}

impl<T: Scalar> Frame<T> {
    /// Rows of Y, of A_x itself where that is Y.
    pub(super) fn make_rows(&self, rows: Rows<'_, T>, inverse: &[T], made: &mut DMatrix<T>) {
        shape(made, rows.nrows(), self.factor.pivots.len());
        rows.copy_to(made);
        scale_rows(inverse, made);
        self.factor.first_step(made);
    }
}

/// Rows of Q, where the Gram matrix is sparse by a dense factor of its own.
impl<T: Scalar> Geometry<T> {
    /// A reduction over the blocks of Q.
    pub(crate) fn fold_q<A: Send>(
        &self,
        start: impl Fn() -> A + Sync,
        step: impl Fn(&mut A, &DMatrix<T>, Range<usize>) + Sync,
        merge: impl Fn(&mut A, A) + Sync,
    ) -> Result<Option<A>, Error> {
        let step = |sum: &mut A, (): &mut (), q: &DMatrix<T>, range| step(sum, q, range);
        self.fold_q_with(0, (|| (), start), step, merge)
    }

    /// The same with sums of so many entries, of which few are alive at once, and
    /// scratch, made for each chunk and alive once a thread.
    pub(crate) fn fold_q_with<A: Send, S>(
        &self,
        entries: usize,
        (scratch, start): (impl Fn() -> S + Sync, impl Fn() -> A + Sync),
        step: impl Fn(&mut A, &mut S, &DMatrix<T>, Range<usize>) + Sync,
        merge: impl Fn(&mut A, A) + Sync,
    ) -> Result<Option<A>, Error> {
        let (at, frame) = self.frame()?;
        at.blocks.with_sums_of(entries).sweep(
            (),
            || (Work::default(), scratch()),
            start,
            |sum, (work, scratch), range, ()| {
                step(sum, scratch, at.q_block(frame, &range, work)?, range);
                Ok(())
            },
            merge,
        )
    }

    /// The rows of Q of a block.
    pub(super) fn q_block<'a>(
        &'a self,
        frame: &'a Frame<T>,
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
        let rows = match &frame.basis {
            Basis::Kept(blocks) => &blocks[self.blocks.index(range)],
            Basis::Design { .. } | Basis::Made => {
                self.invert_slacks(range, inverse);
                let rows = self.design.rows(range.clone(), buffer)?;
                frame.make_rows(rows, inverse, made);
                made
            }
        };
        match &frame.factor.explicit {
            None => Ok(rows),
            Some(x) => {
                shape(image, rows.nrows(), rows.ncols());
                if frame.factor.is_triangular() {
                    T::multiply_upper(rows, x, image);
                } else {
                    T::multiply(rows, x, image);
                }
                if let Some(apart) = &frame.apart {
                    apart.put_rows(range, image);
                }
                Ok(image)
            }
        }
    }
}
