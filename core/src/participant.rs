//! One person's connection and all that belongs to it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::forward::{AudioOutlet, KeyframeRequests, Track, VideoOutlet};
use crate::ids::{Layer, MediaKind, Negotiation, ParticipantId, RoomId};
use crate::input::IceMode;
use crate::limits::{Limits, QUIET, SILENCE};
use crate::output;
use crate::path::Path;
use crate::time::Time;
use crate::trace::decisions::Bases;
use crate::transport::{Connection, Line, SendLine};

/// Index of a participant in the table of its [`Sfu`](crate::Sfu).
pub(crate) type Index = usize;

/// A participant of a room.
///
/// What is serialized is what decisions depend on, without secrets: it begins a trace of decisions.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Participant {
    pub(crate) id: ParticipantId,
    pub(crate) room: RoomId,
    pub(crate) ice: IceMode,
    /// Our own ICE username fragment for it.
    #[serde(skip)]
    pub(crate) ufrag: String,
    /// `None` in a replay of decisions.
    #[serde(skip)]
    pub(crate) connection: Option<Connection>,
    pub(crate) phase: Phase,
    pub(crate) negotiation: Negotiating,
    /// The number of the last offer.
    pub(crate) last_offer: Negotiation,
    /// The m-lines on which it sends: audio, video.
    pub(crate) publish: (Line, Line),
    pub(crate) audio_muted: bool,
    pub(crate) video_muted: bool,
    /// What comes of its camera.
    pub(crate) camera: Track,
    pub(crate) keyframes: KeyframeRequests,
    pub(crate) slots: Vec<SlotState>,
    /// In whose slots it is.
    pub(crate) viewers: Vec<Viewer>,
    /// Paths that it has proved, oldest first. Addresses, so a trace has others in their place.
    #[serde(skip)]
    pub(crate) paths: Vec<Path>,
    /// Its entry in the timer table. Needed only where a connection has its own times.
    #[serde(skip)]
    pub(crate) timer: Option<Time>,
    /// When something last came on a path that it has proved.
    pub(crate) heard: Time,
    /// When media last came.
    pub(crate) flowed: Time,
    pub(crate) signaling: Signaling,
    /// ICE is to be restarted with the next offer.
    pub(crate) restart: bool,
    /// The last packets of each of its streams that were recorded.
    pub(crate) bases: Bases,
}

/// How far its connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Not yet up.
    Connecting { since: Time },
    /// Media flows.
    Connected,
    /// Was up; no path works at present.
    Interrupted { since: Time },
}

/// Whether signaling reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Signaling {
    /// It does.
    Up,
    /// It does not at present.
    Lost { since: Time },
}

/// Offers and answers. One offer is open at a time; what changes meanwhile goes into the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Negotiating {
    /// Nothing to negotiate.
    Idle,
    /// Something to negotiate; gathering more until then.
    Due { at: Time },
    /// An offer waits for its answer.
    Offered { since: Time },
}

/// Somebody who has a participant in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Viewer {
    pub(crate) participant: Index,
    pub(crate) slot: usize,
}

/// A pair of outgoing streams.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SlotState {
    pub(crate) lines: (Line, Line),
    /// Set once the peer has agreed to the line.
    pub(crate) audio_to: Option<SendLine>,
    pub(crate) video_to: Option<SendLine>,
    pub(crate) audio: AudioOutlet,
    pub(crate) video: VideoOutlet,
    pub(crate) source: Option<Index>,
}

impl SlotState {
    pub(crate) fn new(lines: (Line, Line)) -> Self {
        Self {
            lines,
            audio_to: None,
            video_to: None,
            audio: AudioOutlet::new(),
            video: VideoOutlet::new(),
            source: None,
        }
    }

    /// The source changed, or what it sends of `kind` paused.
    pub(crate) fn interrupt(&mut self, kind: MediaKind) {
        match kind {
            MediaKind::Audio => self.audio.interrupt(),
            MediaKind::Video => self.video.interrupt(),
        }
    }
}

impl Participant {
    pub(crate) fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// From when on nothing shows that it is there.
    pub(crate) fn unreachable_at(&self) -> Option<Time> {
        match self.signaling {
            Signaling::Up => None,
            Signaling::Lost { since } => {
                let flows = self.heard.since(self.flowed) < SILENCE;
                let patience = match self.phase {
                    Phase::Connected | Phase::Interrupted { .. } if !flows => QUIET,
                    _ => SILENCE,
                };
                Some(since.max(self.heard) + patience)
            }
        }
    }

    pub(crate) fn is_muted(&self, kind: MediaKind) -> bool {
        match kind {
            MediaKind::Audio => self.audio_muted,
            MediaKind::Video => self.video_muted,
        }
    }

    /// What it publishes on a line.
    pub(crate) fn published_kind(&self, line: Line) -> Option<MediaKind> {
        match line {
            line if line == self.publish.0 => Some(MediaKind::Audio),
            line if line == self.publish.1 => Some(MediaKind::Video),
            _ => None,
        }
    }

    /// The layer of the source in `slot` whose keyframe this viewer could use now.
    pub(crate) fn awaited_layer(&self, slot: usize) -> Option<Layer> {
        let slot = self.slots.get(slot).filter(|_| self.is_connected())?;
        slot.video_to.and(slot.video.awaited())
    }

    /// The highest sequence number in anything that is remembered of its streams.
    pub(crate) fn newest_sequence(&self) -> u64 {
        let slots = self.slots.iter();
        let slots = slots.map(|slot| {
            slot.audio
                .newest_sequence()
                .max(slot.video.newest_sequence())
        });
        let bases = self.bases.newest_sequence();
        slots.max().unwrap_or(0).max(bases)
    }

    /// When something is due, and only then.
    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Time> {
        let phase = match self.phase {
            Phase::Connecting { since } => Some(since + limits.connect_timeout),
            Phase::Connected => None,
            Phase::Interrupted { since } => Some(since + limits.reconnect_timeout),
        };
        let negotiation = match self.negotiation {
            Negotiating::Idle => None,
            Negotiating::Due { at } => Some(at),
            Negotiating::Offered { since } => Some(since + limits.answer_timeout),
        };
        let keyframe = if self.is_connected() {
            self.keyframes.deadline()
        } else {
            None
        };
        let connection = self.connection.as_ref().and_then(Connection::deadline);
        let unreachable = self.unreachable_at();
        let layers = self.camera.deadline();
        [
            connection,
            phase,
            negotiation,
            keyframe,
            unreachable,
            layers,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Begins to gather changes for an offer, unless one is on its way anyway.
    pub(crate) fn want_negotiation(&mut self, t: Time, batch: Duration) {
        if self.negotiation == Negotiating::Idle {
            self.negotiation = Negotiating::Due { at: t + batch };
        }
    }

    /// Its slots as it is told of them.
    pub(crate) fn slots_notice(
        &self,
        id_of: impl Fn(Index) -> Option<ParticipantId>,
    ) -> Vec<output::Slot> {
        self.slots
            .iter()
            .map(|slot| output::Slot {
                audio: slot.lines.0.mid(),
                video: slot.lines.1.mid(),
                source: slot.source.and_then(&id_of),
            })
            .collect()
    }
}
