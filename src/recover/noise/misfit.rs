//! The misfit of scores, weighted by their noise, and the point where it is
//! least.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::{Geometry, Model, Signs};
use crate::objective::{HasJacobian, Objective, ScoreInversion};
use crate::recover::noise::Reading;
use crate::recover::noise::whitening::Whitening;
use crate::scalar::{Scalar, real};
use crate::solver::{LevenbergMarquardt, minimise};

/// Steps of a fit: from the linear start five to ten are usual, and where the
/// misfit does not vanish the last of them only polish digits below the noise.
const STEPS: usize = 60;

/// ½‖W(σ(x) − τ̂)‖² with WᵀW = C⁺, rows without a value left out. (N1)
///
/// Metric, domain and largest steps are those of [`ScoreInversion`], of which
/// this is the weighted kind.
pub(crate) struct Misfit<'a, T: Scalar> {
    plain: ScoreInversion<T>,
    reading: &'a Reading<T>,
    whitening: &'a Whitening<T>,
}

impl<'a, T: Scalar> Misfit<'a, T> {
    /// In the cell with these signs, or wherever no slack is zero.
    pub(crate) fn new(
        model: &Model<T>,
        reading: &'a Reading<T>,
        whitening: &'a Whitening<T>,
        signs: Option<&Signs>,
    ) -> Result<Self, Error> {
        // Only its domain and metric are asked for, so that any target does.
        let mut plain = ScoreInversion::new(model, DVector::zeros(model.nrows()))?;
        if let Some(signs) = signs {
            plain = plain.in_cell(signs.clone())?;
        }
        Ok(Misfit {
            plain,
            reading,
            whitening,
        })
    }

    fn whitened(&self, at: &Geometry<T>) -> Result<DVector<T>, Error> {
        let known = &self.reading.known;
        let scores = at.scores()?;
        let gap = DVector::from_fn(known.len(), |i, _| {
            if known[i] {
                scores[i] - self.reading.values[i]
            } else {
                T::zero()
            }
        });
        Ok(self.whitening.apply(&gap))
    }

    /// See [`Fit::tested`].
    fn tested(&self, at: &Geometry<T>) -> Result<T, Error> {
        let half = real::<T>(3.0).sqrt();
        let mut whitened = self.whitened(at)?;
        for (v, &interval) in whitened.iter_mut().zip(&self.reading.is_interval) {
            // In units of its deviation an interval reaches √3 to either side.
            if interval {
                *v = (v.abs() - half).max(T::zero());
            }
        }
        Ok(whitened.norm_squared())
    }

    /// Degrees of freedom of [`Fit::tested`].
    fn degrees(&self) -> usize {
        let intervals = self.reading.is_interval.iter().filter(|i| **i).count();
        let rows = self.whitening.rank().saturating_sub(intervals);
        rows.saturating_sub(self.plain.dim())
    }
}

impl<T: Scalar> Objective<T> for Misfit<'_, T> {
    fn dim(&self) -> usize {
        self.plain.dim()
    }

    fn value(&self, x: &DVector<T>) -> Result<T, Error> {
        // +∞ outside the domain, as the plain misfit is.
        let plain = self.plain.value(x)?;
        if !plain.is_finite() {
            return Ok(plain);
        }
        let at = self.plain.model().at(x)?;
        Ok(self.whitened(&at)?.norm_squared() * real(0.5))
    }

    fn gradient(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        self.plain.gradient(x)?;
        let at = self.plain.model().at(x)?;
        let v = self.whitening.apply_transposed(&self.whitened(&at)?);
        Ok(at.apply_transposed(&at.laplacian(&v)?)? * real::<T>(-2.0)) // (D2)
    }

    fn largest_step(&self, x: &DVector<T>, step: &DVector<T>) -> Result<Option<T>, Error> {
        self.plain.largest_step(x, step)
    }

    fn metric(&self, x: &DVector<T>) -> Result<Option<DMatrix<T>>, Error> {
        self.plain.metric(x)
    }
}

impl<T: Scalar> HasJacobian<T> for Misfit<'_, T> {
    fn residual(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        self.whitened(&*self.plain.model().at(x)?)
    }

    fn jacobian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error> {
        Ok(self.whitening.apply_to_rows(&self.plain.jacobian(x)?))
    }
}

/// Where the misfit is least, near a start.
#[derive(Debug, Clone)]
pub(crate) struct Fit<T: Scalar> {
    pub(crate) x: DVector<T>,
    /// rᵀC⁺r, the sum of squared deviations in units of the noise.
    pub(crate) square: T,
    /// The part of it that tests the noise: scores that were rounded to an end of
    /// [0, 1] crowd there, and count only by how far they lie outside their
    /// interval.
    pub(crate) tested: T,
    /// Its degrees of freedom; none where nothing is left over to test.
    pub(crate) degrees: usize,
    pub(crate) iterations: usize,
}

/// Levenberg–Marquardt on the weighted misfit. O(nd³) a step.
///
/// # Errors
/// [`Error::OutsideDomain`] for a start outside the cell.
pub(crate) fn fit<T: Scalar>(misfit: &Misfit<'_, T>, start: &DVector<T>) -> Result<Fit<T>, Error> {
    let mut method = LevenbergMarquardt::new();
    let end = minimise(&mut method, misfit, start, STEPS, |_, _| {})?;
    let tested = misfit.tested(&*misfit.plain.model().at(&end.at.x)?)?;
    Ok(Fit {
        tested,
        degrees: misfit.degrees(),
        square: end.at.value * real(2.0),
        x: end.at.x,
        iterations: end.iterations,
    })
}
