//! Numbers and lists as a reader wants them.

use super::record::{ACCURACIES, Outcome};

/// Significant digits of what was measured.
const DIGITS: i32 = 3;

/// A share in per cent: 0 only for none, 100 only for all.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", whole_percent(share))
}

/// From one share to another.
pub(super) fn percent_range((lower, upper): (f64, f64)) -> String {
    format!("{}–{} %", whole_percent(lower), whole_percent(upper))
}

fn whole_percent(share: f64) -> f64 {
    let percent = (100.0 * share).round();
    if share > 0.0 && share < 1.0 {
        percent.clamp(1.0, 99.0)
    } else {
        percent
    }
}

/// Integers as they are, others to three digits.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size < 1e7 && value.fract() == 0.0 {
        return format!("{value}");
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.2e}");
    }
    let places = (DIGITS - 1 - size.log10().floor() as i32).max(0);
    let mut text = format!("{value:.*}", places as usize);
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text
}

/// «a, b and c».
pub(super) fn list<S: AsRef<str>>(names: &[S]) -> String {
    let mut text = String::new();
    for (k, name) in names.iter().enumerate() {
        text.push_str(match k {
            0 => "",
            k if k + 1 == names.len() => " and ",
            _ => ", ",
        });
        text.push_str(name.as_ref());
    }
    text
}

/// The same, each name in quotes.
pub(super) fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("«{name}»")).collect();
    list(&quoted)
}

/// One problem, two problems.
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// An accuracy as it is written.
pub(super) fn accuracy(accuracy: usize) -> String {
    let tau = ACCURACIES.get(accuracy).copied().unwrap_or(f64::NAN);
    format!("{tau:e}")
}

/// How runs ended: «3 ended, 2 at time limit».
pub(super) fn outcomes(failures: &[(Outcome, usize)]) -> String {
    let one = |(outcome, n): &(Outcome, usize)| match outcome {
        Outcome::Evaluations => format!("{n} at evaluation limit"),
        Outcome::Time => format!("{n} at time limit"),
        other => format!("{n} {}", other.name().replace('_', " ")),
    };
    failures.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The quantile of finite values, between two of them in proportion; none of none.
pub(super) fn quantile(values: &[f64], level: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let at = level * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    // Infinities have no middle.
    if below == above {
        return Some(below);
    }
    Some(below + at.fract() * (above - below))
}
