//! What a page tells of itself, and when: as `web/client/app/digest.js` does.

use std::time::Duration;

use tsuji_core::Time;
use tsuji_signaling::message::{Report, Seen};

use crate::browser::Browser;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Between two reports, where nothing happens.
const AGAIN: Duration = Duration::from_secs(5);
/// Between two reports at least.
const PAUSE: Duration = Duration::from_secs(2);

/// How somebody's page and camera fare.
#[derive(Clone, Copy, Debug, Default)]
pub struct Device {
    /// The tab is not visible.
    pub hidden: bool,
    /// The camera's track has ended.
    pub ended: bool,
    /// The page's timers stand still until then.
    pub stands_until: Time,
}

/// What is told at once when it changes: freezes of each slot, the tab, the camera.
type Urgent = (Vec<(String, u32)>, bool, bool);

/// The timer of a page that looks and tells.
#[derive(Debug)]
pub struct Reporter {
    next: Time,
    looked_at: Time,
    reported_at: Option<Time>,
    slept: Duration,
    told: Option<Urgent>,
}

impl Reporter {
    /// Looks once a second from `first` on.
    pub fn new(first: Time) -> Self {
        Self {
            next: first,
            looked_at: first,
            reported_at: None,
            slept: Duration::ZERO,
            told: None,
        }
    }

    /// What there is to tell now, if it is time to look.
    pub fn look(&mut self, now: Time, browser: &mut Browser) -> Option<Report> {
        let device = browser.device;
        if now < self.next || now < device.stands_until {
            return None;
        }
        while self.next <= now {
            self.next = self.next + LOOK;
        }
        // A hidden tab is called seldom: that is no sleep.
        if !device.hidden {
            self.slept += now.since(self.looked_at).saturating_sub(3 * LOOK / 2);
        }
        self.looked_at = now;
        if !browser.connected {
            return None;
        }
        let seen = browser.decoders.iter_mut().map(|(mid, decoder)| {
            let screen = &mut decoder.screen;
            screen.catch_up(now);
            let over = screen.freezes.found.iter().filter(|(_, to)| *to <= now);
            let frozen: Duration = over.clone().map(|(from, to)| to.since(*from)).sum();
            Seen {
                mid: mid.clone(),
                freezes: over.count() as u32,
                frozen_ms: frozen.as_millis() as u32,
                decoded: screen.decoded,
                dropped: screen.dropped,
                decoding_ms: screen.decoding.as_millis() as u32,
                ..Seen::default()
            }
        });
        let seen: Vec<_> = seen.collect();
        let freezes = seen.iter().map(|seen| (seen.mid.clone(), seen.freezes));
        let urgent = (freezes.collect(), device.hidden, device.ended);
        let pause = match self.told.as_ref() == Some(&urgent) {
            true => AGAIN,
            false => PAUSE,
        };
        if self.reported_at.is_some_and(|at| now < at + pause) {
            return None;
        }
        self.reported_at = Some(now);
        self.told = Some(urgent);
        Some(Report {
            seen,
            ended: device.ended,
            hidden: device.hidden,
            slept_ms: std::mem::take(&mut self.slept).as_millis() as u32,
            ..Report::default()
        })
    }
}
