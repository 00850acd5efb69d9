//! What audits predict against what they simulate.

use levinv::audit::{Report, Row};
use levinv::{DMatrix, DVector, Model};

use super::instances::{self, normal, rng};

/// A model, its secret, and what to call it.
pub type Subject = (&'static str, Model<f64>, DVector<f64>);

fn table(text: &str) -> DMatrix<f64> {
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|line| {
            line.split(',')
                .map(|v| v.parse().expect("a number"))
                .collect()
        })
        .collect();
    DMatrix::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
}

/// The stack loss data and the demonstration's secret model.
pub fn stackloss() -> Subject {
    let a = table(include_str!("../../data/stackloss_design.csv"));
    let b = table(include_str!("../../data/stackloss_response.csv"));
    let x = table(include_str!("../reference/stackloss_model.csv"));
    let model = Model::new(a, b.column(0).into_owned()).expect("full rank");
    ("stackloss", model, x.column(0).into_owned())
}

/// Four trends over 40 years that move together, as Longley's do: without the
/// years, columns of unit length have the condition number 2·10³.
pub fn collinear() -> Subject {
    let mut r = rng(7);
    let n = 40;
    let wobble = DMatrix::from_fn(n, 3, |_, _| normal(&mut r));
    let a = DMatrix::from_fn(n, 4, |i, j| {
        let year = 1947.0 + i as f64;
        match j {
            0 => 1.0,
            1 => year,
            2 => 83.0 + 1.2 * (year - 1947.0) + 0.8 * wobble[(i, 0)],
            _ => 234.0 + 18.0 * (year - 1947.0) + 9.0 * wobble[(i, 1)],
        }
    });
    let x = DVector::from_vec(vec![-3400.0, 1.8, -0.06, -0.02]);
    let b = &a * &x - DVector::from_fn(n, |i, _| 0.5 * wobble[(i, 2)]);
    let model = Model::new(a, b).expect("full rank");
    ("collinear", model, x)
}

/// Gaussian rows, and a tenth of them close to x.
pub fn random() -> Subject {
    let instance = instances::random(&mut rng(11), 60, 5, true);
    let model = Model::new(instance.a, instance.b).expect("full rank");
    ("random", model, instance.x)
}

/// Noise below this is not all there is: the recovery's own rounding, ε times the
/// condition of A, counts too, and the covariance allows for a few ε. Of twelve
/// digits; on the collinear rows it is a quarter of the error.
const ARITHMETIC: f64 = 5e3 * f64::EPSILON;

/// Why first order has nothing to say of a row's trials; none where it has.
pub fn outside(row: &Row) -> Option<String> {
    let lost = row.shares.refused + row.shares.ambiguous;
    if !row.linear {
        let omega = row.omega.unwrap_or(f64::INFINITY);
        Some(format!("ω = {omega:.2} is beyond first order"))
    } else if row.level.deviation() < ARITHMETIC {
        Some("the arithmetic's own rounding counts".into())
    } else if row.shares.wrong_signs > 0.0 || lost > 0.0 {
        Some(format!(
            "{:.1} % wrong signs, {:.1} % no answer",
            100.0 * row.shares.wrong_signs,
            100.0 * lost
        ))
    } else {
        None
    }
}

/// The least and the largest ratio of predicted to simulated errors of a row.
pub fn ratios(row: &Row) -> (f64, f64) {
    let (Some(predicted), Some(simulated)) = (&row.predicted, &row.simulated) else {
        return (0.0, f64::INFINITY);
    };
    let pairs = predicted.all().zip(simulated.all());
    pairs.fold((f64::INFINITY, 0.0), |(low, high), (p, s)| {
        (low.min(p / s), high.max(p / s))
    })
}

/// Rows with the ratios that they have.
pub fn within(report: &Report) -> Vec<(&Row, (f64, f64))> {
    let rows = report.rows.iter().filter(|r| outside(r).is_none());
    rows.map(|r| (r, ratios(r))).collect()
}
