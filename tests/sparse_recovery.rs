//! Recovery where the Gram matrix is sparse: as from a dense one, in a fraction of the
//! time.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[cfg(feature = "cli")]
#[path = "common/directory.rs"]
mod directory;
#[path = "common/sparse.rs"]
#[allow(dead_code, reason = "grids alone are used here")]
mod sparse;

use levinv::recover::{GradientRecovery, Recovery, ScoreRecovery, SignKnowledge, Status};
use levinv::solver::certificate::{Certificate, Reason, Verdict};
use levinv::{DVector, Factorisation, HasHessian, Model, Objective, ScoreInversion, Signs};
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use sparse::grid;

/// A model at slacks of both signs, and its secret.
fn planted(a: CsrMatrix<f64>, positive: bool, rng: &mut StdRng) -> (Model<f64>, DVector<f64>) {
    let x = DVector::from_fn(a.ncols(), |_, _| rng.random_range(-1.0..1.0));
    let s = DVector::from_fn(a.nrows(), |_, _| {
        let size: f64 = rng.random_range(0.5..2.0);
        if positive || rng.random() {
            size
        } else {
            -size
        }
    });
    let b = &a * &x - s;
    (Model::new(a, b).expect("a sound instance"), x)
}

fn scores(model: &Model<f64>, x: &DVector<f64>) -> DVector<f64> {
    model.at(x).unwrap().scores().unwrap().clone()
}

fn signs(model: &Model<f64>, x: &DVector<f64>) -> Signs {
    Signs::of(&model.slack(x).unwrap()).unwrap()
}

fn recovered(model: &Model<f64>, target: DVector<f64>, signs: Signs) -> Recovery<f64> {
    let recovery = ScoreRecovery::new(model, target).unwrap();
    let recovery = recovery.signs(SignKnowledge::Known(signs)).unwrap();
    recovery.run().unwrap()
}

fn off(x: &DVector<f64>, y: &DVector<f64>) -> f64 {
    (x - y).norm() / y.norm()
}

/// x within its error bars of the secret.
fn is_within_errors(found: &Recovery<f64>, secret: &DVector<f64>) -> bool {
    let (x, errors) = (found.x.as_ref().unwrap(), found.errors.as_ref().unwrap());
    (0..x.len()).all(|j| (x[j] - secret[j]).abs() <= errors[j])
}

/// More rows and columns: those of `more`, whose column 0 is `a`'s column `shared`.
fn joined(a: &CsrMatrix<f64>, more: &CsrMatrix<f64>, shared: usize) -> CsrMatrix<f64> {
    let (n, d) = (a.nrows(), a.ncols());
    let mut coo = CooMatrix::new(n + more.nrows(), d + more.ncols() - 1);
    a.triplet_iter().for_each(|(i, j, v)| coo.push(i, j, *v));
    for (i, j, v) in more.triplet_iter() {
        let column = if j == 0 { shared } else { d + j - 1 };
        coo.push(n + i, column, *v);
    }
    CsrMatrix::from(&coo)
}

#[test]
fn a_grid_gives_what_a_dense_recovery_gives() {
    let mut rng = StdRng::seed_from_u64(1);
    let (model, secret) = planted(grid(13, &mut rng), false, &mut rng);
    let (target, signs) = (scores(&model, &secret), signs(&model, &secret));
    let found = recovered(&model, target.clone(), signs.clone());
    assert!(found.method.contains("sparse"), "{}", found.method);
    let dense = recovered(&model.with_factorisation(Factorisation::Qr), target, signs);
    assert!(!dense.method.contains("sparse"), "{}", dense.method);
    for found in [&found, &dense] {
        assert_eq!(found.status, Status::Recovered, "{}", found.reason);
        assert!(off(found.x.as_ref().unwrap(), &secret) < 1e-12);
        assert!(is_within_errors(found, &secret));
    }
    // Row norms from random vectors are larger by some tens of per cent.
    let ratio = found.errors.unwrap().component_div(&dense.errors.unwrap());
    assert!(
        ratio.min() > 0.5 && ratio.max() < 10.0,
        "{} {}",
        ratio.min(),
        ratio.max()
    );
}

/// The dense way takes minutes here.
#[test]
fn a_thousand_parameters_take_seconds() {
    let mut rng = StdRng::seed_from_u64(2);
    let (model, secret) = planted(grid(33, &mut rng), false, &mut rng);
    assert_eq!(model.dim(), 1088);
    let (target, signs) = (scores(&model, &secret), signs(&model, &secret));
    let found = recovered(&model, target.clone(), signs);
    assert_eq!(found.status, Status::Recovered, "{}", found.reason);
    let x = found.x.as_ref().unwrap();
    assert!(off(x, &secret) < 1e-12);
    assert!(is_within_errors(&found, &secret));
    // What is not proved is not claimed.
    let loss = ScoreInversion::new(&model, target).unwrap();
    let certificate = Certificate::of(&loss, x).unwrap();
    let reason = Reason::TooLarge;
    assert_eq!(
        certificate.verdict,
        Verdict::NotCertified { reason, h: None }
    );
    let rest = loss.gradient(x).unwrap().norm();
    assert!((certificate.gradient_norm - rest).abs() <= 1e-3 * rest);
}

#[test]
fn a_gradient_gives_x_back() {
    let mut rng = StdRng::seed_from_u64(3);
    let (model, secret) = planted(grid(33, &mut rng), true, &mut rng);
    let target = model.at(&secret).unwrap().score_gradient().unwrap();
    let start = secret.map(|x| x + rng.random_range(-0.05..0.05));
    let recovery = GradientRecovery::new(&model, target).unwrap();
    let found = recovery.start(start).unwrap().run().unwrap();
    assert_eq!(found.status, Status::Recovered, "{}", found.reason);
    assert!(off(found.x.as_ref().unwrap(), &secret) < 1e-11);
    assert!(is_within_errors(&found, &secret));
}

/// A row that alone holds the level of all others, as the only anchor of a grid.
#[test]
fn an_anchor_leaves_the_level_free() {
    let mut rng = StdRng::seed_from_u64(4);
    // Its first vertex is a column again, and held by one row alone.
    let (k, n) = (13, 2 * 13 * 12);
    let mut coo = CooMatrix::new(n + 1, k * k);
    let mut row = 0;
    for (i, j) in (0..k).flat_map(|i| (0..k).map(move |j| (i, j))) {
        for (a, b) in [(i + 1, j), (i, j + 1)] {
            if a < k && b < k {
                let weight = rng.random_range(0.5..2.0);
                coo.push(row, i * k + j, weight);
                coo.push(row, a * k + b, -weight);
                row += 1;
            }
        }
    }
    coo.push(n, 0, 1.0);
    let (model, secret) = planted(CsrMatrix::from(&coo), false, &mut rng);
    let found = recovered(&model, scores(&model, &secret), signs(&model, &secret));
    assert_eq!(found.status, Status::Undetermined, "{}", found.reason);
    assert!(
        found.reason.starts_with(&format!("row {} of", n + 1)),
        "{}",
        found.reason
    );
    let direction = &found.directions[0];
    assert!(direction.iter().all(|h| (h - 1.0).abs() < 1e-10));
    let x = found.x.unwrap();
    let (level, own) = (secret.map(|v| v - secret[0]), x.map(|v| v - x[0]));
    assert!(off(&own, &level) < 1e-11);
}

/// Two grids with one vertex in common are two components, each with a scale.
#[test]
fn a_cut_vertex_makes_two_components() {
    let mut rng = StdRng::seed_from_u64(5);
    let (first, second) = (grid(10, &mut rng), grid(11, &mut rng));
    let (model, secret) = planted(joined(&first, &second, 98), false, &mut rng);
    let found = recovered(&model, scores(&model, &secret), signs(&model, &secret));
    assert_eq!(found.status, Status::Recovered, "{}", found.reason);
    // The second grid's left-out corner grounds it: it hangs on that and the vertex.
    assert!(off(found.x.as_ref().unwrap(), &secret) < 1e-11);
    assert!(is_within_errors(&found, &secret));
}

/// On slacks between ½ and 2, and on one that is a tiny part of the others, which goes
/// by a dense factor.
#[test]
fn b_in_the_column_space_leaves_a_line() {
    for wide in [false, true] {
        line_of(wide);
    }
}

fn line_of(wide: bool) {
    let mut rng = StdRng::seed_from_u64(6);
    let a = grid(13, &mut rng);
    // Whole numbers: b is A x̂ exactly.
    let (rows, columns, _) = CooMatrix::from(&a).disassemble();
    let (base, mut coo) = (a, CooMatrix::new(2 * 13 * 12, 168));
    for (&i, &j) in rows.iter().zip(&columns) {
        let value: f64 = base.get_entry(i, j).unwrap().into_value();
        coo.push(i, j, value.signum());
    }
    let a = CsrMatrix::from(&coo);
    let least = if wide { 1 } else { -9 };
    let fitted = DVector::from_fn(168, |_, _| f64::from(rng.random_range(least..9_i32)));
    let model = Model::new(a.clone(), &a * &fitted).unwrap();
    let mut h = DVector::from_fn(168, |j, _| {
        // Neighbours differ in sign.
        let sign = if ((j + 1) / 13 + (j + 1) % 13) % 2 == 0 {
            1.0
        } else {
            -1.0
        };
        let near: f64 = rng.random_range(0.5..1.0);
        if wide {
            rng.random_range(-1.0..1.0)
        } else {
            sign * near
        }
    });
    if wide {
        h[100] = h[101] + 1e-5;
    }
    let secret = &fitted + &h;
    let found = recovered(&model, scores(&model, &secret), signs(&model, &secret));
    assert_eq!(found.status, Status::Undetermined, "{}", found.reason);
    assert_eq!(found.method.contains("sparse"), !wide, "{}", found.method);
    assert_eq!(found.directions.len(), 1, "{}", found.reason);
    let along = &found.directions[0];
    let cosine = along.dot(&h).abs() / along.norm() / h.norm();
    assert!(1.0 - cosine < 1e-10, "{cosine}");
}

#[test]
fn rounded_scores_end_at_the_least_squares_fit() {
    let mut rng = StdRng::seed_from_u64(7);
    let (model, secret) = planted(grid(13, &mut rng), false, &mut rng);
    let exact = scores(&model, &secret);
    let rounded = exact.map(|s| (s * 1e6).round() / 1e6);
    let found = recovered(&model, rounded.clone(), signs(&model, &secret));
    assert_eq!(found.status, Status::TooNoisy, "{}", found.reason);
    let x = found.x.unwrap();
    let loss = ScoreInversion::new(&model, rounded).unwrap();
    let step = loss
        .hessian(&x)
        .unwrap()
        .lu()
        .solve(&loss.gradient(&x).unwrap());
    assert!(step.unwrap().norm() < 1e-6 * (&x - &secret).norm());
}

#[test]
fn a_wrong_sign_is_told() {
    let mut rng = StdRng::seed_from_u64(8);
    let (model, secret) = planted(grid(13, &mut rng), false, &mut rng);
    let mut slack = model.slack(&secret).unwrap();
    slack[17] = -slack[17];
    let found = recovered(&model, scores(&model, &secret), Signs::of(&slack).unwrap());
    assert_eq!(found.status, Status::Infeasible, "{}", found.reason);
    assert!(found.x.is_none());
}

/// Slacks so far apart that a sparse factor loses its digits, and signs that nobody
/// gave, end at once and claim nothing.
#[test]
fn what_sparse_factors_do_not_bear_is_said() {
    let mut rng = StdRng::seed_from_u64(9);
    let a = grid(33, &mut rng);
    let x = DVector::from_fn(a.ncols(), |_, _| rng.random_range(-1.0..1.0));
    let s = DVector::from_fn(a.nrows(), |i, _| if i % 50 == 0 { 1e-6 } else { 1.0 });
    let model = Model::new(a.clone(), &a * &x - s).unwrap();
    let target = scores(&model, &x);
    let found = recovered(&model, target.clone(), signs(&model, &x));
    assert_eq!(found.status, Status::NotConverged, "{}", found.reason);
    let unsigned = ScoreRecovery::new(&model, target).unwrap().run().unwrap();
    assert_eq!(unsigned.status, Status::NotConverged);
    assert!(unsigned.reason.contains("signs"), "{}", unsigned.reason);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let mut rng = StdRng::seed_from_u64(10);
    let (model, secret) = planted(grid(13, &mut rng), false, &mut rng);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let fresh = model.with_factorisation(Factorisation::Automatic);
        let found = pool
            .unwrap()
            .install(|| recovered(&fresh, scores(&fresh, &secret), signs(&fresh, &secret)));
        (found.x, found.errors)
    };
    assert_eq!(with(1), with(2));
}

#[cfg(feature = "cli")]
#[test]
fn the_command_leaves_the_hessian_out_and_says_so() {
    use std::fmt::Write;
    let mut rng = StdRng::seed_from_u64(11);
    let a = grid(33, &mut rng);
    let mut text = format!(
        "%%MatrixMarket matrix coordinate real general\n{} {} {}\n",
        a.nrows(),
        a.ncols(),
        a.nnz()
    );
    for (i, j, v) in a.triplet_iter() {
        writeln!(text, "{} {} {v:?}", i + 1, j + 1).unwrap();
    }
    let directory = directory::Directory::new("sparse-evaluate");
    let matrix = directory.write("a.mtx", text);
    let (rhs, x) = (
        DVector::from_element(a.nrows(), -1.0),
        DVector::zeros(a.ncols()),
    );
    let (rhs, at) = (
        directory.vector("b.csv", &rhs),
        directory.vector("x.csv", &x),
    );
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_levinv"))
        .args(["evaluate", "barrier", "--json"])
        .args(["--matrix", &matrix, "--rhs", &rhs, "--at", &at])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["hessian"].is_null());
    assert!(json["note"].as_str().unwrap().contains("--hessian"));
    assert_eq!(json["gradient"].as_array().unwrap().len(), a.ncols());
}
