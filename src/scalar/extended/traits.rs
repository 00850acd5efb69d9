//! What num-traits, approx and nalgebra ask of a real number.

use std::iter::{Product, Sum};
use std::num::{FpCategory, ParseFloatError};

use ::f256::{consts, f256};
use approx::{AbsDiffEq, RelativeEq, UlpsEq};
use nalgebra::{ComplexField, Field, RealField, SimdValue};
use num_traits::{Float, FloatConst, FromPrimitive, Inv, Num, One, Signed, ToPrimitive, Zero};
use simba::scalar::SubsetOf;

use super::{Extended, define, implement};

macro_rules! to_integers {
    ($($name:ident $Integer:ty,)*) => {
        define! {
            $(fn $name(&self) -> Option<$Integer> = (&self.0.trunc()).try_into().ok();)*
        }
    };
}

impl ToPrimitive for Extended {
    // As with f64: towards zero.
    to_integers! { to_i64 i64, to_u64 u64, to_i128 i128, to_u128 u128, }
    define! {
        fn to_f64(&self) -> Option<f64> = Some(Self::to_f64(*self));
    }
}

implement! {
    Zero {
        fn zero() -> Self = Self(f256::ZERO);
        fn is_zero(&self) -> bool = self.0.eq_zero();
    }
    One {
        fn one() -> Self = Self(f256::ONE);
    }
    Inv [Output = Self] {
        fn inv(self) -> Self = self.recip();
    }
    // Radix ten only; any other is refused as a malformed number.
    Num [FromStrRadixErr = ParseFloatError] {
        fn from_str_radix(text: &str, radix: u32) -> Result<Self, ParseFloatError> =
            f256::from_str_radix(text, radix).map(Self);
    }
    Signed {
        fn abs(&self) -> Self = Self::abs(*self);
        fn abs_sub(&self, other: &Self) -> Self = Float::abs_sub(*self, *other);
        fn signum(&self) -> Self = Self::signum(*self);
        fn is_positive(&self) -> bool = self.0.is_sign_positive();
        fn is_negative(&self) -> bool = self.0.is_sign_negative();
    }
    FromPrimitive {
        fn from_i64(value: i64) -> Option<Self> = Some(value.into());
        fn from_u64(value: u64) -> Option<Self> = Some(value.into());
        fn from_i128(value: i128) -> Option<Self> = Some(value.into());
        fn from_u128(value: u128) -> Option<Self> = Some(value.into());
        fn from_f64(value: f64) -> Option<Self> = Some(value.into());
    }
    AbsDiffEq [Epsilon = Self] {
        // 2^-236, the distance from 1 to the next number.
        fn default_epsilon() -> Self = Self(f256::EPSILON);
        fn abs_diff_eq(&self, other: &Self, epsilon: Self) -> bool = self == other
            || (*self - *other).0.is_finite() && (*self - *other).abs() <= epsilon;
    }
    RelativeEq {
        fn default_max_relative() -> Self = Self::default_epsilon();
        fn relative_eq(&self, other: &Self, epsilon: Self, relative: Self) -> bool =
            self.abs_diff_eq(other, epsilon)
                || self.abs_diff_eq(other, self.abs().max(other.abs()) * relative);
    }
    // In units of 2^-236 relative to the larger.
    UlpsEq {
        fn default_max_ulps() -> u32 = 4;
        fn ulps_eq(&self, other: &Self, epsilon: Self, ulps: u32) -> bool =
            self.relative_eq(other, epsilon, Self::from_f64(ulps.into()) * Self::default_epsilon());
    }
    Field {}
}

/// Exact from the primitive numbers, which an i128, a u128 or an f64 holds; from
/// another type, as much as it gives to `to_i128`, `to_u128` or `to_f64`.
impl num_traits::NumCast for Extended {
    fn from<N: ToPrimitive>(number: N) -> Option<Self> {
        let nearest = number.to_f64()?;
        if nearest.abs() < 2f64.powi(53) {
            return Some(nearest.into());
        }
        // From here on an f64 is an integer, but not every integer an f64.
        let signed = number.to_i128().map(Into::into);
        let unsigned = || number.to_u128().map(Into::into);
        signed.or_else(unsigned).or(Some(nearest.into()))
    }
}

macro_rules! folds {
    ($($Fold:ident $fold:ident $sign:tt $start:ident;)*) => {$(
        impl $Fold for Extended {
            fn $fold<I: Iterator<Item = Self>>(numbers: I) -> Self {
                numbers.fold(Self::$start(), |a, b| a $sign b)
            }
        }
        impl<'a> $Fold<&'a Self> for Extended {
            fn $fold<I: Iterator<Item = &'a Self>>(numbers: I) -> Self {
                numbers.copied().$fold()
            }
        }
    )*};
}
folds! {
    Sum sum + zero;
    Product product * one;
}

macro_rules! constants {
    ($($name:ident $constant:ident)*) => {
        define! { $(fn $name() -> Self = Self(consts::$constant);)* }
    };
}

impl FloatConst for Extended {
    constants! {
        E E FRAC_1_PI FRAC_1_PI FRAC_1_SQRT_2 FRAC_1_SQRT_2 FRAC_2_PI FRAC_2_PI
        FRAC_2_SQRT_PI FRAC_2_SQRT_PI FRAC_PI_2 FRAC_PI_2 FRAC_PI_3 FRAC_PI_3
        FRAC_PI_4 FRAC_PI_4 FRAC_PI_6 FRAC_PI_6 FRAC_PI_8 FRAC_PI_8 LN_10 LN_10 LN_2 LN_2
        LOG10_2 LOG10_2 LOG10_E LOG10_E LOG2_10 LOG2_10 LOG2_E LOG2_E PI PI SQRT_2 SQRT_2 TAU TAU
    }
}

/// Functions of [`Extended`] that num-traits and nalgebra call by the same name.
macro_rules! by_own {
    () => {
        by_own! {
            abs signum recip floor ceil round trunc fract sqrt cbrt
            exp exp2 exp_m1 ln ln_1p log2 log10
            sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
        }
        define! {
            fn sin_cos(self) -> (Self, Self) = Self::sin_cos(self);
            fn log(self, base: Self) -> Self = Self::log(self, base);
            fn hypot(self, other: Self) -> Self = Self::hypot(self, other);
            fn powi(self, n: i32) -> Self = Self::powi(self, n);
            fn powf(self, n: Self) -> Self = Self::powf(self, n);
            fn mul_add(self, factor: Self, term: Self) -> Self = Self::mul_add(self, factor, term);
        }
    };
    ($($name:ident)*) => {
        define! { $(fn $name(self) -> Self = Self::$name(self);)* }
    };
}

macro_rules! tests_of_f256 {
    ($($name:ident)*) => {
        define! { $(fn $name(self) -> bool = self.0.$name();)* }
    };
}

macro_rules! limits {
    ($($name:ident $constant:ident)*) => {
        define! { $(fn $name() -> Self = Self(f256::$constant);)* }
    };
}

impl Float for Extended {
    by_own! {}
    tests_of_f256! {
        is_nan is_infinite is_finite is_normal is_subnormal is_sign_positive is_sign_negative
    }
    limits! {
        nan NAN infinity INFINITY neg_infinity NEG_INFINITY neg_zero NEG_ZERO min_value MIN
        max_value MAX min_positive_value MIN_POSITIVE epsilon EPSILON
    }
    define! {
        fn classify(self) -> FpCategory = self.0.classify();
        fn max(self, other: Self) -> Self = Self::max(self, other);
        fn min(self, other: Self) -> Self = Self::min(self, other);
        fn clamp(self, least: Self, most: Self) -> Self = Self::clamp(self, least, most);
        fn abs_sub(self, other: Self) -> Self = (self - other).max(Self::zero());
        fn atan2(self, other: Self) -> Self = Self::atan2(self, other);
        fn copysign(self, sign: Self) -> Self = Self::copysign(self, sign);
        // Of the nearest f64: the type of the answer has no room for more.
        fn integer_decode(self) -> (u64, i16, i8) = self.to_f64().integer_decode();
    }
}

impl ComplexField for Extended {
    type RealField = Self;
    by_own! {}
    define! {
        fn from_real(value: Self) -> Self = value;
        fn real(self) -> Self = self;
        fn imaginary(self) -> Self = Self::zero();
        fn conjugate(self) -> Self = self;
        fn norm1(self) -> Self = self.abs();
        fn modulus(self) -> Self = self.abs();
        fn to_exp(self) -> (Self, Self) = (self.abs(), self.signum());
        fn modulus_squared(self) -> Self = self * self;
        fn argument(self) -> Self =
            if self.is_negative() { Self::pi() } else { Self::zero() };
        fn scale(self, factor: Self) -> Self = self * factor;
        fn unscale(self, factor: Self) -> Self = self / factor;
        fn powc(self, n: Self) -> Self = self.powf(n);
        fn is_finite(&self) -> bool = self.0.is_finite();
        fn try_sqrt(self) -> Option<Self> = (self >= Self::zero()).then(|| self.sqrt());
    }
}

impl RealField for Extended {
    constants! {
        pi PI two_pi TAU frac_pi_2 FRAC_PI_2 frac_pi_3 FRAC_PI_3 frac_pi_4 FRAC_PI_4
        frac_pi_6 FRAC_PI_6 frac_pi_8 FRAC_PI_8 frac_1_pi FRAC_1_PI frac_2_pi FRAC_2_PI
        frac_2_sqrt_pi FRAC_2_SQRT_PI e E log2_e LOG2_E log10_e LOG10_E ln_2 LN_2 ln_10 LN_10
    }
    define! {
        fn is_sign_positive(&self) -> bool = self.0.is_sign_positive();
        fn is_sign_negative(&self) -> bool = self.0.is_sign_negative();
        fn copysign(self, sign: Self) -> Self = Self::copysign(self, sign);
        fn max(self, other: Self) -> Self = Self::max(self, other);
        fn min(self, other: Self) -> Self = Self::min(self, other);
        fn clamp(self, least: Self, most: Self) -> Self = Self::clamp(self, least, most);
        fn atan2(self, other: Self) -> Self = Self::atan2(self, other);
        fn min_value() -> Option<Self> = Some(Self(f256::MIN));
        fn max_value() -> Option<Self> = Some(Self(f256::MAX));
    }
}

#[allow(
    unsafe_code,
    reason = "the trait has unsafe signatures; nothing unsafe is done"
)]
impl SimdValue for Extended {
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
        impl SubsetOf<Extended> for $Number {
            define! {
                fn to_superset(&self) -> Extended = $up(*self);
                fn from_superset_unchecked(element: &Extended) -> Self = $down(*element);
                fn is_in_subset(_element: &Extended) -> bool = true;
            }
        }
    )*};
}
subsets! {
    Extended: std::convert::identity, std::convert::identity;
    f64: Extended::from_f64, Extended::to_f64;
    f32: Extended::from, |x: Extended| x.to_f64() as f32;
}
