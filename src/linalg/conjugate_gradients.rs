//! Conjugate gradients, preconditioned.

use nalgebra::DVector;

use crate::error::Error;
use crate::scalar::Scalar;

/// An approximate solution of H x = b, and how it came about.
pub(crate) struct Solved<T: Scalar> {
    pub(crate) x: DVector<T>,
    /// Products with H.
    pub(crate) products: usize,
    /// Whether it ended at a direction along which H has no positive curvature;
    /// x lies before it.
    pub(crate) bent: bool,
}

/// Solves H x = b from x = 0 until the residual is this part of b, both in the
/// norm that the preconditioner's inverse defines, or for so many products.
pub(crate) fn conjugate_gradients<T: Scalar>(
    b: DVector<T>,
    (accuracy, limit): (T, usize),
    precondition: impl Fn(&DVector<T>) -> DVector<T>,
    mut product: impl FnMut(&DVector<T>) -> Result<DVector<T>, Error>,
) -> Result<Solved<T>, Error> {
    let mut x = DVector::zeros(b.len());
    let mut residual = b;
    let mut z = precondition(&residual);
    let mut rz = residual.dot(&z);
    let goal = rz * accuracy * accuracy;
    let mut direction = z.clone();
    let mut products = 0;
    let mut bent = false;
    while products < limit && rz > goal {
        let image = product(&direction)?;
        products += 1;
        let curvature = direction.dot(&image);
        let t = rz / curvature;
        // A curvature that underflows is none either.
        bent = !(curvature > T::zero()) || !t.is_finite();
        if bent {
            break;
        }
        x.axpy(t, &direction, T::one());
        residual.axpy(-t, &image, T::one());
        z = precondition(&residual);
        let next = residual.dot(&z);
        direction = &z + &direction * (next / rz);
        rz = next;
    }
    Ok(Solved { x, products, bent })
}
