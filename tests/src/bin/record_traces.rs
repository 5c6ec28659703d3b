//! Records the meetings of real browsers that are kept in `tests/traces`, or a longer one:
//!
//! `cargo run --release -p tsuji-tests --bin record_traces -- FOLDER [PEOPLE SECONDS]`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::env;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

use tsuji_tests::support::{Browsers, Guest, MIO, Portrait, Server};

/// Long enough for keyframes, receiver reports and one mute; short enough to be kept.
const SECONDS: u64 = 3;
const PEOPLE: usize = 2;
const MEETING: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = env::args_os().skip(1);
    let folder = arguments.next().expect("a folder to record to");
    let mut number = |default: u64| {
        let text = arguments.next().and_then(|text| text.into_string().ok());
        text.map_or(default, |text| text.parse().expect("a number"))
    };
    let people = usize::try_from(number(PEOPLE as u64)).expect("few people");
    let duration = Duration::from_secs(number(SECONDS));

    let browsers = Browsers::start();
    let mut guests = Vec::new();
    for portrait in &Portrait::ALL[..people] {
        guests.push(Guest::arrive(&browsers, portrait).await);
    }
    for query in ["", "?ice=vanilla"] {
        meet(&folder, query, &guests, duration).await;
        if people != PEOPLE {
            break;
        }
    }
    for guest in guests {
        guest.depart().await;
    }
}

async fn meet(folder: &OsString, query: &str, guests: &[Guest], duration: Duration) {
    let server = Server::start_with(&MIO, &[OsStr::new("--record"), folder]);
    let link = guests[0].create_room(&server.url("/"), query).await;
    for guest in &guests[1..] {
        guest.join(&link).await;
    }
    for guest in guests {
        for other in guests.iter().filter(|other| other.name != guest.name) {
            guest.meets(&other.name, MEETING).await;
        }
    }
    tokio::time::sleep(duration).await;
    guests[0].press("Mute").await;
    for guest in guests {
        guest.press("Leave").await;
    }
    server.stop();
    println!("recorded: {} people, {query:?}", guests.len());
}
