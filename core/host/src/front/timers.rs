//! When which connection wants to be looked at.

use std::collections::{BTreeMap, BTreeSet};

use tsuji_core::Time;
use tsuji_signaling::ConnectionId;

/// At most one deadline per connection.
#[derive(Debug, Default)]
pub struct Timers {
    by_time: BTreeSet<(Time, ConnectionId)>,
    by_connection: BTreeMap<ConnectionId, Time>,
}

impl Timers {
    /// Replaces the deadline of a connection; `None` removes it.
    pub fn set(&mut self, connection: ConnectionId, deadline: Option<Time>) {
        let old = match deadline {
            Some(deadline) => self.by_connection.insert(connection, deadline),
            None => self.by_connection.remove(&connection),
        };
        if old == deadline {
            return;
        }
        if let Some(old) = old {
            self.by_time.remove(&(old, connection));
        }
        if let Some(deadline) = deadline {
            self.by_time.insert((deadline, connection));
        }
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Time> {
        self.by_time.first().map(|&(deadline, _)| deadline)
    }

    /// The connections whose deadline has come; they have none afterwards.
    pub fn take_due(&mut self, t: Time) -> Vec<ConnectionId> {
        let mut due = Vec::new();
        while let Some(&(deadline, connection)) = self.by_time.first()
            && deadline <= t
        {
            self.by_time.pop_first();
            self.by_connection.remove(&connection);
            due.push(connection);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_has_one_deadline_and_it_comes_once() {
        let at = Time::from_millis;
        let (a, b) = (ConnectionId(1), ConnectionId(2));
        let mut timers = Timers::default();
        timers.set(a, Some(at(10)));
        timers.set(b, Some(at(20)));
        timers.set(a, Some(at(30)));
        assert_eq!(timers.next(), Some(at(20)));
        assert_eq!(timers.take_due(at(19)), []);
        assert_eq!(timers.take_due(at(30)), [b, a]);
        assert_eq!(timers.take_due(at(30)), []);
        timers.set(a, Some(at(40)));
        timers.set(a, None);
        assert_eq!(timers.next(), None);
    }
}
