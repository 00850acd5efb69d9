//! Numbers of 237 bits (71 digits), against which roundings are measured.
//!
//! Between a closed form in f64 and an oracle in f64 there is the rounding of
//! both, and no telling which is at fault. With [`Extended`] as the oracle's
//! arithmetic, and with num-dual's numbers over it for derivatives, the
//! oracle's rounding drops out: sixteen digits of the difference are the
//! formula's, and fifty more are there for ill-conditioned problems to lose.
//!
//! [`Extended`] wraps [`f256`], IEEE's binary256 in software, which knows
//! neither nalgebra's traits nor num-dual's. The functions that it lacks or
//! gets wrong are in `functions`.

mod dual;
mod functions;
#[cfg(test)]
mod tests;
mod traits;

use std::any::Any;
use std::fmt;
use std::num::ParseFloatError;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign};
use std::ops::{Sub, SubAssign};

use ::f256::f256;

use super::{Scalar, real, to_f64};

/// Functions whose body is one expression.
macro_rules! define {
    ($($(#[$note:meta])* $vis:vis fn $name:ident($($argument:tt)*) -> $Value:ty = $value:expr;)*) => {
        $($(#[$note])* $vis fn $name($($argument)*) -> $Value { $value })*
    };
}
/// Traits whose functions are all of that kind.
macro_rules! implement {
    ($($Trait:path $([$Associated:ident = $Type:ty])? { $($functions:tt)* })*) => {$(
        impl $Trait for Extended {
            $(type $Associated = $Type;)?
            define! { $($functions)* }
        }
    )*};
}
use {define, implement};

/// A floating-point number of 237 bits, about 71 digits, with exponents to
/// ±262143.
///
/// Everything that is generic over [`Scalar`] takes it, and it goes into
/// num-dual's numbers, as in `HyperDual<Extended, Extended>`. Infinities, NaN
/// and, but for `%`, signed zeros follow IEEE.
///
/// Accuracy, as the largest relative error on 1000 to 3000 random values per
/// function against mpmath, among them values near the zeros, poles and ends of
/// the domain (f256 0.11.3):
///
/// | | error / 2⁻²³⁷ |
/// |-|-|
/// | `+ - * / %`, square root, fused multiply-add | 1: correctly rounded |
/// | cube root, exponentials, logarithms but `ln_1p`, powers, sine, cosine, arc tangent | 1.1 |
/// | every other function | 2.8 |
/// | decimal text of up to 72 digits | 1; of more, where it is exact or half-way, 2 |
/// | powers where f256 panics, or under- or overflows for no reason | \|y ln x\| ≤ 2e5 |
/// | num-dual's spherical Bessel functions | 5, about their zeros 40 |
///
/// Time: 22 ns for a sum, 34 for a product, 113 for a quotient, 1.3 µs for a
/// square root, 4 for a logarithm and 9 for an exponential. A 5×5 Cholesky
/// takes 8.6 µs, a hundred times as long as in f64, and 37 µs in hyper-dual
/// numbers.
#[derive(Copy, Clone, PartialEq, PartialOrd)]
pub struct Extended(f256);

impl Extended {
    define! {
        /// The number itself: every f64 is one of these numbers.
        pub fn from_f64(value: f64) -> Self = Self(value.into());
        /// The nearest f64, ties to even; infinite or subnormal where f64 is.
        pub fn to_f64(self) -> f64 = nearest_f64(self.0);
    }
}

fn nearest_f64(value: f256) -> f64 {
    let (high, low) = value.to_bits();
    let sign = ((high >> 127) as u64) << 63;
    let exponent = ((high >> 108) & 0x7_ffff) as i32 - 262_143;
    if value.is_nan() {
        return f64::NAN;
    }
    if exponent > 1023 {
        return f64::from_bits(sign | f64::INFINITY.to_bits());
    }
    // The leading 109 bits and whether anything follows. An f64 keeps 53 of
    // them, fewer below 2^-1022, and has no use for any below 2^-1076.
    let leading = (high & ((1 << 108) - 1)) | (1 << 108);
    let sticky = (leading << 1) | u128::from(low != 0);
    let below = (-1022 - exponent).clamp(0, 60);
    let dropped = 57 + below;
    let kept = (sticky >> dropped) as u64;
    let (rest, half) = (sticky & ((1 << dropped) - 1), 1 << (dropped - 1));
    let up = rest > half || (rest == half && kept % 2 == 1);
    // The leading bit of `kept`, and a carry out of it, add to the exponent.
    let biased = (exponent.max(-1022) + 1022) as u64;
    f64::from_bits(sign | ((biased << 52) + kept + u64::from(up)))
}

/// The exact value of `value`; of a dual number, of its real part.
///
/// Other arithmetics are taken apart into f64 from the top: exact for sums of
/// up to six f64.
pub(crate) fn widen<T: Scalar>(value: T) -> Extended {
    if let Some(same) = (&value as &dyn Any).downcast_ref() {
        return *same;
    }
    let (mut rest, mut sum) = (value, Extended::from_f64(0.0));
    for _ in 0..6 {
        let piece = to_f64(rest);
        sum += Extended::from_f64(piece);
        if piece == 0.0 || !piece.is_finite() {
            break;
        }
        rest -= real(piece);
    }
    sum
}

/// `value` in the arithmetic `T`, as a sum of f64 from the top.
pub(crate) fn narrow<T: Scalar>(value: Extended) -> T {
    if let Some(same) = (&value as &dyn Any).downcast_ref() {
        return *same;
    }
    let (mut rest, mut sum) = (value, T::zero());
    for _ in 0..6 {
        let piece = rest.to_f64();
        sum += real::<T>(piece);
        if piece == 0.0 || !piece.is_finite() {
            break;
        }
        rest -= Extended::from_f64(piece);
    }
    sum
}

/// The four ways to write an operation, and the two of assigning its result.
macro_rules! operators {
    ($($sign:tt $Op:ident $op:ident $OpAssign:ident $op_assign:ident;)*) => {$(
        operators! { @ $sign $Op $op:
            Extended, Extended; Extended, &Extended; &Extended, Extended; &Extended, &Extended;
        }
        operators! { @assign $sign $OpAssign $op_assign: Extended; &Extended; }
    )*};
    (@ $sign:tt $Op:ident $op:ident: $($This:ty, $Other:ty;)*) => {$(
        impl $Op<$Other> for $This {
            type Output = Extended;
            define! { fn $op(self, other: $Other) -> Extended = Extended(self.0 $sign other.0); }
        }
    )*};
    (@assign $sign:tt $OpAssign:ident $op_assign:ident: $($Other:ty;)*) => {$(
        impl $OpAssign<$Other> for Extended {
            define! { fn $op_assign(&mut self, other: $Other) -> () = self.0 = self.0 $sign other.0; }
        }
    )*};
}
operators! {
    + Add add AddAssign add_assign;
    - Sub sub SubAssign sub_assign;
    * Mul mul MulAssign mul_assign;
    / Div div DivAssign div_assign;
    % Rem rem RemAssign rem_assign;
}

macro_rules! exact_conversions {
    ($($Number:ty)*) => {$(
        impl From<$Number> for Extended {
            define! { fn from(value: $Number) -> Self = Self(value.into()); }
        }
    )*};
}
exact_conversions! { f32 f64 i8 u8 i16 u16 i32 u32 i64 u64 i128 u128 }

implement! {
    Default {
        fn default() -> Self = Self(f256::ZERO);
    }
    Neg [Output = Self] {
        fn neg(self) -> Self = Self(-self.0);
    }
    fmt::Debug {
        fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result = fmt::Display::fmt(self, f);
    }
    // f256's parser, which rounds some ties of 73 digits and more the wrong way and
    // reads some exact decimals of 77 and more a place too high.
    std::str::FromStr [Err = ParseFloatError] {
        fn from_str(text: &str) -> Result<Self, ParseFloatError> = text.parse().map(Self);
    }
    Scalar {
        fn same(self, other: Self) -> bool = self == other;
    }
}

/// Scientific: with as many digits as tell the number from its neighbours, or
/// with a precision of up to 75 digits after the first.
impl fmt::Display for Extended {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let value = self.0.abs();
        let digits = match f.precision() {
            // f256 panics from 76 on.
            Some(precision) => format!("{value:.*e}", precision.min(75)),
            None => {
                let shortest = format!("{value:e}");
                // f256's is one digit short for some powers of two.
                let short = shortest.parse().is_ok_and(|read: f256| read != value);
                if short && !value.is_nan() {
                    format!("{value:.72e}")
                } else {
                    shortest
                }
            }
        };
        f.pad_integral(self.0.is_sign_positive() || self.0.is_nan(), "", &digits)
    }
}
