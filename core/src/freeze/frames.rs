//! Which pictures of a stream can be decoded.

use std::collections::VecDeque;

/// Packets that wait for what is missing before them, at most: two seconds of a large picture.
const WAITING: usize = 512;

/// A packet of a picture, as far as decoding cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Extended sequence number.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    /// The last of its picture.
    pub(crate) marker: bool,
    /// A keyframe begins with it.
    pub(crate) key: bool,
    /// It is known to be the first of its picture.
    pub(crate) first: bool,
    /// TL0PICIDX of its picture, if that is of the lowest temporal layer.
    pub(crate) base: Option<u8>,
    /// It is of a sound, and nothing of the above but its number and its time is set.
    pub(crate) sound: bool,
}

/// What of a stream came, and what of that can be decoded. What is not repaired is missing until a picture
/// begins that does not depend on it.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Whether a keyframe came.
    begun: bool,
    /// All before it are decoded, or given up.
    next: u64,
    /// TL0PICIDX of the newest picture of the lowest temporal layer that was decoded.
    base: Option<u8>,
    /// What came behind something that is missing, by its number.
    waiting: VecDeque<Part>,
}

impl Frames {
    /// Takes a packet; calls `decodes` with the timestamp of each picture that can be decoded now.
    pub(crate) fn take(&mut self, part: Part, mut decodes: impl FnMut(u32)) {
        if !self.begun {
            if !part.key {
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
        let place = self
            .waiting
            .partition_point(|other| other.sequence < part.sequence);
        let there = self.waiting.get(place);
        if there.is_some_and(|there| there.sequence == part.sequence) {
            return;
        }
        self.waiting.insert(place, part);
        if let Some((last, decodable)) = self.skips_to(place)
            && decodable
        {
            self.waiting.drain(..last);
            if let Some(end) = self.waiting.pop_front() {
                self.next = end.sequence;
                self.base = None;
                self.advance(&end).into_iter().for_each(&mut decodes);
            }
        }
        while let Some(front) = self.waiting.front().copied()
            && front.sequence == self.next
        {
            self.waiting.pop_front();
            self.advance(&front).into_iter().for_each(&mut decodes);
        }
        if self.waiting.len() > WAITING {
            self.waiting.pop_front();
        }
    }

    /// All before this number was decoded.
    pub(crate) fn resume(&mut self, sequence: u64) {
        (self.begun, self.next) = (true, sequence);
    }

    /// Whether something came that can't be decoded for what is missing before it.
    pub(crate) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a packet is the next, and nothing is missing before it.
    #[inline]
    pub(crate) fn follows(&self, part: &Part) -> bool {
        self.begun && part.sequence == self.next && self.waiting.is_empty()
    }

    /// All before a packet is there, and so is this one now. Gives the timestamp of its picture, if that is whole.
    #[inline]
    pub(crate) fn advance(&mut self, part: &Part) -> Option<u32> {
        self.next = part.sequence + 1;
        if part.base.is_some() {
            self.base = part.base;
        }
        part.marker.then_some(part.timestamp)
    }

    /// Where the picture ends that the packet in this place belongs to, if it is all there, and whether it
    /// can be decoded without what is missing.
    fn skips_to(&self, place: usize) -> Option<(usize, bool)> {
        let this = self.waiting.get(place)?;
        let is_of_it = |at: usize| {
            let part = self.waiting.get(at)?;
            let ahead = part.sequence.abs_diff(this.sequence) == at.abs_diff(place) as u64;
            (ahead && part.timestamp == this.timestamp).then_some(part)
        };
        let first = (0..=place).rev().map_while(is_of_it).last()?;
        let mut last = place;
        while let Some(part) = is_of_it(last)
            && !part.marker
        {
            last += 1;
        }
        is_of_it(last)?;
        let follows = |base: u8, of: u8| base == of.wrapping_add(1);
        let bases = first.base.zip(self.base);
        let continues = first.first && bases.is_some_and(|(base, of)| follows(base, of));
        Some((last, first.key || continues))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of two packets: a keyframe, then as VP8 makes them in three temporal layers, or in one.
    fn part(sequence: u64, layers: bool) -> Part {
        let picture = sequence / 2;
        Part {
            sequence,
            timestamp: picture as u32,
            marker: sequence % 2 == 1,
            key: sequence == 0,
            first: sequence.is_multiple_of(2),
            base: (layers && picture.is_multiple_of(4)).then_some((picture / 4) as u8),
            sound: false,
        }
    }

    /// What is decoded, and after which packet.
    fn decoded(parts: impl IntoIterator<Item = Part>) -> Vec<(u32, u64)> {
        let mut frames = Frames::default();
        let mut all = Vec::new();
        for part in parts {
            frames.take(part, |timestamp| all.push((timestamp, part.sequence)));
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
        parts[8].key = true;
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
            frames.take(part(n, false), |_| {});
        }
        assert!(frames.waiting.len() <= WAITING);
    }
}
