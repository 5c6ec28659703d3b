//! A virtual browser: a str0m client that answers, publishes and watches.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind as Kind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tsuji_core::{PublishMids, Slot, Time};

use crate::media::{Camera, Microphone, Packet, audio_count, video_count};

/// A media packet that arrived, as the browser's depacketizer would see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// When.
    pub at: Time,
    /// The m-line.
    pub mid: String,
    /// Audio, or else video.
    pub audio: bool,
    /// Extended sequence number.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Which packet of its camera or microphone it is, from 1.
    pub count: u32,
    /// The first packet of a keyframe.
    pub keyframe: bool,
    /// The 15-bit VP8 picture id; 0 for audio.
    pub picture_id: u16,
}

/// A virtual browser.
#[derive(Debug)]
pub struct Browser {
    rtc: Rtc,
    base: Instant,
    /// Its address.
    pub address: SocketAddr,
    deadline: Time,
    publish: Option<(Mid, Mid)>,
    sequences: (u64, u64),
    /// Sending, once connected.
    pub microphone: Option<Microphone>,
    /// Sending, once connected.
    pub camera: Option<Camera>,
    /// Whether ICE and DTLS are up.
    pub connected: bool,
    /// Everything that arrived.
    pub received: Vec<Received>,
    /// PLIs that the server sent it.
    pub keyframe_requests: Vec<Time>,
    /// Offers answered.
    pub offers: u32,
    /// Its slots, as last told.
    pub slots: Vec<Slot>,
    /// Datagrams to send.
    pub(crate) outbox: Vec<(SocketAddr, Vec<u8>)>,
}

impl Browser {
    /// A browser at `address`. `base` stands for `t = 0`.
    pub fn new(base: Instant, t: Time, address: SocketAddr) -> Self {
        let start = base + Duration::from_micros(t.as_micros());
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(start);
        let host = Candidate::host(address, "udp").expect("an address of the simulation is valid");
        rtc.add_local_candidate(host);
        Self {
            rtc,
            base,
            address,
            deadline: t,
            publish: None,
            sequences: (40_000, 65_000),
            microphone: None,
            camera: None,
            connected: false,
            received: Vec::new(),
            keyframe_requests: Vec::new(),
            offers: 0,
            slots: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// When it wants [`Browser::timeout`] next.
    pub fn deadline(&self) -> Time {
        let media = [
            self.microphone.as_ref().map(Microphone::deadline),
            self.camera.as_ref().map(Camera::deadline),
        ];
        let media = media.into_iter().flatten().filter(|_| self.connected).min();
        media.map_or(self.deadline, |media| media.min(self.deadline))
    }

    /// Takes an offer; gives the answer.
    pub fn answer(&mut self, t: Time, sdp: &str, publish: &PublishMids) -> String {
        let offer = SdpOffer::from_sdp_string(sdp).expect("the server's offer can be read");
        let answer: SdpAnswer = self
            .rtc
            .sdp_api()
            .accept_offer(offer)
            .expect("the server's offer can be answered");
        let mid = |mid: &tsuji_core::Mid| Mid::from(mid.0.as_str());
        self.publish = Some((mid(&publish.audio), mid(&publish.video)));
        self.offers += 1;
        self.timeout(t);
        answer.to_sdp_string()
    }

    /// Takes a candidate of the server.
    pub fn candidate(&mut self, t: Time, candidate: &str) {
        let candidate =
            Candidate::from_sdp_string(candidate).expect("the server's candidate can be read");
        self.rtc.add_remote_candidate(candidate);
        self.timeout(t);
    }

    /// Takes a datagram.
    pub fn receive(&mut self, t: Time, from: SocketAddr, payload: &[u8]) {
        let now = self.instant(t);
        if let Ok(receive) = Receive::new(Protocol::Udp, from, self.address, payload) {
            self.rtc
                .handle_input(Input::Receive(now, receive))
                .expect("a virtual browser takes what the server sends");
        }
        self.drain(t);
    }

    /// Does what time demands.
    pub fn timeout(&mut self, t: Time) {
        self.send_media(t);
        let now = self.instant(t);
        self.rtc
            .handle_input(Input::Timeout(now))
            .expect("a virtual browser's timers run");
        self.drain(t);
    }

    /// Ends the connection as closing a tab does.
    pub fn close(&mut self, t: Time) {
        self.rtc.close().expect("a virtual browser can close");
        self.drain(t);
    }

    /// Asks the server for a keyframe in the slot of this m-line.
    pub fn request_keyframe(&mut self, t: Time, mid: &str) {
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_rx_by_mid(Mid::from(mid), None);
        stream
            .expect("a stream to ask for")
            .request_keyframe(str0m::media::KeyframeRequestKind::Pli);
        self.timeout(t);
    }

    /// What arrived on video m-lines.
    pub fn video(&self) -> impl Iterator<Item = &Received> {
        self.received.iter().filter(|packet| !packet.audio)
    }

    /// What arrived on audio m-lines.
    pub fn audio(&self) -> impl Iterator<Item = &Received> {
        self.received.iter().filter(|packet| packet.audio)
    }

    fn instant(&self, t: Time) -> Instant {
        self.base + Duration::from_micros(t.as_micros())
    }

    fn send_media(&mut self, t: Time) {
        if !self.connected {
            return;
        }
        let Some((audio, video)) = self.publish else {
            return;
        };
        let sound = self.microphone.as_mut().and_then(|source| source.take(t));
        if let Some(packet) = sound {
            self.sequences.0 += 1;
            self.write(t, audio, self.sequences.0, packet);
        }
        let frame = self.camera.as_mut().map(|source| source.take(t));
        for packet in frame.into_iter().flatten() {
            self.sequences.1 += 1;
            self.write(t, video, self.sequences.1, packet);
        }
    }

    fn write(&mut self, t: Time, mid: Mid, sequence: u64, packet: Packet) {
        let now = self.instant(t);
        let media = self.rtc.media(mid).expect("a published m-line");
        assert_eq!(media.direction(), Direction::SendOnly);
        let audio = media.kind() == Kind::Audio;
        let payload_type = media.remote_pts()[0];
        let write = RtpWrite::new(
            payload_type,
            sequence.into(),
            packet.timestamp,
            now,
            packet.payload,
        );
        self.rtc
            .direct_api()
            .stream_tx_by_mid(mid, None)
            .expect("a stream to send")
            .write_rtp(write.marker(packet.marker).nackable(!audio));
        self.rtc
            .handle_input(Input::Timeout(now))
            .expect("a virtual browser's timers run");
        self.drain(t);
    }

    fn drain(&mut self, t: Time) {
        let now = self.instant(t);
        loop {
            match self.rtc.poll_output().expect("a virtual browser's outputs") {
                Output::Timeout(at) => {
                    let nanos = at.max(now).duration_since(self.base).as_nanos();
                    let micros = u64::try_from(nanos.div_ceil(1_000)).unwrap_or(u64::MAX);
                    // A microsecond on, or time would stand still.
                    self.deadline = Time::from_micros(micros.max(t.as_micros() + 1));
                    return;
                }
                Output::Transmit(transmit) => {
                    let datagram = (transmit.destination, transmit.contents.to_vec());
                    self.outbox.push(datagram);
                }
                Output::Event(event) => self.event(t, event),
            }
        }
    }

    fn event(&mut self, t: Time, event: Event) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.microphone = self.microphone.take().map(|_| Microphone::new(t));
            }
            Event::KeyframeRequest(_) => {
                self.keyframe_requests.push(t);
                if let Some(camera) = &mut self.camera {
                    camera.want_keyframe();
                }
            }
            Event::RtpPacket(packet) => {
                let ssrc = packet.header.ssrc;
                let mid = self.rtc.direct_api().stream_rx(&ssrc).map(|s| s.mid());
                let mid = mid.expect("a packet belongs to an m-line");
                let media = self.rtc.media(mid).expect("an m-line that we answered");
                let audio = media.kind() == Kind::Audio;
                let payload = &packet.payload;
                let count = if audio {
                    audio_count(payload)
                } else {
                    video_count(payload)
                };
                self.received.push(Received {
                    at: t,
                    mid: mid.to_string(),
                    audio,
                    sequence: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    count: count.expect("a payload that a virtual browser made"),
                    keyframe: !audio && payload[0] & 0x10 != 0 && payload[6] & 1 == 0,
                    picture_id: if audio {
                        0
                    } else {
                        u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff
                    },
                });
            }
            _ => {}
        }
    }
}
