//! A point with everything that can be evaluated there.

use nalgebra::{ComplexField, DMatrix, DVector, RealField};
use rand::rngs::StdRng;

use super::definition::{Differentiated, Precision};
use super::difference;
use super::estimate::{Estimate, Function, Wide, evaluate};
use super::finite::finitediff;
use super::noise::{Measured, is_extended, measure};
use super::report::Oracle;
use super::run::FULL_DIMENSION;
use super::steps::Steps;
use super::terms::{Part, WideTerm};
use super::verification::Parts;
use crate::error::{Error, trial};
use crate::scalar::{Extended, Scalar, epsilon, narrow, real, to_f64, widen};

/// Standard deviations of its rounding noise that a formula may be off: its
/// errors at one point are one draw, thousands of entries are compared, and the
/// estimate itself comes of some fifteen differences along each of three lines.
const DEVIATIONS: f64 = 32.0;
/// The same in extended precision, where one draw tells the order of magnitude at
/// best, and a third of the digits can be spared.
const EXTENDED_DEVIATIONS: f64 = 1e24;
/// Last places of the largest entry that any entry of a formula may be off.
const PLACES: f64 = 16.0;
/// Multiplications in 237 bits that a derivative may take, three times over: some
/// seconds of dual numbers.
const EXTENDED_WORK: usize = 2_000_000;
/// And in f64, 27 times over.
const DOUBLE_WORK: usize = 10_000_000;
/// Halvings of the way to a neighbour that lies outside the domain.
const TRIES: usize = 8;

pub(crate) type Quantity<'s, T> = Box<Function<'s, T>>;
/// A quantity made of a definition.
pub(crate) type Derived<'s> =
    dyn Fn(&dyn Differentiated, Precision, &DVector<Extended>) -> Option<Wide> + 's;

pub(crate) struct Site<'p, 'a, T: Scalar> {
    pub(crate) parts: &'p Parts<'a, T>,
    pub(crate) steps: Steps<T>,
    wide: DVector<Extended>,
    /// Whether x is the same in f64.
    exact: bool,
}

impl<'p, 'a, T: Scalar> Site<'p, 'a, T> {
    pub(crate) fn new(parts: &'p Parts<'a, T>, x: &DVector<T>) -> Result<Self, Error> {
        let metric = trial((parts.metric)(x))?.flatten();
        let stated = parts.lengths.as_ref().map(|l| l.map(to_f64));
        let wide = x.map(widen);
        let exact = wide.iter().all(|&v| widen(narrow::<f64>(v)) == v);
        let steps = match stated {
            Some(lengths) => Steps::with_lengths(x, Some(lengths.as_slice())),
            None => Steps::new(x, metric.as_ref()),
        };
        Ok(Site {
            parts,
            steps,
            wide,
            exact,
        })
    }

    /// A random point not far away, in the domain if there is one on the way.
    pub(crate) fn neighbour(&self, rng: &mut StdRng) -> Result<Option<DVector<T>>, Error> {
        let v = self.steps.direction(rng);
        let mut factor = 0.5f64;
        if let Some(limit) = self.largest_step(&v)? {
            factor = factor.min(0.5 * to_f64(limit));
        }
        for _ in 0..TRIES {
            let x = self.steps.x() + &v * real::<T>(factor);
            let inside = evaluate(&self.value(), &x)?.is_some();
            if inside && evaluate(&self.gradient(), &x)?.is_some() {
                return Ok(Some(x));
            }
            factor *= 0.5;
        }
        Ok(None)
    }

    fn count(&self, add: impl Fn(&mut super::report::Evaluations)) {
        let mut count = self.parts.evaluations.get();
        add(&mut count);
        self.parts.evaluations.set(count);
    }

    pub(crate) fn value(&self) -> Quantity<'_, T> {
        Box::new(|x| {
            self.count(|c| c.value += 1);
            Ok(DMatrix::from_element(1, 1, (self.parts.value)(x)?))
        })
    }

    pub(crate) fn gradient(&self) -> Quantity<'_, T> {
        Box::new(|x| {
            self.count(|c| c.gradient += 1);
            let gradient = (self.parts.gradient)(x)?;
            shaped("gradient", column(gradient), (Some(self.parts.dim), 1))
        })
    }

    pub(crate) fn hessian(&self) -> Option<Quantity<'_, T>> {
        let hessian = self.parts.hessian.as_ref()?;
        let d = self.parts.dim;
        Some(self.other(move |x| shaped("Hessian", hessian(x)?, (Some(d), d))))
    }

    pub(crate) fn product<'s>(&'s self, h: &'s DVector<T>) -> Option<Quantity<'s, T>> {
        let product = self.parts.product.as_ref()?;
        let d = self.parts.dim;
        let shaped = move |v| shaped("Hessian-vector product", column(v), (Some(d), 1));
        Some(self.other(move |x| shaped(product(x, h)?)))
    }

    pub(crate) fn residual(&self) -> Option<Quantity<'_, T>> {
        let residual = self.parts.residual.as_ref()?;
        Some(self.other(move |x| Ok(column(residual(x)?))))
    }

    pub(crate) fn jacobian(&self) -> Option<Quantity<'_, T>> {
        let jacobian = self.parts.jacobian.as_ref()?;
        let (d, residual) = (self.parts.dim, self.parts.residual.as_ref());
        Some(self.other(move |x| {
            let rows = residual.map(|r| r(x)).transpose()?.map(|r| r.len());
            shaped("Jacobian", jacobian(x)?, (rows, d))
        }))
    }

    pub(crate) fn third<'s>(&'s self, p: &'s DVector<T>) -> Option<Quantity<'s, T>> {
        let third = self.parts.third.as_ref()?;
        let d = self.parts.dim;
        Some(self.other(move |x| shaped("third derivative", third(x, p)?, (Some(d), d))))
    }

    fn other<'s>(
        &'s self,
        f: impl Fn(&DVector<T>) -> Result<DMatrix<T>, Error> + 's,
    ) -> Quantity<'s, T> {
        Box::new(move |x| {
            self.count(|c| c.other += 1);
            f(x)
        })
    }

    pub(crate) fn terms(&self, part: Part, p: &DVector<T>) -> Result<Vec<WideTerm>, Error> {
        let Some(terms) = &self.parts.terms else {
            return Ok(Vec::new());
        };
        let terms = trial(terms(part, self.steps.x(), p))?.unwrap_or_default();
        Ok(terms.into_iter().map(WideTerm::of).collect())
    }

    /// The formula's value with its own error bound.
    ///
    /// Rounding that does not depend on x, as that of a constant Hessian AᵀA, is
    /// in no progression: a sum may err by a few last places of the largest
    /// entries that it could have been, in units that make entries comparable.
    pub(crate) fn found(
        &self,
        f: &Function<'_, T>,
        units: &dyn Fn(&Wide) -> Wide,
        rng: &mut StdRng,
    ) -> Result<Option<(Estimate, Wide)>, Error> {
        let Some(mut estimate) = estimate(f, &self.steps, rng)? else {
            return Ok(None);
        };
        let units = units(&estimate.value);
        let size = estimate.value.component_mul(&units).map(|v| v.abs());
        let largest = size.iter().fold(Extended::from(0.0), |m, v| m.max(*v));
        let place = to_f64(epsilon::<T>()) * PLACES + self.parts.formula_error;
        let floor = largest * Extended::from(place);
        estimate.bound = estimate.bound.zip_map(&units, |b, u| b.max(floor / u));
        Ok(Some((estimate, units)))
    }

    /// The precisions in which a definition can be asked here, and whether entry by
    /// entry: in 237 bits every operation takes a thousand times as long.
    pub(crate) fn precisions(&self) -> Vec<(Oracle, Precision, bool)> {
        let Some(definition) = self.parts.definition else {
            return Vec::new();
        };
        let (d, work) = (self.parts.dim, definition.work().max(1));
        let all = work.saturating_mul(d * (d + 1) / 2);
        let few = d <= FULL_DIMENSION;
        let mut out = Vec::new();
        if work <= EXTENDED_WORK || !self.exact {
            let entries = few && all <= EXTENDED_WORK;
            out.push((Oracle::Extended, Precision::Extended, entries));
        }
        if self.exact {
            out.push((Oracle::Double, Precision::Double, few && all <= DOUBLE_WORK));
        }
        out
    }

    /// A quantity by the definition, with the rounding of its own arithmetic.
    pub(crate) fn by_definition(
        &self,
        precision: Precision,
        rng: &mut StdRng,
        derived: &Derived<'_>,
    ) -> Result<Option<Estimate>, Error> {
        let Some(definition) = self.parts.definition else {
            return Ok(None);
        };
        let undefined = || Wide::from_element(1, 1, Extended::from(f64::NAN));
        match precision {
            Precision::Extended => {
                let steps = Steps::new(&self.wide, None);
                let f = |x: &DVector<Extended>| {
                    Ok(derived(definition, precision, x).unwrap_or_else(undefined))
                };
                estimate(&f, &steps, rng)
            }
            Precision::Double => {
                let steps = Steps::new(&self.wide.map(narrow::<f64>), None);
                let f = |x: &DVector<f64>| {
                    let value = derived(definition, precision, &x.map(widen));
                    Ok(value.unwrap_or_else(undefined).map(narrow))
                };
                estimate(&f, &steps, rng)
            }
        }
    }

    /// The longest step along v, in units of v.
    pub(crate) fn largest_step(&self, v: &DVector<T>) -> Result<Option<T>, Error> {
        Ok(trial((self.parts.largest_step)(self.steps.x(), v))?.flatten())
    }

    /// The longest step both ways along v, in units of v.
    fn limit(&self, v: &DVector<T>) -> Result<Option<T>, Error> {
        let (forth, back) = (self.largest_step(v)?, self.largest_step(&-v)?);
        Ok(match (forth, back) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        })
    }

    /// The derivative of f by differences, from every voice that can speak.
    pub(crate) fn differences(
        &self,
        f: &Function<'_, T>,
        rng: &mut StdRng,
    ) -> Result<Vec<(Oracle, Estimate)>, Error> {
        let mut voices = Vec::new();
        if !self.parts.differences {
            return Ok(voices);
        }
        let Some(Measured { noise, .. }) = measure(f, &self.steps, rng)? else {
            return Ok(voices);
        };
        let limit = |v: &DVector<T>| self.limit(v);
        if let Some(jacobian) = difference::jacobian(f, &self.steps, limit, &noise)? {
            voices.push((Oracle::Differences, jacobian));
        }
        if let Some(jacobian) = finitediff(f, &self.steps, limit, &noise)? {
            voices.push((Oracle::Finitediff, jacobian));
        }
        Ok(voices)
    }

    /// The same along some directions only, one column each.
    pub(crate) fn differences_along(
        &self,
        f: &Function<'_, T>,
        directions: &[DVector<T>],
        rng: &mut StdRng,
    ) -> Result<Option<Estimate>, Error> {
        let Some(Measured { noise, .. }) = measure(f, &self.steps, rng)? else {
            return Ok(None);
        };
        let mut columns = Vec::new();
        for v in directions {
            match difference::along(f, &self.steps, v, self.limit(v)?, &noise)? {
                Some(column) => columns.push(column),
                None => return Ok(None),
            }
        }
        Ok(Some(Estimate::columns(&columns)))
    }

    /// The lengths over which f changes, a column.
    pub(crate) fn lengths(&self) -> Wide {
        let d = self.parts.dim;
        Wide::from_fn(d, 1, |j, _| widen(self.steps.axis(j)[j]))
    }

    pub(crate) fn products_of_lengths(&self) -> Wide {
        let lengths = self.lengths();
        &lengths * lengths.transpose()
    }
}

/// f at x, with a bound from its rounding noise and the last place.
fn estimate<B: Scalar>(
    f: &Function<'_, B>,
    steps: &Steps<B>,
    rng: &mut StdRng,
) -> Result<Option<Estimate>, Error> {
    let Some(Measured { value, noise }) = measure(f, steps, rng)? else {
        return Ok(None);
    };
    let deviations = if is_extended::<B>() {
        EXTENDED_DEVIATIONS
    } else {
        DEVIATIONS
    };
    let bound = noise * Extended::from(deviations);
    let place = to_f64(epsilon::<B>()) * 4.0;
    // Below the normal numbers places no longer shrink with the value.
    let tiny = if place < f64::from(f32::EPSILON) {
        f64::MIN_POSITIVE
    } else {
        f64::from(f32::MIN_POSITIVE)
    };
    let tiny = if is_extended::<B>() { 0.0 } else { 64.0 * tiny };
    let bound = bound.zip_map(&value, |b, v| {
        b.max(v.abs() * Extended::from(place))
            .max(Extended::from(tiny))
    });
    Ok(Some(Estimate { value, bound }))
}

fn column<T: Scalar>(v: DVector<T>) -> DMatrix<T> {
    let rows = v.len();
    v.reshape_generic(nalgebra::Dyn(rows), nalgebra::Dyn(1))
}

/// A user's matrix, if it has the shape that the others imply.
fn shaped<T: Scalar>(
    what: &'static str,
    m: DMatrix<T>,
    (rows, columns): (Option<usize>, usize),
) -> Result<DMatrix<T>, Error> {
    let rows = rows.unwrap_or(m.nrows());
    let sides = [("rows", rows, m.nrows()), ("columns", columns, m.ncols())];
    match sides
        .into_iter()
        .find(|(_, expected, found)| expected != found)
    {
        None => Ok(m),
        Some((unit, expected, found)) => Err(Error::Shape {
            what,
            unit,
            expected,
            found,
        }),
    }
}
