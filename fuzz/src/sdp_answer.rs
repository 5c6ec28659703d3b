//! Answers to an offer of the core (RFC 3264), from somebody who enters a room where another is
//! already heard and seen.
//!
//! An input that begins with `v=` is the answer. Any other is a list of changes to a real answer,
//! line by line, so that most of it still makes sense:
//!
//! | byte | change | arguments, a byte each but for texts |
//! |---|---|---|
//! | 0 | drop a line | line |
//! | 1 | double a line | line |
//! | 2 | swap two lines | line, line |
//! | 3 | change a number in it | line, which, to what |
//! | 4 | put a text behind it | line, length, text |
//! | 5 | replace a word | line, which, by what |
//! | 6 | cut it short | line, length |
//! | 7 | move it to the end | line |
//! | 8 | double an m-section at the end | which |

use arbitrary::Unstructured;
use tsuji_core::{Command, IceMode, ParticipantId};

use crate::world::World;

const CHANGES: usize = 40;
const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "-1",
    "13",
    "96",
    "97",
    "127",
    "128",
    "255",
    "256",
    "65535",
    "65536",
    "4294967296",
    "99999999999999999999",
];
const WORDS: [&str; 16] = [
    "sendrecv",
    "sendonly",
    "recvonly",
    "inactive",
    "VP8/90000",
    "opus/48000/2",
    "H264/90000",
    "rtx/90000",
    "actpass",
    "active",
    "passive",
    "holdconn",
    "nack",
    "BUNDLE",
    "*",
    "",
];

/// See the module.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let mut world = World::meeting_for(data, 1);
    let newcomer = ParticipantId(2);
    world.mute.insert(newcomer);
    world.enter(2, IceMode::Vanilla);
    let (negotiation, real) = world.offers[&newcomer].clone();
    let sdp = if data.starts_with(b"v=") {
        String::from_utf8_lossy(data).into_owned()
    } else {
        changed(&real, data)
    };
    let answer = |sdp| Command::Answer {
        participant: newcomer,
        negotiation,
        sdp,
    };
    world.command(answer(sdp));
    world.run(250);
    // Refused and still open, or taken and closed: the real one can't hurt.
    world.command(answer(real));
    world.run(250);
    let host = ParticipantId(1);
    assert_eq!(world.gone.get(&host), None, "the other lost its connection");
    assert!(
        !world.client(1).broken,
        "the other was sent what it can't take"
    );
    world.command(Command::Leave {
        participant: newcomer,
    });
    world.run(50);
    assert_eq!(world.sfu.participants(), 1);
    world.command(Command::Leave { participant: host });
    assert_eq!((world.sfu.participants(), world.sfu.rooms()), (0, 0));
    assert_eq!(world.sfu.deadline(), None, "nothing is left to wait for");
    world.check_recordings();
}

fn changed(real: &str, data: &[u8]) -> String {
    let mut lines: Vec<String> = real.lines().map(str::to_owned).collect();
    let mut input = Unstructured::new(data);
    for _ in 0..CHANGES {
        if input.is_empty() || lines.is_empty() {
            break;
        }
        change(&mut lines, &mut input);
    }
    let mut sdp = lines.join("\r\n");
    sdp.push_str("\r\n");
    sdp
}

fn byte(input: &mut Unstructured<'_>) -> usize {
    input.arbitrary::<u8>().unwrap_or_default().into()
}

fn change(lines: &mut Vec<String>, input: &mut Unstructured<'_>) {
    let kind = byte(input) % 9;
    let argument = byte(input);
    let line = argument % lines.len();
    match kind {
        0 => {
            lines.remove(line);
        }
        1 => lines.insert(line, lines[line].clone()),
        2 => {
            let other = byte(input) % lines.len();
            lines.swap(line, other);
        }
        3 => {
            let (which, to) = (byte(input), NUMBERS[byte(input) % NUMBERS.len()]);
            lines[line] = with_number(&lines[line], which, to);
        }
        4 => {
            let length = byte(input).min(input.len());
            let text = input.bytes(length).unwrap_or_default();
            lines.insert(line + 1, String::from_utf8_lossy(text).into_owned());
        }
        5 => {
            let (which, by) = (byte(input), WORDS[byte(input) % WORDS.len()]);
            let mut words: Vec<&str> = lines[line].split(' ').collect();
            let which = which % words.len();
            words[which] = by;
            lines[line] = words.join(" ");
        }
        6 => {
            let length = byte(input);
            lines[line] = lines[line].chars().take(length).collect();
        }
        7 => {
            let moved = lines.remove(line);
            lines.push(moved);
        }
        _ => double_section(lines, argument),
    }
}

/// Replaces one of the numbers in a line.
fn with_number(line: &str, which: usize, to: &str) -> String {
    let mut runs: Vec<String> = Vec::new();
    let mut digits = None;
    for c in line.chars() {
        if digits != Some(c.is_ascii_digit()) {
            runs.push(String::new());
            digits = Some(c.is_ascii_digit());
        }
        if let Some(run) = runs.last_mut() {
            run.push(c);
        }
    }
    let is_number = |run: &String| run.starts_with(|c: char| c.is_ascii_digit());
    let numbers: Vec<usize> = (0..runs.len()).filter(|i| is_number(&runs[*i])).collect();
    if !numbers.is_empty() {
        runs[numbers[which % numbers.len()]] = to.to_owned();
    }
    runs.concat()
}

fn double_section(lines: &mut Vec<String>, which: usize) {
    let is_media = |line: &String| line.starts_with("m=");
    let starts: Vec<usize> = (0..lines.len()).filter(|i| is_media(&lines[*i])).collect();
    if starts.is_empty() {
        return;
    }
    let start = starts[which % starts.len()];
    let end = starts.iter().copied().find(|at| *at > start);
    let section = lines[start..end.unwrap_or(lines.len())].to_vec();
    lines.extend(section);
}
