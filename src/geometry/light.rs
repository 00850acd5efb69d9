//! The heavy rows of a point, and sums without them.

use nalgebra::{DMatrix, DVector};

use super::frame::Frame;
use super::heavy::{Along, HeavyRows, Parts};
use super::moment::Moment;
use super::pass::Work;
use super::point::{Core, Geometry};
use super::selected::MOST_HEAVY;
use crate::error::Error;
use crate::linalg::Rows;
use crate::scalar::{Scalar, to_f64};

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
    pub(crate) fn along(&self, heavy: &HeavyRows<T>, moment: &Moment<T>, k: usize) -> Along<T> {
        match (moment, &self.core) {
            (Moment::Pattern { pattern, all, .. }, Core::Pattern(selected)) => {
                let dual = selected.factor.solve(&pattern.multiply(all, heavy.dual(k)));
                Along {
                    row: dual.clone(),
                    dual,
                }
            }
            (Moment::Pattern { .. }, Core::Frame(_)) => Along {
                row: DVector::zeros(self.x.len()),
                dual: DVector::zeros(self.x.len()),
            },
            (Moment::Frame { all, .. }, _) => {
                let row = all * &heavy.rows()[k];
                let dual = match self.inverse() {
                    None => row.clone(),
                    Some(x) => &*x * &row,
                };
                Along { row, dual }
            }
        }
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

    /// Rows of score near 1; where each costs vectors, those of the smallest slacks.
    fn heavy_indices(&self) -> Result<Vec<usize>, Error> {
        let mut indices: Vec<usize> = HeavyRows::select(self.scores()?).collect();
        if self.is_on_pattern() && indices.len() > MOST_HEAVY {
            let size = |i: usize| to_f64(self.slack[i].abs());
            indices.sort_by(|&i, &j| size(i).total_cmp(&size(j)));
            indices.truncate(MOST_HEAVY);
            indices.sort_unstable();
        }
        Ok(indices)
    }

    /// The moment of ones without heavy rows, where it is known already.
    fn light_of_others(&self, heavy: &[usize]) -> Option<Moment<T>> {
        let light = self.apart()?.gram_without(heavy, self.unit())?;
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
