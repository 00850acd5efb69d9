//! How `derivatives.rs` compares closed forms with derivatives taken otherwise,
//! and how `derivatives_reject.rs` shows that the comparison has teeth.

use finitediff::vec::{central_diff, central_hessian, central_hessian_vec_prod, central_jacobian};
use levinv::*;
use nalgebra_sparse::CsrMatrix;
use num_dual::{Dual64, HyperDual64};

use super::definition::{
    self, Loss, Part, Problem, cast, cast_matrix, transcribed, true_coefficients,
};
use super::double_double::DoubleDouble;
use super::problems::SMALL;

/// Everything the three objectives offer.
pub trait Full<T: Scalar>: HasHessian<T> + HasHessianProduct<T> + HasJacobian<T> {}

impl<T: Scalar, O: HasHessian<T> + HasHessianProduct<T> + HasJacobian<T>> Full<T> for O {}

fn boxed<T: Scalar, F: ClosedForm<T> + 'static>(
    objective: LeverageObjective<T, F>,
    ridge: Option<DVector<T>>,
) -> Box<dyn Full<T>> {
    match ridge {
        Some(w) => Box::new(objective.with_ridge(w).expect("sound weights")),
        None => Box::new(objective),
    }
}

/// QR for every third problem and Cholesky twice for another third, where the
/// crate would take Cholesky: few need more of themselves.
pub fn factorisation(problem: &Problem) -> Factorisation {
    let model = Model::new(problem.a.clone(), problem.b.clone()).expect("a sound model");
    let own = model.at(&problem.x).map(|at| at.factorisation());
    match problem.x[0].to_bits() % 3 {
        0 => Factorisation::Qr,
        1 if own == Ok(Factorisation::Cholesky) => Factorisation::CholeskyTwice,
        _ => Factorisation::Automatic,
    }
}

/// The crate's objective for a problem.
pub fn objective<T: Scalar>(problem: &Problem, sparse: bool) -> Box<dyn Full<T>> {
    let a = cast_matrix(&problem.a);
    let design: Design<T> = if sparse {
        CsrMatrix::from(&a).into()
    } else {
        a.into()
    };
    let model = Model::new(design, cast(&problem.b)).expect("a sound model");
    let model = model.with_factorisation(factorisation(problem));
    let ridge = problem.w.as_ref().map(cast);
    match problem.loss {
        Loss::Barrier => boxed(VolumetricBarrier::new(&model), ridge),
        Loss::Scores => boxed(
            ScoreInversion::new(&model, cast(&problem.tau)).expect("a target"),
            ridge,
        ),
        Loss::Gradient => boxed(
            GradientInversion::new(&model, cast(&problem.c)).expect("a target"),
            ridge,
        ),
    }
}

fn column(v: Vec<f64>) -> DMatrix<f64> {
    DMatrix::from_vec(v.len(), 1, v)
}

/// What the crate says, computed in T.
pub fn by_crate<T: Scalar>(problem: &Problem, sparse: bool, part: Part) -> DMatrix<f64> {
    let (x, h) = (cast(&problem.x), cast(&problem.h));
    let f = objective::<T>(problem, sparse);
    let one_column = |v: Result<DVector<T>, Error>| v.map(|v| DMatrix::from_columns(&[v]));
    let found = match part {
        Part::Value => f.value(&x).map(|v| DMatrix::from_element(1, 1, v)),
        Part::Gradient => one_column(f.gradient(&x)),
        Part::Hessian => f.hessian(&x),
        Part::Product => one_column(f.hessian_product(&x, &h)),
        Part::Residual => one_column(f.residual(&x)),
        Part::Jacobian => f.jacobian(&x),
    };
    found
        .expect("x lies in the domain")
        .map(nalgebra::convert_unchecked)
}

/// Who takes the derivatives that the crate's are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oracle {
    /// Dual and hyper-dual numbers through the definition.
    Definition,
    /// Dual and hyper-dual numbers through the crate's own value and residual.
    OwnValue,
    /// finitediff's central differences of the definition; of its gradient by
    /// duals where second derivatives are wanted.
    Differences,
}

pub const ORACLES: [Oracle; 3] = [Oracle::Definition, Oracle::OwnValue, Oracle::Differences];

/// Values and residuals at x + step for several steps, in any arithmetic.
trait Function {
    fn values<T: Scalar>(&self, steps: Vec<DVector<T>>) -> Vec<T>;
    fn residuals<T: Scalar>(&self, steps: Vec<DVector<T>>) -> Vec<DVector<T>>;
}

struct ByDefinition<'a>(&'a Problem);

impl Function for ByDefinition<'_> {
    fn values<T: Scalar>(&self, steps: Vec<DVector<T>>) -> Vec<T> {
        steps
            .iter()
            .map(|step| definition::value(self.0, step))
            .collect()
    }

    fn residuals<T: Scalar>(&self, steps: Vec<DVector<T>>) -> Vec<DVector<T>> {
        steps
            .iter()
            .map(|step| definition::residual(self.0, step))
            .collect()
    }
}

/// One objective for all steps: they differ in their seeds alone, which the
/// objective's memory of its last point must not confuse.
struct ByCrate<'a>(&'a Problem);

impl Function for ByCrate<'_> {
    fn values<T: Scalar>(&self, steps: Vec<DVector<T>>) -> Vec<T> {
        let (f, x) = (objective(self.0, false), cast::<T>(&self.0.x));
        let value = |step| f.value(&(&x + step)).expect("x lies in the domain");
        steps.iter().map(value).collect()
    }

    fn residuals<T: Scalar>(&self, steps: Vec<DVector<T>>) -> Vec<DVector<T>> {
        let (f, x) = (objective(self.0, false), cast::<T>(&self.0.x));
        let residual = |step| f.residual(&(&x + step)).expect("x lies in the domain");
        steps.iter().map(residual).collect()
    }
}

/// The unit vectors e_1 … e_d.
fn units(d: usize) -> Vec<DVector<f64>> {
    let unit = |i| DVector::from_fn(d, |j, _| f64::from(u8::from(i == j)));
    (0..d).map(unit).collect()
}

/// `step` seeded with each unit vector in turn.
fn seeded(step: &DVector<f64>) -> Vec<DVector<Dual64>> {
    let seed = |unit: DVector<f64>| step.zip_map(&unit, Dual64::new);
    units(step.len()).into_iter().map(seed).collect()
}

fn dual_gradient(f: &impl Function, step: &DVector<f64>) -> Vec<f64> {
    f.values(seeded(step)).into_iter().map(|v| v.eps).collect()
}

/// uᵀ∇²f v for all u and v, u first, one hyper-dual evaluation each.
fn second(f: &impl Function, us: &[DVector<f64>], vs: &[DVector<f64>]) -> Vec<f64> {
    let seed = |u: f64, v: f64| HyperDual64::new(0.0, u, v, 0.0);
    let steps = vs
        .iter()
        .flat_map(|v| us.iter().map(move |u| u.zip_map(v, seed)));
    f.values(steps.collect())
        .into_iter()
        .map(|f| f.eps1eps2)
        .collect()
}

fn by_duals(f: &impl Function, h: &DVector<f64>, part: Part) -> DMatrix<f64> {
    let d = h.len();
    let still = DVector::zeros(d);
    match part {
        Part::Value => column(f.values(vec![still])),
        Part::Gradient => column(dual_gradient(f, &still)),
        Part::Hessian => DMatrix::from_vec(d, d, second(f, &units(d), &units(d))),
        Part::Product => column(second(f, &units(d), std::slice::from_ref(h))),
        Part::Residual => DMatrix::from_columns(&f.residuals(vec![still])),
        Part::Jacobian => {
            let columns = f
                .residuals(seeded(&still))
                .into_iter()
                .map(|r| r.map(|r| r.eps));
            DMatrix::from_columns(&columns.collect::<Vec<_>>())
        }
    }
}

/// Central differences in z, x + reach·z: finitediff's step of ∛ε is absolute,
/// and `reach` makes it that fraction of the way to the nearest pole.
fn by_differences(f: &impl Function, reach: f64, h: &DVector<f64>, part: Part) -> DMatrix<f64> {
    let step = |z: &Vec<f64>| DVector::from_column_slice(z) * reach;
    let gradient = |z: &Vec<f64>| Ok(dual_gradient(f, &step(z)));
    let (still, length) = (vec![0.0; h.len()], h.norm());
    let rows = |rows: Vec<Vec<f64>>| DMatrix::from_fn(rows.len(), h.len(), |i, j| rows[i][j]);
    match part {
        Part::Value | Part::Residual => return by_duals(f, h, part),
        Part::Gradient => central_diff(&|z| Ok(f.values(vec![step(z)])[0]))(&still).map(column),
        Part::Hessian => central_hessian(&gradient)(&still).map(rows),
        Part::Product => {
            let direction = (h / length).as_slice().to_vec();
            central_hessian_vec_prod(&gradient)(&still, &direction).map(|v| column(v) * length)
        }
        Part::Jacobian => {
            let residual = |z: &Vec<f64>| Ok(f.residuals(vec![step(z)])[0].as_slice().to_vec());
            central_jacobian(&residual)(&still).map(rows)
        }
    }
    .expect("the closures do not fail")
        / reach
}

/// Sizes that errors are measured against.
pub struct Measure {
    /// ‖A_x‖₂; the nearest pole is at least 1/α away.
    alpha: f64,
    /// The condition number of A_x.
    pub kappa: f64,
    /// That of A_x with its columns at unit length.
    equilibrated: f64,
}

impl Measure {
    pub fn new(problem: &Problem) -> Self {
        Self::of_rows(problem, |_| true)
    }

    /// Of the rows of A_x whose slack is of these sizes.
    pub fn of_rows(problem: &Problem, size: impl Fn(f64) -> bool) -> Self {
        let s = problem.slack();
        let rows: Vec<usize> = (0..s.len()).filter(|&i| size(s[i].abs())).collect();
        let mut a_x = problem.a.select_rows(&rows);
        for (mut row, &i) in a_x.row_iter_mut().zip(&rows) {
            row /= s[i];
        }
        let condition = |values: DVector<f64>| values.max() / values.min();
        let values = a_x.singular_values();
        let alpha = values.max();
        for mut column in a_x.column_iter_mut() {
            // A column of zeros stays: nalgebra's SVD never ends on a NaN.
            column.try_normalize_mut(0.0);
        }
        let equilibrated = condition(a_x.singular_values());
        let kappa = condition(values);
        Measure {
            alpha,
            kappa,
            equilibrated,
        }
    }

    /// How large the terms of a part may be before they cancel: from ‖A_x‖ = α,
    /// ‖P‖ = 1, ‖P∘P‖ ≤ 1, ‖Λ‖ ≤ 1, ‖σ‖ ≤ √d, ‖P∘(P diag(v) P)‖ ≤ ‖v‖ and the
    /// closed forms' coefficients (3 + 2 = 5; 6 + 4 + 4 + 6 + 8 = 28;
    /// 12 + 6 + 6 + 6 + 8 = 38).
    fn scale(&self, problem: &Problem, part: Part) -> f64 {
        let (alpha, d) = (self.alpha, problem.x.len() as f64);
        let [value, gradient, hessian] = match problem.loss {
            // V = Σ ln r_kk, d terms
            Loss::Barrier => {
                let log = 1.0 + alpha.ln().abs();
                [d * log, alpha * d.sqrt(), 5.0 * alpha.powi(2)]
            }
            Loss::Scores => {
                let r = d.sqrt() + problem.tau.norm();
                let hessian = alpha.powi(2) * (4.0 + 28.0 * r);
                [r * r, 4.0 * alpha * r, hessian]
            }
            Loss::Gradient => {
                let p = alpha * d.sqrt() + problem.c.norm();
                let hessian = 25.0 * alpha.powi(4) + 38.0 * alpha.powi(3) * p;
                [p * p, 5.0 * alpha.powi(2) * p, hessian]
            }
        };
        // ρ = ½‖diag(w)Ax‖² has the Hessian Aᵀdiag(w²)A.
        let weight = problem.w.as_ref().map_or(0.0, |w| w.amax());
        let ridge = (weight * problem.a.norm()).powi(2);
        let value = value + ridge * problem.x.norm_squared();
        let gradient = gradient + ridge * problem.x.norm();
        let hessian = hessian + ridge;
        match (part, problem.loss) {
            (Part::Value, _) => value,
            (Part::Gradient, _) | (Part::Residual, Loss::Barrier) => gradient,
            (Part::Hessian, _) | (Part::Jacobian, Loss::Barrier) => hessian,
            (Part::Product, _) => hessian * problem.h.norm(),
            // f = ½‖r‖² and JᵀJ is part of ∇²f.
            (Part::Residual, _) => (2.0 * value).sqrt(),
            (Part::Jacobian, _) => hessian.sqrt(),
        }
    }

    /// The error of P to be expected, relative to 1, in an arithmetic with this
    /// ε: κε from a QR, κ²ε from a Cholesky. That one does not see the lengths
    /// of columns, and the crate takes it where κ²ε ≤ ε^¾, as it estimates κ.
    fn rounding(&self, epsilon: f64) -> f64 {
        let cholesky = self.equilibrated.powi(2) * epsilon;
        let taken = cholesky <= 1.1 * epsilon.powf(0.75);
        (self.kappa * epsilon).max(if taken { cholesky } else { 0.0 })
    }

    /// What two ways through the crate may differ by.
    pub fn rounding_tolerance(&self, problem: &Problem, part: Part, epsilon: f64) -> f64 {
        ROOM * self.rounding(epsilon) * self.scale(problem, part)
    }

    /// The error that rounding and truncation explain, of a candidate computed
    /// with this ε against an oracle in f64.
    ///
    /// The candidate errs by [`rounding`](Self::rounding) times the scale. The
    /// oracle's definition goes through (A_xᵀA_x)⁻¹ and loses κ²ε₆₄. A central
    /// difference with the step t = ∛ε₆₄ of 1/α is truncated by f‴t²/6, which is
    /// ε₆₄^⅔ of the scale, and divides the error of f by t: κ²ε₆₄/t = κ²ε₆₄^⅔.
    /// [`ROOM`] is for the sums of tens of terms; the largest errors seen are a
    /// quarter of the result, at κ near 1 where the terms do not cancel.
    pub fn tolerance(&self, problem: &Problem, part: Part, oracle: Oracle, epsilon: f64) -> f64 {
        let differentiated = !matches!(part, Part::Value | Part::Residual);
        let square = self.kappa.powi(2);
        let of_oracle = if oracle == Oracle::Differences && differentiated {
            (1.0 + square) * f64::EPSILON.powf(2.0 / 3.0)
        } else {
            square * f64::EPSILON
        };
        ROOM * (self.rounding(epsilon) + of_oracle) * self.scale(problem, part)
    }
}

/// What the constants of rounding analysis are taken to be.
const ROOM: f64 = 10.0;

/// The largest entry of the difference, in units of the tolerance.
pub fn excess(found: &DMatrix<f64>, expected: &DMatrix<f64>, tolerance: f64) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let error = |(f, e): (&f64, &f64)| (f - e).abs() / tolerance;
    // f64::max would drop a NaN.
    let known = |e: f64| if e.is_nan() { f64::INFINITY } else { e };
    found
        .iter()
        .zip(expected.iter())
        .map(error)
        .map(known)
        .fold(0.0, f64::max)
}

/// The oracle's part.
fn by_oracle(problem: &Problem, oracle: Oracle, part: Part) -> DMatrix<f64> {
    match oracle {
        Oracle::Definition => by_duals(&ByDefinition(problem), &problem.h, part),
        Oracle::OwnValue => by_duals(&ByCrate(problem), &problem.h, part),
        Oracle::Differences => {
            let reach = 1.0 / Measure::new(problem).alpha;
            by_differences(&ByDefinition(problem), reach, &problem.h, part)
        }
    }
}

/// The comparison itself: how far a part, computed with this ε by each of the
/// candidates, is from the oracle's, in units of the tolerance. 1 still passes.
pub fn discrepancy(
    problem: &Problem,
    part: Part,
    oracle: Oracle,
    candidates: &[(DMatrix<f64>, f64)],
) -> f64 {
    let (expected, measure) = (by_oracle(problem, oracle, part), Measure::new(problem));
    let excess = |(found, epsilon): &(DMatrix<f64>, f64)| {
        let tolerance = measure.tolerance(problem, part, oracle, *epsilon);
        excess(found, &expected, tolerance)
    };
    candidates.iter().map(excess).fold(0.0, f64::max)
}

/// The same where slacks are tiny, with the closed forms in double-double as
/// the oracle: κ²ε₆₄ would leave those in f64 no digits.
///
/// Rows kept apart by their slacks do not spoil each other's conditioning: what
/// remains is that of the tiny ones, κ_t, and that of the others. For the scores
/// the scale is that of the others too, κ_t α: 1 − σ is (κ_t α s)² at a row with
/// the tiny slack s, which takes the poles of A_x away. Ten times the room,
/// since it is a matter of rounding which of the columns that a tiny row
/// dominates is the first pivot, and one that it dominates little costs a digit.
pub fn tiny_discrepancy(problem: &Problem, part: Part, candidates: &[(DMatrix<f64>, f64)]) -> f64 {
    let expected = transcribed::<DoubleDouble>(problem, &true_coefficients(), part);
    let expected = expected.map(DoubleDouble::to_f64);
    let all = Measure::new(problem);
    let light = Measure::of_rows(problem, |s| s > SMALL);
    let tiny = Measure::of_rows(problem, |s| s <= SMALL);
    let alpha = match problem.loss {
        Loss::Scores => tiny.kappa * light.alpha,
        _ => all.alpha,
    };
    let kappa = light.kappa.max(tiny.kappa);
    let measure = Measure {
        alpha,
        kappa,
        ..all
    };
    let excess = |(found, epsilon): &(DMatrix<f64>, f64)| {
        let tolerance = 10.0 * measure.rounding_tolerance(problem, part, *epsilon);
        excess(found, &expected, tolerance)
    };
    candidates.iter().map(excess).fold(0.0, f64::max)
}
