//! From noise in a target to the covariance of what is recovered from it.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::{Geometry, Model};
use crate::linalg::{BlockWalk, Design, Factor, Factorisation};
use crate::objective::{HasHessian, VolumetricBarrier, score_jacobian};
use crate::recover::noise::Noise;
use crate::recover::noise::whitening::Whitening;
use crate::scalar::{Scalar, real};

/// How far noise in a target spreads the x that is recovered from it, to first
/// order.
#[derive(Debug, Clone)]
pub struct Spread<T: Scalar> {
    /// Covariance of the recovered x, d×d.
    pub covariance: DMatrix<T>,
    /// ω = max_i sd(a_iᵀδx)/|s_i|: how far x spreads beside its distance to the
    /// hyperplane where it spreads farthest. First order holds while ω is small:
    /// [`TRUSTED_SCORES`](crate::recover::TRUSTED_SCORES),
    /// [`TRUSTED_GRADIENT`](crate::recover::TRUSTED_GRADIENT).
    pub omega: T,
}

impl<T: Scalar> Spread<T> {
    /// Standard deviation of each coefficient.
    pub fn deviations(&self) -> DVector<T> {
        self.covariance.diagonal().map(|v| v.max(T::zero()).sqrt())
    }

    /// Half-widths of intervals that reach so many standard deviations.
    pub(crate) fn half_widths(&self, quantile: f64) -> DVector<T> {
        self.deviations() * real::<T>(quantile)
    }

    /// Standard deviation of aᵀx for each row a of a matrix with d columns: of
    /// predictions.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of columns.
    pub fn of_predictions(&self, rows: &DMatrix<T>) -> Result<DVector<T>, Error> {
        let (expected, found) = (self.covariance.nrows(), rows.ncols());
        if expected != found {
            return Err(Error::Shape {
                what: "prediction rows",
                unit: "columns",
                expected,
                found,
            });
        }
        let image = rows * &self.covariance;
        let square = |i: usize| image.row(i).dot(&rows.row(i));
        Ok(DVector::from_fn(rows.nrows(), |i, _| {
            square(i).max(T::zero()).sqrt()
        }))
    }

    /// From a factor of the whitened Jacobian W J, for which cov x = (JᵀC⁺J)⁻¹.
    fn of_factor(factor: &Factor<T>, at: &Geometry<T>, model: &Model<T>) -> Result<Self, Error> {
        let inverse = factor.inverse();
        let covariance = &inverse * inverse.transpose();
        let spread = model.design().map_blocks(|rows, _, out| {
            let image = &*rows * &inverse;
            for (out, row) in out.iter_mut().zip(image.row_iter()) {
                *out = row.norm();
            }
        })?;
        let ratio = spread.zip_map(at.slack(), |sd, s| sd / s.abs());
        // The largest, and NaN where there is one: `max` would pass over it.
        let omega = ratio
            .iter()
            .fold(T::zero(), |m, &r| if r <= m { m } else { r });
        Ok(Spread { covariance, omega })
    }
}

/// Covariance of the x that scores with this noise give, when the point is x:
///
/// ```text
/// cov x = (JᵀC⁺J)⁻¹,  J = ∂σ/∂x = −2ΛA_x                                       (N1)
/// ```
///
/// that of the weighted least-squares estimate, the least that any linear one
/// has. C is the covariance of the noise, to which the scores at x give its
/// units where it is one of digits.
///
/// # Complexity
/// O(nd³); memory O(nd).
///
/// # Errors
/// Those of [`Model::at`](crate::Model::at) and [`Noise::deviations`];
/// [`Error::Singular`] where the scores do not determine x to first order: b in
/// the column space of A, a row of leverage 1, n ≤ d.
///
/// ```
/// use levinv::{Model, recover::{Noise, score_covariance}};
/// use nalgebra::{DMatrix, DVector, dvector};
///
/// let a = DMatrix::from_fn(12, 2, |i, j| if j == 0 { 1.0 } else { (i * i % 7) as f64 });
/// let b = DVector::from_fn(12, |i, _| (i * 5 % 11) as f64 - 4.3);
/// let model = Model::new(a, b)?;
/// let x = dvector![0.7, -1.9];
/// let three = score_covariance(&model, &x, &Noise::decimals(3)?)?;
/// let six = score_covariance(&model, &x, &Noise::decimals(6)?)?;
/// let ratio: f64 = three.deviations()[0] / six.deviations()[0];
/// assert!((ratio - 1e3).abs() < 1e-6);
/// # Ok::<(), levinv::Error>(())
/// ```
pub fn score_covariance<T: Scalar>(
    model: &Model<T>,
    x: &DVector<T>,
    noise: &Noise<T>,
) -> Result<Spread<T>, Error> {
    let at = model.at(x)?;
    let reading = noise.read_scores(at.scores()?)?;
    score_spread(model, x, &noise.whitening(&reading, true)?)
}

/// The same with a whitening at hand.
pub(crate) fn score_spread<T: Scalar>(
    model: &Model<T>,
    x: &DVector<T>,
    whitening: &Whitening<T>,
) -> Result<Spread<T>, Error> {
    let at = model.at(x)?;
    let factor = whitened(&score_jacobian(&at)?, whitening)?;
    Spread::of_factor(&factor, &at, model)
}

/// Covariance of the x that a gradient with this noise gives, when the point
/// is x:
///
/// ```text
/// cov x = H_V⁻¹ C H_V⁻¹                                                        (N2)
/// ```
///
/// # Complexity
/// O(nd³); memory O(nd).
///
/// # Errors
/// As [`score_covariance`].
///
/// ```
/// use levinv::{Model, recover::{Noise, gradient_covariance}};
/// use nalgebra::{dmatrix, dvector};
///
/// // V = −ln s on s = x > 0, so that g = −1/x and dx = x² dg.
/// let model = Model::new(dmatrix![1.0], dvector![0.0])?;
/// let spread = gradient_covariance(&model, &dvector![2.0], &Noise::standard_deviation(0.01)?)?;
/// assert!((spread.deviations()[0] - 0.04f64).abs() < 1e-15);
/// # Ok::<(), levinv::Error>(())
/// ```
pub fn gradient_covariance<T: Scalar>(
    model: &Model<T>,
    x: &DVector<T>,
    noise: &Noise<T>,
) -> Result<Spread<T>, Error> {
    let at = model.at(x)?;
    let gradient = at.score_gradient()?; // (V2)
    let reading = noise.read_gradient(&gradient)?;
    gradient_spread(model, x, &noise.whitening(&reading, false)?)
}

/// The same with a whitening at hand.
pub(crate) fn gradient_spread<T: Scalar>(
    model: &Model<T>,
    x: &DVector<T>,
    whitening: &Whitening<T>,
) -> Result<Spread<T>, Error> {
    let hessian = VolumetricBarrier::new(model).hessian(x)?;
    let factor = whitened(&hessian, whitening)?;
    Spread::of_factor(&factor, &*model.at(x)?, model)
}

/// QR of W J, of full rank.
fn whitened<T: Scalar>(
    jacobian: &DMatrix<T>,
    whitening: &Whitening<T>,
) -> Result<Factor<T>, Error> {
    let what = "Jacobian of the target, weighted by its noise,";
    let rows = whitening.apply_to_rows(jacobian);
    let (n, d) = rows.shape();
    if n < d || rows.iter().any(|v| !v.is_finite()) {
        return Err(Error::Singular { what });
    }
    let ones = DVector::from_element(n, T::one());
    let factor = Factor::new(&Design::from(rows), &ones, Factorisation::Qr)?;
    if factor.dependent_columns(n).is_empty() {
        Ok(factor)
    } else {
        Err(Error::Singular { what })
    }
}
