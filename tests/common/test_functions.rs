//! Every derivative that the crate argmin_testfunctions ships, as black boxes and
//! beside literal definitions.

use std::f64::consts::PI;

use argmin_testfunctions as shipped;
use levinv::verify::{Check, Definition, HasTerms, Part, Report, Term, Verdict, Verification};
use levinv::{DMatrix, DVector, Error, Functions, HasHessian, Objective, Scalar};
use rand::Rng;

use super::instances::rng;

/// One function with its parameters, through one pair of shipped derivatives.
#[derive(Clone, Copy)]
pub struct Case {
    /// The name of the function with that of its derivatives' variant.
    pub name: &'static str,
    /// Parameters and dimension.
    pub parameters: &'static str,
    /// What a paper prints.
    pub definition: Literal,
    /// The usual domain, or the part of it where the function is more than 0.
    domain: &'static [(f64, f64)],
    /// Whether a point lies well off kinks and poles.
    smooth: fn(&[f64]) -> bool,
    value: fn(&[f64]) -> f64,
    gradient: fn(&[f64]) -> Vec<f64>,
    hessian: fn(&[f64]) -> Vec<Vec<f64>>,
}

fn array<const N: usize>(x: &[f64]) -> [f64; N] {
    x.try_into().expect("as many as the domain has")
}

fn rows<const N: usize>(rows: [[f64; N]; N]) -> Vec<Vec<f64>> {
    rows.map(|row| row.to_vec()).to_vec()
}

fn anywhere(_: &[f64]) -> bool {
    true
}

impl Case {
    /// Seeded points of the domain, off kinks.
    pub fn points(&self, count: usize) -> Vec<DVector<f64>> {
        let mut rng = rng(7);
        let draw = || {
            let coordinates = self.domain.iter().map(|&(a, b)| rng.random_range(a..b));
            DVector::from_iterator(self.domain.len(), coordinates.collect::<Vec<_>>())
        };
        std::iter::repeat_with(draw)
            .filter(|x| (self.smooth)(x.as_slice()))
            .take(count)
            .collect()
    }

    /// The shipped code alone, by differences.
    pub fn black_box(&self, x: &DVector<f64>) -> Report {
        self.verified(x, false)
    }

    /// The shipped code against the definition as well.
    pub fn defined(&self, x: &DVector<f64>) -> Report {
        self.verified(x, true)
    }

    fn verified(&self, x: &DVector<f64>, defined: bool) -> Report {
        let f = Functions::new(
            self.domain.len(),
            |x: &DVector<f64>| (self.value)(x.as_slice()),
            |x: &DVector<f64>| DVector::from_vec((self.gradient)(x.as_slice())),
        )
        .with_hessian(|x: &DVector<f64>| matrix(&(self.hessian)(x.as_slice())));
        let printed = self.definition.of(x.len());
        let verification = Verification::of(&f).hessian().at(x);
        let verification = if defined {
            verification.definition(&printed)
        } else {
            verification
        };
        verification.run().expect("closures do not fail")
    }
}

/// A shipped derivative that is wrong: function, parameters, which one, and why.
pub type Wrong = (&'static str, &'static str, Check, &'static str);

/// All that are wrong. By hand: ∂²/∂x_i² of (a − x_i)² is 2 whatever a is; the
/// code adds 2a. Right for a = 1 alone, which is all that its own tests try.
pub const WRONG: &[Wrong] = &[
    (
        "rosenbrock_ab",
        "a = 2, b = 100, d = 2",
        Check::Hessian,
        "2a, should be 2",
    ),
    (
        "rosenbrock_ab",
        "a = 1.001, b = 7, d = 4",
        Check::Hessian,
        "2a, should be 2",
    ),
    (
        "rosenbrock_ab, const",
        "a = 2, b = 100, d = 3",
        Check::Hessian,
        "2a, should be 2",
    ),
];

impl Case {
    /// Why this derivative is wrong, if it is. A wrong Hessian is not the
    /// derivative of the gradient either.
    pub fn wrong(&self, check: Check) -> Option<&'static str> {
        let check = match check {
            Check::Consistency => Check::Hessian,
            other => other,
        };
        let entry = WRONG
            .iter()
            .find(|w| (w.0, w.1, w.2) == (self.name, self.parameters, check));
        entry.map(|w| w.3)
    }
}

/// Rosenbrock's function by shipped code, its Hessian also as the sum of terms
/// that the code adds up.
pub struct Valley {
    pub a: f64,
    pub b: f64,
    pub dim: usize,
}

impl Objective<f64> for Valley {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
        Ok(shipped::rosenbrock_ab(x.as_slice(), self.a, self.b))
    }

    fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        let gradient = shipped::rosenbrock_ab_derivative(x.as_slice(), self.a, self.b);
        Ok(DVector::from_vec(gradient))
    }
}

impl HasHessian<f64> for Valley {
    fn hessian(&self, x: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        let hessian = shipped::rosenbrock_ab_hessian(x.as_slice(), self.a, self.b);
        Ok(matrix(&hessian))
    }
}

impl HasTerms<f64> for Valley {
    fn terms(
        &self,
        part: Part,
        x: &DVector<f64>,
        _: &DVector<f64>,
    ) -> Result<Vec<Term<f64>>, Error> {
        if part != Part::Hessian {
            return Ok(Vec::new());
        }
        let d = self.dim;
        let diagonal =
            |f: &dyn Fn(usize) -> f64| DMatrix::from_diagonal(&DVector::from_fn(d, |i, _| f(i)));
        // 1 in all rows but the last: those that have an i and an i + 1.
        let first = |i: usize| f64::from(u8::from(i + 1 < d));
        let beside = DMatrix::from_fn(
            d,
            d,
            |i, j| {
                if i.abs_diff(j) == 1 { x[i.min(j)] } else { 0.0 }
            },
        );
        let next = |i: usize| if i + 1 < d { x[i + 1] } else { 0.0 };
        let (a, b) = (self.a, self.b);
        Ok(vec![
            Term::new("12 b x_i²", 12.0 * b, diagonal(&|i| first(i) * x[i] * x[i])),
            Term::new("−4 b x_{i+1}", -4.0 * b, diagonal(&next)),
            Term::new("2 a", 2.0 * a, diagonal(&first)),
            Term::new("2 b", 2.0 * b, diagonal(&|i| f64::from(u8::from(i > 0)))),
            Term::new("−4 b x_i, off the diagonal", -4.0 * b, beside),
        ])
    }
}

fn matrix(rows: &[Vec<f64>]) -> DMatrix<f64> {
    DMatrix::from_fn(rows.len(), rows.len(), |i, j| rows[i][j])
}

/// What came of one check at several points.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub pass: usize,
    pub fail: usize,
    pub open: usize,
    /// The smallest error that would have been caught at every point that passed;
    /// infinite where there is nothing to plant one in.
    pub caught: f64,
}

impl Tally {
    pub fn of<'a>(reports: impl IntoIterator<Item = &'a Report>, check: Check) -> Self {
        let mut tally = Tally::default();
        for report in reports {
            let check = report.check(check).expect("asked for");
            match check.verdict {
                Verdict::Pass => {
                    let caught = check.detects().unwrap_or(f64::INFINITY);
                    tally.caught = tally.caught.max(caught);
                    tally.pass += 1;
                }
                Verdict::Fail => tally.fail += 1,
                _ => tally.open += 1,
            }
        }
        tally
    }
}

/// The functions as papers print them, with the crate's constants.
#[derive(Debug, Clone, Copy)]
pub enum Literal {
    Ackley(f64, f64, f64),
    Beale,
    Booth,
    Bukin,
    CrossInTray,
    Easom,
    Eggholder,
    GoldsteinPrice,
    Himmelblau,
    HolderTable,
    Levy,
    Levy13,
    Matyas,
    McCormick,
    Picheny,
    Rastrigin(f64),
    Rosenbrock(f64, f64),
    Schaffer2,
    Schaffer4,
    Sphere,
    StyblinskiTang,
    ThreeHumpCamel,
    Zero,
}

fn c<S: Scalar>(value: f64) -> S {
    nalgebra::convert(value)
}

fn sum<S: Scalar>(parts: impl Iterator<Item = S>) -> S {
    parts.fold(S::zero(), |sum, part| sum + part)
}

impl Literal {
    /// In so many dimensions.
    pub fn of(self, dim: usize) -> Printed {
        Printed { literal: self, dim }
    }

    fn value<S: Scalar>(&self, v: &DVector<S>) -> S {
        let n = c::<S>(v.len() as f64);
        let (x, y) = (v[0], v[1]);
        let one = S::one();
        let pi = c::<S>(PI);
        let squares = || sum(v.iter().map(|&x| x * x));
        match *self {
            Literal::Ackley(a, b, k) => {
                let waves = sum(v.iter().map(|&x| (c::<S>(k) * x).cos()));
                -c::<S>(a) * (-c::<S>(b) * (squares() / n).sqrt()).exp() - (waves / n).exp()
                    + c(a)
                    + one.exp()
            }
            Literal::Beale => {
                (c::<S>(1.5) - x + x * y).powi(2)
                    + (c::<S>(2.25) - x + x * y.powi(2)).powi(2)
                    + (c::<S>(2.625) - x + x * y.powi(3)).powi(2)
            }
            Literal::Booth => {
                (x + c::<S>(2.0) * y - c(7.0)).powi(2) + (c::<S>(2.0) * x + y - c(5.0)).powi(2)
            }
            Literal::Bukin => {
                c::<S>(100.0) * (y - c::<S>(0.01) * x * x).abs().sqrt()
                    + c::<S>(0.01) * (x + c(10.0)).abs()
            }
            Literal::CrossInTray => {
                let e = (c::<S>(100.0) - squares().sqrt() / pi).abs().exp();
                let base = (x.sin() * y.sin() * e).abs() + one;
                c::<S>(-0.0001) * base.powf(c(0.1))
            }
            Literal::Easom => -x.cos() * y.cos() * (-(x - pi).powi(2) - (y - pi).powi(2)).exp(),
            Literal::Eggholder => {
                let z = y + c(47.0);
                -z * (z + x / c(2.0)).abs().sqrt().sin() - x * (x - z).abs().sqrt().sin()
            }
            Literal::GoldsteinPrice => goldstein_price(x, y),
            Literal::Himmelblau => (x * x + y - c(11.0)).powi(2) + (x + y * y - c(7.0)).powi(2),
            Literal::HolderTable => {
                let e = (one - squares().sqrt() / pi).abs().exp();
                -(x.sin() * y.cos() * e).abs()
            }
            Literal::Levy => {
                let w: Vec<S> = v.iter().map(|&x| one + (x - one) / c(4.0)).collect();
                let last = w[w.len() - 1];
                let between = w[1..w.len() - 1].iter().map(|&w| {
                    let wave = (pi * w + one).sin().powi(2);
                    (w - one).powi(2) * (one + c::<S>(10.0) * wave)
                });
                let wave = (c::<S>(2.0) * pi * last).sin().powi(2);
                (pi * w[0]).sin().powi(2) + sum(between) + (last - one).powi(2) * (one + wave)
            }
            Literal::Levy13 => {
                let wave = |k: f64, x: S| (c::<S>(k) * pi * x).sin().powi(2);
                wave(3.0, x)
                    + (x - one).powi(2) * (one + wave(3.0, y))
                    + (y - one).powi(2) * (one + wave(2.0, y))
            }
            Literal::Matyas => c::<S>(0.26) * squares() - c::<S>(0.48) * x * y,
            Literal::McCormick => {
                (x + y).sin() + (x - y).powi(2) - c::<S>(1.5) * x + c::<S>(2.5) * y + one
            }
            Literal::Picheny => {
                let inner = |x: S| c::<S>(4.0) * x - c(2.0);
                let log = goldstein_price(inner(x), inner(y)).ln() / c::<S>(10.0).ln();
                (log - c(8.693)) / c(2.427)
            }
            Literal::Rastrigin(a) => {
                let wave = |x: S| x * x - c::<S>(a) * (c::<S>(2.0) * pi * x).cos();
                c::<S>(a) * n + sum(v.iter().map(|&x| wave(x)))
            }
            Literal::Rosenbrock(a, b) => sum(v
                .as_slice()
                .windows(2)
                .map(|w| (c::<S>(a) - w[0]).powi(2) + c::<S>(b) * (w[1] - w[0] * w[0]).powi(2))),
            Literal::Schaffer2 => {
                let wave = (x * x - y * y).sin().powi(2);
                c::<S>(0.5) + (wave - c(0.5)) / (one + c::<S>(0.001) * squares()).powi(2)
            }
            Literal::Schaffer4 => {
                let wave = (x * x - y * y).abs().sin().cos().powi(2);
                c::<S>(0.5) + (wave - c(0.5)) / (one + c::<S>(0.001) * squares()).powi(2)
            }
            Literal::Sphere => squares(),
            Literal::StyblinskiTang => {
                let part = |x: S| x.powi(4) - c::<S>(16.0) * x * x + c::<S>(5.0) * x;
                sum(v.iter().map(|&x| part(x))) / c(2.0)
            }
            Literal::ThreeHumpCamel => {
                c::<S>(2.0) * x * x - c::<S>(1.05) * x.powi(4) + x.powi(6) / c(6.0) + x * y + y * y
            }
            Literal::Zero => S::zero(),
        }
    }
}

fn goldstein_price<S: Scalar>(x: S, y: S) -> S {
    let k = c::<S>;
    let first = k(19.0) - k(14.0) * (x + y) + k(3.0) * (x * x + y * y) + k(6.0) * x * y;
    let second =
        k(18.0) - k(32.0) * x + k(12.0) * x * x + k(48.0) * y - k(36.0) * x * y + k(27.0) * y * y;
    (k(1.0) + (x + y + k(1.0)).powi(2) * first)
        * (k(30.0) + (k(2.0) * x - k(3.0) * y).powi(2) * second)
}

macro_rules! case {
    // A function of the plane.
    ($f:ident, $literal:expr, $domain:expr, $smooth:expr, $gradient:ident, $hessian:ident) => {
        Case {
            name: stringify!($f),
            parameters: "",
            definition: $literal,
            domain: &$domain,
            smooth: $smooth,
            value: |x| shipped::$f(&array::<2>(x)),
            gradient: |x| shipped::$gradient(&array::<2>(x)).to_vec(),
            hessian: |x| rows(shipped::$hessian(&array::<2>(x))),
        }
    };
    // A function of vectors, by slices.
    ($f:ident[$n:literal], $parameters:literal, ($($p:expr),*), $literal:expr, $bounds:expr,
     $gradient:ident, $hessian:ident) => {
        Case {
            name: stringify!($f),
            parameters: $parameters,
            definition: $literal,
            domain: &[$bounds; $n],
            smooth: anywhere,
            value: |x| shipped::$f(x $(, $p)*),
            gradient: |x| shipped::$gradient(x $(, $p)*),
            hessian: |x| shipped::$hessian(x $(, $p)*),
        }
    };
    // The same, by arrays.
    (const $f:ident[$n:literal], $parameters:literal, ($($p:expr),*), $literal:expr, $bounds:expr,
     $gradient:ident, $hessian:ident) => {
        Case {
            name: concat!(stringify!($f), ", const"),
            parameters: $parameters,
            definition: $literal,
            domain: &[$bounds; $n],
            smooth: anywhere,
            value: |x| shipped::$f(x $(, $p)*),
            gradient: |x| shipped::$gradient(&array::<$n>(x) $(, $p)*).to_vec(),
            hessian: |x| rows(shipped::$hessian::<$n, f64>(&array::<$n>(x) $(, $p)*)),
        }
    };
}

/// Well off the zeros of a sine.
fn off(x: f64) -> bool {
    x.abs() > 0.05
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case!(ackley[2], "d = 2", (), Literal::Ackley(20.0, 0.2, 2.0 * PI), (-32.8, 32.8), ackley_derivative, ackley_hessian),
    case!(const ackley[3], "d = 3", (), Literal::Ackley(20.0, 0.2, 2.0 * PI), (-32.8, 32.8), ackley_derivative_const, ackley_hessian_const),
    case!(ackley_abc[4], "a = 7, b = 0.5, c = 1.3, d = 4", (7.0, 0.5, 1.3), Literal::Ackley(7.0, 0.5, 1.3), (-5.0, 5.0), ackley_abc_derivative, ackley_abc_hessian),
    case!(const ackley_abc[3], "a = 7, b = 0.5, c = 1.3, d = 3", (7.0, 0.5, 1.3), Literal::Ackley(7.0, 0.5, 1.3), (-5.0, 5.0), ackley_abc_derivative_const, ackley_abc_hessian_const),
    case!(beale, Literal::Beale, [(-4.5, 4.5); 2], anywhere, beale_derivative, beale_hessian),
    case!(booth, Literal::Booth, [(-10.0, 10.0); 2], anywhere, booth_derivative, booth_hessian),
    case!(bukin_n6, Literal::Bukin, [(-15.0, -5.0), (-3.0, 3.0)],
        |x| (x[1] - 0.01 * x[0] * x[0]).abs() > 0.1 && (x[0] + 10.0).abs() > 0.1, bukin_n6_derivative, bukin_n6_hessian),
    case!(cross_in_tray, Literal::CrossInTray, [(-10.0, 10.0); 2],
        |x| off(x[0].sin()) && off(x[1].sin()), cross_in_tray_derivative, cross_in_tray_hessian),
    // Beyond, it is 0 to all digits.
    case!(easom, Literal::Easom, [(0.0, 6.5); 2], anywhere, easom_derivative, easom_hessian),
    case!(eggholder, Literal::Eggholder, [(-512.0, 512.0); 2],
        |x| (x[1] + x[0] / 2.0 + 47.0).abs() > 1.0 && (x[0] - x[1] - 47.0).abs() > 1.0, eggholder_derivative, eggholder_hessian),
    case!(goldsteinprice, Literal::GoldsteinPrice, [(-2.0, 2.0); 2], anywhere, goldsteinprice_derivative, goldsteinprice_hessian),
    case!(himmelblau, Literal::Himmelblau, [(-5.0, 5.0); 2], anywhere, himmelblau_derivative, himmelblau_hessian),
    case!(holder_table, Literal::HolderTable, [(-10.0, 10.0); 2],
        |x| off(x[0].sin()) && off(x[1].cos()) && off(x[0].hypot(x[1]) - PI), holder_table_derivative, holder_table_hessian),
    case!(levy[2], "d = 2", (), Literal::Levy, (-10.0, 10.0), levy_derivative, levy_hessian),
    case!(levy[5], "d = 5", (), Literal::Levy, (-10.0, 10.0), levy_derivative, levy_hessian),
    case!(const levy[4], "d = 4", (), Literal::Levy, (-10.0, 10.0), levy_derivative_const, levy_hessian_const),
    case!(levy_n13, Literal::Levy13, [(-10.0, 10.0); 2], anywhere, levy_n13_derivative, levy_n13_hessian),
    case!(matyas, Literal::Matyas, [(-10.0, 10.0); 2], anywhere, matyas_derivative, matyas_hessian),
    case!(mccormick, Literal::McCormick, [(-1.5, 4.0), (-3.0, 4.0)], anywhere, mccormick_derivative, mccormick_hessian),
    case!(picheny, Literal::Picheny, [(0.0, 1.0); 2], anywhere, picheny_derivative, picheny_hessian),
    case!(rastrigin[3], "d = 3", (), Literal::Rastrigin(10.0), (-5.12, 5.12), rastrigin_derivative, rastrigin_hessian),
    case!(const rastrigin[2], "d = 2", (), Literal::Rastrigin(10.0), (-5.12, 5.12), rastrigin_derivative_const, rastrigin_hessian_const),
    case!(rastrigin_a[4], "a = 3.5, d = 4", (3.5), Literal::Rastrigin(3.5), (-5.12, 5.12), rastrigin_a_derivative, rastrigin_a_hessian),
    case!(const rastrigin_a[3], "a = 3.5, d = 3", (3.5), Literal::Rastrigin(3.5), (-5.12, 5.12), rastrigin_a_derivative_const, rastrigin_a_hessian_const),
    case!(rosenbrock[2], "d = 2", (), Literal::Rosenbrock(1.0, 100.0), (-2.0, 2.0), rosenbrock_derivative, rosenbrock_hessian),
    case!(const rosenbrock[5], "d = 5", (), Literal::Rosenbrock(1.0, 100.0), (-2.0, 2.0), rosenbrock_derivative_const, rosenbrock_hessian_const),
    case!(rosenbrock_ab[3], "a = 1, b = 7, d = 3", (1.0, 7.0), Literal::Rosenbrock(1.0, 7.0), (-2.0, 2.0), rosenbrock_ab_derivative, rosenbrock_ab_hessian),
    case!(rosenbrock_ab[2], "a = 2, b = 100, d = 2", (2.0, 100.0), Literal::Rosenbrock(2.0, 100.0), (-2.0, 2.0), rosenbrock_ab_derivative, rosenbrock_ab_hessian),
    case!(rosenbrock_ab[4], "a = 1.001, b = 7, d = 4", (1.001, 7.0), Literal::Rosenbrock(1.001, 7.0), (-2.0, 2.0), rosenbrock_ab_derivative, rosenbrock_ab_hessian),
    case!(const rosenbrock_ab[3], "a = 2, b = 100, d = 3", (2.0, 100.0), Literal::Rosenbrock(2.0, 100.0), (-2.0, 2.0), rosenbrock_ab_derivative_const, rosenbrock_ab_hessian_const),
    case!(schaffer_n2, Literal::Schaffer2, [(-100.0, 100.0); 2], anywhere, schaffer_n2_derivative, schaffer_n2_hessian),
    case!(schaffer_n4, Literal::Schaffer4, [(-100.0, 100.0); 2], anywhere, schaffer_n4_derivative, schaffer_n4_hessian),
    case!(sphere[4], "d = 4", (), Literal::Sphere, (-5.0, 5.0), sphere_derivative, sphere_hessian),
    case!(const sphere[3], "d = 3", (), Literal::Sphere, (-5.0, 5.0), sphere_derivative_const, sphere_hessian_const),
    case!(styblinski_tang[4], "d = 4", (), Literal::StyblinskiTang, (-5.0, 5.0), styblinski_tang_derivative, styblinski_tang_hessian),
    case!(const styblinski_tang[3], "d = 3", (), Literal::StyblinskiTang, (-5.0, 5.0), styblinski_tang_derivative_const, styblinski_tang_hessian_const),
    case!(threehumpcamel, Literal::ThreeHumpCamel, [(-5.0, 5.0); 2], anywhere, threehumpcamel_derivative, threehumpcamel_hessian),
    case!(zero[3], "d = 3", (), Literal::Zero, (-5.0, 5.0), zero_derivative, zero_hessian),
    case!(const zero[2], "d = 2", (), Literal::Zero, (-5.0, 5.0), zero_derivative_const, zero_hessian_const),
];

/// A literal definition in some number of dimensions.
pub struct Printed {
    literal: Literal,
    dim: usize,
}

impl Definition for Printed {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value<S: Scalar>(&self, x: &DVector<S>) -> S {
        self.literal.value(x)
    }
}
