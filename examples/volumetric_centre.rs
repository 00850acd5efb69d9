//! The volumetric centre of a polytope, with no starting point.
//!
//! The rows of A x ≥ b bound a slightly skewed box in three dimensions; the
//! centre is where the leverage score gradient vanishes.

use levinv::recover::{GradientRecovery, largest_slack_start};
use levinv::{Error, Model, Signs};
use nalgebra::{DVector, dmatrix, dvector};

fn main() -> Result<(), Error> {
    let a = dmatrix![
        1.0, 0.0, 0.0;
        -1.0, 0.1, 0.0;
        0.0, 1.0, 0.0;
        0.0, -1.0, 0.2;
        0.0, 0.0, 1.0;
        0.1, 0.0, -1.0
    ];
    let b = dvector![0.0, -1.0, 0.0, -2.0, 0.0, -3.0];
    let model = Model::new(a, b)?;

    let start = largest_slack_start(&model, &Signs::positive(6))?;
    println!(
        "centre of the largest ball, radius {:.4}:\n{:.6}",
        start.radius, start.x
    );

    let found = GradientRecovery::new(&model, DVector::zeros(3))?.run()?;
    println!(
        "{}: {} after {} steps",
        found.status, found.reason, found.iterations
    );
    let centre = found.x.expect("a bounded cell has one centre");
    let at = model.at(&centre)?;
    println!("volumetric centre:\n{centre:.6}");
    println!(
        "gradient there: {:.1e}",
        at.apply_transposed(at.scores().expect("in memory"))?.norm()
    );
    assert!(at.apply_transposed(at.scores().expect("in memory"))?.norm() < 1e-12);
    Ok(())
}
