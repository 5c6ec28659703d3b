//! The headers of a recorded meeting, for Wireshark.
//!
//! Each datagram becomes a raw IP packet that is cut off where media or keys would begin, with its
//! real length beside it, as a capture with a short snapshot length has it.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, UdpHeader};
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, Endianness};
use tsuji_core::trace::{Expected, Record};
use tsuji_core::{Input, Time, WallTime};

use super::ReplayFault;
use super::datagram::Seen;

/// Hops that a made-up packet has left.
const HOPS: u8 = 64;

/// A capture file that is being written.
pub(super) struct Pcap {
    path: PathBuf,
    epoch: WallTime,
    writer: PcapWriter<BufWriter<File>>,
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
        let header = PcapHeader {
            datalink: DataLink::RAW,
            endianness: Endianness::Little,
            ..PcapHeader::default()
        };
        let writer = PcapWriter::with_header(BufWriter::new(file), header);
        Ok(Self {
            path: path.to_owned(),
            epoch,
            writer: writer.map_err(|error| fault(path, &error))?,
            packet: Vec::new(),
        })
    }

    /// The input, if it is a datagram, and what was sent after it.
    pub(super) fn note(&mut self, record: &Record<'_>) -> Result<(), ReplayFault> {
        if let Input::Datagram(datagram) = &record.input {
            let clear = clear(datagram.payload);
            let length = datagram.payload.len();
            self.write(record.at, (datagram.remote, datagram.local), clear, length)?;
        }
        for output in &record.outputs {
            if let Expected::Transmit {
                local,
                remote,
                fingerprint,
            } = output
            {
                let clear = clear(fingerprint.head());
                self.write(record.at, (*local, *remote), clear, fingerprint.length())?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), ReplayFault> {
        let flushed = self.writer.into_writer().flush();
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
        let packet = PcapPacket::new(
            Duration::from_micros(micros),
            u32::try_from(on_the_wire).unwrap_or(u32::MAX),
            &self.packet,
        );
        let written = self.writer.write_packet(&packet);
        written.map(|_| ()).map_err(|error| fault(path, &error))
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
    use pcap_file::pcap::PcapReader;

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
                local: local.parse().unwrap(),
                remote: remote.parse().unwrap(),
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
        let mut reader = PcapReader::new(bytes.as_slice()).unwrap();
        assert_eq!(reader.header().datalink, DataLink::RAW);
        for headers in [28, 48] {
            let packet = reader.next_packet().unwrap().unwrap();
            assert_eq!(packet.timestamp, Duration::from_millis(6_500));
            assert_eq!(packet.data.len(), headers + 12);
            assert_eq!(packet.orig_len as usize, headers + rtp.len());
            let sliced = SlicedPacket::from_ip(&[&packet.data[..], &[0; 16]].concat())
                .map(|sliced| sliced.transport.is_some());
            assert_eq!(sliced, Ok(true));
        }
        assert!(reader.next_packet().is_none());
    }
}
