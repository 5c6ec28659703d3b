//! Reading a trace of decisions in the place of connections.

use super::call::{Call, mix_notice};
use super::entry::Head;
use super::outcome::Outcome;
use super::packet::read_event;
use super::step::Step;
use super::writer::{BAD_ANSWER, EVENTS, FAULT, HANDSHAKE, VALUE};
use crate::forward::Glance;
use crate::ids::ParticipantId;
use crate::output::Notice;
use crate::participant::{Index, Participant};
use crate::trace::cursor::Cursor;
use crate::trace::format::Damage;
use crate::trace::running::Running;
use crate::transport::{Event, Fault};

/// Events that one call can cause: a datagram holds a few packets and reports, a timeout fewer.
const MAX_EVENTS: usize = 4_096;

/// What connections said during one input, and what they are asked now.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// What is left of the entry: outcomes, and then the hash.
    entry: Vec<u8>,
    at: usize,
    /// Plain outcomes before the next one that is written down; `None` when there is none.
    plain: Option<u64>,
    running: Running,
    steps: Vec<Step>,
    damage: Option<Damage>,
}

impl Script {
    /// Goes on with the hash that a snapshot says.
    pub(super) fn resume(&mut self, running: Running) {
        *self = Self {
            running,
            ..Self::default()
        };
    }

    pub(super) fn running(&self) -> Running {
        self.running
    }

    /// Takes an entry; gives what went in, and after how many microseconds.
    pub(super) fn begin(&mut self, entry: &[u8]) -> Result<(u64, Head), Damage> {
        let mut cursor = Cursor::new(entry);
        let elapsed = cursor.varint()?;
        let head = Head::read(&mut cursor)?;
        self.entry.clear();
        self.entry.extend_from_slice(cursor.rest());
        self.at = 0;
        self.steps.clear();
        self.damage = None;
        self.plain = self.read(next_plain)?;
        Ok((elapsed, head))
    }

    /// The input is handled: whether everything was asked that was asked then, in the same order.
    pub(super) fn end(&mut self) -> Result<bool, Damage> {
        if let Some(damage) = self.damage {
            return Err(damage);
        }
        let [a, b, ..] = self.running.0.to_le_bytes();
        Ok(self.plain.is_none() && self.entry.get(self.at..) == Some(&[a, b]))
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.steps.push(step);
    }

    pub(crate) fn call(&mut self, index: Index, call: &Call<'_>) {
        call.mix_into(&mut self.running, index);
    }

    pub(crate) fn notice(&mut self, notice: &Notice) {
        mix_notice(&mut self.running, notice);
    }

    /// What the call gave when it was recorded. Events go to `events`.
    pub(crate) fn outcome<R: Outcome>(
        &mut self,
        events: &mut Vec<Event>,
        participant: Option<&mut Participant>,
    ) -> Result<R, Fault> {
        match self.plain {
            Some(0) => {}
            Some(plain) => {
                self.plain = Some(plain - 1);
                return R::plain().ok_or_else(|| self.damaged(Damage::Content));
            }
            None => return R::plain().ok_or_else(|| self.damaged(Damage::Content)),
        }
        let result = self.read(|cursor| special(cursor, events, participant));
        let next = self.read(next_plain);
        match (result, next) {
            (Ok(result), Ok(next)) => {
                self.plain = next;
                result
            }
            (Err(damage), _) | (_, Err(damage)) => Err(self.damaged(damage)),
        }
    }

    /// Tells what came of a participant's connection.
    pub(crate) fn tell(
        &mut self,
        id: ParticipantId,
        participant: &Participant,
        event: &Event,
        id_of: impl Fn(Index) -> Option<ParticipantId>,
    ) {
        let step = match event {
            Event::Packet(packet) => match participant.source_on(packet.line) {
                Some(source) => Step::Packet {
                    from: id,
                    source,
                    sequence: packet.sequence,
                    bytes: packet.payload.len(),
                    begins_keyframe: packet.codec.video().is_some_and(|codec| {
                        let glance = Glance::of(codec, &packet.payload);
                        glance.is_some_and(|glance| glance.starts_keyframe)
                    }),
                },
                None => return,
            },
            Event::KeyframeRequest(line) => {
                let slot = participant.video_slot_on(*line);
                let track = slot.and_then(|slot| participant.slots.get(slot)?.track);
                Step::KeyframeWanted {
                    by: id,
                    slot,
                    source: track.and_then(|(index, _)| id_of(index)),
                }
            }
            Event::Disconnected => Step::Interrupted { participant: id },
            Event::Reconnected => Step::Reconnected { participant: id },
            Event::Moved => Step::Moved { participant: id },
            Event::Estimate(bits) => Step::Estimated {
                participant: id,
                bits: *bits,
            },
            Event::Closed => Step::Closed { participant: id },
            // A notice says so.
            Event::Connected => return,
        };
        self.steps.push(step);
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Cursor<'_>) -> Result<T, Damage>,
    ) -> Result<T, Damage> {
        let rest = self.entry.get(self.at..).unwrap_or_default();
        let mut cursor = Cursor::new(rest);
        let value = read(&mut cursor)?;
        self.at += rest.len() - cursor.rest().len();
        Ok(value)
    }

    /// Nothing after this is believed; [`Script::end`] says so.
    fn damaged(&mut self, damage: Damage) -> Fault {
        self.damage.get_or_insert(damage);
        self.plain = None;
        Fault::Recorded
    }
}

/// The two bytes at the end are the hash.
fn next_plain(cursor: &mut Cursor<'_>) -> Result<Option<u64>, Damage> {
    match cursor.rest().len() {
        0 | 1 => Err(Damage::Content),
        2 => Ok(None),
        _ => cursor.varint().map(Some),
    }
}

fn special<R: Outcome>(
    cursor: &mut Cursor<'_>,
    events: &mut Vec<Event>,
    participant: Option<&mut Participant>,
) -> Result<Result<R, Fault>, Damage> {
    let flags = cursor.u8()?;
    if flags & EVENTS != 0 {
        let participant = participant.ok_or(Damage::Content)?;
        let count = cursor.size()?;
        if count > MAX_EVENTS {
            return Err(Damage::Content);
        }
        for _ in 0..count {
            events.push(read_event(cursor, participant)?);
        }
    }
    Ok(match flags & !EVENTS {
        0 => Ok(R::plain().ok_or(Damage::Content)?),
        VALUE => Ok(R::read(cursor)?),
        BAD_ANSWER => Err(Fault::BadAnswer(String::new())),
        HANDSHAKE => Err(Fault::Handshake(String::new())),
        FAULT => Err(Fault::Recorded),
        _ => return Err(Damage::Content),
    })
}
