//! SUBSAMPLE(D, A, ε, δ): few rows whose Gram matrix stands in for that of all.

use std::num::NonZeroUsize;

use nalgebra::DVector;
use rand::Rng;

use super::sampled::Sampled;
use super::scores::{ScoreMethod, leverage_scores};
use super::stream::{Purpose, stream};
use crate::error::Error;
use crate::linalg::{Design, check_length, check_nonnegative};
use crate::scalar::{Scalar, real, to_f64};

/// The share of δ that a sketch may fail with, in each of its two parts. A
/// tenth: rows grow with the logarithm of what is left, a failure of S or G
/// costs the constant β only through a logarithm too.
pub const SKETCH_SHARE: f64 = 0.1;

/// ε unless set: a Newton step with the sampled form then contracts the error
/// to 0.2 … 0.4 of itself, as measured, and the rows needed grow as 1/ε².
pub const ACCURACY: f64 = 0.5;
/// δ unless set, a draw: one that misses costs a step, and the rows needed grow
/// with its logarithm only.
pub const FAILURE_PROBABILITY: f64 = 0.01;

/// How rows are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Scheme {
    /// m independent draws, row i with probability p_i and weight D_i/(m p_i);
    /// repeats add. What the papers do.
    #[default]
    WithReplacement,
    /// Row i with probability q_i = min(1, m p_i), independently of the others,
    /// and weight D_i/q_i: at most m rows on average, none twice, and rows with
    /// m p_i ≥ 1 are taken surely and exactly.
    WithoutReplacement,
}

/// How many rows.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
enum Amount {
    Accuracy(Accuracy),
    Rows(NonZeroUsize),
}

/// ε and δ, checked also where they are read from a file.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "(f64, f64)", into = "(f64, f64)"))]
struct Accuracy {
    epsilon: f64,
    delta: f64,
}

impl TryFrom<(f64, f64)> for Accuracy {
    type Error = Error;

    fn try_from((epsilon, delta): (f64, f64)) -> Result<Self, Error> {
        if !(epsilon > 0.0 && epsilon <= 1.0) {
            return Err(Error::OutOfRange {
                name: "epsilon",
                value: epsilon,
                range: "above 0 and at most 1",
            });
        }
        if !(delta > 0.0 && delta < 1.0) {
            return Err(Error::OutOfRange {
                name: "delta",
                value: delta,
                range: "between 0 and 1",
            });
        }
        Ok(Accuracy { epsilon, delta })
    }
}

impl From<Accuracy> for (f64, f64) {
    fn from(Accuracy { epsilon, delta }: Accuracy) -> Self {
        (epsilon, delta)
    }
}

/// What probabilities are proportional to.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
enum Importance {
    Scores(ScoreMethod),
    Uniform,
}

/// SUBSAMPLE(D, A, ε, δ): a diagonal D̃ with few entries such that
///
/// ```text
/// (1 − ε) AᵀDA ⪯ AᵀD̃A ⪯ (1 + ε) AᵀDA   with probability 1 − δ           (S1)
/// m = 2(1 + ε/3) ε⁻² (d/β) ln(2d/δ)       rows, p_i ≥ β σ_i/d              (S2)
/// ```
/// where σ are the leverage scores of D^{1/2}A and rows are drawn with
/// probabilities p_i; 2(1 + ε/3) ≤ 8/3, and β = 1 for exact scores.
///
/// # Shapes
/// A n×d, D n entries, D̃ about m.
///
/// # Domain
/// D ≥ 0, D^{1/2}A of full column rank. Rows with D_i = 0 are never drawn.
///
/// # Why so many
/// Write D^{1/2}A = QR. (S1) says that the eigenvalues of Σ_k y_k y_kᵀ lie in
/// [1 − ε, 1 + ε], y_k = q_i/√(m p_i) for the k-th draw i. With replacement
/// E[Σ y yᵀ] = QᵀQ = I and ‖y‖² = σ_i/(m p_i) ≤ d/(mβ). The matrix Chernoff
/// bound for positive semidefinite summands of norm at most L and mean I gives
/// d·exp(−((1 + ε) ln(1 + ε) − ε)/L) for the largest eigenvalue and less for the
/// smallest; (1 + ε) ln(1 + ε) − ε ≥ ε²/(2(1 + ε/3)) is Bennett's inequality,
/// and L = d/(mβ) makes (S2). Without replacement the summands are independent
/// but not alike, which that bound allows; ‖y‖² = σ_i/q_i ≤ d/(mβ) again where
/// q_i = m p_i, and where q_i = 1 the summand is certain and can be cut into as
/// small parts as one likes. A sketch takes [`SKETCH_SHARE`] of δ twice, for its
/// β may fail, and leaves the rest.
///
/// # Errors
/// See [`draw`](Subsample::draw).
///
/// # Complexity
/// That of [`leverage_scores`], which is the larger part, and
/// O(n + m log n); [`Sampled::gram`] is O(md²). Memory O(n + d²), a sketch O(rd)
/// more. Exact scores take AᵀDA themselves: a single Gram matrix from a sample
/// costs about three times the exact one. Samples pay where scores serve many
/// draws ([`draw_by`](Subsample::draw_by)) or what follows is dear in rows.
///
/// # Source
/// P. Drineas, M. W. Mahoney and S. Muthukrishnan, *Relative-error CUR matrix
/// decompositions*, SIAM J. Matrix Anal. Appl. 30 (2008), for the probabilities;
/// J. A. Tropp, *User-friendly tail bounds for sums of random matrices*, Found.
/// Comput. Math. 12 (2012), theorem 1.1, for the bound. What is said about
/// sketches goes past both.
///
/// ```
/// use levinv::{Design, sample::{Sampled, Subsample}};
/// use nalgebra::{DMatrix, DVector};
///
/// // 20 000 points on a circle, two columns.
/// let a = DMatrix::from_fn(20_000, 2, |i, j| {
///     let t = i as f64;
///     if j == 0 { t.cos() } else { t.sin() }
/// });
/// let (a, d): (Design<f64>, _) = (a.into(), DVector::from_element(20_000, 1.0));
/// let subsample = Subsample::accuracy(0.5, 0.01)?;
/// let sampled = subsample.draw(&a, &d, 7)?;
/// assert_eq!(sampled.drawn(), 112); // 2(1 + 1/6)·4·2·ln 400, rounded up
///
/// let all = Sampled::from_all(&d)?.gram(&a)?; // 10 000 I, very nearly
/// let values = (sampled.gram(&a)? / 10_000.0).symmetric_eigenvalues();
/// assert!(values.iter().all(|v| (v - 1.0).abs() < 0.5));
/// assert!((all[(0, 0)] - 10_000.0).abs() < 1.0);
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Subsample {
    amount: Amount,
    importance: Importance,
    scheme: Scheme,
}

impl Default for Subsample {
    /// [`ACCURACY`] and [`FAILURE_PROBABILITY`], exact scores, with replacement.
    fn default() -> Self {
        let (epsilon, delta) = (ACCURACY, FAILURE_PROBABILITY);
        Subsample::new(Amount::Accuracy(Accuracy { epsilon, delta }))
    }
}

impl Subsample {
    /// As many rows as (S1) takes.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless 0 < ε ≤ 1 and 0 < δ < 1.
    pub fn accuracy(epsilon: f64, delta: f64) -> Result<Self, Error> {
        Ok(Subsample::new(Amount::Accuracy(
            (epsilon, delta).try_into()?,
        )))
    }

    /// m rows, whatever accuracy that gives.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for none.
    pub fn rows(m: usize) -> Result<Self, Error> {
        let rows = NonZeroUsize::new(m).ok_or(Error::OutOfRange {
            name: "rows of the sample",
            value: 0.0,
            range: "at least 1",
        })?;
        Ok(Subsample::new(Amount::Rows(rows)))
    }

    fn new(amount: Amount) -> Self {
        Subsample {
            amount,
            importance: Importance::Scores(ScoreMethod::default()),
            scheme: Scheme::default(),
        }
    }

    /// How the scores are had; exactly unless set.
    #[must_use]
    pub fn scores(mut self, method: ScoreMethod) -> Self {
        self.importance = Importance::Scores(method);
        self
    }

    /// Equal probabilities on all rows with D_i > 0, as many as with exact
    /// scores: for comparison. (S1) does not hold; it takes n max_i σ_i/d times
    /// the rows.
    #[must_use]
    pub fn uniform(mut self) -> Self {
        self.importance = Importance::Uniform;
        self
    }

    /// How rows are drawn; with replacement unless set.
    #[must_use]
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// m, the number of rows drawn of n×d: for n or more, all rows are taken.
    pub fn size(&self, n: usize, d: usize) -> usize {
        let Accuracy { epsilon, delta } = match self.amount {
            Amount::Rows(m) => return m.get(),
            Amount::Accuracy(accuracy) => accuracy,
        };
        let (beta, left) = match self.importance {
            Importance::Scores(method @ ScoreMethod::Sketched(_)) => {
                let beta = method.constant(n, d, SKETCH_SHARE * delta);
                (beta, (1.0 - 2.0 * SKETCH_SHARE) * delta)
            }
            _ => (1.0, delta),
        };
        let d = d as f64;
        // (S2); a float too large for the type becomes its largest number.
        let rows = 2.0 * (1.0 + epsilon / 3.0) / (epsilon * epsilon) * d / beta;
        (rows * (2.0 * d / left).ln()).ceil() as usize
    }

    /// Draws D̃. Equal seeds give equal samples, on any number of threads.
    ///
    /// Where m is at least the number of rows with D_i > 0, all of those are
    /// taken with their own weights and nothing is computed.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::EntryOutOfRange`] for a D of the wrong
    /// length, negative or not finite; those of [`leverage_scores`] for
    /// D^{1/2}A, unless drawn uniformly.
    pub fn draw<T: Scalar>(
        &self,
        design: &Design<T>,
        diagonal: &DVector<T>,
        seed: u64,
    ) -> Result<Sampled<T>, Error> {
        let (n, d) = (design.nrows(), design.ncols());
        check_nonnegative("diagonal", diagonal, n)?;
        if self.size(n, d) >= counted(diagonal) {
            return Sampled::from_all(diagonal);
        }
        let scores = self.importance(design, diagonal, seed)?;
        self.draw_by(&scores, d, diagonal, seed)
    }

    /// What probabilities are proportional to.
    pub(crate) fn importance<T: Scalar>(
        &self,
        design: &Design<T>,
        diagonal: &DVector<T>,
        seed: u64,
    ) -> Result<DVector<T>, Error> {
        match self.importance {
            Importance::Uniform => Ok(DVector::from_element(design.nrows(), T::one())),
            Importance::Scores(method) => {
                leverage_scores(design, &diagonal.map(|v| v.sqrt()), &method, seed)
            }
        }
    }

    /// Draws D̃ with probabilities proportional to `scores`, for which
    /// σ_i ≤ scores_i up to the constant of this sample's [`ScoreMethod`]; d is
    /// the number of columns. For many draws from one D: [`draw`](Self::draw)
    /// computes the scores each time.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::EntryOutOfRange`] for D and the scores;
    /// [`Error::OutOfRange`] where no row with D_i > 0 has a positive score.
    ///
    /// # Complexity
    /// O(n + m log n).
    pub fn draw_by<T: Scalar>(
        &self,
        scores: &DVector<T>,
        d: usize,
        diagonal: &DVector<T>,
        seed: u64,
    ) -> Result<Sampled<T>, Error> {
        let n = diagonal.len();
        check_nonnegative("diagonal", diagonal, n)?;
        check_length("scores", scores, n)?;
        check_nonnegative("scores", scores, n)?;
        let m = self.size(n, d);
        if m >= counted(diagonal) {
            return Sampled::from_all(diagonal);
        }
        // f64 is enough for chance; a weight divides by exactly the p_i drawn by.
        let importance: Vec<f64> = scores
            .iter()
            .zip(diagonal.iter())
            .map(|(&s, &v)| if v > T::zero() { to_f64(s) } else { 0.0 })
            .collect();
        let total: f64 = importance.iter().sum();
        if !(total > 0.0) || !total.is_finite() {
            return Err(Error::OutOfRange {
                name: "the sum of the scores",
                value: total,
                range: "positive and finite",
            });
        }
        let mut rng = stream(seed, Purpose::Rows);
        let expected = |i: usize| m as f64 * (importance[i] / total);
        let (drawn, most) = match self.scheme {
            Scheme::WithReplacement => (repeats(&importance, m, &mut rng), f64::INFINITY),
            Scheme::WithoutReplacement => (independent(n, expected, &mut rng), 1.0),
        };
        // D_i/(m p_i) for each time, or D_i/q_i.
        let weight =
            |(i, times): (usize, usize)| diagonal[i] * real(times as f64 / expected(i).min(most));
        let weights = drawn.iter().copied().map(weight).collect();
        let times = drawn.iter().map(|&(_, times)| times).sum();
        let rows = drawn.into_iter().map(|(i, _)| i).collect();
        Ok(Sampled::new(n, rows, weights, times))
    }
}

/// Rows with D_i > 0.
fn counted<T: Scalar>(diagonal: &DVector<T>) -> usize {
    diagonal.iter().filter(|&&v| v > T::zero()).count()
}

/// m independent draws: rows ascending, and how often each came.
fn repeats(importance: &[f64], m: usize, rng: &mut impl Rng) -> Vec<(usize, usize)> {
    let mut sum = 0.0;
    let sums: Vec<f64> = importance
        .iter()
        .map(|&p| {
            sum += p;
            sum
        })
        .collect();
    // Rounding may carry u·Σ up to Σ, past the last row that can be drawn.
    let last = sums.partition_point(|&s| s < sum);
    let mut rows: Vec<usize> = (0..m)
        .map(|_| {
            let u = rng.random::<f64>() * sum;
            // The first row whose sum exceeds u: never one of probability 0.
            sums.partition_point(|&s| s <= u).min(last)
        })
        .collect();
    rows.sort_unstable();
    rows.chunk_by(|a, b| a == b)
        .map(|same| (same[0], same.len()))
        .collect()
}

/// Each row by itself with probability min(1, expected).
fn independent(
    n: usize,
    expected: impl Fn(usize) -> f64,
    rng: &mut impl Rng,
) -> Vec<(usize, usize)> {
    // One number a row, needed or not: whether row i is taken depends on its own
    // probability alone.
    (0..n)
        .filter(|&i| rng.random::<f64>() < expected(i))
        .map(|i| (i, 1))
        .collect()
}
