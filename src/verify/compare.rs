//! The comparisons at one point.

use nalgebra::{DMatrix, DVector, RealField};
use rand::rngs::StdRng;

use super::definition::{Differentiated, Precision};
use super::estimate::{Estimate, Function, Wide, evaluate};
use super::report::{Check, Oracle};
use super::run::{Broken, Comparison, Gathered, TermsAt};
use super::sides::{DIRECTIONS, Sides, paired};
use super::site::Site;
use super::terms::Part;
use crate::error::Error;
use crate::scalar::{Extended, Scalar, narrow, to_f64, widen};

/// Directions of Hessian-vector products at a point: one for each of those.
const PRODUCTS: usize = DIRECTIONS;

/// The part of a matrix of derivatives below which differences see nothing of an
/// entry: functions that they are taken of do not change by a last place for it.
const UNSEEN: f64 = 1e-11;

/// The work at one point.
pub(crate) struct At<'p, 's, 'a, T: Scalar> {
    site: &'s Site<'p, 'a, T>,
    rng: StdRng,
    point: usize,
    out: &'s mut Gathered,
    hessian: Option<Estimate>,
    /// The largest of f, ∇f, ∇²f and r, in comparable units.
    sizes: Sizes,
}

#[derive(Default, Clone, Copy)]
struct Sizes {
    value: f64,
    gradient: f64,
    hessian: f64,
    residual: f64,
}

/// A quantity made of a definition, seen from the sides given.
type Derived<'d> =
    dyn Fn(&dyn Differentiated, Precision, &DVector<Extended>, &Sides) -> Option<Wide> + 'd;

impl<'p, 's, 'a, T: Scalar> At<'p, 's, 'a, T> {
    pub(crate) fn new(
        site: &'s Site<'p, 'a, T>,
        rng: StdRng,
        point: usize,
        out: &'s mut Gathered,
    ) -> Self {
        At {
            site,
            rng,
            point,
            out,
            hessian: None,
            sizes: Sizes::default(),
        }
    }

    /// Everything that was asked for.
    pub(crate) fn all(mut self) -> Result<(), Error> {
        let value = evaluate(&self.site.value(), self.site.steps.x())?;
        if value.is_none() {
            self.out.outside = self.out.checks.clone();
            return Ok(());
        }
        self.sizes.value = value.map_or(0.0, |v| narrow(v.amax()));
        if let Some(residual) = self.site.residual() {
            let residual = evaluate(&residual, self.site.steps.x())?;
            self.sizes.residual = residual.map_or(0.0, |r| narrow(r.amax()));
        }
        self.value()?;
        self.gradient()?;
        self.hessian()?;
        self.product()?;
        self.jacobian()?;
        self.third()
    }

    /// What the formula says, with units that make its entries comparable; where
    /// the point lies outside, that is noted.
    fn found(
        &mut self,
        check: Check,
        f: &Function<'_, T>,
        units: &dyn Fn(&Wide) -> Wide,
    ) -> Result<Option<(Estimate, Wide)>, Error> {
        let found = self.site.found(f, units, &mut self.rng)?;
        match &found {
            None => match f(self.site.steps.x()) {
                Ok(m) if m.iter().any(|v| !v.is_finite()) => self.out.broken.push(Broken {
                    check,
                    point: self.point,
                    at: m.iter().position(|v| !v.is_finite()).unwrap_or(0),
                    rows: m.nrows(),
                    value: m
                        .iter()
                        .find(|v| !v.is_finite())
                        .map_or(0.0, |v| to_f64(*v)),
                }),
                _ => self.out.outside.push(check),
            },
            Some((found, units)) => {
                let size: f64 = narrow(found.value.component_mul(units).amax());
                match check {
                    Check::Gradient => self.sizes.gradient = size,
                    Check::Hessian => self.sizes.hessian = size,
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// What a quantity that vanishes is small beside: that of which it is a
    /// derivative.
    fn natural(&self, check: Check) -> Extended {
        Extended::from(match check {
            Check::Value | Check::Residual => 0.0,
            Check::Gradient => self.sizes.value,
            Check::Jacobian => self.sizes.residual,
            Check::Third => self.sizes.hessian,
            _ => self.sizes.gradient,
        })
    }

    /// Notes a comparison, unless one side is missing.
    fn note(
        &mut self,
        check: Check,
        oracle: Oracle,
        found: &Estimate,
        expected: Option<Estimate>,
        (units, along, rests_on): (&Wide, bool, Option<Check>),
    ) {
        let Some(mut expected) = expected else {
            return;
        };
        if matches!(oracle, Oracle::Differences | Oracle::Finitediff) {
            let size = expected.value.component_mul(units).amax();
            let floor = size * Extended::from(UNSEEN);
            expected.bound = expected.bound.zip_map(units, |b, u| b.max(floor / u));
        }
        self.out.comparisons.push(Comparison {
            check,
            oracle,
            point: self.point,
            found: found.clone(),
            expected,
            units: units.clone(),
            natural: self.natural(check),
            along,
            rests_on,
        });
    }

    /// Compares with the definition, in each precision that can be asked; `seen`
    /// is the formula's side of it along directions, none where entries are seen
    /// all the same.
    fn by_definition(
        &mut self,
        check: Check,
        (found, units): (&Estimate, &Wide),
        derived: &Derived<'_>,
        seen: impl Fn(&Sides) -> Option<Estimate>,
    ) -> Result<(), Error> {
        for (oracle, precision, entries) in self.site.precisions() {
            let sides = Sides::new(&self.site.steps, &mut self.rng, (precision, entries));
            let expected =
                self.site
                    .by_definition(precision, &mut self.rng, &|f, precision, x| {
                        derived(f, precision, x, &sides)
                    })?;
            let along = sides.along.then(|| seen(&sides)).flatten();
            let shape = along.as_ref().unwrap_or(found).value.shape();
            check_shape(expected.as_ref(), shape)?;
            match along {
                Some(seen) => {
                    let units = alike(&seen.value);
                    self.note(check, oracle, &seen, expected, (&units, true, None));
                }
                None => self.note(check, oracle, found, expected, (units, false, None)),
            }
        }
        Ok(())
    }

    fn note_terms(&mut self, check: Check, part: Part, p: &DVector<T>) -> Result<(), Error> {
        let terms = self.site.terms(part, p)?;
        if !terms.is_empty() {
            let point = self.point;
            self.out.terms.push(TermsAt {
                check,
                point,
                terms,
            });
        }
        Ok(())
    }

    fn value(&mut self) -> Result<(), Error> {
        if self.site.parts.definition.is_none() {
            return Ok(());
        }
        let Some((found, units)) = self.found(Check::Value, &self.site.value(), &alike)? else {
            return Ok(());
        };
        let derived: &Derived<'_> = &|f, precision, x, _| Some(f.value(precision, x));
        self.by_definition(Check::Value, (&found, &units), derived, |_| None)
    }

    fn gradient(&mut self) -> Result<(), Error> {
        let site = self.site;
        let by_length = |_: &Wide| site.lengths();
        let Some((found, units)) = self.found(Check::Gradient, &site.gradient(), &by_length)?
        else {
            return Ok(());
        };
        let derived: &Derived<'_> = &|f, precision, x, s| Some(f.gradient(precision, x, &s.v));
        self.by_definition(Check::Gradient, (&found, &units), derived, |s| {
            Some(found.transposed().right(&s.v).transposed())
        })?;
        for (oracle, expected) in site.differences(&site.value(), &mut self.rng)? {
            let expected = Some(expected.transposed());
            let place = (&units, false, None);
            self.note(Check::Gradient, oracle, &found, expected, place);
        }
        self.note_terms(Check::Gradient, Part::Gradient, site.steps.x())
    }

    fn hessian(&mut self) -> Result<(), Error> {
        let site = self.site;
        let Some(hessian) = site.hessian() else {
            return Ok(());
        };
        let by_lengths = |_: &Wide| site.products_of_lengths();
        let Some((found, units)) = self.found(Check::Hessian, &hessian, &by_lengths)? else {
            return Ok(());
        };
        self.hessian = Some(found.clone());
        let derived: &Derived<'_> =
            &|f, precision, x, s| Some(s.forms(|u, v| f.hessian(precision, x, u, v)));
        self.by_definition(Check::Hessian, (&found, &units), derived, |s| {
            Some(found.along(&s.u, &s.v))
        })?;
        for (oracle, expected) in site.differences(&site.gradient(), &mut self.rng)? {
            let place = |rests_on| (&units, false, rests_on);
            let (once, again) = (Some(expected.clone()), Some(expected));
            let rests_on = place(Some(Check::Gradient));
            self.note(Check::Hessian, oracle, &found, once, rests_on);
            self.note(Check::Consistency, oracle, &found, again, place(None));
        }
        let transpose = Some(found.transposed());
        let place = (&units, false, None);
        self.note(Check::Symmetry, Oracle::Itself, &found, transpose, place);
        self.note_terms(Check::Hessian, Part::Hessian, site.steps.x())
    }

    fn product(&mut self) -> Result<(), Error> {
        let site = self.site;
        let directions: Vec<_> = (0..PRODUCTS)
            .map(|_| site.steps.direction(&mut self.rng))
            .collect();
        let mut found = Vec::new();
        for h in &directions {
            let Some(product) = site.product(h) else {
                return Ok(());
            };
            let by_length = |_: &Wide| site.lengths();
            let Some((one, _)) = self.found(Check::Product, &product, &by_length)? else {
                return Ok(());
            };
            found.push(one);
        }
        let columns: Vec<_> = directions.iter().map(|h| h.map(widen)).collect();
        let h = Wide::from_columns(&columns);
        let all = Estimate::columns(&found);
        let lengths = site.lengths();
        let units = Wide::from_fn(all.value.nrows(), PRODUCTS, |i, _| lengths[i]);
        let of_pair = |u: &Wide| h.columns(0, u.ncols()).into_owned();
        let derived: &Derived<'_> = &|f, precision, x, s| {
            let form = |u: &Wide, h: &Wide| f.hessian(precision, x, u, h);
            Some(if s.along {
                paired(&s.u, &of_pair(&s.u), form)
            } else {
                form(&s.u, &h)
            })
        };
        self.by_definition(Check::Product, (&all, &units), derived, |s| {
            Some(all.paired(&s.u))
        })?;
        if let Some(hessian) = &self.hessian {
            let place = (&units, false, Some(Check::Hessian));
            let expected = Some(hessian.right(&h));
            self.note(Check::Product, Oracle::Hessian, &all, expected, place);
        }
        if site.parts.differences {
            let expected = site.differences_along(&site.gradient(), &directions, &mut self.rng)?;
            let place = (&units, false, Some(Check::Gradient));
            self.note(Check::Product, Oracle::Differences, &all, expected, place);
        }
        self.linearity(&directions, &found)
    }

    fn linearity(&mut self, directions: &[DVector<T>], found: &[Estimate]) -> Result<(), Error> {
        let ([u, v], [at_u, at_v]) = (directions, found) else {
            return Ok(());
        };
        // Small integers: the sum of directions is exact.
        let (two, three): (T, T) = (nalgebra::convert(2.0), nalgebra::convert(3.0));
        let sum = u * two - v * three;
        let Some(product) = self.site.product(&sum) else {
            return Ok(());
        };
        let site = self.site;
        let by_length = |_: &Wide| site.lengths();
        let Some((joint, units)) = self.found(Check::Linearity, &product, &by_length)? else {
            return Ok(());
        };
        let (two, three) = (Extended::from(2.0), Extended::from(3.0));
        let expected = Some(Estimate {
            value: &at_u.value * two - &at_v.value * three,
            bound: &at_u.bound * two + &at_v.bound * three,
        });
        let place = (&units, false, None);
        self.note(Check::Linearity, Oracle::Itself, &joint, expected, place);
        Ok(())
    }

    fn jacobian(&mut self) -> Result<(), Error> {
        let site = self.site;
        let (Some(residual), Some(jacobian)) = (site.residual(), site.jacobian()) else {
            return Ok(());
        };
        if site.parts.definition.is_some()
            && let Some((found, units)) = self.found(Check::Residual, &residual, &alike)?
        {
            let derived: &Derived<'_> = &|f, precision, x, _| f.residual(precision, x);
            self.by_definition(Check::Residual, (&found, &units), derived, |_| None)?;
        }
        let lengths = site.lengths();
        let by_column = |m: &Wide| Wide::from_fn(m.nrows(), m.ncols(), |_, j| lengths[j]);
        let Some((found, units)) = self.found(Check::Jacobian, &jacobian, &by_column)? else {
            return Ok(());
        };
        let derived: &Derived<'_> = &|f, precision, x, s| f.jacobian(precision, x, &s.v);
        self.by_definition(Check::Jacobian, (&found, &units), derived, |s| {
            Some(found.right(&s.v))
        })?;
        for (oracle, expected) in site.differences(&residual, &mut self.rng)? {
            let place = (&units, false, None);
            self.note(Check::Jacobian, oracle, &found, Some(expected), place);
        }
        self.note_terms(Check::Jacobian, Part::Jacobian, site.steps.x())
    }

    fn third(&mut self) -> Result<(), Error> {
        let site = self.site;
        let p = site.steps.direction(&mut self.rng);
        let Some(third) = site.third(&p) else {
            return Ok(());
        };
        let by_lengths = |_: &Wide| site.products_of_lengths();
        let Some((found, units)) = self.found(Check::Third, &third, &by_lengths)? else {
            return Ok(());
        };
        let wide = p.map(widen);
        let derived: &Derived<'_> =
            &|f, precision, x, s| Some(s.forms(|u, v| f.third(precision, x, (u, v), &wide)));
        self.by_definition(Check::Third, (&found, &units), derived, |s| {
            Some(found.along(&s.u, &s.v))
        })?;
        if let Some(hessian) = site.hessian().filter(|_| site.parts.differences) {
            let flat = |x: &DVector<T>| {
                let hessian = hessian(x)?;
                Ok(DMatrix::from_column_slice(
                    hessian.len(),
                    1,
                    hessian.as_slice(),
                ))
            };
            let (d, along) = (site.parts.dim, std::slice::from_ref(&p));
            let expected = site.differences_along(&flat, along, &mut self.rng)?;
            let expected = expected.map(|e| e.reshaped(d, d));
            let place = (&units, false, Some(Check::Hessian));
            self.note(Check::Third, Oracle::Differences, &found, expected, place);
        }
        self.note_terms(Check::Third, Part::Third, &p)
    }
}

/// Units where entries are comparable as they are.
fn alike(m: &Wide) -> Wide {
    m.map(|_| Extended::from(1.0))
}

/// A definition may be of another function altogether.
fn check_shape(expected: Option<&Estimate>, shape: (usize, usize)) -> Result<(), Error> {
    match expected.map(|e| e.value.shape()) {
        Some((rows, _)) if rows != shape.0 => Err(Error::Shape {
            what: "definition",
            unit: "rows",
            expected: shape.0,
            found: rows,
        }),
        _ => Ok(()),
    }
}
