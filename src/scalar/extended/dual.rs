//! What num-dual asks of the number inside its numbers.

use num_dual::{DualNum, DualStruct, Mappable};

use super::{Extended, define};

macro_rules! by_own {
    ($($name:ident)*) => {
        define! { $(fn $name(&self) -> Self = Self::$name(*self);)* }
    };
}

impl DualNum<Self> for Extended {
    const NDERIV: usize = 0;
    by_own! {
        recip sqrt cbrt exp exp2 exp_m1 ln ln_1p log2 log10
        sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
    }
    define! {
        fn powi(&self, n: i32) -> Self = Self::powi(*self, n);
        fn powf(&self, n: Self) -> Self = Self::powf(*self, n);
        fn powd(&self, n: Self) -> Self = Self::powf(*self, n);
        fn log(&self, base: Self) -> Self = Self::log(*self, base);
        fn atan2(&self, other: Self) -> Self = Self::atan2(*self, other);
        fn sin_cos(&self) -> (Self, Self) = Self::sin_cos(*self);
        fn sph_j0(&self) -> Self = self.sph_j(0);
        fn sph_j1(&self) -> Self = self.sph_j(1);
        fn sph_j2(&self) -> Self = self.sph_j(2);
        fn mul_add(&self, factor: Self, term: Self) -> Self = Self::mul_add(*self, factor, term);
    }
}

impl DualStruct<Self, Self> for Extended {
    type Real = Self;
    type Inner = Self;
    define! {
        fn re(&self) -> Self = *self;
        fn from_inner(inner: &Self) -> Self = *inner;
    }
}

impl Mappable<Self> for Extended {
    type Output<O> = O;
    fn map_dual<M: Fn(Self) -> O, O>(self, map: M) -> O {
        map(self)
    }
}
