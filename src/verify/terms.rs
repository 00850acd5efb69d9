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

/// Both sides at one point, with the bound of their difference and that of the
/// formula alone, and the terms.
pub(crate) struct Lack<'a> {
    pub(crate) found: &'a Wide,
    pub(crate) expected: &'a Wide,
    pub(crate) bound: &'a Wide,
    pub(crate) own_bound: &'a Wide,
    pub(crate) terms: &'a [WideTerm],
}

/// Fits coefficients: first one term alone, then all together.
///
/// The formula may compute other coefficients than its terms state: those are
/// found first, in the same way.
pub(crate) fn explain(points: &[Lack<'_>]) -> Option<Explanation> {
    let first = points.first()?.terms;
    let alike = |lack: &Lack<'_>| {
        let names = lack.terms.iter().map(|t| &t.name);
        names.eq(first.iter().map(|t| &t.name))
            && lack
                .terms
                .iter()
                .all(|t| t.value.shape() == lack.found.shape())
    };
    if first.is_empty() || !points.iter().all(alike) {
        return None;
    }
    let stated = System::new(points, |p| {
        let zero = p.found.map(|_| Extended::from(0.0));
        let sum = p
            .terms
            .iter()
            .fold(zero, |s, t| s + &t.value * t.coefficient);
        (p.found - sum, p.own_bound)
    });
    let mut coefficients: Vec<Extended> = first.iter().map(|t| t.coefficient).collect();
    let fitted = stated.fit();
    let alone = matches!(fitted, Fit::Alone(_));
    match fitted {
        Fit::Nothing => {}
        // The terms' own rounding is not known: beside a larger failure it is no
        // matter.
        Fit::Unexplained if !matters(points) => {}
        Fit::Unexplained => return Some(Explanation::TermsDiffer),
        Fit::Alone(changes) | Fit::Together(changes) => {
            // Several that explain it alone cannot be told apart: the first.
            let count = if alone { 1 } else { changes.len() };
            for change in &changes[..count] {
                coefficients[change.term] += change.by;
            }
        }
    }
    let missing = System::new(points, |p| (p.expected - p.found, p.bound));
    let finding = |change: &Change| TermFinding {
        name: first[change.term].name.clone(),
        coefficient: narrow(coefficients[change.term]),
        should_be: narrow(coefficients[change.term] + change.by),
        relative_error: narrow(change.by / coefficients[change.term]),
        uncertainty: narrow(change.uncertainty),
    };
    Some(match missing.fit() {
        Fit::Nothing | Fit::Unexplained => Explanation::Unexplained,
        Fit::Alone(changes) if changes.len() > 1 => {
            Explanation::OneOf(changes.iter().map(finding).collect())
        }
        Fit::Alone(changes) | Fit::Together(changes) => {
            Explanation::Coefficients(changes.iter().map(finding).collect())
        }
    })
}

/// Whether formula and terms differ by a good part of what formula and oracle do.
fn matters(points: &[Lack<'_>]) -> bool {
    const PART: f64 = 0.1;
    points.iter().any(|p| {
        let sum = p.terms.iter().map(|t| &t.value * t.coefficient);
        let Some(sum) = sum.reduce(|a, b| a + b) else {
            return false;
        };
        let failure = (p.expected - p.found).amax();
        (p.found - sum).amax() > failure * Extended::from(PART)
    })
}

/// A change of one coefficient.
struct Change {
    term: usize,
    by: Extended,
    /// How far `by` may be off.
    uncertainty: Extended,
}

/// What changes of coefficients make of a discrepancy.
enum Fit {
    /// There is none beyond the bound.
    Nothing,
    /// Each of these alone explains it.
    Alone(Vec<Change>),
    /// These together do.
    Together(Vec<Change>),
    Unexplained,
}

/// One row an entry, in units of its bound; one column a term.
struct System {
    matrix: Wide,
    rhs: DVector<Extended>,
}

impl System {
    fn new<'a>(points: &'a [Lack<'a>], side: impl Fn(&'a Lack<'a>) -> (Wide, &'a Wide)) -> Self {
        let rows: usize = points.iter().map(|p| p.found.len()).sum();
        let columns = points.first().map_or(0, |p| p.terms.len());
        let mut matrix = Wide::zeros(rows, columns);
        let mut rhs = DVector::zeros(rows);
        let mut row = 0;
        for point in points {
            let (lack, bound) = side(point);
            let least = bound.amax() * Extended::from(f64::EPSILON);
            for k in 0..lack.len() {
                // An entry without any error at all must not drown the others.
                let unit = bound[k].max(least);
                let unit = if unit > Extended::from(0.0) {
                    unit
                } else {
                    Extended::from(1.0)
                };
                rhs[row] = lack[k] / unit;
                for (j, term) in point.terms.iter().enumerate() {
                    matrix[(row, j)] = term.value[k] / unit;
                }
                row += 1;
            }
        }
        System { matrix, rhs }
    }

    fn fit(&self) -> Fit {
        let one = Extended::from(1.0);
        if self.rhs.amax() <= one {
            return Fit::Nothing;
        }
        let columns = self.matrix.ncols();
        let alone: Vec<Change> = (0..columns).filter_map(|j| self.alone(j)).collect();
        if !alone.is_empty() {
            return Fit::Alone(alone);
        }
        let Some((changes, uncertainty)) = least_squares(&self.matrix, &self.rhs) else {
            return Fit::Unexplained;
        };
        let changed: Vec<Change> = (0..columns)
            .filter(|&j| changes[j].abs() > uncertainty[j])
            .map(|j| Change {
                term: j,
                by: changes[j],
                uncertainty: uncertainty[j],
            })
            .collect();
        let rest = (&self.rhs - &self.matrix * &changes).amax();
        if rest <= one && !changed.is_empty() {
            Fit::Together(changed)
        } else {
            Fit::Unexplained
        }
    }

    /// A change of one coefficient, if it leaves nothing beyond the bounds.
    fn alone(&self, j: usize) -> Option<Change> {
        let column = self.matrix.column(j).into_owned();
        let square = column.norm_squared();
        if !(square > Extended::from(0.0)) {
            return None;
        }
        let by = column.dot(&self.rhs) / square;
        let rest = (&self.rhs - &column * by).amax();
        let sum = column.iter().fold(Extended::from(0.0), |s, v| s + v.abs());
        (rest <= Extended::from(1.0)).then(|| Change {
            term: j,
            by,
            uncertainty: sum / square,
        })
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
