//! AᵀD̃A from a sample of rows, for the methods that step or precondition with it.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::method::{Advance, Evaluations, Iterate};
use crate::error::Error;
use crate::objective::{Frame, Objective, RowCurvature};
use crate::sample::{Sampled, Subsample};
use crate::scalar::{Scalar, count, epsilon, real};

macro_rules! sampling_setters {
    ($solver:ident) => {
        impl<T: $crate::Scalar> $solver<T> {
            /// How rows are sampled: accuracy or number, scheme, and how their
            /// leverage scores are had.
            #[must_use]
            pub fn with_subsample(mut self, subsample: $crate::sample::Subsample) -> Self {
                self.sampling.subsample = subsample;
                self
            }

            /// Seeds the samples; each iteration draws its own from seed and
            /// iteration number. Equal seeds give equal iterates on any number of
            /// threads, also across a checkpoint.
            #[must_use]
            pub fn with_seed(mut self, seed: u64) -> Self {
                self.sampling.seed = seed;
                self
            }

            /// How much of the way to the boundary a step may go: more than 0,
            /// less than 1.
            ///
            /// # Errors
            /// [`Error::OutOfRange`](crate::Error::OutOfRange).
            pub fn with_boundary_fraction(mut self, fraction: T) -> Result<Self, $crate::Error> {
                self.boundary = $crate::solver::settings::open_unit("boundary fraction", fraction)?;
                Ok(self)
            }
        }

        impl<T: $crate::Scalar> Default for $solver<T> {
            fn default() -> Self {
                Self::new()
            }
        }

        $crate::solver::settings::ending_setters!($solver);
    };
}
pub(super) use sampling_setters;

/// Where the samples come from.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = ""))]
pub(super) struct Sampling<T: Scalar> {
    pub(super) subsample: Subsample,
    pub(super) seed: u64,
    /// The run's last D and its scores: where a ridge dominates, D never changes.
    #[cfg_attr(feature = "serde", serde(skip))]
    known: Option<(DVector<T>, DVector<T>)>,
}

impl<T: Scalar> Default for Sampling<T> {
    fn default() -> Self {
        Sampling {
            subsample: Subsample::default(),
            seed: 0,
            known: None,
        }
    }
}

impl<T: Scalar> Sampling<T> {
    /// AᵀD̃A at a point, factorised.
    pub(super) fn draw<O: Objective<T>>(
        &mut self,
        f: &mut impl Evaluations<T, O>,
        at: &Iterate<T>,
        iteration: u64,
    ) -> Result<SampledForm<T>, Error> {
        if iteration == 0 {
            // A solver that has run before may be given another problem.
            self.known = None;
        }
        let curvature = f.row_curvature(&at.x)?.ok_or(Error::NotOffered {
            what: "row curvature (scores and gradients have one with a ridge)",
        })?;
        // Odd and large: neighbouring seeds and iterations share no stream.
        let seed = self.seed
            ^ iteration
                .wrapping_add(1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if let Some(sampled) = self.sample(&curvature, seed)? {
            let gram = sampled.gram(&curvature.design)?;
            let form = SampledForm::new(gram, sampled.rows().len());
            if let Some(mut form) = form.filter(SampledForm::is_sound) {
                form.others = Some(curvature);
                return Ok(form);
            }
        }
        // Nothing to sample, or a sample that misses a direction.
        SampledForm::of_all_rows(&curvature)
    }

    /// Fewer than all rows, where so few are wanted.
    fn sample(
        &mut self,
        curvature: &RowCurvature<T>,
        seed: u64,
    ) -> Result<Option<Sampled<T>>, Error> {
        let RowCurvature { design, diagonal } = curvature;
        let (n, d) = (design.nrows(), design.ncols());
        if self.subsample.size(n, d) >= n {
            return Ok(None);
        }
        if self.known.as_ref().is_none_or(|(last, _)| last != diagonal) {
            // One seed for all sketches: a run that is resumed makes the same one.
            let scores = self.subsample.importance(design, diagonal, self.seed)?;
            self.known = Some((diagonal.clone(), scores));
        }
        let sampled = match &self.known {
            Some((_, scores)) => self.subsample.draw_by(scores, d, diagonal, seed),
            None => self.subsample.draw(design, diagonal, seed),
        };
        sampled.map(Some)
    }
}

/// AᵀD̃A, scaled to unit diagonal and factorised.
pub(super) struct SampledForm<T: Scalar> {
    cholesky: Cholesky<T, Dyn>,
    scale: DVector<T>,
    rows: usize,
    /// All rows, where these are a sample.
    others: Option<RowCurvature<T>>,
}

impl<T: Scalar> SampledForm<T> {
    fn new(mut gram: DMatrix<T>, rows: usize) -> Option<Self> {
        let scale = gram.diagonal().map(|m| m.sqrt());
        if !scale.iter().all(|s| *s > T::zero() && s.is_finite()) {
            return None;
        }
        for j in 0..scale.len() {
            for i in 0..scale.len() {
                gram[(i, j)] = gram[(i, j)] / scale[i] / scale[j];
            }
        }
        Some(SampledForm {
            cholesky: Cholesky::new(gram)?,
            scale,
            rows,
            others: None,
        })
    }

    /// AᵀDA itself.
    fn of_all_rows(curvature: &RowCurvature<T>) -> Result<Self, Error> {
        let all = Sampled::from_all(&curvature.diagonal)?;
        let gram = all.gram(&curvature.design)?;
        SampledForm::new(gram, all.rows().len()).ok_or(Error::Singular {
            what: "sampled Hessian",
        })
    }

    /// The form of all rows, where this is one of a sample.
    pub(super) fn complete(&self) -> Result<Option<Self>, Error> {
        self.others.as_ref().map(Self::of_all_rows).transpose()
    }

    /// Whether no pivot, of diagonal entries 1, is left over by rounding alone: rows
    /// fewer than columns may pass for independent otherwise.
    fn is_sound(&self) -> bool {
        let pivot = self.cholesky.l_dirty().diagonal().min();
        pivot * pivot > real::<T>(16.0) * count::<T>(self.scale.len()) * epsilon()
    }

    pub(super) fn solve(&self, v: &DVector<T>) -> DVector<T> {
        let mut out = v.component_div(&self.scale);
        self.cholesky.solve_mut(&mut out);
        out.component_div(&self.scale)
    }

    /// √(vᵀ(AᵀD̃A)⁻¹v).
    pub(super) fn norm(&self, v: &DVector<T>) -> T {
        v.dot(&self.solve(v)).max(T::zero()).sqrt()
    }

    pub(super) fn note(&self, mut advance: Advance<T>, inner: Option<usize>) -> Advance<T> {
        advance.columns.sample = Some(self.rows);
        advance.columns.inner = inner;
        advance
    }
}

/// What a gradient is measured against where the objective has no metric: the
/// sampled form's norm has units of √f.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Yardstick<T> {
    /// The norm at the start.
    first: T,
}

impl<T: Scalar> Yardstick<T> {
    pub(super) fn new() -> Self {
        Yardstick { first: T::zero() }
    }

    /// The natural length of the form's own step, and what ends a run: that, or
    /// without a metric the part of the first that is left.
    pub(super) fn measure(
        &mut self,
        frame: &Frame<T>,
        form: &SampledForm<T>,
        at: &Iterate<T>,
        iteration: u64,
    ) -> (T, T) {
        if frame.is_natural() {
            let length = frame.length(&at.x, &form.solve(&at.gradient));
            return (length, length);
        }
        let length = form.norm(&at.gradient);
        if iteration == 0 {
            self.first = length;
        }
        (length, length / self.first)
    }
}
