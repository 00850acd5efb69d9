//! Scores with unknown signs and few rows: a small part of the bar `few-rows`,
//! and what cannot be told apart.

#![allow(missing_docs, reason = "the names of the tests are their claims")]

mod common;

use common::few_rows::{KINDS, Kind, instance, proved_ambiguous, recover, tally};
use common::instances::{Instance, normal, rng};
use levinv::recover::{LISTED_LOG2, ScoreRecovery, SignKnowledge, Status};
use levinv::{DMatrix, DVector, Model, Signs};

/// Measured on 100 instances of each size: all are right, so that one wrong in
/// these is no bad luck.
#[test]
fn generic_rows_give_x_back_from_two_more_than_coefficients() {
    for kind in KINDS {
        for (d, n) in [
            (1, 3),
            (2, 4),
            (3, 5),
            (4, 7),
            (6, 8),
            (6, 16),
            (10, 12),
            (10, 30),
        ] {
            let tally = tally(kind, n, d, 5);
            assert_eq!(
                tally.right + tally.ambiguous,
                5,
                "{kind:?}, n = {n}, d = {d}: {:?}",
                tally.others
            );
            assert!(kind == Kind::Integer || tally.ambiguous == 0);
            assert_eq!(tally.lies, 0);
        }
    }
}

#[test]
fn large_models_give_x_back_by_meeting_in_the_middle() {
    // 2^27 patterns are more than the tree visits.
    let outcome = recover(&instance(Kind::Gaussian, 30, 27, 1), 0);
    assert!(
        outcome.error < 1e-9,
        "{}: {}",
        outcome.error,
        outcome.found.reason
    );
}

#[test]
fn one_row_more_than_coefficients_counts_all_solutions_and_lists_few() {
    for d in 1..=8 {
        let instance = instance(Kind::Gaussian, d + 1, d, 7);
        let found = recover(&instance, 0).found;
        assert_eq!(found.status, Status::Ambiguous, "{}", found.reason);
        let solutions = found.solutions.as_ref().expect("counted");
        assert_eq!(solutions.log2, d);
        let listed = if d <= LISTED_LOG2 { 1 << d } else { 0 };
        assert_eq!(solutions.listed.len(), listed);
        assert!(listed == 0 || proved_ambiguous(&instance, &found));
    }
}

/// Blocks of rows with columns of their own.
fn blocks(sizes: &[(usize, usize)], seed: u64) -> Instance {
    let mut r = rng(seed);
    let (n, d) = sizes.iter().fold((0, 0), |(n, d), s| (n + s.0, d + s.1));
    let mut a = DMatrix::zeros(n, d);
    let (mut row, mut column) = (0, 0);
    for &(rows, columns) in sizes {
        for i in row..row + rows {
            (column..column + columns).for_each(|j| a[(i, j)] = normal(&mut r));
        }
        (row, column) = (row + rows, column + columns);
    }
    // Another basis: no zero is left to see.
    let mix = DMatrix::from_fn(d, d, |_, _| normal(&mut r));
    let a = a * mix;
    let x = DVector::from_fn(d, |_, _| normal(&mut r));
    let b = &a * &x - DVector::from_fn(n, |_, _| normal(&mut r));
    Instance { a, b, x }
}

#[test]
fn components_are_found_each_from_its_own_rows() {
    for seed in 0..5 {
        let outcome = recover(&blocks(&[(5, 3), (4, 2), (9, 4)], seed), seed);
        assert!(outcome.error < 1e-9, "{}", outcome.found.reason);
    }
}

#[test]
fn components_that_are_ambiguous_multiply_their_solutions() {
    let instance = blocks(&[(4, 3), (6, 2), (3, 2)], 3);
    let found = recover(&instance, 0).found;
    assert_eq!(found.solutions.as_ref().expect("counted").log2, 5);
    assert_eq!(found.solutions.as_ref().expect("counted").listed.len(), 32);
    assert!(proved_ambiguous(&instance, &found));
}

#[test]
fn an_ambiguous_component_is_listed_with_the_determined_one_in_full_coordinates() {
    for seed in 0..5 {
        let instance = blocks(&[(3, 2), (9, 3)], seed);
        let found = recover(&instance, seed).found;
        assert!(proved_ambiguous(&instance, &found), "{}", found.reason);
        let solutions = found.solutions.expect("counted");
        assert_eq!((solutions.log2, solutions.listed.len()), (2, 4));
        let model = Model::new(instance.a.clone(), instance.b.clone()).expect("full rank");
        let target = model
            .at(&instance.x)
            .expect("inside")
            .scores()
            .expect("in memory")
            .clone();
        for x in &solutions.listed {
            // Polished: what is left is rounding of d + 1 terms a slack, here and in the
            // target, twice for x is put together from two; 2Λ takes it to the scores.
            let slack = &instance.a * x - &instance.b;
            let terms = instance.a.abs() * x.abs() + instance.b.abs();
            let unit = f64::EPSILON * 6.0 * terms.component_div(&slack.abs()).max();
            let off = (model.at(x).expect("inside").scores().expect("in memory") - &target).norm()
                / target.norm();
            assert!(off < 2.0 * unit && unit < 1e-10, "{off:e}, {unit:e}");
            // The second component's slacks are the same in all, up to its flip.
            let (s, t) = (
                &instance.a * x - &instance.b,
                &instance.a * &instance.x - &instance.b,
            );
            let (s, t) = (s.rows(3, 9), t.rows(3, 9));
            assert!((s - t).norm() <= 1e-10 * t.norm());
        }
    }
}

#[test]
fn a_component_with_too_many_solutions_leaves_the_others_known() {
    for (seed, flat) in [(0, false), (1, true)] {
        // Nine rows of eight coefficients have 2^8 solutions, which are not listed;
        // with b in their column space, 2^7 lines.
        let mut r = rng(seed);
        let a = DMatrix::from_fn(19, 10, |i, j| match (i < 9, j < 8) {
            (true, true) | (false, false) => normal(&mut r),
            _ => 0.0,
        });
        let x = DVector::from_fn(10, |_, _| normal(&mut r));
        let mut b = &a * &x - DVector::from_fn(19, |_, _| normal(&mut r));
        if flat {
            (0..9).for_each(|i| b[i] = 0.0);
        }
        let instance = Instance { a, b, x };
        let found = recover(&instance, seed).found;
        assert_eq!(found.status, Status::Ambiguous, "{}", found.reason);
        assert_eq!(found.directions.len(), 8, "{}", found.reason);
        let y = found.x.as_ref().expect("of the other component");
        let errors = found.errors.as_ref().expect("with x");
        for j in 0..10 {
            assert_eq!(found.determines(j), j >= 8);
            assert_eq!(errors[j].is_finite(), j >= 8);
            assert!(j < 8 || (y[j] - instance.x[j]).abs() < 1e-9);
        }
    }
}

#[test]
fn repeated_rows_say_nothing_new() {
    // Five rows, three of them the same: as good as d + 1.
    let mut instance = instance(Kind::Gaussian, 6, 3, 2);
    for i in [4, 5] {
        let row = instance.a.row(3).into_owned();
        instance.a.set_row(i, &row);
        instance.b[i] = instance.b[3];
    }
    let found = recover(&instance, 0).found;
    assert!(proved_ambiguous(&instance, &found), "{}", found.reason);
    assert_eq!(found.solutions.expect("counted").listed.len(), 8);
}

#[test]
fn dummies_that_make_the_lift_singular_leave_x_determined() {
    // Two factors of three and four levels, one observation a cell, and a slope.
    for seed in 0..5 {
        let mut r = rng(seed);
        let a = DMatrix::from_fn(12, 7, |i, j| match j {
            0 => 1.0,
            1..=2 => f64::from(i % 3 == j),
            3..=5 => f64::from(i / 3 == j - 2),
            _ => normal(&mut r),
        });
        let x = DVector::from_fn(7, |_, _| normal(&mut r));
        let b = &a * &x - DVector::from_fn(12, |_, _| normal(&mut r));
        let outcome = recover(&Instance { a, b, x }, seed);
        assert!(outcome.error < 1e-9, "{}", outcome.found.reason);
    }
}

#[test]
fn slacks_over_six_decades_give_x_back() {
    for seed in 0..10 {
        let mut instance = instance(Kind::Gaussian, 14, 5, seed);
        let mut r = rng(seed);
        let s = DVector::from_fn(14, |i, _| {
            10f64.powf(-6.0 * i as f64 / 13.0) * normal(&mut r).signum()
        });
        instance.b = &instance.a * &instance.x - s;
        let outcome = recover(&instance, seed);
        assert!(
            outcome.error < 1e-9,
            "{:e} {}",
            outcome.error,
            outcome.found.reason
        );
    }
}

#[test]
fn scores_that_no_x_has_are_not_said_to_be_recovered() {
    for seed in 0..10 {
        let instance = instance(Kind::Gaussian, 9, 4, seed);
        let model = Model::new(instance.a, instance.b).expect("full rank");
        let mut target = model
            .at(&instance.x)
            .expect("inside")
            .scores()
            .expect("in memory")
            .clone();
        let mut r = rng(seed);
        target
            .iter_mut()
            .for_each(|t| *t *= 1.0 + 1e-4 * (1.0 - *t) * normal(&mut r));
        target *= 4.0 / target.sum();
        let found = ScoreRecovery::new(&model, target)
            .expect("scores")
            .run()
            .expect("in memory");
        assert_eq!(found.status, Status::TooNoisy, "{}", found.reason);
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let instance = instance(Kind::Positive, 70, 5, 4);
    let bits = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("threads");
        let found = pool.install(|| recover(&instance, 3).found);
        let x = found.x.expect("recovered");
        x.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(bits(1), bits(1));
    assert_eq!(bits(1), bits(3));
}

/// Rows whose slacks are so small that they hold all scores: what is left for the others
/// changes with their signs by less than rounding. Each of them twice: scores of ½.
#[test]
fn signs_that_rounding_hides_are_not_claimed_and_others_are() {
    let (n, d) = (40, 4);
    for (small, twice, seed) in [
        (1e-7, false, 0),
        (1e-7, false, 1),
        (1e-8, false, 2),
        (1e-8, true, 3),
        (1e-3, false, 4),
        (1e-3, false, 5),
        (1e-4, false, 6),
    ] {
        let mut r = rng(seed);
        let mut a = DMatrix::from_fn(n, d, |_, _| normal(&mut r));
        if twice {
            (0..d).for_each(|i| a.set_row(i + d, &a.row(i).clone_owned()));
        }
        let x = DVector::from_fn(d, |_, _| normal(&mut r));
        let mut slack = DVector::from_fn(n, |i, _| {
            let size: f64 = if i < d { small } else { 1.0 };
            if normal(&mut r) < 0.0 { -size } else { size }
        });
        if twice {
            (0..d).for_each(|i| slack[i + d] = slack[i]);
        }
        let model = Model::new(a.clone(), &a * &x - slack).expect("full rank");
        let target = model.at(&x).and_then(|at| at.scores().cloned());
        let target = target.expect("inside");
        let recovery = || ScoreRecovery::new(&model, target.clone()).expect("scores");
        let found = recovery().run().expect("in memory");
        let hidden = small < 1e-6;
        assert_eq!(
            found.status == Status::Recovered,
            !hidden,
            "{small}: {}: {}",
            found.status,
            found.reason
        );
        let signs = Signs::of(&model.slack(&x).expect("in memory")).expect("no zero");
        let recovery = recovery().signs(SignKnowledge::Known(signs));
        let found = recovery.and_then(ScoreRecovery::run).expect("in memory");
        assert_eq!(found.status, Status::Recovered, "{small}: {}", found.reason);
        let error = (found.x.expect("recovered") - &x).norm();
        let stated = found.errors.expect("recovered").norm();
        assert!(error <= stated && error < small, "{error} of {stated}");
    }
}
