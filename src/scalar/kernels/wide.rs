//! Vectors of numbers, by one name for both widths of numbers.

use pulp::Simd;

/// A number that a processor has vectors of.
pub(crate) trait Wide: Copy + 'static {
    type Vector<S: Simd>: Copy;

    /// Whole vectors, and the numbers left over.
    fn vectors<S: Simd>(numbers: &[Self]) -> (&[Self::Vector<S>], &[Self]);

    fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> (&mut [Self::Vector<S>], &mut [Self]);

    /// Numbers too few for a vector, and zeros.
    fn partial<S: Simd>(simd: S, numbers: &[Self]) -> Self::Vector<S>;

    fn filled<S: Simd>(simd: S, number: Self) -> Self::Vector<S>;

    /// `a b + c`, in one instruction where there is one.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;

    fn sum<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;
}

macro_rules! wide {
    ($number:ty, $vector:ident, $vectors:ident, $vectors_mut:ident, $partial:ident, $splat:ident,
     $multiply_add:ident, $sum:ident) => {
        impl Wide for $number {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn vectors<S: Simd>(numbers: &[Self]) -> (&[S::$vector], &[Self]) {
                S::$vectors(numbers)
            }

            #[inline(always)]
            fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> (&mut [S::$vector], &mut [Self]) {
                S::$vectors_mut(numbers)
            }

            #[inline(always)]
            fn partial<S: Simd>(simd: S, numbers: &[Self]) -> S::$vector {
                simd.$partial(numbers)
            }

            #[inline(always)]
            fn filled<S: Simd>(simd: S, number: Self) -> S::$vector {
                simd.$splat(number)
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(
                simd: S,
                a: S::$vector,
                b: S::$vector,
                c: S::$vector,
            ) -> S::$vector {
                simd.$multiply_add(a, b, c)
            }

            #[inline(always)]
            fn sum<S: Simd>(simd: S, a: S::$vector) -> Self {
                simd.$sum(a)
            }
        }
    };
}

wide!(
    f64,
    f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    partial_load_f64s,
    splat_f64s,
    mul_add_e_f64s,
    reduce_sum_f64s
);
wide!(
    f32,
    f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    partial_load_f32s,
    splat_f32s,
    mul_add_e_f32s,
    reduce_sum_f32s
);
