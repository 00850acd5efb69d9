//! Rows that were kept, and the weights they carry.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::linalg::{Design, check_entries, check_nonnegative, mirror_lower};
use crate::scalar::{Scalar, to_f64};

/// D̃: a diagonal with few entries that stands in for D.
///
/// Made by [`Subsample::draw`](super::Subsample::draw), or from all rows.
///
/// ```
/// use levinv::{Design, sample::Sampled};
/// use nalgebra::{dmatrix, dvector};
///
/// let a: Design<f64> = dmatrix![1.0, 2.0; 5.0, 5.0; 0.0, 1.0].into();
/// let all = Sampled::from_all(&dvector![1.0, 0.0, 3.0])?;
/// assert_eq!(all.rows(), [0, 2]); // a row of weight 0 is none
/// assert_eq!(all.gram(&a)?, dmatrix![1.0, 2.0; 2.0, 7.0]);
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled<T: Scalar> {
    /// Length of the diagonal.
    n: usize,
    rows: Vec<usize>,
    weights: DVector<T>,
    drawn: usize,
}

impl<T: Scalar> Sampled<T> {
    /// Every row with D_i > 0, with its own weight: nothing is left to chance.
    ///
    /// # Errors
    /// [`Error::EntryOutOfRange`] for entries that are negative or not finite.
    pub fn from_all(diagonal: &DVector<T>) -> Result<Self, Error> {
        check_nonnegative("diagonal", diagonal, diagonal.len())?;
        let rows: Vec<usize> = (0..diagonal.len())
            .filter(|&i| diagonal[i] > T::zero())
            .collect();
        let weights = rows.iter().map(|&i| diagonal[i]).collect();
        let drawn = rows.len();
        Ok(Sampled::new(diagonal.len(), rows, weights, drawn))
    }

    pub(super) fn new(n: usize, rows: Vec<usize>, weights: Vec<T>, drawn: usize) -> Self {
        let weights = DVector::from_vec(weights);
        Sampled {
            n,
            rows,
            weights,
            drawn,
        }
    }

    /// The rows that were kept, ascending, each once.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// D̃ of each of them, positive.
    pub fn weights(&self) -> &DVector<T> {
        &self.weights
    }

    /// How many rows were drawn, repeats counted.
    pub fn drawn(&self) -> usize {
        self.drawn
    }

    /// AᵀD̃A, symmetric d×d.
    ///
    /// # Errors
    /// [`Error::Shape`] where A has not as many rows as D;
    /// [`Error::NonFiniteEntry`] for A, or for a sum that overflows; those of
    /// reading the rows.
    ///
    /// # Complexity
    /// O(md²) for m rows, Σ nnz(a_i)² over them where A is sparse; no other row
    /// is read. Memory O(d²) and a block of rows.
    pub fn gram(&self, design: &Design<T>) -> Result<DMatrix<T>, Error> {
        if design.nrows() != self.n {
            return Err(Error::Shape {
                what: "design matrix",
                unit: "rows",
                expected: self.n,
                found: design.nrows(),
            });
        }
        let mut gram = design.gram_of_selection(&self.rows, &self.weights)?;
        mirror_lower(&mut gram);
        match gram.iter().position(|v| !v.is_finite()) {
            None => Ok(gram),
            Some(k) => {
                check_entries(design)?;
                Err(Error::NonFiniteEntry {
                    what: "Gram matrix",
                    row: k % gram.nrows(),
                    column: k / gram.nrows(),
                    value: to_f64(gram[k]),
                })
            }
        }
    }
}
