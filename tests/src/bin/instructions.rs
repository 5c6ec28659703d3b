//! Counts the instructions that the core needs to forward a packet: a figure that other work on the
//! machine cannot touch. One person sends 5 packets of 1,200 bytes 30 times a second, others watch; of
//! a longer and a shorter meeting, the difference counts, so that entering is left out.
//!
//! `cargo run --release -p tsuji-tests --bin instructions [-- VIEWERS]`; `--check` fails above
//! [`BOUND`]. It needs valgrind.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use tsuji_tests::{Manner, Picture, World, WorldOptions};

/// Instructions for each packet that goes to one of ten viewers, as tests are built. It is to be lowered
/// when they get fewer; another version of the compiler may cost, or save, a few percent.
const BOUND: u64 = 46_000;
/// Seconds of the two meetings, once everybody is connected.
const SHORTER: u64 = 1;
const LONGER: u64 = 3;
/// What is counted, and nothing around it.
const COUNTED: &str = "--toggle-collect=tsuji_core::sfu::Sfu::handle";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, otherwise| {
        let text = arguments.get(at);
        text.map_or(otherwise, |text| text.parse().expect("a number"))
    };
    if arguments.first().is_some_and(|first| first == "--meeting") {
        println!("{}", meet(number(1, 10), number(2, SHORTER)));
        return ExitCode::SUCCESS;
    }
    let check = arguments.first().is_some_and(|first| first == "--check");
    let viewers = if check { 10 } else { number(0, 10) };
    let [shorter, longer] = [SHORTER, LONGER].map(|seconds| count(viewers, seconds));
    let packets = longer.packets - shorter.packets;
    let each = (longer.instructions - shorter.instructions) / packets.max(1);
    println!("{each} instructions for each of {packets} packets to {viewers} viewers");
    if check && (each > BOUND || each == 0) {
        println!("the bound is {BOUND}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What a meeting took.
struct Count {
    instructions: u64,
    /// That were forwarded.
    packets: u64,
}

fn count(viewers: u64, seconds: u64) -> Count {
    let own = env::current_exe().expect("it runs");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", COUNTED])
        .arg("--callgrind-out-file=/dev/null")
        .arg(Path::new(&own))
        .args(["--meeting", &viewers.to_string(), &seconds.to_string()])
        .output()
        .expect("valgrind is there");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let collected = told.lines().find_map(|line| {
        let (_, number) = line.split_once("Collected : ")?;
        number.trim().parse().ok()
    });
    let packets = String::from_utf8_lossy(&output.stdout).trim().parse();
    Count {
        instructions: collected.unwrap_or_else(|| panic!("no count in: {told}")),
        packets: packets.expect("a number"),
    }
}

/// Gives how many packets were forwarded.
fn meet(viewers: u64, seconds: u64) -> u64 {
    let mut world = World::new(WorldOptions {
        keep: false,
        ..WorldOptions::default()
    });
    let sender = Manner {
        picture: Picture::Even {
            parts: 5,
            bytes: 1_200,
        },
        audio: false,
        ..Manner::default()
    };
    world.enter_as(1, sender);
    for _ in 0..viewers {
        let viewer = Manner {
            audio: false,
            video: false,
            ..Manner::default()
        };
        world.enter_as(1, viewer);
    }
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(10), all), "connected");
    world.run_for(Duration::from_secs(seconds));
    world.sfu().counters().packets_forwarded
}
