//! Signs from noisy magnitudes where the lift does not find them.

use nalgebra::DVector;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::linalg::{Factor, Factorisation, LeastSquares};
use crate::recover::noise::feasible::{signs_of, weighted_linear};
use crate::recover::scores::structure::Components;
use crate::scalar::{Scalar, count, real};

/// Random starts: at d ≤ 8 and n ≥ 2d the signs are found from one in some ten.
const STARTS: usize = 120;
/// Rounds of signs from x and x from signs.
const ROUNDS: usize = 30;
/// Ends with the least misfits that are kept, for a fit each.
const KEPT: usize = 6;
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
    /// The linear step with these signs. O(nd²).
    pub(crate) fn solve(&self, signs: Signs) -> Result<Signed<T>, Error> {
        let LeastSquares { x, residual, .. } = weighted_linear(
            self.model,
            self.sizes,
            self.relative,
            &signs,
            self.components,
        )?;
        let x = x.rows(0, self.model.dim()).into_owned();
        Ok(Signed { signs, x, residual })
    }

    /// The linear step, until its own solution has its signs: the misfit falls
    /// with each.
    pub(crate) fn alternate(&self, signs: Signs) -> Result<Signed<T>, Error> {
        let mut found = self.solve(signs)?;
        for _ in 0..ROUNDS {
            let next = signs_of(&self.model.slack(&found.x)?)?;
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
            let end = self.alternate(signs_of(&self.model.slack(&start)?)?)?;
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
