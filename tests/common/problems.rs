//! Random problems for the comparison of derivatives, always the same.

use std::cell::Cell;
use std::ops::RangeInclusive;

use levinv::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::definition::{LOSSES, Loss, Problem};
use super::derivatives::Measure;

/// Which rows the problems have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Slacks between 1/8 and 2 in size.
    Ordinary,
    /// One or two slacks of 1 to 4 times 2⁻⁶: scores above 0.99, κ about 10².
    Heavy,
    /// One or two slacks of 1 to 4 times 2⁻¹⁴: 1 − σ is 1e-9 or so.
    Tiny,
}

/// Slacks below this are those that [`Rows`] made small.
pub const SMALL: f64 = 0.1;

impl Rows {
    fn unit(self) -> Option<f64> {
        match self {
            Rows::Ordinary => None,
            Rows::Heavy => Some(2f64.powi(-6)),
            Rows::Tiny => Some(2f64.powi(-14)),
        }
    }

    /// Whether κ leaves the oracles digits, and small slacks are heavy rows. (Two
    /// parallel rows may share a score: then neither is heavy.)
    fn admit(self, problem: &Problem) -> bool {
        let limit = match self {
            Rows::Ordinary | Rows::Heavy => 300.0,
            Rows::Tiny => 1e6,
        };
        let s = problem.slack();
        let heavy = || {
            let model = Model::new(problem.a.clone(), problem.b.clone()).expect("a sound model");
            let at = model.at(&problem.x).expect("no zero slack");
            (0..s.len()).all(|i| s[i].abs() > SMALL || at.scores().expect("in memory")[i] > 0.99)
        };
        let light = || Measure::of_rows(problem, |s| s > SMALL).kappa;
        Measure::new(problem).kappa <= limit
            && (self == Rows::Ordinary || light() <= limit && heavy())
    }
}

/// Multiples of 2⁻⁸.
fn grid(size: usize, range: RangeInclusive<i32>) -> impl Strategy<Value = DVector<f64>> {
    vec(range, size).prop_map(|v| DVector::from_vec(v).map(|k| f64::from(k) / 256.0))
}

/// n from 6 to 40 and d from 1 to 6, often n close to d; half of A zero in half
/// of the problems; slacks of both signs.
///
/// A and x are multiples of 2⁻⁸ up to 2 and slacks of 2⁻¹⁶: A x is a multiple of
/// 2⁻¹⁶ below 2⁵, so that b = A x − s has 21 bits and no sum in A x − b rounds.
fn problems(rows: Rows) -> impl Strategy<Value = Problem> {
    let size = prop_oneof![(6usize..=8, 4usize..=6), (6usize..=40, 1usize..=6)];
    let sized = move |(n, d): (usize, usize)| {
        let kept = prop_oneof![Just(vec![true; n * d]), vec(any::<bool>(), n * d)];
        let a = (grid(n * d, -512..=512), kept).prop_map(move |(a, kept)| {
            let entry = |k: usize| if kept[k] { a[k] } else { 0.0 };
            DMatrix::from_fn(n, d, |i, j| entry(i * d + j))
        });
        let small = vec((0..n, 1..=4), 1..=2);
        let signs = vec(prop_oneof![Just(1.0), Just(-1.0)], n).prop_map(DVector::from_vec);
        let slack = (grid(n, 32..=512), small, signs).prop_map(move |(mut s, small, signs)| {
            if let Some(unit) = rows.unit() {
                small.iter().for_each(|&(i, k)| s[i] = f64::from(k) * unit);
            }
            s.component_mul(&signs)
        });
        let of_rows = (slack, grid(n, 0..=256), grid(n, 0..=256));
        let of_columns = vec(grid(d, -512..=512), 3);
        let build =
            |(a, (s, w, tau), mut of_columns): (DMatrix<f64>, (DVector<f64>, _, _), Vec<_>)| {
                let [x, c, h] = std::array::from_fn(|_| of_columns.remove(0));
                let (loss, b, w) = (Loss::Barrier, &a * &x - s, Some(w));
                Problem {
                    loss,
                    a,
                    b,
                    x,
                    w,
                    tau,
                    c,
                    h,
                }
            };
        (a, of_rows, of_columns).prop_map(build)
    };
    size.prop_flat_map(sized)
        .prop_filter("no direction", |p| p.h.norm() > 0.0)
        .prop_filter("conditioning", move |p| rows.admit(p))
}

/// Runs the check on this many problems with each of the three losses: the
/// largest excess found, or a report of the first above 1.
pub fn on_problems(
    (rows, ridge, cases): (Rows, bool, u32),
    check: impl Fn(&Problem) -> f64,
) -> Result<f64, String> {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 100,
        rng_seed: RngSeed::Fixed(2024),
        ..Config::default()
    };
    let worst = Cell::new(0.0);
    let all_losses = |mut problem: Problem| {
        problem.w = problem.w.filter(|_| ridge);
        for loss in LOSSES {
            problem.loss = loss;
            let excess = check(&problem);
            worst.set(f64::max(worst.get(), excess));
            let kappa = Measure::new(&problem).kappa;
            prop_assert!(
                excess <= 1.0,
                "{loss:?}: {excess} times the tolerance at κ = {kappa}"
            );
        }
        Ok(())
    };
    let outcome = TestRunner::new(config).run(&problems(rows), all_losses);
    outcome
        .map(|()| worst.get())
        .map_err(|error| error.to_string())
}
