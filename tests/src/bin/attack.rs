//! Attacks a server of each kind on this machine, over loopback, and measures how a meeting of two
//! in it fares: first in peace, then beside each attack. The attacker has no limit for its address,
//! because loopback is not counted, and shares the machine's processors with the server.
//!
//! `cargo run --release -p tsuji-tests --bin attack`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(clippy::disallowed_methods, reason = "it measures real time")]

use std::ffi::OsStr;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use tsuji_tests::support::attacks::{self, Target};
use tsuji_tests::support::{MIO, Meeting, Program, SMOL, Server};

/// Attacks a server, and measures how a meeting in it fares.
#[derive(Debug, Parser)]
struct Options {
    /// Seconds of peace to compare with
    #[arg(long, default_value_t = 10)]
    peace: u64,

    /// Connections that send a request as slowly as they can
    #[arg(long, default_value_t = 1_900)]
    slow: usize,

    /// Seconds that they go on
    #[arg(long, default_value_t = 15)]
    slow_seconds: u64,

    /// People who enter a room of their own and vanish
    #[arg(long, default_value_t = 2_000)]
    joins: usize,

    /// Binding requests that nobody signed, each from an address of its own
    #[arg(long, default_value_t = 10_000)]
    stun: u32,

    /// Bytes of garbage
    #[arg(long, default_value_t = 1_000_000_000)]
    garbage: u64,

    /// Bits of garbage a second: by default what a gigabit line carries
    #[arg(long, default_value_t = 1_000_000_000)]
    garbage_rate: u64,
}

fn main() {
    let options = Options::parse();
    attacks::raise_descriptor_limit();
    for (name, program) in [("mio", &MIO), ("smol", &SMOL)] {
        println!("tsuji on {name}:");
        run(program, &options);
    }
}

fn run(program: &Program, options: &Options) {
    let server = Server::start_with(program, &[OsStr::new(Meeting::NEEDS)]);
    let meeting = Meeting::start(&server);
    let beside = |what: &str, attack: &dyn Fn() -> String| {
        let begin = Instant::now();
        let outcome = attack();
        let experience = meeting.experience(&(begin..Instant::now()));
        println!("  {what:<11} {experience}{outcome}");
    };

    beside("peace", &|| {
        thread::sleep(Duration::from_secs(options.peace));
        String::new()
    });
    beside("slow-loris", &|| {
        let mut held = attacks::hold_half_requests(server.address(), options.slow);
        for _ in 0..options.slow_seconds {
            thread::sleep(Duration::from_secs(1));
            held = attacks::dribble(held);
        }
        let left = held.len();
        format!(
            "\n              {} connections, {left} left at the end",
            options.slow
        )
    });
    beside("joins", &|| {
        let begin = Instant::now();
        let offered = attacks::flood_of_joins(server.address(), 4, options.joins);
        let rate = offered as f64 / begin.elapsed().as_secs_f64();
        format!("\n              {offered} offers, {rate:.0} a second")
    });
    beside("forged STUN", &|| {
        let target = Target::find(server.address());
        let answered = attacks::spoofed_stun(&target, 0, options.stun);
        format!(
            "\n              {} requests, {answered} answered",
            options.stun
        )
    });
    beside("garbage", &|| {
        let target = Target::find(server.address());
        let rate = options.garbage_rate / 8;
        let (datagrams, took) = attacks::garbage(target.media, options.garbage, rate);
        let seconds = took.as_secs_f64();
        let gigabits = options.garbage as f64 * 8e-9 / seconds;
        format!("\n              {datagrams} datagrams in {seconds:.1} s: {gigabits:.2} Gbit/s")
    });
    meeting.disperse();
    server.stop();
}
