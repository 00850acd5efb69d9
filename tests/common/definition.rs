//! The three objectives straight from their definitions, n×n matrices and all,
//! and a transcription of their closed forms, both over any scalar.
//!
//! Nothing here shares a line with the crate beyond nalgebra's products and
//! Cholesky: no frame Q, no moments, no rows treated apart.

use levinv::{DMatrix, DVector, Scalar};

/// Which of the three objectives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    Barrier,
    Scores,
    Gradient,
}

pub const LOSSES: [Loss; 3] = [Loss::Barrier, Loss::Scores, Loss::Gradient];

/// What can be asked of an objective, each as a matrix: scalars are 1×1,
/// vectors one column. `Product` is the Hessian times the problem's `h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Value,
    Gradient,
    Hessian,
    Product,
    Residual,
    Jacobian,
}

pub const PARTS: [Part; 6] = [
    Part::Value,
    Part::Gradient,
    Part::Hessian,
    Part::Product,
    Part::Residual,
    Part::Jacobian,
];

/// An objective at a point. All numbers are exact in f32, and so is A x − b
/// in whatever order it is summed: every arithmetic sees the same problem.
#[derive(Clone, Debug)]
pub struct Problem {
    pub loss: Loss,
    pub a: DMatrix<f64>,
    pub b: DVector<f64>,
    pub x: DVector<f64>,
    /// The ridge's weights, if there is one.
    pub w: Option<DVector<f64>>,
    /// τ, the target of [`Loss::Scores`].
    pub tau: DVector<f64>,
    /// c, the target of [`Loss::Gradient`].
    pub c: DVector<f64>,
    /// The direction of Hessian-vector products.
    pub h: DVector<f64>,
}

impl Problem {
    /// s = A x − b, without rounding.
    pub fn slack(&self) -> DVector<f64> {
        &self.a * &self.x - &self.b
    }
}

pub fn cast<T: Scalar>(v: &DVector<f64>) -> DVector<T> {
    v.map(nalgebra::convert)
}

pub fn cast_matrix<T: Scalar>(m: &DMatrix<f64>) -> DMatrix<T> {
    m.map(nalgebra::convert)
}

pub fn number<T: Scalar>(value: f64) -> T {
    nalgebra::convert(value)
}

/// diag(v) m
fn scaled<T: Scalar>(v: &DVector<T>, m: &DMatrix<T>) -> DMatrix<T> {
    DMatrix::from_fn(m.nrows(), m.ncols(), |i, j| v[i] * m[(i, j)])
}

/// What value and residual are made of, at x + step.
struct Projection<T: Scalar> {
    a: DMatrix<T>,
    x: DVector<T>,
    /// A_x = diag(s)⁻¹ A
    a_x: DMatrix<T>,
    /// ½ log det A_xᵀA_x
    half_log_det: T,
    /// P = A_x (A_xᵀA_x)⁻¹ A_xᵀ
    p: DMatrix<T>,
    /// σ = diag P
    sigma: DVector<T>,
}

impl<T: Scalar> Projection<T> {
    fn new(problem: &Problem, step: &DVector<T>) -> Self {
        let a: DMatrix<T> = cast_matrix(&problem.a);
        // A x − b is exact and A·step keeps its digits: in A(x + step) − b a
        // difference quotient would lose those of the step against x.
        let s = (&a * cast::<T>(&problem.x) - cast::<T>(&problem.b)) + &a * step;
        let a_x = DMatrix::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] / s[i]);
        let m = a_x.transpose() * &a_x;
        let cholesky = m.cholesky().expect("A has full column rank");
        let log_det = |l: DVector<T>| l.iter().fold(T::zero(), |sum, l| sum + l.ln());
        let half_log_det = log_det(cholesky.l().diagonal());
        let p = &a_x * cholesky.inverse() * a_x.transpose();
        let (x, sigma) = (cast::<T>(&problem.x) + step, p.diagonal());
        Projection {
            a,
            x,
            a_x,
            half_log_det,
            p,
            sigma,
        }
    }

    /// −A_xᵀσ
    fn score_gradient(&self) -> DVector<T> {
        -(self.a_x.transpose() * &self.sigma)
    }
}

/// The objective at x + step by its definition.
pub fn value<T: Scalar>(problem: &Problem, step: &DVector<T>) -> T {
    let at = Projection::new(problem, step);
    let half: T = number(0.5);
    let own = match problem.loss {
        Loss::Barrier => at.half_log_det,
        Loss::Scores => (&at.sigma - cast::<T>(&problem.tau)).norm_squared() * half,
        Loss::Gradient => (at.score_gradient() - cast::<T>(&problem.c)).norm_squared() * half,
    };
    let fitted = &at.a * &at.x;
    problem.w.as_ref().map_or(own, |w| {
        own + fitted.component_mul(&cast(w)).norm_squared() * half
    })
}

/// The residual at x + step: of a sum of squares with the ridge's rows below,
/// of the barrier the gradient.
pub fn residual<T: Scalar>(problem: &Problem, step: &DVector<T>) -> DVector<T> {
    let at = Projection::new(problem, step);
    let own = match problem.loss {
        Loss::Barrier => at.score_gradient(),
        Loss::Scores => &at.sigma - cast::<T>(&problem.tau),
        Loss::Gradient => at.score_gradient() - cast::<T>(&problem.c),
    };
    let Some(w) = &problem.w else { return own };
    let tail = (&at.a * &at.x).component_mul(&cast(w));
    if problem.loss == Loss::Barrier {
        return own + at.a.transpose() * tail.component_mul(&cast(w));
    }
    let entries = own.iter().chain(tail.iter()).copied();
    DVector::from_iterator(own.len() + tail.len(), entries)
}

/// Every coefficient of the closed forms: its name, its value, and what it is
/// a coefficient of.
pub const COEFFICIENTS: [(&str, f64, Loss, Part); 17] = [
    ("V3 Σ", 3.0, Loss::Barrier, Part::Hessian),
    ("V3 P²", 2.0, Loss::Barrier, Part::Hessian),
    ("D2 Λ", 2.0, Loss::Scores, Part::Jacobian),
    ("D3 Λr", 2.0, Loss::Scores, Part::Gradient),
    ("D4 Λ²", 4.0, Loss::Scores, Part::Hessian),
    ("D4 r∘σ", 6.0, Loss::Scores, Part::Hessian),
    ("D4 diag(r)P²", 4.0, Loss::Scores, Part::Hessian),
    ("D4 P²diag(r)", 4.0, Loss::Scores, Part::Hessian),
    ("D4 diag(P²r)", 6.0, Loss::Scores, Part::Hessian),
    ("D4 P∘(PrP)", 8.0, Loss::Scores, Part::Hessian),
    ("G2 Σ", 3.0, Loss::Gradient, Part::Gradient),
    ("G2 P²", 2.0, Loss::Gradient, Part::Gradient),
    ("V4 σ∘y", 12.0, Loss::Gradient, Part::Hessian),
    ("V4 diag(y)P²", 6.0, Loss::Gradient, Part::Hessian),
    ("V4 P²diag(y)", 6.0, Loss::Gradient, Part::Hessian),
    ("V4 diag(P²y)", 6.0, Loss::Gradient, Part::Hessian),
    ("V4 P∘(PyP)", 8.0, Loss::Gradient, Part::Hessian),
];

/// The true coefficients, in the order of [`COEFFICIENTS`].
pub fn true_coefficients() -> [f64; 17] {
    COEFFICIENTS.map(|(_, value, ..)| value)
}

/// The closed forms of the documentation, letter by letter with n×n matrices,
/// with these coefficients in the place of their own.
pub fn transcribed<T: Scalar>(
    problem: &Problem,
    coefficients: &[f64; 17],
    part: Part,
) -> DMatrix<T> {
    let column = |v: DVector<T>| DMatrix::from_column_slice(v.len(), 1, v.as_slice());
    let still = DVector::zeros(problem.x.len());
    match part {
        Part::Value => return DMatrix::from_element(1, 1, value(problem, &still)),
        Part::Product => {
            let hessian = transcribed::<T>(problem, coefficients, Part::Hessian);
            return column(hessian * cast::<T>(&problem.h));
        }
        Part::Residual => return column(residual(problem, &still)),
        Part::Jacobian if problem.loss == Loss::Barrier => {
            return transcribed(problem, coefficients, Part::Hessian);
        }
        _ => {}
    }
    let [
        v3_1,
        v3_2,
        d2,
        d3,
        d4_1,
        d4_2,
        d4_3,
        d4_4,
        d4_5,
        d4_6,
        g2_1,
        g2_2,
        v4 @ ..,
    ] = coefficients.map(number::<T>);
    let [v4_1, v4_2, v4_3, v4_4, v4_5] = v4;
    let at = Projection::new(problem, &still);
    let (p, sigma, a_x) = (&at.p, &at.sigma, &at.a_x);
    let squared = p.component_mul(p);
    let laplacian = DMatrix::from_diagonal(sigma) - &squared;
    let form = |inner: DMatrix<T>| a_x.transpose() * inner * a_x;
    let diag = |v: DVector<T>| DMatrix::from_diagonal(&v);
    let barrier = |a: T, b: T| form(DMatrix::from_diagonal(sigma) * a - &squared * b);
    let r = sigma - cast::<T>(&problem.tau);
    let gap = at.score_gradient() - cast::<T>(&problem.c);
    let y = a_x * &gap;
    let own = match (problem.loss, part) {
        (Loss::Barrier, Part::Gradient) => column(at.score_gradient()),
        (Loss::Barrier, _) => barrier(v3_1, v3_2),
        (Loss::Scores, Part::Jacobian) => (&laplacian * a_x) * -d2,
        (Loss::Scores, Part::Gradient) => {
            column(a_x.transpose() * (sigma.component_mul(&r) - &squared * &r) * -d3)
        }
        (Loss::Scores, _) => form(
            &laplacian * &laplacian * d4_1 + diag(r.component_mul(sigma)) * d4_2
                - scaled(&r, &squared) * d4_3
                - scaled(&r, &squared).transpose() * d4_4
                - diag(&squared * &r) * d4_5
                + p.component_mul(&(p * scaled(&r, p))) * d4_6,
        ),
        (Loss::Gradient, Part::Jacobian) => barrier(v3_1, v3_2),
        (Loss::Gradient, Part::Gradient) => column(barrier(g2_1, g2_2) * &gap),
        (Loss::Gradient, _) => {
            let third = diag(sigma.component_mul(&y)) * -v4_1
                + scaled(&y, &squared) * v4_2
                + scaled(&y, &squared).transpose() * v4_3
                + diag(&squared * &y) * v4_4
                - p.component_mul(&(p * scaled(&y, p))) * v4_5;
            let barrier = barrier(v3_1, v3_2);
            &barrier * &barrier + form(third)
        }
    };
    let Some(w) = &problem.w else { return own };
    let rows = scaled(&cast(w), &at.a);
    match part {
        Part::Gradient => own + column(rows.transpose() * &rows * &at.x),
        Part::Hessian => own + rows.transpose() * &rows,
        _ => {
            let top = own.nrows();
            let mut stacked = own.resize_vertically(top + rows.nrows(), T::zero());
            stacked.rows_mut(top, rows.nrows()).copy_from(&rows);
            stacked
        }
    }
}
