//! The heavy rows of a point, and sums without them.

use nalgebra::{DMatrix, DVector};

use super::frame::Frame;
use super::heavy::{Along, HeavyRows, Parts};
use super::moment::Moment;
use super::pass::Work;
use super::point::{Core, Geometry};
use crate::error::Error;
use crate::linalg::Rows;
use crate::scalar::{Scalar, count, real};

/// Slacks below this part of a mean of all make of a lost last place more than a
/// hundred, where the Gram matrix is sparse.
const SMALL: f64 = 0.1;
/// Numbers that rows treated apart may take there: 1 GiB of f64.
const MOST_HEAVY: usize = 1 << 27;

impl<T: Scalar> Geometry<T> {
    /// A_xᵀσ over all but the heavy rows.
    pub(crate) fn light_image(&self) -> Result<DVector<T>, Error> {
        let (heavy, scores) = (self.heavy()?.indices(), self.scores()?);
        if let Some(apart) = self.apart() {
            let light = |i: &usize| match heavy.binary_search(i) {
                Ok(_) => T::zero(),
                Err(_) => scores[*i],
            };
            if let Some(weights) = apart.weights(heavy, light) {
                let mut sum = self.image()?.rest.clone();
                apart.add_rows(&weights, sum.as_mut_slice());
                return Ok(sum);
            }
        }
        self.apply_transposed(&without(scores, heavy))
    }

    /// The moment of v, and its part without the heavy rows.
    pub(crate) fn moment_with_heavy(&self, v: &DVector<T>) -> Result<Moment<T>, Error> {
        let light = self.moment_of(v, self.heavy()?.indices())?;
        self.completed(v, light)
    }

    /// Adds the heavy rows to a moment of v without them.
    pub(crate) fn completed(
        &self,
        v: &DVector<T>,
        mut moment: Moment<T>,
    ) -> Result<Moment<T>, Error> {
        let heavy = self.heavy()?;
        let rows = heavy.indices().iter().zip(heavy.rows());
        match &mut moment {
            Moment::Frame { all, .. } => rows.for_each(|(&i, q)| all.ger(v[i], q, q, T::one())),
            Moment::Pattern { pattern, all, .. } => {
                let (mut buffer, mut work) = (DMatrix::zeros(0, 0), Vec::new());
                for &i in heavy.indices() {
                    let weight = v[i] / self.slack[i] / self.slack[i];
                    if let Rows::Sparse(row) = self.design.rows(i..i + 1, &mut buffer)? {
                        pattern.add_gram(&row, &[weight], &mut work, all);
                    }
                }
            }
        }
        Ok(moment)
    }

    /// What a moment makes of the k-th heavy row.
    pub(crate) fn along(
        &self,
        heavy: &HeavyRows<T>,
        moment: &Moment<T>,
        k: usize,
    ) -> Result<Along<T>, Error> {
        let Core::Pattern(selected) = &self.core else {
            let row = moment.in_frame()? * &heavy.rows()[k];
            let dual = match self.inverse() {
                None => row.clone(),
                Some(x) => &*x * &row,
            };
            return Ok(Along { row, dual });
        };
        let image = selected
            .pattern
            .multiply(moment.on_pattern()?, heavy.dual(k));
        let dual = selected.factor.solve(&image);
        Ok(Along {
            row: dual.clone(),
            dual,
        })
    }

    /// The rows whose score is close to 1.
    pub(crate) fn heavy(&self) -> Result<&HeavyRows<T>, Error> {
        if let Some(heavy) = self.heavy.get() {
            return Ok(heavy);
        }
        let indices = self.heavy_indices()?;
        if indices.is_empty() {
            return Ok(self.heavy.get_or_init(HeavyRows::default));
        }
        let light = match self.light_of_others(&indices) {
            Some(light) => light,
            None => {
                let ones = DVector::from_element(self.slack.len(), T::one());
                self.moment_of(&ones, &indices)?
            }
        };
        let heavy = match &self.core {
            Core::Frame(frame) => {
                let rows = indices.iter().map(|&i| self.q_row(frame, i));
                let rows = rows.collect::<Result<Vec<_>, Error>>()?;
                let duals = match self.inverse() {
                    None => rows.clone(),
                    Some(x) => rows.iter().map(|q| &*x * q).collect(),
                };
                let parts = Parts {
                    indices,
                    rows,
                    duals,
                };
                HeavyRows::new(parts, |p, k, l| p.rows[k].dot(&p.rows[l]), light)
            }
            Core::Pattern(selected) => {
                let row = |&i: &usize| Ok(self.row_and_slack_error(i)?.0 / self.slack[i]);
                let rows = indices.iter().map(row);
                let rows = rows.collect::<Result<Vec<_>, Error>>()?;
                let duals = rows.iter().map(|y| selected.factor.solve(y)).collect();
                let parts = Parts {
                    indices,
                    rows,
                    duals,
                };
                HeavyRows::new(parts, |p, k, l| p.duals[k].dot(&p.rows[l]), light)
            }
        };
        Ok(self.heavy.get_or_init(|| heavy))
    }

    /// Rows of score near 1; where the Gram matrix is sparse, those of small slacks:
    /// a graph may have a bridge for each of its vertices, σ = 1, and what is lost
    /// there comes out multiplied by 1/s alone.
    fn heavy_indices(&self) -> Result<Vec<usize>, Error> {
        let heavy = HeavyRows::select(self.scores()?);
        if !self.is_on_pattern() {
            return Ok(heavy.collect());
        }
        let (n, d) = (self.slack.len(), self.x.len());
        let sizes = self.slack.iter().map(|s| (T::one() / s.abs()).sqrt());
        let mean = sizes.fold(T::zero(), |sum, w| sum + w) / count(n);
        let small = real::<T>(SMALL) / (mean * mean);
        let heavy: Vec<usize> = heavy.filter(|&i| self.slack[i].abs() < small).collect();
        // Each takes two vectors of length d.
        if heavy.len().saturating_mul(2 * d) > MOST_HEAVY {
            return Err(Error::Singular {
                what: "sparse Gram matrix, of more rows with tiny slacks than can be treated apart,",
            });
        }
        Ok(heavy)
    }

    /// The moment of ones without heavy rows, where it is known already.
    fn light_of_others(&self, heavy: &[usize]) -> Option<Moment<T>> {
        let light = self.apart()?.gram_without(heavy)?;
        let all = DMatrix::zeros(0, 0);
        Some(Moment::Frame { all, light })
    }

    /// `sum ← sum + Σ over heavy rows of v_i a_i / s_i`.
    pub(crate) fn add_heavy(&self, v: &DVector<T>, sum: &mut DVector<T>) -> Result<(), Error> {
        let mut row = DMatrix::zeros(1, self.x.len());
        for &i in self.heavy()?.indices() {
            self.design.read_rows(i, &mut row)?;
            let weight = v[i] / self.slack[i];
            let row = sum.iter_mut().zip(row.iter());
            row.for_each(|(sum, &a)| *sum += weight * a);
        }
        Ok(())
    }

    /// A row of A, and what rounding took off its slack: `a_iᵀx − b_i − s_i`.
    pub(crate) fn row_and_slack_error(&self, i: usize) -> Result<(DVector<T>, T), Error> {
        let mut row = DMatrix::zeros(1, self.x.len());
        self.design.read_rows(i, &mut row)?;
        let row = row.row(0).transpose();
        let Some(rhs) = &self.rhs else {
            return Ok((row, T::zero()));
        };
        let pairs = row.iter().copied().zip(self.x.iter().copied());
        let own = std::iter::once((self.slack[i], -T::one()));
        let error = T::residual_of_row(pairs.chain(own), rhs[i]);
        Ok((row, error))
    }

    /// Row i of Q, from the whole block that it lies in: its second
    /// orthogonalisation mends the rounding of that very computation, and a row
    /// solved for alone rounds differently.
    fn q_row(&self, frame: &Frame<T>, i: usize) -> Result<DVector<T>, Error> {
        if let Some(q) = self.apart().and_then(|apart| apart.q_row(i)) {
            return Ok(q);
        }
        let (range, k) = self.blocks.around(i);
        let mut work = Work::default();
        Ok(self.q_block(frame, &range, &mut work)?.row(k).transpose())
    }
}

/// v with some entries set to zero.
pub(super) fn without<T: Scalar>(v: &DVector<T>, indices: &[usize]) -> DVector<T> {
    let mut v = v.clone();
    indices.iter().for_each(|&i| v[i] = T::zero());
    v
}
