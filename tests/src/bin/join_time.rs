//! Measures on this machine, over loopback, with real Chromium and its 1280 by 720 test picture:
//! the time from pressing *Join* to the first picture of somebody else, and what a meeting of
//! three costs the server.
//!
//! `cargo run --release -p tsuji-tests --bin join_time`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use tsuji_tests::support::{Guest, MIO, Server};

const JOINS: usize = 10;
const MEETING: Duration = Duration::from_secs(60);
const MEASURED: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::start(&MIO);
    let mika = Guest::with_test_picture("Mika").await;
    let link = mika.create_room(&server.url("/"), "").await;

    let ren = Guest::with_test_picture("Ren").await;
    let mut times = Vec::new();
    for _ in 0..JOINS {
        ren.join(&link).await;
        let look = "const { join, picture } = witness.times; return picture && picture - join";
        let time = ren.until("a picture", look, Value::Null).await;
        times.push(time.as_f64().expect("a number"));
        ren.press("Leave").await;
        mika.is_with(&[], MEETING).await;
    }
    times.sort_by(f64::total_cmp);
    let median = (times[(JOINS - 1) / 2] + times[JOINS / 2]) / 2.;
    let (least, most) = (times[0], times[JOINS - 1]);
    println!(
        "from Join to the first picture: median {median:.0} ms of {JOINS} ({least:.0} to {most:.0} ms)"
    );

    let ada = Guest::with_test_picture("Ada").await;
    ren.join(&link).await;
    ada.join(&link).await;
    let everybody = [mika, ren, ada];
    for guest in &everybody {
        for other in everybody.iter().filter(|other| other.name != guest.name) {
            guest.meets(&other.name, MEETING).await;
        }
    }
    let (begin, before) = (Instant::now(), processor_time(server.id()));
    tokio::time::sleep(MEASURED).await;
    let (took, used) = (begin.elapsed(), processor_time(server.id()) - before);
    let share = 100. * used.as_secs_f64() / took.as_secs_f64();
    let seconds = took.as_secs();
    println!("a meeting of three: {share:.1} % of one core, over {seconds} s");

    for guest in everybody {
        guest.depart().await;
    }
    server.stop();
}

/// What a process has used so far: `utime` and `stime` of proc(5).
fn processor_time(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("the server runs");
    // The name in front may contain spaces; it ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')').expect("proc(5)");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<u64>().expect("proc(5)");
    let per_second = rustix::param::clock_ticks_per_second();
    let total = ticks(11) + ticks(12);
    Duration::from_secs_f64(total as f64 / per_second as f64)
}
