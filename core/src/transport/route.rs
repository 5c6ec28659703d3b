//! Which way a peer is reached now.
//!
//! An ICE-lite agent sends where the peer's checks nominated, and the ICE agent of str0m keeps to that
//! until the checks there have been silent for 15 s. But the peer's own media shows where it is: it
//! sends on the pair that it has selected (RFC 8445, 12.1). So where nothing comes any more on the
//! path that the agent chose, what we send follows that, and if no media comes, an answered check.
//!
//! ```text
//!  nothing on the present path
//!    for 500 ms ─┬─► media comes from another checked path than before, or after a restart ─► there
//!                └─► a check is answered, nominated or after a restart ─────────────────────► there
//!    for 3 s ──────► media comes from another checked path ─────────────────────────────────► there
//! ```

use std::time::Duration;

use crate::path::Path;
use crate::time::Time;

/// How long nothing came on a path that gives way to a check elsewhere. 500 ms: somebody who sends
/// anything at all sends feedback more often; somebody who does not loses nothing.
const SILENT: Duration = Duration::from_millis(500);

/// How long nothing came on a path that gives way to media elsewhere, which came from there before:
/// who sends on one path and is reached on another has not moved. 3 s: browsers check what works
/// every 2.5 s.
const DEAD: Duration = Duration::from_secs(3);

/// Where a peer is, once it has moved.
#[derive(Debug, Default)]
pub(super) struct Route {
    /// What the ICE agent has chosen.
    chosen: Option<Path>,
    /// From where its media last came.
    from: Option<Path>,
    /// Where the peer has moved to since.
    moved: Option<Path>,
    /// When something last came on the present path.
    heard: Time,
    /// ICE was restarted, and the route did not move since.
    restarted: bool,
}

impl Route {
    /// Where to send what the ICE agent would send to `chosen` at `t`.
    pub(super) fn of(&mut self, t: Time, chosen: Path) -> Path {
        if self.chosen.replace(chosen) != Some(chosen) && self.moved.is_none() {
            // A check there was answered just now.
            self.heard = t;
        }
        self.moved.unwrap_or(chosen)
    }

    /// Where to send at present.
    pub(super) fn present(&self) -> Option<Path> {
        self.moved.or(self.chosen)
    }

    /// ICE was restarted: the peer looks for a path, and the first one that answers is as good as
    /// any.
    pub(super) fn restarted(&mut self) {
        self.restarted = true;
    }

    /// Something came that only the peer can send, and that is no check. Says whether the route
    /// moved.
    pub(super) fn media(&mut self, t: Time, path: Path) -> bool {
        let same = self.from.replace(path) == Some(path) && !self.restarted;
        let moves = self.came(t, path, Some(if same { DEAD } else { SILENT }));
        self.restarted &= !moves;
        moves
    }

    /// A check was answered. Says whether the route moved.
    pub(super) fn checked(&mut self, t: Time, path: Path, nominated: bool) -> bool {
        let may_move = nominated || self.restarted;
        let moves = self.came(t, path, may_move.then_some(SILENT));
        self.restarted &= !moves;
        moves
    }

    /// `after`: how long nothing has come on the present path if it is to give way.
    fn came(&mut self, t: Time, path: Path, after: Option<Duration>) -> bool {
        let Some(present) = self.present() else {
            return false;
        };
        let silent = t.since(self.heard);
        let moves = present != path && after.is_some_and(|after| silent >= after);
        if moves {
            self.moved = Some(path);
        }
        if moves || present == path {
            self.heard = t;
        }
        moves
    }

    /// A path is no more.
    pub(super) fn closed(&mut self, path: &Path) {
        self.moved.take_if(|known| known == path);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn path(port: u16) -> Path {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Path::udp(at(10_000), at(port))
    }

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    /// A route whose agent has chosen the first path, on which media comes.
    fn route() -> Route {
        let mut route = Route::default();
        assert!(!route.checked(at(0), path(1), true));
        assert_eq!(route.of(at(0), path(1)), path(1));
        assert!(!route.media(at(1_000), path(1)));
        route
    }

    #[test]
    fn what_is_sent_follows_the_peers_media_when_the_present_path_is_silent() {
        let mut route = route();
        assert!(route.media(at(1_500), path(2)));
        assert_eq!(route.of(at(0), path(1)), path(2));
        assert!(!route.media(at(1_520), path(2)));
        assert!(route.media(at(2_020), path(1)), "and back");
    }

    #[test]
    fn who_sends_on_one_path_and_is_reached_on_another_stays_so_while_both_work() {
        let mut route = route();
        for millis in (1_020..20_000).step_by(20) {
            assert!(!route.media(at(millis), path(2)), "{millis}");
            if millis % 2_500 == 0 {
                assert!(!route.checked(at(millis), path(1), false));
            }
        }
        assert!(!route.media(at(20_499), path(2)));
        assert!(route.media(at(20_500), path(2)), "checks have ended");
    }

    #[test]
    fn a_nominated_check_moves_what_has_been_silent_and_nothing_else() {
        let mut route = route();
        assert!(!route.checked(at(1_499), path(2), true));
        assert!(!route.checked(at(1_600), path(2), false));
        assert!(!route.checked(at(1_700), path(1), false), "it is alive");
        assert!(!route.checked(at(2_199), path(2), true));
        assert!(route.checked(at(2_200), path(2), true));
        assert_eq!(route.of(at(0), path(1)), path(2));
    }

    #[test]
    fn after_a_restart_the_first_answered_check_will_do() {
        let mut route = route();
        route.restarted();
        assert!(!route.checked(at(1_400), path(2), false));
        assert!(route.checked(at(1_500), path(2), false));
        assert!(!route.media(at(1_520), path(2)));
        assert!(!route.checked(at(3_000), path(3), false), "it is over");
    }

    #[test]
    fn what_the_agent_chooses_counts_until_the_peer_moves_and_when_its_path_is_closed() {
        let mut route = route();
        assert_eq!(route.of(at(1_200), path(2)), path(2));
        assert!(route.media(at(2_000), path(3)));
        assert_eq!(route.of(at(2_000), path(2)), path(3));
        route.closed(&path(3));
        assert_eq!(route.of(at(2_000), path(2)), path(2));
    }
}
