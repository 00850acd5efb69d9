//! What leaks when a model's leverage scores are published, and what to publish
//! instead: an audit of Brownlee's stack loss data, in the public domain.
//!
//! A plant publishes its data, A and b, and fits a model on days of its choice,
//! which it keeps to itself. Would the scores of the design scaled by the model's
//! residuals, a usual diagnostic, give the model away?

use levinv::audit::{Attacker, Audit, Level};
use levinv::sample::{ScoreMethod, leverage_scores};
use levinv::{DMatrix, DVector, Error, Model};

fn main() -> Result<(), Error> {
    let names = ["intercept", "air flow", "water temperature", "acid"].map(String::from);
    let a = table(include_str!("../data/stackloss_design.csv"));
    let b = table(include_str!("../data/stackloss_response.csv"))
        .column(0)
        .into_owned();
    // Fitted without days 1, 3, 4 and 21.
    let secret = DVector::from_vec(vec![
        -37.65245890076758,
        0.7976855600658714,
        0.5773404573932825,
        -0.06706017689835454,
    ]);
    let model = Model::new(a.clone(), b)?;

    println!("The 21 scores:");
    let scores = Audit::scores(&model, &secret)?
        .names(names.to_vec())?
        .run()?;
    scores.sentences().iter().for_each(|s| println!("- {s}"));
    for digits in [1, 3, 6] {
        for row in scores
            .rows
            .iter()
            .filter(|r| r.level == Level::Digits(digits))
        {
            let Some(errors) = row.judged() else { continue };
            let predictions = errors.predictions;
            println!(
                "  {digits} digits, {}: overall {:.0e}, predictions {predictions:.0e}",
                row.attacker, errors.overall
            );
        }
    }
    // Rounding saves nothing: one digit after the point is still worth two of
    // every coefficient. Least squares on the public data has half of them wrong
    // by more than their size.
    let row = scores
        .row(Level::Digits(1), Attacker::KnowsSigns)
        .and_then(|r| r.judged());
    assert!(row.is_some_and(|errors| errors.coefficients.amax() < 0.05));
    assert!(scores.least_squares.errors.coefficients.amax() > 1.0);
    assert!(scores.verdicts.iter().all(|v| v.level.is_none()));

    println!("\nTheir gradient, four numbers:");
    let gradient = Audit::gradient(&model, &secret)?
        .names(names.to_vec())?
        .run()?;
    gradient.sentences().iter().for_each(|s| println!("- {s}"));
    // Fewer numbers, but each digit of them still adds one to every coefficient.
    let overall = |k| {
        let row = gradient.row(Level::Digits(k), Attacker::KnowsSigns);
        row.and_then(|r| r.judged())
            .map_or(f64::NAN, |errors| errors.overall)
    };
    assert!((5.0..20.0).contains(&(overall(4) / overall(5))));

    // What to publish instead: the leverages of A itself. They say which days the
    // design gives weight to, and nothing of the model, which is not in them.
    let ones = DVector::from_element(a.nrows(), 1.0);
    let hat = leverage_scores(&a.into(), &ones, &ScoreMethod::Exact, 0)?;
    println!(
        "\nNothing of the model is in the leverages of A: {:.3}",
        hat.transpose()
    );
    assert!((hat.sum() - 4.0f64).abs() < 1e-9);
    Ok(())
}

/// A table of numbers below a header.
fn table(text: &str) -> DMatrix<f64> {
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').filter_map(|v| v.parse().ok()).collect())
        .collect();
    DMatrix::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
}
