//! Certificates against solutions in 237 bits.

use std::time::{Duration, Instant};

use levinv::solver::certificate::{Certificate, HasEquation, Verdict};
use levinv::{
    DMatrix, DVector, Extended, GradientInversion, HasHessian, LeverageObjective, Model, Objective,
    Scalar, ScoreInversion, VolumetricBarrier,
};
use rand::Rng;
use rand::rngs::StdRng;

use super::instances::{normal, rng};

/// The equations, with and without a ridge.
pub const EQUATIONS: [&str; 6] = [
    "gradient",
    "centre with ridge",
    "scores",
    "noisy scores",
    "scores with ridge",
    "gradient with ridge",
];
/// Where the columns and slacks are harmless, and where they are not.
pub const WELL: [&str; 2] = ["base", "n = d + 2"];
pub const BADLY: [&str; 4] = [
    "condition 1e4",
    "condition 1e7",
    "a slack of 1e-4",
    "columns over eight decades",
];
/// How far the point is off, relative: 0 is the nearest f64.
pub const OFFSETS: [f64; 5] = [0.0, 1e-12, 1e-8, 1e-5, 1e-2];

/// One equation, in whichever arithmetic.
pub struct Case {
    pub equation: &'static str,
    pub a: DMatrix<f64>,
    pub b: DVector<f64>,
    pub x: DVector<f64>,
    target: DVector<f64>,
    ridge: Option<DVector<f64>>,
}

/// What is done with a case's objective.
pub trait Use<T: Scalar> {
    type Out;
    fn with<F: HasEquation<T>>(&self, loss: &LeverageObjective<T, F>) -> Self::Out;
}

impl Case {
    pub fn random(equation: &'static str, kind: &str, r: &mut StdRng) -> Self {
        let d = r.random_range(1..=6usize);
        let n = if kind == "n = d + 2" {
            d + 2
        } else {
            r.random_range(d + 3..=120)
        };
        let mut a = DMatrix::from_fn(n, d, |_, _| normal(r));
        let mut s = DVector::from_fn(n, |_, _| {
            let size = r.random_range(0.5..2.0);
            if r.random_bool(0.5) { size } else { -size }
        });
        match kind {
            "condition 1e4" | "condition 1e7" if d > 1 => {
                let size = if kind == "condition 1e4" { 1e-4 } else { 1e-7 };
                let column = a.column(0) + a.column(1) * size;
                a.set_column(1, &column);
            }
            "a slack of 1e-4" => s[0] = 1e-4,
            "columns over eight decades" => a
                .column_iter_mut()
                .for_each(|mut c| c *= 10f64.powf(r.random_range(-4.0..4.0))),
            _ => {}
        }
        let x = DVector::from_fn(d, |_, _| normal(r));
        let b = &a * &x - s;
        let at = Model::new(a.clone(), b.clone())
            .expect("full rank")
            .at(&x)
            .expect("no zero slack");
        let target = match equation {
            "scores" | "scores with ridge" => at.scores().expect("in memory").clone(),
            "noisy scores" => at
                .scores()
                .expect("in memory")
                .map(|s| s * (1.0 + 0.01 * normal(r))),
            "centre with ridge" => DVector::zeros(d),
            _ => at.score_gradient().expect("in memory"),
        };
        // Weights in the rows' own units, so that a ridge does not end in noise.
        let size = r.random_range(0.01..0.1);
        let ridge = equation.ends_with("with ridge").then(|| {
            DVector::from_fn(n, |i, _| {
                size * r.random_range(0.5..1.0) * s_of(&a, &b, &x, i).min(1.0)
            })
        });
        Case {
            equation,
            a,
            b,
            x,
            target,
            ridge,
        }
    }

    pub fn model<T: Scalar>(&self) -> Model<T> {
        let number = nalgebra::convert::<f64, T>;
        Model::new(self.a.map(number), self.b.map(number)).expect("full rank")
    }

    pub fn using<T: Scalar, U: Use<T>>(&self, user: &U) -> U::Out {
        let model = self.model::<T>();
        let number = |v: &DVector<f64>| v.map(nalgebra::convert::<f64, T>);
        match self.equation {
            "centre with ridge" => user.with(&self.ridged(VolumetricBarrier::new(&model))),
            "gradient" | "gradient with ridge" => user.with(
                &self.ridged(GradientInversion::new(&model, number(&self.target)).expect("finite")),
            ),
            _ => user.with(
                &self.ridged(ScoreInversion::new(&model, number(&self.target)).expect("finite")),
            ),
        }
    }

    fn ridged<T: Scalar, F: HasEquation<T>>(
        &self,
        loss: LeverageObjective<T, F>,
    ) -> LeverageObjective<T, F> {
        match &self.ridge {
            Some(w) => loss.with_ridge(w.map(nalgebra::convert)).expect("weights"),
            None => loss,
        }
    }

    /// Newton's method in 237 bits: `None` unless it converges, in x's cell.
    pub fn exact(&self, x: &DVector<f64>) -> Option<DVector<Extended>> {
        let x = x.map(Extended::from);
        self.using::<Extended, _>(&Newton(x))
    }

    /// ‖A_x(y − x)‖ and |y − x|, in f64.
    pub fn distance(&self, x: &DVector<f64>, y: &DVector<Extended>) -> (f64, DVector<f64>) {
        let wide = x.map(Extended::from);
        let at = self.model::<Extended>().at(&wide).expect("no zero slack");
        let h = y - wide;
        let local = at.apply(&h).expect("in memory").norm();
        (local.to_f64(), h.map(|h| h.to_f64().abs()))
    }
}

fn s_of(a: &DMatrix<f64>, b: &DVector<f64>, x: &DVector<f64>, i: usize) -> f64 {
    (a.row(i).transpose().dot(x) - b[i]).abs() / a.row(i).norm()
}

struct Newton(DVector<Extended>);

impl Use<Extended> for Newton {
    type Out = Option<DVector<Extended>>;

    fn with<F: HasEquation<Extended>>(&self, loss: &LeverageObjective<Extended, F>) -> Self::Out {
        let mut x = self.0.clone();
        let mut last = f64::INFINITY;
        for _ in 0..25 {
            let gradient = loss.gradient(&x).ok()?;
            let step = loss.hessian(&x).ok()?.lu().solve(&gradient)?;
            x -= &step;
            let size = (step.norm() / x.norm()).to_f64();
            // Quadratic convergence ends at rounding: 1e-71 times κ² and more.
            if size < 1e-38 || (size < 1e-25 && size >= last) {
                return Some(x);
            }
            last = size;
        }
        None
    }
}

/// The certificate of a case at x.
pub struct At<'a>(pub &'a DVector<f64>);

impl Use<f64> for At<'_> {
    type Out = Certificate;

    fn with<F: HasEquation<f64>>(&self, loss: &LeverageObjective<f64, F>) -> Certificate {
        Certificate::of(loss, self.0).expect("inside the domain")
    }
}

/// What became of the instances of one kind.
#[derive(Default)]
pub struct Tally {
    pub instances: usize,
    pub certified: usize,
    /// Descriptions of certificates that the exact solution contradicts.
    pub contradicted: Vec<String>,
    /// Certified radius by true distance.
    pub looseness: Vec<f64>,
    /// The largest of the same for the coordinates.
    pub coordinates: Vec<f64>,
    pub time: Duration,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.instances += other.instances;
        self.certified += other.certified;
        self.contradicted.extend(other.contradicted);
        self.looseness.extend(other.looseness);
        self.coordinates.extend(other.coordinates);
        self.time += other.time;
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One instance: the point at a relative offset from the exact solution.
pub fn measure(equation: &'static str, kind: &str, offset: f64, seed: u64) -> Tally {
    let r = &mut rng(seed);
    // A ridge or noise may leave no solution in the planted cell: draw again.
    let (case, exact) = loop {
        let case = Case::random(equation, kind, r);
        if let Some(exact) = case.exact(&case.x) {
            break (case, exact);
        }
    };
    let mut x = exact.map(Extended::to_f64);
    let size = x.norm();
    if offset > 0.0 {
        let h = DVector::from_fn(x.len(), |_, _| normal(r)).normalize();
        x += h * (offset * size);
    }
    let started = Instant::now();
    let certificate = case.using(&At(&x));
    let mut tally = Tally {
        instances: 1,
        time: started.elapsed(),
        ..Tally::default()
    };
    let Verdict::Certified {
        radius,
        per_coordinate,
        unique_within,
        ..
    } = &certificate.verdict
    else {
        return tally;
    };
    tally.certified = 1;
    let mut wrong = |what: &str| {
        tally.contradicted.push(format!(
            "{what}: {equation}, {kind}, {offset:e}, seed {seed}\n{certificate}"
        ));
    };
    let Some(near) = case.exact(&x) else {
        wrong("no solution");
        return tally;
    };
    let (local, each) = case.distance(&x, &near);
    // The exact solution's own rounding: 1e-38 of x.
    if !(local <= *radius * (1.0 + 1e-15) + 1e-30 * size) {
        wrong("radius");
    }
    if each
        .iter()
        .zip(per_coordinate)
        .any(|(&off, &bound)| !(off <= bound * (1.0 + 1e-15) + 1e-30 * size))
    {
        wrong("coordinate");
    }
    // Where the solution planted lies in the ball of uniqueness it is this one.
    let (planted, _) = case.distance(&x, &exact);
    let same = (&near - &exact).norm().to_f64() <= 1e-30 * size;
    if planted < *unique_within && !same {
        wrong("uniqueness");
    }
    tally.looseness.push(radius / local);
    let ratios = each
        .iter()
        .zip(per_coordinate)
        .map(|(off, bound)| bound / off);
    tally.coordinates.push(ratios.fold(0.0, f64::max));
    tally
}
