//! What is under way, in the order in which it will happen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use tsuji_core::{Command, Notice, Time};
use tsuji_signaling::ConnectionId;

use crate::network::Arrival;
use crate::tab::{Down, Up};

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Event {
    ToServer {
        from: SocketAddr,
        to: SocketAddr,
        payload: Vec<u8>,
    },
    ToBrowser {
        from: SocketAddr,
        to: SocketAddr,
        sent: Time,
        packet: Arrival,
    },
    Up(ConnectionId, Up),
    Down(ConnectionId, Down),
    Command(Command),
    Notice(Notice),
}

/// Everything that will happen, by time, then by when it was scheduled.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
}

#[derive(Debug)]
struct Scheduled {
    key: (Time, u64),
    event: Event,
}

impl Agenda {
    pub(super) fn push(&mut self, at: Time, event: Event) {
        let key = (at, self.scheduled);
        self.scheduled += 1;
        self.heap.push(Reverse(Scheduled { key, event }));
    }

    /// Some of it happens at other times, in the same order.
    pub(super) fn move_to(&mut self, which: impl Fn(&Event) -> bool, when: impl Fn(Time) -> Time) {
        let mut all = std::mem::take(&mut self.heap).into_vec();
        for Reverse(scheduled) in &mut all {
            if which(&scheduled.event) {
                scheduled.key.0 = when(scheduled.key.0);
            }
        }
        self.heap = all.into();
    }

    /// When something happens next.
    pub(super) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(next)| next.key.0)
    }

    /// What happens next, if that is at `now` or was before.
    pub(super) fn pop(&mut self, now: Time) -> Option<Event> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(next)| next.event)
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}
