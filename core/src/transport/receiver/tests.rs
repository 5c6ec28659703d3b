use str0m::crypto::dtls::SrtpProfile;
use str0m::media::Mid;
use tsuji_hermetic::KeyingMaterial;

use super::header::tests::EXTMAP;
use super::*;
use crate::codec::{Codec, VideoCodec};
use crate::limits::SOURCES;
use crate::transport::sender::feedback::{Told, missing, packets};

const OURS: u32 = 1;
const VP8: Codec = Codec::Video(VideoCodec::Vp8);
const PICTURE: u8 = 96;
const REPAIR: u8 = 97;
const SOUND: u8 = 111;

fn keys(profile: SrtpProfile, client: bool) -> Keys {
    let length = if profile == SrtpProfile::AES128_CM_SHA1_80 {
        60
    } else {
        56
    };
    let bytes = (0..length).collect();
    let material = KeyingMaterial {
        profile,
        bytes,
        client,
    };
    Keys::new(&material).unwrap()
}

/// A peer with a line for sound and one for pictures, and the server's end.
struct Peer {
    receiver: Receiver,
    capture: Capture,
    ours: Keys,
    theirs: Keys,
}

/// What a peer sends.
#[derive(Clone, Copy)]
struct Sent<'a> {
    payload_type: u8,
    ssrc: u32,
    index: u64,
    /// Elements of the header extension, a multiple of four bytes.
    elements: &'a [u8],
    payload: &'a [u8],
    padding: usize,
}

/// Of a picture on the line `v`.
const SENT: Sent<'_> = Sent {
    payload_type: PICTURE,
    ssrc: 7,
    index: 100,
    elements: &[0x40, b'v', 0, 0],
    payload: b"picture",
    padding: 0,
};

impl Peer {
    fn new() -> Self {
        Self::with(SrtpProfile::AEAD_AES_128_GCM)
    }

    fn with(profile: SrtpProfile) -> Self {
        let mut receiver = Receiver::new(OURS);
        receiver.publish(&["s", "v"].map(|mid| Line(Mid::from(mid))));
        receiver.extmap = EXTMAP;
        let format = |payload_type, codec, repairs| Format {
            payload_type,
            codec,
            repairs,
        };
        receiver.formats = vec![
            format(PICTURE, VP8, false),
            format(REPAIR, VP8, true),
            format(SOUND, Codec::Opus, false),
        ];
        Self {
            receiver,
            capture: Capture::default(),
            ours: keys(profile, false),
            theirs: keys(profile, true),
        }
    }

    fn sealed(&self, sent: Sent<'_>) -> Vec<u8> {
        let mut packet = vec![0x90, sent.payload_type];
        packet.extend((sent.index as u16).to_be_bytes());
        packet.extend((90 * sent.index as u32).to_be_bytes());
        packet.extend(sent.ssrc.to_be_bytes());
        packet.extend([0xbe, 0xde, 0, (sent.elements.len() / 4) as u8]);
        packet.extend(sent.elements);
        let header = packet.len();
        packet.extend(sent.payload);
        if sent.padding > 0 {
            packet[0] |= 0x20;
            packet.resize(packet.len() + sent.padding - 1, 0);
            packet.push(sent.padding as u8);
        }
        let sealed = self
            .theirs
            .seal(&mut packet, 0..header, sent.ssrc, sent.index);
        sealed.unwrap();
        packet
    }

    fn receive(&mut self, t: Time, datagram: &[u8]) -> Received {
        let capture = &mut self.capture;
        self.receiver.receive(t, &self.ours, capture, datagram)
    }

    /// The media packet that came of it.
    fn send(&mut self, t: Time, sent: Sent<'_>) -> Option<MediaPacket> {
        let datagram = self.sealed(sent);
        match self.receive(t, &datagram) {
            Received::Authentic(packet) => packet,
            Received::Nothing | Received::Refused => None,
        }
    }

    fn reports(&mut self, t: Time) -> Vec<Vec<u8>> {
        self.receiver.timeout(t);
        self.receiver.compounds().collect()
    }
}

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

#[test]
fn what_came_is_handed_on_once_and_only_if_it_is_authentic() {
    for profile in [
        SrtpProfile::AEAD_AES_128_GCM,
        SrtpProfile::AES128_CM_SHA1_80,
    ] {
        let mut peer = Peer::with(profile);
        let datagram = peer.sealed(SENT);
        for place in 0..datagram.len() {
            let mut forged = datagram.clone();
            forged[place] ^= 0x10;
            let came = peer.receive(at(1), &forged);
            assert!(matches!(came, Received::Nothing), "{place}");
        }
        assert!(peer.receiver.sources.all.is_empty(), "nobody is believed");
        let Received::Authentic(Some(packet)) = peer.receive(at(2), &datagram) else {
            panic!("it is lost");
        };
        assert_eq!(
            (packet.line, packet.layer),
            (Line(Mid::from("v")), Layer::Full)
        );
        assert_eq!((packet.codec, packet.ssrc), (VP8, 7));
        assert_eq!((packet.sequence, packet.timestamp), (100, 9_000));
        assert_eq!(
            (packet.marker, &packet.payload[..]),
            (false, &b"picture"[..])
        );
        assert!(matches!(peer.receive(at(3), &datagram), Received::Nothing));
    }
}

#[test]
fn extensions_name_lines_and_encodings_until_they_are_known() {
    let mut peer = Peer::new();
    let layer = |peer: &mut Peer, ssrc, index, elements: &[u8]| {
        let sent = Sent {
            ssrc,
            index,
            elements,
            ..SENT
        };
        peer.send(at(1), sent).map(|packet| packet.layer)
    };
    let named = [0x40, b'v', 0xa0, b'h', 0, 0, 0, 0];
    assert_eq!(layer(&mut peer, 1, 1, &named), Some(Layer::Half));
    assert_eq!(layer(&mut peer, 1, 2, &[]), Some(Layer::Half));
    assert_eq!(layer(&mut peer, 2, 1, &[]), None, "of nobody");
    assert_eq!(
        layer(&mut peer, 2, 2, &[0x40, b'x', 0, 0]),
        None,
        "no such line"
    );
    let unknown = [0x40, b'v', 0xa0, b'z', 0, 0, 0, 0];
    assert_eq!(layer(&mut peer, 2, 3, &unknown), None, "no such encoding");
    assert_eq!(layer(&mut peer, 2, 4, SENT.elements), Some(Layer::Full));

    peer.receiver.ask(Line(Mid::from("v")), Layer::Half);
    peer.receiver.ask(Line(Mid::from("v")), Layer::Quarter);
    peer.receiver.ask(Line(Mid::from("s")), Layer::Full);
    let asked: Vec<_> = peer.receiver.compounds().collect();
    let asked: Vec<_> = asked.iter().flat_map(|asked| packets(asked)).collect();
    // The second line's only encoding has no name.
    assert_eq!(asked, [Told::Stuck(1), Told::Stuck(2)]);
}

#[test]
fn numbers_go_on_where_sixteen_bits_end() {
    let mut peer = Peer::new();
    let mut sequence = |index| {
        let packet = peer.send(at(1), Sent { index, ..SENT });
        packet.map(|packet| packet.sequence)
    };
    for index in [65_534, 65_536, 65_535, 98_000, 120_000, 119_000] {
        assert_eq!(sequence(index), Some(index));
    }
    assert_eq!(sequence(98_001), None, "long ago");
}

#[test]
fn repairs_bring_what_was_missing_once() {
    let mut peer = Peer::new();
    let original = |sequence: u16| [&sequence.to_be_bytes()[..], b"repaired"].concat();
    /// On an SSRC of its own.
    fn repair(index: u64, payload: &[u8]) -> Sent<'_> {
        Sent {
            payload_type: REPAIR,
            ssrc: 8,
            index,
            payload,
            ..SENT
        }
    }
    assert!(
        peer.send(at(0), repair(1, &original(101))).is_none(),
        "of nothing"
    );
    for index in [100, 103] {
        assert!(peer.send(at(0), Sent { index, ..SENT }).is_some());
    }
    assert_eq!(peer.receiver.deadline(), Some(at(8)));
    let reports = peer.reports(at(8));
    let [Told::Missing(7, entries)] = packets(&reports[0]).collect::<Vec<_>>()[..] else {
        panic!("{reports:?}");
    };
    assert_eq!(missing(entries).collect::<Vec<_>>(), [101, 102]);

    let packet = peer.send(at(20), repair(2, &original(101))).unwrap();
    assert_eq!((packet.ssrc, packet.sequence), (7, 101));
    assert_eq!(&packet.payload[..], b"repaired");
    assert!(
        peer.send(at(20), repair(3, &original(101))).is_none(),
        "again"
    );
    assert!(
        peer.send(at(20), repair(4, &original(103))).is_none(),
        "it was there"
    );
    assert!(peer.send(at(20), repair(5, b"x")).is_none(), "too short");
    assert!(
        peer.send(at(21), Sent { index: 102, ..SENT }).is_some(),
        "it was late"
    );
    assert_eq!(peer.receiver.deadline(), None);

    let ahead = peer.send(at(30), repair(6, &original(105)));
    assert_eq!(ahead.map(|packet| packet.sequence), Some(105));
    for index in [104, 106] {
        assert!(peer.send(at(31), Sent { index, ..SENT }).is_some());
    }
    assert_eq!(peer.receiver.deadline(), None, "nothing is missing");
}

#[test]
fn padding_is_left_out_and_reported_on() {
    let mut peer = Peer::new();
    let sound = Sent {
        payload_type: SOUND,
        elements: &[0x40, b's', 0x31, 0, 9, 0x10, 0x80 | 30, 0],
        padding: 3,
        ..SENT
    };
    let packet = peer.send(at(0), sound).unwrap();
    assert_eq!(&packet.payload[..], b"picture");
    assert_eq!(packet.extensions.audio_level, Some((-30, true)));
    let numbered = [0x31, 0, 10, 0];
    let only = Sent {
        ssrc: 7,
        index: 101,
        elements: &numbered,
        payload: &[],
        padding: 255,
        ..sound
    };
    assert!(peer.send(at(1), only).unwrap().payload.is_empty());
    // A probe of somebody who has nothing else to send.
    let probe = Sent {
        payload_type: 3,
        ssrc: 0,
        elements: &[0x31, 0, 11, 0],
        ..only
    };
    assert!(peer.send(at(2), probe).is_none());
    assert_eq!(peer.receiver.deadline(), Some(at(100)));
    let reports = peer.reports(at(100));
    let told: Vec<_> = crate::freeze::arrivals_in(&reports[0]).collect();
    assert_eq!(told, [(9, Some(0)), (10, Some(1_000)), (11, Some(2_000))]);
    assert_eq!(unpadded(b"ab\x02", 2), Some(&b"a"[..]));
    assert_eq!(
        (unpadded(b"ab\x04", 4), unpadded(b"a\x00", 0)),
        (None, None)
    );
}

#[test]
fn nobody_has_more_sources_than_are_kept() {
    let mut peer = Peer::new();
    for ssrc in 1..=SOURCES as u32 {
        assert!(peer.send(at(0), Sent { ssrc, ..SENT }).is_some());
    }
    let one_more = peer.sealed(Sent { ssrc: 999, ..SENT });
    assert!(matches!(peer.receive(at(0), &one_more), Received::Refused));
    let known = Sent {
        ssrc: 3,
        index: 101,
        ..SENT
    };
    assert!(peer.send(at(0), known).is_some());
}

#[test]
fn reports_of_both_sides_meet() {
    let mut peer = Peer::new();
    let send = |peer: &mut Peer, millis, index| peer.send(at(millis), Sent { index, ..SENT });
    send(&mut peer, 1_000, 1);
    let told = SenderReport {
        ssrc: 7,
        ntp: 0x0000_1234_5678_0000,
        timestamp: 90,
    };
    peer.receiver.heard(at(2_000), &mut peer.capture, told);
    send(&mut peer, 3_000, 2);
    let reports: Vec<_> = peer.receiver.compounds().collect();
    let report = reports.iter().find(|report| report[1] == 201).unwrap();
    assert_eq!(report[..4], [0x81, 201, 0, 7]);
    assert_eq!(report[8..12], 7_u32.to_be_bytes());
    // The middle of the time, and a second since.
    assert_eq!(report[24..], [0x12, 0x34, 0x56, 0x78, 0, 1, 0, 0]);
}
