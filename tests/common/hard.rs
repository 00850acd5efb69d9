//! Random instances that are hard in one way each, against double-double.

use levinv::{
    DMatrix, DVector, GradientInversion, HasHessian, HasHessianProduct, HasJacobian, Scalar,
    ScoreInversion, VolumetricBarrier,
};
use rand::Rng;
use rand::rngs::StdRng;

use super::double_double::DoubleDouble;
use super::instances::{normal, rng};
use super::measure::{Storage, model, relative_error};

/// What is hard about an instance, and the accuracy asked of f64 there.
pub const KINDS: &[(&str, f64)] = &[
    ("base", 5e-12),
    ("rows over eight decades", 5e-12),
    ("a slack of 1e-4", 5e-12),
    ("a slack of 1e-8", 5e-12),
    // Two heavy rows may share a plane, whose third score is then 1e-4 … 1e-6:
    // their own slacks enter as differences once more.
    ("three tiny slacks", 2e-11),
    ("columns over twelve decades", 5e-12),
    ("n = d + 1 or d + 2", 5e-12),
    ("condition 1e4", 1e-9),
    ("condition 1e8", 5e-6),
];

struct Hard {
    a: DMatrix<f64>,
    b: DVector<f64>,
    x: DVector<f64>,
    tau: DVector<f64>,
    c: DVector<f64>,
}

fn instance(kind: &str, r: &mut StdRng) -> Hard {
    let d = r.random_range(1..=6usize);
    let n = if kind.starts_with("n =") {
        d + r.random_range(1..=2usize)
    } else {
        r.random_range(d + 3..=40)
    };
    let mut a = DMatrix::from_fn(n, d, |_, _| normal(r));
    let x = DVector::from_fn(d, |_, _| normal(r));
    let mut s = DVector::from_fn(n, |_, _| {
        let size = r.random_range(0.5..2.0);
        if r.random_bool(0.5) { size } else { -size }
    });
    let mut nearly_dependent = |size: f64| {
        if d > 1 {
            let column = a.column(0) + a.column(1) * size;
            a.set_column(1, &column);
        }
    };
    match kind {
        "rows over eight decades" => {
            for i in 0..n {
                let unit = 10f64.powf(r.random_range(-4.0..4.0));
                a.row_mut(i).scale_mut(unit);
                // Some slacks in the row's unit, some not.
                s[i] *= if r.random_bool(0.3) {
                    unit.sqrt()
                } else {
                    unit
                };
            }
        }
        "columns over twelve decades" => {
            for mut column in a.column_iter_mut() {
                column.scale_mut(10f64.powf(r.random_range(-6.0..6.0)));
            }
        }
        "a slack of 1e-4" => s[0] = 1e-4,
        "a slack of 1e-8" => s[0] = 1e-8,
        "three tiny slacks" => {
            s[0] *= 1e-8;
            s[1] *= 3e-7;
            s[2] *= 1e-5;
        }
        "condition 1e4" => nearly_dependent(1e-4),
        "condition 1e8" => nearly_dependent(1e-8),
        _ => {}
    }
    let b = &a * &x - s;
    let tau = DVector::from_fn(n, |_, _| r.random_range(0.0..1.0));
    let c = DVector::from_fn(d, |_, _| normal(r));
    Hard { a, b, x, tau, c }
}

/// Everything the closed forms give, without ridge and far from any target.
fn quantities<T: Scalar>(hard: &Hard, storage: Storage) -> Vec<(&'static str, Vec<T>)> {
    let vector = |v: &DVector<f64>| v.map(nalgebra::convert::<f64, T>);
    let x = vector(&hard.x);
    let model = model(
        hard.a.map(nalgebra::convert::<f64, T>),
        vector(&hard.b),
        storage,
    );
    let at = model.at(&x).expect("no slack is zero");
    let scores = ScoreInversion::new(&model, vector(&hard.tau)).expect("a target");
    let h = DVector::from_fn(x.len(), |j, _| nalgebra::convert(1.0 + j as f64));
    let mut out = vec![
        ("slack", at.slack().as_slice().to_vec()),
        (
            "scores",
            at.scores().expect("in memory").as_slice().to_vec(),
        ),
        (
            "score Jacobian",
            scores.jacobian(&x).expect("inside").as_slice().to_vec(),
        ),
    ];
    let mut add = |values: [Vec<T>; 4]| {
        out.extend(
            ["value", "gradient", "Hessian", "product"]
                .into_iter()
                .zip(values),
        );
    };
    add(evaluate(&VolumetricBarrier::new(&model), &x, &h));
    add(evaluate(&scores, &x, &h));
    add(evaluate(
        &GradientInversion::new(&model, vector(&hard.c)).expect("a target"),
        &x,
        &h,
    ));
    out
}

fn evaluate<T: Scalar, O: HasHessian<T> + HasHessianProduct<T>>(
    f: &O,
    x: &DVector<T>,
    h: &DVector<T>,
) -> [Vec<T>; 4] {
    let list = |v: DVector<T>| v.as_slice().to_vec();
    [
        vec![f.value(x).expect("inside")],
        list(f.gradient(x).expect("inside")),
        f.hessian(x).expect("inside").as_slice().to_vec(),
        list(f.hessian_product(x, h).expect("inside")),
    ]
}

/// The worst relative error over `count` instances of a kind, dense and
/// sparse, and the quantity it is in.
pub fn worst(kind: &str, count: u64) -> (&'static str, f64) {
    let mut worst = ("none", 0.0);
    for seed in 0..count {
        let hard = instance(kind, &mut rng(seed));
        let exact = quantities::<DoubleDouble>(&hard, Storage::Dense);
        for storage in [Storage::Dense, Storage::Sparse] {
            for ((name, found), (_, exact)) in quantities::<f64>(&hard, storage).iter().zip(&exact)
            {
                let exact: Vec<f64> = exact.iter().map(|v| v.to_f64()).collect();
                let error = relative_error(found, &exact);
                if error > worst.1 {
                    worst = (name, error);
                }
            }
        }
    }
    worst
}
