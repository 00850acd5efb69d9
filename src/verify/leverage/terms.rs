//! The closed forms (V2–V4), (D2–D4), (G2), (G3) term by term.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::Geometry;
use crate::objective::{
    GradientInversion, LeverageObjective, Ridge, ScoreInversion, VolumetricBarrier,
};
use crate::scalar::{Scalar, real};
use crate::verify::{HasTerms, Part, Term};

type Terms<T> = Result<Vec<Term<T>>, Error>;

/// A_x, and the products that terms are made of, by (I1) and (I2): never n×n.
struct Frame<'a, T: Scalar> {
    at: &'a Geometry<T>,
    /// Columns of A_x.
    columns: Vec<DVector<T>>,
}

impl<'a, T: Scalar> Frame<'a, T> {
    fn new(at: &'a Geometry<T>) -> Result<Self, Error> {
        let d = at.x().len();
        let unit = |j: usize| DVector::from_fn(d, |i, _| if i == j { T::one() } else { T::zero() });
        let columns = (0..d)
            .map(|j| at.apply(&unit(j)))
            .collect::<Result<_, _>>()?;
        Ok(Frame { at, columns })
    }

    /// K A_x, column by column.
    fn image(
        &self,
        k: impl Fn(&DVector<T>) -> Result<DVector<T>, Error>,
    ) -> Result<DMatrix<T>, Error> {
        let columns: Vec<_> = self.columns.iter().map(k).collect::<Result<_, _>>()?;
        Ok(DMatrix::from_columns(&columns))
    }

    /// A_xᵀ K A_x.
    fn form(
        &self,
        k: impl Fn(&DVector<T>) -> Result<DVector<T>, Error>,
    ) -> Result<DMatrix<T>, Error> {
        self.image(|u| self.at.apply_transposed(&k(u)?))
    }

    /// A_xᵀ diag(v) A_x.
    fn diagonal(&self, v: &DVector<T>) -> Result<DMatrix<T>, Error> {
        self.form(|u| Ok(u.component_mul(v)))
    }

    /// P² v.
    fn squared(&self, v: &DVector<T>) -> Result<DVector<T>, Error> {
        self.at.squared_projection(v)
    }

    /// (P∘(P diag(v) P)) u.
    fn cubic(&self, v: &DVector<T>, u: &DVector<T>) -> Result<DVector<T>, Error> {
        let product = self.at.gram(u)? * self.at.gram(v)?;
        self.at
            .row_forms(&((&product + product.transpose()) * real::<T>(0.5)))
    }

    fn scores(&self) -> Result<&DVector<T>, Error> {
        self.at.scores()
    }

    /// (V3)
    fn barrier_hessian(&self) -> Terms<T> {
        Ok(vec![
            term("3 Σ", 3.0, self.diagonal(self.scores()?)?),
            term("−2 P²", -2.0, self.form(|u| self.squared(u))?),
        ])
    }

    /// (V4)
    fn third(&self, p: &DVector<T>) -> Terms<T> {
        let y = self.at.apply(p)?;
        Ok(vec![
            term(
                "−12 diag(σ∘y)",
                -12.0,
                self.diagonal(&self.scores()?.component_mul(&y))?,
            ),
            term(
                "6 diag(y)P²",
                6.0,
                self.form(|u| Ok(y.component_mul(&self.squared(u)?)))?,
            ),
            term(
                "6 P²diag(y)",
                6.0,
                self.form(|u| self.squared(&y.component_mul(u)))?,
            ),
            term("6 diag(P²y)", 6.0, self.diagonal(&self.squared(&y)?)?),
            term(
                "−8 P∘(P diag(y) P)",
                -8.0,
                self.form(|u| self.cubic(&y, u))?,
            ),
        ])
    }

    /// (D4)
    fn score_hessian(&self, r: &DVector<T>) -> Terms<T> {
        Ok(vec![
            term(
                "4 Λ²",
                4.0,
                self.form(|u| self.at.laplacian(&self.at.laplacian(u)?))?,
            ),
            term(
                "6 diag(r∘σ)",
                6.0,
                self.diagonal(&self.scores()?.component_mul(r))?,
            ),
            term(
                "−4 diag(r)P²",
                -4.0,
                self.form(|u| Ok(r.component_mul(&self.squared(u)?)))?,
            ),
            term(
                "−4 P²diag(r)",
                -4.0,
                self.form(|u| self.squared(&r.component_mul(u)))?,
            ),
            term("−6 diag(P²r)", -6.0, self.diagonal(&self.squared(r)?)?),
            term("8 P∘(P diag(r) P)", 8.0, self.form(|u| self.cubic(r, u))?),
        ])
    }

    /// A_xᵀ v, a column.
    fn transposed(&self, v: &DVector<T>) -> Result<DMatrix<T>, Error> {
        Ok(DMatrix::from_columns(&[self.at.apply_transposed(v)?]))
    }
}

fn term<T: Scalar>(name: &str, coefficient: f64, value: DMatrix<T>) -> Term<T> {
    Term::new(name, real(coefficient), value)
}

/// The ridge's own term of a part. (R1)
fn with_ridge<T: Scalar, F: crate::objective::ClosedForm<T>>(
    objective: &LeverageObjective<T, F>,
    part: Part,
    x: &DVector<T>,
    stacked: bool,
    mut terms: Vec<Term<T>>,
) -> Terms<T> {
    let Some(ridge): Option<&Ridge<T>> = objective.ridge() else {
        return Ok(terms);
    };
    let model = objective.model();
    let gradient = || Ok::<_, Error>(DMatrix::from_columns(&[ridge.gradient(model, x)?]));
    match part {
        Part::Gradient => terms.push(term("Aᵀ(w²∘Ax)", 1.0, gradient()?)),
        Part::Jacobian if stacked => {
            let (top, n) = (terms.first().map_or(0, |t| t.value.nrows()), model.nrows());
            for term in &mut terms {
                let value = std::mem::replace(&mut term.value, DMatrix::zeros(0, 0));
                term.value = value.resize_vertically(top + n, T::zero());
            }
            let mut rows = DMatrix::zeros(top + n, model.dim());
            ridge.write_jacobian(model, &mut rows, top)?;
            terms.push(term("diag(w)A", 1.0, rows));
        }
        Part::Hessian | Part::Jacobian => {
            terms.push(term("Aᵀdiag(w²)A", 1.0, ridge.hessian(model)?));
        }
        Part::Third => {}
    }
    Ok(terms)
}

impl<T: Scalar> HasTerms<T> for VolumetricBarrier<T> {
    fn terms(&self, part: Part, x: &DVector<T>, p: &DVector<T>) -> Terms<T> {
        let at = self.model().at(x)?;
        let frame = Frame::new(&at)?;
        let terms = match part {
            Part::Gradient => vec![term("−A_xᵀσ", -1.0, frame.transposed(at.scores()?)?)],
            Part::Hessian | Part::Jacobian => frame.barrier_hessian()?,
            Part::Third => frame.third(p)?,
        };
        with_ridge(self, part, x, false, terms)
    }
}

impl<T: Scalar> HasTerms<T> for ScoreInversion<T> {
    fn terms(&self, part: Part, x: &DVector<T>, _: &DVector<T>) -> Terms<T> {
        let at = self.model().at(x)?;
        let frame = Frame::new(&at)?;
        let r = at.scores()? - self.target();
        let terms = match part {
            Part::Gradient => vec![
                term(
                    "−2 A_xᵀ(σ∘r)",
                    -2.0,
                    frame.transposed(&at.scores()?.component_mul(&r))?,
                ),
                term("2 A_xᵀP²r", 2.0, frame.transposed(&frame.squared(&r)?)?),
            ],
            Part::Hessian => frame.score_hessian(&r)?,
            Part::Jacobian => vec![
                term(
                    "−2 ΣA_x",
                    -2.0,
                    frame.image(|u| Ok(u.component_mul(at.scores()?)))?,
                ),
                term("2 P²A_x", 2.0, frame.image(|u| frame.squared(u))?),
            ],
            Part::Third => return Ok(Vec::new()),
        };
        with_ridge(self, part, x, true, terms)
    }
}

impl<T: Scalar> HasTerms<T> for GradientInversion<T> {
    fn terms(&self, part: Part, x: &DVector<T>, _: &DVector<T>) -> Terms<T> {
        let at = self.model().at(x)?;
        let frame = Frame::new(&at)?;
        let p = at.score_gradient()? - self.target();
        let terms = match part {
            Part::Gradient => {
                let y = at.apply(&p)?;
                vec![
                    term(
                        "3 Σ",
                        3.0,
                        frame.transposed(&at.scores()?.component_mul(&y))?,
                    ),
                    term("−2 P²", -2.0, frame.transposed(&frame.squared(&y)?)?),
                ]
            }
            Part::Hessian => {
                let parts = frame.barrier_hessian()?;
                let zero = DMatrix::zeros(x.len(), x.len());
                let barrier = parts
                    .iter()
                    .fold(zero, |sum, t| sum + &t.value * t.coefficient);
                let mut terms = vec![term("H_V²", 1.0, &barrier * &barrier)];
                terms.extend(frame.third(&p)?);
                terms
            }
            Part::Jacobian => frame.barrier_hessian()?,
            Part::Third => return Ok(Vec::new()),
        };
        with_ridge(self, part, x, true, terms)
    }
}
