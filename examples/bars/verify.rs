//! Bars of the verification module.

use std::time::Instant;

use levinv::adapter::{ArgminObjective, ArgminProblem};
use levinv::verify::{
    Check, CheckReport, Explanation, HasTerms, LeverageDefinition, Part, Report, Verdict,
    Verification,
};
use levinv::{
    DVector, Error, Extended, GradientInversion, HasHessian, HasThirdDerivative, Model, Scalar,
    ScoreInversion, VolumetricBarrier,
};
use rayon::prelude::*;

use crate::common::planted::{Instance, KINDS, Times, Wrong, instance, sized};

const DRAWS: u64 = 20;
const UNITS: [f64; 3] = [1.0, 1e8, 1e-8];

/// The formulas with coefficients, and how many each has.
const FORMULAS: [(&str, usize); 6] = [
    ("V3", 2),
    ("D3", 2),
    ("D4", 6),
    ("G2", 2),
    ("G3", 6),
    ("V4", 5),
];

fn cast<T: Scalar>(v: &DVector<f64>) -> DVector<T> {
    v.map(nalgebra::convert)
}

fn model<T: Scalar>(i: &Instance) -> Model<T> {
    Model::new(i.a.map(nalgebra::convert::<f64, T>), cast(&i.b)).expect("a sound instance")
}

/// Verifies one formula with an error planted into the coefficient of one term.
fn verified<T: Scalar>(
    formula: &str,
    i: &Instance,
    planted: Option<(usize, T)>,
    unit: f64,
) -> Result<CheckReport, Error> {
    let model = model::<T>(i);
    let x = cast::<T>(&i.x);
    let part = match formula {
        "V4" => Part::Third,
        "D3" | "G2" => Part::Gradient,
        _ => Part::Hessian,
    };
    let term = planted.map(|(k, error)| (part, k, error));
    macro_rules! run {
        ($objective:expr, $check:expr, $ask:expr) => {{
            let objective = $objective;
            let definition = LeverageDefinition::of(&objective)?;
            let definition = Times(&definition, unit);
            let mut wrong = Wrong::new(&objective);
            wrong.term = term;
            wrong.unit = nalgebra::convert(unit);
            let base = Verification::of(&wrong)
                .terms()
                .definition(&definition)
                .at(&x);
            let base = if std::any::type_name::<T>().ends_with("Extended") {
                base.by_definition_alone()
            } else {
                base
            };
            let report = $ask(base).run()?;
            Ok(report.check($check).cloned().expect("asked for"))
        }};
    }
    let scores = || ScoreInversion::new(&model, cast(&i.tau)).expect("a target");
    let gradient = || GradientInversion::new(&model, cast(&i.c)).expect("a target");
    match formula {
        "V3" => run!(VolumetricBarrier::new(&model), Check::Hessian, hessian),
        "D3" => run!(scores(), Check::Gradient, |v| v),
        "D4" => run!(scores(), Check::Hessian, hessian),
        "G2" => run!(gradient(), Check::Gradient, |v| v),
        "G3" => run!(gradient(), Check::Hessian, hessian),
        _ => run!(VolumetricBarrier::new(&model), Check::Third, third),
    }
}

fn hessian<T: Scalar, O: HasHessian<T> + HasTerms<T>>(
    v: Verification<'_, T, O>,
) -> Verification<'_, T, O> {
    v.hessian()
}

fn third<T: Scalar, O: HasThirdDerivative<T> + HasTerms<T>>(
    v: Verification<'_, T, O>,
) -> Verification<'_, T, O> {
    v.third()
}

/// Whether the report names the k-th term, and it alone.
fn named(report: &CheckReport, k: usize, terms: &[String]) -> bool {
    match &report.explanation {
        Some(Explanation::Coefficients(found)) => found.len() == 1 && found[0].name == terms[k],
        _ => false,
    }
}

fn term_names(formula: &str) -> Vec<String> {
    let i = instance("base", 0);
    let model = model::<f64>(&i);
    let names = |terms: Result<Vec<levinv::verify::Term<f64>>, Error>| {
        terms.expect("inside").into_iter().map(|t| t.name).collect()
    };
    let barrier = VolumetricBarrier::new(&model);
    let scores = ScoreInversion::new(&model, i.tau.clone()).expect("a target");
    let gradient = GradientInversion::new(&model, i.c.clone()).expect("a target");
    match formula {
        "V3" => names(barrier.terms(Part::Hessian, &i.x, &i.x)),
        "D3" => names(scores.terms(Part::Gradient, &i.x, &i.x)),
        "D4" => names(scores.terms(Part::Hessian, &i.x, &i.x)),
        "G2" => names(gradient.terms(Part::Gradient, &i.x, &i.x)),
        "G3" => names(gradient.terms(Part::Hessian, &i.x, &i.x)),
        _ => names(barrier.terms(Part::Third, &i.x, &i.x)),
    }
}

/// Draws in which an error in each coefficient was caught, and named; the least
/// over the coefficients. And draws in which the right formula failed.
struct Rates {
    caught: u64,
    named: u64,
    alarms: u64,
    inconclusive: u64,
}

fn rates<T: Scalar>(formula: &str, count: usize, kind: &str, error: f64, unit: f64) -> Rates {
    let terms = term_names(formula);
    let of = |planted: Option<usize>| -> Vec<CheckReport> {
        let error: T = nalgebra::convert(error);
        (0..DRAWS)
            .into_par_iter()
            .map(|seed| {
                let planted = planted.map(|k| (k, error));
                verified::<T>(formula, &instance(kind, seed), planted, unit).expect("inside")
            })
            .collect()
    };
    let fails = |r: &&CheckReport| r.verdict == Verdict::Fail;
    let right = of(None);
    let mut rates = Rates {
        caught: DRAWS,
        named: DRAWS,
        alarms: right.iter().filter(fails).count() as u64,
        inconclusive: right
            .iter()
            .filter(|r| matches!(r.verdict, Verdict::Inconclusive(_)))
            .count() as u64,
    };
    for k in 0..count {
        let reports = of(Some(k));
        let caught = reports.iter().filter(fails).count() as u64;
        let named = reports.iter().filter(|r| named(r, k, &terms)).count() as u64;
        rates.caught = rates.caught.min(caught);
        rates.named = rates.named.min(named);
    }
    rates
}

fn table<T: Scalar>(error: f64, kinds: &[&str], units: &[f64]) {
    println!(
        "ε = {error:.0e} in one coefficient: caught / named in the worst coefficient, false alarms, inconclusive without error; of {DRAWS}"
    );
    for (formula, count) in FORMULAS {
        for kind in kinds {
            let mut line = format!("{formula:3} {kind:24}");
            for &unit in units {
                let r = rates::<T>(formula, count, kind, error, unit);
                line.push_str(&format!(
                    "  f×{unit:<5.0e} {:2}/{:2} alarms {} inconclusive {}",
                    r.caught, r.named, r.alarms, r.inconclusive
                ));
            }
            println!("{line}");
        }
    }
}

/// Closed forms in 237 bits.
pub fn extended() {
    table::<Extended>(1e-14, &KINDS, &UNITS);
}

/// The shipped f64 code.
pub fn double() {
    table::<f64>(1e-12, &KINDS, &[1.0]);
}

/// A problem that offers nothing but argmin's traits.
fn black_box<O: HasHessian<f64> + HasTerms<f64>>(
    objective: &O,
    x: &DVector<f64>,
    planted: Option<(Part, usize, f64)>,
) -> Report {
    let mut wrong = Wrong::new(objective);
    wrong.term = planted;
    let problem = ArgminObjective::new(ArgminProblem::new(wrong), x.len());
    Verification::of(&problem)
        .hessian()
        .at(x)
        .run()
        .expect("inside")
}

pub fn blind() {
    let error = 1e-8;
    println!(
        "only cost, gradient and Hessian through argmin's traits; ε = {error:.0e} in one coefficient, of {DRAWS}"
    );
    for kind in KINDS {
        let mut lines = Vec::new();
        for (formula, count) in FORMULAS.into_iter().filter(|(f, _)| *f != "V4") {
            let (part, check) = match formula {
                "D3" | "G2" => (Part::Gradient, Check::Gradient),
                _ => (Part::Hessian, Check::Hessian),
            };
            let run = |seed: u64, planted: Option<usize>| {
                let i = instance(kind, seed);
                let model = model::<f64>(&i);
                let planted = planted.map(|k| (part, k, error));
                match formula.as_bytes()[0] {
                    b'V' => black_box(&VolumetricBarrier::new(&model), &i.x, planted),
                    b'D' => {
                        let f = ScoreInversion::new(&model, i.tau.clone()).expect("a target");
                        black_box(&f, &i.x, planted)
                    }
                    _ => {
                        let f = GradientInversion::new(&model, i.c.clone()).expect("a target");
                        black_box(&f, &i.x, planted)
                    }
                }
            };
            let all = |planted| -> Vec<Report> {
                (0..DRAWS)
                    .into_par_iter()
                    .map(|s| run(s, planted))
                    .collect()
            };
            let right = all(None);
            let alarms = right
                .iter()
                .filter(|r| r.verdict() == Verdict::Fail)
                .count();
            let passes = right.iter().filter(|r| r.passed()).count();
            let caught = (0..count)
                .map(|k| {
                    let failed =
                        |r: &&Report| r.check(check).is_some_and(|c| c.verdict == Verdict::Fail);
                    all(Some(k)).iter().filter(failed).count()
                })
                .min()
                .unwrap_or(0);
            lines.push(format!(
                "{formula} {caught:2} caught, {alarms} alarms, {passes:2} pass"
            ));
        }
        println!("{kind:24} {}", lines.join("; "));
    }
}

/// One symmetric pair of entries of (D4) wrong by a thousandth.
pub fn entries() {
    for with_definition in [true, false] {
        let mut rightly = 0;
        for seed in 0..DRAWS {
            let i = instance("base", seed);
            let model = model::<f64>(&i);
            let f = ScoreInversion::new(&model, i.tau.clone()).expect("a target");
            let definition = LeverageDefinition::of(&f).expect("in memory");
            let mut wrong = Wrong::new(&f);
            let (row, column) = ((seed % 4) as usize, ((seed / 4) % 4) as usize);
            wrong.entry = Some((row, column, 1e-3));
            let run = Verification::of(&wrong).hessian().terms().at(&i.x);
            let run = if with_definition {
                run.definition(&definition)
            } else {
                run
            };
            let report = run.run().expect("inside");
            let hessian = report.check(Check::Hessian).expect("asked for");
            let mut pair: Vec<_> = hessian.worst.iter().map(|e| (e.row, e.column)).collect();
            pair.sort_unstable();
            let mut expected = vec![(row, column), (column, row)];
            expected.sort_unstable();
            expected.dedup();
            rightly += u64::from(hessian.verdict == Verdict::Fail && pair == expected);
        }
        let oracle = if with_definition {
            "with the definition"
        } else {
            "by differences alone"
        };
        println!("{oracle}: {rightly}/{DRAWS} caught, and these entries named alone");
    }
}

pub fn large() {
    let i = sized("base", 0, 2000, 50);
    let model = model::<f64>(&i);
    let f = ScoreInversion::new(&model, i.tau.clone()).expect("a target");
    let definition = LeverageDefinition::of(&f).expect("in memory");
    for with_definition in [false, true] {
        let started = Instant::now();
        let run = Verification::of(&f).hessian().product().at(&i.x);
        let run = if with_definition {
            run.definition(&definition)
        } else {
            run
        };
        let report = run.run().expect("inside");
        println!("{report}");
        println!(
            "definition {with_definition}: {:.1} s",
            started.elapsed().as_secs_f64()
        );
    }
}
