//! People in real browsers, through the real server. They press what has a name and see what is
//! shown; what they say on the wire is checked beside it.
//!
//! What depends on how bytes are moved is tried on each runtime: the page and a meeting, with both
//! ways of exchanging candidates, and people who vanish or come back. What is decided by the page
//! or by the crates below the runtimes, which are the same, is tried on one, because each browser
//! costs seconds.

mod checking;
mod codecs;
mod doors;
mod freezes;
mod leaving;
mod lips;
mod meeting;
mod mixed;
mod muting;
mod networks;
mod other_client;
mod secure;
mod sharing;
mod staying;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tsuji_tests::support::{Brand, Guest, Portrait, Program, Server};

/// One test at a time: three browsers are enough for a small machine.
static TURN: Mutex<()> = Mutex::const_new(());

/// How long people need to see each other, on a machine with few cores for several browsers.
const MEETING: Duration = Duration::from_secs(30);
/// What the product promises after somebody has gone or come back.
const PROMISE: Duration = Duration::from_secs(5);

/// A server for people to visit.
struct House {
    server: Server,
    _turn: MutexGuard<'static, ()>,
}

impl House {
    async fn open(program: &Program) -> Self {
        Self::open_with(program, &[]).await
    }

    /// With more arguments for the server.
    async fn open_with(program: &Program, arguments: &[&OsStr]) -> Self {
        let turn = TURN.lock().await;
        Self {
            server: Server::start_with(program, arguments),
            _turn: turn,
        }
    }

    fn home(&self) -> String {
        self.server.url("/")
    }

    async fn guest(&self, number: usize) -> Guest {
        Guest::arrive(Brand::Chromium, &Portrait::ALL[number]).await
    }

    /// Opens a room with so many people in it; its link. `query`: for example `?ice=vanilla`.
    async fn party<const N: usize>(&self, query: &str) -> (String, [Guest; N]) {
        let mut guests = Vec::new();
        for number in 0..N {
            guests.push(self.guest(number).await);
        }
        let link = guests[0].create_room(&self.home(), query).await;
        for guest in &guests[1..] {
            guest.join(&link).await;
        }
        let guests = guests.try_into().expect("as many as were asked for");
        (link, guests)
    }

    /// Ends all, and checks that nobody has anything to complain of.
    async fn close(self, guests: impl IntoIterator<Item = Guest>) {
        for guest in guests {
            guest.depart().await;
        }
        self.server.stop();
    }
}

/// Waits until everybody sees and hears everybody else, under the right name.
async fn all_meet(guests: &[Guest]) {
    for guest in guests {
        for other in guests.iter().filter(|other| other.name != guest.name) {
            let seen = guest.meets(&other.name, MEETING).await;
            // Firefox's camera shows no portrait.
            if other.brand() == Brand::Firefox {
                continue;
            }
            let portrait = Portrait::ALL
                .iter()
                .find(|portrait| portrait.name == other.name);
            let behind = portrait
                .zip(seen.corner)
                .is_some_and(|(portrait, corner)| portrait.is_behind(corner));
            assert!(
                behind,
                "{} sees somebody else as {}: {seen:?}",
                guest.name, other.name
            );
        }
    }
}

/// Keeps a screenshot, for people who want to see with their own eyes.
fn keep_picture(name: &str, png: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/artefacts");
    let file = folder.join(name).with_extension("png");
    let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(file, png));
    kept.expect("the target folder can be written");
}
