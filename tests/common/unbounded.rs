//! Cells with and without an end, and an exact check of what is proved of them.

#![allow(dead_code, reason = "each user of this file needs its own part")]

use levinv::recover::{GradientRecovery, Infeasibility, Recovery};
use levinv::{DMatrix, DVector, Design, Model, Signs};
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use num_bigint::BigInt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How an instance is made; the first eleven have no solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Generic rows that all increase along a hidden direction, c increasing too.
    Cone,
    /// The same with c = 0: no volumetric centre.
    ConeWithoutTarget,
    /// All rows within a thousandth of one half-space's boundary.
    NarrowCone,
    /// c is minus a row: cᵀh = 0 on a face of a generic cone, else negative.
    PolarBoundary,
    /// Two-sided bounds on generic forms, up to d/2 of them.
    Strips,
    /// The same on d − 1 forms: one line is left.
    Tube,
    /// A box in some coordinates, an orthant in the others, mixed by integers.
    Product,
    /// An orthant in other integer coordinates, c negative on all but one edge.
    Edge,
    /// Sparse rows of small integers, as dummies are.
    Sparse,
    /// A cone with rows and columns in units over twelve decades.
    Scaled,
    /// Strips in units that are powers of two over twelve decades.
    ScaledStrips,

    /// A bounded polytope, the gradient at a random point.
    Polytope,
    /// A bounded polytope, any gradient at all.
    Anywhere,
    /// Bounded, in units over twelve decades.
    ScaledPolytope,
    /// A box up to a million times longer than wide, with its centre.
    LongBox,
    /// A cone with the gradient at one of its points.
    InCone,
    /// Strips with the gradient at a point between them.
    InStrips,
    /// A box times an orthant with the gradient at a point.
    InProduct,
    /// A cone with the gradient at a point far out, near no gradient at all.
    FarInCone,
}

impl Kind {
    pub const INFEASIBLE: [Kind; 11] = [
        Kind::Cone,
        Kind::ConeWithoutTarget,
        Kind::NarrowCone,
        Kind::PolarBoundary,
        Kind::Strips,
        Kind::Tube,
        Kind::Product,
        Kind::Edge,
        Kind::Sparse,
        Kind::Scaled,
        Kind::ScaledStrips,
    ];
    pub const FEASIBLE: [Kind; 8] = [
        Kind::Polytope,
        Kind::Anywhere,
        Kind::ScaledPolytope,
        Kind::LongBox,
        Kind::InCone,
        Kind::InStrips,
        Kind::InProduct,
        Kind::FarInCone,
    ];
}

/// A cell with a gradient.
pub struct Case {
    pub a: DMatrix<f64>,
    pub b: DVector<f64>,
    pub signs: Signs,
    pub target: DVector<f64>,
    sparse: bool,
}

fn normal(rng: &mut StdRng) -> f64 {
    // Sums of uniforms are near enough.
    (0..12).map(|_| rng.random_range(-0.5..0.5)).sum()
}

fn vector(rng: &mut StdRng, d: usize) -> DVector<f64> {
    DVector::from_fn(d, |_, _| normal(rng))
}

/// Rows that increase along u by at least `margin` of their length.
fn along(rng: &mut StdRng, n: usize, u: &DVector<f64>, margin: f64) -> DMatrix<f64> {
    let mut a = DMatrix::from_fn(n, u.len(), |_, _| normal(rng));
    for mut row in a.row_iter_mut() {
        let t = row.transpose().dot(u) / u.norm_squared();
        // Reflected where it decreases, then lifted.
        let lift = (t.abs() - t) + margin * row.norm() / u.norm();
        row += u.transpose() * lift;
    }
    a
}

/// ± each of k generic rows, and others that increase along a u between them.
fn strips(rng: &mut StdRng, n: usize, d: usize, k: usize) -> DMatrix<f64> {
    let forms = DMatrix::from_fn(k, d, |_, _| normal(rng));
    let basis = forms.transpose().qr().q();
    let mut u = vector(rng, d);
    u -= &basis * basis.tr_mul(&u);
    let mut a = along(rng, n + 2 * k, &u, 0.1);
    a.rows_mut(0, k).copy_from(&forms);
    a.rows_mut(k, k).copy_from(&(-forms));
    a
}

/// A unimodular matrix of small integers.
fn mixing(rng: &mut StdRng, d: usize) -> DMatrix<f64> {
    let mut m = DMatrix::identity(d, d);
    for _ in 0..2 * d {
        let (i, j) = (rng.random_range(0..d), rng.random_range(0..d));
        if i != j {
            let factor = f64::from(rng.random_range(-1..=1));
            let column = m.column(j) * factor;
            let mut other = m.column_mut(i);
            other += column;
        }
    }
    m
}

/// ± the first k unit rows, the other unit rows, and sums that stay inside.
fn product(rng: &mut StdRng, n: usize, d: usize, k: usize) -> DMatrix<f64> {
    let mut a = DMatrix::from_fn(n + d + k, d, |_, j| {
        if j < k {
            f64::from(rng.random_range(-2..=2))
        } else {
            f64::from(rng.random_range(0..=2))
        }
    });
    // Of the box alone a row must be one of the box.
    for i in d + k..n + d + k {
        if a.row(i).columns(k, d - k).amax() == 0.0 {
            a[(i, d - 1)] = 1.0;
        }
    }
    for j in 0..d {
        a.row_mut(j).fill(0.0);
        a[(j, j)] = 1.0;
    }
    for j in 0..k {
        a.row_mut(d + j).fill(0.0);
        a[(d + j, j)] = -1.0;
    }
    a
}

fn sizes(rng: &mut StdRng) -> (usize, usize) {
    let d = rng.random_range(2..=8usize);
    (rng.random_range(2 * d..=60), d)
}

/// From rows with positive slacks at a hidden point to a case: some rows turned
/// round, with their signs.
fn case(rng: &mut StdRng, mut a: DMatrix<f64>, target: DVector<f64>) -> Case {
    let n = a.nrows();
    let x = vector(rng, a.ncols());
    let mut s = DVector::from_fn(n, |_, _| rng.random_range(0.5..1.5));
    for (mut row, s) in a.row_iter_mut().zip(s.iter_mut()) {
        // In units of the row.
        *s *= row.norm();
        if rng.random_bool(0.3) {
            row.neg_mut();
            *s = -*s;
        }
    }
    let b = &a * &x - &s;
    let signs = Signs::of(&s).expect("no zero");
    Case {
        a,
        b,
        signs,
        target,
        sparse: false,
    }
}

fn rescale(rng: &mut StdRng, case: &mut Case, unit: impl Fn(f64) -> f64) {
    let (n, d) = case.a.shape();
    let mut draw = || unit(rng.random_range(-6.0..6.0));
    for j in 0..d {
        let unit = draw();
        case.a.column_mut(j).scale_mut(unit);
        case.target[j] *= unit;
    }
    for i in 0..n {
        let unit = draw();
        case.a.row_mut(i).scale_mut(unit);
        case.b[i] *= unit;
    }
}

fn power_of_two(decades: f64) -> f64 {
    (decades * 10f64.log2()).round().exp2()
}

/// A cell and a gradient that no point of it has.
pub fn infeasible(kind: Kind, seed: u64) -> Case {
    let rng = &mut StdRng::seed_from_u64(seed * 64 + kind as u64);
    let (n, d) = sizes(rng);
    let u = vector(rng, d);
    let zero = DVector::zeros(d);
    match kind {
        Kind::Cone | Kind::Scaled => {
            let a = along(rng, n, &u, 0.05);
            let c = along(rng, 1, &u, 0.05).transpose().column(0) * 10.0;
            let mut out = case(rng, a, c);
            if kind == Kind::Scaled {
                rescale(rng, &mut out, |decades| 10f64.powf(decades));
            }
            out
        }
        Kind::ConeWithoutTarget => {
            let a = along(rng, n, &u, 0.05);
            case(rng, a, zero)
        }
        Kind::NarrowCone => {
            let mut a = along(rng, n, &u, 1e-3);
            // ± the same rows but for a thousandth.
            for j in 0..d - 1 {
                let opposite = -a.row(j)
                    + u.transpose() * (2e-3 * a.row(j).norm() / u.norm())
                    + u.transpose()
                        * (2.0 * a.row(j).transpose().dot(&u).max(0.0) / u.norm_squared());
                a.row_mut(n - 1 - j).copy_from(&opposite);
            }
            case(rng, a, u)
        }
        Kind::PolarBoundary => {
            // The first row is an edge of the dual cone: the others are lifted.
            let mut a = along(rng, n, &u, 0.05);
            let first = a.row(0).transpose();
            let along = &u - &first * (first.dot(&u) / first.norm_squared());
            for i in 1..n {
                let t = a.row(i).transpose().dot(&along) / along.norm_squared();
                let lift = (t.abs() - t) + 0.05 * a.row(i).norm() / along.norm();
                let mut row = a.row_mut(i);
                row += along.transpose() * lift;
            }
            case(rng, a, -first)
        }
        Kind::Strips | Kind::ScaledStrips => {
            let k = rng.random_range(1..=d / 2);
            let a = strips(rng, n, d, k);
            let mut out = case(rng, a, zero);
            if kind == Kind::ScaledStrips {
                rescale(rng, &mut out, power_of_two);
            }
            out
        }
        Kind::Tube => {
            let a = strips(rng, n, d, d - 1);
            case(rng, a, zero)
        }
        Kind::Product => {
            let k = rng.random_range(1..d);
            let a = product(rng, n, d, k) * mixing(rng, d);
            case(rng, a, zero)
        }
        Kind::Edge => {
            let a = product(rng, n, d, 0);
            let mixing = mixing(rng, d);
            // In the old coordinates −1 on all edges but the last.
            let c = DVector::from_fn(d, |j, _| if j + 1 < d { -1.0 } else { 0.0 });
            let c = mixing.tr_mul(&c);
            case(rng, a * mixing, c)
        }
        _ => {
            let k = rng.random_range(0..d);
            let mut a = product(rng, n, d, k);
            // Three entries a row at most; what is cut stays inside the cone.
            for mut row in a.row_iter_mut().skip(d + k) {
                let last = (k..d).find(|&j| row[j] != 0.0).expect("not of the box");
                for j in 0..d {
                    if j != last && rng.random_bool(0.7) {
                        row[j] = 0.0;
                    }
                }
            }
            let c = DVector::from_fn(d, |j, _| if j < k { 1.0 } else { 0.0 });
            Case {
                sparse: true,
                ..case(rng, a, c)
            }
        }
    }
}

/// A cell and a gradient that one of its points has.
pub fn feasible(kind: Kind, seed: u64) -> Case {
    let rng = &mut StdRng::seed_from_u64(seed * 64 + kind as u64);
    let (n, d) = sizes(rng);
    let u = vector(rng, d);
    // How far out along u the point lies that has the gradient.
    let mut distance = 0.0;
    let a = match kind {
        Kind::InCone => along(rng, n, &u, 0.05),
        Kind::FarInCone => {
            distance = 10f64.powf(rng.random_range(1.0..5.0));
            along(rng, n, &u, 0.05)
        }
        Kind::InStrips => {
            let k = rng.random_range(1..d);
            strips(rng, n, d, k)
        }
        Kind::InProduct => {
            let k = rng.random_range(1..d);
            product(rng, n, d, k) * mixing(rng, d)
        }
        Kind::LongBox => DMatrix::from_fn(2 * d, d, |i, j| {
            let sign = if i < d { 1.0 } else { -1.0 };
            if i % d == j { sign } else { 0.0 }
        }),
        _ => {
            let all = DMatrix::from_fn(n + 2 * d, d, |_, _| normal(rng));
            DMatrix::from_fn(n + 2 * d, d, |i, j| match i {
                _ if i >= 2 * d => all[(i, j)],
                _ if i % d != j => 0.0,
                _ if i < d => 1.0,
                _ => -1.0,
            })
        }
    };
    let mut out = case(rng, a, DVector::zeros(d));
    let slack_of = |case: &Case, x: &DVector<f64>| &case.a * x - &case.b;
    match kind {
        Kind::LongBox => {
            // Of c = 0 in any units: the centre.
            for j in 0..d {
                let length = 10f64.powf(rng.random_range(0.0..6.0));
                out.b[j] -= length * out.a[(j, j)];
            }
        }
        Kind::Anywhere => out.target = vector(rng, d) * 10f64.powf(rng.random_range(-2.0..3.0)),
        _ => {
            // The point that case() hides, moved a little, is inside.
            let model = Model::new(out.a.clone(), out.b.clone()).expect("full rank");
            let start = levinv::recover::largest_slack_start(&model, &out.signs).expect("a cell");
            let h = vector(rng, d);
            let (s, ds) = (slack_of(&out, &start.x), &out.a * &h);
            let reach = s
                .iter()
                .zip(ds.iter())
                .map(|(s, ds)| (s / ds).abs())
                .fold(1.0f64, f64::min);
            let x = start.x + h * (reach * 0.8) + &u * distance;
            let at = model.at(&x).expect("inside");
            assert_eq!(
                out.signs.first_violation(at.slack()),
                None,
                "{kind:?} {seed}"
            );
            out.target = at.score_gradient().expect("in memory");
            if kind == Kind::ScaledPolytope {
                rescale(rng, &mut out, |decades| 10f64.powf(decades));
            }
        }
    }
    out
}

pub fn recover(case: &Case) -> Recovery<f64> {
    let design: Design<f64> = if case.sparse {
        let mut entries = CooMatrix::new(case.a.nrows(), case.a.ncols());
        for (j, column) in case.a.column_iter().enumerate() {
            for (i, &v) in column.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                entries.push(i, j, v);
            }
        }
        CsrMatrix::from(&entries).into()
    } else {
        case.a.clone().into()
    };
    let model = Model::new(design, case.b.clone()).expect("full rank");
    GradientRecovery::new(&model, case.target.clone())
        .expect("a gradient")
        .signs(case.signs.clone())
        .expect("signs")
        .run()
        .expect("a cell")
}

/// v·2^1074, an integer.
fn fixed(v: f64) -> BigInt {
    let bits = v.to_bits();
    let exponent = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let size = match exponent {
        0 => BigInt::from(fraction),
        _ => BigInt::from(fraction | (1 << 52)) << (exponent - 1),
    };
    if v < 0.0 { -size } else { size }
}

/// Whether the certificate of a recovery proves that there is no x, in exact
/// arithmetic of our own.
pub fn proves(case: &Case, found: &Recovery<f64>) -> bool {
    let parts = match &found.infeasibility {
        Some(Infeasibility::Recession(h)) => vec![h.clone()],
        Some(Infeasibility::RecessionSum(parts)) => parts.clone(),
        _ => return false,
    };
    let h: Vec<BigInt> = (0..case.a.ncols())
        .map(|j| parts.iter().map(|h| fixed(h[j])).sum())
        .collect();
    let zero = BigInt::from(0);
    let dot = |row: &mut dyn Iterator<Item = f64>| -> BigInt {
        row.zip(&h).map(|(a, h)| fixed(a) * h).sum()
    };
    h.iter().any(|v| *v != zero)
        && dot(&mut case.target.iter().copied()) >= zero
        && (0..case.a.nrows()).all(|i| {
            let sign: f64 = case.signs.sign(i);
            dot(&mut case.a.row(i).iter().map(|a| a * sign)) >= zero
        })
}

/// Whether one vector is proof enough.
pub fn is_single(found: &Recovery<f64>) -> bool {
    matches!(found.infeasibility, Some(Infeasibility::Recession(_)))
}
