//! A wrong coefficient of (D4), found on a random instance, is shown on a small one.

mod common;

use common::planted::{KINDS, Wrong, instance};
use levinv::verify::{Check, Instance, Part, Verdict, Verification, shrink};
use levinv::{Error, Model, ScoreInversion};

fn fails(i: &Instance, term: usize) -> Result<bool, Error> {
    let model = Model::new(i.matrix("a")?.clone(), i.vector("b")?.clone())?;
    let loss = ScoreInversion::new(&model, i.vector("tau")?.clone())?;
    let mut wrong = Wrong::new(&loss);
    wrong.term = Some((Part::Hessian, term, 0.1));
    let x = i.vector("x")?;
    let report = Verification::of(&wrong).hessian().at(x).run()?;
    let hessian = report.check(Check::Hessian);
    Ok(hessian.is_some_and(|check| check.verdict == Verdict::Fail))
}

#[test]
fn each_term_is_shown_on_a_few_rows() {
    for kind in [KINDS[0], KINDS[5]] {
        for term in 0..6 {
            let given = instance(kind, 7);
            let given = Instance::new()
                .with_matrix("a", ("n", "d"), given.a)
                .and_then(|i| i.with_vector("b", "n", given.b))
                .and_then(|i| i.with_vector("tau", "n", given.tau))
                .and_then(|i| i.with_vector("x", "d", given.x))
                .unwrap();
            let small = shrink(given, |i| fails(i, term)).unwrap();
            let i = small.instance();
            assert!(small.is_minimal() && small.steps() < 100);
            assert!(i.size("n") <= Some(2) && i.size("d") == Some(1), "{small}");
            assert!(small.to_string().len() < 150, "{small}");
            assert_eq!(fails(i, term), Ok(true));
        }
    }
}
