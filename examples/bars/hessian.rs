//! Full Hessians beside the raw kernel, and beside d products of the crate.

use std::process::Command;

use levinv::{
    DMatrix, DVector, GradientInversion, HasHessian, HasHessianProduct, Model, ScoreInversion,
    VolumetricBarrier,
};

use crate::common::instances::{self, normal, rng};
use crate::common::measure::{Storage, model};
use crate::evaluation::{best, kernels};

const N: usize = 10_000;
const D: usize = 50;
const OBJECTIVES: [&str; 3] = ["V", "L_D", "L_G"];
const KINDS: [&str; 4] = [
    "Gaussian",
    "slacks over 2 decades",
    "columns ill-conditioned",
    "sparse",
];

/// Everything at n = 10 000, d = 50 in f64, kind by kind.
pub fn hessian() {
    // A child of its own: what its memory peaked at.
    if let Some(name) = std::env::args().nth(2) {
        peak(&name);
        return;
    }
    let rate = gram_rate();
    let unit = (N * D * D * D) as f64 / rate;
    println!(
        "n = {N}, d = {D}, one thread: Gram kernel {:.1} G multiply-adds/s, nd³ at it {:.1} ms",
        rate / 1e9,
        1e3 * unit
    );
    for kind in KINDS {
        println!("{kind}");
        let (model, x) = instance(kind);
        for name in OBJECTIVES {
            line(name, &model, &x, unit);
        }
    }
    println!("peak memory of a process of its own, over A's 8nd bytes");
    for name in OBJECTIVES {
        let child = std::env::current_exe().map(|path| {
            let mut child = Command::new(path);
            child
                .args(["hessian", name])
                .env("RAYON_NUM_THREADS", "1")
                .output()
        });
        let output = child.and_then(|output| output).expect("this program");
        let said = String::from_utf8_lossy(&output.stdout);
        said.lines()
            .filter(|l| l.starts_with("  "))
            .for_each(|l| println!("{l}"));
    }
}

/// Multiply-adds a second of lower-triangle AᵀA by faer, block by block.
fn gram_rate() -> f64 {
    let a = DMatrix::from_fn(N, D, |i, j| ((i * 31 + j * 17) % 101) as f64 / 50.0 - 1.0);
    (N * D * D) as f64 / 2.0 / kernels(&a).0
}

fn instance(kind: &str) -> (Model<f64>, DVector<f64>) {
    let mut rng = rng(5);
    if kind == "slacks over 2 decades" {
        let made = instances::random(&mut rng, N, D, true);
        return (model(made.a, made.b, Storage::Dense), made.x);
    }
    // One column after another, so that nothing of A's size is made beside it.
    let mut a = DMatrix::zeros(N, D);
    let share = if kind == "sparse" { 0.2 } else { 1.0 };
    a.iter_mut().for_each(|a| {
        if share == 1.0 || rand::Rng::random_bool(&mut rng, share) {
            *a = normal(&mut rng);
        }
    });
    if kind == "columns ill-conditioned" {
        let first = a.column(0).into_owned();
        a.column_mut(1).axpy(1.0, &first, 1e-4);
    }
    let x = DVector::from_fn(D, |_, _| normal(&mut rng));
    let b = &a * &x - DVector::from_fn(N, |_, _| rand::Rng::random_range(&mut rng, 0.5..2.0));
    let storage = if kind == "sparse" {
        Storage::Sparse
    } else {
        Storage::Dense
    };
    (model(a, b, storage), x)
}

/// What a bar asks of an objective.
trait Both: HasHessian<f64> + HasHessianProduct<f64> + Sync {}
impl<O: HasHessian<f64> + HasHessianProduct<f64> + Sync> Both for O {}

fn objective(name: &str, model: &Model<f64>) -> Box<dyn Both> {
    let (n, d) = (model.nrows(), model.dim());
    match name {
        "V" => Box::new(VolumetricBarrier::new(model)),
        "L_D" => {
            let target = DVector::from_element(n, d as f64 / n as f64);
            Box::new(ScoreInversion::new(model, target).expect("a target"))
        }
        _ => {
            let target = DVector::from_element(d, 1.0);
            Box::new(GradientInversion::new(model, target).expect("a target"))
        }
    }
}

/// Hessian and products at a point where value and gradient are known.
fn line(name: &str, model: &Model<f64>, x: &DVector<f64>, unit: f64) {
    let f = objective(name, model);
    let unit_vector = |j: usize| DVector::from_fn(D, |i, _| f64::from(u8::from(i == j)));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads").install(|| {
            f.value(x).expect("inside");
            f.gradient(x).expect("inside");
            let hessian = best(|| drop(f.hessian(x).expect("inside")));
            let products = best(|| {
                // A tenth of them stands for all: they take equally long.
                (0..D / 10)
                    .for_each(|j| drop(f.hessian_product(x, &unit_vector(j)).expect("inside")));
            });
            (hessian, 10.0 * products)
        })
    };
    let (one, two) = (with(1), with(2));
    println!(
        "  {name:4} {:6.1} ms = {:.2} × nd³ (bar 3), d products {:6.1} ms = {:5.1} × it (bar 4); two threads {:5.1} ms, {:.2} × faster (bar 1.7)",
        1e3 * one.0,
        one.0 / unit,
        1e3 * one.1,
        one.1 / one.0,
        1e3 * two.0,
        one.0 / two.0
    );
}

/// Prints the peak of this process, which does nothing else. What making the
/// model took before is forgotten.
fn peak(name: &str) {
    let before = high_water();
    let (model, x) = instance("Gaussian");
    let f = objective(name, &model);
    let made = high_water();
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    f.hessian(&x).expect("inside");
    let (own, all) = ((8 * N * D) as f64, high_water());
    println!(
        "  {name:4} {:.2} beyond the process (bar 3), {:.2} with it; making the model took {:.2}",
        (all - before) / own,
        all / own,
        (made - before) / own
    );
}

/// Bytes resident at most so far; NaN where the system does not say.
fn high_water() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"));
    let number = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
    number.map_or(f64::NAN, |kib| kib * 1024.0)
}
