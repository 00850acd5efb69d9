//! An objective made of closures.

use nalgebra::{DMatrix, DVector};

use super::{HasHessian, Objective};
use crate::error::Error;
use crate::scalar::Scalar;

/// Plain functions as an [`Objective`], for what is not worth a type.
///
/// ```
/// use levinv::{Functions, verify::Verification};
/// use nalgebra::{DVector, dmatrix, dvector};
///
/// // x² y, its gradient and its Hessian.
/// let f = Functions::new(
///     2,
///     |x: &DVector<f64>| x[0] * x[0] * x[1],
///     |x: &DVector<f64>| dvector![2.0 * x[0] * x[1], x[0] * x[0]],
/// )
/// .with_hessian(|x: &DVector<f64>| dmatrix![2.0 * x[1], 2.0 * x[0]; 2.0 * x[0], 0.0]);
/// Verification::of(&f).hessian().at(&dvector![0.7, -0.4]).run()?.assert_passed();
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Functions<F, G, H = ()> {
    dim: usize,
    value: F,
    gradient: G,
    hessian: H,
}

impl<F, G> Functions<F, G> {
    /// A value and a gradient of d parameters.
    pub fn new(dim: usize, value: F, gradient: G) -> Self {
        Functions {
            dim,
            value,
            gradient,
            hessian: (),
        }
    }

    /// And a Hessian.
    pub fn with_hessian<H>(self, hessian: H) -> Functions<F, G, H> {
        Functions {
            dim: self.dim,
            value: self.value,
            gradient: self.gradient,
            hessian,
        }
    }
}

impl<T, F, G, H> Objective<T> for Functions<F, G, H>
where
    T: Scalar,
    F: Fn(&DVector<T>) -> T,
    G: Fn(&DVector<T>) -> DVector<T>,
{
    fn dim(&self) -> usize {
        self.dim
    }

    fn value(&self, x: &DVector<T>) -> Result<T, Error> {
        Ok((self.value)(x))
    }

    fn gradient(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        Ok((self.gradient)(x))
    }
}

impl<T, F, G, H> HasHessian<T> for Functions<F, G, H>
where
    T: Scalar,
    F: Fn(&DVector<T>) -> T,
    G: Fn(&DVector<T>) -> DVector<T>,
    H: Fn(&DVector<T>) -> DMatrix<T>,
{
    fn hessian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error> {
        Ok((self.hessian)(x))
    }
}
