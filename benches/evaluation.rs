//! Evaluations and full Hessians beside the raw kernels they are made of, in one
//! run: bars of `examples/bars` under `cargo bench`.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../examples/bars/evaluation.rs"]
mod evaluation;
#[path = "../examples/bars/hessian.rs"]
mod hessian;
#[path = "../examples/bars/sparse_gram.rs"]
mod sparse_gram;

fn main() {
    // Two of them ask a child of this program for its memory, by their names.
    match std::env::args().nth(1).as_deref() {
        Some("evaluation") => evaluation::evaluation(),
        Some("hessian") => hessian::hessian(),
        _ => {
            evaluation::evaluation();
            evaluation::sparse();
            sparse_gram::sparse_gram();
            sparse_gram::recovery();
            sparse_gram::sketched();
            hessian::hessian();
        }
    }
}
