//! Numbers m·2ᵉ, exact: what every floating-point number is.

use num_bigint::{BigInt, Sign};
use num_traits::{Float, ToPrimitive, Zero};

use crate::scalar::{Scalar, epsilon, real, to_f64};

/// An arithmetic's number is the sum of at most so many f64: 237 bits are.
const PARTS: usize = 6;
/// Bits of an f64.
const DIGITS: u64 = 53;

/// m·2ᵉ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dyadic {
    pub(crate) mantissa: BigInt,
    pub(crate) exponent: i64,
}

impl Dyadic {
    pub(crate) fn new(mantissa: BigInt, exponent: i64) -> Self {
        Dyadic { mantissa, exponent }
    }

    /// The exact value; of a dual number, of its real part. `None` for what is no
    /// number, or not taken apart by a few f64.
    pub(crate) fn of<T: Scalar>(value: T) -> Option<Self> {
        let mut sum = Dyadic::new(BigInt::zero(), 0);
        let mut rest = value;
        for _ in 0..PARTS {
            let part = to_f64(rest);
            if !part.is_finite() {
                return None;
            }
            if part == 0.0 {
                return Some(sum);
            }
            let (mantissa, exponent, sign) = Float::integer_decode(part);
            // Odd, for integers made of it to be no longer than they must.
            let even = mantissa.trailing_zeros();
            let signed = BigInt::from(mantissa >> even) * i64::from(sign);
            let exponent = i64::from(exponent) + i64::from(even);
            sum = sum.plus(&Dyadic::new(signed, exponent));
            rest -= real(part);
        }
        (to_f64(rest) == 0.0).then_some(sum)
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        if self.mantissa.is_zero() {
            return other.clone();
        }
        if other.mantissa.is_zero() {
            return self.clone();
        }
        let exponent = self.exponent.min(other.exponent);
        Dyadic::new(self.at(exponent) + other.at(exponent), exponent)
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        Dyadic::new(
            &self.mantissa * &other.mantissa,
            self.exponent + other.exponent,
        )
    }

    pub(crate) fn sign(&self) -> Sign {
        self.mantissa.sign()
    }

    /// The mantissa that goes with an exponent no larger than its own.
    pub(crate) fn at(&self, exponent: i64) -> BigInt {
        &self.mantissa << u64::try_from(self.exponent - exponent).unwrap_or(0)
    }

    /// The position of the leading bit: 0 for numbers from ½ to 1.
    pub(crate) fn magnitude(&self) -> i64 {
        self.exponent + i64::try_from(self.mantissa.bits()).unwrap_or(i64::MAX / 2)
    }

    /// A number of the arithmetic near this one, and what is left; `None` where
    /// it is out of range.
    pub(crate) fn split<T: Scalar>(&self) -> Option<(T, Self)> {
        let (mut near, mut rest) = (T::zero(), self.clone());
        for _ in 0..PARTS {
            near += real(rest.leading()?);
            let taken = Dyadic::of(near)?;
            rest = self.plus(&Dyadic::new(-taken.mantissa, taken.exponent));
            if rest.mantissa.is_zero() {
                break;
            }
        }
        Some((near, rest))
    }

    /// The leading 53 bits, cut; `None` where f64 does not reach.
    fn leading(&self) -> Option<f64> {
        let bits = self.mantissa.bits();
        let dropped = bits.saturating_sub(DIGITS);
        let kept = (self.mantissa.magnitude() >> dropped).to_u64()? as f64;
        let exponent = self.exponent + i64::try_from(dropped).ok()?;
        // In two factors: one of 2^-1074 alone would lose bits on the way.
        let half = i32::try_from(exponent / 2).ok()?;
        let other = i32::try_from(exponent - exponent / 2).ok()?;
        let value = kept * 2f64.powi(half) * 2f64.powi(other);
        let fits = value.is_finite() && (value != 0.0 || kept == 0.0);
        let signed = if self.sign() == Sign::Minus {
            -value
        } else {
            value
        };
        fits.then_some(signed)
    }
}

/// Numbers times one power of two, the smallest that makes them all integers.
pub(crate) fn integers(entries: &[Dyadic]) -> Vec<BigInt> {
    let nonzero = entries.iter().filter(|a| !a.mantissa.is_zero());
    let least = nonzero.map(|a| a.exponent).min().unwrap_or(0);
    // A zero has any exponent, and stays one.
    entries.iter().map(|a| a.at(least)).collect()
}

/// The exact sign of Σ a_k h_k, given the h_k exactly and to a rounding or two;
/// `None` where some a_k is no number. O(d), in exact arithmetic only where the
/// sum is not clear of its rounding.
pub(crate) fn sign_of_dot<T: Scalar>(
    a: impl Iterator<Item = T> + Clone,
    near: &[T],
    exact: &[Dyadic],
) -> Option<Sign> {
    let (mut sum, mut size) = (T::zero(), T::zero());
    for (a, &h) in a.clone().zip(near) {
        sum += a * h;
        size += (a * h).abs();
    }
    // Each of d products and sums, and h itself, is off by a rounding; nothing
    // has underflowed beside terms of this size.
    let unit = epsilon::<T>() * real(4.0 * near.len() as f64 + 8.0);
    if size.is_finite()
        && size * epsilon::<T>() * epsilon::<T>() > T::zero()
        && sum.abs() > size * unit
    {
        return Some(if sum > T::zero() {
            Sign::Plus
        } else {
            Sign::Minus
        });
    }
    let mut total = Dyadic::new(BigInt::zero(), 0);
    for (a, h) in a.zip(exact) {
        total = total.plus(&Dyadic::of(a)?.times(h));
    }
    Some(total.sign())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Extended;

    #[test]
    fn numbers_come_apart_and_together_again() {
        for value in [1.0, -0.1, 5e-324, -1e-310, 1e308, 3.0 * 2f64.powi(40), 0.0] {
            let exact = Dyadic::of(value).expect("finite");
            let (near, rest) = exact.split::<f64>().expect("in range");
            assert_eq!((near, rest.sign()), (value, Sign::NoSign));
        }
        let third = Extended::from_f64(1.0) / Extended::from_f64(3.0);
        let exact = Dyadic::of(third).expect("finite");
        assert!(exact.mantissa.bits() > 200);
        let (near, rest) = exact.split::<Extended>().expect("in range");
        assert!(near == third && rest.sign() == Sign::NoSign);
        // In f64 it is not: what is left is.
        let (_, rest) = exact.split::<f64>().expect("in range");
        assert!(rest.magnitude() < -50 && rest.sign() != Sign::NoSign);
        assert_eq!(Dyadic::of(f64::NAN), None);
    }

    #[test]
    fn the_sign_of_a_sum_that_rounding_hides_is_right() {
        // 2⁵³·1 + 1·1 − 2⁵³·1 = 1, of which f64 sees nothing.
        let big = 2f64.powi(53);
        let h = [1.0, 1.0, 1.0];
        let exact: Vec<Dyadic> = h.iter().map(|h| Dyadic::of(*h).expect("one")).collect();
        for (a, sign) in [
            ([big, 1.0, -big], Sign::Plus),
            ([big, -1.0, -big], Sign::Minus),
            ([big, 0.0, -big], Sign::NoSign),
            ([1e-300, 0.0, -1e-301], Sign::Plus),
        ] {
            assert_eq!(sign_of_dot(a.into_iter(), &h, &exact), Some(sign));
        }
    }
}
