//! What comes of one stream of a publisher, and how.

use std::time::Duration;

use super::bins::Bins;
use crate::time::Time;

/// Clocks drift apart by 200 ppm at most.
const DRIFT: u64 = 5_000;
/// A jump of the timestamp by more is another clock: 30 s.
const JUMP: i64 = 30_000_000;
/// A clock that stands still for less is none: 100 ms.
const STANDS: i64 = 100_000;
/// What was only held up on its way comes faster than it was made, until nothing is late any more. What is as
/// late as before after so long was not under way: its clock stood still. 600 ms.
const STAYS: Duration = Duration::from_millis(600);
/// Ticks a millisecond of sounds (RFC 7587, 4.1). Pictures have the times at which cameras gave them: no clock
/// of theirs stands still.
const SOUND: i64 = 48;
/// A jump of the sequence number by more is another stream.
const FAR: u64 = 20_000;

/// What came in a tenth of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Came {
    /// Packets by which the newest number grew.
    pub(crate) expected: u16,
    /// Of those, how many came in order.
    pub(crate) came: u16,
    /// Packets that came behind newer ones: repaired, or overtaken.
    pub(crate) late: u16,
    /// The longest silence that ended, ms.
    pub(crate) silence: u16,
    /// The most time between two pictures with no number between them: nothing was made. ms.
    pub(crate) skipped: u16,
    /// For how long the sender's clock stood still. ms.
    pub(crate) stood: u16,
    /// How much later than the quickest the latest came, ms.
    pub(crate) delay: u16,
}

/// One encoding, or a sound.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    newest: Option<Newest>,
    pause: Option<Pause>,
    pub(crate) bins: Bins<Came>,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    ssrc: u32,
    sequence: u64,
    timestamp: u32,
    /// By the sender's clock, microseconds.
    made: i64,
    /// What the quickest took.
    least: i64,
    /// By how much it came later than the quickest, microseconds.
    delay: i64,
    came: Time,
}

/// Nothing came for longer than time passed by the sender's clock, and nothing was lost.
#[derive(Clone, Copy, Debug)]
struct Pause {
    over: Time,
    /// By how much longer, microseconds.
    length: i64,
    /// How late the last packet before it was.
    before: i64,
}

impl Stream {
    /// A packet came. `rate`: ticks of the timestamp a millisecond. `quiet`: nothing at all came before it for a
    /// while, neither of this stream nor of another: what waits behind much else in a queue does not stand still.
    pub(crate) fn packet(
        &mut self,
        at: Time,
        ssrc: u32,
        rate: i64,
        (sequence, timestamp): (u64, u32),
        quiet: bool,
    ) {
        let pause = match quiet && rate == SOUND {
            true => self.pause_before(at, rate, (sequence, timestamp)),
            false => None,
        };
        self.settle(at, pause.is_some());
        let bin = self.bins.at(at);
        let known = self.newest.filter(|newest| newest.ssrc == ssrc);
        let known = known.filter(|newest| newest.sequence.abs_diff(sequence) < FAR);
        let came = at.as_micros().cast_signed();
        let Some(newest) = known else {
            self.newest = Some(Newest {
                ssrc,
                sequence,
                timestamp,
                made: came,
                least: 0,
                delay: 0,
                came: at,
            });
            (bin.expected, bin.came) = (bin.expected + 1, bin.came + 1);
            return;
        };
        let ticks = i64::from(timestamp.wrapping_sub(newest.timestamp).cast_signed());
        let made = newest.made + ticks * 1_000 / rate;
        let silent = at.micros_since(newest.came);
        let least = newest.least + (silent / DRIFT).cast_signed();
        let least = match came - made {
            far if (far - least).abs() > JUMP => far,
            took => least.min(took),
        };
        let delay = came - made - least;
        bin.delay = bin.delay.max(millis(delay));
        let Some(ahead) = sequence.checked_sub(newest.sequence).filter(|n| *n > 0) else {
            bin.late = bin.late.saturating_add(1);
            return;
        };
        bin.expected = bin.expected.saturating_add(ahead as u16);
        bin.came = bin.came.saturating_add(1);
        bin.silence = bin.silence.max(millis(silent.cast_signed()));
        if ahead == 1 {
            bin.skipped = bin.skipped.max(millis(made - newest.made));
        }
        self.newest = Some(Newest {
            ssrc,
            sequence,
            timestamp,
            made,
            least,
            delay,
            came: at,
        });
        if let Some(length) = pause.filter(|_| ahead == 1) {
            self.pause = Some(Pause {
                over: at,
                length,
                before: newest.delay,
            });
        }
    }

    /// By how much longer nothing came before this packet than time passed by the sender's clock, if that is much.
    fn pause_before(&self, at: Time, rate: i64, (sequence, timestamp): (u64, u32)) -> Option<i64> {
        let newest = self.newest?;
        let ticks = i64::from(timestamp.wrapping_sub(newest.timestamp).cast_signed());
        let silent = at.micros_since(newest.came).cast_signed();
        let pause = silent - ticks * 1_000 / rate;
        let follows = sequence == newest.sequence + 1 && ticks > 0;
        (follows && pause >= STANDS).then_some(pause)
    }

    /// Whether the sender's clock stood still in a pause is known some time behind it, or when the next one is over.
    fn settle(&mut self, now: Time, pauses: bool) {
        let Some(newest) = &mut self.newest else {
            return;
        };
        let settled = |pause: &mut Pause| pauses || pause.over + STAYS <= now;
        let Some(pause) = self.pause.take_if(settled) else {
            return;
        };
        if 5 * (newest.delay - pause.before) < 4 * pause.length {
            return;
        }
        let stood = millis(pause.length);
        newest.least += pause.length;
        newest.delay -= pause.length;
        self.bins.change(pause.over, newest.came, |bin| {
            bin.delay = bin.delay.saturating_sub(stood);
        });
        self.bins.change(pause.over, pause.over, |bin| {
            bin.stood = bin.stood.max(stood);
        });
    }

    /// By how much later than the quickest the newest came, ms.
    pub(crate) fn delay(&self) -> u32 {
        self.newest.map_or(0, |newest| millis(newest.delay).into())
    }

    /// When something last came.
    pub(crate) fn came(&self) -> Option<Time> {
        self.newest.map(|newest| newest.came)
    }
}

fn millis(micros: i64) -> u16 {
    u16::try_from(micros.max(0) / 1_000).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn sums(stream: &Stream) -> Came {
        let all = stream.bins.between(at(0), at(10_000));
        all.fold(Came::default(), |sum, bin| Came {
            expected: sum.expected + bin.expected,
            came: sum.came + bin.came,
            late: sum.late + bin.late,
            silence: sum.silence.max(bin.silence),
            skipped: sum.skipped.max(bin.skipped),
            delay: sum.delay.max(bin.delay),
            stood: sum.stood.max(bin.stood),
        })
    }

    /// 30 pictures a second, each of which does with its number, media time and arrival as it is told.
    fn run(change: impl Fn(u64) -> Option<(u64, u64, u64)>) -> Came {
        let mut stream = Stream::default();
        for n in 0..150 {
            if let Some((sequence, made, came)) = change(n) {
                stream.packet(at(came), 7, 90, (sequence, made as u32 * 90), true);
            }
        }
        sums(&stream)
    }

    #[test]
    fn a_camera_that_stops_is_not_a_link_that_loses_or_jams() {
        let steady = run(|n| Some((n, n * 33, n * 33)));
        assert_eq!((steady.expected, steady.came, steady.late), (150, 150, 0));
        assert_eq!((steady.skipped, steady.silence, steady.delay), (33, 33, 0));
        let camera = run(|n| {
            let more = if n >= 60 { 900 } else { 0 };
            Some((n, n * 33 + more, n * 33 + more))
        });
        assert_eq!(
            (camera.skipped, camera.silence, camera.delay),
            (933, 933, 0)
        );
        assert_eq!(camera.expected, camera.came);
        let loses = run(|n| (!(60..90).contains(&n)).then_some((n, n * 33, n * 33)));
        assert_eq!((loses.expected, loses.came), (150, 120));
        assert_eq!((loses.skipped, loses.silence), (33, 1_023));
        let jams = run(|n| {
            Some((
                n,
                n * 33,
                if n >= 60 { (n * 33).max(3_000) } else { n * 33 },
            ))
        });
        assert_eq!((jams.skipped, jams.silence, jams.delay), (33, 1_053, 1_019));
        assert_eq!(jams.expected, jams.came);
    }

    /// 50 packets of sound a second: of the 100th on, each is made and comes as it is told.
    fn sound(quiet: bool, change: impl Fn(u64) -> (u64, u64)) -> Came {
        let mut stream = Stream::default();
        for n in 0..250 {
            let (made, came) = if n < 100 { (n * 20, n * 20) } else { change(n) };
            stream.packet(at(came), 7, 48, (n, made as u32 * 48), quiet);
        }
        sums(&stream)
    }

    #[test]
    fn a_clock_that_stands_still_is_not_a_link_that_jams() {
        // Chromium's sound, when its processes get no time: the timestamps go on where they were.
        let stood = sound(true, |n| (n * 20, n * 20 + 1_000));
        assert_eq!((stood.stood, stood.delay, stood.silence), (1_000, 0, 1_020));
        // Time and again: what came between was not late.
        let again = sound(true, |n| (n * 20, n * 20 + (n / 10 - 9).min(8) * 440));
        assert_eq!((again.stood, again.delay), (440, 0));
        let jams = sound(true, |n| (n * 20, (n * 20).max(3_000 + n)));
        assert_eq!((jams.stood, jams.delay), (0, 1_099));
        // What was queued comes at twice the pace.
        let drains = sound(true, |n| (n * 20, (n * 20).max(3_000 + (n - 100) * 10)));
        assert_eq!((drains.stood, drains.delay), (0, 999));
        // Other things came meanwhile: it was in a queue.
        let queued = sound(false, |n| (n * 20, n * 20 + 1_000));
        assert_eq!((queued.stood, queued.delay), (0, 999));
        // Nobody spoke.
        let silent = sound(true, |n| (n * 20 + 1_000, n * 20 + 1_000));
        assert_eq!((silent.stood, silent.skipped), (0, 1_020));
    }

    #[test]
    fn what_is_repaired_is_late() {
        let mut stream = Stream::default();
        for n in [0, 1, 2, 5, 6, 3, 4, 7_u64] {
            stream.packet(at(n), 7, 90, (n, 0), false);
        }
        let sums = sums(&stream);
        assert_eq!((sums.expected, sums.came, sums.late), (8, 6, 2));
    }
}
