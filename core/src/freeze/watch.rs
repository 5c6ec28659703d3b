//! One slot of one viewer: pictures as they left, and the freezes that are to be told.

use std::collections::VecDeque;
use std::time::Duration;

use super::course::Course;
use super::frames::{Kind, Part};
use super::rhythm::Gap;
use crate::ids::Layer;
use crate::participant::TrackIndex;
use crate::time::Time;

/// Freezes that are to be told, of one slot.
const PENDING: usize = 8;
/// How long after its end a freeze is told: by then it is known what was lost, who else had it, and what
/// the viewer says of it. 1 s.
const SETTLES: Duration = Duration::from_secs(1);
/// How long after it is long enough an open one is told. 300 ms: most others are over by then.
const LASTS: Duration = Duration::from_millis(300);
/// What waits for a keyframe still waits after so long without a packet.
const NEAR: Duration = Duration::from_millis(150);
/// Between two requests for a keyframe because of the same gap: 1 s. And how many there are at most: what
/// three do not mend is something else.
const AGAIN: Duration = Duration::from_secs(1);
const ASKS: u8 = 3;
/// How often it is looked whether there is a gap: where something happened lately, and where nothing did.
const LOOK: Duration = Duration::from_millis(150);
const CALM: Duration = Duration::from_millis(450);
/// How long freezes are remembered that were told.
const REMEMBERED: usize = 16;

/// Where a gap was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// As pictures left.
    Departure,
    /// As they came.
    Arrival,
    /// As they were shown.
    Page,
}

/// A freeze, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
struct Freeze {
    seen: [Option<Gap>; 3],
    told: bool,
    /// Of which picture, where the slot shows another now.
    track: Option<TrackIndex>,
}

/// A freeze that is to be told now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) gap: Gap,
    /// How long it was in each [`Place`].
    pub(crate) lengths: [Duration; 3],
    /// It ended because the slot shows another picture now, or none: nobody is to blame.
    pub(crate) forgotten: bool,
    /// What froze, if the slot shows something else.
    pub(crate) track: Option<TrackIndex>,
}

/// The pictures of one slot. What they need when they leave comes first in memory, in one line of it.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Watch {
    /// The encoding that leaves, as long as nothing but that changes.
    steady: Option<Layer>,
    /// There are freezes to be told, or a keyframe was asked for.
    unsettled: bool,
    course: Course,
    /// When to look for an open gap. Not later than there is one; a picture does not move it.
    check: Option<Time>,
    /// Since when the same picture leaves.
    begun: Option<Time>,
    /// The encoding that leaves since when, and the one before.
    layers: [Option<(Layer, Time)>; 2],
    freezes: Vec<Freeze>,
    /// Those that were told, and whether only the page saw them.
    past: VecDeque<(Time, Time, bool)>,
    /// A told one that ended because the slot changed.
    forgotten: Option<(Gap, Option<TrackIndex>)>,
    /// When a keyframe was last asked for because something is missing, and how often since that began.
    asked: Option<(Time, u8)>,
    /// The last time in which a keyframe was waited for.
    waited: Option<(Time, Time)>,
}

impl Freeze {
    fn from(&self) -> Time {
        let from = self.seen.iter().flatten().map(|gap| gap.from);
        from.min().unwrap_or_default()
    }

    fn to(&self) -> Option<Time> {
        let mut gaps = self.seen.iter().flatten();
        gaps.try_fold(Time::ZERO, |to, gap| Some(to.max(gap.to?)))
    }

    /// Whether a gap that was seen in a place is of this freeze: the same one in the same place, and what
    /// was seen of it elsewhere for at least half of the time.
    fn meets(&self, now: Time, place: Place, gap: &Gap) -> bool {
        if let Some(seen) = &self.seen[place as usize] {
            return seen.from == gap.from || (seen.to.is_none() && gap.to.is_some());
        }
        let (begin, end) = (self.from(), self.to().unwrap_or(now));
        let until = gap.to.unwrap_or(now);
        let both = end.min(until).since(begin.max(gap.from));
        2 * both >= end.since(begin).min(until.since(gap.from))
    }

    fn only_shown(&self) -> bool {
        matches!(self.seen, [None, None, Some(_)])
    }

    /// Whether all of it was judged where pictures come, in this time, and was no gap there.
    fn is_bridged(&self, judged: Option<(Time, Time)>) -> bool {
        let [
            Some(Gap {
                from, to: Some(to), ..
            }),
            None,
            None,
        ] = &self.seen
        else {
            return false;
        };
        judged.is_some_and(|(since, until)| since <= *from && *to <= until)
    }

    fn due(&self) -> Option<Time> {
        match self.to() {
            Some(to) => Some(to + SETTLES),
            None => (!self.told).then(|| self.from() + LASTS),
        }
    }

    fn tell(&self, now: Time) -> Due {
        let length = |gap: &Option<Gap>| {
            let gap = gap.as_ref();
            gap.map_or(Duration::ZERO, |gap| gap.to.unwrap_or(now).since(gap.from))
        };
        let (from, to) = (self.from(), self.to());
        let held = self.seen.iter().flatten().map(|gap| gap.held);
        let held = held.max().unwrap_or_default();
        Due {
            gap: Gap {
                from,
                to,
                held,
                close: false,
            },
            lengths: [0, 1, 2].map(|place| length(&self.seen[place])),
            forgotten: false,
            track: self.track,
        }
    }
}

impl Watch {
    /// The encoding that leaves, as long as nothing but that changes.
    pub(crate) fn steady(&self) -> Option<Layer> {
        self.steady
    }

    /// So many packets leave together. Whether [`Watch::deadline`] is another now. `steady`: what [`Watch::steady`]
    /// said before. To be asked some time before, so that this comes from memory while other things are done.
    #[inline]
    pub(crate) fn depart<P>(
        &mut self,
        now: Time,
        steady: Option<Layer>,
        count: usize,
        packets: P,
    ) -> bool
    where
        P: DoubleEndedIterator<Item = (Layer, Part)> + Clone,
    {
        let (first, last) = (packets.clone().next(), packets.clone().next_back());
        if let (Some((layer, first)), Some((other, last))) = (first, last)
            && steady == Some(layer)
            && layer == other
            && self.course.goes_on(&first, &last, count, now)
        {
            return false;
        }
        let leave = |changed, (layer, part)| self.leaves(now, layer, part) || changed;
        packets.fold(false, leave)
    }

    /// The same of one packet.
    #[cfg(test)]
    pub(crate) fn departs(&mut self, now: Time, layer: Layer, part: Part) -> bool {
        self.depart(now, self.steady, 1, std::iter::once((layer, part)))
    }

    fn leaves(&mut self, now: Time, layer: Layer, part: Part) -> bool {
        if self.steady != Some(layer) {
            if self.layers[0].is_none_or(|(before, _)| before != layer) {
                self.layers = [Some((layer, now)), self.layers[0]];
            }
            self.begun.get_or_insert(now);
        }
        let ended = self.course.packet(part, now);
        let is_first = self.check.is_none() && !part.is(Kind::SOUND);
        if is_first {
            self.check = Some((now + LOOK).moment());
        }
        let waits = self.course.waits();
        if waits {
            self.look_soon(now);
        }
        self.steady = self.check.is_some().then_some(layer);
        if let Some(gap) = ended {
            self.note(now, Place::Departure, gap);
        }
        is_first || waits || ended.is_some()
    }

    /// A gap was seen.
    pub(crate) fn note(&mut self, now: Time, place: Place, gap: Gap) {
        let mut freezes = self.freezes.iter_mut();
        let known = freezes.find(|freeze| freeze.meets(now, place, &gap));
        if let Some(known) = known {
            let seen = &mut known.seen[place as usize];
            *seen = Some(match seen {
                Some(before) => Gap {
                    from: before.from.min(gap.from),
                    held: before.held.max(gap.held),
                    ..gap
                },
                None => gap,
            });
            return;
        }
        // What is hardly long enough where feedback tells of it, is none for many a screen: its page will say.
        let is_hardly = place == Place::Arrival && gap.close;
        if !is_hardly && self.freezes.len() < PENDING && !self.was_told(&gap) {
            let mut freeze = Freeze::default();
            freeze.seen[place as usize] = Some(gap);
            self.freezes.push(freeze);
            self.unsettled = true;
        }
    }

    /// Whether it is of a freeze that was told: feedback about it was late.
    fn was_told(&self, gap: &Gap) -> bool {
        let Some(until) = gap.to else {
            return false;
        };
        let mut past = self.past.iter();
        past.any(|(begin, end, _)| {
            let both = until.min(*end).since(gap.from.max(*begin));
            2 * both >= until.since(gap.from).min(end.since(*begin))
        })
    }

    /// A packet does not leave, because a keyframe has to come first.
    pub(crate) fn waits(&mut self, now: Time) {
        let goes_on = self.waited.filter(|(_, until)| *until + NEAR > now);
        self.waited = Some((goes_on.map_or(now, |(from, _)| from), now));
    }

    /// For how long a keyframe was waited for, of this time.
    pub(crate) fn waited(&self, from: Time, to: Time) -> Duration {
        let (begin, end) = self.waited.unwrap_or_default();
        end.min(to).since(begin.max(from))
    }

    /// The encoding that left at this time.
    pub(crate) fn layer(&self, at: Time) -> Layer {
        let layers = self.layers.iter().flatten();
        let known = layers.clone().find(|(_, since)| *since <= at);
        known
            .or(layers.last())
            .map_or(Layer::Full, |(layer, _)| *layer)
    }

    /// Whether a keyframe is to be asked for: something is missing that is not repaired, as pictures left, or
    /// as they came (`stuck`). The viewer itself would ask much later: libwebrtc after 3 s. Counts as
    /// asked.
    pub(crate) fn asks(&mut self, now: Time, stuck: bool) -> bool {
        if !stuck && !self.course.is_stuck(now) {
            if self.unsettled {
                self.asked = None;
                self.settle();
            }
            return false;
        }
        self.unsettled = true;
        let (due, times) = match self.asked {
            None => (now, 0),
            Some((at, times)) => (at + AGAIN, times),
        };
        let asks = due <= now && times < ASKS;
        if asks {
            self.asked = Some((now, times + 1));
        }
        asks
    }

    /// Whether nothing is to be told, and no keyframe was asked for.
    pub(crate) fn is_settled(&self) -> bool {
        !self.unsettled
    }

    fn settle(&mut self) {
        let told = self.freezes.is_empty() && self.forgotten.is_none();
        self.unsettled = !told || self.asked.is_some();
    }

    /// When [`Watch::take`] may give something.
    pub(crate) fn deadline(&self) -> Option<Time> {
        if self.is_settled() {
            return self.check;
        }
        let told = self.freezes.iter().filter_map(Freeze::due);
        told.chain(self.check).min()
    }

    /// It is to be looked soon whether there is a gap.
    pub(crate) fn look_soon(&mut self, now: Time) {
        let soon = (now + LOOK).moment();
        self.check = self.check.map(|check| check.min(soon));
    }

    /// What is to be told now. `is_calm`: nothing happened lately on the way to the viewer. `arrival`: what it does not
    /// get, if that is long enough. `judged`: from when until when all gaps are known of what it got.
    pub(crate) fn take(
        &mut self,
        now: Time,
        is_calm: bool,
        arrival: Option<Gap>,
        judged: Option<(Time, Time)>,
    ) -> Vec<Due> {
        if self.check.is_some_and(|check| check <= now) {
            self.look(now, is_calm);
        }
        if self.is_settled() && arrival.is_none() {
            return Vec::new();
        }
        match arrival {
            Some(gap) => self.note(now, Place::Arrival, gap),
            None => self.came(now),
        }
        self.bridged(now, judged);
        let mut due = Vec::new();
        if let Some((gap, track)) = self.forgotten.take() {
            due.push(Due {
                gap,
                lengths: Default::default(),
                forgotten: true,
                track,
            });
        }
        let past = &mut self.past;
        self.freezes.retain_mut(|freeze| {
            if freeze.due().is_none_or(|at| at > now) {
                return true;
            }
            freeze.told = true;
            due.push(freeze.tell(now));
            let Some(to) = freeze.to() else {
                return true;
            };
            if past.len() == REMEMBERED {
                past.pop_front();
            }
            past.push_back((freeze.from(), to, freeze.only_shown()));
            false
        });
        self.settle();
        due
    }

    /// Whether a gap is open as pictures leave, and when to look again.
    fn look(&mut self, now: Time, is_calm: bool) {
        if is_calm && self.course.is_even(now) {
            self.check = Some((now + CALM).moment());
            return;
        }
        let due = self.course.due();
        let is_calm = is_calm && !self.course.waits() && due.is_some_and(|(due, _)| due > now);
        let next = now + if is_calm { CALM } else { LOOK };
        self.check = due.map(|(due, _)| due.max(next).moment());
        self.steady = self.steady.filter(|_| due.is_some());
        if let Some((_, gap)) = due.filter(|(due, _)| *due <= now) {
            self.note(now, Place::Departure, gap);
        }
    }

    /// What left with a gap was shown without one: what the viewer's browser held back was enough.
    fn bridged(&mut self, now: Time, judged: Option<(Time, Time)>) {
        let forgotten = &mut self.forgotten;
        self.freezes.retain(|freeze| {
            let is_due = freeze.due().is_some_and(|due| due <= now);
            let is_over = is_due && freeze.is_bridged(judged);
            if is_over && freeze.told {
                *forgotten = Some((freeze.tell(now).gap, freeze.track));
            }
            !is_over
        });
    }

    /// What the viewer seemed not to get has come in time; only nothing was told of it.
    fn came(&mut self, now: Time) {
        let forgotten = &mut self.forgotten;
        self.freezes.retain_mut(|freeze| {
            let seen = &mut freeze.seen[Place::Arrival as usize];
            let Some(gap) = seen.take_if(|gap| gap.to.is_none()) else {
                return true;
            };
            let goes_on = freeze.seen.iter().any(Option::is_some);
            if freeze.told && !goes_on {
                let to = Some(now);
                *forgotten = Some((Gap { to, ..gap }, None));
            }
            goes_on
        });
    }

    /// The slot shows another picture from now on, or none, as it should.
    pub(crate) fn forget(&mut self, now: Time, track: Option<TrackIndex>) {
        self.course.forget();
        (self.steady, self.check, self.begun) = (None, None, None);
        let forgotten = &mut self.forgotten;
        // What has ended is told as it was.
        self.freezes.retain_mut(|freeze| {
            freeze.track = freeze.track.or(track);
            let is_over = freeze.to().is_some();
            if freeze.told && !is_over {
                let (from, to) = (freeze.from(), Some(now));
                let gap = Gap {
                    from,
                    to,
                    ..Gap::default()
                };
                *forgotten = Some((gap, track));
            }
            is_over
        });
        self.settle();
        if self.forgotten.is_some() {
            self.check = Some(now);
        }
    }

    /// Whether pictures or sounds leave, or did.
    pub(crate) fn is_watched(&self) -> bool {
        self.course.is_known()
    }

    /// Whether it has been the same picture since this time, and was to come.
    pub(crate) fn is_same_since(&self, from: Time) -> bool {
        self.begun.is_some_and(|begun| begun <= from)
    }

    /// Whether there was a freeze in this time.
    pub(crate) fn froze(&self, from: Time, to: Time) -> bool {
        self.between(from, to).next().is_some()
    }

    /// The same, of those that the server saw as well.
    pub(crate) fn froze_on_the_way(&self, from: Time, to: Time) -> bool {
        self.between(from, to).any(|(.., only_shown)| !only_shown)
    }

    fn between(&self, from: Time, to: Time) -> impl Iterator<Item = (Time, Time, bool)> {
        let open = self.freezes.iter().map(move |freeze| {
            let end = freeze.to().unwrap_or(to);
            (freeze.from(), end, freeze.only_shown())
        });
        let open_now = self.course.due().filter(|(due, _)| *due <= to);
        let open_now = open_now.map(|(_, gap)| (gap.from, to, false));
        let all = self.past.iter().copied().chain(open).chain(open_now);
        all.filter(move |(begin, end, _)| *begin <= to && from <= *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn picture(n: u64) -> Part {
        let key = if n == 0 { Kind::KEY } else { Kind::empty() };
        Part {
            sequence: n,
            timestamp: n as u32 * 3_000,
            kind: Kind::MARKER | Kind::FIRST | key,
            base: 0,
        }
    }

    /// Pictures 33 ms apart, the 40th so much later.
    fn watched(gap: u64) -> Watch {
        let mut watch = Watch::default();
        for n in 0..80 {
            let late = if n >= 40 { gap } else { 0 };
            let part = Part {
                timestamp: (n * 33 + late) as u32 * 90,
                ..picture(n)
            };
            watch.departs(at(n * 33 + late), Layer::Full, part);
        }
        watch
    }

    #[test]
    fn a_freeze_is_told_a_second_after_its_end_once_it_was_seen_everywhere() {
        let mut watch = watched(500);
        let gap = |from, to| Gap {
            from: at(from),
            to: Some(at(to)),
            ..Gap::default()
        };
        watch.note(at(2_000), Place::Arrival, gap(1_300, 1_900));
        assert!(watch.take(at(2_899), false, None, None).is_empty());
        let told = watch.take(at(2_900), false, None, None);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].gap, gap(1_287, 1_900));
        let lengths = told[0].lengths.map(|length| length.as_millis());
        assert_eq!(lengths, [533, 600, 0]);
        watch.forget(at(3_000), None);
        assert!(watch.take(at(9_000), false, None, None).is_empty());
        assert!(watch.froze(at(1_800), at(5_000)) && !watch.froze(at(1_901), at(2_000)));
    }

    #[test]
    fn what_feedback_tells_when_it_was_told_already_is_no_other_freeze() {
        let mut watch = watched(500);
        assert_eq!(watch.take(at(2_900), false, None, None).len(), 1);
        let gap = |from, to| Gap {
            from: at(from),
            to: Some(at(to)),
            ..Gap::default()
        };
        watch.note(at(3_000), Place::Arrival, gap(1_300, 1_900));
        assert!(watch.freezes.is_empty());
        watch.note(at(3_000), Place::Arrival, gap(2_300, 2_900));
        assert_eq!(watch.freezes.len(), 1);
    }

    #[test]
    fn what_left_with_a_gap_and_came_without_one_is_not_told() {
        let judged = |from, to| Some((at(from), at(to)));
        // Too late to know, not to the end, and in all of it.
        for (judged, told) in [
            (judged(1_300, 4_000), 1),
            (judged(200, 1_800), 1),
            (judged(200, 4_000), 0),
        ] {
            let mut watch = watched(500);
            assert_eq!(
                watch.take(at(2_900), false, None, judged).len(),
                told,
                "{judged:?}"
            );
            assert_eq!(watch.froze(at(1_300), at(1_800)), told == 1);
        }
        // What had been told while it lasted is over without blame.
        let mut watch = watched(0);
        let end = 79 * 33;
        assert_eq!(watch.take(at(end + 400), false, None, None).len(), 1);
        watch.departs(at(end + 500), Layer::Full, picture(80));
        let told = watch.take(at(end + 1_500), false, None, judged(200, 5_000));
        let ended = Some(at(end + 500));
        assert_eq!((told[0].forgotten, told[0].gap.to), (true, ended));
    }

    #[test]
    fn what_is_hardly_long_enough_as_it_came_makes_another_longer_and_is_none_by_itself() {
        let gap = Gap {
            from: at(1_300),
            to: Some(at(1_900)),
            close: true,
            ..Gap::default()
        };
        let mut watch = watched(0);
        watch.note(at(2_000), Place::Arrival, gap);
        assert!(watch.freezes.is_empty());
        let mut watch = watched(500);
        watch.note(at(2_000), Place::Arrival, gap);
        let told = watch.take(at(2_900), false, None, None);
        let lengths = told[0].lengths.map(|length| length.as_millis());
        assert_eq!(lengths, [533, 600, 0]);
    }

    #[test]
    fn what_is_not_repaired_is_asked_for_a_few_times_and_anew_when_it_is_missing_again() {
        let mut watch = watched(0);
        let asked = |watch: &mut Watch, from: u64, stuck: bool| {
            let looks = (from..from + 6_000).step_by(150);
            let asks = looks.filter(|ms| watch.asks(at(*ms), stuck));
            asks.count()
        };
        assert_eq!(asked(&mut watch, 3_000, false), 0);
        assert_eq!(asked(&mut watch, 10_000, true), usize::from(ASKS));
        assert_eq!(asked(&mut watch, 20_000, false), 0);
        assert_eq!(asked(&mut watch, 30_000, true), usize::from(ASKS));
        // A packet is missing as they leave.
        let mut watch = watched(0);
        watch.departs(at(2_700), Layer::Full, picture(81));
        assert!(!watch.asks(at(2_900), false));
        assert!(watch.asks(at(3_000), false));
    }

    #[test]
    fn an_open_one_is_told_twice_and_ends_without_blame_where_the_slot_changes() {
        let mut watch = watched(0);
        assert!(watch.take(at(2_700), false, None, None).is_empty());
        let end = 79 * 33;
        let told = watch.take(at(end + 800), false, None, None);
        assert_eq!(
            (told[0].gap, told.len()),
            (
                Gap {
                    from: at(end),
                    ..Gap::default()
                },
                1
            )
        );
        assert!(watch.take(at(end + 900), false, None, None).is_empty());
        watch.forget(at(end + 1_000), Some((3, crate::ids::Source::Camera)));
        let told = watch.take(at(end + 1_000), false, None, None);
        assert_eq!(told.len(), 1);
        assert!(told[0].forgotten && told[0].gap.to == Some(at(end + 1_000)));
        assert_eq!(watch.deadline(), None);
    }

    #[test]
    fn what_was_over_when_the_slot_changed_is_told_of_what_was_in_it() {
        let mut watch = watched(500);
        let track = Some((3, crate::ids::Source::Camera));
        watch.forget(at(2_000), track);
        let told = watch.take(at(9_000), false, None, None);
        assert_eq!(
            (told.len(), told[0].track, told[0].forgotten),
            (1, track, false)
        );
    }
}
