//! Records the meetings of real browsers that are kept in `tests/traces`, or a longer one:
//!
//! `cargo run --release -p tsuji-tests --bin record_traces -- FOLDER [PEOPLE SECONDS]`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "real browsers, on real time"
)]

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use tempfile::TempDir;
use tsuji_tests::support::{Brand, Guest, MIO, Portrait, Server};

/// Long enough for keyframes, receiver reports and one mute; short enough to be kept.
const SECONDS: u64 = 3;
const MEETING: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = env::args_os().skip(1);
    let folder = arguments.next().expect("a folder to record to");
    let mut number = || {
        let text = arguments.next().and_then(|text| text.into_string().ok());
        text.map(|text| text.parse::<u64>().expect("a number"))
    };
    let people = number();
    let duration = Duration::from_secs(number().unwrap_or(SECONDS));

    if let Some(people) = people {
        let people = usize::try_from(people).expect("few people");
        let brands = vec![Brand::Chromium; people];
        meet(&folder, "meeting", "", &brands, duration).await;
        return;
    }
    let chromium = [Brand::Chromium, Brand::Chromium];
    let firefox = [Brand::Chromium, Brand::Firefox];
    for (name, brands) in [("chromium", chromium), ("firefox", firefox)] {
        for (ice, query) in [("trickle", ""), ("vanilla", "?ice=vanilla")] {
            meet(&folder, &format!("{name}-{ice}"), query, &brands, duration).await;
        }
    }
}

/// Records one meeting; its files begin with `name`.
async fn meet(folder: &OsString, name: &str, query: &str, brands: &[Brand], duration: Duration) {
    let recorded = TempDir::with_prefix("tsuji-record-").expect("the system has room");
    let options = [
        OsStr::new("--shards=1"),
        OsStr::new("--record"),
        recorded.path().as_os_str(),
    ];
    let server = Server::start_with(&MIO, &options);
    let mut guests = Vec::new();
    for (brand, portrait) in brands.iter().zip(&Portrait::ALL) {
        guests.push(Guest::arrive(*brand, portrait).await);
    }
    let link = guests[0].create_room(&server.url("/"), query).await;
    for guest in &guests[1..] {
        guest.join(&link).await;
    }
    for guest in &guests {
        for other in guests.iter().filter(|other| other.name != guest.name) {
            guest.meets(&other.name, MEETING).await;
        }
    }
    tokio::time::sleep(duration).await;
    guests[0].press("Mute").await;
    for guest in &guests {
        guest.press("Leave").await;
    }
    for guest in guests {
        guest.depart().await;
    }
    server.stop();
    keep(recorded.path(), Path::new(folder), name);
}

/// Moves what was recorded to where it is kept: `shard0-000.trace` behind a date becomes
/// `NAME-000.trace`.
fn keep(recorded: &Path, folder: &Path, name: &str) {
    fs::create_dir_all(folder).expect("a folder");
    for entry in fs::read_dir(recorded).expect("a folder") {
        let file = entry.expect("a file").path();
        let before = file.file_name().unwrap_or_default().to_string_lossy();
        let segment = before.rsplit('-').next().unwrap_or_default();
        let kept = folder.join(format!("{name}-{segment}"));
        fs::copy(&file, &kept).expect("the system has room");
        println!("{}", kept.display());
    }
}
