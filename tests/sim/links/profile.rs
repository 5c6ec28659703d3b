//! The links that are tried.

use crate::network::{Burst, Conditions};

/// A link, and how it changes.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What the report calls it.
    pub name: String,
    /// How many others the viewer sees.
    pub publishers: usize,
    /// From the server to the viewer; each from a second after its entering on, the first from 0.
    pub down: Vec<(u32, Conditions)>,
    /// From each publisher to the server.
    pub up: Conditions,
    /// How long the viewer stays, seconds.
    pub seconds: u32,
}

impl Profile {
    fn steady(name: &str, publishers: usize, down: Conditions) -> Self {
        Self {
            name: name.to_owned(),
            publishers,
            down: vec![(0, down)],
            up: Conditions::default(),
            seconds: 60,
        }
    }

    /// What the link is at a second.
    pub fn at(&self, second: f64) -> &Conditions {
        let begun = |(from, _): &&(u32, Conditions)| f64::from(*from) <= second;
        let step = self.down.iter().rev().find(begun);
        &step.unwrap_or(&self.down[0]).1
    }

    /// When the link last got better, and so how long it takes to use that is of interest; seconds.
    pub fn returns(&self) -> Option<u32> {
        let better = |pair: &&[(u32, Conditions)]| {
            let [before, then] = [0, 1].map(|step| &pair[step].1);
            then.bandwidth_kbps > before.bandwidth_kbps || then.loss < before.loss
        };
        let last = self.down.windows(2).rev().find(better)?;
        Some(last[1].0)
    }

    /// Whether the link is always the same.
    pub fn is_steady(&self) -> bool {
        self.down.len() == 1
    }
}

/// A link of `kbps` whose queue holds 200 ms, 25 ms each way.
fn of(kbps: u32) -> Conditions {
    Conditions {
        bandwidth_kbps: kbps,
        queue_bytes: (kbps * 25).max(15_000),
        delay_ms: 25,
        ..Conditions::default()
    }
}

fn with(change: impl FnOnce(&mut Conditions)) -> Conditions {
    let mut conditions = of(10_000);
    change(&mut conditions);
    conditions
}

/// Links of all kinds that become narrow for 15 s, and are then as before.
pub fn dips() -> Vec<Profile> {
    let mut all = Vec::new();
    for before in [2_000, 3_000, 5_000] {
        for narrow in [150, 300, 450, 700] {
            let name = format!("{before} → {narrow} → {before} kbit/s");
            all.push(Profile {
                down: vec![(0, of(before)), (20, of(narrow)), (35, of(before))],
                ..Profile::steady(&name, 2, of(0))
            });
        }
    }
    all
}

/// All of them, as the report lists them.
pub fn profiles() -> Vec<Profile> {
    let steady = Profile::steady;
    let mut all = vec![
        steady("100 kbit/s", 2, of(100)),
        steady("300 kbit/s", 2, of(300)),
        steady("300 kbit/s, 4 others", 4, of(300)),
        steady("600 kbit/s", 2, of(600)),
        steady("1 Mbit/s", 2, of(1_000)),
        steady("1 Mbit/s, 4 others", 4, of(1_000)),
        steady("2 Mbit/s, 4 others", 4, of(2_000)),
        steady("3 Mbit/s", 2, of(3_000)),
        steady("5 Mbit/s, 4 others", 4, of(5_000)),
        steady("10 Mbit/s", 2, of(10_000)),
    ];
    for (name, loss) in [
        ("10 Mbit/s, 1 % lost", 10),
        ("10 Mbit/s, 5 % lost", 50),
        ("10 Mbit/s, 10 % lost", 100),
        ("10 Mbit/s, 20 % lost", 200),
    ] {
        all.push(steady(name, 2, with(|link| link.loss = loss)));
    }
    let burst = Some(Burst {
        enter: 3,
        leave: 100,
        loss: 500,
    });
    all.push(steady("10 Mbit/s, bursts", 2, with(|l| l.burst = burst)));
    let late = |delay_ms| with(|link| link.delay_ms = delay_ms);
    all.push(steady("10 Mbit/s, 10 ms each way", 2, late(10)));
    all.push(steady("10 Mbit/s, 150 ms each way", 2, late(150)));
    all.push(steady(
        "10 Mbit/s, 30 ms jitter",
        2,
        with(|l| l.jitter_ms = 30),
    ));
    let slow = Conditions {
        delay_ms: 100,
        jitter_ms: 20,
        loss: 20,
        ..of(1_500)
    };
    all.push(steady(
        "1.5 Mbit/s, 100 ms, 20 ms jitter, 2 % lost",
        2,
        slow,
    ));
    let step = |name: &str, seconds, steps: &[(u32, u32)]| Profile {
        down: steps.iter().map(|(at, kbps)| (*at, of(*kbps))).collect(),
        seconds,
        ..steady(name, 2, of(0))
    };
    all.push(step("5 Mbit/s → 300 kbit/s", 60, &[(0, 5_000), (20, 300)]));
    all.push(step(
        "5 Mbit/s → 150 kbit/s for 20 s",
        70,
        &[(0, 5_000), (20, 150), (40, 5_000)],
    ));
    all.push(step(
        "4 → 2 → 1 → 0.5 → 1 → 2 → 4 Mbit/s",
        105,
        &[
            (0, 4_000),
            (15, 2_000),
            (30, 1_000),
            (45, 500),
            (60, 1_000),
            (75, 2_000),
            (90, 4_000),
        ],
    ));
    let nothing = Conditions {
        loss: 1_000,
        ..of(5_000)
    };
    all.push(Profile {
        down: vec![(0, of(5_000)), (20, nothing), (25, of(5_000))],
        ..steady("5 Mbit/s → nothing for 5 s", 2, of(0))
    });
    let lossy = Conditions {
        loss: 100,
        ..Conditions::default()
    };
    all.push(Profile {
        up: lossy,
        ..steady("10 Mbit/s, 10 % lost on publishers' uplinks", 2, of(10_000))
    });
    all
}
