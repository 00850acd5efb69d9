//! The crate's own solvers on functions by hand: degenerate minima, saddles, kinks,
//! functions without a minimum.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/runs.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod runs;

use levinv::solver::{CellNewton, GradientDescent, LocalNewton, Stop};
use levinv::{DMatrix, DVector, Functions, HasHessian};
use nalgebra::{dmatrix, dvector};
use runs::{Run, run};

type V = DVector<f64>;
type M = DMatrix<f64>;

/// No run of Newton's method below takes more; the longest are those that end
/// where y⁴ underflows: (2/3)^k = 1e-81, k = 460.
const LIMIT: u64 = 600;

/// Newton from a start.
fn newton(f: impl HasHessian<f64>, start: &V) -> Run<f64> {
    run(CellNewton::new(), f, start, LIMIT).unwrap()
}

#[test]
fn minima_with_a_singular_hessian_are_found_and_known() {
    let quartic = || {
        Functions::new(
            2,
            |x: &V| x[0] * x[0] + x[1].powi(4),
            |x: &V| dvector![2.0 * x[0], 4.0 * x[1].powi(3)],
        )
        .with_hessian(|x: &V| dmatrix![2.0, 0.0; 0.0, 12.0 * x[1] * x[1]])
    };
    let end = newton(quartic(), &dvector![1.0, 1.0]);
    assert!(end.succeeded() && end.x.norm() < 1e-8, "{:?}", end.stop);
    // In coordinates that mix both, and above 1: rounding hides (y − z)⁴ < ε.
    let turned = Functions::new(
        2,
        |x: &V| 1.0 + (x[0] + x[1]).powi(2) + (x[0] - x[1] - 1.0).powi(4),
        |x: &V| {
            let (p, q) = (2.0 * (x[0] + x[1]), 4.0 * (x[0] - x[1] - 1.0).powi(3));
            dvector![p + q, p - q]
        },
    )
    .with_hessian(|x: &V| {
        let (p, q) = (2.0, 12.0 * (x[0] - x[1] - 1.0).powi(2));
        dmatrix![p + q, p - q; p - q, p + q]
    });
    let end = newton(turned, &dvector![2.0, 0.5]);
    let off = (&end.x - dvector![0.5, -0.5]).norm();
    assert!(
        end.value <= 1.0 + 1e-15 && off < 2e-4,
        "{:?} {off:e}",
        end.stop
    );
    // Gradient descent creeps along y⁴, and stops where it was told to.
    let descent = GradientDescent::new().with_reduction(1e-3).unwrap();
    let end = run(descent, quartic(), &dvector![1.0, 1.0], 10_000).unwrap();
    assert!(end.succeeded() && end.value < 1e-3, "{:?}", end.stop);
}

#[test]
fn cosh_in_one_dimension() {
    let cosh = || {
        Functions::new(1, |x: &V| x[0].cosh(), |x: &V| dvector![x[0].sinh()])
            .with_hessian(|x: &V| dmatrix![x[0].cosh()])
    };
    for start in [30.0, -2.0, 1e-3, 0.0] {
        let end = newton(cosh(), &dvector![start]);
        assert!(end.succeeded() && end.x[0].abs() < 1e-15, "{:?}", end.stop);
    }
    let end = run(LocalNewton::new(), cosh(), &dvector![0.5], LIMIT).unwrap();
    assert!(end.succeeded() && end.x[0].abs() < 1e-15, "{:?}", end.stop);
    let end = run(GradientDescent::new(), cosh(), &dvector![3.0], LIMIT).unwrap();
    assert!(end.succeeded() && end.x[0].abs() < 1e-6, "{:?}", end.stop);
}

#[test]
fn a_saddle_is_left_along_its_negative_curvature() {
    let saddle = || {
        Functions::new(
            2,
            |x: &V| x[0] * x[0] - x[1] * x[1] + x[1].powi(4),
            |x: &V| dvector![2.0 * x[0], 4.0 * x[1].powi(3) - 2.0 * x[1]],
        )
        .with_hessian(|x: &V| dmatrix![2.0, 0.0; 0.0, 12.0 * x[1] * x[1] - 2.0])
    };
    for start in [dvector![0.0, 0.0], dvector![1.0, 0.0]] {
        let end = newton(saddle(), &start);
        assert!(end.succeeded(), "{:?}", end.stop);
        assert!((end.x.abs() - dvector![0.0, 0.5f64.sqrt()]).norm() < 1e-12);
    }
    let declined = run(LocalNewton::new(), saddle(), &dvector![0.0, 0.0], 10).unwrap();
    assert_eq!(declined.stop, Some(Stop::Condition));
}

/// x³ − 3xy²: the Hessian at 0 is zero and f has no bound.
#[test]
fn a_monkey_saddle_is_no_end_from_beside_it() {
    let monkey = || {
        Functions::new(
            2,
            |x: &V| x[0].powi(3) - 3.0 * x[0] * x[1] * x[1],
            |x: &V| dvector![3.0 * (x[0] * x[0] - x[1] * x[1]), -6.0 * x[0] * x[1]],
        )
        .with_hessian(|x: &V| dmatrix![6.0 * x[0], -6.0 * x[1]; -6.0 * x[1], -6.0 * x[0]])
    };
    for start in [dvector![-0.1, 0.0], dvector![0.1, 0.1], dvector![0.0, 0.2]] {
        let end = newton(monkey(), &start);
        assert!(
            !end.succeeded() && end.value < -1e100,
            "{:?} {}",
            end.stop,
            end.value
        );
    }
    // It is a stationary point all the same, and second derivatives do not tell.
    let end = newton(monkey(), &dvector![0.0, 0.0]);
    assert_eq!(end.stop, Some(Stop::Gradient));
}

#[test]
fn functions_without_a_bound_never_succeed() {
    let line = || {
        Functions::new(1, |x: &V| -x[0], |_: &V| dvector![-1.0]).with_hessian(|_: &V| dmatrix![0.0])
    };
    let parabola = || {
        Functions::new(1, |x: &V| -x[0] * x[0], |x: &V| dvector![-2.0 * x[0]])
            .with_hessian(|_: &V| dmatrix![-2.0])
    };
    let exponential = || {
        Functions::new(1, |x: &V| -x[0].exp(), |x: &V| dvector![-x[0].exp()])
            .with_hessian(|x: &V| dmatrix![-x[0].exp()])
    };
    let end = newton(line(), &dvector![0.0]);
    assert_eq!((end.stop, end.iterations), (None, LIMIT));
    // However gently it falls: in other units of f it is the same line.
    let gentle = Functions::new(1, |x: &V| -1e-20 * x[0], |_: &V| dvector![-1e-20])
        .with_hessian(|_: &V| dmatrix![0.0]);
    let end = newton(gentle, &dvector![0.0]);
    assert_eq!((end.stop, end.iterations), (None, LIMIT));
    let end = newton(parabola(), &dvector![1.0]);
    assert_eq!(end.stop, Some(Stop::Unbounded));
    let end = newton(exponential(), &dvector![0.0]);
    assert!(!end.succeeded(), "{:?}", end.stop);
    let descents = [
        run(GradientDescent::new(), line(), &dvector![0.0], 5000),
        run(GradientDescent::new(), parabola(), &dvector![1.0], 5000),
        run(GradientDescent::new(), exponential(), &dvector![0.0], 5000),
    ];
    for end in descents.map(Result::unwrap) {
        assert!(!end.succeeded(), "{:?}", end.stop);
    }
}

/// |x|, with the derivative that is −1 or 1 everywhere.
#[test]
fn a_kink_is_no_success() {
    let kink = || {
        Functions::new(1, |x: &V| x[0].abs(), |x: &V| dvector![x[0].signum()])
            .with_hessian(|_: &V| dmatrix![0.0])
    };
    for start in [0.3, -1.0, 40.0] {
        let end = newton(kink(), &dvector![start]);
        assert!(
            !end.succeeded() && end.value < 1e-12,
            "{:?} at {}",
            end.stop,
            end.x
        );
        let end = run(GradientDescent::new(), kink(), &dvector![start], 5000).unwrap();
        assert!(
            !end.succeeded() && end.value < 1e-12,
            "{:?} at {}",
            end.stop,
            end.x
        );
    }
}

/// |x| + (y − 1)²/100 from where x has found its kink and y has not moved.
#[test]
fn a_kink_does_not_hide_the_rest() {
    let f = || {
        Functions::new(
            2,
            |x: &V| x[0].abs() + 0.01 * (x[1] - 1.0).powi(2),
            |x: &V| dvector![x[0].signum(), 0.02 * (x[1] - 1.0)],
        )
        .with_hessian(|_: &V| dmatrix![0.0, 0.0; 0.0, 0.02])
    };
    for start in [dvector![0.0, 0.0], dvector![0.7, 0.0], dvector![-1e-9, 3.0]] {
        let ends = [
            newton(f(), &start),
            run(GradientDescent::new(), f(), &start, 1000).unwrap(),
            run(LocalNewton::new(), f(), &start, 1000).unwrap(),
        ];
        for end in ends {
            assert!(!end.succeeded(), "{:?} at {}", end.stop, end.x);
        }
    }
}

#[test]
fn a_constant_ends_at_once() {
    let constant =
        || Functions::new(3, |_: &V| 7.0, |_: &V| V::zeros(3)).with_hessian(|_: &V| M::zeros(3, 3));
    let ends = [
        newton(constant(), &dvector![1.0, 2.0, 3.0]),
        run(GradientDescent::new(), constant(), &V::zeros(3), 9).unwrap(),
    ];
    for end in ends {
        assert_eq!((end.stop, end.iterations), (Some(Stop::Gradient), 1));
    }
}

/// x² − 1 where it is 0: noise relative to f is none there.
#[test]
fn a_start_where_f_is_zero_is_like_any_other() {
    let f = || {
        Functions::new(1, |x: &V| x[0] * x[0] - 1.0, |x: &V| dvector![2.0 * x[0]])
            .with_hessian(|_: &V| dmatrix![2.0])
    };
    let ends = [
        newton(f(), &dvector![1.0]),
        run(GradientDescent::new(), f(), &dvector![1.0], 100).unwrap(),
    ];
    for end in ends {
        assert!(
            end.succeeded() && (end.value + 1.0).abs() < 1e-15,
            "{:?}",
            end.stop
        );
    }
}

/// ‖x − 1‖² with its gradient negated.
#[test]
fn a_wrong_gradient_is_no_success() {
    let f = || {
        Functions::new(
            2,
            |x: &V| (x - dvector![1.0, 1.0]).norm_squared(),
            |x: &V| (x - dvector![1.0, 1.0]) * -2.0,
        )
        .with_hessian(|_: &V| M::identity(2, 2) * 2.0)
    };
    for start in [dvector![3.0, 0.0], dvector![1.0, 1.5]] {
        let ends = [
            newton(f(), &start),
            run(GradientDescent::new(), f(), &start, LIMIT).unwrap(),
        ];
        for end in ends {
            assert_eq!(end.stop, Some(Stop::NoDescent));
        }
        let end = run(LocalNewton::new(), f(), &start, LIMIT).unwrap();
        assert_eq!(end.stop, Some(Stop::Condition));
    }
}
