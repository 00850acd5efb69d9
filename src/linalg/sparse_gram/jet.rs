//! Numbers that a factorisation can be made of: plain ones, and truncated
//! Taylor series along one or two directions.
//!
//! The factor and its selected inverse are rational functions of the entries of
//! M. Run over series they give their own derivatives, from the one body that
//! gives their values.

use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};

use crate::scalar::{Scalar, real};

/// What elimination needs of a number.
pub(super) trait Number:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + AddAssign + SubAssign
{
    /// The sum of nothing.
    fn nought() -> Self;

    /// 1 over the number.
    fn reciprocal(self) -> Self;
}

impl<T: Scalar> Number for T {
    fn nought() -> Self {
        T::zero()
    }

    fn reciprocal(self) -> Self {
        T::one() / self
    }
}

/// `value + along·ε`, ε² = 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Once<T> {
    pub(super) value: T,
    pub(super) along: T,
}

/// `value + u·ε + v·η + both·εη`, ε² = η² = 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Twice<T> {
    pub(super) value: T,
    pub(super) u: T,
    pub(super) v: T,
    pub(super) both: T,
}

impl<T: Scalar> Mul for Once<T> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Once {
            value: self.value * other.value,
            along: self.value * other.along + self.along * other.value,
        }
    }
}

impl<T: Scalar> Mul for Twice<T> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Twice {
            value: self.value * other.value,
            u: self.value * other.u + self.u * other.value,
            v: self.value * other.v + self.v * other.value,
            both: self.value * other.both
                + self.u * other.v
                + self.v * other.u
                + self.both * other.value,
        }
    }
}

impl<T: Scalar> Number for Once<T> {
    fn nought() -> Self {
        let zero = T::zero();
        Once {
            value: zero,
            along: zero,
        }
    }

    fn reciprocal(self) -> Self {
        let value = T::one() / self.value;
        Once {
            value,
            along: -(value * value * self.along),
        }
    }
}

impl<T: Scalar> Number for Twice<T> {
    fn nought() -> Self {
        let zero = T::zero();
        Twice {
            value: zero,
            u: zero,
            v: zero,
            both: zero,
        }
    }

    fn reciprocal(self) -> Self {
        let value = T::one() / self.value;
        let square = value * value;
        Twice {
            value,
            u: -(square * self.u),
            v: -(square * self.v),
            both: square * (real::<T>(2.0) * value * self.u * self.v - self.both),
        }
    }
}

/// Sums and differences, part by part.
macro_rules! part_by_part {
    ($series:ident: $($part:ident),*) => {
        impl<T: Scalar> Add for $series<T> {
            type Output = Self;

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                $series { $($part: self.$part + other.$part),* }
            }
        }

        impl<T: Scalar> Sub for $series<T> {
            type Output = Self;

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                $series { $($part: self.$part - other.$part),* }
            }
        }

        impl<T: Scalar> AddAssign for $series<T> {
            #[inline(always)]
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl<T: Scalar> SubAssign for $series<T> {
            #[inline(always)]
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }
    };
}

part_by_part!(Once: value, along);
part_by_part!(Twice: value, u, v, both);
