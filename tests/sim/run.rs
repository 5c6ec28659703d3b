//! Running a scenario, and what came of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tsuji_core::{Limits, MediaKind, Source, Time};
use tsuji_signaling::ConnectionId;
use tsuji_signaling::message::Ice;

use crate::garbage;
use crate::invariants::{Invariant, NoPanic, Violation};
use crate::page::Manner;
use crate::scenario::{Action, End, Garbage, Person, Scenario};
use crate::world::{World, WorldOptions};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Seconds of virtual time, summed over everybody while in a room.
    pub participant_seconds: f64,
    /// Inputs that the core took.
    pub steps: u64,
    /// Promises that were broken; the run ended at the first.
    pub violations: Vec<Violation>,
    /// A hash of all bytes that were given out, when asked for.
    pub digest: u64,
    /// Traces for `tsuji replay`, one for each core, when asked for.
    pub traces: Vec<Vec<u8>>,
}

/// What a run does beside running.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// Hash all bytes.
    pub digest: bool,
    /// Keep traces.
    pub record: bool,
    /// End in the middle, and see how much memory the cores hold then.
    pub weigh: bool,
}

/// Runs a scenario from beginning to end.
pub fn run(scenario: &Scenario, options: RunOptions) -> Report {
    let mut play = Play::new(scenario, options);
    let ran = catch_unwind(AssertUnwindSafe(|| play.run()));
    let world = &mut play.world;
    if let Err(panic) = ran {
        let seen = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        world.violations.push(Violation {
            at: world.now,
            invariant: NoPanic.name(),
            promise: NoPanic.promise(),
            seen: seen.unwrap_or("a panic").to_owned(),
        });
    }
    let stay = |(entered, left): (Time, Time)| left.since(entered).as_secs_f64();
    let members = world.ledger.members().values();
    let stays = members.map(|member| (member.entered, member.left.unwrap_or(world.now)));
    Report {
        participant_seconds: stays.map(stay).sum(),
        steps: world.steps,
        violations: std::mem::take(&mut world.violations),
        digest: world.digest(),
        traces: world.take_traces(),
    }
}

/// Runs a scenario twice; that both give the same bytes is one promise more.
pub fn run_twice(scenario: &Scenario) -> Report {
    let options = RunOptions {
        digest: true,
        ..RunOptions::default()
    };
    let first = run(scenario, options);
    let mut second = run(scenario, options);
    if first.digest != second.digest {
        second.violations.push(Violation {
            at: Time::ZERO,
            invariant: "same_bytes",
            promise: "the same seed gives the same bytes, twice",
            seen: format!("{:016x}, then {:016x}", first.digest, second.digest),
        });
    }
    second.participant_seconds += first.participant_seconds;
    second.steps += first.steps;
    second
}

/// What comes of a deed: that it begins, and that it ends.
#[derive(Clone, Copy, Debug)]
enum Act<'a> {
    Do(&'a Action),
    Undo(&'a Action),
}

/// A scenario while it runs.
struct Play<'a> {
    scenario: &'a Scenario,
    /// Whether it is to end in the middle.
    weigh: bool,
    world: World,
    /// Everybody's present page.
    tabs: Vec<Option<ConnectionId>>,
    rng: ChaCha8Rng,
}

/// Until the last page that vanished is noticed: silence, then closing, then the core's timers.
const NOTICED: Duration = Duration::from_secs(60);
/// Until the last room is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(11 * 60);

impl<'a> Play<'a> {
    fn new(scenario: &'a Scenario, options: RunOptions) -> Self {
        let world = World::new(WorldOptions {
            seed: scenario.seed,
            cores: scenario.cores,
            signaling_delay: Duration::from_millis(scenario.signaling_ms.into()),
            hop: Duration::from_micros(scenario.hop_us.into()),
            keep: false,
            strict: false,
            digest: options.digest,
            record: options.record,
            limits: Limits {
                estimate_bandwidth: scenario.estimates,
                ..Limits::default()
            },
            ..WorldOptions::default()
        });
        Self {
            scenario,
            weigh: options.weigh,
            world,
            tabs: vec![None; scenario.people.len()],
            rng: ChaCha8Rng::seed_from_u64(scenario.seed ^ 0x6761_7262_6167_6521),
        }
    }

    fn run(&mut self) {
        let people = self.scenario.people.iter().enumerate();
        let mut deeds: Vec<_> = people
            .map(|(who, person)| (person.enters_ms, who, Act::Do(&Action::Enter)))
            .collect();
        let count = self.scenario.people.len();
        for deed in &self.scenario.deeds {
            let who = usize::from(deed.who) % count;
            deeds.push((deed.at_ms, who, Act::Do(&deed.what)));
            if let Some(after_ms) = deed.what.lasts_ms() {
                let end = deed.at_ms.saturating_add(after_ms);
                deeds.push((end, who, Act::Undo(&deed.what)));
            }
        }
        let whole = self.scenario.duration_ms;
        let duration_ms = if self.weigh { whole / 2 } else { whole };
        deeds.retain(|(at_ms, ..)| *at_ms < duration_ms);
        deeds.sort_by_key(|(at_ms, ..)| *at_ms);
        for (at_ms, who, act) in deeds {
            if !self.pass_until(Time::from_millis(at_ms.into())) {
                return;
            }
            match act {
                Act::Do(what) => self.act(who, what),
                Act::Undo(what) => self.undo(who, what),
            }
        }
        if !self.pass_until(Time::from_millis(duration_ms.into())) {
            return;
        }
        if self.weigh {
            self.world.weigh();
            return;
        }
        for (who, person) in self.scenario.people.iter().enumerate() {
            self.end(who, person.end);
        }
        self.world.run_for(Duration::from_secs(1));
        for who in 0..self.tabs.len() {
            self.end(who, End::Close);
        }
        for patience in [NOTICED, FORGOTTEN] {
            if self.world.violations.is_empty() {
                self.world.run_for(patience);
            }
        }
        if self.world.violations.is_empty() {
            self.world.check_end();
            self.world.weigh();
        }
    }

    /// Says whether all is well so far.
    fn pass_until(&mut self, end: Time) -> bool {
        let limit = end.since(self.world.now);
        self.world
            .run_until(limit, |world| !world.violations.is_empty());
        if self.world.violations.is_empty() {
            self.world.run_for(end.since(self.world.now));
        }
        self.world.violations.is_empty()
    }

    fn open_tab(&self, who: usize) -> Option<ConnectionId> {
        let id = self.tabs[who]?;
        let tab = self.world.tabs.get(&id)?;
        tab.is_open().then_some(id)
    }

    fn act(&mut self, who: usize, what: &Action) {
        match what {
            Action::Enter => self.enter(who),
            Action::End(end) => self.end(who, *end),
            Action::Reload => {
                self.end(who, End::Close);
                self.enter(who);
            }
            _ => {
                if let Some(id) = self.open_tab(who) {
                    self.act_in(id, what);
                }
            }
        }
    }

    fn enter(&mut self, who: usize) {
        let person: &Person = &self.scenario.people[who];
        let id = match self.open_tab(who) {
            Some(id) if self.world.tabs[&id].page.me.is_some() => return,
            Some(id) => id,
            None => {
                let manner = Manner {
                    ice: if person.vanilla {
                        Ice::Vanilla
                    } else {
                        Ice::Trickle
                    },
                    picture: person.picture,
                    codec: self.scenario.codec,
                    audio: person.audio,
                    video: person.video,
                    answers: true,
                };
                let id = self.world.open(manner, person.up.clone());
                if let Some(tab) = self.world.tabs.get_mut(&id) {
                    tab.down.change(person.down.clone());
                }
                id
            }
        };
        self.tabs[who] = Some(id);
        self.world.join(id, person.room.into());
    }

    fn end(&mut self, who: usize, end: End) {
        let Some(id) = self.open_tab(who) else {
            return;
        };
        match end {
            End::Leave => self.world.page(id, |page, _| page.leave()),
            End::Close => self.world.close(id),
            End::Vanish => self.world.vanish(id),
        }
    }

    fn act_in(&mut self, id: ConnectionId, what: &Action) {
        let now = self.world.now;
        let Some(tab) = self.world.tabs.get_mut(&id) else {
            return;
        };
        match what {
            Action::Enter | Action::End(_) | Action::Reload => {}
            Action::Mute { video, honest, .. } => self.mute(id, *video, true, *honest),
            Action::Unmute { video } => self.mute(id, *video, false, true),
            Action::Share(_) => self.world.page(id, |page, now| page.share(now, true)),
            Action::Present { sound, .. } => self
                .world
                .page(id, |page, now| page.present(now, true, *sound)),
            Action::Look(glances) => self.world.page(id, |page, _| page.look(glances)),
            Action::Overload(_) => self.world.page(id, |page, _| page.overload(true)),
            Action::Link { up, down } => tab.change(now, up.clone(), down.clone()),
            Action::Partition { up_ms, down_ms } => {
                let [up, down] = [up_ms, down_ms].map(|ms| Duration::from_millis((*ms).into()));
                tab.partition(now, up, down);
            }
            Action::Cut { half_open, .. } => self.world.cut(id, *half_open),
            Action::Restart => self.world.page(id, |page, _| page.restart()),
            Action::Rebind { whole } => self.world.rebind(id, *whole),
            Action::Garbage(garbage) => self.garbage(id, *garbage),
        }
    }

    fn undo(&mut self, who: usize, what: &Action) {
        let Some(id) = self.open_tab(who) else {
            return;
        };
        match what {
            Action::Mute { video, .. } => self.mute(id, *video, false, true),
            Action::Share(_) => self.world.page(id, |page, now| page.share(now, false)),
            Action::Present { .. } => self
                .world
                .page(id, |page, now| page.present(now, false, false)),
            Action::Cut { .. } => self.world.reconnect(id),
            Action::Overload(_) => self.world.page(id, |page, _| page.overload(false)),
            _ => {}
        }
    }

    fn mute(&mut self, id: ConnectionId, video: bool, muted: bool, honest: bool) {
        let kind = Action::kind(video);
        self.world
            .page(id, |page, now| page.mute(now, kind, muted, honest));
    }

    fn garbage(&mut self, id: ConnectionId, garbage: Garbage) {
        let Some(tab) = self.world.tabs.get_mut(&id) else {
            return;
        };
        let outer = tab.outer;
        // What a page may be thrown out for.
        tab.rude |= matches!(
            garbage,
            Garbage::Texts
                | Garbage::Oversized
                | Garbage::Flood
                | Garbage::Answer
                | Garbage::Silence
        );
        match garbage {
            Garbage::Datagrams => {
                let browser = tab.page.browser.as_ref();
                let mids = browser.and_then(|browser| browser.publish_mids());
                self.datagrams(outer);
                for (mid, source) in mids.into_iter().flatten().zip(Source::ALL) {
                    let audio = source.kind() == MediaKind::Audio;
                    let payload = garbage::forgery(&mut self.rng, &mid, audio);
                    self.world.datagram(outer, &payload);
                }
            }
            Garbage::StrangersDatagrams => {
                let stranger = ([203, 0, 113, (self.rng.next_u64() % 250) as u8], 666);
                self.datagrams(stranger.into());
            }
            Garbage::Texts => self.texts(id, 15, garbage::text),
            Garbage::Candidates => self.texts(id, 12, garbage::candidate),
            Garbage::Flood => self.texts(id, 400, |_| r#"{"type":"leave "}"#.to_owned()),
            Garbage::Binary => self.world.rude_frame(id, true),
            Garbage::Oversized => self.world.rude_frame(id, false),
            Garbage::Answer => tab.page.spoil_answer = Some(self.rng.next_u64()),
            Garbage::Silence => tab.page.hang(),
        }
    }

    fn datagrams(&mut self, from: std::net::SocketAddr) {
        for _ in 0..30 {
            let payload = garbage::datagram(&mut self.rng);
            self.world.datagram(from, &payload);
        }
    }

    fn texts(&mut self, id: ConnectionId, count: usize, make: impl Fn(&mut ChaCha8Rng) -> String) {
        for _ in 0..count {
            let text = make(&mut self.rng);
            self.world.text(id, text);
        }
    }
}
