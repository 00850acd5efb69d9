//! Bar of the derivatives that argmin_testfunctions ships.

use levinv::verify::{Check, Report};

use crate::common::test_functions::{CASES, Tally};

const POINTS: usize = 20;

fn verdicts(tally: &Tally) -> String {
    let counts = [
        (tally.pass, "pass"),
        (tally.fail, "FAIL"),
        (tally.open, "open"),
    ];
    let said: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    said.join(", ")
}

fn caught(tally: &Tally) -> String {
    if tally.pass > 0 && tally.caught.is_finite() {
        format!("{:.0e}", tally.caught)
    } else {
        "–".into()
    }
}

pub fn shipped() {
    println!(
        "verdicts at {POINTS} points, and the smallest relative error that all passes would have caught"
    );
    for defined in [false, true] {
        let oracle = if defined {
            "beside a literal definition"
        } else {
            "as black boxes, by differences"
        };
        println!("\n{oracle}");
        println!(
            "{:22} {:37} {:24} {:7} {:24} {:7}",
            "function", "parameters", "gradient", "caught", "Hessian", "caught"
        );
        for case in CASES {
            let at = |x: &levinv::DVector<f64>| {
                if defined {
                    case.defined(x)
                } else {
                    case.black_box(x)
                }
            };
            let reports: Vec<Report> = case.points(POINTS).iter().map(at).collect();
            let gradient = Tally::of(&reports, Check::Gradient);
            let hessian = Tally::of(&reports, Check::Hessian);
            let line = format!(
                "{:22} {:37} {:24} {:7} {:24} {:7} {}",
                case.name,
                case.parameters,
                verdicts(&gradient),
                caught(&gradient),
                verdicts(&hessian),
                caught(&hessian),
                case.wrong(Check::Hessian)
                    .map_or(String::new(), |why| format!("wrong: {why}")),
            );
            println!("{}", line.trim_end());
        }
    }
}
