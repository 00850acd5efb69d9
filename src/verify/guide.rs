//! Guide: bring your own derivation.
//!
//! You derived a gradient or a Hessian by hand and wrote it in Rust. This is how
//! to find out whether it is right, and which term to look at if it is not. The
//! whole of it as one program: `cargo run --example bring_your_own_derivation`.
//!
//! # 1. Write the definition
//!
//! Write down what the function *is*, as the paper prints it, over any
//! arithmetic: a [`Definition`](super::Definition). No derivative stands in it,
//! and it may be slow. Dual numbers differentiate it in f64 and in 237 bits.
//!
//! ```
//! use levinv::{DVector, Scalar, verify::Definition};
//!
//! /// Σ log(1 + exp(x_iᵀβ)) − y_i x_iᵀβ + ½λ‖β‖²
//! struct Printed { rows: Vec<([f64; 2], f64)>, ridge: f64 }
//!
//! impl Definition for Printed {
//!     fn dim(&self) -> usize { 2 }
//!     fn value<S: Scalar>(&self, beta: &DVector<S>) -> S {
//!         let c = |value: f64| nalgebra::convert::<f64, S>(value);
//!         let mut f = c(0.5 * self.ridge) * beta.dot(beta);
//!         for (x, y) in &self.rows {
//!             let t = c(x[0]) * beta[0] + c(x[1]) * beta[1];
//!             f += t.exp().ln_1p() - c(*y) * t;
//!         }
//!         f
//!     }
//! }
//!
//! let f = Printed { rows: vec![([1.0, -0.4], 1.0), ([1.0, 0.3], 0.0)], ridge: 0.1 };
//! assert!((f.value(&nalgebra::dvector![0.0, 0.0]) - 2.0 * 2.0f64.ln()).abs() < 1e-15);
//! ```
//!
//! Give it a type of its own, for `value` and `dim` are methods of an objective too.
//! Write literally: a definition simplified by the same hand shares its mistakes.
//! Use the constants of your code, 0.1 and not 1/10: in 237 bits these differ.
//!
//! You may leave the definition out. The derivatives are then held against
//! differences of your own values and gradients, which see relative errors down to
//! about 1e-10; with the definition it is about 1e-14. A mistake in the value
//! itself is found with a definition only.
//!
//! # 2. One line in a test
//!
//! ```
//! use levinv::{Functions, verify::Verification};
//! use nalgebra::{DVector, dmatrix, dvector};
//! # use levinv::{Scalar, verify::Definition};
//! # struct Printed;
//! # impl Definition for Printed {
//! #     fn dim(&self) -> usize { 2 }
//! #     fn value<S: Scalar>(&self, x: &DVector<S>) -> S { x[0].exp() * x[1] }
//! # }
//!
//! // eˣ y
//! let f = Functions::new(
//!     2,
//!     |x: &DVector<f64>| x[0].exp() * x[1],
//!     |x: &DVector<f64>| dvector![x[0].exp() * x[1], x[0].exp()],
//! )
//! .with_hessian(|x: &DVector<f64>| {
//!     dmatrix![x[0].exp() * x[1], x[0].exp(); x[0].exp(), 0.0]
//! });
//!
//! Verification::of(&f).hessian().definition(&Printed).at(&dvector![0.3, -1.2]).run()?.assert_passed();
//! # Ok::<(), levinv::Error>(())
//! ```
//!
//! The gradient is always checked; `.hessian()`, `.product()`, `.jacobian()` and
//! `.third()` ask for more, `.around(3)` adds three random points near each one
//! named. Choose a point where nothing vanishes: at 0, at a minimum or on a
//! symmetry axis wrong terms hide. Equal seeds give equal reports.
//!
//! # 3. Read the report
//!
//! [`Report`](super::Report) prints as text:
//!
//! ```text
//! Hessian                      FAIL
//!     definition, 237 bits   off by  1.91e13 of its bound, blind below 5.1e-15
//!     differences            off by   6.54e8 of its bound, blind below 1.0e-10
//!     entry (1, 1) at point 0: 1.717025740154410e0, should be 1.617025740154410e0: off by 1.00e-1, explained by rounding at most 5.2e-15
//!     term "λI": coefficient 0.2, should be 0.1
//! ```
//!
//! - One block a check; one line an oracle. *Off by* is the largest difference in
//!   units of its error bound: above 1, rounding does not explain it.
//! - *Blind below* is the relative error that the bound would hide.
//! - The entries are those that stand out most, rows and columns from 0. All in
//!   one row or column: look at that parameter. All over: a term or a factor.
//! - After a pass, *an error of 1.0e-10 would have been caught* is measured, by
//!   planting errors; [`CheckReport::power`](super::CheckReport::power) has more.
//! - *Consistency* holds the Hessian against your own gradient. If it passes and
//!   the gradient fails, the mistake came in before you differentiated again.
//! - The slopes of the Taylor remainders are 2 and 3 where all is right; a glance,
//!   no verdict.
//!
//! In code: [`Report::verdict`](super::Report::verdict),
//! [`Report::check`](super::Report::check).
//!
//! # 4. Name the terms
//!
//! A formula is mostly a sum. Give its terms with their coefficients,
//! [`HasTerms`](super::HasTerms), and ask for `.terms()`: coefficients are fitted
//! to the oracle, and the wrong one is named with the right one beside it.
//!
//! ```
//! use levinv::verify::{HasTerms, Part, Term, Verification};
//! use levinv::{DMatrix, DVector, Error, Objective};
//!
//! /// ½λx² − cos x with the derivative 2λx + sin x.
//! struct Spring { lambda: f64 }
//!
//! impl Objective<f64> for Spring {
//!     fn dim(&self) -> usize { 1 }
//!     fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
//!         Ok(0.5 * self.lambda * x[0] * x[0] - x[0].cos())
//!     }
//!     fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
//!         Ok(DVector::from_element(1, 2.0 * self.lambda * x[0] + x[0].sin()))
//!     }
//! }
//!
//! impl HasTerms<f64> for Spring {
//!     fn terms(&self, part: Part, x: &DVector<f64>, _: &DVector<f64>) -> Result<Vec<Term<f64>>, Error> {
//!         let one = |v| DMatrix::from_element(1, 1, v);
//!         Ok(match part {
//!             Part::Gradient => vec![
//!                 Term::new("2λ x", 2.0 * self.lambda, one(x[0])),
//!                 Term::new("sin x", 1.0, one(x[0].sin())),
//!             ],
//!             _ => Vec::new(),
//!         })
//!     }
//! }
//!
//! let spring = Spring { lambda: 0.25 };
//! let run = Verification::of(&spring).terms().at(&nalgebra::dvector![0.8]);
//! let text = run.around(3).run()?.to_string();
//! assert!(text.contains("term \"2λ x\": coefficient 0.5, should be 0.25"), "{text}");
//! # Ok::<(), Error>(())
//! ```
//!
//! - *one of*: several single coefficients explain the failure. Add points with
//!   `.around(3)`: terms that look alike at one point do not at four.
//! - *no change of coefficients explains it*: a term is missing or has another
//!   form, p where p(1 − p) belongs. The entries are all you have then; split
//!   terms further, or try the formula with a factor made 1.
//!
//! # 5. What Inconclusive means
//!
//! Neither Pass nor Fail can be said, and the report says why:
//!
//! - *rounding hides errors below …*: every oracle is too blunt here. The function
//!   oscillates faster than the guessed length, the point is near a kink or a
//!   pole, or values cancel. Take another point, give a definition, or implement
//!   [`Objective::metric`](crate::Objective::metric), which says over which length
//!   the function changes. Where an error of a thousandth is all you fear,
//!   `.demand(1e-3)`.
//! - *no step from the point stays in the domain*: move inside.
//! - *could only be compared with the …, which failed*: mend that one first.
//! - *two oracles contradict each other*: they cannot both speak of the same
//!   function. Often the definition is not what the code computes.
//! - *nothing to compare with*: give a definition, or do not turn differences off.
//!
//! In a test, [`assert_passed`](super::Report::assert_passed) wants Pass;
//! [`assert_no_failure`](super::Report::assert_no_failure) is content without a
//! Fail. A derivative that does not exist at the point (|x| at 0) is nobody's
//! mistake: move away.
//!
//! A Fail of the definition alone, of entries off by less than 1e-12 of
//! themselves, may be rounding that the bound missed, such as a constant that the
//! code rounds to f64 and the definition does not. A wrong derivation is rarely so
//! nearly right; see what differences say.
//!
//! # 6. Problems of argmin, and plain closures
//!
//! An argmin problem is verified as it stands, by
//! [`ArgminObjective`](crate::adapter::ArgminObjective); closures by
//! [`Functions`](crate::Functions), as above. Parameters may be `Vec<f64>`, arrays
//! or `DVector<f64>`.
//!
//! ```
//! use argmin::core::{CostFunction, Error, Gradient, Hessian};
//! use levinv::{adapter::ArgminObjective, verify::{Check, Verdict, Verification}};
//!
//! /// (a − x)² + b (y − x²)², whose Hessian has 2a where 2 belongs.
//! struct Valley { a: f64, b: f64 }
//!
//! impl CostFunction for Valley {
//!     type Param = [f64; 2];
//!     type Output = f64;
//!     fn cost(&self, &[x, y]: &[f64; 2]) -> Result<f64, Error> {
//!         Ok((self.a - x).powi(2) + self.b * (y - x * x).powi(2))
//!     }
//! }
//!
//! impl Gradient for Valley {
//!     type Param = [f64; 2];
//!     type Gradient = [f64; 2];
//!     fn gradient(&self, &[x, y]: &[f64; 2]) -> Result<[f64; 2], Error> {
//!         let slope = 2.0 * self.b * (y - x * x);
//!         Ok([2.0 * (x - self.a) - 2.0 * x * slope, slope])
//!     }
//! }
//!
//! impl Hessian for Valley {
//!     type Param = [f64; 2];
//!     type Hessian = [[f64; 2]; 2];
//!     fn hessian(&self, &[x, y]: &[f64; 2]) -> Result<[[f64; 2]; 2], Error> {
//!         let (b, beside) = (self.b, -4.0 * self.b * x);
//!         let first = 12.0 * b * x * x - 4.0 * b * y + 2.0 * self.a;
//!         Ok([[first, beside], [beside, 2.0 * b]])
//!     }
//! }
//!
//! let at = nalgebra::dvector![0.3, -1.2];
//! let right = ArgminObjective::new(Valley { a: 1.0, b: 100.0 }, 2);
//! Verification::of(&right).hessian().at(&at).run()?.assert_passed();
//!
//! // The mistake does not show where a = 1.
//! let other = ArgminObjective::new(Valley { a: 2.0, b: 100.0 }, 2);
//! let report = Verification::of(&other).hessian().at(&at).run()?;
//! let hessian = report.check(Check::Hessian).expect("asked for");
//! assert_eq!(hessian.verdict, Verdict::Fail);
//! assert_eq!((hessian.worst[0].row, hessian.worst[0].column), (0, 0));
//! # Ok::<(), levinv::Error>(())
//! ```
//!
//! This is no made-up example: argmin_testfunctions 0.3.0 ships that Hessian. Give
//! every parameter a value that is neither 0 nor 1.
//!
//! # 7. What it costs
//!
//! In evaluations, at one point with d parameters: of values about 80 + 50d for the
//! gradient (20d where a metric or a domain tells the length over which f
//! changes); of gradients as many for the Hessian, and 28 of the Hessian itself.
//! A definition is evaluated d times in dual numbers for the gradient and
//! d(d+1)/2 times for the Hessian, 27 times over in f64 and 3 in 237 bits; there one such
//! evaluation takes a thousand times as long as in f64. Beyond
//! [`FULL_DIMENSION`](super::FULL_DIMENSION) parameters it is asked along random
//! directions. [`Report::evaluations`](super::Report::evaluations) has the counts
//! of what was yours.
//!
//! Small cases tell as much as large ones: verify with d of 3 to 10, and as many
//! rows as make no two terms alike.
