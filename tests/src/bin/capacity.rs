//! Measures how the cost of a server with one media thread grows, with `tsuji-load`, and draws it: the table and the
//! picture of docs/capacity.md.
//!
//! `cargo run --release -p tsuji-tests --bin capacity -- PICTURE.svg [-- OPTIONS OF THE SERVER]`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::fmt::Write as _;
use std::process::{Command, ExitCode};
use std::{env, fs};

use serde_json::Value;

/// Options of `tsuji-load` for one series: a name, those that stay, the one that grows, and how.
struct Series {
    name: &'static str,
    colour: &'static str,
    fixed: &'static [&'static str],
    grows: &'static str,
    values: &'static [u32],
}

const SERIES: [Series; 4] = [
    Series {
        name: "one sends 1.5 Mbit/s, N watch",
        colour: "#0b6bcb",
        fixed: &["--rooms", "1", "--publishers", "1"],
        grows: "--subscribers",
        values: &[1, 5, 10, 20, 50, 100, 200],
    },
    Series {
        name: "N rooms of 3, all send 1.5 Mbit/s",
        colour: "#c4420b",
        fixed: &["--publishers", "3", "--subscribers", "0"],
        grows: "--rooms",
        values: &[1, 5, 10, 20, 40],
    },
    Series {
        name: "N rooms of one who sends 1.5 Mbit/s and 20 who watch",
        colour: "#7a1c6b",
        fixed: &["--publishers", "1", "--subscribers", "20"],
        grows: "--rooms",
        values: &[10, 20, 30, 40, 50],
    },
    Series {
        name: "one sends N kbit/s, 20 watch",
        colour: "#1c7a3d",
        fixed: &["--publishers", "1", "--subscribers", "20"],
        grows: "--kbps",
        values: &[300, 750, 1_500, 3_000, 6_000],
    },
];

/// What one run of `tsuji-load` told.
struct Point {
    packets: f64,
    cores: f64,
    row: String,
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(picture) = arguments.next() else {
        eprintln!("capacity: which file is the picture to be written to?");
        return ExitCode::FAILURE;
    };
    let server: Vec<String> = arguments.skip_while(|text| text == "--").collect();
    println!(
        "| load | people | packets/s | Mbit/s | of one core | µs a packet | loss % | p99 ms | KiB a person |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut lines = Vec::new();
    for series in &SERIES {
        let mut points = Vec::new();
        for value in series.values {
            match measure(series, *value, &server) {
                Ok(point) => {
                    println!("{}", point.row);
                    points.push(point);
                }
                Err(why) => eprintln!("{} {value}: {why}", series.grows),
            }
        }
        lines.push((series, points));
    }
    match fs::write(&picture, draw(&lines)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{picture}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(series: &Series, value: u32, server: &[String]) -> Result<Point, String> {
    let own = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(own.with_file_name("tsuji-load"))
        .args(["--json", "--no-floor", "--rounds", "3", "--seconds", "3"])
        .args(series.fixed)
        .args([series.grows, &value.to_string()])
        // What one core takes is what it is about.
        .args(["--", "--shards", "1"])
        .args(server)
        .output()
        .map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).map_err(|_| told.to_string())?;
    let median = &report["median"];
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let (packets, cores) = (
        number(&median["packets_per_second"]),
        number(&median["server_cores"]),
    );
    let people = number(&report["people"]);
    let memory = &report["memory_mib"];
    let each = 1_024. * (number(&memory[2]) - number(&memory[0])) / people.max(1.);
    let name = series.name.replace('N', &value.to_string());
    let row = format!(
        "| {name} | {people} | {packets:.0} | {:.0} | {:.1} % | {:.1} | {:.2} | {:.1} | {each:.0} |",
        number(&median["megabits_per_second"]),
        100. * cores,
        number(&median["server_us_per_packet"]),
        number(&median["loss_percent"]),
        number(&median["latency_ms"]["p99"]),
    );
    Ok(Point {
        packets,
        cores,
        row,
    })
}

/// A picture (SVG): packets a second to the right, the share of one core upwards.
fn draw(lines: &[(&Series, Vec<Point>)]) -> String {
    const WIDTH: f64 = 720.;
    const HEIGHT: f64 = 420.;
    const MARGIN: f64 = 60.;
    let points = || lines.iter().flat_map(|(_, points)| points);
    let most = |figure: fn(&Point) -> f64| points().map(figure).fold(1e-9, f64::max) * 1.05;
    let (packets, cores) = (most(|point| point.packets), most(|point| point.cores));
    let x = |value: f64| MARGIN + value / packets * (WIDTH - 2. * MARGIN);
    let y = |value: f64| HEIGHT - MARGIN - value / cores * (HEIGHT - 2. * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    // Writing to a string does not fail.
    let mut put = |text: String| {
        let _ = writeln!(svg, "{text}");
    };
    for step in 0..=5 {
        let part = f64::from(step) / 5.;
        let (right, up) = (x(part * packets), y(part * cores));
        put(format!(
            "<path d=\"M{MARGIN} {up:.1}H{:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>",
            WIDTH - MARGIN,
            MARGIN - 6.,
            up + 4.,
            100. * part * cores
        ));
        put(format!(
            "<text x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0}</text>",
            HEIGHT - MARGIN + 18.,
            part * packets
        ));
    }
    put(format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">forwarded packets a second</text><text x=\"{MARGIN}\" y=\"24\">of one core</text>",
        WIDTH / 2.,
        HEIGHT - 12.
    ));
    for (place, (series, points)) in (0..).zip(lines) {
        let colour = series.colour;
        let at = |point: &Point| format!("{:.1},{:.1}", x(point.packets), y(point.cores));
        let way: Vec<String> = points.iter().map(at).collect();
        put(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            way.join(" ")
        ));
        for point in points {
            put(format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"/>",
                x(point.packets),
                y(point.cores)
            ));
        }
        put(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            MARGIN + 16.,
            MARGIN + 4. + 20. * f64::from(place),
            series.name
        ));
    }
    svg.push_str("</svg>\n");
    svg
}
