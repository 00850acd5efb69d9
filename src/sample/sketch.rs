//! Random matrices that stand in for A when its leverage scores are estimated.

use std::num::NonZeroUsize;

use nalgebra::{DMatrix, DVector};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::stream::{Purpose, RowStreams, stream};
use crate::error::Error;
use crate::linalg::Design;
use crate::scalar::{Scalar, real};

/// Rows of S for each column of A. An embedding with r rows distorts lengths by
/// about √(d/r): a quarter at 16, while the QR of S A, 32 d³ operations, stays
/// small beside n rows.
pub const ROWS_PER_COLUMN: usize = 16;
/// Rows of S beyond these, so that fluctuations √(2 ln(1/δ)/r) are small for a
/// few columns too: 0.13 at δ = 1e-2.
pub const EXTRA_ROWS: usize = 256;
/// Entries in each column of a sparse-sign S. Eight are the choice of Tropp,
/// Yurtsever, Udell and Cevher (SIAM J. Sci. Comput. 41, 2019) and as good as a
/// Gaussian S in practice; one alone fails where two heavy rows collide.
pub const NONZEROS: usize = 8;
/// Columns of G for each unit of ln(1000 n). At 32 no squared norm of n falls
/// below 0.7 of itself but with a probability of 1e-2 (0.62: of 1e-7), which keeps
/// β so large that (S2) stays below 8 d ln(d/δ)/ε². G is left out where it would
/// have d columns or more.
pub const COLUMNS_PER_LOG: usize = 32;

/// The distribution of S.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SketchKind {
    /// `nonzeros` entries ±1/√nonzeros in each column, at hashed places, one in
    /// each of as many bands of rows. S A costs nonzeros · nnz(A).
    SparseSign {
        /// Entries in each column of S.
        nonzeros: NonZeroUsize,
    },
    /// Independent normal entries. S A costs r · nnz(A) and n·r normal numbers,
    /// more than the exact scores: it is here because its theory is exact, as
    /// the measure of the other.
    Gaussian,
}

/// How leverage scores are sketched.
///
/// ```text
/// S W A = Q̃ R,   σ̃_i = ‖Gᵀ R⁻ᵀ (w_i a_i)‖²
/// ```
/// with S r×n and r = c d + [`EXTRA_ROWS`], and G d×k with normal entries of
/// variance 1/k, left out where k ≥ d (W = diag(w)). S keeps the lengths of all
/// vectors in the range of W A to about √(d/r), so that R is nearly the factor
/// of W A; G (Johnson and Lindenstrauss) estimates norms from k numbers.
///
/// # Complexity
/// `nonzeros · nnz(A)` for S A, O(rd²) for R, min(k, d) · nnz(A) for the norms;
/// memory O(rd). The exact scores cost Σ nnz(a_i)² + d³, so that a sketch pays
/// only where rows have more than k + `nonzeros` entries.
///
/// # How near
/// [`constant`](Sketch::constant) is the β of p_i ≥ β σ_i/d that the sizes give.
///
/// ```
/// use levinv::sample::Sketch;
///
/// let sketch = Sketch::sparse_sign();
/// let beta = sketch.constant(100_000, 50, 1e-2);
/// assert!(beta > 0.5);
/// // Fewer columns of G make cheaper and coarser scores.
/// assert!(sketch.columns(32)?.constant(100_000, 50, 1e-2) < 0.2);
/// assert!(sketch.columns(0).is_err());
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sketch {
    kind: SketchKind,
    rows_per_column: NonZeroUsize,
    columns: Option<NonZeroUsize>,
}

impl Default for Sketch {
    fn default() -> Self {
        Sketch::sparse_sign()
    }
}

impl Sketch {
    /// A sparse-sign embedding with [`NONZEROS`] entries a column.
    pub fn sparse_sign() -> Self {
        Sketch::of(SketchKind::SparseSign {
            nonzeros: at_least_one(NONZEROS),
        })
    }

    /// A Gaussian embedding.
    pub fn gaussian() -> Self {
        Sketch::of(SketchKind::Gaussian)
    }

    fn of(kind: SketchKind) -> Self {
        Sketch {
            kind,
            rows_per_column: at_least_one(ROWS_PER_COLUMN),
            columns: None,
        }
    }

    /// The distribution of S.
    pub fn kind(&self) -> SketchKind {
        self.kind
    }

    /// As a sparse-sign embedding with so many entries a column.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for 0.
    pub fn nonzeros(mut self, nonzeros: usize) -> Result<Self, Error> {
        let nonzeros = positive("entries of a column of the sketch", nonzeros)?;
        self.kind = SketchKind::SparseSign { nonzeros };
        Ok(self)
    }

    /// Rows of S for each column of A, [`ROWS_PER_COLUMN`] unless set.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for 0.
    pub fn rows_per_column(mut self, rows: usize) -> Result<Self, Error> {
        self.rows_per_column = positive("rows of the sketch per column", rows)?;
        Ok(self)
    }

    /// Columns of G, [`COLUMNS_PER_LOG`] · ln(1000 n) unless set.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for 0.
    pub fn columns(mut self, columns: usize) -> Result<Self, Error> {
        self.columns = Some(positive("columns of the projection", columns)?);
        Ok(self)
    }

    /// r, the rows of S.
    pub(super) fn height(&self, d: usize) -> usize {
        self.rows_per_column
            .get()
            .saturating_mul(d)
            .saturating_add(EXTRA_ROWS)
    }

    /// k, where G is used at all.
    fn width(&self, n: usize, d: usize) -> Option<usize> {
        let usual = || (COLUMNS_PER_LOG as f64 * (1e3 * n as f64).ln()).ceil() as usize;
        let k = self.columns.map_or_else(usual, NonZeroUsize::get);
        (k < d).then_some(k)
    }

    /// β such that p_i = σ̃_i/Σσ̃ ≥ β σ_i/d for all i but with twice the
    /// probability `failure`:
    ///
    /// ```text
    /// β = t (1 − d/r) / (1 + √(d/r) + √(2 ln(1/failure)/r))²
    /// t − 1 − ln t = 2 ln(n/failure)/k,   t = 1 without G
    /// ```
    /// The singular values s_j of S Q lie below the root of the denominator
    /// (Davidson and Szarek, for Gaussian S), so that σ̃_i ≥ σ_i/s₁² before G;
    /// Σσ̃ = Σ s_j⁻² is on average d/(1 − d/r); and k‖Gᵀy‖²/‖y‖² is χ²_k, at most
    /// tk with probability (t e^{1−t})^{k/2}, n times by the union bound. For
    /// sparse signs the same numbers hold by measurement, not by proof: see the
    /// bar `spectral`. 1 where A has no more rows than S would, and is not
    /// sketched; 0 for a probability that is not positive.
    pub fn constant(&self, n: usize, d: usize, failure: f64) -> f64 {
        if !(failure > 0.0) {
            return 0.0;
        }
        if n <= self.height(d) {
            return 1.0;
        }
        let logs = -failure.min(1.0).ln();
        let r = self.height(d) as f64;
        let share = d as f64 / r;
        let largest = 1.0 + share.sqrt() + (2.0 * logs / r).sqrt();
        let t = self.width(n, d).map_or(1.0, |k| {
            smallest_of_chi_square(2.0 * ((n as f64).ln() + logs) / k as f64)
        });
        t * (1.0 - share) / (largest * largest)
    }

    /// S W A, r×d.
    pub(super) fn embed<T: Scalar>(
        &self,
        design: &Design<T>,
        w: &DVector<T>,
        seed: u64,
    ) -> Result<DMatrix<T>, Error> {
        let height = self.height(design.ncols());
        let rows = RowStreams::new(seed, Purpose::Embedding);
        match self.kind {
            SketchKind::SparseSign { nonzeros } => {
                let bands = nonzeros.get().min(height);
                let size = real::<T>(1.0 / (bands as f64).sqrt());
                design.combine_rows(height, &|i, column| {
                    // A row that does not count costs nothing.
                    if w[i] == T::zero() {
                        return;
                    }
                    let mut rng = rows.row(i);
                    let value = size * w[i];
                    column.extend((0..bands).map(|band| {
                        let edge = |band: usize| band * height / bands;
                        let place = rng.random_range(edge(band)..edge(band + 1));
                        (place, if rng.random() { value } else { -value })
                    }));
                })
            }
            SketchKind::Gaussian => {
                let size = real::<T>(1.0 / (height as f64).sqrt());
                design.combine_rows(height, &|i, column| {
                    if w[i] == T::zero() {
                        return;
                    }
                    let mut rng = rows.row(i);
                    let value = size * w[i];
                    let mut normal = || real::<T>(StandardNormal.sample(&mut rng));
                    column.extend((0..height).map(|place| (place, normal() * value)));
                })
            }
        }
    }

    /// `Gᵀ m` for d×d `m`, or `m` itself where G would not be smaller.
    pub(super) fn project<T: Scalar>(&self, m: DMatrix<T>, n: usize, seed: u64) -> DMatrix<T> {
        let Some(k) = self.width(n, m.nrows()) else {
            return m;
        };
        let mut rng = stream(seed, Purpose::Projection);
        let size = 1.0 / (k as f64).sqrt();
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        DMatrix::from_fn(k, m.nrows(), |_, _| real::<T>(size * normal())) * m
    }
}

fn at_least_one(value: usize) -> NonZeroUsize {
    NonZeroUsize::new(value).unwrap_or(NonZeroUsize::MIN)
}

fn positive(name: &'static str, value: usize) -> Result<NonZeroUsize, Error> {
    NonZeroUsize::new(value).ok_or(Error::OutOfRange {
        name,
        value: 0.0,
        range: "at least 1",
    })
}

/// The t ≤ 1 with t − 1 − ln t = `logs` ≥ 0, by bisection in x = ln t: at
/// x = −1 − logs the left side is eˣ too large, at 0 it is 0.
fn smallest_of_chi_square(logs: f64) -> f64 {
    let (mut low, mut high) = (-1.0 - logs, 0.0f64);
    // Halved as often as f64 has digits.
    for _ in 0..f64::MANTISSA_DIGITS {
        let x = 0.5 * (low + high);
        if x.exp_m1() - x > logs {
            low = x;
        } else {
            high = x;
        }
    }
    low.exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_solves_its_equation() {
        for logs in [1e-6, 0.05, 0.5, 3.0, 40.0] {
            let t = smallest_of_chi_square(logs);
            assert!(t > 0.0 && t < 1.0);
            // Near t = 1 the left side is (1 − t)²/2: rounding of t by 1e-16
            // moves it by 1e-16 √(2 logs), and computing it by ε.
            assert!((t - 1.0 - t.ln() - logs).abs() <= 1e-14 * (1.0 + logs));
        }
    }

    #[test]
    fn the_usual_sizes_keep_the_rows_within_the_bar() {
        // 2(1 + ε/3)/β ln(2.5d/δ) ≤ 8 ln(d/δ) at ε = 1, with failures of δ/10.
        for d in [5, 10, 50, 200, 500, 1000, 5000] {
            for n in [10_000, 1_000_000, 100_000_000] {
                for delta in [0.1f64, 1e-3, 1e-6] {
                    let beta = Sketch::sparse_sign().constant(n, d, delta / 10.0);
                    let taken = 8.0 / 3.0 / beta * (2.5 * d as f64 / delta).ln();
                    assert!(
                        taken <= 8.0 * (d as f64 / delta).ln(),
                        "n = {n}, d = {d}, δ = {delta}: β = {beta}"
                    );
                }
            }
        }
    }
}
