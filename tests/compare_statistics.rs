//! Profiles, rankings, break-even prices and advice agree with what a reader
//! computes by hand from the rows.

use levinv::compare::{
    ACCURACIES, BreakEven, Curve, Measure, Outcome, Prices, Ranking, Record, Table, Task, advice,
    bootstrap, break_even, data_profile, ecdf, performance_profile, stability,
};
use levinv::solver::Counts;
use levinv::{DVector, Error, Functions};

/// 1e-6.
const TAU: usize = 2;

fn row(solver: &str, problem: &str, family: &str, outcome: Outcome) -> Record {
    let f = Functions::new(
        3,
        |x: &DVector<f64>| x.norm_squared(),
        |x: &DVector<f64>| 2.0 * x,
    );
    let task = Task::first_order(problem, f, DVector::zeros(3))
        .unwrap()
        .least_value(0.0);
    Record::without_run((solver, &task.family(family)), outcome, String::new())
}

/// A row that reached 1e-6, and what is coarser, at these counts.
fn reached(solver: &str, problem: &str, counts: Counts) -> Record {
    let mut row = row(solver, problem, problem, Outcome::Ended);
    row.counts = counts;
    row.reached = std::array::from_fn(|k| (k <= TAU).then_some(counts));
    row.seconds = vec![counts.total() as f64];
    row
}

fn values(cost: u64) -> Counts {
    Counts {
        cost,
        ..Counts::default()
    }
}

fn with_hessians(gradient: u64, hessian: u64) -> Counts {
    Counts {
        gradient,
        hessian,
        ..Counts::default()
    }
}

/// Values to 1e-6 on problems p1, p2, …; 0 for a failure.
fn table(solvers: &[(&str, &[u64])]) -> Vec<Record> {
    let mut rows = Vec::new();
    for (solver, costs) in solvers {
        for (k, &cost) in costs.iter().enumerate() {
            let problem = format!("p{}", k + 1);
            rows.push(if cost > 0 {
                reached(solver, &problem, values(cost))
            } else {
                row(solver, &problem, &problem, Outcome::Failed)
            });
        }
    }
    rows
}

/// Ties on p2, nobody on p4; D nowhere. Least: 10, 20, 15.
fn small() -> Vec<Record> {
    table(&[
        ("A", &[10, 20, 30, 0]),
        ("B", &[20, 20, 0, 0]),
        ("C", &[40, 0, 15, 0]),
        ("D", &[0, 0, 0, 0]),
    ])
}

fn points(curves: &[Curve]) -> Vec<(&str, &[(f64, f64)])> {
    curves.iter().map(|c| (&*c.solver, &*c.points)).collect()
}

fn profile(records: &[Record]) -> Vec<Curve> {
    performance_profile(records, TAU, &Measure::default()).unwrap()
}

fn ranking(records: &[Record]) -> Ranking {
    Ranking::of(records, TAU, &Measure::default(), 1).unwrap()
}

fn flips(records: &[Record]) -> Vec<String> {
    let flips = stability(records, TAU, &Measure::default()).unwrap();
    flips.iter().map(ToString::to_string).collect()
}

fn advise(records: &[Record]) -> Vec<String> {
    advice(records, TAU, &Measure::default(), 1).unwrap()
}

#[test]
fn performance_profile_is_that_computed_by_hand() {
    // Ratios: A 1, 1, 2; B 2, 1; C 4, 1; the denominator is 4.
    assert_eq!(
        points(&profile(&small())),
        [
            ("A", &[(1.0, 0.5), (2.0, 0.75)][..]),
            ("B", &[(1.0, 0.25), (2.0, 0.5)]),
            ("C", &[(1.0, 0.25), (4.0, 0.5)]),
            ("D", &[(1.0, 0.0)]),
        ]
    );
}

#[test]
fn curves_are_continuous_from_the_right() {
    let c = &profile(&small())[2];
    let below = 4.0_f64.next_down();
    let at = [f64::NAN, 0.5, 1.0, below, 4.0, f64::INFINITY].map(|x| c.at(x));
    assert_eq!(at, [0.0, 0.0, 0.25, 0.25, 0.5, 0.5]);
}

#[test]
fn data_profile_is_that_computed_by_hand() {
    // d + 1 = 4; values at the price of two.
    let prices = Prices {
        cost: 2.0,
        ..Prices::default()
    };
    assert_eq!(
        points(&data_profile(&small(), TAU, &prices).unwrap()),
        [
            (
                "A",
                &[(0.0, 0.0), (5.0, 0.25), (10.0, 0.5), (15.0, 0.75)][..]
            ),
            ("B", &[(0.0, 0.0), (10.0, 0.5)]),
            ("C", &[(0.0, 0.0), (7.5, 0.25), (20.0, 0.5)]),
            ("D", &[(0.0, 0.0)]),
        ]
    );
}

#[test]
fn runtime_distribution_is_that_computed_by_hand() {
    // d = 3. A reaches 1e-2 on p1 after 3, the next two after 9; 1e-2 on p2 after
    // 9: of ten pairs one at 1, three more at 3.
    let mut first = row("A", "p1", "f", Outcome::Time);
    first.reached = [Some(3), Some(9), Some(9), None, None].map(|n| n.map(values));
    first.seconds = vec![7.0, 5.0, 6.0];
    let mut second = row("A", "p2", "f", Outcome::Ended);
    second.reached[0] = Some(values(9));
    second.seconds = vec![2.0];
    let rows = [first, second];
    let curves = ecdf(&rows, &Measure::default()).unwrap();
    assert_eq!(curves[0].points, [(0.0, 0.0), (1.0, 0.1), (3.0, 0.4)]);
    // Seconds are the median of whole runs, not divided by d.
    let curves = ecdf(&rows, &Measure::Seconds).unwrap();
    assert_eq!(curves[0].points, [(0.0, 0.0), (2.0, 0.1), (6.0, 0.4)]);
}

#[test]
fn costs_are_those_of_the_accuracy() {
    let mut row = reached("A", "p1", with_hessians(3, 2));
    row.seconds = vec![4.0, 1.0];
    let prices = Prices {
        hessian: 10.0,
        ..Prices::default()
    };
    assert_eq!(Measure::Evaluations(prices).of(&row, TAU), Some(23.0));
    assert_eq!(Measure::Seconds.of(&row, TAU), Some(2.5));
    for measure in [Measure::Seconds, Measure::default()] {
        assert_eq!(measure.of(&row, TAU + 1), None); // not reached
        assert_eq!(measure.of(&row, ACCURACIES.len()), None); // no such accuracy
    }
    row.seconds = vec![f64::NAN];
    assert_eq!(Measure::Seconds.of(&row, TAU), None);
}

#[test]
fn ranking_is_that_computed_by_hand() {
    // log₂ 32 = 5. A: (1 + 1 + 4/5)/4, B: (4/5 + 1)/4, C: (3/5 + 1)/4.
    let ranking = ranking(&small());
    let of = |k: usize| &ranking.rows[k];
    let names: Vec<&str> = ranking.rows.iter().map(|r| &*r.solver).collect();
    assert_eq!(names, ["A", "B", "C", "D"]);
    for (row, score) in ranking.rows.iter().zip([0.7, 0.45, 0.4, 0.0]) {
        // Sums of four numbers below 1: a few half-units in the last place of 1.
        assert!((row.score - score).abs() < 4.0 * f64::EPSILON);
    }
    assert_eq!(of(0).success, [0.75, 0.75, 0.75, 0.0, 0.0]);
    assert_eq!((of(0).cost, of(0).ratio), (Some(20.0), Some(1.0)));
    assert_eq!((of(1).cost, of(1).ratio), (Some(20.0), Some(1.5)));
    assert_eq!((of(3).cost, of(3).ratio), (None, None));
    assert_eq!(of(3).failures, [(Outcome::Failed, 4)]);
    assert_eq!((of(3).rank, of(3).interval.1), (4, 4));
}

#[test]
fn score_is_the_area_under_the_profile() {
    for (curve, score) in profile(&small()).iter().zip([0.7, 0.45, 0.4, 0.0]) {
        let steps = 5000;
        // Jumps of one curve are at whole u, which are ends of intervals.
        let middle = |k| curve.at(2_f64.powf((f64::from(k) + 0.5) * 5.0 / f64::from(steps)));
        let area = (0..steps).map(middle).sum::<f64>() / f64::from(steps);
        // A sum of 5000 numbers below 1 is off by at most 5000ε of itself.
        assert!((area - score).abs() < 5000.0 * f64::EPSILON);
    }
}

#[test]
fn ties_go_to_the_success_rate_then_to_the_name() {
    // Each is best on one problem; z solves the other too, at a ratio of 32, which
    // adds to its success rate alone.
    let tied = table(&[("b", &[1, 0]), ("z", &[32, 1]), ("a", &[0, 1])]);
    let names: Vec<String> = ranking(&tied).rows.into_iter().map(|r| r.solver).collect();
    assert_eq!(names, ["z", "a", "b"]);
    let equal = table(&[("y", &[3, 5]), ("x", &[5, 3])]);
    assert_eq!(ranking(&equal).rows[0].solver, "x");
    assert!(advise(&equal).contains(&"y is as good: the name decided.".to_string()));
}

#[test]
fn all_failing_on_all_problems_is_flat_and_chooses_nobody() {
    let rows = table(&[("A", &[0, 0]), ("B", &[0, 0])]);
    let data = data_profile(&rows, TAU, &Prices::default()).unwrap();
    assert_eq!(
        points(&data),
        [("A", &[(0.0, 0.0)][..]), ("B", &[(0.0, 0.0)])]
    );
    assert_eq!(
        points(&profile(&rows)),
        [("A", &[(1.0, 0.0)][..]), ("B", &[(1.0, 0.0)])]
    );
    assert_eq!(
        advise(&rows)[0],
        "Nothing to choose from: none of these solvers reached 1e-6 on any of these 2 problems."
    );
    assert!(flips(&rows).is_empty());
}

#[test]
fn one_solver_is_its_own_best() {
    let rows = table(&[("A", &[10, 99, 0])]);
    assert_eq!(points(&profile(&rows)), [("A", &[(1.0, 2.0 / 3.0)][..])]);
    assert!(advise(&rows)[0].starts_with("A alone was run: on 67 % of these 3 problems"));
    assert!(flips(&rows).is_empty());
}

#[test]
fn no_rows_are_no_curves() {
    assert!(profile(&[]).is_empty());
    assert!(ranking(&[]).rows.is_empty());
    assert_eq!(advise(&[]), ["No solver was run."]);
    let table = Table::of(&[], TAU, &Measure::default(), 0).unwrap();
    assert_eq!(table.to_text().lines().count(), 1);
}

#[test]
fn a_problem_refused_by_all_is_left_out_and_named() {
    let mut rows = table(&[("A", &[10, 20]), ("B", &[20, 0])]);
    for solver in ["A", "B"] {
        rows.push(row(solver, "wrong", "wrong", Outcome::Refused));
    }
    assert_eq!(
        points(&profile(&rows)),
        points(&profile(&rows[..4])) // as without it
    );
    assert_eq!(ranking(&rows).problems, 2);
    let said = "Caution: left out, since their derivatives are wrong: «wrong».";
    assert!(advise(&rows).contains(&said.to_string()));
    // Refused for one alone it counts, as a failure of that one.
    rows.push(reached("A", "wrong", values(5)));
    assert_eq!(ranking(&rows).problems, 3);
    assert_eq!(profile(&rows)[0].at(1.0), 1.0);
    // Only refused rows: no problem is left.
    let refused = [row("A", "wrong", "wrong", Outcome::Refused)];
    assert_eq!(advise(&refused)[0], "No problem is left to judge by.");
    assert_eq!(points(&profile(&refused)), [("A", &[(1.0, 0.0)][..])]);
}

#[test]
fn not_applicable_and_missing_rows_are_not_solved() {
    let mut rows = table(&[("A", &[10, 20]), ("B", &[20])]);
    assert_eq!(profile(&rows)[1].at(f64::INFINITY), 0.5); // no row for B on p2
    rows.push(row("B", "p2", "p2", Outcome::NotApplicable));
    assert_eq!(profile(&rows)[1].at(f64::INFINITY), 0.5);
    assert_eq!(
        ranking(&rows).rows[1].failures,
        [(Outcome::NotApplicable, 1)]
    );
    // A later row of the same pair counts instead.
    rows.push(reached("B", "p2", values(20)));
    assert_eq!(profile(&rows)[1].at(1.0), 0.5);
    assert_eq!(profile(&rows)[1].at(2.0), 1.0);
}

#[test]
fn a_free_best_makes_others_infinitely_dear() {
    let free = Prices {
        cost: 0.0,
        ..Prices::default()
    };
    let rows = [
        reached("A", "p1", values(10)),
        reached("B", "p1", with_hessians(1, 0)),
        reached("C", "p1", values(99)),
    ];
    let curves = performance_profile(&rows, TAU, &Measure::Evaluations(free)).unwrap();
    let best: Vec<f64> = curves.iter().map(|c| c.at(1.0)).collect();
    assert_eq!(best, [1.0, 0.0, 1.0]);
    assert_eq!(curves[1].at(f64::INFINITY), 0.0);
}

#[test]
fn bands_are_those_of_the_binomial_distribution() {
    // One of five problems solved: samples have Binomial(5, 1/5) of them, with
    // P(0) = 0.33, P(≥ 3) = 0.0579, P(≥ 4) = 0.0067. The 25th largest of 999 is 3
    // unless at least 25 have 4 or fewer than 25 have 3: by Chernoff's bound,
    // exp(−999 KL(0.025‖0.0067)) + exp(−999 KL(0.024‖0.0579)) < 3e-6.
    let curves = profile(&table(&[("A", &[7, 0, 0, 0, 0])]));
    let band = &bootstrap(&curves, 3)[0];
    assert_eq!((&*band.lower, &*band.upper), (&[0.0][..], &[0.6][..]));
}

#[test]
fn bands_contain_their_curves_and_repeat_by_seed() {
    // Twelve problems, four solvers, costs without a pattern, some failures.
    let costs = |s: u64| (0..12).map(move |p| (s * 37 + p * p * 11 + 5) % 23);
    let all: Vec<Vec<u64>> = (1..5).map(|s| costs(s).collect()).collect();
    let rows = table(&[
        ("A", &all[0]),
        ("B", &all[1]),
        ("C", &all[2]),
        ("D", &all[3]),
    ]);
    let data = data_profile(&rows, TAU, &Prices::default()).unwrap();
    for curves in [profile(&rows), data] {
        let bands = bootstrap(&curves, 9);
        assert_eq!(bands, bootstrap(&curves, 9));
        for (curve, band) in curves.iter().zip(&bands) {
            // k of n solved is the median of Binomial(n, k/n). It is outside only
            // if 975 of 999 samples are on one side, each with probability at most
            // one half: exp(−2·999·0.475²) < 1e-195 for each point (Hoeffding).
            for ((_, share), ends) in curve.points.iter().zip(band.lower.iter().zip(&band.upper)) {
                assert!(ends.0 <= share && share <= ends.1);
            }
            assert!(band.lower.is_sorted() && band.upper.is_sorted());
        }
    }
    assert_eq!(ranking(&rows), ranking(&rows));
    assert_eq!(advise(&rows), advise(&rows));
}

#[test]
fn a_winner_that_one_problem_makes_is_warned_about() {
    // A: 4/5, 4/5, 1; B: 1, 1, 0. Without p3 B is ahead, without p1 or p2 it is not.
    let rows = table(&[("A", &[8, 8, 8]), ("B", &[4, 4, 0])]);
    let warning = "without problem «p3», A is no longer first, B is";
    assert_eq!(flips(&rows), [warning]);
    assert!(advise(&rows).contains(&format!("Caution: {warning}.")));
}

#[test]
fn a_winner_that_one_family_makes_is_warned_about() {
    let mut rows = table(&[("A", &[8, 8, 8, 8, 8]), ("B", &[4, 4, 4, 0, 0])]);
    for row in &mut rows {
        let late = ["p4", "p5"].contains(&&*row.problem);
        row.family = if late { "late" } else { "early" }.to_string();
    }
    // A: (3·4/5 + 2)/5 = 0.88, B: 3/5; without p4: 0.85 and 3/4.
    let flips = stability(&rows, TAU, &Measure::default()).unwrap();
    assert_eq!(flips.len(), 1);
    assert!(flips[0].changes_winner());
    assert_eq!(
        flips[0].to_string(),
        "without family «late», A is no longer first, B is"
    );
    let better = "In the family «early» B ranks higher (it solved 3 of 3 problems, A 3).";
    assert!(advise(&rows).contains(&better.to_string()));
}

#[test]
fn an_order_that_a_third_solver_makes_is_warned_about() {
    // Next to C, A and B are both more than 32 times too dear on p1, and A wins on
    // p2. Without C, B leads by more on p1 (a ratio of 1.6) than A on p2 (1.2).
    let rows = table(&[("A", &[64, 10]), ("B", &[40, 12]), ("C", &[1, 0])]);
    let warning = "without solver «C», A is no longer first of the others, B is";
    assert!(flips(&rows).contains(&warning.to_string()));
    // Without p1, C has solved nothing.
    let order = "without problem «p1», the first are A, B and C instead of A, C and B";
    assert!(flips(&rows).contains(&order.to_string()));
}

#[test]
fn break_even_price_is_that_computed_by_hand() {
    // (25 − 5)/5 = 4, (20 − 4)/2 = 8, (15 − 10)/10 = 1/2; p4 is not solved by both.
    let mut rows = vec![
        reached("x", "p1", with_hessians(5, 5)),
        reached("y", "p1", with_hessians(25, 0)),
        reached("x", "p2", with_hessians(4, 2)),
        reached("y", "p2", with_hessians(20, 0)),
        reached("x", "p3", with_hessians(10, 10)),
        reached("y", "p3", with_hessians(15, 0)),
        reached("x", "p4", with_hessians(1, 1)),
        row("y", "p4", "p4", Outcome::Time),
    ];
    let prices = Prices {
        gradient: 3.0,
        hessian: 50.0,
        ..Prices::default()
    };
    let price = |rows: &[Record]| break_even(rows, ("x", "y"), TAU, &prices).unwrap();
    assert_eq!(price(&rows), BreakEven::Above(4.0));
    // Of two, above the greater it is cheaper on both; between them on half.
    assert_eq!(price(&rows[..4]), BreakEven::Above(8.0));
    let said = "If a Hessian costs more than 4 gradients, y is cheaper than x on most of the 3 \
                problems that both solved.";
    let advice = advise(&rows);
    assert!(advice.contains(&said.to_string()));
    assert!(advice[1].starts_with("Without Hessians: y (75 %, with a median of 20 evaluations"));
    // Fewer gradients and no Hessian; as many Hessians, more gradients; no problem.
    rows[1] = reached("y", "p1", with_hessians(4, 0));
    assert_eq!(price(&rows[..2]), BreakEven::Always);
    rows[1] = reached("y", "p1", with_hessians(6, 5));
    assert_eq!(price(&rows[..2]), BreakEven::Never);
    assert_eq!(price(&rows[6..]), BreakEven::Incomparable);
}

#[test]
fn advice_says_who_is_best_with_less_and_who_never_arrived() {
    let all_kinds = Counts {
        gradient: 15,
        product: 5,
        ..Counts::default()
    };
    let mut doubtful = reached("newton", "p1", with_hessians(5, 5));
    doubtful.warning = Some("rounding hides too much".to_string());
    let rows = [
        doubtful,
        reached("products", "p1", all_kinds),
        reached("gradients", "p1", with_hessians(30, 0)),
        row("slow", "p1", "p1", Outcome::Evaluations),
    ];
    assert_eq!(
        advise(&rows),
        [
            "Choose newton: on 100 % of this 1 problem (bootstrap 100–100 %) it reached 1e-6, \
             with a median of 10 evaluations, the least on its problem.",
            "Without Hessians: products (100 %, with a median of 20 evaluations, 2 times the \
             least on its problem).",
            "With values and gradients alone: gradients (100 %, with a median of 30 evaluations, \
             3 times the least on its problem).",
            "If a Hessian costs more than 3 gradients, products is cheaper than newton on the \
             one problem that both solved.",
            "On no problem did slow reach 1e-6 (1 at evaluation limit).",
            "Caution: only 1 problem: a share near one half is known to ±100 % only.",
            "Caution: 1 run that failed was stopped by a limit (1 of evaluations, 0 of time): \
             larger ones may change this.",
            "Caution: verification is in doubt about «p1».",
        ]
    );
}

#[test]
fn a_latex_table_escapes_what_latex_reads() {
    let rows = [reached("a_b & 50% #1 {x}\\~^$\n|", "p", values(1250))];
    let table = Table::of(&rows, TAU, &Measure::default(), 0).unwrap();
    let latex = table.to_latex();
    let name = "a\\_b \\& 50\\% \\#1 \\{x\\}\\textbackslash{}\\textasciitilde{}\\textasciicircum{}\\$ \
                \\textbar{}";
    assert!(latex.contains(name), "{latex}");
    let line = latex.lines().find(|l| l.contains("50")).unwrap();
    assert!(line.starts_with("1 (1--1) & ") && line.ends_with(" & -- \\\\"));
    assert!(line.contains(" 100 \\% & ") && line.contains(" 1250 & "));
    // Ten columns: nine ampersands that are not escaped.
    let separators = line.matches(" & ").count();
    assert_eq!(separators, 9, "{line}");
    assert!(latex.starts_with("\\begin{tabular}{llrrrrrrll}\n\\hline\n"));
    assert!(latex.ends_with("\\hline\n\\end{tabular}\n"));
    // In Markdown, a pipe in a name does not end a cell.
    let markdown = table.to_markdown();
    assert!(markdown.contains("a\\_b \\& 50% #1 {x}\\\\\\~^$ \\| |"));
    assert_eq!(markdown.lines().count(), 3);
}

#[test]
fn tables_are_aligned_with_medians_and_quartiles() {
    let table = Table::of(&small(), TAU, &Measure::Seconds, 1).unwrap();
    let text = table.to_text();
    // Seconds are the counts here: of 10, 20, 30 the quartiles are 15 and 25.
    let a = text.lines().nth(1).unwrap();
    assert!(
        a.contains("20 (15–25)") && a.ends_with("1 failed"),
        "{text}"
    );
    let d = text.lines().nth(4).unwrap();
    assert!(d.contains('–') && d.ends_with("4 failed"), "{text}");
    let markdown = table.to_markdown();
    let widths: Vec<usize> = markdown.lines().map(|l| l.chars().count()).collect();
    assert!(widths.iter().all(|w| *w == widths[0]), "{markdown}");
}

#[test]
fn bad_accuracies_and_prices_are_errors() {
    let rows = small();
    let name = |error: Error| match error {
        Error::OutOfRange { name, .. } => name,
        other => panic!("{other}"),
    };
    let measure = Measure::default();
    let none = ACCURACIES.len();
    assert_eq!(
        name(performance_profile(&rows, none, &measure).unwrap_err()),
        "accuracy"
    );
    assert_eq!(
        name(advice(&rows, usize::MAX, &measure, 0).unwrap_err()),
        "accuracy"
    );
    for bad in [f64::NAN, -1.0, f64::INFINITY] {
        let prices = Prices {
            product: bad,
            ..Prices::default()
        };
        let measure = Measure::Evaluations(prices);
        let errors = [
            data_profile(&rows, TAU, &prices).unwrap_err(),
            ecdf(&rows, &measure).unwrap_err(),
            Ranking::of(&rows, TAU, &measure, 0).unwrap_err(),
            stability(&rows, TAU, &measure).unwrap_err(),
            Table::of(&rows, TAU, &measure, 0).unwrap_err(),
            break_even(&rows, ("A", "B"), TAU, &prices).unwrap_err(),
        ];
        assert!(errors.map(name).iter().all(|n| *n == "price of a product"));
    }
    let free = Prices {
        gradient: 0.0,
        ..Prices::default()
    };
    let error = break_even(&rows, ("A", "B"), TAU, &free).unwrap_err();
    assert_eq!(name(error), "price of a gradient");
}

#[test]
fn two_rows_of_one_name_are_warned_about() {
    let rows = [reached("a", "p", values(5)), reached("a", "p", values(7))];
    let said = advise(&rows);
    let caution = "Caution: 1 row repeats the names of a solver and a problem that were there \
                   before (a on «p»): only the last of each counts.";
    assert!(said.iter().any(|s| s == caution), "{said:?}");
}

#[test]
fn prices_at_which_costs_overflow_are_refused() {
    // Costs at 1e280 are finite up to 2⁶⁴ < 1e20 evaluations.
    let measure = |gradient| {
        Measure::Evaluations(Prices {
            gradient,
            ..Prices::default()
        })
    };
    assert!(measure(1e280).check(TAU).is_ok());
    assert!(measure(1e281).check(TAU).is_err());
}
