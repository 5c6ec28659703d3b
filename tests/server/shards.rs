//! Rooms on several media threads.

use std::ffi::OsStr;

use tsuji_signaling::message::Ice;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Peer, Program, Server};

on_each_runtime! {
    rooms_are_spread_over_shards_and_whole_on_each,
}

fn rooms_are_spread_over_shards_and_whole_on_each(program: &Program) {
    let server = Server::start_with(program, &["--shards", "2"].map(OsStr::new));
    let call =
        |room: Option<&str>, name: &str| Peer::call(server.address(), room, name, Ice::Trickle);
    let first: Vec<_> = (0..2).map(|_| call(None, "Mika")).collect();
    let all: Vec<_> = first
        .into_iter()
        .map(|mika| {
            let ren = call(Some(mika.room()), "Ren");
            [mika, ren]
        })
        .collect();
    let used: Vec<_> = all
        .iter()
        .map(|[mika, ren]| {
            for (one, other) in [(mika, ren), (ren, mika)] {
                let other = other.wait_until("it is connected", |tally| tally.connected);
                let other = other.me.unwrap();
                one.wait_until("the other is seen and heard", |tally| {
                    let seen = [&tally.video, &tally.audio].map(|kind| kind.get(&other));
                    seen.iter()
                        .all(|kind| kind.is_some_and(|arrived| arrived.last > 100))
                });
            }
            let uses = [mika, ren].map(|peer| peer.tally().media.expect("it is connected"));
            assert_eq!(uses[0], uses[1], "a room is on one shard");
            uses[0]
        })
        .collect();
    assert_ne!(used[0], used[1], "two rooms are on two shards");
    drop(all);
    server.stop();
}
