//! A derivation of one's own, verified: the worked example of
//! [`levinv::verify::guide`].
//!
//! Logistic regression with a ridge. With rows x_i, labels y_i of 0 or 1 and
//! p_i = 1/(1 + exp(−x_iᵀβ)),
//!
//! ```text
//! f(β)   = Σ log(1 + exp(x_iᵀβ)) − y_i x_iᵀβ + ½λ‖β‖²
//! ∇f(β)  = Xᵀ(p − y) + λβ
//! ∇²f(β) = Xᵀ diag(p(1 − p)) X + λI
//! ```
//!
//! The data: 23 flights of the space shuttle before the last of Challenger. Did
//! an O-ring show thermal distress, at which temperature (°F), and after a leak
//! check at which pressure (psi)? S. R. Dalal, E. B. Fowlkes and B. Hoadley,
//! Journal of the American Statistical Association 84 (1989).

use levinv::verify::{Check, Definition, HasTerms, Part, Report, Term, Verification};
use levinv::{DMatrix, DVector, Error, HasHessian, Objective, Scalar};

/// Temperature, pressure, distress.
#[rustfmt::skip]
const FLIGHTS: [(f64, f64, f64); 23] = [
    (66., 50., 0.), (70., 50., 1.), (69., 50., 0.), (68., 50., 0.), (67., 50., 0.),
    (72., 50., 0.), (73., 100., 0.), (70., 100., 0.), (57., 200., 1.), (63., 200., 1.),
    (70., 200., 1.), (78., 200., 0.), (67., 200., 0.), (53., 200., 1.), (67., 200., 0.),
    (75., 200., 0.), (70., 200., 0.), (81., 200., 0.), (76., 200., 0.), (79., 200., 0.),
    (75., 200., 1.), (76., 200., 0.), (58., 200., 1.),
];

/// The code under test. What a mistake would change stands apart.
#[derive(Clone)]
struct Logistic {
    x: DMatrix<f64>,
    y: DVector<f64>,
    ridge: f64,
    /// What stands in the diagonal of the Hessian: p(1 − p).
    weight: fn(f64) -> f64,
    /// What multiplies I in it: λ.
    ridge_of_hessian: f64,
}

impl Logistic {
    fn probabilities(&self, beta: &DVector<f64>) -> DVector<f64> {
        (&self.x * beta).map(|t| 1.0 / (1.0 + (-t).exp()))
    }

    fn weighted_gram(&self, beta: &DVector<f64>) -> DMatrix<f64> {
        let weights = self.probabilities(beta).map(self.weight);
        self.x.tr_mul(&(DMatrix::from_diagonal(&weights) * &self.x))
    }
}

impl Objective<f64> for Logistic {
    fn dim(&self) -> usize {
        self.x.ncols()
    }

    fn value(&self, beta: &DVector<f64>) -> Result<f64, Error> {
        let t = &self.x * beta;
        let loss: f64 = t.iter().map(|t| t.exp().ln_1p()).sum();
        Ok(loss - self.y.dot(&t) + 0.5 * self.ridge * beta.norm_squared())
    }

    fn gradient(&self, beta: &DVector<f64>) -> Result<DVector<f64>, Error> {
        let p = self.probabilities(beta);
        Ok(self.x.tr_mul(&(p - &self.y)) + beta * self.ridge)
    }
}

impl HasHessian<f64> for Logistic {
    fn hessian(&self, beta: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        let d = self.dim();
        Ok(self.weighted_gram(beta) + DMatrix::identity(d, d) * self.ridge_of_hessian)
    }
}

/// The Hessian as the derivation writes it, term by term: this is what lets a
/// report name the wrong one.
impl HasTerms<f64> for Logistic {
    fn terms(
        &self,
        part: Part,
        beta: &DVector<f64>,
        _: &DVector<f64>,
    ) -> Result<Vec<Term<f64>>, Error> {
        let eye = DMatrix::identity(self.dim(), self.dim());
        Ok(match part {
            Part::Hessian => vec![
                Term::new("Xᵀ diag(p(1 − p)) X", 1.0, self.weighted_gram(beta)),
                Term::new("λI", self.ridge_of_hessian, eye),
            ],
            _ => Vec::new(),
        })
    }
}

/// f as printed above, over any arithmetic; no derivative stands in it.
struct Printed<'a>(&'a Logistic);

impl Definition for Printed<'_> {
    fn dim(&self) -> usize {
        self.0.x.ncols()
    }

    fn value<S: Scalar>(&self, beta: &DVector<S>) -> S {
        let c = |value: f64| nalgebra::convert::<f64, S>(value);
        let mut f = c(0.5) * c(self.0.ridge) * beta.dot(beta);
        for (row, y) in self.0.x.row_iter().zip(self.0.y.iter()) {
            let t = row
                .iter()
                .zip(beta.iter())
                .fold(S::zero(), |t, (&x, &b)| t + c(x) * b);
            f += t.exp().ln_1p() - c(*y) * t;
        }
        f
    }
}

fn verified(f: &Logistic) -> Result<Report, Error> {
    let definition = Printed(f);
    let beta = nalgebra::dvector![-1.2, -1.5, 0.4];
    // Three more points nearby: what one point hides, another shows.
    Verification::of(f)
        .hessian()
        .terms()
        .definition(&definition)
        .at(&beta)
        .around(3)
        .run()
}

fn main() -> Result<(), Error> {
    // Tens of degrees from 70 °F, hundreds of psi.
    let x = DMatrix::from_fn(23, 3, |i, j| {
        let (temperature, pressure, _) = FLIGHTS[i];
        [1.0, (temperature - 70.0) / 10.0, pressure / 100.0][j]
    });
    let y = DVector::from_fn(23, |i, _| FLIGHTS[i].2);
    let right = Logistic {
        x,
        y,
        ridge: 0.1,
        weight: |p| p * (1.0 - p),
        ridge_of_hessian: 0.1,
    };

    println!("The derivation as it stands above:\n");
    let report = verified(&right)?;
    println!("{report}\n");
    report.assert_passed();
    let hessian = report.check(Check::Hessian).expect("asked for");
    assert!(hessian.detects().is_some_and(|smallest| smallest < 1e-12));

    println!("The ridge counted twice in the Hessian, 2λI:\n");
    let report = verified(&Logistic {
        ridge_of_hessian: 0.2,
        ..right.clone()
    })?;
    println!("{report}\n");
    let text = report.to_string();
    assert!(!report.passed());
    assert!(text.contains("term \"λI\": coefficient 0.2, should be 0.1"));

    println!("A factor dropped, p in place of p(1 − p):\n");
    let report = verified(&Logistic {
        weight: |p| p,
        ..right
    })?;
    println!("{report}");
    let text = report.to_string();
    assert!(!report.passed());
    assert!(text.contains("no change of coefficients explains it"));
    // The gradient is not to blame.
    let gradient = report.check(Check::Gradient).expect("always checked");
    assert_eq!(gradient.verdict, levinv::verify::Verdict::Pass);
    Ok(())
}
