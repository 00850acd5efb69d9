#![allow(unused, missing_docs)]
#[path = "../tests/common/mod.rs"]
mod common;
use common::planted::*;
use levinv::adapter::*;
use levinv::verify::*;
use levinv::*;

fn main() {
    let count: u64 = std::env::args()
        .nth(1)
        .and_then(|v| v.parse().ok())
        .unwrap_or(20);
    let mut tally = std::collections::BTreeMap::new();
    for kind in KINDS {
        for seed in 0..count {
            let i = instance(kind, seed);
            let model = Model::new(i.a.clone(), i.b.clone()).unwrap();
            macro_rules! go {
                ($name:expr, $f:expr) => {{
                    let f = $f;
                    let p = ArgminObjective::new(ArgminProblem::new(f), 4);
                    let report = Verification::of(&p).hessian().at(&i.x).run().unwrap();
                    let e = tally.entry((kind, $name)).or_insert([0, 0, 0, 0]);
                    match report.verdict() {
                        Verdict::Pass => e[0] += 1,
                        Verdict::Fail => {
                            e[1] += 1;
                            println!("{kind} {seed} {} \n{report}", $name);
                        }
                        Verdict::Inconclusive(Reason::OraclesDisagree(..)) => {
                            e[2] += 1;
                            println!("{kind} {seed} {} \n{report}", $name);
                        }
                        _ => e[3] += 1,
                    }
                }};
            }
            go!("V", VolumetricBarrier::new(&model));
            go!("D", ScoreInversion::new(&model, i.tau.clone()).unwrap());
            go!("G", GradientInversion::new(&model, i.c.clone()).unwrap());
        }
    }
    println!("{tally:#?}");
}
