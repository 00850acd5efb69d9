//! Signs from noisy magnitudes where the lift does not find them.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::error::Error;
use crate::geometry::{Geometry, Model, Signs};
use crate::linalg::{Factor, Factorisation, LeastSquares};
use crate::recover::noise::Reading;
use crate::recover::scores::linear;
use crate::recover::scores::structure::Components;
use crate::recover::signs::nearest;
use crate::scalar::{Scalar, count, epsilon, real};

/// Random starts: at d ≤ 8 and n ≥ 2d the signs are found from one in some ten.
const STARTS: usize = 120;
/// Rounds of signs from x and x from signs.
const ROUNDS: usize = 30;
/// Ends with the least misfits that are kept, for a fit each.
const KEPT: usize = 6;
/// Rows up to which errors of magnitudes are told with all of their causes: with
/// many more rows than coefficients each is its own score's.
const COUPLED_ROWS: usize = 64;
/// Starts spread over this many decades about the least-squares point, in units
/// of its root mean square slack.
const DECADES: f64 = 2.0;

/// Magnitudes of slacks, how far each may be off, and whose they are.
pub(crate) struct Magnitudes<'a, T: Scalar> {
    pub(crate) model: &'a Model<T>,
    pub(crate) components: &'a Components,
    pub(crate) sizes: &'a DVector<T>,
    /// Relative; zero where nothing is known.
    pub(crate) relative: &'a DVector<T>,
}

/// Signs, the linear step with them, and how badly that fits.
#[derive(Debug, Clone)]
pub(crate) struct Signed<T: Scalar> {
    pub(crate) signs: Signs,
    pub(crate) x: DVector<T>,
    /// Weighted and relative, as [`LeastSquares::residual`] is.
    pub(crate) residual: T,
}

impl<T: Scalar> Magnitudes<'_, T> {
    /// How far each magnitude may be off, relative: where rows are few, with what
    /// the others' scores do to it,
    ///
    /// ```text
    /// cov ln m = ¼ Λ⁺ cov τ̂ Λ⁺,   as ∂σ/∂ ln v = Λ and m = v^(−1/2)
    /// ```
    ///
    /// elsewhere as if these stayed. O(n²d² + n³), n ≤ [`COUPLED_ROWS`].
    pub(crate) fn errors(&self, reading: &Reading<T>) -> Result<DVector<T>, Error> {
        let n = self.sizes.len();
        let sound = self.sizes.iter().all(|m| *m > T::zero() && m.is_finite());
        if n > COUPLED_ROWS || !sound {
            return Ok(self.relative.clone());
        }
        let origin = DVector::zeros(self.model.dim());
        let design = self.model.design();
        let at = Geometry::new(design, &origin, self.sizes.clone(), Factorisation::Qr)?;
        let mut laplacian = DMatrix::zeros(n, n);
        for j in 0..n {
            let unit = DVector::from_fn(n, |i, _| if i == j { T::one() } else { T::zero() });
            laplacian.set_column(j, &at.laplacian(&unit)?);
        }
        if laplacian.iter().any(|v| !v.is_finite()) {
            return Ok(self.relative.clone());
        }
        let eigen = SymmetricEigen::new(laplacian);
        let floor = eigen.eigenvalues.amax() * epsilon::<T>() * count::<T>(n) * real(8.0);
        // What a sum leaves for a missing score is off by what its terms are.
        let all = reading.deviations.norm();
        let deviations = reading
            .deviations
            .map(|sd| if sd > T::zero() { sd } else { all });
        let mut scaled = eigen.eigenvectors.clone();
        for (k, mut column) in scaled.column_iter_mut().enumerate() {
            let value = eigen.eigenvalues[k];
            // A factor common to a component is no error.
            column.scale_mut(if value > floor {
                T::one() / value
            } else {
                T::zero()
            });
        }
        let mut moved = scaled * eigen.eigenvectors.transpose();
        for (j, mut column) in moved.column_iter_mut().enumerate() {
            column.scale_mut(deviations[j] * real(0.5));
        }
        Ok(DVector::from_fn(n, |i, _| {
            if self.relative[i] > T::zero() {
                moved.row(i).norm().max(self.relative[i])
            } else {
                T::zero()
            }
        }))
    }

    /// The linear step with these signs. O(nd²).
    pub(crate) fn solve(&self, signs: Signs) -> Result<Signed<T>, Error> {
        let LeastSquares { x, residual, .. } = linear::solve_noisy(
            self.model,
            self.sizes,
            &signs,
            self.components,
            self.relative,
        )?;
        let x = x.rows(0, self.model.dim()).into_owned();
        Ok(Signed { signs, x, residual })
    }

    /// The linear step, until its own solution has its signs: the misfit falls
    /// with each.
    pub(crate) fn alternate(&self, signs: Signs) -> Result<Signed<T>, Error> {
        let mut found = self.solve(signs)?;
        for _ in 0..ROUNDS {
            let next = nearest(&self.model.slack(&found.x)?)?;
            if next == found.signs {
                break;
            }
            let other = self.solve(next)?;
            if !(other.residual < found.residual) {
                break;
            }
            found = other;
        }
        Ok(found)
    }

    /// The best distinct ends of seeded random starts, best first.
    pub(crate) fn search(&self, seed: u64) -> Result<Vec<Signed<T>>, Error> {
        let (n, d) = (self.model.nrows(), self.model.dim());
        let ones = DVector::from_element(n, T::one());
        let design = self.model.design();
        let factor = Factor::new(design, &ones, Factorisation::Qr)?;
        let centre = factor.solve(&factor.project(design, &ones, self.model.rhs())?);
        let size = self.model.slack(&centre)?.norm() / count::<T>(d).sqrt();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut kept: Vec<Signed<T>> = Vec::new();
        for _ in 0..STARTS {
            // Uniform in a cube of the basis Q: which law hardly matters.
            let way = DVector::from_fn(d, |_, _| real(rng.random_range(-1.0..1.0)));
            let length = size * real(10f64.powf((rng.random::<f64>() - 0.5) * DECADES));
            let start = &centre + factor.solve(&(way * length));
            let end = self.alternate(nearest(&self.model.slack(&start)?)?)?;
            let turned = end.signs.flipped();
            let same = |k: &Signed<T>| k.signs == end.signs || k.signs == turned;
            if !kept.iter().any(same) && end.residual.is_finite() {
                let place = kept.partition_point(|k| k.residual <= end.residual);
                kept.insert(place, end);
                kept.truncate(KEPT);
            }
        }
        Ok(kept)
    }
}
