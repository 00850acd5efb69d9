//! What is proved about a point: an exact solution within a stated distance.
//!
//! A solver's small gradient says that x solves a nearby problem; how far the
//! solution of *this* problem is, and whether there is one, it does not say. A
//! [`Certificate`] does, by the theorem of Newton and Kantorovich, with a
//! Lipschitz constant that is derived below, not sampled. A, b, x and the target
//! are taken as exactly the numbers that they are in the machine. [`Assumptions`] evaluates what the two papers presuppose of an instance.
//!
//! ```
//! use levinv::solver::certificate::{Certificate, Verdict};
//! use levinv::{Model, VolumetricBarrier};
//! use nalgebra::{dmatrix, dvector};
//!
//! // A triangle, and its volumetric centre to five digits.
//! let model = Model::new(dmatrix![1.0, 0.0; 0.0, 1.0; -1.0, -1.0], dvector![0.0, 0.0, -1.0])?;
//! let x = dvector![0.33333, 0.33333];
//! let certificate = Certificate::of(&VolumetricBarrier::new(&model), &x)?;
//! let Verdict::Certified { per_coordinate, .. } = &certificate.verdict else {
//!     panic!("{certificate}");
//! };
//! let off = 1.0 / 3.0 - 0.33333;
//! assert!(off <= per_coordinate[0] && per_coordinate[0] < 1.01 * off);
//! # Ok::<(), levinv::Error>(())
//! ```
//!
//! # Equations
//!
//! F = ∇f is solved for F(x) = 0, where f is
//!
//! ```text
//! V(x) − cᵀx (+ ρ)     g(x) = c; c = 0 is the volumetric centre           (1)
//! L_D (+ ρ)            inversion of scores                                (2)
//! L_G + ρ              inversion of the gradient with a ridge ρ           (3)
//! ```
//!
//! Without a ridge ∇L_G = H_V p = 0 if and only if p = g − c = 0, since H_V is
//! positive definite (V5): gradient inversion without a ridge is (1), in which
//! a cell has at most one solution besides.
//!
//! # The frame
//!
//! Fix x, M = A_xᵀA_x = RᵀR, and measure h by z = Rh: ‖z‖ = ‖A_x h‖, the local
//! norm. With u = A_x h, u = Pu, so |u_i| ≤ √σ_i ‖u‖: in the ball ‖z‖ ≤ ρ < 1 no
//! slack changes by more than ρ, relatively, and x's cell is not left. F̃ = R⁻ᵀF
//! and J = R⁻ᵀF'R⁻¹ are F and F' there. Units of the rows and columns of A drop
//! out, but for (3), where ‖p‖ is measured in x: F̃ and J are divided by tr M.
//!
//! # Newton and Kantorovich
//!
//! Let J at z = 0 have ‖J⁻¹‖ ≤ β, ‖J⁻¹F̃‖ ≤ η, and F̃' Lipschitz constant K in
//! ‖z‖ ≤ ρ. T(z) = z − J⁻¹F̃(z) has the zeros of F̃ for fixed points,
//! ‖T'(z)‖ ≤ βK‖z‖, hence ‖T(z) − T(0)‖ ≤ ½βK‖z‖² and ‖T(z)‖ ≤ η + ½βK‖z‖². Let
//! h = βηK < ½ and r± = (1 ± √(1 − 2h))/(βK), the roots of η + ½βKr² = r. If
//! r₋ ≤ ρ, T maps the ball of r₋ into itself and contracts there, for
//! βKr₋ < 1: it has exactly one zero x*. Any other within ρ has
//! ‖z‖ ≤ η + ½βK‖z‖², that is, ‖z‖ ≥ r₊. Moreover J⁻¹F̃'(z) has distance
//! βK‖z‖ < 1 from I: signs of eigenvalues are those at x, and a positive
//! smallest eigenvalue proves a strict local minimum. By r₋ ≤ 2η and
//! z* = −J⁻¹F̃(0) + (T(z*) − T(0)) the step of Newton is the error but for ½βKr₋².
//!
//! # The Lipschitz constant
//!
//! J is symmetric, so by Banach's theorem on symmetric multilinear forms K is the
//! largest |D³f(y)\[h,h,h\]| over y in the ball and ‖A_x h‖ = 1. With
//! ‖A_y h‖ ≤ ‖A_x h‖/(1 − ρ) it is enough to bound D³f(y) where ‖A_y h‖ = 1, and
//! multiply by (1 − ρ)⁻³. Let A_y = QR', u = A_y h, K_a = Qᵀdiag(uᵃ)Q. Then along h
//!
//! ```text
//! M(t) = R'ᵀ(I + X(t))R',  X = Σ_{a≥1} (−1)ᵃ(a + 1)tᵃK_a
//! V(t) − V(0) = ½ log det(I + X(t))
//! σ_i(t) = (1 + tu_i)⁻² q_iᵀ(I + X)⁻¹q_i
//! ```
//!
//! Expand both: the coefficient of tᵏ is a sum of traces tr(K_a K_b …), and of
//! vectors (u_iʲ q_iᵀK_a K_b … q_i)_i, with degrees that add up to k. All have size
//! at most 1 for k ≥ 2, the vectors from k ≥ 1:
//!
//! - ‖K_a‖ ≤ max|u_i|ᵃ ≤ 1, and ‖K_a‖_F² = (uᵃ)ᵀP²uᵃ ≤ (uᵃ)ᵀΣuᵃ ≤ ‖u‖² = 1 (Λ ⪰ 0);
//! - one factor: |tr K_k| = |Σσ_iu_iᵏ| ≤ ‖u‖² = 1; more: |tr(XY)| ≤ ‖X‖_F‖Y‖_F ≤ 1;
//! - vectors with j ≥ 1: entries at most |u_i|σ_i, norm at most ‖u‖ = 1;
//! - j = 0, one factor: P²uᵃ, and ‖P²‖ ≤ 1 (row sums σ_i ≤ 1);
//! - j = 0, more: Σ_i|q_iᵀK_a Z K_b q_i| ≤ ‖K_a‖_F‖K_b‖_F ≤ 1, the 1-norm.
//!
//! So the coefficients are at most those with every K_a = 1 and every sign plus,
//! where 1 − X becomes 2 − (1 − t)⁻²:
//!
//! ```text
//! |DᵏV[hᵏ]| ≤ k! [tᵏ] −½ log(2 − (1 − t)⁻²):   D³ 38, D⁴ 402; D² 3 by (V5)     (C1)
//! ‖Dᵏσ[hᵏ]‖ ≤ k! [tᵏ] 1/(2(1 − t)² − 1):      D² 28, D³ 288; D¹ 2 by (D2)     (C2)
//! ```
//!
//! (1): K = 38/(1 − ρ)³. (2): D³L_D\[h,h,h\] = 3σ'·σ'' + r·σ''', where ‖r‖ at y is at
//! most ‖r‖ at x plus ∫2‖A_{x+th}h‖dt ≤ 2ρ/(1 − ρ), so that
//! K = (168 + 288(‖r‖ + 2ρ/(1 − ρ)))/(1 − ρ)³. (3): D³L_G\[h,h,h\] = 3p'·p'' + p·p'''
//! in x's own norm, a = ‖A_x‖ ≤ √(tr M). |eᵀp'| = |D²V\[e, h\]| ≤ 3‖A_y e‖‖A_y h‖, so
//! ‖p'‖ ≤ 3a/(1 − ρ), ‖p''‖ ≤ 38a/(1 − ρ), |p·p'''| = |D⁴V\[p,h,h,h\]| ≤ 402‖A_y p‖, and
//! p has moved by ∫‖p'‖dt ≤ 3aρ/(1 − ρ) at most. Divided by tr M ≥ a²,
//! K = (342/(1 − ρ)² + 402(‖A_x p‖/tr M + 3ρ/(1 − ρ))/(1 − ρ))/(1 − ρ)³. A ridge is
//! quadratic and adds nothing. [`Lipschitz`] holds them, (C3). They are loose, 38
//! where 2 was seen, but hold; η is 1e-14 at a converged point.
//!
//! # Rounding
//!
//! F, F' and M are the closed forms of the crate in [`Extended`](crate::Extended)
//! (ν = 2⁻²³⁶). The computed R⁻ᵀ is taken as an exact change of coordinates:
//! how far R⁻ᵀMR⁻¹ is from I is measured, must be below 1e-9, and is in the
//! constants' margin. β comes from an eigendecomposition JW ≈ WD with measured
//! ‖J − WDWᵀ‖ and ‖WᵀW − I‖ (Weyl, Ostrowski), η from a step with a measured
//! residual. What is not measured is the rounding of F, F' and M themselves. They
//! come of about a dozen stages (slack, scaling, Gram matrix, Cholesky or
//! QR, triangular solve, moments, forms, Aᵀ), each a sum of at most n·d terms
//! whose sizes add up to the stated sizes t of the terms; Cholesky of M amplifies
//! by χ = Σ_j M_jj(M⁻¹)_jj ≥ κ²/d (columns at unit length), cancelling slacks by
//! c = max_i (|a_i|ᵀ|x| + |b_i|)/|s_i|. To first order the error is below
//!
//! ```text
//! 2²⁰ n d² ν (χ + c) · t                                                       (C4)
//! ```
//!
//! which counting would allow some thousand times over (1e-8 of it was seen). It
//! is added to the error of F and F' wherever they are used: at κ = 1e8, n = 120
//! it is 1e-45 of t, and where it ceases to be negligible h grows and nothing is
//! certified.
//!
//! # Complexity
//! O(nd³) multiply-adds in 237 bits, 60 ns each, and O(nd) memory in them. Beyond
//! [`CERTIFIABLE_WORK`] the same is computed in the model's own arithmetic with an
//! estimate of rounding: [`Verdict::Estimate`], never called certified.
//!
//! # Source
//! L. V. Kantorovich's theorem, with the short proof above. The papers'
//! abstracts were at hand, not their constants: everything here is derived here,
//! and tried against sampled third derivatives and solutions in 237 bits
//! (`tests/certificates.rs`).

mod analysis;
mod assumptions;
mod kantorovich;
mod lipschitz;
mod problem;
mod report;
mod spectrum;
#[cfg(test)]
mod tests;

pub use assumptions::{Assumptions, Dominance, GOOD_REGION, NewtonRegion};
pub use lipschitz::Lipschitz;
pub use problem::{CERTIFIABLE_WORK, Equation, HasEquation};
pub use report::{Bounded, Certificate, Constants, Reason, Verdict};
