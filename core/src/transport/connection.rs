//! A participant's `Rtc`, from its first offer to its end.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};
use str0m::change::{SdpAnswer, SdpApi, SdpPendingOffer};
use str0m::error::IceError;
use str0m::format::Codec;
use str0m::media::{
    Direction, KeyframeRequestKind, MediaKind as RtcMediaKind, Rid, Simulcast, SimulcastLayer,
};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, VideoOrientation, Vp8Descriptor};
use str0m::{Candidate, IceConnectionState, IceCreds, Input, Output, Rtc, RtcConfig, RtcError};

use tsuji_hermetic::{Clock, Feedback, Panicked, Seam};

use super::extension;
use super::numbers::Numbers;
use super::route::Route;
use super::sources::{Arrival, Place, Sources, is_rtp};
use super::{
    Certificate, Credentials, Effects, Event, Extensions, Line, MediaPacket, Orientation,
    OutgoingPacket, SendLine, is_stun, is_success_on, nominates, words,
};
use crate::forward::VideoPatch;
use crate::ids::{Layer, MediaKind};
use crate::input::{Datagram, IceMode};
use crate::limits::{ADDRESSES_CHECKED, Limits, LocalAddress};
use crate::output::{CommandError, Transmit};
use crate::path::{Path, Transport};
use crate::time::{Time, WallTime};

/// What all connections of an [`Sfu`](crate::Sfu) share.
#[derive(Debug)]
pub(crate) struct Environment {
    /// str0m wants `Instant`s. This one stands for `t = 0`.
    base: Instant,
    hermetic: bool,
    certificate: Certificate,
    addresses: Vec<LocalAddress>,
}

impl Environment {
    pub(crate) fn new(
        certificate: Certificate,
        addresses: Vec<LocalAddress>,
        epoch: WallTime,
    ) -> Self {
        let clock = Clock::prepare();
        Self {
            base: clock.instant(Duration::from_micros(epoch.as_unix_micros())),
            hermetic: clock.is_hermetic(),
            certificate,
            addresses,
        }
    }

    /// Whether outputs depend on inputs alone.
    pub(crate) fn is_hermetic(&self) -> bool {
        self.hermetic
    }

    fn instant(&self, t: Time) -> Instant {
        self.base + Duration::from_micros(t.as_micros())
    }

    /// Rounded up: a timer that fires early would fire again at once.
    fn time(&self, instant: Instant) -> Time {
        let nanos = instant.saturating_duration_since(self.base).as_nanos();
        Time::from_micros(u64::try_from(nanos.div_ceil(1_000)).unwrap_or(u64::MAX))
    }

    /// str0m knows our end of a path by the address that its candidate says. A socket that takes
    /// both has candidates of IPv4 and of IPv6.
    fn advertised(&self, path: &Path) -> Option<SocketAddr> {
        let found = self.addresses.iter().find(|address| {
            (address.transport, address.socket) == (path.transport, path.local)
                && address.advertised.is_ipv4() == path.remote.is_ipv4()
        })?;
        Some(found.advertised)
    }

    fn path(&self, transmit: &str0m::net::Transmit) -> Option<Path> {
        let transport = match transmit.proto {
            Protocol::Udp => Transport::Udp,
            Protocol::Tcp => Transport::Tcp,
            Protocol::SslTcp | Protocol::Tls => return None,
        };
        let found = self.addresses.iter().find(|address| {
            (address.transport, address.advertised) == (transport, transmit.source)
        })?;
        Some(Path {
            transport,
            local: found.socket,
            remote: transmit.destination,
        })
    }
}

/// Why a connection can't go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("str0m panicked")]
    Panicked,
    #[error("the handshake failed: {0}")]
    Handshake(String),
    #[error("str0m: {0}")]
    Rtc(RtcError),
    #[error("the answer does not fit its offer: {0}")]
    BadAnswer(String),
    #[error("an offer without changes")]
    NothingToOffer,
    /// In a replay of decisions: it could not go on then, for a reason that was not recorded.
    #[error("it failed when it was recorded")]
    Recorded,
}

impl From<RtcError> for Fault {
    /// A handshake fails by what the peer does, or whoever stands between: nothing protects it. Nor
    /// does a certificate have to be the one that the answer announced.
    fn from(error: RtcError) -> Self {
        match error {
            RtcError::Dtls(_) | RtcError::RemoteSdp(_) => Fault::Handshake(error.to_string()),
            error => Fault::Rtc(error),
        }
    }
}

impl From<Panicked> for Fault {
    fn from(Panicked: Panicked) -> Self {
        Fault::Panicked
    }
}

/// An offer, ready to be sent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Description {
    /// Holds an ICE password, so no trace of decisions has it.
    #[serde(skip)]
    pub(crate) sdp: String,
    /// The pairs of audio and video m-lines that it adds, in order.
    pub(crate) slots: Vec<(Line, Line)>,
}

/// The outcome of an answer that did not end the connection.
pub(crate) type AnswerResult = Result<(), CommandError>;

/// One participant's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    seam: Seam,
    /// Our own.
    credentials: Credentials,
    pending: Option<PendingOffer>,
    sources: Sources,
    numbers: Numbers,
    feedback: Feedback,
    /// The paths on which a check was answered. The ICE agent remembers each.
    paths: BTreeSet<Path>,
    route: Route,
    deadline: Option<Time>,
    remote_candidates: usize,
}

struct PendingOffer {
    offer: SdpPendingOffer,
    restart: Option<Restart>,
}

/// The credentials of an ICE restart.
struct Restart {
    /// As str0m made them: not from a generator that is good enough, and without a name in front.
    made: IceCreds,
    /// What stands in their place.
    ours: Credentials,
}

impl std::fmt::Debug for PendingOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PendingOffer")
    }
}

/// How often str0m may ask for the same moment again before it is made to wait a millisecond.
const MAX_ROUNDS: usize = 64;

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
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true);
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
            numbers: Numbers::default(),
            feedback: Feedback::default(),
            paths: BTreeSet::new(),
            route: Route::default(),
            deadline: Some(t),
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

    /// Adds the server's candidates; gives their attribute lines.
    pub(crate) fn add_local_candidates(
        &mut self,
        environment: &Environment,
    ) -> Result<Vec<String>, Fault> {
        let addresses = &environment.addresses;
        let lines = self.seam.call(|rtc| {
            let mut lines = Vec::with_capacity(addresses.len());
            for address in addresses {
                let candidate = candidate(address).map_err(RtcError::Ice)?;
                lines.extend(
                    rtc.add_local_candidate(candidate)
                        .map(Candidate::to_sdp_string),
                );
            }
            Ok::<_, RtcError>(lines)
        })??;
        Ok(lines)
    }

    /// The first offer: the lines on which the participant sends (audio, video), and `slots` pairs
    /// on which it receives.
    pub(crate) fn first_offer(
        &mut self,
        slots: usize,
        ice: IceMode,
    ) -> Result<(Description, (Line, Line)), Fault> {
        let (description, publish) = self.offer(0, slots, ice, None, |changes| {
            let mut add = |kind, simulcast| {
                Line(changes.add_media(kind, Direction::RecvOnly, None, None, simulcast))
            };
            (
                add(RtcMediaKind::Audio, None),
                add(RtcMediaKind::Video, Some(all_layers())),
            )
        })?;
        self.sources.publish(publish.into());
        Ok((description, publish))
    }

    /// A later offer: `slots` more pairs after the first `existing`. `restart`: with these it
    /// restarts ICE (RFC 8839, 4.4.1.1.1).
    pub(crate) fn further_offer(
        &mut self,
        existing: usize,
        slots: usize,
        ice: IceMode,
        restart: Option<Credentials>,
    ) -> Result<Description, Fault> {
        let (description, ()) = self.offer(existing, slots, ice, restart, |_| ())?;
        Ok(description)
    }

    fn offer<P>(
        &mut self,
        existing: usize,
        slots: usize,
        ice: IceMode,
        restart: Option<Credentials>,
        publish: impl FnOnce(&mut SdpApi<'_>) -> P,
    ) -> Result<(Description, P), Fault> {
        let present = &self.credentials;
        let (description, pending, publish) = self
            .seam
            .call(|rtc| {
                let mut changes = rtc.sdp_api();
                let publish = publish(&mut changes);
                let slots = (existing..existing + slots)
                    .map(|number| add_slot(&mut changes, number))
                    .collect();
                let restart = restart.map(|ours| Restart {
                    made: changes.ice_restart(true),
                    ours,
                });
                let (offer, offered) = changes.apply()?;
                let mut sdp = offer.to_sdp_string();
                if let Some(Restart { made, ours }) = &restart {
                    sdp = with_credentials(&sdp, made, present, ours);
                }
                let pending = PendingOffer {
                    offer: offered,
                    restart,
                };
                let sdp = match ice {
                    IceMode::Trickle => sdp,
                    IceMode::Vanilla => complete(&sdp),
                };
                Some((Description { sdp, slots }, pending, publish))
            })?
            .ok_or(Fault::NothingToOffer)?;
        self.pending = Some(pending);
        Ok((description, publish))
    }

    /// Takes the answer to the open offer. A description that can't be read leaves the offer open;
    /// one that contradicts it is a fault, because str0m has by then taken parts of it over.
    pub(crate) fn answer(&mut self, sdp: &str, limits: &Limits) -> Result<AnswerResult, Fault> {
        if let Err(error) = within_limits(sdp, limits) {
            return Ok(Err(error));
        }
        let parsed = self
            .seam
            .call_isolated(|_| SdpAnswer::from_sdp_string(sdp))?;
        let answer = match parsed {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(CommandError::BadDescription(words::about(sdp, &error)))),
        };
        if !extension::keeps_its_id(&answer.to_sdp_string()) {
            let error = "a=extmap: another number for the extension than in the offer".to_owned();
            return Ok(Err(CommandError::BadDescription(error)));
        }
        let Some(PendingOffer { offer, restart }) = self.pending.take() else {
            return Ok(Err(CommandError::UnexpectedAnswer));
        };
        self.seam
            .call_isolated(|rtc| rtc.sdp_api().accept_answer(offer, answer))?
            .map_err(|error| Fault::BadAnswer(error.to_string()))?;
        if let Some(restart) = restart {
            self.restart(restart)?;
        }
        Ok(Ok(()))
    }

    /// The peer has answered an offer with new credentials. If its own are as they were, it restarts
    /// nothing, and neither does str0m.
    fn restart(&mut self, Restart { made, ours }: Restart) -> Result<(), Fault> {
        let credentials = IceCreds {
            ufrag: ours.ufrag.clone(),
            pass: ours.password.clone(),
        };
        let restarted = self.seam.call(|rtc| {
            let mut direct = rtc.direct_api();
            let restarted = direct.local_ice_credentials() == made;
            if restarted {
                direct.set_local_ice_credentials(credentials);
            }
            restarted
        })?;
        if restarted {
            self.credentials = ours;
            self.route.restarted();
        }
        Ok(())
    }

    /// What to send on a slot's line; `None` when the peer refused it.
    pub(crate) fn send_line(
        &mut self,
        line: Line,
        kind: MediaKind,
    ) -> Result<Option<SendLine>, Fault> {
        let codec = match kind {
            MediaKind::Audio => Codec::Opus,
            MediaKind::Video => Codec::Vp8,
        };
        let payload_type = self.seam.call(|rtc| {
            let media = rtc.media(line.0)?;
            if !media.direction().is_sending() {
                return None;
            }
            let agreed = media.remote_pts();
            rtc.codec_config()
                .iter()
                .find(|params| params.spec().codec == codec && agreed.contains(&params.pt()))
                .map(|params| params.pt())
        })?;
        Ok(payload_type.map(|payload_type| SendLine {
            line,
            payload_type,
            nackable: kind == MediaKind::Video,
        }))
    }

    /// Takes a candidate of the peer: an attribute line of RFC 8839, 5.1.
    pub(crate) fn add_remote_candidate(
        &mut self,
        candidate: &str,
        limits: &Limits,
    ) -> Result<AnswerResult, Fault> {
        if candidate.len() > limits.candidate_bytes {
            let error = format!("longer than {} bytes", limits.candidate_bytes);
            return Ok(Err(CommandError::BadCandidate(error)));
        }
        if candidate.contains(char::is_control) {
            let error = "an attribute is one line".to_owned();
            return Ok(Err(CommandError::BadCandidate(error)));
        }
        if self.remote_candidates == limits.candidates {
            return Ok(Err(CommandError::TooManyCandidates(limits.candidates)));
        }
        self.remote_candidates += 1;
        if is_mdns(candidate) {
            return Ok(Ok(()));
        }
        let result = self.seam.call(|rtc| {
            Candidate::from_sdp_string(candidate).map(|parsed| rtc.add_remote_candidate(parsed))
        })?;
        Ok(result.map_err(|error| CommandError::BadCandidate(words::about(candidate, &error))))
    }

    /// Takes a datagram. What is not for this connection, or not readable, does nothing.
    pub(crate) fn receive(
        &mut self,
        t: Time,
        environment: &Environment,
        Datagram { path, payload }: Datagram<'_>,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        let now = environment.instant(t);
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
        let is_rtp = is_rtp(payload);
        if is_rtp && !self.numbers.admit(t, payload) {
            effects.refused_source = true;
            return Ok(());
        }
        let sources = &mut self.sources;
        let arrival = self.seam.call(|rtc| sources.arrival(rtc, payload))?;
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
        let authentic = tsuji_hermetic::opened() != opened;
        if is_rtp && authentic {
            self.numbers.shown(t, payload);
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
        let now = environment.instant(t);
        self.seam
            .call(|rtc| rtc.handle_input(Input::Timeout(now)))??;
        self.drain(t, environment, effects)
    }

    /// Sends a packet to the peer.
    pub(crate) fn write(
        &mut self,
        t: Time,
        environment: &Environment,
        to: SendLine,
        packet: &OutgoingPacket<'_>,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        let now = environment.instant(t);
        let source = packet.source;
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
            to.payload_type,
            packet.sequence.into(),
            packet.timestamp,
            now,
            source.payload.clone(),
        )
        .marker(source.marker)
        .ext_vals(extensions)
        .nackable(to.nackable);
        if let Some(patch) = packet
            .patch
            .and_then(|patch| to_str0m(patch, &source.payload))
        {
            write = write.vp8_patch(patch);
        }
        self.seam.call(|rtc| {
            match rtc.direct_api().stream_tx_by_mid(to.line.0, None) {
                Some(stream) => stream.write_rtp(write),
                None => return Ok(()),
            }
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
        let now = environment.instant(t);
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

    /// Takes everything that str0m has to say, until it only waits. Due after every change, or
    /// packets are lost.
    fn drain(
        &mut self,
        t: Time,
        environment: &Environment,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        let now = environment.instant(t);
        let (sources, numbers) = (&mut self.sources, &mut self.numbers);
        let feedback = &mut self.feedback;
        let route = &mut self.route;
        let wake = self.seam.call(|rtc| {
            let mut rounds = 0;
            loop {
                match rtc.poll_output()? {
                    Output::Timeout(at) if at > now => return Ok::<_, RtcError>(Some(at)),
                    Output::Timeout(_) if rounds == MAX_ROUNDS => return Ok(None),
                    Output::Timeout(_) => {
                        rounds += 1;
                        rtc.handle_input(Input::Timeout(now))?;
                    }
                    Output::Transmit(transmit) => {
                        if feedback.is_beginning() && is_rtp(&transmit.contents) {
                            extension::numbers(&transmit.contents)
                                .for_each(|number| feedback.sent(number));
                        }
                        let path = environment.path(&transmit).map(|path| {
                            // Checks are answered where they come from.
                            match is_stun(&transmit.contents) {
                                true => path,
                                false => route.of(t, path),
                            }
                        });
                        effects.transmits.extend(path.map(|path| Transmit {
                            path,
                            payload: transmit.contents.into(),
                        }));
                    }
                    Output::Event(str0m::Event::RtpPacket(packet)) => {
                        if let Some(number) = packet.header.ext_vals.transport_cc {
                            numbers.told_of(number);
                        }
                        let place = sources.place_of(rtc, packet.header.ssrc);
                        let packet = place.map(|place| Event::Packet(media_packet(packet, place)));
                        effects.events.extend(packet);
                    }
                    Output::Event(event) => effects.events.extend(translate(event)),
                }
            }
        })?;
        self.numbers.done_until(t);
        self.deadline = match wake.map_err(Fault::from)? {
            Some(at) => Some(environment.time(at)),
            None => Some(t + Duration::from_millis(1)),
        };
        Ok(())
    }
}

/// An offer of an ICE restart with our credentials in the place of those that str0m made. Its
/// candidates still name the present ones.
fn with_credentials(
    sdp: &str,
    made: &IceCreds,
    present: &Credentials,
    ours: &Credentials,
) -> String {
    sdp.replace(&made.ufrag, &ours.ufrag)
        .replace(&made.pass, &ours.password)
        .replace(&present.ufrag, &ours.ufrag)
}

/// TCP has a lower type preference than UDP, so that it is what is left when UDP does not work.
fn candidate(address: &LocalAddress) -> Result<Candidate, IceError> {
    let candidate = Candidate::builder();
    match address.transport {
        Transport::Udp => candidate.udp().host(address.advertised).build(),
        Transport::Tcp => {
            let candidate = candidate.tcp().host(address.advertised);
            candidate.tcptype(TcpType::Passive).build()
        }
    }
}

/// What the server takes from a camera: `a=simulcast:recv q;h;f` (RFC 8853).
fn all_layers() -> Simulcast {
    let mut simulcast = Simulcast::new();
    for layer in Layer::ALL {
        simulcast.add_recv_layer(SimulcastLayer::new(layer.rid()));
    }
    simulcast
}

/// One MediaStream for both lines, so that the browser keeps lips and voice together.
fn add_slot(changes: &mut SdpApi<'_>, number: usize) -> (Line, Line) {
    let mut add = |kind, track| {
        let stream = Some(format!("slot-{number}"));
        let track = Some(format!("{track}-{number}"));
        Line(changes.add_media(kind, Direction::SendOnly, stream, track, None))
    };
    (
        add(RtcMediaKind::Audio, "audio"),
        add(RtcMediaKind::Video, "video"),
    )
}

fn translate(event: str0m::Event) -> Option<Event> {
    match event {
        str0m::Event::Connected => Some(Event::Connected),
        str0m::Event::IceConnectionStateChange(state) => match state {
            IceConnectionState::Disconnected => Some(Event::Disconnected),
            IceConnectionState::Connected | IceConnectionState::Completed => {
                Some(Event::Reconnected)
            }
            IceConnectionState::New | IceConnectionState::Checking => None,
        },
        str0m::Event::Closed => Some(Event::Closed),
        str0m::Event::KeyframeRequest(request) => Some(Event::KeyframeRequest(Line(request.mid))),
        _ => None,
    }
}

fn media_packet(packet: RtpPacket, place: Place) -> MediaPacket {
    let values = &packet.header.ext_vals;
    MediaPacket {
        line: place.line,
        layer: place.layer(),
        ssrc: *packet.header.ssrc,
        sequence: *packet.seq_no,
        timestamp: packet.header.timestamp,
        marker: packet.header.marker,
        extensions: Extensions {
            audio_level: values
                .audio_level
                .map(|level| (level, values.voice_activity.unwrap_or(false))),
            orientation: values
                .video_orientation
                .map(|orientation| Orientation(orientation as u8)),
        },
        payload: packet.payload,
    }
}

/// `None` when the descriptor has no such field: then there is nothing to keep continuous.
fn to_str0m(patch: VideoPatch, payload: &[u8]) -> Option<str0m::rtp::Vp8Patch> {
    let mut builder = Vp8Descriptor::parse(payload).ok()?.patch();
    if let Some(id) = patch.picture_id {
        builder = builder.picture_id(id);
    }
    if let Some(index) = patch.tl0_index {
        builder = builder.tl0_pic_idx(index);
    }
    builder.build().ok()
}

/// Makes a description that no candidate message will follow say so: it supports no trickling
/// (RFC 8838, 4.1), and its candidates are all (RFC 8840, 4.2).
fn complete(sdp: &str) -> String {
    let mut complete = String::with_capacity(sdp.len());
    let mut after_candidate = false;
    for line in sdp.split_inclusive('\n') {
        let is_candidate = line.starts_with("a=candidate:");
        if after_candidate && !is_candidate {
            complete.push_str("a=end-of-candidates\r\n");
        }
        after_candidate = is_candidate;
        if line.trim_end() != "a=ice-options:trickle" {
            complete.push_str(line);
        }
    }
    complete
}

/// Hides its address behind a name that only its own network resolves
/// (draft-ietf-mmusic-mdns-ice-candidates). An ICE-lite agent never needs it: the browser's checks
/// bring its real address.
fn is_mdns(candidate: &str) -> bool {
    let address = candidate.split_ascii_whitespace().nth(4);
    address.is_some_and(|address| address.to_ascii_lowercase().ends_with(".local"))
}

/// Checked before parsing, which is slow.
fn within_limits(sdp: &str, limits: &Limits) -> Result<(), CommandError> {
    let too_large = |what: String| Err(CommandError::DescriptionTooLarge(what));
    if sdp.len() > limits.sdp_bytes {
        return too_large(format!("more than {} bytes", limits.sdp_bytes));
    }
    if sdp.lines().count() > limits.sdp_lines {
        return too_large(format!("more than {} lines", limits.sdp_lines));
    }
    if sdp.lines().filter(|line| line.starts_with("m=")).count() > limits.sdp_media {
        return too_large(format!("more than {} m-lines", limits.sdp_media));
    }
    Ok(())
}
