//! Remainders of Taylor's formula as a plot: what the eye believes.

use std::path::Path;

use levinv::verify::Taylor;
use plotters::prelude::*;

use super::error::CliError;
use super::history;
use super::verify::Finding;

/// Draws a pair of curves an objective, with the slopes that they should have.
pub fn write(
    path: &Path,
    instance: &str,
    findings: &[&Finding],
    force: bool,
) -> Result<(), CliError> {
    let mut svg = String::new();
    draw(&mut svg, instance, findings)
        .map_err(|e| CliError::new("plot", format!("{}: {e}", path.display())))?;
    history::save(path, &svg, force)
}

/// Dark enough for white paper.
const COLORS: [RGBColor; 3] = [
    RGBColor(0, 90, 170),
    RGBColor(200, 80, 0),
    RGBColor(0, 130, 90),
];
/// Dashes of a line that shows a slope.
const DASHES: i32 = 40;

/// One curve, points that can stand on a logarithmic scale alone.
struct Curve {
    label: String,
    points: Vec<(f64, f64)>,
}

impl Curve {
    fn new(label: String, steps: &[f64], remainders: &[f64]) -> Self {
        let points = steps.iter().copied().zip(remainders.iter().copied());
        let points = points.filter(|(_, r)| *r > 0.0 && r.is_finite()).collect();
        Curve { label, points }
    }

    /// The pair of an objective: without and with the Hessian's term.
    fn pair(name: &str, taylor: &Taylor) -> [Option<Self>; 2] {
        let of = |order: &str, remainders: &[f64]| {
            Curve::new(format!("{name}, {order}"), &taylor.steps, remainders)
        };
        let second = taylor.second.as_deref();
        [
            Some(of("first order: slope 2", &taylor.first)),
            second.map(|r| of("second order: slope 3", r)),
        ]
    }
}

fn draw(
    svg: &mut String,
    instance: &str,
    findings: &[&Finding],
) -> Result<(), Box<dyn std::error::Error>> {
    let pairs: Vec<[Option<Curve>; 2]> = findings
        .iter()
        .filter_map(|f| Some(Curve::pair(f.objective.name(), f.report.taylor.as_ref()?)))
        .collect();
    let all: Vec<(f64, f64)> = pairs
        .iter()
        .flatten()
        .flatten()
        .flat_map(|c| c.points.iter().copied())
        .collect();
    let range = |of: &dyn Fn(&(f64, f64)) -> f64, room: (f64, f64), without: (f64, f64)| {
        let low = all.iter().map(of).fold(f64::INFINITY, f64::min);
        let top = all.iter().map(of).fold(0.0, f64::max);
        if low > top {
            without
        } else {
            (low / room.0, top * room.1)
        }
    };
    let (left, right) = range(&|p| p.0, (2.0, 4.0), (1e-6, 1.0));
    // Above, room for the slope that stands clear of the curves.
    let (low, top) = range(&|p| p.1, (10.0, 300.0), (1e-16, 1.0));
    // Heights in units of a power of ten below them all: plotters leaves out marks under 2e-16.
    let low = 10f64.powf(low.log10().floor()).max(f64::MIN_POSITIVE);
    let top = top.min(f64::MAX);
    let root = SVGBackend::with_string(svg, (860, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(
            format!("levinv verify: Taylor remainders, {instance}"),
            ("sans-serif", 18),
        )
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(74)
        .build_cartesian_2d(
            (left..right).log_scale(),
            (1.0..(top / low).min(f64::MAX)).log_scale(),
        )?;
    let power = |v: &f64| format!("{v:.0e}");
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .y_labels(14)
        .x_desc("step t along a random direction, in natural lengths")
        .y_desc("remainder of f")
        .x_label_formatter(&power)
        .y_label_formatter(&|v| power(&(v * low)))
        .draw()?;
    for (k, pair) in pairs.iter().enumerate() {
        let color = COLORS[k % COLORS.len()];
        for (order, curve) in pair.iter().enumerate() {
            let Some(curve) = curve else { continue };
            let points = curve.points.iter().map(|(t, r)| (*t, r / low));
            // Filled where the gradient decides, open where the Hessian does.
            let fill = if order == 0 {
                color.filled()
            } else {
                color.stroke_width(1)
            };
            let line = color.stroke_width(1);
            chart
                .draw_series(LineSeries::new(points.clone(), line))?
                .label(&curve.label)
                .legend(move |(x, y)| {
                    EmptyElement::at((x, y))
                        + PathElement::new([(0, 0), (20, 0)], line)
                        + Circle::new((10, 0), 3, fill)
                });
            let mark = |p| Circle::new(p, 3, fill);
            chart.draw_series(points.map(mark))?;
        }
    }
    // Through the right end, clear of the curves: one above them, one below.
    let end = all.iter().map(|p| p.0).fold(left, f64::max);
    let at_end = |order: usize| {
        pairs
            .iter()
            .filter_map(move |pair| pair[order].as_ref()?.points.first().map(|p| p.1))
    };
    let above = at_end(0).fold(0.0, f64::max) * 30.0;
    let below = at_end(1).fold(f64::INFINITY, f64::min) / 30.0;
    for (slope, height) in [(2, above), (3, below)] {
        if !(height > low && height < top) {
            continue;
        }
        let start = (end * (low / height).powf(1.0 / f64::from(slope))).max(left);
        let at = |k: i32| {
            let t = end * (start / end).powf(f64::from(k) / f64::from(2 * DASHES));
            (t, height / low * (t / end).powi(slope))
        };
        let dash = |k| PathElement::new([at(2 * k), at(2 * k + 1)], BLACK.mix(0.6));
        chart.draw_series((0..DASHES).map(dash))?;
        let label = Text::new(format!("slope {slope}"), (8, -6), ("sans-serif", 13));
        chart.draw_series([EmptyElement::at((end, height / low)) + label])?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .legend_area_size(28)
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}
