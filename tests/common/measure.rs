//! The measurements behind the bars, each run in full by `examples/bars` and
//! in part by a test.

use std::sync::Arc;

use levinv::recover::{GradientRecovery, ScoreRecovery, SignKnowledge};
use levinv::solver::{FullObjective, History, Limits, NamedSolver};
use levinv::{
    DMatrix, DVector, Design, GradientInversion, HasHessian, HasHessianProduct, HasJacobian, Model,
    Scalar, ScoreInversion, Signs, TiltedBarrier, VolumetricBarrier,
};
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use rand::Rng;

use super::instances::{self, Instance};
use super::reference::Case;

/// Which storage a design is handed over in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    Dense,
    Sparse,
}

pub fn sparse<T: Scalar>(a: &DMatrix<T>) -> CsrMatrix<T> {
    let mut coo = CooMatrix::new(a.nrows(), a.ncols());
    for i in 0..a.nrows() {
        for j in 0..a.ncols() {
            if a[(i, j)] != T::zero() {
                coo.push(i, j, a[(i, j)]);
            }
        }
    }
    CsrMatrix::from(&coo)
}

pub fn model<T: Scalar>(a: DMatrix<T>, b: DVector<T>, storage: Storage) -> Model<T> {
    let design: Design<T> = match storage {
        Storage::Dense => a.into(),
        Storage::Sparse => sparse(&a).into(),
    };
    Model::new(design, b).expect("a sound instance")
}

/// A quantity of a reference case as computed, entries row by row.
pub type Quantity<T> = (&'static str, Vec<T>);

fn rows<T: Scalar>(m: &DMatrix<T>) -> Vec<T> {
    m.transpose().as_slice().to_vec()
}

/// Every quantity that the reference files list, by the closed forms. Hessians
/// also column by column through products.
pub fn quantities<T: Scalar>(case: &Case, storage: Storage) -> Vec<Quantity<T>> {
    let model = model(case.design::<T>(), case.vector("b"), storage);
    let (x, w) = (case.vector::<T>("x"), case.vector::<T>("w"));
    let at = model.at(&x).expect("no slack is zero");
    let barrier = VolumetricBarrier::new(&model);
    let scores = ScoreInversion::new(&model, case.vector("tau")).expect("a finite target");
    let scores = scores.with_ridge(w.clone()).expect("weights");
    let bare = ScoreInversion::new(&model, case.vector("tau")).expect("a finite target");
    let gradient = GradientInversion::new(&model, case.vector("c")).expect("a finite target");
    let gradient = gradient.with_ridge(w).expect("weights");
    let mut out = vec![
        ("slack", at.slack().as_slice().to_vec()),
        (
            "scores",
            at.scores().expect("in memory").as_slice().to_vec(),
        ),
        ("score_jacobian", rows(&bare.jacobian(&x).expect("inside"))),
    ];
    entries(
        &mut out,
        &barrier,
        &x,
        ["volumetric", "volumetric_gradient", "volumetric_hessian"],
    );
    entries(
        &mut out,
        &scores,
        &x,
        ["score_loss", "score_loss_gradient", "score_loss_hessian"],
    );
    entries(
        &mut out,
        &gradient,
        &x,
        [
            "gradient_loss",
            "gradient_loss_gradient",
            "gradient_loss_hessian",
        ],
    );
    out
}

fn entries<T: Scalar, O: HasHessian<T> + HasHessianProduct<T>>(
    out: &mut Vec<Quantity<T>>,
    f: &O,
    x: &DVector<T>,
    [value, gradient, hessian]: [&'static str; 3],
) {
    out.push((value, vec![f.value(x).expect("inside")]));
    out.push((gradient, f.gradient(x).expect("inside").as_slice().to_vec()));
    out.push((hessian, rows(&f.hessian(x).expect("inside"))));
    // Symmetric: the product with the j-th unit vector is row j as well.
    let product = |j| {
        let unit = DVector::from_fn(x.len(), |i, _| if i == j { T::one() } else { T::zero() });
        f.hessian_product(x, &unit)
            .expect("inside")
            .as_slice()
            .to_vec()
    };
    out.push((hessian, (0..x.len()).flat_map(product).collect()));
}

/// Largest deviation relative to the largest entry.
pub fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let off = found.iter().zip(expected).fold(0.0f64, |m, (f, e)| {
        // NaN must not pass for agreement.
        if (f - e).is_nan() {
            f64::INFINITY
        } else {
            m.max((f - e).abs())
        }
    });
    off / size
}

/// What a named solver came to on `count` instances of one problem.
#[derive(Debug, Default)]
pub struct SolverRate {
    pub reached: usize,
    pub worst: f64,
    pub evaluations: u64,
    pub terminations: Vec<String>,
}

/// The accuracy in x that counts as reached.
pub const SOLVER_ACCURACY: f64 = 1e-8;
/// Allowed per run: enough for every solver that converges at all.
pub const SOLVER_LIMITS: Limits = Limits {
    iterations: 1000,
    evaluations: 20_000,
    time: None,
    gradient: 1e-12,
};

/// Runs a solver on score inversion (`scores`) or gradient inversion from
/// starts a fraction of the way to the cell's boundary.
pub fn solver_rate(solver: NamedSolver, scores: bool, fraction: f64, count: u64) -> SolverRate {
    let mut out = SolverRate::default();
    for seed in 0..count {
        let mut rng = instances::rng(seed);
        let (n, d) = (
            rng.random_range(30..=120usize),
            rng.random_range(2..=8usize),
        );
        let instance = instances::polytope(&mut rng, n, d);
        let x = instances::hit_and_run(&mut rng, &instance, 30);
        let h = DVector::from_fn(d, |_, _| instances::normal(&mut rng));
        let start = instances::towards_boundary(&instance, &x, &h, fraction);
        let model = model(instance.a, instance.b, Storage::Dense);
        let at = model.at(&x).expect("inside");
        let target = at.scores().expect("in memory").clone();
        let c = -at.apply_transposed(&target).expect("in memory");
        let loss: Arc<dyn FullObjective<f64>> = if scores {
            let loss = ScoreInversion::new(&model, target).expect("a target");
            Arc::new(loss.in_cell_of(&start).expect("a cell"))
        } else if matches!(
            solver,
            NamedSolver::PreconditionedNewton | NamedSolver::ApproximateNewton
        ) {
            let loss = TiltedBarrier::new(&model, c).expect("a target");
            Arc::new(loss.in_cell_of(&start).expect("a cell"))
        } else {
            let loss = GradientInversion::new(&model, c).expect("a target");
            Arc::new(loss.in_cell_of(&start).expect("a cell"))
        };
        let run = solver
            .run(loss, &start, &SOLVER_LIMITS, &History::default())
            .expect("a start inside");
        let error = (&run.x - &x).norm() / x.norm();
        out.reached += usize::from(error < SOLVER_ACCURACY);
        out.worst = out.worst.max(error);
        out.evaluations += run.counts.total();
        out.terminations.push(run.termination);
    }
    out.evaluations /= count;
    out
}

/// Relative error of each of `count` recoveries; ∞ where there is no x.
#[derive(Debug)]
pub struct Errors(pub Vec<f64>);

impl Errors {
    pub fn within(&self, bound: f64) -> usize {
        self.0.iter().filter(|e| **e <= bound).count()
    }

    pub fn worst(&self) -> f64 {
        self.0.iter().fold(0.0f64, |m, e| m.max(*e))
    }
}

fn error_of<T: Scalar>(found: Option<DVector<T>>, x: &DVector<T>) -> f64 {
    let Some(found) = found else {
        return f64::INFINITY;
    };
    let error: f64 = nalgebra::convert_unchecked((found - x).norm() / x.norm());
    if error.is_nan() { f64::INFINITY } else { error }
}

/// The instance of one seed: n 30–300, d 2–12, slacks down to 1e-2 of the
/// median, x random and no fit; with signs unknown n exceeds the unknowns of
/// the lift.
pub fn score_instance(seed: u64, signs_known: bool) -> Instance {
    let mut rng = instances::rng(seed);
    let d = rng.random_range(2..=12usize);
    let least = if signs_known {
        30
    } else {
        (d * (d + 3) / 2 + 2).max(30)
    };
    let n = rng.random_range(least..=300);
    instances::random(&mut rng, n, d, !signs_known)
}

/// x from its scores, in f64.
pub fn score_recovery(count: u64, signs_known: bool) -> Errors {
    let one = |seed| {
        let Instance { a, b, x } = score_instance(seed, signs_known);
        let n = a.nrows();
        let model = model(a, b, Storage::Dense);
        let scores = model
            .at(&x)
            .expect("inside")
            .scores()
            .expect("in memory")
            .clone();
        let run = ScoreRecovery::new(&model, scores)
            .expect("scores")
            .seed(seed);
        let run = if signs_known {
            run.signs(SignKnowledge::Known(Signs::positive(n)))
                .expect("signs")
        } else {
            run
        };
        error_of(run.run().expect("in memory").x, &x)
    };
    Errors((0..count).map(one).collect())
}

/// x from its scores in f32: inputs rounded to f32, their exact scores too.
pub fn score_recovery_f32(count: u64, signs_known: bool) -> Errors {
    let one = |seed| {
        let Instance { a, b, x } = score_instance(seed, signs_known);
        let (a, b, x) = (
            a.map(|v| v as f32),
            b.map(|v| v as f32),
            x.map(|v| v as f32),
        );
        let exact = model(a.map(f64::from), b.map(f64::from), Storage::Dense);
        let exact = exact.at(&x.map(f64::from)).expect("inside");
        let signs = Signs::of(exact.slack()).expect("no zero");
        let model = model(a, b, Storage::Dense);
        let scores = exact.scores().expect("in memory").map(|v| v as f32);
        let run = ScoreRecovery::new(&model, scores)
            .expect("scores")
            .seed(seed);
        let run = if signs_known {
            run.signs(SignKnowledge::Known(signs)).expect("signs")
        } else {
            run
        };
        error_of(run.run().expect("in memory").x, &x)
    };
    Errors((0..count).map(one).collect())
}

/// x from its gradient inside the cell; with a hit-and-run start, or none.
pub fn gradient_recovery(count: u64, start_given: bool) -> Errors {
    let one = |seed| {
        let mut rng = instances::rng(seed);
        let d = rng.random_range(2..=12usize);
        let n = rng.random_range(30..=300usize);
        let instance = instances::polytope(&mut rng, n, d);
        let x = instances::hit_and_run(&mut rng, &instance, 50);
        let start = instances::hit_and_run(&mut rng, &instance, 50);
        let model = model(instance.a, instance.b, Storage::Dense);
        let at = model.at(&x).expect("inside");
        let c = at.score_gradient().expect("in memory");
        let run = GradientRecovery::new(&model, c).expect("a gradient");
        let run = if start_given {
            run.start(start).expect("a point")
        } else {
            run
        };
        error_of(run.run().expect("a bounded cell").x, &x)
    };
    Errors((0..count).map(one).collect())
}
