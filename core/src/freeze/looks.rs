//! When to look at which slots of a viewer: apart from them, as most have nothing to be looked at.

use smallvec::SmallVec;

use crate::time::Time;

/// The slots of a viewer that have a time, in no order.
#[derive(Debug, Default)]
pub(crate) struct Looks(SmallVec<[(Time, usize); 4]>);

impl Looks {
    /// When to look at a slot.
    pub(crate) fn set(&mut self, slot: usize, due: Option<Time>) {
        let known = self.0.iter().position(|(_, place)| *place == slot);
        match (known, due) {
            (Some(known), Some(due)) => self.0[known].0 = due,
            (Some(known), None) => {
                self.0.swap_remove(known);
            }
            (None, Some(due)) => self.0.push((due, slot)),
            (None, None) => {}
        }
    }

    /// When to look next.
    pub(crate) fn soonest(&self) -> Option<Time> {
        self.0.iter().map(|(due, _)| *due).min()
    }

    /// The slots to look at, in order.
    pub(crate) fn due(&self, now: Time) -> SmallVec<[usize; 4]> {
        let due = self.0.iter().filter(|(due, _)| *due <= now);
        let mut due: SmallVec<_> = due.map(|(_, place)| *place).collect();
        due.sort_unstable();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_looked_at_when_it_said_last() {
        let at = Time::from_millis;
        let mut looks = Looks::default();
        assert_eq!((looks.soonest(), looks.due(at(9)).len()), (None, 0));
        for (slot, due) in [(7, 30), (2, 10), (4, 20), (7, 15)] {
            looks.set(slot, Some(at(due)));
        }
        assert_eq!(looks.soonest(), Some(at(10)));
        assert_eq!(looks.due(at(15))[..], [2, 7]);
        looks.set(2, None);
        looks.set(3, None);
        assert_eq!(looks.soonest(), Some(at(15)));
        assert_eq!(looks.due(at(20))[..], [4, 7]);
    }
}
