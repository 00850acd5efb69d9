//! The twelve instances of `tests/reference/`, in any arithmetic.

use levinv::{DMatrix, DVector, Scalar};
use serde_json::Value;

/// One instance: inputs exact in f64, values to 40 digits as strings.
pub struct Case {
    pub name: String,
    inputs: Value,
    digits: Value,
}

/// All instances of `leverage.json`, with `leverage_digits.json`'s values.
pub fn cases() -> Vec<Case> {
    let read = |text| -> Value { serde_json::from_str(text).expect("reference data is JSON") };
    let inputs = read(include_str!("../reference/leverage.json"));
    let digits = read(include_str!("../reference/leverage_digits.json"));
    let list = |v: &Value| v["cases"].as_array().expect("cases").clone();
    list(&inputs)
        .into_iter()
        .zip(list(&digits))
        .map(|(inputs, digits)| {
            assert_eq!(
                inputs["name"], digits["name"],
                "the two files list the same cases"
            );
            Case {
                name: inputs["name"].as_str().expect("a name").to_string(),
                inputs,
                digits,
            }
        })
        .collect()
}

fn numbers<T>(v: &Value, parse: &impl Fn(&Value) -> T, out: &mut Vec<T>) {
    match v {
        Value::Array(items) => items.iter().for_each(|v| numbers(v, parse, out)),
        leaf => out.push(parse(leaf)),
    }
}

impl Case {
    /// An input vector (`b`, `x`, `w`, `tau`, `c`, `x_true`).
    pub fn vector<T: Scalar>(&self, key: &str) -> DVector<T> {
        let mut out = Vec::new();
        numbers(
            &self.inputs[key],
            &|v| v.as_f64().expect("a number"),
            &mut out,
        );
        DVector::from_iterator(out.len(), out.into_iter().map(nalgebra::convert))
    }

    /// A, n×d.
    pub fn design<T: Scalar>(&self) -> DMatrix<T> {
        let mut out = Vec::new();
        numbers(
            &self.inputs["A"],
            &|v| v.as_f64().expect("a number"),
            &mut out,
        );
        let n = self.inputs["A"].as_array().expect("rows").len();
        DMatrix::from_row_iterator(n, out.len() / n, out.into_iter().map(nalgebra::convert))
    }

    /// A value as its 40-digit strings, row by row.
    pub fn digits(&self, key: &str) -> Vec<&str> {
        fn walk<'a>(v: &'a Value, out: &mut Vec<&'a str>) {
            match v {
                Value::Array(items) => items.iter().for_each(|v| walk(v, out)),
                leaf => out.push(leaf.as_str().expect("digits are strings")),
            }
        }
        let mut out = Vec::new();
        walk(&self.digits[key], &mut out);
        assert!(!out.is_empty(), "no {key} in {}", self.name);
        out
    }

    /// A value in f64.
    pub fn value(&self, key: &str) -> Vec<f64> {
        self.digits(key)
            .iter()
            .map(|s| s.parse().expect("a decimal"))
            .collect()
    }

    /// The accuracy that the bars ask of f64 for this case.
    pub fn tolerance(&self) -> f64 {
        match self.name.as_str() {
            "cond1e4" => 1e-9,
            "cond1e8" => 5e-6,
            _ => 5e-12,
        }
    }
}
