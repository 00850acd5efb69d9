//! Symbols, tagged equations and sources. No code.
//!
//! Comments in the source cite the tags below. `∘` is the entrywise product;
//! P² := P∘P is an entrywise square, while Λ², Σ² and H_V² are matrix products.
//!
//! # Symbols
//!
//! | symbol | in code | meaning |
//! |---|---|---|
//! | A, b | `design`, `rhs` | n×d matrix with rows a_i and full column rank; n-vector |
//! | x | `x` | parameters, d |
//! | s = Ax − b | `slack` | fitted minus observed; distance to each hyperplane |
//! | A_x = diag(s)⁻¹A | – | scaled rows |
//! | Q, R | `q`, `Factor` | A_x = QR up to a permutation of columns, QᵀQ = I |
//! | P = QQᵀ | – | projection onto the columns of A_x, n×n, never formed |
//! | σ = diag P, Σ = diag(σ) | `scores` | leverage scores, 0 ≤ σ_i ≤ 1, Σσ_i = d |
//! | Λ = Σ − P² | `laplacian` | positive semidefinite, Λ1 = 0: the Laplacian of the graph with weights P_ij² |
//! | τ, r = σ − τ | `target`, `residual` | given scores and what is left |
//! | c, p = g − c | `target`, `residual` | given gradient and what is left |
//! | w | `weights` | ridge weights (not squared) |
//! | u = A_x h | `u` | image of a direction h |
//!
//! # Identities
//!
//! ```text
//! P²v = rowsums((Q·(Qᵀdiag(v)Q))∘Q)                                            (I1)
//! ((P∘(P diag(v) P))u)_i = q_iᵀ (Qᵀdiag(u)Q)(Qᵀdiag(v)Q) q_i                   (I2)
//! ```
//!
//! # Volumetric barrier
//!
//! ```text
//! V = ½ log det A_xᵀA_x                                                        (V1)
//! g = ∇V = −A_xᵀσ                                                              (V2)
//! H_V = ∇²V = A_xᵀ(3Σ − 2P²)A_x                                                (V3)
//! D³V[p] = A_xᵀ{−12 diag(σ∘y) + 6 diag(y)P² + 6 P²diag(y) + 6 diag(P²y)
//!              − 8 P∘(P diag(y) P)}A_x,   y = A_x p                            (V4)
//! A_xᵀΣA_x ⪯ H_V ⪯ 3 A_xᵀΣA_x                                                  (V5)
//! (1 − ε₀)A_xᵀDA_x ⪯ H_V ⪯ (1 + ε₀)A_xᵀDA_x,   D = 3Σ − 2Σ²,
//! ε₀ = max_i 2(1 − σ_i)/(3 − 2σ_i) ≤ ⅔                                          (V6)
//! ```
//!
//! How they come about. Along h, ds = Ah, so dA_x = −diag(u)A_x, and with
//! M = A_xᵀA_x, dM = −2A_xᵀdiag(u)A_x. Then dV = ½ tr M⁻¹dM = −Σσ_iu_i, which is
//! (V2). The projection moves by dP = −diag(u)P − P diag(u) + 2P diag(u) P, whose
//! diagonal is (D2), dσ = −2(σ∘u − P²u) = −2Λu; differentiating −A_xᵀσ once more
//! gives (V3), and (V3) with d(P∘P) = 2P∘dP gives (V4). (V5): P² is positive
//! semidefinite by Schur's product theorem, and so is Λ. (V6): 3Σ − 2P² − D has no
//! diagonal, entries −2P_ij² and row sums of size 2(σ_i − σ_i²), so that by
//! Gershgorin's theorem no eigenvalue of it relative to D exceeds ε₀ in size.
//!
//! # Inversion of scores
//!
//! ```text
//! L_D = ½‖r‖²                                                                  (D1)
//! ∂σ/∂x = −2ΛA_x                                                               (D2)
//! ∇L_D = −2A_xᵀ(σ∘r − P²r)                                                     (D3)
//! ∇²L_D = A_xᵀ{4Λ² + 6 diag(r∘σ) − 4 diag(r)P² − 4P²diag(r) − 6 diag(P²r)
//!             + 8P∘(P diag(r) P)}A_x                                           (D4)
//! ```
//!
//! The part of (D4) with r does not change when a constant is added to r, for
//! P²1 = σ and P·P = P: rows with σ_i near 1 are computed through that, since
//! there all terms cancel.
//!
//! # Inversion of the gradient
//!
//! ```text
//! L_G = ½‖p‖²                                                                  (G1)
//! ∇L_G = H_V p                                                                 (G2)
//! ∇²L_G = H_V² + D³V[p]                                                        (G3)
//! on one cell g(x) = c is the stationarity condition of the convex
//! φ(x) = V(x) − cᵀx; on an unbounded cell a solution exists
//! if and only if cᵀh < 0 for every direction h ≠ 0 that stays in it            (G4)
//! ```
//!
//! # Ridge
//!
//! ```text
//! ρ = ½‖diag(w)Ax‖²,  ∇ρ = Aᵀ(w²∘Ax),  ∇²ρ = Aᵀdiag(w²)A                       (R1)
//! ```
//!
//! # Third moments
//!
//! ```text
//! T_abc = Σ_i q_ia q_ib q_ic,  T⁽ᵛ⁾ with weights v_i
//! QᵀP²Q = T₍₁₎T₍₁₎ᵀ                                                            (T1)
//! Qᵀdiag(v)P²Q = T⁽ᵛ⁾₍₁₎T₍₁₎ᵀ                                                  (T2)
//! [Qᵀ(P∘(P diag(v) P))Q]_pq = Σ_abc T_pab T_qac (Qᵀdiag(v)Q)_bc                (T3)
//! QᵀΛ²Q = (ΛQ)ᵀ(ΛQ),  ΛQ = ΣQ − rows(q_i⊗q_i)·T                                (T4)
//! ```
//!
//! # Recovery without a start
//!
//! In neither paper. For weights v = eʸ let σ(v) be the scores of diag(√v)A:
//!
//! ```text
//! σ(v) = ∇_y log det(Aᵀdiag(eʸ)A)   a convex function, so that
//! σ(v) = τ   ⇔   y minimises log det(Aᵀdiag(eʸ)A) − τᵀy   (unique up to y + const)
//! |s| = t·m, m = v^(−½), t > 0 unknown
//! signs known:    A x − b = t (sign∘m)                      linear in (x, t)
//! signs unknown:  a_iᵀXa_i − 2b_i a_iᵀx − t²m_i² = −b_i²    linear in (X = xxᵀ, x, t²)
//! ```
//!
//! The first is Newton's method after ten steps v ← v∘τ/σ(v), which are the
//! fixed-point iteration of Tyler's M-estimator. σ does not change when s is
//! multiplied by a constant: when b lies in the column space of A, so that x can
//! move along s, only that line is determined.
//!
//! # Noise in a target
//!
//! ```text
//! scores:   minimise ½ rᵀC⁺r,  cov x = (JᵀC⁺J)⁻¹,  J = −2ΛA_x                  (N1)
//! gradient: cov x = H_V⁻¹ C H_V⁻¹                                              (N2)
//! to first order, which holds while ω = max_i sd(a_iᵀδx)/|s_i| is small        (N3)
//! ```
//!
//! # Sampling
//!
//! Here σ are the leverage scores of D^{1/2}A for a diagonal D ≥ 0, and D̃ keeps
//! the rows i drawn with probabilities p_i, with weights D_i/(m p_i):
//!
//! ```text
//! (1 − ε) AᵀDA ⪯ AᵀD̃A ⪯ (1 + ε) AᵀDA   with probability 1 − δ                  (S1)
//! m = 2(1 + ε/3) ε⁻² (d/β) ln(2d/δ)   where p_i ≥ β σ_i/d                     (S2)
//! ```
//!
//! # Sources
//!
//! - *Inverting the leverage score distribution*: arXiv 2404.13785.
//! - *Inverting the leverage score gradient*: arXiv 2408.11267.
//! - P. M. Vaidya, *A new algorithm for minimizing convex functions over convex
//!   sets*, Mathematical Programming 73 (1996).
//! - D. E. Tyler, *A distribution-free M-estimator of multivariate scatter*,
//!   Annals of Statistics 15 (1987).
//! - A. J. Cox and N. J. Higham, *Stability of Householder QR factorization for
//!   weighted least squares problems*, Numerical Analysis 1997 (row sorting and
//!   column pivoting).
//! - T. Ogita, S. M. Rump and S. Oishi, *Accurate sum and dot product*, SIAM J.
//!   Sci. Comput. 26 (2005).
//! - P. Drineas, M. W. Mahoney and S. Muthukrishnan, *Relative-error CUR matrix
//!   decompositions*, SIAM J. Matrix Anal. Appl. 30 (2008).
//! - J. A. Tropp, *User-friendly tail bounds for sums of random matrices*, Found.
//!   Comput. Math. 12 (2012).
//!
//! Of the two papers the abstracts were at hand. What goes past them is derived
//! here and in the docs of each function, and checked against 110-digit
//! differences of the definitions (`tests/reference/`).
