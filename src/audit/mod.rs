//! How much would publishing leverage scores, or their gradient, leak?
//!
//! Whoever publishes the scores of a design scaled by a model's residuals, with A
//! and b public, publishes the model. An [`Audit`] says how well, for a secret x
//! that it is shown: for every precision of the publication, the error of what an
//! [`Attacker`] recovers, predicted from the covariance of the noise and
//! simulated by recoveries from targets with fresh errors, beside what
//! [`LeastSquares`] gives to anybody without the publication. Its [`Report`]
//! names the finest precision at which every coefficient and the predictions stay
//! a stated tolerance away from the attacker, and the noise to add for it.
//!
//! # What a verdict means
//! An error is judged by the smallest of the predicted and the simulated ones, so
//! that our own attack's failure to find an answer protects nothing. Even so a
//! verdict is about *these* attacks: the recoveries of this crate, and least
//! squares. A better one may exist, and so may knowledge beside A and b. It is
//! also about this x, to which it applies with no promise for another; the report
//! itself depends on x, and should be kept as secret.
//!
//! # In which units
//! ```text
//! coefficient j   error / |x_j|               where x_j = 0: / (rms s / rms of column j)
//! overall         their root mean square
//! predictions     rms(A δx) / rms(s)
//! ```
//!
//! ```
//! use levinv::{Model, audit::{Attacker, Audit, Level}};
//! use nalgebra::{DMatrix, DVector, dvector};
//!
//! let a = DMatrix::from_fn(12, 2, |i, j| if j == 0 { 1.0 } else { (i * i % 7) as f64 });
//! let b = DVector::from_fn(12, |i, _| (i * 5 % 11) as f64 - 4.3);
//! let secret = dvector![0.7, -1.9];
//! let report = Audit::scores(&Model::new(a, b)?, &secret)?.trials(50)?.run()?;
//!
//! // Four digits after the point give the coefficients to better than a thousandth.
//! let row = report.row(Level::Digits(4), Attacker::KnowsSigns).expect("a default level");
//! assert!(row.judged().expect("predicted").overall < 1e-3);
//! report.sentences().iter().for_each(|s| println!("{s}"));
//! # Ok::<(), levinv::Error>(())
//! ```

mod attack;
mod errors;
mod level;
mod report;
mod run;
mod trials;
mod verdict;
mod words;

pub use attack::{Attacker, Publication};
pub use errors::{Errors, LeastSquares};
pub use level::Level;
pub use report::{Report, Row, Shares};
pub use run::{Audit, DIGITS, MAX_TRIALS, TOLERANCE, TRIALS};
pub use verdict::{SafeNoise, Verdict};
