//! Drawings of a comparison, as SVG.

use levinv::compare::{Band, Curve, Record};
use plotters::prelude::*;

use crate::cli::page::{COLOURS, Drawn, scalable};

/// How an axis is drawn.
#[derive(Clone, Copy)]
pub enum Scale {
    /// Logarithm to base 2 of ratios, which begin at 1.
    Ratio,
    /// Logarithm to base 10 of 1 + x, for counts that begin at 0.
    Count,
}

impl Scale {
    fn place(self, x: f64) -> f64 {
        match self {
            Scale::Ratio => x.log2(),
            Scale::Count => x.ln_1p() / std::f64::consts::LN_10,
        }
    }

    fn label(self, at: f64) -> String {
        match self {
            Scale::Ratio => number(at.exp2()),
            Scale::Count => number(10f64.powf(at) - 1.0),
        }
    }
}

fn number(x: f64) -> String {
    if x >= 9.5 {
        format!("{x:.0}")
    } else {
        format!("{x:.1}").trim_end_matches(".0").to_string()
    }
}

/// What a drawing of shares says on its axes.
#[derive(Clone, Copy)]
pub struct Axis<'a> {
    pub x: &'a str,
    pub scale: Scale,
}

/// Shares of several solvers as step functions, with a legend.
pub fn shares(axis: Axis<'_>, curves: &[&Curve]) -> Drawn {
    let series: Vec<_> = curves.iter().map(|c| steps(axis.scale, c)).collect();
    let right = end(&series);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (760, 500)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_right(24)
            .x_label_area_size(58)
            .y_label_area_size(74)
            .build_cartesian_2d(0.0..right, 0.0..1.02)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(axis.x)
            .y_desc("share of problems")
            .x_label_formatter(&|x| axis.scale.label(*x))
            .y_label_formatter(&|y| format!("{:.0} %", 100.0 * y))
            .label_style(("sans-serif", 19))
            .axis_desc_style(("sans-serif", 19))
            .draw()?;
        for (k, (points, curve)) in series.iter().zip(curves).enumerate() {
            let colour = COLOURS[k % COLOURS.len()];
            let line = staircase(points, right);
            chart
                .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
                .label(curve.solver.clone())
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .label_font(("sans-serif", 18))
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        root.present()?;
    }
    Ok(scalable(&svg, axis.x))
}

/// One solver's share with its band, small.
pub fn panel(axis: Axis<'_>, curve: &Curve, band: &Band, right: f64) -> Drawn {
    let points = steps(axis.scale, curve);
    let with = |heights: &[f64]| -> Vec<(f64, f64)> {
        points.iter().zip(heights).map(|(p, h)| (p.0, *h)).collect()
    };
    let (low, high) = (with(&band.lower), with(&band.upper));
    let right = axis.scale.place(right).max(1e-9);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (240, 170)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(&curve.solver, ("sans-serif", 15))
            .margin(6)
            .x_label_area_size(22)
            .y_label_area_size(44)
            .build_cartesian_2d(0.0..right, 0.0..1.05)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(4)
            .y_labels(3)
            .x_label_formatter(&|x| axis.scale.label(*x))
            .y_label_formatter(&|y| format!("{:.0} %", 100.0 * y))
            .label_style(("sans-serif", 13))
            .draw()?;
        let mut outline = staircase(&low, right);
        outline.extend(staircase(&high, right).into_iter().rev());
        let colour = COLOURS[0];
        chart.draw_series([Polygon::new(outline, colour.mix(0.25).filled())])?;
        chart.draw_series(LineSeries::new(
            staircase(&points, right),
            colour.stroke_width(2),
        ))?;
        root.present()?;
    }
    Ok(scalable(&svg, &curve.solver))
}

/// How far values fell on one problem: (f − f*)/(f₀ − f*) against evaluations.
pub fn traces(records: &[&Record]) -> Drawn {
    /// Lower than the last accuracy nothing is told apart.
    const FLOOR: f64 = 1e-12;
    let mut right = 1.0f64;
    let mut series = Vec::new();
    for record in records {
        let span = record.start_value - record.least_value;
        let height = |v: f64| ((v - record.least_value) / span).clamp(FLOOR, 1.0).log10();
        let mut points: Vec<(f64, f64)> = record
            .trace
            .iter()
            .map(|t| (Scale::Count.place(t.counts.total() as f64), height(t.value)))
            .filter(|p| p.1.is_finite())
            .collect();
        if points.is_empty() {
            points.push((0.0, 0.0));
        }
        right = points.iter().fold(right, |m, p| m.max(p.0));
        series.push((record.solver.clone(), points));
    }
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (760, 440)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_right(24)
            .x_label_area_size(58)
            .y_label_area_size(80)
            .build_cartesian_2d(0.0..right * 1.02, FLOOR.log10()..0.3)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("evaluations")
            .y_desc("(f − f*) / (f₀ − f*)")
            .x_label_formatter(&|x| Scale::Count.label(*x))
            .y_label_formatter(&|y| format!("{:.0e}", 10f64.powf(*y)))
            .label_style(("sans-serif", 19))
            .axis_desc_style(("sans-serif", 19))
            .draw()?;
        for (k, (name, points)) in series.into_iter().enumerate() {
            let colour = COLOURS[k % COLOURS.len()];
            let end = points.last().map_or(0.0, |p| p.0);
            chart
                .draw_series(LineSeries::new(
                    staircase(&points, end),
                    colour.stroke_width(2),
                ))?
                .label(name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerLeft)
            .label_font(("sans-serif", 18))
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        root.present()?;
    }
    Ok(scalable(&svg, "convergence"))
}

fn steps(scale: Scale, curve: &Curve) -> Vec<(f64, f64)> {
    let place = |(x, share): &(f64, f64)| (scale.place(*x), *share);
    curve.points.iter().map(place).collect()
}

/// Where the axis ends: a little beyond the last step of all.
fn end(series: &[Vec<(f64, f64)>]) -> f64 {
    let last = series.iter().filter_map(|s| s.last()).map(|p| p.0);
    last.fold(1.0, f64::max) * 1.05
}

/// The corners of a step function, up to the end of the axis.
fn staircase(points: &[(f64, f64)], right: f64) -> Vec<(f64, f64)> {
    let mut out = Vec::with_capacity(2 * points.len() + 1);
    let mut height = None;
    for &(x, y) in points.iter().filter(|p| p.0 <= right) {
        out.extend(height.map(|h| (x, h)));
        out.push((x, y));
        height = Some(y);
    }
    out.extend(height.map(|h| (right, h)));
    out
}
