//! Strangers say what they like, beside a meeting that must not notice: two people exchange sound
//! and pictures throughout, and every packet of theirs arrives.

mod floods;
mod frames;
mod messages;
mod noise;

use tsuji_tests::support::{MIO, Meeting, Program, Server};

/// What the tests run against.
static PROGRAMS: [&Program; 1] = [&MIO];

/// Runs an attack on each server while a meeting goes on in it, and while it still goes on
/// afterwards.
fn beside_a_meeting(attack: impl Fn(&Server, &Meeting)) {
    for program in PROGRAMS {
        let server = Server::start(program);
        let meeting = Meeting::start(&server);
        attack(&server, &meeting);
        meeting.goes_on();
        meeting.end();
        server.stop();
    }
}
