//! What is due, and when.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Sfu;
use crate::ids::Source;
use crate::output::GoneReason;
use crate::participant::{Index, Negotiating, Phase};
use crate::time::{Time, earliest};
use crate::trace::decisions::Call;

/// For so long, looking for freezes waits for something else to do: whoever is sent pictures is served more often
/// anyway, and nobody wakes up for it. 40 ms.
const IDLE: Duration = Duration::from_millis(40);

/// So many are served at once: with some 10 µs for each, media that comes meanwhile waits a third of a millisecond and not
/// until all of a thousand people are done, most of whom are due at the same moments.
const TOGETHER: usize = 32;

impl Sfu {
    /// When something is due if nothing else happens before.
    pub(super) fn next_timer(&self) -> Option<Time> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let look = self.looks.first().map(|(at, _)| *at + IDLE);
        earliest([timer, look])
    }

    /// Brings a participant's entry in the timer table up to date. One that is due anyway is left as it
    /// is: serving it looks again.
    pub(super) fn schedule(&mut self, index: Index) {
        if let Some(participant) = self.participants.get_mut(index) {
            participant.slow = participant.slow_deadline(&self.limits);
            self.schedule_connection(index);
        }
    }

    /// The same where nothing has changed but its connection, and when to look for freezes: the rest is
    /// spread over much memory, and this happens for each packet that is written or comes.
    pub(super) fn schedule_connection(&mut self, index: Index) {
        let now = self.now;
        let Some(participant) = self.participants.get(index) else {
            return;
        };
        let mut entries = [participant.timer, participant.look].into_iter().flatten();
        if entries.all(|at| at > now) {
            self.enter_timer(index);
        }
    }

    /// Makes a participant's entry what it should be.
    fn enter_timer(&mut self, index: Index) {
        let Some(participant) = self.participants.get_mut(index) else {
            return;
        };
        let (timer, look) = (participant.soonest(), participant.looks.soonest());
        let before = std::mem::replace(&mut participant.timer, timer);
        change(&mut self.timers, index, before, timer);
        let before = std::mem::replace(&mut participant.look, look);
        change(&mut self.looks, index, before, look);
    }

    /// Serves those whose time has come, each once, and has forwarded what waits for it: who is left, and what comes due
    /// by that, waits for the next input, which [`Sfu::deadline`](crate::Sfu::deadline) then asks for at once.
    pub(super) fn timeout(&mut self) {
        let now = self.now;
        let mut due = std::mem::take(&mut self.due);
        let timers = self.timers.iter();
        let past = timers.take_while(|(at, _)| *at <= now);
        let past = past.map(|(_, index)| *index);
        let looks = self.looks.iter().take_while(|(at, _)| *at <= now);
        let looks = looks.map(|(_, index)| *index).filter(|index| {
            let participant = self.participants.get(*index);
            // Who is due anyway is there already.
            participant.is_none_or(|participant| participant.timer.is_none_or(|at| at > now))
        });
        due.extend(past.chain(looks).take(TOGETHER));
        if !due.is_empty() || !self.waiting.is_empty() {
            if let Some(writer) = self.writer() {
                writer.timeout(now, &due);
            }
            self.serve(&due);
            self.forward_waiting();
        }
        due.clear();
        self.due = due;
    }

    /// Serves these, in this order. Their entries stay until they were served, so that nothing on the
    /// way looks for new ones.
    pub(super) fn serve(&mut self, due: &[Index]) {
        for index in due.iter().copied() {
            if let Some(room) = self.room_of(index) {
                self.contain(room, |sfu| {
                    sfu.participant_timeout(index);
                    sfu.enter_timer(index);
                });
            }
        }
    }

    fn participant_timeout(&mut self, index: Index) {
        let now = self.now;
        let Some(participant) = self.participants.get(index) else {
            return;
        };
        let is_slow = participant.slow.is_some_and(|at| at <= now);
        if is_slow && !self.stays(index) {
            return;
        }
        if self.find_out(|sfu| sfu.is_connection_due(index)) {
            self.run(index, &Call::Timeout, |connection, environment, effects| {
                connection.timeout(now, environment, effects)
            });
        }
        if is_slow {
            self.bury_layers(index);
            self.try_again(index);
            self.demands_due(index);
            self.request_due_keyframes(index);
            self.schedule(index);
        }
        self.tell_freezes(index);
    }

    /// Does what is due of a participant's stay. Says whether it goes on.
    fn stays(&mut self, index: Index) -> bool {
        let now = self.now;
        let Some(participant) = self.participants.get(index) else {
            return false;
        };
        match participant.phase {
            Phase::Connecting { since } if since + self.limits.connect_timeout <= now => {
                self.doom(index, GoneReason::NeverConnected);
                return false;
            }
            Phase::Interrupted { since } if since + self.limits.reconnect_timeout <= now => {
                self.doom(index, GoneReason::ConnectionLost);
                return false;
            }
            _ => {}
        }
        if participant.unreachable_at().is_some_and(|at| at <= now) {
            self.doom(index, GoneReason::Unreachable);
            return false;
        }
        let negotiation = participant.negotiation;
        match negotiation {
            Negotiating::Offered { since } if since + self.limits.answer_timeout <= now => {
                self.doom(index, GoneReason::NoAnswer);
                return false;
            }
            Negotiating::Due { at } if at <= now => self.negotiate(index),
            _ => {}
        }
        true
    }

    /// Layers that nobody takes any more were kept for a while.
    fn demands_due(&mut self, index: Index) {
        let Some(participant) = self.participants.get(index) else {
            return;
        };
        for source in Source::ALL {
            let deadline = participant.publication(source).demand.deadline();
            if deadline.is_some_and(|at| at <= self.now) {
                self.unsettled.tracks.insert((index, source));
            }
        }
    }

    fn is_connection_due(&self, index: Index) -> bool {
        let connection = self.participants.get(index).map(|p| &p.connection);
        let deadline = connection.and_then(|connection| connection.as_ref()?.deadline());
        deadline.is_some_and(|at| at <= self.now)
    }
}

/// Makes an entry of a table what it should be.
fn change(
    table: &mut BTreeSet<(Time, Index)>,
    index: Index,
    before: Option<Time>,
    now: Option<Time>,
) {
    if before == now {
        return;
    }
    if let Some(before) = before {
        table.remove(&(before, index));
    }
    table.extend(now.map(|at| (at, index)));
}
