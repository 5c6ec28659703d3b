use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use str0m::crypto::dtls::SrtpProfile;
use str0m::media::Mid;
use str0m::rtp::ExtensionMap;

use super::header::Numbered;
use super::stream::Repair;
use super::*;
use crate::codec::VideoCodec;

const SSRC: u32 = 0x1111;
const REPAIR: u32 = 0x2222;
const PAYLOAD_TYPE: u8 = 96;
const REPAIR_TYPE: u8 = 97;
/// With MID of one character, transport-wide number and time.
const HEADER: usize = 28;
const START: u64 = 1_750_000_000_500_000;

fn path() -> Path {
    let at = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    Path::udp(at(1), at(2))
}

fn keys(client: bool) -> Keys {
    let material = KeyingMaterial {
        profile: SrtpProfile::AEAD_AES_128_GCM,
        bytes: (0..56).collect(),
        client,
    };
    Keys::new(&material).unwrap()
}

/// A sender with one line for pictures.
fn sender() -> Sender {
    let mut sender = Sender::new(WallTime::from_unix_micros(START), true);
    sender.wire.keys = Some(keys(false));
    let mut payload_types = [None; Codec::ALL.len()];
    payload_types[Codec::Video(VideoCodec::Vp8).number()] = Some(REPAIR_TYPE);
    let line = Line(Mid::from("v"));
    sender.lines.push(line);
    sender.streams.push(Stream::new(
        (line, MediaKind::Video),
        (SSRC, "somebody".to_owned()),
        Numbered::of(&ExtensionMap::standard(), line.0),
        Some(Repair::new(REPAIR, payload_types)),
    ));
    sender
}

fn write(sender: &mut Sender, t: Time, sequence: u64) {
    let payload: Arc<[u8]> = Arc::from([0x10, 0x01, sequence as u8]);
    let written = Written {
        line: Line(Mid::from("v")),
        payload_type: PAYLOAD_TYPE,
        codec: Codec::Video(VideoCodec::Vp8),
        sequence,
        timestamp: 90 * sequence as u32,
        captured: t - std::time::Duration::from_millis(100),
        marker: true,
        extensions: Extensions::default(),
        payload: &payload,
        patch: None,
        part: None,
    };
    sender.write(t, path(), written);
}

fn flush(sender: &mut Sender, t: Time) -> Vec<Vec<u8>> {
    let transmits: Vec<Transmit> = sender.flush(t, Some(path())).collect();
    let datagrams = transmits.iter().flat_map(Transmit::datagrams);
    datagrams.map(<[u8]>::to_vec).collect()
}

fn rtp(datagrams: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let rtp = datagrams.into_iter().filter(|datagram| !is_rtcp(datagram));
    rtp.collect()
}

fn number(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

fn ssrc(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]])
}

/// What the peer sends, each time as another packet.
fn tell(sender: &mut Sender, t: Time, compound: &[u8]) -> Option<Heard> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let report = sealed(compound, NEXT.fetch_add(1, Ordering::Relaxed));
    sender.hear(t, Some(path()), &report)
}

fn sealed(compound: &[u8], index: u32) -> Vec<u8> {
    let mut report = compound.to_vec();
    keys(true).seal_report(&mut report, index).unwrap();
    report
}

#[test]
fn what_a_peer_said_is_not_heard_again_when_somebody_repeats_it() {
    let (mut sender, t) = (sender(), Time::from_millis(1));
    (1..=10).for_each(|sequence| write(&mut sender, t, sequence));
    flush(&mut sender, t);
    let report = sealed(&nack(5, 0), 7);
    assert!(sender.hear(t, Some(path()), &report).is_some());
    assert_eq!(rtp(flush(&mut sender, t)).len(), 1);
    assert!(sender.hear(t, Some(path()), &report).is_none());
    assert!(rtp(flush(&mut sender, t)).is_empty());
}

fn nack(first: u16, behind: u16) -> Vec<u8> {
    let mut packet = vec![0x81, 205, 0, 3, 0, 0, 0, 9];
    packet.extend(SSRC.to_be_bytes());
    packet.extend(first.to_be_bytes());
    packet.extend(behind.to_be_bytes());
    packet
}

#[test]
fn what_is_missing_is_sent_again_with_its_number_in_front() {
    let (mut sender, t) = (sender(), Time::from_millis(1));
    for sequence in 65_530..65_540 {
        write(&mut sender, t, sequence);
    }
    let first = rtp(flush(&mut sender, t));
    assert_eq!((first.len(), first[0][1]), (10, 0x80 | PAYLOAD_TYPE));
    tell(&mut sender, t, &nack(65_535, 1)).unwrap();
    let again = rtp(flush(&mut sender, t));
    let own: Vec<_> = again
        .iter()
        .map(|packet| (ssrc(packet), packet[1]))
        .collect();
    assert_eq!(own, [(REPAIR, 0x80 | REPAIR_TYPE); 2]);
    assert_eq!(again[0][4..8], first[5][4..8], "its timestamp");
    // The same key: sealed again, it is what it was.
    let mut opened = again[0][..HEADER].to_vec();
    opened.extend([0xff, 0xff, 0x10, 0x01, 65_535_u64 as u8]);
    let index = REPAIR.into();
    keys(false)
        .seal(&mut opened, 0..HEADER, REPAIR, index)
        .unwrap();
    assert_eq!(opened, again[0]);
    sender.forget(Line(Mid::from("v")));
    tell(&mut sender, t, &nack(65_535, 1)).unwrap();
    assert_eq!(flush(&mut sender, t).len(), 0, "it is forgotten");
}

#[test]
fn who_asks_for_everything_gets_its_share() {
    let (mut sender, mut sent, mut again) = (sender(), 0, 0);
    for sequence in 0..1_000 {
        let t = Time::from_millis(sequence);
        write(&mut sender, t, sequence);
        sent += rtp(flush(&mut sender, t)).len();
        for back in 0..3 {
            let first = (sequence as u16).wrapping_sub(17 * back);
            tell(&mut sender, t, &nack(first, 0xffff)).unwrap();
        }
        again += rtp(flush(&mut sender, t)).len();
    }
    assert_eq!(sent, 1_000);
    assert!((300..1_000).contains(&again), "{again}");
}

#[test]
fn a_number_is_sent_once_whatever_is_written_asked_for_and_padded() {
    let (mut sender, mut all) = (sender(), BTreeSet::new());
    sender.pace(
        Time::ZERO,
        Pace {
            least: 300_000,
            desired: 3_000_000,
        },
    );
    let mut packets = 0;
    for step in 0..3_000_u64 {
        let t = Time::from_millis(step);
        if step % 10 < 5 {
            write(&mut sender, t, step * 7 % 2_900);
        }
        tell(&mut sender, t, &nack((step / 2) as u16, 0x0101)).unwrap();
        sender.estimate_due(t, Some(path()));
        for packet in rtp(flush(&mut sender, t)) {
            packets += 1;
            assert!(all.insert((ssrc(&packet), number(&packet))), "{step}");
        }
    }
    let padded = all.iter().filter(|(ssrc, _)| *ssrc == REPAIR).count();
    assert!(packets > 800 && padded > 200, "{packets} {padded}");
}

#[test]
fn reports_say_when_what_is_captured_now_would_have_been() {
    let (mut sender, t) = (sender(), Time::from_millis(500));
    write(&mut sender, t, 10);
    write(&mut sender, t, 11);
    let mut sent = flush(&mut sender, t);
    assert!(is_rtcp(&sent[2]));
    let mut plain = Vec::new();
    let report = sent.remove(2);
    assert_eq!(keys(true).open_report(&report, &mut plain), Some(0));
    let words: Vec<u32> = plain
        .as_chunks::<4>()
        .0
        .iter()
        .map(|w| u32::from_be_bytes(*w))
        .collect();
    let seconds = 1_750_000_001 + 2_208_988_800_u64;
    let expected = [0x80c8_0006, SSRC, seconds as u32, 0, 90 * 11 + 9_000, 2, 6];
    assert_eq!(words[..7], expected);
    assert_eq!(words[7..9], [0x81ca_0004, SSRC]);
    assert_eq!(&plain[36..46], b"\x01\x08somebody");
    for millis in 501..3_000 {
        write(&mut sender, Time::from_millis(millis), 12 + millis);
        assert_eq!(flush(&mut sender, Time::from_millis(millis)).len(), 1);
    }
    write(&mut sender, Time::from_millis(3_000), 5_000);
    assert_eq!(flush(&mut sender, Time::from_millis(3_000)).len(), 2);
    sender.close(path());
    let goodbye = flush(&mut sender, t).remove(0);
    assert_eq!(keys(true).open_report(&goodbye, &mut plain), Some(2));
    assert_eq!(plain, [0x81, 203, 0, 1, 0, 0, 0x11, 0x11]);
}

#[test]
fn who_is_stuck_wants_a_keyframe_and_what_senders_report_is_told() {
    let (mut sender, t) = (sender(), Time::ZERO);
    let pli = |ssrc: u32| [&[0x81, 206, 0, 2, 0, 0, 0, 9][..], &ssrc.to_be_bytes()].concat();
    let heard = tell(&mut sender, t, &[pli(SSRC), pli(SSRC), pli(7)].concat()).unwrap();
    assert_eq!((heard.stuck.len(), heard.reports.len()), (1, 0));
    let mut report = vec![0x80, 200, 0, 6];
    report.resize(28, 1);
    let heard = tell(&mut sender, t, &report).unwrap();
    assert_eq!((heard.stuck.len(), heard.reports.len()), (0, 1));
    assert!(sender.hear(t, None, &report).is_none(), "in clear");
}

proptest! {
    #[test]
    fn nothing_that_a_peer_says_costs_much(
        bodies in prop::collection::vec(
            (0x80..0x90_u8, 200..208_u8, prop::collection::vec(any::<u8>(), 0..200)),
            1..6,
        ),
    ) {
        let (mut sender, t) = (sender(), Time::from_millis(1));
        for sequence in 0..100 {
            write(&mut sender, t, sequence);
        }
        flush(&mut sender, t);
        let mut compound = vec![0x80, 201, 0, 1, 0, 0, 0, 1];
        for (first, kind, mut body) in bodies {
            body.resize(body.len().next_multiple_of(4), 0);
            if let Some(media) = body.get_mut(4..8) {
                media.copy_from_slice(&SSRC.to_be_bytes());
            }
            compound.extend([first, kind, 0, (body.len() / 4) as u8]);
            compound.extend(body);
        }
        tell(&mut sender, t, &compound).unwrap();
        // All of them once more, whatever is asked for.
        prop_assert!(flush(&mut sender, t).len() <= 101);
        prop_assert!(sender.statuses.len() <= TOLD);
    }
}
