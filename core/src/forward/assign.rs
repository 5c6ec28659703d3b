//! Who is in which slot, and how many slots there are.

use crate::ids::MediaKind;
use crate::limits::Limits;

/// So many slots of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SlotCounts {
    pub(crate) audio: usize,
    pub(crate) video: usize,
}

impl SlotCounts {
    /// So many of each kind.
    pub(crate) fn each(count: impl Fn(MediaKind) -> usize) -> Self {
        Self {
            audio: count(MediaKind::Audio),
            video: count(MediaKind::Video),
        }
    }

    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Puts `sources`, most wanted first, into `slots`.
///
/// With fewer slots than sources, the first of them win. Whoever is in a slot and wins stays there,
/// so that no picture jumps; whoever wins and has none takes the slot that `near` says, if that is
/// free, else the first free one, else one of somebody who is not wanted. Who is not wanted stays as
/// long as nobody needs the slot and it `is_there`: it may be wanted again in a moment. Gives the
/// indices of the slots that changed.
pub(crate) fn assign<T: Copy + PartialEq>(
    slots: &mut [Option<T>],
    sources: &[T],
    is_there: impl Fn(T) -> bool,
    near: impl Fn(T) -> Option<usize>,
) -> Vec<usize> {
    let before = slots.to_vec();
    let winners = &sources[..sources.len().min(slots.len())];
    for slot in slots.iter_mut() {
        *slot = slot.filter(|source| is_there(*source));
    }
    for source in winners {
        if slots.contains(&Some(*source)) {
            continue;
        }
        let is_free = |slot: &usize| slots.get(*slot).is_some_and(Option::is_none);
        let is_unwanted = |slot: &Option<T>| slot.is_none_or(|other| !winners.contains(&other));
        let free = near(*source).filter(is_free);
        let free = free.or_else(|| slots.iter().position(Option::is_none));
        let Some(place) = free.or_else(|| slots.iter().position(is_unwanted)) else {
            break;
        };
        slots[place] = Some(*source);
    }
    (0..slots.len())
        .filter(|i| slots[*i] != before[*i])
        .collect()
}

/// How many slots of a kind a first offer has for somebody who comes to `others`: for pictures those of
/// a small room, or all that are shown at once of a large one; for all voices that are heard at once.
pub(crate) fn first_slots(others: usize, kind: MediaKind, limits: &Limits) -> usize {
    let wanted = match kind {
        MediaKind::Audio => limits.voices,
        MediaKind::Video if others > limits.slot_step => limits.first_slots,
        MediaKind::Video => limits.slot_step.min(limits.first_slots),
    };
    wanted.min(limits.slots(kind))
}

/// How many slots of a kind to add for `wanted` sources to somebody who has `existing` of them. For
/// pictures all at once that are shown of a large room, and from there on a step at least: a room that
/// grows, one by one, from the smallest to the largest costs one negotiation.
pub(crate) fn further_slots(
    wanted: usize,
    existing: usize,
    kind: MediaKind,
    limits: &Limits,
) -> usize {
    let room = limits.slots(kind).saturating_sub(existing);
    let step = match kind {
        MediaKind::Audio => 1,
        MediaKind::Video if existing < limits.first_slots => limits.first_slots - existing,
        MediaKind::Video => limits.slot_step,
    };
    match wanted.saturating_sub(existing) {
        0 => 0,
        missing => missing.max(step).min(room),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everybody but `b` is there.
    fn fill(slots: &mut [Option<char>], sources: &[char]) -> Vec<usize> {
        assign(slots, sources, |source| source != 'b', |_| None)
    }

    #[test]
    fn who_is_shown_stays_where_it_is() {
        let mut slots = [Some('a'), Some('b'), Some('c'), None];
        assert_eq!(fill(&mut slots, &['c', 'a', 'd']), [1]);
        assert_eq!(slots, [Some('a'), Some('d'), Some('c'), None]);
        assert!(fill(&mut slots, &['a', 'd', 'c']).is_empty());
    }

    #[test]
    fn the_most_wanted_win_where_slots_are_few() {
        let mut slots = [Some('a'), Some('c')];
        assert!(fill(&mut slots, &['c', 'a', 'd']).is_empty());
        assert_eq!(fill(&mut slots, &['d', 'c', 'a']), [0]);
        assert_eq!(slots, [Some('d'), Some('c')]);
    }

    #[test]
    fn who_is_not_wanted_stays_until_somebody_needs_its_slot() {
        let mut slots = [Some('a'), Some('c'), None];
        assert!(fill(&mut slots, &['c']).is_empty());
        assert_eq!(fill(&mut slots, &['d', 'c']), [2]);
        assert_eq!(fill(&mut slots, &['d', 'c', 'e']), [0]);
        assert_eq!(slots, [Some('e'), Some('c'), Some('d')]);
    }

    #[test]
    fn a_slot_that_is_free_and_near_is_taken_first() {
        let mut slots = [None, Some('a'), None];
        assign(&mut slots, &['a', 'b', 'c'], |_| true, |_| Some(2));
        assert_eq!(slots, [Some('c'), Some('a'), Some('b')]);
    }

    #[test]
    fn slots_grow_in_steps_and_end() {
        let limits = Limits::default();
        let first = [0, 1, 4, 5, 8, 9, 99].map(|n| first_slots(n, MediaKind::Video, &limits));
        assert_eq!(first, [4, 4, 4, 9, 9, 9, 9]);
        let cases = [
            (3, 4),
            (5, 4),
            (9, 4),
            (9, 9),
            (10, 9),
            (24, 9),
            (99, 9),
            (99, 24),
        ];
        let further =
            cases.map(|(n, existing)| further_slots(n, existing, MediaKind::Video, &limits));
        assert_eq!(further, [0, 5, 5, 0, 4, 15, 15, 0]);
        assert_eq!(first_slots(99, MediaKind::Audio, &limits), 3);
        let further = [(3, 3), (4, 3), (9, 3)];
        let further = further.map(|(n, had)| further_slots(n, had, MediaKind::Audio, &limits));
        assert_eq!(further, [0, 1, 5]);
        let few = Limits {
            video_slots: 2,
            ..limits
        };
        assert_eq!(first_slots(7, MediaKind::Video, &few), 2);
        assert_eq!(further_slots(7, 1, MediaKind::Video, &few), 1);
    }
}
