//! Bar of the certificates.

use crate::common::certificates::{BADLY, EQUATIONS, OFFSETS, Tally, WELL, measure, median};

/// Of each equation, conditioning and offset: 6·(2·9 + 4·4)·5 = 1020 in all.
const DRAWS: [u64; 2] = [9, 4];

pub fn certificates() {
    println!(
        "certified/instances; radius over true distance, median; the same of the worst coordinate"
    );
    let mut all = Tally::default();
    for (kinds, draws) in [(&WELL[..], DRAWS[0]), (&BADLY[..], DRAWS[1])] {
        for &kind in kinds {
            println!("\n{kind}");
            for equation in EQUATIONS {
                print!("{equation:20}");
                for offset in OFFSETS {
                    let mut tally = Tally::default();
                    (0..draws).for_each(|seed| tally.add(measure(equation, kind, offset, seed)));
                    print!(
                        "  {offset:.0e}: {}/{} {:.2} {:.2}",
                        tally.certified,
                        tally.instances,
                        median(&tally.looseness),
                        median(&tally.coordinates)
                    );
                    all.add(tally);
                }
                println!();
            }
        }
    }
    all.contradicted
        .iter()
        .for_each(|what| println!("CONTRADICTED {what}"));
    println!(
        "\n{} instances, {} certified, {} contradicted, radius/distance {:.3}, {:.1} ms each",
        all.instances,
        all.certified,
        all.contradicted.len(),
        median(&all.looseness),
        all.time.as_secs_f64() * 1e3 / all.instances as f64
    );
}
