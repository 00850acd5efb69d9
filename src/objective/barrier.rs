//! The volumetric barrier.

use nalgebra::{DMatrix, DVector};

use super::hessian::{Quantity, Route, Square, ThirdMoment, by_products};
use super::leverage::{ClosedForm, LeverageObjective, finite};
use super::{HasThirdDerivative, Objective};
use crate::error::Error;
use crate::geometry::{Ask, Form, Geometry, Model, Moment, check_vector};
use crate::scalar::{Scalar, real};

/// The volumetric barrier V, whose gradient is the leverage score gradient.
///
/// ```text
/// V(x)  = ½ log det A_xᵀA_x                     (V1)
/// ∇V    = g(x) = −A_xᵀ σ                        (V2)
/// ∇²V   = A_xᵀ (3Σ − 2P²) A_x                   (V3)
/// A_xᵀΣA_x ⪯ ∇²V ⪯ 3 A_xᵀΣA_x                   (V5)
/// ```
///
/// # Shapes
/// A n×d, b n, x and gradient d, Hessian d×d.
///
/// # Domain
/// Wherever no slack is zero; convex on each cell, and strictly so.
///
/// # Derivatives
/// Gradient (V2), Hessian and products (V3). V is no sum of squares: its
/// "residual" is the equation ∇V = 0 of the volumetric centre, with Jacobian
/// ∇²V.
///
/// # Errors
/// [`Error::OutsideDomain`] from derivatives outside the domain.
///
/// # Complexity
/// Value and gradient O(nd²), a product O(nd²), the Hessian O(nd³); memory
/// O(nd) for a dense A, O(nnz(A) + d³) for a sparse one.
///
/// # Example
/// On an interval [−1, 1] (rows x ≥ −1 and −x ≥ −1) V = ½ log(s₁⁻² + s₂⁻²).
/// ```
/// use levinv::{Model, Objective, VolumetricBarrier};
/// use nalgebra::{dmatrix, dvector};
///
/// let model = Model::new(dmatrix![1.0; -1.0], dvector![-1.0, -1.0])?;
/// let barrier = VolumetricBarrier::new(&model);
/// let v = barrier.value(&dvector![0.0])?;
/// assert!((v - 0.5 * 2.0_f64.ln()).abs() < 1e-15);
/// assert_eq!(barrier.gradient(&dvector![0.0])?[0], 0.0); // the centre
/// # Ok::<(), levinv::Error>(())
/// ```
///
/// # Source
/// Vaidya, *A new algorithm for minimizing convex functions over convex sets*
/// (1996); the inverse problem of its gradient is arXiv 2408.11267. (V4) and
/// the bounds of (V5) are derived in [`notation`](crate::notation).
pub type VolumetricBarrier<T> = LeverageObjective<T, Barrier>;

/// The closed forms (V1–V4).
#[derive(Debug, Clone, Copy)]
pub struct Barrier;

impl<T: Scalar> VolumetricBarrier<T> {
    /// The barrier of a model.
    pub fn new(model: &Model<T>) -> Self {
        LeverageObjective::with_form(model, Barrier)
    }
}

impl Barrier {
    /// g(x) − c without cancellation at heavy rows. (V2)
    ///
    /// Near a solution a row with a tiny slack has the same huge term a_i σ_i/s_i
    /// in g and in c: in f64 its last place alone would be all that is left of
    /// g − c. Such a term is carried with its rounding error, that of the slack
    /// and of the division, and with σ_i as 1 less its small deficit.
    pub(crate) fn gap<T: Scalar>(
        at: &Geometry<T>,
        target: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        let heavy = at.heavy()?;
        if heavy.is_empty() {
            return Ok(at.score_gradient()? - target);
        }
        let (mut terms, mut rest) = (Vec::new(), -at.light_image()?);
        for (i, deficit) in heavy.deficits(at.scores()?) {
            let (row, low) = at.row_and_slack_error(i)?;
            let s = at.slack()[i];
            let term = row.map(|a| a / s);
            for k in 0..row.len() {
                let t = term[k];
                let remainder = (-t).mul_add(s, row[k]) - t * low;
                rest[k] -= remainder / s - t * deficit;
            }
            terms.push(term);
        }
        let sum = |k: usize| {
            let pairs = terms.iter().map(|t| (t[k], -T::one()));
            T::residual_of_row(pairs, target[k]) + rest[k]
        };
        Ok(DVector::from_fn(target.len(), |k, _| sum(k)))
    }

    /// 3σ − 2σ², the diagonal of (V3)'s inner matrix, on the rows of A. (V6)
    pub(crate) fn row_curvature<T: Scalar>(at: &Geometry<T>) -> Result<DVector<T>, Error> {
        let on_row = |score: T, slack: T| inner(score) / slack / slack;
        Ok(at.scores()?.zip_map(at.slack(), on_row))
    }

    /// Its root, which overflows later.
    pub(crate) fn root_curvature<T: Scalar>(at: &Geometry<T>) -> Result<DVector<T>, Error> {
        let on_row = |score: T, slack: T| inner(score).max(T::zero()).sqrt() / slack.abs();
        Ok(at.scores()?.zip_map(at.slack(), on_row))
    }

    /// ∇²V·h. (V3)
    pub(crate) fn product<T: Scalar>(
        at: &Geometry<T>,
        h: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        let (u, moment) = at.walk_to_moment(&Ask::Direction(h), |_, u| (u, u), &[])?;
        Ok(Barrier::inner_image(at, &u, &moment)?.1)
    }

    /// P²u, and A_xᵀ(3Σ − 2P²)u: what (V3) makes of u, given its moment.
    fn inner_image<T: Scalar>(
        at: &Geometry<T>,
        u: &DVector<T>,
        moment: &Moment<T>,
    ) -> Result<(DVector<T>, DVector<T>), Error> {
        let (scores, three, two) = (at.scores()?, real::<T>(3.0), real::<T>(2.0));
        let each = |i: usize, squared: T| (squared, three * scores[i] * u[i] - two * squared);
        at.walk_to_rows(&Ask::Form(Form::of(moment)), each, &[])
    }

    /// ∇²V from QᵀP²Q. (V3)
    pub(super) fn hessian_of<T: Scalar>(
        at: &Geometry<T>,
        squared: &DMatrix<T>,
    ) -> Result<DMatrix<T>, Error> {
        let inner = at.gram(at.scores()?)? * real::<T>(3.0) - squared * real::<T>(2.0);
        at.form_from_frame(&inner)
    }

    /// D³V\[p\] from Qᵀ{6 diag(y)P² + 6 P²diag(y) − 8 P∘(P diag(y) P)}Q. (V4)
    pub(super) fn third_of<T: Scalar>(
        at: &Geometry<T>,
        along: &Image<T>,
        form: &DMatrix<T>,
    ) -> Result<DMatrix<T>, Error> {
        // −12 diag(σ∘y) + 6 diag(P²y)
        let diagonal = &along.squared * real::<T>(6.0)
            - at.scores()?.component_mul(&along.image) * real::<T>(12.0);
        at.form_from_frame(&(at.gram(&diagonal)? + form))
    }

    /// The entries of (V4)'s inner matrix off its diagonal terms.
    pub(super) fn third_entry<T: Scalar>(
        along: &Image<T>,
    ) -> impl Fn(usize, usize, T, T) -> T + Sync + '_ {
        let (six, eight) = (real::<T>(6.0), real::<T>(8.0));
        let y = along.image.as_slice();
        move |i, j, p, n| p * (six * (y[i] + y[j]) * p - eight * n)
    }

    /// D³V\[p\]·h by products. (V4)
    fn third_product<T: Scalar>(
        at: &Geometry<T>,
        along: &Image<T>,
        h: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        let (y, six) = (&along.image, real::<T>(6.0));
        let (u, moment) = at.walk_to_moment(&Ask::Direction(h), |_, u| (u, u), &[])?;
        let each = |i: usize, squared: T| (squared, six * y[i] * u[i]);
        let (squared, both) = at.walk_to_moment(&Ask::Form(Form::of(&moment)), each, &[])?;
        Barrier::third_sum(at, along, (&u, &squared), (&moment, &both), |_| T::zero())
    }

    /// (D³V\[p\] + H_V²)·h. (G3, V4)
    pub(super) fn squared_and_third_product<T: Scalar>(
        at: &Geometry<T>,
        along: &Image<T>,
        h: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        let (y, scores) = (&along.image, at.scores()?);
        let [two, three, six] = [2.0, 3.0, 6.0].map(real::<T>);
        let (u, moment) = at.walk_to_moment(&Ask::Direction(h), |_, u| (u, u), &[])?;
        // a = H_V h, then its image: the outer H_V joins the other terms.
        let (squared, a) = Barrier::inner_image(at, &u, &moment)?;
        let each = |i: usize, outer: T| (outer, six * y[i] * u[i] - two * outer);
        let (outer, both) = at.walk_to_moment(&Ask::Direction(&a), each, &[])?;
        Barrier::third_sum(at, along, (&u, &squared), (&moment, &both), |i| {
            three * scores[i] * outer[i]
        })
    }

    /// A_xᵀ t with `t = rq(G − 4(WK + KW)) + 6(P²y − 2σ∘y)∘u + 6y∘P²u + more`,
    /// where W and K are the Gram matrices of u = A_x h and y, and G that of 6y∘u
    /// with what else there is.
    fn third_sum<T: Scalar>(
        at: &Geometry<T>,
        along: &Image<T>,
        (u, squared): (&DVector<T>, &DVector<T>),
        (moment, both): (&Moment<T>, &Moment<T>),
        more: impl Fn(usize) -> T + Sync,
    ) -> Result<DVector<T>, Error> {
        let (y, scores) = (&along.image, at.scores()?);
        let [two, four, six] = [2.0, 4.0, 6.0].map(real::<T>);
        let form = Form::joint(-four, moment, &along.moment).plus(T::one(), both);
        let each = |i: usize, form: T| {
            let own = (along.squared[i] - two * scores[i] * y[i]) * u[i];
            let t = form + six * (own + y[i] * squared[i]) + more(i);
            (t, t)
        };
        Ok(at.walk_to_rows(&Ask::Form(form), each, &[])?.1)
    }
}

/// 3σ − 2σ². (V6)
fn inner<T: Scalar>(score: T) -> T {
    score * (real::<T>(3.0) - score * real(2.0))
}

/// A direction p as D³V\[p\] sees it.
pub(super) struct Image<T: Scalar> {
    /// y = A_x p.
    pub(super) image: DVector<T>,
    /// That of y.
    pub(super) moment: Moment<T>,
    /// P²y.
    pub(super) squared: DVector<T>,
    /// ∇²V·p, which comes of the same pass.
    pub(super) product: DVector<T>,
}

impl<T: Scalar> Image<T> {
    /// Qᵀ diag(y) Q, where the basis Q is worked in.
    pub(super) fn gram(&self) -> Result<&DMatrix<T>, Error> {
        self.moment.in_frame()
    }

    /// O(nd²).
    pub(super) fn of(at: &Geometry<T>, p: &DVector<T>) -> Result<Self, Error> {
        let (image, moment) = at.walk_to_moment(&Ask::Direction(p), |_, y| (y, y), &[])?;
        let (squared, product) = Barrier::inner_image(at, &image, &moment)?;
        Ok(Image {
            image,
            moment,
            squared,
            product,
        })
    }
}

/// D³V\[p\], (V4): O(nd³). A ridge is quadratic and has none.
impl<T: Scalar> HasThirdDerivative<T> for VolumetricBarrier<T> {
    fn third_derivative(&self, x: &DVector<T>, p: &DVector<T>) -> Result<DMatrix<T>, Error> {
        check_vector("direction", p, self.dim())?;
        let point = self.at(x)?;
        let at = &point.geometry;
        let along = Image::of(at, p)?;
        let d = at.x().len();
        let third = match Route::at(Quantity::Third, at) {
            Route::Tensor => {
                let moment = ThirdMoment::new(at, Some(&along.image), &[])?;
                Barrier::third_of(at, &along, &moment.third_form(along.gram()?))?
            }
            Route::Square => {
                let entry = Barrier::third_entry(&along);
                let [form] = Square::new(at)?
                    .forms(Some(along.gram()?), |i, j, p, n| [entry(i, j, p, n)])?;
                Barrier::third_of(at, &along, &form)?
            }
            Route::Products => by_products(d, |h| Barrier::third_product(at, &along, h))?,
        };
        finite(third, at)
    }
}

impl<T: Scalar> ClosedForm<T> for Barrier {
    type State = ();
    const SUM_OF_SQUARES: bool = false;

    fn state(&self, _: &Geometry<T>) -> Result<(), Error> {
        Ok(())
    }

    fn value(&self, at: &Geometry<T>, _: &()) -> Result<T, Error> {
        Ok(at.volumetric())
    }

    fn gradient(&self, at: &Geometry<T>, _: &()) -> Result<DVector<T>, Error> {
        at.score_gradient()
    }

    fn hessian(&self, at: &Geometry<T>, _: &()) -> Result<DMatrix<T>, Error> {
        let d = at.x().len();
        let squared = match Route::at(Quantity::Barrier, at) {
            Route::Tensor => ThirdMoment::new(at, None, &[])?.squared_form(),
            Route::Square => {
                let [squared] = Square::new(at)?.forms(None, |_, _, p, _| [p * p])?;
                squared
            }
            Route::Products => return by_products(d, |h| Barrier::product(at, h)),
        };
        Barrier::hessian_of(at, &squared)
    }

    fn hessian_product(
        &self,
        at: &Geometry<T>,
        _: &(),
        h: &DVector<T>,
    ) -> Result<DVector<T>, Error> {
        Barrier::product(at, h)
    }

    /// The diagonal of (V3): ∇²V lies between a third of the form and 5/3 of it,
    /// and nearer where scores are near 1. (V6)
    fn row_curvature(&self, at: &Geometry<T>) -> Result<Option<DVector<T>>, Error> {
        Barrier::row_curvature(at).map(Some)
    }

    fn residual(&self, at: &Geometry<T>, state: &()) -> Result<DVector<T>, Error> {
        self.gradient(at, state)
    }

    fn jacobian(&self, at: &Geometry<T>, state: &()) -> Result<DMatrix<T>, Error> {
        ClosedForm::hessian(self, at, state)
    }
}
