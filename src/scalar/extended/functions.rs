//! Elementary functions: f256's, and in place of those that it lacks or gets
//! wrong, others built from the ones that hold.

use ::f256::{consts, f256};

use super::{Extended, define};

/// Functions that f256 computes to within a unit in the last place.
macro_rules! by_f256 {
    ($($name:ident)*) => {
        define! { $(pub(super) fn $name(self) -> Self = Self(self.0.$name());)* }
    };
}

/// Functions of f256, as functions of an [`Extended`].
macro_rules! by_own {
    ($($name:ident)*) => {
        define! { $(pub(super) fn $name(self) -> Self = Self($name(self.0));)* }
    };
}

impl Extended {
    by_f256! {
        abs signum recip floor ceil round trunc fract sqrt cbrt
        exp exp2 exp_m1 ln log2 log10 atan
    }
    by_own! { ln_1p sin cos tan asin acos sinh cosh tanh asinh acosh atanh }
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

    // f256's is NaN for every x < 0.
    fn ln_1p(x: f256) -> f256 =
        if x.is_sign_negative() { -(-x / (x + f256::ONE)).ln_1p() } else { x.ln_1p() };

    // f256 works in fixed point, with no digits left for x below 1e-77. There,
    // and from 2^-120 on down, both are x to the last place.
    fn sin(x: f256) -> f256 = if is_tiny(x) { x } else { x.sin() };
    fn cos(x: f256) -> f256 = x.cos();
    fn tan(x: f256) -> f256 = if is_tiny(x) { x } else { x.tan() };

    // f256's cancel in 1 - x² at one end and in π/2 - asin x at the other.
    fn asin(x: f256) -> f256 = atan2(x, leg(x));
    fn acos(x: f256) -> f256 = atan2(leg(x), x);
    fn leg(x: f256) -> f256 = ((f256::ONE - x) * (f256::ONE + x)).sqrt();

    fn cosh(x: f256) -> f256 = (x.exp() + (-x).exp()).div2();
    fn atanh(x: f256) -> f256 =
        ln_1p(x.abs().mul2() / (f256::ONE - x.abs())).div2().copysign(x);
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
    let e = x.abs().exp_m1();
    let twice = if e.is_finite() {
        e + e / (e + f256::ONE)
    } else {
        e
    };
    twice.div2().copysign(x)
}

fn tanh(x: f256) -> f256 {
    let e = x.abs().mul2().exp_m1();
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
    if x > two_to(130) {
        x.ln() + consts::LN_2
    } else {
        ln_1p(above + (above * (above + f256::TWO)).sqrt())
    }
}

/// `xʸ`. f256 returns 0 or infinity for many finite powers of numbers below 1,
/// and panics at |y| ≥ 2³¹ and at infinite y; those go by the logarithm.
fn power(x: f256, y: f256) -> f256 {
    let special = x.eq_zero() || !x.is_finite() || y.is_nan();
    if special || y.abs() < two_to(31) - f256::ONE {
        let value = x.powf(&y);
        if special || (value.is_finite() && !value.eq_zero()) {
            return value;
        }
    }
    let logarithm = x.abs().ln();
    let size = if logarithm.eq_zero() {
        f256::ONE
    } else {
        (y * logarithm).exp()
    };
    if x.is_sign_positive() || y.div2().fract().eq_zero() {
        size
    } else if y.fract().eq_zero() {
        -size
    } else {
        f256::NAN
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
