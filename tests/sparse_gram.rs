//! Where the Gram matrix is sparse, nothing changes but the time it takes.

mod common;

use levinv::{
    DMatrix, DVector, Error, Factorisation, GradientInversion, HasHessian, HasHessianProduct,
    Model, Objective, ScoreInversion, VolumetricBarrier,
};
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use common::sparse::{band, grid};

/// A model at slacks of both signs, those in `tiny` set; and the point.
fn model(a: CsrMatrix<f64>, tiny: &[(usize, f64)], rng: &mut StdRng) -> (Model<f64>, DVector<f64>) {
    let (n, d) = (a.nrows(), a.ncols());
    let x = DVector::from_fn(d, |_, _| rng.random_range(-1.0..1.0));
    let mut s = DVector::from_fn(n, |_, _| {
        let size: f64 = rng.random_range(0.5..2.0);
        if rng.random() { size } else { -size }
    });
    tiny.iter().for_each(|&(i, size)| s[i] = size);
    let b = &a * &x - s;
    (Model::new(a, b).expect("a sound instance"), x)
}

fn close(a: &DVector<f64>, b: &DVector<f64>, tolerance: f64, what: &str) {
    let error = (a - b).norm() / b.norm();
    assert!(error <= tolerance, "{what}: {error:e}");
}

/// Everything at a point, as by a dense QR.
fn same_as_dense(model: &Model<f64>, x: &DVector<f64>, tolerance: f64) {
    let dense = model.with_factorisation(Factorisation::Qr);
    let (at, by_qr) = (model.at(x).unwrap(), dense.at(x).unwrap());
    assert_eq!(at.factorisation(), Factorisation::SparseCholesky);
    assert_eq!(by_qr.factorisation(), Factorisation::Qr);
    close(
        at.scores().unwrap(),
        by_qr.scores().unwrap(),
        tolerance,
        "σ",
    );
    let (n, d) = (model.nrows(), model.dim());
    let v = DVector::from_fn(n, |i, _| ((i * 7) % 11) as f64 - 4.0);
    let laplacians = [&at, &by_qr].map(|at| at.laplacian(&v).unwrap());
    close(&laplacians[0], &laplacians[1], tolerance, "Λv");
    let h = DVector::from_fn(d, |j, _| 1.0 + (j % 5) as f64);
    let tau = DVector::from_fn(n, |i, _| ((i * 5) % 7) as f64 / 7.0);
    let c = DVector::from_fn(d, |j, _| (j % 3) as f64 - 1.0);
    let objectives = |model: &Model<f64>| -> [Box<dyn HasHessianProduct<f64>>; 3] {
        [
            Box::new(VolumetricBarrier::new(model)),
            Box::new(ScoreInversion::new(model, tau.clone()).unwrap()),
            Box::new(GradientInversion::new(model, c.clone()).unwrap()),
        ]
    };
    let names = ["V", "L_D", "L_G"];
    for ((f, g), name) in objectives(model).iter().zip(&objectives(&dense)).zip(names) {
        let values = [f.value(x).unwrap(), g.value(x).unwrap()];
        let error = ((values[0] - values[1]) / values[1]).abs();
        assert!(error <= tolerance, "{name}: {error:e}");
        close(
            &f.gradient(x).unwrap(),
            &g.gradient(x).unwrap(),
            tolerance,
            name,
        );
        let products = [f, g].map(|f| f.hessian_product(x, &h).unwrap());
        close(&products[0], &products[1], tolerance, name);
    }
}

// Cholesky keeps κ²ε, here below 1e-11 as a bound and a hundredth of it in fact.
const TOLERANCE: f64 = 1e-12;

#[test]
fn a_grid_and_a_band_give_what_a_dense_factor_gives() {
    let mut rng = StdRng::seed_from_u64(1);
    let (on_grid, x) = model(grid(12, &mut rng), &[], &mut rng);
    same_as_dense(&on_grid, &x, TOLERANCE);
    let (on_band, x) = model(band(900, 120, 4, &mut rng), &[], &mut rng);
    same_as_dense(&on_band, &x, TOLERANCE);
}

/// κ² grows as the square of the tiniest slack, 4e4 here, and the sum of the scores
/// bears out that it costs no more than that many ε.
#[test]
fn heavy_rows_keep_their_digits() {
    let mut rng = StdRng::seed_from_u64(2);
    let tiny = [(17, 1e-2), (300, -5e-3), (301, 1.5e-2)];
    let (on_band, x) = model(band(900, 120, 4, &mut rng), &tiny, &mut rng);
    assert!(on_band.at(&x).unwrap().scores().unwrap()[17] > 0.99);
    same_as_dense(&on_band, &x, 1e-11);
}

#[test]
fn a_slack_that_takes_too_many_digits_goes_by_a_dense_factor() {
    let mut rng = StdRng::seed_from_u64(3);
    let (on_band, x) = model(band(900, 120, 4, &mut rng), &[(40, 1e-7)], &mut rng);
    let at = on_band.at(&x).unwrap();
    assert_ne!(at.factorisation(), Factorisation::SparseCholesky);
    let by_qr = on_band.with_factorisation(Factorisation::Qr);
    close(
        at.scores().unwrap(),
        by_qr.at(&x).unwrap().scores().unwrap(),
        TOLERANCE,
        "σ",
    );
}

#[test]
fn full_hessians_and_forms_in_the_basis_are_the_dense_ones() {
    let mut rng = StdRng::seed_from_u64(4);
    let (on_band, x) = model(band(600, 70, 3, &mut rng), &[], &mut rng);
    let dense = on_band.with_factorisation(Factorisation::Qr);
    assert_eq!(
        on_band.at(&x).unwrap().factorisation(),
        Factorisation::SparseCholesky
    );
    let tau = DVector::from_element(600, 70.0 / 600.0);
    let hessians = [&on_band, &dense].map(|model| {
        let loss = ScoreInversion::new(model, tau.clone()).unwrap();
        let third = levinv::HasThirdDerivative::third_derivative(
            &VolumetricBarrier::new(model),
            &x,
            &DVector::from_element(70, 1.0),
        );
        [
            VolumetricBarrier::new(model).hessian(&x).unwrap(),
            loss.hessian(&x).unwrap(),
            third.unwrap(),
        ]
    });
    for (a, b) in hessians[0].iter().zip(&hessians[1]) {
        assert!((a - b).norm() <= TOLERANCE * b.norm());
    }
    // Q is fixed up to a rotation: traces are not moved by it.
    let v = DVector::from_fn(600, |i, _| (i % 7) as f64);
    let grams = [&on_band, &dense].map(|m| m.at(&x).unwrap().gram(&v).unwrap());
    assert!((grams[0].trace() - grams[1].trace()).abs() <= TOLERANCE * grams[1].trace());
    let forms = [&on_band, &dense].map(|m| {
        let identity = DMatrix::identity(70, 70);
        m.at(&x).unwrap().row_forms(&identity).unwrap()
    });
    close(&forms[0], &forms[1], TOLERANCE, "‖q‖²");
}

#[test]
fn a_column_that_depends_on_others_is_named() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut coo = CooMatrix::from(&band(600, 70, 3, &mut rng));
    // Two more columns, one twice the other.
    let (rows, columns, values) = coo.clone().disassemble();
    coo = CooMatrix::new(600, 72);
    for ((row, column), value) in rows.into_iter().zip(columns).zip(values) {
        coo.push(row, column, value);
    }
    for row in 0..3 {
        coo.push(row, 70, 1.0);
        coo.push(row, 71, 2.0);
    }
    let error = Model::new(CsrMatrix::from(&coo), DVector::zeros(600)).unwrap_err();
    assert!(
        matches!(error, Error::RankDeficient { rank: 71, .. }),
        "{error}"
    );
}

/// d = 40 000: a d×d matrix would take 12.8 GB.
#[test]
fn tens_of_thousands_of_parameters_take_no_square_matrix() {
    let mut rng = StdRng::seed_from_u64(6);
    let (model, x) = model(band(90_000, 40_000, 4, &mut rng), &[], &mut rng);
    let at = model.at(&x).unwrap();
    // Each of d scores' worth of rounding, whatever its sign.
    let off = (at.scores().unwrap().sum() - 40_000.0).abs();
    assert!(off <= 40_000.0 * 1e-13, "{off}");
    let tau = at.scores().unwrap().clone();
    let loss = ScoreInversion::new(&model, tau).unwrap();
    let (h, t) = (DVector::from_element(40_000, 1.0), 1e-6);
    // At the target L_D = 0, and its Hessian is that of Gauss and Newton: L_D(x + th)
    // = ½t² hᵀHh up to t³.
    let product = loss.hessian_product(&x, &h).unwrap();
    let moved = loss.value(&(&x + &h * t)).unwrap();
    let predicted = 0.5 * t * t * h.dot(&product);
    assert!(
        (moved - predicted).abs() <= 1e-3 * predicted,
        "{moved:e} {predicted:e}"
    );
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let mut rng = StdRng::seed_from_u64(7);
    let (model, x) = model(grid(60, &mut rng), &[], &mut rng);
    let loss = ScoreInversion::new(&model, DVector::from_element(model.nrows(), 0.5)).unwrap();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let fresh = model.with_factorisation(Factorisation::Automatic);
        pool.unwrap().install(|| {
            let loss = ScoreInversion::new(&fresh, loss.target().clone()).unwrap();
            (
                loss.gradient(&x).unwrap(),
                loss.hessian_product(&x, &x).unwrap(),
            )
        })
    };
    assert_eq!(with(1), with(2));
}
