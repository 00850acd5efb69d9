//! Designs as statisticians have them, and whether a recovery did them right.

use levinv::recover::{Recovery, ScoreRecovery, SignKnowledge, Status};
use levinv::{DMatrix, DVector, Model, Signs};
use rand::Rng;
use rand::rngs::StdRng;

use super::instances::{normal, rng};

pub const KINDS: [&str; 11] = [
    "one-way ANOVA",
    "two-way ANOVA",
    "polynomial, centred",
    "replicated rows",
    "a level held by one row",
    "two levels held by one row each",
    "interactions",
    "badly scaled columns",
    "groups with intercept and slope",
    "b of one group in its column space",
    "all of these at once",
];

/// A design with a secret x, and what of x no score depends on.
pub struct Case {
    pub a: DMatrix<f64>,
    pub b: DVector<f64>,
    pub x: DVector<f64>,
    /// A basis of the directions along which scores do not change at x.
    pub free: Vec<DVector<f64>>,
}

type Row = Vec<f64>;

fn dummies(level: usize, levels: usize) -> impl Iterator<Item = f64> {
    (1..levels).map(move |k| f64::from(u8::from(level == k)))
}

/// Slacks of both signs over two decades.
fn slack(r: &mut StdRng) -> f64 {
    let size = 10f64.powf(r.random_range(-1.5..0.5));
    if r.random_bool(0.5) { size } else { -size }
}

/// Levels of n rows, each at least `least` times, otherwise unbalanced.
fn levels(r: &mut StdRng, n: usize, count: usize, least: usize) -> Vec<usize> {
    let mut out: Vec<usize> = (0..n)
        .map(|i| {
            if i < count * least {
                i % count
            } else {
                // Squared, so that low levels are the frequent ones.
                let u: f64 = r.random_range(0.0..1.0);
                (u * u * count as f64) as usize
            }
        })
        .collect();
    for i in (1..n).rev() {
        out.swap(i, r.random_range(0..=i));
    }
    out
}

pub fn case(kind: &str, seed: u64) -> Case {
    let r =
        &mut rng(77_000 + seed * 31 + KINDS.iter().position(|k| *k == kind).unwrap_or(0) as u64);
    let n = r.random_range(20..=120usize);
    let mut copies: Vec<(usize, usize)> = Vec::new();
    let mut alone: Vec<usize> = Vec::new();
    let mut flat: Vec<usize> = Vec::new();
    let rows: Vec<Row> = match kind {
        "one-way ANOVA" => {
            let count = r.random_range(3..=(n / 4).min(12));
            let level = levels(r, n, count, 3);
            let row = |i: usize| [1.0].into_iter().chain(dummies(level[i], count)).collect();
            (0..n).map(row).collect()
        }
        "two-way ANOVA" => {
            let (p, q) = (r.random_range(2..=4), r.random_range(2..=5));
            let (first, second) = (levels(r, n, p, 3), levels(r, n, q, 3));
            let row = |i: usize| {
                [1.0]
                    .into_iter()
                    .chain(dummies(first[i], p))
                    .chain(dummies(second[i], q))
                    .collect()
            };
            (0..n).map(row).collect()
        }
        "polynomial, centred" => {
            let degree = r.random_range(2..=6);
            let t: Vec<f64> = (0..n).map(|_| r.random_range(20.0..60.0)).collect();
            let mean = t.iter().sum::<f64>() / n as f64;
            let row = |i: usize| (0..=degree).map(|k| (t[i] - mean).powi(k)).collect();
            (0..n).map(row).collect()
        }
        "replicated rows" => {
            let d = r.random_range(3..=6);
            let distinct: Vec<Row> = (0..n.div_ceil(3))
                .map(|_| (0..d).map(|_| normal(r)).collect())
                .collect();
            copies = (0..3).map(|k| (k, n - 1 - k)).collect();
            let mut rows: Vec<Row> = (0..n)
                .map(|i| distinct[i % distinct.len()].clone())
                .collect();
            for &(from, to) in &copies {
                rows[to] = rows[from].clone();
            }
            rows
        }
        "a level held by one row" | "two levels held by one row each" => {
            let lone = if kind.starts_with("two") { 2 } else { 1 };
            let count = r.random_range(2..=4);
            let mut level = levels(r, n, count, 4);
            for k in 0..lone {
                let i = r.random_range(0..n - 1);
                let i = (i..n).chain(0..n).find(|i| !alone.contains(i)).unwrap_or(i);
                level[i] = count + k;
                alone.push(i);
            }
            let count = count + lone;
            // Some level that is not held by one row may be the baseline, or this.
            let shift = r.random_range(0..count);
            let row = |i: usize| {
                let level = (level[i] + shift) % count;
                [1.0].into_iter().chain(dummies(level, count)).collect()
            };
            let mut rows: Vec<Row> = (0..n).map(row).collect();
            for row in &mut rows {
                row.extend([normal(r), r.random_range(0.0..3.0)]);
            }
            rows
        }
        "interactions" => {
            let count = r.random_range(2..=3);
            let level = levels(r, n, count, 6);
            (0..n)
                .map(|i| {
                    let (t, u) = (normal(r), r.random_range(0.0..5.0));
                    let own: Vec<f64> = dummies(level[i], count).collect();
                    let mut row = vec![1.0, t, u, t * u];
                    row.extend(own.iter());
                    row.extend(own.iter().map(|z| z * t));
                    row
                })
                .collect()
        }
        "badly scaled columns" => {
            let d = r.random_range(3..=6);
            let units: Vec<f64> = (0..d + 2)
                .map(|_| 10f64.powf(r.random_range(-6.0..6.0)))
                .collect();
            let level = levels(r, n, 2, 6);
            (0..n)
                .map(|i| {
                    let mut row: Row = vec![1.0, f64::from(u8::from(level[i] == 1))];
                    row.extend((0..d).map(|_| normal(r)));
                    row.iter().zip(&units).map(|(z, u)| z * u).collect()
                })
                .collect()
        }
        _ => {
            // Groups with an intercept and a slope each, mixed columns.
            let count = r.random_range(2..=if kind.starts_with("all") { 3 } else { 4 });
            let level = levels(r, n, count, 6);
            if !kind.starts_with("groups") {
                let group = r.random_range(0..count);
                flat = (0..n).filter(|&i| level[i] == group).collect();
            }
            let mut rows: Vec<Row> = (0..n)
                .map(|i| {
                    let t = normal(r);
                    let own: Vec<f64> = dummies(level[i], count).collect();
                    let mut row = vec![1.0];
                    row.extend(own.iter());
                    row.push(t);
                    row.extend(own.iter().map(|z| z * t));
                    row
                })
                .collect();
            if kind.starts_with("all") {
                let d = rows[0].len();
                // A level of one row more, copies, and a row of zeros.
                for row in &mut rows {
                    row.push(0.0);
                }
                let mut lone: Row = (0..d).map(|_| normal(r)).collect();
                lone.push(1.0);
                alone.push(rows.len());
                rows.push(lone);
                rows.push(vec![0.0; d + 1]);
                let from = (0..n).find(|i| !flat.contains(i)).unwrap_or(0);
                copies.push((from, rows.len()));
                rows.push(rows[from].clone());
                let units: Vec<f64> = (0..=d)
                    .map(|_| 10f64.powf(r.random_range(-3.0..3.0)))
                    .collect();
                for row in &mut rows {
                    row.iter_mut().zip(&units).for_each(|(a, u)| *a *= u);
                }
            }
            rows
        }
    };
    let (n, d) = (rows.len(), rows[0].len());
    let a = DMatrix::from_fn(n, d, |i, j| rows[i][j]);
    // Coefficients of a size, in the units of their columns.
    let x = DVector::from_fn(d, |j, _| (normal(r) + 2.0) / a.column(j).amax());
    let mut b = &a * &x - DVector::from_fn(n, |_, _| slack(r));
    for &(from, to) in &copies {
        b[to] = b[from];
    }
    let mut free = null_space(&a, &alone);
    if !flat.is_empty() {
        // b = A x̂ in these rows, so that x may move along the part of x − x̂
        // that no other row sees: all other rows are orthogonal to it.
        let centre = DVector::from_fn(d, |j, _| (normal(r) - 1.0) / a.column(j).amax());
        for &i in &flat {
            b[i] = (a.row(i) * &centre)[0];
        }
        // The lone row sees all; it only ties its own free coefficient to them.
        let mut seen: Vec<usize> = flat.clone();
        seen.extend(&alone);
        // Along own: A h as A(x − x̂) in the flat rows, zero elsewhere.
        let space = null_space(&a, &seen);
        let basis = DMatrix::from_columns(&space);
        let image = a.select_rows(&flat) * &basis;
        let goal = a.select_rows(&flat) * (&x - &centre);
        let y = image
            .svd(true, true)
            .solve(&goal, 1e-10)
            .expect("both were computed");
        free.push(basis * y);
    }
    Case { a, b, x, free }
}

/// Orthonormal basis, columns in their own units, of what the rows but some
/// leave open; by singular values, which the crate does not use for it.
fn null_space(a: &DMatrix<f64>, without: &[usize]) -> Vec<DVector<f64>> {
    let units = units(a);
    let rest: Vec<usize> = (0..a.nrows()).filter(|i| !without.contains(i)).collect();
    let mut part = a.select_rows(&rest);
    for (mut column, u) in part.column_iter_mut().zip(units.iter()) {
        column.unscale_mut(*u);
    }
    let svd = part.svd(false, true);
    let vt = svd.v_t.expect("it was computed");
    let open =
        (0..a.ncols()).filter(|&k| svd.singular_values[k] < 1e-10 * svd.singular_values.max());
    open.map(|k| vt.row(k).transpose().component_div(&units))
        .collect()
}

fn units(a: &DMatrix<f64>) -> DVector<f64> {
    DVector::from_iterator(a.ncols(), a.column_iter().map(|c| c.amax()))
}

/// What a recovery made of a case.
#[derive(Debug)]
pub struct Verdict {
    /// The status that is due, and everything that it claims is right.
    pub right: bool,
    /// The largest error of a determined coefficient, relative to x in the
    /// columns' units.
    pub error: f64,
    /// How many coefficients are determined.
    pub determined: usize,
    /// The sine between the directions named and the true ones.
    pub angle: f64,
    pub status: Status,
    pub reason: String,
}

pub const TOLERANCE: f64 = 1e-9;

pub fn judge(case: &Case, signs_known: bool) -> Verdict {
    let found = recover(case, signs_known);
    let units = units(&case.a);
    let moves = |j: usize| {
        let size = |h: &DVector<f64>| h[j].abs() * units[j] / h.component_mul(&units).amax();
        case.free.iter().any(|h| size(h) > 1e-9)
    };
    let named = (0..case.x.len()).all(|j| found.determines(j) != moves(j));
    let error = found.x.as_ref().map_or(f64::INFINITY, |x| {
        let off = (x - &case.x).component_mul(&units);
        let size = case.x.component_mul(&units).amax();
        let determined = (0..off.len()).filter(|&j| !moves(j));
        determined.map(|j| off[j].abs() / size).fold(0.0, f64::max)
    });
    let angle = angle(&found.directions, &case.free, &units);
    let due = if case.free.is_empty() {
        Status::Recovered
    } else {
        Status::Undetermined
    };
    Verdict {
        right: found.status == due && named && error <= TOLERANCE && angle <= TOLERANCE,
        error,
        determined: (0..case.x.len()).filter(|&j| !moves(j)).count(),
        angle,
        status: found.status,
        reason: found.reason,
    }
}

pub fn recover(case: &Case, signs_known: bool) -> Recovery<f64> {
    let model = Model::new(case.a.clone(), case.b.clone()).expect("full rank");
    let at = scores(case);
    let run = ScoreRecovery::new(&model, at).expect("scores");
    let knowledge = if signs_known {
        let slack = (&case.a * &case.x - &case.b).map(|s| if s < 0.0 { -1.0 } else { 1.0 });
        SignKnowledge::Known(Signs::of(&slack).expect("ones"))
    } else {
        SignKnowledge::Unknown
    };
    run.signs(knowledge)
        .expect("one a row")
        .run()
        .expect("in memory")
}

/// The scores at x; the row of zeros has the slack −b, which is not zero.
fn scores(case: &Case) -> DVector<f64> {
    let model = Model::new(case.a.clone(), case.b.clone()).expect("full rank");
    model
        .at(&case.x)
        .expect("no slack is zero")
        .scores()
        .expect("in memory")
        .clone()
}

/// The sine of the largest angle between two spans, in the columns' units; 1
/// where their dimensions differ.
fn angle(found: &[DVector<f64>], truth: &[DVector<f64>], units: &DVector<f64>) -> f64 {
    if found.len() != truth.len() {
        return 1.0;
    }
    if truth.is_empty() {
        return 0.0;
    }
    let orthonormal = |list: &[DVector<f64>]| {
        let scaled: Vec<DVector<f64>> = list
            .iter()
            .map(|h| {
                let h = h.component_mul(units);
                let norm = h.norm();
                h / norm
            })
            .collect();
        DMatrix::from_columns(&scaled).qr().q()
    };
    let (p, q) = (orthonormal(found), orthonormal(truth));
    (&p - &q * q.tr_mul(&p)).norm()
}
