//! Many packets at once, each with a transport-wide sequence number
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01), in patterns that no browser sends.
//!
//! Bytes of the input: how many packets; what they are; by how much each number differs from the
//! one before (two bytes); by how much every fourth one does, beside that (two bytes).

use arbitrary::Unstructured;

use super::{Attacker, byte};
use crate::world::World;

/// The number of the header extension in the server's offers.
const ID: u8 = 3;

/// What carries the number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Carrier {
    /// Sound.
    Sound,
    /// A probe of the bandwidth: nobody hears of it.
    Probe,
    /// Sound whose padding is longer than it is: authentic, and worth nothing.
    Broken,
}

impl Attacker {
    pub(super) fn burst(&mut self, world: &mut World, input: &mut Unstructured<'_>) {
        let count = byte(input);
        let carrier = match byte(input) % 4 {
            0 | 1 => Carrier::Sound,
            2 => Carrier::Probe,
            _ => Carrier::Broken,
        };
        let step: u16 = input.arbitrary().unwrap_or_default();
        let other: u16 = input.arbitrary().unwrap_or_default();
        for packet in 0..count {
            let more = if packet % 4 == 3 { other } else { 0 };
            self.number = self.number.wrapping_add(step).wrapping_add(more);
            self.send_numbered(world, carrier, self.number);
        }
    }

    pub(super) fn send_numbered(&mut self, world: &mut World, carrier: Carrier, number: u16) {
        let mut packet = self.rtp(&mut Unstructured::new(&[]));
        packet.truncate(12);
        packet[0] |= 0x10;
        let [a, b] = number.to_be_bytes();
        packet.extend([0xbe, 0xde, 0, 1, ID << 4 | 1, a, b, 0]);
        packet.extend([1; 8]);
        match carrier {
            Carrier::Sound => {}
            Carrier::Probe => {
                self.probes = self.probes.wrapping_add(1);
                packet[2..4].copy_from_slice(&self.probes.to_be_bytes());
                packet[8..12].copy_from_slice(&[0; 4]);
            }
            Carrier::Broken => {
                packet[0] |= 0x20;
                packet.extend([0xff; 4]);
            }
        }
        self.send(world, &packet, false);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use tsuji_core::{Command, IceMode, ParticipantId};

    use super::*;
    use crate::hostile_media::ATTACKER;

    /// What the core holds, in bytes.
    fn weigh(world: World) -> i64 {
        -allocation_counter::measure(|| drop(world.sfu)).bytes_current
    }

    /// What the core holds after 1.5 s in which the attacker sends `each` packets every 10 ms.
    fn weigh_after(mut world: World, each: u32, carrier: Carrier, step: u16) -> i64 {
        let mut attacker = Attacker::new(&mut world);
        let mut number = 0u16;
        for _ in 0..150 {
            for _ in 0..each {
                attacker.send_numbered(&mut world, carrier, number);
                number = number.wrapping_add(step);
            }
            world.run(10);
        }
        let gone = world.gone.get(&ParticipantId(ATTACKER.into()));
        assert_eq!(gone, None, "a clumsy sender stays");
        weigh(world)
    }

    fn meeting() -> World {
        World::new().with_meeting(ATTACKER)
    }

    /// Packets in 10 ms: 20,000 a second.
    const FLOOD: u32 = 200;
    /// Bytes that whoever does its worst may cost beside what everybody costs.
    const MUCH: i64 = 200_000;

    #[test]
    fn numbers_with_gaps_faster_than_feedback_do_not_make_the_server_remember_them() {
        let usual = weigh_after(meeting(), 1, Carrier::Sound, 1);
        for (carrier, step) in [
            (Carrier::Probe, 1),
            (Carrier::Probe, 20),
            (Carrier::Probe, 9_000),
            (Carrier::Broken, 20),
            (Carrier::Sound, 20),
        ] {
            let heavy = weigh_after(meeting(), FLOOD, carrier, step);
            assert!(
                heavy < usual + MUCH,
                "{carrier:?} {step}: {heavy} bytes, usual are {usual}"
            );
        }
    }

    #[test]
    fn who_takes_no_feedback_is_not_remembered_longer() {
        let usual = weigh_after(meeting_changed("transport-cc", ""), 1, Carrier::Probe, 1);
        let heavy = weigh_after(
            meeting_changed("transport-cc", ""),
            FLOOD,
            Carrier::Probe,
            1,
        );
        assert!(heavy < usual + MUCH, "{heavy} bytes, usual are {usual}");
    }

    /// A meeting in which the attacker's answer says something else: every line with `what` is
    /// left out, or has the other words in it.
    fn meeting_changed(what: &str, instead: &str) -> World {
        let mut world = World::new().with_meeting(ATTACKER - 1);
        let participant = ParticipantId(ATTACKER.into());
        world.mute.insert(participant);
        world.enter(ATTACKER, IceMode::Vanilla);
        let (negotiation, answer) = world.offers[&participant].clone();
        let mut changed = String::new();
        for line in answer.split_inclusive('\n') {
            if !line.contains(what) {
                changed.push_str(line);
            } else if !instead.is_empty() {
                changed.push_str(&line.replace(what, instead));
            }
        }
        assert_ne!(changed, answer);
        world.mute.remove(&participant);
        world.command(Command::Answer {
            participant,
            negotiation,
            sdp: changed,
        });
        world.run(2_000);
        world
    }

    #[test]
    fn an_answer_that_moves_the_extension_is_refused() {
        let moved = meeting_changed("a=extmap:3 ", "a=extmap:9 ");
        assert_eq!(moved.refused, 1);
        let taken = meeting_changed("a=extmap:13 ", "a=extmap:3 ");
        assert_eq!(taken.refused, 1);
    }

    #[test]
    fn no_pattern_of_numbers_ends_anything() {
        for carriers in [
            [Carrier::Sound; 2],
            [Carrier::Probe; 2],
            [Carrier::Broken, Carrier::Sound],
            [Carrier::Probe, Carrier::Sound],
        ] {
            for step in [
                1, 2, 15, 100, 8_192, 16_000, 16_001, 0x7fff, 0x8001, 0xffff, 0xff00,
            ] {
                let played = catch_unwind(AssertUnwindSafe(|| play(carriers, step)));
                assert!(played.is_ok(), "{carriers:?} {step}");
            }
        }
    }

    #[test]
    fn feedback_about_numbers_that_never_were_ends_nothing() {
        let mut world = meeting();
        let mut attacker = Attacker::new(&mut world);
        for begins in [0xffff, 0xfff0, 0x8000, 0x7fff, 0, 1] {
            for count in [1, 20, 0x7fff, 0xffff] {
                let packet = feedback(begins, count);
                attacker.send(&mut world, &packet, true);
                world.run(10);
            }
        }
        let gone = world.gone.get(&ParticipantId(ATTACKER.into()));
        assert_eq!(gone, None, "a clumsy receiver stays");
        world.check_meeting(1, 2);
    }

    /// Feedback that nothing arrived of `count` packets from the number `begins` on (3.1 of the
    /// draft).
    fn feedback(begins: u16, count: u16) -> Vec<u8> {
        const LONGEST_RUN: u16 = 0x1fff;
        let mut body = [0; 8].to_vec();
        body.extend(begins.to_be_bytes());
        body.extend(count.to_be_bytes());
        body.extend([0, 0, 1, 0]);
        let mut rest = count;
        while rest > 0 {
            let run = rest.min(LONGEST_RUN);
            body.extend(run.to_be_bytes());
            rest -= run;
        }
        body.resize(body.len().next_multiple_of(4), 0);
        let words = (body.len() / 4) as u8;
        [&[0x8f, 205, 0, words], &body[..]].concat()
    }

    fn play(carriers: [Carrier; 2], step: u16) {
        let mut world = meeting();
        let mut attacker = Attacker::new(&mut world);
        let mut number = 0u16;
        for round in 0..30 {
            for packet in 0..40 {
                attacker.send_numbered(&mut world, carriers[packet % 2], number);
                number = number.wrapping_add(step);
            }
            world.run(10 * (round % 7));
        }
        let gone = world.gone.get(&ParticipantId(ATTACKER.into()));
        assert_eq!(gone, None, "a clumsy sender stays");
        world.check_meeting(1, 2);
    }
}
