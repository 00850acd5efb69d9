//! Rounded, noisy and missing targets. `examples/bars` runs the coverage in full.

mod common;

use levinv::recover::{
    GradientRecovery, Noise, Recovery, ScoreRecovery, SignKnowledge, Status, gradient_covariance,
    score_covariance,
};
use levinv::{DMatrix, DVector, Error, Model, Signs};

use common::few_rows::{self, KINDS};
use common::instances::{normal, random, rng};
use common::intervals::{Given, Spoiled, trials};

struct Case {
    model: Model<f64>,
    x: DVector<f64>,
    scores: DVector<f64>,
    gradient: DVector<f64>,
    signs: Signs,
}

fn case(seed: u64, n: usize, d: usize) -> Case {
    let mut r = rng(seed);
    let instance = random(&mut r, n, d, true);
    let model = Model::new(instance.a, instance.b).expect("full rank");
    let at = model.at(&instance.x).expect("inside");
    Case {
        scores: at.scores().expect("in memory").clone(),
        gradient: at.score_gradient().expect("in memory"),
        signs: Signs::of(at.slack()).expect("no zero"),
        x: instance.x,
        model,
    }
}

fn recover(case: &Case, target: DVector<f64>, noise: Noise<f64>) -> Recovery<f64> {
    ScoreRecovery::noisy(&case.model, target, noise)
        .expect("explained by the noise")
        .run()
        .expect("in memory")
}

/// A trial's mean coverage has a variance of at most 0.05·0.95, were its
/// coefficients to be covered together; five standard deviations of the mean of
/// 200 trials are 0.077, exceeded once in 3·10⁶ times. The bars' own 93 to 97 %
/// takes thousands.
#[test]
fn intervals_cover_as_often_as_they_say() {
    for given in [Given::ScoresAndSigns, Given::Scores, Given::Gradient] {
        for spoiled in [Spoiled::Decimals(6), Spoiled::Deviation(1e-6)] {
            let found = trials(given, spoiled, 200, 7);
            let coverage = found.coverage();
            assert!(
                (coverage - 0.95).abs() < 0.077,
                "{given:?}, {spoiled:?}: {coverage}"
            );
            // 1 in 20 is the bar at six digits.
            assert!(found.refusals() <= 0.05, "{given:?}: {:?}", found.refused);
            assert!(found.width() <= 4.0, "{given:?}: {}", found.width());
        }
    }
}

/// The sample variance of k normal numbers has the relative standard deviation
/// √(2/(k−1)): 0.1 for 200, five times which is exceeded once in 10⁶ times.
#[test]
fn covariances_agree_with_simulation() {
    const TRIALS: usize = 200;
    let case = case(3, 30, 3);
    let sd = 1e-7;
    let noise = || Noise::standard_deviation(sd).expect("positive");
    let mut r = rng(4);
    let mut sums = [DVector::zeros(3), DVector::zeros(3)];
    for _ in 0..TRIALS {
        let spoil = |v: &DVector<f64>, r: &mut _| v.map(|v| v + sd * normal(r));
        let target = spoil(&case.scores, &mut r);
        let scores = recover(&case, target, noise()).x.expect("a point");
        let gradient = GradientRecovery::new(&case.model, spoil(&case.gradient, &mut r))
            .and_then(|g| g.signs(case.signs.clone()))
            .and_then(|g| g.start(case.x.clone()))
            .and_then(|g| g.noise(noise()))
            .and_then(GradientRecovery::run)
            .expect("in memory");
        for (sum, x) in sums.iter_mut().zip([scores, gradient.x.expect("a point")]) {
            *sum += (x - &case.x).map(|e| e * e);
        }
    }
    let told = [
        score_covariance(&case.model, &case.x, &noise()).expect("determined"),
        gradient_covariance(&case.model, &case.x, &noise()).expect("determined"),
    ];
    for (sum, told) in sums.iter().zip(told) {
        for j in 0..3 {
            let ratio = sum[j] / TRIALS as f64 / told.covariance[(j, j)];
            assert!((ratio - 1.0).abs() < 0.5, "coefficient {j}: {ratio}");
        }
    }
}

/// Correlated noise with the sum kept, given as a singular matrix: what remains
/// after projection is the same noise, so that so is the estimate.
#[test]
fn a_covariance_without_variance_along_the_sum_is_taken() {
    let case = case(5, 24, 3);
    let n = 24;
    let sd = 1e-6;
    let c = DMatrix::from_fn(n, n, |i, j| {
        sd * sd * (f64::from(u8::from(i == j)) - 1.0 / n as f64)
    });
    let mut r = rng(6);
    let noise = DVector::from_fn(n, |_, _| sd * normal(&mut r));
    let target = &case.scores + noise.add_scalar(-noise.mean());
    let full = recover(&case, target.clone(), Noise::covariance(c).expect("sound"));
    let plain = recover(&case, target, Noise::standard_deviation(sd).expect("sound"));
    assert_eq!(full.status, Status::Recovered, "{}", full.reason);
    let half = full.uncertainty.expect("intervals").half_widths;
    let other = plain.uncertainty.expect("intervals").half_widths;
    for j in 0..3 {
        // Scores at x sum to d: the mean of r has no part in the fit.
        let gap = full.x.as_ref().expect("a point")[j] - plain.x.as_ref().expect("a point")[j];
        assert!(gap.abs() < 1e-3 * half[j], "{gap:e}");
        assert!((half[j] / other[j] - 1.0).abs() < 1e-6);
    }
    // Any other direction without variance is refused.
    let singular = DMatrix::from_fn(n, n, |i, j| if i / 2 == j / 2 { 1e-12 } else { 0.0 });
    let noise = Noise::covariance(singular).expect("symmetric");
    assert!(matches!(
        score_covariance(&case.model, &case.x, &noise),
        Err(Error::OutOfRange { .. })
    ));
}

/// Two rows far out, whose scores are rounded to 0.
#[test]
fn a_score_rounded_to_zero_is_an_interval() {
    let mut r = rng(8);
    let mut instance = random(&mut r, 40, 3, true);
    for i in [4, 17] {
        // A hundred times as far off as the others: a score of some 1e-5.
        let slack = instance.a.row(i).dot(&instance.x.transpose()) - instance.b[i];
        instance.b[i] -= slack.signum() * 100.0;
    }
    let model = Model::new(instance.a, instance.b).expect("full rank");
    let scores = model
        .at(&instance.x)
        .expect("inside")
        .scores()
        .expect("in memory")
        .clone();
    let published = scores.map(|s| (s * 1e3).round() / 1e3);
    assert_eq!((published[4], published[17]), (0.0, 0.0));
    let found = ScoreRecovery::noisy(&model, published.clone(), Noise::decimals(3).expect("3"))
        .expect("explained")
        .run()
        .expect("in memory");
    assert_eq!(found.status, Status::Recovered, "{}", found.reason);
    let (x, u) = (
        found.x.expect("a point"),
        found.uncertainty.expect("intervals"),
    );
    for j in 0..3 {
        // Three times the half-width are six standard deviations.
        assert!((x[j] - instance.x[j]).abs() < 3.0 * u.half_widths[j], "{j}");
    }
    // Without a word on rounding the same scores are not scores at all.
    let exact = ScoreRecovery::new(&model, published);
    let infeasible = exact.map(|run| run.run().expect("in memory").status);
    assert_ne!(infeasible.ok(), Some(Status::Recovered));
}

#[test]
fn missing_scores_are_left_out_where_the_rest_determines_x() {
    let case = case(9, 40, 3);
    for rows in [vec![7], vec![0, 7, 21, 39]] {
        let mut target = case.scores.clone();
        rows.iter().for_each(|&i| target[i] = f64::NAN);
        let found = recover(&case, target.clone(), Noise::exact().allow_missing());
        assert_eq!(found.status, Status::Recovered, "{}", found.reason);
        let error = (found.x.expect("a point") - &case.x).norm() / case.x.norm();
        // Exact scores: some hundred times the rounding of 40 of them.
        assert!(error < 1e-10, "{} missing: {error:e}", rows.len());
        let rounded = target.map(|t| (t * 1e6).round() / 1e6);
        let noise = Noise::decimals(6).expect("6").allow_missing();
        let found = recover(&case, rounded, noise);
        assert_eq!(found.status, Status::Recovered, "{}", found.reason);
        let (x, u) = (
            found.x.expect("a point"),
            found.uncertainty.expect("intervals"),
        );
        for j in 0..3 {
            assert!((x[j] - case.x[j]).abs() < 3.0 * u.half_widths[j], "{j}");
        }
        // Unless it is allowed, NaN is refused.
        let refused = ScoreRecovery::noisy(&case.model, target, Noise::exact());
        assert!(matches!(
            refused.err(),
            Some(Error::NonFinite { what: "target", .. })
        ));
    }
    // Four known scores of three coefficients leave nothing to prove an answer by.
    let target = DVector::from_fn(40, |i, _| if i < 3 { case.scores[i] } else { f64::NAN });
    let found = recover(&case, target, Noise::exact().allow_missing());
    assert_eq!(found.status, Status::Undetermined, "{}", found.reason);
}

#[test]
fn a_target_may_be_off_by_its_noise_and_no_further() {
    let case = case(10, 40, 3);
    let noise = || Noise::standard_deviation(1e-3).expect("positive");
    // The sum's standard deviation is 1e-3·√40 = 6.3e-3, six of which are 0.038.
    let off = |by: f64| case.scores.map(|s| s + by / 40.0);
    assert!(ScoreRecovery::noisy(&case.model, off(0.03), noise()).is_ok());
    let far = ScoreRecovery::noisy(&case.model, off(0.05), noise());
    assert!(matches!(far.err(), Some(Error::ScoreSum { rank: 3, .. })));
    let smallest = case.scores.imin();
    for (value, sound) in [(-0.005, true), (-0.007, false), (f64::INFINITY, false)] {
        let mut target = case.scores.clone();
        target[smallest] = value;
        let found = ScoreRecovery::noisy(&case.model, target, noise());
        assert_eq!(found.is_ok(), sound, "{value}");
    }
    assert!(ScoreRecovery::noisy(&case.model, DVector::zeros(3), noise()).is_err());
}

#[test]
fn a_misfit_that_the_noise_does_not_explain_is_too_noisy() {
    let case = case(11, 40, 3);
    let mut r = rng(12);
    let noise = DVector::from_fn(40, |_, _| 1e-5 * normal(&mut r));
    let target = &case.scores + noise.add_scalar(-noise.mean());
    let found = recover(
        &case,
        target,
        Noise::standard_deviation(1e-7).expect("positive"),
    );
    assert_eq!(found.status, Status::TooNoisy);
    assert!(found.reason.contains("probability"), "{}", found.reason);
}

#[test]
fn noise_that_moves_x_far_ends_too_noisy_with_the_intervals_marked() {
    let case = case(13, 40, 3);
    let sd = gradient_covariance(
        &case.model,
        &case.x,
        &Noise::standard_deviation(1.0).expect("positive"),
    )
    .expect("determined");
    // ω is proportional to the noise: twice the threshold.
    let sd = 0.1 / sd.omega;
    let found = GradientRecovery::new(&case.model, case.gradient.clone())
        .and_then(|g| g.signs(case.signs.clone()))
        .and_then(|g| g.start(case.x.clone()))
        .and_then(|g| g.noise(Noise::standard_deviation(sd)?))
        .and_then(GradientRecovery::run)
        .expect("in memory");
    assert_eq!(found.status, Status::TooNoisy, "{}", found.reason);
    assert!(
        found.reason.contains("not to be trusted"),
        "{}",
        found.reason
    );
    assert!(found.x.is_some() && found.uncertainty.is_some());
}

#[test]
fn equal_seeds_give_equal_bits_and_a_ridge_is_refused() {
    let case = case(14, 30, 4);
    let target = case.scores.map(|s| (s * 1e4).round() / 1e4);
    let noise = || Noise::decimals(4).expect("4");
    let (one, two) = (
        recover(&case, target.clone(), noise()),
        recover(&case, target.clone(), noise()),
    );
    assert_eq!(one.x, two.x);
    let ridge = ScoreRecovery::noisy(&case.model, target, noise())
        .expect("explained")
        .signs(SignKnowledge::Known(case.signs.clone()))
        .expect("one a row")
        .ridge(DVector::from_element(30, 1e-3))
        .run();
    let words = ridge.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(
        words.contains("noise and a ridge cannot be given together"),
        "{words}"
    );
}

#[test]
fn noise_out_of_range_is_refused_by_name() {
    assert!(Noise::<f64>::decimals(31).is_err());
    assert!(Noise::<f64>::significant(0).is_err() && Noise::<f64>::significant(18).is_err());
    for sd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-200] {
        assert!(Noise::standard_deviation(sd).is_err(), "{sd}");
    }
    let square = |v: [f64; 4]| Noise::covariance(DMatrix::from_row_slice(2, 2, &v));
    assert!(square([1.0, 0.5, 0.5, 1.0]).is_ok());
    assert!(square([1.0, 0.5, 0.4, 1.0]).is_err());
    assert!(square([1.0, f64::NAN, 0.5, 1.0]).is_err());
    assert!(square([0.0, 0.0, 0.0, 1.0]).is_err());
    assert!(Noise::covariance(DMatrix::<f64>::zeros(2, 3)).is_err());
    // Not positive semidefinite: seen where it meets a target.
    let case = case(15, 20, 2);
    let indefinite = square([1.0, 2.0, 2.0, 1.0]).expect("symmetric");
    assert!(gradient_covariance(&case.model, &case.x, &indefinite).is_err());
    let zero = Noise::significant(3).expect("3");
    assert!(zero.deviations(&DVector::from_vec(vec![0.0, 1.0])).is_err());
}

/// A level of a factor that one row alone holds: its score is 1 whatever x, and
/// its coefficient free.
#[test]
fn rows_that_alone_hold_a_direction_are_left_out_and_named() {
    let mut r = rng(21);
    let n = 40;
    let a = DMatrix::from_fn(n, 4, |i, j| match j {
        0 => 1.0,
        3 => f64::from(u8::from(i == 7)),
        _ if i == 20 => 0.0,
        _ => normal(&mut r),
    });
    // Row 20 holds the intercept alone; another is all zeros.
    let a = a.insert_row(n, 0.0);
    let x = DVector::from_fn(4, |_, _| normal(&mut r));
    let b = &a * &x + DVector::from_fn(n + 1, |_, _| normal(&mut r));
    let model = Model::new(a, b).expect("full rank");
    let at = model.at(&x).expect("inside");
    let signs = Signs::of(at.slack()).expect("no zero");
    let exact = at.scores().expect("in memory").clone();
    let sd = 1e-7;
    let rounded = exact.map(|t| (t * 1e6).round() / 1e6);
    let spoiled = exact.map(|t| t + sd * normal(&mut r));
    let c = DMatrix::from_diagonal_element(n + 1, n + 1, sd * sd);
    let given = [
        (rounded, Noise::decimals(6)),
        (spoiled.clone(), Noise::standard_deviation(sd)),
        (spoiled.clone(), Noise::covariance(c)),
    ];
    for (target, noise) in given {
        for signs in [SignKnowledge::Unknown, SignKnowledge::Known(signs.clone())] {
            let found = ScoreRecovery::noisy(&model, target.clone(), noise.clone().expect("sound"))
                .and_then(|run| run.signs(signs))
                .and_then(ScoreRecovery::run)
                .expect("in memory");
            assert_eq!(found.status, Status::Undetermined, "{}", found.reason);
            assert_eq!(found.directions.len(), 1, "{}", found.reason);
            let h = &found.directions[0];
            assert!(h[3] == 1.0 && h.rows(0, 3).amax() == 0.0, "{h}");
            let (got, u) = (found.x.expect("a point"), found.uncertainty.expect("some"));
            assert!(u.half_widths[3].is_infinite());
            for j in 0..3 {
                // Three times the half-width are six standard deviations.
                let error = (got[j] - x[j]).abs();
                assert!(error < 3.0 * u.half_widths[j], "{j}: {error:e}");
                assert!(u.half_widths[j] < 1e-3 && u.covariance[(j, j)] > 0.0);
            }
        }
    }
    // Seven standard deviations from what it must be.
    for (row, must) in [(7, 1.0), (n, 0.0)] {
        let mut target = spoiled.clone();
        target[row] = must + 7.0 * sd;
        let run = ScoreRecovery::noisy(&model, target, Noise::standard_deviation(sd).expect("1"));
        // Refused at once, if it is outside [0, 1] as well.
        if let Ok(found) = run.and_then(ScoreRecovery::run) {
            assert_eq!(found.status, Status::Infeasible, "{}", found.reason);
        }
        let mut target = spoiled.clone();
        target[row] = (must - 7.0 * sd).abs();
        let run = ScoreRecovery::noisy(&model, target, Noise::standard_deviation(sd).expect("1"));
        let found = run.and_then(ScoreRecovery::run).expect("in memory");
        assert_eq!(found.status, Status::Infeasible, "{}", found.reason);
    }
}

/// Nine decimals of few rows without signs: x, or that it cannot be told.
#[test]
fn few_noisy_rows_without_signs_are_never_wrong() {
    let (mut right, mut told, mut trials) = (0, 0, 0);
    for d in [2, 4, 6] {
        for n in [d + 2, d + 3, 2 * d] {
            for (seed, kind) in KINDS.into_iter().enumerate() {
                let instance = few_rows::instance(kind, n, d, 31 + seed as u64);
                let model = Model::new(instance.a.clone(), instance.b.clone()).expect("full rank");
                let scores = model
                    .at(&instance.x)
                    .expect("inside")
                    .scores()
                    .expect("in memory")
                    .clone();
                let target = scores.map(|t| (t * 1e9).round() / 1e9);
                let found = ScoreRecovery::noisy(&model, target, Noise::decimals(9).expect("9"))
                    .and_then(ScoreRecovery::run)
                    .expect("in memory");
                trials += 1;
                match found.status {
                    Status::Recovered => {
                        let u = found.uncertainty.expect("intervals").half_widths;
                        let off = (found.x.expect("a point") - &instance.x).abs();
                        // As above: six standard deviations.
                        assert!(
                            off.iter().zip(u.iter()).all(|(e, w)| *e < 3.0 * w),
                            "{kind:?}, {n}×{d}"
                        );
                        right += 1;
                    }
                    Status::Ambiguous => {
                        let listed = &found.solutions.expect("several").listed;
                        let near =
                            |x: &DVector<f64>| (x - &instance.x).norm() < 1e-3 * instance.x.norm();
                        assert!(
                            listed.is_empty() || listed.iter().any(near),
                            "{kind:?}, {n}×{d}"
                        );
                        told += 1;
                    }
                    Status::TooNoisy => told += 1,
                    other => panic!("{kind:?}, {n}×{d}: {other}: {}", found.reason),
                }
            }
        }
    }
    // Nine decimals tell the signs of all 36, as measured.
    assert!(
        10 * right >= 9 * trials,
        "{right} right, {told} told, of {trials}"
    );
}

/// Two groups with an intercept and a slope each: b of the first lies in its
/// column space, so that its two coefficients are known only up to a line.
#[test]
fn a_component_on_a_line_leaves_the_others_their_intervals() {
    let mut r = rng(41);
    let n = 60;
    let covariate = DVector::from_fn(n, |_, _| normal(&mut r));
    let a = DMatrix::from_fn(n, 4, |i, j| {
        let own = f64::from(u8::from(i % 2 == j % 2));
        if j < 2 { own } else { own * covariate[i] }
    });
    let x = DVector::from_fn(4, |_, _| normal(&mut r));
    let other = DVector::from_fn(4, |_, _| normal(&mut r));
    let explained = &a * &other;
    let response = &a * &x + DVector::from_fn(n, |_, _| normal(&mut r));
    let whole = DVector::from_fn(n, |i, _| {
        if i % 2 == 0 {
            explained[i]
        } else {
            response[i]
        }
    });
    for (b, lines) in [(whole, 1), (explained, 2)] {
        let model = Model::new(a.clone(), b).expect("full rank");
        let at = model.at(&x).expect("inside");
        let signs = Signs::of(at.slack()).expect("no zero");
        let target = at
            .scores()
            .expect("in memory")
            .map(|t| (t * 1e7).round() / 1e7);
        for signs in [SignKnowledge::Unknown, SignKnowledge::Known(signs)] {
            let found =
                ScoreRecovery::noisy(&model, target.clone(), Noise::decimals(7).expect("7"))
                    .and_then(|run| run.signs(signs))
                    .and_then(ScoreRecovery::run)
                    .expect("in memory");
            assert_eq!(found.status, Status::Undetermined, "{}", found.reason);
            assert_eq!(found.directions.len(), lines, "{}", found.reason);
            let way = &x - &other;
            for (k, h) in found.directions.iter().enumerate() {
                let (one, two) = (h[k] / way[k], h[k + 2] / way[k + 2]);
                assert!((one / two - 1.0).abs() < 1e-3, "{h}");
                assert!(h[1 - k] == 0.0 && h[3 - k] == 0.0, "{h}");
            }
            let (got, errors) = (found.x.expect("a point"), found.errors.expect("some"));
            assert!(errors[0].is_infinite() && errors[2].is_infinite());
            if lines == 1 {
                let u = found.uncertainty.expect("intervals");
                assert!(u.half_widths[0].is_infinite());
                for j in [1, 3] {
                    // Three times the half-width are six standard deviations.
                    assert!((got[j] - x[j]).abs() < 3.0 * u.half_widths[j], "{j}");
                    assert!(u.half_widths[j] < 1e-2);
                }
            }
        }
    }
}
