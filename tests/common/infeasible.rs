//! Scores that no x has, by construction, and scores at the edge that some x has.

use levinv::recover::{Infeasibility, Recovery, ScoreRecovery, SignKnowledge, Status};
use levinv::{DMatrix, DVector, Model, Signs};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use rand::Rng;
use rand::rngs::StdRng;

use super::instances::{normal, rng};

pub const KINDS: [&str; 6] = [
    "parallel rows",
    "rows in a plane",
    "a level of a factor",
    "one of two groups",
    "a row that alone holds a level",
    "as much as the rank",
];

/// A model with a target, and the signs to claim.
pub struct Case {
    pub model: Model<f64>,
    pub a: DMatrix<f64>,
    pub target: DVector<f64>,
    pub signs: Signs,
    /// What has these scores, where something does.
    pub x: Option<DVector<f64>>,
    /// Whether the excess is more than rounding.
    pub exceeds: bool,
}

impl Case {
    /// The status of a case without an x: what rounding alone explains is no proof.
    pub fn expected(&self) -> Status {
        if self.exceeds {
            Status::Infeasible
        } else {
            Status::Undetermined
        }
    }

    pub fn recover(&self, signs_known: bool) -> Recovery<f64> {
        let knowledge = if signs_known {
            SignKnowledge::Known(self.signs.clone())
        } else {
            SignKnowledge::Unknown
        };
        let run = ScoreRecovery::new(&self.model, self.target.clone()).expect("they sum to d");
        run.signs(knowledge)
            .expect("one a row")
            .run()
            .expect("in memory")
    }
}

/// Whether a feasible case came to its x, as near as the report says: ten times
/// its own first-order errors, which cover residual and rounding.
pub fn recovered(case: &Case, found: &Recovery<f64>) -> bool {
    let (Some(x), Some(truth), Some(errors)) = (&found.x, &case.x, &found.errors) else {
        return false;
    };
    found.status == Status::Recovered
        && (x - truth).norm() <= 10.0 * errors.norm()
        && errors.norm() <= 1e-6 * truth.norm()
}

/// Rows that lie in few dimensions, with some more score than they can have.
pub fn infeasible(kind: &str, seed: u64) -> Case {
    let r =
        &mut rng(91_000 + 17 * seed + KINDS.iter().position(|k| *k == kind).unwrap_or(0) as u64);
    let (n, d) = (r.random_range(20..=60usize), r.random_range(3..=6usize));
    let mut a = DMatrix::from_fn(n, d, |_, _| normal(r));
    // Rows S in `rank` dimensions, with what they have in excess.
    let mut excess = 10f64.powf(r.random_range(-5.0..-0.7));
    let count = r.random_range(3..=6usize);
    let (set, rank): (Vec<usize>, usize) = match kind {
        "parallel rows" | "as much as the rank" => {
            let set: Vec<usize> = (0..count).map(|k| k * 3 + 1).collect();
            for &i in &set[1..] {
                // By powers of two: parallel exactly.
                let row = a.row(set[0]) * 2f64.powi(r.random_range(-2..=2));
                a.set_row(i, &row);
            }
            if kind == "as much as the rank" {
                excess = 0.0;
            }
            (set, 1)
        }
        "rows in a plane" => {
            let set: Vec<usize> = (0..count + 2).map(|k| k * 2).collect();
            for &i in &set[2..] {
                let (p, q) = (r.random_range(1..=3), r.random_range(1..=3));
                // Short numbers, so that sums of them are exact.
                for j in 0..d {
                    for &k in &set[..2] {
                        a[(k, j)] = (a[(k, j)] * 64.0).round() / 64.0;
                    }
                    a[(i, j)] = f64::from(p) * a[(set[0], j)] - f64::from(q) * a[(set[1], j)];
                }
            }
            (set, 2)
        }
        "a level of a factor" => {
            // Intercept, one dummy, covariates that are constant in the level.
            let set: Vec<usize> = (n - count - 2..n).collect();
            for i in 0..n {
                a[(i, 0)] = 1.0;
                a[(i, 1)] = f64::from(u8::from(set.contains(&i)));
            }
            let row = a.row(set[0]).into_owned();
            set.iter().for_each(|&i| a.set_row(i, &row));
            (set, 1)
        }
        "one of two groups" => {
            let set: Vec<usize> = (0..n / 2).collect();
            let split = 1 + d / 3;
            for i in 0..n {
                for j in 0..d {
                    if set.contains(&i) == (j >= split) {
                        a[(i, j)] = 0.0;
                    }
                }
            }
            excess = excess.max(1e-3);
            (set, split)
        }
        _ => {
            // The last row alone has the last column: the others reach d − 1.
            for i in 0..n - 1 {
                a[(i, d - 1)] = 0.0;
            }
            excess = excess.max(1e-3);
            ((0..n - 1).collect(), d - 1)
        }
    };
    let b = DVector::from_fn(n, |_, _| normal(r));
    let mut target = DVector::from_fn(n, |_, _| r.random_range(0.5..1.5));
    let share = |target: &mut DVector<f64>, rows: &[usize], sum: f64| {
        let now: f64 = rows.iter().map(|&i| target[i]).sum();
        rows.iter().for_each(|&i| target[i] *= sum / now);
    };
    let rest: Vec<usize> = (0..n).filter(|i| !set.contains(i)).collect();
    share(&mut target, &set, rank as f64 + excess);
    share(&mut target, &rest, (d - rank) as f64 - excess);
    let signs = DVector::from_fn(n, |_, _| if r.random_bool(0.5) { 1.0 } else { -1.0 });
    Case {
        model: Model::new(a.clone(), b).expect("full rank"),
        a,
        target,
        signs: Signs::of(&signs).expect("ones"),
        x: None,
        exceeds: excess > 0.0,
    }
}

/// Scores of an x with slacks over six decades: some near 0, some near 1, some
/// parallel rows near their rank.
pub fn feasible(seed: u64) -> Case {
    let r = &mut rng(93_000 + seed);
    let d = r.random_range(2..=6usize);
    let n = r.random_range(d * (d + 3) / 2 + 2..=80usize.max(d * (d + 3) / 2 + 3));
    let mut a = DMatrix::from_fn(n, d, |_, _| normal(r));
    match seed % 4 {
        1 => (1..4).for_each(|i| {
            let row = a.row(0) * (1.0 + i as f64);
            a.set_row(i, &row);
        }),
        2 => (0..n).for_each(|i| {
            a[(i, 0)] = 1.0;
            a[(i, d - 1)] = f64::from(u8::from(i % 3 == 0));
        }),
        _ => {}
    }
    let x = DVector::from_fn(d, |_, _| normal(r));
    let s = DVector::from_fn(n, |_, _| size(r));
    let b = &a * &x - s;
    let model = Model::new(a.clone(), b).expect("full rank");
    let at = model.at(&x).expect("no slack is zero");
    Case {
        target: at.scores().expect("in memory").clone(),
        signs: Signs::of(at.slack()).expect("no zero"),
        model,
        a,
        x: Some(x),
        exceeds: false,
    }
}

fn size(r: &mut StdRng) -> f64 {
    let size = 10f64.powf(r.random_range(-3.0..3.0));
    if r.random_bool(0.5) { size } else { -size }
}

/// Whether a certificate proves what it says, in rational numbers: the rank by
/// Gaussian elimination, the sum of the very numbers given.
pub fn proves(case: &Case, found: &Recovery<f64>) -> bool {
    match &found.infeasibility {
        Some(Infeasibility::Overfull { rows, rank, .. }) => {
            exact_rank(&case.a, rows) <= *rank
                && exact_sum(&case.target, rows) > BigRational::from(BigInt::from(*rank))
        }
        Some(Infeasibility::Full { rows, rank, .. }) => {
            let rest: Vec<usize> = (0..case.a.nrows()).filter(|i| !rows.contains(i)).collect();
            let deficit = BigRational::from(BigInt::from(*rank)) - exact_sum(&case.target, rows);
            let rounding = BigRational::from_float(4.0 * f64::EPSILON * (rows.len() + 1) as f64);
            // No union of components: ranks of the two parts exceed d together.
            exact_rank(&case.a, rows) == *rank
                && *rank + exact_rank(&case.a, &rest) > case.a.ncols()
                && Some(deficit) <= rounding
        }
        _ => false,
    }
}

fn exact(value: f64) -> BigRational {
    BigRational::from_float(value).expect("finite")
}

fn exact_sum(v: &DVector<f64>, rows: &[usize]) -> BigRational {
    rows.iter().map(|&i| exact(v[i])).sum()
}

pub fn exact_rank(a: &DMatrix<f64>, rows: &[usize]) -> usize {
    let mut left: Vec<Vec<BigRational>> = rows
        .iter()
        .map(|&i| a.row(i).iter().map(|v| exact(*v)).collect())
        .collect();
    let mut rank = 0;
    for j in 0..a.ncols() {
        let Some(k) = (rank..left.len()).find(|&k| !left[k][j].is_zero()) else {
            continue;
        };
        left.swap(rank, k);
        let pivot = left[rank].clone();
        for row in &mut left[rank + 1..] {
            if row[j].is_zero() {
                continue;
            }
            let factor = &row[j] / &pivot[j];
            for (entry, p) in row.iter_mut().zip(&pivot).skip(j) {
                *entry -= &factor * p;
            }
        }
        rank += 1;
    }
    rank
}
