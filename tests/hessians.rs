//! Every way to a full Hessian gives the matrix that products give.
//!
//! n and d decide whether a Hessian is made from third moments or from tiles of
//! the n×n form; products share neither, only the geometry at x. Against the
//! definition itself Hessians are checked in `derivatives.rs`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/instances.rs"]
#[allow(dead_code, reason = "only random instances are used")]
mod instances;

use levinv::{
    DMatrix, DVector, GradientInversion, HasHessian, HasHessianProduct, HasThirdDerivative, Model,
    ScoreInversion, VolumetricBarrier,
};
use nalgebra_sparse::{CooMatrix, CsrMatrix};

/// Sums of up to 3000 rows in another order: √3000 roundings of 1.1e-16 each,
/// times some ten for the terms of (D4), which cancel, and a hundred for the
/// instance: 1e-11 relative to the largest entry is far from both.
const TOLERANCE: f64 = 1e-11;

/// Rows and columns: many rows go by the tensor, with one chunk of pairs and
/// with several, the last one full or not; few rows by the n×n form, in one
/// tile and in several.
const SHAPES: [(usize, usize); 7] = [
    (300, 1),
    (600, 7),
    (1000, 16),
    (3000, 31),
    (40, 17),
    (90, 40),
    (700, 80),
];

fn by_products(d: usize, product: impl Fn(&DVector<f64>) -> DVector<f64>) -> DMatrix<f64> {
    let columns: Vec<_> = (0..d)
        .map(|j| product(&DVector::from_fn(d, |i, _| f64::from(u8::from(i == j)))))
        .collect();
    DMatrix::from_columns(&columns)
}

fn assert_near(found: &DMatrix<f64>, expected: &DMatrix<f64>, what: &str) {
    let off = (found - expected).amax() / expected.amax();
    // Written so that NaN fails.
    assert!(off <= TOLERANCE, "{what}: off by {off:.1e}");
}

fn assert_same(model: &Model<f64>, x: &DVector<f64>, name: &str) {
    let (n, d) = (model.nrows(), model.dim());
    let barrier = VolumetricBarrier::new(model);
    let target = DVector::from_fn(n, |i, _| (i % 3) as f64 * d as f64 / n as f64);
    let scores = ScoreInversion::new(model, target).unwrap();
    let gradient = GradientInversion::new(model, DVector::from_element(d, 1.0)).unwrap();
    let own: [(&str, &dyn HasHessian<f64>, &dyn HasHessianProduct<f64>); 3] = [
        ("V", &barrier, &barrier),
        ("L_D", &scores, &scores),
        ("L_G", &gradient, &gradient),
    ];
    for (objective, hessian, product) in own {
        let expected = by_products(d, |h| product.hessian_product(x, h).unwrap());
        let found = hessian.hessian(x).unwrap();
        assert_near(&found, &expected, &format!("{objective}, {name} {n}×{d}"));
    }
    // D³V[p]q = D³V[q]p, p and q going different ways through the sums.
    let p = DVector::from_fn(d, |j, _| 1.0 + (j % 5) as f64);
    let third = barrier.third_derivative(x, &p).unwrap();
    let q = DVector::from_fn(d, |j, _| 2.0 - (j % 3) as f64);
    let (one, other) = (&third * &q, barrier.third_derivative(x, &q).unwrap() * &p);
    let off = (&one - other).amax() / (third.amax() * q.amax() * d as f64);
    assert!(off <= TOLERANCE, "D³V, {name} {n}×{d}: off by {off:.1e}");
}

#[test]
fn hessians_are_what_products_say_on_every_route() {
    for (n, d) in SHAPES {
        let made = instances::random(&mut instances::rng(71), n, d, true);
        let model = Model::new(made.a, made.b).unwrap();
        assert_same(&model, &made.x, "dense");
    }
}

#[test]
fn hessians_of_sparse_designs_are_what_products_say_on_every_route() {
    for (n, d) in SHAPES {
        let made = instances::random(&mut instances::rng(73), n, d, true);
        let mut a = CooMatrix::new(n, d);
        let mut kept = DMatrix::zeros(n, d);
        for i in 0..n {
            for j in 0..d {
                // Every column is met, and rows have a third of their entries.
                if j == i % d || (i * 7 + j * 5) % 3 == 0 {
                    kept[(i, j)] = made.a[(i, j)];
                    a.push(i, j, made.a[(i, j)]);
                }
            }
        }
        // The same slacks: b moves with the entries left out.
        let b = &kept * &made.x - (&made.a * &made.x - &made.b);
        let model = Model::new(CsrMatrix::from(&a), b).unwrap();
        assert_same(&model, &made.x, "sparse");
    }
}
