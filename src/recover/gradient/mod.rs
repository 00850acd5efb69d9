//! g → x inside one cell: damped Newton on φ(x) = V(x) − cᵀx.

pub(crate) mod iterate;
pub(crate) mod recession;
pub(crate) mod start;

use nalgebra::DVector;

use crate::error::{Error, trial};
use crate::geometry::{Domain, Geometry, Model, Signs, check_vector};
use crate::linalg::column_fold;
use crate::objective::Ridge;
use crate::recover::gradient::iterate::Iterate;
use crate::recover::noise::{self, Noise, noisy_gradient};
use crate::recover::ridge::stationary::Regularised;
use crate::recover::{
    Infeasibility, Observer, Progress, Recovery, Status, largest_slack_start, matched, report,
};
use crate::scalar::{Scalar, count, epsilon, real, to_f64};

/// Newton steps: 10–14 are usual, 25–28 from the very edge of a cell.
pub const MAX_ITERS: usize = 200;
/// How much of the way to the cell's boundary a step may go.
const BOUNDARY_FRACTION: f64 = 0.95;
/// Iterates whose slacks have all grown by this factor may be on their way to
/// infinity: time to ask whether there is an x.
const FAR: f64 = 1e8;

/// Recovers x from the leverage score gradient g(x) = c, in the cell with given
/// signs. With c = 0 that is the volumetric centre.
///
/// # Method
/// g(x) = c is the stationarity condition of the convex V(x) − cᵀx (G4). Each
/// step solves with ∇²V by conjugate gradients, preconditioned by the Gram
/// matrix with the diagonal 3Σ − 2Σ² of (V3), and goes at most 95 % of the way
/// to the boundary.
///
/// # What is determined
/// In a bounded cell every c has exactly one x; in an unbounded one there is
/// none if and only if some direction h ≠ 0 that stays in the cell has cᵀh ≥ 0.
/// The status is then [`Infeasible`](Status::Infeasible), with h as
/// [`Infeasibility::Recession`]: checked in exact arithmetic on the numbers given,
/// as anyone can. It is looked for where Newton does not converge; rounding that
/// leaves a direction out of an unbounded cell by the last bit leaves no proof, and
/// the status [`NotConverged`](Status::NotConverged). Without the cell c does not
/// determine x: each bounded cell has its own.
///
/// # Complexity
/// 10–30 steps, each some tens of O(nd²) passes; memory O(nd).
///
/// # Errors
/// [`GradientRecovery::new`] refuses a target of the wrong length or with NaN;
/// [`run`](Self::run) signs that no point has ([`Error::EmptyCell`]).
///
/// ```
/// use levinv::{Model, recover::GradientRecovery};
/// use nalgebra::{dmatrix, dvector};
///
/// // The volumetric centre of the triangle x ≥ 0, y ≥ 0, x + y ≤ 3.
/// let model = Model::new(dmatrix![1.0, 0.0; 0.0, 1.0; -1.0, -1.0], dvector![0.0, 0.0, -3.0])?;
/// let found = GradientRecovery::new(&model, dvector![0.0, 0.0])?.run()?;
/// let x = found.x.expect("a bounded cell has a centre");
/// assert!((x - dvector![1.0, 1.0]).norm() < 1e-12);
/// # Ok::<(), levinv::Error>(())
/// ```
pub struct GradientRecovery<'a, T: Scalar> {
    model: Model<T>,
    target: DVector<T>,
    signs: Signs,
    start: Option<DVector<T>>,
    ridge: Option<DVector<T>>,
    max_iters: usize,
    observer: Option<Observer<'a>>,
    noise: Option<Noise<T>>,
}

impl<'a, T: Scalar> GradientRecovery<'a, T> {
    /// For a given gradient of d entries, in the cell s > 0.
    ///
    /// # Errors
    /// See [`GradientRecovery`].
    pub fn new(model: &Model<T>, target: DVector<T>) -> Result<Self, Error> {
        check_vector("target", &target, model.dim())?;
        Ok(GradientRecovery {
            model: model.clone(),
            target,
            signs: Signs::positive(model.nrows()),
            start: None,
            ridge: None,
            max_iters: MAX_ITERS,
            observer: None,
            noise: None,
        })
    }

    /// States the errors of the target. Each entry of x that is found then has a
    /// 95 % interval in [`Recovery::uncertainty`], by cov x = H_V⁻¹CH_V⁻¹ (N2); the
    /// end is [`Status::TooNoisy`] where ω is above
    /// [`TRUSTED_GRADIENT`](crate::recover::TRUSTED_GRADIENT). None of d entries may be
    /// missing: they determine x and nothing is left over, not to test the noise
    /// by either. [`run`](Self::run) refuses a ridge besides noise.
    ///
    /// # Errors
    /// Those of [`Noise::deviations`].
    pub fn noise(mut self, noise: Noise<T>) -> Result<Self, Error> {
        noise.read_gradient(&self.target)?;
        self.noise = Some(noise);
        Ok(self)
    }

    /// The cell with these signs instead.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one sign a row.
    pub fn signs(mut self, signs: Signs) -> Result<Self, Error> {
        signs.check_rows(self.model.nrows())?;
        self.signs = signs;
        Ok(self)
    }

    /// A start inside the cell; without one, [`largest_slack_start`] finds it.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`].
    pub fn start(mut self, x: DVector<T>) -> Result<Self, Error> {
        check_vector("start", &x, self.model.dim())?;
        self.start = Some(x);
        Ok(self)
    }

    /// Adds the papers' ridge: the answer is then a stationary point of the
    /// regularised L_G in the cell, followed from the unregularised solution as the
    /// ridge grows; where there is none, Newton starts from [`start`](Self::start) or
    /// the centre of the largest ball. See [`Status::Stationary`]. Weights that are
    /// all zero are no ridge.
    #[must_use]
    pub fn ridge(mut self, weights: DVector<T>) -> Self {
        self.ridge = Some(weights);
        self
    }

    /// Limits the Newton steps.
    #[must_use]
    pub fn max_iters(mut self, max_iters: usize) -> Self {
        self.max_iters = max_iters;
        self
    }

    /// Watches the steps.
    #[must_use]
    pub fn observe(mut self, observer: impl FnMut(&Progress) + 'a) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Recovers.
    ///
    /// # Errors
    /// [`Error::OutsideDomain`] for a start outside the cell,
    /// [`Error::EmptyCell`], and those of reading the rows.
    pub fn run(mut self) -> Result<Recovery<T>, Error> {
        // Before hours of work, and also where there is no x to regularise.
        self.ridge = Ridge::effective(&self.model, self.ridge)?;
        if self.noise.is_some() && self.ridge.is_some() {
            return Err(noise::with_ridge());
        }
        let (x, found) = match &self.start {
            Some(x) => (x.clone(), "damped Newton from the given start"),
            None => {
                let start = largest_slack_start(&self.model, &self.signs)?;
                (start.x, "damped Newton from the centre of the largest ball")
            }
        };
        let mut observer = self.observer.take();
        let mut found = self.newton(x.clone(), found, &mut observer)?;
        if let Some(noise) = &self.noise {
            noisy_gradient::enter(&self.model, &self.target, noise, &mut found)?;
        }
        if let Some(weights) = &self.ridge {
            let regularised = Regularised {
                model: &self.model,
                target: &self.target,
                weights,
                max_iters: self.max_iters,
            };
            regularised.gradient(&self.signs, &x, &mut found, &mut observer)?;
            if let Some(x) = &found.x {
                let at = Iterate::at(&self.model, &self.target, x.clone())?;
                found.residual = Some(self.relative_residual(&at)?).filter(|r| r.is_finite());
            }
        }
        Ok(found)
    }

    fn newton(
        &self,
        x: DVector<T>,
        method: &str,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Recovery<T>, Error> {
        let domain = Domain::Cell(self.signs.clone());
        let slack = self.model.slack(&x)?;
        if let Some(row) = domain.violation(&slack) {
            return Err(Error::OutsideDomain {
                row,
                slack: to_f64(slack[row]),
            });
        }
        let floor = real::<T>(8.0) * epsilon::<T>() * count::<T>(self.model.dim()).sqrt();
        let start = x.clone();
        let mut current = Iterate::at(&self.model, &self.target, x)?;
        let (mut iterations, mut evaluations) = (0, 1);
        let mut step = current.newton_step(&mut evaluations)?;
        let mut far = Some(real::<T>(FAR) * slack.amax());
        drop(slack);
        let mut infeasibility = None;
        loop {
            let near = match far {
                Some(far) => current.geometry()?.slack().amin() < far,
                None => true,
            };
            if !near {
                infeasibility = self.recession(&start, &current)?;
                far = None;
            }
            if infeasibility.is_some()
                || iterations >= self.max_iters
                || !(current.decrement(&step) > floor)
            {
                break;
            }
            let Some(next) = self.descend(&domain, &current, &step, &mut evaluations)? else {
                break;
            };
            current = next;
            iterations += 1;
            step = current.newton_step(&mut evaluations)?;
            report(
                observer,
                "newton",
                iterations,
                to_f64(current.decrement(&step)),
            );
        }
        // The step not taken is the error that is left; rounding of g adds to it.
        let errors = step.abs() + current.rounding(&self.terms(&*current.geometry()?)?);
        let residual = self.relative_residual(&current)?;
        // The decrement is the distance to the solution in the local norm, in
        // which the cell's boundary is about 1 away. Far out it vanishes by
        // underflow, and only the residual still tells.
        let (decrement, misfit) = (current.decrement(&step), self.misfit(&current)?);
        let solved = matched(decrement) && matched(misfit);
        if !solved && far.is_some() {
            infeasibility = self.recession(&start, &current)?;
        }
        let (status, reason) = if infeasibility.is_some() {
            let reason = "the cell is unbounded along the direction of recession given, on which V − cᵀx falls for ever: no x in it has this gradient (checked in exact arithmetic)";
            (Status::Infeasible, reason.to_string())
        } else if solved {
            let reason = format!("the Newton decrement is {:.1e}", to_f64(decrement));
            (Status::Recovered, reason)
        } else {
            let reason = format!(
                "the Newton decrement is still {:.1e}, the residual {:.1e}, and no direction proves that there is no x",
                to_f64(decrement),
                to_f64(misfit)
            );
            (Status::NotConverged, reason)
        };
        Ok(Recovery {
            x: (status != Status::Infeasible).then_some(current.x),
            method: method.to_string(),
            iterations,
            evaluations,
            residual: Some(residual).filter(|r| r.is_finite() && infeasibility.is_none()),
            errors: infeasibility.is_none().then_some(errors),
            infeasibility,
            ..Recovery::new(status, reason)
        })
    }

    /// A proof that there is no x; the way the iterates went is a first guess.
    fn recession(
        &self,
        start: &DVector<T>,
        last: &Iterate<T>,
    ) -> Result<Option<Infeasibility<T>>, Error> {
        recession::certificate(&self.model, &self.signs, &self.target, &(&last.x - start))
    }

    /// The longest step of 1, ½, ¼, … that stays inside and decreases φ.
    fn descend(
        &self,
        domain: &Domain,
        from: &Iterate<T>,
        step: &DVector<T>,
        evaluations: &mut usize,
    ) -> Result<Option<Iterate<T>>, Error> {
        const HALVINGS: usize = 50;
        const SUFFICIENT: f64 = 1e-4;
        let change = self.model.design().apply(step)?;
        let largest = domain.largest_step(from.geometry()?.slack(), &change);
        drop(change);
        let mut length = largest.map_or(T::one(), |t| (t * real(BOUNDARY_FRACTION)).min(T::one()));
        let slope = from.residual.dot(step);
        let noise = real::<T>(16.0)
            * epsilon::<T>()
            * (from.volumetric().abs() + from.linear_size(&self.target));
        for _ in 0..HALVINGS {
            let x = &from.x + step * length;
            // Rounding can put a point on the boundary after all.
            let inside = match trial(self.model.slack(&x))? {
                Some(slack) => domain.violation(&slack).is_none(),
                None => false,
            };
            let next = if inside {
                trial(Iterate::at(&self.model, &self.target, x))?
            } else {
                None
            };
            if let Some(next) = next {
                *evaluations += 1;
                if slope.abs() <= noise {
                    // φ is flat to rounding here: only the residual can tell.
                    let better = from.scaled(&next.residual) < from.scaled(&from.residual);
                    return Ok(better.then_some(next));
                }
                let change =
                    next.volumetric() - from.volumetric() - self.target.dot(&(step * length));
                if change <= slope * length * real(SUFFICIENT) {
                    return Ok(Some(next));
                }
            }
            length *= real(0.5);
        }
        Ok(None)
    }

    /// ‖g − c‖ relative to ‖c‖, or where c is zero, or below the rounding of g,
    /// to the size of g's terms.
    fn relative_residual(&self, at: &Iterate<T>) -> Result<T, Error> {
        let (size, terms) = (self.target.norm(), self.size_of_terms(&*at.geometry()?)?);
        let visible = size > terms * epsilon();
        Ok(at.residual.norm() / if visible { size } else { terms })
    }

    /// g − c relative to the larger of c and the terms that g is summed from:
    /// rounding can leave no less. Largest entries, whose squares may overflow.
    fn misfit(&self, at: &Iterate<T>) -> Result<T, Error> {
        let terms = self.size_of_terms(&*at.geometry()?)?;
        Ok(at.residual.amax() / self.target.amax().max(terms))
    }

    /// The largest entry that g would have if its terms agreed in sign.
    fn size_of_terms(&self, at: &Geometry<T>) -> Result<T, Error> {
        Ok(self.terms(at)?.amax())
    }

    /// |A_x|ᵀσ.
    fn terms(&self, at: &Geometry<T>) -> Result<DVector<T>, Error> {
        let weights = at.scores()?.component_div(at.slack());
        let design = self.model.design();
        column_fold(design, &weights, |sum, term| sum + term.abs())
    }
}
