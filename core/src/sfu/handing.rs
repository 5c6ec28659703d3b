//! Packets that came together, on their way to viewers: those of a track to one viewer, then to the next.
//!
//! ```text
//!  Event::Packet ─► wait ─► waiting ──(Timeout)──► Handing ─► forward_next, each time an output is asked for:
//!                                                     begin_track ─► come ─► media.rs (arrived)
//!                                                     a viewer    ──────────► media.rs (forward_to)
//!                                                     the last    ──────────► what is told of it (settle)
//! ```
//! A packet with which viewers get another layer, because that came alive or is another now, is handed out after those
//! before it: they belong to what viewers had until then.

use std::cmp::Reverse;

use super::Sfu;
use crate::ids::RoomId;
use crate::participant::{Index, TrackIndex};
use crate::time::Time;
use crate::transport::{Incoming, MediaPacket};

/// So many packets wait at most. 256: more than a turn of whoever drives this brings.
pub(super) const WAITING: usize = 256;

/// A packet that came and was not forwarded yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) publisher: Index,
    pub(super) at: Time,
    pub(super) packet: MediaPacket,
}

/// Packets that are being forwarded.
#[derive(Debug, Default)]
pub(super) struct Handing {
    /// Those whose turn comes, the last one first.
    rest: Vec<Waiting>,
    /// Those of the present track.
    came: Vec<Incoming>,
    /// That, and in which room.
    track: Option<(TrackIndex, RoomId)>,
    /// The place of the viewer that is next.
    next: usize,
    /// A keyframe begins in them.
    began: bool,
    /// Waits until these are handed out.
    held: Option<(TrackIndex, Incoming)>,
}

impl Sfu {
    /// A packet came.
    pub(super) fn wait(&mut self, publisher: Index, packet: MediaPacket) {
        self.counters.packets_in += 1;
        self.waiting.push(Waiting {
            publisher,
            at: self.now,
            packet,
        });
    }

    /// Forwards to one viewer more. Says whether there was anything to do.
    ///
    /// Called by whoever takes the outputs, so that what goes to one viewer can be sent before that for the next one is
    /// written, into the same memory.
    pub(super) fn forward_next(&mut self) -> bool {
        let Some(handing) = &mut self.handing else {
            return false;
        };
        let Some((track, room)) = handing.track else {
            return self.begin_track();
        };
        let (publisher, source) = track;
        let viewers = self.participants.get(publisher);
        let viewers = viewers.map(|p| p.publication(source).viewers.as_slice());
        let viewer = viewers.and_then(|viewers| viewers.get(handing.next).copied());
        handing.next += 1;
        let came = std::mem::take(&mut handing.came);
        let is_last = viewer.is_none();
        let began = is_last && std::mem::take(&mut handing.began);
        self.contain(room, |sfu| {
            if let Some(viewer) = viewer {
                sfu.forward_to(track, viewer, &came);
            } else if began {
                // Whoever it was not forwarded to waits for the next.
                sfu.refresh_keyframe(track);
            }
        });
        if let Some(handing) = &mut self.handing {
            handing.came = came;
            if is_last {
                handing.came.clear();
                handing.track = None;
            }
        }
        if is_last {
            // What was sent is told before the next track can change it.
            self.settle();
        }
        true
    }

    /// Takes the next packets that wait and are of one track.
    fn begin_track(&mut self) -> bool {
        let Some(handing) = &mut self.handing else {
            return false;
        };
        let (publisher, line) = if let Some((track, held)) = handing.held.take() {
            let of = (track.0, held.packet.line);
            if let Some(room) = self.room_of(track.0) {
                self.contain(room, |sfu| {
                    sfu.aim_at(track);
                    sfu.take(track, room, held);
                });
            }
            of
        } else if let Some(first) = handing.rest.last() {
            (first.publisher, first.packet.line)
        } else {
            self.spare_handing = self.handing.take().unwrap_or_default();
            self.end();
            self.end_on_tape();
            return true;
        };
        let is_next = |next: &mut Waiting| next.publisher == publisher && next.packet.line == line;
        while let Some(handing) = self
            .handing
            .as_mut()
            .filter(|handing| handing.held.is_none())
            && let Some(waiting) = handing.rest.pop_if(is_next)
        {
            if let Some(room) = self.room_of(publisher) {
                self.contain(room, |sfu| sfu.come(room, waiting));
            }
        }
        self.schedule(publisher);
        true
    }

    /// Notes what a packet tells, and takes it to be handed out. One with which viewers get another layer waits until
    /// those before it were.
    fn come(&mut self, room: RoomId, waiting: Waiting) {
        let Some((source, turns, arrival)) = self.arrived(&waiting) else {
            return;
        };
        let track = (waiting.publisher, source);
        let packet = waiting.packet;
        let incoming = Incoming::new(packet, arrival);
        let others = self
            .handing
            .as_mut()
            .filter(|handing| !handing.came.is_empty());
        match others {
            Some(handing) if turns => handing.held = Some((track, incoming)),
            _ => {
                if turns {
                    self.aim_at(track);
                }
                self.take(track, room, incoming);
            }
        }
    }

    /// Has a packet handed out next.
    fn take(&mut self, track: TrackIndex, room: RoomId, incoming: Incoming) {
        if let Some(handing) = &mut self.handing {
            let picture = incoming.arrival.picture;
            handing.track = Some((track, room));
            handing.next = 0;
            handing.began |= picture.is_some_and(|(_, glance)| glance.starts_keyframe);
            handing.came.push(incoming);
        }
    }

    /// Has what waits forwarded as outputs are taken.
    pub(super) fn forward_waiting(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let mut handing = std::mem::take(&mut self.spare_handing);
        std::mem::swap(&mut handing.rest, &mut self.waiting);
        // The last one is taken first.
        handing.rest.reverse();
        handing
            .rest
            .sort_by_key(|waiting| Reverse(waiting.publisher));
        self.handing = Some(handing);
    }
}
