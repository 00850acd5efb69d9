//! How probable a misfit is, if the noise is as stated.

/// Terms of the series and of the fraction: both gain a digit in a few terms
/// once past √k, and k is at most the number of rows.
const TERMS: usize = 20_000;

/// ln Γ(a) for a ≥ ½, by Stirling's series from a + 8 on; good to 1e-12.
fn ln_gamma(a: f64) -> f64 {
    let (mut z, mut product) = (a, 0.0);
    while z < 8.0 {
        product += z.ln();
        z += 1.0;
    }
    let series = 1.0 / (12.0 * z) - 1.0 / (360.0 * z.powi(3)) + 1.0 / (1260.0 * z.powi(5));
    (z - 0.5) * z.ln() - z + 0.5 * std::f64::consts::TAU.ln() + series - product
}

/// P(χ²_k > x): the regularised incomplete gamma function Q(k/2, x/2), by its
/// series below the mean and its continued fraction above.
///
/// # Source
/// NIST *Digital Library of Mathematical Functions*, 8.7.1 and 8.9.2; the
/// fraction by Lentz's method.
pub(crate) fn upper_tail(x: f64, degrees: usize) -> f64 {
    if x.is_nan() {
        // What is no number is explained by nothing.
        return 0.0;
    }
    if degrees == 0 || x <= 0.0 {
        return 1.0;
    }
    if !x.is_finite() {
        return 0.0;
    }
    let (a, y) = (degrees as f64 / 2.0, x / 2.0);
    let front = (a * y.ln() - y - ln_gamma(a)).exp();
    if y < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for k in 1..TERMS {
            term *= y / (a + k as f64);
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let mut b = y + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut h = d;
    for k in 1..TERMS {
        let k = k as f64;
        let an = -k * (k - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        let change = c * d;
        h *= change;
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    (front * h).clamp(0.0, 1.0)
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
