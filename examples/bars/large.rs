//! A larger than is kept in memory: `bars -- large [n] [d]`, `large-sparse [n] [d]`.
//!
//! Each job runs in a process of its own, whose peak resident memory the system
//! counts; A, b and the scores come from files that a first process has written.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use levinv::npy::{NpyRows, NpyWriter};
use levinv::recover::{GradientRecovery, Recovery, ScoreRecovery, SignKnowledge};
use levinv::{
    DMatrix, DVector, Design, DesignMatrix, HasHessian, Model, Objective, ScoreInversion, Signs,
};
use nalgebra_sparse::CsrMatrix;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;

type V = DVector<f64>;

/// Rows written, or made, at a time.
const BLOCK: usize = 1 << 14;
/// Entries of a sparse row.
const PER_ROW: usize = 10;

/// n and d, which may be given; ten million rows of twenty columns where the bar is
/// asked for by its name, a hundredth of them among all.
fn sizes() -> (usize, usize) {
    let number = |k: usize, default: usize| {
        let given = std::env::args().nth(k).map(|a| a.parse::<f64>());
        given.map_or(default, |a| a.expect("a number, such as 1e6") as usize)
    };
    let all = std::env::args().nth(1).is_some_and(|name| name == "all");
    (
        number(2, if all { 100_000 } else { 10_000_000 }),
        number(3, 20),
    )
}

/// The largest resident memory of this process so far, in bytes, where the system
/// tells it.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kibibytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn memory(beyond: usize) -> String {
    peak().map_or("n/a".into(), |peak| {
        format!("{:.0} MB", peak.saturating_sub(beyond) as f64 / 1e6)
    })
}

/// Where the slacks lie.
const KINDS: [&str; 2] = ["polytope", "regression"];

pub fn dense() {
    bar(
        "large",
        &["write", "evaluate", "scores", "gradient"],
        "1 GB",
    );
}

pub fn sparse() {
    bar(
        "large-sparse",
        &["evaluate", "scores", "gradient"],
        "4 GB beyond A",
    );
}

fn bar(name: &str, jobs: &[&str], bound: &str) {
    if std::env::args().nth(4).is_some_and(|a| a == "--job") {
        let arguments: Vec<String> = std::env::args().skip(5).collect();
        let [job, kind, directory] = &arguments[..] else {
            panic!("--job JOB KIND DIRECTORY");
        };
        return Job {
            sparse: name == "large-sparse",
            kind: kind.clone(),
            directory: directory.into(),
        }
        .run(job);
    }
    let (n, d) = sizes();
    println!("n = {n}, d = {d}; peak resident memory of {bound}");
    for kind in KINDS {
        let directory = std::env::temp_dir().join(format!("levinv-large-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a writable directory");
        for job in jobs {
            // The cell of a regression's slacks is as small as the smallest of them.
            if (*job, kind) == ("gradient", "regression") {
                continue;
            }
            let status = Command::new(std::env::current_exe().expect("this program"))
                .args([name, &n.to_string(), &d.to_string(), "--job", job, kind])
                .arg(&directory)
                .status();
            assert!(status.expect("this program runs").success());
        }
        std::fs::remove_dir_all(&directory).expect("the directory just made");
    }
}

/// One process's work.
struct Job {
    sparse: bool,
    kind: String,
    directory: PathBuf,
}

impl Job {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name).with_extension("npy")
    }

    /// Slacks of a block: inside a polytope, or the residuals of a fit.
    fn slack(&self, rng: &mut StdRng) -> f64 {
        match self.kind.as_str() {
            "polytope" => rng.random_range(0.5..1.5),
            _ => rng.sample(StandardNormal),
        }
    }

    /// Writes A block by block, and b for which the slacks at x are as wanted.
    fn write(&self) {
        let ((n, d), x) = (sizes(), secret());
        let mut a = NpyWriter::create(self.file("a"), n, d).expect("a writable directory");
        let mut b = NpyWriter::create(self.file("b"), n, 1).expect("a writable directory");
        let mut rng = StdRng::seed_from_u64(7);
        for start in (0..n).step_by(BLOCK) {
            let height = BLOCK.min(n - start);
            let rows = DMatrix::from_fn(height, d, |_, _| rng.sample(StandardNormal));
            let slack = V::from_fn(height, |_, _| self.slack(&mut rng));
            let rhs = &rows * &x - slack;
            a.write_rows(&rows).expect("room on the disk");
            b.write_rows(&DMatrix::from_columns(&[rhs]))
                .expect("room on the disk");
        }
        a.finish().expect("room on the disk");
        b.finish().expect("room on the disk");
        let model = self.model();
        let at = model.at(&x).expect("no slack is zero");
        self.write_vector("scores", at.scores().expect("a readable file"));
        let gradient = at.score_gradient().expect("a readable file");
        self.write_vector("gradient", &gradient);
        self.write_vector("signs", &at.slack().map(f64::signum));
        self.write_vector("x", &x);
        // As the command is given it.
        self.write_vector("start", &start());
        println!("{:11} written in {}", self.kind, self.directory.display());
    }

    fn write_vector(&self, name: &str, v: &V) {
        let mut out = NpyWriter::create(self.file(name), v.len(), 1).expect("a writable directory");
        for part in v.as_slice().chunks(BLOCK) {
            out.write_rows(&DMatrix::from_column_slice(part.len(), 1, part))
                .expect("room on the disk");
        }
        out.finish().expect("room on the disk");
    }

    fn read_vector(&self, name: &str) -> V {
        let rows = NpyRows::<f64>::open(self.file(name)).expect("a file just written");
        let mut all = DMatrix::zeros(DesignMatrix::nrows(&rows), 1);
        rows.read_rows(0, &mut all).expect("a readable file");
        V::from_vec(all.data.into())
    }

    fn model(&self) -> Model<f64> {
        let design = if self.sparse {
            Design::from(sparse_rows())
        } else {
            NpyRows::open(self.file("a"))
                .expect("a file just written")
                .into()
        };
        let b = if self.sparse {
            let mut rng = StdRng::seed_from_u64(8);
            let mut b = design.apply(&secret()).expect("in memory");
            b.iter_mut().for_each(|b| *b -= self.slack(&mut rng));
            b
        } else {
            self.read_vector("b")
        };
        Model::new(design, b).expect("full rank")
    }

    fn run(&self, job: &str) {
        if job == "write" {
            return self.write();
        }
        let model = self.model();
        let data = if self.sparse {
            let entries = model.nrows() * PER_ROW.min(model.dim());
            entries * 16 + (model.nrows() + 1) * 8
        } else {
            0
        };
        let (target, signs) = self.target(&model, job);
        let x = secret();
        let begun = Instant::now();
        let result = match job {
            "evaluate" => {
                let loss = ScoreInversion::new(&model, target).expect("n scores");
                let x = &x * 1.000_000_1;
                let value = loss.value(&x).expect("no slack is zero");
                let gradient = loss.gradient(&x).expect("no slack is zero");
                let first = begun.elapsed().as_secs_f64();
                let hessian = loss.hessian(&x).expect("no slack is zero");
                let sizes = (gradient.norm(), hessian.norm());
                assert!(value > 0.0 && sizes.0.is_finite() && sizes.1.is_finite());
                format!("value and gradient after {first:.1} s, Hessian")
            }
            "scores" => {
                let run = ScoreRecovery::new(&model, target).expect("n scores");
                let run = run.signs(SignKnowledge::Known(signs)).expect("n signs");
                said(&run.observe(progress()).run().expect("rows"), &x)
            }
            _ => {
                let run = GradientRecovery::new(&model, target).expect("d numbers");
                let run = run.signs(signs).expect("n signs").start(start());
                let run = run.expect("d numbers").observe(progress());
                said(&run.run().expect("a start in the cell"), &x)
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{:11} {job:9} {seconds:7.1} s, {}, {result}",
            self.kind,
            memory(data)
        );
    }

    /// What is given, and the signs.
    fn target(&self, model: &Model<f64>, job: &str) -> (V, Signs) {
        let known = |slack: &V| Signs::of(slack).expect("no slack is zero");
        if !self.sparse {
            let name = if job == "gradient" {
                "gradient"
            } else {
                "scores"
            };
            return (self.read_vector(name), known(&self.read_vector("signs")));
        }
        // By a model that is gone again, with its geometry.
        let other = Model::new(model.design().clone(), model.rhs().clone()).expect("full rank");
        let at = other.at(&secret()).expect("no slack is zero");
        let gradient = || at.score_gradient().expect("in memory");
        let target = if job == "gradient" {
            gradient()
        } else {
            at.scores().expect("in memory").clone()
        };
        (target, known(at.slack()))
    }
}

fn secret() -> V {
    V::from_fn(sizes().1, |j, _| 1.0 / (1.0 + j as f64) - 0.23)
}

/// A point 0.01 from x: it moves slacks by 0.01 or so, none by the 0.5 that it would
/// take to leave the polytope.
fn start() -> V {
    secret().map(|x| x + 0.01 / (sizes().1 as f64).sqrt())
}

fn progress() -> impl FnMut(&levinv::recover::Progress) {
    let (begun, told) = (
        Instant::now(),
        std::env::var_os("LEVINV_PROGRESS").is_some(),
    );
    move |p| {
        if told {
            let (seconds, used) = (begun.elapsed().as_secs_f64(), memory(0));
            eprintln!(
                "  {} {} {:.1e}, {seconds:.1} s, {used}",
                p.phase, p.iteration, p.residual
            );
        }
    }
}

fn said(found: &Recovery<f64>, x: &V) -> String {
    let error = found.x.as_ref().map(|f| (f - x).norm() / x.norm());
    let error = error.map_or("no x".into(), |e| format!("relative error {e:.1e}"));
    format!("{}, {error}, {} steps", found.status, found.iterations)
}

/// Ten entries a row, at columns spread over all.
fn sparse_rows() -> CsrMatrix<f64> {
    let (n, d) = sizes();
    let per_row = PER_ROW.min(d);
    let mut rng = StdRng::seed_from_u64(7);
    let mut columns = Vec::with_capacity(n * per_row);
    let mut values = Vec::with_capacity(n * per_row);
    for _ in 0..n {
        // One of each stretch of columns: ascending, and no column twice.
        for k in 0..per_row {
            columns.push(rng.random_range(k * d / per_row..(k + 1) * d / per_row));
            values.push(rng.sample(StandardNormal));
        }
    }
    let offsets = (0..=n).map(|i| i * per_row).collect();
    CsrMatrix::try_from_csr_data(n, d, offsets, columns, values).expect("ascending columns")
}
