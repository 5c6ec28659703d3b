//! Packets that belong together, and by how much further apart they arrive than they left.
//!
//! What leaves within 5 ms is one group, and so is what a path held back and then let go at once
//! (draft-ietf-rmcat-gcc-02, 5.2).

/// What leaves within this is one group, microseconds.
const BURST: i64 = 5_000;
/// What arrives within this after the last one, although it left later, was held back together.
const HELD: i64 = 5_000;
/// A group of such takes no longer than this.
const LONGEST: i64 = 100_000;
/// Where two groups are so much further apart than they were, one of the clocks has jumped, or nothing
/// came for long: 3 s.
const JUMP: i64 = 3_000_000;
/// After so many groups in a row that came before the one ahead of them, the clock has been set back.
const BACKWARDS: u32 = 3;

/// One group, microseconds: when it left by our clock, and arrived by the peer's.
#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: i64,
    last_sent: i64,
    first_came: i64,
    last_came: i64,
}

/// How two groups, one after the other, left and arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Between them as they left, microseconds.
    pub(super) sent: i64,
    /// As they arrived.
    pub(super) came: i64,
    /// When the later one arrived.
    pub(super) at: i64,
}

/// What a packet did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grouped {
    /// It is part of a group that goes on, or came too late for one.
    Within,
    /// A group is complete.
    Step(Step),
    /// Nothing from before can be compared with what comes.
    Broken,
}

/// The group that goes on, and the one before it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Groups {
    before: Option<Group>,
    current: Option<Group>,
    backwards: u32,
}

impl Groups {
    /// A packet that left at `sent` arrived at `came`.
    pub(super) fn came(&mut self, sent: i64, came: i64) -> Grouped {
        let Some(current) = &mut self.current else {
            self.current = Some(Group::of(sent, came));
            return Grouped::Within;
        };
        if sent < current.first_sent {
            return Grouped::Within;
        }
        if current.takes(sent, came) {
            current.last_sent = current.last_sent.max(sent);
            current.last_came = current.last_came.max(came);
            return Grouped::Within;
        }
        let complete = *current;
        let before = self.before.replace(complete);
        self.current = Some(Group::of(sent, came));
        let Some(before) = before else {
            return Grouped::Within;
        };
        let step = Step {
            sent: complete.last_sent - before.last_sent,
            came: complete.last_came.saturating_sub(before.last_came),
            at: complete.last_came,
        };
        if step.came.saturating_sub(step.sent).saturating_abs() > JUMP {
            *self = Self::default();
            return Grouped::Broken;
        }
        if step.came < 0 {
            self.backwards += 1;
            if self.backwards >= BACKWARDS {
                *self = Self::default();
                return Grouped::Broken;
            }
            return Grouped::Within;
        }
        self.backwards = 0;
        Grouped::Step(step)
    }
}

impl Group {
    fn of(sent: i64, came: i64) -> Self {
        Self {
            first_sent: sent,
            last_sent: sent,
            first_came: came,
            last_came: came,
        }
    }

    fn takes(&self, sent: i64, came: i64) -> bool {
        let apart = sent - self.last_sent;
        let later = came.saturating_sub(self.last_came);
        let is_held = later < apart
            && later <= HELD
            && came.saturating_sub(self.first_came) < LONGEST
            && later > -JUMP;
        apart == 0 || is_held || sent - self.first_sent <= BURST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(packets: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let mut groups = Groups::default();
        let mut steps = Vec::new();
        for (sent, came) in packets {
            if let Grouped::Step(step) = groups.came(sent * 1_000, came * 1_000) {
                steps.push((step.sent / 1_000, step.came / 1_000));
            }
        }
        steps
    }

    #[test]
    fn what_leaves_within_5_ms_is_one() {
        let packets = [(0, 50), (2, 54), (5, 60), (20, 70), (40, 95), (60, 110)];
        assert_eq!(steps(&packets), [(15, 10), (20, 25)]);
    }

    #[test]
    fn what_was_held_back_is_one() {
        let packets = [
            (0, 50),
            (20, 150),
            (40, 151),
            (60, 152),
            (80, 180),
            (100, 200),
        ];
        assert_eq!(steps(&packets), [(60, 102), (20, 28)]);
    }

    #[test]
    fn what_came_out_of_order_changes_nothing() {
        let packets = [(0, 50), (20, 70), (40, 90), (10, 95), (60, 110), (80, 130)];
        assert_eq!(steps(&packets), [(20, 20), (20, 20), (20, 20)]);
    }

    #[test]
    fn a_clock_that_jumps_breaks_off() {
        let packets = [0, 20, 40, 60, 80, 100].map(|ms| (ms * 1_000, ms * 1_000));
        for jump in [
            -100_000_000_000,
            -4_000_000,
            4_000_000,
            i64::MAX / 2,
            i64::MIN / 2,
        ] {
            let mut groups = Groups::default();
            for (sent, came) in packets {
                assert_ne!(groups.came(sent, came), Grouped::Broken);
            }
            let later = packets.map(|(sent, came)| groups.came(sent + 120_000, came + jump));
            let broken = later.iter().filter(|then| **then == Grouped::Broken);
            assert_eq!(broken.count(), 1, "{jump}");
        }
    }
}
