//! What every RTP packet to the peer goes through on its way out: encrypted in the place where it was written,
//! counted for the estimator and for what is known of freezes, and put with those that leave together.

use super::batch::Batch;
use super::header::{self, Header, Numbered};
use super::stream::Sequenced;
use crate::codec::VideoCodec;
use crate::estimate::{Cluster, Estimator};
use crate::forward::{self, VideoPatch};
use crate::freeze::{Arrivals, Part, Sent};
use crate::output::Transmit;
use crate::path::Path;
use crate::time::Time;
use crate::transport::keys::{Keys, TAG};

/// The indices of SRTCP (RFC 3711, 3.4).
const INDICES: u32 = 1 << 31;

/// The way out of one connection.
#[derive(Debug)]
pub(super) struct Wire {
    /// Once DTLS has agreed on them.
    pub(super) keys: Option<Keys>,
    /// `t = 0`, microseconds since 1970.
    pub(super) epoch: u64,
    /// The next transport-wide number.
    pub(super) number: u64,
    /// The next index of SRTCP.
    index: u32,
    pub(super) estimator: Option<Estimator>,
    pub(super) arrivals: Arrivals,
    /// What leaves together.
    pub(super) batch: Batch,
}

/// A packet to be sent.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    pub(super) numbered: &'a Numbered,
    /// But for the transport-wide number and the time.
    pub(super) header: Header,
    pub(super) sequenced: Sequenced,
    /// Of the packet that it repeats (RFC 4588, 4).
    pub(super) original: Option<u16>,
    pub(super) payload: &'a [u8],
    pub(super) patch: Option<(VideoCodec, VideoPatch)>,
    /// Of which pictures it is, and what decoding them depends on.
    pub(super) watched: Option<u8>,
    pub(super) part: Part,
    /// The probe that it is part of.
    pub(super) cluster: Option<Cluster>,
}

impl Wire {
    pub(super) fn new(epoch: u64, estimator: Option<Estimator>) -> Self {
        Self {
            keys: None,
            epoch,
            number: 0,
            index: 0,
            estimator,
            arrivals: Arrivals::default(),
            batch: Batch::default(),
        }
    }

    /// Microseconds since 1970.
    pub(super) fn unix_micros(&self, t: Time) -> u64 {
        self.epoch.saturating_add(t.as_micros())
    }

    /// Sends a packet; `None` where that is impossible.
    pub(super) fn send(&mut self, t: Time, path: Path, packet: Packet<'_>) -> Option<()> {
        let keys = self.keys.as_ref()?;
        let header = Header {
            number: self.number as u16,
            time: header::time(self.epoch.saturating_add(t.as_micros())),
            ..packet.header
        };
        let head = header.write(packet.numbered);
        let (head, original) = (head.bytes(), packet.original.map(u16::to_be_bytes));
        let original = original.as_ref().map_or(&[][..], |original| original);
        let before = head.len() + original.len();
        let transmit = self.batch.with(path, before + packet.payload.len() + TAG);
        let bytes = &mut transmit.payload;
        let start = bytes.len();
        bytes.extend_from_slice(head);
        bytes.extend_from_slice(original);
        bytes.extend_from_slice(packet.payload);
        if let Some((codec, patch)) = packet.patch
            && let Some(payload) = bytes.get_mut(start + before..)
        {
            forward::rewrite(codec, payload, patch);
        }
        let Sequenced { ssrc, index } = packet.sequenced;
        if keys
            .seal(bytes, start..start + head.len(), ssrc, index)
            .is_none()
        {
            bytes.truncate(start);
            return None;
        }
        let length = bytes.len() - start;
        transmit.end(start);
        if packet.numbered.counts() {
            if let Some(estimator) = &mut self.estimator {
                estimator.sent(t, self.number, length, packet.cluster);
                self.arrivals.sent(
                    t,
                    Sent {
                        number: self.number as u16,
                        slot: packet.watched,
                        part: packet.part,
                    },
                );
            }
            self.number += 1;
        }
        Some(())
    }

    /// Sends a compound RTCP packet.
    pub(super) fn report(&mut self, path: Path, mut compound: Vec<u8>) -> Option<()> {
        // Each index is used once: after so many there are none left.
        let index = (self.index < INDICES).then_some(self.index)?;
        self.index += 1;
        self.keys.as_ref()?.seal_report(&mut compound, index)?;
        self.batch.push(Transmit::new(path, compound));
        Some(())
    }
}
