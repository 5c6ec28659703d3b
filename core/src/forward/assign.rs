//! Who is in which slot.

/// Puts `sources`, most wanted first, into `slots`.
///
/// Whoever is in a slot and still wanted stays there, so that no picture jumps; free slots take who
/// is wanted and has none. With fewer slots than sources, the first of them win only free slots:
/// nobody is thrown out. Gives the indices of the slots that changed.
pub(crate) fn assign<T: Copy + PartialEq>(slots: &mut [Option<T>], sources: &[T]) -> Vec<usize> {
    let before = slots.to_vec();
    for slot in slots.iter_mut() {
        *slot = slot.filter(|source| sources.contains(source));
    }
    for source in sources {
        if slots.contains(&Some(*source)) {
            continue;
        }
        let Some(free) = slots.iter_mut().find(|slot| slot.is_none()) else {
            break;
        };
        *free = Some(*source);
    }
    (0..slots.len())
        .filter(|i| slots[*i] != before[*i])
        .collect()
}

/// How many slots a viewer of `others` people should have: whole steps, at least one, at most
/// `limit`.
pub(crate) fn slots_wanted(others: usize, step: usize, limit: usize) -> usize {
    others.max(1).next_multiple_of(step.max(1)).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_shown_stays_where_it_is() {
        let mut slots = [Some('a'), Some('b'), Some('c'), None];
        assert_eq!(assign(&mut slots, &['c', 'a', 'd']), [1]);
        assert_eq!(slots, [Some('a'), Some('d'), Some('c'), None]);
        assert!(assign(&mut slots, &['a', 'd', 'c']).is_empty());
    }

    #[test]
    fn a_full_viewer_throws_nobody_out() {
        let mut slots = [Some('a'), Some('b')];
        assert!(assign(&mut slots, &['c', 'a', 'b']).is_empty());
        assert_eq!(assign(&mut slots, &['c', 'b']), [0]);
        assert_eq!(slots, [Some('c'), Some('b')]);
    }

    #[test]
    fn slots_grow_in_steps_and_end() {
        let wanted: Vec<_> = [0, 1, 4, 5, 8, 23, 24, 25, 99]
            .map(|others| slots_wanted(others, 4, 24))
            .into();
        assert_eq!(wanted, [4, 4, 4, 8, 8, 24, 24, 24, 24]);
    }
}
