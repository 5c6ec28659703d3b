//! Packets that were sent, to be sent again (RFC 4588). Payloads are shared with everybody else who got them.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::VideoCodec;
use crate::forward::VideoPatch;
use crate::freeze::Part;
use crate::time::Time;
use crate::transport::Extensions;

/// What is kept to be sent again: of all but the largest pictures a second, as in libwebrtc. No viewer waits for longer: a
/// keyframe was asked for long before.
const PACKETS: usize = 1_024;
const AGE: Duration = Duration::from_secs(1);
/// For so long, what was sent again may be on its way, and is not sent once more. 40 ms: a round trip of near
/// links; who is farther away asks less often.
const UNDER_WAY: Duration = Duration::from_millis(40);
/// Places at the beginning: a small layer needs no more.
const FIRST: usize = 64;

/// A packet as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) part: Part,
    pub(super) at: Time,
    /// When it was last sent again because it is missing.
    pub(super) again: Option<Time>,
    /// With which it is sent again.
    pub(super) payload_type: u8,
    pub(super) extensions: Extensions,
    pub(super) codec: VideoCodec,
    pub(super) patch: Option<VideoPatch>,
    pub(super) payload: Arc<[u8]>,
}

/// Those of one stream.
#[derive(Debug, Default)]
pub(super) struct Keep {
    /// By their numbers, modulo how many there are: as few as will do, because each holds a payload until another comes.
    places: Vec<Option<Kept>>,
    newest: u64,
}

impl Keep {
    pub(super) fn keep(&mut self, kept: Kept) {
        if self.places.is_empty() {
            self.places.resize(FIRST, None);
        }
        let place = self.place(kept.part.sequence);
        let before = self.places[place].as_ref();
        if before.is_some_and(|before| is_young(before, kept.at)) && self.places.len() < PACKETS {
            self.grow();
            return self.keep(kept);
        }
        self.newest = self.newest.max(kept.part.sequence);
        self.places[place] = Some(kept);
    }

    fn grow(&mut self) {
        let places = (self.places.len() * 5 / 4).min(PACKETS);
        let before = std::mem::replace(&mut self.places, vec![None; places]);
        for kept in before.into_iter().flatten() {
            let place = self.place(kept.part.sequence);
            self.places[place] = Some(kept);
        }
    }

    /// The packet with this number, unless it is too old.
    pub(super) fn get(&self, t: Time, sequence: u64) -> Option<&Kept> {
        let kept = self.places.get(self.place(sequence))?.as_ref()?;
        (kept.part.sequence == sequence && is_young(kept, t)).then_some(kept)
    }

    /// Bytes of a packet that is missing, unless it is too old, or may be on its way again.
    pub(super) fn missing(&self, t: Time, sequence: u64) -> Option<usize> {
        let kept = self.get(t, sequence)?;
        let waits = kept.again.is_some_and(|again| t.since(again) < UNDER_WAY);
        (!waits).then_some(kept.payload.len())
    }

    /// It is sent again.
    pub(super) fn repeated(&mut self, t: Time, sequence: u64) {
        let place = self.place(sequence);
        if let Some(Some(kept)) = self.places.get_mut(place) {
            kept.again = Some(t);
        }
    }

    /// The packets that are not too old, the newest first.
    pub(super) fn newest(&self, t: Time) -> impl Iterator<Item = &Kept> {
        let numbers = (0..self.places.len() as u64).map_while(|back| self.newest.checked_sub(back));
        numbers.map_while(move |number| self.get(t, number))
    }

    /// Nothing that was kept is sent again.
    pub(super) fn clear(&mut self) {
        self.places = Vec::new();
    }

    fn place(&self, sequence: u64) -> usize {
        sequence as usize % self.places.len().max(1)
    }
}

fn is_young(kept: &Kept, t: Time) -> bool {
    t.since(kept.at) <= AGE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(sequence: u64, at: Time) -> Kept {
        Kept {
            part: Part {
                sequence,
                ..Part::default()
            },
            at,
            again: None,
            payload_type: 97,
            extensions: Extensions::default(),
            codec: VideoCodec::Vp8,
            patch: None,
            payload: Arc::from([1, 2]),
        }
    }

    #[test]
    fn what_is_young_is_there_and_no_more_than_so_many() {
        let mut keep = Keep::default();
        assert!(keep.get(Time::ZERO, 0).is_none());
        for number in 0..5_000 {
            keep.keep(kept(number, Time::from_micros(500 * number)));
            assert!(keep.places.len() <= PACKETS);
        }
        let now = Time::from_millis(2_500);
        assert!(keep.get(now, 4_999).is_some() && keep.get(now, 4_999 - 1_023).is_some());
        assert!(keep.get(now, 4_999 - 1_024).is_none() && keep.get(now, 9_999).is_none());
        assert_eq!(keep.newest(now).count(), PACKETS);
        assert!(keep.get(Time::from_millis(3_499), 4_999).is_some());
        assert!(keep.get(Time::from_millis(3_500), 4_999).is_none());
        keep.clear();
        assert_eq!(keep.newest(now).count(), 0);
    }

    #[test]
    fn what_may_be_on_its_way_is_not_missing() {
        let mut keep = Keep::default();
        keep.keep(kept(7, Time::ZERO));
        let at = Time::from_millis;
        assert_eq!(keep.missing(at(10), 7), Some(2));
        keep.repeated(at(10), 7);
        assert_eq!(keep.missing(at(49), 7), None);
        assert_eq!(keep.missing(at(50), 7), Some(2));
    }

    #[test]
    fn few_packets_take_little_room() {
        let mut keep = Keep::default();
        for number in 0..1_000 {
            keep.keep(kept(number, Time::from_millis(100 * number)));
        }
        assert_eq!(keep.places.len(), FIRST);
    }
}
