//! What sampled Hessians do: the papers' regime and the general one.

use levinv::sample::Subsample;
use levinv::solver::{ApproximateNewton, CellNewton, Damping, PreconditionedNewton, SolverState};
use levinv::{DMatrix, DVector, GradientInversion, HasHessian, Model, ScoreInversion};
use rand::Rng;

use super::instances;
use super::measure::{Storage, model};
use super::solving::{self, From, Rows, Run};

/// Which loss of the papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    Scores,
    Gradient,
}

/// One run of the paper's method where the ridge dominates.
#[derive(Debug, Clone)]
pub struct Dominated {
    /// ε₀ with −ε₀AᵀW²A ⪯ ∇²L₀ ⪯ ε₀AᵀW²A at start and solution.
    pub domination: f64,
    /// Error of each iterate in the norm of ∇²L at the solution, relative to the
    /// first.
    pub errors: Vec<f64>,
    /// Rows that a sample has, of n.
    pub sample: (usize, usize),
}

impl Dominated {
    /// Contraction of each iteration, while the error is above rounding.
    pub fn contractions(&self) -> Vec<f64> {
        let above = self.errors.iter().take_while(|e| **e > FLOOR).count();
        let upto = self.errors.len().min(above + 1);
        self.errors[..upto]
            .windows(2)
            .map(|w| w[1] / w[0])
            .collect()
    }

    /// R² of iterations against log(1/error).
    pub fn straightness(&self) -> f64 {
        let above = self.errors.iter().take_while(|e| **e > FLOOR).count();
        let points: Vec<(f64, f64)> = self.errors[..above]
            .iter()
            .enumerate()
            .map(|(k, e)| (-e.ln(), k as f64))
            .collect();
        let n = points.len() as f64;
        let mean = points
            .iter()
            .fold((0.0, 0.0), |m, p| (m.0 + p.0 / n, m.1 + p.1 / n));
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for p in &points {
            let (x, y) = (p.0 - mean.0, p.1 - mean.1);
            (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
        }
        xy * xy / (xx * yy)
    }
}

/// Down to this error, relative to the first, the rate is looked at.
const FLOOR: f64 = 1e-12;
/// n, d of the instances: large enough that a sample at ε = 0.1 is a part of the rows.
pub const SIZE: (usize, usize) = (60_000, 4);
/// δ of a draw.
pub const DELTA: f64 = 0.05;

/// The paper's method, undamped, on an instance whose ridge is twice the
/// threshold at which it dominates with ε: then ε₀ = ε/2, which leaves ε/2 to the
/// sample.
pub fn dominated(loss: Loss, epsilon: f64, seed: u64) -> Dominated {
    let mut rng = instances::rng(seed);
    let (n, d) = SIZE;
    let a = DMatrix::from_fn(n, d, |_, _| instances::normal(&mut rng));
    // Slacks near −b: between 1 and 3, of both signs.
    let b = DVector::from_fn(n, |_, _| {
        let size = rng.random_range(1.0..3.0);
        if rng.random_bool(0.5) { size } else { -size }
    });
    let model = model(a, b, Storage::Dense);
    let mut near = |length: f64| DVector::from_fn(d, |_, _| length * instances::normal(&mut rng));
    let (secret, start) = (near(0.02), near(0.02));
    let (subsample, start) = (
        Subsample::accuracy(epsilon / 2.0, DELTA).expect("between 0 and 1"),
        start,
    );
    let sampled = ApproximateNewton::new()
        .with_subsample(subsample.clone())
        .with_damping(Damping::Full)
        .with_seed(seed);
    let at = model.at(&secret).expect("inside");
    let scores = at.scores().expect("in memory").clone();
    let gradient = -at.apply_transposed(&scores).expect("in memory");
    let bare = |m: &Model<f64>| match loss {
        Loss::Scores => hessians(
            &ScoreInversion::new(m, scores.clone()).expect("a target"),
            &[&secret, &start],
        ),
        Loss::Gradient => hessians(
            &GradientInversion::new(m, gradient.clone()).expect("a target"),
            &[&secret, &start],
        ),
    };
    // The ridge is ω²AᵀA.
    let gram = {
        let mut gram = model
            .design()
            .weighted_gram(&DVector::from_element(n, 1.0))
            .expect("in memory");
        gram.fill_upper_triangle_with_lower_triangle();
        gram
    };
    let size = bare(&model)
        .iter()
        .map(|h| spread(h, &gram))
        .fold(0.0, f64::max);
    let omega = (2.0 * size / epsilon).sqrt();
    let weights = DVector::from_element(n, omega);
    let (errors, domination) = match loss {
        Loss::Scores => {
            let f = ScoreInversion::new(&model, scores.clone())
                .expect("a target")
                .with_ridge(weights)
                .expect("weights");
            trace(f, sampled, &start, &gram, omega)
        }
        Loss::Gradient => {
            let f = GradientInversion::new(&model, gradient.clone())
                .expect("a target")
                .with_ridge(weights)
                .expect("weights");
            trace(f, sampled, &start, &gram, omega)
        }
    };
    Dominated {
        domination,
        errors,
        sample: (subsample.size(n, d), n),
    }
}

fn hessians(f: &impl HasHessian<f64>, at: &[&DVector<f64>]) -> Vec<DMatrix<f64>> {
    at.iter().map(|x| f.hessian(x).expect("inside")).collect()
}

/// The largest generalised eigenvalue in size.
fn spread(h: &DMatrix<f64>, gram: &DMatrix<f64>) -> f64 {
    let lower = gram.clone().cholesky().expect("full rank").unpack();
    let half = lower.solve_lower_triangular(h).expect("full rank");
    let form = lower
        .solve_lower_triangular(&half.transpose())
        .expect("full rank");
    ((&form + form.transpose()) * 0.5)
        .symmetric_eigenvalues()
        .amax()
}

fn trace<O>(
    f: O,
    solver: ApproximateNewton<f64>,
    start: &DVector<f64>,
    gram: &DMatrix<f64>,
    omega: f64,
) -> (Vec<f64>, f64)
where
    O: HasHessian<f64> + Clone,
{
    let end = argmin::core::Executor::new(
        levinv::adapter::ArgminProblem::new(f.clone()),
        CellNewton::new(),
    )
    .configure(|state: SolverState<f64>| state.param(start.clone()))
    .run()
    .expect("a start inside");
    let solution = end.state.best_param.expect("a point");
    let hessian = f.hessian(&solution).expect("inside");
    let norm = |x: &DVector<f64>| {
        let e = x - &solution;
        e.dot(&(&hessian * &e)).max(0.0).sqrt()
    };
    let ridge = gram * (omega * omega);
    let domination = hessians(&f, &[&solution, start])
        .iter()
        .map(|h| spread(&(h - &ridge), &ridge))
        .fold(0.0, f64::max);
    let (errors, _) = solving::errors(f, solver, start, norm);
    let first = errors[0];
    (errors.into_iter().map(|e| e / first).collect(), domination)
}

/// Gradient inversion by Newton steps that a sample preconditions.
pub fn preconditioned(rows: Rows, n: (usize, usize), seed: u64) -> Run {
    let (instance, start) = solving::task(rows, From::Anywhere, n, seed);
    let solver = PreconditionedNewton::new().with_seed(seed);
    solving::follow(
        solving::tilted(&instance, &start),
        solver,
        &start,
        &instance.x,
    )
}

/// The same by the sample alone.
pub fn sampled_alone(rows: Rows, n: (usize, usize), seed: u64) -> Run {
    let (instance, start) = solving::task(rows, From::Anywhere, n, seed);
    let solver = ApproximateNewton::new().with_seed(seed);
    solving::follow(
        solving::tilted(&instance, &start),
        solver,
        &start,
        &instance.x,
    )
}
