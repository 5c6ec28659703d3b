//! A readable account of decisions.

use std::collections::BTreeMap;
use std::io::{self, Write};

use tsuji_core::trace::{Arrived, Happened, Step};
use tsuji_core::{ParticipantId, Source, Time, WallTime};

use super::decisions::is_dropped;
use super::narrator::{Narrator, command_text, notice_text};

/// People of whom anything is remembered. 20,000: twice as many as a server takes.
const PEOPLE: usize = 20_000;

/// Tells what happens, line by line.
pub(super) struct Story {
    narrator: Narrator,
    wanted: bool,
    every_second: bool,
    people: BTreeMap<ParticipantId, Traffic>,
    /// The second that is being counted; `None` before the first entry.
    second: Option<u64>,
}

/// What was counted for one person in the current second.
#[derive(Debug, Default)]
struct Traffic {
    /// What the path carries, bits a second, if that became known in this second.
    estimate: Option<u64>,
    sends: BTreeMap<Source, Stream>,
    gets: BTreeMap<(Option<ParticipantId>, Source), Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    last: Option<u64>,
    packets: u64,
    missing: u64,
    keyframes: u64,
    bytes: u64,
}

impl Stream {
    fn note(&mut self, sequence: u64, bytes: usize, begins_keyframe: bool) {
        self.packets += 1;
        self.bytes += bytes as u64;
        self.keyframes += u64::from(begins_keyframe);
        match self.last {
            Some(last) if sequence > last => {
                self.missing += sequence - last - 1;
                self.last = Some(sequence);
            }
            // Late: it was counted as missing, unless that was in an earlier second.
            Some(_) => self.missing = self.missing.saturating_sub(1),
            None => self.last = Some(sequence),
        }
    }

    fn tell(&mut self, name: &str) -> Option<String> {
        let last = self.last;
        let Stream {
            packets,
            missing,
            keyframes,
            bytes,
            ..
        } = std::mem::replace(
            self,
            Stream {
                last,
                ..Stream::default()
            },
        );
        if packets == 0 {
            return None;
        }
        let mut notes = Vec::new();
        if missing > 0 {
            notes.push(format!("{missing} missing"));
        }
        if keyframes > 0 {
            let s = if keyframes == 1 { "" } else { "s" };
            notes.push(format!("{keyframes} keyframe{s}"));
        }
        if bytes > 0 {
            notes.push(format!("{} kbit/s", bytes * 8 / 1_000));
        }
        Some(match notes.as_slice() {
            [] => format!("{name} {packets}"),
            notes => format!("{name} {packets} ({})", notes.join(", ")),
        })
    }
}

impl Story {
    pub(super) fn new(epoch: WallTime, only: Option<ParticipantId>, verbose: bool) -> Self {
        Self {
            narrator: Narrator::new(epoch, only),
            wanted: verbose || only.is_some(),
            every_second: verbose,
            people: BTreeMap::new(),
            second: None,
        }
    }

    /// Whether anybody wants to read it.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// One entry.
    pub(super) fn note(&mut self, happened: &Happened, out: &mut dyn Write) -> io::Result<()> {
        if !self.wanted {
            return Ok(());
        }
        if self.people.len() >= PEOPLE {
            self.people.clear();
        }
        let at = happened.at;
        self.seconds_until(at, out)?;
        match &happened.arrived {
            Arrived::Command(command) => {
                let id = command.participant();
                self.narrator.say(at, id, &command_text(command), out)?;
            }
            Arrived::Check {
                of: Some(id),
                remote: Some(remote),
                ..
            } => {
                let text = format!("ICE: a check from {remote}, a new address");
                self.narrator.say(at, *id, &text, out)?;
            }
            Arrived::Closed { of: Some(id) } => {
                self.narrator.say(at, *id, "a TCP connection ends", out)?;
            }
            arrived => {
                if let Some(text) = is_dropped(arrived) {
                    self.narrator.remark(at, &text, out)?;
                }
            }
        }
        for step in &happened.steps {
            self.step(at, step, out)?;
        }
        for notice in &happened.notices {
            if let Some(text) = notice_text(notice) {
                self.narrator.say(at, notice.participant(), &text, out)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, at: Time, step: &Step, out: &mut dyn Write) -> io::Result<()> {
        let (id, text) = match step {
            Step::Packet {
                from,
                source,
                sequence,
                bytes,
                begins_keyframe,
            } => {
                if self.narrator.is_about(*from) {
                    let sends = &mut self.people.entry(*from).or_default().sends;
                    let stream = sends.entry(*source).or_default();
                    stream.note(*sequence, *bytes, *begins_keyframe);
                }
                return Ok(());
            }
            Step::Forwarded {
                from,
                to,
                source,
                sequence,
                ..
            } => {
                if self.narrator.is_about(*to) {
                    let gets = &mut self.people.entry(*to).or_default().gets;
                    let stream = gets.entry((*from, *source)).or_default();
                    stream.note(*sequence, 0, false);
                }
                return Ok(());
            }
            Step::KeyframeWanted { by, source, .. } => {
                let of = source.map_or("nobody in its slots".to_owned(), |id| id.to_string());
                (by, format!("asks for a keyframe of {of}"))
            }
            Step::KeyframeRequested { of } => (of, "is asked for a keyframe".to_owned()),
            Step::Interrupted { participant } => (participant, "ICE: no path works".to_owned()),
            Step::Reconnected { participant } => (participant, "ICE: a path works".to_owned()),
            Step::Estimated { participant, bits } => {
                if self.narrator.is_about(*participant) {
                    let traffic = self.people.entry(*participant).or_default();
                    traffic.estimate = Some(*bits);
                }
                return Ok(());
            }
            Step::Moved { participant } => (participant, "ICE: takes another path".to_owned()),
            Step::Closed { participant } => (participant, "ended its connection".to_owned()),
            _ => return Ok(()),
        };
        self.narrator.say(at, *id, &text, out)
    }

    /// Something was not recorded.
    pub(super) fn gap(&mut self, at: Time, missing: u64, out: &mut dyn Write) -> io::Result<()> {
        if !self.wanted {
            return Ok(());
        }
        self.people.clear();
        self.narrator
            .remark(at, &format!("{missing} inputs were not recorded"), out)
    }

    /// Nothing follows.
    pub(super) fn finish(&mut self, at: Time, out: &mut dyn Write) -> io::Result<()> {
        self.tell_second(at, out)
    }

    fn seconds_until(&mut self, at: Time, out: &mut dyn Write) -> io::Result<()> {
        let second = at.as_micros() / 1_000_000;
        if let Some(before) = self.second
            && second > before
        {
            let end = Time::from_micros(before.saturating_add(1).saturating_mul(1_000_000));
            self.tell_second(end.min(at), out)?;
        }
        self.second = Some(second);
        Ok(())
    }

    fn tell_second(&mut self, end: Time, out: &mut dyn Write) -> io::Result<()> {
        if !self.every_second {
            return Ok(());
        }
        for (id, traffic) in &mut self.people {
            let text = traffic.second();
            if !text.is_empty() {
                self.narrator.say(end, *id, &text, out)?;
            }
        }
        Ok(())
    }
}

impl Traffic {
    /// What was counted since this was last asked; empty if nothing was.
    fn second(&mut self) -> String {
        let sends = self.sends.iter_mut();
        let sends = sends.filter_map(|(source, stream)| stream.tell(&source.to_string()));
        let sends: Vec<_> = sends.collect();
        let gets = self.gets.iter_mut();
        let gets = gets.filter_map(|((from, source), stream)| {
            let from = from.map_or("nobody".to_owned(), |id| id.to_string());
            stream.tell(&format!("{from}'s {source}"))
        });
        let gets: Vec<_> = gets.collect();
        let told = [("sends", sends), ("gets", gets)];
        let told = told.into_iter().filter(|(_, streams)| !streams.is_empty());
        let told = told.map(|(direction, streams)| format!("{direction} {}", streams.join(", ")));
        let estimate = self.estimate.take();
        let estimate = estimate.map(|bits| format!("its path carries {} kbit/s", bits / 1_000));
        told.chain(estimate).collect::<Vec<_>>().join("; ")
    }
}
