//! RTP and RTCP of somebody who is in the room, has the keys, and means ill.
//!
//! Three people meet. The third stops to send what it should and sends what the input says, well
//! encrypted, so that it passes authentication and reaches what comes behind. It may lose its
//! connection; the other two must not notice.
//!
//! The input is a list of steps: a byte that says what, then its arguments.
//!
//! | byte | what |
//! |---|---|
//! | 0 to 3 | an RTP packet, see `rtp` |
//! | 4 | bytes that are encrypted as RTP: length (two bytes), bytes |
//! | 5, 6 | a compound RTCP packet, see `rtcp` |
//! | 7 | bytes that are encrypted as RTCP: length (two bytes), bytes |
//! | 8 | the last datagram again |
//! | 9 | time: in units of 10 ms |
//! | 10 | it mutes or unmutes: kind and whether |
//! | 11 | it sends what it should again, or no longer |
//! | 12 | it closes the connection |
//! | 13 | bytes inside DTLS, where SCTP would be: length (two bytes), bytes |
//! | from 240 | many packets at once, see `numbers` |

mod numbers;
mod rtcp;
mod rtp;

pub(crate) use rtp::claim;

use arbitrary::Unstructured;
use tsuji_core::{Command, MediaKind, ParticipantId};

use crate::world::World;

const STEPS: usize = 80;
const ATTACKER: u8 = 3;

/// See the module.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let mut world = World::meeting_for(data, ATTACKER);
    let mut attacker = Attacker::new(&mut world);
    let mut input = Unstructured::new(data);
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        attacker.step(&mut world, &mut input);
    }
    world.check_meeting(1, 2);
}

/// What the attacker knows.
struct Attacker {
    /// On which it sends: audio, video, retransmissions of video.
    own: [u32; 3],
    /// On which the server sends to it.
    theirs: Vec<u32>,
    lines: rtp::Lines,
    last: Vec<u8>,
    /// The last transport-wide number of a burst.
    number: u16,
    /// The last sequence number of a probe.
    probes: u16,
}

impl Attacker {
    fn new(world: &mut World) -> Self {
        let codec = world.codec_of(ATTACKER);
        let client = world.client(ATTACKER);
        client.sends = false;
        let own = client.ssrcs();
        let (audio, video) = client.sequences;
        if let Some(keys) = &mut client.keys {
            keys.continue_from(own[0], audio);
            keys.continue_from(own[1], video);
        }
        let offer = client.offer.clone();
        let ssrcs = offer.lines().filter_map(|line| {
            let number = line.strip_prefix("a=ssrc:")?.split(' ').next()?;
            number.parse().ok()
        });
        let mut theirs: Vec<u32> = ssrcs.collect();
        theirs.dedup();
        let mut attacker = Self {
            own,
            theirs,
            lines: rtp::Lines::read(&offer, codec, [audio as u16, video as u16]),
            last: Vec::new(),
            number: 0,
            probes: 0,
        };
        let sound = attacker.rtp(&mut Unstructured::new(&[]));
        let before = world.sfu.counters().packets_in;
        attacker.send(world, &sound, false);
        let taken = world.sfu.counters().packets_in - before;
        assert_eq!(taken, 1, "what it sends is authentic");
        attacker
    }

    /// One of the SSRCs that mean something, or any.
    fn ssrc(&self, input: &mut Unstructured<'_>) -> u32 {
        match byte(input) {
            choice @ 0..=2 => self.own[usize::from(choice)],
            choice @ 3..=200 if !self.theirs.is_empty() => {
                self.theirs[usize::from(choice - 3) % self.theirs.len()]
            }
            201..=250 => u32::from(byte(input)),
            _ => input.arbitrary().unwrap_or_default(),
        }
    }

    fn step(&mut self, world: &mut World, input: &mut Unstructured<'_>) {
        let participant = ParticipantId(ATTACKER.into());
        let step = byte(input);
        if step >= 240 {
            self.burst(world, input);
            return;
        }
        match step % 14 {
            0..=3 => {
                let packet = self.rtp(input);
                self.send(world, &packet, false);
            }
            4 => {
                let bytes = bytes(input);
                self.send(world, &bytes, false);
            }
            5 | 6 => {
                let packet = self.rtcp(input);
                self.send(world, &packet, true);
            }
            7 => {
                let bytes = bytes(input);
                self.send(world, &bytes, true);
            }
            8 => {
                let from = world.client(ATTACKER).address;
                world.datagram(from, &self.last);
            }
            9 => world.pass(10 * u64::from(byte(input))),
            10 => {
                let choice = byte(input);
                let kind = if choice & 1 == 0 {
                    MediaKind::Audio
                } else {
                    MediaKind::Video
                };
                world.command(Command::Mute {
                    participant,
                    kind,
                    muted: choice & 2 != 0,
                });
            }
            11 => {
                let client = world.client(ATTACKER);
                client.sends = !client.sends;
            }
            12 => {
                let now = world.now;
                world.client(ATTACKER).close(now);
            }
            _ => {
                let (now, bytes) = (world.now, bytes(input));
                world.client(ATTACKER).say_inside_dtls(now, bytes);
                world.run(10);
            }
        }
    }

    fn send(&mut self, world: &mut World, packet: &[u8], rtcp: bool) {
        let client = world.client(ATTACKER);
        let from = client.address;
        let Some(keys) = &mut client.keys else {
            return;
        };
        self.last = if rtcp {
            keys.rtcp(packet)
        } else {
            keys.rtp(packet)
        };
        world.datagram(from, &self.last);
    }
}

fn byte(input: &mut Unstructured<'_>) -> u8 {
    input.arbitrary().unwrap_or_default()
}

fn bytes(input: &mut Unstructured<'_>) -> Vec<u8> {
    let length: u16 = input.arbitrary().unwrap_or_default();
    let length = usize::from(length).min(input.len());
    input.bytes(length).unwrap_or_default().to_vec()
}
