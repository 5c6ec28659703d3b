//! What recording costs the media thread: hands the inputs of a full trace to a core again, without
//! recording, with a recorder of everything beside it, and with decisions kept in memory, and
//! compares the processor time. System calls, which a server makes as well, are left out, so the
//! share is the highest possible.
//!
//! `cargo run --release -p tsuji-core --example record_cost -- FILE`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::Duration;
use std::{env, fs};

use tsuji_core::trace::{Decoder, Header, Item, Record, Recorder, frame};
use tsuji_core::{Config, Sfu};

/// As in the server.
const BLOCK: usize = 64 * 1024;
const RING: usize = 32 * 1024 * 1024;
const ROUNDS: usize = 25;

fn main() {
    let file = env::args_os().nth(1).expect("the first file of a trace");
    let bytes = fs::read(file).expect("a file");
    let (header, taken) = Header::parse(&bytes).expect("a trace");
    let mut records = Vec::new();
    let mut decoder = Decoder::new(&header);
    let mut rest = bytes.get(taken..).unwrap_or_default();
    while let Ok(Some((frame, taken))) = frame(rest) {
        if let Ok(Some(Item::Input(record))) = decoder.decode(frame) {
            records.push(record);
        }
        rest = &rest[taken..];
    }

    let mut best = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        for (best, what) in best
            .iter_mut()
            .zip([What::Nothing, What::Full, What::Decisions])
        {
            *best = run(&header, &records, what).min(*best);
        }
    }
    let [nothing, full, decisions] = best;
    let inputs = records.len();
    let outputs: usize = records.iter().map(|record| record.outputs.len()).sum();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / inputs as f64;
    let more = |time: Duration| 100. * (time.as_secs_f64() / nothing.as_secs_f64() - 1.);
    println!("{inputs} inputs, {outputs} outputs; the best of {ROUNDS} rounds, for each input:");
    println!("nothing recorded  {:.3} µs", each(nothing));
    println!(
        "full              {:.3} µs, {:+.1} %",
        each(full),
        more(full)
    );
    println!(
        "decisions         {:.3} µs, {:+.1} %",
        each(decisions),
        more(decisions)
    );
}

/// What is recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Nothing,
    Full,
    Decisions,
}

fn run(header: &Header, records: &[Record<'_>], what: What) -> Duration {
    let config: Config = header.config().expect("a full trace");
    let seed = header.secrets.as_ref().expect("a full trace").seed;
    let mut recorder = Recorder::new(&config.addresses);
    let mut sfu = Sfu::new(config, seed, header.epoch);
    if what == What::Decisions {
        sfu.keep_decisions(seed, RING);
    }
    // Buffers come back from the writer; a few are under way.
    let mut buffers: std::collections::VecDeque<Vec<u8>> =
        (0..8).map(|_| Vec::with_capacity(2 * BLOCK)).collect();
    let begin = computed();
    for Record { at, input, .. } in records {
        if what == What::Full {
            recorder.begin(*at, input);
        }
        sfu.handle(*at, input.clone());
        while let Some(output) = sfu.poll() {
            if what == What::Full {
                recorder.output(&output);
            }
            drop(output);
        }
        if what == What::Full {
            recorder.end();
            if recorder.bytes() >= BLOCK {
                let empty = buffers.pop_front().unwrap_or_default();
                buffers.push_back(recorder.take(empty).bytes);
            }
        }
    }
    computed().saturating_sub(begin)
}

/// How long this thread has computed (Linux): other work on the machine would count otherwise.
fn computed() -> Duration {
    let schedule = fs::read_to_string("/proc/thread-self/schedstat").expect("proc(5)");
    let nanos = schedule
        .split(' ')
        .next()
        .and_then(|text| text.parse().ok());
    Duration::from_nanos(nanos.expect("proc(5)"))
}
