//! Regression data in the public domain.

/// Brownlee's stack loss data: air flow, water temperature, acid concentration,
/// and the stack loss, of 21 days. K. A. Brownlee, *Statistical Theory and
/// Methodology in Science and Engineering* (1965).
#[rustfmt::skip]
pub(super) const STACK_LOSS: [[f64; 4]; 21] = [
    [80., 27., 89., 42.], [80., 27., 88., 37.], [75., 25., 90., 37.],
    [62., 24., 87., 28.], [62., 22., 87., 18.], [62., 23., 87., 18.],
    [62., 24., 93., 19.], [62., 24., 93., 20.], [58., 23., 87., 15.],
    [58., 18., 80., 14.], [58., 18., 89., 14.], [58., 17., 88., 13.],
    [58., 18., 82., 11.], [58., 19., 93., 12.], [50., 18., 89., 8.],
    [50., 18., 86., 7.], [50., 19., 72., 8.], [50., 19., 79., 8.],
    [50., 20., 80., 9.], [56., 20., 82., 15.], [70., 20., 91., 15.],
];

/// The O-rings of 23 flights of the space shuttle: temperature (°F), test
/// pressure (psi), and whether any was damaged. Dalal, Fowlkes and Hoadley, JASA
/// 84 (1989).
#[rustfmt::skip]
pub(super) const O_RINGS: [(f64, f64, f64); 23] = [
    (66., 50., 0.), (70., 50., 1.), (69., 50., 0.), (68., 50., 0.), (67., 50., 0.),
    (72., 50., 0.), (73., 100., 0.), (70., 100., 0.), (57., 200., 1.), (63., 200., 1.),
    (70., 200., 1.), (78., 200., 0.), (67., 200., 0.), (53., 200., 1.), (67., 200., 0.),
    (75., 200., 0.), (70., 200., 0.), (81., 200., 0.), (76., 200., 0.), (79., 200., 0.),
    (75., 200., 1.), (76., 200., 0.), (58., 200., 1.),
];

/// Misra1a of NIST's Statistical Reference Datasets: (volume, pressure), model
/// b₁(1 − exp(−b₂x)), residual sum of squares 1.2455138894E-01.
#[rustfmt::skip]
pub(super) const MISRA1A: [(f64, f64); 14] = [
    (10.07, 77.6), (14.73, 114.9), (17.94, 141.1), (23.93, 190.8), (29.61, 239.9),
    (35.18, 289.0), (40.02, 332.8), (44.82, 378.4), (50.76, 434.8), (55.05, 477.3),
    (61.01, 536.8), (66.40, 593.1), (75.47, 689.1), (81.78, 760.0),
];
/// Its certified residual sum of squares.
pub(super) const MISRA1A_SQUARES: f64 = 1.245_513_889_4e-1;

/// Rat42 of the same: (yield, time), model b₁/(1 + exp(b₂ − b₃x)).
#[rustfmt::skip]
pub(super) const RAT42: [(f64, f64); 9] = [
    (8.930, 9.0), (10.800, 14.0), (18.590, 21.0), (22.330, 28.0), (39.350, 42.0),
    (56.110, 57.0), (61.730, 63.0), (64.620, 70.0), (67.080, 79.0),
];
/// Its certified residual sum of squares.
pub(super) const RAT42_SQUARES: f64 = 8.056_522_933_8;
