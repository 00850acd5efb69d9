//! A stationary point of a regularised loss, from a good start.

use nalgebra::{DMatrix, DVector};

use super::{Recovery, Status};
use crate::error::Error;
use crate::objective::HasHessian;
use crate::scalar::{Scalar, epsilon, to_f64};
use crate::solver::{CellNewton, Iterate, minimise};

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

/// [`CellNewton`] on a regularised loss. O(nd³) a step.
pub(super) fn newton<T: Scalar, O: HasHessian<T>>(
    loss: &O,
    start: &DVector<T>,
    max_iters: usize,
    mut on_step: impl FnMut(usize, f64),
) -> Result<Stationary<T>, Error> {
    let mut first = T::zero();
    let watch = |iteration: usize, at: &Iterate<T>| {
        let size = at.gradient.norm();
        if iteration == 0 {
            first = size;
        }
        on_step(iteration, to_f64(size / first));
    };
    let end = minimise(&mut CellNewton::new(), loss, start, max_iters, watch)?;
    let hessian = loss.hessian(&end.at.x)?;
    Ok(Stationary {
        gradient: relative(&end.at.gradient, &hessian, &end.at.x),
        x: end.at.x,
        iterations: end.iterations,
    })
}
