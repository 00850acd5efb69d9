//! What an evaluation costs beside the raw kernels it is made of, in one run.
//!
//! ```sh
//! cargo bench --bench evaluation            # n = 100 000, d = 50
//! cargo bench --bench evaluation -- 20000 20
//! ```
//!
//! The unit is one lower-triangle Gram matrix and one triangular solve with n
//! right-hand sides, by faer on one thread over whole A.

use std::time::Instant;

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use levinv::{
    DMatrix, DVector, GradientInversion, HasHessianProduct, Model, ScoreInversion,
    VolumetricBarrier,
};

/// Repeats; the best of them is quoted, for noise only ever adds.
const REPEATS: usize = 5;

fn best(mut work: impl FnMut()) -> f64 {
    let time = |_| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    };
    (0..REPEATS).map(time).fold(f64::INFINITY, f64::min)
}

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let (n, d) = (
        sizes.first().copied().unwrap_or(100_000),
        sizes.get(1).copied().unwrap_or(50),
    );
    let entry = |i: usize, j: usize| {
        let mut z = ((i * d + j) as u64)
            .wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let a = DMatrix::from_fn(n, d, entry);
    let x = DVector::from_fn(d, |j, _| entry(3, j));
    let b = &a * &x - DVector::from_fn(n, |i, _| 1.5 + entry(i, 1));

    let view = MatRef::from_column_major_slice(a.as_slice(), n, d);
    let mut gram = Mat::<f64>::zeros(d, d);
    let blocks = || (0..n).step_by(1024).map(|i| (i, 1024.min(n - i)));
    let syrk = best(|| {
        for (i, m) in blocks() {
            let view = view.subrows(i, m);
            triangular::matmul(
                &mut gram,
                BlockStructure::TriangularLower,
                Accum::Add,
                view.transpose(),
                BlockStructure::Rectangular,
                view,
                BlockStructure::Rectangular,
                1.0,
                Par::Seq,
            );
        }
    });
    let factor = a.tr_mul(&a).cholesky().expect("full rank").l();
    let lower = MatRef::from_column_major_slice(factor.as_slice(), d, d);
    let mut rows = a.clone();
    let solve = best(|| {
        for (i, m) in blocks() {
            let rows = MatMut::from_column_major_slice_mut(rows.as_mut_slice(), n, d);
            let rows = rows.subrows_mut(i, m);
            solve_lower_triangular_in_place(lower, rows.transpose_mut(), Par::Seq);
        }
    });
    let unit = syrk + solve;
    println!(
        "n = {n}, d = {d}: Gram {:.1} ms, solve {:.1} ms",
        1e3 * syrk,
        1e3 * solve
    );

    let model = Model::new(a, b).expect("a sound instance");
    let barrier = VolumetricBarrier::new(&model);
    let target = DVector::from_element(n, d as f64 / n as f64);
    let scores = ScoreInversion::new(&model, target).expect("a target");
    let gradient = GradientInversion::new(&model, DVector::zeros(d)).expect("a target");
    let mut point = x.clone();
    measure("V", &barrier, &mut point, unit);
    measure("L_D", &scores, &mut point, unit);
    measure("L_G", &gradient, &mut point, unit);
}

fn measure<O: HasHessianProduct<f64>>(name: &str, f: &O, x: &mut DVector<f64>, unit: f64) {
    // Each repeat at a new point: at the old one everything is remembered.
    let mut moved = || {
        x[0] += 1e-9;
        x.clone()
    };
    let cost = best(|| drop(f.value(&moved())));
    let both = best(|| {
        let x = moved();
        drop((f.value(&x), f.gradient(&x)));
    });
    let at = moved();
    drop(f.gradient(&at));
    let product = best(|| drop(f.hessian_product(&at, &at)));
    println!(
        "{name:4} cost {:5.2} units, value + gradient {:5.2} ({:.0} ms), product {:5.2}",
        cost / unit,
        both / unit,
        1e3 * both,
        product / unit
    );
}
