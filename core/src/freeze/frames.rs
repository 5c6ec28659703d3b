//! Which pictures of a stream can be decoded.

use std::collections::VecDeque;

use bitflags::bitflags;

use crate::time::Time;

/// Packets that wait for what is missing before them, at most: two seconds of a large picture.
const WAITING: usize = 512;

bitflags! {
    /// What a packet is.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Kind: u8 {
        /// The last of its picture.
        const MARKER = 1;
        /// A keyframe begins with it.
        const KEY = 1 << 1;
        /// It is known to be the first of its picture.
        const FIRST = 1 << 2;
        /// Its picture is known to be of the lowest temporal layer.
        const BASE = 1 << 3;
        /// It is of a sound, of which nothing else but numbers and times is known.
        const SOUND = 1 << 4;
        /// It repeats another.
        const REPAIRS = 1 << 5;
    }
}

/// A packet of a picture, as far as decoding cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Extended sequence number.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) kind: Kind,
    /// TL0PICIDX of its picture, if that is [`Kind::BASE`].
    pub(crate) base: u8,
}

impl Part {
    /// `base`: TL0PICIDX of its picture. Where that is not known, [`Kind::BASE`] says nothing.
    #[inline]
    pub(crate) fn new(sequence: u64, timestamp: u32, kind: Kind, base: Option<u8>) -> Self {
        let unknown = if base.is_none() {
            Kind::BASE
        } else {
            Kind::empty()
        };
        Self {
            sequence,
            timestamp,
            kind: kind - unknown,
            base: base.unwrap_or_default(),
        }
    }

    /// Whether it is one of these.
    #[inline]
    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kind.intersects(kind)
    }

    fn base(&self) -> Option<u8> {
        self.is(Kind::BASE).then_some(self.base)
    }
}

/// What of a stream came, and what of that can be decoded. What is not repaired is missing until a picture
/// begins that does not depend on it.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// All before it are decoded, or given up.
    next: u64,
    /// What came behind something that is missing, if anything did.
    waiting: Option<Box<Waiting>>,
    /// Whether a keyframe came.
    begun: bool,
    /// TL0PICIDX of the newest picture of the lowest temporal layer that was decoded.
    base: Option<u8>,
}

/// What can't be decoded for what is missing before it.
#[derive(Debug)]
struct Waiting {
    since: Time,
    /// By its number.
    parts: VecDeque<Part>,
}

impl Frames {
    /// Takes a packet; calls `decodes` with the timestamp of each picture that can be decoded now.
    pub(crate) fn take(&mut self, part: Part, at: Time, mut decodes: impl FnMut(u32)) {
        if !self.begun {
            if !part.is(Kind::KEY) {
                return;
            }
            (self.begun, self.next) = (true, part.sequence);
        }
        if self.follows(&part) {
            self.advance(&part).into_iter().for_each(decodes);
            return;
        }
        if part.sequence < self.next {
            return;
        }
        let mut waiting = self.waiting.take().unwrap_or_else(|| {
            let parts = VecDeque::new();
            Box::new(Waiting { since: at, parts })
        });
        if let Some(last) = waiting.insert(part, self.base) {
            waiting.parts.drain(..last);
            if let Some(end) = waiting.parts.pop_front() {
                self.next = end.sequence;
                self.base = None;
                self.advance(&end).into_iter().for_each(&mut decodes);
            }
        }
        while let Some(front) = waiting.parts.front().copied()
            && front.sequence == self.next
        {
            waiting.parts.pop_front();
            self.advance(&front).into_iter().for_each(&mut decodes);
        }
        if waiting.parts.len() > WAITING {
            waiting.parts.pop_front();
        }
        self.waiting = (!waiting.parts.is_empty()).then_some(waiting);
    }

    /// All before this number was decoded.
    pub(crate) fn resume(&mut self, sequence: u64) {
        (self.begun, self.next) = (true, sequence);
    }

    /// Since when what comes can't be decoded for what is missing before it.
    pub(crate) fn waits(&self) -> Option<Time> {
        Some(self.waiting.as_ref()?.since)
    }

    /// Whether a packet is the next, and nothing is missing before it.
    #[inline]
    pub(crate) fn follows(&self, part: &Part) -> bool {
        part.sequence == self.next && self.begun && self.waiting.is_none()
    }

    /// All before a packet is there, and so is this one now. Gives the timestamp of its picture, if that is whole.
    #[inline]
    pub(crate) fn advance(&mut self, part: &Part) -> Option<u32> {
        self.next = part.sequence + 1;
        self.base = part.base().or(self.base);
        part.is(Kind::MARKER).then_some(part.timestamp)
    }
}

impl Waiting {
    /// Takes a packet. Gives the place of the last one of its picture, if that is all there and can be decoded without
    /// what is missing; `base`: behind this picture.
    fn insert(&mut self, part: Part, base: Option<u8>) -> Option<usize> {
        let parts = &mut self.parts;
        let place = parts.partition_point(|other| other.sequence < part.sequence);
        let there = parts.get(place);
        if there.is_some_and(|there| there.sequence == part.sequence) {
            return None;
        }
        parts.insert(place, part);
        let is_of_it = |at: usize| {
            let other = parts.get(at)?;
            let ahead = other.sequence.abs_diff(part.sequence) == at.abs_diff(place) as u64;
            (ahead && other.timestamp == part.timestamp).then_some(other)
        };
        let first = (0..=place).rev().map_while(is_of_it).last()?;
        let mut last = place;
        while let Some(part) = is_of_it(last)
            && !part.is(Kind::MARKER)
        {
            last += 1;
        }
        is_of_it(last)?;
        let follows = |base: u8, of: u8| base == of.wrapping_add(1);
        let bases = first.base().zip(base);
        let continues = first.is(Kind::FIRST) && bases.is_some_and(|(base, of)| follows(base, of));
        (first.is(Kind::KEY) || continues).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of two packets: a keyframe, then as VP8 makes them in three temporal layers, or in one.
    fn part(sequence: u64, layers: bool) -> Part {
        let picture = sequence / 2;
        let mut kind = Kind::empty();
        kind.set(Kind::MARKER, sequence % 2 == 1);
        kind.set(Kind::KEY, sequence == 0);
        kind.set(Kind::FIRST, sequence.is_multiple_of(2));
        kind.set(Kind::BASE, layers && picture.is_multiple_of(4));
        Part {
            sequence,
            timestamp: picture as u32,
            kind,
            base: (picture / 4) as u8,
        }
    }

    /// What is decoded, and after which packet.
    fn decoded(parts: impl IntoIterator<Item = Part>) -> Vec<(u32, u64)> {
        let mut frames = Frames::default();
        let mut all = Vec::new();
        for part in parts {
            frames.take(part, Time::ZERO, |timestamp| {
                all.push((timestamp, part.sequence))
            });
        }
        all
    }

    #[test]
    fn nothing_is_decoded_before_a_keyframe_and_then_each_picture_with_its_last_packet() {
        let late = (1..6).map(|n| part(n, false));
        assert_eq!(decoded(late), []);
        let all = (0..6).map(|n| part(n, false));
        assert_eq!(decoded(all), [(0, 1), (1, 3), (2, 5)]);
    }

    #[test]
    fn what_is_missing_holds_up_all_behind_it_until_it_comes() {
        let order = [0, 1, 3, 4, 5, 2, 6, 7];
        let all = order.map(|n| part(n, false));
        assert_eq!(decoded(all), [(0, 1), (1, 2), (2, 2), (3, 7)]);
        let twice = [0, 1, 3, 3, 1, 2, 2].map(|n| part(n, false));
        assert_eq!(decoded(twice), [(0, 1), (1, 2)]);
    }

    #[test]
    fn a_keyframe_ends_what_is_missing() {
        let mut parts: Vec<Part> = (0..12).map(|n| part(n, false)).collect();
        parts[8].kind |= Kind::KEY;
        parts.remove(2);
        assert_eq!(decoded(parts), [(0, 1), (4, 9), (5, 11)]);
    }

    #[test]
    fn a_picture_of_a_higher_layer_is_missed_until_the_next_of_the_lowest() {
        // Picture 1 is lost: nothing until 4, which needs none but 0.
        let parts = (0..20)
            .filter(|n| ![2, 3].contains(n))
            .map(|n| part(n, true));
        let pictures: Vec<u32> = decoded(parts).into_iter().map(|(at, _)| at).collect();
        assert_eq!(pictures, [0, 4, 5, 6, 7, 8, 9]);
        // One of the lowest is lost: nothing behind it.
        let parts = (0..40).filter(|n| *n != 8).map(|n| part(n, true));
        let pictures: Vec<u32> = decoded(parts).into_iter().map(|(at, _)| at).collect();
        assert_eq!(pictures, [0, 1, 2, 3]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut frames = Frames::default();
        for n in (0..5_000).filter(|n| *n != 2) {
            frames.take(part(n, false), Time::ZERO, |_| {});
        }
        assert!(
            frames
                .waiting
                .is_some_and(|waiting| waiting.parts.len() <= WAITING)
        );
    }
}
