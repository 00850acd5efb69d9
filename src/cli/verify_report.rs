//! What `levinv verify` found, as tables and as JSON.

use std::fmt::Write;

use levinv::verify::{Check, CheckReport, Report, Verdict};
use serde_json::{Value, json};

use super::verify::{Finding, Instance, Origin};
use super::{CHECK_FAILED, DONE};

/// One word a verdict, for programs.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        _ => "inconclusive",
    }
}

/// Of all: fail if one failed, else inconclusive if one is.
fn overall(findings: &[Finding]) -> &'static str {
    let words: Vec<&str> = findings.iter().map(|f| word(&f.report.verdict())).collect();
    let mut worst = ["fail", "inconclusive"].into_iter();
    worst.find(|w| words.contains(w)).unwrap_or("pass")
}

/// Inconclusive is no failure: nothing wrong was found.
pub fn exit_code(findings: &[Finding]) -> u8 {
    match overall(findings) {
        "fail" => CHECK_FAILED,
        _ => DONE,
    }
}

pub fn to_json(findings: &[Finding]) -> String {
    let reports: Vec<Value> = findings
        .iter()
        .map(|f| {
            json!({
                "instance": f.instance,
                "objective": f.objective.name(),
                "target": f.target.map(Origin::name),
                "verdict": word(&f.report.verdict()),
                "seconds": f.seconds,
                "report": f.report,
            })
        })
        .collect();
    let object = json!({ "verdict": overall(findings), "reports": reports });
    format!("{object}\n")
}

/// The check that a verdict other than Pass is due to.
fn decisive(report: &Report) -> Option<&CheckReport> {
    let verdict = report.verdict();
    let same = |c: &&CheckReport| word(&c.verdict) == word(&verdict);
    Some(&report.checks)
        .filter(|_| verdict != Verdict::Pass)
        .and_then(|checks| checks.iter().find(same))
}

/// One row an instance and objective; below, what did not pass.
pub fn to_table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|f| f.instance.chars().count()).max();
    let width = width.unwrap_or(0).max("instance".len());
    let by = |f: &Finding| decisive(&f.report).map_or("", |c| c.check.name());
    let by_width = findings.iter().map(|f| by(f).chars().count()).max();
    let by_width = by_width.unwrap_or(0).max("decided by".len());
    let mut out = String::from(
        "Relative errors of gradient and Hessian that would have been caught, at the least:\n\n",
    );
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "{:width$}  {:9}  {:12}  {:by_width$}  {:>8}  {:>8}  {:>7}",
        "instance", "objective", "verdict", "decided by", "gradient", "Hessian", "seconds"
    );
    for f in findings {
        let caught = |check| {
            let smallest = f.report.check(check).and_then(CheckReport::detects);
            smallest.map_or("-".to_string(), |s| format!("{s:.0e}"))
        };
        let _ = writeln!(
            out,
            "{:width$}  {:9}  {:12}  {:by_width$}  {:>8}  {:>8}  {:>7.2}",
            f.instance,
            f.objective.name(),
            f.report.verdict(),
            by(f),
            caught(Check::Gradient),
            caught(Check::Hessian),
            f.seconds
        );
    }
    out.push('\n');
    for f in findings {
        let name = format!("{}, {}", f.instance, f.objective.name());
        if f.report.verdict() == Verdict::Fail {
            let _ = writeln!(out, "{name}:\n{}\n", f.report);
            continue;
        }
        let mut open = false;
        for c in &f.report.checks {
            if let Verdict::Inconclusive(reason) = &c.verdict {
                open = true;
                let _ = writeln!(out, "{name}, {}: {reason}", c.check);
            }
        }
        if open {
            out.push('\n');
        }
    }
    out.push_str(&summary(findings));
    out
}

/// Full reports, one after the other.
pub fn to_text(instances: &[Instance], findings: &[Finding]) -> String {
    let mut out = String::new();
    for i in instances {
        let (n, d) = (i.model.nrows(), i.model.dim());
        let with = i.ridge.as_ref().map_or("", |_| ", with ridge");
        let _ = writeln!(out, "{}: {n} rows, {d} columns{with}\n", i.name);
    }
    for f in findings {
        let target = match f.target {
            None => "",
            Some(Origin::Given) => ", the target given",
            Some(Origin::Uniform) => ", no target given: uniform scores d/n",
            Some(Origin::Zero) => ", no target given: a gradient of zeros",
        };
        let verdict = f.report.verdict();
        let (name, seconds) = (f.objective.name(), f.seconds);
        let _ = writeln!(
            out,
            "{name}: {verdict} ({seconds:.2} s{target})\n{}\n",
            f.report
        );
    }
    out.push_str(&summary(findings));
    out
}

/// The last line: how many passed, and what the others mean.
fn summary(findings: &[Finding]) -> String {
    let count = |wanted: &str| {
        let alike = |f: &&Finding| word(&f.report.verdict()) == wanted;
        findings.iter().filter(alike).count()
    };
    let (failed, open) = (count("fail"), count("inconclusive"));
    let mut out = format!("{} of {} pass", count("pass"), findings.len());
    if failed > 0 {
        let _ = write!(out, ", {failed} FAIL");
    }
    if open > 0 {
        let _ = write!(
            out,
            ", {open} inconclusive: neither right nor wrong can be said there"
        );
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::super::args::ObjectiveName;
    use super::*;
    use levinv::verify::Verification;
    use levinv::{DVector, Error, Objective};

    /// Σx³ with its gradient times a factor.
    struct Cubic(f64);

    impl Objective<f64> for Cubic {
        fn dim(&self) -> usize {
            2
        }
        fn value(&self, x: &DVector<f64>) -> Result<f64, Error> {
            Ok(x.map(|v| v * v * v).sum())
        }
        fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
            Ok(x.map(|v| self.0 * 3.0 * v * v))
        }
    }

    fn finding(factor: f64) -> Finding {
        let x = DVector::from_vec(vec![1.0, 2.0]);
        let objective = Cubic(factor);
        let report = Verification::of(&objective).at(&x).run().unwrap();
        Finding {
            instance: "cubic".into(),
            objective: ObjectiveName::Scores,
            target: Some(Origin::Given),
            report,
            seconds: 0.0,
        }
    }

    #[test]
    fn a_failure_is_shown_with_its_entries_and_ends_with_code_1() {
        let findings = [finding(1.0), finding(2.0)];
        let text = to_table(&findings);
        assert!(text.contains("entry (0, 0)"), "{text}");
        assert!(text.ends_with("1 of 2 pass, 1 FAIL\n"), "{text}");
        let row = text.lines().find(|l| l.contains("FAIL")).unwrap();
        assert!(row.contains("gradient"), "{row}");
        assert_eq!(exit_code(&findings), CHECK_FAILED);
        assert_eq!(exit_code(&findings[..1]), DONE);
        let json: Value = serde_json::from_str(&to_json(&findings)).unwrap();
        assert_eq!(json["verdict"], "fail");
        assert_eq!(json["reports"][0]["verdict"], "pass");
    }
}
