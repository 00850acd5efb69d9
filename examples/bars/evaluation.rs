//! What evaluations cost beside the raw kernels they are made of, in one run.

use std::process::Command;
use std::time::Instant;

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use levinv::{
    DMatrix, DVector, GradientInversion, HasHessianProduct, Model, Scalar, ScoreInversion,
    VolumetricBarrier,
};
use nalgebra_sparse::CsrMatrix;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;

const N: usize = 100_000;
/// Repeats; the best is quoted, for noise only ever adds.
const REPEATS: usize = 9;
/// Rows of a block of the raw kernels, the fastest of 256, 512, … 4096.
const ROWS: usize = 1024;
const SPARSE: (usize, usize, usize) = (1_000_000, 100, 10);

pub fn best(mut work: impl FnMut()) -> f64 {
    let time = |_| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    };
    (0..REPEATS).map(time).fold(f64::INFINITY, f64::min)
}

pub fn threads<R: Send>(count: usize, work: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build();
    pool.expect("a pool of threads").install(work)
}

/// Gaussian A; slacks of both signs, `spread` decades apart at most.
fn instance(n: usize, d: usize, slack: impl Fn(&mut StdRng) -> f64) -> (DMatrix<f64>, Point) {
    let mut rng = StdRng::seed_from_u64(7);
    let a = DMatrix::from_fn(n, d, |_, _| rng.sample(StandardNormal));
    let x = DVector::from_fn(d, |_, _| rng.random_range(-1.0..1.0));
    let b = &a * &x - DVector::from_fn(n, |_, _| slack(&mut rng));
    (a, Point { b, x })
}

struct Point {
    b: DVector<f64>,
    x: DVector<f64>,
}

fn mild(rng: &mut StdRng) -> f64 {
    let size = rng.random_range(0.5..2.0);
    if rng.random() { size } else { -size }
}

fn normal(rng: &mut StdRng) -> f64 {
    rng.sample(StandardNormal)
}

/// Seconds of the lower-triangle Gram matrix and of the solve with n right-hand
/// sides, both by row blocks on one thread.
pub fn kernels(a: &DMatrix<f64>) -> (f64, f64) {
    let (n, d) = a.shape();
    let blocks = || (0..n).step_by(ROWS).map(|i| (i, ROWS.min(n - i)));
    let view = MatRef::from_column_major_slice(a.as_slice(), n, d);
    let mut gram = Mat::<f64>::zeros(d, d);
    let syrk = best(|| {
        for (i, m) in blocks() {
            let rows = view.subrows(i, m);
            triangular::matmul(
                &mut gram,
                BlockStructure::TriangularLower,
                Accum::Add,
                rows.transpose(),
                BlockStructure::Rectangular,
                rows,
                BlockStructure::Rectangular,
                1.0,
                Par::Seq,
            );
        }
    });
    // Solved over and over: near the identity, lest the numbers run away.
    let lower = DMatrix::from_fn(d, d, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => 1.0,
        std::cmp::Ordering::Greater => 1e-3,
    });
    let lower = MatRef::from_column_major_slice(lower.as_slice(), d, d);
    let mut rows = a.clone();
    let solve = best(|| {
        for (i, m) in blocks() {
            let all = MatMut::from_column_major_slice_mut(rows.as_mut_slice(), n, d);
            let rows = all.subrows_mut(i, m);
            solve_lower_triangular_in_place(lower, rows.transpose_mut(), Par::Seq);
        }
    });
    (syrk, solve)
}

/// Seconds of cost, value + gradient and a further product.
pub fn times<T: Scalar>(f: &(dyn HasHessianProduct<T> + Sync), x: &DVector<T>) -> [f64; 3] {
    let mut x = x.clone();
    // Each repeat at a new point: at the old one everything is remembered.
    let mut moved = || {
        let step: T = nalgebra::convert(1e-6);
        x[0] += step;
        x.clone()
    };
    let cost = best(|| drop(f.value(&moved())));
    let both = best(|| {
        let x = moved();
        drop((f.value(&x), f.gradient(&x)));
    });
    let at = moved();
    f.gradient(&at).expect("in the domain");
    let product = best(|| drop(f.hessian_product(&at, &at)));
    [cost, both, product]
}

pub type Named<T> = (&'static str, Box<dyn HasHessianProduct<T> + Sync + Send>);

pub fn objectives<T: Scalar>(model: &Model<T>) -> Vec<Named<T>> {
    let (n, d) = (model.nrows(), model.dim());
    let part: T = nalgebra::convert(d as f64 / n as f64);
    let scores = DVector::from_element(n, part);
    vec![
        ("V", Box::new(VolumetricBarrier::new(model))),
        (
            "L_D",
            Box::new(ScoreInversion::new(model, scores).expect("a target")),
        ),
        (
            "L_G",
            Box::new(GradientInversion::new(model, DVector::zeros(d)).expect("a target")),
        ),
    ]
}

/// Both sizes; or, in a child process, what memory value and gradient peak at.
pub fn evaluation() {
    if let Some(name) = std::env::args().nth(2) {
        return peak(&name);
    }
    println!(
        "n = {N}, f64; unit = Gram + solve on one thread; bars: value + gradient 2.0, product \
         3.0 (V 1.2), cost 1.1 (V 0.6); two threads 1.7×"
    );
    for d in [50, 100] {
        for (kind, slack) in [
            ("slacks in 0.5 … 2", mild as fn(&mut StdRng) -> f64),
            ("normal residuals", normal),
        ] {
            table(d, kind, slack);
        }
    }
    println!("peak memory of a process that makes A, then value + gradient, over A's 8nd bytes");
    for name in ["V", "L_D", "L_G"] {
        let path = std::env::current_exe().expect("this program");
        let mut child = Command::new(path);
        child.args(["evaluation", name]);
        let output = child.output().expect("this program again");
        let text = String::from_utf8_lossy(&output.stdout);
        let figure = text.lines().find(|line| line.parse::<f64>().is_ok());
        println!("  {name:4} {}", figure.unwrap_or("did not end"));
    }
}

fn table(d: usize, kind: &str, slack: fn(&mut StdRng) -> f64) {
    let (a, Point { b, x }) = instance(N, d, slack);
    let (syrk, solve) = kernels(&a);
    let unit = syrk + solve;
    let single = Model::new(a.map(|v| v as f32), b.map(|v| v as f32)).expect("a sound instance");
    let x32 = x.map(|v| v as f32);
    let model = Model::new(a, b).expect("a sound instance");
    println!(
        "d = {d}, {kind}: {:?}; Gram {:.1} ms, solve {:.1} ms",
        model.at(&x).expect("in the domain").factorisation(),
        1e3 * syrk,
        1e3 * solve
    );
    println!(
        "       cost   value+gradient   product   | two threads      | f64/f32 (all one thread)"
    );
    let singles = objectives(&single);
    for ((name, f), (_, f32)) in objectives(&model).iter().zip(&singles) {
        let one = threads(1, || times(&**f, &x));
        let two = threads(2, || times(&**f, &x));
        let half = threads(1, || times(&**f32, &x32));
        let over = |by: [f64; 3]| {
            [0, 1, 2]
                .map(|k| format!("{:.2}", one[k] / by[k]))
                .join(" ")
        };
        println!(
            "  {name:4} {:.2}   {:.2} ({:.0} ms)     {:.2}      | {} | {}",
            one[0] / unit,
            one[1] / unit,
            1e3 * one[1],
            one[2] / unit,
            over(two),
            over(half)
        );
    }
}

/// The largest resident memory of this process so far, in bytes, where the system
/// tells it.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn peak(name: &str) {
    let d = 50;
    let (a, Point { b, x }) = instance(N, d, mild);
    let model = Model::new(a, b).expect("a sound instance");
    for (own, f) in objectives(&model) {
        if own == name {
            f.value(&x).expect("a point");
            f.gradient(&x).expect("in the domain");
        }
    }
    let size = (8 * N * d) as f64;
    println!(
        "{}",
        resident().map_or("n/a".into(), |peak| format!("{:.2}", peak / size))
    );
}

/// One AᵀDA by row pairs, and evaluations in units of it.
pub fn sparse() {
    let (n, d, per_row) = SPARSE;
    let mut rng = StdRng::seed_from_u64(11);
    let (mut offsets, mut columns, mut values) = (vec![0], Vec::new(), Vec::<f64>::new());
    for _ in 0..n {
        let mut row = rand::seq::index::sample(&mut rng, d, per_row).into_vec();
        row.sort_unstable();
        columns.extend(row);
        values.extend((0..per_row).map(|_| rng.sample::<f64, _>(StandardNormal)));
        offsets.push(columns.len());
    }
    let a = CsrMatrix::try_from_csr_data(n, d, offsets, columns, values).expect("sorted rows");
    let x = DVector::from_fn(d, |_, _| rng.random_range(-1.0..1.0));
    let image: Vec<f64> = (0..n)
        .map(|i| {
            let row = a.row(i);
            let entries = row.col_indices().iter().zip(row.values());
            entries.map(|(&j, v)| v * x[j]).sum()
        })
        .collect();
    let b = DVector::from_fn(n, |i, _| image[i] - mild(&mut rng));
    let weights = DVector::from_fn(n, |_, _| rng.random_range(0.5..2.0));
    let mut gram = DMatrix::<f64>::zeros(d, d);
    let unit = best(|| {
        for (i, w) in weights.iter().enumerate() {
            let row = a.row(i);
            for (j, v) in row.col_indices().iter().zip(row.values()) {
                let scaled = w * v;
                for (k, u) in row.col_indices().iter().zip(row.values()) {
                    if k >= j {
                        gram[(*k, *j)] += scaled * u;
                    }
                }
            }
        }
    });
    println!(
        "n = {n}, d = {d}, {per_row} a row: AᵀDA by row pairs {:.0} ms (unit); bar: value + \
         gradient 5; two threads 1.7×",
        1e3 * unit
    );
    let model = Model::new(a, b).expect("a sound instance");
    println!("       cost   value+gradient   product   | two threads");
    for (name, f) in objectives(&model) {
        let one = threads(1, || times(&*f, &x));
        let two = threads(2, || times(&*f, &x));
        let gain = [0, 1, 2]
            .map(|k| format!("{:.2}", one[k] / two[k]))
            .join(" ");
        println!(
            "  {name:4} {:.2}   {:.2} ({:.0} ms)     {:.2}      | {gain}",
            one[0] / unit,
            one[1] / unit,
            1e3 * one[1],
            one[2] / unit
        );
    }
}
