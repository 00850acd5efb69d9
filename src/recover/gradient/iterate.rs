//! One point of the damped Newton iteration on V(x) − cᵀx.

use std::sync::Arc;

use nalgebra::DVector;

use crate::error::Error;
use crate::geometry::{Geometry, Model};
use crate::linalg::{Factor, Factorisation, GramPattern, SparseFactor, conjugate_gradients};
use crate::objective::Barrier;
use crate::recover::scores::sparse;
use crate::scalar::{Scalar, epsilon, real};

/// Inner conjugate gradient steps; the preconditioned condition number is at
/// most 5 (V6), so that thirty reach rounding.
const INNER_STEPS: usize = 60;

/// A point with its residual g − c and the factor of its preconditioner. Its
/// geometry is left to the model, which keeps one: two would be six vectors of n
/// numbers.
pub(crate) struct Iterate<T: Scalar> {
    model: Model<T>,
    pub(crate) x: DVector<T>,
    pub(crate) residual: DVector<T>,
    volumetric: T,
    factor: Preconditioner<T>,
}

/// A factor of AᵀDA for (V6)'s D.
enum Preconditioner<T: Scalar> {
    Dense(Factor<T>),
    Sparse(GramPattern, SparseFactor<T>),
}

impl<T: Scalar> Preconditioner<T> {
    /// By the root of D.
    fn new(model: &Model<T>, weights: &DVector<T>) -> Result<Self, Error> {
        if let Some(pattern) = model.pattern().filter(|_| sparse::applies(model)) {
            let gram = pattern.gram(model.design(), &weights.component_mul(weights))?;
            if let Some(factor) = pattern.factor(&gram) {
                return Ok(Preconditioner::Sparse(pattern.clone(), factor));
            }
        }
        let factor = Factor::new(model.design(), weights, Factorisation::Automatic)?;
        Ok(Preconditioner::Dense(factor))
    }

    /// (AᵀDA)⁻¹ v.
    fn solve(&self, v: &DVector<T>) -> DVector<T> {
        match self {
            Preconditioner::Dense(factor) => factor.solve(&factor.solve_transposed(v)),
            Preconditioner::Sparse(_, factor) => factor.solve(v),
        }
    }

    /// √(vᵀ(AᵀDA)⁻¹v).
    fn dual_norm(&self, v: &DVector<T>) -> T {
        match self {
            Preconditioner::Dense(factor) => factor.solve_transposed(v).norm(),
            Preconditioner::Sparse(_, factor) => factor.dual_to_natural(v).norm(),
        }
    }

    /// How much rounding moves it, in units of that rounding.
    fn sensitivity(&self) -> T {
        match self {
            Preconditioner::Dense(factor) => factor.sensitivity(),
            Preconditioner::Sparse(_, factor) => factor.condition().sqrt(),
        }
    }

    /// The squares of `(Σ_k (AᵀDA)⁻²_jk e_k²)^½`, added to those given.
    fn add_squares(&self, errors: &DVector<T>, squares: &mut DVector<T>) {
        match self {
            Preconditioner::Dense(_) => {
                let d = errors.len();
                for k in 0..d {
                    let mut error = DVector::zeros(d);
                    error[k] = errors[k];
                    let moved = self.solve(&error);
                    *squares += moved.component_mul(&moved);
                }
            }
            Preconditioner::Sparse(pattern, factor) => {
                let mut form = vec![T::zero(); pattern.nnz()];
                for (k, &e) in errors.iter().enumerate() {
                    form[pattern.diagonal_place(k)] = e * e;
                }
                *squares += pattern.diagonal(&factor.first(&form));
            }
        }
    }
}

impl<T: Scalar> Iterate<T> {
    pub(crate) fn at(model: &Model<T>, target: &DVector<T>, x: DVector<T>) -> Result<Self, Error> {
        let geometry = model.at(&x)?;
        let residual = Barrier::gap(&geometry, target)?;
        // The root of (V6)'s D, which overflows later than D.
        let weights = Barrier::root_curvature(&geometry)?;
        let factor = Preconditioner::new(model, &weights)?;
        Ok(Iterate {
            model: model.clone(),
            x,
            residual,
            volumetric: geometry.volumetric(),
            factor,
        })
    }

    /// The geometry, made again only where another point was looked at since.
    pub(crate) fn geometry(&self) -> Result<Arc<Geometry<T>>, Error> {
        self.model.at(&self.x)
    }

    pub(crate) fn volumetric(&self) -> T {
        self.volumetric
    }

    /// ‖c‖·‖x‖, the size of φ's linear term.
    pub(crate) fn linear_size(&self, target: &DVector<T>) -> T {
        target.norm() * self.x.norm()
    }

    /// The residual's norm in the preconditioner's inverse.
    pub(crate) fn scaled(&self, residual: &DVector<T>) -> T {
        self.factor.dual_norm(residual)
    }

    /// √(stepᵀ ∇²V step), the length of the step in the local norm.
    pub(crate) fn decrement(&self, step: &DVector<T>) -> T {
        let square = -self.residual.dot(step);
        // `max` would make a zero of what overflowed both ways; a step of zero from
        // a residual that is none has underflowed.
        let known =
            square.is_finite() && (step.amax() > T::zero() || self.residual.amax() == T::zero());
        if known {
            square.max(T::zero()).sqrt()
        } else {
            T::one() / T::zero()
        }
    }

    /// How far the rounding of g, from terms of these sizes, moves each entry of
    /// x: |∇²V⁻¹| times it. The preconditioner's inverse is at most three times
    /// smaller; and twice, for first order is exceeded now and then.
    pub(crate) fn rounding(&self, terms: &DVector<T>) -> DVector<T> {
        const UNITS: f64 = 4.0;
        let unit = epsilon::<T>() * (self.factor.sensitivity() + real(UNITS));
        let mut square = self.x.map(|x| x * x * epsilon::<T>() * epsilon());
        let errors = terms.map(|term| term * unit * real(6.0));
        self.factor.add_squares(&errors, &mut square);
        square.map(|s| s.sqrt())
    }

    /// ∇²V step = −(g − c) by preconditioned conjugate gradients.
    pub(crate) fn newton_step(&self, evaluations: &mut usize) -> Result<DVector<T>, Error> {
        let accuracy = epsilon::<T>().powf(real(0.75));
        let geometry = self.geometry()?;
        let solved = conjugate_gradients(
            -&self.residual,
            (accuracy, INNER_STEPS),
            |r| self.factor.solve(r),
            |direction| Barrier::product(&geometry, direction),
        )?;
        *evaluations += solved.products;
        Ok(solved.x)
    }
}
