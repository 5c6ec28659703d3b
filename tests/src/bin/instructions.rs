//! Counts the instructions that the core needs to forward a packet, and how often it allocates memory for
//! that itself, apart from str0m: figures that other work on the machine cannot touch. One person sends 5
//! packets of 1,200 bytes 30 times a second, others watch; of a longer and a shorter meeting, the
//! difference counts, so that entering is left out.
//!
//! `cargo run --release -p tsuji-tests --bin instructions [-- VIEWERS]`; `--check` fails above
//! [`BOUND`] and [`ALLOCATIONS`]. It needs valgrind.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs};

use tsuji_tests::{Manner, Picture, World, WorldOptions};

/// Instructions for each packet that goes to one of ten viewers, as tests are built. It is to be lowered
/// when they get fewer; another version of the compiler may cost, or save, a few percent.
const BOUND: u64 = 10_500;
/// Allocations of our own code for a thousand of these packets: two for each frame, which whoever sends it
/// owns, and one for each packet that came, shared by all who get it. What is needed again and again is kept; what is
/// left comes with decisions, such as which layers a viewer gets.
const ALLOCATIONS: u64 = 700;
/// Seconds of the two meetings, once everybody is connected: in the first ones cameras that are off are
/// waited for.
const SHORTER: u64 = 4;
const LONGER: u64 = 6;
/// What is counted, and nothing around it.
const COUNTED: [&str; 2] = ["handle", "poll"];

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
    let own = 1_000 * (longer.allocations - shorter.allocations) / packets.max(1);
    println!("{each} instructions for each of {packets} packets to {viewers} viewers");
    println!("{own} allocations of our own for a thousand of them");
    if check && (each > BOUND || each == 0 || own > ALLOCATIONS) {
        println!("the bounds are {BOUND} and {ALLOCATIONS}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What a meeting took.
struct Count {
    instructions: u64,
    /// By our own code.
    allocations: u64,
    /// That were forwarded.
    packets: u64,
}

/// What allocates, and how many of its callers are told apart: more than are ever in between.
const ALLOCATING: [&str; 3] = ["malloc", "calloc", "realloc"];
const CALLERS: usize = 16;

fn count(viewers: u64, seconds: u64) -> Count {
    let own = env::current_exe().expect("it runs");
    let profile = tempfile::NamedTempFile::new().expect("a temporary file");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .args(COUNTED.map(|name| format!("--toggle-collect=tsuji_core::sfu::Sfu::{name}")))
        .args(ALLOCATING.map(|name| format!("--separate-callers{CALLERS}={name}")))
        .arg(format!("--callgrind-out-file={}", profile.path().display()))
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
    let profile = fs::read_to_string(profile.path()).expect("a profile");
    Count {
        allocations: own_allocations(&profile),
        instructions: collected.unwrap_or_else(|| panic!("no count in: {told}")),
        packets: packets.expect("a number"),
    }
}

/// How often our own code allocated, by a profile in callgrind's format: `cfn=(NUMBER) NAME` says what is
/// called, the name only the first time, and `calls=COUNT` how often. A name here is that of a function and
/// of its callers, a `'` between each.
fn own_allocations(profile: &str) -> u64 {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut called, mut own) = ("", 0);
    for line in profile.lines() {
        let (field, value) = line.split_once('=').unwrap_or_default();
        match field {
            "fn" | "cfn" => {
                let (number, name) = value.split_once(' ').unwrap_or((value, ""));
                if !name.is_empty() {
                    names.insert(number, name);
                }
                called = names.get(number).copied().unwrap_or_default();
            }
            "calls" if is_own_allocation(called) => {
                let count = value.split(' ').next().and_then(|count| count.parse().ok());
                own += count.unwrap_or(0_u64);
            }
            _ => {}
        }
    }
    own
}

/// Whether the first caller that is not part of the standard library is ours.
fn is_own_allocation(name: &str) -> bool {
    const BETWEEN: [&str; 8] = [
        "alloc::",
        "core::",
        "std::",
        "__rust",
        "_R",
        "allocation_counter::",
        "hashbrown::",
        "[",
    ];
    let mut callers = name.split('\'');
    let allocates = callers
        .next()
        .is_some_and(|name| ALLOCATING.contains(&name));
    let mut callers = callers.map(|name| name.trim_start_matches('<'));
    let caller = callers.find(|name| !BETWEEN.iter().any(|between| name.starts_with(between)));
    allocates && caller.is_none_or(|caller| caller.starts_with("tsuji_"))
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
