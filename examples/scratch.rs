#![allow(unused, missing_docs)]
#[path = "../tests/common/mod.rs"]
mod common;
use common::planted::*;
use levinv::verify::*;
use levinv::*;
use std::time::Instant;

fn main() {
    let count: u64 = std::env::args()
        .nth(1)
        .and_then(|v| v.parse().ok())
        .unwrap_or(2);
    for kind in KINDS {
        for seed in 0..count {
            let i = instance(kind, seed);
            let model = Model::new(i.a.clone(), i.b.clone()).unwrap();
            let f = ScoreInversion::new(&model, i.tau.clone()).unwrap();
            let def = LeverageDefinition::of(&f).unwrap();
            let t = Instant::now();
            let report = Verification::of(&f)
                .hessian()
                .product()
                .jacobian()
                .terms()
                .definition(&def)
                .at(&i.x)
                .run()
                .unwrap();
            println!(
                "== {kind} {seed} L_D {:?} {:?}",
                report.verdict(),
                t.elapsed()
            );
            if seed == 0 || !report.passed() {
                println!("{report}");
            }
            let f = GradientInversion::new(&model, i.c.clone()).unwrap();
            let def = LeverageDefinition::of(&f).unwrap();
            let report = Verification::of(&f)
                .hessian()
                .product()
                .jacobian()
                .terms()
                .definition(&def)
                .at(&i.x)
                .run()
                .unwrap();
            println!("== {kind} {seed} L_G {:?}", report.verdict());
            if !report.passed() {
                println!("{report}");
            }
            let f = VolumetricBarrier::new(&model);
            let def = LeverageDefinition::of(&f).unwrap();
            let report = Verification::of(&f)
                .hessian()
                .product()
                .jacobian()
                .third()
                .terms()
                .definition(&def)
                .at(&i.x)
                .run()
                .unwrap();
            println!("== {kind} {seed} V {:?}", report.verdict());
            if !report.passed() {
                println!("{report}");
            }
        }
    }
}
