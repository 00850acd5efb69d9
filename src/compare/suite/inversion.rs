//! Inversion of scores and of gradients, and volumetric centres.

use nalgebra::{DMatrix, DVector};
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;

use super::{known, solved};
use crate::compare::Task;
use crate::error::Error;
use crate::geometry::Model;
use crate::linalg::Design;
use crate::objective::{GradientInversion, ScoreInversion, TiltedBarrier};

type V = DVector<f64>;

/// What makes an instance what it is.
#[derive(Debug, Clone, Copy)]
struct Shape {
    n: usize,
    d: usize,
    /// Columns' singular values spread over this factor.
    condition: f64,
    /// The smallest slack at the solution, relative to the usual one.
    slack: f64,
    /// How far of the way to the boundary the start lies.
    start: f64,
    /// Nonzeros a row; none for a dense matrix.
    nonzeros: Option<usize>,
}

const PLAIN: Shape = Shape {
    n: 60,
    d: 4,
    condition: 1.0,
    slack: 0.5,
    start: 0.2,
    nonzeros: None,
};

/// The shapes of the default suite, by name.
const SHAPES: [(&str, Shape); 8] = [
    ("60×4", PLAIN),
    (
        "300×8",
        Shape {
            n: 300,
            d: 8,
            ..PLAIN
        },
    ),
    (
        "300×8 far",
        Shape {
            n: 300,
            d: 8,
            start: 0.9,
            ..PLAIN
        },
    ),
    (
        "300×6 κ=1e4",
        Shape {
            n: 300,
            d: 6,
            condition: 1e4,
            ..PLAIN
        },
    ),
    (
        "300×6 slack 1e-3",
        Shape {
            n: 300,
            d: 6,
            slack: 1e-3,
            ..PLAIN
        },
    ),
    (
        "2000×10 sparse",
        Shape {
            n: 2000,
            d: 10,
            nonzeros: Some(3),
            ..PLAIN
        },
    ),
    (
        "1000×20",
        Shape {
            n: 1000,
            d: 20,
            ..PLAIN
        },
    ),
    (
        "5000×20",
        Shape {
            n: 5000,
            d: 20,
            ..PLAIN
        },
    ),
];

/// An instance: model, solution and start.
struct Instance {
    model: Model<f64>,
    x: V,
    start: V,
}

impl Shape {
    /// A cell with every slack positive at x; x = 1/√d in each coordinate.
    fn instance(self, rng: &mut StdRng) -> Result<Instance, Error> {
        let Shape { n, d, .. } = self;
        let mut a = DMatrix::zeros(n, d);
        for i in 0..n {
            let columns: Vec<usize> = match self.nonzeros {
                Some(k) => rand::seq::index::sample(rng, d, k.min(d)).into_vec(),
                None => (0..d).collect(),
            };
            for j in columns {
                let size = self.condition.powf(-(j as f64) / (d.max(2) - 1) as f64);
                a[(i, j)] = rng.sample::<f64, _>(StandardNormal) * size;
            }
        }
        let x = V::from_element(d, 1.0 / (d as f64).sqrt());
        let mut slack = V::from_fn(n, |_, _| rng.random_range(0.5..1.5));
        // One row near the solution.
        slack[n / 2] = slack[n / 2].min(self.slack);
        let b = &a * &x - &slack;
        let h = V::from_fn(d, |_, _| rng.sample::<f64, _>(StandardNormal));
        let change = &a * &h;
        let reach = slack
            .iter()
            .zip(change.iter())
            .map(|(s, c)| -s / c)
            .filter(|t| *t > 0.0)
            .fold(f64::INFINITY, f64::min);
        let start = &x + h * (reach.min(1.0) * self.start);
        let design: Design<f64> = match self.nonzeros {
            None => a.into(),
            Some(_) => sparse(&a).into(),
        };
        Ok(Instance {
            model: Model::new(design, b)?,
            x,
            start,
        })
    }
}

fn sparse(a: &DMatrix<f64>) -> CsrMatrix<f64> {
    let mut coo = CooMatrix::new(a.nrows(), a.ncols());
    for i in 0..a.nrows() {
        for j in 0..a.ncols() {
            if a[(i, j)] != 0.0 {
                coo.push(i, j, a[(i, j)]);
            }
        }
    }
    CsrMatrix::from(&coo)
}

/// What a suite asks of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Scores,
    Gradient,
    Polytope,
    Ridge,
}

pub(super) fn tasks(kind: Kind, seed: u64) -> Result<Vec<Task>, Error> {
    let shapes: Vec<_> = match kind {
        Kind::Scores | Kind::Gradient => SHAPES.to_vec(),
        // The convex form of gradient inversion is the easy one.
        Kind::Polytope => vec![SHAPES[0], SHAPES[2], SHAPES[5]],
        Kind::Ridge => vec![SHAPES[1]],
    };
    let mut tasks = Vec::new();
    for (k, (name, shape)) in shapes.into_iter().enumerate() {
        // A stream of its own for each instance: adding one changes no other.
        let mut rng = StdRng::seed_from_u64(seed ^ ((k as u64 + 1) << 32));
        let Instance { model, x, start } = shape.instance(&mut rng)?;
        let at = model.at(&x)?;
        let (scores, c) = (at.scores()?.clone(), at.score_gradient()?);
        drop(at);
        match kind {
            Kind::Scores => {
                let loss = ScoreInversion::new(&model, scores)?.in_cell_of(&start)?;
                tasks.push(known(format!("scores {name}"), loss, start, 0.0)?.family("scores"));
            }
            Kind::Gradient => {
                let loss = GradientInversion::new(&model, c)?.in_cell_of(&start)?;
                tasks.push(known(format!("gradient {name}"), loss, start, 0.0)?.family("gradient"));
            }
            Kind::Polytope => {
                let loss = TiltedBarrier::new(&model, c)?.in_cell_of(&start)?;
                tasks.push(solved(format!("barrier {name}"), loss, start)?.family("polytope"));
            }
            Kind::Ridge => {
                let weights = V::from_element(model.nrows(), 0.3);
                let loss = ScoreInversion::new(&model, scores)?.in_cell_of(&start)?;
                let loss = loss.with_ridge(weights.clone())?;
                let name_of = |what: &str| format!("{what} {name} with ridge");
                tasks.push(solved(name_of("scores"), loss, start.clone())?.family("ridge"));
                let loss = GradientInversion::new(&model, c)?.in_cell_of(&start)?;
                let loss = loss.with_ridge(weights * 100.0)?;
                tasks.push(solved(name_of("gradient"), loss, start)?.family("ridge"));
            }
        }
    }
    Ok(tasks)
}
