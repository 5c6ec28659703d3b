//! Strangers say what they like, beside a meeting that must not notice: two people exchange sound
//! and pictures throughout, and every packet of theirs arrives.

mod attacks;
mod floods;
mod frames;
mod messages;
mod noise;

use std::ffi::OsStr;

use tsuji_tests::support::{Meeting, Program, Server};

/// Runs an attack on a server while a meeting goes on in it, and while it still goes on
/// afterwards.
fn beside_a_meeting(program: &Program, attack: impl Fn(&Server, &Meeting)) {
    let server = Server::start_with(program, &[OsStr::new(Meeting::NEEDS)]);
    let meeting = Meeting::start(&server);
    attack(&server, &meeting);
    meeting.goes_on();
    meeting.end();
    server.stop();
}
