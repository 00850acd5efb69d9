//! How probable a misfit is, if the noise is as stated.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// P(χ²_k > x), with k degrees of freedom.
pub(crate) fn upper_tail(x: f64, degrees: usize) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        // What is no number is explained by nothing.
        return 0.0;
    }
    // Without degrees of freedom there is no misfit to explain.
    ChiSquared::new(degrees as f64).map_or(1.0, |law| law.sf(x.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::upper_tail;

    #[test]
    fn tails_are_those_of_closed_forms() {
        // Two degrees: e^(−x/2). Four: e^(−x/2)(1 + x/2).
        for x in [0.1, 1.0, 3.0, 10.0, 60.0, 300.0f64] {
            let (two, four) = ((-x / 2.0).exp(), (-x / 2.0).exp() * (1.0 + x / 2.0));
            assert!((upper_tail(x, 2) / two - 1.0).abs() < 1e-10, "{x}");
            assert!((upper_tail(x, 4) / four - 1.0).abs() < 1e-10, "{x}");
        }
        // One degree: P(|z| > 1.959964) = 0.05.
        assert!((upper_tail(1.959963984540054f64.powi(2), 1) - 0.05).abs() < 1e-10);
        assert!((upper_tail(1000.0, 1000) - 0.494).abs() < 1e-3);
        assert_eq!(upper_tail(f64::NAN, 3), 0.0);
    }
}
