//! The test functions of the crate argmin_testfunctions.

use argmin_testfunctions as classic;
use nalgebra::{DMatrix, DVector};

use crate::compare::Task;
use crate::error::Error;
use crate::objective::Functions;

/// From one of their usual starts, with the least value of the basin that it
/// lies in.
pub(super) fn tasks() -> Result<Vec<Task>, Error> {
    macro_rules! plane {
        ($name:literal, $f:ident, $gradient:ident, $hessian:ident, $start:expr, $least:expr) => {
            task(
                $name,
                2,
                |x: &[f64]| classic::$f(&[x[0], x[1]]),
                |x: &[f64]| classic::$gradient(&[x[0], x[1]]).to_vec(),
                |x: &[f64]| {
                    classic::$hessian(&[x[0], x[1]])
                        .map(|r| r.to_vec())
                        .to_vec()
                },
                $start.to_vec(),
                $least,
            )
        };
    }
    macro_rules! space {
        ($name:literal, $f:ident, $gradient:ident, $hessian:ident, $start:expr, $least:expr) => {{
            let start: Vec<f64> = $start;
            task(
                $name,
                start.len(),
                |x: &[f64]| classic::$f(x),
                |x: &[f64]| classic::$gradient(x),
                |x: &[f64]| classic::$hessian(x),
                start,
                $least,
            )
        }};
    }
    let alternating = |d: usize| -> Vec<f64> {
        (0..d)
            .map(|j| if j % 2 == 0 { -1.2 } else { 1.0 })
            .collect()
    };
    Ok(vec![
        space!(
            "rosenbrock 2",
            rosenbrock,
            rosenbrock_derivative,
            rosenbrock_hessian,
            vec![-1.2, 1.0],
            0.0
        )?,
        space!(
            "rosenbrock 10",
            rosenbrock,
            rosenbrock_derivative,
            rosenbrock_hessian,
            alternating(10),
            // A second minimum of the chain lies in this basin for some solvers.
            0.0
        )?,
        plane!(
            "himmelblau",
            himmelblau,
            himmelblau_derivative,
            himmelblau_hessian,
            [0.5, 0.5],
            0.0
        )?,
        plane!(
            "beale",
            beale,
            beale_derivative,
            beale_hessian,
            [1.0, 1.0],
            0.0
        )?,
        plane!(
            "goldstein-price",
            goldsteinprice,
            goldsteinprice_derivative,
            goldsteinprice_hessian,
            [0.3, -0.8],
            3.0
        )?,
        plane!(
            "three-hump camel",
            threehumpcamel,
            threehumpcamel_derivative,
            threehumpcamel_hessian,
            [0.6, 0.8],
            0.0
        )?,
        plane!(
            "matyas",
            matyas,
            matyas_derivative,
            matyas_hessian,
            [3.0, -5.0],
            0.0
        )?,
        space!(
            "styblinski-tang 5",
            styblinski_tang,
            styblinski_tang_derivative,
            styblinski_tang_hessian,
            vec![-2.0; 5],
            -39.166_165_703_771_42 * 5.0
        )?,
    ])
}

fn task(
    name: &str,
    dim: usize,
    value: fn(&[f64]) -> f64,
    gradient: fn(&[f64]) -> Vec<f64>,
    hessian: fn(&[f64]) -> Vec<Vec<f64>>,
    start: Vec<f64>,
    least: f64,
) -> Result<Task, Error> {
    let f = Functions::new(
        dim,
        move |x: &DVector<f64>| value(x.as_slice()),
        move |x: &DVector<f64>| DVector::from_vec(gradient(x.as_slice())),
    )
    .with_hessian(move |x: &DVector<f64>| {
        let rows = hessian(x.as_slice());
        DMatrix::from_fn(dim, dim, |i, j| rows[i][j])
    });
    Ok(Task::second_order(name, f, DVector::from_vec(start))?
        .least_value(least)
        .family("classics"))
}
