//! Double-double numbers (106 bits, about 32 digits) that nalgebra accepts.
//!
//! [`DoubleDouble`] wraps [`TwoFloat`], which knows neither nalgebra's traits
//! nor non-finite numbers, and of which only `+ - *` and `sqrt` hold what the
//! type promises. Measured against mpmath, the largest relative error on 1000
//! random values of twofloat 0.8.4 is 7e-32 for those four, but 1e-16 for `/`
//! and 1e-11 for `exp` and `ln`. Those three are computed here instead.
//!
//! What is not finite follows IEEE: it is kept as an f64 with no low part, and
//! an operation whose double-double result is not finite returns what f64 says.
//! Low parts underflow below about 1e-290, and with them the accuracy.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::num::ParseFloatError;
use std::ops::Neg;

use approx::{AbsDiffEq, RelativeEq, UlpsEq};
use nalgebra::{ComplexField, Field, RealField, SimdValue};
use num_traits::{FromPrimitive, Num, One, Signed, Zero};
use simba::scalar::SubsetOf;
use twofloat::{TwoFloat, consts};

/// Functions whose body is one expression.
macro_rules! define {
    ($($vis:vis fn $name:ident($($argument:tt)*) -> $Value:ty = $value:expr;)*) => {
        $($vis fn $name($($argument)*) -> $Value { $value })*
    };
}
/// Traits whose functions are all of that kind.
macro_rules! implement {
    ($($Trait:path $([$Associated:ident = $Type:ty])? { $($functions:tt)* })*) => {$(
        impl $Trait for DoubleDouble {
            $(type $Associated = $Type;)?
            define! { $($functions)* }
        }
    )*};
}

/// An unevaluated sum of two f64.
#[derive(Copy, Clone, Debug, Default)]
pub struct DoubleDouble(TwoFloat);

impl DoubleDouble {
    define! {
        pub fn from_f64(value: f64) -> Self = Self(value.into());
        pub fn to_f64(self) -> f64 = self.hi();
        fn hi(self) -> f64 = self.0.hi();
        // `exact` if it is finite, `plain` if not.
        fn or(exact: TwoFloat, plain: f64) -> Self =
            if Self(exact).is_finite() { Self(exact) } else { Self::from_f64(plain) };
    }
}

/// `a / b` by algorithm 17 of Joldes et al. (2017), which is a Newton step from
/// the f64 quotient. TwoFloat's own takes `1 - b·(1/b)` without a fused
/// multiply-add and is right to 1e-16 only.
fn quotient(a: TwoFloat, b: TwoFloat) -> TwoFloat {
    let first = a.hi() / b.hi();
    TwoFloat::new_add(first, (a - b * first).hi() / b.hi())
}

define! {
    fn remainder(a: TwoFloat, b: TwoFloat) -> TwoFloat = a - quotient(a, b).trunc() * b;
    // `x·2^k`, in two factors because 2^k itself may overflow.
    fn scaled(x: TwoFloat, k: i32) -> TwoFloat = x * 2f64.powi(k / 2) * 2f64.powi(k - k / 2);
}

/// `exp(x) - 1` for |x| < 1/2, accurate relative to itself: the Taylor series at
/// x/32, then five times exp(2t) - 1 = e·(e + 2).
fn small_exp_m1(x: TwoFloat) -> TwoFloat {
    let t = x * (1.0 / 32.0);
    let one = TwoFloat::from(1.0);
    let series = (2..15).rev().fold(one, |s, n| t * s / f64::from(n) + 1.0);
    (0..5).fold(t * series, |e, _| e * (e + 2.0))
}

/// `ln(1 + d)` for |d| < 1/2, accurate relative to itself: one Newton step from
/// the f64 logarithm.
fn small_ln_1p(d: TwoFloat) -> TwoFloat {
    let start = d.hi().ln_1p();
    let e = small_exp_m1(TwoFloat::from(-start));
    d * e + (d + e) + start
}

fn exp(x: TwoFloat) -> DoubleDouble {
    let plain = x.hi().exp();
    if plain == 0.0 || !plain.is_finite() {
        return DoubleDouble::from_f64(plain);
    }
    let k = (x.hi() / std::f64::consts::LN_2).round();
    let reduced = small_exp_m1(x - consts::LN_2 * k) + 1.0;
    DoubleDouble::or(scaled(reduced, k as i32), plain)
}

fn ln(x: TwoFloat) -> DoubleDouble {
    if x.hi() <= 0.0 || !x.hi().is_finite() {
        return DoubleDouble::from_f64(x.hi().ln());
    }
    // x = 2^k·m with m near 1, and k = 0 wherever x is near 1: no cancellation.
    let k = x.hi().log2().round();
    DoubleDouble(consts::LN_2 * k + small_ln_1p(scaled(x, -(k as i32)) - 1.0))
}

/// Adds a decimal number, or with `sign = -1` subtracts it, digit by digit at the
/// powers of ten they stand for. The number's own sign is ignored.
fn add_decimal(sign: i32, text: &str, places: &mut BTreeMap<i32, i32>) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let fraction = mantissa.split_once('.').map_or(0, |(_, tail)| tail.len());
    let exponent: i32 = exponent.parse().expect("an exponent f64 accepts");
    let digits = mantissa.bytes().rev().filter(u8::is_ascii_digit);
    for (place, digit) in (exponent - fraction as i32..).zip(digits) {
        *places.entry(place).or_default() += sign * i32::from(digit - b'0');
    }
}

/// Correctly rounded in each part: high part = f64(text), low part =
/// f64(text - high part), the difference being taken exactly, in decimal.
impl std::str::FromStr for DoubleDouble {
    type Err = ParseFloatError;
    fn from_str(text: &str) -> Result<Self, ParseFloatError> {
        let hi: f64 = text.parse()?;
        if hi == 0.0 || !hi.is_finite() {
            return Ok(Self::from_f64(hi));
        }
        let mut places = BTreeMap::new();
        add_decimal(1, text, &mut places);
        // No f64 has more than 767 significant digits: this is its exact value.
        add_decimal(-1, &format!("{hi:.766e}"), &mut places);
        // The sign of the difference is that of the first digit that differs.
        let first = places.values().rev().find(|d| **d != 0);
        let sign = first.map_or(1, |d| d.signum());
        let mut borrow = 0;
        let lowest = places.keys().next().copied().unwrap_or(0);
        let mut lo = format!("e{lowest}");
        for digit in places.values() {
            let digit = sign * digit - borrow;
            borrow = i32::from(digit < 0);
            lo.insert(0, char::from(b'0' + (digit + 10 * borrow) as u8));
        }
        let lo = lo.parse::<f64>()? * f64::from(sign) * hi.signum();
        Ok(Self(TwoFloat::new_add(hi, lo)))
    }
}

macro_rules! operators {
    ($($sign:tt $Op:ident $op:ident $OpAssign:ident $op_assign:ident $exact:expr;)*) => {$(
        impl std::ops::$Op for DoubleDouble {
            type Output = Self;
            define! {
                fn $op(self, other: Self) -> Self =
                    Self::or($exact(self.0, other.0), self.hi() $sign other.hi());
            }
        }
        impl std::ops::$OpAssign for DoubleDouble {
            define! { fn $op_assign(&mut self, other: Self) -> () = *self = *self $sign other; }
        }
    )*};
}
operators! {
    + Add add AddAssign add_assign std::ops::Add::add;
    - Sub sub SubAssign sub_assign std::ops::Sub::sub;
    * Mul mul MulAssign mul_assign std::ops::Mul::mul;
    / Div div DivAssign div_assign quotient;
    % Rem rem RemAssign rem_assign remainder;
}

implement! {
    fmt::Display {
        fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result = fmt::LowerExp::fmt(&self.0, f);
    }
    PartialEq {
        fn eq(&self, other: &Self) -> bool = self.partial_cmp(other) == Some(Ordering::Equal);
    }
    // Not TwoFloat's, which holds -inf to be greater than every number.
    PartialOrd {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> =
            <(f64, f64)>::from(self.0).partial_cmp(&other.0.into());
    }
    Neg [Output = Self] {
        fn neg(self) -> Self = Self(-self.0);
    }
    Zero {
        fn zero() -> Self = Self::from_f64(0.0);
        fn is_zero(&self) -> bool = self.hi() == 0.0;
    }
    One {
        fn one() -> Self = Self::from_f64(1.0);
    }
    // Radix ten only; any other is refused as a malformed number.
    Num [FromStrRadixErr = ParseFloatError] {
        fn from_str_radix(text: &str, radix: u32) -> Result<Self, ParseFloatError> =
            if radix == 10 { text } else { "" }.parse();
    }
    Signed {
        fn abs(&self) -> Self = if self.is_negative() { -*self } else { *self };
        fn abs_sub(&self, other: &Self) -> Self = RealField::max(*self - *other, Self::zero());
        fn signum(&self) -> Self = Self::from_f64(self.hi().signum());
        fn is_positive(&self) -> bool = self.hi().is_sign_positive();
        fn is_negative(&self) -> bool = self.hi().is_sign_negative();
    }
    FromPrimitive {
        fn from_i64(value: i64) -> Option<Self> = Some(Self(value.into()));
        fn from_u64(value: u64) -> Option<Self> = Some(Self(value.into()));
        fn from_f64(value: f64) -> Option<Self> = Some(Self(value.into()));
    }
    AbsDiffEq [Epsilon = Self] {
        fn default_epsilon() -> Self = Self::from_f64(2f64.powi(-104));
        fn abs_diff_eq(&self, other: &Self, epsilon: Self) -> bool = self == other
            || (*self - *other).is_finite() && (*self - *other).modulus() <= epsilon;
    }
    RelativeEq {
        fn default_max_relative() -> Self = Self::default_epsilon();
        fn relative_eq(&self, other: &Self, epsilon: Self, relative: Self) -> bool =
            self.abs_diff_eq(other, epsilon)
                || self.abs_diff_eq(other, RealField::max(self.modulus(), other.modulus()) * relative);
    }
    // In units of 2^-105 relative to the larger: there is no last place to count in.
    UlpsEq {
        fn default_max_ulps() -> u32 = 4;
        fn ulps_eq(&self, other: &Self, epsilon: Self, ulps: u32) -> bool =
            self.relative_eq(other, epsilon, Self::from_f64(f64::from(ulps) * 2f64.powi(-105)));
    }
    Field {}
}

#[allow(
    unsafe_code,
    reason = "the trait has unsafe signatures; nothing unsafe is done"
)]
impl SimdValue for DoubleDouble {
    const LANES: usize = 1;
    type Element = Self;
    type SimdBool = bool;
    define! {
        fn splat(value: Self) -> Self = value;
        fn extract(&self, _lane: usize) -> Self = *self;
        fn replace(&mut self, _lane: usize, value: Self) -> () = *self = value;
        fn select(self, yes: bool, other: Self) -> Self = if yes { self } else { other };
    }
    // The trait declares these two unsafe; nothing in them is.
    unsafe fn extract_unchecked(&self, _lane: usize) -> Self {
        *self
    }
    unsafe fn replace_unchecked(&mut self, _lane: usize, value: Self) {
        *self = value;
    }
}

macro_rules! subsets {
    ($($Number:ty: $up:expr, $down:expr;)*) => {$(
        // Every real is in every set of reals, as between simba's f32 and f64.
        impl SubsetOf<DoubleDouble> for $Number {
            define! {
                fn to_superset(&self) -> DoubleDouble = $up(*self);
                fn from_superset_unchecked(element: &DoubleDouble) -> Self = $down(*element);
                fn is_in_subset(_element: &DoubleDouble) -> bool = true;
            }
        }
    )*};
}
subsets! {
    DoubleDouble: std::convert::identity, std::convert::identity;
    f64: DoubleDouble::from_f64, DoubleDouble::to_f64;
    f32: |x| DoubleDouble::from_f64(f64::from(x)), |x: DoubleDouble| x.hi() as f32;
}

/// The functions that nothing here needs: to the accuracy of f64, no more.
macro_rules! by_f64 {
    ($($name:ident)*) => {
        define! { $(fn $name(self) -> Self = Self::from_f64(self.hi().$name());)* }
    };
}

impl ComplexField for DoubleDouble {
    type RealField = Self;
    by_f64! { sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh }
    define! {
        fn sqrt(self) -> Self = Self::or(self.0.sqrt(), self.hi().sqrt());
        fn cbrt(self) -> Self = Self::or(self.0.cbrt(), self.hi().cbrt());
        fn floor(self) -> Self = Self::or(self.0.floor(), self.hi().floor());
        fn ceil(self) -> Self = Self::or(self.0.ceil(), self.hi().ceil());
        fn round(self) -> Self = Self::or(self.0.round(), self.hi().round());
        fn trunc(self) -> Self = Self::or(self.0.trunc(), self.hi().trunc());
        fn from_real(value: Self) -> Self = value;
        fn real(self) -> Self = self;
        fn imaginary(self) -> Self = Self::zero();
        fn conjugate(self) -> Self = self;
        fn norm1(self) -> Self = Signed::abs(&self);
        fn modulus(self) -> Self = Signed::abs(&self);
        fn abs(self) -> Self = Signed::abs(&self);
        fn signum(self) -> Self = Signed::signum(&self);
        fn to_exp(self) -> (Self, Self) = (Signed::abs(&self), Signed::signum(&self));
        fn modulus_squared(self) -> Self = self * self;
        fn argument(self) -> Self = if self.is_negative() { Self::pi() } else { Self::zero() };
        fn scale(self, factor: Self) -> Self = self * factor;
        fn unscale(self, factor: Self) -> Self = self / factor;
        fn mul_add(self, factor: Self, term: Self) -> Self = self * factor + term;
        fn hypot(self, other: Self) -> Self = (self * self + other * other).sqrt();
        fn recip(self) -> Self = Self::one() / self;
        fn fract(self) -> Self = self - self.trunc();
        fn sin_cos(self) -> (Self, Self) = (self.sin(), self.cos());
        fn exp(self) -> Self = exp(self.0);
        fn exp2(self) -> Self = (self * Self::ln_2()).exp();
        fn exp_m1(self) -> Self =
            if self.hi().abs() < 0.4 { Self(small_exp_m1(self.0)) } else { self.exp() - Self::one() };
        fn ln(self) -> Self = ln(self.0);
        fn ln_1p(self) -> Self =
            if self.hi().abs() < 0.4 { Self(small_ln_1p(self.0)) } else { (self + Self::one()).ln() };
        fn log(self, base: Self) -> Self = self.ln() / base.ln();
        fn log2(self) -> Self = self.ln() / Self::ln_2();
        fn log10(self) -> Self = self.ln() / Self::ln_10();
        fn powc(self, n: Self) -> Self = self.powf(n);
        fn is_finite(&self) -> bool = self.hi().is_finite() && self.0.lo().is_finite();
        fn try_sqrt(self) -> Option<Self> = (self >= Self::zero()).then(|| self.sqrt());
        fn powi(self, n: i32) -> Self =
            num_traits::pow(if n < 0 { self.recip() } else { self }, n.unsigned_abs() as usize);
        fn powf(self, n: Self) -> Self =
            if n.fract().is_zero() && n.hi().abs() <= 64.0 { self.powi(n.hi() as i32) }
            else if self.hi() > 0.0 { (n * self.ln()).exp() }
            else { Self::from_f64(self.hi().powf(n.hi())) };
    }
}

macro_rules! constants {
    ($($name:ident $constant:ident)*) => {
        define! { $(fn $name() -> Self = Self(consts::$constant);)* }
    };
}

impl RealField for DoubleDouble {
    constants! {
        pi PI two_pi TAU frac_pi_2 FRAC_PI_2 frac_pi_3 FRAC_PI_3 frac_pi_4 FRAC_PI_4
        frac_pi_6 FRAC_PI_6 frac_pi_8 FRAC_PI_8 frac_1_pi FRAC_1_PI frac_2_pi FRAC_2_PI
        frac_2_sqrt_pi FRAC_2_SQRT_PI e E log2_e LOG2_E log10_e LOG10_E ln_2 LN_2 ln_10 LN_10
    }
    define! {
        fn is_sign_positive(&self) -> bool = self.is_positive();
        fn is_sign_negative(&self) -> bool = self.is_negative();
        fn copysign(self, sign: Self) -> Self =
            if self.is_negative() == sign.is_negative() { self } else { -self };
        fn max(self, other: Self) -> Self =
            if self >= other || other.hi().is_nan() { self } else { other };
        fn min(self, other: Self) -> Self =
            if self <= other || other.hi().is_nan() { self } else { other };
        fn clamp(self, least: Self, most: Self) -> Self =
            if self < least { least } else if self > most { most } else { self };
        fn atan2(self, other: Self) -> Self = Self::from_f64(self.hi().atan2(other.hi()));
        fn min_value() -> Option<Self> = Some(Self(TwoFloat::MIN));
        fn max_value() -> Option<Self> = Some(Self(TwoFloat::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    define! { fn number(text: &str) -> DoubleDouble = text.parse().expect("a number"); }

    fn assert_close(a: DoubleDouble, b: DoubleDouble, tolerance: f64) {
        let error = ((a - b) / b).modulus().to_f64();
        assert!(error <= tolerance, "{a} is {error:e} off {b}");
    }

    #[test]
    fn arithmetic_holds_thirty_digits_and_infinity() {
        let third = number("0.3333333333333333333333333333333333333333");
        assert_close(DoubleDouble::one() / number("3"), third, 1e-31);
        let a = number("-12.34567890123456789012345678901234567890");
        let b = number("9.876543210987654321098765432109876543210e-3");
        assert_close((a * b) / b, a, 1e-30);
        assert_close((a + b) * (a - b), a * a - b * b, 1e-30);
        assert_close(b.sqrt() * b.sqrt(), b, 1e-30);
        let infinity = DoubleDouble::one() / DoubleDouble::zero();
        assert!(!infinity.is_finite() && infinity > a && -infinity < a);
        assert!(RealField::min(infinity, b) == b && (a / infinity).is_zero());
        assert!(!(infinity * DoubleDouble::zero()).is_finite() && !a.ln().is_finite());
    }

    #[test]
    fn logarithm_and_exponential_are_inverse() {
        for text in "1e-200 3.7e-9 0.9999999999999999999 1.001 7e100".split(' ') {
            let x = number(text);
            assert_close(x.ln().exp(), x, 1e-29);
        }
        let ln_3 = number("1.098612288668109691395245236922525704647");
        assert_close(number("3").ln(), ln_3, 1e-31);
    }

    #[test]
    fn nalgebra_factors_to_full_precision() {
        let entry = |i, j| DoubleDouble::one() / DoubleDouble::from_f64((i + j + 1) as f64);
        let a = nalgebra::DMatrix::from_fn(6, 4, entry);
        let qr = a.clone().col_piv_qr();
        let mut product = qr.q() * qr.r();
        qr.p().inv_permute_columns(&mut product);
        assert!((product - &a).amax().to_f64() < 1e-29);
        let gram = a.transpose() * &a;
        let lower = gram.clone().cholesky().expect("positive definite").l();
        assert!((&lower * lower.transpose() - gram).amax().to_f64() < 1e-29);
    }
}
