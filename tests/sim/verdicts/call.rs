//! A call with faults in it: what the core told, and what was seen.

use std::collections::BTreeMap;
use std::time::Duration;

use tsuji_core::freeze::Culprit;
use tsuji_core::{Freeze, Notice, ParticipantId, Reason, Time};
use tsuji_signaling::ConnectionId;
use tsuji_signaling::message::ClientMessage;

use super::plan::Plan;
use crate::page::Manner;
use crate::reporter::Reporter;
use crate::world::{World, WorldOptions};

/// People in a call.
const PEOPLE: usize = 4;
/// Until everybody sees everybody.
const ENTERING: Duration = Duration::from_secs(3);
/// How long a call goes on after the last fault is over.
const RECOVERY: Duration = Duration::from_secs(6);
/// How long a healthy one lasts.
const HEALTHY: Duration = Duration::from_secs(15);
/// How often it is looked what is due.
const LOOK: Duration = Duration::from_millis(20);
/// What ended less than this before the end of a call is not told any more.
const SETTLED: Duration = Duration::from_secs(2);
/// Two accounts of a freeze may differ by so much.
const NEAR: Duration = Duration::from_millis(400);
/// So much later at most a page tells what only it saw: it looks once a second, and tells at most every two.
const LATE: Duration = Duration::from_secs(3);

/// A freeze that the core told of.
#[derive(Clone, Debug)]
pub struct Told {
    /// For whom.
    pub viewer: ParticipantId,
    /// What it told.
    pub freeze: Box<Freeze>,
    /// Whose fault it was in truth: all that went wrong with that picture then. Where all links lose a little, and
    /// nothing else goes wrong, what was seen is put down to them, and what was not is nobody's fault.
    pub truth: Vec<Culprit>,
    /// Whether it was seen.
    pub seen: bool,
}

/// What came of a call.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What the core told.
    pub told: Vec<Told>,
    /// Freezes that were seen, and how many of those the core told of.
    pub seen: usize,
    /// See there.
    pub found: usize,
    /// Those that it did not tell of.
    pub unfound: Vec<(ParticipantId, Time, Time)>,
    /// Pictures that froze, or were said not to come: for how long in all while something went wrong, and
    /// for how long when that was over.
    pub dark: [Duration; 2],
}

/// Makes a call.
pub fn call(plan: &Plan, seed: u64) -> Outcome {
    let mut call = Call::with(plan, seed, false);
    call.go();
    call.outcome()
}

/// The full trace of a call in which the server stands still for a while.
///
/// # Panics
/// Never: there is such a call.
pub fn trace_of_a_stall() -> Vec<u8> {
    let mut plans = super::singles();
    plans.retain(|plan| plan.name == "ServerStalls, Strong");
    let plan = plans.pop().expect("a plan");
    let mut call = Call::with(&plan, 1, true);
    call.go();
    call.world.take_traces().swap_remove(0)
}

struct Call<'a> {
    plan: &'a Plan,
    world: World,
    people: Vec<ConnectionId>,
    begun: Time,
    reporters: Vec<Reporter>,
}

/// Who, and on which m-line.
type Place = (ParticipantId, String);

impl<'a> Call<'a> {
    fn with(plan: &'a Plan, seed: u64, record: bool) -> Self {
        let mut world = World::new(WorldOptions {
            seed,
            record,
            keep: false,
            strict: false,
            signaling_delay: Duration::from_millis(20),
            ..WorldOptions::default()
        });
        let manner = Manner {
            picture: plan.picture,
            codec: plan.codec,
            ..Manner::default()
        };
        let people = (0..PEOPLE).map(|_| {
            let tab = world.open(manner.clone(), plan.link.clone());
            world.join(tab, 1);
            tab
        });
        let people = people.collect();
        world.run_for(ENTERING);
        // Everybody looks at another moment of the second.
        let first = |person| 370 * seed + 230 * person;
        let reporters = (0..PEOPLE as u64)
            .map(|person| Reporter::new(world.now + Duration::from_millis(first(person) % 1_000)));
        let reporters = reporters.collect();
        Self {
            plan,
            begun: world.now,
            world,
            people,
            reporters,
        }
    }

    fn go(&mut self) {
        let faults = &self.plan.faults;
        let ends = faults
            .iter()
            .map(|(fault, strength, at)| *at + fault.lasts(*strength));
        let end = ends.max().map_or(HEALTHY, |end| end + RECOVERY);
        let people = (self.people[0], self.people[1]);
        let mut state = vec![0_u8; faults.len()];
        while self.world.now < self.begun + end {
            let since = self.world.now.since(self.begun);
            for ((fault, strength, at), state) in faults.iter().zip(&mut state) {
                let Some(going) = since.checked_sub(*at) else {
                    continue;
                };
                if going < fault.lasts(*strength) {
                    let first = *state == 0;
                    fault.go_on(*strength, &mut self.world, people, going, first);
                    *state = 1;
                } else if *state == 1 {
                    fault.end(&mut self.world, people, &self.plan.link);
                    *state = 2;
                }
            }
            self.report();
            self.world.run_for(LOOK);
        }
    }

    /// Pages say what they have to say of themselves.
    fn report(&mut self) {
        for (tab, reporter) in self.people.iter().zip(&mut self.reporters) {
            let now = self.world.now;
            let Some(page) = self.world.tabs.get_mut(tab).map(|tab| &mut tab.page) else {
                continue;
            };
            let browser = page.browser.as_mut();
            let report = browser.and_then(|browser| reporter.look(now, browser));
            if let Some(report) = report {
                page.say(ClientMessage::Report(report));
            }
        }
    }

    fn me(&self, person: usize) -> ParticipantId {
        let tab = &self.world.tabs[&self.people[person]];
        tab.page.me.expect("a participant")
    }

    /// What went wrong with a picture in this time.
    fn truth(
        &self,
        viewer: ParticipantId,
        publisher: ParticipantId,
        from: Time,
        to: Time,
    ) -> Vec<Culprit> {
        let faults = self.plan.faults.iter();
        let faults = faults.filter(|(fault, strength, at)| {
            let begin = self.begun + *at;
            let end = begin + fault.lasts(*strength) + fault.aftermath();
            let then = begin <= to && from <= end;
            let here = match fault.culprit() {
                Culprit::PublisherDevice | Culprit::PublisherUplink => publisher == self.me(0),
                Culprit::ViewerDownlink | Culprit::ViewerDevice => viewer == self.me(1),
                Culprit::Server | Culprit::Unknown => true,
            };
            then && here
        });
        let mut truth: Vec<_> = faults.map(|(fault, ..)| fault.culprit()).collect();
        truth.dedup();
        truth
    }

    /// How long pictures froze, and were said not to come, while something went wrong and behind that.
    fn dark(&mut self) -> [Duration; 2] {
        let now = self.world.now;
        let faults = self.plan.faults.iter();
        let ends = faults.map(|(fault, strength, at)| self.begun + *at + fault.lasts(*strength));
        let over = ends.max().unwrap_or(now);
        let mut dark = [Duration::ZERO; 2];
        let mut spans = self.said_not_to_come();
        for tab in self.world.tabs.values_mut() {
            let (Some(me), Some(browser)) = (tab.page.me, &mut tab.page.browser) else {
                continue;
            };
            for (mid, decoder) in &mut browser.decoders {
                decoder.screen.end(now);
                let place = spans.entry((me, mid.clone())).or_default();
                place.extend(&decoder.screen.freezes.found);
            }
        }
        for (from, to) in spans.into_values().flat_map(united) {
            let from = from.max(self.begun);
            dark[0] += to.min(over).since(from);
            dark[1] += to.since(from.max(over));
        }
        dark
    }

    /// Freezes that were seen on each m-line, but those of pictures that were said not to come.
    fn seen(&mut self) -> BTreeMap<Place, Vec<(Time, Time)>> {
        let (now, begun) = (self.world.now, self.begun);
        let said = self.said_not_to_come();
        let mut seen = BTreeMap::new();
        for tab in self.world.tabs.values_mut() {
            let (Some(me), Some(browser)) = (tab.page.me, &mut tab.page.browser) else {
                continue;
            };
            for (mid, decoder) in &mut browser.decoders {
                let place = (me, mid.clone());
                decoder.screen.end(now);
                let all = decoder.screen.freezes.found.iter().copied();
                let was_said = |from: Time, to: Time| {
                    let mut said = said.get(&place).into_iter().flatten();
                    said.any(|(begin, end)| *begin <= to && from <= *end)
                };
                // What is too late for the core to tell of does not count.
                let counts = |(from, to): &(Time, Time)| {
                    *from > begun && *to + SETTLED < now && !was_said(*from, *to)
                };
                let all = all.filter(counts).collect();
                seen.insert(place.clone(), all);
            }
            for (mid, ear) in &mut browser.ears {
                let gaps = ear.gaps();
                // What lasts when the call is over, or nearly, is not told any more.
                let counts = |(from, to): &(Time, Time)| *from > begun && *to + SETTLED < now;
                let gaps = gaps.into_iter().filter(counts).collect();
                seen.insert((me, mid.clone()), gaps);
            }
        }
        seen
    }

    fn said_not_to_come(&self) -> BTreeMap<Place, Vec<(Time, Time)>> {
        let mut said: BTreeMap<Place, Vec<(Time, Time)>> = BTreeMap::new();
        for (t, notice) in &self.world.notices {
            let Notice::Reasons {
                participant,
                reasons,
                ..
            } = notice
            else {
                continue;
            };
            for told in reasons {
                let place = (*participant, told.mid.0.clone());
                let times = said.entry(place).or_default();
                if told.reason == Reason::NoBandwidth {
                    times.push((*t, self.world.now));
                } else if let Some(last) = times.last_mut() {
                    last.1 = last.1.min(*t);
                }
            }
        }
        said
    }

    fn outcome(mut self) -> Outcome {
        let mut outcome = Outcome {
            dark: self.dark(),
            ..Outcome::default()
        };
        let seen = self.seen();
        let mut told_of: BTreeMap<Place, Vec<(Time, Time)>> = BTreeMap::new();
        for (_, notice) in &self.world.notices {
            let Notice::Freeze {
                participant,
                freeze,
            } = notice
            else {
                continue;
            };
            let place = (*participant, freeze.mid.0.clone());
            let span = span(freeze, self.world.now);
            told_of.entry(place.clone()).or_default().push(span);
            // Of one that is told twice, the second counts.
            if freeze.to.is_none() || freeze.verdict.is_none() || freeze.from < self.begun {
                continue;
            }
            let there = seen.get(&place).map_or(&[][..], Vec::as_slice);
            let publisher = freeze.track.participant;
            let to = freeze.to.unwrap_or(self.world.now);
            let seen = there.iter().any(|seen| meets(*seen, span));
            let mut truth = self.truth(*participant, publisher, freeze.from, to);
            if seen && truth.is_empty() && self.plan.link.loss > 0 {
                // All links lose a little: a repair that is lost, too, is seen now and then.
                truth.extend([Culprit::PublisherUplink, Culprit::ViewerDownlink]);
            }
            outcome.told.push(Told {
                viewer: *participant,
                truth,
                seen,
                freeze: freeze.clone(),
            });
        }
        for (place, gaps) in &seen {
            let told = told_of.get(place).map_or(&[][..], Vec::as_slice);
            for gap in gaps {
                outcome.seen += 1;
                if told.iter().any(|told| meets(*told, *gap)) {
                    outcome.found += 1;
                } else {
                    outcome.unfound.push((place.0, gap.0, gap.1));
                }
            }
        }
        outcome
    }
}

/// When what was told may have been. Of what only the page saw, it is known how long it was, not when.
fn span(freeze: &Freeze, now: Time) -> (Time, Time) {
    let facts = freeze.facts.as_ref();
    let only_shown = facts
        .is_some_and(|facts| facts.shown_ms > 0 && facts.departed_ms == 0 && facts.arrived_ms == 0);
    let early = if only_shown { LATE } else { Duration::ZERO };
    (freeze.from - early, freeze.to.unwrap_or(now))
}

/// Times without those in which another goes on.
fn united(mut spans: Vec<(Time, Time)>) -> Vec<(Time, Time)> {
    spans.sort();
    let mut united: Vec<(Time, Time)> = Vec::new();
    for (from, to) in spans {
        match united.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => united.push((from, to)),
        }
    }
    united
}

fn meets(one: (Time, Time), other: (Time, Time)) -> bool {
    one.0 <= other.1 + NEAR && other.0 <= one.1 + NEAR
}
