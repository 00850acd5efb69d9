//! A stationary point of a regularised loss, from a good start.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::{Recovery, Status};
use crate::error::Error;
use crate::objective::HasHessian;
use crate::scalar::{Scalar, epsilon, real, to_f64};

/// Where Newton on a regularised loss ended.
pub(super) struct Stationary<T: Scalar> {
    x: DVector<T>,
    /// ‖∇L‖ relative to the curvature times the size of x.
    gradient: T,
    iterations: usize,
}

impl<T: Scalar> Stationary<T> {
    /// Replaces the unregularised solution in a report.
    pub(super) fn enter(self, found: &mut Recovery<T>) {
        let done = self.gradient <= epsilon::<T>().sqrt();
        found.status = if done {
            Status::Stationary
        } else {
            Status::NotConverged
        };
        found.reason = format!(
            "Newton on the regularised loss, from the unregularised solution: relative gradient {:.1e}",
            to_f64(self.gradient)
        );
        found.method.push_str(", Newton on the regularised loss");
        found.iterations += self.iterations;
        found.evaluations += self.iterations;
        found.errors = None;
        found.x = Some(self.x);
    }
}

/// ‖∇f‖ relative to ‖∇²f‖·‖x‖: below √ε, x cannot be told from a stationary
/// point by half its digits.
///
/// # Errors
/// Those of the objective.
pub fn relative_gradient<T: Scalar, O: HasHessian<T> + ?Sized>(
    f: &O,
    x: &DVector<T>,
) -> Result<T, Error> {
    Ok(relative(&f.gradient(x)?, &f.hessian(x)?, x))
}

fn relative<T: Scalar>(gradient: &DVector<T>, hessian: &DMatrix<T>, x: &DVector<T>) -> T {
    let size = hessian.norm() * x.norm().max(epsilon());
    gradient.norm() / size.max(epsilon::<T>() * epsilon())
}

/// Newton with a shifted Cholesky factor and step halving. O(nd³) a step.
pub(super) fn newton<T: Scalar, O: HasHessian<T>>(
    loss: &O,
    start: &DVector<T>,
    max_iters: usize,
    mut on_step: impl FnMut(usize, f64),
) -> Result<Stationary<T>, Error> {
    let mut x = start.clone();
    let mut value = loss.value(&x)?;
    let mut iterations = 0;
    loop {
        let gradient = loss.gradient(&x)?;
        let hessian = loss.hessian(&x)?;
        let relative = relative(&gradient, &hessian, &x);
        on_step(iterations, to_f64(relative));
        let small = relative <= epsilon::<T>();
        let step = -shifted(&hessian)?.solve(&gradient);
        let mut next = None;
        let mut length = match loss.largest_step(&x, &step)? {
            Some(t) => (t * real(0.95)).min(T::one()),
            None => T::one(),
        };
        while !small && iterations < max_iters && next.is_none() && length > epsilon() {
            let trial = &x + &step * length;
            let v = loss.value(&trial)?;
            let descends = v < value + gradient.dot(&step) * length * real(1e-4);
            // At the bottom the value is flat to rounding and the gradient decides.
            let flat = (v - value).abs() <= real::<T>(64.0) * epsilon::<T>() * value.abs();
            let better = flat && loss.gradient(&trial)?.norm() < gradient.norm();
            next = (descends || better).then_some((trial, v));
            length *= real(0.5);
        }
        match next {
            Some((trial, v)) => (x, value) = (trial, v),
            None => {
                return Ok(Stationary {
                    x,
                    gradient: relative,
                    iterations,
                });
            }
        }
        iterations += 1;
    }
}

/// Cholesky of H + λI with the first λ of 0, small, larger … that works.
fn shifted<T: Scalar>(hessian: &DMatrix<T>) -> Result<Cholesky<T, nalgebra::Dyn>, Error> {
    let d = hessian.nrows();
    let mut shift = T::zero();
    let unit = hessian.norm().max(epsilon());
    // Past the norm the sum is positive definite, unless it is not even finite.
    while shift.is_finite() && unit.is_finite() {
        let matrix = hessian + DMatrix::identity(d, d) * shift;
        if let Some(cholesky) = Cholesky::new(matrix) {
            return Ok(cholesky);
        }
        shift = (shift * real(10.0)).max(unit * real(1e-8));
    }
    Err(Error::Singular { what: "Hessian" })
}
