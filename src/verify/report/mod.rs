//! What a verification found.

mod display;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Check {
    /// f(x) against the definition.
    Value,
    /// ∇f.
    Gradient,
    /// ∇²f.
    Hessian,
    /// ∇²f against differences of the gradient that the problem itself gives; where
    /// these see too little, what both have passed by themselves counts.
    Consistency,
    /// ∇²f against its transpose.
    Symmetry,
    /// ∇²f·h.
    Product,
    /// Whether ∇²f·(2u − 3v) = 2∇²f·u − 3∇²f·v.
    Linearity,
    /// r(x) against the definition.
    Residual,
    /// ∂r/∂x.
    Jacobian,
    /// D³f\[p\].
    Third,
}

impl Check {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Check::Value => "value",
            Check::Gradient => "gradient",
            Check::Hessian => "Hessian",
            Check::Consistency => "gradient–Hessian consistency",
            Check::Symmetry => "symmetry of the Hessian",
            Check::Product => "Hessian-vector product",
            Check::Linearity => "linearity of the product",
            Check::Residual => "residual",
            Check::Jacobian => "Jacobian",
            Check::Third => "third derivative",
        }
    }
}

/// Who says what a derivative should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Oracle {
    /// Dual numbers over 237 bits through the definition.
    Extended,
    /// Dual numbers over f64 through the definition.
    Double,
    /// Extrapolated differences of the problem's own value, gradient, residual or
    /// Hessian.
    Differences,
    /// The crate finitediff, on the same.
    Finitediff,
    /// The problem's own Hessian, where a product is checked.
    Hessian,
    /// The same code at other arguments.
    Itself,
}

impl Oracle {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Oracle::Extended => "definition, 237 bits",
            Oracle::Double => "definition, f64",
            Oracle::Differences => "differences",
            Oracle::Finitediff => "finitediff",
            Oracle::Hessian => "own Hessian",
            Oracle::Itself => "itself",
        }
    }
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Verdict {
    /// No discrepancy beyond the error bounds, and these are small enough.
    Pass,
    /// A discrepancy that the error bounds do not explain.
    Fail,
    /// Neither can be said.
    Inconclusive(Reason),
}

/// Why neither Pass nor Fail can be said.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Reason {
    /// Errors below `resolution`, relative, would not be seen; asked for was
    /// `demanded`.
    TooNoisy {
        /// What would be seen.
        resolution: f64,
        /// What was to be seen.
        demanded: f64,
    },
    /// The quantity is zero to rounding at every point, and nothing is known of how
    /// large it could be: verify elsewhere.
    Vanishes,
    /// The definition in 237 bits objects by a few error bounds, in f64 it does not:
    /// rounding that does not depend on x may do that.
    Marginal,
    /// Nobody to compare with.
    NoOracle,
    /// No step from the point stays in the domain, or the point itself is
    /// outside.
    OutsideDomain,
    /// The only comparison is with something that has not passed its own check.
    RestsOn(Check),
    /// Two oracles contradict each other: the definition and the code differ.
    OraclesDisagree(Oracle, Oracle),
}

/// One entry of what is compared, with both values.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Entry {
    /// Which of the points.
    pub point: usize,
    /// Row, from 0.
    pub row: usize,
    /// Column, from 0.
    pub column: usize,
    /// The formula's value.
    pub found: f64,
    /// The oracle's.
    pub expected: f64,
    /// Their difference, taken in extended precision.
    pub difference: f64,
    /// What the difference may be: the oracle's error bound and the formula's.
    pub bound: f64,
    /// Whether this is an entry, or the value along the row-th random direction.
    pub along_direction: bool,
}

/// What one oracle says.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Vote {
    /// Who.
    pub oracle: Oracle,
    /// The largest difference in units of its bound: above 1 fails.
    pub excess: f64,
    /// The relative error of the whole that its bounds would hide.
    pub resolution: f64,
    /// Why it does not count, if it does not.
    pub set_aside: Option<Check>,
}

/// What a fit says of one coefficient.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TermFinding {
    /// The term.
    pub name: String,
    /// The coefficient that it has; where the formula computes another than its
    /// term states, the computed one.
    pub coefficient: f64,
    /// The coefficient that the oracle asks for.
    pub should_be: f64,
    /// `should_be / coefficient − 1`, in extended precision.
    pub relative_error: f64,
    /// How far `should_be` may be off.
    pub uncertainty: f64,
}

/// What the terms of a formula say about a failure.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Explanation {
    /// These coefficients are wrong, and with the others in their place nothing
    /// is left.
    Coefficients(Vec<TermFinding>),
    /// Any one of these explains the failure; the points do not tell which.
    OneOf(Vec<TermFinding>),
    /// The formula does not compute the sum of its terms: what the terms say of it
    /// does not hold.
    TermsDiffer,
    /// No coefficients make it right: a term is missing or has another form.
    Unexplained,
}

/// What was planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum PlantedKind {
    /// The whole times 1 + ε.
    Whole,
    /// The coefficient of one term times 1 + ε.
    Coefficient,
    /// One entry times 1 + ε.
    Entry,
    /// A term left out, a sign turned, a transpose: as it is or not at all.
    Blunder,
}

/// An error planted into the formula, and whether it would have been caught.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Planted {
    /// Of which kind it is.
    pub kind: PlantedKind,
    /// What was done to the formula.
    pub what: String,
    /// The smallest relative error that is caught; `None` where not even a whole
    /// one (a flipped sign, a dropped term, a transpose) is.
    pub smallest: Option<f64>,
}

/// One check over all points.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct CheckReport {
    /// What was compared.
    pub check: Check,
    /// What came of it.
    pub verdict: Verdict,
    /// What each oracle says.
    pub votes: Vec<Vote>,
    /// The entries that stand out most, the worst first; after a pass the
    /// closest.
    pub worst: Vec<Entry>,
    /// Which term is wrong, where the formula's terms are known.
    pub explanation: Option<Explanation>,
    /// The errors that would have been caught.
    pub power: Vec<Planted>,
}

impl CheckReport {
    /// The smallest relative error of the whole quantity that would have been
    /// caught.
    pub fn detects(&self) -> Option<f64> {
        self.power.first().and_then(|p| p.smallest)
    }

    /// The smallest relative error that would have been caught in the coefficient
    /// of whichever term hides it best; `None` where terms are not known, or one of
    /// them could be anything.
    pub fn detects_in_every_term(&self) -> Option<f64> {
        let terms = self
            .power
            .iter()
            .filter(|p| p.kind == PlantedKind::Coefficient);
        let worst = |a: Option<f64>, b: Option<f64>| Some(a?.max(b?));
        terms.map(|p| p.smallest).reduce(worst).flatten()
    }
}

/// Remainders of Taylor's formula along one direction.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Taylor {
    /// Steps t.
    pub steps: Vec<f64>,
    /// |f(x+tv) − f(x) − t ∇fᵀv|: falls like t² where ∇f is right.
    pub first: Vec<f64>,
    /// The same less ½t² vᵀ∇²f v: falls like t³ where ∇²f is right too.
    pub second: Option<Vec<f64>>,
    /// The slopes of both in a doubly logarithmic plot, above rounding.
    pub slopes: (Option<f64>, Option<f64>),
}

/// Evaluations of the problem, all points together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Evaluations {
    /// Values.
    pub value: usize,
    /// Gradients.
    pub gradient: usize,
    /// Everything else.
    pub other: usize,
}

/// The outcome of a [`Verification`](super::Verification).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Report {
    /// One entry a check, in the order in which they rest on one another.
    pub checks: Vec<CheckReport>,
    /// At the first point.
    pub taylor: Option<Taylor>,
    /// How many points were looked at.
    pub points: usize,
    /// What it cost.
    pub evaluations: Evaluations,
}

impl Report {
    /// Fail if any check failed; else Inconclusive if any is; else Pass.
    pub fn verdict(&self) -> Verdict {
        let rank = |v: &&Verdict| match v {
            Verdict::Fail => 2,
            Verdict::Inconclusive(_) => 1,
            Verdict::Pass => 0,
        };
        let verdicts = self.checks.iter().map(|c| &c.verdict);
        verdicts
            .max_by_key(rank)
            .cloned()
            .unwrap_or(Verdict::Inconclusive(Reason::NoOracle))
    }

    /// Whether every check passed.
    pub fn passed(&self) -> bool {
        self.verdict() == Verdict::Pass
    }

    /// One check's part.
    pub fn check(&self, check: Check) -> Option<&CheckReport> {
        self.checks.iter().find(|c| c.check == check)
    }

    /// Ends a test with the report as its message unless every check passed.
    ///
    /// # Panics
    /// If one did not: that is what it is for.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion")]
    pub fn assert_passed(&self) {
        assert!(self.passed(), "the derivation does not stand:\n{self}");
    }

    /// Ends a test with the report as its message if a check failed; a check that
    /// rounding leaves open may stay open.
    ///
    /// # Panics
    /// If one failed.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion")]
    pub fn assert_no_failure(&self) {
        assert!(
            self.verdict() != Verdict::Fail,
            "the derivation is wrong:\n{self}"
        );
    }
}
