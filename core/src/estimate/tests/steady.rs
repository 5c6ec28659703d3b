//! Paths that stay as they are.

use super::{mean, most, part};
use crate::estimate::link::{Link, run};

/// What is asked of a path that stays as it is, from 5 s on.
struct Row {
    name: &'static str,
    link: Link,
    /// Of what the path carries, what is used at least, mean.
    used: f64,
    /// What is believed at most, of what it carries, mean.
    believed: f64,
    /// How long packets wait at most, milliseconds: mean, and ever.
    waits: (f64, f64),
}

#[test]
fn paths_that_stay_as_they_are_are_used_and_not_filled() {
    let of = Link::of;
    let row = |name, link, used, believed, waits| Row {
        name,
        link,
        used,
        believed,
        waits,
    };
    let rows = [
        row("150 k", of(150e3), 0.9, 1.05, (40., 150.)),
        row("300 k", of(300e3), 0.9, 1.05, (45., 150.)),
        row("600 k", of(600e3), 0.9, 1.05, (45., 120.)),
        row("1 M", of(1e6), 0.9, 1.05, (40., 120.)),
        row("2 M", of(2e6), 0.9, 1.05, (40., 120.)),
        row("5 M", of(5e6), 0.9, 1.05, (40., 120.)),
        row("20 M", of(20e6), 0.9, 1.05, (50., 130.)),
        row("2 M, 2 %", lossy(2e6, 0.02), 0.9, 1.05, (40., 120.)),
        row("2 M, 5 %", lossy(2e6, 0.05), 0.85, 1.05, (40., 120.)),
        row("2 M, 10 %", lossy(2e6, 0.1), 0.75, 1.05, (40., 120.)),
        row("2 M, 20 %", lossy(2e6, 0.2), 0.7, 1.05, (40., 120.)),
        row("10 M, 2 %", lossy(10e6, 0.02), 0.9, 1.05, (50., 150.)),
        row("10 M, 5 %", lossy(10e6, 0.05), 0.85, 1.05, (40., 120.)),
        row("10 M, 10 %", lossy(10e6, 0.1), 0.8, 1.05, (40., 120.)),
        row("10 M, 20 %", lossy(10e6, 0.2), 0.7, 1.05, (40., 120.)),
        row("600 k, jitter", jittery(600e3), 0.85, 1.1, (60., 230.)),
        row("2 M, jitter", jittery(2e6), 0.85, 1.1, (60., 230.)),
        row("10 M, jitter", jittery(10e6), 0.85, 1.1, (60., 230.)),
        row("short queue", queue(2e6, 20.), 0.65, 1.05, (15., 30.)),
        row("long queue", queue(2e6, 1_000.), 0.9, 1.05, (40., 120.)),
        row("150 ms", far(2e6, 150), 0.9, 1.05, (40., 120.)),
        row("fast clock", drift(2e6, 300), 0.9, 1.05, (50., 150.)),
        row("slow clock", drift(2e6, -300), 0.9, 1.05, (50., 150.)),
    ];
    for row in rows {
        for seed in 1..=3 {
            let samples = run(&row.link, 60, seed);
            let late = part(&samples, 5., 60.);
            let share = 1. - row.link.loss;
            let used = mean(late, |s| s.came / s.capacity) / share;
            let believed = mean(late, |s| s.estimate / s.capacity);
            let waits = (mean(late, |s| s.waits), most(late, |s| s.waits));
            let padding = mean(late, |s| s.padding / s.capacity);
            let name = format!("{}, seed {seed}", row.name);
            assert!(used >= row.used, "{name}: used {used}");
            assert!(believed <= row.believed, "{name}: believed {believed}");
            assert!(
                waits.0 <= row.waits.0 && waits.1 <= row.waits.1,
                "{name}: waits {waits:?} ms"
            );
            assert!(padding < 0.02, "{name}: padding {padding}");
        }
    }
}

fn lossy(rate: f64, loss: f64) -> Link {
    Link {
        loss,
        ..Link::of(rate)
    }
}

fn jittery(rate: f64) -> Link {
    Link {
        jitter: 30,
        ..Link::of(rate)
    }
}

fn queue(rate: f64, queue: f64) -> Link {
    Link {
        queue,
        ..Link::of(rate)
    }
}

fn far(rate: f64, delay: u64) -> Link {
    Link {
        delay,
        ..Link::of(rate)
    }
}

fn drift(rate: f64, drift: i64) -> Link {
    Link {
        drift,
        ..Link::of(rate)
    }
}
