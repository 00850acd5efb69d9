//! Units of x, of rows and of f change no iterate beyond rounding.
//!
//! Newton in a cell and Levenberg–Marquardt work in coordinates in which A_xᵀA_x
//! is the identity, search by ratios of values and stop by natural lengths, so
//! that columns of A, its rows and f may come in any units.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/instances.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod instances;
#[path = "common/runs.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod runs;

use instances::Instance;
use levinv::solver::{CellNewton, LevenbergMarquardt};
use levinv::{
    DMatrix, DVector, Error, HasHessian, HasJacobian, Model, Objective, ScoreInversion,
    TiltedBarrier, VolumetricBarrier,
};
use rand::Rng;
use runs::{Run, run};

type V = DVector<f64>;

/// How far iterates may differ, in slacks relative to themselves. Data in other
/// units are rounded once more, which moves derivatives by a few hundred ε; a
/// Newton step passes that on to x times 1/|λ|, on φ at most n = 200:
/// 300 · 200 · 2.2e-16 = 1.3e-11. On L_D λ may pass by zero on the way, hence the
/// room; a unit that mattered would show in the first digit.
const ROUNDING: f64 = 1e-6;
/// Shorter steps are rounding's own, and differ.
const RESOLVED: f64 = 1e-5;

/// c·f.
struct Times<O>(O, f64);

impl<O: Objective<f64>> Objective<f64> for Times<O> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn value(&self, x: &V) -> Result<f64, Error> {
        Ok(self.0.value(x)? * self.1)
    }

    fn gradient(&self, x: &V) -> Result<V, Error> {
        Ok(self.0.gradient(x)? * self.1)
    }

    fn largest_step(&self, x: &V, step: &V) -> Result<Option<f64>, Error> {
        self.0.largest_step(x, step)
    }

    fn metric(&self, x: &V) -> Result<Option<DMatrix<f64>>, Error> {
        self.0.metric(x)
    }
}

impl<O: HasHessian<f64>> HasHessian<f64> for Times<O> {
    fn hessian(&self, x: &V) -> Result<DMatrix<f64>, Error> {
        Ok(self.0.hessian(x)? * self.1)
    }
}

impl<O: HasJacobian<f64>> HasJacobian<f64> for Times<O> {
    fn residual(&self, x: &V) -> Result<V, Error> {
        Ok(self.0.residual(x)? * self.1.sqrt())
    }

    fn jacobian(&self, x: &V) -> Result<DMatrix<f64>, Error> {
        Ok(self.0.jacobian(x)? * self.1.sqrt())
    }
}

/// Units: x_j, rows and f times these.
struct Units {
    columns: V,
    rows: V,
    f: f64,
}

/// Newton on φ, Newton on L_D and Levenberg–Marquardt on L_D, with x in these
/// units and put back.
fn runs(instance: &Instance, [x, near, far]: [&V; 3], units: &Units) -> [Run<f64>; 3] {
    let mut a = instance.a.clone();
    for (mut column, unit) in a.column_iter_mut().zip(units.columns.iter()) {
        column.unscale_mut(*unit);
    }
    for (mut row, unit) in a.row_iter_mut().zip(units.rows.iter()) {
        row.scale_mut(*unit);
    }
    let model = Model::new(a, instance.b.component_mul(&units.rows)).unwrap();
    let [x, near, far] = [x, near, far].map(|x| x.component_mul(&units.columns));
    let c = VolumetricBarrier::new(&model).gradient(&x).unwrap();
    let tau = model.at(&x).unwrap().scores().expect("in memory").clone();
    let phi = || {
        TiltedBarrier::new(&model, c.clone())
            .unwrap()
            .in_cell_of(&x)
    };
    let loss = || {
        ScoreInversion::new(&model, tau.clone())
            .unwrap()
            .in_cell_of(&x)
    };
    let scaled = units.f;
    let mut runs = [
        run(CellNewton::new(), Times(phi().unwrap(), scaled), &far, 100),
        run(
            CellNewton::new(),
            Times(loss().unwrap(), scaled),
            &near,
            100,
        ),
        run(
            LevenbergMarquardt::new(),
            Times(loss().unwrap(), scaled),
            &near,
            100,
        ),
    ]
    .map(Result::unwrap);
    for passed in runs.iter_mut().flat_map(|run| &mut run.passed) {
        passed.x.component_div_assign(&units.columns);
    }
    runs
}

fn assert_same_iterates(units: impl Fn(&mut rand::rngs::StdRng, usize, usize) -> Units) {
    for seed in 0..12 {
        let r = &mut instances::rng(seed);
        let (n, d) = (r.random_range(60..=200usize), r.random_range(2..=6usize));
        let instance = instances::polytope(r, n, d);
        let x = instances::hit_and_run(r, &instance, 30);
        let h = V::from_fn(d, |_, _| instances::normal(r));
        let [near, far] = [0.1, 0.9].map(|t| instances::towards_boundary(&instance, &x, &h, t));
        let plain = Units {
            columns: V::repeat(d, 1.0),
            rows: V::repeat(n, 1.0),
            f: 1.0,
        };
        let points = [&x, &near, &far];
        let expected = runs(&instance, points, &plain);
        let found = runs(&instance, points, &units(r, n, d));
        for (k, (one, other)) in expected.iter().zip(&found).enumerate() {
            assert!(
                one.succeeded() && other.succeeded(),
                "instance {seed}, run {k}"
            );
            let steps = one.iterations_to(RESOLVED);
            assert_eq!(
                steps,
                other.iterations_to(RESOLVED),
                "instance {seed}, run {k}"
            );
            for (p, q) in one.passed.iter().zip(&other.passed).take(steps) {
                let slack = &instance.a * &p.x - &instance.b;
                let moved = (&instance.a * (&p.x - &q.x)).component_div(&slack).amax();
                assert!(moved <= ROUNDING, "instance {seed}, run {k}: {moved:e}");
            }
        }
    }
}

#[test]
fn units_of_x() {
    assert_same_iterates(|r, n, d| Units {
        columns: V::from_fn(d, |_, _| if r.random_bool(0.5) { 1e6 } else { 1e-6 }),
        rows: V::repeat(n, 1.0),
        f: 1.0,
    });
}

#[test]
fn units_of_rows() {
    assert_same_iterates(|r, n, d| Units {
        columns: V::repeat(d, 1.0),
        rows: V::from_fn(n, |_, _| 10f64.powf(r.random_range(-6.0..6.0))),
        f: 1.0,
    });
}

#[test]
fn units_of_f() {
    for f in [1e8, 1e-8] {
        assert_same_iterates(|_, n, d| Units {
            columns: V::repeat(d, 1.0),
            rows: V::repeat(n, 1.0),
            f,
        });
    }
}
