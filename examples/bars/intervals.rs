//! Coverage and width of intervals.

use crate::common::intervals::{Given, Spoiled, trials};

/// Trials of each kind.
const TRIALS: usize = 1000;

pub fn intervals() {
    let levels = [
        Spoiled::Decimals(3),
        Spoiled::Decimals(6),
        Spoiled::Decimals(9),
        Spoiled::Deviation(1e-4),
        Spoiled::Deviation(1e-6),
        Spoiled::Deviation(1e-8),
    ];
    let kinds = [Given::ScoresAndSigns, Given::Scores, Given::Gradient];
    for given in kinds {
        for spoiled in levels {
            let count = std::env::args()
                .nth(2)
                .and_then(|a| a.parse().ok())
                .unwrap_or(TRIALS);
            let found = trials(given, spoiled, count, 1);
            let coverage = found.coverage() * 100.0;
            let verdict = if (93.0..=97.0).contains(&coverage) && found.width() <= 4.0 {
                "ok"
            } else {
                "MISSED"
            };
            println!(
                "{:15} {:17} accepted {:4}/{} covers {coverage:5.2} % width {:.2} ({:.2}) refused {:4.1} % {:?} {:.0} s {verdict}",
                format!("{given:?}"),
                format!("{spoiled:?}"),
                found.accepted,
                found.trials,
                found.width(),
                found.mixed_width(),
                found.refusals() * 100.0,
                found.refused,
                found.seconds
            );
        }
    }
}

/// Coverage by ω, whatever the status: where the thresholds come from.
pub fn calibration() {
    const EDGES: [f64; 9] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 1.0];
    for given in [Given::ScoresAndSigns, Given::Scores, Given::Gradient] {
        let mut all = Vec::new();
        for (k, sd) in [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1]
            .into_iter()
            .enumerate()
        {
            // Scores of 10⁻² on average are lost in noise of that size.
            if given == Given::Gradient || sd <= 3e-3 {
                all.extend(trials(given, Spoiled::Deviation(sd), TRIALS, k as u64).by_omega);
            }
        }
        for edge in EDGES.windows(2) {
            let bin = all.iter().filter(|t| t.0 > edge[0] && t.0 <= edge[1]);
            let (trials, covered, total) =
                bin.fold((0, 0, 0), |(k, c, n), t| (k + 1, c + t.1, n + t.2));
            println!(
                "{:15} ω in {:4.2}–{:4.2}: {trials:5} trials cover {:5.2} %",
                format!("{given:?}"),
                edge[0],
                edge[1],
                100.0 * covered as f64 / total as f64
            );
        }
    }
}
