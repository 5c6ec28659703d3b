//! What each shard counts, with its number as a label.

use std::fmt;

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tsuji_core::{Counters, Sizes};

use super::text::{Line, Page};
use super::{MediaStats, SocketStats};

impl Page<'_> {
    /// All shards, from 0.
    pub(super) fn media(&mut self, shards: &[MediaStats]) -> fmt::Result {
        self.of_shards(shards, MetricType::Counter, counters)?;
        self.kinds(
            "tsuji_datagrams_dropped",
            "Datagrams that were not taken in",
            "reason",
            shards,
            drops,
        )?;
        self.kinds(
            "tsuji_udp_errors",
            "What went wrong with the UDP sockets",
            "kind",
            shards,
            errors,
        )?;
        self.of_shards(shards, MetricType::Gauge, sizes)?;
        // There, as soon as anybody records.
        if shards.iter().any(|stats| stats.recording.is_some()) {
            self.of_shards(shards, MetricType::Counter, |stats| {
                let lost = stats.recording.map_or(0, |recording| recording.lost);
                [(
                    "tsuji_recording_blocks_lost",
                    "Blocks that the disk was too slow for",
                    lost,
                )]
            })?;
            self.of_shards(shards, MetricType::Gauge, |stats| {
                let waiting = stats.recording.map_or(0, |recording| recording.waiting);
                [(
                    "tsuji_recording_blocks_waiting",
                    "Blocks that wait for the disk",
                    waiting as u64,
                )]
            })?;
        }
        Ok(())
    }

    /// A family for each line, and in it each shard.
    fn of_shards<const N: usize>(
        &mut self,
        shards: &[MediaStats],
        kind: MetricType,
        lines: impl Fn(&MediaStats) -> [Line<'static, u64>; N],
    ) -> fmt::Result {
        let lines: Vec<_> = shards.iter().map(lines).collect();
        let Some(first) = lines.first() else {
            return Ok(());
        };
        for (line, (name, help, _)) in first.iter().enumerate() {
            let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
            for (shard, (_, _, value)) in lines.iter().map(|lines| lines[line]).enumerate() {
                let label = [("shard", shard.to_string())];
                let encoder = encoder.encode_family(&label)?;
                match kind {
                    MetricType::Counter => ConstCounter::new(value).encode(encoder)?,
                    _ => {
                        ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(encoder)?
                    }
                }
            }
        }
        Ok(())
    }

    /// One family of counters with a label more.
    fn kinds<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        shards: &[MediaStats],
        values: impl Fn(&MediaStats) -> [(&'static str, u64); N],
    ) -> fmt::Result {
        if shards.is_empty() {
            return Ok(());
        }
        let mut encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (shard, stats) in shards.iter().enumerate() {
            for (kind, value) in values(stats) {
                let labels = [(label, kind.to_owned()), ("shard", shard.to_string())];
                ConstCounter::new(value).encode(encoder.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn counters(stats: &MediaStats) -> [Line<'static, u64>; 8] {
    // Without "..", here and below, but for what another of these functions tells: who adds a counter
    // has to name it here too.
    let Counters {
        datagrams_in,
        datagrams_out,
        packets_in,
        packets_forwarded,
        keyframe_requests,
        dropped_size: _,
        dropped_unknown_address: _,
        dropped_unknown_ufrag: _,
        dropped_foreign_address: _,
        dropped_excess_address: _,
        dropped_source: _,
        overflowed: _,
    } = stats.counters;
    let SocketStats {
        received,
        congested,
        sent,
        send_queue_full: _,
        send_errors: _,
        receive_errors: _,
    } = stats.sockets;
    [
        (
            "tsuji_sfu_datagrams_in",
            "Datagrams handed to the SFU",
            datagrams_in,
        ),
        (
            "tsuji_sfu_datagrams_out",
            "Datagrams that the SFU wanted to send",
            datagrams_out,
        ),
        (
            "tsuji_rtp_packets_in",
            "RTP packets that people sent",
            packets_in,
        ),
        (
            "tsuji_rtp_packets_forwarded",
            "RTP packets handed to viewers' connections",
            packets_forwarded,
        ),
        (
            "tsuji_keyframe_requests",
            "Keyframes asked for",
            keyframe_requests,
        ),
        (
            "tsuji_udp_datagrams_received",
            "Datagrams received by the UDP sockets",
            received,
        ),
        (
            "tsuji_udp_datagrams_sent",
            "Datagrams sent by the UDP sockets",
            sent,
        ),
        (
            "tsuji_udp_datagrams_congested",
            "Datagrams that a router marked as having met congestion",
            congested,
        ),
    ]
}

fn drops(stats: &MediaStats) -> [(&'static str, u64); 6] {
    let counters = &stats.counters;
    [
        ("size", counters.dropped_size),
        ("unknown_address", counters.dropped_unknown_address),
        ("unknown_ufrag", counters.dropped_unknown_ufrag),
        ("foreign_address", counters.dropped_foreign_address),
        ("excess_address", counters.dropped_excess_address),
        ("source", counters.dropped_source),
    ]
}

fn errors(stats: &MediaStats) -> [(&'static str, u64); 3] {
    let sockets = &stats.sockets;
    [
        ("send_queue_full", sockets.send_queue_full),
        ("send", sockets.send_errors),
        ("receive", sockets.receive_errors),
    ]
}

fn sizes(stats: &MediaStats) -> [Line<'static, u64>; 8] {
    let MediaStats {
        sizes,
        notices,
        decisions_bytes,
        recording,
        counters: _,
        sockets: _,
        lateness: _,
    } = *stats;
    let Sizes {
        participants,
        rooms,
        addresses,
        timers,
        outputs,
        names: _,
        doomed: _,
        spare: _,
    } = sizes;
    [
        ("tsuji_participants", "People in rooms", participants as u64),
        (
            "tsuji_active_rooms",
            "Rooms with somebody in them",
            rooms as u64,
        ),
        (
            "tsuji_media_addresses",
            "Addresses that people's media comes from",
            addresses as u64,
        ),
        (
            "tsuji_sfu_timers",
            "People that the SFU waits for",
            timers as u64,
        ),
        (
            "tsuji_sfu_outputs",
            "Outputs that wait in the SFU",
            outputs as u64,
        ),
        (
            "tsuji_notices_waiting",
            "What the media side has to tell the front",
            notices as u64,
        ),
        (
            "tsuji_decisions_bytes",
            "Memory of the decisions of the last minutes",
            decisions_bytes as u64,
        ),
        (
            "tsuji_recording",
            "1 while a recording is written",
            u64::from(recording.is_some()),
        ),
    ]
}
