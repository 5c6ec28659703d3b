//! Streams to the peer: those that have carried nothing yet are kept from str0m.
//!
//! str0m looks at each of its outgoing streams for every packet of any of them, and reports on each.
//! Most slots of a large room carry nothing: their streams sleep. One wakes when something is written
//! to it, with the SSRCs that the offer named, and stays awake. The first one for pictures always is:
//! str0m pads, and probes what a path carries, with the retransmissions of some stream.
//!
//! A stream that sleeps has never sent. Its numbers would begin anew when it wakes, and one number for
//! two packets of an SSRC gives AES-GCM one nonce for both (RFC 7714, 12.1). So streams go to sleep
//! before time passes for them: in the very call in which str0m made them, or they were woken to be in
//! an offer.

use std::time::Duration;

use str0m::Rtc;
use str0m::rtp::{Ssrc, StreamTx};

use super::Line;
use crate::ids::MediaKind;

/// What is kept to be sent again: of the largest layer, more than three seconds, which no viewer
/// waits for.
const RTX_PACKETS: usize = 1_024;
const RTX_AGE: Duration = Duration::from_secs(3);
/// Of all that is sent, what may be sent again. At 20 % of loss, a quarter is; str0m's own 15 %
/// leaves such a viewer with gaps.
const RTX_SHARE: f32 = 0.3;

/// The outgoing streams of a connection.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// In the order of their m-lines.
    streams: Vec<Outlet>,
}

#[derive(Debug)]
struct Outlet {
    line: Line,
    kind: MediaKind,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not agreed upon: there is no stream.
    Offered,
    /// str0m does not have it.
    Asleep { ssrc: Ssrc, repair: Option<Ssrc> },
    /// str0m has it, for good.
    Awake,
}

impl Outgoing {
    /// These lines are offered.
    pub(super) fn offered(&mut self, lines: &[(Line, MediaKind)]) {
        let outlets = lines.iter().map(|&(line, kind)| Outlet {
            line,
            kind,
            state: State::Offered,
        });
        self.streams.extend(outlets);
    }

    /// Calls `negotiate` with every stream awake, so that it finds their SSRCs. No time may pass in it.
    pub(super) fn negotiate<R>(
        &mut self,
        rtc: &mut Rtc,
        negotiate: impl FnOnce(&mut Rtc) -> R,
    ) -> R {
        for outlet in &self.streams {
            if let State::Asleep { ssrc, repair } = outlet.state {
                declare(rtc, outlet.line, ssrc, repair);
            }
        }
        let result = negotiate(rtc);
        let first = self.streams.iter();
        let mut first = first.filter(|outlet| outlet.kind == MediaKind::Video);
        let first = first.next().map(|outlet| outlet.line);
        for outlet in &mut self.streams {
            outlet.settle(rtc, first);
        }
        result
    }

    /// Something is about to be written on a line.
    pub(super) fn wake(&mut self, rtc: &mut Rtc, line: Line) {
        let outlet = self.streams.iter_mut().find(|outlet| outlet.line == line);
        if let Some(outlet) = outlet
            && let State::Asleep { ssrc, repair } = outlet.state
        {
            outlet.state = State::Awake;
            declare(rtc, line, ssrc, repair);
        }
    }
}

impl Outlet {
    /// After a negotiation: asleep, unless it has to be awake.
    fn settle(&mut self, rtc: &mut Rtc, first: Option<Line>) {
        if matches!(self.state, State::Awake) {
            return;
        }
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(self.line.0, None) else {
            return;
        };
        if first == Some(self.line) {
            set_up(stream);
            self.state = State::Awake;
            return;
        }
        let (ssrc, repair) = (stream.ssrc(), stream.rtx());
        direct.remove_stream_tx(ssrc);
        self.state = State::Asleep { ssrc, repair };
    }
}

fn declare(rtc: &mut Rtc, line: Line, ssrc: Ssrc, repair: Option<Ssrc>) {
    set_up(
        rtc.direct_api()
            .declare_stream_tx(ssrc, repair, line.0, None),
    );
}

/// Publishers pace what they send. Held back here, what the path does not carry would come late instead
/// of never, and what was chosen in its place behind that.
fn set_up(stream: &mut StreamTx) {
    stream.set_unpaced(true);
    remember(stream);
}

/// Begins to keep what is sent, to repeat it when it is asked for; what was kept is forgotten.
pub(super) fn remember(stream: &mut StreamTx) {
    stream.set_rtx_cache(RTX_PACKETS, RTX_AGE, Some(RTX_SHARE));
}
