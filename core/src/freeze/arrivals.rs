//! What came to a viewer of what was sent, by its transport-wide feedback.
//!
//! As long as all comes, and in time, nothing is looked at but that: what was sent is written down, and gone through
//! when something happens that may be a gap, up to the present, and packet by packet for a while.
//!
//! ```text
//!  sent ──► ring ──────────────── catch_up ──► Course of each slot ─► gaps
//!             │                       ▲
//!             ├─ a pause, a repair ───┤ a while of attention
//!  told ──► all of it came in time? ──┘
//!             └─ yes ─► a number is moved
//! ```

use std::time::Duration;

use smallvec::SmallVec;

use super::bins::Bins;
use super::course::Course;
use super::frames::Part;
use super::rhythm::Gap;
use crate::time::Time;

/// Packets that are remembered until they are told of, and some behind that: at first, and where so many are under way.
/// Powers of two. As few as will do, because memory is written to for each.
const FIRST: usize = 256;
const MOST: usize = 2_048;
/// Slots of which what each packet needs lies with the rest.
const HEADS: usize = 4;
/// Gaps of one slot that nobody took yet.
const GAPS: usize = 8;
/// Clocks drift apart by 200 ppm at most.
const DRIFT: u64 = 5_000;
/// How long feedback may be under way, and be gathered before: 400 ms.
const PATIENCE: Duration = Duration::from_millis(400);
/// Between two feedbacks, each of which may tell of a part of a picture: 100 ms.
const BETWEEN: Duration = Duration::from_millis(100);
/// After so long it is itself a sign: 1.2 s.
const SILENCE: Duration = Duration::from_millis(1_200);

/// What comes so much later than the quickest comes in time: 60 ms. No gap is as short.
const IN_TIME: i64 = 60_000;
/// Between two packets of a slot there may be a gap from here on: 150 ms.
const PAUSE: Duration = Duration::from_millis(150);
/// For so long after something happened, packets are gone through one by one: 2 s.
const ATTENTION: Duration = Duration::from_secs(2);

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
    /// What decoding depends on: its own, or that of the packet that it repeats.
    pub(crate) part: Part,
}

/// A packet that is under way: 16 bytes, because there is one for each that is sent.
#[derive(Clone, Copy, Debug, Default)]
struct UnderWay {
    /// When it left: the lower bits of microseconds. What is 71 minutes old has been forgotten before.
    at: u32,
    /// Of its [`Part`]: the number is the lower bits of the extended one.
    timestamp: u32,
    sequence: u16,
    base: u8,
    /// Of no meaning where it has none.
    slot: u8,
    number: u16,
    /// All that is yes or no.
    flags: u16,
}

/// Those of an [`UnderWay`].
mod flag {
    pub(super) const REPAIRS: u16 = 1;
    pub(super) const CAME: u16 = 1 << 1;
    pub(super) const LOST: u16 = 1 << 2;
    pub(super) const HAS_SLOT: u16 = 1 << 3;
    pub(super) const MARKER: u16 = 1 << 4;
    pub(super) const KEY: u16 = 1 << 5;
    pub(super) const FIRST: u16 = 1 << 6;
    pub(super) const SOUND: u16 = 1 << 7;
    pub(super) const BASE: u16 = 1 << 8;
}

/// All pictures to one viewer. What each packet that is sent needs comes first in memory.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Arrivals {
    sent: Vec<UnderWay>,
    /// The number behind the newest that was sent.
    newest: Option<u16>,
    /// The number behind the newest that was told of.
    told: Option<u16>,
    /// That behind the newest that slots know of; and some before that were forgotten meanwhile.
    known: u16,
    skipped: bool,
    /// Some slot has gaps that nobody took.
    gapped: bool,
    /// Until when packets are gone through one by one.
    attentive_until: Time,
    /// When feedback last came, or there was nothing to tell.
    heard: Time,
    heads: SmallVec<[Head; HEADS]>,
    pub(crate) path: Bins<Path>,
    /// The count of the newest feedback.
    count: Option<u8>,
    clock: Option<Clock>,
    slots: Vec<Slot>,
}

/// The viewer's clock.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// What it shows for the quickest packet, less when that was sent. Microseconds.
    ahead: i64,
    set: Time,
}

/// What each packet that is sent needs of its slot.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    /// When a packet was last sent.
    sent: Time,
    /// The highest extended number of all that were.
    newest: u64,
}

/// The pictures of one slot, beside its [`Head`].
#[derive(Debug, Default)]
struct Slot {
    course: Course,
    gaps: Vec<Gap>,
    /// When the newest packet of which something was told had left.
    told: Time,
    /// What came before is not known.
    resumes: bool,
}

impl Arrivals {
    /// A slot for the pictures, or the sound, of one more stream, if there is room.
    pub(crate) fn slot(&mut self) -> Option<u8> {
        let place = u8::try_from(self.slots.len()).ok()?;
        self.heads.push(Head::default());
        self.slots.push(Slot::default());
        Some(place)
    }

    /// A packet leaves.
    #[inline]
    pub(crate) fn sent(&mut self, at: Time, packet: Sent) {
        // Who got no pictures yet has none that could freeze: padding and probes are nothing to remember.
        if self.heads.is_empty() {
            return;
        }
        if self.told == self.newest {
            self.heard = at;
        }
        let slot = packet.slot.map(usize::from);
        if let Some(head) = slot.and_then(|slot| self.heads.get_mut(slot)) {
            let follows = packet.part.sequence == head.newest + 1 && head.sent + PAUSE > at;
            if packet.repairs || !follows {
                self.attentive_until = at + ATTENTION;
            }
            if !packet.repairs {
                head.sent = at;
                head.newest = head.newest.max(packet.part.sequence);
            }
        }
        if self.told.is_none() {
            (self.told, self.known) = (Some(packet.number), packet.number);
        }
        self.newest = Some(packet.number.wrapping_add(1));
        if 2 * usize::from(packet.number.wrapping_sub(self.told.unwrap_or_default()))
            >= self.sent.len()
        {
            self.grow();
        }
        let place = self.place(packet.number);
        self.sent[place] = UnderWay::new(at, &packet);
        self.path.at(at).sent += 1;
    }

    /// Makes room for more packets that are under way, up to a bound.
    #[cold]
    fn grow(&mut self) {
        let length = FIRST.max(2 * self.sent.len()).min(MOST);
        if length > self.sent.len() {
            let before = std::mem::replace(&mut self.sent, vec![UnderWay::default(); length]);
            for packet in before {
                let place = self.place(packet.number);
                self.sent[place] = packet;
            }
        }
    }

    /// Where a packet is remembered.
    fn place(&self, number: u16) -> usize {
        usize::from(number) & self.sent.len().wrapping_sub(1)
    }

    /// The viewer tells what came, as [`packets`](super::feedback::packets) reads it, in a feedback of this
    /// `count`. `took`: how long the quickest and the slowest were under way, microseconds from our clock to the
    /// viewer's, if all of them came and nothing was told of any before.
    pub(crate) fn told(
        &mut self,
        now: Time,
        count: Option<u8>,
        told: &[(u16, Option<i64>)],
        took: Option<(i64, i64)>,
    ) {
        let mut path = Path {
            silence: now.since(self.heard).as_millis() as u16,
            ..Path::default()
        };
        self.heard = now;
        let last = std::mem::replace(&mut self.count, count);
        let follows = last
            .zip(count)
            .is_some_and(|(last, count)| last.wrapping_add(1) == count);
        let next = told.first().map(|(number, _)| *number);
        let delay = took.map(|(quickest, slowest)| slowest - self.ahead(now, quickest));
        let delay = delay.filter(|delay| *delay < IN_TIME && follows && next == self.told);
        if let (Some(delay), Some(next)) = (delay, next)
            && self.is_calm(now)
        {
            path.came = told.len() as u16;
            path.delay = (delay / 1_000) as u16;
            self.all_came(next.wrapping_add(told.len() as u16));
            self.path.at(now).add(path);
            return;
        }
        if delay.is_none() {
            self.attentive_until = now + ATTENTION;
        }
        self.catch_up(now);
        for (number, came) in told.iter().copied() {
            // What nothing is said of did not come, unless a feedback was lost that said that it did.
            while let Some(told) = self.told.filter(|told| is_before(*told, number)) {
                match follows {
                    true => self.lost(now, told, &mut path),
                    false => self.came(now, told, None, &mut path),
                }
                self.told = Some(told.wrapping_add(1));
            }
            match came {
                Some(at) => self.came(now, number, Some(at), &mut path),
                None => self.lost(now, number, &mut path),
            }
            if self.told == Some(number) {
                self.told = Some(number.wrapping_add(1));
            }
        }
        self.known = self.told.unwrap_or_default();
        self.path.at(now).add(path);
    }

    /// Whether nothing happened lately.
    fn is_calm(&self, now: Time) -> bool {
        self.attentive_until <= now
    }

    /// By how much the viewer's clock is ahead, for packets of which the quickest was under way for so long by both
    /// clocks; as of a time. Microseconds.
    fn ahead(&mut self, at: Time, took: i64) -> i64 {
        let clock = self.clock.get_or_insert(Clock {
            ahead: took,
            set: at,
        });
        let drift = (at.since(clock.set).as_micros() as u64 / DRIFT).cast_signed();
        *clock = Clock {
            ahead: (clock.ahead + drift).min(took),
            set: at.max(clock.set),
        };
        clock.ahead
    }

    /// All before this number came, and in time.
    fn all_came(&mut self, next: u16) {
        self.told = Some(next);
        self.skip_to(next.wrapping_sub(MOST as u16));
    }

    /// What is before this number is not remembered.
    fn skip_to(&mut self, number: u16) {
        if is_before(self.known, number) {
            self.known = number;
            self.skipped = true;
        }
    }

    /// Has slots know of all that came in time.
    fn catch_up(&mut self, now: Time) {
        if let (Some(newest), Some(told)) = (self.newest, self.told) {
            let oldest = newest.wrapping_sub(self.sent.len() as u16);
            self.skip_to(if is_before(told, oldest) {
                told
            } else {
                oldest
            });
        }
        if std::mem::take(&mut self.skipped) {
            for slot in &mut self.slots {
                slot.resumes = true;
            }
        }
        while let Some(told) = self.told
            && self.known != told
        {
            let number = self.known;
            self.known = number.wrapping_add(1);
            let place = self.place(number);
            let Some(packet) = self.sent.get_mut(place) else {
                return;
            };
            if packet.number != number || packet.is(flag::CAME | flag::LOST) {
                continue;
            }
            packet.flags |= flag::CAME;
            let packet = *packet;
            self.shows(packet.left(now), packet.left(now), &packet);
        }
    }

    /// A packet of a slot left, and came.
    fn shows(&mut self, left: Time, at: Time, packet: &UnderWay) {
        let Some(place) = packet.slot() else {
            return;
        };
        if let (Some(head), Some(slot)) = (self.heads.get(place), self.slots.get_mut(place)) {
            slot.told = slot.told.max(left);
            slot.came(at, packet.part(head.newest));
            self.gapped |= !slot.gaps.is_empty();
        }
    }

    fn lost(&mut self, now: Time, number: u16, path: &mut Path) {
        let place = self.place(number);
        let Some(packet) = self.sent.get_mut(place) else {
            return;
        };
        if packet.number != number || packet.is(flag::CAME | flag::LOST) {
            return;
        }
        packet.flags |= flag::LOST;
        path.lost += 1;
        let packet = *packet;
        if let Some(slot) = packet.slot().and_then(|slot| self.slots.get_mut(slot)) {
            slot.told = slot.told.max(packet.left(now));
        }
    }

    /// A packet came: when by the viewer's clock, if that is known.
    fn came(&mut self, now: Time, number: u16, shown: Option<i64>, path: &mut Path) {
        let place = self.place(number);
        let Some(packet) = self.sent.get_mut(place) else {
            return;
        };
        if packet.number != number || packet.is(flag::CAME) {
            return;
        }
        packet.flags |= flag::CAME;
        let packet = *packet;
        let left = packet.left(now);
        let at = match shown {
            Some(shown) => {
                let took = shown - left.as_micros().cast_signed();
                let late = took - self.ahead(left, took);
                left + Duration::from_micros(late.max(0).cast_unsigned())
            }
            None => left,
        };
        path.came += 1;
        path.repairs += u16::from(packet.is(flag::REPAIRS));
        let delay = at.since(left).as_millis();
        path.delay = path.delay.max(u16::try_from(delay).unwrap_or(u16::MAX));
        self.shows(left, at, &packet);
    }

    /// What comes next in a slot is another picture.
    pub(crate) fn forget(&mut self, now: Time, slot: u8) {
        self.catch_up(now);
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.course.forget();
            slot.gaps.clear();
            slot.resumes = false;
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

    /// Since when a slot shows nothing, if that is a freeze at `now`, as far as is known: packets of it are told of
    /// that left since, or nothing has been for long, though the viewer `speaks` of other things. That feedback comes
    /// late, or not at all, says nothing.
    pub(crate) fn open(&mut self, now: Time, slot: u8, speaks: bool) -> Option<Gap> {
        let silence = self.silence(now);
        if self.is_calm(now) && silence < PATIENCE {
            return None;
        }
        self.catch_up(now);
        let head = self.heads.get(usize::from(slot))?;
        let slot = self.slots.get(usize::from(slot))?;
        let (due, gap) = slot.course.due().filter(|_| !slot.resumes)?;
        let is_known = slot.told > due + BETWEEN || (speaks && silence >= SILENCE);
        (is_known && head.sent > due && now > due + PATIENCE).then_some(gap)
    }

    /// From when until when all freezes of a slot are known.
    pub(crate) fn judged(&self, slot: u8) -> Option<(Time, Time)> {
        self.slots.get(usize::from(slot))?.course.judged()
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

impl Path {
    /// Counts what one feedback told.
    fn add(&mut self, told: Self) {
        self.came = self.came.saturating_add(told.came);
        self.lost = self.lost.saturating_add(told.lost);
        self.repairs = self.repairs.saturating_add(told.repairs);
        self.delay = self.delay.max(told.delay);
        self.silence = self.silence.max(told.silence);
    }
}

impl UnderWay {
    fn new(at: Time, packet: &Sent) -> Self {
        let part = &packet.part;
        let flag = |is_so: bool, flag: u16| u16::from(is_so) * flag;
        let flags = flag(packet.repairs, flag::REPAIRS)
            | flag(packet.slot.is_some(), flag::HAS_SLOT)
            | flag(part.marker, flag::MARKER)
            | flag(part.key, flag::KEY)
            | flag(part.first, flag::FIRST)
            | flag(part.sound, flag::SOUND)
            | flag(part.base.is_some(), flag::BASE);
        Self {
            at: at.as_micros() as u32,
            timestamp: part.timestamp,
            sequence: part.sequence as u16,
            base: part.base.unwrap_or_default(),
            slot: packet.slot.unwrap_or_default(),
            number: packet.number,
            flags,
        }
    }

    /// The place of its slot.
    fn slot(&self) -> Option<usize> {
        self.is(flag::HAS_SLOT).then_some(self.slot.into())
    }

    /// Whether any of these flags is set.
    fn is(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    /// When it left.
    fn left(&self, now: Time) -> Time {
        let age = (now.as_micros() as u32).wrapping_sub(self.at);
        Time::from_micros(now.as_micros().saturating_sub(age.into()))
    }

    /// `newest`: of the slot, the highest extended number.
    fn part(&self, newest: u64) -> Part {
        let behind = (newest as u16).wrapping_sub(self.sequence).cast_signed();
        Part {
            sequence: newest.saturating_add_signed(-i64::from(behind)),
            timestamp: self.timestamp,
            marker: self.is(flag::MARKER),
            key: self.is(flag::KEY),
            first: self.is(flag::FIRST),
            base: self.is(flag::BASE).then_some(self.base),
            sound: self.is(flag::SOUND),
        }
    }
}

impl Slot {
    fn came(&mut self, at: Time, part: Part) {
        if std::mem::take(&mut self.resumes) {
            self.course.resume(part.sequence);
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

#[cfg(test)]
mod tests;
