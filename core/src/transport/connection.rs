//! A participant's `Rtc`: datagrams, time and packets in, and what comes of them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use str0m::net::{Protocol, Receive};
use str0m::{IceCreds, Input, Rtc, RtcConfig};

use tsuji_hermetic::Seam;

use super::capture::Capture;
use super::codecs;
use super::environment::Environment;
use super::fault::Fault;
use super::negotiation::PendingOffer;
use super::receiver::{Received, Receiver};
use super::red;
use super::route::Route;
use super::sender::{Sender, Written, is_rtcp};
use super::{
    Credentials, Effects, Event, Line, Outgoing, OutgoingPacket, Pace, SendLine, is_stun,
    is_success_on, nominates,
};
use crate::codec::Codec;
use crate::ids::Layer;
use crate::input::Datagram;
use crate::limits::ADDRESSES_CHECKED;
use crate::path::{Path, Transport};
use crate::time::{Time, earliest};

/// How often str0m would wake up to report on streams of which it sees nothing: a day.
const NEVER: Duration = Duration::from_secs(24 * 3_600);

/// One participant's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) seam: Seam,
    /// Our own.
    pub(super) credentials: Credentials,
    pub(super) pending: Option<PendingOffer>,
    /// All that comes as media.
    pub(super) receiver: Receiver,
    /// All that is sent as media, and RTCP.
    pub(super) sender: Sender,
    capture: Capture,
    /// The paths on which a check was answered. The ICE agent remembers each.
    paths: BTreeSet<Path>,
    pub(super) route: Route,
    /// When str0m wants time.
    pub(super) due: Option<Time>,
    /// When the sender or the receiver does.
    media_due: Option<Time>,
    /// Of the peer, since ICE was last restarted: str0m forgets those before.
    pub(super) remote_candidates: usize,
}

impl Connection {
    pub(crate) fn new(
        t: Time,
        environment: &Environment,
        credentials: &Credentials,
        rng: &mut ChaCha20Rng,
    ) -> Result<Self, Fault> {
        let start = environment.instant(t);
        let config = RtcConfig::new()
            .set_dtls_cert(environment.certificate.to_str0m())
            .set_local_ice_credentials(IceCreds {
                ufrag: credentials.ufrag.clone(),
                pass: credentials.password.clone(),
            })
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_rtcp_report_interval_audio(NEVER)
            .set_rtcp_report_interval_video(NEVER);
        let config = codecs::offer(config, environment.video_codec);
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let build = |provider| config.set_crypto_provider(provider).build(start);
        Ok(Self {
            seam: Seam::new(seed, build)?,
            credentials: credentials.clone(),
            pending: None,
            receiver: Receiver::new(rng.next_u32()),
            sender: Sender::new(environment.epoch, environment.estimate_bandwidth),
            capture: Capture::default(),
            paths: BTreeSet::new(),
            route: Route::default(),
            due: Some(t),
            media_due: None,
            remote_candidates: 0,
        })
    }

    /// When [`Connection::timeout`] is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        earliest([self.due, self.media_due])
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
        if is_rtcp(payload) {
            self.receive_report(t, path, payload, effects);
            return Ok(());
        }
        if is_rtp(payload) {
            self.receive_media(t, path, payload, effects);
            return Ok(());
        }
        let Some(destination) = environment.advertised(&path) else {
            return Ok(());
        };
        let is_new_check = is_stun(payload) && !self.paths.contains(&path);
        if is_new_check && self.paths.len() == ADDRESSES_CHECKED {
            effects.refused_address = true;
            return Ok(());
        }
        self.show(t, environment, destination, Datagram { path, payload })?;
        let transmits = effects.transmits.len();
        self.drain(t, environment, effects)?;
        let mut sent = effects.transmits.iter().skip(transmits);
        let answered = is_stun(payload) && sent.any(|transmit| is_success_on(transmit, &path));
        if is_new_check && answered {
            self.paths.insert(path);
        }
        let moved = answered && {
            // A nomination may have changed what the ICE agent has chosen.
            if self.route.present() != Some(path) {
                self.ask_for_route(t, environment)?;
            }
            self.route.checked(t, path, nominates(payload))
        };
        self.settle(t, moved, effects);
        Ok(())
    }

    /// Takes SRTP.
    fn receive_media(&mut self, t: Time, path: Path, datagram: &[u8], effects: &mut Effects) {
        let Some(keys) = self.sender.keys() else {
            return;
        };
        let capture = &mut self.capture;
        match self.receiver.receive(t, keys, capture, datagram) {
            Received::Nothing => return,
            Received::Refused => {
                effects.refused_source = true;
                return;
            }
            Received::Authentic(packet) => effects.events.extend(packet.map(Event::Packet)),
        }
        let moved = self.paths.contains(&path) && self.route.media(t, path);
        self.settle(t, moved, effects);
    }

    /// Takes SRTCP.
    fn receive_report(&mut self, t: Time, path: Path, datagram: &[u8], effects: &mut Effects) {
        let Some(heard) = self.sender.hear(t, self.route.present(), datagram) else {
            return;
        };
        for report in heard.reports {
            self.receiver.heard(t, &mut self.capture, report);
        }
        let stuck = heard.stuck.into_iter().map(Event::KeyframeRequest);
        effects.events.extend(stuck);
        let moved = self.paths.contains(&path) && self.route.media(t, path);
        self.settle(t, moved, effects);
    }

    /// Shows a datagram to str0m, which came to what its candidate says.
    fn show(
        &mut self,
        t: Time,
        environment: &Environment,
        destination: SocketAddr,
        Datagram { path, payload }: Datagram<'_>,
    ) -> Result<(), Fault> {
        let now = environment.instant(t);
        let protocol = match path.transport {
            Transport::Udp => Protocol::Udp,
            Transport::Tcp => Protocol::Tcp,
        };
        self.seam.call(|rtc| {
            let Ok(receive) = Receive::new(protocol, path.remote, destination, payload) else {
                return;
            };
            // Anybody who knows the peer's address can forge a broken DTLS record. An error
            // here must not end the connection; a handshake that really broke runs into its
            // time-out.
            if let Err(error) = rtc.handle_input(Input::Receive(now, receive)) {
                tracing::debug!(%error, "datagram refused");
            }
        })?;
        Ok(())
    }

    /// Ends what was done at `t`: hands out what was written, says what is known of the path, and when there is
    /// more to do.
    pub(super) fn settle(&mut self, t: Time, moved: bool, effects: &mut Effects) {
        let path = self.route.present();
        for compound in self.receiver.compounds() {
            if let Some(path) = path {
                self.sender.report(path, compound);
            }
        }
        effects.transmits.extend(self.sender.flush(t, path));
        if moved {
            self.sender.moved(t);
            effects.events.push(Event::Moved);
        }
        let news = self.sender.news().map(Event::Estimate);
        effects.events.extend(news);
        self.find_due(t);
    }

    fn find_due(&mut self, t: Time) {
        self.media_due = earliest([self.sender.deadline(t), self.receiver.deadline()]);
    }

    /// Does what time demands.
    pub(crate) fn timeout(
        &mut self,
        t: Time,
        environment: &Environment,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        if self.due.is_some_and(|due| due <= t) {
            self.take(t, environment, effects, true)?;
        }
        self.sender.estimate_due(t, self.route.present());
        self.receiver.timeout(t);
        self.settle(t, false, effects);
        Ok(())
    }

    /// Sends packets to the peer, together.
    pub(crate) fn write(
        &mut self,
        t: Time,
        to: SendLine,
        outgoing: Outgoing<'_>,
        effects: &mut Effects,
    ) {
        let Some(path) = self.route.present() else {
            return;
        };
        let bytes = outgoing.packets().map(|packet| packet.source.payload.len());
        let spent = effects.spent.take();
        self.sender
            .expect(outgoing.passed.len(), bytes.sum(), spent);
        for packet in outgoing.packets() {
            self.write_one(t, path, &to, &packet);
        }
        effects.transmits.extend(self.sender.flush(t, Some(path)));
        effects.spent = self.sender.unused();
        self.find_due(t);
    }

    fn write_one(&mut self, t: Time, path: Path, to: &SendLine, packet: &OutgoingPacket<'_>) {
        let source = packet.source;
        let red;
        let (codec, payload) = match source.codec {
            Codec::Red => match red::sound(to, &source.payload, packet.plain) {
                Some((codec, payload)) => {
                    red = payload;
                    (codec, &red)
                }
                None => return,
            },
            codec => (codec, &source.payload),
        };
        let Some(payload_type) = to.payload_type(codec) else {
            return;
        };
        let written = Written {
            line: to.line,
            payload_type: *payload_type,
            codec,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            // Sender reports to the viewer say so (RFC 3550, 6.4.1).
            captured: t - source.age,
            marker: source.marker,
            extensions: source.extensions,
            payload,
            patch: packet.patch,
            part: packet.part,
        };
        self.sender.write(t, path, written);
    }

    /// Says what would be sent if the path carried it, bits a second, so that this is found out; up to
    /// `least`, what is missing is filled with padding.
    pub(crate) fn pace(&mut self, t: Time, pace: Pace) {
        self.sender.pace(t, pace);
        self.find_due(t);
    }

    /// Asks the peer for keyframes of these layers on a line on which it sends video.
    pub(crate) fn request_keyframe(
        &mut self,
        t: Time,
        line: Line,
        layers: &[Layer],
        effects: &mut Effects,
    ) {
        for layer in layers {
            self.receiver.ask(line, *layer);
        }
        self.settle(t, false, effects);
    }

    /// Says goodbye to the peer (RTCP BYE, DTLS close_notify).
    pub(crate) fn close(
        &mut self,
        t: Time,
        environment: &Environment,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        if let Some(path) = self.route.present() {
            self.sender.close(path);
            effects.transmits.extend(self.sender.flush(t, None));
        }
        self.seam.call(Rtc::close)??;
        self.drain(t, environment, effects)
    }

    /// What a bug inside str0m does.
    #[cfg(test)]
    pub(crate) fn panic(&mut self) -> Result<(), Fault> {
        Ok(self.seam.call(|_| panic!("on purpose"))?)
    }
}

/// Whether a datagram is to be taken for RTP, if it is not RTCP (RFC 7983, 7).
fn is_rtp(datagram: &[u8]) -> bool {
    datagram
        .first()
        .is_some_and(|first| (128..192).contains(first))
}
