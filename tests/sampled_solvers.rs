//! The sampled Newton methods converge as they say, whatever the sample and the
//! units, and name what they are not given.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests are named by their claims and may fail anywhere"
)]

#[path = "common/instances.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod instances;
#[path = "common/runs.rs"]
#[allow(dead_code, reason = "each test file uses its own part of it")]
mod runs;

use levinv::sample::{Scheme, ScoreMethod, Sketch, Subsample};
use levinv::solver::{ApproximateNewton, CellNewton, Damping, PreconditionedNewton, Stop};
use levinv::{
    DMatrix, DVector, Design, Error, GradientInversion, HasHessian, HasHessianProduct, Model,
    Objective, RowCurvature, ScoreInversion, TiltedBarrier, VolumetricBarrier,
};
use runs::run;

type V = DVector<f64>;
type M = DMatrix<f64>;

/// As for `own_solvers`: n roundings, magnified by the condition of H_V.
const ACCURACY: f64 = 1e-10;

/// φ whose minimum is x, and a start elsewhere in the cell.
fn tilted(seed: u64, n: usize, d: usize) -> (TiltedBarrier<f64>, V, V) {
    let r = &mut instances::rng(seed);
    let instance = instances::polytope(r, n, d);
    let x = instances::hit_and_run(r, &instance, 30);
    let start = instances::hit_and_run(r, &instance, 30);
    let model = Model::new(instance.a, instance.b).unwrap();
    let c = VolumetricBarrier::new(&model).gradient(&x).unwrap();
    let phi = TiltedBarrier::new(&model, c).unwrap();
    (phi.in_cell_of(&x).unwrap(), x, start)
}

/// Every way to sample, from all rows to fewer than there are columns.
fn samples(d: usize) -> Vec<Subsample> {
    let sketched = ScoreMethod::Sketched(Sketch::sparse_sign());
    // 8 d ln d rows, of 3000.
    let few = Subsample::rows(160).unwrap();
    vec![
        Subsample::default(),
        few.clone(),
        few.clone().scores(sketched),
        few.clone().scheme(Scheme::WithoutReplacement),
        few.uniform(),
        Subsample::rows(2 * d).unwrap(),
        Subsample::rows(d).unwrap(),
        Subsample::rows(1).unwrap(),
    ]
}

#[test]
fn gradients_are_inverted_whatever_the_sample() {
    let d = 6;
    for seed in 0..3 {
        let (phi, x, start) = tilted(seed, 3000, d);
        for subsample in samples(d) {
            let precise = PreconditionedNewton::new().with_subsample(subsample.clone());
            let plain = ApproximateNewton::new().with_subsample(subsample.clone());
            let ends = [
                run(precise.with_seed(seed), phi.clone(), &start, 60).unwrap(),
                run(plain.with_seed(seed), phi.clone(), &start, 500).unwrap(),
            ];
            for (end, name) in ends.iter().zip(["preconditioned", "sampled alone"]) {
                let error = (&end.x - &x).norm() / x.norm();
                assert!(
                    end.succeeded() && error <= ACCURACY,
                    "{name}, {subsample:?}, instance {seed}: {:?} after {}, {error:e} off",
                    end.stop,
                    end.iterations
                );
            }
        }
    }
}

/// With all rows nothing is left to chance: ε₀ of (V6) is below ⅔, and near the
/// solution an iteration leaves no larger part of the error in the norm of ∇²φ.
#[test]
fn the_diagonal_of_all_rows_contracts_by_two_thirds() {
    for seed in 0..4 {
        let (phi, x, start) = tilted(10 + seed, 60, 4);
        let all = Subsample::rows(60).unwrap();
        let solver = ApproximateNewton::new()
            .with_subsample(all)
            .with_damping(Damping::Full);
        let hessian = phi.hessian(&x).unwrap();
        let near = &x + (start - &x) * 1e-3;
        let end = run(solver, phi, &near, 200).unwrap();
        let error = |x: &V, to: &V| {
            let e = x - to;
            e.dot(&(&hessian * &e)).sqrt()
        };
        let points = std::iter::once(&near).chain(end.passed.iter().map(|p| &p.x));
        let errors: Vec<f64> = points.map(|p| error(p, &x)).collect();
        // Rounding of g leaves some 1e-13, of 1e-3 and less to begin with; the
        // change of ∇²φ on the way is of the error's own size.
        let above = errors.iter().take_while(|e| **e > 1e-11).count();
        assert!(above > 3, "{errors:?}");
        for w in errors[..=above.min(errors.len() - 1)].windows(2) {
            assert!(w[1] <= (2.0 / 3.0 + 0.02) * w[0], "instance {seed}: {w:?}");
        }
        assert!(end.succeeded(), "{:?}", end.stop);
    }
}

/// The papers' regime: with −ε₀AᵀDA ⪯ ∇²L₀ ⪯ ε₀AᵀDA, ε₀ = ε/2 on the way, and a
/// sample good to ε/2, an error shrinks by ε/(1 − ε/2) ≤ ε/(1 − ε).
#[test]
fn where_the_ridge_dominates_the_error_shrinks_by_the_papers_factor() {
    let epsilon = 0.5;
    let mut contractions = Vec::new();
    for seed in 0..3 {
        let r = &mut instances::rng(20 + seed);
        let (n, d) = (6000, 3);
        let a = DMatrix::from_fn(n, d, |_, _| instances::normal(r));
        let b = V::from_fn(n, |i, _| if i % 2 == 0 { 1.5 } else { -2.0 });
        let mut near = || V::from_fn(d, |_, _| 0.02 * instances::normal(r));
        let (secret, start) = (near(), near());
        let gram = a.tr_mul(&a);
        let model = Model::new(a, b).unwrap();
        let c = VolumetricBarrier::new(&model).gradient(&secret).unwrap();
        let tau = model
            .at(&secret)
            .unwrap()
            .scores()
            .expect("in memory")
            .clone();
        let scores = ScoreInversion::new(&model, tau).unwrap();
        let gradient = GradientInversion::new(&model, c).unwrap();
        let subsample = Subsample::accuracy(epsilon / 2.0, 0.01).unwrap();
        assert!(subsample.size(n, d) < n);
        let solver = || {
            ApproximateNewton::new()
                .with_subsample(subsample.clone())
                .with_damping(Damping::Full)
                .with_seed(seed)
        };
        let mut follow = |bare: [M; 2], with: &dyn Fn(V) -> Traced| {
            let size = bare.iter().map(|h| relative(h, &gram)).fold(0.0, f64::max);
            let weight = (size / (epsilon / 2.0)).sqrt();
            let (errors, domination) = with(V::repeat(n, weight));
            // The solution has moved from the secret by the ridge.
            assert!(domination <= 1.1 * epsilon / 2.0, "ε₀ = {domination}");
            let above = errors
                .iter()
                .take_while(|e| **e > 1e-10 * errors[0])
                .count();
            assert!(above > 4, "{errors:?}");
            let upto = (above + 1).min(errors.len());
            contractions.extend(errors[..upto].windows(2).map(|w| w[1] / w[0]));
        };
        let at = [&secret, &start];
        let bare = at.map(|x| scores.hessian(x).unwrap());
        follow(bare, &|w| {
            let ridge = &gram * (w[0] * w[0]);
            trace(
                scores.clone().with_ridge(w).unwrap(),
                solver(),
                &start,
                &ridge,
            )
        });
        let bare = at.map(|x| gradient.hessian(x).unwrap());
        follow(bare, &|w| {
            let ridge = &gram * (w[0] * w[0]);
            trace(
                gradient.clone().with_ridge(w).unwrap(),
                solver(),
                &start,
                &ridge,
            )
        });
    }
    // Each of the samples misses with probability 1e-2 at most, and then an
    // iteration may: more than six of about 100 have a probability below 1e-4.
    let bound = epsilon / (1.0 - epsilon);
    let missed = contractions.iter().filter(|c| **c > bound).count();
    assert!(missed <= 6, "{missed} of {}", contractions.len());
    // It is a sample that steps: the exact Hessian would square the error.
    let slow = contractions.iter().filter(|c| **c > 1e-3).count();
    assert!(2 * slow > contractions.len(), "{contractions:?}");
}

/// Errors of all iterates in the norm of ∇²L at the solution, and ε₀ there.
type Traced = (Vec<f64>, f64);

fn trace<O: HasHessian<f64> + Clone>(
    f: O,
    solver: ApproximateNewton<f64>,
    start: &V,
    ridge: &M,
) -> Traced {
    let solution = run(CellNewton::new(), f.clone(), start, 100).unwrap();
    assert!(solution.succeeded());
    let hessian = f.hessian(&solution.x).unwrap();
    let domination = relative(&(&hessian - ridge), ridge);
    let error = |x: &V| {
        let e = x - &solution.x;
        e.dot(&(&hessian * &e)).max(0.0).sqrt()
    };
    let end = run(solver, f, start, 60).unwrap();
    let points = std::iter::once(start).chain(end.passed.iter().map(|p| &p.x));
    (points.map(error).collect(), domination)
}

/// The largest |eigenvalue| of one form relative to another.
fn relative(h: &M, to: &M) -> f64 {
    let lower = to.clone().cholesky().unwrap().l();
    let half = lower.solve_lower_triangular(h).unwrap();
    let form = lower.solve_lower_triangular(&half.transpose()).unwrap();
    form.symmetric_eigenvalues().amax()
}

/// x in units of 2^k, so that every number is the same but for its exponent: g, H
/// and L_G are powers of two apart, and so must the iterates be.
#[test]
fn units_of_x_and_of_f_change_neither_iterates_nor_stops() {
    let r = &mut instances::rng(31);
    let instance = instances::polytope(r, 400, 3);
    let x = instances::hit_and_run(r, &instance, 30);
    let start = &x + (instances::hit_and_run(r, &instance, 30) - &x) * 0.1;
    let runs = [0, 60].map(|k| {
        // s = A x − b grows by 2^k, L_G falls by 4^k: with k = 60 to 1e-36.
        let unit = 2f64.powi(k);
        let model = Model::new(instance.a.clone(), &instance.b * unit).unwrap();
        let c = VolumetricBarrier::new(&model)
            .gradient(&(&x * unit))
            .unwrap();
        let loss = GradientInversion::new(&model, c).unwrap();
        // w² A'A like H_V²: 4^-k/unit².
        let loss = loss
            .with_ridge(V::repeat(400, 1e-2 / (unit * unit)))
            .unwrap();
        let loss = loss.in_cell_of(&(&start * unit)).unwrap();
        let subsample = Subsample::rows(200).unwrap();
        let precise = PreconditionedNewton::new().with_subsample(subsample.clone());
        let plain = ApproximateNewton::new().with_subsample(subsample);
        let from = &start * unit;
        [
            run(precise, loss.clone(), &from, 40).unwrap(),
            run(plain, loss, &from, 40).unwrap(),
        ]
        .map(|end| (end.stop, end.iterations, end.x / unit))
    });
    let [small, large] = runs;
    for (one, other) in small.into_iter().zip(large) {
        assert_eq!(one, other);
        assert!(one.1 > 3, "{one:?}");
    }
}

/// ½‖Ax − 1‖² with whatever shapes it is told.
#[derive(Clone)]
struct Shapes {
    product: usize,
    columns: usize,
    diagonal: V,
}

impl Objective<f64> for Shapes {
    fn dim(&self) -> usize {
        2
    }

    fn value(&self, x: &V) -> Result<f64, Error> {
        Ok(0.5 * (x - V::repeat(2, 1.0)).norm_squared())
    }

    fn gradient(&self, x: &V) -> Result<V, Error> {
        Ok(x - V::repeat(2, 1.0))
    }

    fn row_curvature(&self, _: &V) -> Result<Option<RowCurvature<f64>>, Error> {
        let design: Design<f64> = M::identity(2, self.columns).into();
        let diagonal = self.diagonal.clone();
        Ok(Some(RowCurvature { design, diagonal }))
    }
}

impl HasHessianProduct<f64> for Shapes {
    fn hessian_product(&self, _: &V, h: &V) -> Result<V, Error> {
        Ok(h.clone().resize_vertically(self.product, 0.0))
    }
}

fn kinds(f: &Shapes) -> [&'static str; 2] {
    let start = V::zeros(2);
    let kind = |end: Result<runs::Run<f64>, argmin::core::Error>| match end {
        Ok(end) if end.succeeded() => "success",
        Ok(_) => "failure",
        Err(error) => error.downcast_ref::<Error>().unwrap().kind(),
    };
    [
        kind(run(ApproximateNewton::new(), f.clone(), &start, 9)),
        kind(run(PreconditionedNewton::new(), f.clone(), &start, 9)),
    ]
}

#[test]
fn curvatures_and_products_that_do_not_fit_are_named() {
    let sound = Shapes {
        product: 2,
        columns: 2,
        diagonal: V::repeat(2, 1.0),
    };
    assert_eq!(kinds(&sound), ["success"; 2]);
    for columns in [1, 3] {
        let f = Shapes {
            columns,
            ..sound.clone()
        };
        assert_eq!(kinds(&f), ["shape"; 2], "{columns} columns");
    }
    for product in [0, 1, 3] {
        let f = Shapes {
            product,
            ..sound.clone()
        };
        assert_eq!(kinds(&f), ["success", "shape"], "a product of {product}");
    }
    for n in [0, 1, 3] {
        let diagonal = V::repeat(n, 1.0);
        let f = Shapes {
            diagonal,
            ..sound.clone()
        };
        assert_eq!(kinds(&f), ["shape"; 2], "{n} curvatures");
    }
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let diagonal = V::from_vec(vec![1.0, bad]);
        let f = Shapes {
            diagonal,
            ..sound.clone()
        };
        assert_eq!(kinds(&f), ["out_of_range"; 2], "a curvature of {bad}");
    }
    // A direction without any curvature.
    let diagonal = V::from_vec(vec![1.0, 0.0]);
    let f = Shapes { diagonal, ..sound };
    assert_eq!(kinds(&f), ["singular"; 2]);
}

#[test]
fn losses_without_a_ridge_have_no_row_curvature() {
    let (phi, x, start) = tilted(5, 60, 3);
    let tau = phi
        .model()
        .at(&x)
        .unwrap()
        .scores()
        .expect("in memory")
        .clone();
    let loss = ScoreInversion::new(phi.model(), tau).unwrap();
    let end = run(ApproximateNewton::new(), loss, &start, 9).unwrap_err();
    assert_eq!(end.downcast_ref::<Error>().unwrap().kind(), "not_offered");
}

/// A run that ended is a solver too: what it remembers of one problem's scores
/// must not serve another with the same D.
#[test]
fn a_solver_that_ran_before_runs_as_a_new_one() {
    let weights = V::repeat(3000, 1e3);
    let loss = |seed| {
        let (phi, x, start) = tilted(seed, 3000, 4);
        let c = VolumetricBarrier::new(phi.model()).gradient(&x).unwrap();
        let loss = GradientInversion::new(phi.model(), c).unwrap();
        (loss.with_ridge(weights.clone()).unwrap(), start)
    };
    let subsample = Subsample::rows(100).unwrap();
    let solver = ApproximateNewton::new().with_subsample(subsample);
    let end = |solver: ApproximateNewton<f64>, seed| {
        let (loss, start) = loss(seed);
        let problem = levinv::adapter::ArgminProblem::new(loss);
        let end = argmin::core::Executor::new(problem, solver)
            .configure(|state| state.param(start).max_iters(3))
            .run()
            .unwrap();
        (end.solver, end.state.best_param.unwrap())
    };
    let (used, _) = end(solver.clone(), 1);
    assert_eq!(end(used, 2).1, end(solver, 2).1);
}

#[test]
fn a_whole_step_out_of_the_domain_is_a_boundary_where_a_search_arrives() {
    let (phi, x, _) = tilted(6, 60, 3);
    // c pulls so hard towards a vertex that the whole step goes past it.
    let c = V::from_fn(3, |_, _| 1e6);
    let pulled = TiltedBarrier::new(phi.model(), c)
        .unwrap()
        .in_cell_of(&x)
        .unwrap();
    let full = ApproximateNewton::new().with_damping(Damping::Full);
    let end = run(full, pulled.clone(), &x, 50).unwrap();
    assert_eq!(end.stop, Some(Stop::Boundary));
    // The line search stays inside and arrives.
    let end = run(ApproximateNewton::new(), pulled, &x, 500).unwrap();
    assert!(end.succeeded(), "{:?}", end.stop);
}
