//! A picture of a run: what the link carries, and what it did carry, of that media (thick).

use std::path::Path;

use plotters::prelude::*;

use super::Sample;

/// Writes an SVG with one diagram for each run, by name.
///
/// # Errors
/// What the file system says, or the plotter.
pub fn plot(file: &Path, runs: &[(&str, &[Sample])]) -> Result<(), Box<dyn std::error::Error>> {
    let height = 220 * runs.len() as u32;
    let root = SVGBackend::new(file, (900, height)).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, (name, samples)) in root.split_evenly((runs.len(), 1)).iter().zip(runs) {
        let end = samples.last().map_or(1., |sample| sample.at);
        let carried = samples.iter().map(|sample| sample.carried);
        let most = carried.fold(0., f64::max);
        let capacity = samples.iter().map(|sample| sample.capacity);
        let top = (most * 1.25).max(capacity.fold(0., f64::max).min(most * 2.)) / 1e6;
        let mut chart = ChartBuilder::on(area)
            .caption(name, ("sans-serif", 15))
            .margin(8)
            .x_label_area_size(28)
            .y_label_area_size(44)
            .build_cartesian_2d(0.0..end, 0.0..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .x_desc("seconds")
            .y_desc("Mbit/s")
            .draw()?;
        let line = |of: fn(&Sample) -> f64| {
            let points = samples
                .iter()
                .map(move |sample| (sample.at, of(sample) / 1e6));
            points.collect::<Vec<_>>()
        };
        let capacity = line(|sample| sample.capacity);
        chart.draw_series(LineSeries::new(capacity, BLACK.mix(0.5)))?;
        let carried = line(|sample| sample.carried);
        chart.draw_series(LineSeries::new(carried, BLUE.mix(0.3)))?;
        let media = line(|sample| sample.media);
        let style = BLUE.mix(0.8).stroke_width(2);
        chart.draw_series(LineSeries::new(media, style))?;
    }
    root.present()?;
    Ok(())
}
