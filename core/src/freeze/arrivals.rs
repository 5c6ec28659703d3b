//! What came to a viewer of what was sent, by its transport-wide feedback.

use std::time::Duration;

use super::bins::Bins;
use super::course::Course;
use super::frames::Part;
use super::rhythm::Gap;
use crate::time::Time;

/// Packets that are remembered until they are told of.
const SENT: usize = 1_024;
/// Packets of one slot whose pictures are remembered.
const PARTS: usize = 256;
/// Gaps of one slot that nobody took yet.
const GAPS: usize = 8;
/// Clocks drift apart by 200 ppm at most.
const DRIFT: u64 = 5_000;
/// How long feedback may be under way, and be gathered before: 400 ms. As long as it is silent,
/// nothing shows that pictures do not come.
const PATIENCE: Duration = Duration::from_millis(400);
/// After so long it is itself a sign: 1.2 s.
const SILENCE: Duration = Duration::from_millis(1_200);

/// What became of packets to a viewer in a tenth of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Path {
    pub(crate) sent: u16,
    /// Told to have come, and not to.
    pub(crate) came: u16,
    pub(crate) lost: u16,
    /// Of those that came, how many were sent again.
    pub(crate) repairs: u16,
    /// How much longer than the quickest one the slowest was under way, ms.
    pub(crate) delay: u16,
    /// The longest time without feedback that ended, while there was something to tell. ms.
    pub(crate) silence: u16,
}

/// An RTP packet as it leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// Transport-wide.
    pub(crate) number: u16,
    /// Of which slot; `None`: of no pictures.
    pub(crate) slot: Option<u8>,
    /// It repeats another.
    pub(crate) repairs: bool,
    /// Its own, or that of the packet that it repeats.
    pub(crate) sequence: u16,
}

/// A packet that is under way.
#[derive(Clone, Copy, Debug, Default)]
struct UnderWay {
    number: u16,
    /// Of which slot; `None`: of no pictures.
    slot: Option<u8>,
    repairs: bool,
    sequence: u16,
    at: Time,
    came: bool,
    lost: bool,
}

/// All pictures to one viewer.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    sent: Vec<UnderWay>,
    /// The number behind the newest that was sent.
    newest: Option<u16>,
    /// The number behind the newest that was told of.
    told: Option<u16>,
    /// The count of the newest feedback.
    count: Option<u8>,
    clock: Option<Clock>,
    /// When feedback last came, or there was nothing to tell.
    heard: Time,
    slots: Vec<Slot>,
    /// Some slot has gaps that nobody took.
    gapped: bool,
    pub(crate) path: Bins<Path>,
}

/// The viewer's clock.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// What it shows for the quickest packet, less when that was sent. Microseconds.
    ahead: i64,
    set: Time,
}

/// The pictures of one slot.
#[derive(Debug)]
struct Slot {
    parts: Vec<Part>,
    course: Course,
    gaps: Vec<Gap>,
    /// The newest packet that was sent.
    sent: Time,
}

impl Arrivals {
    /// A slot for the pictures, or the sound, of one more stream, if there is room.
    pub(crate) fn slot(&mut self) -> Option<u8> {
        let place = u8::try_from(self.slots.len()).ok()?;
        self.slots.push(Slot {
            parts: vec![Part::default(); PARTS],
            course: Course::default(),
            gaps: Vec::new(),
            sent: Time::ZERO,
        });
        Some(place)
    }

    /// This will leave in a slot.
    pub(crate) fn written(&mut self, slot: u8, part: Part) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.parts[part.sequence as usize % PARTS] = part;
        }
    }

    /// A packet leaves.
    pub(crate) fn sent(&mut self, at: Time, packet: Sent) {
        // Who got no pictures yet has none that could freeze: padding and probes are nothing to remember.
        if self.slots.is_empty() {
            return;
        }
        if self.sent.is_empty() {
            self.sent = vec![UnderWay::default(); SENT];
        }
        if self.told == self.newest {
            self.heard = at;
        }
        let slot = packet.slot.map(usize::from);
        let slot = slot.and_then(|slot| self.slots.get_mut(slot));
        if let Some(slot) = slot.filter(|_| !packet.repairs) {
            slot.sent = at;
        }
        self.told.get_or_insert(packet.number);
        self.newest = Some(packet.number.wrapping_add(1));
        self.sent[usize::from(packet.number) % SENT] = UnderWay {
            number: packet.number,
            slot: packet.slot,
            repairs: packet.repairs,
            sequence: packet.sequence,
            at,
            came: false,
            lost: false,
        };
        self.path.at(at).sent += 1;
    }

    /// The viewer tells what came, as [`packets`](super::feedback::packets) reads it, in a feedback of this
    /// `count`.
    pub(crate) fn told(&mut self, now: Time, count: Option<u8>, told: &[(u16, Option<i64>)]) {
        let silent = now.since(self.heard).as_millis() as u16;
        self.heard = now;
        let bin = self.path.at(now);
        bin.silence = bin.silence.max(silent);
        let last = std::mem::replace(&mut self.count, count);
        let follows = last
            .zip(count)
            .is_some_and(|(last, count)| last.wrapping_add(1) == count);
        for (number, came) in told.iter().copied() {
            // What nothing is said of did not come, unless a feedback was lost that said that it did.
            while let Some(told) = self.told.filter(|told| is_before(*told, number)) {
                match follows {
                    true => self.lost(now, told),
                    false => self.came(now, told, None),
                }
                self.told = Some(told.wrapping_add(1));
            }
            match came {
                Some(at) => self.came(now, number, Some(at)),
                None => self.lost(now, number),
            }
            if self.told == Some(number) {
                self.told = Some(number.wrapping_add(1));
            }
        }
    }

    fn lost(&mut self, now: Time, number: u16) {
        let Some(packet) = self.sent.get_mut(usize::from(number) % SENT) else {
            return;
        };
        if packet.number != number || packet.came || packet.lost {
            return;
        }
        packet.lost = true;
        self.path.at(now).lost += 1;
    }

    /// A packet came: when by the viewer's clock, if that is known.
    fn came(&mut self, now: Time, number: u16, shown: Option<i64>) {
        let Some(packet) = self.sent.get_mut(usize::from(number) % SENT) else {
            return;
        };
        if packet.number != number || packet.came {
            return;
        }
        packet.came = true;
        let packet = *packet;
        let at = match shown {
            Some(shown) => self.by_our_clock(&packet, shown),
            None => packet.at,
        };
        let bin = self.path.at(now);
        bin.came += 1;
        bin.repairs += u16::from(packet.repairs);
        let delay = at.since(packet.at).as_millis();
        bin.delay = bin.delay.max(u16::try_from(delay).unwrap_or(u16::MAX));
        let slot = packet.slot.map(usize::from);
        if let Some(slot) = slot.and_then(|slot| self.slots.get_mut(slot)) {
            slot.came(at, &packet);
            self.gapped |= !slot.gaps.is_empty();
        }
    }

    fn by_our_clock(&mut self, packet: &UnderWay, shown: i64) -> Time {
        let took = shown - packet.at.as_micros().cast_signed();
        let clock = self.clock.get_or_insert(Clock {
            ahead: took,
            set: packet.at,
        });
        let drift = (packet.at.since(clock.set).as_micros() as u64 / DRIFT).cast_signed();
        *clock = Clock {
            ahead: (clock.ahead + drift).min(took),
            set: packet.at.max(clock.set),
        };
        packet.at + Duration::from_micros((took - clock.ahead).max(0).cast_unsigned())
    }

    /// What comes next in a slot is another picture.
    pub(crate) fn forget(&mut self, slot: u8) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.course.forget();
            slot.gaps.clear();
        }
    }

    /// The gaps of a slot that ended since this was last asked.
    pub(crate) fn take_gaps(&mut self, slot: u8) -> Vec<Gap> {
        self.gapped = false;
        let slot = self.slots.get_mut(usize::from(slot));
        slot.map_or(Vec::new(), |slot| std::mem::take(&mut slot.gaps))
    }

    /// Whether there are any.
    pub(crate) fn has_gaps(&self) -> bool {
        self.gapped
    }

    /// Since when a slot shows nothing, if that is a freeze at `now`, as far as is known: other packets are
    /// told of, or nothing has been for long, though the viewer `speaks` of other things.
    pub(crate) fn open(&self, now: Time, slot: u8, speaks: bool) -> Option<Gap> {
        let slot = self.slots.get(usize::from(slot))?;
        let (due, gap) = slot.course.due()?;
        let silence = self.silence(now);
        let is_known = silence < PATIENCE || (speaks && silence >= SILENCE);
        (is_known && slot.sent > due && now > due + PATIENCE).then_some(gap)
    }

    /// Whether something is missing in a slot, for so long that only a keyframe helps.
    pub(crate) fn is_stuck(&self, now: Time, slot: u8) -> bool {
        let slot = self.slots.get(usize::from(slot));
        slot.is_some_and(|slot| slot.course.is_stuck(now))
    }

    /// The time for which nothing was told, though there is something to tell.
    pub(crate) fn silence(&self, now: Time) -> Duration {
        match self.told == self.newest {
            true => Duration::ZERO,
            false => now.since(self.heard),
        }
    }
}

impl Slot {
    fn came(&mut self, at: Time, packet: &UnderWay) {
        let part = self.parts[usize::from(packet.sequence) % PARTS];
        if part.sequence as u16 != packet.sequence {
            return;
        }
        let gap = self.course.packet(part, at);
        if self.gaps.len() < GAPS {
            self.gaps.extend(gap);
        }
    }
}

fn is_before(number: u16, other: u16) -> bool {
    (other.wrapping_sub(number) as i16) > 0
}
