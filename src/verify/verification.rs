//! The one call: what to verify, where, and against what.

use std::cell::Cell;

use nalgebra::{DMatrix, DVector};

use super::definition::{Definition, Differentiated};
use super::report::{Evaluations, Report};
use super::terms::{HasTerms, Part, Term};
use super::{run, verdict};
use crate::error::Error;
use crate::geometry::check_vector;
use crate::objective::{HasHessian, HasHessianProduct, HasJacobian, HasThirdDerivative, Objective};
use crate::scalar::{Scalar, epsilon, real, to_f64};

/// What a check must be able to see to pass, as a power of ε: three eighths of
/// the digits, an error of 1.3e-6 in f64 and 2.5e-3 in f32. A check that would
/// miss that has verified nothing.
pub const DEMANDED_DIGITS: f64 = 0.375;

/// Verifies the derivatives of an [`Objective`].
///
/// # What is compared
/// Always the gradient; Hessian, products, Jacobian and third derivative where
/// asked for. The oracles are differences of the problem's own value, gradient
/// and residual, and, where a [`Definition`] is given, its derivatives by dual
/// numbers in f64 and in 237 bits.
///
/// # Verdicts
/// A difference is judged against the error bound of the oracle and that of the
/// formula, never against a fixed tolerance, so that nothing changes when f is
/// multiplied by 1e±8 or x is measured in other units. The formula's bound comes
/// from its own rounding noise, that of differences from noise and extrapolation.
///
/// # Complexity
/// In evaluations, for d parameters and a point: gradient 27 gradients and about
/// 20d values (80 + 50d where neither metric nor [`lengths`](Self::lengths) tell the
/// length over which f changes); Hessian 27 Hessians and as many gradients as
/// values before; products 81 and about 40 gradients. Of a definition, d values in
/// dual numbers for the gradient and d(d+1)/2 for the Hessian, three times in 237
/// bits and 27 times in f64; beyond
/// [`FULL_DIMENSION`](super::FULL_DIMENSION) parameters, and for tall data, along
/// one or two random directions instead. At n = 2000, d = 50 that is some seconds
/// (`bars -- verify-large`).
///
/// # Example
/// ```
/// use levinv::{DVector, Error, Objective, verify::{Check, Verdict, Verification}};
///
/// /// Rosenbrock's function, with a wrong sign in its gradient.
/// struct Valley;
///
/// impl Objective<f64> for Valley {
///     fn dim(&self) -> usize { 2 }
///     fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
///         Ok((1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2))
///     }
///     fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
///         let slope = 200.0 * (x[1] - x[0] * x[0]);
///         Ok(nalgebra::dvector![2.0 * (1.0 - x[0]) - 2.0 * x[0] * slope, slope])
///     }
/// }
///
/// let report = Verification::of(&Valley).at(&nalgebra::dvector![0.3, -1.2]).run()?;
/// let gradient = report.check(Check::Gradient).expect("always checked");
/// assert_eq!(gradient.verdict, Verdict::Fail);
/// assert_eq!((gradient.worst[0].row, gradient.worst.len()), (0, 1)); // ∂f/∂x₀, and no other
/// # Ok::<(), Error>(())
/// ```
pub struct Verification<'a, T: Scalar, O> {
    objective: &'a O,
    pub(crate) parts: Parts<'a, T>,
}

/// An evaluation of one part: cheap to call through, whatever stands behind.
pub(crate) type Call<'a, T, R> = Box<dyn Fn(&DVector<T>) -> Result<R, Error> + 'a>;
/// One that takes a direction as well.
pub(crate) type CallAlong<'a, T, R> =
    Box<dyn Fn(&DVector<T>, &DVector<T>) -> Result<R, Error> + 'a>;
/// Terms of a part at a point; the direction is that of the third derivative.
pub(crate) type CallTerms<'a, T> =
    Box<dyn Fn(Part, &DVector<T>, &DVector<T>) -> Result<Vec<Term<T>>, Error> + 'a>;

/// The objective taken apart: verification sees functions, not types.
pub(crate) struct Parts<'a, T: Scalar> {
    pub(crate) dim: usize,
    pub(crate) value: Call<'a, T, T>,
    pub(crate) gradient: Call<'a, T, DVector<T>>,
    pub(crate) metric: Call<'a, T, Option<DMatrix<T>>>,
    pub(crate) largest_step: CallAlong<'a, T, Option<T>>,
    pub(crate) hessian: Option<Call<'a, T, DMatrix<T>>>,
    pub(crate) product: Option<CallAlong<'a, T, DVector<T>>>,
    pub(crate) residual: Option<Call<'a, T, DVector<T>>>,
    pub(crate) jacobian: Option<Call<'a, T, DMatrix<T>>>,
    pub(crate) third: Option<CallAlong<'a, T, DMatrix<T>>>,
    pub(crate) terms: Option<CallTerms<'a, T>>,
    pub(crate) definition: Option<&'a dyn Differentiated>,
    pub(crate) points: Vec<DVector<T>>,
    pub(crate) neighbours: usize,
    pub(crate) seed: u64,
    pub(crate) demanded: f64,
    pub(crate) differences: bool,
    pub(crate) lengths: Option<DVector<T>>,
    pub(crate) formula_error: f64,
    pub(crate) evaluations: Cell<Evaluations>,
}

impl<'a, T: Scalar, O: Objective<T>> Verification<'a, T, O> {
    /// Of the gradient, to begin with.
    pub fn of(objective: &'a O) -> Self {
        let parts = Parts {
            dim: objective.dim(),
            value: Box::new(|x| objective.value(x)),
            gradient: Box::new(|x| objective.gradient(x)),
            metric: Box::new(|x| objective.metric(x)),
            largest_step: Box::new(|x, step| objective.largest_step(x, step)),
            hessian: None,
            product: None,
            residual: None,
            jacobian: None,
            third: None,
            terms: None,
            definition: None,
            points: Vec::new(),
            neighbours: 0,
            seed: 0,
            demanded: to_f64(epsilon::<T>().powf(real(DEMANDED_DIGITS))),
            differences: true,
            lengths: None,
            formula_error: 0.0,
            evaluations: Cell::default(),
        };
        Verification { objective, parts }
    }

    /// At this point; several may be named.
    #[must_use]
    pub fn at(mut self, x: &DVector<T>) -> Self {
        self.parts.points.push(x.clone());
        self
    }

    /// And at so many random points around each of those named: a wrong
    /// coefficient may hide at one point, and its term shows better at several.
    #[must_use]
    pub fn around(mut self, neighbours: usize) -> Self {
        self.parts.neighbours = neighbours;
        self
    }

    /// Against a definition as well, by dual numbers.
    #[must_use]
    pub fn definition<D: Definition>(mut self, definition: &'a D) -> Self {
        self.parts.definition = Some(definition);
        self
    }

    /// Seeds the random directions and neighbours. Equal seeds give equal
    /// reports.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.parts.seed = seed;
        self
    }

    /// The relative error that a check must be able to see to pass; see
    /// [`DEMANDED_DIGITS`] for the default.
    #[must_use]
    pub fn demand(mut self, resolution: f64) -> Self {
        self.parts.demanded = resolution;
        self
    }

    /// Without differences, where evaluations are dear and a definition says it
    /// all.
    #[must_use]
    pub fn by_definition_alone(mut self) -> Self {
        self.parts.differences = false;
        self
    }

    /// The lengths over which f changes, one a parameter, where the objective has
    /// no metric to tell them and x does not (at x = 0 least of all). Differences
    /// then begin there instead of searching.
    #[must_use]
    pub fn lengths(mut self, lengths: &DVector<T>) -> Self {
        self.parts.lengths = Some(lengths.clone());
        self
    }

    /// Admits that the formula errs by so much, relative to its largest entry, for
    /// a reason that is smooth in x and therefore in no noise: an inner iteration
    /// to 1e-8, a factorisation made once in single precision. Allow for what
    /// differences make of such an error too, and [`demand`](Self::demand) no more
    /// than is admitted.
    #[must_use]
    pub fn formula_error(mut self, relative: f64) -> Self {
        self.parts.formula_error = relative;
        self
    }

    /// Verifies.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] without a point or without any oracle,
    /// [`Error::Empty`] for no parameters, [`Error::Shape`] for points, definitions
    /// and derivatives of the wrong shape, and errors of the objective that are not about a point, such
    /// as rows that cannot be read.
    pub fn run(&self) -> Result<Report, Error> {
        let parts = &self.parts;
        if parts.points.is_empty() {
            return Err(Error::OutOfRange {
                name: "points",
                value: 0.0,
                range: "at least 1",
            });
        }
        if parts.dim == 0 {
            return Err(Error::Empty {
                what: "objective",
                rows: 0,
                columns: 0,
            });
        }
        if parts.definition.is_none() && !parts.differences {
            return Err(Error::OutOfRange {
                name: "oracles",
                value: 0.0,
                range: "at least 1: a definition or differences",
            });
        }
        if let Some(definition) = parts.definition.filter(|d| d.dim() != parts.dim) {
            return Err(Error::Shape {
                what: "definition",
                unit: "parameters",
                expected: parts.dim,
                found: definition.dim(),
            });
        }
        for x in &parts.points {
            check_vector("x", x, parts.dim)?;
        }
        if let Some(lengths) = &parts.lengths {
            check_vector("lengths", lengths, parts.dim)?;
            if let Some(index) = lengths.iter().position(|l| !(*l > T::zero())) {
                return Err(Error::EntryOutOfRange {
                    what: "lengths",
                    index,
                    value: to_f64(lengths[index]),
                    range: "positive",
                });
            }
        }
        for (name, value, least) in [
            ("demand", parts.demanded, f64::MIN_POSITIVE),
            ("formula_error", parts.formula_error, 0.0),
        ] {
            if !(value >= least && value.is_finite()) {
                let range = if least > 0.0 {
                    "positive"
                } else {
                    "at least 0"
                };
                return Err(Error::OutOfRange { name, value, range });
            }
        }
        parts.evaluations.set(Evaluations::default());
        let gathered = run::gather(parts)?;
        Ok(verdict::report(
            gathered,
            parts.demanded,
            &parts.evaluations,
        ))
    }
}

impl<'a, T: Scalar, O: HasHessian<T>> Verification<'a, T, O> {
    /// The Hessian too: its entries, its symmetry, and whether it is the
    /// derivative of the gradient.
    #[must_use]
    pub fn hessian(mut self) -> Self {
        let objective = self.objective;
        self.parts.hessian = Some(Box::new(move |x| objective.hessian(x)));
        self
    }
}

impl<'a, T: Scalar, O: HasHessianProduct<T>> Verification<'a, T, O> {
    /// Hessian-vector products too, and their linearity.
    #[must_use]
    pub fn product(mut self) -> Self {
        let objective = self.objective;
        self.parts.product = Some(Box::new(move |x, h| objective.hessian_product(x, h)));
        self
    }
}

impl<'a, T: Scalar, O: HasJacobian<T>> Verification<'a, T, O> {
    /// Residual and Jacobian too: whether one is the derivative of the other, not
    /// whether f = ½‖r‖².
    #[must_use]
    pub fn jacobian(mut self) -> Self {
        let objective = self.objective;
        self.parts.residual = Some(Box::new(move |x| objective.residual(x)));
        self.parts.jacobian = Some(Box::new(move |x| objective.jacobian(x)));
        self
    }
}

impl<'a, T: Scalar, O: HasThirdDerivative<T>> Verification<'a, T, O> {
    /// The third derivative along a random direction too.
    #[must_use]
    pub fn third(mut self) -> Self {
        let objective = self.objective;
        self.parts.third = Some(Box::new(move |x, p| objective.third_derivative(x, p)));
        self
    }
}

impl<'a, T: Scalar, O: HasTerms<T>> Verification<'a, T, O> {
    /// Names the term that is wrong where a check fails.
    #[must_use]
    pub fn terms(mut self) -> Self {
        let objective = self.objective;
        self.parts.terms = Some(Box::new(move |part, x, p| objective.terms(part, x, p)));
        self
    }
}
