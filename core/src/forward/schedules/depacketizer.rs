//! A receiver that expects one encoder for ever, and knows payload formats from their specifications.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Got, TICKS};
use crate::codec::VideoCodec;

/// Picture id, with what of it counts, and TL0 index.
#[derive(Clone, Copy, Debug)]
struct Ids {
    id: u16,
    mask: u16,
    tl0: u8,
}

/// Checks what came, in the order of its numbers.
pub(super) fn depacketize(got: &[Got], lossless: bool) -> Result<(), TestCaseError> {
    let mut last_ids: Option<Ids> = None;
    let mut before: Option<&Got> = None;
    let mut shown = BTreeSet::new();
    for now in got {
        if begins(now) {
            shown.clear();
        }
        if lossless {
            let needs = now.packet.needs;
            prop_assert!(
                has_what_it_needs(&shown, now.packet.frame, needs),
                "{now:?}"
            );
        }
        shown.insert(now.packet.frame);
        let ids = ids(now);
        let steps = last_ids.zip(ids).map(|(before, now)| {
            let id = now.id.wrapping_sub(before.id) & now.mask;
            (id, now.tl0.wrapping_sub(before.tl0))
        });
        match before {
            None => prop_assert!(begins(now), "the first can be decoded: {now:?}"),
            Some(before) => follows(before, now, steps, ids, lossless)?,
        }
        before = Some(now);
        last_ids = ids.or(last_ids);
    }
    Ok(())
}

/// Whether a picture can be decoded after these: what it depends on is there, or a keyframe behind that.
fn has_what_it_needs(shown: &BTreeSet<u64>, frame: u64, needs: Option<u64>) -> bool {
    let keyframe = shown.first().copied().unwrap_or(frame);
    needs.is_none_or(|needs| shown.contains(&frame.saturating_sub(needs).max(keyframe)))
}

fn follows(
    before: &Got,
    now: &Got,
    steps: Option<(u16, u8)>,
    ids: Option<Ids>,
    lossless: bool,
) -> Result<(), TestCaseError> {
    let step = now.sequence - before.sequence;
    let ticks = now.timestamp.wrapping_sub(before.timestamp);
    let same_stream = before.packet.stream() == now.packet.stream();
    let is_next = step == 1 && steps.is_none_or(|steps| steps == (1, 1));
    if !same_stream || (begins(now) && is_next) {
        prop_assert!(
            begins(now),
            "another stream begins with its keyframe: {now:?}"
        );
        prop_assert!(is_next, "{before:?} {now:?}");
        // What comes late waited for the next picture.
        let real = now.at.as_micros().saturating_sub(before.at.as_micros()) * 9 / 100;
        let most = if lossless { TICKS } else { 3 * TICKS };
        prop_assert!(ticks > 0 && u64::from(ticks).abs_diff(real) <= most.into());
        return Ok(());
    }
    // Inside a stretch the distances of the source stay, but for what was left out.
    let frames = now.packet.frame - before.packet.frame;
    if let (Some((id, tl0)), Some(ids)) = (steps, ids) {
        let all = frames & u64::from(ids.mask);
        let next = u64::from(frames > 0);
        match now.packet.codec {
            VideoCodec::Vp8 if lossless => prop_assert_eq!(u64::from(id), next),
            VideoCodec::Vp8 => prop_assert!((next..=all).contains(&u64::from(id))),
            // Pictures say by their ids on which they depend.
            _ => prop_assert_eq!(u64::from(id), all),
        }
        prop_assert_eq!(u64::from(tl0), frames & 0xff);
    }
    prop_assert_eq!(ticks, (now.packet.time - before.packet.time) as u32 * TICKS);
    prop_assert!(step == 1 || !lossless, "{before:?} {now:?}");
    if step == 1 {
        prop_assert!(fits(before, now, frames == 0), "{before:?} {now:?}");
    }
    Ok(())
}

/// The numbers in a payload as it was sent.
fn ids(got: &Got) -> Option<Ids> {
    let payload = &got.payload;
    let at = match got.packet.codec {
        VideoCodec::Vp8 => 2,
        VideoCodec::Vp9 => 1,
        VideoCodec::H264 | VideoCodec::Av1 => {
            assert_eq!(*payload, got.packet.payload, "nothing is to be written");
            return None;
        }
    };
    let long = payload[at] & 0x80 != 0;
    let mask = if long { 0x7fff } else { 0x7f };
    let id = match long {
        true => u16::from_be_bytes([payload[at], payload[at + 1]]) & mask,
        false => payload[at].into(),
    };
    let behind = at + if long { 2 } else { 1 };
    // In VP9, the layers are in between.
    let tl0 = payload[behind + usize::from(got.packet.codec == VideoCodec::Vp9)];
    Some(Ids { id, mask, tl0 })
}

/// Whether a decoder can begin here.
fn begins(got: &Got) -> bool {
    let payload = &got.payload;
    match got.packet.codec {
        // S and the first partition; P of the frame behind it.
        VideoCodec::Vp8 => payload[0] & 0x1f == 0x10 && payload.last().is_some_and(|p| p & 1 == 0),
        // B without P.
        VideoCodec::Vp9 => payload[0] & 0x48 == 0x08,
        // A sequence parameter set, the first of several.
        VideoCodec::H264 => payload[0] & 0x1f == 24 && payload[3] & 0x1f == 7,
        // N, and then the OBU of a sequence header.
        VideoCodec::Av1 => payload[0] & 0x88 == 0x08 && payload[2] >> 3 == 1,
    }
}

/// Whether two packets of one stream that follow each other can be put together. `same`: they are of one
/// picture.
fn fits(before: &Got, now: &Got, same: bool) -> bool {
    let (a, b) = (&before.payload, &now.payload);
    match now.packet.codec {
        VideoCodec::Vp8 => (b[0] & 0x10 == 0) == same,
        // E and B.
        VideoCodec::Vp9 => (a[0] & 0x04 == 0) == same && (b[0] & 0x08 == 0) == same,
        VideoCodec::H264 => {
            let part = |payload: &[u8]| (payload[0] & 0x1f == 28).then(|| payload[1]);
            let is_open = part(a).is_some_and(|header| header & 0x40 == 0);
            let goes_on = part(b).is_some_and(|header| header & 0x80 == 0);
            is_open == goes_on
        }
        // Y and Z.
        VideoCodec::Av1 => (a[0] & 0x40 != 0) == (b[0] & 0x80 != 0) && (b[0] & 0x80 != 0) == same,
    }
}
