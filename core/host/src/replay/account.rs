//! A readable account of what happened to people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use tsuji_core::trace::{Header, Record, Replay};
use tsuji_core::{Command, Input, Notice, Output, ParticipantId, Path, Time, Transport};

use super::datagram::Seen;
use super::narrator::{Narrator, command_text, notice_text};
use super::person::Person;

/// People of whom anything is remembered. 20,000: twice as many as a server takes. A trace that
/// names more is not one of a server.
const PEOPLE: usize = 20_000;

/// Tells what happens, line by line.
pub(super) struct Account {
    narrator: Narrator,
    /// Nobody's at all when not wanted.
    wanted: bool,
    every_second: bool,
    people: BTreeMap<ParticipantId, Person>,
    second: u64,
    keyframe_requests: u64,
}

impl Account {
    pub(super) fn new(header: &Header, only: Option<ParticipantId>, verbose: bool) -> Self {
        Self {
            narrator: Narrator::new(header.epoch, only),
            wanted: verbose || only.is_some(),
            every_second: verbose,
            people: BTreeMap::new(),
            second: 0,
            keyframe_requests: 0,
        }
    }

    /// One input, and what the replay made of it.
    pub(super) fn note(
        &mut self,
        record: &Record<'_>,
        replay: &Replay,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if !self.wanted {
            return Ok(());
        }
        if self.people.len() >= PEOPLE {
            self.people.clear();
        }
        let at = record.at;
        self.seconds_until(at, out)?;
        match &record.input {
            Input::Datagram(datagram) => {
                let owner = replay.sfu().participant_at(&datagram.path);
                if let Some(id) = owner.filter(|id| self.narrator.is_about(*id)) {
                    self.arrived(at, id, datagram.payload, out)?;
                }
            }
            Input::Command(command) => self.command(at, command, out)?,
            Input::Overflow { datagrams } => {
                let text = format!("{datagrams} datagrams never came: the system had no room");
                self.narrator.remark(at, &text, out)?;
            }
            Input::Timeout | Input::Closed(_) => {}
        }
        let asked = replay.sfu().counters().keyframe_requests;
        let asks = asked > std::mem::replace(&mut self.keyframe_requests, asked);
        for output in replay.outputs() {
            match output {
                Output::Notice(notice) => self.notice(at, notice, out)?,
                Output::Transmit(transmit) => {
                    let owner = replay.sfu().participant_at(&transmit.path);
                    let Some(id) = owner.filter(|id| self.narrator.is_about(*id)) else {
                        continue;
                    };
                    match Seen::of(&transmit.payload) {
                        Seen::Rtp(rtp) => self.person(id).sent(rtp, &transmit.payload),
                        Seen::Rtcp(rtcp) if asks && rtcp.is_pli() => {
                            self.say(at, id, "is asked for a keyframe", out)?;
                        }
                        _ => {}
                    }
                    if !std::mem::replace(&mut self.person(id).path_known, true) {
                        let path = format!("ICE: reached at {}", place(&transmit.path));
                        self.say(at, id, &path, out)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Nothing follows.
    pub(super) fn finish(
        &mut self,
        at: Time,
        replay: &Replay,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if !self.wanted {
            return Ok(());
        }
        self.tell_second(at, out)?;
        if let Some(only) = self.narrator.only()
            && !self.people.contains_key(&only)
        {
            writeln!(out, "Nothing happened to {only}.")?;
        }
        let (people, rooms) = (replay.sfu().participants(), replay.sfu().rooms());
        writeln!(out, "At {at}: {people} participants in {rooms} rooms")
    }

    fn arrived(
        &mut self,
        at: Time,
        id: ParticipantId,
        datagram: &[u8],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match Seen::of(datagram) {
            Seen::Rtp(rtp) => self.person(id).received(rtp, datagram),
            Seen::Rtcp(rtcp) if rtcp.is_pli() => self.say(at, id, "asks for a keyframe", out)?,
            Seen::Dtls if !std::mem::replace(&mut self.person(id).dtls_seen, true) => {
                self.say(at, id, "DTLS begins", out)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn command(&mut self, at: Time, command: &Command, out: &mut dyn Write) -> io::Result<()> {
        let id = command.participant();
        if let Command::Answer { sdp, .. } = command
            && self.narrator.is_about(id)
        {
            self.person(id).answered(sdp);
        }
        self.say(at, id, &command_text(command), out)
    }

    fn notice(&mut self, at: Time, notice: &Notice, out: &mut dyn Write) -> io::Result<()> {
        let id = notice.participant();
        if self.narrator.is_about(id) {
            match notice {
                Notice::Offer {
                    sdp,
                    publish,
                    slots,
                    ..
                } => self.person(id).offered(sdp, publish, slots),
                Notice::Slots { slots, .. } => self.person(id).assigned(slots),
                _ => {}
            }
        }
        match notice_text(notice) {
            Some(text) => self.say(at, id, &text, out),
            None => Ok(()),
        }
    }

    fn person(&mut self, id: ParticipantId) -> &mut Person {
        self.people.entry(id).or_default()
    }

    fn say(
        &mut self,
        at: Time,
        id: ParticipantId,
        text: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self.narrator.is_about(id) {
            self.person(id);
        }
        self.narrator.say(at, id, text, out)
    }

    /// Tells of the second that is over, if one is.
    fn seconds_until(&mut self, at: Time, out: &mut dyn Write) -> io::Result<()> {
        let second = at.as_micros() / 1_000_000;
        if second > self.second {
            let end = Time::from_micros(self.second.saturating_add(1).saturating_mul(1_000_000));
            self.tell_second(end.min(at), out)?;
            self.second = second;
        }
        Ok(())
    }

    fn tell_second(&mut self, end: Time, out: &mut dyn Write) -> io::Result<()> {
        if !self.every_second {
            return Ok(());
        }
        let mut lines = Vec::new();
        for (id, person) in &mut self.people {
            let text = person.second();
            if !text.is_empty() {
                lines.push((*id, text));
            }
        }
        for (id, text) in lines {
            self.say(end, id, &text, out)?;
        }
        Ok(())
    }
}

/// Where the other end is.
fn place(path: &Path) -> String {
    match path.transport {
        Transport::Udp => path.remote.to_string(),
        Transport::Tcp => format!("{} (TCP)", path.remote),
    }
}
