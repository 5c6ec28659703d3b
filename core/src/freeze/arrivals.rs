//! What came to a viewer of what was sent, by its transport-wide feedback.
//!
//! As long as all comes, and in time, nothing is looked at but that: what was sent is written down, and gone through
//! when something happens that may be a gap, up to the present, and packet by packet for a while. Packets of one picture
//! that leave together are written down together (`runs`).
//!
//! ```text
//!  sent ──► runs ──────────────── catch_up ──► Course of each slot ─► gaps
//!             │                       ▲
//!             ├─ a pause, a repair ───┤ a while of attention
//!  told ──► all of it came in time? ──┘
//!             └─ yes ─► a number is moved
//! ```

use std::time::Duration;

use smallvec::SmallVec;

use super::bins::Bins;
use super::course::Course;
use super::frames::{Kind, Part};
use super::rhythm::Gap;
use crate::time::Time;
use runs::{Packet, Run, Runs};

/// So many packets that came in time wait at most to be gone through.
const WAITING: u16 = 2_048;
/// So many runs lie apart from the others.
const LATEST: usize = 8;
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
    /// What decoding depends on: its own, or that of the packet that it repeats.
    pub(crate) part: Part,
}

/// All pictures to one viewer. What packets and feedback need comes first in memory, and nothing else is touched as
/// long as all comes in time, but for each [`LATEST`] runs.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Arrivals {
    /// What left last. Is not among the others as long as more of it may leave.
    run: Run,
    is_open: bool,
    /// Some slot has gaps that nobody took.
    gapped: bool,
    skipped: bool,
    /// Something began to happen, and nobody asked since.
    stirred: bool,
    /// The number behind the newest that was told of.
    told: Option<u16>,
    /// That behind the newest that slots know of; and some before that were forgotten meanwhile.
    known: u16,
    /// What left last is the newest of its slot. The [`Head`] of that may not know of it yet.
    leads: bool,
    /// How many runs are the latest.
    latest_runs: u8,
    /// The count of the newest feedback.
    count: Option<u8>,
    /// When feedback last came, or there was nothing to tell.
    heard: Time,
    /// Until when packets are gone through one by one.
    attentive_until: Time,
    /// The extended number with which began what left last.
    newest: u64,
    pub(crate) path: Bins<Path>,
    clock: Option<Clock>,
    /// The runs that ended last. They go to the others together, because those are elsewhere in memory.
    latest: [Run; LATEST],
    under_way: Runs,
    heads: SmallVec<[Head; HEADS]>,
    slots: Vec<Slot>,
}

/// The viewer's clock.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// What it shows for the quickest packet, less when that was sent. Microseconds.
    ahead: i64,
    set: Time,
}

/// What is known of what was sent of a slot, as of when another slot's packet left, or something happened.
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
        if self.is_open && self.run.takes(at, &packet) {
            self.path.newest().sent += 1;
        } else {
            self.begins(at, packet);
        }
    }

    /// A packet leaves that does not go on with what left last.
    fn begins(&mut self, at: Time, packet: Sent) {
        // Who got no pictures yet has none that could freeze: padding and probes are nothing to remember.
        if self.told.is_none() && self.heads.is_empty() {
            return;
        }
        self.end();
        if self.told.is_none_or(|told| told == self.run.end()) {
            self.heard = at;
        }
        if self.told.is_none() {
            (self.told, self.known) = (Some(packet.number), packet.number);
        }
        if !self.leads || !self.run.precedes(at, &packet) {
            self.turns(at, &packet);
        }
        self.newest = packet.part.sequence;
        self.run = Run::new(at, &packet);
        self.is_open = true;
        self.path.at(at).sent += 1;
    }

    /// Another slot's turn, or something happens.
    fn turns(&mut self, at: Time, packet: &Sent) {
        self.note_newest(at);
        let slot = packet.slot.map(usize::from);
        let (mut stirs, mut leads) = (false, false);
        if let Some(head) = slot.and_then(|slot| self.heads.get_mut(slot)) {
            let repairs = packet.part.is(Kind::REPAIRS);
            let follows = packet.part.sequence == head.newest + 1 && head.sent + PAUSE > at;
            stirs = repairs || !follows;
            if !repairs {
                head.sent = at;
                head.newest = head.newest.max(packet.part.sequence);
                leads = head.newest == packet.part.sequence;
            }
        }
        if stirs {
            // What came before must be known by then, however much more leaves until this is told of.
            if self.is_calm(at) {
                self.catch_up(at);
            }
            self.stir(at);
        }
        self.leads = leads;
    }

    /// The slot of what left last knows of it from now on.
    fn note_newest(&mut self, now: Time) {
        let last = self.run.last();
        let head = last.slot().and_then(|slot| self.heads.get_mut(slot));
        if let Some(head) = head.filter(|_| !last.repairs()) {
            head.sent = last.left(now);
            head.newest = head.newest.max(last.part(self.newest).sequence);
            self.leads &= head.sent + PAUSE > now;
        }
    }

    /// Nothing more goes on with what left last.
    fn end(&mut self) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        if let Some(place) = self.latest.get_mut(usize::from(self.latest_runs)) {
            *place = self.run;
            self.latest_runs += 1;
        }
        if usize::from(self.latest_runs) == LATEST {
            self.remember();
        }
    }

    /// What left last is put to the rest.
    fn remember(&mut self) {
        let runs = std::mem::take(&mut self.latest_runs);
        for run in self.latest.into_iter().take(runs.into()) {
            let given_up = self.under_way.push(run, self.told.unwrap_or_default());
            self.told = self.told.map(|told| match given_up {
                Some(end) if is_before(told, end) => end,
                _ => told,
            });
        }
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
        self.end();
        let mut path = Path {
            silence: (now.micros_since(self.heard) / 1_000) as u16,
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
            self.stir(now);
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

    /// Something happens: packets are gone through one by one for a while.
    fn stir(&mut self, now: Time) {
        self.stirred |= self.is_calm(now);
        self.attentive_until = now + ATTENTION;
    }

    /// Whether nothing happened lately.
    pub(crate) fn is_calm(&self, now: Time) -> bool {
        self.attentive_until <= now
    }

    /// By how much the viewer's clock is ahead, for packets of which the quickest was under way for so long by both
    /// clocks; as of a time. Microseconds.
    fn ahead(&mut self, at: Time, took: i64) -> i64 {
        let clock = self.clock.get_or_insert(Clock {
            ahead: took,
            set: at,
        });
        let drift = (at.micros_since(clock.set) / DRIFT).cast_signed();
        *clock = Clock {
            ahead: (clock.ahead + drift).min(took),
            set: at.max(clock.set),
        };
        clock.ahead
    }

    /// All before this number came, and in time.
    fn all_came(&mut self, next: u16) {
        self.told = Some(next);
        self.skip_to(next.wrapping_sub(WAITING));
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
        self.end();
        self.remember();
        self.note_newest(now);
        if let (Some(oldest), Some(told)) = (self.under_way.oldest(), self.told) {
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
            if let Some(packet) = self.under_way.passed(number) {
                self.shows(packet.left(now), packet.left(now), packet);
            }
        }
    }

    /// A packet of a slot left, and came.
    fn shows(&mut self, left: Time, at: Time, packet: Packet) {
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
        let Some(packet) = self.under_way.lost(number) else {
            return;
        };
        path.lost += 1;
        if let Some(slot) = packet.slot().and_then(|slot| self.slots.get_mut(slot)) {
            slot.told = slot.told.max(packet.left(now));
        }
    }

    /// A packet came: when by the viewer's clock, if that is known.
    fn came(&mut self, now: Time, number: u16, shown: Option<i64>, path: &mut Path) {
        let Some(packet) = self.under_way.came(number) else {
            return;
        };
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
        path.repairs += u16::from(packet.repairs());
        let delay = at.since(left).as_millis();
        path.delay = path.delay.max(u16::try_from(delay).unwrap_or(u16::MAX));
        self.shows(left, at, packet);
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

    /// Whether something began to happen since this was last asked.
    pub(crate) fn stirs(&mut self) -> bool {
        std::mem::take(&mut self.stirred)
    }

    /// Whether nothing happened lately, and feedback is not late: then no slot can have shown nothing for long.
    pub(crate) fn is_quiet(&self, now: Time) -> bool {
        self.is_calm(now) && self.silence(now) < PATIENCE
    }

    /// Since when a slot shows nothing, if that is a freeze at `now`, as far as is known: packets of it are told of
    /// that left since, or nothing has been for long, though the viewer `speaks` of other things. That feedback comes
    /// late, or not at all, says nothing.
    pub(crate) fn open(&mut self, now: Time, slot: u8, speaks: bool) -> Option<Gap> {
        if self.is_quiet(now) {
            return None;
        }
        let silence = self.silence(now);
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
        match self.told {
            Some(told) if told != self.run.end() => now.since(self.heard),
            _ => Duration::ZERO,
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

mod runs;
#[cfg(test)]
mod tests;
