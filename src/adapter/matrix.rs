//! The matrix type that argmin's dense second-order solvers compile with.

use argmin::core::Error;
use argmin_math::{
    ArgminAdd, ArgminDot, ArgminEye, ArgminInv, ArgminMul, ArgminSub, ArgminTranspose,
};
use nalgebra::{Cholesky, DMatrix, DVector, Dyn, FullPivLU};

use crate::error::Error as LevinvError;
use crate::scalar::Scalar;

/// A dense matrix with everything argmin asks of a Hessian, an inverse Hessian
/// and a Jacobian.
///
/// argmin-math gives nalgebra's own matrices no outer product of two vectors,
/// without which BFGS, DFP and SR1 do not compile, and makes Newton invert.
/// Here `inv()` factorises (Cholesky where the matrix is positive definite, LU
/// with full pivoting otherwise) and the result solves when multiplied.
///
/// ```
/// use argmin_math::{ArgminDot, ArgminInv};
/// use levinv::adapter::Mat;
/// use nalgebra::{DVector, dmatrix, dvector};
///
/// let h = Mat::from(dmatrix![4.0, 0.0; 0.0, -2.0]);
/// let step: DVector<f64> = h.inv()?.dot(&dvector![4.0, 4.0]);
/// assert_eq!(step, dvector![1.0, -2.0]);
/// # Ok::<(), argmin::core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Mat<T: Scalar>(Form<T>);

#[derive(Debug, Clone)]
enum Form<T: Scalar> {
    Matrix(DMatrix<T>),
    /// The inverse of a positive definite matrix.
    Cholesky(Cholesky<T, Dyn>),
    /// The inverse of an indefinite one.
    Lu(Box<FullPivLU<T, Dyn, Dyn>>),
}

impl<T: Scalar> From<DMatrix<T>> for Mat<T> {
    fn from(matrix: DMatrix<T>) -> Self {
        Mat(Form::Matrix(matrix))
    }
}

impl<T: Scalar> Mat<T> {
    /// The entries; of an inverse, solved for column by column.
    pub fn to_matrix(&self) -> DMatrix<T> {
        match &self.0 {
            Form::Matrix(m) => m.clone(),
            Form::Cholesky(c) => c.inverse(),
            Form::Lu(lu) => {
                let d = lu.lu_internal().nrows();
                self.times(&DMatrix::identity(d, d))
            }
        }
    }

    fn times(&self, right: &DMatrix<T>) -> DMatrix<T> {
        match &self.0 {
            Form::Matrix(m) => m * right,
            Form::Cholesky(c) => c.solve(right),
            // `inv` refused the singular ones.
            Form::Lu(lu) => lu.solve(right).unwrap_or_else(|| right.clone()),
        }
    }

    fn entrywise(&self, other: &Self, join: impl Fn(T, T) -> T) -> Self {
        Mat::from(self.to_matrix().zip_map(&other.to_matrix(), join))
    }
}

impl<T: Scalar> ArgminDot<DVector<T>, DVector<T>> for Mat<T> {
    fn dot(&self, v: &DVector<T>) -> DVector<T> {
        match &self.0 {
            Form::Matrix(m) => m * v,
            Form::Cholesky(c) => c.solve(v),
            Form::Lu(lu) => lu.solve(v).unwrap_or_else(|| v.clone()),
        }
    }
}

impl<T: Scalar> ArgminDot<Mat<T>, Mat<T>> for Mat<T> {
    fn dot(&self, other: &Mat<T>) -> Mat<T> {
        Mat::from(self.times(&other.to_matrix()))
    }
}

/// The outer product that nalgebra's vectors lack in argmin-math.
impl<T: Scalar> ArgminDot<DVector<T>, Mat<T>> for DVector<T> {
    fn dot(&self, other: &DVector<T>) -> Mat<T> {
        Mat::from(self * other.transpose())
    }
}

impl<T: Scalar> ArgminAdd<Mat<T>, Mat<T>> for Mat<T> {
    fn add(&self, other: &Mat<T>) -> Mat<T> {
        self.entrywise(other, |a, b| a + b)
    }
}

impl<T: Scalar> ArgminSub<Mat<T>, Mat<T>> for Mat<T> {
    fn sub(&self, other: &Mat<T>) -> Mat<T> {
        self.entrywise(other, |a, b| a - b)
    }
}

impl<T: Scalar> ArgminMul<T, Mat<T>> for Mat<T> {
    fn mul(&self, factor: &T) -> Mat<T> {
        Mat::from(self.to_matrix() * *factor)
    }
}

impl<T: Scalar> ArgminTranspose<Mat<T>> for Mat<T> {
    fn t(self) -> Mat<T> {
        Mat::from(self.to_matrix().transpose())
    }
}

impl<T: Scalar> ArgminEye for Mat<T> {
    fn eye(n: usize) -> Self {
        Mat::from(DMatrix::identity(n, n))
    }

    fn eye_like(&self) -> Self {
        Self::eye(self.to_matrix().nrows())
    }
}

impl<T: Scalar> ArgminInv<Mat<T>> for Mat<T> {
    fn inv(&self) -> Result<Mat<T>, Error> {
        let singular = || Error::from(LevinvError::Singular { what: "Hessian" });
        let matrix = match &self.0 {
            Form::Matrix(m) => m,
            // The inverse of an inverse is not asked for by any solver.
            _ => &self.to_matrix(),
        };
        if !matrix.is_square() || matrix.iter().any(|v| !v.is_finite()) {
            return Err(singular());
        }
        // Cholesky reads one triangle: it must speak for the other.
        let symmetric = matrix == &matrix.transpose();
        if let Some(cholesky) = symmetric.then(|| Cholesky::new(matrix.clone())).flatten() {
            return Ok(Mat(Form::Cholesky(cholesky)));
        }
        let lu = FullPivLU::new(matrix.clone());
        if lu.is_invertible() {
            Ok(Mat(Form::Lu(Box::new(lu))))
        } else {
            Err(singular())
        }
    }
}
