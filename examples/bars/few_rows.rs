//! Bar of recovery from few rows with the signs unknown.

use crate::common::few_rows::{KINDS, Kind, instance, recover, tally};

use levinv::Model;
use levinv::recover::Status;

/// Instances of each size and kind.
const COUNT: u64 = 100;

pub fn few_rows() {
    println!(
        "{COUNT} instances of each n and kind: percent right to 1e-9 of those that are determined,\nthe least over all n, by kind; times of all; proved ambiguous; lies"
    );
    println!(
        "{:22} {:22} {:>11} {:>11}",
        "",
        format!("{KINDS:?}"),
        "median",
        "largest"
    );
    for d in 2..=6 {
        line(d, &(d + 2..=2 * d + 4).collect::<Vec<_>>());
    }
    for d in 7..=10 {
        let limit = d * (d + 3) / 2 + 1;
        for n in [2 * d, 2 * d + 4, 3 * d, (3 * d + limit) / 2, limit - 1] {
            line(d, &[n]);
        }
        line(d, &[d + 2]);
    }
    for (d, n) in [
        (16, 18),
        (16, 32),
        (24, 26),
        (24, 48),
        (32, 64),
        (36, 40),
        (40, 80),
        (45, 90),
        (60, 150),
    ] {
        extra(d, n);
    }
    listed();
}

fn line(d: usize, sizes: &[usize]) {
    let (mut times, mut rates, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let (mut lies, mut ambiguous) = (0, 0);
    for kind in KINDS {
        let mut least = f64::INFINITY;
        for &n in sizes {
            let tally = tally(kind, n, d, COUNT);
            least = least.min(tally.rate());
            lies += tally.lies;
            ambiguous += tally.ambiguous;
            times.extend(tally.times);
            others.extend(
                tally
                    .others
                    .into_iter()
                    .map(|what| format!("{kind:?}, n = {n}: {what}")),
            );
        }
        rates.push(least);
    }
    times.sort_by(f64::total_cmp);
    let range = match sizes {
        [n] => format!("n = {n}"),
        _ => format!("n = {}…{}", sizes[0], sizes[sizes.len() - 1]),
    };
    let verdict = if rates.iter().all(|r| *r >= 98.0) {
        "ok"
    } else {
        "MISSED"
    };
    println!(
        "d = {d:2}, {range:14} {rates:?} {:9.4} s {:9.4} s {ambiguous:3} {lies} {verdict}",
        times[times.len() / 2],
        times[times.len() - 1]
    );
    others
        .iter()
        .take(3)
        .for_each(|what| println!("    {what}"));
}

/// Beyond the bar: ten instances each.
fn extra(d: usize, n: usize) {
    let mut tally = tally(Kind::Gaussian, n, d, 10);
    let median = tally.median_time();
    println!(
        "d = {d:2}, n = {n:10} {}/10 {:9.4} s {:9.4} s {}",
        tally.right,
        median,
        tally.largest_time(),
        tally.lies
    );
    tally
        .others
        .iter()
        .take(2)
        .for_each(|what| println!("    {what}"));
}

/// n = d + 1: every pattern of signs has its own x.
fn listed() {
    let (mut counted, mut complete, mut with_x, mut matched) = (0, 0, 0, 0);
    let (mut all, mut solutions) = (0, 0);
    for kind in KINDS {
        for d in 1..=8 {
            for seed in 0..20 {
                let instance = instance(kind, d + 1, d, seed);
                let found = recover(&instance, seed).found;
                let model = Model::new(instance.a, instance.b).expect("full rank");
                let target = model
                    .at(&instance.x)
                    .expect("inside")
                    .scores()
                    .expect("in memory")
                    .clone();
                all += 1;
                let Some(listed) = found
                    .solutions
                    .filter(|_| found.status == Status::Ambiguous)
                else {
                    continue;
                };
                counted += usize::from(listed.log2 == d);
                let expected = if d <= 6 { 1 << d } else { 0 };
                complete += usize::from(listed.listed.len() == expected);
                let near =
                    |x: &levinv::DVector<f64>| (x - &instance.x).norm() <= 1e-9 * instance.x.norm();
                with_x += usize::from(expected == 0 || listed.listed.iter().any(near));
                solutions += listed.listed.len();
                matched += listed
                    .listed
                    .iter()
                    .filter(|x| {
                        let at = model.at(x).expect("off every hyperplane");
                        (at.scores().expect("in memory") - &target).amax() <= 1e-9
                    })
                    .count();
            }
        }
    }
    println!(
        "n = d + 1, d = 1…8: {counted}/{all} counted 2^d, {complete}/{all} lists complete, {with_x}/{all} with the true x to 1e-9, {matched}/{solutions} listed x have the scores to 1e-9"
    );
}
