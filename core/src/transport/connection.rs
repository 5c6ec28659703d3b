//! A participant's `Rtc`: datagrams, time and packets in, and what comes of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use str0m::bwe::Bitrate;
use str0m::media::{KeyframeRequestKind, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite, VideoOrientation, Vp8Patch};
use str0m::{IceCreds, Input, Rtc, RtcConfig};

use tsuji_hermetic::{Feedback, Seam};

use super::arrivals::Watched;
use super::calm::Calm;
use super::capture::Capture;
use super::codecs;
use super::convert::{Rewritten, rewrite};
use super::environment::Environment;
use super::estimate::{self, Estimate};
use super::fault::Fault;
use super::negotiation::PendingOffer;
use super::numbers::Numbers;
use super::outgoing::Outgoing;
use super::pulse::Pulse;
use super::red;
use super::route::Route;
use super::sources::{Arrival, Sources, is_rtp};
use super::{
    Credentials, Effects, Event, Line, MediaPacket, Orientation, OutgoingPacket, Pace, SendLine,
    is_stun, is_success_on, nominates,
};
use crate::codec::Codec;
use crate::ids::Layer;
use crate::input::Datagram;
use crate::limits::ADDRESSES_CHECKED;
use crate::path::{Path, Transport};
use crate::time::Time;

/// One participant's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) seam: Seam,
    /// Our own.
    pub(super) credentials: Credentials,
    pub(super) pending: Option<PendingOffer>,
    pub(super) sources: Sources,
    pub(super) outgoing: Outgoing,
    pub(super) numbers: Numbers,
    pub(super) feedback: Feedback,
    pub(super) capture: Capture,
    pub(super) estimate: Estimate,
    /// What came of pictures to the peer.
    pub(super) arrivals: Watched,
    /// The paths on which a check was answered. The ICE agent remembers each.
    paths: BTreeSet<Path>,
    pub(super) route: Route,
    /// The newest time that str0m was shown.
    pub(super) shown: Instant,
    pub(super) pulse: Pulse,
    pub(super) calm: Calm,
    /// What is to be found out of the path.
    pub(super) pace: Pace,
    pub(super) deadline: Option<Time>,
    /// Packets that wait for [`Connection::timeout`].
    pub(super) written: usize,
    /// Of the peer, since ICE was last restarted: str0m forgets those before.
    pub(super) remote_candidates: usize,
}

/// How often each stream of pictures is reported on. 2.5 s: RFC 3550, 6.2 asks for 5 s on average, and
/// str0m reports on streams too that carry nothing, as most slots do.
const REPORTS: Duration = Duration::from_millis(2_500);

/// Packets that leave together at most. 8: all of a frame at 1.5 Mbit/s; str0m keeps the memory
/// of its longest queue.
const TOGETHER: usize = 8;

/// What a path is believed to carry until it has shown more, bits a second. 500 kbit/s: sound, and a
/// small picture of each of a few people; probes find out within half a second.
const FIRST_ESTIMATE: u64 = 500_000;

impl Connection {
    pub(crate) fn new(
        t: Time,
        environment: &Environment,
        credentials: &Credentials,
        rng: &mut ChaCha20Rng,
    ) -> Result<Self, Fault> {
        let start = environment.instant(t);
        let estimates = environment.estimate_bandwidth;
        let config = RtcConfig::new()
            .set_dtls_cert(environment.certificate.to_str0m())
            .set_local_ice_credentials(IceCreds {
                ufrag: credentials.ufrag.clone(),
                pass: credentials.password.clone(),
            })
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_rtcp_report_interval_video(REPORTS)
            .enable_bwe(estimates.then_some(Bitrate::bps(FIRST_ESTIMATE)))
            .set_stats_interval(estimates.then_some(estimate::INTERVAL));
        let config = codecs::offer(config, environment.video_codec);
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let build = |provider| {
            let mut rtc = config.set_crypto_provider(provider).build(start);
            // str0m keeps all transport-wide numbers until it has told of them.
            rtc.direct_api().enable_twcc_feedback();
            rtc
        };
        Ok(Self {
            seam: Seam::new(seed, build)?,
            credentials: credentials.clone(),
            pending: None,
            sources: Sources::default(),
            outgoing: Outgoing::default(),
            numbers: Numbers::default(),
            feedback: Feedback::default(),
            capture: Capture::default(),
            estimate: Estimate::default(),
            arrivals: Watched::default(),
            paths: BTreeSet::new(),
            route: Route::default(),
            shown: start,
            pulse: Pulse::new(t),
            calm: Calm::default(),
            pace: Pace::default(),
            deadline: Some(t),
            written: 0,
            remote_candidates: 0,
        })
    }

    /// When [`Connection::timeout`] is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Our own username fragment: that of the last ICE restart that the peer has agreed to.
    pub(crate) fn ufrag(&self) -> &str {
        &self.credentials.ufrag
    }

    /// A path is no more.
    pub(crate) fn closed(&mut self, path: &Path) {
        self.route.closed(path);
    }

    /// Takes a datagram. What is not for this connection, or not readable, does nothing.
    pub(crate) fn receive(
        &mut self,
        t: Time,
        environment: &Environment,
        Datagram { path, payload }: Datagram<'_>,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        let now = self.now(t, environment);
        let Some(destination) = environment.advertised(&path) else {
            return Ok(());
        };
        let protocol = match path.transport {
            Transport::Udp => Protocol::Udp,
            Transport::Tcp => Protocol::Tcp,
        };
        let is_new_check = is_stun(payload) && !self.paths.contains(&path);
        if is_new_check && self.paths.len() == ADDRESSES_CHECKED {
            effects.refused_address = true;
            return Ok(());
        }
        if self.pulse.rests() && is_transport_wide_feedback(payload) {
            return Ok(());
        }
        let is_rtp = is_rtp(payload);
        if is_rtp && !self.numbers.admit(t, payload) {
            effects.refused_source = true;
            return Ok(());
        }
        let sources = &mut self.sources;
        let arrival = match sources.is_harmless(payload) {
            true => Arrival::Harmless,
            false => self.seam.call(|rtc| sources.arrival(rtc, payload))?,
        };
        if matches!(arrival, Arrival::Refused) {
            effects.refused_source = true;
            return Ok(());
        }
        let opened = tsuji_hermetic::opened();
        let seam = &mut self.seam;
        let show = || {
            seam.call(|rtc| {
                let Ok(receive) = Receive::new(protocol, path.remote, destination, payload) else {
                    return;
                };
                // Anybody who knows the peer's address can forge a broken DTLS record. An error
                // here must not end the connection; a handshake that really broke runs into its
                // time-out.
                if let Err(error) = rtc.handle_input(Input::Receive(now, receive)) {
                    tracing::debug!(%error, "datagram refused");
                }
            })
        };
        let Some(shown) = self.feedback.receive(payload, show) else {
            return Ok(());
        };
        shown?;
        for feedback in self.feedback.told() {
            self.arrivals.seen.told(t, feedback);
        }
        let authentic = tsuji_hermetic::opened() != opened;
        if is_rtp && authentic {
            self.numbers.shown(t, payload);
            self.pulse.heard(t);
        }
        let (events, transmits) = (effects.events.len(), effects.transmits.len());
        self.drain(t, environment, effects)?;
        let mut sent = effects.transmits.iter().skip(transmits);
        let answered = is_stun(payload) && sent.any(|transmit| is_success_on(transmit, &path));
        if is_new_check && answered {
            self.paths.insert(path);
        }
        let moved = if answered {
            self.route.checked(t, path, nominates(payload))
        } else if authentic && self.paths.contains(&path) {
            self.route.media(t, path)
        } else {
            false
        };
        if moved {
            self.pulse.woken(t);
            effects.events.push(Event::Moved);
        }
        if let Arrival::Unknown(ssrc, streams) = arrival {
            let is_packet = |event: &Event| matches!(event, Event::Packet(_));
            // Only of an authentic packet does str0m tell.
            if !effects.events.iter().skip(events).any(is_packet) {
                self.seam
                    .call(|rtc| Sources::restore(rtc, ssrc, &streams))?;
            }
        }
        Ok(())
    }

    /// Does what time demands.
    pub(crate) fn timeout(
        &mut self,
        t: Time,
        environment: &Environment,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        self.take(t, environment, effects, true)
    }

    /// Has a packet sent to the peer: at the next [`Connection::timeout`], which is due at once. What is
    /// written until then goes together, as a frame of several packets should.
    pub(crate) fn write(
        &mut self,
        t: Time,
        environment: &Environment,
        to: SendLine,
        packet: &OutgoingPacket<'_>,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        let source = packet.source;
        // Sender reports to the viewer say so (RFC 3550, 6.4.1).
        let captured = environment.instant(t - source.age);
        let Some((codec, payload, patch)) = written(to, packet) else {
            return Ok(());
        };
        let Some(payload_type) = to.payload_type(codec) else {
            return Ok(());
        };
        let extensions = ExtensionValues {
            audio_level: source.extensions.audio_level.map(|(level, _)| level),
            voice_activity: source.extensions.audio_level.map(|(_, voice)| voice),
            video_orientation: source
                .extensions
                .orientation
                .map(|Orientation(bits)| VideoOrientation::from(bits)),
            ..ExtensionValues::default()
        };
        let mut write = RtpWrite::new(
            payload_type,
            packet.sequence.into(),
            packet.timestamp,
            captured,
            payload,
        )
        .marker(source.marker)
        .ext_vals(extensions)
        .nackable(to.nackable);
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        let (outgoing, arrivals) = (&mut self.outgoing, &mut self.arrivals);
        let part = packet.part.filter(|_| environment.estimate_bandwidth);
        self.seam.call(|rtc| {
            outgoing.wake(rtc, to.line);
            if let Some(stream) = rtc.direct_api().stream_tx_by_mid(to.line.0, None) {
                if let Some(part) = part {
                    arrivals.written(to.line, stream, part);
                }
                stream.write_rtp(write);
            }
        })?;
        self.pulse.woken(t);
        self.calm.wrote(packet.sequence);
        self.written += 1;
        if self.written >= TOGETHER {
            return self.timeout(t, environment, effects);
        }
        self.deadline = Some(t);
        Ok(())
    }

    /// Says what would be sent if the path carried it, bits a second, so that this is found out; up to
    /// `least`, what is missing is filled with padding.
    pub(crate) fn pace(
        &mut self,
        t: Time,
        environment: &Environment,
        pace: Pace,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        let now = self.now(t, environment);
        self.pace = pace;
        self.pulse.woken(t);
        self.seam.call(|rtc| {
            set_pace(rtc, pace);
            rtc.handle_input(Input::Timeout(now))
        })??;
        self.drain(t, environment, effects)
    }

    /// Asks the peer for keyframes of these layers on a line on which it sends video.
    pub(crate) fn request_keyframe(
        &mut self,
        t: Time,
        environment: &Environment,
        line: Line,
        layers: &[Layer],
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        let now = self.now(t, environment);
        self.seam.call(|rtc| {
            let mut direct = rtc.direct_api();
            for layer in layers {
                let rid = Rid::from(layer.rid());
                // Where there is one encoding only, it has no identifier.
                let is_known = direct.stream_rx_by_mid(line.0, Some(rid)).is_some();
                let rid = is_known.then_some(rid);
                if let Some(stream) = direct.stream_rx_by_mid(line.0, rid) {
                    stream.request_keyframe(KeyframeRequestKind::Pli);
                }
            }
            rtc.handle_input(Input::Timeout(now))
        })??;
        self.drain(t, environment, effects)
    }

    /// What str0m is told that it is: between two packets that leave together it saw a moment pass.
    pub(super) fn now(&self, t: Time, environment: &Environment) -> Instant {
        environment.instant(t).max(self.shown)
    }

    /// Says goodbye to the peer (RTCP BYE, DTLS close_notify).
    pub(crate) fn close(
        &mut self,
        t: Time,
        environment: &Environment,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        self.seam.call(Rtc::close)??;
        self.drain(t, environment, effects)
    }

    /// What a bug inside str0m does.
    #[cfg(test)]
    pub(crate) fn panic(&mut self) -> Result<(), Fault> {
        Ok(self.seam.call(|_| panic!("on purpose"))?)
    }
}

/// Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1), with or without
/// padding. It travels alone.
fn is_transport_wide_feedback(datagram: &[u8]) -> bool {
    matches!(datagram, [flags, 205, ..] if flags & 0xdf == 0x80 | 15)
}

pub(super) fn set_pace(rtc: &mut Rtc, Pace { least, desired }: Pace) {
    rtc.bwe()
        .set_bitrate(Bitrate::bps(least), Bitrate::bps(desired));
}

/// What a packet becomes for a viewer: as what, and with what for str0m to change in it.
fn written(
    to: SendLine,
    packet: &OutgoingPacket<'_>,
) -> Option<(Codec, Arc<[u8]>, Option<Vp8Patch>)> {
    let MediaPacket { codec, payload, .. } = packet.source;
    if *codec == Codec::Red {
        let (codec, payload) = red::sound(&to, payload, packet.plain)?;
        return Some((codec, payload, None));
    }
    let rewritten = packet.patch.map(|patch| rewrite(*codec, payload, patch));
    Some(match rewritten.unwrap_or(Rewritten::Same) {
        Rewritten::Same => (*codec, payload.clone(), None),
        Rewritten::Patch(patch) => (*codec, payload.clone(), Some(patch)),
        Rewritten::Other(payload) => (*codec, payload, None),
    })
}
