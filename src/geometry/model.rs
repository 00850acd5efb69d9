//! The pair (A, b) that every objective of the crate is about.

use std::sync::{Arc, Mutex, PoisonError};

use nalgebra::{DMatrix, DVector};

use super::make::{At, MOST_DENSE};
use super::point::Geometry;
use crate::error::Error;
use crate::linalg::{
    BlockWalk, Design, Factor, Factorisation, GramPattern, MOST_SQUARE, check_vector,
};
use crate::scalar::{Scalar, epsilon, real, to_f64};

/// Design matrix A (n×d) and right-hand side b (n): checked once, shared by
/// all objectives built on it.
///
/// As a regression, A is the design matrix, b the response and
/// `s = A x − b` the fitted minus the observed values. As a polytope, the rows
/// of A and b are its inequalities `A x ≥ b` and s the distances to them.
///
/// # Shapes
/// A is n×d with n ≥ d and full column rank, dense or sparse; b has n entries.
///
/// # Errors
/// [`Model::new`] names empty and misshapen input, NaN and ∞ by place, and
/// dependent columns by number.
///
/// # Complexity
/// O(nd²) once, for the rank; clones are handles.
///
/// ```
/// use levinv::{Error, Model};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0, 0.0; 0.0, 1.0; 1.0, 1.0], dvector![-1.0, -1.0, -1.0])?;
/// let geometry = model.at(&dvector![0.0, 0.0])?;
/// assert_eq!(geometry.slack().as_slice(), [1.0, 1.0, 1.0]);
/// assert!((geometry.scores()?[0] - 2.0 / 3.0f64).abs() < 1e-15);
///
/// let twice = Model::new(dmatrix![1.0, 2.0; 2.0, 4.0; 3.0, 6.0], dvector![0.0, 0.0, 0.0]);
/// assert!(matches!(twice, Err(Error::RankDeficient { rank: 1, .. })));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Model<T: Scalar>(Arc<Parts<T>>);

#[derive(Debug)]
struct Parts<T: Scalar> {
    design: Design<T>,
    rhs: Arc<DVector<T>>,
    /// Where the Gram matrix is sparse.
    pattern: Option<GramPattern>,
    factorisation: Factorisation,
    /// The geometry at the last point asked for, so that cost, gradient and
    /// products of all objectives on this model share one factorisation.
    last: Mutex<Option<Arc<Geometry<T>>>>,
}

impl<T: Scalar> Model<T> {
    /// Checks and shares (A, b).
    ///
    /// # Errors
    /// See [`Model`].
    pub fn new(design: impl Into<Design<T>>, rhs: DVector<T>) -> Result<Self, Error> {
        let design = design.into();
        let (rows, columns) = (design.nrows(), design.ncols());
        if rows == 0 || columns == 0 {
            return Err(Error::Empty {
                what: "design matrix",
                rows,
                columns,
            });
        }
        if rows < columns {
            return Err(Error::TooFewRows { rows, columns });
        }
        check_vector("b", &rhs, rows)?;
        let pattern = GramPattern::of(&design)?;
        check_rank(&design, pattern.as_ref())?;
        let last = Mutex::new(None);
        Ok(Model(Arc::new(Parts {
            design,
            rhs: Arc::new(rhs),
            pattern,
            factorisation: Factorisation::default(),
            last,
        })))
    }

    /// The same model, factorised in a stated way.
    #[must_use]
    pub fn with_factorisation(&self, factorisation: Factorisation) -> Self {
        let Parts {
            design,
            rhs,
            pattern,
            ..
        } = &*self.0;
        let (design, rhs, last) = (design.clone(), Arc::clone(rhs), Mutex::new(None));
        Model(Arc::new(Parts {
            design,
            rhs,
            pattern: pattern.clone(),
            factorisation,
            last,
        }))
    }

    /// The same model with a memory of its own, for a thread of its own.
    pub(crate) fn unshared(&self) -> Self {
        self.with_factorisation(self.0.factorisation)
    }

    /// How it is factorised, as it was chosen.
    pub(crate) fn chosen_factorisation(&self) -> Factorisation {
        self.0.factorisation
    }

    /// n, the number of rows.
    pub fn nrows(&self) -> usize {
        self.0.rhs.len()
    }

    /// d, the number of parameters.
    pub fn dim(&self) -> usize {
        self.0.design.ncols()
    }

    /// A.
    pub fn design(&self) -> &Design<T> {
        &self.0.design
    }

    /// b.
    pub fn rhs(&self) -> &DVector<T> {
        &self.0.rhs
    }

    /// Whether d×d matrices are made only where they are asked for: the Gram matrix is
    /// sparse, and d above 1000.
    pub fn avoids_squares(&self) -> bool {
        self.pattern().is_some() && self.dim() > MOST_SQUARE
    }

    /// The pattern of the Gram matrix, where that is sparse and worked on.
    pub(crate) fn pattern(&self) -> Option<&GramPattern> {
        let free = self.0.factorisation.is_free();
        self.0.pattern.as_ref().filter(|_| free)
    }

    /// The geometry of slacks that belong to no x, on the pattern where there is
    /// one. Not kept.
    ///
    /// # Errors
    /// Those of [`at`](Self::at).
    pub(crate) fn with_slack(&self, slack: DVector<T>) -> Result<Geometry<T>, Error> {
        let origin = DVector::zeros(self.dim());
        match self.pattern() {
            Some(pattern) => {
                let how = (pattern, self.0.factorisation);
                Geometry::new_on_pattern(self.design(), how, &origin, slack)
            }
            None => Geometry::new(self.design(), &origin, slack, self.0.factorisation),
        }
    }

    /// `s = A x − b`, in compensated arithmetic. O(nnz(A)).
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::NonFinite`] for x, and for a slack that
    /// overflows.
    pub fn slack(&self, x: &DVector<T>) -> Result<DVector<T>, Error> {
        check_vector("x", x, self.dim())?;
        let slack = self.0.design.residual(x, &self.0.rhs)?;
        check_vector("slack", &slack, self.nrows())?;
        Ok(slack)
    }

    /// The geometry at x: slacks and factorisation; scores when first asked for.
    /// O(nd²) the first time, nothing when x is the point last asked for.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`] for x, [`Error::ZeroSlack`].
    pub fn at(&self, x: &DVector<T>) -> Result<Arc<Geometry<T>>, Error> {
        self.at_checked(x, |_, _| Ok(()))
    }

    /// The same; `check(first row, slacks)` sees every block of slacks and may
    /// refuse the point before more work is done for it.
    pub(crate) fn at_checked(
        &self,
        x: &DVector<T>,
        check: impl Fn(usize, &[T]) -> Result<(), Error> + Sync,
    ) -> Result<Arc<Geometry<T>>, Error> {
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(geometry) = last.as_ref().filter(|g| same_point(g.x(), x)) {
            check(0, geometry.slack().as_slice())?;
            return Ok(Arc::clone(geometry));
        }
        check_vector("x", x, self.dim())?;
        // The old geometry goes first: two at a time would double the memory.
        let spare = last.take().and_then(Arc::into_inner);
        let point = At {
            x,
            rhs: &self.0.rhs,
            pattern: self.0.pattern.as_ref(),
            choice: self.0.factorisation,
            spare: spare.and_then(Geometry::into_spare),
        };
        let geometry = Geometry::at(&self.0.design, point, |first, slack| {
            check(first, slack)?;
            match slack.iter().position(|s| !s.is_finite()) {
                None => Ok(()),
                Some(k) => Err(Error::NonFinite {
                    what: "slack",
                    index: first + k,
                    value: to_f64(slack[k]),
                }),
            }
        })?;
        let geometry = Arc::new(geometry);
        *last = Some(Arc::clone(&geometry));
        Ok(geometry)
    }
}

/// Whether what was computed at `a` holds at `b`.
pub(crate) fn same_point<T: Scalar>(a: &DVector<T>, b: &DVector<T>) -> bool {
    a.len() == b.len() && a.iter().zip(b.iter()).all(|(&a, &b)| a.same(b))
}

/// κ²ε below which a sparse factor leaves no doubt about the rank.
const RANK_LOSS: f64 = 1e-3;

/// Every entry finite, columns independent. Columns and rows are brought to
/// unit size first: that changes no rank, and rows or columns in mixed units do
/// not hide one another.
fn check_rank<T: Scalar>(design: &Design<T>, pattern: Option<&GramPattern>) -> Result<(), Error> {
    // Largest entries serve as well as norms, and do not overflow.
    let d = design.ncols();
    let columns = design.blocks().sweep(
        (),
        || DMatrix::zeros(0, 0),
        || vec![T::zero(); d],
        |largest, buffer, range, ()| {
            let rows = design.rows(range.clone(), buffer)?;
            rows.check(range.start)?;
            rows.largest_in_columns(largest);
            Ok(())
        },
        |largest, part| {
            let both = largest.iter_mut().zip(part);
            both.for_each(|(l, p)| *l = l.max(p));
        },
    )?;
    let unit = |size: T| if size > T::zero() { size } else { T::one() };
    let columns: Vec<T> = columns.unwrap_or_default().into_iter().map(unit).collect();
    let mut weights = DVector::zeros(design.nrows());
    design.blocks().fill(
        weights.as_mut_slice(),
        || DMatrix::zeros(0, 0),
        |buffer, range, out| {
            design.rows(range, buffer)?.largest_in_rows(&columns, out);
            for weight in out {
                let inverse = T::one() / unit(*weight);
                // A row of subnormal numbers counts too.
                *weight = if inverse.is_finite() {
                    inverse
                } else {
                    T::max_value().unwrap_or(inverse)
                };
            }
            Ok(())
        },
    )?;
    if let Some(pattern) = pattern
        && has_full_rank(design, &weights, pattern)?
    {
        return Ok(());
    }
    if pattern.is_some() && d.saturating_mul(d) > MOST_DENSE {
        return Err(Error::Singular {
            what: "Gram matrix of the sparse design",
        });
    }
    let factor = Factor::new(design, &weights, Factorisation::Automatic)?;
    factor.check_rank(design.nrows())
}

/// Full rank beyond doubt, by a sparse factor of `Aᵀ diag(w)² A`.
fn has_full_rank<T: Scalar>(
    design: &Design<T>,
    w: &DVector<T>,
    pattern: &GramPattern,
) -> Result<bool, Error> {
    let gram = pattern.gram(design, &w.map(|w| w * w))?;
    let factor = pattern.factor(&gram);
    Ok(factor.is_some_and(|factor| factor.condition() * epsilon() <= real(RANK_LOSS)))
}
