//! An audit in words.

use super::{Attacker, Level, Publication, Report, SafeNoise, Verdict};

/// Names in a list before the rest is counted.
const NAMED: usize = 6;
/// Below this least squares has x itself.
const SAME: f64 = 1e-9;

pub(super) fn sentences(report: &Report) -> Vec<String> {
    let mut out = vec![without(report)];
    if nothing_left(report) {
        return out;
    }
    for verdict in &report.verdicts {
        out.push(rounding(report, verdict));
        out.extend(guessed(report, verdict.attacker));
        out.extend(noise(report, verdict));
    }
    out.push(
        "These are statements about the attacks of levinv and about least squares, on this x: \
         they show what leaks, they do not prove that nothing more does."
            .into(),
    );
    out
}

/// Whether least squares gives all that there is.
fn nothing_left(report: &Report) -> bool {
    report.exposed().len() == report.names.len() && report.predictions_exposed()
}

/// What anybody has.
fn without(report: &Report) -> String {
    let errors = &report.least_squares.errors;
    let tolerance = percent(report.tolerance);
    if errors.all().all(|e| e < SAME) {
        return format!(
            "Least squares on A and b gives x to {:.0e}: anybody has it, and the {} {}.",
            errors.overall,
            what(report),
            adds_nothing(report)
        );
    }
    let mut exposed: Vec<String> = report
        .exposed()
        .into_iter()
        .map(|j| {
            format!(
                "{} (to {})",
                report.names[j],
                percent(errors.coefficients[j])
            )
        })
        .collect();
    if report.predictions_exposed() {
        exposed.push(format!(
            "the predictions (to {})",
            percent(errors.predictions)
        ));
    }
    let start = "Without the publication, least squares on A and b";
    if exposed.is_empty() {
        let nearest = errors.coefficients.imin();
        return format!(
            "{start} is {} off in {}, its best coefficient, and {} in the predictions.",
            percent(errors.coefficients[nearest]),
            report.names[nearest],
            percent(errors.predictions)
        );
    }
    let listed = list(&exposed);
    if nothing_left(report) {
        return format!(
            "{start} gives everything to within {tolerance}: {listed}. Nothing is left to protect."
        );
    }
    format!(
        "{start} already gives {listed}, within the tolerance of {tolerance}: no rounding protects \
         that, and what follows is about the rest."
    )
}

fn rounding(report: &Report, verdict: &Verdict) -> String {
    let who = who(verdict.attacker);
    let kept = format!(
        "{} off by at least {}",
        rest(report),
        percent(report.tolerance)
    );
    let worst = |level: Level| -> String {
        let chosen = report.spared();
        let row = report.row(level, verdict.attacker);
        let judged = row.and_then(|r| r.judged());
        let Some(errors) = judged else {
            return "it cannot be judged".into();
        };
        let named = chosen.coefficients.iter().map(|&j| {
            let name = report.names[j].as_str();
            (name, errors.coefficients[j])
        });
        let predictions = chosen
            .predictions
            .then_some(("the predictions", errors.predictions));
        let least = named.chain(predictions).min_by(|a, b| a.1.total_cmp(&b.1));
        least.map_or_else(String::new, |(name, e)| {
            format!("it has {name} to {}", percent(e))
        })
    };
    match (verdict.level, verdict.exposed_at) {
        (Some(level), Some(next)) => format!(
            "{who} is left with {kept} when {} published {}; {} {}.",
            what_is(report),
            with(report, level),
            with(report, next),
            worst(next)
        ),
        (Some(level), None) => format!(
            "{who} is left with {kept} at every precision audited, even {}.",
            with(report, level)
        ),
        (None, Some(first)) => format!(
            "{who} is not kept off at any precision audited: even {} {}.",
            with(report, first),
            worst(first)
        ),
        (None, None) => format!("{who}: nothing was audited."),
    }
}

/// Where wrong signs are what kept an attacker off.
fn guessed(report: &Report, attacker: Attacker) -> Option<String> {
    let wrong = report.rows_of(attacker).map(|r| r.shares.wrong_signs);
    let most = wrong.fold(0.0, f64::max);
    let gradient = report.publication == Publication::Gradient;
    (attacker == Attacker::NoSigns && gradient && most > 0.0).then(|| {
        format!(
            "It tried the signs of least squares, which were wrong in up to {} of the trials: \
             whoever guesses them is the attacker who knows them.",
            percent(most)
        )
    })
}

fn noise(report: &Report, verdict: &Verdict) -> Option<String> {
    let noise = verdict.noise.as_ref()?;
    let where_to = match report.publication {
        Publication::Scores => "each score",
        Publication::Gradient => "each entry of the gradient, relative to it,",
    };
    let tolerance = percent(report.tolerance);
    let simulated = |n: &SafeNoise| {
        let smallest = n
            .simulated
            .as_ref()
            .and_then(|e| e.smallest(&report.spared()));
        smallest.map_or("no attack gave an answer".into(), |e| {
            format!("in simulation the nearest is {} off", percent(e))
        })
    };
    let first = format!(
        "By first order it takes normal noise of standard deviation {:.2e} on {where_to} to keep \
         this attacker {tolerance} off",
        noise.deviation
    );
    let omega = match noise.omega {
        w if w < 1e3 => format!("{w:.2}"),
        w => format!("{w:.1e}"),
    };
    let trust = if noise.linear {
        format!("ω = {omega}")
    } else {
        format!("ω = {omega}, beyond what first order is good for")
    };
    let end = match (noise.confirmed, noise.sufficient) {
        _ if noise.drowns => match report.publication {
            Publication::Scores => {
                " That is more than the scores differ from one another: better publish none.".into()
            }
            Publication::Gradient => " That is as much as there is: better publish nothing.".into(),
        },
        (true, _) => String::new(),
        (false, Some(sd)) => format!(" That is too little: {sd:.2e} is enough in simulation."),
        (false, None) if noise.simulated.is_none() => {
            " No simulation confirms it, and first order alone is no proof.".into()
        }
        (false, None) => {
            " That is too little, and so was all the noise tried up to 25 times as much.".into()
        }
    };
    Some(format!("{first} ({trust}; {}).{end}", simulated(noise)))
}

fn who(attacker: Attacker) -> &'static str {
    match attacker {
        Attacker::KnowsSigns => "An attacker who knows on which side of the fit each row lies",
        Attacker::NoSigns => "An attacker who knows A and b alone",
    }
}

fn what(report: &Report) -> &'static str {
    match report.publication {
        Publication::Scores => "scores",
        Publication::Gradient => "gradient",
    }
}

fn what_is(report: &Report) -> &'static str {
    match report.publication {
        Publication::Scores => "the scores are",
        Publication::Gradient => "the gradient is",
    }
}

fn adds_nothing(report: &Report) -> &'static str {
    match report.publication {
        Publication::Scores => "add nothing",
        Publication::Gradient => "adds nothing",
    }
}

fn with(report: &Report, level: Level) -> String {
    match (level, report.publication) {
        (Level::Digits(k), Publication::Scores) => {
            let s = if k == 1 { "" } else { "s" };
            format!("with {k} digit{s} after the point")
        }
        (Level::Digits(k), Publication::Gradient) => {
            let s = if k == 1 { "" } else { "s" };
            format!("with {k} significant digit{s}")
        }
        (Level::Deviation(sd), Publication::Scores) => format!("with noise of {sd:.2e}"),
        (Level::Deviation(sd), Publication::Gradient) => format!("with relative noise of {sd:.2e}"),
    }
}

/// What least squares does not give.
fn rest(report: &Report) -> String {
    let chosen = report.spared();
    let all = chosen.coefficients.len() == report.names.len();
    let names: Vec<String> = chosen
        .coefficients
        .iter()
        .map(|&j| report.names[j].clone())
        .collect();
    match (all, names.is_empty(), chosen.predictions) {
        (true, _, true) => "every coefficient and the predictions".into(),
        (true, _, false) => "every coefficient".into(),
        (_, true, _) => "the predictions".into(),
        (_, _, true) => format!("{}, and the predictions,", list(&names)),
        (_, _, false) => list(&names),
    }
}

fn list(items: &[String]) -> String {
    match items {
        _ if items.len() > NAMED => {
            let rest = items.len() - NAMED + 1;
            format!("{} and {rest} more", items[..NAMED - 1].join(", "))
        }
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => items.concat(),
    }
}

/// Two digits, as a percentage where that reads well.
fn percent(share: f64) -> String {
    let value = 100.0 * share;
    if !value.is_finite() {
        return "an unknown amount".into();
    }
    if (0.01..1000.0).contains(&value) {
        let digits = (1 - value.log10().floor() as i32).max(0) as usize;
        let text = format!("{value:.digits$}");
        let text = if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            &text
        };
        return format!("{text} %");
    }
    format!("{share:.1e}")
}
