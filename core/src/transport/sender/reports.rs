//! Sender reports and farewells (RFC 3550, 6.4.1, 6.5 and 6.6).

use std::time::Duration;

use super::stream::Stream;
use crate::time::Time;

/// How often a stream is reported on while it carries something: 2.5 s. RFC 3550, 6.2 asks for 5 s on average;
/// who begins to watch then waits less for lips and voice to be together.
pub(super) const INTERVAL: Duration = Duration::from_millis(2_500);
/// From 1900, when NTP begins, to 1970. Seconds.
const NTP: u64 = 2_208_988_800;
/// Bytes of a compound packet at most: what is left of a datagram for tag and index.
const BYTES: usize = 1_100;
const REPORT: u8 = 200;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const CNAME: u8 = 1;
/// SSRCs of one farewell: five bits count them.
const SOURCES: usize = 31;

/// What a report on a stream says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reported {
    pub(super) packets: u32,
    /// Of payload.
    pub(super) octets: u32,
    /// The newest packet: its timestamp, when it was captured, and the ticks of its clock a second.
    pub(super) newest: Option<(u32, Time, u32)>,
    /// When it was last reported on, and how many packets there were then.
    pub(super) last: Option<(Time, u32)>,
}

impl Reported {
    /// A packet of the stream is sent. Whether it is to be reported on now.
    pub(super) fn sent(&mut self, t: Time, octets: usize, newest: (u32, Time, u32)) -> bool {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(octets as u32);
        self.newest = Some(newest);
        self.last.is_none_or(|(last, _)| t.since(last) >= INTERVAL)
    }

    /// Whether it goes along with another report: something was sent since half of the interval.
    fn is_worth_telling(&self, t: Time) -> bool {
        let Some((last, packets)) = self.last else {
            return self.newest.is_some();
        };
        packets != self.packets && t.since(last) >= INTERVAL / 2
    }
}

/// Compound packets with a report on each stream that carries something. `unix_micros`: the time, since 1970.
pub(super) fn write(t: Time, unix_micros: u64, streams: &mut [Stream]) -> Vec<Vec<u8>> {
    let mut compounds = vec![Vec::new()];
    for stream in streams {
        if !stream.reported.is_worth_telling(t) {
            continue;
        }
        let Some((timestamp, captured, rate)) = stream.reported.newest else {
            continue;
        };
        stream.reported.last = Some((t, stream.reported.packets));
        // What was captured now would have this timestamp.
        let since = t.since(captured).as_micros() as u64;
        let passed = (since * u64::from(rate) / 1_000_000) as u32;
        let seconds = (unix_micros / 1_000_000 + NTP) as u32;
        let fraction = ((unix_micros % 1_000_000) << 32) / 1_000_000;
        let words = [
            stream.ssrc,
            seconds,
            fraction as u32,
            timestamp.wrapping_add(passed),
            stream.reported.packets,
            stream.reported.octets,
        ];
        let mut report = vec![0x80, REPORT, 0, words.len() as u8];
        report.extend(words.into_iter().flat_map(u32::to_be_bytes));
        describe(stream, &mut report);
        if compounds
            .last()
            .is_some_and(|last| last.len() + report.len() > BYTES)
        {
            compounds.push(Vec::new());
        }
        if let Some(last) = compounds.last_mut() {
            last.extend(report);
        }
    }
    compounds.retain(|compound| !compound.is_empty());
    compounds
}

/// Says to which synchronization context a stream belongs. One that is longer than a byte can say, which none
/// of ours is, is cut.
fn describe(stream: &Stream, to: &mut Vec<u8>) {
    let name = stream.name.as_bytes();
    let length = name.len().min(usize::from(u8::MAX));
    let mut chunk = stream.ssrc.to_be_bytes().to_vec();
    chunk.extend([CNAME, length as u8]);
    chunk.extend(&name[..length]);
    // At least one zero ends it.
    chunk.resize((chunk.len() + 1).next_multiple_of(4), 0);
    to.extend([0x81, DESCRIPTION, 0, (chunk.len() / 4) as u8]);
    to.extend(chunk);
}

/// Says that the streams that carried something end.
pub(super) fn farewell(streams: &[Stream]) -> Option<Vec<u8>> {
    let ended = streams
        .iter()
        .filter(|stream| stream.reported.newest.is_some());
    let ended: Vec<u32> = ended.map(|stream| stream.ssrc).take(SOURCES).collect();
    let count = ended.len() as u8;
    let mut packet = vec![0x80 | count, GOODBYE, 0, count];
    packet.extend(ended.into_iter().flat_map(u32::to_be_bytes));
    (count > 0).then_some(packet)
}
