//! What is told at the end.

use std::fmt;

use serde::Serialize;

use crate::window::median;

/// A share of one core from which on whoever measures may be what is slow.
const BUSY: f64 = 0.85;
/// A share of one core that the host of a virtual machine may keep from it: who waits for that is late, whoever it is.
const STOLEN: f64 = 0.01;
/// Milliseconds that a publisher may be late.
const LATE: f64 = 3.;

/// One round: the server, then the floor.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Round {
    /// Forwarded packets that arrived, a second.
    pub(crate) packets_per_second: f64,
    /// Their bits with RTP's headers, a second.
    pub(crate) megabits_per_second: f64,
    /// Packets that did not arrive, of 100.
    pub(crate) loss_percent: f64,
    /// From the publisher's hand to the viewer's socket.
    pub(crate) latency_ms: Latency,
    /// All threads of the server together; 1 is a whole core.
    pub(crate) server_cores: Option<f64>,
    /// The same while nobody sends.
    pub(crate) server_idle_cores: Option<f64>,
    /// Microseconds of the server for each forwarded packet.
    pub(crate) server_us_per_packet: Option<f64>,
    /// Microseconds of the floor for each packet.
    pub(crate) floor_us_per_packet: Option<f64>,
    /// The one by the other.
    pub(crate) ratio: Option<f64>,
    /// The load tool's own thread.
    pub(crate) tool_cores: f64,
    /// By how much its publishers were late, p99.
    pub(crate) tool_late_ms: f64,
    /// What the host of a virtual machine kept from it, of one core.
    pub(crate) stolen_cores: f64,
    /// The machine's load average over a minute.
    pub(crate) load_average: f64,
}

/// One way, milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
}

/// The whole run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) rooms: u32,
    pub(crate) publishers: u32,
    pub(crate) subscribers: u32,
    pub(crate) idle: u32,
    pub(crate) kbps: u32,
    pub(crate) people: u32,
    pub(crate) video_streams: u32,
    pub(crate) packet_bytes: u32,
    pub(crate) packets_per_frame: u8,
    /// From joining to the first packet of media.
    pub(crate) first_packet_ms: Latency,
    /// Resident memory of the server: before anybody came, when all were connected, at the end.
    pub(crate) memory_mib: Option<[f64; 3]>,
    /// Of the rounds, each figure by itself.
    pub(crate) median: Round,
    pub(crate) rounds: Vec<Round>,
    /// Why the figures may say more about the tool than about the server.
    pub(crate) bottleneck: Vec<String>,
}

impl Round {
    /// The median of each figure.
    pub(crate) fn median_of(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure)).unwrap_or_default();
        let maybe = |figure: fn(&Self) -> Option<f64>| median(rounds.iter().filter_map(figure));
        Self {
            packets_per_second: of(|round| round.packets_per_second),
            megabits_per_second: of(|round| round.megabits_per_second),
            loss_percent: of(|round| round.loss_percent),
            latency_ms: Latency {
                p50: of(|round| round.latency_ms.p50),
                p95: of(|round| round.latency_ms.p95),
                p99: of(|round| round.latency_ms.p99),
            },
            server_cores: maybe(|round| round.server_cores),
            server_idle_cores: maybe(|round| round.server_idle_cores),
            server_us_per_packet: maybe(|round| round.server_us_per_packet),
            floor_us_per_packet: maybe(|round| round.floor_us_per_packet),
            ratio: maybe(|round| round.ratio),
            tool_cores: of(|round| round.tool_cores),
            tool_late_ms: of(|round| round.tool_late_ms),
            stolen_cores: of(|round| round.stolen_cores),
            load_average: of(|round| round.load_average),
        }
    }

    /// What speaks against it.
    pub(crate) fn bottlenecks(&self, processors: usize) -> Vec<String> {
        let mut found = Vec::new();
        if self.tool_cores > BUSY {
            let share = 100. * self.tool_cores;
            found.push(format!("the load tool took {share:.0} % of one core"));
        }
        if self.tool_late_ms > LATE {
            let late = self.tool_late_ms;
            found.push(format!("its publishers were late by {late:.1} ms (p99)"));
        }
        let together = self.tool_cores + self.server_cores.unwrap_or_default();
        if together > BUSY * processors as f64 {
            found.push(format!(
                "server and load tool took {together:.2} of {processors} cores"
            ));
        }
        if self.stolen_cores > STOLEN {
            let share = 100. * self.stolen_cores;
            found.push(format!(
                "the host of this virtual machine kept {share:.0} % of a core from it"
            ));
        }
        if self.load_average > 1.5 * processors as f64 {
            let load = self.load_average;
            found.push(format!(
                "others compute, too: the load average is {load:.1}"
            ));
        }
        found
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rooms,
            publishers,
            subscribers,
            kbps,
            median,
            ..
        } = self;
        writeln!(
            f,
            "{rooms} rooms of {publishers} publishers and {subscribers} subscribers, {kbps} kbit/s: {} \
             streams in frames of {} packets of {} bytes; medians of {} rounds",
            self.video_streams,
            self.packets_per_frame,
            self.packet_bytes,
            self.rounds.len()
        )?;
        let mut line = |name: &str, value: String| writeln!(f, "  {name:<28}{value}");
        line(
            "forwarded",
            format!(
                "{:.0} packets/s, {:.1} Mbit/s",
                median.packets_per_second, median.megabits_per_second
            ),
        )?;
        line("loss", format!("{:.3} %", median.loss_percent))?;
        let three = |l: &Latency| format!("{:.2} / {:.2} / {:.2} ms", l.p50, l.p95, l.p99);
        line("latency p50 / p95 / p99", three(&median.latency_ms))?;
        line("join to first packet", three(&self.first_packet_ms))?;
        let percent = |cores: f64| format!("{:.1} % of one core", 100. * cores);
        let maybe = |value: Option<f64>, show: &dyn Fn(f64) -> String| {
            value.map_or_else(|| "not known".to_owned(), show)
        };
        line("server", maybe(median.server_cores, &percent))?;
        line(
            "server while nobody sends",
            maybe(median.server_idle_cores, &percent),
        )?;
        if let Some([before, connected, end]) = self.memory_mib {
            let each = 1_024. * (end - before) / f64::from(self.people.max(1));
            line(
                "server's memory",
                format!(
                    "{before:.1} MiB, all connected {connected:.1} MiB, at the end {end:.1} MiB: {each:.0} KiB for each of {} people",
                    self.people
                ),
            )?;
        }
        let micros = |value: f64| format!("{value:.2} µs");
        line(
            "server, for each packet",
            maybe(median.server_us_per_packet, &micros),
        )?;
        line(
            "floor, for each packet",
            maybe(median.floor_us_per_packet, &micros),
        )?;
        line(
            "server / floor",
            maybe(median.ratio, &|ratio| format!("{ratio:.2}")),
        )?;
        line(
            "load tool",
            format!(
                "{}, publishers late by {:.2} ms (p99); load average {:.1}",
                percent(median.tool_cores),
                median.tool_late_ms,
                median.load_average
            ),
        )?;
        for reason in &self.bottleneck {
            writeln!(f, "BEWARE: {reason}")?;
        }
        Ok(())
    }
}
