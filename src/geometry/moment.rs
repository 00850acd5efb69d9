//! Moments of the rows of A_x, and the forms that closed forms make of them.
//!
//! A moment is A_xᵀ diag(v) A_x for weights v. What is asked of it is P²v and its
//! kind, q_iᵀ(…)q_i for every row, which depends on no basis: it is kept in the
//! basis Q, a d×d matrix, or on the pattern of A_xᵀA_x where that is sparse.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::linalg::GramPattern;
use crate::scalar::Scalar;

/// A_xᵀ diag(v) A_x for weights v.
#[derive(Debug)]
pub(crate) enum Moment<T: Scalar> {
    /// In the basis Q.
    Frame {
        /// Qᵀ diag(v) Q.
        all: DMatrix<T>,
        /// Yᵀ diag(v) Y of the rows at hand, without the heavy ones; empty where
        /// there is none.
        light: DMatrix<T>,
    },
    /// On the pattern, of A_x itself.
    Pattern {
        /// Where its entries are.
        pattern: GramPattern,
        /// Over all rows.
        all: Vec<T>,
        /// Without the heavy rows; empty where there is none.
        light: Vec<T>,
    },
}

impl<T: Scalar> Moment<T> {
    /// Qᵀ diag(v) Q, where the basis Q is worked in.
    pub(crate) fn in_frame(&self) -> Result<&DMatrix<T>, Error> {
        match self {
            Moment::Frame { all, .. } => Ok(all),
            Moment::Pattern { .. } => Err(Error::Singular {
                what: "Gram matrix",
            }),
        }
    }

    /// A_xᵀ diag(v) A_x on its pattern, where that is worked on.
    pub(super) fn on_pattern(&self) -> Result<&[T], Error> {
        match self {
            Moment::Pattern { all, .. } => Ok(all),
            Moment::Frame { .. } => Err(Error::Singular {
                what: "sparse Gram matrix",
            }),
        }
    }

    /// The light rows' part times z.
    pub(super) fn light_image(&self, z: &DVector<T>) -> DVector<T> {
        match self {
            Moment::Frame { light, .. } => light * z,
            Moment::Pattern { pattern, light, .. } => pattern.multiply(light, z),
        }
    }

    /// zᵀ times that.
    pub(super) fn light_form(&self, z: &DVector<T>) -> T {
        self.light_image(z).dot(z)
    }
}

/// A linear combination of moments U, and of UV + VU as products in the basis Q.
pub(crate) struct Form<'a, T: Scalar> {
    pub(super) moments: Vec<(T, &'a Moment<T>)>,
    pub(super) joint: Option<(T, [&'a Moment<T>; 2])>,
}

impl<'a, T: Scalar> Form<'a, T> {
    /// One moment.
    pub(crate) fn of(moment: &'a Moment<T>) -> Self {
        Form {
            moments: vec![(T::one(), moment)],
            joint: None,
        }
    }

    /// `factor (UV + VU)`. (I2)
    pub(crate) fn joint(factor: T, u: &'a Moment<T>, v: &'a Moment<T>) -> Self {
        Form {
            moments: Vec::new(),
            joint: Some((factor, [u, v])),
        }
    }

    /// And a multiple of another moment.
    pub(crate) fn plus(mut self, factor: T, moment: &'a Moment<T>) -> Self {
        self.moments.push((factor, moment));
        self
    }

    /// As a d×d matrix in the basis Q.
    pub(super) fn in_frame(&self, d: usize) -> Result<DMatrix<T>, Error> {
        let mut sum = DMatrix::zeros(d, d);
        for (factor, moment) in &self.moments {
            sum.zip_apply(moment.in_frame()?, |sum, a| *sum += *factor * a);
        }
        if let Some((factor, [u, v])) = &self.joint {
            let mut product = DMatrix::zeros(d, d);
            T::multiply(u.in_frame()?, v.in_frame()?, &mut product);
            let both = &product + product.transpose();
            sum.zip_apply(&both, |sum, b| *sum += *factor * b);
        }
        Ok(sum)
    }
}
