//! What no call may do, whatever its input: not end, return NaN, or claim a
//! success that is none.

#![allow(dead_code, reason = "each test file uses its own part of this module")]

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use levinv::recover::{Recovery, Status};
use levinv::solver::FullObjective;
use levinv::{
    DMatrix, DVector, Geometry, GradientInversion, Model, ScoreInversion, Signs, VolumetricBarrier,
};

pub type V = DVector<f64>;
pub type M = DMatrix<f64>;
pub type Loss = Arc<dyn FullObjective<f64>>;

/// Far more than any of these small problems takes, on any machine.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What `work` returns, or a failure where it does not end: a loop without end
/// cannot be stopped from outside, but the test can say so and go on.
pub fn bounded<R: Send + 'static>(what: &str, work: impl FnOnce() -> R + Send + 'static) -> R {
    let (send, receive) = mpsc::channel();
    let worker = thread::spawn(move || send.send(work()));
    match receive.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what} does not end"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => unreachable!("the result was not sent"),
        },
    }
}

/// A heptagon: bounded, all slacks positive at the origin, rows in general position.
pub fn polygon() -> (M, V) {
    let a = M::from_fn(7, 2, |i, j| {
        let angle = i as f64 * 0.9 + 0.02 * (i * i) as f64;
        if j == 0 { angle.cos() } else { angle.sin() }
    });
    (a, V::from_fn(7, |i, _| -1.0 - 0.1 * (i % 3) as f64))
}

pub fn losses(model: &Model<f64>, gradient: &V, signs: Option<&Signs>) -> Vec<Loss> {
    let scores = V::from_element(model.nrows(), model.dim() as f64 / model.nrows() as f64);
    let mut barrier = VolumetricBarrier::new(model);
    let mut score = ScoreInversion::new(model, scores).unwrap();
    let mut inversion = GradientInversion::new(model, gradient.clone()).unwrap();
    if let Some(signs) = signs {
        barrier = barrier.in_cell(signs.clone()).unwrap();
        score = score.in_cell(signs.clone()).unwrap();
        inversion = inversion.in_cell(signs.clone()).unwrap();
    }
    vec![Arc::new(barrier), Arc::new(score), Arc::new(inversion)]
}

/// No number of a result is NaN.
pub fn sound<'a>(what: &str, numbers: impl IntoIterator<Item = &'a f64>) {
    assert!(numbers.into_iter().all(|v| !v.is_nan()), "NaN in {what}");
}

/// All quantities of a loss at x, none of them NaN.
pub fn evaluate(f: &Loss, x: &V, h: &V) {
    let _ = f.value(x).inspect(|v| sound("a value", [v]));
    let _ = f.gradient(x).inspect(|v| sound("a gradient", v));
    let _ = f.hessian(x).inspect(|v| sound("a Hessian", v));
    let _ = f.hessian_product(x, h).inspect(|v| sound("a product", v));
    let _ = f.residual(x).inspect(|v| sound("a residual", v));
    let _ = f.jacobian(x).inspect(|v| sound("a Jacobian", v));
    let _ = f
        .metric(x)
        .inspect(|v| sound("a metric", v.iter().flatten()));
    let _ = f.largest_step(x, h).inspect(|v| sound("a largest step", v));
}

/// Scores are between 0 and 1 and sum to d; nothing that is made of them is NaN.
pub fn assert_geometry(geometry: &Geometry<f64>) {
    let (scores, d) = (
        geometry.scores().expect("in memory"),
        geometry.x().len() as f64,
    );
    assert!(
        scores.iter().all(|s| (0.0..=1.0 + 1e-6).contains(s)),
        "scores {scores}"
    );
    assert!(
        (scores.sum() - d).abs() <= 1e-6 * d,
        "{} scores sum to {}",
        scores.len(),
        scores.sum()
    );
    sound("V", [&geometry.volumetric()]);
    let form = geometry.gram(scores).unwrap();
    sound("a Gram matrix", &form);
    sound("quadratic forms", &geometry.row_forms(&form).unwrap());
    sound("Λσ", &geometry.laplacian(scores).unwrap());
}

/// A recovery that ended: no NaN in it, and no success without a match.
pub fn assert_ended(model: &Model<f64>, gradient: Option<&V>, found: &Recovery<f64>) {
    assert!(found.iterations <= 1000, "{} iterations", found.iterations);
    sound("an error estimate", &found.error_estimate());
    found
        .directions
        .iter()
        .for_each(|v| sound("a direction", v));
    let Some(x) = &found.x else {
        assert!(
            !found.status.is_success(),
            "{} without a point",
            found.status
        );
        return;
    };
    sound("a recovered x", x);
    sound("the residual of a recovery", &found.residual);
    if found.status != Status::Recovered {
        return;
    }
    let Some(c) = gradient else {
        assert!(
            found.residual.is_some_and(|r| r < 1e-6),
            "recovered with residual {:?}",
            found.residual
        );
        return;
    };
    // Relative to the terms of g, which may cancel: ‖g − c‖ itself need not be
    // small against c.
    let at = model.at(x).unwrap();
    let mut a = M::zeros(model.nrows(), model.dim());
    model.design().read_rows(0, &mut a).unwrap();
    let size = a
        .abs()
        .tr_mul(
            &at.scores()
                .expect("in memory")
                .component_div(&at.slack().abs()),
        )
        .amax()
        .max(c.amax());
    let residual = at
        .apply_transposed(at.scores().expect("in memory"))
        .unwrap()
        + c;
    assert!(
        size.is_finite() && residual.amax() <= 1e-6 * size,
        "recovered, but c − g = {residual} with c = {c}"
    );
}
