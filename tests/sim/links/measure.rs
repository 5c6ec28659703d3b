//! Running a profile, and what came of it.

use std::time::Duration;

use tsuji_core::{Layer, ParticipantId, Time};
use tsuji_signaling::ConnectionId;
use tsuji_signaling::message::Reason;

use super::Profile;
use crate::browser::Browser;
use crate::media::Picture;
use crate::network::Conditions;
use crate::page::Manner;
use crate::world::{World, WorldOptions};

/// How often the viewer is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long pictures must be as large as before to be back.
const HELD: Duration = Duration::from_secs(3);
/// What one sample covers.
const SAMPLE: Duration = Duration::from_millis(500);
/// Of a steady link, the beginning that does not count as use of it.
const SETTLING: Duration = Duration::from_secs(10);
/// One sound and one picture of each of three layers, bits a second, with all headers; what a
/// sound takes is measured.
const PICTURE: f64 = 1_700_000.;
const SOUND: f64 = 58_000.;

/// Half a second of a run.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Since the viewer entered, seconds.
    pub at: f64,
    /// What the link carries, bits a second.
    pub capacity: f64,
    /// What it did carry, bits a second.
    pub carried: f64,
    /// Of that, media; all else is padding, reports and what is sent again.
    pub media: f64,
    /// What each picture showed at the end, if it moved.
    pub layers: Vec<Option<Layer>>,
}

/// What a viewer had of a link.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// From entering to the first picture of each of the others; `None` where none came.
    pub first_pictures: Vec<Option<Duration>>,
    /// Freezes that were not announced, by W3C's rule.
    pub freezes: Vec<Duration>,
    /// Time of pictures that were said not to fit.
    pub paused: Duration,
    /// Time of all pictures.
    pub watched: Duration,
    /// Of what the link carries, or of all there is if that is less, what media it did carry: from
    /// 10 s on. `None` where the link changes.
    pub used: Option<f64>,
    /// From when the link last got better until all pictures were as large as before it got worse.
    pub back: Option<Duration>,
    /// The run.
    pub samples: Vec<Sample>,
}

impl Outcome {
    /// The longest freeze.
    pub fn longest(&self) -> Duration {
        self.freezes.iter().max().copied().unwrap_or_default()
    }

    /// Of the time of pictures, what was frozen.
    pub fn frozen_share(&self) -> f64 {
        let frozen: Duration = self.freezes.iter().sum();
        frozen.as_secs_f64() / self.watched.as_secs_f64()
    }

    /// Until the last of the first pictures, if all came.
    pub fn first_picture(&self) -> Option<Duration> {
        let all: Option<Vec<_>> = self.first_pictures.iter().copied().collect();
        all?.into_iter().max()
    }
}

/// Runs a profile.
pub fn measure(profile: &Profile, seed: u64) -> Outcome {
    let mut run = Run::new(profile, seed);
    run.run();
    run.outcome()
}

struct Run<'a> {
    profile: &'a Profile,
    world: World,
    viewer: ConnectionId,
    entered: Time,
    others: Vec<ParticipantId>,
    first_pictures: Vec<Option<Duration>>,
    /// When each picture was said not to fit: one look each.
    paused: Vec<Vec<Time>>,
    samples: Vec<Sample>,
    /// The layers when the link first got worse.
    before: Option<Vec<Option<Layer>>>,
    back: Option<Duration>,
    /// Since when all pictures are as large again.
    large_since: Option<Time>,
}

impl<'a> Run<'a> {
    fn new(profile: &'a Profile, seed: u64) -> Self {
        let mut world = World::new(WorldOptions {
            seed,
            keep: false,
            signaling_delay: Duration::from_millis(20),
            ..WorldOptions::default()
        });
        let manner = Manner {
            picture: Picture::Simulcast,
            ..Manner::default()
        };
        let publishers = (0..profile.publishers).map(|_| {
            let tab = world.open(manner.clone(), profile.up.clone());
            if let Some(tab) = world.tabs.get_mut(&tab) {
                tab.down.change(Conditions::default());
            }
            world.join(tab, 1);
            tab
        });
        let publishers: Vec<ConnectionId> = publishers.collect();
        world.run_for(Duration::from_secs(3));
        let me = |tab: &ConnectionId| world.tabs[tab].page.me.expect("a participant");
        let others: Vec<ParticipantId> = publishers.iter().map(me).collect();
        let entered = world.now;
        let delay = profile.down[0].1.delay_ms;
        let up = Conditions::delay(Duration::from_millis(delay.into()));
        let viewer = world.open(manner, up);
        if let Some(tab) = world.tabs.get_mut(&viewer) {
            tab.down.change(profile.down[0].1.clone());
        }
        world.join(viewer, 1);
        Self {
            profile,
            viewer,
            entered,
            first_pictures: vec![None; others.len()],
            paused: vec![Vec::new(); others.len()],
            others,
            samples: Vec::new(),
            world,
            before: None,
            back: None,
            large_since: None,
        }
    }

    fn run(&mut self) {
        let end = self.entered + Duration::from_secs(self.profile.seconds.into());
        let mut steps = self.profile.down.iter().skip(1).peekable();
        let mut sample = (self.entered, [0, 0]);
        while self.world.now < end {
            let since = self.world.now.since(self.entered);
            let due = |(at, _): &&(u32, Conditions)| since.as_secs() >= u64::from(*at);
            if let Some((_, conditions)) = steps.next_if(due) {
                if self.before.is_none() {
                    self.before = Some(self.layers());
                }
                self.world
                    .change_link(self.viewer, false, conditions.clone());
            }
            self.world.run_for(LOOK);
            self.look();
            if self.world.now.since(sample.0) >= SAMPLE {
                sample = self.sample(sample);
            }
        }
    }

    fn since(&self) -> Duration {
        self.world.now.since(self.entered)
    }

    fn browser(&self) -> Option<&Browser> {
        self.world.tabs.get(&self.viewer)?.page.browser.as_ref()
    }

    /// The mid of the slot that carries somebody's camera.
    fn mid_of(&self, other: ParticipantId) -> Option<String> {
        let slots = &self.browser()?.slots;
        let is_it = |slot: &&tsuji_core::Slot| {
            let camera = |track: tsuji_core::TrackId| {
                track.participant == other && track.source == tsuji_core::Source::Camera
            };
            slot.track.is_some_and(camera)
        };
        Some(slots.iter().find(is_it)?.mid.0.clone())
    }

    /// What each picture shows, if it moved within the last half second.
    fn layers(&self) -> Vec<Option<Layer>> {
        let now = self.world.now;
        let layer = |other: &ParticipantId| {
            let decoder = self.browser()?.decoders.get(&self.mid_of(*other)?)?;
            let moves = decoder.last_shown.is_some_and(|at| now.since(at) < SAMPLE);
            decoder.layer().filter(|_| moves)
        };
        self.others.iter().map(layer).collect()
    }

    fn look(&mut self) {
        let now = self.world.now;
        for (place, other) in self.others.clone().into_iter().enumerate() {
            let Some(mid) = self.mid_of(other) else {
                continue;
            };
            let browser = self.browser();
            let decoder = browser.and_then(|browser| browser.decoders.get(&mid));
            let shown = decoder.and_then(|decoder| decoder.last_shown);
            if self.first_pictures[place].is_none() {
                self.first_pictures[place] = shown.map(|at| at.since(self.entered));
            }
            let reasons = &self.world.tabs[&self.viewer].page.reasons;
            let told = reasons.get(&mid).map(|(_, told)| told.reason);
            if told == Some(Reason::NoBandwidth) {
                self.paused[place].push(now);
            }
        }
        let returned = self.profile.returns().map(u64::from);
        let returned = returned.map(Duration::from_secs);
        if let (Some(returned), Some(before), None) = (returned, &self.before, self.back)
            && self.since() > returned
        {
            // For good, not for a moment.
            if self.layers() < *before {
                self.large_since = None;
            } else if *self.large_since.get_or_insert(now) + HELD <= now {
                self.back = Some((self.since() - returned).saturating_sub(HELD));
            }
        }
    }

    /// What came since the last one, whose counts of bytes are given: of all, and of media.
    fn sample(&mut self, (from, before): (Time, [u64; 2])) -> (Time, [u64; 2]) {
        let now = self.world.now;
        let carried = self.world.tabs[&self.viewer].down.carried;
        let media = self.browser().map_or(0, |browser| browser.media_bytes);
        let seconds = now.since(from).as_secs_f64();
        let at = self.since().as_secs_f64();
        self.samples.push(Sample {
            at,
            capacity: 1_000. * f64::from(self.profile.at(at - seconds).bandwidth_kbps),
            carried: 8. * (carried - before[0]) as f64 / seconds,
            media: 8. * (media - before[1]) as f64 / seconds,
            layers: self.layers(),
        });
        (now, [carried, media])
    }

    fn outcome(mut self) -> Outcome {
        let now = self.world.now;
        let watched = self.since() * self.others.len() as u32;
        let others = self.others.clone();
        let mut freezes = Vec::new();
        for (place, other) in others.into_iter().enumerate() {
            let Some(mid) = self.mid_of(other) else {
                continue;
            };
            let tab = self.world.tabs.get_mut(&self.viewer);
            let browser = tab.and_then(|tab| tab.page.browser.as_mut());
            let Some(decoder) = browser.and_then(|browser| browser.decoders.get_mut(&mid)) else {
                continue;
            };
            decoder.screen.end(now);
            let was_said = |(from, to): &(Time, Time)| {
                let mut said = self.paused[place].iter();
                said.any(|at| from <= at && at <= to)
            };
            let found = decoder.screen.freezes.found.iter();
            let found = found.filter(|gap| !was_said(gap));
            freezes.extend(found.map(|(from, to)| to.since(*from)));
        }
        let paused = self.paused.iter().map(Vec::len).sum::<usize>();
        let steady = self.profile.is_steady().then(|| {
            let settled = |sample: &&Sample| sample.at > SETTLING.as_secs_f64();
            let samples: Vec<_> = self.samples.iter().filter(settled).collect();
            let mean = samples.iter().map(|sample| sample.media).sum::<f64>();
            let all = (PICTURE + SOUND) * self.others.len() as f64;
            mean / samples.len() as f64 / all.min(samples[0].capacity)
        });
        Outcome {
            first_pictures: self.first_pictures,
            freezes,
            paused: LOOK * paused as u32,
            watched,
            used: steady,
            back: self.back,
            samples: self.samples,
        }
    }
}
