//! `tsuji-load`: what a server costs, measured from outside. See [`options::Options`].
//!
//! ```text
//!  Server (a process) ◄── WebSockets, UDP ──► Crowd: Members, one thread ─► Window ─┐
//!     └─ /proc ─► Usage ────────────────────────────────────────────────────────────┼─► Report
//!  Floor: one thread ── UDP ──► basins of the Crowd ────────────────────────────────┘
//! ```

#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "real sockets, on real time"
)]

mod crowd;
mod floor;
mod member;
mod options;
mod report;
mod usage;
mod window;

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tsuji_tests::support::{MIO, SMOL, Server};

use crowd::{Crowd, CrowdError};
use floor::{Floor, Viewers};
use options::{OVERHEAD, Options};
use report::{Latency, Report, Round};
use usage::{Usage, of_this_thread, stolen};
use window::{Sorted, Window};

/// Who comes in while a crowd does, with all their handshakes on the same processors, may be taken to have a narrow path:
/// until that is over.
const ENTRANCE: Duration = Duration::from_secs(5);
/// Between the beginning of a flow and measuring it: estimates settle, caches warm up.
const SETTLE: Duration = Duration::from_secs(2);
/// What the floor does between looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(50);
const MEBIBYTE: f64 = 1_048_576.;

/// The server that is loaded.
struct Target {
    address: SocketAddr,
    pid: Option<u32>,
    /// If it is ours.
    own: Option<Server>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(report) if options.json => match serde_json::to_string_pretty(&report) {
            Ok(json) => println!("{json}"),
            Err(error) => return fail(&error),
        },
        Ok(report) => print!("{report}"),
        Err(error) => return fail(&error),
    }
    ExitCode::SUCCESS
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("tsuji-load: {error}");
    ExitCode::FAILURE
}

fn run(options: &Options) -> Result<Report, CrowdError> {
    let target = target(options);
    let memory = || {
        let usage = target.pid.and_then(Usage::of);
        usage.map(|usage| usage.memory as f64 / MEBIBYTE)
    };
    let empty = memory();
    let people = options.people();
    let mut crowd = Crowd::gather(options, target.address, |there| {
        progress(&format!("{there} of {people} people have joined"));
    })?;
    let connected = memory();
    if options.streams() > 0 {
        crowd.begin()?;
        crowd.run_for(ENTRANCE)?;
    }
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        progress(&format!("round {number} of {}: the server", options.rounds));
        let round = round(options, &mut crowd, target.pid)?;
        rounds.push(round);
    }
    let end = memory();
    let waited = crowd.waited();
    crowd.disperse();
    if let Some(server) = target.own {
        let log = server.stop_after_trouble();
        for line in log.lines().filter(|line| !line.contains("INFO")) {
            eprintln!("{line}");
        }
    }
    progress("");
    let frame = options.frame();
    let median = Round::median_of(&rounds);
    let (_, processors) = usage::machine();
    Ok(Report {
        rooms: options.rooms,
        publishers: options.publishers,
        subscribers: options.subscribers,
        idle: options.idle,
        kbps: options.kbps,
        people,
        video_streams: options.streams(),
        packet_bytes: u32::from(frame.payload) + OVERHEAD,
        packets_per_frame: frame.packets,
        first_packet_ms: latency(&waited),
        memory_mib: empty
            .zip(connected)
            .zip(end)
            .map(|((empty, connected), end)| [empty, connected, end]),
        bottleneck: median.bottlenecks(processors),
        median,
        rounds,
    })
}

fn target(options: &Options) -> Target {
    if let Some(address) = options.server {
        return Target {
            address,
            pid: options.pid,
            own: None,
        };
    }
    let program = if options.smol { &SMOL } else { &MIO };
    let people = ["--max-people-per-room", "1000"].map(OsStr::new);
    let others = options.server_options.iter().map(OsStr::new);
    let arguments: Vec<&OsStr> = people.into_iter().chain(others).collect();
    let server = Server::start_with(program, &arguments);
    Target {
        address: server.address(),
        pid: Some(server.id()),
        own: Some(server),
    }
}

fn round(options: &Options, crowd: &mut Crowd, pid: Option<u32>) -> Result<Round, CrowdError> {
    let duration = Duration::from_secs(options.seconds.into());
    crowd.publish();
    crowd.run_for(SETTLE)?;
    let usage = || pid.and_then(Usage::of);
    let (tool, others, before, began) = (of_this_thread(), stolen(), usage(), Instant::now());
    crowd.measure(duration)?;
    let (after, took) = (usage(), began.elapsed());
    let (tool, others) = (of_this_thread() - tool, stolen() - others);
    let window = crowd.measured()?;
    crowd.pause();
    crowd.run_for(SETTLE)?;

    let (idle_before, idle_began) = (usage(), Instant::now());
    let floor = match options.no_floor || options.streams() == 0 {
        true => {
            crowd.run_for(duration)?;
            None
        }
        false => Some(floor(options, crowd, duration)?),
    };
    let (idle_after, idle_took) = (usage(), idle_began.elapsed());

    let cores = |before: Option<Usage>, after: Option<Usage>, took: Duration| {
        let used = after?.processor.checked_sub(before?.processor)?;
        Some(used.as_secs_f64() / took.as_secs_f64())
    };
    let server = cores(before, after, took);
    let packets = window.packets();
    let seconds = took.as_secs_f64();
    let server_us = server.filter(|_| packets > 0).map(|cores| {
        // Without the work of being there, it would be less; but nobody has that.
        cores * seconds * 1e6 / packets as f64
    });
    Ok(Round {
        packets_per_second: packets as f64 / duration.as_secs_f64(),
        megabits_per_second: bits(options, &window) / duration.as_secs_f64() / 1e6,
        loss_percent: loss(&window),
        latency_ms: latency(&window.latencies()),
        server_cores: server,
        server_idle_cores: cores(idle_before, idle_after, idle_took),
        server_us_per_packet: server_us,
        floor_us_per_packet: floor,
        ratio: server_us.zip(floor).map(|(server, floor)| server / floor),
        tool_cores: tool.as_secs_f64() / seconds,
        tool_late_ms: window.late().percentile(99),
        stolen_cores: others.as_secs_f64() / seconds,
        load_average: usage::machine().0,
    })
}

/// Microseconds for each packet.
fn floor(options: &Options, crowd: &mut Crowd, duration: Duration) -> Result<f64, CrowdError> {
    let viewers = options.people_per_room() as usize - 1;
    let publishers = (0..options.rooms as usize).flat_map(|room| {
        let first = room * viewers;
        (0..options.publishers).map(move |_| first..first + viewers)
    });
    let publishers: Vec<Viewers> = publishers.collect();
    let basins = crowd.basins(options.rooms as usize * viewers)?;
    let floor = Floor::begin(basins, publishers, options.frame(), duration)?;
    while !floor.has_ended() {
        crowd.run_for(LOOK)?;
    }
    let work = floor.work()?;
    if work.dropped > 0 {
        eprintln!("the floor found no room for {} packets", work.dropped);
    }
    Ok(work.processor.as_secs_f64() * 1e6 / work.packets.max(1) as f64)
}

fn bits(options: &Options, window: &Window) -> f64 {
    let video = u32::from(options.frame().payload) + OVERHEAD;
    // The virtual microphone's payload.
    let audio = 80 + OVERHEAD;
    let bytes = window.video * u64::from(video) + window.audio * u64::from(audio);
    8. * bytes as f64
}

fn loss(window: &Window) -> f64 {
    let lost = window.expected.saturating_sub(window.packets());
    100. * lost as f64 / window.expected.max(1) as f64
}

fn latency(sorted: &Sorted) -> Latency {
    Latency {
        p50: sorted.percentile(50),
        p95: sorted.percentile(95),
        p99: sorted.percentile(99),
    }
}

/// Tells whoever looks at a terminal.
fn progress(text: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}
