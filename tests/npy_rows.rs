//! Designs that stay in their .npy files: the same numbers, and no others.

#![cfg(feature = "npy")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/directory.rs"]
mod directory;

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};

use directory::Directory;
use levinv::npy::{NpyRows, NpyWriter};
use levinv::recover::{GradientRecovery, ScoreRecovery, SignKnowledge, Status};
use levinv::{
    DMatrix, DVector, Design, DesignMatrix, Error, HasHessian, Model, NpyFault, Objective,
    ScoreInversion, Signs,
};

type V = DVector<f64>;
type M = DMatrix<f64>;

/// Numbers that f32 has as well, so that every width holds the same matrix.
fn entry(i: usize, j: usize) -> f64 {
    ((i * (2 * j + 7) * 613 + i * i * (j + 1)) % 1021) as f64 / 512.0 - 1.0
}

fn matrix(n: usize, d: usize) -> M {
    M::from_fn(n, d, entry)
}

/// A .npy file of version 1.0, written by hand.
fn file(kind: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let size = (text.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &size[..], text.as_bytes(), values].concat()
}

fn bytes(a: &M, kind: &str, fortran: bool) -> Vec<u8> {
    let one = |v: f64| match kind {
        "<f8" => v.to_le_bytes().to_vec(),
        ">f8" => v.to_be_bytes().to_vec(),
        "<f4" => (v as f32).to_le_bytes().to_vec(),
        _ => (v as f32).to_be_bytes().to_vec(),
    };
    let ordered = if fortran { a.clone() } else { a.transpose() };
    let values: Vec<u8> = ordered.iter().flat_map(|&v| one(v)).collect();
    let shape = format!("({}, {})", a.nrows(), a.ncols());
    file(kind, fortran, &shape, &values)
}

const KINDS: [&str; 4] = ["<f8", ">f8", "<f4", ">f4"];

/// A matrix in memory that is read by rows alone, as a file is.
struct Rows(M);

impl DesignMatrix<f64> for Rows {
    fn nrows(&self) -> usize {
        self.0.nrows()
    }

    fn ncols(&self) -> usize {
        self.0.ncols()
    }

    fn read_rows(&self, start: usize, rows: &mut M) -> Result<(), Error> {
        self.0.read_rows(start, rows)
    }
}

fn fault(result: Result<impl Sized, Error>) -> (NpyFault, String) {
    let error = result.err().unwrap();
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    match error {
        Error::Npy { fault, .. } => (fault, text),
        other => panic!("{other}"),
    }
}

#[test]
fn every_order_width_and_byte_order_gives_the_same_rows() {
    let directory = Directory::new("npy-kinds");
    // More than one piece of 256 KiB, and pieces that end within no row.
    let a = matrix(9000, 7);
    for kind in KINDS {
        for fortran in [false, true] {
            let path = directory.write("a.npy", bytes(&a, kind, fortran));
            let rows = NpyRows::<f64>::open(&path).unwrap();
            let single = NpyRows::<f32>::open(&path).unwrap();
            assert_eq!((rows.nrows(), rows.ncols()), (9000, 7));
            for (start, height) in [(0, 9000), (1, 1), (8999, 1), (4000, 4097), (17, 0)] {
                let mut block = M::from_element(height, 7, f64::NAN);
                rows.read_rows(start, &mut block).unwrap();
                assert_eq!(block, a.rows(start, height), "{kind}, {fortran}");
                let mut block = DMatrix::<f32>::zeros(height, 7);
                single.read_rows(start, &mut block).unwrap();
                assert_eq!(block.map(f64::from), a.rows(start, height).into_owned());
            }
            let near = [0, 1, 2, 5, 6, 40, 41, 2000, 2001, 8998, 8999];
            let far: Vec<usize> = (0..9000).step_by(599).collect();
            for indices in [&near[..], &far, &[3], &[]] {
                let mut block = M::zeros(indices.len(), 7);
                rows.read_selection(indices, &mut block).unwrap();
                assert_eq!(block, a.select_rows(indices), "{kind}, {fortran}");
            }
        }
    }
}

/// Everything that is computed at a point, as bits.
fn computed(design: Design<f64>, b: &V, x: &V) -> Vec<u64> {
    let model = Model::new(design, b.clone()).unwrap();
    let target = model.at(x).unwrap().scores().expect("in memory").clone();
    let signs = Signs::of(model.at(x).unwrap().slack()).unwrap();
    let loss = ScoreInversion::new(&model, target.map(|t| t * 0.99)).unwrap();
    let found = ScoreRecovery::new(&model, target.clone()).unwrap();
    let found = found.signs(SignKnowledge::Known(signs)).unwrap().run();
    let recovered = found.unwrap().x.unwrap();
    let mut all: Vec<f64> = target.iter().copied().collect();
    all.push(loss.value(x).unwrap());
    all.extend(loss.gradient(x).unwrap().iter());
    all.extend(loss.hessian(x).unwrap().iter());
    all.extend(recovered.iter());
    all.into_iter().map(f64::to_bits).collect()
}

fn problem(n: usize, d: usize) -> (M, V, V) {
    let (a, x) = (matrix(n, d), V::from_fn(d, |j, _| 0.3 - 0.1 * j as f64));
    let b = V::from_fn(n, |i, _| (a.row(i) * &x)[0] - 1.0 - entry(i, 11).abs());
    (a, b, x)
}

#[test]
fn results_are_those_of_rows_in_memory_to_the_bit_on_any_number_of_threads() {
    let directory = Directory::new("npy-results");
    let (a, b, x) = problem(20_000, 4);
    let path = directory.write("a.npy", bytes(&a, "<f8", false));
    let run = |threads: usize, design: Design<f64>| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        pool.install(|| computed(design, &b, &x))
    };
    let expected = run(1, Design::new(Rows(a.clone())));
    for threads in [1, 2] {
        assert!(run(threads, Design::new(NpyRows::open(&path).unwrap())) == expected);
    }
    // A matrix that stands in memory is multiplied as a whole: rounding differs,
    // by a few ε a sum of 20 000 terms.
    for (found, near) in run(2, Design::from(a)).into_iter().zip(expected) {
        let (found, near) = (f64::from_bits(found), f64::from_bits(near));
        assert!((found - near).abs() <= 1e-11 * near.abs().max(1e-3));
    }
}

#[test]
fn x_is_recovered_from_a_file_by_scores_and_by_gradient() {
    let directory = Directory::new("npy-recovers");
    let (a, b, x) = problem(6000, 5);
    let path = directory.write("a.npy", bytes(&a, ">f4", true));
    let model = Model::new(NpyRows::open(path).unwrap(), b).unwrap();
    let at = model.at(&x).unwrap();
    let scores = at.scores().expect("in memory").clone();
    let gradient = -at.apply_transposed(&scores).unwrap();
    let known = SignKnowledge::Known(Signs::positive(6000));
    let run = ScoreRecovery::new(&model, scores).unwrap();
    let found = run.signs(known).unwrap().run().unwrap();
    assert_eq!(found.status, Status::Recovered);
    assert!((found.x.unwrap() - &x).norm() <= 1e-12 * x.norm());
    let run = GradientRecovery::new(&model, gradient).unwrap();
    let found = run.start(x.map(|x| x + 0.05)).unwrap().run().unwrap();
    assert_eq!(found.status, Status::Recovered);
    assert!((found.x.unwrap() - &x).norm() <= 1e-10 * x.norm());
}

#[test]
fn what_is_no_matrix_of_floats_is_refused_by_name() {
    let directory = Directory::new("npy-refused");
    let eight = 1.0f64.to_le_bytes();
    let cases = [
        (
            "one.npy",
            file("<f8", false, "(1,)", &eight),
            "shape",
            "1 dimension instead of two",
        ),
        (
            "three.npy",
            file("<f8", false, "(1, 1, 1)", &eight),
            "shape",
            "3 dimensions",
        ),
        (
            "none.npy",
            file("<f8", false, "(0, 3)", &[]),
            "shape",
            "0 x 3 values",
        ),
        (
            "int.npy",
            file("<i8", false, "(1, 1)", &eight),
            "unsupported_type",
            "<i8",
        ),
        (
            "half.npy",
            file("<f2", false, "(1, 1)", &[0; 2]),
            "unsupported_type",
            "<f2",
        ),
        (
            "short.npy",
            file("<f8", false, "(1, 2)", &eight),
            "truncated",
            "only 8 bytes",
        ),
        (
            "long.npy",
            file("<f4", false, "(1, 1)", &eight),
            "surplus",
            "4 bytes",
        ),
        (
            "huge.npy",
            file("<f8", false, "(9999999, 9999999)", &eight),
            "too_large",
            "values",
        ),
        ("text.npy", b"1,2,3\n".to_vec(), "header", "1,2,3"),
        ("empty.npy", Vec::new(), "header", "NumPy"),
    ];
    for (name, content, kind, words) in cases {
        let path = directory.write(name, content);
        let (fault, text) = fault(NpyRows::<f64>::open(&path));
        assert_eq!(fault.kind(), kind, "{text}");
        assert!(text.contains(name) && text.contains(words), "{text}");
    }
    let (missing, text) = fault(NpyRows::<f64>::open(directory.path("gone.npy")));
    assert_eq!(missing.kind(), "not_found", "{text}");
    let (folder, _) = fault(NpyRows::<f64>::open(directory.path("")));
    assert_eq!(folder, NpyFault::NotRegular);
}

#[test]
fn numbers_that_are_not_finite_are_named_by_the_model() {
    let directory = Directory::new("npy-nan");
    let mut a = matrix(5000, 3);
    a[(4321, 2)] = f64::NAN;
    for fortran in [false, true] {
        let path = directory.write("a.npy", bytes(&a, "<f8", fortran));
        let model = Model::new(NpyRows::open(path).unwrap(), V::zeros(5000));
        let place = matches!(
            model,
            Err(Error::NonFiniteEntry {
                row: 4321,
                column: 2,
                ..
            })
        );
        assert!(place);
    }
    // Too large for f32 is infinite there.
    a[(4321, 2)] = 1e300;
    let path = directory.write("b.npy", bytes(&a, "<f8", false));
    let model = Model::new(NpyRows::<f32>::open(path).unwrap(), DVector::zeros(5000));
    assert!(matches!(
        model,
        Err(Error::NonFiniteEntry { row: 4321, .. })
    ));
}

#[test]
fn a_file_that_shrinks_is_an_error_with_its_place() {
    let directory = Directory::new("npy-shrinks");
    let (a, b, x) = problem(20_000, 4);
    for fortran in [false, true] {
        let path = directory.write("a.npy", bytes(&a, "<f8", fortran));
        let model = Model::new(NpyRows::open(&path).unwrap(), b.clone()).unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        let open = OpenOptions::new().write(true).open(&path).unwrap();
        open.set_len(length - 8).unwrap();
        let (fault, text) = fault(model.at(&x));
        assert_eq!(fault.kind(), "truncated", "{text}");
        assert!(text.contains("a.npy, from row"), "{text}");
        // Recoveries end with it, and not with a status.
        let signs = SignKnowledge::Known(Signs::positive(20_000));
        let target = V::from_element(20_000, 4.0 / 20_000.0);
        let run = ScoreRecovery::new(&model, target).and_then(|run| run.signs(signs)?.run());
        assert!(matches!(run, Err(Error::Npy { .. })));
    }
}

#[test]
fn a_file_that_is_written_to_is_an_error_even_at_the_same_length() {
    let directory = Directory::new("npy-changes");
    let path = directory.write("a.npy", bytes(&matrix(3000, 3), "<f8", false));
    let rows = NpyRows::<f64>::open(&path).unwrap();
    let mut block = M::zeros(10, 3);
    rows.read_rows(0, &mut block).unwrap();
    // Systems count the time of a change in steps of some milliseconds.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let mut open = OpenOptions::new().write(true).open(&path).unwrap();
    open.seek(SeekFrom::End(-8)).unwrap();
    open.write_all(&7.0f64.to_le_bytes()).unwrap();
    drop(open);
    let (fault, text) = fault(rows.read_rows(0, &mut block));
    assert_eq!(fault, NpyFault::Changed, "{text}");
    // Opened again it is what it now is.
    let rows = NpyRows::<f64>::open(&path).unwrap();
    rows.read_rows(2990, &mut block).unwrap();
    assert_eq!(block[(9, 2)], 7.0);
}

#[test]
fn rows_beyond_the_end_are_refused() {
    let directory = Directory::new("npy-beyond");
    let path = directory.write("a.npy", bytes(&matrix(10, 3), "<f8", true));
    let rows = NpyRows::<f64>::open(path).unwrap();
    for (start, height, columns) in [(5, 6, 3), (10, 1, 3), (0, 5, 2)] {
        let read = rows.read_rows(start, &mut M::zeros(height, columns));
        assert!(matches!(read, Err(Error::Shape { .. })), "{start}");
    }
    let read = rows.read_selection(&[1, 10], &mut M::zeros(2, 3));
    assert!(matches!(read, Err(Error::Shape { .. })));
    // Not in order, which nobody asks for: right all the same.
    let mut block = M::zeros(3, 3);
    rows.read_selection(&[7, 2, 2], &mut block).unwrap();
    assert_eq!(block, matrix(10, 3).select_rows(&[7, 2, 2]));
}

#[test]
fn a_written_file_reads_back_and_an_unfinished_one_does_not() {
    let directory = Directory::new("npy-writer");
    let (a, path) = (matrix(1000, 6), directory.path("a.npy"));
    let mut out = NpyWriter::create(&path, 1000, 6).unwrap();
    for start in (0..1000).step_by(300) {
        let height = 300.min(1000 - start);
        out.write_rows(&a.rows(start, height).into_owned()).unwrap();
    }
    let wide = out.write_rows(&M::zeros(1, 7));
    assert!(matches!(
        wide,
        Err(Error::Shape {
            unit: "columns",
            ..
        })
    ));
    let more = out.write_rows(&M::zeros(1, 6));
    assert!(matches!(more, Err(Error::Shape { unit: "rows", .. })));
    out.finish().unwrap();
    let mut back = M::zeros(1000, 6);
    let rows = NpyRows::<f64>::open(&path).unwrap();
    rows.read_rows(0, &mut back).unwrap();
    assert_eq!(back, a);

    let mut out = NpyWriter::create(&path, 1000, 6).unwrap();
    out.write_rows(&a.rows(0, 600).into_owned()).unwrap();
    assert!(matches!(out.finish(), Err(Error::Shape { found: 600, .. })));
    assert_eq!(fault(NpyRows::<f64>::open(&path)).0.kind(), "truncated");
    let nowhere = NpyWriter::create(directory.path("none/a.npy"), 1, 1);
    assert_eq!(fault(nowhere).0.kind(), "write");
    assert!(File::open(directory.path("none/a.npy")).is_err());
}
