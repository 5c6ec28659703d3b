//! What connections are asked to do.

use twox_hash::XxHash3_64;

use crate::forward::{SlotCounts, VideoPatch};
use crate::ids::{Layer, MediaKind, Source};
use crate::output::{CommandError, Notice};
use crate::participant::Index;
use crate::trace::running::Running;
use crate::transport::{Outgoing, Pace};

/// What a participant's connection is asked to do: the decisions of an [`Sfu`](crate::Sfu).
#[derive(Debug)]
pub(crate) enum Call<'a> {
    Receive,
    Timeout,
    Answer,
    Candidate,
    /// Offers this many further slots, and an ICE restart.
    Offer {
        slots: SlotCounts,
        restart: bool,
    },
    /// Finds out whether the line of a slot was agreed on.
    SendLine {
        slot: usize,
    },
    /// Asks for keyframes of these layers.
    RequestKeyframe {
        source: Source,
        layers: &'a [Layer],
    },
    /// Sends packets of `from` in a slot.
    Write {
        slot: usize,
        from: Index,
        source: Source,
        outgoing: Outgoing<'a>,
    },
    /// Says what would be sent.
    Pace(Pace),
    /// Repeats nothing of what was sent in a slot so far.
    Forget {
        slot: usize,
    },
    Close,
}

impl Call<'_> {
    /// Makes it count in the hash of decisions.
    pub(super) fn mix_into(&self, running: &mut Running, index: Index) {
        let (code, detail) = match self {
            Call::Receive => (1, 0),
            Call::Timeout => (2, 0),
            Call::Answer => (3, 0),
            Call::Candidate => (4, 0),
            Call::Offer { slots, restart } => {
                let SlotCounts { audio, video } = slots;
                (5, audio << 12 | video << 1 | usize::from(*restart))
            }
            Call::SendLine { slot } => (6, *slot),
            Call::RequestKeyframe { source, layers } => (7, (*source as usize) << 3 | bits(layers)),
            Call::Write { slot, .. } => (8, *slot),
            Call::Close => (9, 0),
            Call::Pace(_) => (10, 0),
            Call::Forget { slot } => (11, *slot),
        };
        running.mix((index as u64) << 32 | (detail as u64) << 8 | code);
        if let Call::Pace(Pace { least, desired }) = self {
            running.mix(*least);
            running.mix(*desired);
        }
        if let Call::Write {
            source, outgoing, ..
        } = self
        {
            for packet in outgoing.packets() {
                running.mix(packet.sequence << 1 | u64::from(source.kind() == MediaKind::Video));
                running.mix(u64::from(packet.timestamp) << 32 | patch_word(packet.patch));
                running.mix(packet.source.sequence << 32 | u64::from(packet.source.ssrc));
                running.mix(packet.plain.into());
            }
        }
    }
}

/// A bit for each layer.
fn bits(layers: &[Layer]) -> usize {
    layers.iter().map(|layer| 1 << *layer as usize).sum()
}

fn patch_word(patch: Option<VideoPatch>) -> u64 {
    let Some(VideoPatch {
        picture_id,
        tl0_index,
    }) = patch
    else {
        return 0;
    };
    // A bit above each says whether it is there.
    let picture_id = picture_id.map_or(0, |id| 1 << 15 | u64::from(id));
    let tl0_index = tl0_index.map_or(0, |index| 1 << 8 | u64::from(index));
    1 << 25 | picture_id << 9 | tl0_index
}

/// Makes a notice count in the hash of decisions. Notices are rare, so writing one to read its bytes
/// is cheap enough.
pub(super) fn mix_notice(running: &mut Running, notice: &Notice) {
    let bytes = postcard::to_allocvec(&redacted(notice)).unwrap_or_default();
    running.mix(XxHash3_64::oneshot(&bytes));
}

/// A notice as it may stand in a trace of decisions: without descriptions, which hold ICE
/// passwords, and without addresses.
fn redacted(notice: &Notice) -> Notice {
    let mut notice = notice.clone();
    match &mut notice {
        Notice::Offer { sdp, .. } => sdp.clear(),
        Notice::Candidate { candidate, .. } => {
            *candidate = candidate.as_ref().map(|_| String::new());
        }
        Notice::Refused { error, .. } => *error = redacted_error(error),
        Notice::Slots { .. }
        | Notice::Reasons { .. }
        | Notice::Layers { .. }
        | Notice::Freeze { .. }
        | Notice::Speaker { .. }
        | Notice::Connected { .. }
        | Notice::Gone { .. } => {}
    }
    notice
}

/// An error without the part of a description that it quotes.
pub(crate) fn redacted_error(error: &CommandError) -> CommandError {
    match error {
        CommandError::UnknownParticipant => CommandError::UnknownParticipant,
        CommandError::UnexpectedAnswer => CommandError::UnexpectedAnswer,
        CommandError::DescriptionTooLarge(_) => CommandError::DescriptionTooLarge(String::new()),
        CommandError::BadDescription(_) => CommandError::BadDescription(String::new()),
        CommandError::BadCandidate(_) => CommandError::BadCandidate(String::new()),
        CommandError::TooManyCandidates(limit) => CommandError::TooManyCandidates(*limit),
        CommandError::DigestTooLarge => CommandError::DigestTooLarge,
    }
}
