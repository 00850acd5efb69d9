use nalgebra::{ComplexField, DMatrix, DVector, RealField};
use num_dual::{Dual, DualNum, HyperDual, HyperHyperDual};
use num_traits::{ToPrimitive, cast};

use super::*;

type Hyper = HyperDual<Extended, Extended>;
type HyperHyper = HyperHyperDual<Extended, Extended>;

define! { fn number(text: &str) -> Extended = text.parse().expect("a number"); }

fn assert_close(a: Extended, b: Extended, tolerance: f64) {
    let error = ((a - b) / b).abs().to_f64();
    assert!(error <= tolerance, "{a} is {error:e} off {b}");
}

/// The 6×4 part of the Hilbert matrix, of condition number 4e4.
fn hilbert<T: Scalar>() -> DMatrix<T> {
    DMatrix::from_fn(6, 4, |i, j| T::one() / real((i + j + 1) as f64))
}

#[test]
fn arithmetic_holds_seventy_digits_and_infinity() {
    let third = "0.333333333333333333333333333333333333333333333333333333333333333333333333333";
    assert_eq!(Extended::from(1) / Extended::from(3), number(third));
    let a = number("-12.34567890123456789012345678901234567890123456789012345678901234567890123");
    let b = number("9.876543210987654321098765432109876543210987654321098765432109876543210e-3");
    assert_close((a * b) / b, a, 1e-71);
    assert_close((a + b) * (a - b), a * a - b * b, 1e-70);
    assert_close(b.sqrt() * b.sqrt(), b, 1e-71);
    let root = "1.41421356237309504880168872420969807856967187537694807317667973799073247846211";
    assert_eq!(Extended::from(2).sqrt(), number(root));
    let infinity = a.abs() / Extended::from(0);
    assert!(infinity > a && -infinity < a && infinity - infinity != a);
    assert!(RealField::min(infinity, b) == b && (a / infinity).0.eq_zero());
    let nan = infinity - infinity;
    assert!(nan != nan && !(nan < a) && !(nan >= a) && RealField::max(a, nan) == a);
    assert!(!ComplexField::is_finite(&nan) && !ComplexField::is_finite(&a.ln()));
    assert!(a.try_sqrt().is_none());
    let epsilon: Extended = super::super::epsilon();
    assert_eq!(epsilon.to_f64(), 2f64.powi(-236));
    let one = Extended::from(1);
    assert!(one + epsilon > one && one + epsilon / Extended::from(2) == one);
}

/// Where f256's own are NaN, infinite, at a loss or in a panic.
#[test]
fn functions_hold_where_f256_does_not() {
    let ln_half =
        "-0.693147180559945309417232121458176568075500134360255254120680009493393621969695";
    assert_close(Extended::from_f64(-0.5).ln_1p(), number(ln_half), 1e-71);
    let tiny = number("-1e-90");
    assert_close(tiny.sin(), tiny, 1e-71);
    assert_close(tiny.tan(), tiny, 1e-71);
    assert_close(tiny.sinh(), tiny, 1e-71);
    assert_close(tiny.tanh(), tiny, 1e-71);
    let one = Extended::from(1);
    let gap = Extended::from(2).powi(-130);
    let below = one - gap;
    // acos² (1 − d) = 2d + d²/3 + O(d³).
    let square = (one + gap / Extended::from(6)) * (gap + gap);
    assert_close(below.acos().powi(2), square, 1e-70);
    assert_close(below.asin() + below.acos(), Extended::frac_pi_2(), 1e-71);
    // (1 − d)^(1/d) = exp(−1 − d/2 − O(d²)).
    let expected = (-one - gap / Extended::from(2)).exp();
    assert_close(below.powf(one / gap), expected, 1e-70);
    assert_close(
        number("0.999").powi(300_000),
        number("0.999").powi(3000).powi(100),
        1e-66,
    );
    assert_eq!(number("2").powf(number("inf")), number("inf"));
    assert_eq!(number("-1").powf(number("3e9")), number("1"));
    assert_eq!(number("2").powf(number("1e-330")), number("1"));
    let far = number("-1e300");
    assert!(far.ln_1p().0.is_nan() && far.acosh().0.is_nan());
    assert_eq!(number("1").atan2(number("inf")), number("0"));
    assert_eq!(
        number("-inf").atan2(number("-inf")),
        number("-3") * Extended::frac_pi_4()
    );
}

#[test]
fn conversions_round_once() {
    let ulp = 2f64.powi(-52);
    let (one, small) = (Extended::from(1), number("1e-60"));
    let half = one + Extended::from_f64(ulp / 2.0);
    assert_eq!(half.to_f64(), 1.0);
    assert_eq!((half + small).to_f64(), 1.0 + ulp);
    assert_eq!((half + Extended::from_f64(ulp)).to_f64(), 1.0 + 2.0 * ulp);
    for value in [
        0.1,
        -0.0,
        5e-324,
        -2.225073858507201e-308,
        f64::MAX,
        f64::NEG_INFINITY,
    ] {
        assert_eq!(Extended::from(value).to_f64().to_bits(), value.to_bits());
    }
    assert!(Extended::from_f64(f64::NAN).to_f64().is_nan());
    // The least f64 is 4.94e-324, the greatest 1.797…e308 and half a place more.
    for text in [
        "2.4e-324",
        "2.5e-324",
        "7.5e-324",
        "1.7976931348623158e308",
        "-1.798e308",
        "1e-999",
    ] {
        assert_eq!(
            number(text).to_f64(),
            text.parse::<f64>().expect("a number"),
            "{text}"
        );
    }
    assert_eq!(
        cast::<_, Extended>(u64::MAX),
        Some(Extended::from(u64::MAX))
    );
    assert_eq!(cast::<_, Extended>(-0.75), Some(Extended::from(-0.75)));
    assert_eq!(
        (number("-3.7").to_i64(), number("1e30").to_i64()),
        (Some(-3), None)
    );
}

#[test]
fn text_round_trips() {
    for text in ["0.1", "-7e-1000", "1.5e60000", "0", "inf", "-inf"] {
        assert_eq!(number(&number(text).to_string()), number(text));
    }
    // Powers of two, where f256's shortest decimal is too short.
    for k in -400..400 {
        let power = Extended::from(2).powi(k);
        assert_eq!(number(&power.to_string()), power);
    }
    let seventh = Extended::from(-1) / Extended::from(7);
    assert_eq!(
        format!("{seventh:.9}|{seventh:>14.3}"),
        "-1.428571429e-1|     -1.429e-1"
    );
    assert_eq!(format!("{:.200}", Extended::from(1)).len(), 79);
}

#[test]
fn nalgebra_factors_to_full_precision() {
    let a: DMatrix<Extended> = hilbert();
    let qr = a.clone().col_piv_qr();
    let mut product = qr.q() * qr.r();
    qr.p().inv_permute_columns(&mut product);
    assert!((product - &a).amax().to_f64() < 1e-69);
    let gram = a.transpose() * &a;
    let lower = gram.clone().cholesky().expect("positive definite").l();
    assert!((&lower * lower.transpose() - &gram).amax().to_f64() < 1e-69);
    let x = DVector::from_fn(4, |i, _| Extended::from(i as i32 - 1) / Extended::from(3));
    let solved = lower
        .solve_lower_triangular(&(&lower * &x))
        .expect("no zero pivot");
    assert!((solved - &x).amax().to_f64() < 1e-65);
    let svd = a.clone().svd(true, true);
    assert!((svd.recompose().expect("both bases") - &a).amax().to_f64() < 1e-65);
}

/// `∂²/∂x∂y` of `exp(xy)·√x`, whose mixed derivatives are those of a product.
#[test]
fn second_and_third_derivatives_agree_with_closed_forms() {
    fn f<T: RealField + Copy>(x: T, y: T) -> T {
        (x * y).exp() * x.sqrt()
    }
    let (x, y) = (number("1.3"), number("-0.7"));
    let (one, half) = (Extended::from(1), Extended::from_f64(0.5));
    // f_x = (y + 1/2x) f and f_y = x f, so that f_xy = (xy + 3/2) f.
    let second = f(
        Hyper::from_re(x).derivative1(),
        Hyper::from_re(y).derivative2(),
    );
    assert_close(second.eps1, (y + half / x) * f(x, y), 1e-70);
    assert_close(second.eps1eps2, (x * y + one + half) * f(x, y), 1e-70);
    // f_xyy = x (xy + 5/2) f.
    let third = f(
        HyperHyper::from_re(x).derivative1(),
        HyperHyper::from_re(y).derivative2().derivative3(),
    );
    let expected = x * (x * y + number("2.5")) * f(x, y);
    assert_close(third.eps1eps2eps3, expected, 1e-70);
}

/// `ln det AᵀA` along `A + tB + sC`, by Cholesky, against the traces.
#[test]
fn nalgebra_differentiates_through_dual_numbers() {
    let a: DMatrix<Extended> = hilbert();
    let b = a.map_with_location(|i, j, _| Extended::from((i * j) as u32 + 1) / Extended::from(7));
    let moved = a.zip_map(&b, |a, b| Hyper::new(a, b, b, Extended::from(0)));
    let cholesky = (moved.transpose() * &moved)
        .cholesky()
        .expect("positive definite");
    let ln_det: Hyper = cholesky
        .l()
        .diagonal()
        .iter()
        .map(|d| DualNum::ln(&(d * d)))
        .sum();
    // With G = AᵀA, D = AᵀB + BᵀA: tr G⁻¹D, and 2 tr G⁻¹BᵀB − tr (G⁻¹D)².
    let inverse = (a.transpose() * &a)
        .cholesky()
        .expect("positive definite")
        .inverse();
    let first = &inverse * (a.transpose() * &b + b.transpose() * &a);
    let curved = (&inverse * b.transpose() * &b).trace() * Extended::from(2);
    assert_close(ln_det.eps1, first.trace(), 1e-60);
    assert_close(ln_det.eps1eps2, curved - (&first * &first).trace(), 1e-60);
}

#[test]
fn dual_numbers_are_scalars() {
    fn is_scalar<T: Scalar>() {}
    is_scalar::<Dual<Extended, Extended>>();
    is_scalar::<Hyper>();
    is_scalar::<HyperHyper>();
    assert!(number("0.1").same(number("0.1")) && !number("0.1").same(number("0.2")));
}

#[test]
fn widening_is_exact_and_narrowing_undoes_it() {
    assert_eq!(widen(0.1f32), Extended::from(0.1f32));
    assert_eq!(widen(5e-324), Extended::from(5e-324));
    assert!(widen(f64::NAN).0.is_nan() && widen(f64::INFINITY) == number("inf"));
    assert_eq!(widen(Dual::new(0.1, 3.0)), Extended::from(0.1));
    for text in ["0.1", "-3e-310", "1e400"] {
        let value = number(text);
        assert_eq!((widen(value), narrow::<Extended>(value)), (value, value));
        assert_eq!(narrow::<f64>(value), text.parse::<f64>().expect("a number"));
        let dual: Dual<Extended, Extended> = narrow(number("0.1"));
        assert_eq!(widen(dual), number("0.1"));
    }
    assert_eq!(narrow::<f32>(number("0.1")), 0.1f32);
    assert!(narrow::<f64>(Extended::from_f64(f64::NAN)).is_nan());
}
