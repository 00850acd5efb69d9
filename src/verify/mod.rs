//! Whether a derivation is right, how sure that is, and if not, where it is wrong.
//!
//! One call compares a gradient, Hessian, product, Jacobian or third derivative
//! with what independent oracles say, at one point or several:
//!
//! ```
//! use levinv::{Model, ScoreInversion, verify::{LeverageDefinition, Verification}};
//! use nalgebra::{DMatrix, DVector};
//!
//! let a = DMatrix::from_fn(9, 2, |i, j| if j == 0 { 1.0 } else { (i * i % 7) as f64 });
//! let model = Model::new(a, DVector::from_fn(9, |i, _| (i * 5 % 11) as f64 - 4.5))?;
//! let loss = ScoreInversion::new(&model, DVector::from_element(9, 2.0 / 9.0))?;
//! let definition = LeverageDefinition::of(&loss)?;
//!
//! let report = Verification::of(&loss).hessian().product().jacobian().definition(&definition)
//!     .at(&nalgebra::dvector![0.7, -1.9])
//!     .run()?;
//! report.assert_passed();
//! # Ok::<(), levinv::Error>(())
//! ```
//!
//! # Oracles
//! | oracle | what it needs | how good |
//! |---|---|---|
//! | definition, 237 bits | a [`Definition`], generic over the arithmetic | exact for all that matters |
//! | definition, f64 | the same | to rounding, with the condition of the definition |
//! | differences | the problem's own value, gradient or residual | to 1e-10 at best, near 1e-9 usually |
//! | finitediff | the same | to 1e-7, and independent |
//!
//! Each carries an error bound of its own, and so does the formula: the rounding
//! noise of a quantity is measured where it is computed. A verdict compares the
//! discrepancy with the sum of both bounds, entry by entry, not with a tolerance, so
//! that f·1e±8 or x in other units change no verdict, and a right formula that is
//! numerically hard is not called wrong for it. (An error that is smooth in x, of an
//! inner iteration say, is in no noise: state it by
//! [`formula_error`](Verification::formula_error). At x = 0 there is no unit: state
//! [`lengths`](Verification::lengths) if 1 is none.) Where the
//! bounds are so wide that an error would hide in them the verdict is
//! [`Inconclusive`](Verdict::Inconclusive), and says how large an error that is.
//!
//! # Where it is wrong
//! A failure names its worst entries, with both values and the error bound. A
//! formula that exposes its [terms](HasTerms) has their coefficients fitted to the
//! oracle: «term "8 P∘(P diag(r) P)": coefficient 7.92, should be 8».
//!
//! # How sure
//! Every check plants errors into the formula's own values (a coefficient, a sign,
//! a transpose, a term left out, a single entry) and reports the smallest that it
//! would have caught *on this function at these points*: [`CheckReport::power`].
//!
//! # Source
//! J. J. Moré and S. M. Wild, *Estimating computational noise*, SIAM J. Sci.
//! Comput. 33 (2011); C. Ridders, *Accurate computation of F'(x) and F'(x)F''(x)*,
//! Adv. Eng. Softw. 4 (1982). Hyper-dual numbers: J. A. Fike and J. J. Alonso,
//! AIAA 2011-886.

mod compare;
mod definition;
mod difference;
mod estimate;
mod finite;
pub mod guide;
mod leverage;
mod localise;
mod noise;
mod power;
mod report;
mod run;
mod shrink;
mod sides;
mod site;
mod steps;
mod taylor;
mod terms;
mod verdict;
mod verification;

pub use definition::Definition;
pub use leverage::{HasDefinition, LeverageDefinition};
pub use report::{
    Check, CheckReport, Entry, Evaluations, Explanation, Oracle, Planted, PlantedKind, Reason,
    Report, Taylor, TermFinding, Verdict, Vote,
};
pub use run::FULL_DIMENSION;
pub use shrink::{Instance, STEP_LIMIT, Shrunk, shrink};
pub use terms::{HasTerms, Part, Term};
pub use verification::{DEMANDED_DIGITS, Verification};
