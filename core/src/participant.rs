//! One person's connection and all that belongs to it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::{Codec, VideoCodec};
use crate::forward::{
    Budget, Demand, KeyframeRequests, Outlet, Rates, Rises, Shown, Track, VideoOutlet,
};
use crate::freeze::{Looks, Person, Stream, Watch};
use crate::ids::{Layer, MediaKind, Negotiation, ParticipantId, RoomId, Source, TrackId};
use crate::input::{IceMode, Tile};
use crate::limits::{Limits, QUIET, SILENCE};
use crate::output;
use crate::path::Path;
use crate::reason::Reason;
use crate::time::{Time, earliest};
use crate::trace::decisions::Bases;
use crate::transport::{Connection, Line, Pace, SendLine};

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
    pub(crate) connection: Option<Box<Connection>>,
    pub(crate) phase: Phase,
    pub(crate) negotiation: Negotiating,
    /// The number of the last offer.
    pub(crate) last_offer: Negotiation,
    /// What it publishes, by source.
    pub(crate) publications: [Publication; Source::ALL.len()],
    /// In the order of their m-lines.
    pub(crate) slots: Vec<SlotState>,
    /// What its page shows, once it said so, in the order in which it gets slots.
    pub(crate) view: Option<Vec<Tile>>,
    /// Paths that it has proved, oldest first. Addresses, so a trace has others in their place.
    #[serde(skip)]
    pub(crate) paths: Vec<Path>,
    /// Its entry in the timer table. Needed only where a connection has its own times.
    #[serde(skip)]
    pub(crate) timer: Option<Time>,
    /// When something is due, but of its connection and of freezes, as of when that was last looked at.
    pub(crate) slow: Option<Time>,
    /// When something last came on a path that it has proved.
    pub(crate) heard: Time,
    /// When media last came.
    pub(crate) flowed: Time,
    pub(crate) signaling: Signaling,
    /// ICE is to be restarted with the next offer.
    pub(crate) restart: bool,
    /// What the path to it carries.
    pub(crate) estimate: Estimate,
    /// What of that is used.
    pub(crate) budget: Budget,
    /// What its path was last probed for.
    pub(crate) pace: Pace,
    /// When its pictures became larger.
    pub(crate) rises: Rises,
    /// The last packets of each of its streams that were recorded.
    pub(crate) bases: Bases,
    /// How it fares. Decides nothing.
    #[serde(skip)]
    pub(crate) person: Person,
    /// When to look whether its pictures freeze.
    #[serde(skip)]
    pub(crate) looks: Looks,
    /// Its entry in the table of those.
    #[serde(skip)]
    pub(crate) look: Option<Time>,
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

/// What a path must carry for sound to come twice: 400 kbit/s. Three voices take a quarter of that more
/// then; below it, pictures need it more.
const ROOM_FOR_REDUNDANCY: u64 = 400_000;

/// What the path to somebody carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Estimate {
    /// Nothing tells.
    #[default]
    Missing,
    /// It is being found out.
    Begun,
    /// So many bits a second.
    Known(u64),
}

impl Estimate {
    /// Whether sound is to come without what repeats it. Where nothing tells, there is room.
    pub(crate) fn is_narrow(self) -> bool {
        match self {
            Self::Missing => false,
            Self::Begun => true,
            Self::Known(bits) => bits < ROOM_FOR_REDUNDANCY,
        }
    }

    /// Whether the path is known to carry less than `bits` a second.
    pub(crate) fn is_below(self, bits: u64) -> bool {
        matches!(self, Self::Known(carries) if carries < bits)
    }

    /// With what was heard next.
    pub(crate) fn then(self, bits: u64) -> Self {
        match self {
            // What it begins with, whatever the path.
            Self::Missing => Self::Begun,
            Self::Begun | Self::Known(_) => Self::Known(bits),
        }
    }
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

/// What somebody publishes from one source.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Publication {
    /// The m-line on which it comes.
    pub(crate) line: Line,
    /// Whether it is forwarded: not muted, or shared.
    pub(crate) on: bool,
    /// What comes of it, if it is a picture.
    pub(crate) layers: Track,
    /// Which layers it was told to send.
    pub(crate) demand: Demand,
    pub(crate) keyframes: KeyframeRequests,
    /// In whose slots it is.
    pub(crate) viewers: Vec<Viewer>,
    /// How it comes, by encoding; of a sound there is one. Decides nothing.
    #[serde(skip)]
    pub(crate) streams: [Stream; Layer::ALL.len()],
}

impl Publication {
    pub(crate) fn new(source: Source, line: Line, limits: &Limits) -> Self {
        Self {
            line,
            on: matches!(source, Source::Microphone | Source::Camera),
            layers: Track::new(source),
            demand: Demand::new(source),
            keyframes: KeyframeRequests::new(limits.keyframe_interval),
            viewers: Vec::new(),
            streams: Default::default(),
        }
    }
}

/// A track by the place of its participant.
pub(crate) type TrackIndex = (Index, Source);

/// Somebody who has a track in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Viewer {
    pub(crate) participant: Index,
    pub(crate) slot: usize,
}

/// An outgoing stream.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SlotState {
    pub(crate) line: Line,
    /// Set once the peer has agreed to the line.
    pub(crate) to: Option<SendLine>,
    /// The peer has not agreed.
    pub(crate) refused: bool,
    pub(crate) outlet: Outlet,
    /// What it carries.
    pub(crate) track: Option<TrackIndex>,
    /// How the viewer sees that; of no meaning for sound.
    pub(crate) shown: Shown,
    /// Why that comes or does not, as it was told last, and of what. Nothing of sound.
    pub(crate) reason: (Option<TrackIndex>, Reason),
    /// Whether its pictures freeze. Decides nothing.
    #[serde(skip)]
    pub(crate) watch: Watch,
}

impl SlotState {
    pub(crate) fn new(line: Line, kind: MediaKind) -> Self {
        Self {
            line,
            to: None,
            refused: false,
            outlet: Outlet::new(kind),
            track: None,
            shown: Shown::Hidden,
            reason: Default::default(),
            watch: Watch::default(),
        }
    }

    /// These rates of layers, without those that the viewer has not agreed to decode.
    pub(crate) fn decodable(
        &self,
        track: &Track,
        rates: [Rates; Layer::ALL.len()],
    ) -> [Rates; Layer::ALL.len()] {
        Layer::ALL.map(|layer| {
            let codec = track.codec(layer);
            let takes = codec.is_none_or(|codec| self.takes(codec));
            if takes {
                rates[layer as usize]
            } else {
                Rates::default()
            }
        })
    }

    /// Whether the viewer has agreed to decode nothing of what comes of a track.
    pub(crate) fn is_foreign(&self, track: &Track) -> bool {
        let mut codecs = track.codecs().peekable();
        codecs.peek().is_some() && codecs.all(|codec| !self.takes(codec))
    }

    /// As long as the viewer has not answered, it takes everything.
    fn takes(&self, codec: VideoCodec) -> bool {
        self.to.is_none_or(|to| to.takes(Codec::Video(codec)))
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

    pub(crate) fn publication(&self, source: Source) -> &Publication {
        &self.publications[source as usize]
    }

    pub(crate) fn publication_mut(&mut self, source: Source) -> &mut Publication {
        &mut self.publications[source as usize]
    }

    /// What it publishes on a line.
    pub(crate) fn source_on(&self, line: Line) -> Option<Source> {
        let mut sources = Source::ALL.into_iter();
        sources.find(|source| self.publication(*source).line == line)
    }

    /// The slot of a line on which it gets pictures.
    pub(crate) fn video_slot_on(&self, line: Line) -> Option<usize> {
        let is_it = |slot: &SlotState| slot.line == line && slot.outlet.video().is_some();
        self.slots.iter().position(is_it)
    }

    /// The places of its slots of a kind.
    pub(crate) fn slots_of(&self, kind: MediaKind) -> Vec<usize> {
        let slots = self.slots.iter().enumerate();
        let of_kind = slots.filter(|(_, slot)| slot.outlet.kind() == kind);
        of_kind.map(|(place, _)| place).collect()
    }

    /// The stream of pictures in a slot.
    pub(crate) fn video(&self, slot: usize) -> Option<&VideoOutlet> {
        self.slots.get(slot)?.outlet.video()
    }

    /// The layer of the source in `slot` whose keyframe this viewer could use now.
    pub(crate) fn awaited_layer(&self, slot: usize) -> Option<Layer> {
        let slot = self.slots.get(slot).filter(|_| self.is_connected())?;
        slot.to.and(slot.outlet.video()?.awaited())
    }

    /// The highest sequence number in anything that is remembered of its streams.
    pub(crate) fn newest_sequence(&self) -> u64 {
        let slots = self.slots.iter();
        let slots = slots.map(|slot| slot.outlet.newest_sequence());
        let bases = self.bases.newest_sequence();
        slots.max().unwrap_or(0).max(bases)
    }

    /// When something is due, and only then; as far as that changes with packets, now, and for the rest as of
    /// when it was last looked at.
    pub(crate) fn soonest(&self) -> Option<Time> {
        let connection = self.connection.as_deref().and_then(Connection::deadline);
        earliest([self.slow, connection])
    }

    /// When something is due of what does not change with each packet.
    pub(crate) fn slow_deadline(&self, limits: &Limits) -> Option<Time> {
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
        let (mut keyframe, mut layers) = (None, None);
        for publication in &self.publications {
            keyframe = earliest([keyframe, publication.keyframes.deadline()]);
            let (track, demand) = (&publication.layers, &publication.demand);
            layers = earliest([layers, track.deadline(), demand.deadline()]);
        }
        earliest([
            self.budget.deadline(),
            self.rises.deadline(),
            phase,
            negotiation,
            keyframe.filter(|_| self.is_connected()),
            self.unreachable_at(),
            layers,
        ])
    }

    /// The longest time in which nothing came from it, of this time, milliseconds: see [`Person::silence`].
    pub(crate) fn silence(&self, from: Time, to: Time) -> u32 {
        self.person.silence(self.heard, from, to)
    }

    /// Finds out when to look whether its pictures freeze.
    pub(crate) fn expect_freezes(&mut self) {
        for (place, slot) in self.slots.iter().enumerate() {
            self.looks.set(place, slot.watch.deadline());
        }
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
                mid: slot.line.mid(),
                kind: slot.outlet.kind(),
                track: slot.track.and_then(|(index, source)| {
                    let participant = id_of(index)?;
                    Some(TrackId {
                        participant,
                        source,
                    })
                }),
            })
            .collect()
    }
}
