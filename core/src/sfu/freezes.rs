//! Freezes: what of them is due, and what is known around them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Sfu;
use crate::freeze::{
    Came, Device, Digest, Downlink, Due, Facts, Gap, Inflow, Others, Path, Place, Server, Stream,
    Uplink, verdict,
};
use crate::ids::{Layer, MediaKind, Source, TrackId};
use crate::output::{CommandError, Freeze, Notice};
use crate::participant::{Estimate, Index, Participant, TrackIndex};
use crate::time::Time;
use crate::trace::decisions::Tape;

/// What was lost so long before the last picture counts: the next may have needed it. 300 ms.
const BEFORE: Duration = Duration::from_millis(300);
/// What comes so long behind it belongs to it. 300 ms.
const BEHIND: Duration = Duration::from_millis(300);
/// A digest tells of the time before it, and comes every 5 s. 8 s.
const DIGESTS: Duration = Duration::from_secs(8);

/// So much later at most a page tells what only it saw: it looks once a second, and tells at most every two. 3 s.
const SHOWN: Duration = Duration::from_secs(3);
/// A device that stands still for less is none: 200 ms.
const STANDS: u32 = 200;

/// What a look at a viewer's pictures brought.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Freezes that are to be told.
    pub(crate) freezes: Vec<Freeze>,
    /// Slots of which something is missing, and not repaired: a keyframe would help.
    pub(crate) stuck: Vec<usize>,
}

/// A time to look into.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Time,
    to: Time,
}

impl Sfu {
    /// Tells the freezes of a viewer that are due, and asks for the keyframes that would end them.
    pub(super) fn tell_freezes(&mut self, viewer: Index) {
        let Some(participant) = self.id_of(viewer) else {
            return;
        };
        let Found { freezes, stuck } = self.find_freezes(viewer);
        for slot in stuck {
            self.renew(viewer, slot);
        }
        for freeze in freezes {
            let freeze = Box::new(freeze);
            self.notify(Notice::Freeze {
                participant,
                freeze,
            });
        }
    }

    /// Freezes that are found, or read from the tape.
    fn find_freezes(&mut self, viewer: Index) -> Found {
        if let Tape::Read(script) = &mut self.tape {
            return script.outcome(&mut Vec::new(), None).unwrap_or_default();
        }
        let found = self.look_for_freezes(viewer);
        if let Tape::Write(writer) = &mut self.tape {
            writer.outcome(&Ok(found.clone()), &[], None);
        }
        found
    }

    /// Looks at a viewer's pictures soon, if something begins to happen on their way, or did.
    pub(super) fn look_soon(&mut self, viewer: Index) {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(viewer) else {
            return;
        };
        let Some(connection) = &mut participant.connection else {
            return;
        };
        let (stirs, has_gaps) = (connection.stirs(), connection.has_gaps());
        if !stirs && !has_gaps {
            return;
        }
        for slot in &mut participant.slots {
            if has_gaps {
                for gap in connection.take_gaps(slot.line) {
                    slot.watch.note(now, Place::Arrival, gap);
                }
            }
            if stirs {
                slot.watch.look_soon(now);
            }
        }
        participant.expect_freezes();
        self.schedule_connection(viewer);
    }

    fn look_for_freezes(&mut self, viewer: Index) -> Found {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(viewer) else {
            return Found::default();
        };
        if participant.looks.soonest().is_none_or(|at| at > now) {
            return Found::default();
        }
        let mut found: Vec<(usize, Due)> = Vec::new();
        let mut stuck = Vec::new();
        for place in participant.looks.due(now) {
            let Some(slot) = participant.slots.get_mut(place) else {
                continue;
            };
            let connection = participant.connection.as_mut();
            let (mut is_calm, mut open, mut judged, mut misses) = (true, None, None, false);
            // What is known of each slot is far away in memory, and nearly all looks are quiet ones.
            if let Some(connection) = connection
                && !(connection.is_quiet(now) && slot.watch.is_settled())
            {
                is_calm = connection.is_calm(now);
                let speaks = participant.person.speaks(participant.heard, now);
                open = connection.open_gap(now, slot.line, speaks);
                judged = connection.judged(slot.line);
                misses = connection.is_stuck(now, slot.line);
            }
            let due = slot.watch.take(now, is_calm, open, judged);
            found.extend(due.into_iter().map(|due| (place, due)));
            if slot.watch.asks(now, misses) {
                stuck.push(place);
            }
            participant.looks.set(place, slot.watch.deadline());
        }
        let found = found.into_iter();
        let freezes = found.filter_map(|(place, due)| self.freeze(viewer, place, due));
        Found {
            freezes: freezes.collect(),
            stuck,
        }
    }

    fn freeze(&self, viewer: Index, place: usize, due: Due) -> Option<Freeze> {
        let slot = self.participants.get(viewer)?.slots.get(place)?;
        let Gap { from, to, .. } = due.gap;
        let track = due.track.or(slot.track);
        let (publisher, source) = track?;
        let facts = match due.forgotten {
            true => None,
            false => self.facts(viewer, place, &due),
        };
        Some(Freeze {
            track: TrackId {
                participant: self.id_of(publisher)?,
                source,
            },
            mid: slot.line.mid(),
            from,
            to,
            verdict: facts.as_ref().map(verdict),
            facts,
        })
    }

    fn facts(&self, viewer: Index, place: usize, due: &Due) -> Option<Facts> {
        let now = self.now;
        let end = due.gap.to.unwrap_or(now);
        let [departed, arrived, _] = due.lengths;
        let only_shown = departed.is_zero() && arrived.is_zero();
        let early = if only_shown { SHOWN } else { BEFORE };
        let window = Window {
            from: due.gap.from - due.gap.held - early,
            to: (end + BEHIND).min(now),
        };
        let participant = self.participants.get(viewer)?;
        let slot = participant.slots.get(place)?;
        let track = due.track.or(slot.track)?;
        let publisher = self.participants.get(track.0)?;
        let millis = |length: Duration| length.as_millis() as u32;
        let [departed_ms, arrived_ms, shown_ms] = due.lengths.map(millis);
        let (from, to) = (due.gap.from - due.gap.held, window.to);
        let from = if only_shown { window.from } else { from };
        // What was late may still hold up what comes next.
        let late = self.late.between(window.from, to).max();
        Some(Facts {
            length_ms: millis(end.since(due.gap.from)),
            sound: track.1.kind() == MediaKind::Audio,
            reason: slot.reason.1,
            departed_ms,
            arrived_ms,
            shown_ms,
            uplink: uplink(publisher, track.1, slot.watch.layer(from), window),
            server: Server {
                late_ms: late.copied().unwrap_or(0),
                // It is told a little later.
                overflowed: self.overflow.between(from, now).sum(),
                waiting_ms: millis(slot.watch.waited(from, to)),
                requests: publisher
                    .person
                    .requests
                    .between(from, to)
                    .map(|n| u32::from(*n))
                    .sum(),
            },
            downlink: self.downlink(participant, place, window),
            others: self.others(track, viewer, due.gap.from, end),
            viewer: stood(
                participant.person.device(from, Some(&slot.line.mid())),
                participant,
                window,
            ),
            publisher: stood(
                publisher.person.device(from - DIGESTS, None),
                publisher,
                window,
            ),
        })
    }

    fn others(
        &self,
        (publisher, source): TrackIndex,
        viewer: Index,
        from: Time,
        to: Time,
    ) -> Others {
        let publisher = self.participants.get(publisher);
        let viewers = publisher.map_or(&[][..], |p| &p.publication(source).viewers);
        let others = viewers.iter().filter(|other| other.participant != viewer);
        let slots = others.filter_map(|other| {
            let other = (self.participants.get(other.participant)?, other.slot);
            other.0.slots.get(other.1)
        });
        let watched = slots.filter(|slot| slot.watch.is_watched());
        watched.fold(Others::default(), |sum, slot| Others {
            froze: sum.froze + u32::from(slot.watch.froze(from, to)),
            of: sum.of + 1,
        })
    }

    fn downlink(
        &self,
        viewer: &Participant,
        place: usize,
        Window { from, to }: Window,
    ) -> Downlink {
        let mut downlink = Downlink {
            mute_ms: viewer.silence(from, to),
            estimate_kbps: match viewer.estimate {
                Estimate::Known(bits) => Some((bits / 1_000) as u32),
                Estimate::Missing | Estimate::Begun => None,
            },
            connected: viewer.person.was_connected(from, to),
            ..Downlink::default()
        };
        let slots = viewer.slots.iter().enumerate();
        let slots = slots.filter(|(other, slot)| {
            let is_picture = slot.outlet.video().is_some();
            *other != place && is_picture && slot.watch.is_watched()
        });
        for (_, slot) in slots {
            downlink.others.of += 1;
            downlink.others.froze += u32::from(slot.watch.froze(from, to));
        }
        let Some(connection) = &viewer.connection else {
            return downlink;
        };
        for Path {
            sent,
            came,
            lost,
            repairs,
            delay,
            silence,
        } in connection.path_between(from, to)
        {
            downlink.sent += u32::from(*sent);
            downlink.came += u32::from(*came);
            downlink.lost += u32::from(*lost);
            downlink.repairs += u32::from(*repairs);
            downlink.delay_ms = downlink.delay_ms.max((*delay).into());
            downlink.silence_ms = downlink.silence_ms.max((*silence).into());
        }
        let open = connection.feedback_silence(to).as_millis() as u32;
        downlink.silence_ms = downlink.silence_ms.max(open);
        downlink
    }

    /// A page says what it saw.
    pub(super) fn report(&mut self, index: Index, digest: Digest) -> Result<(), CommandError> {
        if !digest.is_bounded() {
            return Err(CommandError::DigestTooLarge);
        }
        let now = self.now;
        let Some(participant) = self.participants.get_mut(index) else {
            return Ok(());
        };
        let Participant { person, slots, .. } = participant;
        let told = digest.clone();
        if let Some((since, before)) = person.report(now, digest) {
            for slot in slots {
                let mid = slot.line.mid();
                let (Some(new), Some(old)) = (told.of(&mid), before.of(&mid)) else {
                    continue;
                };
                let froze =
                    Duration::from_millis(new.frozen_ms.saturating_sub(old.frozen_ms).into());
                let from = *since - BEFORE - froze;
                // What the server saw itself, it knows better when. And a page counts as frozen what did
                // not come because it was not to, or was another's.
                if !froze.is_zero()
                    && slot.watch.is_same_since(from)
                    && !slot.watch.froze_on_the_way(from, now)
                {
                    let gap = Gap {
                        from: now - froze,
                        to: Some(now),
                        ..Gap::default()
                    };
                    slot.watch.note(now, Place::Page, gap);
                }
            }
        }
        participant.expect_freezes();
        self.schedule(index);
        Ok(())
    }

    /// So many datagrams never came.
    pub(super) fn overflowed(&mut self, datagrams: u32) {
        self.counters.overflowed += u64::from(datagrams);
        let overflow = self.overflow.at(self.now);
        *overflow = overflow.saturating_add(datagrams);
        // For the tape, which tells what was dropped with what follows.
        let _ = self.writer();
    }

    /// By how much this input comes too late.
    pub(super) fn note_lateness(&mut self) {
        let due = self.timers.first().map(|(at, _)| *at);
        let late = due.map_or(Duration::ZERO, |due| self.now.since(due));
        if late >= Duration::from_millis(20) {
            let worst = self.late.at(self.now);
            *worst = (*worst).max(late.as_millis() as u32);
        }
    }
}

fn uplink(publisher: &Participant, source: Source, layer: Layer, window: Window) -> Uplink {
    let Window { from, to } = window;
    let is_sound = source.kind() == MediaKind::Audio;
    let sound = publisher.publication(Source::Microphone);
    let heard = sound.streams[Layer::Full as usize].came();
    let is_there = !is_sound && sound.on && heard.is_some_and(|heard| heard + DIGESTS > from);
    let sound = is_there.then(|| inflow(&sound.streams[Layer::Full as usize], window));
    Uplink {
        picture: inflow(
            &publisher.publication(source).streams[layer as usize],
            window,
        ),
        sound,
        silence_ms: publisher.silence(from, to),
        connected: publisher.person.was_connected(from, to),
    }
}

/// How a device fared, of which its own streams say that it stood still: nothing at all came from it, and
/// nothing was made meanwhile. Pages tell of that later, and not of less than a second. A sound says so by its
/// clock, which is as late for good; that of a path that jams is so for a while, with all pictures as late.
/// Where packets are missing, what was not made may have been lost.
fn stood(device: Option<Device>, person: &Participant, window: Window) -> Option<Device> {
    let Window { from, to } = window;
    let sound = &person.publication(Source::Microphone).streams[Layer::Full as usize];
    let pictures = &person.publication(Source::Camera).streams;
    let bins = pictures.iter().chain([sound]);
    let bins = bins.flat_map(|stream| stream.bins.between(from, to));
    let (expected, came) = bins.fold((0, 0), |(expected, came), bin| {
        (
            expected + u32::from(bin.expected),
            came + u32::from(bin.came),
        )
    });
    if 20 * expected.saturating_sub(came) > expected {
        return device;
    }
    let stood = sound.bins.between(from, to).map(|bin| u32::from(bin.stood));
    let (longest, stood) = stood.fold((0, 0), |(most, sum), ms| (ms.max(most), sum + ms));
    let skipped = pictures.iter().flat_map(|stream| {
        let bins = stream.bins.between(from, to);
        bins.map(|bin| u32::from(bin.skipped))
    });
    let skipped = skipped.max().unwrap_or(0);
    let silence = person.silence(from, to);
    let newest = pictures.iter().max_by_key(|stream| stream.came());
    let in_time = newest.is_some_and(|stream| 2 * stream.delay() < longest);
    let agree = in_time || 2 * skipped >= longest;
    let stood = match silence >= longest / 2 && agree {
        true => stood.max(silence.min(skipped)),
        false => silence.min(skipped),
    };
    if stood < STANDS {
        return device;
    }
    let device = device.unwrap_or_default();
    Some(Device {
        slept_ms: device.slept_ms.max(stood),
        ..device
    })
}

fn inflow(stream: &Stream, Window { from, to }: Window) -> Inflow {
    let open = stream.came().map_or(Duration::ZERO, |came| to.since(came));
    let mut inflow = Inflow {
        silence_ms: open.as_millis() as u32,
        ..Inflow::default()
    };
    for Came {
        expected,
        came,
        late,
        silence,
        skipped,
        delay,
        stood: _,
    } in stream.bins.between(from, to)
    {
        inflow.expected += u32::from(*expected);
        inflow.missed += u32::from(expected.saturating_sub(*came));
        inflow.repaired += u32::from(*late);
        inflow.silence_ms = inflow.silence_ms.max((*silence).into());
        inflow.skipped_ms = inflow.skipped_ms.max((*skipped).into());
        inflow.delay_ms = inflow.delay_ms.max((*delay).into());
    }
    inflow
}

#[cfg(test)]
mod tests;
