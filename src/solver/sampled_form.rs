//! AᵀD̃A from a sample of rows, for the methods that step or precondition with it.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::method::{Advance, Evaluations, Iterate};
use crate::error::Error;
use crate::linalg::Design;
use crate::objective::{Objective, RowCurvature};
use crate::sample::{Sampled, Subsample};
use crate::scalar::Scalar;

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
    /// The last D and its scores: where a ridge dominates, D never changes.
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
        let RowCurvature { design, diagonal } =
            f.row_curvature(&at.x)?.ok_or(Error::NotOffered {
                what: "row curvature (scores and gradients have one with a ridge)",
            })?;
        // Odd and large: neighbouring seeds and iterations share no stream.
        let seed = self.seed
            ^ iteration
                .wrapping_add(1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let sampled = self.sample(&design, &diagonal, seed)?;
        if let Some(form) = SampledForm::new(sampled.gram(&design)?, sampled.rows().len()) {
            return Ok(form);
        }
        // A sample that misses a direction: all rows, once.
        let all = Sampled::from_all(&diagonal)?;
        SampledForm::new(all.gram(&design)?, all.rows().len()).ok_or(Error::Singular {
            what: "sampled Hessian",
        })
    }

    fn sample(
        &mut self,
        design: &Design<T>,
        diagonal: &DVector<T>,
        seed: u64,
    ) -> Result<Sampled<T>, Error> {
        let (n, d) = (design.nrows(), design.ncols());
        if self.subsample.size(n, d) >= n {
            return Sampled::from_all(diagonal);
        }
        if self.known.as_ref().is_none_or(|(last, _)| last != diagonal) {
            // One seed for all sketches: a run that is resumed makes the same one.
            let scores = self.subsample.importance(design, diagonal, self.seed)?;
            self.known = Some((diagonal.clone(), scores));
        }
        match &self.known {
            Some((_, scores)) => self.subsample.draw_by(scores, d, diagonal, seed),
            None => self.subsample.draw(design, diagonal, seed),
        }
    }
}

/// AᵀD̃A, scaled to unit diagonal and factorised.
pub(super) struct SampledForm<T: Scalar> {
    cholesky: Cholesky<T, Dyn>,
    scale: DVector<T>,
    rows: usize,
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
        })
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
