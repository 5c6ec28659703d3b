//! Each m-line keeps its SSRC.

use tsuji_signaling::ConnectionId;

use super::{Finding, Invariant, View};
use crate::browser::Received;

/// The SSRC is the one that the offer declared (RFC 5576).
#[derive(Debug)]
pub(super) struct OfferedSsrc;

impl Invariant for OfferedSsrc {
    fn name(&self) -> &'static str {
        "offered_ssrc"
    }

    fn promise(&self) -> &'static str {
        "a packet carries the SSRC that its m-line was offered with, whoever is in the slot"
    }

    fn packet(&mut self, view: &View<'_>, to: ConnectionId, packet: &Received) -> Finding {
        let Some(tab) = view.tab(to) else {
            return Ok(());
        };
        match tab.page.offered_ssrcs.get(&packet.mid) {
            Some(offered) if *offered == packet.ssrc => Ok(()),
            offered => Err(format!(
                "m-line {} was offered with {offered:?} and carries {}",
                packet.mid, packet.ssrc
            )),
        }
    }
}
