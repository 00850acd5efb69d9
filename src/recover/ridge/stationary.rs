//! A stationary point of a regularised loss, from the unregularised solution.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::error::{Error, trial};
use crate::geometry::{Geometry, Model, Signs};
use crate::linalg::{BlockWalk, column_fold, least_squares};
use crate::objective::{
    ClosedForm, Frame, GradientInversion, HasHessian, HasHessianProduct, HasJacobian,
    LeverageObjective, Ridge, ScoreInversion,
};
use crate::recover::ridge::continuation::{follow, sharpen};
use crate::recover::{Observer, Recovery, Status, largest_slack_start, report};
use crate::scalar::{Scalar, epsilon, real, to_f64};
use crate::solver::{CellNewton, Curvature, Iterate, minimise};

/// ‖∇L‖ relative to its terms, see [`Regularised`], up to which a point is
/// stationary: this power of ε, in f64 1e-10.
const STATIONARY_DIGITS: f64 = 0.64;
/// Iterations of the eigenvalues for each of them; two or three are usual.
const EIGEN_ITERS: usize = 100;

/// ‖∇f‖ relative to ‖∇²f‖·‖x‖: below √ε, x cannot be told from a stationary
/// point by half its digits.
///
/// # Errors
/// Those of the objective.
pub fn relative_gradient<T: Scalar, O: HasHessian<T> + ?Sized>(
    f: &O,
    x: &DVector<T>,
) -> Result<T, Error> {
    let (gradient, hessian) = (f.gradient(x)?, f.hessian(x)?);
    let size = hessian.norm() * x.norm().max(epsilon());
    Ok(gradient.norm() / size.max(epsilon::<T>() * epsilon()))
}

/// The same where the Hessian is only multiplied: by the largest |λ| of it that eight
/// products of a power iteration tell, which is less than its norm.
///
/// # Errors
/// Those of the objective.
pub fn relative_gradient_by_products<T: Scalar, O: HasHessianProduct<T> + ?Sized>(
    f: &O,
    x: &DVector<T>,
) -> Result<T, Error> {
    const PRODUCTS: usize = 8;
    let gradient = f.gradient(x)?.norm();
    // Signs alternate and sizes differ, so that no symmetry hides a direction.
    let mut v = DVector::from_fn(x.len(), |j, _| {
        real(if j % 2 == 0 { 1.0 } else { -1.0 } * (1.0 + j as f64 / x.len() as f64))
    });
    let mut norm = T::zero();
    for _ in 0..PRODUCTS {
        let length = v.norm();
        if !(length > T::zero()) {
            break;
        }
        v = f.hessian_product(x, &(v / length))?;
        norm = v.norm();
    }
    let size = norm * x.norm().max(epsilon());
    Ok(gradient / size.max(epsilon::<T>() * epsilon()))
}

/// What is regularised, and how.
pub(crate) struct Regularised<'a, T: Scalar> {
    pub(crate) model: &'a Model<T>,
    pub(crate) target: &'a DVector<T>,
    pub(crate) weights: &'a DVector<T>,
    pub(crate) max_iters: usize,
}

impl<T: Scalar> Regularised<'_, T> {
    /// Turns a recovery from scores into the stationary point of L_D with the
    /// ridge. Without an unregularised solution the start is inside the cell of
    /// the signs, where they are known, or the least-squares fit of b.
    pub(crate) fn scores(
        &self,
        signs: Option<&Signs>,
        found: &mut Recovery<T>,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<(), Error> {
        let loss = ScoreInversion::new(self.model, self.target.clone())?;
        let other = || {
            let inside = signs.map(|signs| largest_slack_start(self.model, signs));
            if let Some(start) = inside.and_then(Result::ok) {
                return Ok(start.x);
            }
            let (design, rhs) = (self.model.design(), self.model.rhs());
            let ones = DVector::from_element(rhs.len(), T::one());
            Ok(least_squares(design, &ones, rhs, epsilon())?.x)
        };
        let size = |at: &Geometry<T>| Ok(at.scores()? + self.target.map(|t| t.abs()));
        self.stationary(&loss, other, size, found, observer)?;
        let Some(x) = &found.x else { return Ok(()) };
        let residual = self.model.at(x)?.scores()? - self.target;
        found.residual = Some(residual.norm() / self.target.norm()).filter(|r| r.is_finite());
        Ok(())
    }

    /// The same of a recovery from a gradient, in a cell; without an unregularised
    /// solution from the given start.
    pub(crate) fn gradient(
        &self,
        signs: &Signs,
        start: &DVector<T>,
        found: &mut Recovery<T>,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<(), Error> {
        let loss =
            GradientInversion::new(self.model, self.target.clone())?.in_cell(signs.clone())?;
        let size = |at: &Geometry<T>| {
            let weights = at.scores()?.component_div(at.slack());
            let design = self.model.design();
            let terms = column_fold(design, &weights, |sum, term| sum + term.abs())?;
            Ok(terms + self.target.map(|c| c.abs()))
        };
        self.stationary(&loss, || Ok(start.clone()), size, found, observer)
    }

    /// `size` are the sizes of the terms that the residual is the difference of.
    fn stationary<F: ClosedForm<T> + Clone>(
        &self,
        loss: &LeverageObjective<T, F>,
        other: impl Fn() -> Result<DVector<T>, Error>,
        size: impl Fn(&Geometry<T>) -> Result<DVector<T>, Error>,
        found: &mut Recovery<T>,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<(), Error> {
        let full = loss.clone().with_ridge(self.weights.clone())?;
        let unregularised = matches!(found.status, Status::Recovered | Status::TooNoisy);
        let mut notes = String::new();
        let mut iterations = 0;
        let start = match &found.x {
            Some(x) if unregularised => {
                let path = follow(loss, self.weights, x, self.max_iters, |k, rest| {
                    report(observer, "ridge", k, rest);
                })?;
                iterations = path.iterations;
                if path.reached < T::one() {
                    let reached = to_f64(path.reached);
                    notes = format!("; the continuation ended at {reached:.1e} of the ridge");
                } else if let Some(first) = path.ends.first() {
                    let count = path.ends.len();
                    notes = format!(
                        "; a fold or a hyperplane ended the curve of minimisers {count}× on the way, first at {first:.1e} of the ridge: downhill from there"
                    );
                }
                found.method.push_str(", continuation in the ridge");
                path.x
            }
            _ => {
                notes = format!("; not from an unregularised solution ({})", found.reason);
                other()?
            }
        };
        let mut first = T::zero();
        let watch = |k: usize, at: &Iterate<T>| {
            let size = at.gradient.norm();
            if k == 0 {
                first = size;
            }
            report(observer, "ridge", iterations + k, to_f64(size / first));
        };
        let end = trial(minimise(
            &mut CellNewton::new(),
            &full,
            &start,
            self.max_iters,
            watch,
        ))?;
        // What was found of the unregularised problem holds of it alone.
        found.errors = None;
        found.directions.clear();
        (found.solutions, found.infeasibility, found.uncertainty) = (None, None, None);
        let Some(end) = end else {
            (found.x, found.residual) = (None, None);
            let reason = "the regularised loss cannot be evaluated at the start";
            found.status = Status::NotConverged;
            found.reason = format!("{reason}{notes}");
            return Ok(());
        };
        let (at, sharpened) = sharpen(&full, end.at)?;
        let relative = self.relative_to_terms(loss, &at, size)?;
        let (lowest, kind) = kind(&full, &at.x)?;
        let relative_text = to_f64(relative);
        if relative <= epsilon::<T>().powf(real(STATIONARY_DIGITS)) {
            found.status = Status::Stationary;
            found.reason = format!(
                "{kind} of the regularised loss, others are not ruled out; gradient {relative_text:.1e} of its terms{notes}"
            );
        } else {
            found.status = Status::NotConverged;
            found.reason = format!(
                "the gradient of the regularised loss is still {relative_text:.1e} of its terms{notes}"
            );
        }
        found.method.push_str(", Newton on the regularised loss");
        iterations += end.iterations + sharpened;
        found.iterations += iterations;
        found.evaluations += iterations;
        found.smallest_eigenvalue = Some(lowest).filter(|v| v.is_finite());
        found.x = Some(at.x);
        Ok(())
    }

    /// ‖∇L‖ relative to ‖|J|ᵀρ‖ + ‖|A|ᵀ(w²∘|A||x|)‖: to the terms of the gradient
    /// if all agreed in sign, where the residual r of L = ½‖r‖² with Jacobian J is
    /// the difference of terms of size ρ. Rounding of x alone leaves a few ε of it.
    fn relative_to_terms<F: ClosedForm<T>>(
        &self,
        loss: &LeverageObjective<T, F>,
        at: &Iterate<T>,
        size: impl Fn(&Geometry<T>) -> Result<DVector<T>, Error>,
    ) -> Result<T, Error> {
        let jacobian = loss.jacobian(&at.x)?.abs();
        let data = jacobian.tr_mul(&size(&*self.model.at(&at.x)?)?);
        let x = at.x.abs();
        let design = self.model.design();
        let fitted = design.map_blocks(|rows, _, out| {
            out.copy_from_slice((rows.abs() * &x).as_slice());
        })?;
        let ridge = Ridge::new(self.model, self.weights.clone())?;
        let fitted = fitted.component_mul(ridge.squares());
        let ridge = column_fold(design, &fitted, |sum, term| sum + term.abs())?;
        let size = data.norm() + ridge.norm();
        let relative = at.gradient.norm() / size;
        // Of nothing at all nothing is left.
        Ok(if at.gradient.amax() == T::zero() {
            T::zero()
        } else {
            relative
        })
    }
}

/// The smallest eigenvalue of the Hessian, and what it makes of a stationary point.
///
/// Signs are judged in natural coordinates, where the units of the columns do not
/// hide a direction in the rounding of another.
fn kind<T: Scalar, O: HasHessian<T>>(loss: &O, x: &DVector<T>) -> Result<(T, &'static str), Error> {
    let hessian = loss.hessian(x)?;
    let frame = Frame::new(loss.metric(x)?);
    let curvature = Curvature::of(hessian.clone(), &frame)?;
    if curvature.is_positive_definite() {
        // The largest of the inverse is known to rounding, unlike the smallest.
        let inverse = curvature.inverse(&frame);
        let largest = eigenvalues(inverse)?.max();
        return Ok((T::one() / largest, "a local minimum"));
    }
    // By Sylvester's law no other coordinates make it positive.
    let lowest = eigenvalues(hessian)?.min().min(T::zero());
    Ok(if curvature.is_convex() {
        (
            lowest,
            "a stationary point (minimum or saddle cannot be told)",
        )
    } else {
        (lowest, "a saddle")
    })
}

fn eigenvalues<T: Scalar>(m: DMatrix<T>) -> Result<DVector<T>, Error> {
    let limit = EIGEN_ITERS.saturating_mul(m.nrows());
    let eigen = SymmetricEigen::try_new(m, epsilon(), limit);
    Ok(eigen
        .ok_or(Error::Singular { what: "Hessian" })?
        .eigenvalues)
}
