//! Newton's method for objectives with a boundary.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::descend::{BOUNDARY_FRACTION, Direction, Found, QUADRATIC, descend};
use super::method::{Advance, Columns, Evaluations, Iterate, Method};
use super::settings::{Ending, ending_setters, norm, open_unit};
use super::stop::Stop;
use crate::error::{Error, trial};
use crate::objective::{Frame, HasHessian};
use crate::scalar::{Scalar, count, epsilon, real, to_f64};

/// Iterations of the eigenvalues for each of them; two or three are usual.
const EIGEN_ITERS: usize = 100;

/// Newton's method that never leaves the domain and descends where f is not
/// convex.
///
/// ```text
/// step = −|H|⁻¹ ∇f(x),  H = ∇²f(x) in the objective's natural coordinates
/// x⁺   = x + t·step,    t ≤ 0.85 of the way to the boundary, f falls enough
/// ```
///
/// |H| has the eigenvectors of H and the absolute values of its eigenvalues: near
/// a minimum that is Newton's step, and where f curves down it leads away from
/// the saddle instead of to it. The coordinates are those of the objective's
/// [`metric`](crate::Objective::metric), so the step does not depend on the
/// units of x; the largest step inside the domain is known in closed form
/// ([`largest_step`](crate::Objective::largest_step)), so no evaluation is
/// wasted outside. A stationary point with a direction of negative curvature is
/// left along it.
///
/// # Stops
/// [`Stop::Step`] when the step's natural length is below the tolerance, by
/// default rounding's; [`Stop::Rounding`] where neither value nor gradient can be
/// improved; failures say what is in the way. Where f has a minimum, or falls
/// ever faster ([`Stop::Unbounded`]), no iteration limit is needed.
///
/// # Complexity
/// One Hessian a step and O(d³) for its eigenvectors; one value a trial step.
///
/// # Example
/// ```
/// use argmin::core::Executor;
/// use levinv::{Model, TiltedBarrier, adapter::ArgminProblem, solver::{CellNewton, Stop}};
/// use nalgebra::{dmatrix, dvector};
///
/// // The volumetric centre of the triangle x ≥ 0, y ≥ 0, x + y ≤ 3, from a corner.
/// let model = Model::new(dmatrix![1.0, 0.0; 0.0, 1.0; -1.0, -1.0], dvector![0.0, 0.0, -3.0])?;
/// let start = dvector![1e-6, 2.9];
/// let tilted = TiltedBarrier::new(&model, dvector![0.0, 0.0])?.in_cell_of(&start)?;
/// let result = Executor::new(ArgminProblem::new(tilted), CellNewton::new())
///     .configure(|state| state.param(start))
///     .run()?;
/// assert!(result.solver.stop().is_some_and(Stop::is_success));
/// let x = result.state.best_param.expect("a point");
/// assert!((x - dvector![1.0, 1.0]).norm() < 1e-12);
/// # Ok::<(), argmin::core::Error>(())
/// ```
///
/// # Source
/// Ours. Damped Newton on a cell is derived in [`notation`](crate::notation) (G4); |H| is the "saddle-free"
/// step of Dauphin et al. (2014), in the metric of the barrier.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CellNewton<T> {
    pub(super) ending: Ending<T>,
    boundary: T,
}

impl<T: Scalar> CellNewton<T> {
    /// Down to rounding.
    pub fn new() -> Self {
        CellNewton {
            ending: Ending::at_rounding(),
            boundary: real(BOUNDARY_FRACTION),
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
}

impl<T: Scalar> Default for CellNewton<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, O: HasHessian<T>> Method<T, O> for CellNewton<T> {
    fn advance(
        &mut self,
        f: &mut impl Evaluations<T, O>,
        at: &Iterate<T>,
        _: u64,
    ) -> Result<Advance<T>, Error> {
        let frame = Frame::new(f.metric(&at.x)?);
        let curvature = Curvature::of(f.hessian(&at.x)?, &frame)?;
        let step = frame.step(&curvature.newton(&frame.gradient(at.gradient.clone())));
        let length = frame.length(&at.x, &step);

        if let Some(stop) = self.ending.reached(&at.gradient, length) {
            if curvature.is_convex() {
                return Ok(Advance::stopped(at, stop));
            }
            return leave_saddle(f, at, &frame.step(&curvature.lowest()));
        }
        let along = Direction {
            step: &step,
            length,
            boundary: self.boundary,
            rate: QUADRATIC,
        };
        let gauge = |g: &DVector<T>| curvature.decrement(&frame.gradient(g.clone()));
        match descend(f, at, &along, gauge)? {
            Found::Better(next, t) => Ok(Advance::to(next, t * length)),
            Found::Nothing(Stop::Rounding | Stop::Flat) if !curvature.is_convex() => {
                leave_saddle(f, at, &frame.step(&curvature.lowest()))
            }
            Found::Nothing(stop) => Ok(Advance::stopped(at, stop)),
        }
    }
}

/// A Hessian by its eigenvectors, in natural coordinates.
pub(crate) struct Curvature<T: Scalar> {
    values: DVector<T>,
    vectors: DMatrix<T>,
    /// Eigenvalues of less than this are rounding's.
    floor: T,
}

impl<T: Scalar> Curvature<T> {
    /// O(d³).
    pub(crate) fn of(hessian: DMatrix<T>, frame: &Frame<T>) -> Result<Self, Error> {
        let form = frame.form(hessian);
        if form.iter().any(|v| !v.is_finite()) {
            return Err(Error::Singular { what: "Hessian" });
        }
        let d = form.nrows();
        let limit = EIGEN_ITERS.saturating_mul(d);
        let eigen = SymmetricEigen::try_new(form, epsilon(), limit);
        let eigen = eigen.ok_or(Error::Singular { what: "Hessian" })?;
        let floor = count::<T>(d) * epsilon::<T>() * eigen.eigenvalues.amax();
        Ok(Curvature {
            values: eigen.eigenvalues,
            vectors: eigen.eigenvectors,
            floor,
        })
    }

    /// −|H|⁻¹ g.
    pub(crate) fn newton(&self, gradient: &DVector<T>) -> DVector<T> {
        let length = norm(gradient);
        let parts = self.vectors.tr_mul(gradient);
        let parts = parts.zip_map(&self.values, |g, l| {
            // A curvature of rounding's size is taken at its word: a floor would
            // make the step short where nothing is known, and pass for arrival.
            let part = -g / l.abs();
            if part.is_finite() {
                part
            } else if self.floor > T::zero() {
                -g / self.floor
            } else {
                // Where all curvature is zero there is only the gradient's direction
                // to go by: its length, in units of f, would pass for arrival.
                -g / length
            }
        });
        &self.vectors * parts
    }

    /// √(gᵀ|H|⁻¹g).
    pub(crate) fn decrement(&self, gradient: &DVector<T>) -> T {
        (-self.newton(gradient).dot(gradient)).max(T::zero()).sqrt()
    }

    /// H⁻¹ in plain coordinates.
    pub(crate) fn inverse(&self, frame: &Frame<T>) -> DMatrix<T> {
        let columns = self.vectors.column_iter().zip(self.values.iter());
        let columns: Vec<_> = columns
            .map(|(v, l)| frame.step(&v.into_owned()) / l.abs().sqrt())
            .collect();
        let root = DMatrix::from_columns(&columns);
        &root * root.transpose()
    }

    /// Whether no eigenvalue is negative beyond rounding.
    pub(crate) fn is_convex(&self) -> bool {
        self.values.iter().all(|l| *l >= -self.floor)
    }

    /// Whether every eigenvalue is positive beyond rounding.
    pub(crate) fn is_positive_definite(&self) -> bool {
        self.values.iter().all(|l| *l > self.floor)
    }

    /// The unit eigenvector of the smallest eigenvalue.
    pub(crate) fn lowest(&self) -> DVector<T> {
        self.vectors.column(self.values.imin()).into_owned()
    }
}

/// From a stationary point, either way along a direction of negative curvature.
fn leave_saddle<T: Scalar, O: HasHessian<T>>(
    f: &mut impl Evaluations<T, O>,
    at: &Iterate<T>,
    direction: &DVector<T>,
) -> Result<Advance<T>, Error> {
    const HALVINGS: i32 = 26;
    // Downhill first.
    let down = if at.gradient.dot(direction) > T::zero() {
        -direction
    } else {
        direction.clone()
    };
    for halving in 0..HALVINGS {
        for way in [&down, &-&down] {
            let largest = f.largest_step(&at.x, way)?;
            let longest = largest.map_or(T::one(), |t| (t * real(BOUNDARY_FRACTION)).min(T::one()));
            let t = longest * real::<T>(0.5f64.powi(halving));
            let x = &at.x + way * t;
            let lower = trial(f.value(&x))?.filter(|v| v.is_finite() && *v < at.value);
            if let (Some(value), Some(gradient)) = (lower, trial(f.gradient(&x))?) {
                return Ok(Advance::to(Iterate { x, value, gradient }, t));
            }
        }
    }
    Ok(Advance::stopped(at, Stop::Saddle))
}

impl<T: Scalar> Advance<T> {
    /// A step of this natural length.
    pub(crate) fn to(next: Iterate<T>, step: T) -> Self {
        let columns = Columns {
            gradient: to_f64(norm(&next.gradient)),
            step: to_f64(step),
            ..Columns::default()
        };
        Advance {
            next: Some(next),
            stop: None,
            columns,
        }
    }

    /// No step: the end.
    pub(crate) fn stopped(at: &Iterate<T>, stop: Stop) -> Self {
        let columns = Columns {
            gradient: to_f64(norm(&at.gradient)),
            ..Columns::default()
        };
        Advance {
            next: None,
            stop: Some(stop),
            columns,
        }
    }
}

ending_setters!(CellNewton);
super::argmin_solver!(CellNewton, "Newton's method in a cell", HasHessian<T>);
