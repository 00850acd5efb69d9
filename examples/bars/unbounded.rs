//! Bar of the unbounded cells.

#[path = "../../tests/common/unbounded.rs"]
mod instances;

use instances::{Kind, feasible, infeasible, is_single, proves, recover};
use levinv::recover::Status;

/// Of each kind: 11·5 = 55 without a solution, 8·13 = 104 with one.
const DRAWS: [u64; 2] = [5, 13];

pub fn unbounded() {
    let (mut proved, mut all, mut single) = (0, 0, 0);
    for kind in Kind::INFEASIBLE {
        let mut here = 0;
        for seed in 0..DRAWS[0] {
            let case = infeasible(kind, seed);
            let found = recover(&case);
            let good = found.status == Status::Infeasible && proves(&case, &found);
            here += usize::from(good);
            single += usize::from(good && is_single(&found));
            if !good {
                let shape = case.a.shape();
                println!(
                    "MISSED {kind:?} {seed} {shape:?}: {}: {}",
                    found.status, found.reason
                );
            }
        }
        println!(
            "{:20} {here}/{} infeasible, proof checked exactly",
            format!("{kind:?}"),
            DRAWS[0]
        );
        proved += here;
        all += DRAWS[0] as usize;
    }
    println!("no x: {proved}/{all} proved, {single} by a single vector of f64\n");
    let (mut recovered, mut misclassified, mut all) = (0, 0, 0);
    for kind in Kind::FEASIBLE {
        let mut here = 0;
        for seed in 0..DRAWS[1] {
            let case = feasible(kind, seed);
            let found = recover(&case);
            here += usize::from(found.status == Status::Recovered);
            misclassified += usize::from(found.status == Status::Infeasible);
            if found.status != Status::Recovered {
                let shape = case.a.shape();
                println!(
                    "MISSED {kind:?} {seed} {shape:?}: {}: {}",
                    found.status, found.reason
                );
            }
        }
        println!("{:20} {here}/{} recovered", format!("{kind:?}"), DRAWS[1]);
        recovered += here;
        all += DRAWS[1] as usize;
    }
    println!("an x: {recovered}/{all} recovered, {misclassified} misclassified as infeasible");
}
