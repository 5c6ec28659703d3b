//! What a viewer's device makes of the pictures that came: it decodes and shows them, if it has the time.

use std::time::Duration;

use tsuji_core::Time;

use crate::freezes::Freezes;

/// What decoding a picture takes a device that is well.
const QUICK: Duration = Duration::from_millis(3);

/// Where the pictures of one m-line are shown.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// Freezes of everything that was shown.
    pub freezes: Freezes,
    /// Pictures that were decoded.
    pub decoded: u32,
    /// Of those, pictures that came too late to be shown.
    pub dropped: u32,
    /// What decoding them took, all together.
    pub decoding: Duration,
    /// Until then nothing is decoded.
    busy_until: Time,
    /// When the newest picture was made of those that wait for that.
    waiting: Option<Time>,
    /// What decoding a picture takes while the device is slow, and until when it is.
    slow: Option<(Duration, Time)>,
}

impl Screen {
    /// The device stands still until `t`.
    pub fn stand(&mut self, t: Time) {
        self.busy_until = self.busy_until.max(t);
    }

    /// Decoding a picture takes so long, until `t`.
    pub fn slow_down(&mut self, takes: Duration, t: Time) {
        self.slow = Some((takes, t));
    }

    /// A picture that was made at some time can be decoded now.
    pub(crate) fn frame(&mut self, made: Time, now: Time) {
        self.catch_up(now);
        let slow = self.slow.filter(|(_, until)| now < *until);
        self.decoded += 1;
        if now < self.busy_until {
            // All that wait are decoded in a hurry, and only the newest of them is still in time.
            self.decoding += QUICK;
            self.dropped += u32::from(self.waiting.replace(made).is_some());
        } else if let Some((takes, _)) = slow {
            self.decoding += takes;
            self.busy_until = now + takes;
            self.waiting = Some(made);
        } else {
            self.decoding += QUICK;
            self.freezes.frame(made, now);
        }
    }

    /// Shows what has waited for long enough.
    pub(crate) fn catch_up(&mut self, now: Time) {
        if self.busy_until <= now
            && let Some(made) = self.waiting.take()
        {
            self.freezes.frame(made, self.busy_until);
        }
    }

    /// The picture ends, and what comes next is another.
    pub(crate) fn forget(&mut self) {
        self.waiting = None;
        self.freezes.forget();
    }

    /// No picture will come any more.
    pub fn end(&mut self, t: Time) {
        self.catch_up(t);
        self.freezes.end(t);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn run(screen: &mut Screen, frames: std::ops::Range<u64>) {
        for frame in frames {
            screen.frame(at(33 * frame), at(33 * frame + 20));
        }
    }

    #[test]
    fn who_stands_still_shows_the_newest_afterwards_and_drops_the_others() {
        let mut screen = Screen::default();
        run(&mut screen, 0..40);
        screen.stand(at(40 * 33 + 1_000));
        run(&mut screen, 40..100);
        assert_eq!(screen.freezes.found.len(), 1, "{screen:?}");
        let (from, to) = screen.freezes.found[0];
        assert_eq!(
            (from, to.since(from) >= Duration::from_millis(1_000)),
            (at(39 * 33 + 20), true)
        );
        assert_eq!((screen.decoded, screen.dropped), (100, 29));
    }

    #[test]
    fn who_decodes_slowly_shows_a_picture_now_and_then() {
        let mut screen = Screen::default();
        run(&mut screen, 0..40);
        screen.slow_down(Duration::from_millis(450), at(40 * 33 + 1_300));
        run(&mut screen, 40..120);
        assert!(screen.freezes.found.len() >= 2, "{screen:?}");
        assert!(screen.dropped > 30, "{screen:?}");
        assert_eq!(
            screen.decoding,
            117 * QUICK + 3 * Duration::from_millis(450)
        );
    }
}
