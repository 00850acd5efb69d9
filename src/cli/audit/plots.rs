//! Errors against precision, on a logarithmic scale.

use levinv::audit::{Attacker, Errors, Level, Publication, Report, Row};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::cli::page::{COLOURS, Drawn, scalable};

/// Coefficients with a curve of their own: those that leak most. More cannot be
/// told apart.
const DRAWN: usize = 6;
/// Decades below the lowest prediction, and at most in all.
const DECADES: f64 = 18.0;
const PANEL: (u32, u32) = (760, 520);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Failure = Box<dyn std::error::Error>;

/// One attacker on one publication.
pub fn one(report: &Report, attacker: Attacker) -> Drawn {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, PANEL).into_drawing_area();
        root.fill(&WHITE)?;
        panel(&root, report, attacker)?;
        root.present()?;
    }
    Ok(scalable(&svg, &title(report, attacker)))
}

/// All of them: a row per publication, a column per attacker.
pub fn all(reports: &[Report]) -> Drawn {
    let columns = reports.iter().map(|r| r.verdicts.len()).max().unwrap_or(1);
    let size = (
        PANEL.0 * columns.max(1) as u32,
        PANEL.1 * reports.len() as u32,
    );
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        let areas = root.split_evenly((reports.len(), columns));
        for (report, areas) in reports.iter().zip(areas.chunks(columns)) {
            for (verdict, area) in report.verdicts.iter().zip(areas) {
                panel(area, report, verdict.attacker)?;
            }
        }
        root.present()?;
    }
    Ok(scalable(&svg, "levinv audit: errors against precision"))
}

fn title(report: &Report, attacker: Attacker) -> String {
    format!("{}, {attacker}", report.publication)
}

/// A quantity with its place in [`Errors::all`] and its colour.
struct Curve {
    name: String,
    place: usize,
    colour: RGBColor,
    width: u32,
}

fn curves(report: &Report, rows: &[&Row]) -> Vec<Curve> {
    let d = report.names.len();
    let mut places: Vec<usize> = (0..d).collect();
    // By what leaks at the finest precision, then in order.
    if let Some(errors) = rows.last().and_then(|r| r.predicted.as_ref()) {
        let leak = |j: &usize| errors.coefficients[*j];
        places.sort_by(|a, b| leak(a).total_cmp(&leak(b)));
    }
    places.truncate(DRAWN);
    places.sort_unstable();
    let mut out: Vec<Curve> = places
        .into_iter()
        .enumerate()
        .map(|(k, j)| Curve {
            name: report.names[j].clone(),
            place: j,
            colour: COLOURS[k % COLOURS.len()],
            width: 1,
        })
        .collect();
    for (name, place, colour) in [("overall", d, BLACK), ("predictions", d + 1, COLOURS[6])] {
        out.push(Curve {
            name: name.into(),
            place,
            colour,
            width: 2,
        });
    }
    out
}

fn panel(area: &Area<'_>, report: &Report, attacker: Attacker) -> Result<(), Failure> {
    let rows: Vec<&Row> = report.rows_of(attacker).collect();
    let curves = curves(report, &rows);
    let at = |errors: Option<&Errors>, place: usize| {
        let value = errors.and_then(|e| e.all().nth(place));
        value.filter(|v| *v > 0.0 && v.is_finite()).map(f64::log10)
    };
    let series = |of: &dyn Fn(&Row) -> Option<f64>| -> Vec<(f64, f64)> {
        let point = |r: &&Row| Some((position(r.level), of(r)?));
        rows.iter().filter_map(point).collect()
    };
    let predicted = |c: &Curve| series(&|r| at(r.predicted.as_ref(), c.place));
    let simulated = |c: &Curve| series(&|r| at(r.simulated.as_ref(), c.place));
    let heights: Vec<f64> = curves
        .iter()
        .flat_map(|c| predicted(c).into_iter().chain(simulated(c)).map(|p| p.1))
        .chain([report.tolerance.log10()])
        .collect();
    let top = heights
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max)
        .max(0.0)
        + 0.4;
    let low = heights
        .iter()
        .copied()
        .fold(top - 1.0, f64::min)
        .max(top - DECADES)
        - 0.4;
    let positions: Vec<f64> = rows.iter().map(|r| position(r.level)).collect();
    let left = positions
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min)
        .min(1e6)
        - 0.4;
    let right = positions.iter().copied().fold(left, f64::max) + 0.4;
    let digits = rows.first().is_some_and(|r| r.level.kind() == "digits");
    let axis = match (digits, report.publication) {
        (true, Publication::Scores) => "digits after the point that are published",
        (true, Publication::Gradient) => "significant digits that are published",
        (false, Publication::Scores) => "standard deviation of the noise added",
        (false, Publication::Gradient) => "standard deviation of the noise added, relative",
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title(report, attacker), ("sans-serif", 20))
        .margin(10)
        .margin_right(24)
        .x_label_area_size(54)
        .y_label_area_size(80)
        .build_cartesian_2d(left..right, low..top)?;
    let power = |v: &f64| format!("{:.0e}", 10f64.powf(*v));
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(if digits { rows.len().min(20) + 1 } else { 8 })
        .x_desc(axis)
        .y_desc("relative error of the attacker")
        .x_label_formatter(&|x| {
            if digits {
                format!("{x:.0}")
            } else {
                format!("{:.1e}", 10f64.powf(-x))
            }
        })
        .y_label_formatter(&power)
        .label_style(("sans-serif", 16))
        .axis_desc_style(("sans-serif", 17))
        .draw()?;
    let inside = |y: f64| y >= low && y <= top;
    for c in &curves {
        let line = c.colour.stroke_width(c.width);
        if let Some(y) = at(Some(&report.least_squares.errors), c.place).filter(|y| inside(*y)) {
            let ends = [(left, y), (right, y)];
            chart.draw_series(DashedLineSeries::new(ends, 2, 6, line))?;
        }
        let clipped = |p: &(f64, f64)| inside(p.1);
        chart
            .draw_series(LineSeries::new(
                predicted(c).into_iter().filter(clipped),
                line,
            ))?
            .label(c.name.clone())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], line));
        let dots = simulated(c).into_iter().filter(clipped);
        chart.draw_series(dots.map(|p| Circle::new(p, 3, c.colour.filled())))?;
    }
    let y = report.tolerance.log10();
    let ends = [(left, y), (right, y)];
    chart
        .draw_series(DashedLineSeries::new(ends, 10, 5, BLACK.stroke_width(2)))?
        .label(format!("tolerance {}", report.tolerance))
        .legend(|(x, y)| PathElement::new([(x, y), (x + 8, y)], BLACK.stroke_width(2)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .label_font(("sans-serif", 15))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}

/// Finer to the right: digits, or minus the logarithm of a deviation.
fn position(level: Level) -> f64 {
    match level {
        Level::Digits(k) => f64::from(k),
        Level::Deviation(sd) => -sd.log10(),
    }
}
