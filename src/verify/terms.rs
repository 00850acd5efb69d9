//! Which term of a formula is wrong.

use nalgebra::{ComplexField, DMatrix, DVector, RealField};

use super::estimate::Wide;
use super::report::{Explanation, TermFinding};
use crate::error::Error;
use crate::objective::Objective;
use crate::scalar::{Extended, Scalar, narrow, widen};

/// Quantities that may be exposed as a sum of terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// ∇f, d×1.
    Gradient,
    /// ∇²f, d×d.
    Hessian,
    /// ∂r/∂x.
    Jacobian,
    /// D³f\[p\], d×d.
    Third,
}

/// One term of a formula: what is added is `coefficient · value`.
#[derive(Debug, Clone)]
pub struct Term<T: Scalar> {
    /// As a reader of the formula would name it.
    pub name: String,
    /// The coefficient that the formula has.
    pub coefficient: T,
    /// The term without it, in the shape of the part.
    pub value: DMatrix<T>,
}

impl<T: Scalar> Term<T> {
    /// A named term.
    pub fn new(name: impl Into<String>, coefficient: T, value: DMatrix<T>) -> Self {
        Term {
            name: name.into(),
            coefficient,
            value,
        }
    }
}

/// A formula that can be taken apart.
///
/// Where a check fails, the coefficients of the terms are fitted to the oracle,
/// and the one that should be another is named.
///
/// ```
/// use levinv::{DVector, Error, HasHessian, Objective, DMatrix};
/// use levinv::verify::{HasTerms, Part, Term, Verification};
///
/// /// x⁴ + x², of which somebody remembers the derivative as 4x³ + 3x.
/// struct Quartic;
///
/// impl Objective<f64> for Quartic {
///     fn dim(&self) -> usize { 1 }
///     fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
///         Ok(x[0].powi(4) + x[0].powi(2))
///     }
///     fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
///         Ok(DVector::from_element(1, 4.0 * x[0].powi(3) + 3.0 * x[0]))
///     }
/// }
///
/// impl HasTerms<f64> for Quartic {
///     fn terms(&self, part: Part, x: &DVector<f64>, _: &DVector<f64>) -> Result<Vec<Term<f64>>, Error> {
///         let one = |v| DMatrix::from_element(1, 1, v);
///         Ok(match part {
///             Part::Gradient => vec![
///                 Term::new("4 x³", 4.0, one(x[0].powi(3))),
///                 Term::new("3 x", 3.0, one(x[0])),
///             ],
///             _ => Vec::new(),
///         })
///     }
/// }
///
/// let report = Verification::of(&Quartic).terms().at(&nalgebra::dvector![0.8]).around(3).run()?;
/// let text = report.to_string();
/// assert!(text.contains("term \"3 x\": coefficient 3, should be 2"), "{text}");
/// # Ok::<(), Error>(())
/// ```
pub trait HasTerms<T: Scalar>: Objective<T> {
    /// The terms of a part at x, or none where the part is not taken apart. The
    /// direction p is that of [`Part::Third`].
    ///
    /// # Errors
    /// As for the gradient.
    fn terms(&self, part: Part, x: &DVector<T>, p: &DVector<T>) -> Result<Vec<Term<T>>, Error>;
}

/// A term at one point, in extended precision.
#[derive(Debug, Clone)]
pub(crate) struct WideTerm {
    pub(crate) name: String,
    pub(crate) coefficient: Extended,
    pub(crate) value: Wide,
}

impl WideTerm {
    pub(crate) fn of<T: Scalar>(term: Term<T>) -> Self {
        WideTerm {
            name: term.name,
            coefficient: widen(term.coefficient),
            value: term.value.map(widen),
        }
    }
}

/// What is missing at one point, `expected − found`, its bound, and the terms.
pub(crate) struct Lack<'a> {
    pub(crate) missing: Wide,
    pub(crate) bound: &'a Wide,
    pub(crate) terms: &'a [WideTerm],
}

/// Fits coefficients: first one term alone, then all together.
pub(crate) fn explain(points: &[Lack<'_>]) -> Option<Explanation> {
    let first = points.first()?.terms;
    let alike = |lack: &Lack<'_>| {
        let names = lack.terms.iter().map(|t| &t.name);
        names.eq(first.iter().map(|t| &t.name))
            && lack
                .terms
                .iter()
                .all(|t| t.value.shape() == lack.missing.shape())
    };
    if first.is_empty() || !points.iter().all(alike) {
        return None;
    }
    // One row an entry, in units of its bound.
    let rows: usize = points.iter().map(|p| p.missing.len()).sum();
    let mut matrix = Wide::zeros(rows, first.len());
    let mut lack = DVector::zeros(rows);
    let mut row = 0;
    for point in points {
        let least = point.bound.amax() * Extended::from(f64::EPSILON);
        for k in 0..point.missing.len() {
            // An entry without any error at all must not drown the others.
            let unit = point.bound[k].max(least);
            let unit = if unit > Extended::from(0.0) {
                unit
            } else {
                Extended::from(1.0)
            };
            lack[row] = point.missing[k] / unit;
            for (j, term) in point.terms.iter().enumerate() {
                matrix[(row, j)] = term.value[k] / unit;
            }
            row += 1;
        }
    }
    let one = Extended::from(1.0);
    let alone: Vec<TermFinding> = (0..first.len())
        .filter_map(|j| {
            let column = matrix.column(j).into_owned();
            let square = column.norm_squared();
            if !(square > Extended::from(0.0)) {
                return None;
            }
            let change = column.dot(&lack) / square;
            let rest = (&lack - &column * change).amax();
            let sum = column.iter().fold(Extended::from(0.0), |s, v| s + v.abs());
            (rest <= one).then(|| finding(&first[j], change, sum / square))
        })
        .collect();
    match alone.len() {
        0 => {}
        1 => return Some(Explanation::Coefficients(alone)),
        _ => return Some(Explanation::OneOf(alone)),
    }
    let together = least_squares(&matrix, &lack).and_then(|(changes, uncertainty)| {
        let rest = (&lack - &matrix * &changes).amax();
        (rest <= one).then(|| {
            (0..first.len())
                .filter(|&j| changes[j].abs() > uncertainty[j])
                .map(|j| finding(&first[j], changes[j], uncertainty[j]))
                .collect::<Vec<_>>()
        })
    });
    Some(match together {
        Some(findings) if !findings.is_empty() => Explanation::Coefficients(findings),
        _ => Explanation::Unexplained,
    })
}

fn finding(term: &WideTerm, change: Extended, uncertainty: Extended) -> TermFinding {
    TermFinding {
        name: term.name.clone(),
        coefficient: narrow(term.coefficient),
        should_be: narrow(term.coefficient + change),
        relative_error: narrow(change / term.coefficient),
        uncertainty: narrow(uncertainty),
    }
}

/// The solution, and how far each entry moves when every row is off by 1.
fn least_squares(
    matrix: &Wide,
    rhs: &DVector<Extended>,
) -> Option<(DVector<Extended>, DVector<Extended>)> {
    // In 237 bits the normal equations cost nothing that anyone would miss.
    let sizes: Vec<Extended> = matrix.column_iter().map(|c| c.norm()).collect();
    if sizes.iter().any(|s| !(*s > Extended::from(0.0))) {
        return None;
    }
    let unit = DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| {
        matrix[(i, j)] / sizes[j]
    });
    let cholesky = unit.tr_mul(&unit).cholesky()?;
    let inverse = cholesky.solve(&unit.transpose());
    let solution = &inverse * rhs;
    let spread = inverse.map(|v| v.abs()).column_sum();
    let back = |v: DVector<Extended>| DVector::from_fn(v.len(), |j, _| v[j] / sizes[j]);
    Some((back(solution), back(spread)))
}
