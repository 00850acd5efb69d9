//! Whether a derivation is right, how sure that is, and where it is wrong.
mod definition;
mod difference;
mod estimate;
mod finite;
mod leverage;
mod noise;
mod power;
mod report;
mod run;
mod site;
mod steps;
mod taylor;
mod terms;
mod verdict;
mod verification;

pub use definition::Definition;
pub use leverage::{HasDefinition, LeverageDefinition};
pub use report::{
    Check, CheckReport, Entry, Evaluations, Explanation, Oracle, Planted, Reason, Report, Taylor,
    TermFinding, Verdict, Vote,
};
pub use run::FULL_DIMENSION;
pub use terms::{HasTerms, Part, Term};
pub use verification::{DEMANDED_DIGITS, Verification};
