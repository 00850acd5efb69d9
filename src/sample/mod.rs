//! AᵀDA from few rows.
//!
//! For a tall A and a diagonal D ≥ 0, [`Subsample`] keeps about d log d / ε² rows,
//! drawn by leverage score and weighted so that nothing is biased; their Gram
//! matrix is AᵀDA up to a factor 1 ± ε in every direction. [`leverage_scores`]
//! and [`ridge_scores`] compute the scores, exactly or by a [`Sketch`].
//!
//! Leverage scores here are plain ones, of D^{1/2}A: nothing in this module
//! knows of slacks or of the inversion of scores.
//!
//! ```
//! use levinv::{Design, sample::{ScoreMethod, Scheme, Sketch, Subsample}};
//! use nalgebra::{DMatrix, DVector};
//!
//! let a: Design<f64> = DMatrix::from_fn(5000, 3, |i, j| ((i * i + 7 * i * j) % 13) as f64).into();
//! let d = DVector::from_fn(5000, |i, _| 1.0 + (i % 5) as f64);
//! let sampled = Subsample::accuracy(0.5, 0.1)?
//!     .scores(ScoreMethod::Sketched(Sketch::sparse_sign()))
//!     .scheme(Scheme::WithoutReplacement)
//!     .draw(&a, &d, 1)?;
//! assert!(sampled.rows().len() < 500);
//! let hessian = sampled.gram(&a)?; // 3×3
//! # assert_eq!(hessian.shape(), (3, 3));
//! # Ok::<(), levinv::Error>(())
//! ```

mod sampled;
mod scores;
mod sketch;
mod stacked;
mod stream;
mod subsample;

pub use sampled::Sampled;
pub use scores::{RidgeForm, SKETCH_ROUNDING, ScoreMethod, leverage_scores, ridge_scores};
pub use sketch::{COLUMNS_PER_LOG, EXTRA_ROWS, NONZEROS, ROWS_PER_COLUMN, Sketch, SketchKind};
pub use subsample::{ACCURACY, FAILURE_PROBABILITY, SKETCH_SHARE, Scheme, Subsample};
