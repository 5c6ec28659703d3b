//! Sound as a jitter buffer plays it, and how much of it is made up because it is not there in time.

use std::time::Duration;

use super::rhythm::Gap;
use crate::time::Time;

/// For how long sound is held back at least, so that what is a little late is in time, microseconds.
/// 100 ms: NetEQ of libwebrtc settles between 40 and 120.
const HELD: i64 = 100_000;
/// What is made up for less is hardly heard, microseconds. 100 ms: five packets.
const GAP: i64 = 100_000;
/// A jitter buffer gives back a five-hundredth of what it holds more with each packet: 10 % a second.
const GIVEN_BACK: i64 = 500;
/// Clocks drift apart by 200 ppm at most.
const DRIFT: u64 = 5_000;
/// A jump of the timestamp by more is another clock: 30 s.
const JUMP: i64 = 30_000_000;
/// A packet of sound holds so much at most, microseconds: 60 ms (RFC 7587, 4.2), and is taken for 20 ms before
/// that is known.
const LONGEST: i64 = 60_000;
const USUAL: i64 = 20_000;
/// 48 kHz (RFC 7587, 4.1): a millisecond is 48 ticks.
const TICKS: i64 = 48;

/// Sound of one stream. Packets that are lost leave a hole, and so does what comes later than it is to be
/// played. Where nothing is sent because nobody speaks (DTX), numbers go on, and nothing is missing.
#[derive(Debug, Default)]
pub(crate) struct Playout {
    newest: Option<Newest>,
    /// What is held back more than [`HELD`], microseconds.
    more: i64,
    hole: Option<Hole>,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    sequence: u64,
    timestamp: u32,
    /// When it was made, by the clock that made it, microseconds.
    made: i64,
    /// What the quickest took.
    least: i64,
    came: Time,
    /// Until when it is played, by our clock.
    played: i64,
    /// How much sound a packet holds.
    holds: i64,
}

/// Packets that are missing, until it is their time to be played.
#[derive(Clone, Copy, Debug)]
struct Hole {
    first: u64,
    behind: u64,
    from: i64,
    to: i64,
    /// Of those that are missing, how many came in time.
    filled: u32,
    holds: i64,
    held: Duration,
}

impl Playout {
    /// A packet came. Gives the gap that is known by it, if one is.
    pub(crate) fn packet(&mut self, sequence: u64, timestamp: u32, at: Time) -> Option<Gap> {
        let came = at.as_micros().cast_signed();
        let over = self.hole.take_if(|hole| hole.to <= came);
        let over = over.and_then(Hole::gap);
        let Some(newest) = self.newest else {
            self.begin(sequence, timestamp, at);
            return None;
        };
        let Some(ahead) = sequence.checked_sub(newest.sequence).filter(|n| *n > 0) else {
            self.fill(sequence);
            return over;
        };
        let ticks = i64::from(timestamp.wrapping_sub(newest.timestamp).cast_signed());
        let made = newest.made + ticks * 1_000 / TICKS;
        let drift = (at.since(newest.came).as_micros() as u64 / DRIFT).cast_signed();
        let least = (newest.least + drift).min(came - made);
        if (came - made - least).abs() > JUMP || ticks <= 0 {
            self.begin(sequence, timestamp, at);
            return over;
        }
        let before = made + least + HELD + self.more;
        let held = Duration::from_micros((HELD + self.more).cast_unsigned());
        let given_back = self.more - self.more / GIVEN_BACK - drift;
        self.more = given_back.max(came - made - least - HELD).max(0);
        let plays = made + least + HELD + self.more;
        let holds = match ahead {
            1 => (made - newest.made).clamp(1, LONGEST),
            _ => newest.holds,
        };
        let holds = if ahead == 1 && made - newest.made > LONGEST {
            newest.holds
        } else {
            holds
        };
        self.newest = Some(Newest {
            sequence,
            timestamp,
            made,
            least,
            came: at,
            played: plays + holds,
            holds,
        });
        if ahead > 1 {
            // Of two holes that are open at once, the one before is all that it will be.
            let before = self.hole.replace(Hole {
                first: newest.sequence + 1,
                behind: sequence,
                from: newest.played,
                to: plays,
                filled: 0,
                holds,
                held,
            });
            return over.or_else(|| before.and_then(Hole::gap));
        }
        let late = (plays - before >= GAP).then(|| Gap {
            from: moment(before),
            to: Some(moment(plays)),
            held,
            close: false,
        });
        over.or(late)
    }

    /// What is missing came, and it was not too late.
    fn fill(&mut self, sequence: u64) {
        if let Some(hole) = &mut self.hole
            && (hole.first..hole.behind).contains(&sequence)
        {
            hole.filled += 1;
        }
    }

    fn begin(&mut self, sequence: u64, timestamp: u32, at: Time) {
        let came = at.as_micros().cast_signed();
        (self.more, self.hole) = (0, None);
        self.newest = Some(Newest {
            sequence,
            timestamp,
            made: came,
            least: 0,
            came: at,
            played: came + HELD + USUAL,
            holds: USUAL,
        });
    }
}

impl Hole {
    /// The gap that is left when it is over.
    fn gap(self) -> Option<Gap> {
        let filled = i64::from(self.filled) * self.holds;
        let missing = i64::try_from(self.behind - self.first).unwrap_or(i64::MAX);
        // Where nobody spoke, packets are far apart; what they hold is as much as ever.
        let missing = missing.saturating_mul(self.holds).min(self.to - self.from);
        (missing - filled >= GAP).then(|| Gap {
            from: moment(self.from),
            to: Some(moment(self.to)),
            held: self.held,
            close: false,
        })
    }
}

fn moment(micros: i64) -> Time {
    Time::from_micros(micros.max(0).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 20 ms, each of which comes when it is told, if it does. Gives the gaps in milliseconds.
    fn gaps(came: impl Fn(u64) -> Option<u64>) -> Vec<(u64, u64)> {
        let packets = (0..200).map(|n| (n, n * 20));
        run(packets, came)
    }

    fn run(
        packets: impl Iterator<Item = (u64, u64)>,
        came: impl Fn(u64) -> Option<u64>,
    ) -> Vec<(u64, u64)> {
        let mut all: Vec<_> = packets
            .filter_map(|(n, made)| Some((came(n)?, n, made)))
            .collect();
        all.sort();
        let mut playout = Playout::default();
        let found = all.into_iter().filter_map(|(at, n, made)| {
            playout.packet(n, made as u32 * TICKS as u32, Time::from_millis(at))
        });
        let millis = |t: Time| t.as_micros() / 1_000;
        let found = found.map(|gap| (millis(gap.from), millis(gap.to.unwrap_or_default())));
        found.collect()
    }

    #[test]
    fn what_is_lost_for_long_or_comes_too_late_is_a_gap() {
        type Case = (&'static str, fn(u64) -> Option<u64>, &'static [(u64, u64)]);
        let cases: [Case; 7] = [
            ("steady", |n| Some(n * 20), &[]),
            (
                "four lost",
                |n| (!(60..64).contains(&n)).then_some(n * 20),
                &[],
            ),
            (
                "ten lost",
                |n| (!(60..70).contains(&n)).then_some(n * 20),
                &[(1_300, 1_500)],
            ),
            (
                "ten repaired in time",
                |n| {
                    Some(match n {
                        60..70 => n * 20 + 90 + (69 - n),
                        n => n * 20,
                    })
                },
                &[],
            ),
            ("late, but not too late", |n| Some(n * 20 + n % 7 * 15), &[]),
            (
                "held back once",
                |n| Some(if (60..80).contains(&n) { 1_600 } else { n * 20 }),
                &[(1_300, 1_600)],
            ),
            (
                "the path becomes longer",
                |n| Some(n * 20 + if n < 60 { 0 } else { 250 }),
                &[(1_300, 1_450)],
            ),
        ];
        for (name, came, expected) in cases {
            assert_eq!(gaps(came), expected, "{name}");
        }
    }

    #[test]
    fn where_nobody_speaks_nothing_is_missing() {
        // From the 60th on, a packet every 400 ms.
        let silent = |n: u64| {
            if n < 60 {
                n * 20
            } else {
                1_200 + (n - 60) * 400
            }
        };
        let packets = || (0..80).map(move |n| (n, silent(n)));
        assert_eq!(run(packets(), |n| Some(silent(n))), []);
        let one_lost = run(packets(), |n| (n != 70).then(|| silent(n)));
        assert_eq!(one_lost, []);
    }

    #[test]
    fn another_clock_begins_anew() {
        let mut playout = Playout::default();
        assert_eq!(playout.packet(1, 0, Time::from_millis(0)), None);
        let far = Time::from_millis(100);
        assert_eq!(playout.packet(900, 48 * 100_000, far), None);
        assert_eq!(playout.packet(901, 48 * 100_020, far), None);
    }
}
