//! What is done to session descriptions before str0m reads them, and after it wrote them.

use str0m::IceCreds;
use str0m::change::SdpApi;
use str0m::media::{Direction, MediaKind as RtcMediaKind, Simulcast, SimulcastLayer};

use super::{Credentials, Line};
use crate::ids::{MediaKind, Source};
use crate::limits::Limits;
use crate::output::CommandError;

/// An offer of an ICE restart with our credentials in the place of those that str0m made. Its
/// candidates still name the present ones.
pub(super) fn with_credentials(
    sdp: &str,
    made: &IceCreds,
    present: &Credentials,
    ours: &Credentials,
) -> String {
    sdp.replace(&made.ufrag, &ours.ufrag)
        .replace(&made.pass, &ours.password)
        .replace(&present.ufrag, &ours.ufrag)
}

/// What the server takes of pictures: of a camera `a=simulcast:recv q;h;f` (RFC 8853).
pub(super) fn layers_of(source: Source) -> Option<Simulcast> {
    let layers = source.layers();
    let mut simulcast = Simulcast::new();
    for layer in layers {
        simulcast.add_recv_layer(SimulcastLayer::new(layer.rid()));
    }
    (!layers.is_empty()).then_some(simulcast)
}

/// Slots of both kinds with one number are in one MediaStream, so that the browser keeps lips and
/// voice of whoever is in both together.
pub(super) fn add_slot(changes: &mut SdpApi<'_>, kind: MediaKind, number: usize) -> Line {
    let stream = Some(format!("slot-{number}"));
    let track = Some(format!("{kind}-{number}"));
    Line(changes.add_media(to_str0m(kind), Direction::SendOnly, stream, track, None))
}

pub(super) fn to_str0m(kind: MediaKind) -> RtcMediaKind {
    match kind {
        MediaKind::Audio => RtcMediaKind::Audio,
        MediaKind::Video => RtcMediaKind::Video,
    }
}

/// Makes a description that no candidate message will follow say so: it supports no trickling
/// (RFC 8838, 4.1), and its candidates are all (RFC 8840, 4.2).
pub(super) fn complete(sdp: &str) -> String {
    let mut complete = String::with_capacity(sdp.len());
    let mut after_candidate = false;
    for line in sdp.split_inclusive('\n') {
        let is_candidate = line.starts_with("a=candidate:");
        if after_candidate && !is_candidate {
            complete.push_str("a=end-of-candidates\r\n");
        }
        after_candidate = is_candidate;
        if line.trim_end() != "a=ice-options:trickle" {
            complete.push_str(line);
        }
    }
    complete
}

/// Hides its address behind a name that only its own network resolves
/// (draft-ietf-mmusic-mdns-ice-candidates). An ICE-lite agent never needs it: the browser's checks
/// bring its real address.
pub(super) fn is_mdns(candidate: &str) -> bool {
    let address = candidate.split_ascii_whitespace().nth(4);
    address.is_some_and(|address| address.to_ascii_lowercase().ends_with(".local"))
}

/// Checked before parsing, which is slow.
pub(super) fn within_limits(sdp: &str, limits: &Limits) -> Result<(), CommandError> {
    let too_large = |what: String| Err(CommandError::DescriptionTooLarge(what));
    if sdp.len() > limits.sdp_bytes {
        return too_large(format!("more than {} bytes", limits.sdp_bytes));
    }
    if sdp.lines().count() > limits.sdp_lines {
        return too_large(format!("more than {} lines", limits.sdp_lines));
    }
    if sdp.lines().filter(|line| line.starts_with("m=")).count() > limits.sdp_media {
        return too_large(format!("more than {} m-lines", limits.sdp_media));
    }
    Ok(())
}
