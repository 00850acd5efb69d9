//! Gathers at every point what the formula says and what the oracles say.

use nalgebra::{DMatrix, DVector};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::definition::Precision;
use super::estimate::{Estimate, Wide};
use super::report::{Check, Oracle, Taylor};
use super::site::Site;
use super::taylor;
use super::terms::{Part, WideTerm};
use super::verification::Parts;
use crate::error::Error;
use crate::scalar::{Extended, Scalar};

/// Parameters up to which a definition is differentiated entry by entry; beyond,
/// along [`DIRECTIONS`] random directions.
pub const FULL_DIMENSION: usize = 12;
/// Random directions at a point, where entries would be too many; in extended
/// precision, a thousand times as dear, the first of them alone.
const DIRECTIONS: usize = 2;
/// Directions of Hessian-vector products at a point.
const PRODUCTS: usize = DIRECTIONS;

/// One oracle's word on one quantity at one point.
pub(crate) struct Comparison {
    pub(crate) check: Check,
    pub(crate) oracle: Oracle,
    pub(crate) point: usize,
    pub(crate) found: Estimate,
    pub(crate) expected: Estimate,
    /// What makes entries comparable with one another: gradients times lengths.
    pub(crate) units: Wide,
    /// Values along random directions instead of entries.
    pub(crate) along: bool,
    /// The check that this oracle takes for granted.
    pub(crate) rests_on: Option<Check>,
}

/// The terms of what a check is about, at one point.
pub(crate) struct TermsAt {
    pub(crate) check: Check,
    pub(crate) point: usize,
    pub(crate) terms: Vec<WideTerm>,
}

/// Everything that verdicts are made of.
#[derive(Default)]
pub(crate) struct Gathered {
    /// In the order in which checks rest on one another.
    pub(crate) checks: Vec<Check>,
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) terms: Vec<TermsAt>,
    pub(crate) taylor: Option<Taylor>,
    pub(crate) points: usize,
}

pub(crate) fn gather<T: Scalar>(parts: &Parts<'_, T>) -> Result<Gathered, Error> {
    let mut out = Gathered {
        checks: asked_for(parts),
        ..Gathered::default()
    };
    let mut rng = StdRng::seed_from_u64(parts.seed);
    let mut points = Vec::new();
    for x in &parts.points {
        points.push(x.clone());
        let site = Site::new(parts, x)?;
        for _ in 0..parts.neighbours {
            points.extend(site.neighbour(&mut rng)?);
        }
    }
    out.points = points.len();
    for (k, x) in points.iter().enumerate() {
        let site = Site::new(parts, x)?;
        let mut at = At {
            site: &site,
            rng: StdRng::seed_from_u64(parts.seed.wrapping_add(1 + k as u64)),
            point: k,
            out: &mut out,
        };
        at.value()?;
        at.gradient()?;
        at.hessian()?;
        at.product()?;
        at.jacobian()?;
        at.third()?;
        if k == 0 {
            out.taylor = taylor::remainders(&site, &mut rng)?;
        }
    }
    Ok(out)
}

fn asked_for<T: Scalar>(parts: &Parts<'_, T>) -> Vec<Check> {
    let defined = parts.definition.is_some();
    let has_hessian = parts.hessian.is_some();
    [
        (Check::Value, defined),
        (Check::Gradient, true),
        (Check::Hessian, has_hessian),
        (Check::Consistency, has_hessian && parts.differences),
        (Check::Symmetry, has_hessian),
        (Check::Product, parts.product.is_some()),
        (Check::Linearity, parts.product.is_some()),
        (Check::Residual, defined && parts.residual.is_some()),
        (Check::Jacobian, parts.jacobian.is_some()),
        (Check::Third, parts.third.is_some()),
    ]
    .into_iter()
    .filter_map(|(check, asked)| asked.then_some(check))
    .collect()
}

/// The work at one point.
struct At<'p, 's, 'a, T: Scalar> {
    site: &'s Site<'p, 'a, T>,
    rng: StdRng,
    point: usize,
    out: &'s mut Gathered,
}

impl<T: Scalar> At<'_, '_, '_, T> {
    fn say(&mut self, check: Check, oracle: Oracle, found: &Estimate, expected: Option<Estimate>) {
        let units = Wide::from_element(found.value.nrows(), found.value.ncols(), one());
        self.say_in(check, oracle, found, expected, (units, false, None));
    }

    /// Notes a comparison, unless one side is missing or they do not even have
    /// the same shape, which no objective of this crate's traits can bring about.
    fn say_in(
        &mut self,
        check: Check,
        oracle: Oracle,
        found: &Estimate,
        expected: Option<Estimate>,
        (units, along, rests_on): (Wide, bool, Option<Check>),
    ) {
        let Some(expected) = expected.filter(|e| e.value.shape() == found.value.shape()) else {
            return;
        };
        self.out.comparisons.push(Comparison {
            check,
            oracle,
            point: self.point,
            found: found.clone(),
            expected,
            units,
            along,
            rests_on,
        });
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
        let Some(found) = self.site.found(&self.site.value(), &mut self.rng)? else {
            return Ok(());
        };
        for (oracle, precision) in self.site.precisions() {
            let expected =
                self.site
                    .by_definition(precision, &mut self.rng, &|f, precision, x| {
                        Some(f.value(precision, x))
                    })?;
            self.say(Check::Value, oracle, &found, expected);
        }
        Ok(())
    }

    fn gradient(&mut self) -> Result<(), Error> {
        let site = self.site;
        let Some(found) = site.found(&site.gradient(), &mut self.rng)? else {
            return Ok(());
        };
        let directions = self.directions();
        for (oracle, precision) in site.precisions() {
            let (v, _, along) = &directions.affordable(precision);
            let along = *along;
            let expected = site.by_definition(precision, &mut self.rng, &|f, precision, x| {
                Some(f.gradient(precision, x, v))
            })?;
            let (found, units) = if along {
                (
                    found.along(v, &ones(v.ncols())),
                    ones(v.ncols()).transpose(),
                )
            } else {
                (found.clone(), site.lengths())
            };
            self.say_in(
                Check::Gradient,
                oracle,
                &found,
                expected,
                (units, along, None),
            );
        }
        for (oracle, expected) in site.differences(&site.value(), &mut self.rng)? {
            let expected = Some(expected.transposed());
            self.say_in(
                Check::Gradient,
                oracle,
                &found,
                expected,
                (site.lengths(), false, None),
            );
        }
        self.note_terms(Check::Gradient, Part::Gradient, site.steps.x())
    }

    fn hessian(&mut self) -> Result<(), Error> {
        let site = self.site;
        let Some(hessian) = site.hessian() else {
            return Ok(());
        };
        let Some(found) = site.found(&hessian, &mut self.rng)? else {
            return Ok(());
        };
        let units = site.products_of_lengths();
        let directions = self.directions();
        for (oracle, precision) in site.precisions() {
            let (u, v, along) = directions.affordable(precision);
            let expected = site.by_definition(precision, &mut self.rng, &|f, precision, x| {
                Some(forms(&u, &v, along, |u, v| f.hessian(precision, x, u, v)))
            })?;
            let found = if along {
                found.along(&u, &v)
            } else {
                found.clone()
            };
            let units = if along {
                ones(u.ncols()).transpose()
            } else {
                units.clone()
            };
            self.say_in(
                Check::Hessian,
                oracle,
                &found,
                expected,
                (units, along, None),
            );
        }
        for (oracle, expected) in site.differences(&site.gradient(), &mut self.rng)? {
            let expected = Some(expected);
            let place = |rests_on| (units.clone(), false, rests_on);
            let rests_on = place(Some(Check::Gradient));
            self.say_in(Check::Hessian, oracle, &found, expected.clone(), rests_on);
            self.say_in(Check::Consistency, oracle, &found, expected, place(None));
        }
        let transpose = Some(found.transposed());
        self.say_in(
            Check::Symmetry,
            Oracle::Itself,
            &found,
            transpose,
            (units, false, None),
        );
        self.note_terms(Check::Hessian, Part::Hessian, site.steps.x())
    }

    fn product(&mut self) -> Result<(), Error> {
        let site = self.site;
        if site.parts.product.is_none() {
            return Ok(());
        }
        let directions: Vec<_> = (0..PRODUCTS)
            .map(|_| site.steps.direction(&mut self.rng))
            .collect();
        let mut found = Vec::new();
        for h in &directions {
            let Some(product) = site.product(h) else {
                return Ok(());
            };
            let Some(one) = site.found(&product, &mut self.rng)? else {
                return Ok(());
            };
            found.push(one);
        }
        let columns: Vec<_> = directions
            .iter()
            .map(|h| h.map(crate::scalar::widen))
            .collect();
        let h = Wide::from_columns(&columns);
        let all = Estimate::columns(&found);
        let lengths = site.lengths();
        let units = Wide::from_fn(all.value.nrows(), PRODUCTS, |i, _| lengths[i]);
        let sides = self.directions();
        for (oracle, precision) in site.precisions() {
            let (u, _, along) = sides.affordable(precision);
            if along && precision == Precision::Extended {
                // The Hessian has been seen in it, or the product by f64.
                continue;
            }
            let expected = site.by_definition(precision, &mut self.rng, &|f, precision, x| {
                Some(forms(&u, &h, along, |u, h| f.hessian(precision, x, u, h)))
            })?;
            // As many directions as products: one pair each.
            let (found, units) = if along {
                (all.paired(&u), ones(PRODUCTS).transpose())
            } else {
                (all.clone(), units.clone())
            };
            self.say_in(
                Check::Product,
                oracle,
                &found,
                expected,
                (units, along, None),
            );
        }
        if let Some(hessian) = site.hessian()
            && let Some(matrix) = site.found(&hessian, &mut self.rng)?
        {
            let place = (units.clone(), false, Some(Check::Hessian));
            self.say_in(
                Check::Product,
                Oracle::Hessian,
                &all,
                Some(matrix.right(&h)),
                place,
            );
        }
        if site.parts.differences {
            let expected = site.differences_along(&site.gradient(), &directions, &mut self.rng)?;
            let place = (units, false, Some(Check::Gradient));
            self.say_in(Check::Product, Oracle::Differences, &all, expected, place);
        }
        self.linearity(&directions, &found)
    }

    fn linearity(&mut self, directions: &[DVector<T>], found: &[Estimate]) -> Result<(), Error> {
        let ([u, v], [at_u, at_v]) = (directions, found) else {
            return Ok(());
        };
        // Small integers: the sum of directions is exact.
        let two: T = nalgebra::convert(2.0);
        let three: T = nalgebra::convert(3.0);
        let sum = u * two - v * three;
        let Some(product) = self.site.product(&sum) else {
            return Ok(());
        };
        let Some(joint) = self.site.found(&product, &mut self.rng)? else {
            return Ok(());
        };
        let (two, three) = (Extended::from(2.0), Extended::from(3.0));
        let expected = Estimate {
            value: &at_u.value * two - &at_v.value * three,
            bound: &at_u.bound * two + &at_v.bound * three,
        };
        let units = self.site.lengths();
        self.say_in(
            Check::Linearity,
            Oracle::Itself,
            &joint,
            Some(expected),
            (units, false, None),
        );
        Ok(())
    }

    fn jacobian(&mut self) -> Result<(), Error> {
        let site = self.site;
        let (Some(residual), Some(jacobian)) = (site.residual(), site.jacobian()) else {
            return Ok(());
        };
        if site.parts.definition.is_some()
            && let Some(found) = site.found(&residual, &mut self.rng)?
        {
            for (oracle, precision) in site.precisions() {
                let expected =
                    site.by_definition(precision, &mut self.rng, &|f, precision, x| {
                        f.residual(precision, x)
                    })?;
                self.say(Check::Residual, oracle, &found, expected);
            }
        }
        let Some(found) = site.found(&jacobian, &mut self.rng)? else {
            return Ok(());
        };
        let sides = self.directions();
        let lengths = site.lengths();
        let shape = found.value.shape();
        let units = Wide::from_fn(shape.0, shape.1, |_, j| lengths[j]);
        for (oracle, precision) in site.precisions() {
            let (v, _, along) = sides.affordable(precision);
            let expected = site.by_definition(precision, &mut self.rng, &|f, precision, x| {
                f.jacobian(precision, x, &v)
            })?;
            let found = found.right(&v);
            let plain = || Wide::from_element(shape.0, v.ncols(), one());
            let units = if along { plain() } else { units.clone() };
            self.say_in(
                Check::Jacobian,
                oracle,
                &found,
                expected,
                (units, along, None),
            );
        }
        for (oracle, expected) in site.differences(&residual, &mut self.rng)? {
            self.say_in(
                Check::Jacobian,
                oracle,
                &found,
                Some(expected),
                (units.clone(), false, None),
            );
        }
        self.note_terms(Check::Jacobian, Part::Jacobian, site.steps.x())
    }

    fn third(&mut self) -> Result<(), Error> {
        let site = self.site;
        let p = site.steps.direction(&mut self.rng);
        let Some(third) = site.third(&p) else {
            return Ok(());
        };
        let Some(found) = site.found(&third, &mut self.rng)? else {
            return Ok(());
        };
        let wide = p.map(crate::scalar::widen);
        let units = site.products_of_lengths();
        let directions = self.directions();
        for (oracle, precision) in site.precisions() {
            let (u, v, along) = directions.affordable(precision);
            let expected = site.by_definition(precision, &mut self.rng, &|f, precision, x| {
                let third = |u: &Wide, v: &Wide| f.third(precision, x, (u, v), &wide);
                Some(forms(&u, &v, along, third))
            })?;
            let found = if along {
                found.along(&u, &v)
            } else {
                found.clone()
            };
            let units = if along {
                ones(u.ncols()).transpose()
            } else {
                units.clone()
            };
            self.say_in(Check::Third, oracle, &found, expected, (units, along, None));
        }
        if let Some(hessian) = site.hessian().filter(|_| site.parts.differences) {
            let flat = |x: &DVector<T>| {
                let hessian = hessian(x)?;
                Ok(DMatrix::from_column_slice(
                    hessian.len(),
                    1,
                    hessian.as_slice(),
                ))
            };
            let d = site.parts.dim;
            let expected =
                site.differences_along(&flat, std::slice::from_ref(&p), &mut self.rng)?;
            let expected = expected.map(|e| e.reshaped(d, d));
            let place = (units, false, Some(Check::Hessian));
            self.say_in(Check::Third, Oracle::Differences, &found, expected, place);
        }
        self.note_terms(Check::Third, Part::Third, &p)
    }

    /// Unit vectors, or random directions where those would be too many.
    fn directions(&mut self) -> Directions {
        let d = self.site.parts.dim;
        if d <= FULL_DIMENSION {
            let unit = Wide::identity(d, d);
            return Directions(unit.clone(), unit, false);
        }
        let mut draw = || {
            let column = |_| {
                self.site
                    .steps
                    .direction(&mut self.rng)
                    .map(crate::scalar::widen)
            };
            let columns: Vec<_> = (0..DIRECTIONS).map(column).collect();
            Wide::from_columns(&columns)
        };
        Directions(draw(), draw(), true)
    }
}

/// Two sets of directions, alike where they are unit vectors.
struct Directions(Wide, Wide, bool);

impl Directions {
    fn affordable(&self, precision: Precision) -> (Wide, Wide, bool) {
        let Directions(u, v, along) = self;
        if *along && precision == Precision::Extended {
            return (
                u.columns(0, 1).into_owned(),
                v.columns(0, 1).into_owned(),
                true,
            );
        }
        (u.clone(), v.clone(), *along)
    }
}

/// All entries of a form, or along pairs of directions that of each pair.
fn forms(u: &Wide, v: &Wide, along: bool, form: impl Fn(&Wide, &Wide) -> Wide) -> Wide {
    if !along {
        return form(u, v);
    }
    let one = |m: &Wide, k: usize| m.columns(k, 1).into_owned();
    DMatrix::from_fn(u.ncols(), 1, |k, _| form(&one(u, k), &one(v, k))[0])
}

fn one() -> Extended {
    Extended::from(1.0)
}

/// A row of ones.
fn ones(count: usize) -> Wide {
    Wide::from_element(1, count, one())
}
