//! What recording costs the media thread: hands the inputs of a trace to a core again, without and
//! with a recorder beside it, and compares the processor time. System calls, which a server makes
//! as well, are left out, so the share is the highest possible.
//!
//! `cargo run --release -p tsuji-core --example record_cost -- FILE`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::Duration;
use std::{env, fs};

use tsuji_core::trace::{Decoder, Header, Item, Record, Recorder, frame};
use tsuji_core::{Config, Sfu};

/// As in the server.
const BLOCK: usize = 64 * 1024;
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

    let (mut without, mut with) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        without = without.min(run(&header, &records, false));
        with = with.min(run(&header, &records, true));
    }
    let inputs = records.len();
    let outputs: usize = records.iter().map(|record| record.outputs.len()).sum();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / inputs as f64;
    println!("{inputs} inputs, {outputs} outputs; the best of {ROUNDS} rounds:");
    println!(
        "without recording {:.3} µs for each input, with {:.3} µs",
        each(without),
        each(with)
    );
    println!(
        "recording adds {:.1} %",
        100. * (with.as_secs_f64() / without.as_secs_f64() - 1.)
    );
}

fn run(header: &Header, records: &[Record<'_>], record: bool) -> Duration {
    let config: Config = header.config().expect("a full trace");
    let seed = header.secrets.as_ref().expect("a full trace").seed;
    let mut recorder = Recorder::new(&config.addresses);
    let mut sfu = Sfu::new(config, seed, header.epoch);
    // Buffers come back from the writer; a few are under way.
    let mut buffers: std::collections::VecDeque<Vec<u8>> =
        (0..8).map(|_| Vec::with_capacity(2 * BLOCK)).collect();
    let begin = computed();
    for Record { at, input, .. } in records {
        if record {
            recorder.begin(*at, input);
        }
        sfu.handle(*at, input.clone());
        while let Some(output) = sfu.poll() {
            if record {
                recorder.output(&output);
            }
            drop(output);
        }
        if record {
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
