//! Scores → x where the Gram matrix is sparse: no d×d matrix, no dense row.
//!
//! The way is that of dense designs, each step by products with Λ on the pattern and
//! conjugate gradients under a matrix near Λ (`geometry::near`):
//!
//! - rows that alone hold a direction, and components: `parts`;
//! - row weights for all components together: `weights`, as elsewhere;
//! - x by least squares, one scale a component: `fit`;
//! - steps on L_D and how sure x is: `polish`.
//!
//! A product is a factorisation in numbers of two parts; some hundreds of them make a
//! recovery. Time and memory are those of the sparse factor, not d³ or nd².

mod fit;
mod parts;
mod polish;

pub(super) use polish::{Way, polish};

use std::sync::Arc;

use nalgebra::DVector;
use nalgebra_sparse::CsrMatrix;

use self::fit::Fit;
use self::parts::{Parts, Unsettled};
use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::linalg::{Factorisation, rewritten};
use crate::recover::scores::loose::{Loose, select, select_signs};
use crate::recover::scores::obstacles::first_obstacle;
use crate::recover::scores::part::unconverged;
use crate::recover::scores::route::{Assembled, Route, Tally};
use crate::recover::scores::structure::{Structure, echelon};
use crate::recover::scores::weights;
use crate::recover::{Observer, Recovery, Status, report};
use crate::scalar::{Scalar, real, to_f64};

/// Coefficients from which on this way is taken: below, dense steps are as fast.
const LEAST: usize = 128;
/// Row weights this near the scores are as exact as sparse factors bear.
const EXACT: f64 = 1e-9;

/// Whether recovery from scores on this model goes by its pattern.
pub(crate) fn applies<T: Scalar>(model: &Model<T>) -> bool {
    model.pattern().is_some() && model.dim() >= LEAST
}

/// [`score_errors`](super::polish::score_errors) by the pattern; infinite where x may
/// move, `None` where it cannot be told so.
pub(super) fn errors<T: Scalar>(
    model: &Model<T>,
    target: &DVector<T>,
    x: &DVector<T>,
) -> Result<Option<DVector<T>>, Error> {
    let endless = DVector::from_element(x.len(), T::one() / T::zero());
    Ok(match Parts::of(model, 0)? {
        Ok(parts) if parts.loose.is_empty(model.nrows()) => {
            let way = Way::new(model, target, &parts.components, &[])?;
            let found = way.map(|way| way.errors(x)).transpose()?.flatten();
            let found = found.map(|found| found.0);
            found.or(Some(endless).filter(|_| model.avoids_squares()))
        }
        Ok(_) => Some(endless),
        Err(_) if model.avoids_squares() => Some(endless),
        Err(_) => None,
    })
}

/// A as a sparse matrix in memory. O(nnz(A)).
fn rows_of<T: Scalar>(model: &Model<T>) -> Result<CsrMatrix<T>, Error> {
    rewritten(model.design(), model.dim(), |_, columns, values, out| {
        out.extend(columns.iter().copied().zip(values.iter().copied()));
        true
    })
}

impl<T: Scalar> Route<T> {
    /// By the pattern; `None` where only a dense recovery can tell, and can be had.
    pub(super) fn by_pattern(
        &self,
        signs: &Signs,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Option<Recovery<T>>, Error> {
        if self.model.avoids_squares() && !self.is_sparse_only() {
            // A dense factor on the way would take longer than all the rest.
            let only = Route {
                model: self.model.with_factorisation(Factorisation::SparseCholesky),
                target: Arc::clone(&self.target),
                signs: self.signs.clone(),
                rows: None,
                ..*self
            };
            return only.by_pattern(signs, observer);
        }
        let Parts { loose, components } = match Parts::of(&self.model, self.seed)? {
            Ok(parts) => parts,
            Err(unsettled) => return Ok(self.unsettled(unsettled)),
        };
        let end = first_obstacle(&self.model, &self.target, &components, &loose)?;
        if end.is_some() {
            return Ok(end);
        }
        if loose.is_empty(self.model.nrows()) {
            return self.connected(&components_of(components), signs, observer);
        }
        let mut model = loose.reduced_on_pattern(&self.model)?;
        if self.is_sparse_only() && applies(&model) {
            model = model.with_factorisation(Factorisation::SparseCholesky);
        }
        let inner = Route {
            model,
            target: Arc::new(select(&self.target, &loose.rest)),
            signs: Some(select_signs::<T>(signs, &loose.rest)?),
            seed: self.seed,
            max_iters: self.max_iters,
            rows: Some(Arc::new(loose.rest.clone())),
        };
        // Of the pattern of what is left, which may be dense for its size.
        if !applies(&inner.model) {
            let structure = Loose::structure_left(&inner.model, inner.seed)?;
            let found = inner.recover(&structure, observer)?;
            return loose.embed(&self.model, Some(signs), found).map(Some);
        }
        let left = match Parts::of(&inner.model, inner.seed)? {
            Ok(left) if left.loose.is_empty(inner.model.nrows()) => left,
            Ok(_) => return Ok(self.unsettled(Unsettled::Rank)),
            Err(unsettled) => return Ok(self.unsettled(unsettled)),
        };
        let own = inner.signs.clone().unwrap_or_else(|| signs.clone());
        let found = inner.connected(&components_of(left.components), &own, observer)?;
        found
            .map(|found| loose.embed(&self.model, Some(signs), found))
            .transpose()
    }

    fn is_sparse_only(&self) -> bool {
        self.model.chosen_factorisation() == Factorisation::SparseCholesky
    }

    /// The end where it is not known how the design falls apart, or dense.
    fn unsettled(&self, why: Unsettled) -> Option<Recovery<T>> {
        if !self.model.avoids_squares() {
            return None;
        }
        let reason = format!("nothing was proved about the scores: {why}");
        Some(Recovery::new(Status::NotConverged, reason))
    }

    /// Every row has its say here.
    fn connected(
        &self,
        structure: &Structure<T>,
        signs: &Signs,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Option<Recovery<T>>, Error> {
        let (model, components) = (&self.model, &structure.components);
        let mut weights =
            weights::solve(model, components, &self.target, self.max_iters, |k, r| {
                report(observer, "weights", k, to_f64(r));
            })?;
        let rows = rows_of(model)?;
        let sizes = parts::row_sizes(&rows);
        let mut log_weights = std::mem::replace(&mut weights.log_weights, DVector::zeros(0));
        log_weights.zip_apply(&sizes, |y, size| *y += size.ln() * real(2.0));
        let mut tally = Tally {
            iterations: weights.iterations,
            evaluations: weights.evaluations,
            method: "row weights by Newton on the sparse Gram matrix".to_string(),
        };
        if components.count() > 1 {
            tally.method = format!("{} components; {}", components.count(), tally.method);
        }
        if !weights.converged {
            let proof = self.overfull(structure, &log_weights)?;
            let mut end = proof.unwrap_or_else(|| {
                let mut end = unconverged(&weights);
                if self.is_sparse_only() {
                    end.reason = format!(
                        "no row weights with these scores were found by sparse factors alone, {:.1e} off, relative, after {} steps: there are none, or slacks lie too far apart for such factors",
                        to_f64(weights.residual),
                        weights.iterations
                    );
                }
                end
            });
            end.residual = Some(weights.residual).filter(|r| r.is_finite());
            return Ok(Some(tally.of(end)));
        }
        tally
            .method
            .push_str(", sparse least squares with the given signs");
        let magnitudes = &weights.magnitudes;
        let Some(Fit { x, lines }) =
            fit::solve(model, &rows, components, (magnitudes, &sizes), signs)?
        else {
            return Ok(self.unsettled(Unsettled::Condition));
        };
        let units = parts::column_sizes(&rows);
        let clean = |(k, h, distance): (usize, DVector<T>, f64)| {
            let basis = echelon(&nalgebra::DMatrix::from_columns(&[h]), &units).basis;
            (basis.ncols() == 1).then(|| (k, basis.column(0).into_owned(), distance))
        };
        let assembled = Assembled {
            x,
            signs: signs.clone(),
            lines: lines.into_iter().filter_map(clean).collect(),
        };
        let found = self.finish(structure, assembled, &log_weights, (tally, true), observer)?;
        // That no x was found says something where rounding did not stand in the way.
        let unsure = |found: &Recovery<T>| {
            let guess = found.status == Status::Infeasible && found.infeasibility.is_none();
            guess && weights.residual > real(EXACT)
        };
        Ok(match found {
            Some(found) if !unsure(&found) => Some(found),
            _ => self.unsettled(Unsettled::Condition),
        })
    }
}

/// The largest entry of each column.
pub(super) fn units<T: Scalar>(model: &Model<T>) -> Result<DVector<T>, Error> {
    Ok(parts::column_sizes(&rows_of(model)?))
}

/// For each component on a line, the coefficient that moves most along it.
pub(super) fn flat<T: Scalar>(
    lines: &[(usize, DVector<T>, f64)],
    units: &DVector<T>,
) -> Vec<(usize, usize)> {
    let one = |(k, h, _): &(usize, DVector<T>, f64)| (*k, h.component_mul(units).icamax());
    lines.iter().map(one).collect()
}

/// Components whose spaces nobody asks for.
fn components_of<T: Scalar>(components: super::structure::Components) -> Structure<T> {
    Structure {
        components,
        spaces: Vec::new(),
    }
}
