//! The m-lines on which something is sent, as they are negotiated.
//!
//! str0m names their SSRCs in its offers, for which it needs streams of its own, for as long as it negotiates:
//! no time passes for them, so they never send.

use str0m::Rtc;
use str0m::media::MediaKind as RtcMediaKind;

use super::header::Numbered;
use super::stream::{Repair, Stream};
use super::{Line, Sender};
use crate::ids::MediaKind;
use crate::transport::codecs;

impl Sender {
    /// These lines are offered. Those on which the peer sends are among them: str0m names SSRCs for them too,
    /// and would report on what is never sent.
    pub(in crate::transport) fn offered(&mut self, lines: impl Iterator<Item = Line>) {
        self.offered.extend(lines);
    }

    /// Calls `negotiate` with a stream of str0m's for each of ours, so that it finds their SSRCs. No time may
    /// pass in it.
    pub(in crate::transport) fn negotiate<R>(
        &mut self,
        rtc: &mut Rtc,
        negotiate: impl FnOnce(&mut Rtc) -> R,
    ) -> R {
        for stream in &self.streams {
            let repair = stream.repair.as_ref().map(|repair| repair.ssrc.into());
            let mut direct = rtc.direct_api();
            direct.declare_stream_tx(stream.ssrc.into(), repair, stream.line.0, None);
        }
        let result = negotiate(rtc);
        for line in self.offered.clone() {
            self.settle(rtc, line);
        }
        result
    }

    /// After a negotiation: takes a line's streams from str0m, and what was agreed on.
    fn settle(&mut self, rtc: &mut Rtc, line: Line) {
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(line.0, None) else {
            return;
        };
        let (ssrc, repair) = (stream.ssrc(), stream.rtx());
        direct.remove_stream_tx(ssrc);
        let Some(media) = rtc.media(line.0) else {
            return;
        };
        let mut numbered = Numbered::of(media.remote_extmap(), line.0);
        if self.wire.estimator.is_none() {
            // Nobody would read the feedback.
            numbered = numbered.uncounted();
        }
        let payload_types = codecs::repairs(rtc.codec_config(), media.remote_pts());
        if let Some(place) = self.place(line) {
            let known = &mut self.streams[place];
            known.numbered = numbered;
            if let Some(repair) = &mut known.repair {
                repair.payload_types = payload_types;
            }
            return;
        }
        let kind = match media.kind() {
            RtcMediaKind::Audio => MediaKind::Audio,
            RtcMediaKind::Video => MediaKind::Video,
        };
        let repair = repair.map(|ssrc| Repair::new(*ssrc, payload_types));
        let name = media.cname().to_owned();
        self.lines.push(line);
        self.streams
            .push(Stream::new((line, kind), (*ssrc, name), numbered, repair));
    }
}
