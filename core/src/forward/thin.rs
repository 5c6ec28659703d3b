//! Which pictures of an encoding are left out, for a viewer whose link does not carry all.

use serde::{Deserialize, Serialize};

use super::picture::{Switch, TemporalId};
use super::quality::Temporal;

/// Leaves out pictures of higher temporal layers, whole ones: fewer from the next picture on, more from
/// one on which nothing hangs that was left out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Thinning {
    /// What is wanted, from the next keyframe on.
    target: Temporal,
    /// What is wanted of the layer that plays.
    wanted: Temporal,
    /// What goes on now.
    passing: Temporal,
    /// What went on before: what is late may belong there.
    before: Before,
    /// The newest picture.
    picture: Option<Picture>,
    /// The highest number that was judged.
    newest: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Before {
    passing: Temporal,
    /// The first packet of the picture with which that ended, as far as it has come.
    until: u64,
    timestamp: u32,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Picture {
    timestamp: u32,
    goes_on: bool,
}

impl Default for Thinning {
    fn default() -> Self {
        Self {
            target: Temporal::All,
            wanted: Temporal::All,
            passing: Temporal::All,
            before: Before {
                passing: Temporal::All,
                until: 0,
                timestamp: 0,
            },
            picture: None,
            newest: 0,
        }
    }
}

impl Thinning {
    /// Wants so many pictures; `at_once`: of the layer that plays, too.
    pub(crate) fn aim(&mut self, target: Temporal, at_once: bool) {
        self.target = target;
        if at_once {
            self.wanted = target;
        }
    }

    pub(crate) fn aimed(&self) -> Temporal {
        self.target
    }

    /// How many go on now.
    pub(crate) fn passing(&self) -> Temporal {
        self.passing
    }

    /// A keyframe goes on: nothing behind it depends on anything before.
    pub(crate) fn begin(&mut self, sequence: u64, timestamp: u32) {
        self.wanted = self.target;
        self.passing = self.target;
        self.before.until = 0;
        self.newest = sequence;
        self.picture = Some(Picture {
            timestamp,
            goes_on: true,
        });
    }

    /// Whether a packet of what plays goes on.
    pub(crate) fn passes(&mut self, sequence: u64, timestamp: u32, of: Option<TemporalId>) -> bool {
        let Some(of) = of else {
            return true;
        };
        let is_newest = sequence > self.newest;
        self.newest = self.newest.max(sequence);
        match self.picture {
            Some(picture) if picture.timestamp == timestamp => picture.goes_on,
            _ if !is_newest => {
                let before = &self.before;
                let was_before = sequence < before.until && timestamp != before.timestamp;
                let passing = if was_before {
                    before.passing
                } else {
                    self.passing
                };
                Temporal::of(of.id) <= passing
            }
            _ => {
                let passing = self.passing;
                let goes_on = self.judge(of);
                if self.passing != passing {
                    self.before = Before {
                        passing,
                        until: sequence,
                        timestamp,
                    };
                }
                self.picture = Some(Picture { timestamp, goes_on });
                goes_on
            }
        }
    }

    /// Whether a picture that begins goes on.
    fn judge(&mut self, of: TemporalId) -> bool {
        let this = Temporal::of(of.id);
        if self.wanted <= self.passing {
            self.passing = self.wanted;
            return this <= self.passing;
        }
        match of.switch {
            // One step: the next but one may depend on the next.
            Switch::ToThis if Some(this) == self.next() => self.passing = this,
            Switch::FromThis if this <= self.passing => self.passing = self.wanted,
            _ => {}
        }
        this <= self.passing
    }

    /// One step up.
    fn next(&self) -> Option<Temporal> {
        let mut more = Temporal::ALL.into_iter();
        more.find(|temporal| *temporal > self.passing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Switch::{Closed, FromThis, ToThis};
    use Temporal::{All, Base, Middle};

    /// As libvpx makes three layers of VP8.
    const VP8: [(u8, Switch); 4] = [(0, Closed), (2, ToThis), (1, ToThis), (2, Closed)];
    /// The same of VP9.
    const VP9: [(u8, Switch); 4] = [(0, FromThis), (2, FromThis), (1, FromThis), (2, FromThis)];

    /// The layers that went on of so many pictures of two packets, after the first two of them.
    fn run(
        thinning: &mut Thinning,
        pattern: [(u8, Switch); 4],
        pictures: std::ops::Range<u64>,
    ) -> Vec<u8> {
        let mut passed = Vec::new();
        for picture in pictures {
            let (id, switch) = pattern[picture as usize % 4];
            let of = Some(TemporalId { id, switch });
            let timestamp = picture as u32 * 3_000;
            let goes_on = thinning.passes(2 * picture, timestamp, of);
            assert_eq!(thinning.passes(2 * picture + 1, timestamp, of), goes_on);
            passed.extend(goes_on.then_some(id));
        }
        passed
    }

    #[test]
    fn fewer_go_on_at_once_and_more_where_nothing_is_missing() {
        for (pattern, back) in [(VP8, vec![2, 0, 2, 1, 2]), (VP9, vec![0, 2, 1, 2])] {
            let mut thinning = Thinning::default();
            thinning.begin(0, 0);
            assert_eq!(run(&mut thinning, pattern, 1..4), [2, 1, 2]);
            thinning.aim(Middle, true);
            assert_eq!(run(&mut thinning, pattern, 4..8), [0, 1]);
            thinning.aim(Base, true);
            assert_eq!(run(&mut thinning, pattern, 8..12), [0]);
            thinning.aim(All, true);
            assert_eq!(thinning.passing(), Base);
            let passed = run(&mut thinning, pattern, 13..20);
            assert!(passed.ends_with(&back[1..]), "{passed:?}");
            assert_eq!(thinning.passing(), All);
        }
    }

    #[test]
    fn a_picture_goes_on_whole_or_not_at_all() {
        let mut thinning = Thinning::default();
        thinning.begin(0, 0);
        let of = |id, switch| Some(TemporalId { id, switch });
        assert!(thinning.passes(1, 3_000, of(2, Closed)));
        thinning.aim(Base, true);
        assert!(thinning.passes(2, 3_000, of(2, Closed)), "has begun");
        assert!(!thinning.passes(4, 6_000, of(1, ToThis)));
        thinning.aim(All, true);
        assert!(!thinning.passes(5, 6_000, of(1, ToThis)), "has not begun");
        assert!(
            thinning.passes(3, 4_500, of(2, Closed)),
            "late, from before"
        );
        assert!(thinning.passes(6, 9_000, None), "says nothing of it");
    }

    #[test]
    fn what_is_late_is_judged_as_when_it_was_due() {
        let mut thinning = Thinning::default();
        thinning.begin(0, 0);
        let of = |id, switch| Some(TemporalId { id, switch });
        thinning.aim(Base, true);
        assert!(!thinning.passes(1, 3_000, of(2, FromThis)));
        thinning.aim(All, true);
        assert!(thinning.passes(4, 6_000, of(0, FromThis)));
        assert!(!thinning.passes(2, 3_000, of(2, FromThis)));
        assert!(thinning.passes(6, 9_000, of(2, FromThis)));
        assert!(thinning.passes(5, 9_000, of(2, FromThis)));
    }

    #[test]
    fn what_is_wanted_of_another_layer_waits_for_its_keyframe() {
        let mut thinning = Thinning::default();
        thinning.begin(0, 0);
        thinning.aim(Base, false);
        assert_eq!(run(&mut thinning, VP8, 1..4), [2, 1, 2]);
        thinning.begin(8, 12_000);
        assert_eq!(run(&mut thinning, VP8, 5..9), [0]);
    }

    #[test]
    fn what_hangs_on_something_left_out_does_not_go_on() {
        let mut thinning = Thinning::default();
        thinning.begin(0, 0);
        thinning.aim(Base, true);
        assert_eq!(run(&mut thinning, VP8, 4..5), [0]);
        thinning.aim(All, true);
        // The one that leads to the highest layer comes first: the next would be missing.
        assert_eq!(run(&mut thinning, VP8, 5..8), [1]);
        assert_eq!(run(&mut thinning, VP8, 8..12), [0, 2, 1, 2]);
    }
}
