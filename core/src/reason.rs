//! Why a viewer gets what it gets.

use serde::{Deserialize, Serialize};

use crate::ids::Layer;

/// Why what is in a slot for pictures comes, or does not. Where several things are in the way, the
/// one that has to go first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// Nobody is in the slot.
    #[default]
    Free,
    /// The page of the viewer does not show it.
    Hidden,
    /// Whoever publishes it has switched it off.
    PublisherMuted,
    /// The viewer has not answered the offer of the slot yet.
    Negotiating,
    /// The viewer can't receive it.
    Unsupported,
    /// The viewer is not connected, or its connection is interrupted.
    DownlinkDown,
    /// Nothing comes of it: the publisher is not connected, or its connection is interrupted.
    UplinkDown,
    /// Nothing comes of it, although the publisher is connected and had time enough.
    SourceDead,
    /// The viewer can't decode what the publisher sends: it has not agreed to the codec.
    CodecUnsupported,
    /// The path to the viewer has no room for it, not even for its smallest layer.
    NoBandwidth,
    /// A keyframe has to come first.
    WaitingForKeyframe,
    /// It is forwarded.
    Forwarding {
        /// Which encoding.
        layer: Layer,
    },
}

/// What became of the line of a slot in negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Open,
    Refused,
    Agreed,
}

/// What a reason depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) shown: bool,
    pub(crate) line: Line,
    pub(crate) viewer_connected: bool,
    pub(crate) published: bool,
    pub(crate) publisher_connected: bool,
    /// Some layer comes.
    pub(crate) lives: bool,
    /// None does, and one should.
    pub(crate) dead: bool,
    /// The viewer has not agreed to the codec of anything that comes of it.
    pub(crate) other_codec: bool,
    /// It comes, and is held back for its size.
    pub(crate) too_large: bool,
    /// The layer that passes, if it comes.
    pub(crate) playing: Option<Layer>,
}

impl Reason {
    /// Whether somebody waits for the picture, so that it freezes where none comes.
    pub(crate) fn is_awaited(self) -> bool {
        match self {
            Self::Free
            | Self::Hidden
            | Self::PublisherMuted
            | Self::Negotiating
            | Self::Unsupported
            | Self::CodecUnsupported
            | Self::NoBandwidth => false,
            Self::DownlinkDown
            | Self::UplinkDown
            | Self::SourceDead
            | Self::WaitingForKeyframe
            | Self::Forwarding { .. } => true,
        }
    }

    /// The reason of a slot that somebody is in.
    pub(crate) fn of(facts: &Facts) -> Self {
        match facts {
            Facts { shown: false, .. } => Self::Hidden,
            Facts {
                published: false, ..
            } => Self::PublisherMuted,
            Facts {
                line: Line::Refused,
                ..
            } => Self::Unsupported,
            Facts {
                line: Line::Open, ..
            } => Self::Negotiating,
            Facts {
                viewer_connected: false,
                ..
            } => Self::DownlinkDown,
            // What still comes, or comes again, is better known than whether checks are answered.
            Facts {
                lives: false,
                publisher_connected: false,
                ..
            } => Self::UplinkDown,
            // Where nobody else takes it, it rests.
            Facts {
                other_codec: true, ..
            } => Self::CodecUnsupported,
            Facts { dead: true, .. } => Self::SourceDead,
            Facts {
                too_large: true, ..
            } => Self::NoBandwidth,
            Facts { playing: None, .. } => Self::WaitingForKeyframe,
            Facts {
                playing: Some(layer),
                ..
            } => Self::Forwarding { layer: *layer },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_go_first_is_the_reason() {
        let layer = Layer::Half;
        let fine = Facts {
            shown: true,
            line: Line::Agreed,
            viewer_connected: true,
            published: true,
            publisher_connected: true,
            lives: true,
            dead: false,
            other_codec: false,
            too_large: false,
            playing: Some(layer),
        };
        assert_eq!(Reason::of(&fine), Reason::Forwarding { layer });
        // From the last to the first; each is said although those before it are in the way too.
        let mut facts = fine;
        type Change = fn(&mut Facts);
        let changes: [(Change, Reason); 12] = [
            (|facts| facts.playing = None, Reason::WaitingForKeyframe),
            (|facts| facts.too_large = true, Reason::NoBandwidth),
            (|facts| facts.too_large = false, Reason::WaitingForKeyframe),
            (|facts| facts.lives = false, Reason::WaitingForKeyframe),
            (|facts| facts.dead = true, Reason::SourceDead),
            (|facts| facts.other_codec = true, Reason::CodecUnsupported),
            (
                |facts| facts.publisher_connected = false,
                Reason::UplinkDown,
            ),
            (|facts| facts.viewer_connected = false, Reason::DownlinkDown),
            (|facts| facts.line = Line::Open, Reason::Negotiating),
            (|facts| facts.line = Line::Refused, Reason::Unsupported),
            (|facts| facts.published = false, Reason::PublisherMuted),
            (|facts| facts.shown = false, Reason::Hidden),
        ];
        for (change, reason) in changes {
            change(&mut facts);
            assert_eq!(Reason::of(&facts), reason);
        }
    }
}
