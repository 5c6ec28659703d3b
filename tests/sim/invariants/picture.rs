//! Who should see and hear somebody does, in time.

use std::collections::BTreeMap;
use std::time::Duration;

use tsuji_core::{Limits, MediaKind, ParticipantId, Source, Time, TrackId};
use tsuji_signaling::ConnectionId;

use super::{Finding, Invariant, View};
use crate::browser::Received;
use crate::ledger::{Member, SlotRecord};

/// How long the first picture or sound of somebody may take from the moment at which nothing stands
/// in its way, and how long a break may be. A lost keyframe and a lost request cost half a second
/// each, and both may be lost twice.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same of pictures where it has to be found out first what the path carries: losses look like a
/// narrow one for a while.
const PATIENCE_WITH_ESTIMATES: Duration = Duration::from_secs(10);

/// A decodable picture in time.
#[derive(Debug)]
pub(super) struct PictureInTime {
    /// Whether pictures are held back that a path has no room for.
    estimates: bool,
}

impl PictureInTime {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            estimates: limits.estimate_bandwidth,
        }
    }
}

/// Sound in time.
#[derive(Debug, Default)]
pub(super) struct SoundInTime {
    heard: BTreeMap<(ConnectionId, TrackId), Time>,
}

impl Invariant for PictureInTime {
    fn name(&self) -> &'static str {
        "picture_in_time"
    }

    fn promise(&self) -> &'static str {
        "who is connected on a healthy link gets decodable pictures of everybody in its slots whom its page shows, the first within 3 s and none later than that"
    }

    fn glance(&mut self, view: &View<'_>) -> Finding {
        for_each_visible(view, MediaKind::Video, |visible| {
            let tab = view.tab(visible.connection)?;
            if self.estimates && tab.down.conditions().bandwidth_kbps > 0 {
                return None;
            }
            let decoders = &tab.page.browser.as_ref()?.decoders;
            let decoder = decoders.get(&visible.slot.mid);
            let decoder = decoder.filter(|decoder| decoder.track() == Some(visible.track));
            let shown = decoder.and_then(|decoder| decoder.last_shown);
            let patience = if self.estimates {
                PATIENCE_WITH_ESTIMATES
            } else {
                PATIENCE
            };
            visible.late(view.now, shown, "picture", patience)
        })
    }
}

impl Invariant for SoundInTime {
    fn name(&self) -> &'static str {
        "sound_in_time"
    }

    fn promise(&self) -> &'static str {
        "who is connected on a healthy link hears everybody in its slots, from 3 s on and without longer breaks"
    }

    fn packet(&mut self, _: &View<'_>, to: ConnectionId, packet: &Received) -> Finding {
        if packet.audio {
            self.heard.insert((to, packet.track()), packet.at);
        }
        Ok(())
    }

    fn glance(&mut self, view: &View<'_>) -> Finding {
        for_each_visible(view, MediaKind::Audio, |visible| {
            let heard = self.heard.get(&(visible.connection, visible.track));
            visible.late(view.now, heard.copied(), "sound", PATIENCE)
        })
    }
}

struct Visible<'a> {
    connection: ConnectionId,
    viewer: ParticipantId,
    track: TrackId,
    slot: &'a SlotRecord,
    since: Time,
}

impl Visible<'_> {
    fn late(
        &self,
        now: Time,
        last: Option<Time>,
        what: &str,
        patience: Duration,
    ) -> Option<String> {
        let since = last.map_or(self.since, |last| last.max(self.since));
        let waited = now.since(since);
        if waited <= patience {
            return None;
        }
        let (viewer, from) = (self.viewer, self.since);
        let TrackId {
            participant,
            source,
        } = self.track;
        Some(format!(
            "{viewer} waits for {what} of {participant} ({source}) for {waited:?}; nothing stands in the way since {from}, last {last:?}"
        ))
    }
}

/// Calls `late` for everybody who should get media of somebody now, with the moment from which on
/// nothing has stood in the way.
fn for_each_visible(
    view: &View<'_>,
    kind: MediaKind,
    mut late: impl FnMut(&Visible<'_>) -> Option<String>,
) -> Finding {
    for (viewer, member) in view.ledger.present() {
        let Some(ready) = ready_since(view, viewer, member) else {
            continue;
        };
        for slot in &member.slots {
            let (Some(track), Some(answered)) = (*slot.track.now(), slot.answered) else {
                continue;
            };
            let publisher = view.ledger.member(track.participant);
            let Some(publisher) = publisher.filter(|p| p.is_in()) else {
                continue;
            };
            if slot.kind != kind {
                continue;
            }
            let Some(sending) = sending_since(view, publisher, track) else {
                continue;
            };
            let seen = match kind {
                MediaKind::Audio => Some(member.entered),
                MediaKind::Video => member.shows_since(track),
            };
            let Some(seen) = seen else {
                continue;
            };
            let moments = [ready, answered, sending, slot.track.since(), seen];
            let since = moments.into_iter().fold(Time::ZERO, Time::max);
            let visible = Visible {
                connection: member.connection,
                viewer,
                track,
                slot,
                since,
            };
            if let Some(what) = late(&visible) {
                return Err(what);
            }
        }
    }
    Ok(())
}

/// Since when a participant can send and receive media.
pub(super) fn ready_since(view: &View<'_>, id: ParticipantId, member: &Member) -> Option<Time> {
    let tab = view.tab(member.connection)?;
    let recovered = view.recovered(tab, member)?;
    let is_it = tab.page.me == Some(id);
    let connected = tab.page.browser.as_ref()?.connected;
    (is_it && connected).then_some(member.connected?.max(recovered))
}

/// Since when somebody sends a track, unmuted.
fn sending_since(view: &View<'_>, member: &Member, track: TrackId) -> Option<Time> {
    let ready = ready_since(view, track.participant, member)?;
    let browser = view.tab(member.connection)?.page.browser.as_ref()?;
    // The server may not have been told of a pause: the WebSocket was gone.
    let (paused, since) = match track.source {
        Source::Microphone => browser.microphone.as_ref().map(|m| (m.paused, m.since))?,
        Source::ScreenAudio => browser.screen_sound.as_ref().map(|s| (s.paused, s.since))?,
        Source::Screen => browser.screen.as_ref().map(|s| (s.paused, s.since))?,
        Source::Camera => browser.camera.as_ref().map(|c| (c.paused, c.since))?,
    };
    let on = member.on(track.source);
    (!paused && *on.now()).then(|| ready.max(on.since()).max(since))
}
