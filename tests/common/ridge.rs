//! Stationary points of regularised losses, judged in 237 bits.

#![allow(dead_code, reason = "each user of this file needs its own part")]

use levinv::recover::{GradientRecovery, Recovery, ScoreRecovery, SignKnowledge};
use levinv::{DMatrix, DVector, Extended, Model, Scalar, Signs};
use rand::Rng;

use super::instances::{self, Instance};

/// A problem with a ridge.
pub struct Case {
    pub instance: Instance,
    pub signs: Signs,
    /// τ, or c where `scores` is false.
    pub target: DVector<f64>,
    pub scores: bool,
    pub weights: DVector<f64>,
    /// The size of the weights.
    pub ridge: f64,
}

/// n 20–200, d 2–8, a ridge log-uniform from 1e-6 to 1e3, for odd seeds with
/// weights of its own for each row; scores of mixed cells, gradients in polytopes.
pub fn case(seed: u64, scores: bool) -> Case {
    let rng = &mut instances::rng(seed);
    let (n, d) = (
        rng.random_range(20..=200usize),
        rng.random_range(2..=8usize),
    );
    let ridge = 10f64.powf(rng.random_range(-6.0..3.0));
    let mut instance = if scores {
        instances::random(rng, n, d, true)
    } else {
        instances::polytope(rng, n, d)
    };
    if !scores {
        instance.x = instances::hit_and_run(rng, &instance, 50);
    }
    let weights = DVector::from_fn(n, |_, _| {
        let own = if seed % 2 == 1 {
            rng.random_range(0.1..3.0)
        } else {
            1.0
        };
        ridge * own
    });
    let model = model(&instance);
    let at = model.at(&instance.x).expect("inside");
    let target = if scores {
        at.scores().expect("in memory").clone()
    } else {
        at.score_gradient().expect("in memory")
    };
    let signs = Signs::of(at.slack()).expect("no zero");
    Case {
        instance,
        signs,
        target,
        scores,
        weights,
        ridge,
    }
}

fn model(instance: &Instance) -> Model<f64> {
    Model::new(instance.a.clone(), instance.b.clone()).expect("full rank")
}

pub fn recover(case: &Case) -> Recovery<f64> {
    let model = model(&case.instance);
    let (target, weights, signs) = (
        case.target.clone(),
        case.weights.clone(),
        case.signs.clone(),
    );
    let found = if case.scores {
        let run = ScoreRecovery::new(&model, target).expect("scores");
        let run = run.signs(SignKnowledge::Known(signs)).expect("signs");
        run.ridge(weights).run()
    } else {
        let run = GradientRecovery::new(&model, target).expect("a gradient");
        run.signs(signs).expect("signs").ridge(weights).run()
    };
    found.expect("in memory")
}

/// How far from stationary a point is.
#[derive(Debug, Clone, Copy)]
pub struct Gap {
    /// ‖∇L‖ relative to its terms, as if they agreed in sign.
    pub of_terms: f64,
    /// Relative to ‖∇(data)‖ + ‖∇ρ‖, which vanish with the ridge.
    pub of_parts: f64,
    /// Relative to what rounding of x alone leaves, ε‖|∇²L||x|‖.
    pub of_rounding: f64,
}

type V<T> = DVector<T>;
type M<T> = DMatrix<T>;

fn narrow(v: Extended) -> f64 {
    v.to_f64()
}

/// ∇ of the data term and of the ridge by the formulas with P itself, in any
/// arithmetic, with r, the sizes of the terms of r, and J.
fn parts<T: Scalar>(case: &Case, x: &V<T>, wide: impl Fn(f64) -> T + Copy) -> [V<T>; 4] {
    let a: M<T> = case.instance.a.map(wide);
    let s = &a * x - case.instance.b.map(wide);
    let scaled = M::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] / s[i]);
    let gram = (scaled.transpose() * &scaled).cholesky().expect("definite");
    let p = &scaled * gram.solve(&scaled.transpose());
    let sigma = p.diagonal();
    let squared = p.component_mul(&p);
    let target = case.target.map(wide);
    let (jacobian, residual, terms) = if case.scores {
        let laplacian = M::from_diagonal(&sigma) - squared;
        let terms = &sigma + target.abs();
        (laplacian * &scaled * wide(-2.0), sigma - target, terms)
    } else {
        let middle = M::from_diagonal(&sigma) * wide(3.0) - squared * wide(2.0);
        let terms = scaled.abs().tr_mul(&sigma) + target.abs();
        let residual = -scaled.tr_mul(&sigma) - target;
        (scaled.tr_mul(&(middle * &scaled)), residual, terms)
    };
    let squares = case.weights.map(|w| wide(w) * wide(w));
    let ridge = a.tr_mul(&squares.component_mul(&(&a * x)));
    let ridge_terms = a.abs().tr_mul(&squares.component_mul(&(a.abs() * x.abs())));
    let data_terms = jacobian.abs().tr_mul(&terms);
    [jacobian.tr_mul(&residual), ridge, data_terms, ridge_terms]
}

/// At a point of f64, all in 237 bits.
pub fn gap(case: &Case, x: &V<f64>) -> Gap {
    let wide = Extended::from_f64;
    let at = x.map(wide);
    let [data, ridge, data_terms, ridge_terms] = parts(case, &at, wide);
    let size = (&data + &ridge).norm();
    // The Hessian need not be good to more than two digits: differences will do.
    let mut rounding = V::zeros(x.len());
    for j in 0..x.len() {
        let mut moved = at.clone();
        let unit = wide(x[j].abs().max(1e-300) * 1e-20);
        moved[j] += unit;
        let [other, other_ridge, ..] = parts(case, &moved, wide);
        let column = (other - &data + other_ridge - &ridge) / unit;
        rounding += column.abs() * wide(x[j].abs() * f64::EPSILON);
    }
    Gap {
        of_terms: narrow(size / (data_terms.norm() + ridge_terms.norm())),
        of_parts: narrow(size / (data.norm() + ridge.norm())),
        of_rounding: narrow(size / rounding.norm()),
    }
}
