//! Which way to a full Hessian is the cheapest.

use super::pairs::{Pairs, count};
use crate::geometry::Geometry;
use crate::scalar::Scalar;

/// What one product of a pair of entries costs in multiply-adds of a matrix
/// product: measured 12 to 16 (it is written and read once from the cache).
const PAIR: f64 = 15.0;

/// The same for an entry of a tile of P, its square and what else is made of it;
/// and for an entry of Q in each product, beyond the products of matrices.
const ENTRY: f64 = 15.0;

/// How much slower a multiply-add is in a product with the Hessian, whose Gram
/// matrices and row forms read A anew, than in the products of large tiles: 1.4
/// measured at d = 50.
const NARROW: f64 = 1.4;

/// What is wanted: each has its own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// ∇²V. (V3)
    Barrier,
    /// D³V\[p\]. (V4)
    Third,
    /// ∇²L_G, which takes both. (G3)
    Gradient,
    /// ∇²L_D. (D4)
    Scores,
}

/// A way to a full Hessian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// By the third-moment tensor.
    Tensor,
    /// By blocks of the n×n form.
    Square,
    /// By d products.
    Products,
}

/// Multiply-adds of each way, in units of those of a large matrix product.
///
/// ```text
///            tensor                          n×n blocks        d products
/// V          n·(d³/6 + 15 d²/2) + d⁴/2       n²(d + 15/2)      1.4nd³ + 15nd²
/// D³V[p]     n·(d³/3 + 15 d²/2) + 2d⁴        n²(3d/2 + 15)     2.8nd³ + 15nd²
/// L_G        n·(d³/3 + 15 d²/2) + 5d⁴/2      n²(2d + 15)       2.8nd³ + 15nd²
/// L_D        n·(d³/2 + 15 d²/2) + 3d⁴/2      n²(3d + 45/2)     2.8nd³ + 15nd²
/// ```
#[derive(Debug, Clone, Copy)]
struct Costs {
    tensor: f64,
    square: f64,
    products: f64,
    /// Numbers that the tensor needs in memory.
    entries: usize,
}

impl Costs {
    fn new(quantity: Quantity, n: usize, d: usize) -> Self {
        let (rows, width) = (n as f64, d as f64);
        let (entries, pairs) = (Pairs::new(d).entries(), count(d));
        let (sum, pair) = (entries as f64, pairs as f64);
        let fourth = width.powi(4);
        // Sums of moments and rows, per row; contractions; passes over tiles of P
        // and the entries handled; Gram matrices and row forms of a product; sums
        // in memory, two walks at a time.
        let (per_row, contractions, passes, handled, product, memory) = match quantity {
            Quantity::Barrier => (sum + PAIR * pair, 0.5, 1.0, 0.5, 1.0, 2 * entries),
            Quantity::Third => (2.0 * sum + PAIR * pair, 2.0, 1.5, 1.0, 2.0, 4 * entries),
            Quantity::Gradient => (2.0 * sum + PAIR * pair, 2.5, 2.0, 1.0, 2.0, 4 * entries),
            Quantity::Scores => (3.0 * sum + PAIR * pair, 1.5, 3.0, 1.5, 2.0, 3 * entries),
        };
        Costs {
            tensor: rows * per_row + contractions * fourth,
            square: rows * rows * (passes * width + handled * ENTRY),
            products: rows * width * width * (NARROW * product * width + ENTRY),
            entries: memory,
        }
    }
}

impl Route {
    /// The cheapest way at a point: by products where forms are met on a sparse
    /// pattern, for the others take rows of Q.
    pub(crate) fn at<T: Scalar>(quantity: Quantity, at: &Geometry<T>) -> Self {
        if at.is_on_pattern() {
            return Route::Products;
        }
        Self::cheapest(quantity, at.slack().len(), at.x().len())
    }

    /// The cheapest way, the tensor only where it is no larger than A itself.
    ///
    /// The other two take no more memory than Q and a few tiles. What a sparse A
    /// saves in products is not known here: rows of Q are dense all the same.
    fn cheapest(quantity: Quantity, n: usize, d: usize) -> Self {
        let costs = Costs::new(quantity, n, d);
        let mut ways = vec![
            (costs.square, Route::Square),
            (costs.products, Route::Products),
        ];
        if costs.entries <= n * d {
            ways.push((costs.tensor, Route::Tensor));
        }
        ways.into_iter()
            .reduce(|best, way| if way.0 < best.0 { way } else { best })
            .map_or(Route::Products, |(_, way)| way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Quantity; 4] = [
        Quantity::Barrier,
        Quantity::Third,
        Quantity::Gradient,
        Quantity::Scores,
    ];

    #[test]
    fn many_rows_go_by_the_tensor_and_few_by_the_square() {
        for quantity in ALL {
            for d in [5, 20, 50, 100, 300] {
                let way = Route::cheapest(quantity, 2 * d * d + 400, d);
                assert_eq!(way, Route::Tensor, "{quantity:?}, d = {d}");
            }
            for d in [100, 300, 1000] {
                let way = Route::cheapest(quantity, 2 * d, d);
                assert_eq!(way, Route::Square, "{quantity:?}, d = {d}");
            }
        }
    }

    #[test]
    fn the_way_taken_is_the_cheapest_that_memory_allows() {
        for quantity in ALL {
            for d in [1, 3, 10, 30, 100, 400] {
                for n in (0..16).map(|k| d + (1 << k)) {
                    let costs = Costs::new(quantity, n, d);
                    let allowed = costs.entries <= n * d;
                    let taken = match Route::cheapest(quantity, n, d) {
                        Route::Tensor => {
                            assert!(allowed, "{quantity:?}, {n}×{d}: larger than A");
                            costs.tensor
                        }
                        Route::Square => costs.square,
                        Route::Products => costs.products,
                    };
                    assert!(taken <= costs.square && taken <= costs.products);
                    assert!(!allowed || taken <= costs.tensor);
                }
            }
        }
    }

    /// The documented table, up to what rounding up to whole chunks adds.
    #[test]
    fn counts_are_the_documented_ones() {
        let (n, d) = (1e6, 200.0f64);
        let pair = 15.0 * d * d / 2.0;
        let expected = |per_row: f64| n * per_row;
        for (quantity, per_row) in [
            (Quantity::Barrier, d.powi(3) / 6.0 + pair),
            (Quantity::Gradient, d.powi(3) / 3.0 + pair),
            (Quantity::Scores, d.powi(3) / 2.0 + pair),
        ] {
            let count = Costs::new(quantity, 1_000_000, 200).tensor;
            let excess = count / expected(per_row) - 1.0;
            assert!((0.0..0.06).contains(&excess), "{quantity:?}: {excess}");
        }
    }
}
