//! A function of one's own in argmin's solvers, through one trait of ours.
//!
//! Poisson regression: f(x) = Σ exp(a_iᵀx) − y_i a_iᵀx, convex, with gradient
//! Aᵀ(e^{Ax} − y) and Hessian Aᵀ diag(e^{Ax}) A.

use argmin::core::{Executor, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::newton::NewtonCG;
use argmin::solver::quasinewton::{BFGS, LBFGS};
use levinv::adapter::{ArgminProblem, Mat, MatrixFreeProblem};
use levinv::{DMatrix, DVector, Error, HasHessian, HasHessianProduct, Objective};

#[derive(Clone)]
struct Poisson {
    a: DMatrix<f64>,
    y: DVector<f64>,
}

impl Poisson {
    fn rates(&self, x: &DVector<f64>) -> DVector<f64> {
        (&self.a * x).map(f64::exp)
    }
}

impl Objective<f64> for Poisson {
    fn dim(&self) -> usize {
        self.a.ncols()
    }

    fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
        let value = self.rates(x).sum() - self.y.dot(&(&self.a * x));
        // Overflow far out: +∞ sends a line search back, NaN would not.
        Ok(if value.is_nan() { f64::INFINITY } else { value })
    }

    fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        Ok(self.a.tr_mul(&(self.rates(x) - &self.y)))
    }
}

impl HasHessian<f64> for Poisson {
    fn hessian(&self, x: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        let mut scaled = self.a.clone();
        for (mut row, rate) in scaled.row_iter_mut().zip(self.rates(x).iter()) {
            row *= *rate;
        }
        Ok(self.a.tr_mul(&scaled))
    }
}

impl HasHessianProduct<f64> for Poisson {
    fn hessian_product(&self, x: &DVector<f64>, h: &DVector<f64>) -> Result<DVector<f64>, Error> {
        Ok(self.a.tr_mul(&self.rates(x).component_mul(&(&self.a * h))))
    }
}

fn main() -> Result<(), argmin::core::Error> {
    let a = DMatrix::from_fn(40, 3, |i, j| ((i * (j + 2) + j) % 9) as f64 / 9.0);
    let y = DVector::from_fn(40, |i, _| (i % 5) as f64);
    let f = Poisson { a, y };
    let start = DVector::zeros(3);
    let search = MoreThuenteLineSearch::new;

    let lbfgs = Executor::new(ArgminProblem::new(f.clone()), LBFGS::new(search(), 7))
        .configure(|state| state.param(start.clone()).max_iters(100))
        .run()?;
    // BFGS needs an outer product of two vectors: that is what `Mat` is for.
    let eye = Mat::from(DMatrix::identity(3, 3));
    let bfgs = Executor::new(ArgminProblem::new(f.clone()), BFGS::new(search()))
        .configure(|state| state.param(start.clone()).inv_hessian(eye).max_iters(100))
        .run()?;
    let newton_cg = Executor::new(MatrixFreeProblem::new(f.clone()), NewtonCG::new(search()))
        .configure(|state| state.param(start.clone()).max_iters(100))
        .run()?;

    let points = [
        ("LBFGS", lbfgs.state.get_best_param()),
        ("BFGS", bfgs.state.get_best_param()),
        ("NewtonCG", newton_cg.state.get_best_param()),
    ];
    for (name, x) in points {
        let x = x.expect("each keeps its best point");
        let gradient = f.gradient(x)?.norm();
        println!(
            "{name:10} x = {:.8?}, |gradient| {gradient:.1e}",
            x.as_slice()
        );
        assert!(gradient < 1e-4);
    }
    Ok(())
}
