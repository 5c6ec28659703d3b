//! Measures what recording costs the media thread of a real server, its system calls among it: four
//! people on real sockets, and the processor time that the thread took for each datagram, as the
//! system counts it. Nothing, everything and decisions are recorded in turns, so that other work on
//! the machine falls on all of them; of the differences to the turn before, the median.
//!
//! `cargo run --release -p tsuji-tests --bin record_share [-- ROUNDS [SECONDS]]`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a real server, on real time"
)]

use std::ffi::OsStr;
use std::time::Duration;
use std::{env, fs, thread};

use tempfile::TempDir;
use tsuji_signaling::message::Ice;
use tsuji_tests::support::{MIO, Peer, Server, Tally};

const PEOPLE: usize = 4;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Nothing,
    Full,
    Decisions,
}

fn main() {
    let mut numbers = env::args().skip(1).map(|text| text.parse::<u64>());
    let mut number = |otherwise| match numbers.next() {
        None => otherwise,
        Some(number) => number.expect("a number"),
    };
    let (rounds, seconds) = (number(7), Duration::from_secs(number(15)));

    let mut differences = [Vec::new(), Vec::new()];
    println!("microseconds of the media thread for each datagram:");
    for round in 1..=rounds {
        let nothing = measure(What::Nothing, seconds);
        let recorded = [What::Full, What::Decisions].map(|what| measure(what, seconds));
        let mut line = format!("round {round}: nothing {nothing:.2}");
        for ((name, micros), all) in ["full", "decisions"]
            .iter()
            .zip(recorded)
            .zip(&mut differences)
        {
            let more = 100. * (micros / nothing - 1.);
            line += &format!(", {name} {micros:.2} ({more:+.1} %)");
            all.push(more);
        }
        println!("{line}");
    }
    for (name, all) in ["full", "decisions"].iter().zip(&mut differences) {
        all.sort_by(f64::total_cmp);
        let median = all[all.len() / 2];
        println!("{name}: median {median:+.1} % of {rounds} rounds");
    }
}

/// Microseconds of the media thread for each datagram that it received or sent.
fn measure(what: What, duration: Duration) -> f64 {
    let folder = TempDir::with_prefix("tsuji-record-").expect("the system has room");
    let record = [OsStr::new("--record"), folder.path().as_os_str()];
    let memory = |mebibytes| [OsStr::new("--trace-memory"), OsStr::new(mebibytes)];
    let options = match what {
        What::Nothing => memory("0").to_vec(),
        What::Full => [record, memory("0")].concat(),
        What::Decisions => memory("32").to_vec(),
    };
    let server = Server::start_with(&MIO, &options);
    let mut people = vec![Peer::call(server.address(), None, "p1", Ice::Trickle)];
    for number in 2..=PEOPLE {
        let room = people[0].room().to_owned();
        let name = format!("p{number}");
        people.push(Peer::call(
            server.address(),
            Some(&room),
            &name,
            Ice::Trickle,
        ));
    }
    for peer in &people {
        peer.wait_until("everybody", |tally| tally.video.len() == PEOPLE - 1);
    }
    let (before, datagrams) = (computed(server.id()), packets(&people));
    thread::sleep(duration);
    let (after, later) = (computed(server.id()), packets(&people));
    drop(people);
    server.stop();
    let nanos = (after - before) as f64;
    nanos / 1_000. / (later - datagrams) as f64
}

/// Packets of media that all have sent and got so far.
fn packets(people: &[Peer]) -> u64 {
    let of = |tally: Tally| {
        let others = tally.audio.values().chain(tally.video.values());
        let got: u32 = others.map(|got| got.last + 1 - got.first).sum();
        u64::from(tally.sent_audio + tally.sent_video + got)
    };
    people.iter().map(|peer| of(peer.tally())).sum()
}

/// How long the media thread has computed so far, in nanoseconds (Linux, proc(5)).
fn computed(server: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{server}/task")).expect("the server runs");
    let mut tasks = tasks.map(|task| task.expect("proc(5)").path());
    let is_media = |name: &str| name.starts_with("tsuji-media");
    let task = tasks.find(|task| {
        let name = fs::read_to_string(task.join("comm"));
        name.is_ok_and(|name| is_media(&name))
    });
    let schedule = task.and_then(|task| fs::read_to_string(task.join("schedstat")).ok());
    let nanos = schedule.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.expect("a media thread")
}
