//! Datagrams that never came because the system had no room for them, told to the core: what they would have
//! brought was not lost by anybody's network.
//!
//! ```text
//!   /proc/net/udp ─► a thread, every 800 ms ─► a number for each media side ─► Input::Overflow
//! ```
//! The media side only loads a number. A server whose system does not tell has no such thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use super::drops::Drops;

/// How often the system is asked. 800 ms: before a freeze that it caused is told.
const ASKED: Duration = Duration::from_millis(800);

/// What the sockets of one media side had no room for.
#[derive(Debug, Default)]
pub(crate) struct Overflow {
    dropped: Arc<AtomicU64>,
    told: u64,
}

impl Overflow {
    /// Watches sockets, by their numbers, for each media side.
    pub(crate) fn watch(sides: Vec<Vec<u64>>) -> Vec<Self> {
        let overflows: Vec<Self> = sides.iter().map(|_| Self::default()).collect();
        let sides = sides.into_iter().zip(&overflows);
        let sides: Vec<_> = sides
            .filter_map(|(sockets, overflow)| {
                Some((Drops::of(sockets)?, Arc::downgrade(&overflow.dropped)))
            })
            .collect();
        if sides.is_empty() {
            return overflows;
        }
        let watcher = thread::Builder::new().name("tsuji-overflow".to_owned());
        if let Err(error) = watcher.spawn(move || look(&sides)) {
            tracing::warn!(%error, "datagrams that find no room are not told of");
        }
        overflows
    }

    /// How many more there are than were told.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let dropped = self.dropped.load(Ordering::Relaxed);
        let more = dropped.saturating_sub(self.told);
        self.told = dropped;
        u32::try_from(more).ok().filter(|more| *more > 0)
    }
}

/// Until the last media side is gone.
fn look(sides: &[(Drops, Weak<AtomicU64>)]) {
    loop {
        let mut anybody = false;
        for (drops, dropped) in sides {
            let Some(dropped) = dropped.upgrade() else {
                continue;
            };
            anybody = true;
            if let Some(count) = drops.count() {
                dropped.store(count, Ordering::Relaxed);
            }
        }
        if !anybody {
            return;
        }
        thread::sleep(ASKED);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "real sockets are what is tested")]
mod tests {
    use std::net::UdpSocket;
    use std::time::Instant;

    use super::*;
    use crate::media::drops;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_socket_had_no_room_for_is_told_once() {
        let [from, to, other] = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let numbers = |socket| vec![drops::number(socket).unwrap()];
        let mut sides = Overflow::watch(vec![numbers(&to), numbers(&other)]);
        assert_eq!(sides[0].take(), None);
        socket2::SockRef::from(&to).set_recv_buffer_size(1).unwrap();
        for _ in 0..100 {
            from.send_to(&[0; 1_000], to.local_addr().unwrap()).unwrap();
        }
        let end = Instant::now() + Duration::from_secs(60);
        let told = loop {
            if let Some(told) = sides[0].take() {
                break told;
            }
            assert!(Instant::now() < end);
            thread::yield_now();
        };
        assert!((1..=100).contains(&told));
        assert_eq!((sides[0].take(), sides[1].take()), (None, None));
    }
}
