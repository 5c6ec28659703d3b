//! Measures what a second shard brings: the core's part of it, without sockets. A simulated meeting of
//! eight people is recorded, and then happens again and again in one thread, and in two at the same time,
//! in turns, so that other work on the machine touches both. Two cores that shared anything would take
//! turns too.
//!
//! `cargo run --release -p tsuji-tests --bin scaling [-- ROUNDS]`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use tsuji_core::trace::{Decoder, Header, Item, Replay, frame};
use tsuji_tests::{Manner, World, WorldOptions};

const PEOPLE: u64 = 8;
const SECONDS: u64 = 10;

fn main() {
    let rounds = env::args().nth(1);
    let rounds: usize = rounds.map_or(5, |text| text.parse().expect("a number of rounds"));
    let trace = meeting();
    let mut ratios = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let [one, two] = [1, 2].map(|threads| packets_per_second(&trace, threads));
        println!(
            "one thread forwards {one:.0} packets a second, two {two:.0}: {:.2} times",
            two / one
        );
        ratios.push(two / one);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median: {:.2} times", ratios[ratios.len() / 2]);
}

/// The full trace of a meeting in which everybody sees and hears everybody.
fn meeting() -> Vec<u8> {
    let mut world = World::new(WorldOptions {
        keep: false,
        record: true,
        ..WorldOptions::default()
    });
    for _ in 0..PEOPLE {
        world.enter_as(1, Manner::default());
    }
    world.run_for(Duration::from_secs(SECONDS));
    world.take_traces().swap_remove(0)
}

fn packets_per_second(trace: &[u8], threads: usize) -> f64 {
    let started = Instant::now();
    let packets: u64 = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| replay(trace)))
            .collect();
        let packets = running
            .into_iter()
            .map(|thread| thread.join().expect("it ends"));
        packets.sum()
    });
    packets as f64 / started.elapsed().as_secs_f64()
}

/// Gives how many packets were forwarded.
fn replay(trace: &[u8]) -> u64 {
    let (header, mut place) = Header::parse(trace).expect("a trace");
    let mut decoder = Decoder::new(&header);
    let mut replay = Replay::new(&header).expect("a full trace");
    while let Ok(Some((next, taken))) = frame(&trace[place..]) {
        if let Ok(Some(Item::Input(record))) = decoder.decode(next) {
            replay.step(&record).expect("the same again");
        }
        place += taken;
    }
    replay.sfu().counters().packets_forwarded
}
