//! Geometry where the Gram matrix A_xᵀA_x is sparse itself.
//!
//! No d×d matrix is made. Moments are kept on the pattern of M = A_xᵀA_x, and
//!
//! ```text
//! q_iᵀq_i = a_iᵀM⁻¹a_i / s_i²,   q_iᵀUq_i = a_iᵀ M⁻¹UM⁻¹ a_i / s_i²,
//! q_iᵀ(UV + VU)q_i = a_iᵀ M⁻¹(UM⁻¹V + VM⁻¹U)M⁻¹ a_i / s_i²
//! ```
//!
//! take of M⁻¹, and of its first and second derivative along U and V, the entries on
//! that pattern alone.

use super::moment::Form;
use crate::error::Error;
use crate::linalg::{GramPattern, SparseFactor};
use crate::scalar::Scalar;

/// The Gram matrix on its pattern, and its factor.
#[derive(Debug)]
pub(super) struct Selected<T: Scalar> {
    pub(super) pattern: GramPattern,
    pub(super) factor: SparseFactor<T>,
}

impl<T: Scalar> Selected<T> {
    /// A form on the pattern, as rows of A_x meet it.
    pub(super) fn form(&self, form: &Form<'_, T>) -> Result<Vec<T>, Error> {
        let mut all = vec![T::zero(); self.pattern.nnz()];
        for (factor, moment) in &form.moments {
            let both = all.iter_mut().zip(moment.on_pattern()?);
            both.for_each(|(all, &u)| *all += *factor * u);
        }
        let Some((factor, [u, v])) = &form.joint else {
            return Ok(self.factor.first(&all));
        };
        // f(UV + VU) + W in one go, as f times (UV + VU) + W/f.
        all.iter_mut().for_each(|w| *w /= *factor);
        let (u, v) = (u.on_pattern()?, v.on_pattern()?);
        let mut both = self.factor.second(u, v, &all);
        both.iter_mut().for_each(|form| *form *= *factor);
        Ok(both)
    }
}

/// A design that calls itself sparse and hands out dense rows.
pub(super) fn not_sparse(rows: usize) -> Error {
    Error::Shape {
        what: "block of a sparse design",
        unit: "sparse rows",
        expected: rows,
        found: 0,
    }
}
