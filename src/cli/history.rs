//! Iterations as a .csv file and as a plot.

use std::path::Path;

use plotters::prelude::*;

use super::error::CliError;
use super::files::create_output;

/// One iteration of whichever method ran.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub phase: String,
    pub iteration: usize,
    /// What the phase drives to zero: a relative residual, a Newton decrement, ‖∇f‖, or of argmin's
    /// solvers the cost.
    pub measure: f64,
    pub seconds: f64,
    /// What solvers by name say beyond that; argmin's only the cost.
    pub cost: Option<f64>,
    pub gradient: Option<f64>,
    pub step: Option<f64>,
    pub sample: Option<u64>,
    pub inner: Option<u64>,
}

/// The columns of the file.
const COLUMNS: [&str; 9] = [
    "phase",
    "iteration",
    "measure",
    "seconds",
    "cost",
    "gradient",
    "step",
    "sample",
    "inner",
];

/// Writes the columns; what is not known is left empty.
pub fn write_csv(path: &Path, rows: &[Row], force: bool) -> Result<(), CliError> {
    let file = create_output(path, force)?;
    let mut writer = csv::Writer::from_writer(file);
    let mut write = || -> csv::Result<()> {
        writer.write_record(COLUMNS)?;
        for row in rows {
            let or_empty = |v: Option<String>| v.unwrap_or_default();
            writer.write_record([
                row.phase.clone(),
                row.iteration.to_string(),
                row.measure.to_string(),
                format!("{:.6}", row.seconds),
                or_empty(row.cost.map(|v| v.to_string())),
                or_empty(row.gradient.map(|v| v.to_string())),
                or_empty(row.step.map(|v| v.to_string())),
                or_empty(row.sample.map(|v| v.to_string())),
                or_empty(row.inner.map(|v| v.to_string())),
            ])?;
        }
        Ok(writer.flush()?)
    };
    write().map_err(|e| {
        CliError::new(
            "write",
            format!("{}: cannot be written: {e}", path.display()),
        )
    })
}

/// Draws the measure of each phase over all iterations, on a logarithmic scale.
pub fn write_svg(path: &Path, rows: &[Row], force: bool) -> Result<(), CliError> {
    let mut svg = String::new();
    draw(&mut svg, rows).map_err(|e| CliError::new("plot", format!("{}: {e}", path.display())))?;
    save(path, &svg, force)
}

/// Writes a finished drawing.
pub fn save(path: &Path, svg: &str, force: bool) -> Result<(), CliError> {
    let mut file = create_output(path, force)?;
    std::io::Write::write_all(&mut file, svg.as_bytes()).map_err(|e| {
        CliError::new(
            "write",
            format!("{}: cannot be written: {e}", path.display()),
        )
    })
}

fn draw(svg: &mut String, rows: &[Row]) -> Result<(), Box<dyn std::error::Error>> {
    /// Below this nothing on the plot can be told from rounding.
    const FLOOR: f64 = 1e-17;
    let root = SVGBackend::with_string(svg, (720, 440)).into_drawing_area();
    root.fill(&WHITE)?;
    let height = |m: f64| {
        if m.is_finite() {
            m.abs().max(FLOOR)
        } else {
            FLOOR
        }
    };
    let top = rows.iter().map(|r| height(r.measure)).fold(FLOOR, f64::max) * 10.0;
    let low = rows.iter().map(|r| height(r.measure)).fold(top, f64::min) / 10.0;
    let mut chart = ChartBuilder::on(&root)
        .caption("levinv recover: convergence", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(0..rows.len().max(1), (low..top).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("iteration, all phases")
        .y_desc("distance from solved")
        .y_label_formatter(&|v| format!("{v:.0e}"))
        .draw()?;
    let mut phases: Vec<&str> = rows.iter().map(|r| r.phase.as_str()).collect();
    phases.dedup();
    for (k, phase) in phases.iter().enumerate() {
        let color = Palette99::pick(k).to_rgba();
        let points: Vec<_> = rows
            .iter()
            .enumerate()
            .filter(|(_, r)| r.phase == *phase)
            .map(|(i, r)| (i + 1, height(r.measure)))
            .collect();
        chart
            .draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?
            .label(*phase)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        chart.draw_series(
            points
                .into_iter()
                .map(|p| Circle::new(p, 3, color.filled())),
        )?;
    }
    chart
        .configure_series_labels()
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}
