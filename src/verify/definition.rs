//! The definition of a function, differentiated by dual numbers.

use nalgebra::{DMatrix, DVector};
use num_dual::{Dual, HyperDual, HyperHyperDual};

use super::estimate::Wide;
use crate::scalar::{Extended, Scalar, narrow, widen};

/// What a paper prints, transcribed literally and written once, over any
/// arithmetic.
///
/// No derivative stands in it. Dual, hyper-dual and hyper-hyper-dual numbers take
/// the first, second and third derivatives exactly, in f64 and in 237 bits, where
/// the rounding of both the definition and the formula under test drops out. Let
/// it be slow and obviously right: explicit inverses and n×n matrices are no
/// matter here.
///
/// Where the function is not defined, return NaN.
///
/// ```
/// use levinv::{DVector, Scalar, verify::Definition};
///
/// /// Σ log(1 + exp(−y_i x_i))
/// struct Logistic(Vec<f64>);
///
/// impl Definition for Logistic {
///     fn dim(&self) -> usize { self.0.len() }
///     fn value<S: Scalar>(&self, x: &DVector<S>) -> S {
///         let label = |y: f64| nalgebra::convert::<f64, S>(y);
///         self.0.iter().zip(x.iter()).fold(S::zero(), |sum, (&y, &x)| {
///             sum + (-label(y) * x).exp().ln_1p()
///         })
///     }
/// }
/// ```
pub trait Definition {
    /// d, the number of parameters.
    fn dim(&self) -> usize;

    /// About how many multiplications a value takes. It decides how much is asked
    /// of the definition in 237 bits, where each takes a hundred nanoseconds or
    /// more.
    fn work(&self) -> usize {
        self.dim()
    }

    /// f(x).
    fn value<S: Scalar>(&self, x: &DVector<S>) -> S;

    /// r(x) of [`HasJacobian`](crate::HasJacobian), if the definition has one.
    fn residual<S: Scalar>(&self, x: &DVector<S>) -> Option<DVector<S>> {
        let _ = x;
        None
    }
}

/// Which precision dual numbers are built over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    Double,
    Extended,
}

/// What dual numbers make of a definition, in one precision. Directions are
/// columns; x and results are in extended precision whatever the arithmetic
/// between.
pub(crate) trait Differentiated {
    fn dim(&self) -> usize;

    fn work(&self) -> usize;

    fn value(&self, precision: Precision, x: &DVector<Extended>) -> Wide;

    /// vᵀ∇f for each column v: one row each.
    fn gradient(&self, precision: Precision, x: &DVector<Extended>, v: &Wide) -> Wide;

    /// uᵀ∇²f v for each pair of columns: one row a column of u.
    fn hessian(&self, precision: Precision, x: &DVector<Extended>, u: &Wide, v: &Wide) -> Wide;

    /// D³f(u, v, p) for each pair of columns of the two matrices.
    fn third(
        &self,
        precision: Precision,
        x: &DVector<Extended>,
        pairs: (&Wide, &Wide),
        p: &DVector<Extended>,
    ) -> Wide;

    fn residual(&self, precision: Precision, x: &DVector<Extended>) -> Option<Wide>;

    /// ∂r/∂x·v, one column a column of v.
    fn jacobian(&self, precision: Precision, x: &DVector<Extended>, v: &Wide) -> Option<Wide>;
}

impl<D: Definition> Differentiated for D {
    fn dim(&self) -> usize {
        Definition::dim(self)
    }

    fn work(&self) -> usize {
        Definition::work(self)
    }

    fn value(&self, precision: Precision, x: &DVector<Extended>) -> Wide {
        let value = match precision {
            Precision::Double => widen(self.value(&narrowed::<f64>(x))),
            Precision::Extended => self.value(x),
        };
        DMatrix::from_element(1, 1, value)
    }

    fn gradient(&self, precision: Precision, x: &DVector<Extended>, v: &Wide) -> Wide {
        match precision {
            Precision::Double => first::<f64, D>(self, x, v),
            Precision::Extended => first::<Extended, D>(self, x, v),
        }
    }

    fn hessian(&self, precision: Precision, x: &DVector<Extended>, u: &Wide, v: &Wide) -> Wide {
        match precision {
            Precision::Double => second::<f64, D>(self, x, u, v),
            Precision::Extended => second::<Extended, D>(self, x, u, v),
        }
    }

    fn third(
        &self,
        precision: Precision,
        x: &DVector<Extended>,
        pairs: (&Wide, &Wide),
        p: &DVector<Extended>,
    ) -> Wide {
        match precision {
            Precision::Double => third::<f64, D>(self, x, pairs, p),
            Precision::Extended => third::<Extended, D>(self, x, pairs, p),
        }
    }

    fn residual(&self, precision: Precision, x: &DVector<Extended>) -> Option<Wide> {
        let residual = match precision {
            Precision::Double => self.residual(&narrowed::<f64>(x))?.map(widen),
            Precision::Extended => self.residual(x)?,
        };
        Some(DMatrix::from_columns(&[residual]))
    }

    fn jacobian(&self, precision: Precision, x: &DVector<Extended>, v: &Wide) -> Option<Wide> {
        match precision {
            Precision::Double => of_residual::<f64, D>(self, x, v),
            Precision::Extended => of_residual::<Extended, D>(self, x, v),
        }
    }
}

fn narrowed<T: Scalar>(x: &DVector<Extended>) -> DVector<T> {
    x.map(narrow)
}

/// A precision with its dual numbers of three orders.
trait Base: Scalar {
    type First: Scalar;
    type Second: Scalar;
    type Third: Scalar;
    fn first(re: Self, u: Self) -> Self::First;
    fn second(re: Self, u: Self, v: Self) -> Self::Second;
    fn third(re: Self, u: Self, v: Self, p: Self) -> Self::Third;
    fn of_first(value: Self::First) -> Self;
    fn of_second(value: Self::Second) -> Self;
    fn of_third(value: Self::Third) -> Self;
}

macro_rules! bases {
    ($($Base:ty),*) => {$(
        impl Base for $Base {
            type First = Dual<Self, Self>;
            type Second = HyperDual<Self, Self>;
            type Third = HyperHyperDual<Self, Self>;

            fn first(re: Self, u: Self) -> Self::First {
                Dual::new(re, u)
            }

            fn second(re: Self, u: Self, v: Self) -> Self::Second {
                HyperDual::new(re, u, v, nalgebra::zero())
            }

            fn third(re: Self, u: Self, v: Self, p: Self) -> Self::Third {
                let zero = nalgebra::zero();
                HyperHyperDual::new(re, u, v, p, zero, zero, zero, zero)
            }

            fn of_first(value: Self::First) -> Self {
                value.eps
            }

            fn of_second(value: Self::Second) -> Self {
                value.eps1eps2
            }

            fn of_third(value: Self::Third) -> Self {
                value.eps1eps2eps3
            }
        }
    )*};
}

bases!(f64, Extended);

fn first<B: Base, D: Definition>(f: &D, x: &DVector<Extended>, v: &Wide) -> Wide {
    let x = narrowed::<B>(x);
    let along = |v: DVector<B>| widen(B::of_first(f.value(&x.zip_map(&v, B::first))));
    DMatrix::from_fn(v.ncols(), 1, |k, _| {
        along(narrowed(&v.column(k).into_owned()))
    })
}

fn second<B: Base, D: Definition>(f: &D, x: &DVector<Extended>, u: &Wide, v: &Wide) -> Wide {
    let x = narrowed::<B>(x);
    pairs(u, v, |u, v| {
        let seeded = DVector::from_fn(x.len(), |k, _| B::second(x[k], u[k], v[k]));
        B::of_second(f.value(&seeded))
    })
}

fn third<B: Base, D: Definition>(
    f: &D,
    x: &DVector<Extended>,
    (u, v): (&Wide, &Wide),
    p: &DVector<Extended>,
) -> Wide {
    let (x, p) = (narrowed::<B>(x), narrowed::<B>(p));
    pairs(u, v, |u, v| {
        let seeded = DVector::from_fn(x.len(), |k, _| B::third(x[k], u[k], v[k], p[k]));
        B::of_third(f.value(&seeded))
    })
}

/// A symmetric form for each pair of columns; half of them where both are alike.
fn pairs<B: Base>(u: &Wide, v: &Wide, form: impl Fn(&DVector<B>, &DVector<B>) -> B) -> Wide {
    let symmetric = u == v;
    let mut out = DMatrix::zeros(u.ncols(), v.ncols());
    for j in 0..v.ncols() {
        let v = narrowed::<B>(&v.column(j).into_owned());
        let start = if symmetric { j } else { 0 };
        for i in start..u.ncols() {
            out[(i, j)] = widen(form(&narrowed(&u.column(i).into_owned()), &v));
            if symmetric {
                out[(j, i)] = out[(i, j)];
            }
        }
    }
    out
}

fn of_residual<B: Base, D: Definition>(f: &D, x: &DVector<Extended>, v: &Wide) -> Option<Wide> {
    let x = narrowed::<B>(x);
    let mut columns = Vec::with_capacity(v.ncols());
    for k in 0..v.ncols() {
        let v = narrowed::<B>(&v.column(k).into_owned());
        let residual = f.residual(&x.zip_map(&v, B::first))?;
        columns.push(residual.map(|r| widen(B::of_first(r))));
    }
    Some(DMatrix::from_columns(&columns))
}
