//! A call of three in Chromium, to which things happen.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep_until};
use tsuji_core::freeze::Facts;
use tsuji_tests::support::{Direction, Guest, MIO, Network, Part, Portrait, SERVER, Server};

use crate::fault::{Fault, PUBLISHER, Strength, VIEWER};
use crate::outcome::{Outcome, SECOND, Seen, Told};
use crate::plan::Plan;

const NAMES: [&str; 3] = ["Mika", "Ren", "Ada"];
const MEETING: Duration = Duration::from_secs(60);
/// How long nothing may freeze until it counts as calm. What a fault does is told and over by then.
const QUIET_MS: u32 = 6_000;
/// So many pictures a second at least come to be called moving.
const MOVING: u32 = 6;
/// How long that may take. A queue that was full, and an estimate that was low, need their time.
const RECOVERY: Duration = Duration::from_secs(80);
/// How long nothing is done in a healthy minute.
const HEALTHY: Duration = Duration::from_secs(60);

/// Pixels of a window. Without a graphics card, what is drawn costs more than all else.
const WINDOW: (u32, u32) = (500, 400);

/// Looks at all pictures every half second, and says for how long each of them has moved without a freeze.
/// One that shows too little begins anew.
const CALM: &str = "
    const all = (state.all ??= {});
    let calm = true;
    for (const name of args.names) {
      const now = await witness.seen(name);
      const at = performance.now();
      const first = all[name];
      const fits = now?.picture && first && now.freezes === first.freezes && now.frames >= first.frames;
      const lasts = fits ? at - first.at : 0;
      const moves = lasts < 2000 || (now.frames - first.frames) * 1000 >= args.moving * lasts;
      if (!fits || !moves) all[name] = { at, freezes: now?.freezes, frames: now?.frames ?? 0 };
      calm &&= fits && moves && lasts >= args.quiet;
    }
    if (!calm) await new Promise((resolve) => setTimeout(resolve, 450));
    return calm";

/// Three people, a server, and what is between them.
pub(crate) struct Call {
    network: Network,
    server: Server,
    guests: [Guest; 3],
    kept: TempDir,
}

impl Call {
    /// Everybody enters, and sees everybody. `None` where the kernel allows no namespaces.
    pub(crate) async fn open(portraits: bool) -> Option<Self> {
        let network = Network::flat()?;
        let kept = TempDir::with_prefix("tsuji-verdicts-").expect("the system has room");
        let (listen, udp) = (format!("{SERVER}:8443"), format!("{SERVER}:10000"));
        let history = kept.path().join("history");
        let mut arguments: Vec<&OsStr> =
            ["--listen", &listen, "--udp", &udp].map(OsStr::new).into();
        arguments.extend(["--tls", "self-signed", "--tls-dir"].map(OsStr::new));
        arguments.extend([kept.path().as_os_str(), OsStr::new("--history")]);
        arguments.push(history.as_os_str());
        let server = Server::start_in(&network.server, &MIO, &arguments);
        let mut guests = Vec::new();
        for name in NAMES {
            let mut all = Portrait::ALL.iter();
            let portrait = all.find(|portrait| portrait.name == name && portraits);
            guests.push(match portrait {
                Some(portrait) => Guest::arrive_in(&network, portrait).await,
                None => Guest::with_test_picture_in(&network, name).await,
            });
        }
        let guests: [Guest; 3] = guests.try_into().expect("three");
        for guest in &guests {
            guest.resize(WINDOW.0, WINDOW.1).await;
        }
        let link = guests[0]
            .create_room(&format!("https://{listen}/"), "")
            .await;
        for guest in &guests[1..] {
            guest.join(&link).await;
        }
        for guest in &guests {
            for other in NAMES.iter().filter(|other| **other != guest.name) {
                guest.meets(other, MEETING).await;
            }
        }
        Some(Self {
            network,
            server,
            guests,
            kept,
        })
    }

    /// Waits until it is calm, lets it happen, and waits until it is calm again.
    pub(crate) async fn make(&mut self, plan: &Plan, round: u32) -> Outcome {
        self.calm().await;
        let ports = [self.port(PUBLISHER).await, self.port(VIEWER).await];
        let before = self.look().await;
        let (began, begin) = (now(), Instant::now());
        let mut steps = Vec::new();
        for ((fault, strength), first) in plan.faults.iter().zip([Duration::ZERO, SECOND]) {
            let mine = fault.steps(*strength).into_iter();
            steps.extend(mine.map(|(at, on)| (first + at, *fault, *strength, on)));
        }
        steps.sort_by_key(|(at, ..)| *at);
        let mut over = Vec::new();
        for (at, fault, strength, on) in steps {
            sleep_until(begin + at).await;
            self.turn(fault, strength, on, ports);
            over.push((fault, now()));
        }
        if plan.faults.is_empty() {
            sleep_until(begin + HEALTHY).await;
        }
        self.calm().await;
        let after = self.look().await;
        let ended = plan.faults.iter().map(|(fault, _)| {
            let mine = over.iter().filter(|(other, _)| other == fault);
            mine.map(|(_, at)| *at).max().unwrap_or(began)
        });
        let ended = ended.collect();
        let seen = before.iter().zip(after).map(|(before, after)| Seen {
            freezes: after.freezes.saturating_sub(before.freezes),
            frozen: (after.frozen - before.frozen).max(0.),
            ..after
        });
        let seen = seen.collect();
        let calm = now();
        let mut told = self.told();
        told.retain(|told| told.ended.is_none_or(|ended| ended >= began) && told.began <= calm);
        Outcome {
            plan: plan.clone(),
            round,
            began,
            ended,
            calm,
            seen,
            told,
        }
    }

    /// Everybody leaves.
    pub(crate) async fn close(self) {
        for guest in self.guests {
            guest.depart_after_trouble().await;
        }
        self.server.stop_after_trouble();
    }

    /// Something begins, or is over.
    fn turn(&self, fault: Fault, strength: Strength, on: bool, [up, down]: [u16; 2]) {
        let Self {
            network,
            server,
            guests,
            ..
        } = self;
        let device = |person: usize, part: Option<Part>| match (part, on) {
            (None, true) => guests[person].sleep(),
            (None, false) => guests[person].wake(),
            (Some(part), true) => guests[person].stop_part(part),
            (Some(part), false) => guests[person].continue_part(part),
        };
        let loses = |direction: Direction, port: u16, percent: u8| match on {
            true => network.lose_in(direction, port, percent),
            false => network.mend_in(direction),
        };
        let narrow = |direction: Direction, port: u16| match on {
            true => network.narrow_in(direction, port, strength.of(150, 80)),
            false => network.widen_in(direction),
        };
        match fault {
            Fault::CameraStops => device(PUBLISHER, Some(Part::Camera)),
            Fault::PublisherStands => device(PUBLISHER, None),
            Fault::PublisherStarved => device(PUBLISHER, Some(Part::Page)),
            Fault::UplinkCut => loses(Direction::Up, up, 100),
            Fault::UplinkLoses => loses(Direction::Up, up, strength.of(30, 60)),
            Fault::UplinkNarrow => narrow(Direction::Up, up),
            Fault::ServerStands => server.signal(if on { Signal::STOP } else { Signal::CONT }),
            Fault::DownlinkCut => loses(Direction::Down, down, 100),
            Fault::DownlinkLoses => loses(Direction::Down, down, strength.of(30, 60)),
            Fault::DownlinkNarrow => narrow(Direction::Down, down),
            Fault::ViewerStands => device(VIEWER, None),
            Fault::ViewerPageStands | Fault::ViewerStarved => device(VIEWER, Some(Part::Page)),
        }
    }

    /// Waits until everybody has seen everybody well for a while.
    async fn calm(&self) {
        let calm = |person: usize| {
            let guest = &self.guests[person];
            let others: Vec<_> = NAMES.iter().filter(|name| **name != guest.name).collect();
            let args = json!({ "names": others, "quiet": QUIET_MS, "moving": MOVING });
            guest.until_within("calm", RECOVERY, CALM, args)
        };
        tokio::join!(calm(0), calm(1), calm(2));
    }

    /// The port from which a guest's media comes.
    async fn port(&self, person: usize) -> u16 {
        let look = "return (await witness.way())?.port";
        let port = self.guests[person].until("a port", look, Value::Null).await;
        let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
        port.expect("a port")
    }

    /// What pages have counted so far.
    async fn look(&self) -> Vec<Seen> {
        let mut all = Vec::new();
        for (viewer, guest) in self.guests.iter().enumerate() {
            for (publisher, name) in NAMES.iter().enumerate() {
                if viewer == publisher {
                    continue;
                }
                let look = "return await witness.seen(args.name)";
                let args = json!({ "name": name });
                let seen = guest.until("a tile", look, args).await;
                all.push(Seen {
                    viewer,
                    publisher,
                    freezes: seen["freezes"].as_u64().unwrap_or_default(),
                    frozen: seen["frozen"].as_f64().unwrap_or_default(),
                });
            }
        }
        all
    }

    /// What the history says, as everybody reads it.
    fn told(&self) -> Vec<Told> {
        let history: PathBuf = self.kept.path().join("history");
        let mut command = Command::new(MIO.executable());
        let output = command.args(["export", "--history"]).arg(history).output();
        let text = output.expect("it starts").stdout;
        let text = String::from_utf8_lossy(&text);
        let meetings = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("a meeting"));
        meetings.flat_map(|meeting| freezes(&meeting)).collect()
    }
}

fn freezes(meeting: &Value) -> Vec<Told> {
    let array = |name: &str| meeting[name].as_array().cloned().unwrap_or_default();
    let people = array("people");
    let person = |id: &Value| {
        let found = people.iter().find(|person| person["id"] == *id)?;
        NAMES.iter().position(|name| found["name"] == *name)
    };
    let freezes = array("freezes");
    let told = freezes.iter().filter_map(|freeze| {
        let facts: Facts = serde_json::from_str(freeze["facts"].as_str()?).ok()?;
        Some(Told {
            viewer: person(&freeze["viewer"])?,
            publisher: person(&freeze["publisher"])?,
            began: freeze["began"].as_i64()?,
            ended: freeze["ended"].as_i64(),
            facts,
        })
    });
    told.collect()
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
