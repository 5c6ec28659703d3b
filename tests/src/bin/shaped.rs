//! Three people in real Chromium, two of them behind bad links: what their own statistics say. Makes
//! network namespaces, so it runs as root, on Linux.
//!
//! `cargo run --release --workspace --bin shaped`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tempfile::TempDir;
use tsuji_tests::support::{Guest, MIO, Network, SERVER, Server};

const MEETING: Duration = Duration::from_secs(60);
/// What passes before a link changes, and after.
const BEFORE: u64 = 15;
const NARROW: u64 = 40;
const AFTER: u64 = 25;

/// Three people in Chromium, two of them behind bad links.
#[derive(Debug, Parser)]
struct Options {
    /// Record what the server decided, for `tsuji replay`.
    #[arg(long)]
    record: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = Options::parse();
    let Some(network) = Network::flat() else {
        return;
    };
    let kept = TempDir::with_prefix("tsuji-tls-").expect("the system has room");
    let (listen, udp) = (format!("{SERVER}:8443"), format!("{SERVER}:10000"));
    let mut arguments: Vec<&OsStr> = ["--listen", &listen, "--udp", &udp].map(OsStr::new).into();
    arguments.extend(["--tls", "self-signed", "--tls-dir"].map(OsStr::new));
    arguments.push(kept.path().as_os_str());
    if let Some(directory) = &options.record {
        arguments.extend(["--shards=1", "--record-kind", "decisions", "--record"].map(OsStr::new));
        arguments.push(directory.as_os_str());
    }
    let server = Server::start_in(&network.server, &MIO, &arguments);
    let names = ["Mika", "Ren", "Yuki"];
    let mut guests = Vec::new();
    for name in names {
        guests.push(Guest::with_test_picture_in(&network, name).await);
    }
    let link = guests[0]
        .create_room(&format!("https://{listen}/"), "")
        .await;
    for guest in &guests[1..] {
        guest.join(&link).await;
    }
    for guest in &guests {
        for other in names.iter().filter(|other| **other != guest.name) {
            guest.meets(other, MEETING).await;
        }
    }
    println!("| viewer, seconds | of | frames a second | width | kbit/s | freezes | frozen, s |");
    println!("|---|---|---|---|---|---|---|");
    watch("as it is", &guests, BEFORE).await;
    network.narrow(port(&guests[1]).await, 300);
    network.lose(port(&guests[2]).await, 5);
    watch("Ren 300 kbit/s, Yuki 5 % lost", &guests, NARROW).await;
    network.widen();
    watch("Ren as before, Yuki 5 % lost", &guests, AFTER).await;
    for guest in guests {
        guest.depart().await;
    }
    server.stop();
}

/// The port at which the server's media arrives.
async fn port(guest: &Guest) -> u16 {
    let look = "return (await witness.way())?.port";
    let port = guest.until("a port", look, Value::Null).await;
    let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
    port.expect("a port")
}

/// What each sees of each for so long.
async fn watch(what: &str, guests: &[Guest], seconds: u64) {
    println!("| **{what}** | | | | | | |");
    let before = look(guests).await;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = look(guests).await;
    for ((viewer, of, before), (.., after)) in before.iter().zip(&after) {
        let number = |seen: &Value, name: &str| seen[name].as_f64().unwrap_or_default();
        let more = |name: &str| number(after, name) - number(before, name);
        let elapsed = more("at") / 1_000.;
        println!(
            "| {viewer}, {elapsed:.0} | {of} | {:.1} | {} | {:.0} | {} | {:.1} |",
            more("frames") / elapsed,
            number(after, "width"),
            more("bytes") * 8. / 1_000. / elapsed,
            more("freezes"),
            more("frozen"),
        );
    }
}

async fn look(guests: &[Guest]) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for guest in guests {
        for other in guests.iter().filter(|other| other.name != guest.name) {
            let look = "const seen = await witness.seen(args.name);
                        return seen && { ...seen, at: performance.now() }";
            let args = json!({ "name": other.name });
            let seen = guest.until("a tile", look, args).await;
            all.push((guest.name.clone(), other.name.clone(), seen));
        }
    }
    all
}
