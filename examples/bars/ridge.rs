//! Bar of the ridge.

use std::time::Instant;

use crate::common::ridge::{case, gap, recover};
use levinv::recover::Status;

const COUNT: u64 = 100;
const BOUND: f64 = 1e-10;

pub fn ridge() {
    for scores in [true, false] {
        println!("\n{}", if scores { "scores" } else { "gradient" });
        println!(
            "{:>12} {:>5} {:>10} {:>7} {:>6} {:>22} {:>15} {:>15} {:>15}",
            "ridge",
            "count",
            "stationary",
            "minima",
            "folded",
            "smallest eigenvalue",
            "|grad|/terms",
            "/parts",
            "/rounding of x"
        );
        let (mut within, mut total) = (0, 0);
        let mut seconds = 0.0f64;
        let mut rows = vec![Vec::new(); 9];
        for seed in 0..COUNT {
            let case = case(seed, scores);
            let started = Instant::now();
            let found = recover(&case);
            seconds = seconds.max(started.elapsed().as_secs_f64());
            let decade = ((case.ridge.log10() + 6.0).floor() as usize).min(8);
            let gap = found.x.as_ref().map(|x| gap(&case, x));
            let good =
                found.status == Status::Stationary && gap.is_some_and(|g| g.of_terms <= BOUND);
            within += usize::from(good);
            total += 1;
            if !good {
                println!(
                    "MISSED seed {seed} ridge {:.1e}: {}: {} {gap:?}",
                    case.ridge, found.status, found.reason
                );
            }
            rows[decade].push((found, gap));
        }
        for (k, rows) in rows.iter().enumerate() {
            let worst = |of: fn(&crate::common::ridge::Gap) -> f64| {
                rows.iter()
                    .filter_map(|(_, g)| g.as_ref().map(of))
                    .fold(0.0f64, f64::max)
            };
            let lowest = rows.iter().filter_map(|(f, _)| f.smallest_eigenvalue);
            let (low, high) = lowest.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
                (l.min(v), h.max(v))
            });
            let count =
                |test: fn(&str) -> bool| rows.iter().filter(|(f, _)| test(&f.reason)).count();
            println!(
                "1e{:+}…1e{:+} {:>5} {:>10} {:>7} {:>6} {:>10.1e} …{:>10.1e} {:>15.1e} {:>15.1e} {:>15.1}",
                k as i32 - 6,
                k as i32 - 5,
                rows.len(),
                rows.iter()
                    .filter(|(f, _)| f.status == Status::Stationary)
                    .count(),
                count(|r| r.starts_with("a local minimum")),
                count(|r| r.contains("a fold or")),
                low,
                high,
                worst(|g| g.of_terms),
                worst(|g| g.of_parts),
                worst(|g| g.of_rounding),
            );
        }
        println!(
            "{within}/{total} stationary within {BOUND:.0e} of the terms, in 237 bits; the slowest took {seconds:.2} s"
        );
    }
}
