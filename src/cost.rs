//! What evaluations cost, in multiply-adds and in memory.
//!
//! A is n×d, with k entries in a row where it is sparse. Two kernels carry
//! everything, each nd²/2 multiply-adds on dense rows and k²/2 a row on sparse
//! ones: a Gram matrix AᵀDA, and quadratic forms a_iᵀFa_i of all rows. They are
//! taken on blocks of rows that fit a core's second-level cache, with all that
//! can be done while a block is there: a *pass* reads A once.
//!
//! | at a new point | passes | kernels | kept, numbers |
//! |---|---|---|---|
//! | slacks, factor, value of V | 1 | 1 | n + 2d² |
//! | scores, gradient of V, value of L_D, L_G | 1 | 1 | n |
//! | gradient of L_D, L_G | 2 | 2 | 2n + 2d² |
//! | a further product, V | 2 | 2 | – |
//! | a further product, L_D | 3 | 4 | – |
//! | a further product, L_G | 4 | 4 | – |
//!
//! Value and gradient of L_D are 2nd² multiply-adds in all, its product as many.
//! Cost, gradient and products at one point share what is above them in the
//! table, whoever asks first and in whatever order.
//!
//! # Which factor
//!
//! | condition κ of A_x, f64 | factor | kernels more | rows of A are |
//! |---|---|---|---|
//! | up to 90 | Cholesky | none | used as they stand |
//! | up to 7·10⁵ | Cholesky twice | 2, and 1 in each pass | multiplied by R⁻¹, block by block |
//! | beyond | row-sorted pivoted QR | some 10, and solves | solved for, and kept if A is dense in memory |
//!
//! [`Factorisation`](crate::Factorisation) gives the thresholds and their reasons.
//! A regression whose residuals are normal has κ of a hundred or two at n = 10⁵:
//! its smallest residuals outweigh the others.
//!
//! # Full Hessians
//!
//! By the symmetric third-moment tensor of Q nd³/6 for V, nd³/3 for L_G and
//! ⅔nd³ for L_D; by tiles of the n×n matrix P, never stored, n²d to 3n²d; by d
//! products as above. A count of operations chooses, and the tensor only where it
//! is no larger than A. Rows with scores above 0.99 send L_D to products.
//!
//! # Memory
//!
//! A where it is; b, slacks, scores, and for L_D the residual and its image: 5n
//! numbers, 10 % of A at d = 50. Partial sums are d×d, added along a binary tree
//! of which each thread holds one path. A design that reads its rows
//! ([`npy::NpyRows`](crate::npy::NpyRows), or any [`DesignMatrix`](crate::DesignMatrix))
//! keeps a block of 32 768 numbers a thread.
//!
//! # Measured
//!
//! One core with AVX-512, f64, n = 100 000, slacks between 0.5 and 2; a unit is
//! the lower triangle of one Gram matrix and one triangular solve with n right-hand
//! sides, by faer on row blocks (17 ms at d = 50, 36 ms at d = 100).
//!
//! | units | value | value + gradient | a further product |
//! |---|---|---|---|
//! | V, d = 50 | 0.51 | 0.90 (15 ms) | 0.76 |
//! | L_D | 0.93 | 1.69 (29 ms) | 1.41 |
//! | L_G | 0.94 | 1.70 (29 ms) | 1.58 |
//! | V, d = 100 | 0.59 | 1.09 (39 ms) | 0.96 |
//! | L_D | 1.07 | 2.02 (73 ms) | 1.80 |
//! | L_G | 1.09 | 2.07 (75 ms) | 1.93 |
//!
//! Two threads are 1.9 to 2 times as fast, f32 1.7 to 2 times. Peak memory of
//! a process that makes A and evaluates: 1.38 times A. Normal residuals, so
//! Cholesky twice, cost 1.9 to 3.6 units for a value, up to 5.5 with the gradient.
//! About 55 % of the time of value and gradient goes into faer's products, 16 % into
//! scaling and summing rows in the cache, the rest into packing for the products and
//! reading A.
//!
//! Full Hessians at n = 10 000, d = 50: V 8.2 ms, L_G 13.7 ms, L_D 22.3 ms, that is
//! 0.16, 0.26 and 0.42 times nd³ multiply-adds at the rate of the Gram kernel, and
//! 6.8, 8.2 and 4.7 times as fast as d products.
//!
//! Sparse, n = 1 000 000, d = 100, 10 a row, in units of one AᵀDA by row pairs
//! (44 ms in that run): value and gradient of V 1.8, of L_D and L_G 3.4, a product
//! 1.6, 2.8 and 3.3. From a .npy file of 1.6 GB (n = 10⁷, d = 20) scores are recovered within
//! 1 GB.
//!
//! The figures are printed by `cargo run --release --example bars -- evaluation`
//! (and `sparse`, `hessian`, `large`), beside the raw kernels of the same run.
