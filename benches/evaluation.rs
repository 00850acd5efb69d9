//! Evaluations beside the raw kernels they are made of, in one run: the bars
//! `evaluation` and `sparse`, under `cargo bench`.

#[path = "../examples/bars/evaluation.rs"]
mod evaluation;

fn main() {
    evaluation::evaluation();
    // A child that was asked for its memory has told it.
    if std::env::args().nth(2).is_none() {
        evaluation::sparse();
    }
}
