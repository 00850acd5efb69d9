//! One block of rows, and what is done with it while it is at hand.

use nalgebra::{DMatrix, DVector};

use crate::linalg::{Folded, GramPattern, OrderedRow, Rows};
use crate::scalar::{DenseRows, Scalar};

/// What the blocks of a chunk are worked in.
pub(super) struct Work<T: Scalar> {
    pub(super) buffer: DMatrix<T>,
    pub(super) made: DMatrix<T>,
    pub(super) image: DMatrix<T>,
    pub(super) inverse: Vec<T>,
    pub(super) weights: Vec<T>,
    pub(super) values: Vec<T>,
    pub(super) ordered: OrderedRow<T>,
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
            ordered: Vec::new(),
        }
    }
}

/// One block: rows of A, rows of Y where they are not A_x, and 1/s.
pub(super) struct Pass<'a, T: Scalar> {
    pub(super) rows: Rows<'a, T>,
    pub(super) made: Option<DenseRows<'a, T>>,
    pub(super) inverse: &'a [T],
    /// What slacks are measured in where Y is A_x.
    pub(super) unit: T,
    pub(super) image: &'a mut DMatrix<T>,
    pub(super) weights: &'a mut Vec<T>,
    /// Where the Gram matrix is sparse: its pattern, and scratch.
    pub(super) pattern: Option<(&'a GramPattern, &'a mut OrderedRow<T>)>,
}

/// What a walk sums over the rows, from a weight v_i for each.
#[derive(Clone, Copy)]
pub(super) enum Sum {
    /// A_xᵀ diag(v) A_x, in the basis worked in.
    Gram,
    /// A_xᵀ v.
    Rows,
}

/// What is asked, in the basis that is worked in.
pub(super) enum Prepared<'a, T: Scalar> {
    Direction(&'a DVector<T>),
    Form(Folded<T>),
    Pattern(&'a [T]),
    /// ‖Xᵀy_i‖²; whether X is an upper triangle.
    Squares {
        triangular: bool,
    },
}

impl<T: Scalar> Pass<'_, T> {
    pub(super) fn answer(
        &mut self,
        ask: &Prepared<'_, T>,
        explicit: Option<&DMatrix<T>>,
        out: &mut [T],
    ) {
        let y = self.made.map_or(self.rows, Rows::Dense);
        match (ask, explicit) {
            (Prepared::Direction(h), _) => {
                self.rows.image(h, out);
                out.iter_mut().zip(self.inverse).for_each(|(u, &w)| *u *= w);
                return;
            }
            (Prepared::Form(form), _) => y.forms(form, self.image, out),
            (Prepared::Pattern(form), _) => {
                if let (Some((pattern, work)), Rows::Sparse(rows)) = (&mut self.pattern, y) {
                    pattern.forms(&rows, form, work, out);
                }
            }
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

    /// Adds to a sum.
    pub(super) fn add(&mut self, sum: Sum, v: &[T], total: &mut DMatrix<T>) {
        match sum {
            Sum::Gram => self.add_gram(v, total),
            Sum::Rows => self.add_rows(v, total.as_mut_slice()),
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
        match (&mut self.pattern, self.rows) {
            (Some((pattern, work)), Rows::Sparse(rows)) => {
                pattern.add_gram(&rows, self.weights, work, sum.as_mut_slice());
            }
            _ => self.rows.add_gram(self.weights, self.image, sum),
        }
    }

    /// `sum ← sum + A_xᵀ v`.
    fn add_rows(&mut self, v: &[T], sum: &mut [T]) {
        self.weights.clear();
        let weights = v.iter().zip(self.inverse).map(|(&v, &w)| v * w);
        self.weights.extend(weights);
        self.rows.add_combination(self.weights, sum);
    }
}
