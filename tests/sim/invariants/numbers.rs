//! Sequence numbers, timestamps and picture ids of what a viewer gets.

use std::collections::BTreeMap;
use std::time::Duration;

use tsuji_core::{Layer, Limits, ParticipantId, Time};
use tsuji_signaling::ConnectionId;

use super::{Finding, Invariant, View};
use crate::browser::Received;

/// One outgoing stream looks like one encoder, whoever feeds it.
///
/// A stretch is a run of packets of one encoding of one source without a break. Within it everything keeps its
/// distance: number to number, clock to clock, picture to picture; but for pictures of higher temporal
/// layers that were left out, in whose place there is nothing. A new one begins after the last,
/// one number later where nothing is lost on the way, and its clock has gone on as time has.
#[derive(Debug)]
pub(super) struct NumbersGoOn {
    holds: bool,
    streams: BTreeMap<(ConnectionId, ParticipantId, String), Stream>,
}

#[derive(Debug)]
struct Stream {
    /// The present one last. Packets of earlier ones may be late.
    stretches: Vec<Stretch>,
}

#[derive(Debug)]
struct Stretch {
    source: ParticipantId,
    layer: Layer,
    first_sequence: u64,
    newest_sequence: u64,
    newest_at: Time,
    newest_made: Time,
    newest_timestamp: u32,
    newest_picture: Option<u16>,
    newest_frame: u32,
    /// It has temporal layers.
    layered: bool,
    /// Wrapping distances of out to in.
    sequence: u64,
    timestamp: u32,
    picture: Option<u16>,
}

/// Packets of a stretch that ended longer ago are not told apart any more.
const STRETCHES: usize = 8;
/// How far the clock of a stream may be from real time across a change of source: what waits in a
/// network counts as time.
const CLOCK_SLACK_MS: i64 = 1_500;

/// What is to be expected of a stream.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// Every packet arrives once and in order.
    clean: bool,
    /// Pictures are held back that the path has no room for, and go on with a keyframe.
    holds: bool,
}

impl NumbersGoOn {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            holds: limits.estimate_bandwidth,
            streams: BTreeMap::new(),
        }
    }
}

impl Stretch {
    fn begin(packet: &Received) -> Self {
        Self {
            source: packet.source,
            layer: packet.layer,
            first_sequence: packet.sequence,
            newest_sequence: packet.sequence,
            newest_at: packet.sent,
            newest_made: packet.made,
            newest_timestamp: packet.timestamp,
            newest_picture: packet.picture_id,
            newest_frame: packet.place.frame,
            layered: is_layered(packet),
            sequence: packet.sequence.wrapping_sub(packet.count.into()),
            timestamp: packet.timestamp.wrapping_sub(packet.made_timestamp),
            picture: picture_offset(packet),
        }
    }

    /// Whether a packet keeps the distances; the first one that it does not keep otherwise.
    fn fits(&self, packet: &Received) -> Result<bool, String> {
        if (self.source, self.layer) != (packet.source, packet.layer) {
            return Ok(false);
        }
        if self.layered || is_layered(packet) {
            return self.fits_thinned(packet);
        }
        if self.sequence != packet.sequence.wrapping_sub(packet.count.into()) {
            return Ok(false);
        }
        if self.timestamp != packet.timestamp.wrapping_sub(packet.made_timestamp) {
            let (is, made) = (packet.timestamp, packet.made_timestamp);
            return Err(format!("timestamp {is} for {made} within a stretch"));
        }
        if self.picture != picture_offset(packet) {
            let id = packet.picture_id;
            return Err(format!("picture id {id:?} within a stretch"));
        }
        Ok(true)
    }

    /// The same where pictures may have been left out: no distance grows by that, and no picture loses
    /// its place.
    fn fits_thinned(&self, packet: &Received) -> Result<bool, String> {
        let left_out = self
            .sequence
            .wrapping_sub(packet.sequence.wrapping_sub(packet.count.into()));
        let is_new = packet.sequence > self.newest_sequence;
        if self.timestamp != packet.timestamp.wrapping_sub(packet.made_timestamp)
            || (is_new && left_out > u32::MAX.into())
        {
            return Ok(false);
        }
        let (Some(is), Some(was)) = (packet.picture_id, self.newest_picture) else {
            return Ok(true);
        };
        let pictures = is.wrapping_sub(was) & 0x7fff;
        let frames = packet.place.frame.wrapping_sub(self.newest_frame);
        if is_new && (u32::from(pictures) > frames || (pictures == 0) != (frames == 0)) {
            return Err(format!(
                "picture id {is} after {was}, {frames} frames later"
            ));
        }
        Ok(true)
    }
}

/// Whether a packet is of an encoding with temporal layers, as far as it shows.
fn is_layered(packet: &Received) -> bool {
    packet.place.tid > 0 || packet.place.needs > 1
}

/// A camera's picture ids, where it has any, go up by one with each frame.
fn picture_offset(packet: &Received) -> Option<u16> {
    let id = packet.picture_id?;
    Some(id.wrapping_sub(packet.place.frame as u16) & 0x7fff)
}

impl Invariant for NumbersGoOn {
    fn name(&self) -> &'static str {
        "numbers_go_on"
    }

    fn promise(&self) -> &'static str {
        "sequence numbers, timestamps and picture ids of a stream go on, through loss and every change of source"
    }

    fn packet(&mut self, view: &View<'_>, to: ConnectionId, packet: &Received) -> Finding {
        let Some(tab) = view.tab(to) else {
            return Ok(());
        };
        let Some(me) = tab.page.me else {
            return Ok(());
        };
        let holds = self.holds;
        let key = (to, me, packet.mid.clone());
        let Some(stream) = self.streams.get_mut(&key) else {
            let stretches = vec![Stretch::begin(packet)];
            self.streams.insert(key, Stream { stretches });
            return Ok(());
        };
        let clean =
            tab.down.lost == 0 && tab.down.conditions().is_clean() && tab.earlier.is_empty();
        let track = packet.track();
        let source = view.ledger.member(packet.source);
        let slot = view.ledger.member(me).and_then(|me| me.slot(&packet.mid));
        let paused = |from: Time| {
            let muted = source.is_some_and(|s| s.on(track.source).was(&false, from, packet.sent));
            let shown = slot.is_some_and(|s| s.track.always(&Some(track), from));
            muted || !shown
        };
        stream
            .packet(packet, Rules { clean, holds }, paused)
            .map_err(|what| format!("{me}, m-line {}: {what}", packet.mid))
    }
}

impl Stream {
    /// `paused`: whether anything but the source interrupted the stream since a moment.
    fn packet(
        &mut self,
        packet: &Received,
        rules: Rules,
        paused: impl Fn(Time) -> bool,
    ) -> Finding {
        // Where the stretch after the one that is looked at begins.
        let mut next = u64::MAX;
        for stretch in self.stretches.iter_mut().rev() {
            let end = std::mem::replace(&mut next, stretch.first_sequence);
            match stretch.fits(packet) {
                // All microphones send as often: who gets its slot back from another goes on as if it
                // had never lost it. And an encoding without some of its pictures fits to itself.
                Ok(true)
                    if (packet.audio || is_layered(packet) || stretch.layered)
                        && packet.sequence >= end =>
                {
                    continue;
                }
                Ok(true) => {}
                Ok(false) => continue,
                // After a pause in which nothing was made, the numbers may fit by themselves. And what
                // comes from before the stretch is a repetition out of one that was lost.
                Err(_) if paused(stretch.newest_at) => continue,
                Err(_) if rules.holds && packet.keyframe => continue,
                // Of that keyframe, all may be lost on the way.
                Err(_) if rules.holds && !rules.clean => continue,
                Err(_) if packet.sequence < stretch.first_sequence => continue,
                // While another layer was shown, as many packets of this one may have been made as
                // were sent of that.
                Err(_) if packet.sequence >= end => continue,
                Err(what) => return Err(what),
            }
            // With losses, a late packet of a stretch may come before what we took for its first.
            stretch.first_sequence = stretch.first_sequence.min(packet.sequence);
            if packet.sequence > stretch.newest_sequence {
                if packet.sequence >= end {
                    return Err(format!("{} goes on after it ended", packet.source));
                }
                stretch.newest_sequence = packet.sequence;
                stretch.newest_at = packet.sent;
                stretch.newest_made = packet.made;
                stretch.newest_timestamp = packet.timestamp;
                stretch.newest_picture = packet.picture_id;
                stretch.newest_frame = packet.place.frame;
                stretch.layered |= is_layered(packet);
                stretch.sequence = packet.sequence.wrapping_sub(packet.count.into());
            }
            return Ok(());
        }
        self.begin(packet, rules)
    }

    fn begin(&mut self, packet: &Received, Rules { clean, .. }: Rules) -> Finding {
        let last = &self.stretches[self.stretches.len() - 1];
        let step = packet.sequence.checked_sub(last.newest_sequence);
        match step {
            None | Some(0) => {
                // The first packets of a stretch may be late, or all be lost but late ones.
                if clean {
                    let (is, was) = (packet.sequence, last.newest_sequence);
                    return Err(format!("a stretch begins with {is} after {was}"));
                }
                return Ok(());
            }
            Some(1) => {}
            Some(step) if clean => {
                return Err(format!("a stretch begins {step} numbers later"));
            }
            Some(_) => {}
        }
        if clean && !packet.audio && !packet.keyframe {
            return Err("a stretch does not begin with a keyframe".to_owned());
        }
        // Since it was sent; or made, because what was lost, and is repeated as padding, is sent much
        // later.
        let elapsed = [
            packet.sent.since(last.newest_at),
            packet.made.since(last.newest_made),
        ];
        let rate = if packet.audio { 48 } else { 90 };
        let ticks = packet.timestamp.wrapping_sub(last.newest_timestamp) as i32;
        let clock = i64::from(ticks) / rate;
        let is_near = |time: &Duration| (clock - time.as_millis() as i64).abs() <= CLOCK_SLACK_MS;
        if ticks == 0 || !elapsed.iter().any(is_near) {
            return Err(format!(
                "across a change, the clock goes on by {clock} ms in {elapsed:?}"
            ));
        }
        if let (true, Some(id), Some(newest)) = (clean, packet.picture_id, last.newest_picture) {
            let step = id.wrapping_sub(newest) & 0x7fff;
            if step != 1 {
                return Err(format!("picture ids go on by {step}"));
            }
        }
        self.stretches.push(Stretch::begin(packet));
        if self.stretches.len() > STRETCHES {
            self.stretches.remove(0);
        }
        Ok(())
    }
}
