//! Which solver is best on which problems: runs, profiles, an answer in words.
//!
//! A [`Task`] is a problem with a start, a [`Contender`] a solver, ours, argmin's or
//! any that you set up; a [`Suite`] is a seeded collection of tasks. A
//! [`Comparison`] runs every pair and makes a [`Record`] of each, failures, panics
//! and limits included. Success is judged from the values that a run evaluated,
//! at several [`ACCURACIES`], not by what a solver says; a problem whose derivatives the
//! [verification](crate::verify) finds wrong is refused.
//!
//! From the records come [`performance_profile`], [`data_profile`] and [`ecdf`]
//! with [`bootstrap()`] bands, a [`Ranking`], a [`Table`], the [`stability()`] of the
//! order, and [`advice()`] in words. The command `levinv compare` does all of it and
//! draws it.
//!
//! ```
//! use levinv::compare::{Comparison, Contender, Measure, Suite, Table, advice};
//! use levinv::solver::NamedSolver;
//!
//! let solvers = [NamedSolver::CellNewton, NamedSolver::LbfgsMoreThuente, NamedSolver::Newton];
//! let comparison =
//!     Comparison::new(Suite::Classics.tasks(0)?, solvers.map(Contender::from).to_vec());
//! let records = comparison.run(|_| {});
//! let (to_1e6, measure) = (2, Measure::default());
//! for sentence in advice(&records, to_1e6, &measure, 0)? {
//!     println!("{sentence}");
//! }
//! println!("{}", Table::of(&records, to_1e6, &measure, 0)?.to_text());
//! # Ok::<(), levinv::Error>(())
//! ```

mod advice;
mod bootstrap;
mod break_even;
mod cautions;
mod contender;
mod grid;
mod measure;
mod profile;
mod ranking;
mod record;
mod runner;
mod stability;
mod suite;
mod table;
mod task;
mod vetting;
mod words;

pub use advice::advice;
pub use bootstrap::{Band, RESAMPLES, bootstrap};
pub use break_even::{BreakEven, break_even};
pub use cautions::FEW_PROBLEMS;
pub use contender::{Contender, Ended};
pub use measure::Measure;
pub use profile::{Curve, data_profile, ecdf, performance_profile};
pub use ranking::{RATIO_MAX, Ranked, Ranking};
pub use record::{ACCURACIES, Outcome, Prices, Record, TracePoint};
pub use runner::{Comparison, EVALUATIONS, TIME, settle};
pub use stability::{Flip, LeftOut, stability};
pub use suite::Suite;
pub use table::Table;
pub use task::Task;
pub use vetting::{Vetting, vet};
