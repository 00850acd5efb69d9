//! Regressions on public data.

use nalgebra::{DMatrix, DVector};
use num_dual::{Dual64, DualNum, HyperDual64};

use super::data::{MISRA1A, MISRA1A_SQUARES, O_RINGS, RAT42, RAT42_SQUARES, STACK_LOSS};
use super::{known, solved};
use crate::compare::Task;
use crate::error::Error;
use crate::geometry::Model;
use crate::linalg::Design;
use crate::objective::{
    GradientInversion, HasHessian, HasHessianProduct, HasJacobian, Objective, RowCurvature,
    ScoreInversion,
};

type V = DVector<f64>;

/// The stack loss data's scores and gradient, a logistic regression, two of NIST's
/// nonlinear ones.
pub(super) fn tasks() -> Result<Vec<Task>, Error> {
    let (model, fit) = stack_loss()?;
    let at = model.at(&fit)?;
    let (scores, gradient) = (at.scores()?.clone(), at.score_gradient()?);
    let start = &fit * 1.01;
    let stack = |what: &str| format!("stackloss {what}");
    Ok(vec![
        known(
            stack("scores"),
            ScoreInversion::new(&model, scores)?,
            start.clone(),
            0.0,
        )?,
        known(
            stack("gradient"),
            GradientInversion::new(&model, gradient)?.in_cell_of(&start)?,
            start,
            0.0,
        )?,
        solved("o-rings logistic".into(), Logistic::o_rings(), V::zeros(3))?,
        known(
            "misra1a".into(),
            Curve(Misra1a),
            DVector::from_vec(vec![500.0, 1e-4]),
            0.5 * MISRA1A_SQUARES,
        )?,
        known(
            "rat42".into(),
            Curve(Rat42),
            DVector::from_vec(vec![100.0, 1.0, 0.1]),
            0.5 * RAT42_SQUARES,
        )?,
    ]
    .into_iter()
    .map(|task| task.family("regression"))
    .collect())
}

/// A with a column of ones, the response, and least squares' coefficients moved
/// off it a little: at the fit itself nothing is special.
fn stack_loss() -> Result<(Model<f64>, V), Error> {
    let a = DMatrix::from_fn(
        21,
        4,
        |i, j| if j == 0 { 1.0 } else { STACK_LOSS[i][j - 1] },
    );
    let b = DVector::from_fn(21, |i, _| STACK_LOSS[i][3]);
    let normal = a.tr_mul(&a).cholesky().ok_or(Error::Singular {
        what: "Gram matrix",
    })?;
    let fit = normal.solve(&a.tr_mul(&b));
    Ok((Model::new(a, b)?, fit.map(|v| v * 0.97)))
}

/// Σ log(1 + exp(zᵢ)) − yᵢzᵢ + ½·10⁻³‖x‖², z = Ax.
struct Logistic {
    a: Design<f64>,
    dense: DMatrix<f64>,
    y: V,
}

impl Logistic {
    /// Of a small ridge: without it the minimum may lie at infinity.
    const RIDGE: f64 = 1e-3;

    fn o_rings() -> Self {
        let dense = DMatrix::from_fn(23, 3, |i, j| {
            let (temperature, pressure, _) = O_RINGS[i];
            [1.0, (temperature - 70.0) / 10.0, pressure / 100.0][j]
        });
        Logistic {
            a: Design::from(&dense),
            y: DVector::from_fn(23, |i, _| O_RINGS[i].2),
            dense,
        }
    }

    fn curvature(&self, x: &V) -> V {
        (&self.dense * x).map(|z| 0.5 / (1.0 + z.cosh()))
    }
}

impl Objective<f64> for Logistic {
    fn dim(&self) -> usize {
        self.dense.ncols()
    }

    fn value(&self, x: &V) -> Result<f64, Error> {
        let z = &self.dense * x;
        // log(1 + eᶻ) without overflow.
        let loss = z.zip_map(&self.y, |z, y| {
            z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z
        });
        Ok(loss.sum() + 0.5 * Self::RIDGE * x.norm_squared())
    }

    fn gradient(&self, x: &V) -> Result<V, Error> {
        let z = &self.dense * x;
        let r = z.zip_map(&self.y, |z, y| 1.0 / (1.0 + (-z).exp()) - y);
        Ok(self.dense.tr_mul(&r) + x * Self::RIDGE)
    }

    fn row_curvature(&self, x: &V) -> Result<Option<RowCurvature<f64>>, Error> {
        Ok(Some(RowCurvature {
            design: self.a.clone(),
            diagonal: self.curvature(x),
        }))
    }
}

impl HasHessian<f64> for Logistic {
    fn hessian(&self, x: &V) -> Result<DMatrix<f64>, Error> {
        let weights = DMatrix::from_diagonal(&self.curvature(x));
        let d = self.dim();
        Ok(self.dense.tr_mul(&(weights * &self.dense)) + DMatrix::identity(d, d) * Self::RIDGE)
    }
}

/// A nonlinear model of one variable, in any arithmetic.
trait Formula: Send + Sync {
    const PARAMETERS: usize;

    /// (response, variable) of each observation.
    fn data(&self) -> &[(f64, f64)];

    fn at<T: DualNum<f64> + Copy>(b: &[T], x: f64) -> T;
}

struct Misra1a;

impl Formula for Misra1a {
    const PARAMETERS: usize = 2;

    fn data(&self) -> &[(f64, f64)] {
        &MISRA1A
    }

    fn at<T: DualNum<f64> + Copy>(b: &[T], y: f64) -> T {
        b[0] * (-(-b[1] * y).exp() + 1.0)
    }
}

struct Rat42;

impl Formula for Rat42 {
    const PARAMETERS: usize = 3;

    fn data(&self) -> &[(f64, f64)] {
        &RAT42
    }

    fn at<T: DualNum<f64> + Copy>(b: &[T], x: f64) -> T {
        b[0] / ((b[1] - b[2] * x).exp() + 1.0)
    }
}

/// ½‖y − formula‖², differentiated by dual numbers.
struct Curve<F>(F);

impl<F: Formula> Curve<F> {
    fn residuals(&self, b: &V) -> V {
        let r = self
            .0
            .data()
            .iter()
            .map(|&(y, x)| F::at(b.as_slice(), x) - y);
        DVector::from_iterator(self.0.data().len(), r)
    }

    fn slopes(&self, b: &V) -> DMatrix<f64> {
        DMatrix::from_fn(self.0.data().len(), F::PARAMETERS, |i, j| {
            let seeded: Vec<Dual64> = (0..F::PARAMETERS)
                .map(|k| Dual64::new(b[k], f64::from(u8::from(k == j))))
                .collect();
            F::at(&seeded, self.0.data()[i].1).eps
        })
    }
}

impl<F: Formula> Objective<f64> for Curve<F> {
    fn dim(&self) -> usize {
        F::PARAMETERS
    }

    fn value(&self, b: &V) -> Result<f64, Error> {
        let value = 0.5 * self.residuals(b).norm_squared();
        // A trial so far out that the exponential overflows.
        Ok(if value.is_finite() {
            value
        } else {
            f64::INFINITY
        })
    }

    fn gradient(&self, b: &V) -> Result<V, Error> {
        Ok(self.slopes(b).tr_mul(&self.residuals(b)))
    }
}

impl<F: Formula> HasHessian<f64> for Curve<F> {
    fn hessian(&self, b: &V) -> Result<DMatrix<f64>, Error> {
        let (slopes, r) = (self.slopes(b), self.residuals(b));
        let mut hessian = slopes.tr_mul(&slopes);
        for j in 0..F::PARAMETERS {
            for k in 0..F::PARAMETERS {
                let one = |on: bool| f64::from(u8::from(on));
                let seeded: Vec<HyperDual64> = (0..F::PARAMETERS)
                    .map(|l| HyperDual64::new(b[l], one(l == j), one(l == k), 0.0))
                    .collect();
                let second = |x: f64| F::at(&seeded, x).eps1eps2;
                let terms = self.0.data().iter().zip(r.iter());
                hessian[(j, k)] += terms.map(|(&(_, x), r)| r * second(x)).sum::<f64>();
            }
        }
        Ok(hessian)
    }
}

impl<F: Formula> HasHessianProduct<f64> for Curve<F> {
    fn hessian_product(&self, b: &V, h: &V) -> Result<V, Error> {
        Ok(self.hessian(b)? * h)
    }
}

impl<F: Formula> HasJacobian<f64> for Curve<F> {
    fn residual(&self, b: &V) -> Result<V, Error> {
        Ok(self.residuals(b))
    }

    fn jacobian(&self, b: &V) -> Result<DMatrix<f64>, Error> {
        Ok(self.slopes(b))
    }
}

impl HasHessianProduct<f64> for Logistic {
    fn hessian_product(&self, x: &V, h: &V) -> Result<V, Error> {
        Ok(self.hessian(x)? * h)
    }
}

impl HasJacobian<f64> for Logistic {
    fn residual(&self, _: &V) -> Result<V, Error> {
        Err(Error::NotOffered { what: "residual" })
    }

    fn jacobian(&self, _: &V) -> Result<DMatrix<f64>, Error> {
        Err(Error::NotOffered { what: "Jacobian" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST certifies the parameters to eleven digits; the data were typed here.
    #[test]
    fn certified_parameters_have_the_certified_sum_of_squares() {
        let misra = DVector::from_vec(vec![2.389_421_291_8e2, 5.501_564_318_1e-4]);
        let rat = DVector::from_vec(vec![7.246_223_757_6e1, 2.618_076_840_2, 6.735_920_006_6e-2]);
        for (value, gradient, squares) in [
            (
                Curve(Misra1a).value(&misra).unwrap(),
                Curve(Misra1a).gradient(&misra).unwrap(),
                MISRA1A_SQUARES,
            ),
            (
                Curve(Rat42).value(&rat).unwrap(),
                Curve(Rat42).gradient(&rat).unwrap(),
                RAT42_SQUARES,
            ),
        ] {
            assert!((2.0 * value / squares - 1.0).abs() < 1e-9, "{value}");
            assert!(gradient.norm() < 1e-2, "{gradient}");
        }
    }
}
