//! What a viewer hears of a sound: where a jitter buffer had to make something up for long enough to be heard.
//!
//! All packets are looked at once they are there: each is played so long after it was made as the
//! quickest took, and [`HELD`], and what it was once late by, which is given back slowly. What is not there
//! by then is made up.

use std::time::Duration;

use tsuji_core::{ParticipantId, Time};

/// For how long sound is held back at least.
const HELD: Duration = Duration::from_millis(100);
/// What is made up for less is not heard.
const HEARD: Duration = Duration::from_millis(100);
/// What a packet holds.
const HOLDS: Duration = Duration::from_millis(20);
/// Of what was once late, given back with each packet.
const GIVEN_BACK: u32 = 500;

/// A packet that came.
#[derive(Clone, Copy, Debug)]
struct Packet {
    count: u32,
    made: Time,
    came: Time,
}

/// One m-line.
#[derive(Clone, Debug, Default)]
pub struct Ear {
    of: Option<ParticipantId>,
    /// What came of whom is heard now.
    packets: Vec<Packet>,
    /// Gaps of those before.
    found: Vec<(Time, Time)>,
}

impl Ear {
    /// A packet came.
    pub(crate) fn hear(&mut self, of: ParticipantId, count: u32, made: Time, came: Time) {
        if self.of.replace(of) != Some(of) {
            self.end();
        }
        self.packets.push(Packet { count, made, came });
    }

    /// All gaps so far: from when to when something was made up.
    pub fn gaps(&mut self) -> Vec<(Time, Time)> {
        self.end();
        self.found.clone()
    }

    fn end(&mut self) {
        let mut packets = std::mem::take(&mut self.packets);
        let least = packets
            .iter()
            .map(|packet| packet.came.since(packet.made))
            .min();
        let Some(least) = least else { return };
        packets.sort_by_key(|packet| packet.count);
        packets.dedup_by_key(|packet| packet.count);
        // When the first of those behind each came.
        let mut newer = None;
        let mut newers: Vec<Option<Time>> = Vec::new();
        for packet in packets.iter().rev() {
            newers.push(newer);
            newer = Some(newer.map_or(packet.came, |newer: Time| newer.min(packet.came)));
        }
        newers.reverse();
        let mut late = Duration::ZERO;
        let mut last: Option<(Packet, Time)> = None;
        for (packet, newer) in packets.into_iter().zip(newers) {
            let plays = packet.made + least + HELD;
            let Some((before, played)) = last else {
                last = Some((packet, plays + HOLDS));
                continue;
            };
            // Too late, and there was something newer to be played.
            if packet.came > plays + late && newer.is_some_and(|newer| newer < packet.came) {
                continue;
            }
            let missing = packet.count - before.count - 1;
            let lateness = packet.came.since(plays);
            let shift = lateness.saturating_sub(late);
            late = (late - late / GIVEN_BACK).max(lateness);
            let (gap, from) = match missing {
                0 => (shift, plays + (late - shift)),
                missing => (HOLDS * missing + shift, played),
            };
            if gap >= HEARD {
                self.found.push((from, plays + late));
            }
            last = Some((packet, plays + late + HOLDS));
        }
    }
}
