//! Trace files that anybody may have written, read and replayed.
//!
//! If the first byte of the input is even, the rest is a file. If it is odd, the rest is a list of
//! changes to a real recording of somebody who enters, answers and connects: where (two bytes) and
//! what to put there, or, from 200 on, how far to move what is behind. The checksums are made right
//! again, so that what lies behind them is reached.

use std::sync::OnceLock;

use arbitrary::Unstructured;
use tsuji_core::trace::{
    Decoder, FRAME_BYTES, Header, Item, Kind, Recorder, Replay, Secrets, frame, seal,
};
use tsuji_core::{Command, Datagram, IceMode, Input, Limits, LocalAddress, Negotiation};
use tsuji_core::{Notice, Output, ParticipantId, RoomId, Sfu, Time, WallTime};

use crate::world::{Client, certificate, server, sfu};

const CHANGES: usize = 60;
/// More makes an input slow and nothing new.
const INPUTS: usize = 300;

/// See the module.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    if kind.is_multiple_of(2) {
        read(rest);
    } else {
        read(&changed(recording(), rest));
    }
}

fn read(file: &[u8]) {
    let Ok((header, taken)) = Header::parse(file) else {
        return;
    };
    assert!(taken <= file.len());
    let mut replay = Replay::new(&header).ok();
    let mut decoder = Decoder::new(&header);
    let mut rest = &file[taken..];
    let mut inputs = 0;
    while let Ok(Some((frame, length))) = frame(rest) {
        assert!(length > 0 && length <= FRAME_BYTES);
        rest = &rest[length..];
        let before = (decoder.now(), decoder.inputs());
        let Ok(item) = decoder.decode(frame) else {
            return;
        };
        assert!((decoder.now(), decoder.inputs()) >= before);
        let (Some(Item::Input(record)), Some(replay)) = (item, &mut replay) else {
            continue;
        };
        inputs += 1;
        if inputs > INPUTS {
            return;
        }
        // A difference is what is to be expected of a file that was tampered with.
        if let Err(divergence) = replay.step(&record) {
            assert!(!divergence.to_string().is_empty());
        }
    }
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

/// A real recording, the same for the life of the process.
fn recording() -> &'static [u8] {
    static RECORDING: OnceLock<Vec<u8>> = OnceLock::new();
    RECORDING.get_or_init(record)
}

fn record() -> Vec<u8> {
    let mut studio = Studio {
        sfu: sfu(Limits::default()),
        recorder: Recorder::new(&[address()]),
        client: Client::new(Time::ZERO, 1, &certificate()),
        now: Time::ZERO,
    };
    let participant = ParticipantId(1);
    studio.take(Input::Command(Command::Enter {
        room: RoomId(1),
        participant,
        ice: IceMode::Vanilla,
    }));
    for _ in 0..60 {
        studio.now = Time::from_micros(studio.now.as_micros() + 10_000);
        studio.client.timeout(studio.now);
        studio.client.send_sound(studio.now);
        studio.take(Input::Timeout);
        studio.deliver();
    }
    studio.take(Input::Command(Command::Leave { participant }));
    let mut frames = studio.recorder.finish().bytes;
    seal(&mut frames);
    let mut file = header(&studio.sfu).to_bytes();
    file.extend(frames);
    file
}

fn address() -> LocalAddress {
    LocalAddress {
        socket: server(),
        advertised: server(),
    }
}

fn header(sfu: &Sfu) -> Header {
    Header {
        build: "fuzz".to_owned(),
        kind: Kind::Full,
        shard: 0,
        segment: 0,
        hermetic: sfu.is_hermetic(),
        epoch: WallTime::from_unix_micros(1_750_000_000_000_000),
        addresses: vec![address()],
        limits: Limits::default(),
        secrets: Some(Secrets {
            seed: [7; 32],
            certificate: certificate(),
        }),
    }
}

/// A core that is recorded, and a client.
struct Studio {
    sfu: Sfu,
    recorder: Recorder,
    client: Client,
    now: Time,
}

impl Studio {
    fn take(&mut self, input: Input<'_>) {
        self.recorder.begin(self.now, &input);
        self.sfu.handle(self.now, input);
        let mut answers = Vec::new();
        while let Some(output) = self.sfu.poll() {
            self.recorder.output(&output);
            match output {
                Output::Transmit(transmit) => {
                    let from = transmit.local;
                    self.client.receive(self.now, from, &transmit.payload);
                }
                Output::Notice(Notice::Offer { sdp, publish, .. }) => {
                    answers.push(self.client.answer(self.now, &sdp, &publish));
                }
                Output::Notice(_) => {}
            }
        }
        self.recorder.end();
        for sdp in answers {
            self.take(Input::Command(Command::Answer {
                participant: ParticipantId(1),
                negotiation: Negotiation(1),
                sdp,
            }));
        }
    }

    fn deliver(&mut self) {
        for payload in std::mem::take(&mut self.client.outbox) {
            self.take(Input::Datagram(Datagram {
                local: server(),
                remote: self.client.address,
                payload: &payload,
            }));
        }
    }
}
