//! Inversion of the leverage score distribution.

use std::sync::OnceLock;

use nalgebra::{DMatrix, DVector};

use super::hessian::{Quantity, Route, Square, ThirdMoment, by_products, for_each_slice};
use super::leverage::{ClosedForm, LeverageObjective};
use crate::error::Error;
use crate::geometry::{Ask, Form, Geometry, Model, Moment, ScoreProductTerms, check_vector};
use crate::linalg::mirror_lower;
use crate::scalar::{Scalar, real, shape, vectorised};

/// The distance between the leverage scores at x and given ones, τ.
///
/// ```text
/// L_D(x) = ½‖r‖²,  r = σ(x) − τ                                          (D1)
/// ∂σ/∂x  = −2 Λ A_x,  Λ = Σ − P²                                         (D2)
/// ∇L_D   = −2 A_xᵀ (σ∘r − P² r)                                          (D3)
/// ∇²L_D  = A_xᵀ { 4Λ² + 6 diag(r∘σ) − 4 diag(r)P² − 4 P²diag(r)
///                 − 6 diag(P²r) + 8 P∘(P diag(r) P) } A_x                (D4)
/// ```
///
/// # Shapes
/// A n×d, b n, τ n, x and gradient d, Hessian d×d, Jacobian n×d.
///
/// # Domain
/// Wherever no slack is zero. L_D has no poles there: an ordinary solver can
/// step into a wrong cell, and one that fails nearly always has. Use
/// [`in_cell_of`](LeverageObjective::in_cell_of), or [`recover`](crate::recover)
/// which needs no start.
///
/// # Derivatives
/// Gradient (D3), Hessian (D4) and products; residual r and Jacobian (D2).
/// The first term of (D4) is the Gauss–Newton matrix.
///
/// # Errors
/// [`ScoreInversion::new`] wants n finite entries and nothing more: a target
/// outside [0, 1] is a legitimate objective with no zero.
///
/// # Complexity
/// Value O(nd²); gradient and each product about twice as much again; the
/// Hessian O(nd³). Memory as for [`VolumetricBarrier`](super::VolumetricBarrier).
///
/// # Example
/// With one column the scores are s_i⁻²/Σs⁻²; at s = (1, 1) they are ½.
/// ```
/// use levinv::{Model, Objective, ScoreInversion};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0; -1.0], dvector![-1.0, -1.0])?;
/// let loss = ScoreInversion::new(&model, dvector![1.0, 0.0])?;
/// assert!((loss.value(&dvector![0.0])? - 0.25f64).abs() < 1e-15);
/// # Ok::<(), levinv::Error>(())
/// ```
///
/// # Source
/// arXiv 2404.13785, which states the loss as ‖diag(τ) − I∘P‖_F, the norm
/// whose half square this is: same minimisers, and smooth. Derivations are
/// ours; see [`notation`](crate::notation).
pub type ScoreInversion<T> = LeverageObjective<T, ScoreLoss<T>>;

/// The closed forms (D1–D4) for one target.
#[derive(Debug, Clone)]
pub struct ScoreLoss<T: Scalar> {
    target: DVector<T>,
}

impl<T: Scalar> ScoreLoss<T> {
    /// τ.
    pub fn target(&self) -> &DVector<T> {
        &self.target
    }
}

impl<T: Scalar> ScoreInversion<T> {
    /// The loss for a target of n scores.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::NonFinite`].
    pub fn new(model: &Model<T>, target: DVector<T>) -> Result<Self, Error> {
        check_vector("target", &target, model.nrows())?;
        Ok(LeverageObjective::with_form(model, ScoreLoss { target }))
    }

    /// τ.
    pub fn target(&self) -> &DVector<T> {
        self.form().target()
    }
}

/// What gradient and products at one point share.
pub struct ScoreState<T: Scalar> {
    residual: DVector<T>,
    /// Made when first a derivative is asked for.
    moments: OnceLock<Moments<T>>,
}

struct Moments<T: Scalar> {
    /// That of r.
    moment: Moment<T>,
    /// ℓ = Λ r.
    image: DVector<T>,
    /// A_xᵀ ℓ.
    sum: DVector<T>,
}

impl<T: Scalar> ScoreState<T> {
    fn moments(&self, at: &Geometry<T>) -> Result<&Moments<T>, Error> {
        if let Some(moments) = self.moments.get() {
            return Ok(moments);
        }
        let (r, scores, heavy) = (&self.residual, at.scores()?, at.heavy()?);
        let moment = at.moment_with_heavy(r)?;
        let each = |i: usize, squared: T| {
            let image = scores[i] * r[i] - squared;
            (image, image)
        };
        let ask = Ask::Form(Form::of(&moment));
        let (mut image, mut sum) = at.walk_to_rows(&ask, each, heavy.indices())?;
        heavy.mend_laplacian(r, &moment, &mut image);
        at.add_heavy(&image, &mut sum)?;
        Ok(self.moments.get_or_init(|| Moments { moment, image, sum }))
    }
}

impl<T: Scalar> ClosedForm<T> for ScoreLoss<T> {
    type State = ScoreState<T>;
    const SUM_OF_SQUARES: bool = true;

    fn state(&self, at: &Geometry<T>) -> Result<Self::State, Error> {
        Ok(ScoreState {
            residual: at.scores()? - &self.target,
            moments: OnceLock::new(),
        })
    }

    fn value(&self, _: &Geometry<T>, state: &Self::State) -> Result<T, Error> {
        Ok(state.residual.norm_squared() * real(0.5)) // (D1)
    }

    fn gradient(&self, at: &Geometry<T>, state: &Self::State) -> Result<DVector<T>, Error> {
        Ok(&state.moments(at)?.sum * real::<T>(-2.0)) // (D3)
    }

    fn hessian(&self, at: &Geometry<T>, state: &Self::State) -> Result<DMatrix<T>, Error> {
        let d = at.x().len();
        let mut route = Route::at(Quantity::Scores, at);
        if !at.heavy()?.is_empty() {
            // Sums over pairs mix all rows: they cannot treat the heavy ones apart.
            route = Route::Products;
        }
        let inner = match route {
            Route::Tensor => self.inner_by_tensor(at, state)?,
            Route::Square => self.inner_by_square(at, state)?,
            Route::Products => return by_products(d, |h| self.hessian_product(at, state, h)),
        };
        at.form_from_frame(&inner) // (D4)
    }

    fn hessian_product(
        &self,
        at: &Geometry<T>,
        state: &Self::State,
        h: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        let Moments {
            moment: own, image, ..
        } = state.moments(at)?;
        let (r, scores, heavy) = (&state.residual, at.scores()?, at.heavy()?);
        let light = heavy.indices();
        let [four, six] = [4.0, 6.0].map(real::<T>);
        let (u, moment) = at.walk_to_moment(&Ask::Direction(h), |_, u| (u, u), light)?;
        let moment = at.completed(&u, moment)?;
        // e = Λu; −4P²e and −4P²(r∘u) share one reduction, F.
        let each = |i: usize, squared: T| {
            let e = scores[i] * u[i] - squared;
            (e, e + r[i] * u[i])
        };
        let ask = Ask::Form(Form::of(&moment));
        let (mut e, f) = at.walk_to_moment(&ask, each, light)?;
        heavy.mend_laplacian(&u, &moment, &mut e);
        let f = at.completed(&(&e + r.component_mul(&u)), f)?;
        let form = Form::joint(four, &moment, own).plus(-four, &f);
        let each = |i: usize, form: T| {
            let squared = scores[i] * u[i] - e[i]; // P²u
            let inner = form + four * (scores[i] * e[i] - r[i] * squared);
            (inner, inner + six * image[i] * u[i])
        };
        let (mut inner, mut sum) = at.walk_to_rows(&Ask::Form(form), each, light)?;
        if !heavy.is_empty() {
            let terms = ScoreProductTerms {
                r,
                u: &u,
                e: &e,
                r_moment: own,
                u_moment: &moment,
                f_moment: &f,
                along: &|k| at.along(heavy, &moment, k),
            };
            heavy.mend_score_product(&terms, &mut inner)?;
            inner += image.component_mul(&u) * six;
            at.add_heavy(&inner, &mut sum)?;
        }
        Ok(sum) // (D4)
    }

    fn residual(&self, _: &Geometry<T>, state: &Self::State) -> Result<DVector<T>, Error> {
        Ok(state.residual.clone())
    }

    fn jacobian(&self, at: &Geometry<T>, _: &Self::State) -> Result<DMatrix<T>, Error> {
        score_jacobian(at)
    }
}

/// (D4) in the basis Q, as 4(ΛQ)ᵀ(ΛQ) and the rest.
impl<T: Scalar> ScoreLoss<T> {
    /// By the tensor, and P²Q in a second walk. (T1–T4)
    fn inner_by_tensor(
        &self,
        at: &Geometry<T>,
        state: &ScoreState<T>,
    ) -> Result<DMatrix<T>, Error> {
        let d = at.x().len();
        let Moments {
            moment,
            image: laplacian,
            ..
        } = state.moments(at)?;
        let gram = moment.in_frame()?;
        let moment = ThirdMoment::new(at, None, &[])?;
        let cubic = moment.cubic_form(gram);
        let moment = moment.squared();
        let (r, scores) = (state.residual.as_slice(), at.scores()?.as_slice());
        let laplacian = laplacian.as_slice();
        let (six, eight) = (real::<T>(6.0), real::<T>(8.0));
        let zero = || (DMatrix::zeros(d, d), DMatrix::zeros(d, d));
        let scratch = || [(); 4].map(|()| DMatrix::zeros(0, 0));
        let sums = at.fold_q_with(
            2 * d * d,
            (scratch, zero),
            |(gauss_newton, cross), [scratch, squared, image, rest], q, range| {
                for_each_slice(q, |first, rows| {
                    moment.apply(rows, scratch, squared);
                    let height = rows.nrows();
                    let here = range.start + first..range.start + first + height;
                    let (r, scores) = (&r[here.clone()], &scores[here.clone()]);
                    let l = &laplacian[here];
                    for out in [&mut *image, &mut *rest] {
                        shape(out, height, d);
                        out.as_mut_slice().copy_from_slice(rows.as_slice());
                    }
                    let columns = squared.as_slice().chunks_exact(height);
                    let images = image.as_mut_slice().chunks_exact_mut(height);
                    let rests = rest.as_mut_slice().chunks_exact_mut(height);
                    vectorised(
                        #[inline(always)]
                        || {
                            for ((square, image), rest) in columns.zip(images).zip(rests) {
                                for k in 0..height {
                                    image[k] = scores[k] * image[k] - square[k];
                                    // 6 diag(r∘σ) − 6 diag(P²r) = 6 diag(Λr)
                                    rest[k] = six * l[k] * rest[k] - eight * r[k] * square[k];
                                }
                            }
                        },
                    );
                    T::add_gram(&*image, image, gauss_newton);
                    T::add_transposed_product(rows, rest, cross);
                });
            },
            |sums, part| {
                sums.0 += part.0;
                sums.1 += part.1;
            },
        )?;
        let (mut gauss_newton, cross) = sums.unwrap_or_else(zero);
        mirror_lower(&mut gauss_newton);
        Ok(gauss_newton * real::<T>(4.0)
            + (&cross + cross.transpose()) * real::<T>(0.5)
            + cubic * real::<T>(8.0))
    }

    /// By tiles of the n×n form.
    fn inner_by_square(
        &self,
        at: &Geometry<T>,
        state: &ScoreState<T>,
    ) -> Result<DMatrix<T>, Error> {
        let Moments {
            moment,
            image: laplacian,
            ..
        } = state.moments(at)?;
        let gram = moment.in_frame()?;
        let square = Square::new(at)?;
        let (r, scores) = (state.residual.as_slice(), at.scores()?);
        let (four, eight) = (real::<T>(4.0), real::<T>(8.0));
        let entries = |i: usize, j: usize, p: T, n: T| [p * (eight * n - four * (r[i] + r[j]) * p)];
        let [rest] = square.forms(Some(gram), entries)?;
        let mut gauss_newton = square.over_squared(|sum, first, rows, mut image| {
            for (k, (mut image, row)) in image.column_iter_mut().zip(rows.column_iter()).enumerate()
            {
                image.axpy(scores[first + k], &row, -T::one()); // ΛQ
            }
            let image = image.transpose();
            T::add_gram(&image, &image, sum);
        })?;
        mirror_lower(&mut gauss_newton);
        Ok(gauss_newton * four + at.gram(laplacian)? * real::<T>(6.0) + rest)
    }
}

/// ∂σ/∂x = −2 Λ A_x, n×d. (D2) O(nd³).
pub(crate) fn score_jacobian<T: Scalar>(at: &Geometry<T>) -> Result<DMatrix<T>, Error> {
    let (n, d) = (at.slack().len(), at.x().len());
    let mut jacobian = DMatrix::zeros(n, d);
    for j in 0..d {
        let mut unit = DVector::zeros(d);
        unit[j] = T::one();
        let u = at.apply(&unit)?;
        jacobian.set_column(j, &(at.laplacian(&u)? * real::<T>(-2.0)));
    }
    Ok(jacobian)
}
