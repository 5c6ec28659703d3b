//! Pictures of a viewer become larger one after the other.
//!
//! Each begins with a keyframe, some twenty times as large as what follows. Several at once are more than
//! the queue in front of a narrow link holds, and what is lost of them makes the link look far narrower
//! than it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Between two that become larger. 250 ms: a keyframe has been sent by then, and its burst been seen.
const SPACING: Duration = Duration::from_millis(250);

/// When pictures of one viewer became larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rises {
    last: Option<Time>,
    waits: bool,
}

impl Rises {
    /// All that wait now are about to ask again.
    pub(crate) fn begin(&mut self) {
        self.waits = false;
    }

    /// Whether a picture may become larger now. If so, it does.
    pub(crate) fn may_rise(&mut self, t: Time) -> bool {
        let may = self.last.is_none_or(|last| t >= last + SPACING);
        if may {
            self.last = Some(t);
        } else {
            self.waits = true;
        }
        may
    }

    /// When the next one that waits may become larger.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.last.filter(|_| self.waits).map(|last| last + SPACING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_after_the_other() {
        let mut rises = Rises::default();
        let at = Time::from_millis;
        rises.begin();
        assert!(rises.may_rise(at(0)));
        assert_eq!(rises.deadline(), None, "nothing waits");
        assert!(!rises.may_rise(at(0)) && !rises.may_rise(at(249)));
        assert_eq!(rises.deadline(), Some(at(250)));
        rises.begin();
        assert!(rises.may_rise(at(250)));
        assert_eq!(rises.deadline(), None);
    }
}
