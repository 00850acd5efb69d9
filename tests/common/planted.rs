//! Objectives with a mistake in them, and the kinds of instance they are tried on.

use levinv::verify::{HasTerms, Part, Term};
use levinv::{
    DMatrix, DVector, Error, HasHessian, HasHessianProduct, HasJacobian, HasThirdDerivative,
    Objective, Scalar,
};
use rand::Rng;

use super::instances::{normal, rng};

/// What is hard about an instance.
pub const KINDS: [&str; 6] = [
    "base",
    "condition 1e4",
    "condition 1e8",
    "a slack of 1e-4",
    "rows over eight decades",
    "mixed signs",
];

/// An instance of a kind: n = 20, d = 4, and a point that solves nothing.
#[derive(Clone)]
pub struct Instance {
    pub a: DMatrix<f64>,
    pub b: DVector<f64>,
    pub x: DVector<f64>,
    pub tau: DVector<f64>,
    pub c: DVector<f64>,
}

pub fn instance(kind: &str, seed: u64) -> Instance {
    sized(kind, seed, 20, 4)
}

pub fn sized(kind: &str, seed: u64, n: usize, d: usize) -> Instance {
    let r = &mut rng(1000 + seed);
    let mut a = DMatrix::from_fn(n, d, |_, _| normal(r));
    let mut s = DVector::from_fn(n, |_, _| r.random_range(0.5..2.0));
    match kind {
        "condition 1e4" | "condition 1e8" => {
            // Singular values from 1 down to 1/κ, evenly in the logarithm.
            let decades = if kind == "condition 1e4" { 4.0 } else { 8.0 };
            let (u, v) = (
                a.clone().qr().q(),
                DMatrix::from_fn(d, d, |_, _| normal(r)).qr().q(),
            );
            let sizes = DVector::from_fn(d, |j, _| {
                10f64.powf(-decades * j as f64 / (d - 1).max(1) as f64)
            });
            a = u * DMatrix::from_diagonal(&sizes) * v * (n as f64).sqrt();
        }
        "a slack of 1e-4" => s[r.random_range(0..n)] = 1e-4,
        "rows over eight decades" => {
            for i in 0..n {
                a.row_mut(i)
                    .scale_mut(10f64.powf(r.random_range(-4.0..4.0)));
            }
        }
        "mixed signs" => s.apply(|s| {
            if r.random_bool(0.5) {
                *s = -*s;
            }
        }),
        _ => {}
    }
    let x = DVector::from_fn(d, |_, _| normal(r));
    let b = &a * &x - s;
    let tau = DVector::from_fn(n, |_, _| r.random_range(0.0..1.0));
    let c = DVector::from_fn(d, |_, _| normal(r));
    Instance { a, b, x, tau, c }
}

/// f in other units, with the coefficient of one term of one part times `1 + ε`,
/// or one symmetric pair of entries.
pub struct Wrong<'a, T, O> {
    pub inner: &'a O,
    /// All of f times this.
    pub unit: T,
    /// Which term is wrong, if one is.
    pub term: Option<(Part, usize, T)>,
    /// Whether the terms state the right coefficient all the same.
    pub terms_are_right: bool,
    /// Which entries of the Hessian are wrong, if they are.
    pub entry: Option<(usize, usize, T)>,
}

impl<'a, T: Scalar, O> Wrong<'a, T, O> {
    pub fn new(inner: &'a O) -> Self {
        Wrong {
            inner,
            unit: T::one(),
            term: None,
            terms_are_right: false,
            entry: None,
        }
    }
}

impl<T: Scalar, O: HasTerms<T>> Wrong<'_, T, O> {
    fn spoil(
        &self,
        here: Part,
        x: &DVector<T>,
        p: &DVector<T>,
        mut value: DMatrix<T>,
    ) -> Result<DMatrix<T>, Error> {
        if let Some((part, k, error)) = self.term
            && part == here
        {
            let term = &self.inner.terms(part, x, p)?[k];
            value += &term.value * (term.coefficient * error);
        }
        if let Some((i, j, error)) = self.entry
            && here == Part::Hessian
        {
            let spoilt = value[(i, j)] * (T::one() + error);
            (value[(i, j)], value[(j, i)]) = (spoilt, spoilt);
        }
        Ok(value * self.unit)
    }
}

impl<T: Scalar, O: HasTerms<T>> Objective<T> for Wrong<'_, T, O> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn value(&self, x: &DVector<T>) -> Result<T, Error> {
        Ok(self.inner.value(x)? * self.unit)
    }

    fn gradient(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        let gradient = DMatrix::from_columns(&[self.inner.gradient(x)?]);
        Ok(self
            .spoil(Part::Gradient, x, x, gradient)?
            .column(0)
            .into_owned())
    }

    fn largest_step(&self, x: &DVector<T>, step: &DVector<T>) -> Result<Option<T>, Error> {
        self.inner.largest_step(x, step)
    }

    fn metric(&self, x: &DVector<T>) -> Result<Option<DMatrix<T>>, Error> {
        self.inner.metric(x)
    }
}

impl<T: Scalar, O: HasTerms<T> + HasHessian<T>> HasHessian<T> for Wrong<'_, T, O> {
    fn hessian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error> {
        self.spoil(Part::Hessian, x, x, self.inner.hessian(x)?)
    }
}

impl<T: Scalar, O: HasTerms<T> + HasHessianProduct<T>> HasHessianProduct<T> for Wrong<'_, T, O> {
    fn hessian_product(&self, x: &DVector<T>, h: &DVector<T>) -> Result<DVector<T>, Error> {
        Ok(self.inner.hessian_product(x, h)? * self.unit)
    }
}

impl<T: Scalar, O: HasTerms<T> + HasJacobian<T>> HasJacobian<T> for Wrong<'_, T, O> {
    fn residual(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        Ok(self.inner.residual(x)? * self.unit)
    }

    fn jacobian(&self, x: &DVector<T>) -> Result<DMatrix<T>, Error> {
        self.spoil(Part::Jacobian, x, x, self.inner.jacobian(x)?)
    }
}

impl<T: Scalar, O: HasTerms<T> + HasThirdDerivative<T>> HasThirdDerivative<T> for Wrong<'_, T, O> {
    fn third_derivative(&self, x: &DVector<T>, p: &DVector<T>) -> Result<DMatrix<T>, Error> {
        self.spoil(Part::Third, x, p, self.inner.third_derivative(x, p)?)
    }
}

impl<T: Scalar, O: HasTerms<T>> HasTerms<T> for Wrong<'_, T, O> {
    fn terms(&self, part: Part, x: &DVector<T>, p: &DVector<T>) -> Result<Vec<Term<T>>, Error> {
        let mut terms = self.inner.terms(part, x, p)?;
        for (k, term) in terms.iter_mut().enumerate() {
            term.value *= self.unit;
            if let Some((spoilt, wrong, error)) = self.term
                && (spoilt, wrong) == (part, k)
                && !self.terms_are_right
            {
                term.coefficient *= T::one() + error;
            }
        }
        Ok(terms)
    }
}

/// A definition in other units.
pub struct Times<'a, D>(pub &'a D, pub f64);

impl<D: levinv::verify::Definition> levinv::verify::Definition for Times<'_, D> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn value<S: Scalar>(&self, x: &DVector<S>) -> S {
        self.0.value(x) * nalgebra::convert(self.1)
    }

    fn residual<S: Scalar>(&self, x: &DVector<S>) -> Option<DVector<S>> {
        Some(self.0.residual(x)? * nalgebra::convert::<f64, S>(self.1))
    }
}
