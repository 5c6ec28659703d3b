//! What a viewer's depacketizer sees, whatever switches between sources and their layers, whatever
//! is lost, and wherever numbers begin.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::outlet::{Arrival, Renumbered, VideoOutlet};
use crate::ids::Layer;
use crate::time::Time;

/// Between two pictures. Microseconds.
const INTERVAL: u64 = 33_333;
const TICKS: u32 = 3_000;

/// Where a layer's numbers begin.
#[derive(Clone, Copy, Debug)]
struct Start {
    sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0_index: u8,
}

/// What happens before a picture is taken.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Aim(Option<Layer>),
    /// Another source comes into the slot.
    Change(usize),
    /// A keyframe is asked for.
    Keyframe(Layer),
    /// Nothing comes for so many pictures.
    Silence(u8),
}

/// One packet on its way, and whether it is lost before it comes.
struct Packet {
    source: usize,
    layer: Layer,
    frame: u64,
    first: bool,
    keyframe: bool,
    sequence: u64,
    timestamp: u32,
    payload: Vec<u8>,
}

/// What the viewer got of one.
#[derive(Debug)]
struct Got {
    out: Renumbered,
    at: Time,
    source: usize,
    layer: Layer,
    frame: u64,
    first: bool,
    keyframe: bool,
}

const SOURCES: usize = 2;

fn start() -> impl Strategy<Value = Start> {
    let near = |end: u64| prop_oneof![0..end, end.saturating_sub(40)..end];
    (near(1 << 16), near(1 << 32), near(1 << 15), near(1 << 8)).prop_map(
        |(sequence, timestamp, picture_id, tl0_index)| Start {
            sequence,
            timestamp: timestamp as u32,
            picture_id: picture_id as u16,
            tl0_index: tl0_index as u8,
        },
    )
}

fn layer() -> impl Strategy<Value = Layer> {
    prop::sample::select(&Layer::ALL[..])
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => layer().prop_map(|layer| Deed::Aim(Some(layer))),
        1 => Just(Deed::Aim(None)),
        2 => (0..SOURCES).prop_map(Deed::Change),
        12 => layer().prop_map(Deed::Keyframe),
        1 => (1..80u8).prop_map(Deed::Silence),
    ]
}

/// The packets of one picture of one layer: one in the smallest, three in the largest.
fn picture(source: usize, layer: Layer, start: &Start, frame: u64, keyframe: bool) -> Vec<Packet> {
    let parts = layer as u64 + 1;
    let picture_id = (start.picture_id.wrapping_add(frame as u16) & 0x7fff) | 0x8000;
    let [high, low] = picture_id.to_be_bytes();
    let tl0_index = start.tl0_index.wrapping_add(frame as u8);
    let packet = |part| Packet {
        source,
        layer,
        frame,
        first: part == 0,
        keyframe,
        sequence: start.sequence + frame * parts + part,
        timestamp: start.timestamp.wrapping_add(frame as u32 * TICKS),
        // RFC 7741, 4.2: X, and S in the first packet; I, L and T; then P of the payload header.
        payload: vec![
            if part == 0 { 0x90 } else { 0x80 },
            0xe0,
            high,
            low,
            tl0_index,
            0,
            u8::from(!keyframe),
        ],
    };
    (0..parts).map(packet).collect()
}

/// Runs a schedule; gives what the viewer got, in the order of its numbers.
fn run(starts: &[Start], deeds: &[(u8, Deed)], lost: &[bool]) -> Vec<Got> {
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
            Deed::Keyframe(layer) => asked = Some(layer),
            Deed::Silence(pictures) => frame += u64::from(pictures),
        }
        for _ in 0..*pictures {
            frame += 1;
            for layer in Layer::ALL {
                let start = &starts[source * Layer::ALL.len() + layer as usize];
                let keyframe = asked.take_if(|asked| *asked == layer).is_some();
                for packet in picture(source, layer, start, frame, keyframe) {
                    if lost.next() == Some(true) {
                        continue;
                    }
                    let at = Time::from_micros(frame * INTERVAL + layer as u64 * 700);
                    let arrival = Arrival {
                        at,
                        layer,
                        ssrc: (packet.source * 10 + layer as usize) as u32,
                        sequence: packet.sequence,
                        timestamp: packet.timestamp,
                        payload: &packet.payload,
                    };
                    let Some(out) = outlet.pass(&arrival) else {
                        continue;
                    };
                    let twice = got.insert(
                        out.sequence,
                        Got {
                            out,
                            at,
                            source: packet.source,
                            layer: packet.layer,
                            frame: packet.frame,
                            first: packet.first,
                            keyframe: packet.keyframe,
                        },
                    );
                    assert!(twice.is_none(), "{} twice", out.sequence);
                }
            }
        }
    }
    got.into_values().collect()
}

/// A depacketizer that expects one encoder.
fn depacketize(got: &[Got], lossless: bool) -> Result<(), TestCaseError> {
    for pair in got.windows(2) {
        let [before, now] = pair else { unreachable!() };
        let step = now.out.sequence - before.out.sequence;
        let ticks = now.out.timestamp.wrapping_sub(before.out.timestamp);
        let patch = |got: &Got| got.out.patch.and_then(|p| p.picture_id.zip(p.tl0_index));
        let (Some((id_before, tl0_before)), Some((id, tl0))) = (patch(before), patch(now)) else {
            return Err(TestCaseError::fail("no picture id"));
        };
        let ids = id.wrapping_sub(id_before) & 0x7fff;
        let tl0s = tl0.wrapping_sub(tl0_before);
        prop_assert!(id <= 0x7fff);
        let same_stream = (before.source, before.layer) == (now.source, now.layer);
        let begins = now.keyframe && now.first;
        if !same_stream || (begins && step == 1 && ids == 1) {
            prop_assert!(begins, "another stream begins with its keyframe: {now:?}");
            prop_assert_eq!((step, ids, tl0s), (1, 1, 1));
            let real = (now.at.as_micros() - before.at.as_micros()) * 9 / 100;
            prop_assert!(ticks > 0 && u64::from(ticks).abs_diff(real) <= TICKS.into());
        } else {
            // Inside a stretch the distances of the source stay.
            let frames = now.frame - before.frame;
            prop_assert_eq!(u64::from(ids), frames & 0x7fff);
            prop_assert_eq!(u64::from(tl0s), frames & 0xff);
            prop_assert_eq!(ticks, frames as u32 * TICKS);
            let is_whole = step == 1;
            let silent = frames > 1;
            prop_assert!(is_whole || silent || !lossless, "{before:?} {now:?}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_depacketizer_sees_no_break(
        starts in prop::collection::vec(start(), SOURCES * Layer::ALL.len()),
        deeds in prop::collection::vec((1..12u8, deed()), 1..60),
    ) {
        let mut schedule = vec![(1, Deed::Aim(Some(Layer::Quarter)))];
        schedule.extend(Layer::ALL.map(|layer| (1, Deed::Keyframe(layer))));
        schedule.extend(deeds);
        let got = run(&starts, &schedule, &[false]);
        prop_assert!(!got.is_empty());
        depacketize(&got, true)?;
    }

    #[test]
    fn what_is_lost_before_it_comes_is_a_gap_and_nothing_else(
        starts in prop::collection::vec(start(), SOURCES * Layer::ALL.len()),
        deeds in prop::collection::vec((1..12u8, deed()), 1..60),
        lost in prop::collection::vec(prop::bool::weighted(0.2), 1..97),
    ) {
        depacketize(&run(&starts, &deeds, &lost), false)?;
    }
}
