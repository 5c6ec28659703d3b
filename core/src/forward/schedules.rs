//! What a viewer's depacketizer sees, whatever switches between sources, their layers and their codecs,
//! whatever is lost, and wherever numbers begin. Nothing in here knows of a sender report: switching needs
//! none.

mod depacketizer;
mod pictures;

use std::collections::BTreeMap;

use proptest::prelude::*;

use self::depacketizer::depacketize;
use self::pictures::{Packet, Start, picture, start};
use super::outlet::{Arrival, VideoOutlet};
use super::picture::{Glance, rewritten};
use crate::codec::VideoCodec;
use crate::ids::Layer;
use crate::time::Time;

/// Between two pictures. Microseconds.
const INTERVAL: u64 = 33_333;
const TICKS: u32 = 3_000;

const SOURCES: usize = 2;

/// What happens before a picture is taken.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Aim(Option<Layer>),
    /// Another source comes into the slot.
    Change(usize),
    /// The source goes on in another codec, with the SSRCs and numbers that it has.
    Recode(VideoCodec),
    /// A keyframe is asked for.
    Keyframe(Layer),
    /// Nothing comes for so many pictures.
    Silence(u8),
}

/// What the viewer got of a packet.
#[derive(Debug)]
struct Got {
    sequence: u64,
    timestamp: u32,
    /// Picture id and TL0 index of VP8, which str0m writes.
    written: Option<(Option<u16>, Option<u8>)>,
    payload: Vec<u8>,
    at: Time,
    packet: Packet,
}

fn layer() -> impl Strategy<Value = Layer> {
    prop::sample::select(&Layer::ALL[..])
}

fn codec() -> impl Strategy<Value = VideoCodec> {
    prop::sample::select(&VideoCodec::ALL[..])
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => layer().prop_map(|layer| Deed::Aim(Some(layer))),
        1 => Just(Deed::Aim(None)),
        2 => (0..SOURCES).prop_map(Deed::Change),
        1 => codec().prop_map(Deed::Recode),
        12 => layer().prop_map(Deed::Keyframe),
        1 => (1..80u8).prop_map(Deed::Silence),
    ]
}

fn deeds() -> impl Strategy<Value = Vec<(u8, Deed)>> {
    prop::collection::vec((1..12u8, deed()), 1..60)
}

fn starts() -> impl Strategy<Value = Vec<Start>> {
    prop::collection::vec(start(), SOURCES * Layer::ALL.len())
}

/// Runs a schedule; gives what the viewer got, in the order of its numbers.
fn run(
    starts: &[Start],
    mut codecs: [VideoCodec; SOURCES],
    deeds: &[(u8, Deed)],
    lost: &[bool],
) -> Vec<Got> {
    let mut outlet = VideoOutlet::new();
    let (mut source, mut frame) = (0, 0);
    let mut lost = lost.iter().copied().cycle();
    let mut got: BTreeMap<u64, Got> = BTreeMap::new();
    for (pictures, deed) in deeds {
        let mut asked = None;
        match *deed {
            Deed::Aim(target) => outlet.aim(target),
            Deed::Change(to) if to != source => {
                source = to;
                outlet.interrupt();
            }
            Deed::Change(_) => {}
            Deed::Recode(codec) => codecs[source] = codec,
            Deed::Keyframe(layer) => asked = Some(layer),
            Deed::Silence(pictures) => frame += u64::from(pictures),
        }
        for _ in 0..*pictures {
            frame += 1;
            for layer in Layer::ALL {
                let start = &starts[source * Layer::ALL.len() + layer as usize];
                let keyframe = asked.take_if(|asked| *asked == layer).is_some();
                for packet in picture((source, layer), codecs[source], start, frame, keyframe) {
                    if lost.next() == Some(true) {
                        continue;
                    }
                    let at = Time::from_micros(frame * INTERVAL + layer as u64 * 700);
                    if let Some(passed) = pass(&mut outlet, at, packet) {
                        let sequence = passed.sequence;
                        let twice = got.insert(sequence, passed);
                        assert!(twice.is_none(), "{sequence} twice");
                    }
                }
            }
        }
    }
    got.into_values().collect()
}

/// Shows a packet to the outlet.
fn pass(outlet: &mut VideoOutlet, at: Time, packet: Packet) -> Option<Got> {
    let glance = Glance::of(packet.codec, &packet.payload);
    let arrival = Arrival {
        at,
        layer: packet.layer,
        ssrc: packet.ssrc(),
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        picture: glance.map(|glance| (packet.codec, glance)),
    };
    let is_awaited = outlet.awaited() == Some(packet.layer);
    let out = outlet.pass(&arrival);
    if is_awaited && packet.begins() {
        assert!(out.is_some(), "the keyframe that is waited for: {packet:?}");
        assert_eq!(outlet.awaited(), None);
    }
    let out = out?;
    let patch = out.patch.unwrap_or_default();
    let other = rewritten(packet.codec, &packet.payload, patch);
    let written = (packet.codec == VideoCodec::Vp8).then_some((patch.picture_id, patch.tl0_index));
    Some(Got {
        sequence: out.sequence,
        timestamp: out.timestamp,
        written,
        payload: other.map_or_else(|| packet.payload.clone(), |payload| payload.to_vec()),
        at,
        packet,
    })
}

proptest! {
    #[test]
    fn a_depacketizer_sees_no_break(
        starts in starts(),
        codecs in prop::array::uniform(codec()),
        deeds in deeds(),
    ) {
        let mut schedule = vec![(1, Deed::Aim(Some(Layer::Quarter)))];
        schedule.extend(Layer::ALL.map(|layer| (1, Deed::Keyframe(layer))));
        schedule.extend(deeds);
        let got = run(&starts, codecs, &schedule, &[false]);
        prop_assert!(!got.is_empty());
        depacketize(&got, true)?;
    }

    #[test]
    fn what_is_lost_before_it_comes_is_a_gap_and_nothing_else(
        starts in starts(),
        codecs in prop::array::uniform(codec()),
        deeds in deeds(),
        lost in prop::collection::vec(prop::bool::weighted(0.2), 1..97),
    ) {
        depacketize(&run(&starts, codecs, &deeds, &lost), false)?;
    }
}
