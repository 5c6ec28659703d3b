//! A virtual browser: a str0m client that answers, publishes and watches.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant, UNIX_EPOCH};

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind as Kind, Mid, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tsuji_core::{
    Layer, Media, MediaKind, MediaReceiver, ParticipantId, PublishMids, Slot, Source, Time,
    TrackId, VideoCodec,
};

use crate::decoder::Decoder;
use crate::ear::Ear;
use crate::engine::Engine;
use crate::media::{self, Camera, Microphone, Packet, Place, Stamp};
use crate::network::Arrival;
use crate::reporter::Device;

/// Bytes around each payload: RTP with its extensions, SRTP, UDP and IP.
const AROUND: u64 = 70;

/// The SSRC that reports on what is received past str0m.
const REPORTS: u32 = 0x7473_756a;

/// A media packet that arrived, as the browser's depacketizer would see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// When.
    pub at: Time,
    /// When the server sent it.
    pub sent: Time,
    /// The m-line.
    pub mid: String,
    /// Audio, or else video.
    pub audio: bool,
    /// Its synchronization source.
    pub ssrc: u32,
    /// Extended sequence number.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// The first packet of a keyframe.
    pub keyframe: bool,
    /// The 15-bit picture id of VP8 and VP9.
    pub picture_id: Option<u16>,
    /// Which packet of its camera or microphone it is, from 1.
    pub count: u32,
    /// Who made it.
    pub source: ParticipantId,
    /// When it was made.
    pub made: Time,
    /// The RTP timestamp that it was made with.
    pub made_timestamp: u32,
    /// Which part of which picture it is.
    pub place: Place,
    /// Which encoding it belongs to; of no meaning for audio.
    pub layer: Layer,
    /// Microphone, camera or screen.
    pub of: Source,
}

impl Received {
    /// Which track it belongs to.
    pub fn track(&self) -> TrackId {
        TrackId {
            participant: self.source,
            source: self.of,
        }
    }
}

/// A virtual browser's connection.
#[derive(Debug)]
pub struct Browser {
    engine: Engine,
    codec: VideoCodec,
    /// Its address, as it knows it itself.
    pub address: SocketAddr,
    /// Stamped on what it sends.
    me: ParticipantId,
    deadline: Time,
    /// By source.
    publish: Option<[Mid; Source::ALL.len()]>,
    /// The last number of each stream.
    sequences: BTreeMap<(Source, Layer), u64>,
    /// Sending, once connected.
    pub microphone: Option<Microphone>,
    /// Sending, once connected.
    pub camera: Option<Camera>,
    /// What is shown beside the camera.
    pub screen: Option<Camera>,
    /// What is to be heard of that.
    pub screen_sound: Option<Microphone>,
    /// Whether ICE and DTLS are up.
    pub connected: bool,
    /// Everything that arrived and was not taken out.
    pub received: Vec<Received>,
    /// How the page and its camera fare, for its [`Reporter`](crate::Reporter).
    pub device: Device,
    /// What could be shown, by m-line.
    pub decoders: BTreeMap<String, Decoder>,
    /// What could be heard, by m-line.
    pub ears: BTreeMap<String, Ear>,
    /// PLIs that the server sent it.
    pub keyframe_requests: Vec<Time>,
    /// Offers answered.
    pub offers: u32,
    /// Its slots, as last told.
    pub slots: Vec<Slot>,
    /// It was closed at this end.
    pub closed: bool,
    /// What ended it, which nothing that comes from a network should.
    pub failure: Option<String>,
    /// Packets that no virtual browser made.
    pub foreign: u32,
    /// Sender reports that arrived.
    pub sender_reports: u32,
    /// What the newest of each m-line said: which timestamp belongs to which time since 1970.
    pub clocks: BTreeMap<String, (Duration, u32)>,
    /// How long its pictures are encoded and paced before they are sent.
    pub picture_delay: Duration,
    /// Packets of what it sends that the server misses, by m-line and encoding, as last reported.
    pub reported_lost: BTreeMap<(String, Layer), u64>,
    /// Bytes of media that arrived, with all headers down to IP's.
    pub media_bytes: u64,
    /// What comes is received past str0m, from when there are keys on.
    light: bool,
    receiver: Option<MediaReceiver>,
    /// Where media last came from.
    server: Option<SocketAddr>,
    /// All m-lines.
    mids: Vec<tsuji_core::Mid>,
    /// Datagrams to send.
    pub(crate) outbox: Vec<(SocketAddr, Vec<u8>)>,
}

impl Browser {
    /// A browser at `address`. `base` stands for `t = 0`.
    pub fn new(base: Instant, t: Time, address: SocketAddr) -> Self {
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&address.port().to_be_bytes());
        seed[8..16].copy_from_slice(&t.as_micros().to_be_bytes());
        Self::seeded(base, t, address, seed, VideoCodec::Vp8)
    }

    /// The same; whatever it draws comes from `seed`, and pictures are in this codec.
    pub fn seeded(
        base: Instant,
        t: Time,
        address: SocketAddr,
        seed: [u8; 32],
        codec: VideoCodec,
    ) -> Self {
        let mut engine = Engine::new(base, t, seed, codec);
        let host = Candidate::host(address, "udp").expect("an address of the simulation is valid");
        engine.call(|rtc| rtc.add_local_candidate(host).is_some());
        Self {
            engine,
            address,
            me: ParticipantId(0),
            codec,
            deadline: t,
            publish: None,
            sequences: BTreeMap::from([
                ((Source::Microphone, Layer::Full), 40_000),
                ((Source::Camera, Layer::Quarter), 20_000),
                ((Source::Camera, Layer::Half), 50_000),
                ((Source::Camera, Layer::Full), 65_000),
            ]),
            microphone: None,
            camera: None,
            screen: None,
            screen_sound: None,
            connected: false,
            received: Vec::new(),
            device: Device::default(),
            decoders: BTreeMap::new(),
            ears: BTreeMap::new(),
            keyframe_requests: Vec::new(),
            offers: 0,
            slots: Vec::new(),
            closed: false,
            failure: None,
            foreign: 0,
            sender_reports: 0,
            clocks: BTreeMap::new(),
            picture_delay: Duration::ZERO,
            reported_lost: BTreeMap::new(),
            media_bytes: 0,
            light: false,
            receiver: None,
            server: None,
            mids: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// From now on its media say that they are `me`'s.
    pub fn set_source(&mut self, me: ParticipantId) {
        self.me = me;
    }

    /// When it wants [`Browser::timeout`] next.
    pub fn deadline(&self) -> Time {
        if !self.connected {
            return self.deadline;
        }
        let sounds = [&self.microphone, &self.screen_sound].into_iter().flatten();
        let sounds = sounds.filter_map(Microphone::deadline);
        let pictures = [&self.camera, &self.screen].into_iter().flatten();
        let pictures = pictures.filter_map(Camera::deadline);
        let decoders = self.decoders.values().filter_map(Decoder::deadline);
        let receiver = self.receiver.as_ref().and_then(MediaReceiver::deadline);
        let wants = sounds.chain(pictures).chain(decoders).chain(receiver);
        wants.fold(self.deadline, Time::min)
    }

    /// The m-lines on which it sends, by source.
    pub(crate) fn publish_mids(&self) -> Option<[String; Source::ALL.len()]> {
        Some(self.publish?.map(|mid| mid.to_string()))
    }

    /// These layers of what it publishes are taken.
    pub(crate) fn send_layers(&mut self, source: Source, layers: &[Layer]) {
        let picture = match source {
            Source::Camera => &mut self.camera,
            Source::Screen => &mut self.screen,
            Source::Microphone | Source::ScreenAudio => return,
        };
        if let Some(picture) = picture {
            picture.send_layers(layers);
        }
    }

    /// Shows its screen from now on, or not any more.
    pub(crate) fn present(&mut self, t: Time, screen: bool, audio: bool) {
        let simulcast = self.camera.as_ref().is_some_and(Camera::is_simulcast);
        let codec = self.codec;
        let picture = self
            .screen
            .get_or_insert_with(|| Camera::screen(t, 100, simulcast).with_codec(codec));
        // Another track begins with a keyframe.
        picture.want_keyframe(None);
        picture.paused = !screen;
        picture.wait_until(t);
        let sound = self
            .screen_sound
            .get_or_insert_with(|| Microphone::of_screen(t));
        sound.paused = !audio;
        sound.wait_until(t);
    }

    /// Takes an offer; gives the answer.
    pub fn answer(&mut self, t: Time, sdp: &str, publish: &PublishMids) -> String {
        // Browsers begin the DTLS handshake (RFC 8842, 5.3); str0m would wait for the other side.
        let mut sdp = sdp.replace("a=setup:actpass", "a=setup:passive");
        if !self.camera.as_ref().is_some_and(Camera::is_simulcast) {
            // As who does not know simulcast reads it (RFC 8853, 5.3.2).
            let is_known = |line: &&str| {
                !["a=rid:", "a=simulcast:"]
                    .iter()
                    .any(|a| line.starts_with(a))
            };
            sdp = sdp.split_inclusive('\n').filter(is_known).collect();
        }
        let offer = SdpOffer::from_sdp_string(&sdp).expect("the server's offer can be read");
        let answer: SdpAnswer = self
            .engine
            .negotiate(|rtc| rtc.sdp_api().accept_offer(offer))
            .expect("the server's offer can be answered");
        self.publish = Some(Source::ALL.map(|source| Mid::from(publish.of(source).0.as_str())));
        self.offers += 1;
        let mids = sdp
            .lines()
            .filter_map(|line| line.trim_end().strip_prefix("a=mid:"));
        self.mids = mids.map(|mid| tsuji_core::Mid(mid.to_owned())).collect();
        self.know_lines();
        self.timeout(t);
        answer.to_sdp_string()
    }

    /// Receives media past str0m from now on, and neither decodes nor hears it: for who has many browsers on one
    /// machine.
    pub fn receive_lightly(&mut self) {
        self.light = true;
    }

    fn know_lines(&mut self) {
        if let Some(receiver) = &mut self.receiver {
            let mids = &self.mids;
            self.engine.call(|rtc| receiver.negotiated(rtc, mids));
        }
    }

    /// Has no streams to send on, until the next answer. str0m reports as a sender on each that there is, though only
    /// who sent something does (RFC 3550, 6.4), and no browser does without.
    pub fn only_watch(&mut self) {
        let mids = self.publish.into_iter().flatten();
        self.engine.call(|rtc| {
            let mut direct = rtc.direct_api();
            for mid in mids {
                if let Some(stream) = direct.stream_tx_by_mid(mid, None) {
                    let ssrc = stream.ssrc();
                    direct.remove_stream_tx(ssrc);
                }
            }
        });
    }

    /// Takes a candidate of the server.
    pub fn candidate(&mut self, t: Time, candidate: &str) {
        let candidate =
            Candidate::from_sdp_string(candidate).expect("the server's candidate can be read");
        self.engine.call(|rtc| rtc.add_remote_candidate(candidate));
        self.timeout(t);
    }

    /// Takes a datagram that the server sent at `sent`.
    pub(crate) fn receive(&mut self, t: Time, sent: Time, from: SocketAddr, packet: &Arrival) {
        // A browser checks that a packet is authentic before it believes its SSRC. str0m gives away
        // the stream of an m-line first, which the server undoes.
        let is_rtp = packet
            .payload
            .first()
            .is_some_and(|b| (128..192).contains(b));
        if !(packet.damaged && is_rtp) {
            self.datagram(t, sent, from, &packet.payload);
        }
    }

    /// Takes a datagram that came whole.
    pub(crate) fn datagram(&mut self, t: Time, sent: Time, from: SocketAddr, payload: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        if self.receiver.is_some() && is_srtp(payload) {
            self.server = Some(from);
            return self.take(t, sent, payload);
        }
        let (now, to) = (self.engine.instant(t), self.address);
        self.engine.call(|rtc| {
            // As in the server: a network may damage a datagram, which must not end anything.
            if let Ok(receive) = Receive::new(Protocol::Udp, from, to, payload) {
                let _refused = rtc.handle_input(Input::Receive(now, receive));
            }
        });
        self.drain(t, sent);
        if self.light
            && self.receiver.is_none()
            && let Some(material) = self.engine.keying_material()
        {
            self.receiver = MediaReceiver::new(REPORTS, &material);
            self.know_lines();
        }
    }

    /// Takes media past str0m.
    fn take(&mut self, t: Time, sent: Time, payload: &[u8]) {
        let Some(receiver) = &mut self.receiver else {
            return;
        };
        let media = receiver.receive(t, payload);
        self.report();
        let Some(media) = media else {
            return;
        };
        let is_picture_or_sound = Stamp::read(media.kind == MediaKind::Audio, &media.payload);
        match is_picture_or_sound {
            Some(stamp) => {
                let received = self.received_of(t, sent, &media, &stamp);
                self.received.push(received);
            }
            None => self.foreign += 1,
        }
    }

    fn report(&mut self) {
        let (Some(receiver), Some(server)) = (&mut self.receiver, self.server) else {
            return;
        };
        let reports = receiver.reports().map(|report| (server, report));
        self.outbox.extend(reports);
    }

    /// Does what time demands.
    pub fn timeout(&mut self, t: Time) {
        if self.failure.is_some() {
            return;
        }
        self.send_media(t);
        self.ask_for_keyframes(t);
        if let Some(receiver) = &mut self.receiver {
            receiver.timeout(t);
        }
        self.report();
        self.tick(t);
    }

    /// Ends the connection as closing a tab does.
    pub fn close(&mut self, t: Time) {
        self.closed = true;
        self.engine
            .call(Rtc::close)
            .expect("a virtual browser can close");
        self.drain(t, t);
    }

    /// Asks the server for a keyframe in the slot of this m-line.
    pub fn request_keyframe(&mut self, t: Time, mid: &str) {
        let mid = Mid::from(mid);
        self.engine.call(|rtc| {
            let mut direct = rtc.direct_api();
            if let Some(stream) = direct.stream_rx_by_mid(mid, None) {
                stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
            }
        });
        self.tick(t);
    }

    /// The slot that carries a track, as last told.
    pub fn slot_with(&self, participant: ParticipantId, source: Source) -> Option<&Slot> {
        let track = TrackId {
            participant,
            source,
        };
        self.slots.iter().find(|slot| slot.track == Some(track))
    }

    /// Whether anything of somebody is in its slots, as last told.
    pub fn has_in_slots(&self, participant: ParticipantId) -> bool {
        let mut tracks = self.slots.iter().filter_map(|slot| slot.track);
        tracks.any(|track| track.participant == participant)
    }

    /// What arrived on video m-lines.
    pub fn video(&self) -> impl Iterator<Item = &Received> {
        self.received.iter().filter(|packet| !packet.audio)
    }

    /// What arrived on audio m-lines.
    pub fn audio(&self) -> impl Iterator<Item = &Received> {
        self.received.iter().filter(|packet| packet.audio)
    }

    fn tick(&mut self, t: Time) {
        let now = self.engine.instant(t);
        let result = self
            .engine
            .call(|rtc| rtc.handle_input(Input::Timeout(now)));
        if let Err(error) = result {
            self.fail(&error);
        }
        self.drain(t, t);
    }

    fn fail(&mut self, error: &impl ToString) {
        self.connected = false;
        self.failure.get_or_insert_with(|| error.to_string());
    }

    fn ask_for_keyframes(&mut self, t: Time) {
        let asking = self.decoders.iter_mut().filter_map(|(mid, decoder)| {
            let asks = decoder.asks(t);
            asks.then(|| mid.clone())
        });
        let asking: Vec<String> = asking.collect();
        for mid in asking {
            self.request_keyframe(t, &mid);
        }
    }

    fn send_media(&mut self, t: Time) {
        if !self.connected {
            return;
        }
        let me = self.me;
        let mut packets = Vec::new();
        for (source, sound) in [
            (Source::Microphone, &mut self.microphone),
            (Source::ScreenAudio, &mut self.screen_sound),
        ] {
            let packet = sound.as_mut().and_then(|sound| sound.take(t, me));
            packets.extend(packet.map(|packet| (source, packet)));
        }
        for (source, picture) in [
            (Source::Camera, &mut self.camera),
            (Source::Screen, &mut self.screen),
        ] {
            let frame = picture.as_mut().map(|picture| picture.take(t, me));
            packets.extend(frame.into_iter().flatten().map(|packet| (source, packet)));
        }
        for (source, packet) in packets {
            self.write(t, source, packet);
        }
    }

    fn write(&mut self, t: Time, source: Source, packet: Packet) {
        let Some(mid) = self.publish.map(|mids| mids[source as usize]) else {
            return;
        };
        let stream = (source, packet.layer.unwrap_or(Layer::Full));
        let sequence = self.sequences.entry(stream).or_insert(30_000);
        *sequence += 1;
        let sequence = *sequence;
        let (now, picture_delay) = (self.engine.instant(t), self.picture_delay);
        self.engine.call(|rtc| {
            let media = rtc.media(mid).expect("a published m-line");
            assert_eq!(media.direction(), Direction::SendOnly);
            let audio = media.kind() == Kind::Audio;
            let delay = if audio { Duration::ZERO } else { picture_delay };
            let write = RtpWrite::new(
                media.remote_pts()[0],
                sequence.into(),
                packet.timestamp,
                now - delay,
                packet.payload,
            );
            let rid = packet.layer.map(|layer| Rid::from(layer.rid()));
            let write = write.ext_vals(ExtensionValues {
                audio_level: packet.level,
                voice_activity: packet.level.map(|level| level > -50),
                ..ExtensionValues::default()
            });
            rtc.direct_api()
                .stream_tx_by_mid(mid, rid)
                .expect("a stream to send")
                .write_rtp(write.marker(packet.marker).nackable(!audio));
        });
        self.tick(t);
    }

    fn drain(&mut self, t: Time, sent: Time) {
        let now = self.engine.instant(t);
        loop {
            match self.engine.call(Rtc::poll_output) {
                Ok(Output::Timeout(at)) => {
                    let at = self.engine.time(at.max(now));
                    // A microsecond on, or time would stand still.
                    self.deadline = at.max(Time::from_micros(t.as_micros() + 1));
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    let datagram = (transmit.destination, transmit.contents.to_vec());
                    self.outbox.push(datagram);
                }
                Ok(Output::Event(event)) => self.event(t, sent, event),
                Err(error) => return self.fail(&error),
            }
        }
    }

    fn event(&mut self, t: Time, sent: Time, event: Event) {
        match event {
            Event::Connected => {
                self.connected = true;
                for sound in [&mut self.microphone, &mut self.screen_sound] {
                    sound.iter_mut().for_each(|sound| sound.wait_until(t));
                }
                for picture in [&mut self.camera, &mut self.screen] {
                    picture.iter_mut().for_each(|picture| picture.wait_until(t));
                }
            }
            Event::KeyframeRequest(request) => {
                self.keyframe_requests.push(t);
                let screen = self.publish.map(|mids| mids[Source::Screen as usize]);
                let picture = match Some(request.mid) == screen {
                    true => &mut self.screen,
                    false => &mut self.camera,
                };
                if let Some(picture) = picture {
                    picture.want_keyframe(request.rid.and_then(|rid| Layer::from_rid(&rid)));
                }
            }
            Event::RtpPacket(packet) => self.packet(t, sent, &packet),
            Event::SenderFeedback(feedback) => {
                self.sender_reports += 1;
                let info = feedback.sender_info;
                let at = info.ntp_time.duration_since(UNIX_EPOCH);
                let clock = (at.unwrap_or_default(), info.rtp_time.numer() as u32);
                self.clocks.insert(feedback.mid.to_string(), clock);
            }
            Event::MediaEgressStats(stats) => {
                if let Some(remote) = stats.remote {
                    let layer = stats.rid.and_then(|rid| Layer::from_rid(&rid));
                    let stream = (stats.mid.to_string(), layer.unwrap_or(Layer::Full));
                    self.reported_lost.insert(stream, remote.packets_lost);
                }
            }
            _ => {}
        }
    }

    fn packet(&mut self, t: Time, sent: Time, packet: &RtpPacket) {
        let ssrc = packet.header.ssrc;
        let (mid, audio) = self.engine.call(|rtc| {
            let mid = rtc.direct_api().stream_rx(&ssrc).map(|s| s.mid());
            let mid = mid.expect("a packet belongs to an m-line");
            let media = rtc.media(mid).expect("an m-line that we answered");
            (mid, media.kind() == Kind::Audio)
        });
        let Some(stamp) = Stamp::read(audio, &packet.payload) else {
            self.foreign += 1;
            return;
        };
        let media = Media {
            mid: tsuji_core::Mid(mid.to_string()),
            kind: if audio {
                MediaKind::Audio
            } else {
                MediaKind::Video
            },
            ssrc: *ssrc,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            payload: packet.payload.clone(),
        };
        let received = self.received_of(t, sent, &media, &stamp);
        if audio {
            let ear = self.ears.entry(received.mid.clone()).or_default();
            ear.hear(received.source, received.count, received.made, t);
        } else {
            let decoder = self.decoders.entry(received.mid.clone()).or_default();
            decoder.packet(&received);
        }
        self.received.push(received);
    }
    /// What it is that came.
    fn received_of(&mut self, t: Time, sent: Time, media: &Media, stamp: &Stamp) -> Received {
        let audio = media.kind == MediaKind::Audio;
        self.media_bytes += media.payload.len() as u64 + AROUND;
        Received {
            at: t,
            sent,
            mid: media.mid.0.clone(),
            audio,
            ssrc: media.ssrc,
            sequence: media.sequence,
            timestamp: media.timestamp,
            keyframe: !audio && stamp.place.keyframe && stamp.place.part == 0,
            picture_id: match audio {
                true => None,
                false => media::picture_id(self.codec, &media.payload),
            },
            count: stamp.count,
            source: stamp.source,
            made: stamp.made,
            made_timestamp: stamp.timestamp,
            place: stamp.place,
            layer: stamp.layer,
            of: stamp.of,
        }
    }
}

/// Whether a datagram is SRTP, and not SRTCP (RFC 7983, 7; RFC 5761, 4).
fn is_srtp(datagram: &[u8]) -> bool {
    let [first, second, ..] = datagram else {
        return false;
    };
    (128..192).contains(first) && !(192..224).contains(second)
}
