//! What a viewer's depacketizer sees, whatever switches between sources, their layers and their codecs,
//! however many of their pictures go on, whatever is lost or late, and wherever numbers begin. Nothing in here knows of a sender report: switching needs
//! none.

mod depacketizer;
mod pictures;

use std::collections::BTreeMap;

use proptest::prelude::*;

use self::depacketizer::depacketize;
use self::pictures::{Packet, Start, picture, start};
use super::outlet::{Arrival, VideoOutlet};
use super::picture::{Glance, rewrite};
use super::quality::{Quality, Temporal};
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
    Aim(Option<Quality>),
    /// Another source comes into the slot.
    Change(usize),
    /// The source goes on in another codec, with the SSRCs and numbers that it has.
    Recode(VideoCodec),
    /// A keyframe is asked for.
    Keyframe(Layer),
    /// Nothing comes for so many pictures.
    Silence(u8),
}

/// What becomes of a packet on its way.
#[derive(Clone, Copy, Debug)]
enum Way {
    Comes,
    /// Comes after the next pictures.
    Late,
    Lost,
}

/// What the viewer got of a packet.
#[derive(Debug)]
struct Got {
    sequence: u64,
    timestamp: u32,
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

fn quality() -> impl Strategy<Value = Quality> {
    let temporal = prop_oneof![1 => Just(Temporal::Base), 1 => Just(Temporal::Middle), 2 => Just(Temporal::All)];
    (layer(), temporal).prop_map(|(layer, temporal)| Quality { layer, temporal })
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![8 => Just(Way::Comes), 1 => Just(Way::Late), 1 => Just(Way::Lost)]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => quality().prop_map(|quality| Deed::Aim(Some(quality))),
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
    ways: &[Way],
) -> Vec<Got> {
    let mut outlet = VideoOutlet::new();
    let (mut source, mut frame, mut silent) = (0, 0, 0);
    let mut ways = ways.iter().copied().cycle();
    let mut got: BTreeMap<u64, Got> = BTreeMap::new();
    let mut take = |outlet: &mut VideoOutlet, at, packet| {
        if let Some(passed) = pass(outlet, at, packet) {
            let sequence = passed.sequence;
            let twice = got.insert(sequence, passed);
            assert!(twice.is_none(), "{sequence} twice");
        }
    };
    let mut late = Vec::new();
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
            Deed::Silence(pictures) => {
                silent += u64::from(pictures);
                // Nothing is as late as that.
                late.clear();
            }
        }
        for _ in 0..*pictures {
            frame += 1;
            let were_late = std::mem::take(&mut late);
            let time = frame + silent;
            for layer in Layer::ALL {
                let at = Time::from_micros(time * INTERVAL + layer as u64 * 700);
                let start = &starts[source * Layer::ALL.len() + layer as usize];
                let keyframe = asked.take_if(|asked| *asked == layer).is_some();
                let codec = codecs[source];
                for packet in picture((source, layer), codec, start, (frame, time), keyframe) {
                    match ways.next() {
                        Some(Way::Lost) => {}
                        Some(Way::Late) => late.push(packet),
                        Some(Way::Comes) | None => take(&mut outlet, at, packet),
                    }
                }
            }
            let at = Time::from_micros(time * INTERVAL + 3_000);
            for packet in were_late {
                if packet.source == source {
                    take(&mut outlet, at, packet);
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
    let mut payload = packet.payload.clone();
    rewrite(packet.codec, &mut payload, patch);
    Some(Got {
        sequence: out.sequence,
        timestamp: out.timestamp,
        payload,
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
        let mut schedule = vec![(1, Deed::Aim(Some(Quality::all(Layer::Quarter))))];
        schedule.extend(Layer::ALL.map(|layer| (1, Deed::Keyframe(layer))));
        schedule.extend(deeds);
        let got = run(&starts, codecs, &schedule, &[Way::Comes]);
        prop_assert!(!got.is_empty());
        depacketize(&got, true)?;
    }

    #[test]
    fn what_is_lost_is_a_gap_and_what_is_late_has_its_place(
        starts in starts(),
        codecs in prop::array::uniform(codec()),
        deeds in deeds(),
        ways in prop::collection::vec(way(), 1..97),
    ) {
        depacketize(&run(&starts, codecs, &deeds, &ways), false)?;
    }
}
