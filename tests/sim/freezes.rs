//! Freezes of a picture, counted as browsers count them.
//!
//! A jitter buffer shows each frame so long after it was made as the latest of the last frames
//! needed: what is late for the first time freezes the picture, what is as late again does not.
//!
//! W3C *Identifiers for WebRTC's Statistics API*, `freezeCount`: a picture froze where the time
//! between two frames is at least the larger of three times the mean of the last 30, and that mean
//! and 150 ms.

use std::collections::VecDeque;
use std::time::Duration;

use tsuji_core::Time;

/// Frames whose distances make the mean.
const FRAMES: usize = 30;
/// Before so many distances are known, nothing is judged: as in libwebrtc.
const TOO_FEW: usize = 5;
const AT_LEAST: Duration = Duration::from_millis(150);
/// What the jitter buffer gives back of its delay with each frame: a thousandth, 3 % a second.
const GIVEN_BACK: u32 = 1_000;

/// The frames of one picture.
#[derive(Clone, Debug, Default)]
pub struct Freezes {
    last: Option<Time>,
    /// From when a frame is made until it is shown.
    delay: Duration,
    distances: VecDeque<Duration>,
    /// From the last frame before each freeze to the first behind it.
    pub found: Vec<(Time, Time)>,
}

impl Freezes {
    /// A frame that was made at some time can be decoded now.
    pub fn frame(&mut self, made: Time, now: Time) {
        let given_back = self.delay - self.delay / GIVEN_BACK;
        self.delay = given_back.max(now.since(made));
        self.show(made + self.delay);
    }

    fn show(&mut self, t: Time) {
        let Some(last) = self.last.replace(t) else {
            return;
        };
        let distance = t.since(last);
        if self.is_freeze(distance) {
            self.found.push((last, t));
        }
        if self.distances.len() == FRAMES {
            self.distances.pop_front();
        }
        self.distances.push_back(distance);
    }

    /// No frame will come any more: what is open at `t` counts too.
    pub fn end(&mut self, t: Time) {
        if let Some(last) = self.last
            && self.is_freeze(t.since(last))
        {
            self.found.push((last, t));
        }
        self.forget();
    }

    /// The picture ends, and what comes next is another: the time between is no freeze.
    pub fn forget(&mut self) {
        self.last = None;
        self.distances.clear();
    }

    fn is_freeze(&self, distance: Duration) -> bool {
        let known = self.distances.len();
        if known < TOO_FEW {
            return false;
        }
        let mean = self.distances.iter().sum::<Duration>() / known as u32;
        distance >= (3 * mean).max(mean + AT_LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_counts_where_it_is_long_for_the_frames_around_it() {
        let found = |interval: u64, gap: u64| {
            let mut freezes = Freezes::default();
            for frame in 0..40 {
                freezes.show(Time::from_millis(frame * interval));
            }
            freezes.show(Time::from_millis(39 * interval + gap));
            freezes.found.len()
        };
        // 33 + 150 ms, which is more than 3 × 33 ms.
        assert_eq!(found(33, 182), 0);
        assert_eq!(found(33, 183), 1);
        // 3 × 200 ms, which is more than 350 ms.
        assert_eq!(found(200, 599), 0);
        assert_eq!(found(200, 600), 1);
    }

    #[test]
    fn who_is_late_again_freezes_nothing() {
        let mut freezes = Freezes::default();
        let at = |frame: u64| Time::from_millis(33 * frame);
        for frame in 0..300 {
            let late = if frame >= 100 && frame % 10 == 0 {
                250
            } else {
                20
            };
            freezes.frame(at(frame), at(frame) + Duration::from_millis(late));
        }
        assert_eq!(freezes.found.len(), 1);
        assert_eq!(freezes.found[0].0, at(99) + Duration::from_millis(20));
    }

    #[test]
    fn what_is_open_at_the_end_counts_and_another_picture_does_not() {
        let mut freezes = Freezes::default();
        let mut run = |from: u64| {
            for frame in 0..10 {
                freezes.show(Time::from_millis(from + 33 * frame));
            }
            freezes.forget();
        };
        run(0);
        run(5_000);
        assert_eq!(freezes.found, []);
        for frame in 0..10 {
            freezes.show(Time::from_millis(9_000 + 33 * frame));
        }
        freezes.end(Time::from_millis(11_297));
        let expected = (Time::from_millis(9_297), Time::from_millis(11_297));
        assert_eq!(freezes.found, [expected]);
    }
}
