//! Bars of the sampled Newton methods.

use super::solvers::summary;
use crate::common::approximate::{self, Loss};
use crate::common::solving::{ROWS, Run};

/// The papers' regime: contraction and straightness.
pub fn ridge_dominated() {
    for loss in [Loss::Scores, Loss::Gradient] {
        for epsilon in [0.5, 0.25, 0.1] {
            let runs: Vec<_> = (0..20)
                .map(|seed| approximate::dominated(loss, epsilon, seed))
                .collect();
            let bound = epsilon / (1.0 - epsilon);
            let all: Vec<f64> = runs.iter().flat_map(|r| r.contractions()).collect();
            let within = all.iter().filter(|c| **c <= bound).count();
            let mean = (all.iter().map(|c| c.ln()).sum::<f64>() / all.len() as f64).exp();
            let most = all.iter().copied().fold(0.0, f64::max);
            let straight = runs.iter().map(|r| r.straightness()).fold(1.0, f64::min);
            let reached = runs
                .iter()
                .filter(|r| r.errors.iter().any(|e| *e <= 1e-12))
                .count();
            let domination = runs.iter().map(|r| r.domination).fold(0.0, f64::max);
            let (m, n) = runs[0].sample;
            println!(
                "{loss:?} ε = {epsilon}: ε₀ ≤ {domination:.3}, {m} of {n} rows; {within}/{} iterations ≤ {bound:.3}, geometric mean {mean:.3}, most {most:.3}; 1e-12 reached {reached}/20, least R² {straight:.4}",
                all.len()
            );
        }
    }
}

/// Gradient inversion from anywhere in the cell.
pub fn general() {
    for rows in ROWS {
        let runs: Vec<Run> = (0..100)
            .map(|seed| approximate::preconditioned(rows, (60, 5000), seed))
            .collect();
        summary(&format!("{rows:?}, preconditioned"), &runs);
        let inner = |r: &Run| r.inner as f64 / r.iterations.unwrap_or(1).max(1) as f64;
        let most = runs.iter().map(inner).fold(0.0, f64::max);
        let mean = runs.iter().map(inner).sum::<f64>() / runs.len() as f64;
        println!("    inner iterations an outer one: mean {mean:.1}, largest average {most:.1}");
        let runs: Vec<Run> = (0..100)
            .map(|seed| approximate::sampled_alone(rows, (60, 5000), seed))
            .collect();
        summary(&format!("{rows:?}, sampled alone"), &runs);
    }
}
