//! Sparse designs whose Gram matrix is sparse itself.

use nalgebra_sparse::{CooMatrix, CsrMatrix};
use rand::Rng;
use rand::rngs::StdRng;

/// Edges of a k×k grid, one corner left out, with a weight each.
pub fn grid(k: usize, rng: &mut StdRng) -> CsrMatrix<f64> {
    let vertex = |i: usize, j: usize| (i * k + j).checked_sub(1);
    let mut coo = CooMatrix::new(2 * k * (k - 1), k * k - 1);
    let mut row = 0;
    for i in 0..k {
        for j in 0..k {
            for (a, b) in [(i + 1, j), (i, j + 1)] {
                if a < k && b < k {
                    let weight: f64 = rng.random_range(0.5..2.0);
                    for (column, sign) in [(vertex(i, j), 1.0), (vertex(a, b), -1.0)] {
                        column
                            .into_iter()
                            .for_each(|c| coo.push(row, c, sign * weight));
                    }
                    row += 1;
                }
            }
        }
    }
    CsrMatrix::from(&coo)
}

/// Each row has `width` successive entries, as a spline's basis does.
pub fn band(n: usize, d: usize, width: usize, rng: &mut StdRng) -> CsrMatrix<f64> {
    let mut coo = CooMatrix::new(n, d);
    for i in 0..n {
        let first = i * (d - width + 1) / n;
        (first..first + width).for_each(|j| coo.push(i, j, rng.random_range(0.2..1.0)));
    }
    CsrMatrix::from(&coo)
}
