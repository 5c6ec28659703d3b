//! Recordings of both kinds, of what happens in a world.

use tsuji_core::trace::{
    DecisionsReplay, Decoder, Header, Item, Kind, Reading, Recorder, Replay, Secrets, frame, seal,
};
use tsuji_core::{Input, LocalAddress, Output, Sfu, Time, Transport};

use super::{SEED, certificate, epoch, limits, server};

/// Bytes of decisions that are kept: all of them.
const DECISIONS: usize = 64 * 1024 * 1024;
/// One input in so many is recorded: replaying costs about as much again.
const ONE_IN: u32 = 16;

/// Whether what this input does is to be recorded and replayed.
pub(super) fn is_chosen(data: &[u8]) -> bool {
    let sum = data.iter().fold(0u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    });
    (sum ^ sum >> 16).is_multiple_of(ONE_IN)
}

/// What is recorded.
pub(crate) struct Tape {
    recorder: Recorder,
    hermetic: bool,
}

impl Tape {
    /// Of an `Sfu` to which nothing has happened yet.
    pub(super) fn new(sfu: &mut Sfu) -> Self {
        sfu.keep_decisions(SEED, DECISIONS);
        Self {
            recorder: Recorder::new(&[address()]),
            hermetic: sfu.is_hermetic(),
        }
    }

    pub(super) fn begin(&mut self, t: Time, input: &Input<'_>) {
        self.recorder.begin(t, input);
    }

    pub(super) fn output(&mut self, output: &Output) {
        self.recorder.output(output);
    }

    /// The full trace, as a file.
    pub(crate) fn full(self) -> Vec<u8> {
        let header = Header {
            build: "fuzz".to_owned(),
            kind: Kind::Full,
            shard: 0,
            segment: 0,
            hermetic: self.hermetic,
            epoch: epoch(),
            addresses: vec![address()],
            limits: limits(),
            secrets: Some(Secrets {
                seed: SEED,
                certificate: certificate(),
            }),
        };
        file(&header, self.recorder.finish().bytes)
    }

    /// See [`World::check_recordings`](super::World::check_recordings).
    pub(super) fn check(self, sfu: &mut Sfu) {
        replay_decisions(&decisions(sfu));
        if self.hermetic {
            replay_bytes(&self.full());
        }
    }
}

/// The trace of decisions, as a file.
pub(crate) fn decisions(sfu: &mut Sfu) -> Vec<u8> {
    sfu.flush_decisions();
    let ring = sfu.decisions().expect("decisions are kept");
    let blocks = ring.blocks().flat_map(|block| block.bytes.iter().copied());
    file(&sfu.decisions_header("fuzz".to_owned()), blocks.collect())
}

fn file(header: &Header, mut frames: Vec<u8>) -> Vec<u8> {
    seal(&mut frames);
    let mut file = header.to_bytes();
    file.extend(frames);
    file
}

fn address() -> LocalAddress {
    LocalAddress {
        transport: Transport::Udp,
        socket: server(),
        advertised: server(),
    }
}

fn replay_bytes(file: &[u8]) {
    let (header, taken) = Header::parse(file).expect("a header that was just written");
    let mut replay = Replay::new(&header).expect("a whole trace");
    let mut decoder = Decoder::new(&header);
    let mut rest = &file[taken..];
    while let Some((frame, length)) = frame(rest).expect("frames that were just written") {
        rest = &rest[length..];
        let item = decoder.decode(frame).expect("a frame that can be read");
        if let Some(Item::Input(record)) = item
            && let Err(divergence) = replay.step(&record)
        {
            panic!("the replay differs: {divergence}");
        }
    }
    assert!(rest.is_empty(), "{} bytes are no frame", rest.len());
}

fn replay_decisions(file: &[u8]) {
    let (header, taken) = Header::parse(file).expect("a header that was just written");
    let mut replay = DecisionsReplay::new(&header);
    let mut rest = &file[taken..];
    while let Some((frame, length)) = frame(rest).expect("frames that were just written") {
        rest = &rest[length..];
        let reading = replay.load(frame);
        let is_gap = matches!(reading, Ok(Reading::Gap { .. }));
        assert!(reading.is_ok() && !is_gap, "{reading:?}");
        loop {
            match replay.step() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(odd) => panic!("the replay of decisions differs: {odd}"),
            }
        }
    }
    assert!(rest.is_empty(), "{} bytes are no frame", rest.len());
}
