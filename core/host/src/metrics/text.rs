//! Everything that is known, in Prometheus' text format.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tsuji_core::freeze::Culprit;

use super::{FrontStats, Lateness, QualityStats, Watch};
use crate::media::drops::Drops;
use crate::record::BUILD;

/// What the text is.
pub(super) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Everything that is known now.
pub(super) fn text(watch: &Arc<Watch>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(Arc::clone(watch))));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Scrape(Arc<Watch>);

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Scrape(watch) = self;
        let mut page = Page(encoder);
        page.process(watch)?;
        let media: Vec<_> = watch.media.iter().filter_map(|side| side.last()).collect();
        page.media(&media.iter().map(|(_, stats)| *stats).collect::<Vec<_>>())?;
        page.dropped(watch)?;
        if let Some((_, stats)) = watch.front.last() {
            page.front(&stats)?;
        }
        page.lateness(watch)
    }
}

pub(super) struct Page<'a>(pub(super) DescriptorEncoder<'a>);

/// A name, what it means, and its value.
pub(super) type Line<'a, T> = (&'a str, &'a str, T);

impl Page<'_> {
    fn process(&mut self, watch: &Watch) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        let labels = [("version", version), ("build", BUILD)];
        let help = "The build that runs: always 1";
        let mut encoder =
            self.0
                .encode_descriptor("tsuji_build_info", help, None, MetricType::Gauge)?;
        ConstGauge::new(1_i64).encode(encoder.encode_family(&labels)?)?;
        let started = watch.clock.epoch().as_unix_micros();
        self.gauges([
            (
                "process_start_time_seconds",
                "When the server started",
                seconds(started),
            ),
            (
                "tsuji_draining",
                "1 while meetings are let end",
                f64::from(u8::from(watch.told.is_draining())),
            ),
        ])?;
        if let Some(process) = process::look() {
            self.sizes([
                (
                    "process_resident_memory_bytes",
                    "Memory that is used",
                    process.memory,
                ),
                ("process_open_fds", "Open files and sockets", process.files),
            ])?;
        }
        let expiry = watch.tls.get().and_then(|tls| tls.expiry());
        match expiry {
            Some(expiry) => self.gauges([(
                "tsuji_tls_certificate_expiry_timestamp_seconds",
                "When the certificate ends that connections are secured with",
                // A time of day in seconds is exact in a float.
                expiry.as_second() as f64,
            )]),
            None => Ok(()),
        }
    }

    /// What the system dropped before we saw it.
    fn dropped(&mut self, watch: &Watch) -> fmt::Result {
        let drops = watch.drops.get().and_then(Option::as_ref);
        let Some(dropped) = drops.and_then(Drops::count) else {
            return Ok(());
        };
        self.counters([(
            "tsuji_udp_receive_buffer_drops",
            "Datagrams for which the receive buffers had no room",
            dropped,
        )])
    }

    fn front(&mut self, stats: &FrontStats) -> fmt::Result {
        let FrontStats {
            lobby,
            connections,
            http,
            admitted,
            crowded,
            given_up,
            commands,
            lateness: _,
            quality,
        } = *stats;
        self.quality(&quality)?;
        let tsuji_signaling::Sizes {
            connections: websockets,
            rooms,
            timers,
            addresses,
            participants: _,
            stays: _,
            fading: _,
            outputs: _,
        } = lobby;
        self.sizes([
            (
                "tsuji_connections",
                "TCP connections of all kinds",
                connections,
            ),
            (
                "tsuji_http_connections",
                "TCP connections that ask for pages",
                http,
            ),
            ("tsuji_websockets", "WebSockets", websockets),
            ("tsuji_rooms", "Rooms, with people or without", rooms),
            (
                "tsuji_lobby_timers",
                "Timers of the rooms and WebSockets",
                timers,
            ),
            (
                "tsuji_public_addresses",
                "Public addresses that WebSockets come from",
                addresses,
            ),
            (
                "tsuji_commands_waiting",
                "What the front has to tell the media side",
                commands,
            ),
        ])?;
        self.counters([
            (
                "tsuji_connections_accepted",
                "TCP connections that were let in",
                admitted,
            ),
            (
                "tsuji_connections_crowded_out",
                "TCP connections closed because there were too many",
                crowded,
            ),
            (
                "tsuji_websockets_given_up",
                "WebSockets closed because they did not read",
                given_up,
            ),
        ])
    }

    fn quality(&mut self, quality: &QualityStats) -> fmt::Result {
        let culprits = Culprit::ALL.map(crate::history::culprit_name);
        let each = || culprits.iter().zip(quality.freezes);
        let mut encoder = self.0.encode_descriptor(
            "tsuji_freezes",
            "Pictures that stood still for somebody, by whose fault",
            None,
            MetricType::Counter,
        )?;
        for (culprit, (times, _)) in each() {
            ConstCounter::new(times)
                .encode(encoder.encode_family(&[("culprit", culprit.as_str())])?)?;
        }
        let mut encoder = self.0.encode_descriptor(
            "tsuji_freeze_seconds",
            "How long pictures stood still, by whose fault",
            None,
            MetricType::Counter,
        )?;
        for (culprit, (_, length)) in each() {
            let seconds = ConstCounter::new(length.as_secs_f64());
            seconds.encode(encoder.encode_family(&[("culprit", culprit.as_str())])?)?;
        }
        let stays = ConstCounter::new(quality.stays.as_secs_f64());
        stays.encode(self.0.encode_descriptor(
            "tsuji_stay_seconds",
            "How long people were in meetings, together",
            None,
            MetricType::Counter,
        )?)?;
        let mut encoder = self.0.encode_descriptor(
            "tsuji_first_picture_seconds",
            "How long people waited from entering until a picture was forwarded to them",
            None,
            MetricType::Histogram,
        )?;
        encoder.encode_histogram::<NoLabelSet>(
            quality.waited.as_secs_f64(),
            quality.first.iter().sum(),
            &quality.classes(),
            None,
        )
    }

    /// How late each of the loops is.
    fn lateness(&mut self, watch: &Watch) -> fmt::Result {
        let media = watch.media.iter().enumerate().map(|(shard, side)| {
            let lateness = side.last().map(|(_, stats)| stats.lateness);
            (format!("media-{shard}"), lateness)
        });
        let front = watch.front.last().map(|(_, stats)| stats.lateness);
        let front = ("front".to_owned(), front);
        let help = "How late a loop came to what was due";
        let name = "tsuji_loop_lateness_seconds";
        let mut encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (side, lateness) in media.chain([front]) {
            let lateness: Lateness = lateness.unwrap_or_default();
            encoder
                .encode_family(&[("loop", side.as_str())])?
                .encode_histogram::<NoLabelSet>(
                    lateness.sum(),
                    lateness.count(),
                    &lateness.classes(),
                    None,
                )?;
        }
        Ok(())
    }

    fn counters<const N: usize>(&mut self, lines: [Line<'_, u64>; N]) -> fmt::Result {
        for (name, help, value) in lines {
            let value = ConstCounter::new(value);
            value.encode(
                self.0
                    .encode_descriptor(name, help, None, value.metric_type())?,
            )?;
        }
        Ok(())
    }

    fn sizes<const N: usize>(&mut self, lines: [Line<'_, usize>; N]) -> fmt::Result {
        for (name, help, value) in lines {
            let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            value.encode(
                self.0
                    .encode_descriptor(name, help, None, value.metric_type())?,
            )?;
        }
        Ok(())
    }

    fn gauges<const N: usize>(&mut self, lines: [Line<'_, f64>; N]) -> fmt::Result {
        for (name, help, value) in lines {
            let value = ConstGauge::new(value);
            value.encode(
                self.0
                    .encode_descriptor(name, help, None, value.metric_type())?,
            )?;
        }
        Ok(())
    }
}

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}

/// What the system says of this process.
mod process {
    use std::fs;

    pub(super) struct Process {
        /// Bytes.
        pub(super) memory: usize,
        pub(super) files: usize,
    }

    /// `None` where there is no `/proc` (Linux, proc_pid_statm(5)).
    pub(super) fn look() -> Option<Process> {
        let statm = fs::read_to_string("/proc/self/statm").ok()?;
        let pages: usize = statm.split(' ').nth(1)?.parse().ok()?;
        let files = fs::read_dir("/proc/self/fd").ok()?.count();
        let memory = pages.checked_mul(rustix::param::page_size())?;
        Some(Process { memory, files })
    }
}
