//! Full Hessians: by third moments, by blocks of the n×n form, or by products.

mod pairs;
mod route;
mod square;
mod tensor;

pub(super) use pairs::for_each_slice;
pub(super) use route::{Quantity, Route};
pub(super) use square::Square;
pub(crate) use tensor::ThirdMoment;

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::scalar::{Scalar, real};

/// The Hessian by d products.
pub(super) fn by_products<T: Scalar>(
    d: usize,
    product: impl Fn(&DVector<T>) -> Result<DVector<T>, Error>,
) -> Result<DMatrix<T>, Error> {
    let mut hessian = DMatrix::zeros(d, d);
    for j in 0..d {
        let mut unit = DVector::zeros(d);
        unit[j] = T::one();
        hessian.set_column(j, &product(&unit)?);
    }
    // Equal up to rounding; solvers rely on its being exact.
    Ok((&hessian + hessian.transpose()) * real::<T>(0.5))
}
