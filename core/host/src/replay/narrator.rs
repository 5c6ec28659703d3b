//! Lines about people, as both kinds of account tell them.

use std::io::{self, Write};

use tsuji_core::{
    Command, Freeze, Layer, Notice, ParticipantId, Reason, SlotReason, Source, Tile, Time, WallTime,
};

use super::moment::wall_clock;
use super::person::{in_slots, track};

/// Writes lines: when, who, what.
#[derive(Debug)]
pub(super) struct Narrator {
    epoch: WallTime,
    only: Option<ParticipantId>,
}

impl Narrator {
    /// Tells of everybody, or of one person only.
    pub(super) fn new(epoch: WallTime, only: Option<ParticipantId>) -> Self {
        Self { epoch, only }
    }

    /// The one person it tells of.
    pub(super) fn only(&self) -> Option<ParticipantId> {
        self.only
    }

    pub(super) fn is_about(&self, id: ParticipantId) -> bool {
        self.only.is_none_or(|only| only == id)
    }

    /// Nothing when it is not about that person.
    pub(super) fn say(
        &self,
        at: Time,
        id: ParticipantId,
        text: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self.is_about(id) {
            self.line(at, &id.to_string(), text, out)?;
        }
        Ok(())
    }

    /// About nobody: told when everybody is told of.
    pub(super) fn remark(&self, at: Time, text: &str, out: &mut dyn Write) -> io::Result<()> {
        match self.only {
            None => self.line(at, "-", text, out),
            Some(_) => Ok(()),
        }
    }

    fn line(&self, at: Time, who: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let clock = wall_clock(self.epoch, at, "%H:%M:%S%.3f");
        let seconds = at.since(Time::ZERO).as_secs_f64();
        writeln!(out, "{clock} {seconds:>9.3}s  {who:<4} {text}")
    }
}

/// What a command says.
pub(super) fn command_text(command: &Command) -> String {
    match command {
        Command::Enter { room, ice, .. } => format!("enters {room} ({ice:?} ICE)"),
        Command::Answer {
            negotiation, sdp, ..
        } => {
            let number = negotiation.0;
            match sdp.len() {
                0 => format!("answers offer {number}"),
                bytes => format!("answers offer {number} ({bytes} bytes)"),
            }
        }
        Command::Candidate { candidate, .. } => {
            let candidate = candidate.as_deref().unwrap_or("no more");
            format!("candidate: {}", printable(candidate))
        }
        Command::Mute { kind, muted, .. } => {
            let mutes = if *muted { "mutes" } else { "unmutes" };
            format!("{mutes} {kind}")
        }
        Command::Share { screen, audio, .. } => match (screen, audio) {
            (true, true) => "shows its screen, with sound".to_owned(),
            (true, false) => "shows its screen".to_owned(),
            (false, true) => "lets the sound of its screen be heard".to_owned(),
            (false, false) => "shows its screen no more".to_owned(),
        },
        Command::View { tiles, .. } => {
            let tell = |tile: &Tile| {
                let (width, height) = (tile.width, tile.height);
                format!("{} {width}x{height}", track(tile.track))
            };
            match tiles.as_slice() {
                [] => "looks at nobody".to_owned(),
                tiles => {
                    let tiles: Vec<_> = tiles.iter().map(tell).collect();
                    format!("looks at {}", tiles.join(", "))
                }
            }
        }
        Command::Leave { .. } => "leaves".to_owned(),
        Command::Restart { .. } => "asks for an ICE restart".to_owned(),
        Command::Report { .. } => "reports what it saw".to_owned(),
        Command::Signaling { lost: true, .. } => "loses its WebSocket".to_owned(),
        Command::Signaling { lost: false, .. } => "has a WebSocket again".to_owned(),
    }
}

/// What a notice says; `None` when it has nothing to say.
pub(super) fn notice_text(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Offer {
            negotiation, slots, ..
        } => {
            let (number, slots) = (negotiation.0, in_slots(slots));
            format!("gets offer {number}; slots: {slots}")
        }
        Notice::Candidate { candidate, .. } => match candidate.as_deref() {
            Some("") => return None,
            candidate => format!("gets candidate: {}", candidate.unwrap_or("no more")),
        },
        Notice::Slots { slots, .. } => format!("slots: {}", in_slots(slots)),
        Notice::Reasons { reasons, .. } => {
            let tell = |told: &SlotReason| match told.track {
                Some(id) => format!("{} {}", track(id), in_words(told.reason)),
                None => format!("slot {} is free", told.mid),
            };
            reasons.iter().map(tell).collect::<Vec<_>>().join(", ")
        }
        Notice::Layers { source, layers, .. } => {
            let layers: Vec<_> = layers.iter().map(Layer::to_string).collect();
            match layers.join(" ") {
                none if none.is_empty() => format!("nobody takes its {source}"),
                layers => format!("of its {source}, somebody takes {layers}"),
            }
        }
        Notice::Freeze { freeze, .. } => frozen(freeze),
        Notice::Speaker { .. } => "is the dominant speaker".to_owned(),
        Notice::Connected { .. } => "DTLS is up: connected".to_owned(),
        Notice::Refused { error, .. } => {
            format!("is refused: {}", printable(&error.to_string()))
        }
        Notice::Gone { reason, .. } => format!("is gone: {reason:?}"),
    })
}

/// What froze, for how long, and whose fault it was.
fn frozen(freeze: &Freeze) -> String {
    let whose = match freeze.track.source {
        Source::Microphone => format!("{}'s sound", freeze.track.participant),
        _ => track(freeze.track),
    };
    let froze = match freeze.to {
        Some(to) => format!(
            "{:.2} s of {whose} froze",
            to.since(freeze.from).as_secs_f64()
        ),
        None => format!("{whose} stands still since {}", freeze.from),
    };
    let Some(verdict) = &freeze.verdict else {
        return format!("{froze} until it was not to be seen any more");
    };
    let (culprit, confidence) = (verdict.culprit, verdict.confidence);
    let because = verdict.because("the viewer", &freeze.track.participant.to_string());
    format!("{froze}: {culprit} ({confidence} %): {because}")
}

/// Behind whose picture it is.
fn in_words(reason: Reason) -> String {
    match reason {
        Reason::Free => "is not there".to_owned(),
        Reason::Hidden => "is hidden".to_owned(),
        Reason::PublisherMuted => "is muted".to_owned(),
        Reason::Negotiating => "waits for an answer to its offer".to_owned(),
        Reason::Unsupported => "can't be received".to_owned(),
        Reason::DownlinkDown => "waits for a connection".to_owned(),
        Reason::UplinkDown => "is not connected".to_owned(),
        Reason::SourceDead => "sends nothing".to_owned(),
        Reason::CodecUnsupported => "has a codec that can't be decoded".to_owned(),
        Reason::NoBandwidth => "does not fit through the path".to_owned(),
        Reason::WaitingForKeyframe => "waits for a keyframe".to_owned(),
        Reason::Forwarding { layer } => format!("is forwarded ({layer})"),
    }
}

/// What strangers wrote is shown without what a terminal would obey, and not at any length.
fn printable(text: &str) -> String {
    text.chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect()
}
