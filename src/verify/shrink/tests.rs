use super::*;
use nalgebra::{DMatrix, DVector, dmatrix, dvector};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn random(n: usize, d: usize) -> Instance {
    let mut rng = StdRng::seed_from_u64(5);
    let mut number = || rng.random_range(-3.0..3.0);
    Instance::new()
        .with_matrix("a", ("n", "d"), DMatrix::from_fn(n, d, |_, _| number()))
        .and_then(|i| i.with_vector("b", "n", DVector::from_fn(n, |_, _| number())))
        .and_then(|i| i.with_vector("x", "d", DVector::from_fn(d, |_, _| number())))
        .unwrap()
}

fn some_negative(i: &Instance) -> Result<bool, Error> {
    let a = i.matrix("a")?;
    Ok(a.iter().any(|&v| v < 0.0) && a.nrows() >= 2)
}

#[test]
fn shrinks_to_the_minimum_and_always_the_same() {
    let small = shrink(random(30, 6), some_negative).unwrap();
    let text = "let a = dmatrix![-1.0; 0.0];\nlet b = dvector![0.0, 0.0];\nlet x = dvector![0.0];";
    assert!(
        small.is_minimal() && small.steps() < 100,
        "{}",
        small.steps()
    );
    let mut sorted: Vec<f64> = small
        .instance()
        .matrix("a")
        .unwrap()
        .iter()
        .copied()
        .collect();
    sorted.sort_by(f64::total_cmp);
    assert_eq!(sorted, [-1.0, 0.0], "{small}");
    assert_eq!(small.to_string().len(), text.len());
    assert_eq!(shrink(random(30, 6), some_negative), Ok(small));
}

#[test]
fn every_accepted_candidate_fails_and_keeps_its_shape() {
    let mut asked = 0;
    let small = shrink(random(9, 4), |i| {
        asked += 1;
        let (a, b, x) = (i.matrix("a")?, i.vector("b")?, i.vector("x")?);
        assert_eq!((a.nrows(), a.ncols()), (b.len(), x.len()));
        assert_eq!((i.size("n"), i.size("d")), (Some(b.len()), Some(x.len())));
        Ok((a * x - b).amax() > 2.5)
    })
    .unwrap();
    assert_eq!(asked, small.steps());
    let i = small.instance();
    let s = i.matrix("a").unwrap() * i.vector("x").unwrap() - i.vector("b").unwrap();
    assert!(s.len() == 1 && s.amax() > 2.5, "{small}");
}

/// Rows stay with their entries: the witness is in row 5 alone.
#[test]
fn dimensions_are_linked() {
    let a = DMatrix::from_fn(8, 3, |i, j| (10 * i + j) as f64);
    let instance = Instance::new()
        .with_matrix("a", ("n", "d"), a)
        .and_then(|i| i.with_vector("b", "n", DVector::from_fn(8, |i, _| i as f64)))
        .and_then(|i| {
            i.with_matrix(
                "w",
                ("n", "n"),
                DMatrix::from_fn(8, 8, |i, j| (10 * i + j) as f64),
            )
        })
        .unwrap();
    let small = shrink(instance, |i| {
        let (a, b, w) = (i.matrix("a")?, i.vector("b")?, i.matrix("w")?);
        assert_eq!(w.shape(), (b.len(), b.len()));
        let row = b.iter().position(|&b| b == 5.0);
        Ok(row.is_some_and(|k| w[(k, k)] == 55.0 && a.row(k).iter().any(|&v| v == 52.0)))
    })
    .unwrap();
    let text = "let a = dmatrix![52.0];\nlet b = dvector![5.0];\nlet w = dmatrix![55.0];";
    assert_eq!(small.to_string(), text);
}

#[test]
fn symmetric_matrices_stay_so() {
    let h = DMatrix::from_fn(4, 4, |i, j| 1.37 + (i + j) as f64 + (i * j) as f64);
    let instance = Instance::new().with_matrix("h", ("d", "d"), h).unwrap();
    let small = shrink(instance, |i| {
        let h = i.matrix("h")?;
        Ok(*h == h.transpose() && h.nrows() > 1 && h[(0, 1)] > 0.5)
    });
    assert_eq!(
        small.unwrap().to_string(),
        "let h = dmatrix![0.0, 1.0; 1.0, 0.0];"
    );
}

#[test]
fn limits_are_kept() {
    let always = |_: &Instance| Ok(true);
    let least = random(7, 5)
        .at_least("n", 3)
        .at_least("d", 2)
        .at_least("d", 4);
    let small = shrink(least, always).unwrap();
    assert_eq!(small.instance().matrix("a").unwrap(), &DMatrix::zeros(3, 4));
    let tall = shrink(random(2, 1).at_least("n", 9).at_least("d", 0), always).unwrap();
    assert_eq!(
        (tall.instance().size("n"), tall.instance().size("d")),
        (Some(2), Some(1))
    );
    for limit in [0, 1, 7, 20] {
        let mut asked = 0;
        let small = shrink(random(7, 5).step_limit(limit), |i| {
            asked += 1;
            some_negative(i)
        })
        .unwrap();
        assert!(!small.is_minimal() && small.steps() == limit.max(1) && asked == small.steps());
        assert_eq!(some_negative(small.instance()), Ok(true));
    }
    let untouched = shrink(random(7, 5).step_limit(1), always).unwrap();
    assert_eq!(untouched.instance(), &random(7, 5).step_limit(1));
}

/// What is left of one number when the failure needs it in a range.
#[test]
fn numbers_become_simple() {
    let simplest = |start: f64, range: Range<f64>| {
        let instance = Instance::new()
            .with_vector("v", "one", dvector![start])
            .unwrap();
        shrink(instance, |i| Ok(range.contains(&i.vector("v")?[0])))
            .unwrap()
            .to_string()
    };
    for (start, range, expected) in [
        (-0.0, -1.0..1.0, "0.0"),
        (-7.3, -9.0..9.0, "0.0"),
        (3.7, 0.5..9.0, "1.0"),
        (-3.7, -9.0..0.0, "-1.0"),
        (3.7, 3.1..9.0, "4.0"),
        (3.7234, 3.6..3.9, "3.7"),
        (3.7234, 3.71..3.73, "3.72"),
        (977.0, 3.0..1e9, "4.0"),
        (-2.5, -2.6..-2.1, "-2.5"),
        (1.2345e-7, 1.15e-7..1.25e-7, "1.2e-7"),
        (1.234567e-7, 1.23e-7..1.236e-7, "1.235e-7"),
        (f64::MAX, 1e308..f64::INFINITY, "1.7976931348623157e308"),
        (
            0.1234567890123,
            0.12345678901..0.1234567891,
            "0.1234567890123",
        ),
    ] {
        let got = simplest(start, range.clone());
        let got = got
            .trim_start_matches("let v = dvector![")
            .trim_end_matches("];");
        assert_eq!(got, expected, "{start} in {range:?}");
    }
}

#[test]
fn printed_numbers_read_back() {
    let numbers = dvector![
        1e-310,
        -0.1,
        1.0 / 3.0,
        1e300,
        123_456_789.0,
        f64::MIN_POSITIVE,
        -0.0
    ];
    let instance = Instance::new()
        .with_vector("v", "n", numbers.clone())
        .unwrap();
    let text = instance.to_string();
    let list = text
        .trim_start_matches("let v = dvector![")
        .trim_end_matches("];");
    let read: Vec<f64> = list
        .split(", ")
        .map(|v| v.trim().parse().unwrap())
        .collect();
    assert!(
        read.iter()
            .zip(&numbers)
            .all(|(r, v)| r.to_bits() == v.to_bits()),
        "{text}"
    );
}

#[test]
fn long_matrices_take_one_line_a_row() {
    let third = 1.0 / 3.0;
    let instance = Instance::new()
        .with_matrix("a", ("n", "d"), DMatrix::from_element(2, 3, third))
        .unwrap();
    let row = "0.3333333333333333, 0.3333333333333333, 0.3333333333333333";
    assert_eq!(
        instance.to_string(),
        format!("let a = dmatrix![\n    {row};\n    {row}\n];")
    );
}

#[test]
fn bad_input_is_named() {
    let a = || {
        Instance::new()
            .with_matrix("a", ("n", "d"), dmatrix![1.0, 2.0; 3.0, 4.0; 5.0, 6.0])
            .unwrap()
    };
    let shape = |what, unit, expected, found| Error::Shape {
        what,
        unit,
        expected,
        found,
    };
    let wrong = a().with_vector("b", "n", dvector![1.0]).unwrap_err();
    assert_eq!(wrong, shape("b", "entries", 3, 1));
    let wrong = a()
        .with_matrix("c", ("d", "n"), DMatrix::zeros(2, 2))
        .unwrap_err();
    assert_eq!(wrong, shape("c", "columns", 3, 2));
    let wrong = Instance::new()
        .with_matrix("h", ("d", "d"), DMatrix::zeros(2, 3))
        .unwrap_err();
    assert_eq!(wrong, shape("h", "columns", 2, 3));
    let wrong = a()
        .with_vector("x", "d", dvector![0.0, f64::INFINITY])
        .unwrap_err();
    assert!(matches!(
        wrong,
        Error::NonFinite {
            what: "x",
            index: 1,
            ..
        }
    ));
    let wrong = a().with_matrix("c", ("n", "k"), dmatrix![0.0, 0.0; 0.0, f64::NAN; 0.0, 0.0]);
    let wrong = wrong.unwrap_err();
    assert!(matches!(
        wrong,
        Error::NonFiniteEntry {
            what: "c",
            row: 1,
            column: 1,
            ..
        }
    ));
    let wrong = Instance::new()
        .with_matrix("a", ("n", "d"), DMatrix::zeros(3, 0))
        .unwrap_err();
    assert_eq!(
        wrong,
        Error::Empty {
            what: "a",
            rows: 3,
            columns: 0
        }
    );
    // Replacing an array may change its dimensions.
    let other = a().with_matrix("a", ("n", "d"), dmatrix![1.0]).unwrap();
    assert_eq!(
        (other.size("n"), other.size("d"), other.size("k")),
        (Some(1), Some(1), None)
    );
}

#[test]
fn what_does_not_fail_is_not_shrunk() {
    assert_eq!(
        shrink(random(3, 2), |_| Ok(false)),
        Err(Error::NothingFails)
    );
    let missing = |what, name: &str| Error::NoSuchArray {
        what,
        name: name.to_owned(),
    };
    assert_eq!(
        shrink(random(3, 2), |i| Ok(i.matrix("A")?.len() > 1)),
        Err(missing("matrix", "A"))
    );
    assert_eq!(
        random(3, 2).vector("a").unwrap_err(),
        missing("vector", "a")
    );
    // An error later on is an instance that does not fail.
    let small = shrink(random(6, 2), |i| match i.size("n") {
        Some(n) if n < 3 => Err(Error::TooFewRows {
            rows: n,
            columns: 3,
        }),
        _ => Ok(true),
    });
    assert_eq!(small.unwrap().instance().size("n"), Some(3));
}
