//! Attacks on the server as a whole, of a size that a test can bear; the program `attack` runs them
//! in full.

use std::io::Read;

use tsuji_tests::on_each_runtime;
use tsuji_tests::support::attacks::{self, Target};
use tsuji_tests::support::{Program, Socket};

use crate::beside_a_meeting;

on_each_runtime! {
    half_requests_beyond_the_limit_close_the_oldest_and_a_newcomer_gets_in,
    people_who_come_in_a_flood_disturb_nobody,
    forged_checks_from_many_addresses_are_never_answered,
    garbage_takes_nobodys_packets_away,
}

/// What a server bears of connections that are no WebSocket.
const HTTP_CONNECTIONS: usize = 2_000;

fn half_requests_beyond_the_limit_close_the_oldest_and_a_newcomer_gets_in(program: &Program) {
    attacks::raise_descriptor_limit();
    beside_a_meeting(program, |server, meeting| {
        let held = attacks::hold_half_requests(server.address(), HTTP_CONNECTIONS + 100);
        for mut oldest in held.iter().take(100) {
            // Nothing, or that it was too slow; and then the end.
            let mut rest = Vec::new();
            let _ = oldest.read_to_end(&mut rest);
        }
        Socket::open(server.address()).join(Some(meeting.room()));
        let left = attacks::dribble(held).len();
        assert!(left <= HTTP_CONNECTIONS, "{left}");
    });
}

fn people_who_come_in_a_flood_disturb_nobody(program: &Program) {
    beside_a_meeting(program, |server, _| {
        let offered = attacks::flood_of_joins(server.address(), 4, 200);
        assert_eq!(offered, 200);
    });
}

fn forged_checks_from_many_addresses_are_never_answered(program: &Program) {
    attacks::raise_descriptor_limit();
    beside_a_meeting(program, |server, _| {
        let target = Target::find(server.address());
        for round in 0..20 {
            let answered = attacks::spoofed_stun(&target, round * 50, 50);
            assert_eq!(answered, 0);
            target.wait_for_media();
        }
    });
}

fn garbage_takes_nobodys_packets_away(program: &Program) {
    beside_a_meeting(program, |server, _| {
        let target = Target::find(server.address());
        for _ in 0..40 {
            let (datagrams, _) = attacks::garbage(target.media, 64 * 1_200, u64::MAX);
            assert_eq!(datagrams, 64);
            // What the system throws away because nobody reads it yet would not be the server's
            // fault.
            target.wait_for_media();
        }
    });
}
