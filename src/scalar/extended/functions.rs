//! Elementary functions: f256's, and in place of those that it lacks or gets
//! wrong, others built from the ones that hold.

use ::f256::{consts, f256};

use super::{Extended, define};

macro_rules! by_f256 {
    ($($name:ident)*) => {
        define! { $(pub(super) fn $name(self) -> Self = Self(self.0.$name());)* }
    };
}

// Where the result is a zero, f256's has lost the sign of the argument.
macro_rules! with_its_sign {
    ($($name:ident)*) => {
        define! {
            $(pub(super) fn $name(self) -> Self = Self(self.0.$name().copysign(self.0));)*
        }
    };
}

/// The functions of this file on an f256, as functions of an [`Extended`].
macro_rules! by_own {
    ($($name:ident)*) => {
        define! { $(pub(super) fn $name(self) -> Self = Self($name(self.0));)* }
    };
}

impl Extended {
    by_f256! { abs signum recip fract sqrt cbrt exp exp2 ln log2 log10 cos atan }
    with_its_sign! { floor ceil round trunc }
    by_own! { exp_m1 ln_1p sin tan asin acos sinh cosh tanh asinh acosh atanh }
    define! {
        pub(super) fn sin_cos(self) -> (Self, Self) = (self.sin(), self.cos());
        pub(super) fn log(self, base: Self) -> Self = Self(self.0.log(&base.0));
        pub(super) fn atan2(self, other: Self) -> Self = Self(atan2(self.0, other.0));
        pub(super) fn hypot(self, other: Self) -> Self = Self(self.0.hypot(other.0));
        pub(super) fn mul_add(self, factor: Self, term: Self) -> Self =
            Self(self.0.mul_add(factor.0, term.0));
        pub(super) fn powi(self, n: i32) -> Self = Self(power(self.0, n.into()));
        pub(super) fn powf(self, n: Self) -> Self = Self(power(self.0, n.0));
        pub(super) fn copysign(self, sign: Self) -> Self = Self(self.0.copysign(sign.0));
        pub(super) fn max(self, other: Self) -> Self = Self(self.0.max(other.0));
        pub(super) fn min(self, other: Self) -> Self = Self(self.0.min(other.0));
        // f256's panics on an empty interval.
        pub(super) fn clamp(self, least: Self, most: Self) -> Self =
            if self < least { least } else if self > most { most } else { self };
        pub(super) fn sph_j(self, order: u32) -> Self = Self(sph_j(order, self.0));
    }
}

define! {
    fn two_to(power: u32) -> f256 = f256::ONE.mul_pow2(power);
    fn is_tiny(x: f256) -> bool = x.abs() < f256::ONE.div_pow2(120);

    // f256's drops subnormal numbers and the sign of zero.
    fn exp_m1(x: f256) -> f256 = if is_tiny(x * two_to(120)) { x } else { x.exp_m1() };

    // f256 works in fixed point, with no digits left for x below 1e-77. There,
    // and from 2^-120 on down, both are x to the last place.
    fn sin(x: f256) -> f256 = if is_tiny(x) { x } else { x.sin() };
    fn tan(x: f256) -> f256 = if is_tiny(x) { x } else { x.tan() };

    // f256's cancel in 1 - x² at one end and in π/2 - asin x at the other.
    fn asin(x: f256) -> f256 = atan2(x, leg(x));
    fn acos(x: f256) -> f256 = atan2(leg(x), x);
    fn leg(x: f256) -> f256 = ((f256::ONE - x) * (f256::ONE + x)).sqrt();

    fn cosh(x: f256) -> f256 = (x.exp() + (-x).exp()).div2();
    fn atanh(x: f256) -> f256 =
        ln_1p(x.abs().mul2() / (f256::ONE - x.abs())).div2().copysign(x);
}

/// `ln(1 + x)`. f256's is NaN for every x < 0, where it is `−ln(1 − x/(1 + x))`.
fn ln_1p(x: f256) -> f256 {
    if x < f256::NEG_ONE {
        f256::NAN
    } else if x.is_sign_negative() {
        -(-x / (f256::ONE + x)).ln_1p()
    } else {
        x.ln_1p()
    }
}

/// The angle of the point (x, y). f256's takes an infinite x to be the same as
/// an infinite y, and loses digits where y/x is small.
fn atan2(y: f256, x: f256) -> f256 {
    let slope = match (y.abs(), x.abs()) {
        (y, x) if y == x && y.eq_zero() => y,
        (y, x) if y == x => f256::ONE,
        (y, x) => y / x,
    };
    let angle = slope.atan();
    let angle = if x.is_sign_negative() {
        consts::PI - angle
    } else {
        angle
    };
    angle.copysign(y)
}

fn sinh(x: f256) -> f256 {
    let e = exp_m1(x.abs());
    let twice = if e.is_finite() {
        e + e / (e + f256::ONE)
    } else {
        e
    };
    twice.div2().copysign(x)
}

fn tanh(x: f256) -> f256 {
    let e = exp_m1(x.abs().mul2());
    let value = if e.is_infinite() {
        f256::ONE
    } else {
        e / (e + f256::TWO)
    };
    value.copysign(x)
}

fn asinh(x: f256) -> f256 {
    let a = x.abs();
    // Beyond this the 1 in √(a² + 1) is below the last place.
    let value = if a > two_to(130) {
        a.ln() + consts::LN_2
    } else {
        (a + a * a / (f256::ONE + (a * a + f256::ONE).sqrt())).ln_1p()
    };
    value.copysign(x)
}

fn acosh(x: f256) -> f256 {
    let above = x - f256::ONE;
    if x < f256::ONE {
        f256::NAN
    } else if x > two_to(130) {
        x.ln() + consts::LN_2
    } else {
        ln_1p(above + (above * (above + f256::TWO)).sqrt())
    }
}

/// `xʸ`, with the sign that f256 gets wrong for zeros and for overflows.
fn power(x: f256, y: f256) -> f256 {
    let size = power_of_positive(x.abs(), y);
    let even = y.is_infinite() || y.div2().fract().eq_zero();
    if x.is_sign_positive() || even {
        size
    } else if y.fract().eq_zero() {
        -size
    } else if x.is_infinite() || x.eq_zero() {
        size
    } else {
        f256::NAN
    }
}

/// `xʸ` for x ≥ 0, by its logarithm where f256 panics (|y| ≥ 2³¹ or infinite, or
/// y near zero) or returns 0 or infinity for a finite power of a number below 1.
fn power_of_positive(x: f256, y: f256) -> f256 {
    if x.eq_zero() || !x.is_finite() || y.is_nan() || y.eq_zero() {
        return x.powf(&y);
    }
    // Below 2^-20 the logarithm loses nothing either.
    if f256::ONE.div_pow2(20) < y.abs() && y.abs() < two_to(31) - f256::ONE {
        let value = x.powf(&y);
        if value.is_finite() && !value.eq_zero() {
            return value;
        }
    }
    let logarithm = x.ln();
    if logarithm.eq_zero() {
        f256::ONE
    } else {
        (y * logarithm).exp()
    }
}

/// The spherical Bessel function jₙ: its power series near zero, where the
/// closed forms cancel.
fn sph_j(order: u32, x: f256) -> f256 {
    let count = |n: u32| f256::from(n);
    if x.abs() >= f256::TWO {
        let (first, cos) = (sin(x) / x, x.cos());
        let second = (first - cos) / x;
        return match order {
            0 => first,
            1 => second,
            _ => count(3) * second / x - first,
        };
    }
    let mut term = (1..=order).fold(f256::ONE, |term, n| term * x / count(2 * n + 1));
    let mut sum = term;
    for k in 1..50 {
        term *= -x * x / count(2 * k * (2 * (order + k) + 1));
        sum += term;
    }
    sum
}
