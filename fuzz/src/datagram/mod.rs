//! Datagrams of strangers, and of whoever can forge the address of a participant, into a room
//! where two people meet.
//!
//! The input is a list of steps: a byte that says what, then its arguments.
//!
//! | byte | what |
//! |---|---|
//! | 0 | any bytes: address, length (two bytes), bytes |
//! | 1 | a STUN message, see `stun` |
//! | 2 | something that a client sent before, changed at one place: address, which, place, byte |
//! | 3 | the same, cut short: address, which, length (two bytes) |
//! | 4 | time: in units of 10 ms |
//! | 5 | RTP without keys that claims sound, video or its retransmissions: address, which, SSRC (four bytes), number (two) |

mod stun;

use std::net::SocketAddr;

use arbitrary::Unstructured;

use crate::hostile_media::claim;
use crate::world::World;

const STEPS: usize = 60;

/// See the module.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let mut world = World::meeting_for(data, 2);
    let mut input = Unstructured::new(data);
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        step(&mut world, &mut input);
    }
    assert_eq!(world.sfu.participants(), 2);
    world.check_meeting(1, 2);
}

fn step(world: &mut World, input: &mut Unstructured<'_>) {
    let kind = byte(input) % 6;
    if kind == 4 {
        world.pass(10 * u64::from(byte(input)));
        return;
    }
    let from = address(world, byte(input));
    let bytes = match kind {
        0 => {
            let length = usize::from(short(input)).min(input.len());
            input.bytes(length).unwrap_or_default().to_vec()
        }
        1 => stun::message(world, input),
        5 => {
            let (line, ssrc) = (usize::from(byte(input) % 3), input.arbitrary());
            claim(
                &world.client(1).offer,
                line,
                ssrc.unwrap_or_default(),
                short(input),
            )
        }
        _ => repeated(world, kind == 2, input),
    };
    if stun::is_valid(world, &bytes) {
        world.proved.insert(from);
    }
    world.datagram(from, &bytes);
}

fn repeated(world: &World, whole: bool, input: &mut Unstructured<'_>) -> Vec<u8> {
    let which = usize::from(byte(input));
    let mut bytes = world.history[which % world.history.len()].clone();
    if whole {
        let at = usize::from(byte(input)) % bytes.len();
        bytes[at] ^= byte(input);
    } else {
        bytes.truncate(usize::from(short(input)));
    }
    bytes
}

/// A participant's own address, one beside it, or a stranger's.
fn address(world: &mut World, choice: u8) -> SocketAddr {
    match choice {
        0 => world.client(1).address,
        1 => world.client(2).address,
        2 => SocketAddr::new(world.client(1).address.ip(), 20_001),
        _ => SocketAddr::from(([203, 0, 113, choice], 666)),
    }
}

fn byte(input: &mut Unstructured<'_>) -> u8 {
    input.arbitrary().unwrap_or_default()
}

fn short(input: &mut Unstructured<'_>) -> u16 {
    input.arbitrary().unwrap_or_default()
}
