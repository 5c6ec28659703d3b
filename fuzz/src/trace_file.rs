//! Trace files that anybody may have written, read and replayed.
//!
//! If the first byte of the input is even, the rest is a file. If it is odd, the rest is a list of
//! changes to a real recording of two people who enter, answer, connect and meet, or, if its second
//! bit is set, to the trace of the decisions in it: where (two bytes) and what to put there, or,
//! from 200 on, how far to move what is behind. The checksums are made right again, so that what
//! lies behind them is reached.

use std::sync::OnceLock;

use arbitrary::Unstructured;
use tsuji_core::trace::{
    DecisionsReplay, Decoder, FRAME_BYTES, Frame, Header, Item, Kind, Replay, frame, seal,
};
use tsuji_core::{Command, ParticipantId};

use crate::world::{World, decisions};

const CHANGES: usize = 60;
/// More makes an input slow and nothing new.
const INPUTS: usize = 300;
/// The same; decisions are made fast.
const ENTRIES: usize = 3_000;

/// See the module.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    match kind % 4 {
        0 | 2 => read(rest),
        1 => read(&changed(&recordings().full, rest)),
        _ => read(&changed(&recordings().decisions, rest)),
    }
}

fn read(file: &[u8]) {
    let Ok((header, taken)) = Header::parse(file) else {
        return;
    };
    assert!(taken <= file.len());
    let mut reader: Box<dyn FnMut(Frame<'_>) -> bool> = match header.kind {
        Kind::Full => full(&header),
        Kind::Decisions => decided(&header),
    };
    let mut rest = &file[taken..];
    while let Ok(Some((frame, length))) = frame(rest) {
        assert!(length > 0 && length <= FRAME_BYTES);
        rest = &rest[length..];
        if !reader(frame) {
            return;
        }
    }
}

/// Reads and replays frames of a full trace; says when there is no use in going on.
fn full(header: &Header) -> Box<dyn FnMut(Frame<'_>) -> bool> {
    let mut replay = Replay::new(header).ok();
    let mut decoder = Decoder::new(header);
    let mut inputs = 0;
    Box::new(move |frame| {
        let before = (decoder.now(), decoder.inputs());
        let Ok(item) = decoder.decode(frame) else {
            return false;
        };
        assert!((decoder.now(), decoder.inputs()) >= before);
        let (Some(Item::Input(record)), Some(replay)) = (item, &mut replay) else {
            return true;
        };
        inputs += 1;
        // A difference is what is to be expected of a file that was tampered with.
        if let Err(divergence) = replay.step(&record) {
            assert!(!divergence.to_string().is_empty());
        }
        inputs < INPUTS
    })
}

/// The same of a trace of decisions.
fn decided(header: &Header) -> Box<dyn FnMut(Frame<'_>) -> bool> {
    let mut replay = DecisionsReplay::new(header);
    let mut entries = 0;
    Box::new(move |frame| {
        let before = replay.now();
        if let Err(odd) = replay.load(frame) {
            assert!(!odd.to_string().is_empty());
            return false;
        }
        loop {
            match replay.step() {
                Ok(Some(happened)) => {
                    assert!(happened.at >= before && happened.at == replay.now());
                    entries += 1;
                }
                Ok(None) => return entries < ENTRIES,
                // Going on is allowed, but tells of another meeting.
                Err(odd) => {
                    assert!(!odd.to_string().is_empty());
                    return false;
                }
            }
        }
    })
}

fn changed(real: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut file = real.to_vec();
    let mut input = Unstructured::new(changes);
    for _ in 0..CHANGES {
        if input.is_empty() {
            break;
        }
        let at = usize::from(input.arbitrary::<u16>().unwrap_or_default()) % file.len();
        match input.arbitrary::<u8>().unwrap_or_default() {
            more @ 200..228 => drop(file.splice(at..at, vec![more; usize::from(more) - 199])),
            less @ 228..=255 => {
                let end = (at + usize::from(less) - 227).min(file.len());
                file.drain(at..end);
            }
            byte => file[at] = byte,
        }
        if file.is_empty() {
            break;
        }
    }
    // Behind magic and version there are only frames.
    if let Some(frames) = file.get_mut(10..) {
        seal(frames);
    }
    file
}

/// Real recordings, the same in every process.
struct Recordings {
    full: Vec<u8>,
    decisions: Vec<u8>,
}

fn recordings() -> &'static Recordings {
    static RECORDINGS: OnceLock<Recordings> = OnceLock::new();
    RECORDINGS.get_or_init(record)
}

fn record() -> Recordings {
    let mut world = World::new();
    world.record();
    let mut world = world.with_meeting(2);
    for participant in [ParticipantId(1), ParticipantId(2)] {
        world.command(Command::Leave { participant });
    }
    Recordings {
        decisions: decisions(&mut world.sfu),
        full: world.take_tape(),
    }
}
