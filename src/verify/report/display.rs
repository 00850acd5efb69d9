//! Reports in words.

use std::fmt;

use super::{
    Check, Entry, Evaluations, Explanation, Oracle, Planted, Reason, Report, TermFinding, Verdict,
    Vote,
};

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::TooNoisy {
                resolution,
                demanded,
            } => write!(
                f,
                "rounding hides errors below {resolution:.1e}, {demanded:.1e} was asked for"
            ),
            Reason::Vanishes => {
                f.write_str("it is zero to rounding at these points: verify it elsewhere")
            }
            Reason::Marginal => f.write_str(
                "off by a few last places, which rounding that no noise shows may explain",
            ),
            Reason::NoOracle => f.write_str("nothing to compare with"),
            Reason::OutsideDomain => f.write_str("no step from the point stays in the domain"),
            Reason::RestsOn(check) => {
                write!(
                    f,
                    "could only be compared with the {check}, which did not pass"
                )
            }
            Reason::OraclesDisagree(a, b) => {
                write!(f, "two oracles contradict each other: {a}, {b}")
            }
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Pass => f.pad("pass"),
            Verdict::Fail => f.pad("FAIL"),
            Verdict::Inconclusive(_) => f.pad("inconclusive"),
        }
    }
}

impl fmt::Display for TermFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TermFinding {
            name,
            coefficient,
            should_be,
            relative_error,
            ..
        } = self;
        if relative_error.abs() < 1e-6 {
            // Further than the digits that are shown.
            return write!(
                f,
                "term \"{name}\": coefficient {coefficient} is off by {relative_error:.2e}, relative"
            );
        }
        write!(
            f,
            "term \"{name}\": coefficient {}, should be {}",
            short(*coefficient),
            short(*should_be)
        )
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |findings: &[TermFinding], between: &str| {
            let parts: Vec<String> = findings.iter().map(ToString::to_string).collect();
            parts.join(between)
        };
        match self {
            Explanation::Coefficients(findings) => f.write_str(&list(findings, "; ")),
            Explanation::OneOf(findings) => {
                write!(f, "one of: {}", list(findings, "; or "))
            }
            Explanation::TermsDiffer => f.write_str(
                "the formula does not compute the sum of its terms, so that they cannot tell",
            ),
            Explanation::Unexplained => f.write_str(
                "no change of coefficients explains it: a term is missing or has another form",
            ),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            write!(f, "{:28} {:12}", check.check, check.verdict)?;
            match (&check.verdict, check.detects()) {
                (Verdict::Inconclusive(reason), _) => write!(f, " {reason}")?,
                (Verdict::Pass, Some(smallest)) if smallest < 1.0 => {
                    write!(f, " an error of {smallest:.1e} would have been caught")?;
                    if let Some(term) = check.detects_in_every_term() {
                        write!(f, ", in one coefficient of {term:.1e}")?;
                    }
                }
                (Verdict::Pass, _) => write!(f, " it is zero to rounding at these points")?,
                _ => {}
            }
            writeln!(f)?;
            for vote in &check.votes {
                let Vote {
                    oracle,
                    excess,
                    resolution,
                    set_aside,
                } = vote;
                write!(
                    f,
                    "    {oracle:22} off by {excess:8.2e} of its bound, blind below {resolution:.1e}"
                )?;
                if let Some(check) = set_aside {
                    write!(f, " (not counted: the {check} failed)")?;
                }
                writeln!(f)?;
            }
            let missed = |p: &&Planted| p.smallest.is_none();
            for planted in check.power.iter().filter(missed) {
                writeln!(f, "    would not have been caught: {}", planted.what)?;
            }
            if check.verdict == Verdict::Fail {
                for entry in &check.worst {
                    writeln!(f, "    {entry}")?;
                }
            }
            if let Some(explanation) = &check.explanation {
                let alone = matches!(explanation, Explanation::Coefficients(_)) && self.points == 1;
                let hint = if alone {
                    " (by one point; `around(3)` makes sure)"
                } else {
                    ""
                };
                writeln!(f, "    {explanation}{hint}")?;
            }
        }
        if let Some(taylor) = &self.taylor {
            let slope = |s: Option<f64>| s.map_or("rounding only".into(), |s| format!("{s:.2}"));
            write!(
                f,
                "Taylor remainders: slope {} (2 where ∇f is right)",
                slope(taylor.slopes.0)
            )?;
            if taylor.second.is_some() {
                write!(f, ", {} (3 where ∇²f is)", slope(taylor.slopes.1))?;
            }
            writeln!(f)?;
        }
        let Evaluations {
            value,
            gradient,
            other,
        } = self.evaluations;
        write!(
            f,
            "{} point(s); {value} values, {gradient} gradients, {other} other evaluations",
            self.points
        )
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry {
            point,
            row,
            column,
            found,
            expected,
            difference,
            bound,
            along_direction,
        } = self;
        let place = if *along_direction && *column > 0 {
            format!("row {row} along direction {column}")
        } else if *along_direction {
            format!("along direction {row}")
        } else {
            format!("entry ({row}, {column})")
        };
        if difference.is_nan() {
            return write!(
                f,
                "{place} at point {point} is {found}, where the value is finite"
            );
        }
        write!(
            f,
            "{place} at point {point}: {found:.15e}, should be {expected:.15e}: off by {difference:.2e}, explained by rounding at most {bound:.1e}"
        )
    }
}

/// Eight digits, without a tail of zeros.
fn short(value: f64) -> String {
    let text = format!("{value:.7e}");
    text.parse::<f64>()
        .map_or(text, |rounded| rounded.to_string())
}
