//! Which solver is best on which problems: runs, profiles, an answer in words.

mod contender;
mod record;
mod runner;
mod suite;
mod task;
mod vetting;

pub use contender::{Contender, Ended};
pub use record::{ACCURACIES, Outcome, Prices, Record, TracePoint};
pub use runner::{Comparison, EVALUATIONS, TIME, settle};
pub use suite::Suite;
pub use task::Task;
pub use vetting::{Vetting, vet};
