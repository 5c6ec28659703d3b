//! How fast one connection may talk: a token bucket that may go into debt.

use tsuji_core::Time;

use crate::Limits;

const MESSAGE: i64 = 1_000_000;

/// Counts in millionths of a message, so that microseconds times messages a second is exact.
#[derive(Debug)]
pub(super) struct Pace {
    balance: i64,
    at: Time,
}

/// What to do with a message that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Read it.
    Fine,
    /// Ignore it and say so.
    TooFast,
    /// The debt is at its limit: close.
    Flood,
}

impl Pace {
    pub(super) fn new(limits: &Limits, now: Time) -> Self {
        Self {
            balance: burst(limits),
            at: now,
        }
    }

    /// Spends one message.
    pub(super) fn spend(&mut self, limits: &Limits, now: Time) -> Verdict {
        let micros = i64::try_from(now.since(self.at).as_micros()).unwrap_or(i64::MAX);
        let refill = micros.saturating_mul(i64::from(limits.messages_per_second));
        self.at = now;
        self.balance = self.balance.saturating_add(refill).min(burst(limits)) - MESSAGE;
        if self.balance >= 0 {
            Verdict::Fine
        } else if self.balance > -i64::from(limits.excess_messages) * MESSAGE {
            Verdict::TooFast
        } else {
            Verdict::Flood
        }
    }
}

fn burst(limits: &Limits) -> i64 {
    i64::from(limits.message_burst) * MESSAGE
}
