//! Errors in units of what they are errors of.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::Model;
use crate::linalg::{Factor, Factorisation, least_squares};
use crate::recover::Spread;
use crate::scalar::epsilon;

/// How far an attacker is off, in the units of [the module](super).
#[derive(Debug, Clone, PartialEq)]
pub struct Errors {
    /// Of each coefficient, relative to its size.
    pub coefficients: DVector<f64>,
    /// Root mean square of these.
    pub overall: f64,
    /// Root mean square over the rows of A δx, relative to that of the slacks.
    pub predictions: f64,
}

impl Errors {
    fn new(coefficients: DVector<f64>, predictions: f64) -> Self {
        let overall = rms(coefficients.iter().copied());
        Errors {
            coefficients,
            overall,
            predictions,
        }
    }

    /// Every coefficient, overall, predictions: d + 2 numbers.
    pub fn all(&self) -> impl Iterator<Item = f64> + '_ {
        let rest = [self.overall, self.predictions];
        self.coefficients.iter().copied().chain(rest)
    }

    /// From d + 2 numbers in that order.
    pub(super) fn of_all(all: &[f64]) -> Option<Self> {
        let [coefficients @ .., overall, predictions] = all else {
            return None;
        };
        Some(Errors {
            coefficients: DVector::from_column_slice(coefficients),
            overall: *overall,
            predictions: *predictions,
        })
    }

    /// The smaller of each.
    pub(super) fn least(&self, other: &Self) -> Option<Self> {
        let both: Vec<f64> = self.all().zip(other.all()).map(|(a, b)| a.min(b)).collect();
        Errors::of_all(&both)
    }

    /// The smallest error among the chosen coefficients and, if chosen, of the
    /// predictions; none where nothing is chosen.
    pub(super) fn smallest(&self, of: &Chosen) -> Option<f64> {
        let chosen = of.coefficients.iter().map(|&j| self.coefficients[j]);
        chosen
            .chain(of.predictions.then_some(self.predictions))
            .reduce(f64::min)
    }
}

/// What a verdict is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chosen {
    pub(super) coefficients: Vec<usize>,
    pub(super) predictions: bool,
}

/// What anybody has without the publication: the fit of b on A.
#[derive(Debug, Clone)]
pub struct LeastSquares {
    /// Its coefficients.
    pub x: DVector<f64>,
    /// How far they are from the secret ones.
    pub errors: Errors,
    /// Their standard errors, relative in the same units; none with n = d.
    pub standard_errors: Option<DVector<f64>>,
}

/// The secret, and the units of its errors.
#[derive(Debug, Clone)]
pub(super) struct Scales {
    x: DVector<f64>,
    /// Of each coefficient.
    units: DVector<f64>,
    /// R of A, for the rows of A δx.
    r: DMatrix<f64>,
    /// rms(s)·√n.
    slack: f64,
}

impl Scales {
    /// Scales at x, and the fit of least squares measured by them. O(nd²).
    pub(super) fn new(model: &Model<f64>, x: &DVector<f64>) -> Result<(Self, LeastSquares), Error> {
        let (n, d) = (model.nrows(), model.dim());
        let ones = DVector::from_element(n, 1.0);
        let factor = Factor::new(model.design(), &ones, Factorisation::Qr)?;
        let r = factor.unpermuted();
        let slack = model.slack(x)?.norm();
        let unit = |j: usize| match x[j].abs() {
            0.0 => slack / r.column(j).norm(),
            size => size,
        };
        let scales = Scales {
            x: x.clone(),
            units: DVector::from_fn(d, |j, _| unit(j)),
            r,
            slack,
        };
        let fit = least_squares(model.design(), &ones, model.rhs(), epsilon())?.x;
        let standard_errors = if n > d {
            let deviation = model.slack(&fit)?.norm() / ((n - d) as f64).sqrt();
            let inverse = factor.inverse();
            let rows = inverse.row_iter().zip(scales.units.iter());
            let relative = rows.map(|(row, unit)| deviation * row.norm() / unit);
            Some(DVector::from_iterator(d, relative))
        } else {
            None
        };
        let least_squares = LeastSquares {
            errors: scales.errors(&fit),
            x: fit,
            standard_errors,
        };
        Ok((scales, least_squares))
    }

    /// Of one answer.
    pub(super) fn errors(&self, found: &DVector<f64>) -> Errors {
        let off = found - &self.x;
        let predictions = (&self.r * &off).norm() / self.slack;
        Errors::new(off.abs().component_div(&self.units), predictions)
    }

    /// Root mean squares to first order.
    pub(super) fn predicted(&self, spread: &Spread<f64>) -> Errors {
        let deviations = spread.deviations().component_div(&self.units);
        // Σ_i a_iᵀ C a_i = tr(R C Rᵀ).
        let image = &self.r * &spread.covariance;
        let squares: f64 = image.component_mul(&self.r).sum();
        Errors::new(deviations, squares.max(0.0).sqrt() / self.slack)
    }
}

fn rms(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    (values.map(|v| v * v).sum::<f64>() / count).sqrt()
}
