//! Levenberg–Marquardt for sums of squares with a boundary.

use nalgebra::{DMatrix, DVector, SVD};

use super::descend::{BOUNDARY_FRACTION, noise};
use super::method::{Advance, Evaluations, Iterate, Method};
use super::settings::{Ending, ending_setters, open_unit, positive};
use super::stop::Stop;
use crate::error::{Error, trial};
use crate::linalg::{Design, Factor, Factorisation};
use crate::objective::{Frame, HasJacobian};
use crate::scalar::{Scalar, epsilon, real};

/// The first damping, relative to ‖J‖²: Nielsen's choice for a start that may be
/// far; from a good one the damping falls to a third a step.
pub const FIRST_DAMPING: f64 = 1e-3;
/// Rejected steps in one iteration: the damping has then grown past any norm.
const REJECTIONS: usize = 40;
/// Iterations of the singular values for each of them; two or three are usual.
const SVD_ITERS: usize = 100;
/// A step that brings this part of what the model expects is taken.
const SUFFICIENT: f64 = 1e-4;

/// Levenberg–Marquardt that never leaves the domain.
///
/// ```text
/// (JᵀJ + λI) step = −Jᵀr        in the objective's natural coordinates
/// ```
///
/// for f = ½‖r‖² with residual r and Jacobian J. The coordinates are those of
/// the [`metric`](crate::Objective::metric), so λ needs no scaling matrix and the
/// iterates do not depend on the units of x; a step is cut at 85 % of the way to
/// the boundary, which is known in closed form. λ follows Nielsen's rule.
///
/// It uses first derivatives only and sees f as squares: where residuals vanish
/// at the solution it converges quadratically, as
/// [`CellNewton`](super::CellNewton) does, at lower cost a step and from farther
/// away.
///
/// # Stops
/// As [`CellNewton`](super::CellNewton).
///
/// # Complexity
/// One residual and Jacobian a step, one QR of it (O(nd²) beyond the Jacobian's
/// own cost), one value a trial. Memory O(nd).
///
/// # Example
/// ```
/// use argmin::core::Executor;
/// use levinv::{Model, ScoreInversion, adapter::ArgminProblem};
/// use levinv::solver::{LevenbergMarquardt, Stop};
/// use nalgebra::{dmatrix, dvector};
///
/// let a = dmatrix![1.0, 0.0; 0.0, 1.0; 1.0, 1.0; 1.0, -1.0];
/// let model = Model::new(a, dvector![-1.0, -2.0, -3.0, -2.0])?;
/// let target = model.at(&dvector![0.3, -0.2])?.scores()?.clone();
/// let start = dvector![-0.4, 0.5];
/// let loss = ScoreInversion::new(&model, target)?.in_cell_of(&start)?;
/// let result = Executor::new(ArgminProblem::new(loss), LevenbergMarquardt::new())
///     .configure(|state| state.param(start))
///     .run()?;
/// assert!(result.solver.stop().is_some_and(Stop::is_success));
/// let x = result.state.best_param.expect("a point");
/// assert!((x - dvector![0.3, -0.2]).norm() < 1e-12);
/// # Ok::<(), argmin::core::Error>(())
/// ```
///
/// # Source
/// H. B. Nielsen, *Damping parameter in Marquardt's method*, IMM, DTU (1999).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LevenbergMarquardt<T> {
    pub(super) ending: Ending<T>,
    boundary: T,
    first_damping: T,
    /// λ, and the factor by which the next rejection raises it.
    damping: Option<(T, T)>,
}

impl<T: Scalar> LevenbergMarquardt<T> {
    /// Down to rounding.
    pub fn new() -> Self {
        LevenbergMarquardt {
            ending: Ending::at_rounding(),
            boundary: real(BOUNDARY_FRACTION),
            first_damping: real(FIRST_DAMPING),
            damping: None,
        }
    }

    /// How much of the way to the boundary a step may go: more than 0, less
    /// than 1.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn with_boundary_fraction(mut self, fraction: T) -> Result<Self, Error> {
        self.boundary = open_unit("boundary fraction", fraction)?;
        Ok(self)
    }

    /// The first λ, relative to ‖J‖².
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless it is positive.
    pub fn with_first_damping(mut self, damping: T) -> Result<Self, Error> {
        self.first_damping = positive("first damping", damping)?;
        Ok(self)
    }
}

impl<T: Scalar> Default for LevenbergMarquardt<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, O: HasJacobian<T>> Method<T, O> for LevenbergMarquardt<T> {
    fn advance(
        &mut self,
        f: &mut impl Evaluations<T, O>,
        at: &Iterate<T>,
        iteration: u64,
    ) -> Result<Advance<T>, Error> {
        let frame = Frame::new(f.metric(&at.x)?);
        let residual = f.residual(&at.x)?;
        let model = Linear::new(
            frame.jacobian(f.jacobian(&at.x, residual.len())?),
            &residual,
        )?;
        let (mut damping, mut growth) = match self.damping {
            Some(memory) if iteration > 0 => memory,
            _ => (self.first_damping * model.size(), real(2.0)),
        };
        // How far the undamped step would go says how far x is off.
        let undamped = frame.length(&at.x, &frame.step(&model.step(T::zero())));
        if let Some(stop) = self.ending.reached(&at.gradient, undamped) {
            return Ok(Advance::stopped(at, stop));
        }
        // In natural coordinates, for which units of x do not matter.
        let size = |g: &DVector<T>| frame.gradient(g.clone()).norm();
        let mut flat = false;
        let mut cut = false;
        for _ in 0..REJECTIONS {
            let z = model.step(damping);
            let step = frame.step(&z);
            let largest = f.largest_step(&at.x, &step)?;
            let t = largest.map_or(T::one(), |t| (t * self.boundary).min(T::one()));
            cut = t < epsilon();
            let expected = model.decrease(&z, t);
            let x = &at.x + &step * t;
            let value = trial(f.value(&x))?.filter(|v| v.is_finite());
            let gain = value.map(|v| (at.value - v) / expected);
            flat = expected <= noise(at.value);
            if let (Some(value), Some(gain)) = (value, gain)
                && (flat || gain > real(SUFFICIENT))
                && let Some(gradient) = trial(f.gradient(&x))?
                && (!flat || size(&gradient) < size(&at.gradient))
            {
                // Nielsen: λ falls smoothly with the gain, at most to a third. Of flat
                // values the gain is rounding's, of any size and sign.
                let two_gain = gain.max(T::zero()).min(T::one()) * real(2.0) - T::one();
                let factor = T::one() - two_gain * two_gain * two_gain;
                damping *= factor.max(real(1.0 / 3.0));
                self.damping = Some((damping, real(2.0)));
                let length = frame.length(&at.x, &step) * t;
                return Ok(Advance::to(Iterate { x, value, gradient }, length));
            }
            damping = (damping * growth).max(epsilon::<T>() * model.size());
            growth *= real(2.0);
            if flat || !damping.is_finite() {
                break;
            }
        }
        let stop = match Stop::of_nothing_found(undamped, flat) {
            Stop::NoDescent if cut => Stop::Boundary,
            stop => stop,
        };
        Ok(Advance::stopped(at, stop))
    }
}

/// r + J z, with J = U diag(σ) Vᵀ.
struct Linear<T: Scalar> {
    /// σ, V and Uᵀ r.
    values: DVector<T>,
    vectors: DMatrix<T>,
    parts: DVector<T>,
}

impl<T: Scalar> Linear<T> {
    /// O(nd² + d³).
    fn new(jacobian: DMatrix<T>, residual: &DVector<T>) -> Result<Self, Error> {
        let singular = || Error::Singular {
            what: "Gauss–Newton matrix",
        };
        if jacobian.iter().any(|v| !v.is_finite()) {
            return Err(singular());
        }
        let n = jacobian.nrows();
        let ones = DVector::from_element(n, T::one());
        let tall = n >= jacobian.ncols();
        let design = Design::from(&jacobian);
        let factor = tall.then(|| Factor::new(&design, &ones, Factorisation::Qr));
        let factor = factor.transpose()?;
        // J = Q R first, where J has full rank: Q is not known otherwise.
        let full = factor.filter(|f| f.dependent_columns(n).is_empty());
        let (square, image) = match full {
            Some(f) => (f.unpermuted(), f.project(&design, &ones, residual)?),
            None => (jacobian, residual.clone()),
        };
        let limit = SVD_ITERS.saturating_mul(square.ncols());
        let svd = SVD::try_new(square, true, true, epsilon::<T>() * real(5.0), limit);
        let svd = svd.ok_or_else(singular)?;
        let (Some(u), Some(vt)) = (svd.u, svd.v_t) else {
            return Err(singular());
        };
        Ok(Linear {
            values: svd.singular_values,
            vectors: vt.transpose(),
            parts: u.tr_mul(&image),
        })
    }

    /// ‖J‖².
    fn size(&self) -> T {
        self.values.amax() * self.values.amax()
    }

    /// −(JᵀJ + λI)⁻¹ Jᵀ r.
    fn step(&self, damping: T) -> DVector<T> {
        let parts = self.parts.zip_map(&self.values, |part, s| {
            let size = s * s + damping;
            if size > T::zero() {
                -part * s / size
            } else {
                T::zero()
            }
        });
        &self.vectors * parts
    }

    /// ½‖r‖² − ½‖r + t J z‖².
    fn decrease(&self, z: &DVector<T>, t: T) -> T {
        let image = self.vectors.tr_mul(z).component_mul(&self.values) * t;
        -(self.parts.dot(&image) + image.norm_squared() * real(0.5))
    }
}

ending_setters!(LevenbergMarquardt);
super::argmin_solver!(
    LevenbergMarquardt,
    "Levenberg–Marquardt in a cell",
    HasJacobian<T>
);
