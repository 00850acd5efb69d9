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
//! | the same without rows of tiny slack | Cholesky, and a small factor for those | none | used as they stand |
//! | up to 7·10⁵ | Cholesky twice | 2, and 1 in each pass | multiplied by R⁻¹, block by block |
//! | beyond | row-sorted pivoted QR | some 10, and solves | solved for, and kept if A is dense in memory |
//!
//! [`Factorisation`](crate::Factorisation) gives the thresholds and their reasons.
//! The second line is that of regressions: of 100 000 normal residuals the smallest
//! is 10⁻⁵, and outweighs all others. Rows whose 1/|s| is 40 times a mean of their
//! block's, 0.8 % there, are set apart; each costs two vectors of length d.
//!
//! # Sparse Gram matrices
//!
//! Where A is sparse and AᵀA too (graphs, grids, splines) no d×d matrix is made. A
//! fill-reducing order and a sparse factor L replace the dense one; of M⁻¹ and its
//! first two derivatives only the entries on the pattern of AᵀA are made (Takahashi,
//! Fagan and Chin 1973), and all values, gradients and products follow from those. A
//! design is taken so where Σ|L_j|², a column of L each, is at most a quarter of d³/3.
//! As there is no second step, the bound κ²ε must leave half the digits and the sum
//! of the scores three quarters; otherwise a dense factor is made, where d² numbers
//! can be. A full Hessian is made by d products there.
//!
//! Recovery from scores with known signs costs some hundreds of products with Λ there:
//! ten to twenty Newton steps on the row weights of five to thirty each, and as many
//! for the structure and for the error bars. The preconditioners, a Laplacian of the
//! columns on the same pattern and a 2d×2d matrix of four such blocks, leave condition
//! numbers that do not grow with a grid. Full Hessians, certificates, ridges and noise
//! stay dense; above d = 1000 the first two are left out unless asked for.
//!
//! Sketched scores ([`ScoreMethod`](crate::sample::ScoreMethod)) have no crossover
//! here: exact ones cost k²/2 multiply-adds a row, and are faster at every length of
//! rows that was measured, 10 times at 10 entries a row and by a fifth where rows
//! are full (`bars -- sketched`). They are for the guarantees of sampling, not for speed.
//!
//! # Full Hessians
//!
//! By the symmetric third-moment tensor of Q nd³/6 for V, nd³/3 for L_G and
//! nd³/2 for L_D (P²Q is the gradient of a cubic form at each row, in nd³/3); by tiles of the n×n matrix P, never stored, n²d to 3n²d; by d
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
//! One core with AVX-512 of half rate, f64, n = 100 000, slacks between 0.5 and 2; a
//! unit is the lower triangle of one Gram matrix and one triangular solve with n
//! right-hand sides, by faer on row blocks (25 ms at d = 50, 63 to 70 ms at d = 100).
//!
//! | units | value | value + gradient | a further product |
//! |---|---|---|---|
//! | V, d = 50 | 0.42 – 0.53 | 0.8 – 0.9 (21 ms) | 0.8 |
//! | L_D | 0.80 – 0.87 | 1.6 – 1.75 (41 ms) | 1.5 |
//! | L_G | 0.92 | 1.7 (44 ms) | 1.6 |
//! | V, d = 100 | 0.49 – 0.52 | 0.85 – 0.95 (60 ms) | 0.85 – 0.95 |
//! | L_D | 0.85 – 0.95 | 1.7 – 1.9 (119 ms) | 1.6 – 1.8 |
//! | L_G | 0.93 – 1.02 | 1.8 – 1.93 (124 ms) | 1.7 – 1.9 |
//!
//! Normal residuals cost 5 to 10 % more, rows apart. Two threads are 1.8 to 2 times as
//! fast, f32 1.7 to 2 times. Peak memory of a process that makes A and evaluates: 1.38
//! times A.
//!
//! Four fifths of the time of value and gradient go into the two kernels, which run at
//! nine tenths of what the core multiplies once a block is in the cache; reading A is
//! a quarter of theirs, 6 of 27 ms a pass at d = 100. 14 % go into compensated slacks,
//! images and combinations of rows. Forms and squares are summed in registers, rows cut
//! into tiles of three vectors' height; AᵀDA goes by products of four columns with four.
//!
//! Full Hessians at n = 10 000, d = 50: V 16 ms, L_G 27 ms, L_D 37 ms, that is
//! 0.15, 0.26 and 0.36 times nd³ multiply-adds at the rate of the Gram kernel, and
//! 5, 6.1 and 4.2 times as fast as d products.
//!
//! Sparse, n = 1 000 000, d = 100, 10 a row, in units of one AᵀDA by row pairs
//! (47 to 72 ms): value and gradient of V 1.8 to 2.5, of L_D 3.1 to 4.4, of L_G 3.3 to
//! 4.8, a product 1.5, 3 and 3.5. From a .npy file of 1.6 GB (n = 10⁷, d = 20) scores are recovered
//! within 1 GB.
//!
//! Sparse Gram matrices, one thread, ms, beside the dense factor where one can be:
//!
//! | | V: value + gradient | L_D | a product of L_D | L_D, dense |
//! |---|---|---|---|---|
//! | grid 32×32, d = 1 023 | 0.5 | 1.0 | 1.7 | 380 |
//! | grid 316×316, d = 99 855 | 190 | 550 | 1 300 | – |
//! | spline, n = 20 000, d = 1 000 | 1.6 | 2.8 | 2.8 | 2 100 |
//! | spline, n = 10⁶, d = 10⁵ | 93 | 170 | 210 | – |
//!
//! Recovery, one thread, s, signs known; from a gradient and a start half to three quarters of that:
//!
//! | grid | d | from scores | products and factorisations | x, relative |
//! |---|---|---|---|---|
//! | 30×30 | 899 | 0.2 (dense: 107) | 183 | 1e-14 |
//! | 60×60 | 3 599 | 1.0 | 187 | 3e-13 |
//! | 100×100 | 9 999 | 4.8 | 196 | 1e-13 |
//!
//! The figures are printed by `cargo run --release --example bars -- evaluation`
//! (and `sparse`, `sparse-gram`, `sparse-recovery`, `hessian`, `large`), beside the raw
//! kernels of the same run.
