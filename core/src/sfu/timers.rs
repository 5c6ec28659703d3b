//! What is due, and when.

use super::Sfu;
use crate::ids::Source;
use crate::output::GoneReason;
use crate::participant::{Index, Negotiating, Phase};
use crate::trace::decisions::Call;

impl Sfu {
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
        if participant.timer.is_none_or(|at| at > now) {
            self.enter_timer(index);
        }
    }

    /// Makes a participant's entry what it should be.
    fn enter_timer(&mut self, index: Index) {
        let Some(participant) = self.participants.get_mut(index) else {
            return;
        };
        let deadline = participant.soonest();
        if deadline == participant.timer {
            return;
        }
        if let Some(before) = participant.timer {
            self.timers.remove(&(before, index));
        }
        participant.timer = deadline;
        self.timers.extend(deadline.map(|at| (at, index)));
    }

    /// Serves everybody whose time has come, each once, and has forwarded what waits for it: what comes due by that
    /// waits for the next input, which [`Sfu::deadline`](crate::Sfu::deadline) then asks for at once.
    pub(super) fn timeout(&mut self) {
        let now = self.now;
        let mut due = std::mem::take(&mut self.due);
        let timers = self.timers.iter();
        let past = timers.take_while(|(at, _)| *at <= now);
        due.extend(past.map(|(_, index)| *index));
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
