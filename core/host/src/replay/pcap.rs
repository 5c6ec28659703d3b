//! The headers of a recorded meeting, for Wireshark.
//!
//! Each datagram becomes a raw IP packet that is cut off where media or keys would begin, with its
//! real length beside it, as a capture with a short snapshot length has it. Frames of TCP
//! connections are shown as datagrams too, which Wireshark can decode. The file is of the
//! classic format (draft-ietf-opsawg-pcap): a header of 24 bytes, and 16 before each packet.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, UdpHeader};
use tsuji_core::trace::{Expected, Record};
use tsuji_core::{Input, Time, WallTime};

use super::ReplayFault;
use super::datagram::Seen;

/// Says that times are in microseconds, and by its bytes that numbers are little-endian.
const MAGIC: u32 = 0xa1b2_c3d4;
/// LINKTYPE_RAW: a packet begins with its IP header.
const RAW: u32 = 101;
/// Bytes of a packet that are kept at most.
const SNAPSHOT: u32 = 65_535;
/// Hops that a made-up packet has left.
const HOPS: u8 = 64;

/// A capture file that is being written.
pub(super) struct Pcap {
    path: PathBuf,
    epoch: WallTime,
    writer: BufWriter<File>,
    packet: Vec<u8>,
}

impl Pcap {
    /// Made with mode 0600: who met whom, and when, is in it.
    pub(super) fn create(path: &Path, epoch: WallTime) -> Result<Self, ReplayFault> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| fault(path, &error))?;
        let mut writer = BufWriter::new(file);
        // Version 2.4, and two words that nobody uses.
        for word in [MAGIC, 2 | (4 << 16), 0, 0, SNAPSHOT, RAW] {
            put_word(&mut writer, word).map_err(|error| fault(path, &error))?;
        }
        Ok(Self {
            path: path.to_owned(),
            epoch,
            writer,
            packet: Vec::new(),
        })
    }

    /// The input, if it is a datagram, and what was sent after it.
    pub(super) fn note(&mut self, record: &Record<'_>) -> Result<(), ReplayFault> {
        if let Input::Datagram(datagram) = &record.input {
            let clear = clear(datagram.payload);
            let length = datagram.payload.len();
            let way = (datagram.path.remote, datagram.path.local);
            self.write(record.at, way, clear, length)?;
        }
        for output in &record.outputs {
            if let Expected::Transmit { path, fingerprint } = output {
                let clear = clear(fingerprint.head());
                let way = (path.local, path.remote);
                self.write(record.at, way, clear, fingerprint.length())?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), ReplayFault> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| fault(&self.path, &error))
    }

    fn write(
        &mut self,
        at: Time,
        (from, to): (SocketAddr, SocketAddr),
        clear: &[u8],
        length: usize,
    ) -> Result<(), ReplayFault> {
        self.packet.clear();
        let path = &self.path;
        put_headers(&mut self.packet, from, to, length).map_err(|error| fault(path, &error))?;
        let on_the_wire = self.packet.len() + length;
        self.packet.extend_from_slice(clear);
        let micros = self.epoch.as_unix_micros().saturating_add(at.as_micros());
        let word = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let head = [
            word(micros / 1_000_000),
            word(micros % 1_000_000),
            word(self.packet.len() as u64),
            word(on_the_wire as u64),
        ];
        for word in head {
            put_word(&mut self.writer, word).map_err(|error| fault(path, &error))?;
        }
        let written = self.writer.write_all(&self.packet);
        written.map_err(|error| fault(path, &error))
    }
}

fn clear(datagram: &[u8]) -> &[u8] {
    let clear = Seen::of(datagram).clear_bytes(datagram);
    datagram.get(..clear).unwrap_or_default()
}

/// IP and UDP headers of a datagram of `length` bytes. Without an UDP checksum: the bytes that it
/// would be over are not there.
fn put_headers(
    packet: &mut Vec<u8>,
    from: SocketAddr,
    to: SocketAddr,
    length: usize,
) -> std::io::Result<()> {
    let udp_length = u16::try_from(length + UdpHeader::LEN).unwrap_or(u16::MAX);
    match (from, to) {
        (SocketAddr::V4(from), SocketAddr::V4(to)) => {
            let (from, to) = (from.ip().octets(), to.ip().octets());
            // The longest UDP datagram is shorter than the longest IP packet by its header.
            let longest = u16::MAX - Ipv4Header::MIN_LEN_U16;
            let header = Ipv4Header::new(udp_length.min(longest), HOPS, IpNumber::UDP, from, to);
            header.map_err(std::io::Error::other)?.write(packet)?;
        }
        (from, to) => {
            let octets = |address: SocketAddr| match address {
                SocketAddr::V4(address) => address.ip().to_ipv6_mapped().octets(),
                SocketAddr::V6(address) => address.ip().octets(),
            };
            let header = Ipv6Header {
                payload_length: udp_length,
                next_header: IpNumber::UDP,
                hop_limit: HOPS,
                source: octets(from),
                destination: octets(to),
                ..Ipv6Header::default()
            };
            header.write(packet)?;
        }
    }
    let udp = UdpHeader {
        source_port: from.port(),
        destination_port: to.port(),
        length: udp_length,
        checksum: 0,
    };
    packet.write_all(&udp.to_bytes())
}

fn put_word(writer: &mut impl Write, word: u32) -> std::io::Result<()> {
    writer.write_all(&word.to_le_bytes())
}

fn fault(path: &Path, error: &dyn std::fmt::Display) -> ReplayFault {
    ReplayFault::Pcap {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use etherparse::SlicedPacket;

    use super::*;
    use tsuji_core::Datagram;

    fn record<'a>(remote: &str, payload: &'a [u8]) -> Record<'a> {
        let local = if remote.starts_with('[') {
            "[::1]:10000"
        } else {
            "127.0.0.1:10000"
        };
        Record {
            number: 0,
            at: Time::from_millis(1_500),
            input: Input::Datagram(Datagram {
                path: tsuji_core::Path::udp(local.parse().unwrap(), remote.parse().unwrap()),
                payload,
            }),
            outputs: Vec::new(),
        }
    }

    #[test]
    fn a_capture_has_headers_and_times_but_no_media() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("call.pcap");
        let mut rtp = vec![0x80, 111, 0, 9, 0, 0, 0, 1, 0, 0, 0, 77];
        rtp.extend(*b"the media itself");
        let mut pcap = Pcap::create(&path, WallTime::from_unix_micros(5_000_000)).unwrap();
        pcap.note(&record("198.51.100.7:4000", &rtp)).unwrap();
        pcap.note(&record("[2001:db8::7]:4000", &rtp)).unwrap();
        pcap.finish().unwrap();

        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(5).any(|window| window == b"media"));
        let words = |bytes: &[u8]| -> Vec<usize> {
            let (words, _) = bytes.as_chunks::<4>();
            let words = words.iter().map(|word| u32::from_le_bytes(*word) as usize);
            words.collect()
        };
        let (header, mut rest) = bytes.split_at(24);
        assert_eq!(words(header), [0xa1b2_c3d4, 0x4_0002, 0, 0, 65_535, 101]);
        for headers in [28, 48] {
            let (head, packets) = rest.split_at(16);
            let (kept, length) = (headers + 12, headers + rtp.len());
            assert_eq!(words(head), [6, 500_000, kept, length]);
            let (packet, next) = packets.split_at(kept);
            let whole = [packet, &rtp[12..]].concat();
            let sliced = SlicedPacket::from_ip(&whole).unwrap();
            assert!(sliced.transport.is_some());
            rest = next;
        }
        assert!(rest.is_empty());
    }
}
