//! What is known of somebody, beside its streams.

use std::time::Duration;

use super::bins::Bins;
use super::digest::Digest;
use super::facts::Device;
use crate::ids::Mid;
use crate::time::Time;

/// Who sends media, or reports about it, has no longer pause.
const PAUSE: Duration = Duration::from_millis(300);
/// Nor is less looked at: 120 ms. A browser tells of what comes to it each 50 to 100 ms.
const SHORT: Duration = Duration::from_millis(120);
/// Longer than feedback takes, and the checks of a path that works again.
const SETTLED: Duration = Duration::from_millis(800);

/// What comes first after a pause comes together.
const JUST_NOW: Duration = Duration::from_millis(50);

/// How somebody's path and page fare.
#[derive(Debug, Default)]
pub(crate) struct Person {
    /// Since when it comes without a [`PAUSE`].
    since: Time,
    /// The longest time without, ms, if it is not [`SHORT`].
    quiet: Bins<u16>,
    /// When it last was without a path, and until when.
    outage: Option<(Time, Option<Time>)>,
    /// What its page said last, and before that.
    digests: [Option<(Time, Digest)>; 2],
    /// Requests for keyframes that it was sent.
    pub(crate) requests: Bins<u16>,
}

impl Person {
    /// Something came, as it had `before`. Mostly that was just now: then nothing of this is touched.
    #[inline]
    pub(crate) fn heard(&mut self, before: Time, now: Time) {
        let silent = now.since(before);
        if silent >= SHORT {
            self.heard_again(now, silent);
        }
    }

    fn heard_again(&mut self, now: Time, silent: Duration) {
        if silent >= PAUSE {
            self.since = now;
        }
        let silent = silent.as_millis();
        let quiet = self.quiet.at(now);
        *quiet = (*quiet).max(u16::try_from(silent).unwrap_or(u16::MAX));
    }

    /// Whether something comes, as it was `heard` last, and has for as long as feedback about pictures takes: what comes
    /// first after an outage says nothing about them.
    pub(crate) fn speaks(&self, heard: Time, now: Time) -> bool {
        now.since(heard) < PAUSE && now.since(self.since) >= SETTLED
    }

    /// Whether nothing came for a [`PAUSE`], until just now.
    pub(crate) fn was_quiet(&self, now: Time) -> bool {
        now.since(self.since) < JUST_NOW
    }

    /// The longest time in which nothing came, of this time; something was `heard` last. Milliseconds, and nothing that
    /// is [`SHORT`].
    pub(crate) fn silence(&self, heard: Time, from: Time, to: Time) -> u32 {
        let ended = self.quiet.between(from, to).max().copied();
        let open = to.since(heard).as_millis() as u32;
        open.max(ended.unwrap_or(0).into())
    }

    /// It has no path, or one again.
    pub(crate) fn connected(&mut self, now: Time, connected: bool) {
        if connected {
            self.since = now;
        }
        self.outage = match (self.outage, connected) {
            (Some((from, _)), true) => Some((from, Some(now))),
            (None, true) => None,
            (_, false) => Some((now, None)),
        };
    }

    /// Whether it had a path, all the time.
    pub(crate) fn was_connected(&self, from: Time, to: Time) -> bool {
        self.outage
            .is_none_or(|(begin, end)| begin > to || end.is_some_and(|end| end < from))
    }

    /// Its page says how it fares. Gives when it said so before, and what.
    pub(crate) fn report(&mut self, now: Time, digest: Digest) -> Option<&(Time, Digest)> {
        self.digests.swap(0, 1);
        self.digests[0] = Some((now, digest));
        self.digests[1].as_ref()
    }

    /// How its device fared since `from`, and the pictures of a slot of its.
    pub(crate) fn device(&self, from: Time, mid: Option<&Mid>) -> Option<Device> {
        let (at, newest) = self.digests[0].as_ref()?;
        if *at < from {
            return None;
        }
        let before = self.digests[1].as_ref().map(|(_, digest)| digest);
        let seen = mid
            .and_then(|mid| newest.of(mid))
            .cloned()
            .unwrap_or_default();
        let old = mid
            .and_then(|mid| before?.of(mid))
            .cloned()
            .unwrap_or_default();
        let decoded = seen.decoded.saturating_sub(old.decoded);
        let decoding = seen.decoding_ms.saturating_sub(old.decoding_ms);
        Some(Device {
            hidden: newest.hidden || before.is_some_and(|before| before.hidden),
            slept_ms: newest.slept_ms,
            limitation: newest.limitation,
            captured: newest.captured,
            ended: newest.ended || newest.muted,
            decoded,
            dropped: seen.dropped.saturating_sub(old.dropped),
            decoding_ms: decoding / decoded.max(1),
            buffered_ms: seen.buffered_ms,
            lost: seen.lost.saturating_sub(old.lost),
            round_trip_ms: newest.round_trip_ms,
            relayed: newest.relayed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_away_speaks_again_when_feedback_had_its_time() {
        let mut person = Person::default();
        let at = Time::from_millis;
        let mut last = Time::ZERO;
        let mut hear = |person: &mut Person, now: Time| {
            person.heard(std::mem::replace(&mut last, now), now);
        };
        let mut until = |from: u64, to: u64| {
            for ms in (from..=to).step_by(20) {
                hear(&mut person, at(ms));
            }
            person.speaks(at(to), at(to))
        };
        assert!(until(0, 2_000));
        // Nothing came for two seconds and a half.
        assert!(!until(4_500, 5_280));
        assert!(until(5_300, 5_300));
        assert!(!person.was_quiet(at(5_300)));
        hear(&mut person, at(6_000));
        assert!(person.was_quiet(at(6_040)) && !person.was_quiet(at(6_100)));
    }
}
