mod instances;

use nalgebra::{DMatrix, DVector};
use num_dual::Dual64;

use self::instances::{Instance, gram, grid, instances, places, random, symmetric, with_rows};
use super::{GramPattern, SparseFactor};
use crate::linalg::Design;
use crate::scalar::{Scalar, epsilon, real};

/// M, and two symmetric matrices on its pattern, of sizes like M's.
fn forms_of<T: Scalar>(instance: &Instance, pattern: &GramPattern) -> [Vec<T>; 3] {
    let (a, n) = (instance.csr::<T>(), instance.rows.len());
    let weights = |shift: f64| -> Vec<T> {
        let weight = |i: usize| real((i as f64 * 0.7 + shift).sin());
        (0..n).map(weight).collect()
    };
    let positive: Vec<T> = weights(0.3).iter().map(|w| real::<T>(1.5) + *w).collect();
    [positive, weights(1.0), weights(2.0)].map(|v| gram(pattern, &a, &v))
}

fn check_against_dense<T: Scalar>() {
    for instance in instances() {
        let pattern = instance.pattern();
        let [m, u, v] = forms_of::<T>(&instance, &pattern);
        let factor = pattern.factor(&m).unwrap();
        let z = symmetric(&pattern, &m).try_inverse().unwrap();
        let [du, dv] = [&u, &v].map(|form| symmetric(&pattern, form));
        // Entries of M⁻¹ are good to κ(S⁻¹MS⁻¹)·ε in the unit that S gives them,
        // by either way; each factor M⁻¹ adds as much, and 30 is for the lengths
        // of sums.
        let unit = factor.condition() * epsilon::<T>() * real(30.0);
        let size = z.amax();
        let (strength, other) = (du.norm() * size, dv.norm() * size);
        let first = &z * &du * &z;
        let half = &z * &du * &z * &dv * &z;
        let second = &half + half.transpose() + &first;
        let claims = [
            ("inverse", factor.inverse(), z, size),
            ("first", factor.first(&u), first, size * strength),
            (
                "second",
                factor.second(&u, &v, &u),
                second,
                size * strength * (other + T::one()),
            ),
        ];
        for (what, found, dense, scale) in claims {
            for ((i, j), value) in places(&pattern).into_iter().zip(found) {
                let error = (value - dense[(i, j)]).abs();
                assert!(
                    error <= unit * scale,
                    "{what} of {}: entry {i}, {j} is {value}, not {}",
                    instance.name,
                    dense[(i, j)],
                );
            }
        }
    }
}

#[test]
fn the_inverse_and_its_derivatives_are_those_of_dense_matrices_in_f64() {
    check_against_dense::<f64>();
}

#[test]
fn the_inverse_and_its_derivatives_are_those_of_dense_matrices_in_f32() {
    check_against_dense::<f32>();
}

#[test]
fn series_and_dual_numbers_give_the_same_derivatives() {
    for instance in instances() {
        let pattern = instance.pattern();
        let [m, u, v] = forms_of::<f64>(&instance, &pattern);
        let factor = pattern.factor(&m).unwrap();
        let along = |v: &[f64]| -> SparseFactor<Dual64> {
            let both = m.iter().zip(v);
            let seeded: Vec<Dual64> = both.map(|(&m, &v)| Dual64::new(m, v)).collect();
            pattern.factor(&seeded).unwrap()
        };
        let fixed: Vec<Dual64> = u.iter().map(|&u| Dual64::from_re(u)).collect();
        let agree = |found: Vec<f64>, dual: Vec<Dual64>| {
            let size = found.iter().fold(0.0, |size: f64, x| size.max(x.abs()));
            // Both run the same operations in another order.
            let unit = 1e3 * f64::EPSILON * factor.condition() * size;
            let mut pairs = found.iter().zip(&dual);
            assert!(
                pairs.all(|(x, dual)| (x + dual.eps).abs() <= unit),
                "{}",
                instance.name
            );
        };
        agree(factor.first(&u), along(&u).inverse());
        let none = vec![0.0; u.len()];
        agree(factor.second(&u, &v, &none), along(&v).first(&fixed));
        let moved = along(&u).half_log_det().eps;
        let z = symmetric(&pattern, &factor.inverse());
        let trace = 0.5 * (z.component_mul(&symmetric(&pattern, &u))).sum();
        assert!((moved - trace).abs() <= 1e-12 * factor.condition() * (1.0 + trace.abs()));
    }
}

#[test]
fn sums_forms_products_and_solutions_are_those_of_dense_matrices() {
    for instance in instances() {
        let pattern = instance.pattern();
        let [m, u, _] = forms_of::<f64>(&instance, &pattern);
        let a = instance.dense::<f64>();
        let weights = DVector::from_fn(a.nrows(), |i, _| 1.5 + (i as f64 * 0.7 + 0.3).sin());
        let dense = a.transpose() * DMatrix::from_diagonal(&weights) * &a;
        assert!((symmetric(&pattern, &m) - &dense).amax() <= 1e-13 * dense.amax());

        let mut found = vec![0.0; a.nrows()];
        with_rows(&instance.csr(), |rows| {
            pattern.forms(rows, &u, &mut Vec::new(), &mut found);
        });
        let du = symmetric(&pattern, &u);
        for (row, found) in a.row_iter().zip(found) {
            let exact = (row * &du * row.transpose())[0];
            assert!((exact - found).abs() <= 1e-13 * du.amax() * row.norm_squared() * 10.0);
        }
        let h = DVector::from_fn(instance.d, |j, _| (j as f64).cos());
        assert!((pattern.multiply(&u, &h) - &du * &h).amax() <= 1e-13 * du.norm() * h.norm());

        let factor = pattern.factor(&m).unwrap();
        let digits = 30.0 * factor.condition() * f64::EPSILON;
        let solution = factor.solve(&(&dense * &h));
        assert!(
            (&solution - &h).norm() <= digits * h.norm(),
            "{}",
            instance.name
        );
        let cholesky = dense.clone().cholesky().unwrap();
        let exact = cholesky.l().diagonal().map(f64::ln).sum();
        assert!((factor.half_log_det() - exact).abs() <= digits * instance.d as f64);

        let scale = dense.diagonal().map(f64::sqrt);
        let unit = DMatrix::from_fn(instance.d, instance.d, |i, j| {
            dense[(i, j)] / scale[i] / scale[j]
        });
        let norm = unit.column_iter().map(|c| c.lp_norm(1)).fold(0.0, f64::max);
        let exact = norm / unit.symmetric_eigenvalues().min();
        let ratio = factor.condition() / exact;
        // A bound from below that eight steps bring near where eigenvalues are
        // apart; within a half where they crowd.
        assert!(
            ratio > 0.5 && ratio < 1.0 + 1e-9,
            "{}: {ratio}",
            instance.name
        );
    }
}

#[test]
fn neither_order_of_rows_nor_of_columns_matters() {
    let instance = random("three a row", 11, 60, 50, 3);
    let (n, d) = (instance.rows.len(), instance.d);
    // Steps that have no divisor with 110 and 50 in common: permutations.
    let (row, column) = (|i: usize| (i * 37 + 5) % n, |j: usize| (j * 7 + 3) % d);
    let moved = Instance {
        name: "the same, permuted",
        d,
        rows: (0..n)
            .map(|i| {
                let from = &instance.rows[row(i)];
                from.iter().map(|&(j, a)| (column(j), a)).collect()
            })
            .collect(),
    };
    let scores = |instance: &Instance| {
        let pattern = instance.pattern();
        let a = instance.csr::<f64>();
        let factor = pattern.factor(&gram(&pattern, &a, &vec![1.0; n])).unwrap();
        let (inverse, mut out) = (factor.inverse(), vec![0.0; n]);
        with_rows(&a, |rows| {
            pattern.forms(rows, &inverse, &mut Vec::new(), &mut out)
        });
        (out, factor.half_log_det(), factor.condition())
    };
    let (plain, volume, condition) = scores(&instance);
    let (permuted, same, _) = scores(&moved);
    let unit = 30.0 * condition * f64::EPSILON;
    assert!((volume - same).abs() <= unit * d as f64);
    for (i, score) in permuted.iter().enumerate() {
        assert!((score - plain[row(i)]).abs() <= unit);
    }
    // Scores sum to the rank.
    assert!((plain.iter().sum::<f64>() - d as f64).abs() <= unit * n as f64);
}

#[test]
fn columns_may_come_in_any_units() {
    let plain = random("two a row", 13, 60, 30, 2);
    let exponent = |j: usize| [0, 330, -330, 7][j % 4];
    // Powers of two: not a bit changes.
    let unit = |j: usize| 2.0_f64.powi(exponent(j));
    let mut scaled = random("in units of 1e±100", 13, 60, 30, 2);
    for row in &mut scaled.rows {
        row.iter_mut().for_each(|(j, a)| *a *= unit(*j));
    }
    let pattern = plain.pattern();
    let [m, u, v] = forms_of::<f64>(&plain, &pattern);
    let [ms, us, vs] = forms_of::<f64>(&scaled, &pattern);
    let (one, other) = (pattern.factor(&m).unwrap(), pattern.factor(&ms).unwrap());
    let pairs = [
        (one.inverse(), other.inverse()),
        (one.first(&u), other.first(&us)),
        (one.second(&u, &v, &u), other.second(&us, &vs, &us)),
    ];
    for (one, other) in pairs {
        for (((i, j), x), y) in places(&pattern).into_iter().zip(one).zip(other) {
            let back = y * unit(i) * unit(j);
            assert!((back - x).abs() <= 1e-10 * x.abs(), "{i}, {j}: {x}, {back}");
        }
    }
    let log: i32 = (0..30).map(exponent).sum();
    let moved = one.half_log_det() + f64::from(log) * std::f64::consts::LN_2;
    assert!((moved - other.half_log_det()).abs() <= 1e-10);
    assert!((one.condition() / other.condition() - 1.0).abs() < 1e-9);
}

#[test]
fn what_is_not_positive_definite_has_no_factor() {
    let mut empty = random("an empty column", 17, 40, 20, 2);
    for row in &mut empty.rows {
        row.retain(|&(j, _)| j != 11);
    }
    let pattern = empty.pattern();
    let ones = vec![1.0; empty.rows.len()];
    let m = gram(&pattern, &empty.csr(), &ones);
    assert!(pattern.factor(&m).is_none());

    let grid = grid(5);
    let pattern = grid.pattern();
    let a = grid.csr::<f64>();
    let m = gram(&pattern, &a, &vec![1.0; grid.rows.len()]);
    assert!(pattern.factor(&m).is_some());
    for (k, wrong) in [(0, f64::NAN), (1, f64::NAN), (0, 0.0), (0, -1.0), (1, 9.0)] {
        let mut bad = m.clone();
        bad[k] = wrong;
        assert!(pattern.factor(&bad).is_none(), "{wrong} at {k}");
    }
    let mut minus = vec![1.0; grid.rows.len()];
    minus[3] = -9.0;
    assert!(pattern.factor(&gram(&pattern, &a, &minus)).is_none());
}

#[test]
fn full_patterns_are_left_to_dense_matrices() {
    assert!(random("ten a row", 19, 3_000, 300, 10).chosen().is_none());
    // Sparse as a Gram matrix, but full as a factor.
    let filling = random("six a row", 20, 400, 400, 6);
    assert!(filling.chosen().is_none());
    assert!(filling.pattern().nnz() < 400 * 20);
    let mut full = grid(20);
    full.rows.push((0..full.d).map(|j| (j, 1.0)).collect());
    assert!(full.chosen().is_none());
    let dense = Design::from(grid(20).dense::<f64>());
    assert!(GramPattern::of(&dense).unwrap().is_none());

    // A small matrix is had more cheaply dense where rows are many.
    let mut many = grid(5);
    assert!(many.chosen().is_some());
    many.rows = vec![many.rows; 100].concat();
    assert!(many.chosen().is_none());

    assert!(grid(20).chosen().is_some());
    assert!(random("one column", 1, 3, 1, 1).chosen().is_none());
}

#[test]
fn a_grid_fills_in_less_than_a_band_does() {
    let side = 60;
    let pattern = grid(side).chosen().unwrap();
    // Row by row it would have a band as wide as the grid; nested dissection
    // leaves 31/4 d log₂ d at most (George, SIAM J. Numer. Anal. 10, 1973).
    assert!(2 * pattern.fill() < side * side * side);
}
