//! A client on str0m: honest by itself, and a tool in the hands of a target that is not.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::config::DtlsCert;
use str0m::media::{MediaKind as Kind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tsuji_core::{Certificate, PublishMids, Slot, Time, VideoCodec};
use tsuji_hermetic::{Clock, Seam};

use super::keys::{self, Keys};
use super::media::{Packet, Source, count};
use super::{EPOCH, codec};

/// A packet that arrived.
pub(crate) struct Received {
    pub(crate) mid: String,
    pub(crate) sequence: u64,
    pub(crate) count: Option<u32>,
}

/// A client.
pub(crate) struct Client {
    seam: Seam,
    base: Instant,
    pub(crate) address: SocketAddr,
    deadline: Time,
    /// The m-lines on which it sends: audio, video.
    publish: Option<(Mid, Mid)>,
    /// The newest extended sequence numbers: audio, video.
    pub(crate) sequences: (u64, u64),
    pub(crate) source: Source,
    /// In which it sends pictures; it takes all.
    codec: VideoCodec,
    pub(crate) sends: bool,
    pub(crate) connected: bool,
    /// Once DTLS is up.
    pub(crate) keys: Option<Keys>,
    pub(crate) received: Vec<Received>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) offer: String,
    pub(crate) outbox: Vec<Vec<u8>>,
    /// str0m gave up; only a client that was cheated with may.
    pub(crate) broken: bool,
}

impl Client {
    pub(crate) fn new(t: Time, number: u8, codec: VideoCodec, certificate: &Certificate) -> Self {
        let base = Clock::prepare().instant(EPOCH);
        let start = base + Duration::from_micros(t.as_micros());
        let address = SocketAddr::from(([198, 51, 100, number], 20_000));
        let certificate = DtlsCert {
            certificate: certificate.der().to_vec(),
            private_key: certificate.private_key().to_vec(),
        };
        let seam = Seam::new([number; 32], move |provider| {
            let config = Rtc::builder()
                .set_crypto_provider(keys::tap(&provider).into())
                .set_dtls_cert(certificate)
                .set_rtp_mode(true)
                .clear_codecs()
                .enable_opus(true, false);
            let mut rtc = codec::enable_all(config).build(start);
            let host = Candidate::host(address, "udp").expect("a constant address");
            rtc.add_local_candidate(host);
            rtc
        });
        Self {
            seam: seam.expect("a client can be built"),
            base,
            address,
            deadline: t,
            publish: None,
            sequences: (40_000, 65_000),
            source: Source::default(),
            codec,
            sends: true,
            connected: false,
            keys: None,
            received: Vec::new(),
            slots: Vec::new(),
            offer: String::new(),
            outbox: Vec::new(),
            broken: false,
        }
    }

    pub(crate) fn deadline(&self) -> Time {
        self.deadline
    }

    pub(crate) fn answer(&mut self, t: Time, sdp: &str, publish: &PublishMids) -> String {
        // As who does not know simulcast reads it (RFC 8853, 5.3.2).
        let is_known = |line: &&str| {
            let unknown = ["a=rid:", "a=simulcast:"];
            !unknown.iter().any(|attribute| line.starts_with(attribute))
        };
        let known: String = sdp.split_inclusive('\n').filter(is_known).collect();
        let offer = SdpOffer::from_sdp_string(&known).expect("the server's offer can be read");
        let answer = self
            .seam
            .call_isolated(move |rtc| rtc.sdp_api().accept_offer(offer))
            .expect("a client answers")
            .expect("the server's offer can be answered");
        let mid = |mid: &tsuji_core::Mid| Mid::from(mid.0.as_str());
        self.publish = Some((mid(&publish.audio), mid(&publish.video)));
        self.offer = sdp.to_owned();
        self.timeout(t);
        answer.to_sdp_string()
    }

    pub(crate) fn receive(&mut self, t: Time, from: SocketAddr, payload: &[u8]) {
        // Of what goes around it, it knows nothing: str0m's sums overflow when it is told of numbers before the first
        // that it sent (see README.md).
        if !self.sends && is_transport_feedback(payload) {
            return;
        }
        let (now, to) = (self.instant(t), self.address);
        let Ok(receive) = Receive::new(Protocol::Udp, from, to, payload) else {
            return;
        };
        let result = self
            .seam
            .call(|rtc| rtc.handle_input(Input::Receive(now, receive)));
        self.broken |= !matches!(result, Ok(Ok(())));
        self.drain(t);
    }

    pub(crate) fn timeout(&mut self, t: Time) {
        let now = self.instant(t);
        let result = self.seam.call(|rtc| rtc.handle_input(Input::Timeout(now)));
        self.broken |= !matches!(result, Ok(Ok(())));
        self.drain(t);
    }

    /// Ends the connection as closing a tab does.
    pub(crate) fn close(&mut self, t: Time) {
        let result = self.seam.call(Rtc::close);
        self.broken |= !matches!(result, Ok(Ok(())));
        self.drain(t);
    }

    /// Sends application data in its DTLS connection.
    pub(crate) fn say_inside_dtls(&mut self, t: Time, bytes: Vec<u8>) {
        keys::say(bytes);
        self.timeout(t);
        keys::say_nothing();
    }

    pub(crate) fn send_sound(&mut self, t: Time) {
        let Some((audio, _)) = self.publish.filter(|_| self.connected && self.sends) else {
            return;
        };
        let packet = self.source.sound();
        self.sequences.0 += 1;
        self.write(t, audio, self.sequences.0, packet, None);
    }

    pub(crate) fn send_frame(&mut self, t: Time) {
        let Some((_, video)) = self.publish.filter(|_| self.connected && self.sends) else {
            return;
        };
        for packet in self.source.frame(self.codec) {
            self.sequences.1 += 1;
            self.write(t, video, self.sequences.1, packet, Some(self.codec));
        }
    }

    /// The SSRCs on which it sends: audio, video, and the retransmissions of video.
    pub(crate) fn ssrcs(&mut self) -> [u32; 3] {
        let Some((audio, video)) = self.publish else {
            return [0; 3];
        };
        let found = self.seam.call(|rtc| {
            let mut direct = rtc.direct_api();
            let ssrc = |stream: Option<&mut str0m::rtp::StreamTx>| stream.map(|s| *s.ssrc());
            let first = ssrc(direct.stream_tx_by_mid(audio, None));
            let second = ssrc(direct.stream_tx_by_mid(video, None));
            let third = direct.stream_tx_by_mid(video, None).and_then(|s| s.rtx());
            [first, second, third.map(|ssrc| *ssrc)].map(Option::unwrap_or_default)
        });
        found.unwrap_or_default()
    }

    /// Its own username fragment and password.
    pub(crate) fn credentials(&mut self) -> (String, String) {
        let own = self
            .seam
            .call(|rtc| rtc.direct_api().local_ice_credentials());
        own.map(|own| (own.ufrag, own.pass)).unwrap_or_default()
    }

    /// `codec`: of a picture.
    fn write(
        &mut self,
        t: Time,
        mid: Mid,
        sequence: u64,
        packet: Packet,
        codec: Option<VideoCodec>,
    ) {
        let now = self.instant(t);
        let result = self.seam.call(|rtc| {
            let agreed = rtc.media(mid).map(|media| media.remote_pts());
            let payload_type = agreed.and_then(|agreed| match codec {
                None => agreed.first().copied(),
                Some(codec) => codec::payload_type(codec, rtc.codec_config(), agreed),
            });
            let mut direct = rtc.direct_api();
            let stream = direct.stream_tx_by_mid(mid, None);
            if let (Some(payload_type), Some(stream)) = (payload_type, stream) {
                let timestamp = packet.timestamp;
                let write = RtpWrite::new(
                    payload_type,
                    sequence.into(),
                    timestamp,
                    now,
                    packet.payload,
                );
                let nackable = codec.is_some();
                stream.write_rtp(write.marker(packet.marker).nackable(nackable));
            }
            rtc.handle_input(Input::Timeout(now))
        });
        self.broken |= !matches!(result, Ok(Ok(())));
        self.drain(t);
    }

    fn instant(&self, t: Time) -> Instant {
        self.base + Duration::from_micros(t.as_micros())
    }

    fn drain(&mut self, t: Time) {
        let now = self.instant(t);
        loop {
            match self.seam.call(Rtc::poll_output) {
                Ok(Ok(Output::Timeout(at))) => {
                    let nanos = at.max(now).duration_since(self.base).as_nanos();
                    let micros = u64::try_from(nanos.div_ceil(1_000)).unwrap_or(u64::MAX);
                    self.deadline = Time::from_micros(micros.max(t.as_micros() + 1));
                    break;
                }
                Ok(Ok(Output::Transmit(transmit))) => {
                    self.outbox.push(transmit.contents.to_vec());
                }
                Ok(Ok(Output::Event(event))) => self.event(event),
                _ => {
                    self.broken = true;
                    break;
                }
            }
        }
        if let Some(keys) = keys::tapped() {
            self.keys = Some(keys);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::KeyframeRequest(_) => self.source.keyframe_wanted = true,
            Event::RtpPacket(packet) => {
                let ssrc = packet.header.ssrc;
                let found = self.seam.call(|rtc| {
                    let mid = rtc.direct_api().stream_rx(&ssrc)?.mid();
                    let kind = rtc.media(mid)?.kind();
                    Some((mid.to_string(), kind == Kind::Audio))
                });
                if let Ok(Some((mid, audio))) = found {
                    self.received.push(Received {
                        mid,
                        sequence: *packet.seq_no,
                        count: count(audio, &packet.payload),
                    });
                }
            }
            _ => {}
        }
    }
}

/// RTPFB with FMT 15, padded or not, as far as SRTCP is in clear (RFC 4585, section 6.1).
fn is_transport_feedback(datagram: &[u8]) -> bool {
    matches!(datagram, [0x8f | 0xaf, 205, ..])
}
